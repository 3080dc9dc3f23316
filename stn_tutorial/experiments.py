"""The named, reproducible runs, and the tables made from what they recorded.

A run is a folder <runs>/<experiment>/seed-<k>/ with run.json (numbers and how they were got) and, for a net with a
transformer, theta.npz (theta of 64 fixed test images along the training).
"""

import fnmatch
import io
import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .data import load
from .distortions import DISTORTIONS
from .files import short_reason, write_atomically
from .metrics import pose_report
from .models import paper_cnn, paper_cnn_control, paper_fcn, paper_st_cnn, paper_st_fcn, parameters_of
from .training import Recipe, best_device, evaluate, find_transformer, fit
from .transforms import Affine, Rotation


@dataclass(frozen=True)
class Experiment:
    """A named training: data set, distortion, how to build the net, how to train it, and the paper's error if it has one."""

    name: str
    build: Callable[[], nn.Module]
    recipe: Recipe
    data: str = "mnist"
    distortion: str = "r"
    paper_error_percent: float | None = None


CNN_RECIPE = Recipe(epochs=70, batch_size=256, lr=4e-3, weight_decay=0.1, precision="bfloat16")
FCN_RECIPE = Recipe(epochs=200, batch_size=256, lr=2e-3, precision="bfloat16")

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("mnist-r/fcn", paper_fcn, FCN_RECIPE, paper_error_percent=2.1),
        Experiment("mnist-r/st-fcn-affine", lambda: paper_st_fcn(Affine()), FCN_RECIPE, paper_error_percent=1.2),
        Experiment("mnist-r/cnn", paper_cnn, CNN_RECIPE, paper_error_percent=1.2),
        Experiment("mnist-r/cnn-control", paper_cnn_control, CNN_RECIPE),
        Experiment("mnist-r/st-cnn-affine", lambda: paper_st_cnn(Affine()), CNN_RECIPE, paper_error_percent=0.7),
        Experiment("mnist-r/st-cnn-rotation", lambda: paper_st_cnn(Rotation()), CNN_RECIPE),
    )
}


def matching(pattern: str) -> list[Experiment]:
    """The experiments whose name matches a pattern such as 'mnist-r/*'; a ValueError if there is none."""
    found = [experiment for name, experiment in EXPERIMENTS.items() if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise ValueError(f"no experiment is called {pattern!r}; there are: {', '.join(EXPERIMENTS)}")
    return found


def experiment_called(name: str) -> Experiment:
    """The experiment of this very name; a ValueError if there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment is called {name!r}; there are: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def runs_root() -> Path:
    """The recorded runs: data/runs of a checkout, or the copy that was installed with the package."""
    checkout = Path(__file__).resolve().parent.parent / "data" / "runs"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parent / "recorded"


def run_folder(name: str, seed: int, root: Path | None = None) -> Path:
    """Where the run of an experiment with a seed is recorded."""
    return (root or runs_root()) / name / f"seed-{seed}"


def run(experiment: Experiment, seed: int, root: Path | None = None, progress: bool = True) -> dict:
    """Train one experiment with one seed and record it; go on where an interrupted call left off.

    A run that is recorded already is only read. Returns the content of run.json.
    """
    folder = run_folder(experiment.name, seed, root)
    if (folder / "run.json").exists():
        return read_run(folder)
    data, device = load(experiment.data), best_device()
    distortion = DISTORTIONS[experiment.distortion]()
    torch.manual_seed(seed)
    model = experiment.build()
    training = fit(model, data, distortion, experiment.recipe, seed, device, folder=folder, progress=progress)
    test = evaluate(model, data, distortion, experiment.recipe, device)
    matrix = torch.eye(2, 3).expand(len(test["pose"]), 2, 3)  # a net without a transformer leaves the pose as it is
    if "theta" in test:
        matrix = find_transformer(model).family.matrix(test["theta"])
    record = {
        "experiment": experiment.name,
        "seed": seed,
        "command": f"python -m stn_tutorial train {experiment.name} --seeds {seed}",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "device": device_name(device),
        "data_source": data.source,
        "data_fingerprint": data.fingerprint,
        "parameters": parameters_of(model),
        "recipe": asdict(experiment.recipe),
        "epochs": experiment.recipe.epochs,
        "wall_seconds": round(training.wall_seconds, 1),
        "test_error_percent": training.history[-1]["test_error_percent"],
        "history": training.history,
        "pose": pose_report(test["pose"], matrix, test["labels"]),
    }
    if training.theta is not None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{key: value.numpy() for key, value in training.theta.items()})
        write_atomically(folder / "theta.npz", buffer.getvalue())
    write_atomically(folder / "run.json", (json.dumps(record, indent=1) + "\n").encode())
    (folder / "checkpoint.pt").unlink()
    return record


def device_name(device: torch.device) -> str:
    """The device in words a reader can compare his own with."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


# what the tables and notebooks read
RECORDED = ("experiment", "seed", "versions", "device", "data_source", "parameters", "recipe", "epochs", "wall_seconds")
RECORDED += ("test_error_percent", "pose")


def read_run(folder: Path) -> dict:
    """The content of a run's run.json; a ValueError that names the file if it cannot be read."""
    path = folder / "run.json"
    try:
        record = json.loads(path.read_text())
        missing = [key for key in RECORDED if key not in record]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"cannot read the recorded run {path}: {error}") from error
    if missing:
        raise ValueError(f"cannot read the recorded run {path}: it lacks {', '.join(missing)}")
    return record


def load_runs(name: str, root: Path | None = None) -> list[dict]:
    """All recorded runs of an experiment, by seed; an empty list if there is none, a ValueError for an unknown name."""
    folder = (root or runs_root()) / experiment_called(name).name
    runs = [read_run(path.parent) for path in folder.glob("seed-*/run.json")]
    return sorted(runs, key=lambda run: run["seed"])


def load_theta(name: str, seed: int = 0, root: Path | None = None) -> dict[str, torch.Tensor]:
    """The theta history of a recorded run: a dict of tensors as in `Training.theta`."""
    path = run_folder(experiment_called(name).name, seed, root) / "theta.npz"
    if not path.exists():
        raise ValueError(f"no theta is recorded for {name!r} with seed {seed}")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: torch.from_numpy(file[key]) for key in file.files}
    except Exception as error:  # a damaged archive can make a reader raise almost anything
        raise ValueError(f"cannot read the recorded theta {path}: {short_reason(error)}") from error


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1); the spread of a single value is NaN."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else float("nan")


TABLES = {"mnist-r": "mnist-r/*"}
COLUMNS = ("net", "paper %", "error %", "± over seeds", "seeds", "parameters", "epochs", "minutes", "pose before", "pose after")


def table(name: str, root: Path | None = None) -> str:
    """A table in Markdown, made from the recorded runs: last-epoch test error, mean and spread over seeds.

    "pose before" and "pose after" are the mean over classes of the circular spread of the angle, in degrees. A cell
    that is not recorded says so. Raises ValueError for an unknown table.
    """
    if name not in TABLES:
        raise ValueError(f"no table is called {name!r}; there are: {', '.join(TABLES)}")
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" + "|---:" * (len(COLUMNS) - 1) + "|"]
    sources: set[str] = set()
    for experiment in matching(TABLES[name]):
        runs = load_runs(experiment.name, root)
        sources |= {
            f"{r['data_source']}; {r['device']}; torch {r['versions']['torch']}; {r['recipe']['precision']}" for r in runs
        }
        lines.append("| " + " | ".join(table_row(experiment, runs)) + " |")
    return "\n".join(lines + [""] + [f"Measured on: {source}." for source in sorted(sources)])


def table_row(experiment: Experiment, runs: list[dict]) -> list[str]:
    """One row of `table`, cells as text."""
    name = experiment.name.split("/")[1]
    paper = "-" if experiment.paper_error_percent is None else f"{experiment.paper_error_percent:.1f}"
    if not runs:
        return [name, paper, "not recorded"] + ["-"] * (len(COLUMNS) - 3)
    error, spread = mean_and_spread([r["test_error_percent"] for r in runs])
    minutes = statistics.fmean(r["wall_seconds"] for r in runs) / 60
    pose = [statistics.fmean(r["pose"][f"mean_{when}_degrees"] for r in runs) for when in ("before", "after")]
    return [
        name,
        paper,
        f"{error:.2f}",
        "-" if len(runs) == 1 else f"{spread:.2f}",
        str(len(runs)),
        f"{runs[0]['parameters']:,}",
        str(runs[0]["epochs"]),
        f"{minutes:.1f}",
        f"{pose[0]:.1f}",
        f"{pose[1]:.1f}",
    ]
