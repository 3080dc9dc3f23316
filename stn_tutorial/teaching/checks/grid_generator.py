"""Exercise 1 of notebook 2, the target grid: its wrong answers and its checker."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from .drawing import draw_grid
from .verdict import Mistake, Verdict, compare


def centres(length: int, align_corners: bool) -> Tensor:
    """Normalised coordinates of the pixel centres along an axis."""
    first = -1.0 if align_corners else -1 + 1 / length
    return torch.linspace(first, -first, length)


def left_edges(length: int, align_corners: bool) -> Tensor:
    """The same, but without the half pixel between edge and centre."""
    return centres(length, True) if align_corners else torch.arange(length) * 2 / length - 1


def inset(pixels: float) -> Callable:
    """Centres whose first lies `pixels` pixels within the edge under align_corners=False, instead of half a pixel."""

    def axis(length: int, align_corners: bool) -> Tensor:
        first = -1.0 if align_corners else -1 + 2 * pixels / length
        return torch.linspace(first, -first, length)

    return axis


def lattice(axis_x: Callable, axis_y: Callable | None = None) -> Callable:
    """A `my_target_grid` whose columns and rows lie at axis_x(W, align_corners) and axis_y(H, align_corners)."""

    def grid(size: tuple[int, int], align_corners: bool) -> Tensor:
        x, y = axis_x(size[1], align_corners), (axis_y or axis_x)(size[0], align_corners)
        return torch.stack([x[None].expand(*size), y[:, None].expand(*size)], dim=-1)

    return grid


def inset_by(length: int, other: int, align_corners: bool) -> Tensor:
    """Centres along an axis whose first lies half a pixel of the *other* axis within the edge."""
    first = -1.0 if align_corners else -1 + 1 / other
    return torch.linspace(first, -first, length)


def lattice_of_sizes(axes: Callable) -> Callable:
    """A `my_target_grid` whose columns and rows lie at the two that axes((H, W), align_corners) answers."""

    def grid(size: tuple[int, int], align_corners: bool) -> Tensor:
        x, y = axes(size, align_corners)
        return lattice(lambda n, flag: x, lambda n, flag: y)(size, align_corners)

    return grid


right_grid = lattice(centres)
GRID_MISTAKES = [
    Mistake(
        "x and y exchanged",
        lambda **case: right_grid(**case).flip(-1),
        "x and y are exchanged: the last axis is (x, y), and x changes along a row.",
    ),
    Mistake(
        "H and W exchanged",
        lambda size, align_corners: right_grid(size[::-1], align_corners),
        "height and width are exchanged: size is (H, W), and rows come first.",
    ),
    Mistake(
        "columns first",
        lambda **case: right_grid(**case).transpose(0, 1),
        "your first axis runs along x: an array is [row, column], so rows come first (see `indexing` of meshgrid, if you use it).",
    ),
    Mistake(
        "always centres",
        lattice(lambda length, align_corners: centres(length, True)),
        "align_corners is ignored, -1 and 1 are always pixel centres: what are they with False?",
    ),
    Mistake(
        "always edges",
        lattice(lambda length, align_corners: centres(length, False)),
        "align_corners is ignored, -1 and 1 are always outer edges: what are they with True?",
    ),
    Mistake(
        "wrong way round",
        lattice(lambda length, align_corners: centres(length, not align_corners)),
        "align_corners is the wrong way round: with which of the two are -1 and 1 the centres of the corner pixels?",
    ),
    Mistake(
        "half a pixel missing",
        lattice(left_edges),
        "half a pixel is missing: with False your points are the left edges of the pixels, as those of arange(-1, 1, 2 / W). "
        "Where is a pixel's centre?",
    ),
    Mistake(
        "arange(-1, 1, 2 / W)",
        lattice(lambda length, align_corners: left_edges(length, False)),
        "arange(-1, 1, 2 / W) gives the left edges of the pixels and never arrives at 1: that is right under neither convention.",
    ),
    Mistake(
        "a whole pixel inset",
        lattice(inset(1.0)),
        "with False your first point lies a whole pixel inside the edge: how far is a pixel's centre from its edge?",
    ),
    Mistake(
        "a quarter of a pixel inset",
        lattice(inset(0.25)),
        "with False your first point lies a quarter of a pixel inside the edge: a pixel is 2 / W wide. And its half?",
    ),
    Mistake(
        "inset at the start only",
        lattice(lambda length, flag: torch.linspace(float(centres(length, flag)[0]), 1, length)),
        "the first point is right, the last is not: with False it lies inside the edge, too.",
    ),
    Mistake(
        "inset of x for y",
        lambda size, align_corners: lattice(
            centres, lambda n, flag: torch.linspace(-float(centres(size[1], flag)[-1]), float(centres(size[1], flag)[-1]), n)
        )(size, align_corners),
        "x is right, y is inset as far as x: half a pixel is another length when the picture is not square.",
    ),
    Mistake(
        "half pixels of x only",
        lattice(centres, lambda length, flag: centres(length, True)),
        "x is right, y knows nothing of align_corners: both axes follow the same rule.",
    ),
    Mistake(
        "half pixels of y only",
        lattice(lambda length, flag: centres(length, True), centres),
        "y is right, x knows nothing of align_corners: both axes follow the same rule.",
    ),
    Mistake(
        "y up",
        lattice(centres, lambda length, flag: -centres(length, flag)),
        "your y grows upwards: here the first row is the top one, at y near -1.",
    ),
    Mistake(
        "right edges",
        lattice(lambda n, flag: centres(n, True) if flag else (torch.arange(n) + 1) * 2 / n - 1),
        "with False your points are the right edges of the pixels: a centre is half a pixel further left.",
    ),
    Mistake(
        "half a pixel outside",
        lattice(lambda n, flag: centres(n, flag) * (1 if flag else (n + 1) / (n - 1))),
        "with False your first point lies half a pixel outside the edge: it belongs inside.",
    ),
    Mistake(
        "half a pixel, not normalised",
        lattice(lambda n, flag: torch.linspace(-1, 1, n) * (1 if flag else 0.5)),
        "with False your first point is 0.5 inside the edge: that is half a pixel in pixels. How wide is half a pixel in the square?",
    ),
    Mistake(
        "half a pixel, and W - 1",
        lattice(lambda n, flag: centres(n, True) if flag else (torch.arange(n) * 2 + 1) / (n - 1) - 1),
        "with False half pixels and W - 1 are mixed: where -1 and 1 are edges, W pixels share the width of 2.",
    ),
    Mistake(
        "arange(-1, 1, 2 / W) + half of half a pixel",
        lattice(lambda n, flag: centres(n, True) if flag else left_edges(n, False) + 0.5 / n),
        "with False your points lie between the left edge and the centre: half a pixel is 1 / W in the square, not 0.5 / W.",
    ),
    Mistake(
        "from 0 to 2",
        lattice(lambda n, flag: centres(n, flag) + 1),
        "your square runs from 0 to 2: the normalised one runs from -1 to 1. What is missing at the end?",
    ),
    Mistake(
        "from -0.5 to 0.5",
        lattice(lambda n, flag: centres(n, flag) / 2),
        "your square is 1 wide: the normalised one is 2 wide, from -1 to 1.",
    ),
    Mistake(
        "x to the left",
        lattice(lambda n, flag: -centres(n, flag), centres),
        "your x grows to the left: the first column is the leftmost one, at x near -1.",
    ),
    Mistake(
        "both turned round",
        lattice(lambda n, flag: -centres(n, flag)),
        "both axes run backwards: the first point is the upper left one, near (-1, -1).",
    ),
    Mistake(
        "y up, always centres",
        lattice(lambda n, flag: centres(n, True), lambda n, flag: -centres(n, True)),
        "two things: your y grows upwards, and align_corners is ignored: what are -1 and 1 with False?",
    ),
    Mistake(
        "inset by the other side",
        lattice_of_sizes(lambda size, flag: (inset_by(size[1], size[0], flag), inset_by(size[0], size[1], flag))),
        "half a pixel along x is 1 / W, along y 1 / H: yours are exchanged.",
    ),
    Mistake(
        "x twice",
        lambda **case: right_grid(**case)[..., :1].expand(*case["size"], 2),
        "both coordinates are x: y changes from row to row.",
    ),
    Mistake(
        "shuffled by view",
        lambda size, align_corners: right_grid(size, align_corners).permute(2, 0, 1).reshape(*size, 2),
        "the numbers are shuffled: view and reshape keep their order and do not exchange axes. See `dim` of torch.stack, or permute.",
    ),
    Mistake(
        "glued",
        lambda size, align_corners: right_grid(size, align_corners).permute(0, 2, 1).reshape(size[0], -1),
        "x and y are glued side by side: torch.cat joins along an axis that is there, torch.stack makes a new one.",
    ),
    Mistake(
        "two axes",
        lambda size, align_corners: (centres(size[1], align_corners), centres(size[0], align_corners)),
        "those are the two axes: each point of the grid is a pair of them, (H, W, 2).",
    ),
    Mistake(
        "one row",
        lambda size, align_corners: centres(size[1], align_corners),
        "that is x along one row: repeat it for every row, and put y beside it, (H, W, 2).",
    ),
    Mistake(
        "whole division",
        lattice(lambda n, flag: torch.arange(n) * 2 // (n - 1) - 1 if flag else (torch.arange(n) * 2 + 1) // n - 1),
        "the coordinates were rounded to whole numbers: // throws the fraction away.",
    ),
    Mistake(
        "from 0 to 1",
        lattice(lambda length, flag: (centres(length, flag) + 1) / 2),
        "your square runs from 0 to 1: the normalised one runs from -1 to 1.",
    ),
    Mistake(
        "pixels",
        lattice(lambda length, flag: torch.arange(length)),
        "those are pixel coordinates: where do they lie in the square from -1 to 1?",
    ),
    Mistake(
        "flat",
        lambda **case: right_grid(**case).flatten(0, 1),
        "the numbers are right, the shape is not: keep rows and columns apart, (H, W, 2).",
    ),
    Mistake(
        "batch of one",
        lambda **case: right_grid(**case)[None],
        "that is a batch of one grid: here a single one is wanted, (H, W, 2).",
    ),
    Mistake(
        "coordinates first",
        lambda **case: right_grid(**case).permute(2, 0, 1),
        "x and y stand in the first axis: they belong into the last, (H, W, 2). See `dim` of torch.stack.",
    ),
    Mistake(
        "homogeneous",
        lambda **case: torch.nn.functional.pad(right_grid(**case), (0, 1), value=1.0),
        "that is (x, y, 1): the 1 is added where theta is multiplied, the grid itself has (x, y) only.",
    ),
]
SIZES = ((3, 5), (4, 4), (6, 2))


def check_target_grid(function: Callable) -> Verdict:
    """`my_target_grid(size, align_corners)`: (H, W, 2), last axis (x, y), as torch's affine_grid gives for the identity.

    >>> check_target_grid(lambda size, align_corners: torch.zeros(*size))
    failed: expected shape (3, 5, 2) for size=(3, 5), align_corners=False, got (3, 5)
    """
    cases = [dict(size=size, align_corners=flag) for size, flag in product(SIZES, (False, True))]
    return compare(function, cases, right_grid, GRID_MISTAKES, draw_grid)
