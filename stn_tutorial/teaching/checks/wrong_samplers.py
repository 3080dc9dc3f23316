"""A bilinear sampler whose parts can be exchanged for wrong ones: for checkers, tests, and notebooks that show what goes wrong."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from ...geometry.coordinates import normalized_to_pixel
from ...geometry.sampler import pad_coordinates, reflect


def inside(x: Tensor, length: int) -> Tensor:
    """1 where pixel coordinates lie in the image, 0 elsewhere."""
    return ((x >= 0) & (x <= length - 1)).to(x.dtype)


def tent(x: Tensor, x_n: Tensor) -> Tensor:
    """The weight of the pixel x_n for a point at x, as long as the two are neighbours."""
    return 1 - (x - x_n).abs()


def neighbours(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The two pixels beside x along one axis, with their weights; outside the image the weight is 0."""
    return [(x_n, tent(x, x_n) * inside(x_n, length)) for x_n in (x.floor(), x.floor() + 1)]


def bilinear(
    axis: Callable = neighbours,
    to_pixel: Callable = normalized_to_pixel,
    pad: Callable = pad_coordinates,
    combine: Callable = lambda weight_x, weight_y: weight_x * weight_y,
) -> Callable:
    """A sampler (images, grid, padding_mode, align_corners) -> (N, C, H_out, W_out), made of these parts.

    axis: (x, length) -> pairs (pixel, weight), `neighbours` or a wrong one. to_pixel and pad: as the package's functions.
    combine: the weight of a neighbour from those along x and y.

    >>> sampler = bilinear(axis=nearest_only)
    >>> sampler(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[0.2, 0.0]]]]), "zeros", False)
    tensor([[[[2.]]]])
    """

    def sampler(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
        height, width = images.shape[2:]
        x, y = to_pixel(grid, (height, width), align_corners).unbind(-1)
        x, y = (pad(c, length, padding_mode, align_corners) for c, length in ((x, width), (y, height)))
        batch, pixels, out = torch.arange(len(images))[:, None, None], images.permute(0, 2, 3, 1), 0
        for (x_n, weight_x), (y_n, weight_y) in product(axis(x, width), axis(y, height)):
            row, column = y_n.clamp(0, height - 1).long(), x_n.clamp(0, width - 1).long()
            out = out + combine(weight_x, weight_y)[..., None] * pixels[batch, row, column]
        return out.permute(0, 3, 1, 2)

    return sampler


# ---- wrong neighbours along one axis


def clipped_first(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Weights by the distance to clipped corners."""
    corners = (x.floor().clamp(0, length - 1), (x.floor() + 1).clamp(0, length - 1))
    return [(x_n, tent(x, x_n).clamp(min=0)) for x_n in corners]


def cancelling(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Each weight is the distance to the other corner, both clipped: at the border the two cancel."""
    left, right = x.floor().clamp(0, length - 1), (x.floor() + 1).clamp(0, length - 1)
    return [(left, right - x), (right, x - left)]


def last_lost(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The last row and column count as outside."""
    return [(x_n, weight * (x_n < length - 1)) for x_n, weight in neighbours(x, length)]


def first_lost(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The first row and column count as outside."""
    return [(x_n, weight * (x_n > 0)) for x_n, weight in neighbours(x, length)]


def repeated(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Neighbours outside have the value of the border."""
    return [(x_n, tent(x, x_n)) for x_n in (x.floor(), x.floor() + 1)]


def point_inside(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """It is asked whether the point lies inside, not whether its neighbour does."""
    return [(x_n, weight * inside(x, length)) for x_n, weight in repeated(x, length)]


def floor_and_ceil(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """At a whole pixel both neighbours are the same, and it counts twice along each axis."""
    return [(x_n, tent(x, x_n) * inside(x_n, length)) for x_n in (x.floor(), x.ceil())]


def floor_and_ceil_to_the_other(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The same with weights by the distance to the other corner: at a whole pixel both are 0."""
    low, high = x.floor(), x.ceil()
    return [(low, (high - x) * inside(low, length)), (high, (x - low) * inside(high, length))]


def truncated(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """`.long()` in place of floor: it rounds towards 0, to the wrong side of negative points."""
    return [(x_n, tent(x, x_n) * inside(x_n, length)) for x_n in (x.trunc(), x.trunc() + 1)]


def rounded(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """`round` in place of floor."""
    return [(x_n, tent(x, x_n) * inside(x_n, length)) for x_n in (x.round(), x.round() + 1)]


def nearest_only(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The nearest pixel alone."""
    return [(x.round(), inside(x.round(), length))]


def left_only(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The left pixel alone, with its weight."""
    return neighbours(x, length)[:1]


def weights_exchanged(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The nearer neighbour has the smaller weight."""
    return [(x_n, (1 - tent(x, x_n)) * inside(x_n, length)) for x_n in (x.floor(), x.floor() + 1)]


def unweighted(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Every neighbour counts half."""
    return [(x_n, 0.5 * inside(x_n, length)) for x_n in (x.floor(), x.floor() + 1)]


def no_abs(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The distance keeps its sign, so that the right neighbour weighs more than 1."""
    return [(x_n, (1 - (x - x_n)) * inside(x_n, length)) for x_n in (x.floor(), x.floor() + 1)]


def squared_distance(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """A parabola in place of the tent."""
    return [(x_n, (1 - (x - x_n) ** 2) * inside(x_n, length)) for x_n in (x.floor(), x.floor() + 1)]


# ---- wrong sums


def summed(neighbours_of: Callable) -> Callable:
    """A sampler that sums weight * pixel over neighbours_of(x, y, (H, W)): triples (x_n, y_n, weight)."""

    def sampler(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
        height, width = images.shape[2:]
        x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(-1)
        x, y = (pad_coordinates(c, n, padding_mode, align_corners) for c, n in ((x, width), (y, height)))
        batch, pixels, out = torch.arange(len(images))[:, None, None], images.permute(0, 2, 3, 1), 0
        for x_n, y_n, weight in neighbours_of(x, y, (height, width)):
            within = inside(x_n, width) * inside(y_n, height)
            row, column = y_n.clamp(0, height - 1).long(), x_n.clamp(0, width - 1).long()
            out = out + (weight * within)[..., None] * pixels[batch, row, column]
        return out.permute(0, 3, 1, 2)

    return sampler


def four(x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The four neighbours of points, inside or not."""
    return list(product((x.floor(), x.floor() + 1), (y.floor(), y.floor() + 1)))


# the weight falls with the straight distance, as a cone
euclidean = summed(lambda x, y, size: [(a, b, (1 - ((x - a) ** 2 + (y - b) ** 2).sqrt()).clamp(min=0)) for a, b in four(x, y)])
# upper left and lower right, as zip gives them
diagonal = summed(lambda x, y, size: [(a, b, tent(x, a) * tent(y, b)) for a, b in (four(x, y)[0], four(x, y)[3])])


def unclipped(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
    """Neighbours outside are read from where there is no picture, which is an error."""
    x, y = normalized_to_pixel(grid, images.shape[2:], align_corners).unbind(-1)
    batch, pixels = torch.arange(len(images))[:, None, None], images.permute(0, 2, 3, 1)
    return sum(tent(x, a) * tent(y, b) * pixels[batch, b.long(), a.long()] for a, b in four(x, y))


# ---- wrong pixel coordinates


def without_half_pixel(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """Under align_corners=False the half pixel between edge and centre is forgotten."""
    return normalized_to_pixel(points, size, align_corners) + (0.0 if align_corners else 0.5)


def half_pixel_added(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """Under align_corners=False the half pixel is added instead of taken away."""
    return normalized_to_pixel(points, size, align_corners) + (0.0 if align_corners else 1.0)


def size_exchanged(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """x is stretched by the height, y by the width."""
    return normalized_to_pixel(points, size[::-1], align_corners)


def scaled_by_width(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """The square is stretched over W pixels, as if there were a pixel W."""
    return (points + 1) / 2 * torch.tensor([size[1], size[0]])


def two_short(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """The last pixel is W - 1, and then one is taken off again."""
    last = torch.tensor([size[1] - 1, size[0] - 1])
    return (points + 1) / 2 * (last - 1)


def zero_to_one(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """The points are taken to run from 0 to 1."""
    return normalized_to_pixel(2 * points - 1, size, align_corners)


def not_normalized(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """The points are taken to be pixels already."""
    return points


# ---- wrong padding


def mirrors_exchanged(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """The mirrors of "reflection" stand at the edges when they should stand at the centres, and the other way round."""
    return pad_coordinates(x, length, padding_mode, not align_corners if padding_mode == "reflection" else align_corners)


def one_mirror(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """What lies beyond a second mirror is clipped."""
    if padding_mode != "reflection":
        return pad_coordinates(x, length, padding_mode, align_corners)
    low, high = (0.0, length - 1.0) if align_corners else (-0.5, length - 0.5)
    x = torch.where(x < low, 2 * low - x, torch.where(x > high, 2 * high - x, x))
    return x.clamp(0, length - 1)


def wrapped(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """In place of a reflection the picture is repeated."""
    if padding_mode != "reflection":
        return pad_coordinates(x, length, padding_mode, align_corners)
    low, span = (0.0, length - 1.0) if align_corners else (-0.5, float(length))
    return ((x - low) % span + low).clamp(0, length - 1)


def unclipped_reflection(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """After the reflection the half pixel beyond the outermost centres is not clipped."""
    if padding_mode == "reflection":
        return reflect(x, length, align_corners)
    return pad_coordinates(x, length, padding_mode, align_corners)


def padded_first(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
    """The normalised coordinates are padded as if they were pixels."""
    height, width = images.shape[2:]
    x, y = (pad_coordinates(c, n, padding_mode, align_corners) for c, n in zip(grid.unbind(-1), (width, height), strict=True))
    return bilinear()(images, torch.stack([x, y], dim=-1), "zeros", align_corners)


def lengths_exchanged(height: int, width: int) -> Callable:
    """x is padded with the height of a picture of this size, and y with its width; others are padded right."""

    def pad(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
        other = {height: width, width: height}.get(length, length)
        return pad_coordinates(x, other, padding_mode, align_corners)

    return pad


def x_padded(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
    """Only x is padded."""
    height = images.shape[2]

    def pad(x: Tensor, length: int, mode: str, flag: bool) -> Tensor:
        return x if length == height else pad_coordinates(x, length, mode, flag)

    return bilinear(pad=pad)(images, grid, padding_mode, align_corners)


def replaced(padding: dict[str, str]) -> Callable:
    """Some paddings are taken for others, {"reflection": "border"} for instance."""

    def pad(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
        return pad_coordinates(x, length, padding.get(padding_mode, padding_mode), align_corners)

    return pad


def shuffled(out: Tensor) -> Tensor:
    """(N, C, H, W) whose numbers were brought from (N, H, W, C) by view, not by permute."""
    return out.permute(0, 2, 3, 1).reshape(out.shape)
