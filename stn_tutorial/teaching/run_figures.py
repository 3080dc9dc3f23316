"""Figures of recorded runs: accuracies side by side, a published log beside ours, what transformers hand on, their windows."""

import statistics
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from ..arguments import check_whole
from ..geometry.sampler import sample
from ..networks.localization import FixedTheta
from ..networks.watching import find_transformer
from ..training.experiment import published
from ..training.experiments import experiment_called
from ..training.metrics import rotation_angle, scale_of
from ..training.recorder import RECORDED_IMAGES
from ..training.runs import load_runs, load_theta
from .figures import images_in_rows
from .picture import ACCENT, GREY, INK, SECOND, Picture, picture, plain

BLOCK = 10  # epochs


def accuracies(groups: dict[str, dict[str, str]], root: Path | None = None) -> Picture:
    """Test accuracy of recorded nets, last epoch: a row a net, a dot a run, a bar and a number for their mean; a panel a group.

    groups: a heading -> {what a row is called: the name of its experiment}. Round dots are nets whose transformer learns,
    square ones nets without such. Filled are those with as many parameters as the first of their group, within 1 %, hollow
    ones those with fewer. What is not recorded is said to be missing.
    """
    heights = [len(nets) + 1 for nets in groups.values()]
    figure = Figure(figsize=(6.4, 1.2 + 0.4 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    words, styles = [], {}
    for axes, (heading, nets) in zip(panels, groups.items(), strict=True):
        recorded = {label: load_runs(name, root) for label, name in nets.items()}
        size = next((runs[0]["parameters"] for runs in recorded.values() if runs), 0)
        said = [accuracy_row(axes, k, label, runs, size, styles) for k, (label, runs) in enumerate(recorded.items())]
        words.append(f"{heading}: {'; '.join(said)}")
        axes.set(yticks=range(len(nets)), ylim=(len(nets) - 0.5, -0.5))
        axes.set_yticklabels(nets)
        axes.set_title(heading, loc="left", fontsize=12, color=INK)
        plain(axes)
    panels[-1].set_xlabel("test images right, %", fontsize=12)
    marks = [Line2D([], [], label=kind, **style) for kind, style in styles.items()]
    figure.legend(handles=marks, loc="outside upper center", ncols=2, frameon=False, fontsize=11)
    return picture(figure, f"Test images right in %, mean over runs. {'. '.join(words)}.")


def accuracy_row(axes, row: int, label: str, runs: list[dict], size: int, styles: dict[str, dict]) -> str:
    """Draw one row of `accuracies` at height `row`, and note the style of its dots in `styles`; the same in words."""
    beside = {"x": 1.02, "y": row, "transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 11}
    if not runs:
        axes.text(s="not recorded", color=GREY, **beside)
        return f"{label} not recorded"
    values, parameters = [100 - run["test_error_percent"] for run in runs], runs[0]["parameters"]
    transformer = find_transformer(experiment_called(runs[0]["experiment"]).build())
    learns = transformer is not None and not isinstance(transformer.localization, FixedTheta)
    equal, color = abs(parameters - size) <= 0.01 * size, ACCENT if learns else SECOND
    kind = f"{'transformer' if learns else 'no transformer'}, {'equal size' if equal else 'smaller'}"
    styles[kind] = {"ls": "none", "marker": "o" if learns else "s", "color": color, "mfc": color if equal else "white", "ms": 7}
    mean = statistics.fmean(values)
    axes.plot(values, [row] * len(values), **styles[kind])
    axes.plot([mean, mean], [row - 0.3, row + 0.3], color=INK, linewidth=1.2)
    axes.text(s=f"{mean:.1f} %", **beside)
    return f"{label} {mean:.1f} over {len(runs)} run{'s' * (len(runs) > 1)}, {parameters:,} parameters"


def published_and_ours(log: str, name: str, root: Path | None = None) -> Picture:
    """Test accuracy along the epochs of a published log and of our recorded runs: epochs thin, means of ten epochs as thick steps.

    log: of data/published; name: of the experiment that repeats it. Above each block stands how far our mean is ahead, in points.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    theirs, ours = published(log), [run["history"] for run in load_runs(name, root)]
    if not ours:
        raise ValueError(f"no run of {name!r} is recorded")
    means = []
    for label, histories, color, width in (("published", [theirs], INK, 2), (f"ours, {len(ours)} runs", ours, ACCENT, 5)):
        curves = [[100 - row["test_error_percent"] for row in history] for history in histories]
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve, color=color, linewidth=0.7, alpha=0.4)
        mean = [statistics.fmean(epoch) for epoch in zip(*curves, strict=True)]
        means.append([statistics.fmean(mean[start : start + BLOCK]) for start in range(0, len(mean), BLOCK)])
        for k, height in enumerate(means[-1]):
            ends = [k * BLOCK + 1, min((k + 1) * BLOCK, len(mean))]
            step = {"color": color, "linewidth": width, "zorder": 3 - width / 10, "solid_capstyle": "butt"}
            axes.plot(ends, [height] * 2, label=None if k else label, **step)
    for k, (their, our) in enumerate(zip(*means, strict=True)):
        place = ((k + 0.5) * BLOCK + 0.5, max(their, our))
        axes.annotate(f"{our - their:+.1f}", place, (0, 10), textcoords="offset points", ha="center", fontsize=11)
    axes.set(xlabel="epoch", ylabel="test images right, %")
    axes.legend(loc="lower right", frameon=False, fontsize=11)
    plain(axes)
    pairs = "; ".join(f"{their:.1f} and {our:.1f}" for their, our in zip(*means, strict=True))
    return picture(figure, f"Test images right in %, means of blocks of {BLOCK} epochs, published and ours: {pairs}.")


def handed_on(names: dict[str, str], count: int = 6, fill: float | Tensor = 0.0, root: Path | None = None) -> Picture:
    """Recorded test images of one task, and below each of them what the transformers of recorded runs hand on in the end.

    names: what a row is called -> the name of its experiment, of a linear family; the first run of each, and no row where none
    is recorded. fill: what a transformer with zeros outside the image puts there, in the images' colours: a number or (C,).
    """
    rows, words, count = {}, [], min(check_whole("count", count, least=1), RECORDED_IMAGES)
    for label, name in names.items():
        for run in load_runs(name, root)[:1]:
            history, transformer = load_theta(name, run["seed"], root), find_transformer(experiment_called(name).build())
            images, theta = history["image"][:count].float() / 255, history["theta"][-1][:count]
            grid = transformer.family.grid(theta, transformer.size or tuple(images.shape[2:]))
            rows |= {} if rows else {"what comes in": images}
            filled = fill if transformer.padding_mode == "zeros" else 0.0
            rows[label] = sample(images, grid, padding_mode=transformer.padding_mode, fill=filled)
            matrix = transformer.family.matrix(theta)
            scales, turns = scale_of(matrix), rotation_angle(matrix).rad2deg().abs()
            words.append(
                f"{label}, through windows {float(scales.min()):.1f} to {float(scales.max()):.1f} times as wide as the image, turned "
                f"by {float(turns.mean()):.0f} degrees on average"
            )
    if not rows:
        raise ValueError(f"none of {', '.join(names.values())} is recorded")
    return images_in_rows(rows, alt=f"{count} test images in {len(rows)} rows: what comes in; {'; '.join(words)}.")


def window_scales(names: dict[str, str], root: Path | None = None) -> Picture:
    """How large the transformer's window is along the training, as a multiple of the image: a line a run, mean over 64 images.

    names: what a net is called -> the name of its experiment, of a linear family. The legend gives mean scale and accuracy at the
    end.
    """
    figure = Figure(figsize=(6.4, 3.3), layout="constrained")
    axes = figure.subplots()
    words = []
    for (label, name), color, dashes in zip(names.items(), (ACCENT, SECOND, INK), ("-", "--", ":"), strict=False):
        family, runs, last = find_transformer(experiment_called(name).build()).family, load_runs(name, root), []
        for run in runs:
            history = load_theta(name, run["seed"], root)
            scales = [float(scale_of(family.matrix(theta)).mean()) for theta in history["theta"]]
            last.append(scales[-1])
            axes.plot(history["step"], scales, dashes, color=color, linewidth=1.6)
        if not runs:
            raise ValueError(f"no run of {name!r} is recorded")
        right = statistics.fmean(100 - run["test_error_percent"] for run in runs)
        said = f"{label}: scale {statistics.fmean(last):.2f}, {right:.1f} % right"
        words.append(f"{said}, {len(runs)} runs")
        axes.plot([], [], dashes, color=color, label=said)
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set(xlabel="training step", ylabel="scale of the window")
    figure.legend(loc="outside upper left", frameon=False, fontsize=11)
    plain(axes)
    return picture(figure, f"Scale of the transformer's window along the training, from 1. At the end, {'; '.join(words)}.")
