"""What several test files share: few threads, small data sets from the offline sample and their cache on disk, a browser."""

import os
import subprocess
import sys

import pytest
import torch

from stn_tutorial.training import data, offline

torch.set_num_threads(1)  # the tests' tensors are tiny, and one thread is as many as a test of bits may rely on


@pytest.fixture(scope="session")
def sample_arrays():
    """The offline sample of MNIST as plain arrays."""
    return offline.mnist_sample()


@pytest.fixture(scope="session")
def digits(sample_arrays) -> data.Dataset:
    """The offline sample of MNIST: 4,000 + 1,000 real digits."""
    return data.from_arrays("mnist", sample_arrays)


@pytest.fixture(scope="session")
def shapes() -> data.Dataset:
    """What stands in for CIFAR-10 where there is none: 60 + 100 drawn shapes."""
    return data.from_arrays("cifar10", offline.shapes_sample(60, 100))


@pytest.fixture(scope="session")
def few_digits(digits) -> data.Dataset:
    """Enough digits for a training of seconds."""
    return digits.subset(256, 96)


@pytest.fixture(scope="session")
def small_arrays(sample_arrays):
    """A data set of 320 + 100 digits as plain arrays, for caches that are written, damaged and read."""
    arrays = {key: sample_arrays[key][: 320 if "train" in key else 100] for key in data.ARRAYS}
    return arrays | {"source": sample_arrays["source"]}


@pytest.fixture
def root(tmp_path, small_arrays):
    """A data root with a small prepared cache of MNIST in it."""
    data.write_cache(tmp_path / "data" / "mnist.npz", small_arrays)
    return tmp_path / "data"


@pytest.fixture
def python(tmp_path):
    """Run Python in a process of its own: python("-c", code, STN_DATA=...) -> the finished process, output as text."""

    def run(*arguments, timeout=120, **environment):
        variables = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        variables |= {"OMP_NUM_THREADS": "1"} | {key: str(value) for key, value in environment.items()}
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=timeout)

    return run


@pytest.fixture(scope="module")
def chromium():
    """A real Chromium; where none is installed the test is skipped (`.ci/run` installs it)."""
    from browser import CHROMIUM, CHROMIUM_OPTIONS
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()
