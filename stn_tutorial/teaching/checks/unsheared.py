"""Exercise 2 of notebook 2, the turn without shear: its wrong answers and its checker."""

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from .drawing import draw_theta
from .moving_the_grid import flat_theta, three_rows
from .turning import other_way_turn
from .verdict import Mistake, Verdict, compare, with_also


def turn_between(left: tuple[float, float], right: tuple[float, float], angle: float) -> Tensor:
    """Theta (6,) of diag(left) @ rotation(angle) @ diag(right)."""
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = torch.tensor(left).diag() @ torch.tensor([[cos, -sin], [sin, cos]]) @ torch.tensor(right).diag()
    return torch.cat([matrix, torch.zeros(2, 1)], dim=1).flatten()


def with_factors(upper: Callable, lower: Callable) -> Callable:
    """An `unsheared_theta` whose sines are multiplied by upper(W / H), the one with the minus, and lower(W / H)."""

    def theta(angle: float, size: tuple[int, int]) -> Tensor:
        aspect = size[1] / size[0]
        factors = torch.tensor([1, upper(aspect), 1, lower(aspect), 1, 1])
        return turn_between((1.0, 1.0), (1.0, 1.0), angle) * factors

    return theta


right_unsheared = with_factors(lambda a: 1 / a, lambda a: a)
UNSHEARED_HALVES = [
    Mistake(
        "plain rotation",
        with_factors(lambda a: 1, lambda a: 1),
        "this is the plain rotation matrix, which shears an image that is not square: where does the aspect come in?",
    ),
    Mistake(
        "aspect upside down",
        with_factors(lambda a: a, lambda a: 1 / a),
        "the aspect is upside down: x is counted in halves of W, y in halves of H. Which of the two is the longer unit?",
    ),
    Mistake(
        "upper factor only",
        with_factors(lambda a: 1 / a, lambda a: 1),
        "one factor only: the upper sine knows the aspect, the lower does not.",
    ),
    Mistake(
        "lower factor only",
        with_factors(lambda a: 1, lambda a: a),
        "one factor only: the lower sine knows the aspect, the upper does not.",
    ),
    Mistake(
        "both up",
        with_factors(lambda a: a, lambda a: a),
        "both sines have the same factor: what is stretched on the way in must be shrunk on the way out.",
    ),
    Mistake(
        "both down",
        with_factors(lambda a: 1 / a, lambda a: 1 / a),
        "both sines have the same factor: what is shrunk on the way in must be stretched on the way out.",
    ),
    Mistake(
        "squared",
        with_factors(lambda a: a**-2, lambda a: a**2),
        "the aspect comes in twice: one matrix on each side of the rotation is enough.",
    ),
]
UNSHEARED_MISTAKES = [
    *UNSHEARED_HALVES,
    Mistake(
        "other way",
        lambda **case: other_way_turn(right_unsheared(**case)),
        "the grid turns the other way: keep the sign of the plain rotation.",
    ),
    *with_also(
        UNSHEARED_HALVES,
        ("plain rotation", "aspect upside down", "upper factor only", "lower factor only"),
        other_way_turn,
        "the grid turns the other way, too",
    ),
    Mistake(
        "* for @",
        lambda angle, size: right_unsheared(angle, size) * torch.tensor([1.0, 0, 1, 0, 1, 1]),
        "the sines are gone: * multiplies entry by entry, and a diagonal matrix has zeros there. Which sign multiplies matrices?",
    ),
    Mistake(
        "scaled before only",
        lambda angle, size: turn_between((1.0, 1.0), (size[1] / size[0], 1.0), angle),
        "you went to the space with equal units and never came back: a second matrix is missing on the left.",
    ),
    Mistake(
        "scaled after only",
        lambda angle, size: turn_between((size[0] / size[1], 1.0), (1.0, 1.0), angle),
        "you come back from a space where you never were: a second matrix is missing on the right.",
    ),
    Mistake(
        "scaled twice, never back",
        lambda angle, size: turn_between((size[1] / size[0], 1.0), (size[1] / size[0], 1.0), angle),
        "the same matrix stands on both sides: the one on the left must undo the one on the right.",
    ),
    Mistake(
        "lower row scaled",
        lambda angle, size: turn_between((1.0, size[1] / size[0]), (1.0, 1.0), angle),
        "the whole lower row has the factor, the cosine, too: a matrix on one side only. The other one is missing.",
    ),
    Mistake(
        "lower row scaled before",
        lambda angle, size: turn_between((1.0, 1.0), (1.0, size[0] / size[1]), angle),
        "the whole right column has the factor, the cosine, too: a matrix on one side only. The other one is missing.",
    ),
    Mistake(
        "cosines scaled",
        lambda angle, size: right_unsheared(angle, (1, 1)) * torch.tensor([size[0] / size[1], 1, 1, 1, size[1] / size[0], 1]),
        "the factors stand at the cosines: they belong to the sines, where x and y are mixed.",
    ),
    Mistake(
        "all divided",
        lambda angle, size: right_unsheared(angle, (1, 1)) / (size[1] / size[0]),
        "the whole rotation is divided by the aspect, which makes it smaller or larger: only where x and y are mixed a factor is needed.",
    ),
    Mistake(
        "all multiplied",
        lambda angle, size: right_unsheared(angle, (1, 1)) * (size[1] / size[0]),
        "the whole rotation is multiplied by the aspect, which makes it larger or smaller: only where x and y are mixed a factor is needed.",
    ),
    Mistake(
        "angle scaled",
        lambda angle, size: right_unsheared(angle * size[1] / size[0], (1, 1)),
        "the angle was multiplied by the aspect, so that it is another turn, and still shears: the factor belongs to the sines.",
    ),
    Mistake(
        "whole division",
        with_factors(lambda a: 1 / max(a // 1, 1), lambda a: a // 1),
        "the aspect was rounded to a whole number: // throws the fraction away.",
    ),
    Mistake(
        "aspect 2",
        with_factors(lambda a: 1 / 2, lambda a: 2),
        "the aspect is 2 in your theta, whatever the size: it is W / H.",
    ),
    Mistake(
        "wide pictures only",
        with_factors(lambda a: 1 / max(a, 1), lambda a: max(a, 1)),
        "right for wide pictures only: a picture may be tall, and then the aspect is below 1.",
    ),
    Mistake(
        "square root",
        with_factors(lambda a: a**-0.5, lambda a: a**0.5),
        "the aspect's square root is half of the way: each sine has the aspect itself.",
    ),
    Mistake(
        "lower squared",
        with_factors(lambda a: 1, lambda a: a**2),
        "the lower sine has both factors: one of them belongs to the upper sine, as 1 / a.",
    ),
    Mistake(
        "equal signs",
        lambda angle, size: right_unsheared(angle, size) * torch.tensor([1.0, -1, 1, 1, 1, 1]),
        "both sines have the same sign, which shears and does not turn: where does the rotation matrix have its minus?",
    ),
    Mistake(
        "batch of one",
        lambda **case: right_unsheared(**case)[None],
        "that is a batch of one theta: here the six numbers alone are wanted, shape (6,).",
    ),
    Mistake(
        "batch of one matrix",
        lambda **case: right_unsheared(**case).view(1, 2, 3),
        "that is a batch of one matrix, (1, 2, 3): here a single theta is wanted, shape (6,).",
    ),
    Mistake(
        "W - 1",
        lambda angle, size: right_unsheared(angle, (size[0] - 1, size[1] - 1)),
        "nearly: that is the aspect (W - 1) / (H - 1), for align_corners=True. Here the square runs from edge to edge.",
    ),
    Mistake(
        "degrees",
        lambda angle, size: right_unsheared(math.radians(angle), size),
        "the angle is in radians already: it needs no conversion.",
    ),
    Mistake(
        "sine and cosine exchanged",
        lambda angle, size: right_unsheared(math.pi / 2 - angle, size),
        "sine and cosine are exchanged: with an angle of 0 theta must be the identity. Is it?",
    ),
    Mistake(
        "2x2 part first",
        lambda **case: right_unsheared(**case)[[0, 1, 3, 4, 2, 5]],
        "the six numbers are in another order: theta is row by row, and each row ends with its shift.",
    ),
    Mistake(
        "2x2 part alone",
        lambda **case: right_unsheared(**case)[[0, 1, 3, 4]].view(2, 2),
        "that is the 2x2 part alone: theta has a shift at the end of each row, also where it is zero.",
    ),
    Mistake(
        "three rows",
        lambda **case: three_rows(right_unsheared(**case)),
        "that is the 3x3 matrix: theta is its first two rows, six numbers; the last row is always 0 0 1.",
    ),
]


def check_unsheared_theta(function: Callable) -> Verdict:
    """`unsheared_theta(angle, size)`: affine theta (6,) that turns a non-square image without shearing it.

    >>> check_unsheared_theta(lambda angle, size: [1, 0, 0, 0, 1, 0])
    failed: expected 0.7788 at index 3 for angle=0.4, size=(16, 32), got 0.0000
    """
    cases = [dict(angle=a, size=s) for a, s in product((0.4, -1.1), ((16, 32), (30, 20), (20, 20)))]
    return compare(function, cases, right_unsheared, UNSHEARED_MISTAKES, draw_theta, flat_theta)
