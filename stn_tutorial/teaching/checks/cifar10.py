"""Checkers of notebook 7."""

from collections.abc import Callable

import torch

from ...geometry.affine import Affine
from ...training.metrics import scale_of
from .verdict import Verdict, compare


def check_window_scale(function: Callable) -> Verdict:
    """`window_scale(theta)`: how large the window of affine thetas (N, 6) is, as a multiple of the output: (N,)."""
    generator = torch.Generator().manual_seed(0)
    noise = 0.5 * torch.randn(20, 6, generator=generator)
    mirrored = Affine().identity() * torch.tensor([-1.0, 1, 1, 1, 1, 1])
    cases = [dict(theta=middle + noise) for middle in (Affine().identity(), 2 * Affine().identity(), mirrored)]

    def determinant(theta):
        return theta[:, 0] * theta[:, 4] - theta[:, 1] * theta[:, 3]

    def oracle(theta):
        return scale_of(theta.view(-1, 2, 3))

    mistakes = {
        "that is the window's area: its scale is the square root": lambda theta: determinant(theta).abs(),
        "that is how much larger the picture appears: the window is the inverse of it": lambda theta: 1 / oracle(theta),
        "the root of a negative determinant is NaN: a mirrored window has a size, too": lambda theta: determinant(theta).sqrt(),
        "shear and turn spoil the mean of the diagonal: take the determinant of the 2x2 part": (
            lambda theta: (theta[:, 0] + theta[:, 4]) / 2
        ),
        "the indices are off: theta is row by row, (a11, a12, t_x, a21, a22, t_y)": (
            lambda theta: (theta[:, 0] * theta[:, 3] - theta[:, 1] * theta[:, 2]).abs().sqrt()
        ),
    }
    return compare(function, cases, oracle, mistakes)


def check_block_means(function: Callable) -> Verdict:
    """`block_means(values, size)`: the mean of each block of `size` values; the last block may be shorter."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(values=(100 * torch.rand(n, generator=generator)).tolist(), size=size)
        for n, size in ((50, 10), (12, 4), (7, 3), (5, 1))
    ]

    def blocks(values, size):
        return [values[start : start + size] for start in range(0, len(values), size)]

    def oracle(values, size):
        return [sum(block) / len(block) for block in blocks(values, size)]

    mistakes = {
        "the last block is dropped when it is not full": (
            lambda values, size: [sum(block) / size for block in blocks(values, size) if len(block) == size]
        ),
        "a short last block has fewer values: divide by how many it has": (
            lambda values, size: [sum(block) / size for block in blocks(values, size)]
        ),
        "blocks that overlap are a moving average: step by `size`, not by 1": (
            lambda values, size: [sum(values[k : k + size]) / size for k in range(len(values) - size + 1)]
        ),
        "that is the best of each block, the luck that the means are to take out": (
            lambda values, size: [max(block) for block in blocks(values, size)]
        ),
    }
    return compare(function, cases, oracle, mistakes)
