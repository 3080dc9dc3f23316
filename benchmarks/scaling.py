"""Are two processes one, and what do they gain? The same training in one process and in two, started by torchrun.

    python benchmarks/scaling.py equal
    python benchmarks/scaling.py weak [ROUNDS]

"equal": the loss of each of 100 steps in two processes beside that in one, and, since rounding grows from step to step, the loss of one
process on two threads beside it on one, too: nothing but rounding tells those apart. "weak": each process gets 128 images a step and one
thread, whatever their number; the efficiency is the step's time in one process by that in two. Beside it, one process with the 256 images of
both and two threads. They take turns, and a step is the whole one: distortion, forward, backward, sum over the processes, optimiser. Each prints a table and its part of benchmarks/results/scaling.json.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch

from stn_tutorial.device import device_name
from stn_tutorial.networks import models
from stn_tutorial.training.data import load
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.processes import first, joined, summed
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "scaling.json"
STEPS, EACH = 100, 128
NETS = {
    "paper_fcn": partial(models.paper_fcn, hidden=64),
    "paper_st_fcn": partial(models.paper_st_fcn, hidden=64),
    "paper_st_cnn": models.paper_st_cnn,
    "deep_st_cnn": models.deep_st_cnn,
}
# a name -> net, recipe
TRAININGS = {
    "FCN, Adam": ("paper_fcn", Recipe(batch_size=64, lr=1e-3)),
    "ST-FCN, Adam": ("paper_st_fcn", Recipe(batch_size=64, lr=1e-3)),
    "ST-CNN, Adam": ("paper_st_cnn", Recipe(batch_size=64, lr=1e-3)),
}


def trainer_of(net: str, recipe: Recipe, images: int) -> Trainer:
    """A training that is about to begin, on so many digits, turned by up to 90 degrees."""
    torch.manual_seed(0)
    data = load("mnist").subset(images, 100)
    return Trainer(NETS[net](), data, DISTORTIONS["r"](), recipe, seed=3, device=torch.device("cpu"))


def losses(net: str, recipe: Recipe) -> list[float]:
    """The loss of each of the first steps."""
    trainer, found = trainer_of(net, recipe, STEPS * recipe.batch_size), []
    with trainer.team.whole_batches():
        for batch in torch.arange(STEPS * recipe.batch_size).split(recipe.batch_size):
            found.append(float(summed(trainer.step(batch % len(trainer.images))[0])))
    return found


def step_ms(net: str, size: int, steps: int = 15) -> float:
    """Milliseconds of a step with so many images, the median of so many steps after three unmeasured ones."""
    taken: list[float] = []
    trainer = trainer_of(net, Recipe(batch_size=size, epochs=2 * steps), size)
    with trainer.team.whole_batches():
        for _ in range(steps + 3):
            start = time.perf_counter()
            trainer.step(torch.arange(size))
            taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken[3:])


def work(kind: str, threads: int, images: int) -> dict:
    """What one of the processes finds out."""
    torch.set_num_threads(threads)
    if kind == "equal":
        return {name: losses(*training) for name, training in TRAININGS.items()}
    return {net: step_ms(net, images) for net in ("paper_st_cnn", "deep_st_cnn")}


def started(kind: str, processes: int, threads: int = 1) -> dict:
    """Start this script in so many processes; what the first of them found."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
        images = str(EACH * processes * threads)
        command = [sys.executable, *torchrun, __file__, "work", kind, str(threads), images, str(file)]
        subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}, check=True)
        return json.loads(file.read_text())


def equal() -> dict:
    """The largest relative difference of a loss over 100 steps, of two processes and of two threads, from one."""
    one, other, two = started("equal", 1), started("equal", 1, threads=2), started("equal", 2)
    print("| 100 steps in float32 | two processes beside one | two threads beside one |\n|---|---:|---:|")
    found = {}
    for name in TRAININGS:
        found[name] = {
            which: [float(f"{abs(ours - theirs) / theirs:.1e}") for ours, theirs in zip(runs[name], one[name], strict=True)]
            for which, runs in (("processes", two), ("threads", other))
        }
        print(f"| {name} | {max(found[name]['processes']):.1e} | {max(found[name]['threads']):.1e} |")
    return found


def weak(rounds: int) -> dict:
    """Milliseconds of a step in one and in two processes, and the efficiency: medians over the rounds, with extremes."""
    ways = {"one": (1, 1), "two": (2, 1), "threads": (1, 2)}  # processes, threads of each
    taken = [{way: started("weak", *how) for way, how in ways.items()} for _ in range(rounds)]
    print(
        f"| {EACH} images for each | one process: ms a step | two | efficiency | one process on two threads, {2 * EACH} images |"
    )
    print("|---|---:|---:|---:|---:|")
    found = {}
    for net in taken[0]["one"]:
        ratios = [row["one"][net] / row["two"][net] for row in taken]
        found[net] = {way: statistics.median(row[way][net] for row in taken) for way in ways}
        found[net] |= {"efficiency": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
        line = "| {net} | {one:.1f} | {two:.1f} | {efficiency:.2f} ({least:.2f} to {most:.2f}) | {threads:.1f} |"
        print(line.format(net=net, **found[net]))
    return found


def main(kind: str, rounds: str = "3") -> None:
    found = equal() if kind == "equal" else weak(int(rounds))
    record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    record |= {"device": device_name(torch.device("cpu")), "torch": torch.__version__, kind: found}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "work":
        with joined():
            found = work(sys.argv[2], *map(int, sys.argv[3:5]))
            if first():
                Path(sys.argv[5]).write_text(json.dumps(found))
    else:
        main(*sys.argv[1:])
