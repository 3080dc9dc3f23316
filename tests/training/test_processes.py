"""Several processes, for real: two give the numbers of one, one dies and the job ends with a sentence, another number goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import several
import torch

from stn_tutorial.__main__ import main
from stn_tutorial.training import processes, runs
from stn_tutorial.training.data import from_arrays
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.experiments import EXPERIMENTS
from stn_tutorial.training.processes import OTHERS_LOST

SCRIPT = Path(__file__).with_name("several.py")
pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch trains in one process only")


def start_two(*arguments, data: Path) -> subprocess.CompletedProcess:
    """Run several.py in two processes, as torchrun does; its output as text."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"STN_DATA": str(data), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [*torchrun, str(SCRIPT), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=900
    )


def test_two_processes_give_the_numbers_of_one(root, small_arrays, tmp_path):
    done = start_two("numbers", tmp_path / "two.pt", data=root)
    assert done.returncode == 0, done.stderr
    data, found = from_arrays("mnist", small_arrays), torch.load(tmp_path / "two.pt", weights_only=True)
    assert found["losses"] == pytest.approx(several.losses(data), rel=1e-5) and len(found["losses"]) == 100
    alone, together = several.numbers(data), found["trained"]
    assert list(alone) == list(together)
    for name, one in alone.items():
        two = together[name]
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-5), name
        assert two["errors"] == pytest.approx(one["errors"], abs=0.01), name
        torch.testing.assert_close(two["weights"], one["weights"], rtol=1e-4, atol=1e-4, msg=name)
        assert two["nan_thetas"] == one["nan_thetas"], name
    assert alone["thetas that are no numbers"]["nan_thetas"] > 0


def history_of(root: Path) -> list[dict]:
    return json.loads((root / several.TINY.name / "seed-0" / "run.json").read_text())["history"]


def test_a_process_that_dies_ends_the_job_and_one_alone_goes_on(root, tmp_path, monkeypatch):
    died = start_two("die", tmp_path / "died", 0, data=root)
    assert died.returncode != 0
    assert OTHERS_LOST in died.stderr and "Signal 9 (SIGKILL)" in died.stderr
    folder = tmp_path / "died" / several.TINY.name / "seed-0"
    assert [path.name for path in folder.iterdir()] == ["checkpoint.pt"]
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.setattr(runs, "best_device", lambda: torch.device("cpu"))
    monkeypatch.setitem(DISTORTIONS, "deadly", several.Deadly)
    monkeypatch.setitem(EXPERIMENTS, several.TINY.name, several.TINY)
    for where in ("died", "whole"):
        main(["train", several.TINY.name, "--seeds", "0", "--root", str(tmp_path / where)])
    resumed, whole = (history_of(tmp_path / where) for where in ("died", "whole"))
    for ours, theirs in zip(resumed, whole, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-4)
        assert ours["test_error_percent"] == pytest.approx(theirs["test_error_percent"], abs=1)


def test_a_process_that_is_busy_when_another_dies_says_the_sentence_all_the_same(root, tmp_path):
    died = start_two("die", tmp_path, 20, data=root)  # torchrun asks it to end before it misses the other
    assert died.returncode != 0 and f"error: {OTHERS_LOST}" in died.stderr


def test_a_process_that_waits_in_vain_for_another_says_the_sentence(monkeypatch):
    def gone(backend):
        raise torch.distributed.DistNetworkError("nobody came")

    monkeypatch.setattr(torch.distributed, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(torch.distributed, "init_process_group", gone)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    usual = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ConnectionError, match="was lost or told to stop"), processes.joined():
        raise AssertionError("it cannot begin alone")
    signal.signal(signal.SIGTERM, usual)


def test_one_process_knows_nothing_of_it(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with processes.joined():
        assert processes.first() and not processes.several()
        assert processes.from_first(lambda: "made here") == "made here"
        assert processes.summed(torch.ones(2)).tolist() == [1, 1]
