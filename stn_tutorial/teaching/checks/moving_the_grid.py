"""Checkers of notebook 1."""

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from ...geometry.affine import Affine
from ...geometry.rotation import Rotation
from ...geometry.sampler import sample
from ..picture import Picture
from .verdict import Verdict, compare, letter_f, side_by_side


def draw_theta(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """The letter F warped by both thetas."""
    image = letter_f(*case.get("size", (20, 20)))
    warped = [sample(image[None], Affine().grid(t.float()[None], image.shape[1:]))[0, 0] for t in (wanted, answer)]
    return side_by_side(*warped, "The letter F, warped")


def check_shift_theta(function: Callable) -> Verdict:
    """`shift_theta(right, down, size)`: affine theta (6,) that moves the *picture* by whole pixels."""

    def theta(x: float, y: float) -> Tensor:
        return torch.tensor([1, 0, x, 0, 1, y])

    cases = [dict(right=r, down=d, size=s) for r, d, s in product((3, -2), (1, 4), ((20, 20), (16, 32)))]
    mistakes = {
        "your picture moves the other way: theta says where to look, so to move the picture right the grid moves left": (
            lambda right, down, size: theta(2 * right / size[1], 2 * down / size[0])
        ),
        "half as far as asked: the normalised square is 2 wide, so a pixel is 2 / W": (
            lambda right, down, size: theta(-right / size[1], -down / size[0])
        ),
        "height and width are exchanged: size is (H, W), x goes with W": (
            lambda right, down, size: theta(-2 * right / size[0], -2 * down / size[1])
        ),
        "theta is in normalised coordinates, not in pixels": lambda right, down, size: theta(-right, -down),
    }
    return compare(
        function, cases, lambda right, down, size: theta(-2 * right / size[1], -2 * down / size[0]), mistakes, draw_theta
    )


def check_turn_theta(function: Callable) -> Verdict:
    """`turn_theta(degrees)`: affine theta (6,) that turns the *picture* clockwise on the screen."""

    def theta(radians: float) -> Tensor:
        return Affine().from_matrix(Rotation().matrix(torch.tensor([[radians]])))[0]

    def mirrored(degrees: float) -> Tensor:
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return torch.tensor([cos, sin, 0, sin, cos, 0])

    cases = [dict(degrees=d) for d in (30.0, 90.0, -45.0, 10.0)]
    mistakes = {
        "your picture turns the other way: theta turns the grid, and the picture goes against it": (
            lambda degrees: theta(math.radians(degrees))
        ),
        "degrees were taken for radians: multiply by pi / 180": lambda degrees: theta(-degrees),
        "both sines have the same sign, which is no rotation: one of them is negative": mirrored,
    }
    return compare(function, cases, lambda degrees: theta(-math.radians(degrees)), mistakes, draw_theta)
