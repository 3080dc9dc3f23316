"""The tables of transformers that work together or stand elsewhere, and of what else the paper's appendix has."""

import statistics
from pathlib import Path

from .cells import error_text, markdown, mean_text, paper_text
from .experiments import matching
from .measured import load_measured
from .runs import load_runs

ADDITION, PLACED, COLOCALIZED, SOLIDS = "mnist-addition", "mnist-placed", "mnist-colocalization", "mnist-solids"
PLACED_FOLDER = "-placed/"
PLACED_ROWS = {
    "nowhere": "no transformer",
    "input": "on the picture, 1 look",
    "chained-2": "on the picture, 2 looks",
    "chained-3": "on the picture, 3 looks",
    "shared": "on the picture, shared layers",
    "features": "on the feature maps",
}
MEASURES = {
    "error": ("test_error_percent",),
    "turning": ("stillness", "degrees"),
    "straying": ("stillness", "pixels"),
}


def addition_table(root: Path | None = None) -> str:
    """MNIST addition: errors beside the paper's, how far each window strays from the digit it follows and from the other, and empty windows."""
    rows, missing = [], []
    for experiment in matching(f"{ADDITION}/*"):
        runs = load_runs(experiment.name, root)
        missing += [] if runs else [experiment.name]
        windows = [run.get("who_follows_pixels", []) for run in runs]
        followed = [len({window.index(min(window)) for window in of_run}) for of_run in windows if of_run]
        strayed = [sorted(window) for of_run in windows for window in of_run]
        errors, size = [run["test_error_percent"] for run in runs], f"{runs[0]['parameters']:,}" if runs else "-"
        stray = [mean_text([window[k] for window in strayed], 1) for k in (0, 1)]
        empty = [share for run in runs for share in run.get("empty_windows_percent", [])]
        said = [experiment.name.split("/")[1], paper_text(experiment), error_text(errors), str(len(runs)), size, *stray]
        rows.append([*said, ", ".join(map(str, followed)) or "-", f"{max(empty):.2f}" if empty else "-"])
    header = ("net", "paper %", "error %", "seeds", "parameters", "strays from its digit px", "from the other px")
    header += ("digits followed, by seed", "empty windows %, at most")
    return "\n\n".join([markdown(header, rows), *named(missing)])


def placed_table(root: Path | None = None) -> str:
    """One small net with a transformer in different places: error and stillness on R and RTS, for equal parameters."""
    rows, missing = [], []
    for name, title in PLACED_ROWS.items():
        row, minutes = [title], []
        for task in ("r", "rts"):
            full = f"mnist-{task}{PLACED_FOLDER}{name}"
            runs = load_runs(full, root)
            missing += [] if runs else [full]
            minutes.append(mean_text([run["wall_seconds"] / 60 for run in runs], 1))
            still = [run["stillness"] for run in runs if "stillness" in run]
            row += [error_text([run["test_error_percent"] for run in runs])]
            row += [
                spread_text([one[key] for one in still if one[key] is not None], n)
                for key, n in (("degrees", 1), ("pixels", 2))
            ]
        rows.append([*row, " / ".join(minutes)])
    header = ("transformer", "R: error %", "one picture °", "px", "RTS: error %", "one picture °", "px", "minutes, R / RTS")
    return "\n\n".join([markdown(header, rows), *named(missing)])


def placed_findings(root: Path | None = None) -> str:
    """In what each net of `placed_table` differs from the one that looks once by more than both spreads together, a line each."""
    lines, known = [], False
    for task in ("r", "rts"):
        once = load_runs(f"mnist-{task}{PLACED_FOLDER}input", root)
        for name, title in PLACED_ROWS.items():
            runs, said = load_runs(f"mnist-{task}{PLACED_FOLDER}{name}", root), []
            for what, path in MEASURES.items():
                ours, theirs = ([value for run in some if (value := at(run, path)) is not None] for some in (runs, once))
                if name == "input" or min(len(ours), len(theirs)) < 2:
                    continue
                known, gap = True, statistics.fmean(ours) - statistics.fmean(theirs)
                if abs(gap) > statistics.stdev(ours) + statistics.stdev(theirs):
                    said.append(f"{'more' if gap > 0 else 'less'} {what}")
            if said:
                lines.append(f"{task.upper()}, {title}: {', '.join(said)}")
    if not known:
        return "Too little is recorded: two seeds of each are needed."
    return "\n".join(lines) or "Nothing differs from one look on the picture by more than the spreads."


def at(run: dict, path: tuple[str, ...]) -> float | None:
    """What a record has under some keys, one within the other; None if it has it not."""
    for key in path:
        run = run.get(key) if isinstance(run, dict) else None
    return run


def colocalization_table(root: Path | None = None) -> str:
    """Share of windows whose overlap with the digit is above one half, by class, alone and in clutter, beside the paper's."""
    found, rows = load_measured(COLOCALIZED, root), []
    if not found:
        return f"{COLOCALIZED}: not recorded"
    for digit in sorted({row["digit"] for row in found}):
        of_class = [row for row in found if row["digit"] == digit]
        alone, cluttered = ([row for row in of_class if bool(row["patches"]) == wanted] for wanted in (False, True))
        cells = [(alone, "found_percent"), (cluttered, "found_percent")]
        cells += [(cluttered, f"off_{of}_pixels") for of in ("together", "each")]
        rows.append([str(digit), *(", ".join(f"{row[key]:.0f}" for row in some) or "-" for some, key in cells)])
    rows.append(["the paper", "100", "75 to 93", "-", "-"])
    header = ("class", "alone: found %, by seed", "in clutter: found %, by seed", "all off by px", "each from that px")
    return markdown(header, rows)


def solids_table(root: Path | None = None) -> str:
    """Error on turned digits in space, for nets that read their shadow, the volume, or the shadow behind a transformer."""
    found, rows = load_measured(SOLIDS, root), []
    if not found:
        return f"{SOLIDS}: not recorded"
    for reader in dict.fromkeys(row["reader"] for row in found):
        runs = [row for row in found if row["reader"] == reader]
        errors = [row["error_percent"] for row in runs]
        rows.append([reader, error_text(errors), str(len(runs)), f"{runs[0]['parameters']:,}", str(runs[0]["steps"])])
    return markdown(("reads", "error %", "seeds", "parameters", "steps"), rows)


def spread_text(values: list[float], places: int) -> str:
    """Mean and spread of some numbers as text; a dash for none."""
    if len(values) < 2:
        return mean_text(values, places)
    return f"{statistics.fmean(values):.{places}f} ± {statistics.stdev(values):.{places}f}"


def named(missing: list[str]) -> list[str]:
    """A line that names what is not recorded, if anything is."""
    return [f"Not recorded: {', '.join(missing)}."] if missing else []


TEAMS = {ADDITION: addition_table, PLACED: placed_table, COLOCALIZED: colocalization_table, SOLIDS: solids_table}
