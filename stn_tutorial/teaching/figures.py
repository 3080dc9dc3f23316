"""Figures. Each function returns a `Picture`: PNG bytes and the words that describe them, from the data.

A Picture shows itself as the last line of a notebook cell.
"""

import html
import math
from itertools import cycle

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ..geometry.coordinates import normalized_to_pixel
from ..geometry.sampler import sample
from .picture import ACCENT, BEYOND, INK, SECOND, Picture, in_unit_range, leave_room, panel, picture, plain


class Folded:
    """A picture, or lines of text, behind a line of words: to be opened by who has made a prediction."""

    def __init__(self, shown: Picture | str, words: str = "Show what happens"):
        self.shown, self.words = shown, words

    def __repr__(self) -> str:
        return f"{self.words}: {self.shown}"

    def _repr_html_(self) -> str:
        inside = f"<pre>{html.escape(self.shown)}</pre>" if isinstance(self.shown, str) else self.shown.html()
        return f"<details><summary>{self.words}</summary>{inside}</details>"


def images_in_a_row(images, titles, alt: str | None = None, width: float = 1.6) -> Picture:
    """A row of images, each under its title; its letters are as large as the longest title allows, so that a phone shows them."""
    figure = Figure(figsize=(width * len(images), width + 0.35), layout="constrained")
    size = min(max(120 * width / max(len(str(title)) for title in titles), 10), 12.5)
    for axes, image, title in zip(figure.subplots(1, len(images), squeeze=False)[0], images, titles, strict=True):
        panel(axes, image)
        axes.set_title(title, fontsize=size)
    words = "; ".join(str(title) for title in titles)
    return picture(figure, alt or (f"An image: {words}" if len(images) == 1 else f"{len(images)} images in a row: {words}"))


def images_in_rows(rows: dict[str, Tensor], labels=(), alt: str | None = None) -> Picture:
    """Rows of as many images, the row's name above each; labels, if given, stand below the images of the first row."""
    count, width = max(map(len, rows.values())), 6.4
    side, above, below = width / count, 0.32, 0.25 if labels else 0.0  # inches, as `top` is
    top = height = len(rows) * (side + above) + below
    figure = Figure(figsize=(width, height))
    for k, (name, images) in enumerate(rows.items()):
        figure.text(0, (top - above + 0.06) / height, name, fontsize=12, color=INK)
        top -= above + side
        for column, image in enumerate(images):
            axes = figure.add_axes((column / count, top / height, 0.95 / count, side / height))
            panel(axes, image)
            if k == 0 and labels:
                axes.set_xlabel(labels[column], fontsize=11)
        top -= 0 if k else below
    return picture(figure, alt or f"{count} images in each of {len(rows)} rows: {'; '.join(rows)}.")


def lattice_lines(
    family, theta: Tensor, image_size: tuple[int, int], align_corners: bool = False, cells: int = 7
) -> list[np.ndarray]:
    """The output's square as a lattice, mapped into the input: polylines in pixels of the input.

    theta: (P,). image_size: (H, W) of the input. The lattice reaches to -1 and 1: to the outer edges of the image, or with
    align_corners to its outermost pixel centres. The first line is the output's upper edge, from its left end. Where points lie
    far outside, or behind the camera, it is broken off (NaN).
    """
    grid = family.grid(theta[None].detach().cpu().float(), (cells + 1, cells + 1), align_corners=True)[0]  # from -1 to 1
    points = normalized_to_pixel(grid, image_size, align_corners).masked_fill((grid.abs() > 20).any(-1, True), math.nan)
    points = points.numpy()
    return [*points, *points.transpose(1, 0, 2)]


class Lattice:
    """A lattice drawn on axes: its first line, the output's upper edge, is thick, and the output's top left corner is a dot.

    So a lattice that is upside down, mirrored or lying looks different from one that is not, and from each other.
    """

    def __init__(self, axes, lines: list[np.ndarray]):
        widths = [2.6, *[0.9] * (len(lines) - 1)]
        self.lines = axes.add_collection(LineCollection(lines, colors=ACCENT, linewidths=widths, alpha=0.9, zorder=3))
        self.corner = axes.add_line(Line2D([], [], color=ACCENT, marker="o", markersize=7, markeredgecolor="white", zorder=4))
        self.set_segments(lines)

    def set_segments(self, lines: list[np.ndarray]) -> None:
        """Move the lattice to other lines, as `lattice_lines` gives them."""
        self.lines.set_segments(lines)
        self.corner.set_data(lines[0][:1, 0], lines[0][:1, 1])


def add_lattice(axes, family, theta: Tensor, image_size: tuple[int, int], align_corners: bool = False) -> Lattice:
    """Draw the sampling lattice over an input that is already shown."""
    return Lattice(axes, lattice_lines(family, theta, image_size, align_corners))


def warp(
    image: Tensor,
    family,
    theta: Tensor,
    title: str = "",
    padding_mode: str = "zeros",
    mode: str = "bilinear",
    align_corners: bool = False,
    output: Tensor | None = None,
) -> Picture:
    """Input with the sampling lattice over it, and the output beside it.

    image: (C, H, W), uint8 or in [0, 1]. theta: (P,). output: what another sampler made of it, (C, H, W), in place of ours.
    """
    image = in_unit_range(image)
    size = image.shape[1:]
    if output is None:
        grid = family.grid(theta[None].to(image.dtype), size, align_corners)
        output = sample(image[None], grid, mode, padding_mode, align_corners)[0]
    figure = Figure(figsize=(6.4, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    panel(left, image)
    left.set_title("input U, and where the output looks", fontsize=12)
    left.set_facecolor(BEYOND)
    add_lattice(left, family, theta, size, align_corners)
    height, width = size
    reach = np.concatenate(lattice_lines(family, theta, size, align_corners))
    seen = reach[~np.isnan(reach).any(axis=1)] if not np.isnan(reach).all() else np.zeros((1, 2))  # nothing within reach
    x_reach, y_reach = (
        np.clip([seen[:, k].min(), seen[:, k].max()], -length, 2 * length) for k, length in ((0, width), (1, height))
    )
    left.set_xlim(min(-0.5, x_reach[0]) - 1, max(width - 0.5, x_reach[1]) + 1)
    left.set_ylim(max(height - 0.5, y_reach[1]) + 1, min(-0.5, y_reach[0]) - 1)
    panel(right, output)
    right.set_title("output V", fontsize=12)
    if title:
        figure.suptitle(title, fontsize=13, parse_math=False)
    numbers = ", ".join(f"{value:.2f}" for value in theta.tolist())
    return picture(
        figure, f"Input with the sampling lattice of {family} at theta = ({numbers}), and the output beside it. {title}"
    )


def verdict(
    image: Tensor,
    family,
    theta: Tensor,
    output: Tensor,
    probabilities: Tensor,
    title: str,
    classes: list[str],
    align_corners: bool = False,
) -> Picture:
    """What a net with a transformer makes of an image: the lattice it chose, what it then saw, and how sure it is of each class.

    image, output: (C, H, W), uint8 or in [0, 1]. theta: (P,). probabilities: one per class, (K,).
    classes: their K names.
    """
    figure = Figure(figsize=(6.8, 3), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    panel(left, image, "where the net looks")
    leave_room(left, image.shape[1:], 0.25)
    add_lattice(left, family, theta, image.shape[1:], align_corners)
    panel(middle, output, "what it then sees")
    best = int(probabilities.argmax())
    colors = [ACCENT if k == best else SECOND for k in range(len(probabilities))]
    right.barh(range(len(probabilities)), probabilities.tolist(), color=colors)
    right.set(xlim=(0, 1), xticks=(0, 1), yticks=range(len(probabilities)))
    # names of classes are no mathematics, whatever signs they hold
    right.set_title(f"{classes[best]}, {float(probabilities[best]):.0%}", parse_math=False)
    right.set_yticklabels(classes, parse_math=False)
    right.invert_yaxis()
    for axes in (left, middle, right):
        axes.title.set_size(12)
    figure.suptitle(title, fontsize=12)
    numbers = ", ".join(f"{value:.2f}" for value in theta.tolist())
    return picture(figure, f"{title}: theta = ({numbers}); the net says {classes[best]} with {float(probabilities[best]):.0%}")


def warps(image: Tensor, transformations: dict[str, tuple], columns: int = 4) -> Picture:
    """One image under several transformations: above, the sampling lattice over the input; below, the output.

    image: (C, H, W), uint8 or in [0, 1]. transformations: a name -> (family, theta (P,)).
    """
    image = in_unit_range(image)
    size, names = tuple(image.shape[1:]), list(transformations)
    blocks = math.ceil(len(names) / columns)
    figure = Figure(figsize=(1.75 * min(columns, len(names)), 3.7 * blocks), layout="constrained")
    axes = figure.subplots(2 * blocks, min(columns, len(names)), squeeze=False)
    for a in axes.flat:
        a.set_axis_off()
    reach = np.concatenate([line for family, theta in transformations.values() for line in lattice_lines(family, theta, size)])
    beyond = np.nanmax(np.abs((reach + 0.5) / (size[1], size[0]) - 0.5)) - 0.5  # how far the lattices leave the picture
    margin = min(max(0.2, beyond), 0.5) + 0.05
    for k, (name, (family, theta)) in enumerate(transformations.items()):
        above, below = axes[2 * (k // columns) : 2 * (k // columns) + 2, k % columns]
        above.set_axis_on()
        below.set_axis_on()
        panel(above, image, name)
        add_lattice(above, family, theta, size)
        leave_room(above, size, margin)
        panel(below, sample(image[None], family.grid(theta[None].to(image.dtype), size))[0])
    return picture(figure, f"Sampling lattice over the input, and the output below it, for: {'; '.join(names)}.")


def lines(series: dict[str, tuple], x_label: str, y_label: str, title: str = "") -> Picture:
    """Line chart: a name -> (x values, y values); x values that are a range have whole ticks."""
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    looks = zip(cycle((ACCENT, SECOND, INK, "#edae49", "#6a4c93", "#66a182")), cycle(("-", "--", ":", "-.")), strict=False)
    for (name, (x, y)), (color, style) in zip(series.items(), looks, strict=False):
        axes.plot(x, y, style, color=color, label=name, linewidth=1.8, marker="o" if len(x) < 12 else None, markersize=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=all(isinstance(x, range) for x, _ in series.values())))
    axes.set_xlabel(x_label, fontsize=12)
    axes.set_ylabel(y_label, fontsize=12)
    axes.tick_params(labelsize=12)
    axes.set_title(title, fontsize=11)
    plain(axes)
    if len(series) > 1:
        figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=11)  # inside it would cover a line
    return picture(figure, f"{y_label} against {x_label}. {'; '.join(course(*named) for named in series.items())}.")


def course(name: str, points: tuple) -> str:
    """A line of a chart in words: where it begins and ends, and its lowest and highest point. points: (x values, y values)."""
    x, y = (np.asarray(values, dtype=float) for values in points)
    x, y = (np.where(abs(values) < 1e-6 * abs(values).max(), 0, values).tolist() for values in (x, y))  # rounding is no height
    low, high = (pick(range(len(y)), key=y.__getitem__) for pick in (min, max))
    turns = [f"{word} {y[k]:.3g} at {x[k]:.3g}" for word, k in (("lowest", low), ("highest", high)) if 0 < k < len(y) - 1]
    return ", ".join([f"{name}: from {y[0]:.3g} to {y[-1]:.3g}", *turns])
