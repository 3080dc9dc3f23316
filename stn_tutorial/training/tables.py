"""The tables of README and notebooks, made from the recorded runs."""

import statistics
import warnings
from itertools import chain
from pathlib import Path

from ..networks.watching import find_transformer
from .cells import error_text, markdown, mean_and_spread, mean_text, paper_text
from .experiment import Experiment, published
from .experiments import PAPER_ERRORS, PAPER_TASKS, SIDES, experiment_called, matching
from .metrics import out_of_frame_fraction, scale_of
from .runs import load_floor, load_runs, load_theta
from .team_tables import PLACED_FOLDER, TEAMS

DETAILS = ("net", "paper %", "error %", "± over seeds", "seeds", "parameters", "epochs", "minutes")
DETAILS += ("angle before °", "angle after °", "corners before px", "corners after px")
PAPER_TABLE, PAPER_CELLS = "paper-table-1", "paper-table-1-cells"
BLOCKS = "cifar10-seed-blocks"
CIFAR10 = ("cifar10", "cifar10-r", "cifar10-rts")
STILLNESS, DOOR = "stillness", "door"
TABLES = (DOOR, STILLNESS, PAPER_TABLE, PAPER_CELLS, *(f"mnist-{task}" for task in SIDES), *TEAMS, *CIFAR10, BLOCKS)
WHOLE = (DOOR, PAPER_TABLE, PAPER_CELLS, *TEAMS, BLOCKS)  # tables that have no parts
CHANCE = 89.5  # an error in per cent, no better than a guess among ten classes of equal size
ACCURACY = ("net", "accuracy %", "± over seeds", "training %", "best epoch %", "seeds", "parameters", "epochs", "minutes")
ACCURACY += ("scale", "outside %", "turned %")


def table(name: str, root: Path | None = None, nets: str = "*") -> str:
    """A table in Markdown, made from the recorded runs: last-epoch test error or accuracy, mean and spread over seeds.

    nets: a pattern such as "seed*" for a part of the rows, for the stillness table of whole names such as "mnist-r/*"; the
    paper's table, the door's, the teams' and the blocks have no parts. "cifar10/seed*" as a name says both.

    "angle" is the mean over classes of the circular spread of the angle, in degrees; "corners" how far the frame's corners
    stray within a class, in pixels (`metrics.pose_report`; under E those of a square half as wide); both before and after
    the transformer. What is not recorded is named. For CIFAR-10 "training" is the accuracy on the training images of the
    last epoch as they were met, distorted and under dropout, "best epoch" is chosen on the test set, "scale" is how large
    the transformer's window is, "outside" how much of it lies beyond the image (mean over 64 test images and seeds), and
    "turned" the accuracy on images turned by up to 90 degrees of a net that never saw one. Raises ValueError for an unknown
    table or a pattern that no net matches.

    >>> table("mnist-r").splitlines()[0].split(" | ")[:3]
    ['| net', 'paper %', 'error %']
    """
    name, _, part = name.partition("/") if isinstance(name, str) else ("", "", "")
    nets = part or nets
    if not name or name not in TABLES:
        raise ValueError(f"no table is called {name!r}; there are: {', '.join(TABLES)}")
    if nets != "*" and name in WHOLE:
        raise ValueError(f"the table {name} has no parts, got {nets!r}")
    if name == PAPER_TABLE:
        return paper_table(root)
    if name == PAPER_CELLS:
        return paper_cells(root)
    if name == BLOCKS:
        return seed_blocks(root)
    if name in TEAMS:
        return TEAMS[name](root)
    if name == STILLNESS:
        return stillness_table(root, nets)
    if name == DOOR:
        return door_table(root)
    found = matching(f"{name}/{nets}")
    if name in CIFAR10:
        runs = {experiment.name: load_runs(experiment.name, root) for experiment in found}
        rows = [accuracy_row(name, of_name, root) for name, of_name in runs.items() if of_name]
        return "\n\n".join([markdown(ACCURACY, rows), *died(runs), *footnotes(found, root)])
    return "\n\n".join([details(found, root), *footnotes(found, root)])


def paper_cells(root: Path | None = None) -> str:
    """The paper's table 1 with ours beside it, and how they compare over the ST-CNN cells, with the consistency term and without."""
    st_cnn = [net for net in PAPER_ERRORS if net.startswith("st-cnn")]
    ours = {net: net for net in PAPER_ERRORS} | {f"{net}-still": net for net in st_cnn}
    rows, ratios = [], {"": [], "-still": []}
    for net, as_published in ours.items():
        row = [net]
        for task in PAPER_TASKS:
            errors = [run["test_error_percent"] for run in load_runs(f"mnist-{task}/{net}", root)]
            row += [f"{PAPER_ERRORS[as_published][task]:.1f}", error_text(errors)]
            if errors and as_published in st_cnn:
                ratios["" if net == as_published else "-still"].append(
                    statistics.fmean(errors) / PAPER_ERRORS[as_published][task]
                )
        rows.append(row)
    header = ("net", *(f"{task.upper()} {whose}" for task in PAPER_TASKS for whose in ("paper", "ours")))
    parts = [markdown(header, rows), "Test error in %; ± is the standard deviation over seeds, no ± is a single run."]
    for ending, of_kind in ratios.items():
        if of_kind:
            parts.append(
                f"Of the 12 ST-CNN{ending} cells {len(of_kind)} are recorded; {sum(ratio <= 1 for ratio in of_kind)} of them are at or "
                f"below the paper's. Ours / paper is {statistics.fmean(of_kind):.2f} on average."
            )
    return "\n\n".join(parts)


def stillness_table(root: Path | None = None, pattern: str = "*") -> str:
    """What every recorded net with a measure of stillness does, and the controls that go with them."""
    rows = []
    for experiment in matching(pattern):
        if experiment.pairs or PLACED_FOLDER in experiment.name:  # they have tables of their own
            continue
        runs = load_runs(experiment.name, root)
        poses_differ = experiment.distortion != "upright"
        measured = [run for run in runs if "stillness" in run and poses_differ]
        if not measured and not (runs and experiment.name.endswith("cnn-plain")):
            continue
        row = [experiment.name, paper_text(experiment), *result_cells([run["test_error_percent"] for run in runs], runs)]
        row += [
            mean_text([run["stillness"][key] for run in measured if run["stillness"][key] is not None], places)
            for key, places in (("degrees", 1), ("pixels", 2))
        ]
        rows.append([*row, mean_text(pose_means(runs, "mean_after_degrees"), 1)])
    header = ("net", "paper %", "error %", "± over seeds", "seeds", "parameters", "epochs", "one picture °", "px", "class °")
    told = f"A localiser that is told the true angle of each digit of R comes to {load_floor()['mean_within_class_degrees']:.1f} in the last column."
    return "\n\n".join([markdown(header, rows), told])


def door_table(root: Path | None = None) -> str:
    """The four rows that README shows: error and stillness on R and RTS, of the paper, of our net in both ways, of its control."""
    columns = {"r": "st-cnn-affine", "rts": "st-cnn-similarity"}
    published_errors = [(f"{PAPER_ERRORS['st-cnn-affine'][task]:.1f}", "-") for task in columns]
    rows = [["the paper's ST-CNN (affine)", *chain(*published_errors)]]
    ways = {
        "ours, trained as the paper trains": "{net}-plain",
        "ours, **still**": "{net}-still",
        "control: no transformer, equal size": "cnn-plain",
    }
    for title, name in ways.items():
        row = [title]
        for task, net in columns.items():
            runs = load_runs(f"mnist-{task}/{name.format(net=net)}", root)
            still = [run["stillness"]["degrees"] for run in runs if "stillness" in run]
            still = [degrees for degrees in still if degrees is not None]
            row += [error_text([run["test_error_percent"] for run in runs]), mean_text(still, 1)]
        rows.append(row)
    header = ("net", "R: error %", "one digit turns by °", "RTS: error %", "one digit turns by °")
    return markdown(header, rows)


def paper_table(root: Path | None = None) -> str:
    """`paper_cells`, and how each of our cells was got."""
    parts, found = [paper_cells(root)], []
    for task in PAPER_TASKS:
        of_task = matching(f"mnist-{task}/*")
        parts += [f"**{task.upper()}**", details(of_task, root)]
        found += of_task
    return "\n\n".join(parts + footnotes(found, root))


def result_cells(results: list[float], runs: list[dict]) -> list[str]:
    """Mean of the runs' results, its spread, and how many runs, parameters and epochs are behind it, as text."""
    mean, spread = mean_and_spread(results)
    spread_text = "-" if len(runs) == 1 else f"{spread:.2f}"
    return [f"{mean:.2f}", spread_text, str(len(runs)), f"{runs[0]['parameters']:,}", str(runs[0]["epochs"])]


def minutes_text(runs: list[dict]) -> str:
    """How many minutes a run took, on average."""
    return f"{statistics.fmean(run['wall_seconds'] for run in runs) / 60:.1f}"


def details(experiments: list[Experiment], root: Path | None) -> str:
    """One row a recorded experiment: error, size, cost, and pose before and after the transformer."""
    recorded = [(experiment, load_runs(experiment.name, root)) for experiment in experiments]
    return markdown(DETAILS, [details_row(experiment, runs) for experiment, runs in recorded if runs])


def details_row(experiment: Experiment, runs: list[dict]) -> list[str]:
    """One row of `details`, cells as text."""
    name = experiment.name.split("/")[1]
    pose = [f"mean_{when}_{unit}" for unit in ("degrees", "pixels") for when in ("before", "after")]
    return [
        name,
        paper_text(experiment),
        *result_cells([run["test_error_percent"] for run in runs], runs),
        minutes_text(runs),
        *(mean_text(pose_means(runs, key), 1) if len(pose_means(runs, key)) == len(runs) else "-" for key in pose),
    ]


def pose_means(runs: list[dict], key: str) -> list[float]:
    """One mean of the pose of each run that has it: the first runs lack some, and a window that left the picture has no angle."""
    return [run["pose"][key] for run in runs if run["pose"].get(key) is not None]


def footnotes(experiments: list[Experiment], root: Path | None) -> list[str]:
    """Which of these experiments are not recorded, and on what the others were measured."""
    recorded = {experiment.name: load_runs(experiment.name, root) for experiment in experiments}
    missing = [name for name, runs in recorded.items() if not runs]
    sources = {  # in one line each, whatever somebody wrote into a record
        " ".join(f"Measured on: {r['data_source']}; {r['device']}; torch {r['versions']['torch']}; {precision_of(r)}.".split())
        for runs in recorded.values()
        for r in runs
    }
    return ([f"Not recorded: {', '.join(missing)}."] if missing else []) + sorted(sources)


def precision_of(run: dict) -> str:
    """What a run was computed in: the recipe's precision, in the first records, which do not say that the device had units for it."""
    return run.get("precision", run["recipe"]["precision"])


def accuracy_row(name: str, runs: list[dict], root: Path | None) -> list[str]:
    """One row of a table of CIFAR-10, cells as text; at least one run."""
    accuracy, spread, *size = result_cells([100 - run["test_error_percent"] for run in runs], runs)
    best = statistics.fmean(100 - min(epoch["test_error_percent"] for epoch in run["history"]) for run in runs)
    turned = [100 - run["elsewhere_error_percent"]["r"] for run in runs if "r" in run.get("elsewhere_error_percent", {})]
    windows = [last_window(name, run["seed"], root) for run in runs]
    learned = statistics.fmean(100 - run["history"][-1]["train_error_percent"] for run in runs)
    scale, outside = zip(*windows, strict=True) if all(windows) else ((), ())
    return [
        name.split("/")[1],
        accuracy,
        spread,
        f"{learned:.1f}",
        f"{best:.2f}",
        *size,
        minutes_text(runs),
        f"{statistics.fmean(scale):.2f}" if scale else "-",
        f"{statistics.fmean(outside):.0f}" if outside else "-",
        f"{statistics.fmean(turned):.1f}" if turned else "-",
    ]


def died(runs: dict[str, list[dict]]) -> list[str]:
    """Names the runs that ended at chance, at most one line: a mean over seeds hides whether one died or all are bad."""
    dead = []
    for name, of_name in runs.items():
        ended = {f"{name} seed {run['seed']}": run["test_error_percent"] for run in of_name}
        others = ", ".join(f"{100 - error:.2f}" for error in ended.values() if error < CHANCE)
        dead += [f"{one} (its others: {others or 'none'})" for one, error in ended.items() if error >= CHANCE]
    return [f"Died in training, and counted with the others: {'; '.join(dead)}."] if dead else []


def last_window(name: str, seed: int, root: Path | None) -> tuple[float, float] | None:
    """Mean scale of a trained transformer's window and how much of it lies outside, in per cent; None without a transformer.

    A theta that cannot be read is None, too, with a warning that names it.
    """
    transformer = find_transformer(experiment_called(name).build())
    if transformer is None:
        return None
    try:
        history = load_theta(name, seed, root)
    except ValueError as error:  # the rest of the table is shown all the same
        warnings.warn(str(error), stacklevel=2)
        return None
    theta, family = history["theta"][-1], transformer.family
    outside = out_of_frame_fraction(family.grid(theta, tuple(history["image"].shape[2:])))
    return float(scale_of(family.matrix(theta)).mean()), 100 * float(outside.mean())


def seed_blocks(root: Path | None = None) -> str:
    """Test accuracy of the seed's recipe by blocks of ten epochs, as published and here; single epochs jump too much to compare."""
    logs = {"published": [100 - epoch["test_error_percent"] for epoch in published("cifar10-seed")]}
    for run in load_runs("cifar10/seed", root):
        logs[f"run {run['seed']}"] = [100 - epoch["test_error_percent"] for epoch in run["history"]]
    ours = [log for name, log in logs.items() if name != "published"]
    if ours:
        logs["our mean"] = [statistics.fmean(epoch) for epoch in zip(*ours, strict=True)]
    rows = []
    for start in range(0, 50, 10):
        rows.append(
            [f"{start + 1} to {start + 10}", *(f"{statistics.fmean(log[start : start + 10]):.2f}" for log in logs.values())]
        )
    return "\n\n".join([markdown(("epochs", *logs), rows), *footnotes([experiment_called("cifar10/seed")], root)])
