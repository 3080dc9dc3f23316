"""Exercises of notebook 1: their wrong answers and their checkers."""

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from .drawing import draw_theta
from .verdict import Mistake, Verdict, compare, with_also


def flat_theta(answer: Tensor) -> Tensor:
    """A theta written as a matrix (2, 3) as its six numbers, row by row; anything else as it is."""
    return answer.flatten() if answer.shape == (2, 3) else answer


def three_rows(theta: Tensor) -> Tensor:
    """The homogeneous matrix (3, 3) of a theta (6,)."""
    return torch.cat([theta.view(2, 3), torch.tensor([[0.0, 0.0, 1.0]])])


def shifted(x: float, y: float) -> Tensor:
    """Theta (6,) that moves the grid by (x, y)."""
    return torch.tensor([1.0, 0, x, 0, 1, y])


def right_shift(right: float, down: float, size: tuple[int, int]) -> Tensor:
    """What `shift_theta` is to answer."""
    return shifted(-2 * right / size[1], -2 * down / size[0])


def other_way_shift(theta: Tensor) -> Tensor:
    """The same theta (6,) with its shift turned round."""
    return theta * torch.tensor([1.0, 1, -1, 1, 1, -1])


ONE_SHIFT_MISTAKE = [
    Mistake(
        "other way",
        lambda **case: other_way_shift(right_shift(**case)),
        "your picture moves the other way: theta says where to look. Which way must the grid go for the picture to go right?",
    ),
    Mistake(
        "half as far",
        lambda right, down, size: shifted(-right / size[1], -down / size[0]),
        "half as far as asked: how wide is the normalised square, and so a pixel in it?",
    ),
    Mistake(
        "W - 1",
        lambda right, down, size: shifted(-2 * right / (size[1] - 1), -2 * down / (size[0] - 1)),
        "a little too far, as if a row had W - 1 pixels: from edge to edge, how many pixels wide is the square?",
    ),
    Mistake(
        "H for W",
        lambda right, down, size: shifted(-2 * right / size[0], -2 * down / size[1]),
        "height and width are exchanged: size is (H, W); which of them goes with x?",
    ),
    Mistake(
        "pixels",
        lambda right, down, size: shifted(-right, -down),
        "theta is in normalised coordinates, not in pixels: a shift by 1 is already half a picture.",
    ),
    Mistake(
        "x and y exchanged",
        lambda right, down, size: shifted(-2 * down / size[0], -2 * right / size[1]),
        "x and y are exchanged: the first row of theta makes x, the second y. Which of the two is `right`?",
    ),
    Mistake(
        "x and y exchanged, but not their sizes",
        lambda right, down, size: shifted(-2 * down / size[1], -2 * right / size[0]),
        "x and y are exchanged in theta: its first row makes x. Is `right` a change of x or of y?",
    ),
    Mistake(
        "2x2 part first",
        lambda right, down, size: torch.tensor([1.0, 0, 0, 1, -2 * right / size[1], -2 * down / size[0]]),
        "the six numbers are in another order: theta is row by row, and each row ends with its shift.",
    ),
]
SHIFT_MISTAKES = [
    *ONE_SHIFT_MISTAKE,
    Mistake(
        "y up",
        lambda right, down, size: shifted(-2 * right / size[1], 2 * down / size[0]),
        "left and right are right, up and down are not: y grows downwards, so both axes follow the same rule.",
    ),
    Mistake(
        "x the other way",
        lambda right, down, size: shifted(2 * right / size[1], -2 * down / size[0]),
        "up and down are right, left and right are not: why should x follow another rule than y?",
    ),
    Mistake(
        "size on one axis only",
        lambda right, down, size: shifted(-2 * right / size[1], -2 * down / size[1]),
        "both shifts are divided by the same length: the picture need not be square.",
    ),
    Mistake(
        "no ones on the diagonal",
        lambda **case: right_shift(**case) * torch.tensor([0.0, 0, 1, 0, 0, 1]),
        "the shift is right, but the 2x2 part is zero, and then all points look at one place: which 2x2 matrix changes nothing?",
    ),
    Mistake(
        "a place, not a way",
        lambda right, down, size: shifted(2 * right / size[1] - 1, 2 * down / size[0] - 1),
        "you turned a place into normalised coordinates (there is a - 1 in it), but a shift is a difference of places.",
    ),
    Mistake(
        "whole division",
        lambda right, down, size: shifted(-2 * right // size[1], -2 * down // size[0]),
        "the shift was rounded to a whole number: // throws the fraction away.",
    ),
    Mistake(
        "three rows",
        lambda **case: three_rows(right_shift(**case)),
        "that is the 3x3 matrix: theta is its first two rows, six numbers; the last row is always 0 0 1.",
    ),
    Mistake(
        "shift alone",
        lambda **case: right_shift(**case)[[2, 5]],
        "those two are the shift alone: an affine theta has six numbers, the shift stands at the end of each row.",
    ),
    Mistake(
        "batch of one",
        lambda **case: right_shift(**case)[None],
        "that is a batch of one theta: here the six numbers alone are wanted, shape (6,).",
    ),
    *with_also(
        ONE_SHIFT_MISTAKE,
        ("half as far", "W - 1", "H for W", "pixels", "x and y exchanged"),
        other_way_shift,
        "your picture moves the other way, too: theta says where to look",
    ),
]


def check_shift_theta(function: Callable) -> Verdict:
    """`shift_theta(right, down, size)`: affine theta (6,) that moves the *picture* by whole pixels.

    >>> check_shift_theta(lambda right, down, size: [1, 0, right, 0, 1, down]).message[:55]
    'two things: theta is in normalised coordinates, not in '
    """
    cases = [dict(right=r, down=d, size=s) for r, d, s in product((3, -2), (1, 4), ((20, 20), (16, 32)))]
    return compare(function, cases, right_shift, SHIFT_MISTAKES, draw_theta, flat_theta)


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
