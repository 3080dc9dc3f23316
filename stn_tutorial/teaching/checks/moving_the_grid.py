"""Exercise 1 of notebook 1, the shift: its wrong answers and its checker."""

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
        "right only",
        lambda right, down, size: shifted(-2 * right / size[1], 0.0),
        "left and right are right, and nothing moves up or down: `down` belongs into the second row.",
    ),
    Mistake(
        "right for both",
        lambda right, down, size: shifted(-2 * right / size[1], -2 * right / size[0]),
        "both rows were made of `right`: the second row is a matter of `down`.",
    ),
    Mistake(
        "always right and down",
        lambda right, down, size: shifted(-2 * abs(right) / size[1], -2 * abs(down) / size[0]),
        "a negative `right` means to the left: keep its sign.",
    ),
    Mistake(
        "size written down",
        lambda right, down, size: shifted(-2 * right / 28, -2 * down / 28),
        "you divide by 28: the digits are that large, but here the size is an argument.",
    ),
    Mistake(
        "multiplied by the size",
        lambda right, down, size: shifted(-right * size[1] / 2, -down * size[0] / 2),
        "the factor is upside down: the more pixels a row has, the smaller is one of them in normalised units.",
    ),
    Mistake(
        "upside down",
        lambda right, down, size: shifted(-size[1] / (2 * right), -size[0] / (2 * down)),
        "the fraction is upside down: a shift by more pixels must be a larger number.",
    ),
    Mistake(
        "twice as far",
        lambda right, down, size: shifted(-4 * right / size[1], -4 * down / size[0]),
        "twice as far as asked: the normalised square is 2 wide, so how wide is one pixel in it?",
    ),
    Mistake(
        "W + 1",
        lambda right, down, size: shifted(-2 * right / (size[1] + 1), -2 * down / (size[0] + 1)),
        "not quite far enough, as if a row had W + 1 pixels: from edge to edge there are W.",
    ),
    Mistake(
        "counted from 1",
        lambda right, down, size: shifted(1 - 2 * right / size[1], 1 - 2 * down / size[0]),
        "the ones belong to the diagonal: a shift by nothing is 0, at the end of each row.",
    ),
    Mistake(
        "in the middle",
        lambda right, down, size: torch.tensor([1, -2 * right / size[1], 0, -2 * down / size[0], 1, 0]),
        "the numbers stand off the diagonal, where they shear: the shift stands at the end of each row.",
    ),
    Mistake(
        "on the diagonal",
        lambda right, down, size: torch.tensor([1 - 2 * right / size[1], 0, 0, 0, 1 - 2 * down / size[0], 0]),
        "the numbers stand on the diagonal, where they stretch: the shift stands at the end of each row.",
    ),
    Mistake(
        "shift first",
        lambda **case: right_shift(**case)[[2, 0, 1, 5, 3, 4]],
        "the shift stands at the end of each row, not at its start: it is multiplied by the 1 in (x, y, 1).",
    ),
    Mistake(
        "standing matrix",
        lambda **case: right_shift(**case).view(2, 3).T,
        "the matrix stands: theta has 2 rows of 3, the shift is its last column.",
    ),
    Mistake(
        "whole numbers",
        lambda **case: right_shift(**case).int(),
        "the shift was rounded to a whole number: theta holds fractions.",
    ),
    Mistake(
        "translation's theta",
        lambda **case: right_shift(**case)[[2, 5]][None],
        "those two are the theta of a Translation: an affine theta has six numbers, the shift stands at the end of each row.",
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
