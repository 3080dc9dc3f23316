"""What becomes of a training in two processes when one of them is killed? At five random moments, and then gone on with.

    python benchmarks/killed.py [MOMENT ...]

A small training of the paper's ST-CNN is run through once. Then it is started again and again: in a random step a random one of the two processes
is killed, somewhere in the fiftieth of a second after that step has begun, and the same command is given once more. MOMENT: which to try, 0 to 4, and
to add to what is recorded; all five, and a new record, unless told. Prints a table and writes benchmarks/results/killed.json: how long the job
lived on, and how far the numbers in the end are from those of the training that nobody disturbed. Fails where a job lives for 30 s or says nothing.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

from stn_tutorial.__main__ import main as command_line
from stn_tutorial.device import device_name
from stn_tutorial.networks import models
from stn_tutorial.training.data import ARRAYS, load, write_cache
from stn_tutorial.training.distortions import DISTORTIONS, RandomRotation
from stn_tutorial.training.experiment import Experiment
from stn_tutorial.training.experiments import EXPERIMENTS
from stn_tutorial.training.processes import OTHERS_LOST
from stn_tutorial.training.recipe import Recipe

RESULTS = Path(__file__).parent / "results" / "killed.json"
SMALL = Experiment("mnist-r/killed", models.paper_st_cnn, Recipe(epochs=5, batch_size=64), "mnist", "deadly")
IMAGES, STEPS = 960, 75
LONGEST = 30  # seconds that a job may live on


class Deadly(RandomRotation):
    """Turns digits, and in a step that the environment names has this process killed some time later."""

    drawn = 0

    def __call__(self, images, generator):
        Deadly.drawn += len(images) == SMALL.recipe.batch_size  # not the test images
        if str(Deadly.drawn) == os.environ.get("DIES_IN") and os.environ["RANK"] == os.environ["DIES"]:
            threading.Timer(float(os.environ["DIES_AFTER"]), die).start()
        return super().__call__(images, generator)


def die() -> None:
    """Note that it is time, and be killed."""
    Path(os.environ["DIES_NOTED"]).touch()
    os.kill(os.getpid(), signal.SIGKILL)


def train(root: Path, data: Path, **environment: str) -> tuple[int, str]:
    """The training in two processes, recorded below `root`: how it ended, and what it said."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment |= {"STN_DATA": str(data), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [*torchrun, __file__, "work", str(root)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=100 * LONGEST)
    return done.returncode, done.stderr


def history_of(root: Path) -> list[dict]:
    return json.loads((root / SMALL.name / "seed-0" / "run.json").read_text())["history"]


def killed_once(root: Path, data: Path, step: int, rank: int, later: float, whole: list[dict]) -> dict:
    """Kill a process in a step, and give the command again: what came of it, beside the training that was left alone."""
    root.mkdir()
    noted = root / "killed"
    dies = {"DIES_IN": str(step), "DIES": str(rank), "DIES_AFTER": str(later), "DIES_NOTED": str(noted)}
    status, said = train(root, data, **dies)
    lived_on = time.time() - noted.stat().st_mtime
    checkpoint = root / SMALL.name / "seed-0" / "checkpoint.pt"
    epochs = len(torch.load(checkpoint, weights_only=True)["history"]) if checkpoint.exists() else 0
    again, error = train(root, data)
    assert again == 0, error
    last, theirs = history_of(root)[-1], whole[-1]
    return {
        "step": step,
        "rank": rank,
        "seconds_the_job_lived_on": lived_on,
        "said": status != 0 and OTHERS_LOST in said and "Signal 9 (SIGKILL)" in said,
        "epochs_kept": epochs,
        "difference_of_train_loss": abs(last["train_loss"] - theirs["train_loss"]),
        "difference_of_test_error": abs(last["test_error_percent"] - theirs["test_error_percent"]),
    }


def main(wanted: list[int]) -> None:
    draw = random.Random(2)
    moments = [(draw.randint(1, STEPS), draw.randrange(2), 0.02 * draw.random()) for _ in range(5)]
    record = json.loads(RESULTS.read_text()) if RESULTS.exists() and wanted else {"rows": []}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        digits = load("mnist").subset(IMAGES, 200)
        arrays = {key: getattr(digits, key).numpy() for key in ARRAYS}
        arrays |= {key: arrays[key][:, 0] for key in ("train_images", "test_images")}
        write_cache(folder / "data" / "mnist.npz", arrays | {"source": digits.source})
        (folder / "whole").mkdir()
        status, error = train(folder / "whole", folder / "data")
        assert status == 0, error
        print(
            f"| killed in step (of {STEPS}) | process | epochs kept | the job ended after s | loss differs by | test error % by |"
        )
        print("|---:|---:|---:|---:|---:|---:|")
        for k in wanted or range(5):
            row = killed_once(folder / str(k), folder / "data", *moments[k], history_of(folder / "whole"))
            record["rows"].append(row)
            print(
                f"| {row['step']} | {row['rank']} | {row['epochs_kept']} | {row['seconds_the_job_lived_on']:.1f} "
                f"| {row['difference_of_train_loss']:.1e} | {row['difference_of_test_error']:.2f} |",
                flush=True,
            )
    assert all(row["said"] and row["seconds_the_job_lived_on"] < LONGEST for row in record["rows"])
    record |= {"device": device_name(torch.device("cpu")), "torch": torch.__version__, "steps": STEPS}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        DISTORTIONS["deadly"], EXPERIMENTS[SMALL.name] = Deadly, SMALL
        command_line(["train", SMALL.name, "--seeds", "0", "--root", sys.argv[2]])
    else:
        main([int(number) for number in sys.argv[1:]])
