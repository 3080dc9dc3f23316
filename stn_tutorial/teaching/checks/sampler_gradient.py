"""Exercise 3 of notebook 3, the gradient of a shift: its wrong answers and its checker."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from ...geometry.coordinates import normalized_to_pixel
from ...geometry.sampler import bilinear_gradient
from ...geometry.translation import Translation
from .drawing import draw_slope, letters
from .verdict import Mistake, Verdict, compare


def slopes(image: Tensor, t_x: float, align_corners: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Value, slope along x and slope along y, per pixel, of an image (H, W) shifted by t_x: each (H, W)."""
    grid = Translation().grid(torch.tensor([[t_x, 0.0]]), image.shape, align_corners)[0]
    x, y = normalized_to_pixel(grid, image.shape, align_corners).unbind(-1)
    value, along_x, along_y = bilinear_gradient(image, x.flatten(), y.flatten())
    return value.view(image.shape), along_x.view(image.shape), along_y.view(image.shape)


def pixels_per_unit(length: int, align_corners: bool) -> float:
    """By how many pixels a point moves when its normalised coordinate grows by 1."""
    return (length - 1) / 2 if align_corners else length / 2


def right_derivative(image: Tensor, t_x: float, align_corners: bool) -> Tensor:
    """What `derivative_by_t_x` is to answer."""
    return pixels_per_unit(image.shape[1], align_corners) * slopes(image, t_x, align_corners)[1]


def with_factor(factor: Callable) -> Callable:
    """A derivative whose chain rule has another factor, factor((H, W), align_corners)."""

    def derivative(image: Tensor, t_x: float, align_corners: bool) -> Tensor:
        return factor(image.shape, align_corners) * slopes(image, t_x, align_corners)[1]

    return derivative


def slope_at(
    image: Tensor,
    shift: tuple[float, float],
    align_corners: bool,
    of_grid: bool | None = None,
    to_pixel: Callable = normalized_to_pixel,
    exchanged: bool = False,
) -> Tensor:
    """The derivative with one step of its way done wrong: another shift, a grid of another convention, points that are no pixels."""
    flag = align_corners if of_grid is None else of_grid
    grid = Translation().grid(torch.tensor([shift]), image.shape, flag)[0]
    x, y = to_pixel(grid, image.shape, align_corners).unbind(-1)
    x, y = (y, x) if exchanged else (x, y)
    along_x = bilinear_gradient(image, x.flatten(), y.flatten())[1].view(image.shape)
    return pixels_per_unit(image.shape[1], align_corners) * along_x


DERIVATIVE_MISTAKES = [
    Mistake(
        "chain rule missing",
        with_factor(lambda size, flag: 1),
        "the chain rule is missing: the slope is per pixel, and t_x is normalised. By how many pixels does t_x = 1 move a point?",
    ),
    Mistake(
        "factor twice too large",
        with_factor(lambda size, flag: 2 * pixels_per_unit(size[1], flag)),
        "the factor is twice too large: the normalised square is 2 wide.",
    ),
    Mistake(
        "factor upside down",
        with_factor(lambda size, flag: 1 / pixels_per_unit(size[1], flag)),
        "the factor is upside down: wanted are the pixels in one normalised unit.",
    ),
    Mistake(
        "factor of edges",
        with_factor(lambda size, flag: size[1] / 2),
        "the factor is right for align_corners=False only: with True, how many steps lie between the first and the last centre?",
    ),
    Mistake(
        "factor of centres",
        with_factor(lambda size, flag: (size[1] - 1) / 2),
        "the factor is right for align_corners=True only: with False the square runs from edge to edge.",
    ),
    Mistake(
        "factors exchanged",
        with_factor(lambda size, flag: pixels_per_unit(size[1], not flag)),
        "the two factors are exchanged: with which convention is the square W pixels wide?",
    ),
    Mistake(
        "not halved, upside down",
        with_factor(lambda size, flag: 1 / (size[1] - 1 if flag else size[1])),
        "the slope is divided by the width: in one normalised unit there are *more* pixels, not fewer. How many?",
    ),
    Mistake(
        "upside down, always edges",
        with_factor(lambda size, flag: 2 / size[1]),
        "two things: the factor is upside down; and with align_corners=True there are W - 1 steps between the ends.",
    ),
    Mistake(
        "W + 1",
        with_factor(lambda size, flag: (size[1] + 1) / 2),
        "the factor is half of W + 1: from edge to edge there are W pixels, from the first centre to the last W - 1.",
    ),
    Mistake(
        "one too few",
        with_factor(lambda size, flag: pixels_per_unit(size[1] - 1, flag)),
        "both factors are half a pixel too small: with False the square is W pixels wide, with True W - 1.",
    ),
    Mistake(
        "whole division",
        with_factor(lambda size, flag: (size[1] - 1) // 2 if flag else size[1] // 2),
        "the factor was rounded to a whole number: // throws the half away.",
    ),
    Mistake(
        "all pixels",
        with_factor(lambda size, flag: size[0] * size[1] / 2),
        "the factor is made of all pixels of the picture: t_x moves along one row.",
    ),
    Mistake(
        "always edges, chain rule missing",
        lambda image, t_x, align_corners: slopes(image, t_x, False)[1],
        "two things: align_corners is ignored; and the slope is per pixel, while t_x is normalised.",
    ),
    Mistake(
        "H for W",
        with_factor(lambda size, flag: pixels_per_unit(size[0], flag)),
        "the factor is made of the height: t_x moves along a row, which is as long as the picture is wide.",
    ),
    Mistake(
        "wrong sign",
        with_factor(lambda size, flag: -pixels_per_unit(size[1], flag)),
        "the sign is wrong: when t_x grows, the sampling points move right, where x is larger.",
    ),
    Mistake(
        "wrong sign, chain rule missing",
        with_factor(lambda size, flag: -1),
        "two things: when t_x grows, the sampling points move right; and the slope is per pixel, while t_x is normalised.",
    ),
    Mistake(
        "slope along y",
        lambda image, t_x, align_corners: pixels_per_unit(image.shape[1], align_corners) * slopes(image, t_x, align_corners)[2],
        "that is the slope along y: which of the three results belongs to x?",
    ),
    Mistake(
        "value",
        lambda **case: slopes(**case)[0],
        "that is the shifted picture itself: which of the three results is its slope along x?",
    ),
    Mistake(
        "times the shift",
        lambda image, t_x, align_corners: t_x * slopes(image, t_x, align_corners)[1],
        "the slope is multiplied by t_x itself: by how many pixels does the point move *when t_x grows by 1*?",
    ),
    Mistake(
        "slopes added",
        lambda image, t_x, align_corners: sum(
            pixels_per_unit(image.shape[2 - axis], align_corners) * slopes(image, t_x, align_corners)[axis] for axis in (1, 2)
        ),
        "the slopes along x and y are added: t_x moves the points along x only.",
    ),
    Mistake(
        "sign dropped",
        lambda **case: right_derivative(**case).abs(),
        "all derivatives are positive: where the picture gets darker to the right, the slope is negative.",
    ),
    Mistake(
        "all three",
        lambda image, t_x, align_corners: slopes(image, t_x, align_corners),
        "those are the three results of bilinear_gradient: value, slope along x, slope along y. One of them is wanted.",
    ),
    Mistake(
        "difference of pixels",
        lambda image, t_x, align_corners: torch.diff(image, dim=1),
        "those are differences of the picture before the shift: take the slope at the points of the shifted grid.",
    ),
    Mistake(
        "one pixel further",
        lambda image, t_x, align_corners: (
            slopes(image, t_x + 1 / pixels_per_unit(image.shape[1], align_corners), align_corners)[0]
            - slopes(image, t_x, align_corners)[0]
        ),
        "you moved the points by a whole pixel and took the difference: the slope belongs to the place where they are, and is per pixel.",
    ),
    Mistake(
        "value times factor",
        lambda image, t_x, align_corners: pixels_per_unit(image.shape[1], align_corners) * slopes(image, t_x, align_corners)[0],
        "the factor is right, but it multiplies the picture itself: which of the three results is its slope along x?",
    ),
    Mistake(
        "picture not shifted",
        lambda image, t_x, align_corners: right_derivative(image, 0.0, align_corners),
        "that is the slope where the picture was before the shift: look where the grid looks.",
    ),
    Mistake(
        "shifted the other way",
        lambda image, t_x, align_corners: right_derivative(image, -t_x, align_corners),
        "the picture was shifted the other way: the grid moves by + t_x.",
    ),
    Mistake(
        "t_x in pixels",
        lambda image, t_x, align_corners: right_derivative(
            image, t_x / pixels_per_unit(image.shape[1], align_corners), align_corners
        ),
        "the points were moved by t_x pixels: t_x is normalised.",
    ),
    Mistake(
        "shifted along y",
        lambda image, t_x, align_corners: slope_at(image, (0.0, t_x), align_corners),
        "the points were moved along y: theta is (t_x, 0).",
    ),
    Mistake(
        "x and y exchanged",
        lambda image, t_x, align_corners: slope_at(image, (t_x, 0.0), align_corners, exchanged=True),
        "x and y are exchanged on the way to bilinear_gradient: the grid's last axis is (x, y).",
    ),
    Mistake(
        "normalised points",
        lambda image, t_x, align_corners: slope_at(image, (t_x, 0.0), align_corners, to_pixel=lambda points, *rest: points),
        "the points were handed over as they come from the grid, from -1 to 1: bilinear_gradient wants pixels.",
    ),
    Mistake(
        "pixels of the other convention",
        lambda image, t_x, align_corners: slope_at(
            image, (t_x, 0.0), align_corners, to_pixel=lambda points, size, flag: normalized_to_pixel(points, size)
        ),
        "two conventions are mixed: hand align_corners on to normalized_to_pixel as well as to the grid.",
    ),
    Mistake(
        "grid of the other convention",
        lambda image, t_x, align_corners: slope_at(image, (t_x, 0.0), align_corners, of_grid=False),
        "two conventions are mixed: hand align_corners on to the grid as well as to normalized_to_pixel.",
    ),
    Mistake(
        "always edges",
        lambda image, t_x, align_corners: right_derivative(image, t_x, False),
        "align_corners is ignored: -1 and 1 are always outer edges.",
    ),
    Mistake(
        "always centres",
        lambda image, t_x, align_corners: right_derivative(image, t_x, True),
        "align_corners is ignored: -1 and 1 are always pixel centres.",
    ),
    Mistake(
        "flat",
        lambda **case: right_derivative(**case).flatten(),
        "the numbers are right, the shape is not: bring them back to (H, W).",
    ),
    Mistake(
        "lying",
        lambda **case: right_derivative(**case).T,
        "rows and columns are exchanged: the answer has the picture's shape, (H, W).",
    ),
    Mistake(
        "shuffled by view",
        lambda image, **rest: right_derivative(image, **rest).reshape(image.shape[::-1]),
        "the numbers are right, but their rows have the wrong length: the answer has the picture's shape, (H, W).",
    ),
    Mistake(
        "mean",
        lambda **case: right_derivative(**case).mean(),
        "that is the derivative of the mean of all pixels: each output pixel has a derivative of its own.",
    ),
    Mistake(
        "sum",
        lambda **case: right_derivative(**case).sum(),
        "that is the derivative of the sum of all pixels: each output pixel has a derivative of its own.",
    ),
]


def check_derivative_by_t_x(function: Callable) -> Verdict:
    """`derivative_by_t_x(image, t_x, align_corners)`: d output / d t_x of a translation, (H, W), for an image (H, W).

    >>> check_derivative_by_t_x(lambda image, t_x, align_corners: image.sum()).message[:24]
    'expected shape (16, 12) '
    """
    cases = [
        dict(image=letters(1, 1, *size)[0, 0], t_x=t_x, align_corners=flag)
        for size, t_x, flag in product(((16, 12), (12, 15)), (0.35, -0.52), (False, True))
    ]
    return compare(function, cases, right_derivative, DERIVATIVE_MISTAKES, draw_slope)
