"""Checkers of notebook 2."""

from collections.abc import Callable
from itertools import product

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from ...geometry.affine import Affine
from ...geometry.rotation import Rotation
from ..picture import Picture, picture
from .moving_the_grid import draw_theta
from .verdict import Verdict, compare, describe


def draw_grid(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """Both grids as points in the normalised square."""
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    for axes, points, title in zip(figure.subplots(1, 2), (wanted, answer), ("target", "yours"), strict=True):
        axes.scatter(*points.reshape(-1, 2).T, c=range(points[..., 0].numel()), cmap="viridis", s=12)
        axes.set_xlim(-1.2, 1.2)
        axes.set_ylim(1.2, -1.2)
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
    return picture(
        figure, f"Grid points, target and yours, for {describe(case)}; the colour runs from the first point to the last."
    )


SIZES = ((3, 5), (4, 4), (6, 2))


def check_target_grid(function: Callable) -> Verdict:
    """`my_target_grid(size, align_corners)`: (H, W, 2), last axis (x, y), as torch's affine_grid gives for the identity."""
    cases = [dict(size=size, align_corners=flag) for size, flag in product(SIZES, (False, True))]

    def oracle(size, align_corners):
        return F.affine_grid(torch.eye(2, 3)[None], [1, 1, *size], align_corners=align_corners)[0]

    mistakes = {
        "x and y are exchanged: the last axis is (x, y), and x runs along a row": lambda size, align_corners: oracle(
            size, align_corners
        ).flip(-1),
        "height and width are exchanged: size is (H, W), rows come first": lambda size, align_corners: oracle(
            size[::-1], align_corners
        ),
        "align_corners is ignored, -1 and 1 are always pixel centres: with False they are the outer edges": (
            lambda size, align_corners: oracle(size, True)
        ),
        "align_corners is ignored, -1 and 1 are always outer edges: with True they are pixel centres": (
            lambda size, align_corners: oracle(size, False)
        ),
        "align_corners is the wrong way round": lambda size, align_corners: oracle(size, not align_corners),
    }
    return compare(function, cases, oracle, mistakes, draw_grid)


def check_unsheared_theta(function: Callable) -> Verdict:
    """`unsheared_theta(angle, size)`: affine theta (6,) that turns a non-square image without shearing it."""

    def theta(angle: float, aspect: float) -> Tensor:
        return Affine().from_matrix(Rotation(aspect).matrix(torch.tensor([[angle]])))[0]

    cases = [dict(angle=a, size=s) for a, s in product((0.4, -1.1), ((16, 32), (30, 20), (20, 20)))]
    mistakes = {
        "this is the plain rotation matrix, which shears an image that is not square": lambda angle, size: theta(angle, 1),
        "the aspect is upside down: x is divided by W and y by H": lambda angle, size: theta(angle, size[0] / size[1]),
        "the grid turns the other way: keep the sign of the plain rotation": lambda angle, size: theta(
            -angle, size[1] / size[0]
        ),
    }
    return compare(function, cases, lambda angle, size: theta(angle, size[1] / size[0]), mistakes, draw_theta)
