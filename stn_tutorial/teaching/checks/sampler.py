"""Checkers of notebook 3."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from ...geometry.coordinates import normalized_to_pixel
from ...geometry.sampler import PADDING_MODES, bilinear_gradient, pad_coordinates
from ...geometry.translation import Translation
from ..picture import Picture
from .verdict import Verdict, compare, side_by_side


def draw_sampled(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """First image, first channel, of both outputs."""
    wanted, answer = (t if t.dim() == 2 else t[0, 0] for t in (wanted, answer))
    return side_by_side(wanted, answer, "Sampled image")


def bilinear(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool, bug: str = "") -> Tensor:
    """Bilinear sampling with one of four famous bugs in it, to compare a learner's answer with."""
    height, width = images.shape[2:]
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(-1)
    x = pad_coordinates(x, width, padding_mode, align_corners)
    y = pad_coordinates(y, height, padding_mode, align_corners)
    drop = 1 if bug == "last row lost" else 0
    out = torch.zeros(len(images), images.shape[1], *x.shape[1:])
    for dy, dx in product((0, 1), (0, 1)):
        y_n, x_n = y.floor() + dy, x.floor() + dx
        inside = (x_n >= 0) & (x_n < width - drop) & (y_n >= 0) & (y_n < height - drop)
        y_c, x_c = y_n.clamp(0, height - 1), x_n.clamp(0, width - 1)
        if bug == "clipped weights":
            weight = (1 - (x - x_c).abs()).clamp(min=0) * (1 - (y - y_c).abs()).clamp(min=0)
            inside = torch.ones_like(inside)
        elif bug == "opposite corners":  # each weight is the distance to the opposite corner, both clipped
            x_o, y_o = (x.floor() + 1 - dx).clamp(0, width - 1), (y.floor() + 1 - dy).clamp(0, height - 1)
            weight = (x_o - x) * (1 - 2 * dx) * (y_o - y) * (1 - 2 * dy)
            inside = torch.ones_like(inside)
        else:
            weight = (1 - (x - x_n).abs()) * (1 - (y - y_n).abs())
            inside = torch.ones_like(inside) if bug == "no zeros" else inside
        for n in range(len(images)):
            out[n] += weight[n] * inside[n] * images[n, :, y_c[n].long(), x_c[n].long()]
    return out


def check_sampler(function: Callable) -> Verdict:
    """`my_sampler(images, grid, padding_mode, align_corners)`: bilinear, as torch's grid_sample."""
    generator = torch.Generator().manual_seed(0)
    cases = []
    for padding_mode, align_corners, (height, width) in product(PADDING_MODES, (False, True), ((5, 7), (6, 4))):
        images = torch.rand(2, 3, height, width, generator=generator)
        grid = torch.rand(2, 4, 6, 2, generator=generator) * 3 - 1.5
        cases.append(dict(images=images, grid=grid, padding_mode=padding_mode, align_corners=align_corners))

    def oracle(images, grid, padding_mode, align_corners):
        return F.grid_sample(images, grid, "bilinear", padding_mode, align_corners)

    mistakes = {
        "x and y are exchanged: the last axis of the grid is (x, y), images are indexed [row, column]": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid.flip(-1), padding_mode, align_corners)
        ),
        "the weights are computed after clipping: they must come from the unclipped corners": (
            lambda images, grid, padding_mode, align_corners: bilinear(
                images, grid, padding_mode, align_corners, "clipped weights"
            )
        ),
        "the weights come from clipped corners, so that they cancel at the border: take the unclipped ones": (
            lambda images, grid, padding_mode, align_corners: bilinear(
                images, grid, padding_mode, align_corners, "opposite corners"
            )
        ),
        "the last row and column are never read: indices run to W - 1, included": (
            lambda images, grid, padding_mode, align_corners: bilinear(
                images, grid, padding_mode, align_corners, "last row lost"
            )
        ),
        "outside the image your sampler repeats the border under 'zeros': a neighbour outside counts as 0": (
            lambda images, grid, padding_mode, align_corners: bilinear(images, grid, padding_mode, align_corners, "no zeros")
        ),
        "padding_mode is ignored: only 'zeros' is right": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid, "zeros", align_corners)
        ),
        "align_corners is ignored: -1 and 1 are always pixel centres in your sampler": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid, padding_mode, True)
        ),
        "align_corners is ignored: -1 and 1 are always outer edges in your sampler": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid, padding_mode, False)
        ),
    }
    return compare(function, cases, oracle, mistakes, draw_sampled)


def check_derivative_by_t_x(function: Callable) -> Verdict:
    """`derivative_by_t_x(image, t_x, align_corners)`: d output / d t_x of a translation, (H, W), for an image (H, W)."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(image=torch.rand(height, width, generator=generator), t_x=t_x, align_corners=flag)
        for (height, width), t_x, flag in product(((5, 8), (6, 3)), (0.13, -0.4), (False, True))
    ]

    def in_pixels(image, t_x, align_corners):
        grid = Translation().grid(torch.tensor([[t_x, 0.0]]), image.shape, align_corners)[0]
        x, y = normalized_to_pixel(grid, image.shape, align_corners).unbind(-1)
        return bilinear_gradient(image, x.flatten(), y.flatten())[1].view(image.shape)

    def factor(image, align_corners):
        return (image.shape[1] - 1) / 2 if align_corners else image.shape[1] / 2

    mistakes = {
        "the chain rule is missing: t_x is normalised, the derivative is per pixel, so a factor remains": in_pixels,
        "the factor is twice too large: the normalised square is 2 wide": lambda image, t_x, align_corners: (
            2 * factor(image, align_corners) * in_pixels(image, t_x, align_corners)
        ),
        "the factor W / 2 is right for align_corners=False only": lambda image, t_x, align_corners: (
            factor(image, False) * in_pixels(image, t_x, align_corners)
        ),
        "the sign is wrong: when t_x grows the sampling points move right": lambda image, t_x, align_corners: (
            -factor(image, align_corners) * in_pixels(image, t_x, align_corners)
        ),
    }

    def oracle(image, t_x, align_corners):
        return factor(image, align_corners) * in_pixels(image, t_x, align_corners)

    return compare(function, cases, oracle, mistakes, draw_sampled)
