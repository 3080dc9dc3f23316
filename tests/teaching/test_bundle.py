"""A bundle for a room without a network, with wheels of a few hundred bytes: the right ones for each computer, and none lost."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stn_tutorial.__main__ import main
from stn_tutorial.teaching import bundle, room, wheels
from stn_tutorial.teaching.wheels import Target, collect

LINUX, WINDOWS = Target("linux-x86_64", "3.12"), Target("windows-x86_64", "3.12")
BACKEND = """
import zipfile

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "course-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as file:
        place = "course-1.0.dist-info/"
        file.writestr(place + "METADATA", "Metadata-Version: 2.1\\nName: course\\nVersion: 1.0\\nProvides-Extra: notebooks\\n"
                      "Provides-Extra: site\\nProvides-Extra: offline\\nRequires-Dist: base; extra == 'site'\\n")
        file.writestr(place + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr(place + "RECORD", "")
    return name
"""
PROJECT = """\
[build-system]
requires = ["tool"]
build-backend = "backend"
backend-path = ["."]
[project]
name = "course"
dependencies = ["base[more]>=1"]
[project.optional-dependencies]
notebooks = []
site = ["base"]
offline = []
"""


def wheel(folder: Path, name: str, version: str, *needs: str, tag: str = "py3-none-any") -> None:
    """Write a wheel with nothing in it but what it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    place = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Provides-Extra: more"]
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as file:
        file.writestr(f"{place}/METADATA", "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs)]) + "\n")
        file.writestr(f"{place}/WHEEL", f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tag}\n")
        file.writestr(f"{place}/RECORD", "")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder of small wheels, and pip told by its own settings to look there and nowhere else."""
    folder = tmp_path / "shop"
    wheel(folder, "base", "1.0")
    wheel(
        folder,
        "base",
        "2.0",
        "colours; sys_platform == 'win32'",
        "fast; platform_system == 'Linux'",
        "extra_one; extra == 'more'",
    )
    wheel(folder, "colours", "1.0")
    wheel(folder, "fast", "1.0", "base", tag="cp312-cp312-manylinux_2_28_x86_64")
    wheel(folder, "fast", "2.0", "base", tag="cp311-cp311-manylinux_2_28_x86_64")
    wheel(folder, "extra_one", "1.0")
    wheel(folder, "tool", "1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def copied_from(shop: Path):
    """In place of pip: the newest wheel of that name, which a test may count and interrupt."""
    asked = []

    def fetch(line: str, target: Target, folder: Path) -> str:
        asked.append(line)
        if len(asked) == 3:
            raise KeyboardInterrupt
        found = sorted(shop.glob(f"{line.split('=')[0].split('>')[0].replace('-', '_')}-*.whl"))[-1]
        (folder / found.name).write_bytes(found.read_bytes())
        return found.name

    return asked, fetch


def test_each_kind_of_computer_gets_the_wheels_that_fit_it_and_all_that_those_need(shop, tmp_path, monkeypatch):
    pins = {"extra-one": "1.0"}
    linux = collect(["base[more]>=1"], pins, LINUX, tmp_path / "wheels", say=lambda line: None)
    assert linux == [
        "base-2.0-py3-none-any.whl",
        "extra_one-1.0-py3-none-any.whl",
        "fast-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    ]
    wheel(tmp_path / "cpu", "base", "2.0+cpu")  # a place that only the user's settings of pip know
    monkeypatch.setenv("PIP_FIND_LINKS", f"{shop} {tmp_path / 'cpu'}")
    small = collect(["base"], {"base": "2.0"}, LINUX, tmp_path / "small", say=lambda line: None)
    assert small == ["base-2.0+cpu-py3-none-any.whl"]
    windows = collect(["base<2"], {}, WINDOWS, tmp_path / "wheels", say=lambda line: None)
    assert windows == ["base-1.0-py3-none-any.whl"]
    with pytest.raises(ValueError, match="fast==2.0 for linux-x86_64-python-3.12: .*fast==2.0.* run the same command again"):
        collect(["fast"], {"fast": "2.0"}, LINUX, tmp_path / "wheels", say=lambda line: None)
    with pytest.raises(ValueError, match="base<2 is needed, and base 2.0.* was chosen before"):
        collect(["base", "base<2"], {}, WINDOWS, tmp_path / "wheels", say=lambda line: None)


def test_an_interrupted_bundle_goes_on_and_fetches_nothing_twice(shop, tmp_path, monkeypatch):
    asked, fetch = copied_from(shop)
    monkeypatch.setattr(wheels, "fetch", fetch)
    monkeypatch.setattr(wheels, "AT_ONCE", 1)
    folder, said = tmp_path / "wheels", []
    roots = ["tool", "base[more]"]
    with pytest.raises(KeyboardInterrupt):
        collect(roots, {}, LINUX, folder, said.append)
    (folder / f"{wheels.PARTIAL}killed").mkdir()
    (folder / "tool-1.0-py3-none-any.whl").unlink()  # somebody tidied up too much
    found = collect(roots, {}, LINUX, folder, said.append)
    assert asked == ["tool", "base", "fast", "tool", "fast", "extra-one"] and len(found) == 4
    assert collect(roots, {}, LINUX, folder, said.append) == found and len(asked) == 6
    assert sorted(path.name for path in folder.iterdir()) == sorted([*found, f"{LINUX.name}.json"])


@pytest.fixture
def checkout(tmp_path, root, monkeypatch):
    """A small project with data, its site, and things that belong to nobody's bundle."""
    folder = tmp_path / "project"
    files = {
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND,
        "constraints.txt": "# pins\nbase==2.0\n",
        "notebooks/01.ipynb": "{}",
        "data/runs/a/run.json": "{}",
        "build/site/index.html": "<p>",
    }
    junk = [
        "data/runs/a/checkpoint.pt",
        "data/mine.npz",
        ".git/x",
        ".venv/x",
        "build/old/x",
        "notebooks/__pycache__/x",
        "x.egg-info/y",
    ]
    for name, text in (files | dict.fromkeys(junk, "junk")).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("STN_DATA", str(root))
    return folder


def test_a_bundle_holds_the_course_the_data_and_the_site_and_nothing_of_the_machine(shop, checkout, monkeypatch):
    monkeypatch.setattr(wheels, "fetch", copied_from(shop)[1])
    target = checkout / "room"  # within the project itself: it must not swallow itself
    with pytest.raises(KeyboardInterrupt):
        bundle.make_bundle(target, LINUX, ["mnist"], checkout)
    for _ in range(2):
        line = bundle.make_bundle(target, LINUX, ["mnist"], checkout)
    assert "4 wheels for linux-x86_64-python-3.12, data: mnist, with the site" in line
    course = {str(path.relative_to(target / "course")) for path in (target / "course").rglob("*") if path.is_file()}
    wanted = {"pyproject.toml", "backend.py", "constraints.txt", "notebooks/01.ipynb", "data/runs/a/run.json", "data/mnist.npz"}
    assert course == wanted | {"build/site/index.html"}
    assert LINUX.name in (target / "README.md").read_text(encoding="utf-8")


def test_data_that_are_not_here_are_named_with_their_size_and_what_to_do(checkout):
    with pytest.raises(
        ValueError, match=r"no .*cifar10.npz: `python -m stn_tutorial data cifar10` fetches it, about 170 MB; or .*--data mnist"
    ):
        bundle.make_bundle(checkout / "room", LINUX, ["mnist", "cifar10"], checkout)
    assert not (checkout / "room").exists()
    with pytest.raises(ValueError, match="from a copy of the project's repository"):
        bundle.make_bundle(checkout / "room", LINUX, [], checkout / "nothing")
    for options, words in (
        (["--platform", "amiga"], "platform must be one of linux-x86_64"),
        (["--python-version", "3"], "3.11 or later"),
    ):
        with pytest.raises(SystemExit, match=f"^error: .*{words}"):
            main(["bundle", str(checkout / "room"), *options])


def test_what_was_bundled_is_installed_without_a_network_and_again_after_an_interruption(tmp_path):
    folder, here = tmp_path / "room", Path(room.__file__).read_text(encoding="utf-8")
    wheel(folder / "wheels", "base", "2.0")
    wheel(folder / "wheels", "tool", "1.0")
    (folder / "course").mkdir()
    (folder / "install.py").write_text(here, encoding="utf-8")
    for name, text in {
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND,
        "constraints.txt": "base==2.0\n",
        "n.ipynb": "{}",
    }.items():
        (folder / "course" / name).write_text(text, encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "n.ipynb").write_text("solved", encoding="utf-8")  # a second run leaves what a learner wrote
    done = subprocess.run([sys.executable, folder / "install.py", "mine"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "make lab" in done.stdout and (tmp_path / "mine" / ".venv" / ".installed").exists()
    assert (tmp_path / "mine" / "n.ipynb").read_text(encoding="utf-8") == "solved"
    places = list((tmp_path / "mine" / ".venv").rglob("*.dist-info"))
    assert {place.name for place in places} >= {"course-1.0.dist-info", "base-2.0.dist-info"}
