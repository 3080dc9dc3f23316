"""The tables of transformers that work together or stand elsewhere: two digits added, and one small net in six ways."""

import statistics
from pathlib import Path

from .cells import error_text, markdown, mean_text, paper_text
from .experiments import matching
from .runs import load_runs

ADDITION, PLACED = "mnist-addition", "mnist-placed"
PLACED_FOLDER = "-placed/"
PLACED_ROWS = {
    "nowhere": "no transformer",
    "input": "on the picture, 1 look",
    "chained-2": "on the picture, 2 looks",
    "chained-3": "on the picture, 3 looks",
    "shared": "on the picture, shared layers",
    "features": "on the feature maps",
}


def addition_table(root: Path | None = None) -> str:
    """MNIST addition: errors beside the paper's, and how far each window strays from the digit it follows, and from the other."""
    rows, missing = [], []
    for experiment in matching(f"{ADDITION}/*"):
        runs = load_runs(experiment.name, root)
        missing += [] if runs else [experiment.name]
        strayed = [sorted(window) for run in runs for window in run.get("who_follows_pixels", [])]
        errors, size = [run["test_error_percent"] for run in runs], f"{runs[0]['parameters']:,}" if runs else "-"
        stray = [mean_text([window[k] for window in strayed], 1) for k in (0, 1)]
        rows.append([experiment.name.split("/")[1], paper_text(experiment), error_text(errors), str(len(runs)), size, *stray])
    header = ("net", "paper %", "error %", "seeds", "parameters", "strays from its digit px", "from the other px")
    return "\n\n".join([markdown(header, rows), *named(missing)])


def placed_table(root: Path | None = None) -> str:
    """One small net with a transformer in different places: error and stillness on R and RTS, for equal parameters."""
    rows, missing = [], []
    for name, title in PLACED_ROWS.items():
        row = [title]
        for task in ("r", "rts"):
            full = f"mnist-{task}{PLACED_FOLDER}{name}"
            runs = load_runs(full, root)
            missing += [] if runs else [full]
            still = [run["stillness"] for run in runs if "stillness" in run]
            row += [error_text([run["test_error_percent"] for run in runs])]
            row += [
                spread_text([one[key] for one in still if one[key] is not None], n)
                for key, n in (("degrees", 1), ("pixels", 2))
            ]
        rows.append(row)
    header = ("transformer", "R: error %", "one picture °", "px", "RTS: error %", "one picture °", "px")
    return "\n\n".join([markdown(header, rows), *named(missing)])


def spread_text(values: list[float], places: int) -> str:
    """Mean and spread of some numbers as text; a dash for none."""
    if len(values) < 2:
        return mean_text(values, places)
    return f"{statistics.fmean(values):.{places}f} ± {statistics.stdev(values):.{places}f}"


def named(missing: list[str]) -> list[str]:
    """A line that names what is not recorded, if anything is."""
    return [f"Not recorded: {', '.join(missing)}."] if missing else []
