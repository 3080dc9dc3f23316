"""What things cost, for notebook 10: how to time, where time goes, how cost grows, what was recorded, how a kernel reads."""

import inspect
import json
import math
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .picture import ACCENT, GREY, INK, SECOND, Picture, picture, plain

PACKAGE = Path(__file__).resolve().parents[1]
OF_THE_WARP = ("grid", "sampler")
LINES = ((ACCENT, "-"), (SECOND, "--"), (INK, ":"), ("#6a4c93", "-."), (GREY, "-"))


def measured(name: str) -> dict:
    """What a benchmark has recorded: benchmarks/results/<name>.json. Raises ValueError for an unknown name.

    >>> sorted(measured("export"))
    ['device', 'nets', 'torch']
    """
    checkout = PACKAGE.parent / "benchmarks" / "results"
    folder = checkout if checkout.is_dir() else PACKAGE / "measured"
    if not (folder / f"{name}.json").exists():
        there = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
        raise ValueError(f"no benchmark has recorded {name!r}; there are: {there}")
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def milliseconds(works: dict[str, Callable[[], object]], seconds: float = 0.5) -> dict[str, float]:
    """How long each piece of work takes: its fastest of at least five rounds in which all take turns, after one that warms up."""
    for work in works.values():
        work()
    fastest, rounds, end = dict.fromkeys(works, math.inf), 0, time.perf_counter() + seconds
    while rounds < 5 or time.perf_counter() < end:
        for name, work in works.items():
            start = time.perf_counter()
            work()
            fastest[name] = min(fastest[name], 1000 * (time.perf_counter() - start))
        rounds += 1
    return fastest


def bars(parts: dict[str, float], title: str) -> Picture:
    """Milliseconds of the parts of a net as bars, those of the warp in red."""
    figure = Figure(figsize=(6.4, 0.9 + 0.34 * len(parts)), layout="constrained")
    axes, total = figure.subplots(), sum(parts.values())
    names = list(parts)
    axes.barh(names, list(parts.values()), color=[ACCENT if name in OF_THE_WARP else SECOND for name in names])
    for k, ms in enumerate(parts.values()):
        axes.text(ms, k, f" {ms:.1f} ms, {ms / total:.0%}", va="center", fontsize=11, color=INK)
    axes.set_xlim(0, 1.25 * max(parts.values()))
    axes.set_xlabel("milliseconds")
    axes.set_title(title, fontsize=12, loc="left")
    axes.invert_yaxis()
    plain(axes)
    said = "; ".join(f"{name} {ms:.1f}, {ms / total:.0%}" for name, ms in parts.items())
    return picture(figure, f"{title}: milliseconds of {said}.")


def exponent(sizes: Iterable[float], costs: Iterable[float]) -> float:
    """The slope of a line through logarithms: 1 where twice the size costs twice as much.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    return float(np.polyfit(np.log(list(sizes)), np.log(list(costs)), 1)[0])


def growth(curves: dict[str, list[float]], sizes: list[int], x_label: str, tail: int = 3) -> Picture:
    """Costs in milliseconds against a size, both axes logarithmic; the legend has the exponent of each line's last points.

    curves: a name -> one cost for each size. tail: how many points the exponent is fitted to.
    """
    figure = Figure(figsize=(6.4, 3.9), layout="constrained")
    axes, said = figure.subplots(), []
    for (name, costs), (color, dashes) in zip(curves.items(), LINES, strict=False):
        power = exponent(sizes[-tail:], costs[-tail:])
        axes.loglog(
            sizes, costs, dashes, color=color, marker="o", markersize=4, linewidth=1.8, label=f"{name}: power {power:.2f}"
        )
        said.append(f"{name} from {costs[0]:.3g} to {costs[-1]:.3g} ms, at the end with power {power:.2f}")
    axes.set(xlabel=x_label, ylabel="milliseconds")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=11)
    plain(axes)
    return picture(figure, f"Milliseconds against {x_label}: {'; '.join(said)}.")


def traffic(channels: Iterable[int]) -> Picture:
    """Bytes that a warp must move for each pixel of float32 pictures: picture in and out, and a grid that is written and read."""
    channels = list(channels)
    pictures, grid = [8 * c for c in channels], 16
    figure = Figure(figsize=(6.4, 0.9 + 0.45 * len(channels)), layout="constrained")
    axes, said = figure.subplots(), []
    for k, (c, moved) in enumerate(zip(channels, pictures, strict=True)):
        total = moved + grid
        axes.barh(k, moved / total, color=SECOND, label=None if k else "picture, read and written")
        axes.barh(k, grid / total, left=moved / total, color=ACCENT, label=None if k else "grid, written and read")
        axes.text(1.01, k, f"{total} bytes, {grid / total:.0%} grid", va="center", fontsize=11, color=INK)
        said.append(f"{c} channel{'s' * (c > 1)}: {total} bytes a pixel, of them {grid / total:.0%} the grid's")
    axes.set_yticks(range(len(channels)), [f"{c} channel{'s' * (c > 1)}" for c in channels])
    axes.set(xlim=(0, 1.35), xticks=[])
    axes.invert_yaxis()
    plain(axes)
    axes.spines["bottom"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=11)
    return picture(figure, f"Bytes that a warp moves forward. {'; '.join(said)}.")


def apart(recorded: dict[str, dict[str, list[float]]]) -> Picture:
    """How far the losses of the same training drift apart, by training: two processes, and two threads, beside one.

    recorded: a training -> {"processes": relative differences, a step each, "threads": the same}.
    """
    figure = Figure(figsize=(6.4, 1 + 1.5 * len(recorded)), layout="constrained")
    panels, said = figure.subplots(len(recorded), 1, sharex=True, sharey=True, squeeze=False)[:, 0], []
    least = 3e-8  # where a difference is exactly 0, below half a unit of float32
    for axes, (name, runs) in zip(panels, recorded.items(), strict=True):
        for (which, away), color in zip(runs.items(), (ACCENT, SECOND), strict=True):
            label = f"two {which} beside one" if axes is panels[0] else None
            axes.semilogy(range(1, len(away) + 1), [max(d, least) for d in away], color=color, linewidth=1.4, label=label)
            said.append(f"{name}, two {which}: at most {max(away):.0e}")
        axes.axhline(1e-5, color=INK, linewidth=1, linestyle="--")
        axes.set_title(name, loc="left", fontsize=12)
        plain(axes)
    panels[-1].set_xlabel("step")
    figure.supylabel("relative difference of the loss", fontsize=12)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=11)
    return picture(figure, f"Relative difference of the loss along the steps of a training. {'; '.join(said)}.")


def times_as_long(ratio: float) -> str:
    """A ratio of times in words: what it says of a change.

    >>> times_as_long(0.5), times_as_long(1.02), times_as_long(3)
    ('0.50 times as long: helps', '1.02 times as long: does not help', '3.00 times as long: harms')
    """
    if not math.isfinite(ratio) or ratio <= 0:
        raise ValueError(f"ratio must be a positive number, got {ratio}")
    word = "helps" if ratio < 0.9 else "harms" if ratio > 1.1 else "does not help"
    return f"{ratio:.2f} times as long: {word}"


def source(function, start: str = ""):
    """A function of the package, or of Triton's, as its file has it, from the first line that holds some words: Markdown to show.

    Raises ValueError when no line holds them.

    >>> print(source(times_as_long, "return").data)
    ```python
    return f"{ratio:.2f} times as long: {word}"
    ```
    """
    from IPython.display import Markdown

    lines = inspect.getsource(getattr(function, "fn", function)).rstrip().splitlines()
    first = next((k for k, line in enumerate(lines) if start in line), None)
    if first is None:
        raise ValueError(f"no line holds {start!r}")
    return Markdown(f"```python\n{textwrap.dedent(chr(10).join(lines[first:]))}\n```")
