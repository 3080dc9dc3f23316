"""Exercise 2 of notebook 1, the turn: its wrong answers and its checker."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.affine import Affine
from .drawing import draw_theta
from .moving_the_grid import flat_theta, three_rows
from .verdict import Mistake, Verdict, compare, with_also


def turned(cos: float, sin: float) -> Tensor:
    """Theta (6,) of a turn that shows the *picture* turned clockwise, from cosine and sine."""
    return torch.tensor([cos, sin, 0.0, -sin, cos, 0.0])


def right_turn(degrees: float) -> Tensor:
    """What `turn_theta` is to answer."""
    return turned(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def other_way_turn(theta: Tensor) -> Tensor:
    """The same theta (6,) with its turn the other way."""
    return theta * torch.tensor([1.0, -1, 1, -1, 1, 1])


def same_signs(degrees: float) -> Tensor:
    """The matrix of a turn with both sines of one sign."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([cos, sin, 0.0, sin, cos, 0.0])


ONE_TURN_MISTAKE = [
    Mistake(
        "other way",
        lambda degrees: other_way_turn(right_turn(degrees)),
        "your picture turns the other way: theta turns the grid, and the picture goes against it.",
    ),
    Mistake(
        "degrees as radians",
        lambda degrees: turned(math.cos(degrees), math.sin(degrees)),
        "cos and sin were given degrees and take radians: how many radians are 180 degrees?",
    ),
    Mistake(
        "radians to degrees",
        lambda degrees: turned(math.cos(math.degrees(degrees)), math.sin(math.degrees(degrees))),
        "the conversion runs backwards: the angle comes in degrees, and cos and sin take radians.",
    ),
    Mistake(
        "half the angle",
        lambda degrees: right_turn(degrees / 2),
        "half the angle: a whole turn is 360 degrees, and 2 pi.",
    ),
    Mistake(
        "twice the angle",
        lambda degrees: right_turn(2 * degrees),
        "twice the angle: half a turn is 180 degrees, and pi.",
    ),
    Mistake(
        "one sine in degrees",
        lambda degrees: turned(math.cos(math.radians(degrees)), math.sin(degrees)),
        "the cosine got radians, the sine degrees: convert the angle once, before both.",
    ),
    Mistake(
        "one cosine in degrees",
        lambda degrees: turned(math.cos(degrees), math.sin(math.radians(degrees))),
        "the sine got radians, the cosine degrees: convert the angle once, before both.",
    ),
    Mistake(
        "sine and cosine exchanged",
        lambda degrees: turned(*right_turn(degrees)[[1, 0]].tolist()),
        "sine and cosine are exchanged: with an angle of 0 theta must be the identity. Is it?",
    ),
    Mistake(
        "2x2 part first",
        lambda degrees: right_turn(degrees)[[0, 1, 3, 4, 2, 5]],
        "the six numbers are in another order: theta is row by row, and each row ends with its shift.",
    ),
]
TURN_MISTAKES = [
    *ONE_TURN_MISTAKE,
    *with_also(
        ONE_TURN_MISTAKE,
        tuple(mistake.name for mistake in ONE_TURN_MISTAKE[1:-1]),
        other_way_turn,
        "your picture turns the other way, too: it goes against the grid",
    ),
    Mistake(
        "2x2 part first, the other way",
        lambda degrees: other_way_turn(right_turn(degrees))[[0, 1, 3, 4, 2, 5]],
        "two things: theta is row by row, and each row ends with its shift. And your picture turns the other way, too.",
    ),
    Mistake(
        "equal signs",
        same_signs,
        "both sines have the same sign, which shears and does not turn: where does a rotation matrix have its minus?",
    ),
    Mistake(
        "equal signs, both negative",
        lambda degrees: same_signs(-degrees),
        "both sines have the same sign, which shears and does not turn: only one of them has a minus in a rotation matrix.",
    ),
    Mistake(
        "one sine only",
        lambda degrees: right_turn(degrees) * torch.tensor([1.0, 1, 1, 0, 1, 1]),
        "the second row has no sine: a turn has one in each row, with opposite signs.",
    ),
    Mistake(
        "half a turn too far",
        lambda degrees: -right_turn(degrees),
        "all signs are turned round, which is half a turn too much: with an angle of 0 theta must be the identity. Is it?",
    ),
    Mistake(
        "mirror",
        lambda degrees: right_turn(degrees) * torch.tensor([1.0, 1, 1, -1, -1, 1]),
        "that is a mirror: the two cosines of a turn have the same sign.",
    ),
    Mistake(
        "tangent",
        lambda degrees: turned(1.0, math.tan(math.radians(degrees))),
        "the tangent makes the picture smaller, too: a turn keeps lengths, with cosine and sine.",
    ),
    Mistake(
        "pi twice",
        lambda degrees: right_turn(degrees * math.pi),
        "the angle was multiplied by pi twice: math.radians has done it already.",
    ),
    Mistake(
        "whole division",
        lambda degrees: turned(math.cos(degrees // 180 * math.pi), math.sin(degrees // 180 * math.pi)),
        "degrees // 180 throws the fraction away: / keeps it.",
    ),
    Mistake(
        "short pi",
        lambda degrees: right_turn(degrees * 3.14 / math.pi),
        "nearly: 3.14 is not pi. Use math.pi, or math.radians.",
    ),
    Mistake(
        "gradians",
        lambda degrees: right_turn(degrees * 180 / 200),
        "half a turn has 180 degrees, and you divided by 200.",
    ),
    Mistake(
        "angle alone",
        lambda degrees: torch.tensor([math.radians(degrees)]),
        "that is the theta of a Rotation, one number: here the six numbers of an affine theta are wanted.",
    ),
    Mistake(
        "matrix of the Rotation",
        lambda degrees: other_way_turn(right_turn(degrees)).view(1, 2, 3),
        "that is a batch of one matrix, (1, 2, 3): take its first. And the picture goes against the grid: what is the angle's sign?",
    ),
    Mistake(
        "matrix of the Rotation, right way",
        lambda degrees: right_turn(degrees).view(1, 2, 3),
        "the turn is right, but that is a batch of one matrix, (1, 2, 3): take its first.",
    ),
    Mistake(
        "grid",
        lambda degrees: Affine().grid(right_turn(degrees)[None], (28, 28)),
        "that is a grid already: theta alone is wanted, the six numbers of which the grid is made.",
    ),
    Mistake(
        "four numbers",
        lambda degrees: right_turn(degrees)[[0, 1, 3, 4]],
        "those four are the 2x2 part: theta has a shift at the end of each row, also where it is zero.",
    ),
    Mistake(
        "shifted, too",
        lambda degrees: right_turn(degrees) + torch.tensor([0.0, 0, 1, 0, 0, 1]),
        "the turn is right, and there is a shift as well: 1 is half a picture. What shift changes nothing?",
    ),
    Mistake(
        "standing matrix",
        lambda degrees: right_turn(degrees).view(2, 3).T,
        "the matrix stands: theta has 2 rows of 3, the shift is its last column.",
    ),
    Mistake(
        "added to the identity",
        lambda degrees: right_turn(degrees) + torch.tensor([1.0, 0, 0, 0, 1, 0]),
        "the rotation was added to the identity: with an angle of 0 its cosines are 1 by themselves.",
    ),
    Mistake(
        "tensor functions of a number",
        lambda degrees: torch.cos(degrees),
        "torch.cos works on tensors, and the angle is a plain number: math.cos and math.radians work on numbers.",
    ),
    Mistake(
        "three rows",
        lambda degrees: three_rows(right_turn(degrees)),
        "that is the 3x3 matrix: theta is its first two rows, six numbers; the last row is always 0 0 1.",
    ),
    Mistake(
        "2x2 part alone",
        lambda degrees: right_turn(degrees)[[0, 1, 3, 4]].view(2, 2),
        "that is the 2x2 part alone: theta has a shift at the end of each row, also where it is zero.",
    ),
    Mistake(
        "batch of one",
        lambda degrees: right_turn(degrees)[None],
        "that is a batch of one theta: here the six numbers alone are wanted, shape (6,).",
    ),
]


def check_turn_theta(function: Callable) -> Verdict:
    """`turn_theta(degrees)`: affine theta (6,) that turns the *picture* clockwise on the screen.

    >>> check_turn_theta(lambda degrees: [1, 0, 0, 0, 1, 0])
    failed: expected 0.5000 at index 1 for degrees=30.0, got 0.0000
    """
    cases = [dict(degrees=d) for d in (30.0, 90.0, -45.0, 10.0)]
    return compare(function, cases, right_turn, TURN_MISTAKES, draw_theta, flat_theta)
