"""What checkers draw: the letter F, target and yours side by side. It has no symmetry, so that every exchange shows itself."""

import math

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...geometry.affine import Affine
from ...geometry.sampler import sample
from ..picture import ACCENT, Picture, panel, picture
from .verdict import describe


def letter_f(height: int = 20, width: int = 20) -> Tensor:
    """The letter F, (1, height, width) in [0, 1]: no turn and no mirror leaves it as it is."""
    image = torch.zeros(1, height, width)
    image[0, height // 5 : -height // 5, width // 3 : width // 3 + 2] = 1
    image[0, height // 5 : height // 5 + 2, width // 3 : -width // 4] = 1
    image[0, height // 2 - 1 : height // 2 + 1, width // 3 : -width // 3] = 0.8
    return image


def letters(number: int, channels: int, height: int, width: int) -> Tensor:
    """Images (number, channels, height, width) in [0, 1]: the F on a paper that brightens, another way round in each image.

    No two pixels of a picture are equal, and none is black, so that the border shows.
    """
    x, y = torch.linspace(0, 1, width), torch.linspace(0, 1, height)[:, None]
    flips = ((), (1,), (2,), (1, 2))
    letters = torch.stack([letter_f(height, width).flip(flips[n % 4])[0] for n in range(number)])[:, None]
    paper = torch.stack([0.2 + 0.2 * x / (c + 1) + 0.13 * (c + 1) * y / channels for c in range(channels)])
    return paper + 0.45 * letters


def side_by_side(wanted: Tensor, answer: Tensor, what: str) -> Picture:
    """Two images (H, W), scaled alike: target and yours, with the pixel that differs most marked."""
    low, high = float(wanted.min()), float(wanted.max())
    scale = (high - low) or 1.0
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    axes = figure.subplots(1, 2)
    for a, image, title in zip(axes, (wanted, answer), ("target", "yours"), strict=True):
        panel(a, (image.nan_to_num() - low) / scale, title)
    gap = (wanted - answer).abs().nan_to_num(nan=math.inf)
    row, column = (int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    for a in axes:
        a.plot(column, row, "s", markersize=9, markerfacecolor="none", markeredgecolor=ACCENT, markeredgewidth=2)
    return picture(figure, f"{what}: target and yours; they differ most at row {row}, column {column}.")


def draw_theta(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """The letter F warped by both thetas (6,)."""
    image = letter_f(*case.get("size", (20, 20)))
    warped = [sample(image[None], Affine().grid(t.float()[None], image.shape[1:]))[0, 0] for t in (wanted, answer)]
    return side_by_side(*warped, "The letter F, warped")


def draw_grid(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """Both grids (H, W, 2) as points in the normalised square."""
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    for axes, points, title in zip(figure.subplots(1, 2), (wanted, answer), ("target", "yours"), strict=True):
        axes.plot([-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], color="#bbbbbb", linewidth=1)
        axes.plot(*points.reshape(-1, 2).T, color="#bbbbbb", linewidth=0.7)  # from one point to the next
        axes.scatter(*points.reshape(-1, 2).T, c=range(points[..., 0].numel()), cmap="viridis", s=18, zorder=2)
        axes.annotate("first", points.reshape(-1, 2)[0], (0, 5), textcoords="offset points", ha="center", fontsize=8)
        axes.set_xlim(-1.3, 1.3)
        axes.set_ylim(1.3, -1.3)
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
    return picture(
        figure, f"Grid points, target and yours, for {describe(case)}; the colour runs from the first point to the last."
    )


def draw_sampled(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """First image, first channel, of both outputs (N, C, H, W)."""
    return side_by_side(wanted[0, 0], answer[0, 0], "The letter F, sampled")


def draw_slope(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """Both derivatives (H, W)."""
    return side_by_side(wanted, answer, "How the letter F changes with the shift")


def draw_walk(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """Where the points x (P,) of a row of pixels go: target and yours, as curves over x."""
    x = case["x"]
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.axhspan(-0.5, case["length"] - 0.5, color="#eeeeee")
    axes.plot(x, wanted, color="#777777", linewidth=4, label="target")
    axes.plot(x, answer, color=ACCENT, linewidth=1.5, linestyle="--", label="yours")
    axes.set_xlabel("x before")
    axes.set_ylabel("x after")
    figure.legend(loc="outside upper left", ncols=2, frameon=False)
    return picture(figure, f"Where a walk goes, target and yours, for {describe(case)}; the row of pixels is shaded.")
