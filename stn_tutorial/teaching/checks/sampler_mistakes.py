"""Wrong answers to exercise 2 of notebook 3, the sampler."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import wrong_samplers as wrong
from .verdict import Mistake


def right_sampler(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
    """What `my_sampler` is to answer."""
    return F.grid_sample(images, grid, "bilinear", padding_mode, align_corners)


def without_gradient(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
    """All values right, and no gradient."""
    with torch.no_grad():
        return right_sampler(images, grid, padding_mode, align_corners)


NO_CLIP = "outside the image your sampler repeats the border under 'zeros': what does a neighbour count that is not there?"
SAMPLER_MISTAKES = [
    Mistake(
        "x and y exchanged",
        lambda images, grid, **rest: right_sampler(images, grid.flip(-1), **rest),
        "x and y are exchanged: the last axis of the grid is (x, y), images are indexed [row, column].",
    ),
    Mistake(
        "clipped weights",
        wrong.bilinear(wrong.clipped_first),
        "the weights come from clipped corners: a neighbour outside gets a weight as if it were inside. Weigh first, clip then.",
    ),
    Mistake(
        "weights that cancel",
        wrong.bilinear(wrong.cancelling),
        "the weights come from clipped corners, so that they cancel at the border: weigh first, clip the indices then.",
    ),
    Mistake(
        "last row lost",
        wrong.bilinear(wrong.last_lost),
        "the last row and column are never read: the largest index is W - 1, and it is inside.",
    ),
    Mistake(
        "first row lost",
        wrong.bilinear(wrong.first_lost),
        "the first row and column are never read: index 0 is inside.",
    ),
    Mistake("border repeated", wrong.bilinear(wrong.repeated), NO_CLIP),
    Mistake("zeros as border", wrong.bilinear(pad=wrong.replaced({"zeros": "border"})), NO_CLIP),
    Mistake(
        "all as border",
        wrong.bilinear(pad=wrong.replaced({"zeros": "border", "reflection": "border"})),
        "padding_mode is ignored: indices that are only clipped give 'border', whatever was asked for.",
    ),
    Mistake(
        "padding ignored",
        lambda images, grid, padding_mode, align_corners: right_sampler(images, grid, "zeros", align_corners),
        "padding_mode is ignored: only 'zeros' is right.",
    ),
    Mistake(
        "reflection as border",
        wrong.bilinear(pad=wrong.replaced({"reflection": "border"})),
        "'reflection' does the same as 'border' in your sampler: fold the coordinates back before you clip them.",
    ),
    Mistake(
        "reflection as zeros",
        wrong.bilinear(pad=wrong.replaced({"reflection": "zeros"})),
        "'zeros' and 'border' are right, 'reflection' is still filled with zeros.",
    ),
    Mistake(
        "border as zeros",
        wrong.bilinear(pad=wrong.replaced({"border": "zeros"})),
        "'zeros' and 'reflection' are right, 'border' is still filled with zeros.",
    ),
    Mistake(
        "padded before pixels",
        wrong.padded_first,
        "the grid was padded before it was turned into pixels: `pad_coordinates` wants pixel coordinates.",
    ),
    Mistake(
        "lengths exchanged in the padding",
        wrong.bilinear(pad=wrong.lengths_exchanged(14, 12)),
        "'zeros' is right, the others are padded with the wrong length: x with the width, y with the height.",
    ),
    Mistake(
        "x padded only",
        wrong.x_padded,
        "x is padded, y is not: both axes follow the same rule.",
    ),
    Mistake(
        "mirrors exchanged",
        wrong.bilinear(pad=wrong.mirrors_exchanged),
        "the mirrors of 'reflection' stand in the wrong place: at the edges with align_corners=False, at the centres with True.",
    ),
    Mistake(
        "one mirror only",
        wrong.bilinear(pad=wrong.one_mirror),
        "'reflection' is right near the picture only: further out the point meets a second mirror, and a third.",
    ),
    Mistake(
        "tiles for mirrors",
        wrong.bilinear(pad=wrong.wrapped),
        "'reflection' repeats your picture like a tile: in a mirror, left and right change places.",
    ),
    Mistake(
        "reflection not clipped",
        wrong.bilinear(pad=wrong.unclipped_reflection),
        "'reflection' darkens at the frame: between the last centre and the edge lies half a pixel, where a neighbour is outside.",
    ),
    Mistake(
        "always centres",
        lambda images, grid, padding_mode, align_corners: right_sampler(images, grid, padding_mode, True),
        "align_corners is ignored: -1 and 1 are always pixel centres in your sampler.",
    ),
    Mistake(
        "always edges",
        lambda images, grid, padding_mode, align_corners: right_sampler(images, grid, padding_mode, False),
        "align_corners is ignored: -1 and 1 are always outer edges in your sampler.",
    ),
    Mistake(
        "align_corners the wrong way round",
        lambda images, grid, padding_mode, align_corners: right_sampler(images, grid, padding_mode, not align_corners),
        "align_corners is the wrong way round: with which of the two are -1 and 1 pixel centres?",
    ),
    Mistake(
        "half a pixel missing",
        wrong.bilinear(to_pixel=wrong.without_half_pixel),
        "with align_corners=False your picture is off by half a pixel: the edge is at -0.5, for pixel 0 has its centre at 0.",
    ),
    Mistake(
        "half a pixel too much",
        wrong.bilinear(to_pixel=wrong.half_pixel_added),
        "with align_corners=False your picture is off by a whole pixel: the half pixel has the wrong sign.",
    ),
    Mistake(
        "H and W exchanged",
        wrong.bilinear(to_pixel=wrong.size_exchanged),
        "height and width are exchanged on the way to pixels: x is stretched by the width.",
    ),
    Mistake(
        "scaled by W",
        wrong.bilinear(to_pixel=wrong.scaled_by_width),
        "the square is stretched over W pixels: with aligned corners the last pixel is W - 1, else the first edge is at -0.5.",
    ),
    Mistake(
        "scaled by W - 2",
        wrong.bilinear(to_pixel=wrong.two_short),
        "the last pixel is never reached: one is taken off W twice, so that the picture is stretched a little.",
    ),
    Mistake(
        "from 0 to 1",
        wrong.bilinear(to_pixel=wrong.zero_to_one),
        "your grid runs from 0 to 1: the normalised square runs from -1 to 1.",
    ),
    Mistake(
        "not in pixels",
        wrong.bilinear(to_pixel=wrong.not_normalized),
        "the grid was read as pixels: it is normalised, from -1 to 1. What turns it into pixels?",
    ),
    Mistake(
        "floor and ceil",
        wrong.bilinear(wrong.floor_and_ceil),
        "floor and ceil are the same at a whole number, so that such a pixel counts four times: which pixel follows floor(x)?",
    ),
    Mistake(
        "floor and ceil, crossed weights",
        wrong.bilinear(wrong.floor_and_ceil_to_the_other),
        "floor and ceil are the same at a whole number, so that such a pixel has no weight at all: which pixel follows floor(x)?",
    ),
    Mistake(
        "long for floor",
        wrong.bilinear(wrong.truncated),
        ".long() is not floor: it rounds towards 0, so that the left neighbour of -0.3 becomes 0 instead of -1.",
    ),
    Mistake(
        "round for floor",
        wrong.bilinear(wrong.rounded),
        "the left neighbour is floor(x), not round(x): your two neighbours lie on the same side for half of the points.",
    ),
    Mistake(
        "bicubic",
        lambda images, grid, padding_mode, align_corners: F.grid_sample(images, grid, "bicubic", padding_mode, align_corners),
        "that is bicubic: bilinear has four neighbours, and its kernel is the tent.",
    ),
    Mistake(
        "rounded values",
        lambda **case: right_sampler(**case).round(),
        "the values are rounded to whole numbers: a mean of pixels is none.",
    ),
    Mistake(
        "nearest",
        wrong.bilinear(wrong.nearest_only),
        "that is nearest: bilinear is a mean of four neighbours, by distance.",
    ),
    Mistake(
        "left neighbour only",
        wrong.bilinear(wrong.left_only),
        "only the upper left neighbour is there: three others have a weight, too. Is a sum overwritten?",
    ),
    Mistake(
        "weights exchanged",
        wrong.bilinear(wrong.weights_exchanged),
        "the weights are exchanged: the nearer a neighbour, the larger is its weight.",
    ),
    Mistake(
        "equal weights",
        wrong.bilinear(wrong.unweighted),
        "all four neighbours count the same: the nearer a neighbour, the larger is its weight.",
    ),
    Mistake(
        "distances without abs",
        wrong.bilinear(wrong.no_abs),
        "the neighbour on the right weighs more than 1: a distance has no sign, see abs.",
    ),
    Mistake(
        "distances squared",
        wrong.bilinear(wrong.squared_distance),
        "the distances are squared: the tent is straight, 1 - |x - m|, so that the weights sum to 1.",
    ),
    Mistake(
        "round cone",
        wrong.euclidean,
        "the weight comes from the straight distance, so that the four do not sum to 1: weigh x and y apart, and multiply.",
    ),
    Mistake(
        "smaller weight",
        wrong.bilinear(combine=torch.minimum),
        "of the weights of x and y the smaller one is taken: in the paper's equation 5 they are multiplied.",
    ),
    Mistake(
        "mean of the weights",
        wrong.bilinear(combine=lambda weight_x, weight_y: (weight_x + weight_y) / 4),
        "the weights of x and y are averaged: in the paper's equation 5 they are multiplied.",
    ),
    Mistake(
        "quartered",
        wrong.bilinear(combine=lambda weight_x, weight_y: weight_x * weight_y / 4),
        "the sum is divided by 4: the weights sum to 1 already.",
    ),
    Mistake(
        "weight of x twice",
        wrong.bilinear(combine=lambda weight_x, weight_y: weight_x * weight_x * (weight_y != 0)),
        "the weight of x is multiplied by itself: its partner is the weight of y.",
    ),
    Mistake(
        "two neighbours only",
        wrong.diagonal,
        "only two of the four neighbours are there, upper left and lower right: each y_n goes with each x_n.",
    ),
    Mistake(
        "weights added",
        wrong.bilinear(combine=lambda weight_x, weight_y: weight_x + weight_y),
        "the weights of x and y are added, so that they sum to 4: in the paper's equation 5 they are multiplied.",
    ),
    Mistake(
        "weight of x only",
        wrong.bilinear(combine=lambda weight_x, weight_y: weight_x * (weight_y != 0)),
        "the weight knows x only: in y all neighbours count in full.",
    ),
    Mistake(
        "weight of y only",
        wrong.bilinear(combine=lambda weight_x, weight_y: (weight_x != 0) * weight_y),
        "the weight knows y only: in x all neighbours count in full.",
    ),
    Mistake(
        "point inside",
        wrong.bilinear(wrong.point_inside),
        "you ask whether the point is inside: a point half a pixel outside has neighbours inside, and they count.",
    ),
    Mistake(
        "first grid for all",
        lambda images, grid, **rest: right_sampler(images, grid[:1].expand_as(grid), **rest),
        "every picture is sampled with the first grid: each has its own.",
    ),
    Mistake(
        "first picture for all",
        lambda images, grid, **rest: right_sampler(images[:1].expand_as(images), grid, **rest),
        "the first picture is sampled every time: index the batch, too.",
    ),
    Mistake(
        "first channel for all",
        lambda images, grid, **rest: right_sampler(images[:, :1].expand_as(images), grid, **rest),
        "all channels are filled with the first one.",
    ),
    Mistake(
        "channels last",
        lambda **case: right_sampler(**case).permute(0, 2, 3, 1),
        "the channels come last: bring them to the second axis, (N, C, H_out, W_out).",
    ),
    Mistake(
        "shuffled by view",
        lambda **case: wrong.shuffled(right_sampler(**case)),
        "the numbers are shuffled: view and reshape do not exchange axes, permute does.",
    ),
    Mistake(
        "first picture alone",
        lambda **case: right_sampler(**case)[0],
        "that is one picture: the output has one for each of the batch, (N, C, H_out, W_out).",
    ),
    Mistake(
        "one channel",
        lambda **case: right_sampler(**case)[:, :1],
        "that is one channel: each has its own values, and all have the same weights.",
    ),
    Mistake(
        "batch not indexed",
        lambda images, grid, **rest: images[:, :, grid[..., 1].long(), grid[..., 0].long()],
        "images[:, :, y, x] takes the points of all pictures for each: index the batch, too, images[n, :, y, x].",
    ),
    Mistake(
        "fractions as indices",
        lambda images, grid, **rest: images[:, :, grid[..., 1], grid[..., 0]],
        "an index is a whole number: `.long()` makes one of a coordinate that has been floored and clipped.",
    ),
    Mistake(
        "indices not clipped",
        wrong.unclipped,
        "an index lies outside the picture: clip it into the picture, and let its weight be zero there.",
    ),
    Mistake(
        "lying",
        lambda **case: right_sampler(**case).mT,
        "rows and columns of the output are exchanged: it has the grid's order, (N, C, H_out, W_out).",
    ),
    Mistake(
        "no gradient",
        without_gradient,
        "no gradient flows: something on the way cuts it, such as detach(), no_grad(), .data, .item() or a new torch.tensor(...).",
    ),
    Mistake(
        "through numpy",
        lambda images, grid, **rest: right_sampler(torch.from_numpy(images.numpy()), torch.from_numpy(grid.numpy()), **rest),
        "numpy knows no gradients: stay with torch, or no localisation network will ever learn from your sampler.",
    ),
    Mistake(
        "grid detached",
        lambda images, grid, **rest: right_sampler(images, grid.detach(), **rest),
        "no gradient reaches the grid, so that theta would never learn: the weights must be computed from the grid itself, "
        "without detach(), .item(), float(...) or numpy.",
    ),
    Mistake(
        "images detached",
        lambda images, grid, **rest: right_sampler(images.detach(), grid, **rest),
        "no gradient reaches the images, so that no layer below a transformer would learn.",
    ),
]
