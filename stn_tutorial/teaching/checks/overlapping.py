"""Exercise 2 of notebook 8, the overlap of two boxes: its wrong answers and its checker."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.carrying import box_overlap
from .verdict import Mistake, Verdict, compare


def parts(boxes: Tensor, others: Tensor, floor: float | None = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """Common area and both areas; floor: the least width and height of what is common, None for any."""
    sides = torch.minimum(boxes[:, 2:], others[:, 2:]) - torch.maximum(boxes[:, :2], others[:, :2])
    sides = sides if floor is None else sides.clamp(min=floor)
    areas = [(box[:, 2:] - box[:, :2]).prod(dim=1) for box in (boxes, others)]
    return sides.prod(dim=1), *areas


def of_areas(share: Callable, floor: float | None = 0.0) -> Callable:
    """An `overlap` that makes its answer of the common area and both areas."""
    return lambda boxes, others: share(*parts(boxes, others, floor))


def as_sizes(boxes: Tensor) -> Tensor:
    """Boxes (left, top, right, bottom) as who takes them for (left, top, width, height) reads them."""
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)


def union_of(common: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """The area of two boxes together."""
    return one + other - common


OVERLAP_MISTAKES = [
    Mistake(
        "negative sides",
        of_areas(lambda common, one, other: common / union_of(common, one, other), floor=None),
        "boxes that lie apart have a common width or height below 0, and two negative sides make a positive area: nothing is 0.",
    ),
    Mistake(
        "negative area",
        of_areas(lambda common, one, other: common.clamp(min=0) / union_of(common.clamp(min=0), one, other), floor=None),
        "the area was kept from being negative, not the sides: two boxes apart in x and in y have two negative sides.",
    ),
    Mistake(
        "common part counted twice",
        of_areas(lambda common, one, other: common / (one + other)),
        "what both share is counted twice in the sum of the areas: equal boxes must have an overlap of 1.",
    ),
    Mistake(
        "twice over the sum",
        of_areas(lambda common, one, other: 2 * common / (one + other)),
        "that is another measure (Dice): equal boxes have 1 there, too. Wanted is the common area over that of the union.",
    ),
    Mistake(
        "over the smaller",
        of_areas(lambda common, one, other: common / torch.minimum(one, other)),
        "divided by the smaller box: a tiny box within a large one would have 1. Divide by the area of both together.",
    ),
    Mistake(
        "over the larger",
        of_areas(lambda common, one, other: common / torch.maximum(one, other)),
        "divided by the larger box: what the smaller one covers besides is forgotten. Divide by the area of both together.",
    ),
    Mistake(
        "over the first",
        of_areas(lambda common, one, other: common / one),
        "divided by the first box alone: the measure must not change when the two are exchanged.",
    ),
    Mistake(
        "over the second",
        of_areas(lambda common, one, other: common / other),
        "divided by the second box alone: the measure must not change when the two are exchanged.",
    ),
    Mistake(
        "common area",
        of_areas(lambda common, one, other: common),
        "that is the common area: as a share of what both cover it is free of the unit.",
    ),
    Mistake(
        "union",
        of_areas(union_of),
        "that is the area of both together: the common area belongs above it.",
    ),
    Mistake(
        "upside down",
        of_areas(lambda common, one, other: union_of(common, one, other) / common),
        "the fraction stands on its head: the common area goes above, so that 1 is the best.",
    ),
    Mistake(
        "box around both",
        lambda boxes, others: (
            parts(boxes, others)[0]
            / (torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])).prod(dim=1)
        ),
        "divided by the box around both, which holds corners that neither covers: the union is the sum less what is common.",
    ),
    Mistake(
        "width and height",
        lambda boxes, others: box_overlap(as_sizes(boxes), as_sizes(others)),
        "the last two numbers are right and bottom, not width and height.",
    ),
    Mistake(
        "minimum and maximum exchanged",
        lambda boxes, others: (
            (torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])).prod(dim=1)
            / sum(parts(boxes, others)[1:])
        ),
        "the common part begins at the larger of the two lefts, and ends at the smaller of the two rights: you have them exchanged.",
    ),
    Mistake(
        "whole division",
        of_areas(lambda common, one, other: common // union_of(common, one, other)),
        "// throws the fraction away, and leaves 0 or 1: / keeps it.",
    ),
    Mistake(
        "per cent",
        of_areas(lambda common, one, other: 100 * common / union_of(common, one, other)),
        "that is in per cent: a share between 0 and 1 is wanted.",
    ),
    Mistake(
        "first pair alone",
        lambda boxes, others: box_overlap(boxes[0], others[0]),
        "that is one number: each pair of boxes has its own overlap, shape (N,).",
    ),
    Mistake(
        "mean",
        lambda boxes, others: box_overlap(boxes, others).mean(),
        "that is the mean over all pairs: each has its own overlap, shape (N,).",
    ),
    Mistake(
        "each with each",
        lambda boxes, others: box_overlap(boxes[:, None], others),
        "each box was compared with every other: the first belongs to the first, the second to the second, shape (N,).",
    ),
    Mistake(
        "right or wrong",
        lambda boxes, others: (box_overlap(boxes, others) > 0.5).double(),
        "that says only whether it is above one half: the share itself is wanted.",
    ),
]


def check_overlap(function: Callable) -> Verdict:
    """`overlap(boxes, others)`: intersection over union of pairs of boxes, (N, 4) each -> (N,).

    >>> check_overlap(lambda boxes, others: torch.ones(len(boxes))).message[:15]
    'expected 0.1111'
    """
    first = torch.tensor(
        [[0.0, 0, 2, 2], [0, 0, 1, 1], [0.1, 0.2, 0.9, 0.5], [-1, -1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 2, 2]]
    )
    other = torch.tensor(
        [[1.0, 1, 3, 4], [0, 0, 1, 1], [0.3, 0.1, 0.6, 0.9], [-0.5, 0, 0.5, 0.25], [2, 2, 3, 3], [2, 0, 3, 1], [0, 0, 2, 1.5]]
    )
    cases = [dict(boxes=first[rows], others=other[rows]) for rows in ([0], [0, 1, 2], [3, 0], [4, 0], [5, 6, 2])]
    return compare(function, cases, box_overlap, OVERLAP_MISTAKES)
