"""The tables of README and notebooks, made from the recorded runs."""

import statistics
from pathlib import Path

from .experiments import PAPER_ERRORS, PAPER_TASKS, SIDES, Experiment, load_runs, matching


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1); the spread of a single value is NaN."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else float("nan")


DETAILS = ("net", "paper %", "error %", "± over seeds", "seeds", "parameters", "epochs", "minutes")
DETAILS += ("angle before °", "angle after °", "corners before px", "corners after px")
PAPER_TABLE, PAPER_CELLS = "paper-table-1", "paper-table-1-cells"
TABLES = (PAPER_TABLE, PAPER_CELLS, *(f"mnist-{task}" for task in SIDES), "cifar10")


def markdown(header: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table in Markdown, the first column to the left and the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def table(name: str, root: Path | None = None) -> str:
    """A table in Markdown, made from the recorded runs: last-epoch test error, mean and spread over seeds.

    "angle" is the mean over classes of the circular spread of the angle, in degrees; "corners" how far the frame's corners
    stray within a class, in pixels (`metrics.pose_report`; under E those of a square half as wide); both before and after the transformer. What is not
    recorded is named. Raises ValueError for an unknown table.
    """
    if name not in TABLES:
        raise ValueError(f"no table is called {name!r}; there are: {', '.join(TABLES)}")
    if name == PAPER_TABLE:
        return paper_table(root)
    if name == PAPER_CELLS:
        return paper_cells(root)
    found = matching(f"{name}/*")
    return "\n\n".join([details(found, root), *footnotes(found, root)])


def paper_cells(root: Path | None = None) -> str:
    """The paper's table 1 with ours beside it, and how they compare over the ST-CNN cells."""
    rows, ratios, not_above = [], [], 0
    for net, errors_published in PAPER_ERRORS.items():
        row = [net]
        for task in PAPER_TASKS:
            errors = [run["test_error_percent"] for run in load_runs(f"mnist-{task}/{net}", root)]
            row += [f"{errors_published[task]:.1f}", error_text(errors)]
            if errors and net.startswith("st-cnn"):
                ratios.append(statistics.fmean(errors) / errors_published[task])
                not_above += ratios[-1] <= 1
        rows.append(row)
    header = ("net", *(f"{task.upper()} {whose}" for task in PAPER_TASKS for whose in ("paper", "ours")))
    parts = [markdown(header, rows), "Test error in %; ± is the standard deviation over seeds, no ± is a single run."]
    if ratios:
        mean = statistics.fmean(ratios)
        parts.append(
            f"Of the 12 ST-CNN cells {len(ratios)} are recorded; {not_above} of them are at or below the paper's. "
            f"Ours / paper is {mean:.2f} on average."
        )
    return "\n\n".join(parts)


def paper_table(root: Path | None = None) -> str:
    """`paper_cells`, and how each of our cells was got."""
    parts, found = [paper_cells(root)], []
    for task in PAPER_TASKS:
        of_task = matching(f"mnist-{task}/*")
        parts += [f"**{task.upper()}**", details(of_task, root)]
        found += of_task
    return "\n\n".join(parts + footnotes(found, root))


def error_text(errors: list[float]) -> str:
    """Mean and spread of some errors as text."""
    if not errors:
        return "not recorded"
    mean, spread = mean_and_spread(errors)
    return f"{mean:.2f}" if len(errors) == 1 else f"{mean:.2f} ± {spread:.2f}"


def details(experiments: list[Experiment], root: Path | None) -> str:
    """One row an experiment: error, size, cost, and pose before and after the transformer."""
    return markdown(DETAILS, [details_row(experiment, load_runs(experiment.name, root)) for experiment in experiments])


def details_row(experiment: Experiment, runs: list[dict]) -> list[str]:
    """One row of `details`, cells as text."""
    name = experiment.name.split("/")[1]
    paper = "-" if experiment.paper_error_percent is None else f"{experiment.paper_error_percent:.1f}"
    if not runs:
        return [name, paper, "not recorded"] + ["-"] * (len(DETAILS) - 3)
    error, spread = mean_and_spread([run["test_error_percent"] for run in runs])
    minutes = statistics.fmean(run["wall_seconds"] for run in runs) / 60
    pose = [f"mean_{when}_{unit}" for unit in ("degrees", "pixels") for when in ("before", "after")]
    return [
        name,
        paper,
        f"{error:.2f}",
        "-" if len(runs) == 1 else f"{spread:.2f}",
        str(len(runs)),
        f"{runs[0]['parameters']:,}",
        str(runs[0]["epochs"]),
        f"{minutes:.1f}",
        *(
            f"{statistics.fmean(run['pose'][key] for run in runs):.1f}" if all(key in run["pose"] for run in runs) else "-"
            for key in pose
        ),
    ]


def footnotes(experiments: list[Experiment], root: Path | None) -> list[str]:
    """Which of these experiments are not recorded, and on what the others were measured."""
    recorded = {experiment.name: load_runs(experiment.name, root) for experiment in experiments}
    missing = [name for name, runs in recorded.items() if not runs]
    sources = {
        f"Measured on: {r['data_source']}; {r['device']}; torch {r['versions']['torch']}; {r['recipe']['precision']}."
        for runs in recorded.values()
        for r in runs
    }
    return ([f"Not recorded: {', '.join(missing)}."] if missing else []) + sorted(sources)
