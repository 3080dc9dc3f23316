"""Exercises of notebook 7: their wrong answers and their checkers."""

import statistics
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


def blocks(values: list[float], size: int) -> list[list[float]]:
    """Consecutive blocks of `size` values; the last may be shorter."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def right_means(values: list[float], size: int) -> list[float]:
    """What `block_means` is to answer."""
    return of_blocks(statistics.fmean)(values, size)


def of_blocks(number: Callable) -> Callable:
    """A `block_means` that takes another number from each block."""
    return lambda values, size: [number(block) for block in blocks(values, size)]


MEANS_MISTAKES = [
    Mistake(
        "last block dropped",
        lambda values, size: [sum(block) / size for block in blocks(values, size) if len(block) == size],
        "the last block is dropped when it is not full.",
    ),
    Mistake(
        "divided by size",
        lambda values, size: [sum(block) / size for block in blocks(values, size)],
        "a short last block has fewer values: by what is its sum to be divided?",
    ),
    Mistake(
        "moving average",
        lambda values, size: [sum(values[k : k + size]) / size for k in range(len(values) - size + 1)],
        "blocks that overlap are a moving average: where does the next block begin?",
    ),
    Mistake(
        "moving average to the end",
        lambda values, size: [statistics.fmean(values[k : k + size]) for k in range(len(values))],
        "blocks that overlap are a moving average: where does the next block begin?",
    ),
    Mistake("best of each block", of_blocks(max), "that is the best of each block, the luck that the means are to take out."),
    Mistake("worst of each block", of_blocks(min), "that is the worst of each block: the mean is wanted."),
    Mistake(
        "first of each block", of_blocks(lambda block: block[0]), "that is the first of each block: the others count, too."
    ),
    Mistake("last of each block", of_blocks(lambda block: block[-1]), "that is the last of each block: the others count, too."),
    Mistake("sum", of_blocks(sum), "that is the sum of each block: a mean is divided by how many there are."),
    Mistake("median", of_blocks(statistics.median), "that is the median of each block: the mean is wanted."),
    Mistake("the blocks", blocks, "those are the blocks themselves: one number of each is wanted, its mean."),
    Mistake(
        "one mean for all",
        lambda values, size: statistics.fmean(values),
        "that is one mean for all values: there is one for each block.",
    ),
    Mistake(
        "first block only",
        lambda values, size: statistics.fmean(values[:size]),
        "that is the mean of the first block alone: does `return` stand within the loop?",
    ),
    Mistake(
        "list of the first mean",
        lambda values, size: right_means(values, size)[:1],
        "that is the first mean alone: does `return` stand within the loop?",
    ),
    Mistake(
        "running mean",
        lambda values, size: [
            statistics.fmean(values[: min(start + size, len(values))]) for start in range(0, len(values), size)
        ],
        "each of your means begins at the first value: a block begins where the last one ended.",
    ),
    Mistake(
        "to the end",
        lambda values, size: [statistics.fmean(values[start:]) for start in range(0, len(values), size)],
        "each of your blocks runs to the end of the list: where does it stop?",
    ),
    Mistake(
        "one value short",
        lambda values, size: [sum(b[: size - 1]) / max(1, len(b[: size - 1])) for b in blocks(values, size)],
        "each block lacks its last value: a slice ends before its second number.",
    ),
    Mistake(
        "one value too many",
        lambda values, size: [statistics.fmean(values[start : start + size + 1]) for start in range(0, len(values), size)],
        "each block has a value of the next one: a slice ends before its second number.",
    ),
    Mistake(
        "every size-th value",
        lambda values, size: [statistics.fmean(values[k::size]) for k in range(size)],
        "your blocks take every size-th value: those of a block follow one another.",
    ),
    Mistake(
        "that many blocks",
        lambda values, size: right_means(values, -(-len(values) // size)),
        "you made `size` blocks: `size` is how many values a block has.",
    ),
    Mistake(
        "rounded",
        of_blocks(lambda block: sum(block) // len(block)),
        "the fraction is gone: // rounds downwards.",
    ),
    Mistake(
        "repeated",
        lambda values, size: [mean for block in blocks(values, size) for mean in [statistics.fmean(block)] * len(block)],
        "each mean comes as often as its block has values: once is enough.",
    ),
]


def check_block_means(function: Callable) -> Verdict:
    """`block_means(values, size)`: the mean of each block of `size` values; the last block may be shorter.

    >>> check_block_means(lambda values, size: values[::size]).message[:33]
    'that is the first of each block: '
    """
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(values=(100 * torch.rand(n, generator=generator)).tolist(), size=size)
        for n, size in ((50, 10), (12, 4), (7, 3), (5, 1))
    ]
    return compare(function, cases, right_means, MEANS_MISTAKES)
