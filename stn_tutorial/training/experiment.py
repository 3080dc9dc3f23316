"""One named training, and where it is recorded."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ..arguments import path_of
from .recipe import Recipe

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Experiment:
    """A named training: data set, distortion, how to build the net, how to train it, and the paper's error if it has one."""

    name: str
    build: Callable[[], nn.Module]
    recipe: Recipe
    data: str = "mnist"
    distortion: str = "r"
    paper_error_percent: float | None = None
    elsewhere: tuple[str, ...] = ()  # distortions, never seen in the training, on which the trained net is tested too
    train_images: int | None = None  # how many of the training images are used; None: all
    pairs: bool = False  # of digits, the class being their sum (`addition.in_pairs`)


def runs_root() -> Path:
    """The recorded runs: data/runs of a checkout, or the copy that was installed with the package."""
    checkout = PACKAGE.parent / "data" / "runs"
    return checkout if checkout.is_dir() else PACKAGE / "recorded"


def records(root: Path | str | None) -> Path:
    """The folder of the recorded runs: `root`, wherever Python runs later, or `runs_root()` for None."""
    return runs_root() if root is None else path_of("root", root).absolute()


def published(name: str) -> list[dict[str, float]]:
    """A published log from data/published, one dict an epoch: epoch, test_loss, test_error_percent.

    Raises ValueError for an unknown name.
    """
    checkout = PACKAGE.parent / "data" / "published"
    folder = checkout if checkout.is_dir() else PACKAGE / "published"
    if not (folder / f"{name}.csv").exists():
        raise ValueError(
            f"no published log is called {name!r}; there are: {', '.join(sorted(p.stem for p in folder.glob('*.csv')))}"
        )
    with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def run_folder(name: str, seed: int, root: Path | str | None = None) -> Path:
    """Where the run of an experiment with a seed is recorded."""
    return records(root) / name / f"seed-{seed}"
