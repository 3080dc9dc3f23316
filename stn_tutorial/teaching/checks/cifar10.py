"""Exercise 1 of notebook 7, the scale of a window: its wrong answers and its checker."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.affine import Affine
from ...training.metrics import scale_of
from .verdict import Mistake, Verdict, compare


def right_scale(theta: Tensor) -> Tensor:
    """What `window_scale` is to answer."""
    return scale_of(theta.view(-1, 2, 3))


def linear(theta: Tensor) -> Tensor:
    """The 2x2 part of thetas (N, 6)."""
    return theta.view(-1, 2, 3)[:, :, :2]


def determinant(theta: Tensor) -> Tensor:
    """The determinant of the 2x2 part of thetas (N, 6)."""
    return theta[:, 0] * theta[:, 4] - theta[:, 1] * theta[:, 3]


SHEAR = "shear and turn spoil that: think of the area of the parallelogram that the square becomes."
SCALE_MISTAKES = [
    Mistake(
        "square root forgotten",
        lambda theta: determinant(theta).abs(),
        "the square root is forgotten: that is the window's area, and a scale is a length.",
    ),
    Mistake(
        "determinant",
        determinant,
        "that is the determinant, the area with a sign: a scale is a length, and never negative.",
    ),
    Mistake(
        "half the area",
        lambda theta: determinant(theta).abs() / 2,
        "halving is not the square root: twice as wide means four times the area.",
    ),
    Mistake(
        "inverse",
        lambda theta: 1 / right_scale(theta),
        "that is how much larger the picture appears: the window is the inverse of it.",
    ),
    Mistake(
        "twice the scale",
        lambda theta: 2 * right_scale(theta),
        "twice as large: the identity must give 1. As a multiple of the output, the square's own width does not count.",
    ),
    Mistake(
        "NaN where mirrored",
        lambda theta: determinant(theta).sqrt(),
        "the root of a negative determinant is NaN: a mirrored window has a size, too.",
    ),
    Mistake(
        "zero where mirrored",
        lambda theta: determinant(theta).clamp(min=0).sqrt(),
        "a mirrored window has a size, too: with a negative determinant yours is 0.",
    ),
    Mistake(
        "signed",
        lambda theta: determinant(theta).sign() * right_scale(theta),
        "a mirrored window has a size, too, and no size is negative.",
    ),
    Mistake("mean of the diagonal", lambda theta: (theta[:, 0] + theta[:, 4]) / 2, SHEAR),
    Mistake("first entry", lambda theta: theta[:, 0], SHEAR),
    Mistake("product of the diagonal", lambda theta: (theta[:, 0] * theta[:, 4]).abs().sqrt(), SHEAR),
    Mistake(
        "length of the first column",
        lambda theta: torch.hypot(theta[:, 0], theta[:, 3]),
        "that is the length of the first column, one side of the window: how high the window is does not matter to it.",
    ),
    Mistake(
        "length of the first row",
        lambda theta: torch.hypot(theta[:, 0], theta[:, 1]),
        "that is the length of the first row: the second one knows something of the window's size, too.",
    ),
    Mistake(
        "mean length of the columns",
        lambda theta: linear(theta).norm(dim=1).mean(dim=1),
        "the mean length of the sides ignores the angle between them: a sheared window with long sides may be thin.",
    ),
    Mistake(
        "product of the sides",
        lambda theta: linear(theta).norm(dim=1).prod(dim=1).sqrt(),
        "the product of two sides is the area of a rectangle: the sides of a sheared window meet at another angle.",
    ),
    Mistake(
        "norm",
        lambda theta: linear(theta).flatten(1).norm(dim=1) / 2**0.5,
        "that is the norm of the 2x2 part: it grows with stretch and shear that leave the area as it is.",
    ),
    Mistake(
        "largest stretch",
        lambda theta: torch.linalg.matrix_norm(linear(theta), 2),
        "that is the largest stretch, in one direction: another direction may be shrunk.",
    ),
    Mistake(
        "plus for minus",
        lambda theta: (theta[:, 0] * theta[:, 4] + theta[:, 1] * theta[:, 3]).abs().sqrt(),
        "a determinant is a difference of two products, not their sum.",
    ),
    Mistake(
        "indices off",
        lambda theta: (theta[:, 0] * theta[:, 3] - theta[:, 1] * theta[:, 2]).abs().sqrt(),
        "the indices are off: theta is row by row, (a11, a12, t_x, a21, a22, t_y).",
    ),
    Mistake(
        "a column of scales",
        lambda theta: right_scale(theta)[:, None],
        "the numbers are right, the shape is not: one scale for each theta, (N,).",
    ),
    Mistake(
        "mean scale",
        lambda theta: right_scale(theta).mean(),
        "that is one scale for all: one for each theta is wanted, (N,).",
    ),
    Mistake(
        "area of the window",
        lambda theta: 4 * determinant(theta).abs(),
        "the output's square is 2 wide and has an area of 4: by which factor does it grow? And a scale is the root of that.",
    ),
    Mistake(
        "squared",
        lambda theta: determinant(theta) ** 2,
        "you square where the root is wanted: twice as wide means four times the area.",
    ),
    Mistake(
        "third root",
        lambda theta: determinant(theta).abs() ** (1 / 3),
        "that is the third root, which makes a length of a volume: this is an area.",
    ),
    Mistake(
        "power of zero",
        lambda theta: determinant(theta).abs() ** 0,
        "every scale is 1: is your exponent `1 // 2`, which is 0?",
    ),
    Mistake(
        "difference of roots",
        lambda theta: (theta[:, 0] * theta[:, 4]).sqrt() - (theta[:, 1] * theta[:, 3]).sqrt(),
        "the root of a difference is not the difference of the roots.",
    ),
    Mistake(
        "growth",
        lambda theta: right_scale(theta) - 1,
        "that is by how much the window grew: the identity must give 1.",
    ),
    Mistake("per cent", lambda theta: 100 * right_scale(theta), "that is in per cent: the identity must give 1."),
    Mistake(
        "mean size of the diagonal",
        lambda theta: (theta[:, 0] + theta[:, 4]).abs() / 2,
        SHEAR,
    ),
    Mistake("larger of the diagonal", lambda theta: theta[:, [0, 4]].abs().amax(dim=1), SHEAR),
    Mistake("product of the diagonal, no root", lambda theta: (theta[:, 0] * theta[:, 4]).abs(), SHEAR),
    Mistake(
        "norm, not divided",
        lambda theta: linear(theta).flatten(1).norm(dim=1),
        "that is the norm of the 2x2 part: the identity must give 1, and stretch that leaves the area as it is must not count.",
    ),
    Mistake(
        "norm of theta",
        lambda theta: theta.norm(dim=1),
        "that is the norm of all six numbers: shifts do not count, and the area does.",
    ),
    Mistake(
        "mean length of the rows",
        lambda theta: linear(theta).norm(dim=2).mean(dim=1),
        "the lengths of the rows do not know the angle between them: think of the area.",
    ),
    Mistake(
        "mean stretch",
        lambda theta: torch.linalg.svdvals(linear(theta)).mean(dim=1),
        "that is the mean of the two stretches: the root of their product is the scale.",
    ),
    Mistake(
        "mean eigenvalue",
        lambda theta: torch.linalg.eigvals(linear(theta)).abs().mean(dim=1),
        "that is the mean size of the eigenvalues: the root of the size of their product is the scale.",
    ),
    Mistake(
        "largest eigenvalue",
        lambda theta: torch.linalg.eigvals(linear(theta)).abs().amax(dim=1),
        "that is the larger eigenvalue: the other one counts, too.",
    ),
    Mistake(
        "box around the window",
        lambda theta: linear(theta).abs().sum(dim=2).prod(dim=1).sqrt(),
        "that is the size of the upright box around the window: a turned window fills only a part of it.",
    ),
    Mistake(
        "first theta only",
        lambda theta: right_scale(theta[:1])[0],
        "that is the scale of the first theta only: one for each is wanted, (N,).",
    ),
]


def check_window_scale(function: Callable) -> Verdict:
    """`window_scale(theta)`: how large the window of affine thetas (N, 6) is, as a multiple of the output: (N,).

    >>> check_window_scale(lambda theta: theta[:, 0]).message[:26]
    'shear and turn spoil that:'
    """
    generator = torch.Generator().manual_seed(0)
    noise = 0.5 * torch.randn(20, 6, generator=generator)
    mirrored = Affine().identity() * torch.tensor([-1.0, 1, 1, 1, 1, 1])
    cases = [dict(theta=middle + noise) for middle in (Affine().identity(), 2 * Affine().identity(), mirrored)]
    return compare(function, cases, right_scale, SCALE_MISTAKES)
