"""Exercises of notebook 2: their wrong answers and their checkers."""

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from .drawing import draw_grid, draw_theta
from .moving_the_grid import flat_theta, other_way_turn, three_rows
from .verdict import Mistake, Verdict, compare, with_also


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
