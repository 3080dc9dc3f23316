"""Exercises of notebook 10, two sums: the gradient of theta over all pixels, and that of a batch over all processes."""

from collections.abc import Callable

import torch
from torch import Tensor

from .verdict import Mistake, Verdict, compare


def homogeneous(points: Tensor) -> Tensor:
    """(x, y) -> (x, y, 1)."""
    return torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)


def over_pixels(left: Callable = lambda g: g, right: Callable = homogeneous, equation: str = "nhwi,hwj->nij") -> Callable:
    """A `theta_gradient` that sums products of what `left` makes of the gradients and `right` of the points."""
    return lambda gradients, points: torch.einsum(equation, left(gradients), right(points)).flatten(1)


right_theta_gradient = over_pixels()


def other_ends(gradients: Tensor, points: Tensor) -> Tensor:
    """The six sums, in the order (x, y, 1) of both axes in turn."""
    return right_theta_gradient(gradients, points).view(-1, 2, 3).mT.flatten(1)


THETA_MISTAKES = [
    Mistake(
        "mean",
        lambda gradients, points: right_theta_gradient(gradients, points) / points[..., 0].numel(),
        "that is the mean over the pixels: every pixel moves by theta, so what they say is added up.",
    ),
    Mistake(
        "summed over the batch",
        lambda gradients, points: right_theta_gradient(gradients, points).sum(dim=0),
        "the images are added up, too: each has a theta of its own, and a gradient of its own.",
    ),
    Mistake(
        "mean over the batch",
        lambda gradients, points: right_theta_gradient(gradients, points) / len(gradients),
        "it is divided by how many images there are: each has a theta of its own, and nothing is averaged.",
    ),
    Mistake(
        "x and y exchanged",
        over_pixels(right=lambda p: homogeneous(p.flip(-1))),
        "x and y of the target points are exchanged: the last axis is (x, y).",
    ),
    Mistake(
        "rows exchanged",
        over_pixels(left=lambda g: g.flip(-1)),
        "the two rows are exchanged: the first three numbers make the x of where a pixel looks.",
    ),
    Mistake(
        "column by column",
        other_ends,
        "the six numbers are right, and in the wrong order: theta goes row by row, (a11, a12, t_x) first.",
    ),
    Mistake(
        "shift first",
        over_pixels(right=lambda p: homogeneous(p).roll(1, -1)),
        "the shift comes first in each of your rows: in theta it is the last of a row.",
    ),
    Mistake(
        "shift left out",
        over_pixels(right=lambda p: p),
        "the shifts are missing: they multiply the 1 in (x, y, 1).",
    ),
    Mistake(
        "shift is 0",
        over_pixels(right=lambda p: torch.cat([p, torch.zeros_like(p[..., :1])], dim=-1)),
        "the shifts get no gradient: by what is t_x multiplied in a11 x + a12 y + t_x?",
    ),
    Mistake(
        "shift only",
        lambda gradients, points: gradients.sum(dim=(1, 2)),
        "those are the gradients of the two shifts: the other four weigh each pixel by its x or its y.",
    ),
    Mistake(
        "points left out",
        lambda gradients, points: gradients.sum(dim=(1, 2)).repeat_interleave(3, dim=1),
        "all three numbers of a row are the same: a11 weighs a pixel by its x, a12 by its y.",
    ),
    Mistake(
        "x alone",
        over_pixels(left=lambda g: g[..., :1].expand_as(g)),
        "both rows are made from the gradient by x: the second row makes the y of where a pixel looks.",
    ),
    Mistake(
        "sums multiplied",
        lambda gradients, points: (
            gradients.sum(dim=(1, 2))[:, :, None] * homogeneous(points).sum(dim=(0, 1))[None, None]
        ).flatten(1),
        "the sums are multiplied: multiply at every pixel, and then add up.",
    ),
    Mistake(
        "last row of pixels only",
        lambda gradients, points: right_theta_gradient(gradients[:, -1:], points[-1:]),
        "that is the last row of pixels alone: does `return` stand within the loop, or `=` where `+=` is meant?",
    ),
    Mistake(
        "not added up",
        over_pixels(equation="nhwi,hwj->nhwij"),
        "nothing is added up: a gradient for each pixel is more than theta has numbers.",
    ),
    Mistake(
        "downhill",
        lambda gradients, points: -right_theta_gradient(gradients, points),
        "the sign is the other one: the step downhill is the optimiser's, this is the gradient itself.",
    ),
    Mistake(
        "as matrices",
        lambda gradients, points: right_theta_gradient(gradients, points).view(-1, 2, 3),
        "the numbers are right, as matrices (N, 2, 3): theta is (N, 6).",
    ),
]


def check_theta_gradient(function: Callable) -> Verdict:
    """`theta_gradient(gradients, points)`: of the sampling points, (N, H, W, 2) -> of affine theta, (N, 6); points (H, W, 2).

    >>> check_theta_gradient(lambda gradients, points: gradients.sum(dim=(1, 2))).message[:51]
    'those are the gradients of the two shifts: the othe'
    """
    generator = torch.Generator().manual_seed(0)
    cases = []
    for n, height, width in ((1, 1, 2), (1, 3, 4), (3, 4, 3), (2, 5, 7)):
        cases.append(
            dict(
                gradients=torch.randn(n, height, width, 2, generator=generator),
                points=torch.rand(height, width, 2, generator=generator) * 2 - 1,
            )
        )
    return compare(function, cases, right_theta_gradient, THETA_MISTAKES)


def weighted(weights: Callable[[Tensor], Tensor]) -> Callable:
    """A `whole_gradient` that adds the gradients up with weights made from the counts, (K,) -> (K,)."""

    def whole(gradients: list[Tensor], counts: list[int]) -> Tensor:
        return sum(g * w for g, w in zip(gradients, weights(torch.tensor(counts).double()), strict=True))

    return whole


right_whole_gradient = weighted(lambda n: n / n.sum())

WHOLE_MISTAKES = [
    Mistake(
        "plain mean",
        weighted(lambda n: torch.ones_like(n) / len(n)),
        "every process counts the same: the one with more images has more to say.",
    ),
    Mistake(
        "sum",
        weighted(torch.ones_like),
        "the gradients are added up: the loss is a mean over all images, so two halves weigh a half each.",
    ),
    Mistake("not divided", weighted(lambda n: n), "it is never divided: the loss is a mean over all images, of all processes."),
    Mistake(
        "divided by the number of processes",
        weighted(lambda n: n / len(n)),
        "it is divided by how many processes there are: the loss is a mean over images.",
    ),
    Mistake(
        "the few count most",
        weighted(lambda n: (1 / n) / (1 / n).sum()),
        "the process with the fewest images counts most: it is the other way round.",
    ),
    Mistake(
        "divided by the counts",
        weighted(lambda n: 1 / n),
        "each gradient is divided by its count: it is a mean already. Multiply, and divide by the sum of all counts.",
    ),
    Mistake(
        "divided twice",
        weighted(lambda n: n / n.sum() / len(n)),
        "it is divided once too often: the weights already add up to 1.",
    ),
    Mistake(
        "divided by the sum alone",
        weighted(lambda n: torch.ones_like(n) / n.sum()),
        "each gradient is the mean over a share: make it a sum by its count before you divide by all.",
    ),
    Mistake(
        "weights in the wrong order",
        weighted(lambda n: n.flip(0) / n.sum()),
        "the counts are in the wrong order: the first one belongs to the first gradient.",
    ),
    Mistake(
        "squares",
        weighted(lambda n: n.square() / n.square().sum()),
        "the counts weigh twice, as squares: once is right.",
    ),
    Mistake(
        "largest share",
        weighted(lambda n: n / n.max()),
        "it is divided by the largest count: the weights shall add up to 1.",
    ),
    Mistake(
        "first process only",
        lambda gradients, counts: gradients[0],
        "that is the first process's gradient alone: does `return` stand within the loop?",
    ),
    Mistake(
        "first share only",
        lambda gradients, counts: gradients[0] * counts[0] / sum(counts),
        "that is the first process's share alone: does `return` stand within the loop?",
    ),
    Mistake(
        "last share only",
        lambda gradients, counts: gradients[-1] * counts[-1] / sum(counts),
        "that is the last process's share alone: `=` in a loop keeps the last, `+=` adds up.",
    ),
    Mistake(
        "last process only",
        lambda gradients, counts: gradients[-1],
        "that is the last process's gradient alone: `=` in a loop keeps the last, `+=` adds up.",
    ),
    Mistake(
        "not added up",
        lambda gradients, counts: torch.stack([g * n / sum(counts) for g, n in zip(gradients, counts, strict=True)]),
        "the shares are right, and nobody adds them up.",
    ),
    Mistake(
        "one number",
        lambda gradients, counts: right_whole_gradient(gradients, counts).mean(),
        "that is one number: the gradient keeps its shape, and each of its numbers is combined for itself.",
    ),
    Mistake(
        "whole shares",
        weighted(lambda n: n // n.sum()),
        "// drops the fraction, and every share is one: / keeps it.",
    ),
    Mistake(
        "downhill",
        lambda gradients, counts: -right_whole_gradient(gradients, counts),
        "the sign is the other one: the step downhill is the optimiser's, this is the gradient itself.",
    ),
]


def check_whole_gradient(function: Callable) -> Verdict:
    """`whole_gradient(gradients, counts)`: of the mean loss of a whole batch, from those of its shares' mean losses.

    >>> check_whole_gradient(lambda gradients, counts: sum(gradients) / len(gradients)).message[:36]
    'every process counts the same: the o'
    """
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(gradients=[torch.randn(3, 4, generator=generator) for _ in counts], counts=counts)
        for counts in ([32, 32], [16, 17], [3, 1, 2], [5, 9, 2, 8])
    ]
    return compare(function, cases, right_whole_gradient, WHOLE_MISTAKES)
