"""Exercise 1 of notebook 6, a projective map: its wrong answers and its checker."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.projective import Projective
from .verdict import Mistake, Verdict, compare


def parts(theta: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Numerators (N, K, 2) and depth (N, K, 1) of projective thetas (N, 8) at points (K, 2)."""
    mapped = torch.cat([points, torch.ones(len(points), 1)], dim=1) @ Projective().to_matrix(theta).mT
    return mapped[..., :2], mapped[..., 2:]


def divided(numerator: Tensor, depth: Tensor, behind: float = 9.0) -> Tensor:
    """Numerators by depth; `behind` where the depth is not positive."""
    return torch.where(depth <= 0, behind, numerator / torch.where(depth <= 0, 1.0, depth))


def right_projection(theta: Tensor, points: Tensor) -> Tensor:
    """What `project` is to answer."""
    return divided(*parts(theta, points))


def with_entries(order: list[int]) -> Callable:
    """A `project` that reads theta in another order."""
    return lambda theta, points: right_projection(theta[:, order], points)


def transposed(theta: Tensor, points: Tensor) -> Tensor:
    """The matrix is read column by column."""
    ninth = torch.ones(len(theta), 1)
    return right_projection(torch.cat([theta, ninth], dim=1).view(-1, 3, 3).mT.flatten(1)[:, :8], points)


def from_parts(answer: Callable) -> Callable:
    """A `project` made of answer(numerator, depth)."""
    return lambda theta, points: answer(*parts(theta, points))


def inverted(theta: Tensor, points: Tensor) -> Tensor:
    """The inverse maps."""
    mapped = torch.cat([points, torch.ones(len(points), 1)], dim=1) @ torch.linalg.inv(Projective().to_matrix(theta)).mT
    return divided(mapped[..., :2], mapped[..., 2:])


def x_overwritten(theta: Tensor, points: Tensor) -> Tensor:
    """y is made of the x of the answer."""
    a, b, c, d, e, f, g, h = theta.T[:, :, None]
    x, y = points.T
    hidden = (g * x + h * y + 1)[..., None] <= 0
    x = (a * x + b * y + c) / (g * x + h * y + 1)
    y = (d * x + e * y + f) / (g * x + h * y + 1)
    return torch.where(hidden, 9.0, torch.stack([x, y], dim=-1))


PROJECT_MISTAKES = [
    Mistake(
        "divided behind the camera",
        from_parts(torch.div),
        "points behind the camera are divided too, and show the picture upside down: where are they to look?",
    ),
    Mistake(
        "not divided",
        from_parts(lambda numerator, depth: torch.where(depth <= 0, 9.0, numerator)),
        "the numerators are not divided by the depth.",
    ),
    Mistake(
        "not divided, nothing hidden",
        from_parts(lambda numerator, depth: numerator),
        "the depth is not used at all: it divides the numerators, and where it is not positive nothing is seen.",
    ),
    Mistake(
        "multiplied",
        from_parts(lambda numerator, depth: torch.where(depth <= 0, 9.0, numerator * depth)),
        "the numerators are multiplied by the depth: what is far away becomes smaller.",
    ),
    Mistake(
        "size of the depth",
        from_parts(lambda numerator, depth: numerator / depth.abs()),
        "behind means a depth that is not positive: its size does not matter.",
    ),
    Mistake(
        "depth at least a little",
        from_parts(lambda numerator, depth: numerator / depth.clamp(min=1e-6)),
        "a depth that is clamped sends points behind the camera far away in many directions: all of them look at (9, 9).",
    ),
    Mistake(
        "front hidden",
        from_parts(lambda numerator, depth: torch.where(depth > 0, 9.0, numerator / depth)),
        "front and back are exchanged: a positive depth is what the camera sees.",
    ),
    Mistake(
        "9 divided, too",
        from_parts(lambda numerator, depth: torch.where(depth <= 0, 9.0, numerator) / depth),
        "the points behind were set to 9 first and divided then: replace them last.",
    ),
    Mistake(
        "zero behind",
        from_parts(lambda numerator, depth: divided(numerator, depth, 0.0)),
        "(0, 0) is the middle of the picture: points behind the camera must look outside of it, at (9, 9).",
    ),
    Mistake(
        "undivided behind",
        from_parts(lambda numerator, depth: numerator / torch.where(depth <= 0, 1.0, depth)),
        "the safe depth is there, but the points behind still look into the picture: replace them by (9, 9).",
    ),
    Mistake(
        "NaN behind",
        from_parts(lambda numerator, depth: divided(numerator, depth, torch.nan)),
        "NaN is no place to look at, and spoils every gradient: points behind the camera look at (9, 9).",
    ),
    Mistake(
        "x hidden only",
        lambda theta, points: torch.stack(
            [right_projection(theta, points)[..., 0], torch.div(*parts(theta, points))[..., 1]], dim=-1
        ),
        "x is hidden behind the camera, y is not: both look at 9.",
    ),
    Mistake(
        "x divided only",
        lambda theta, points: torch.stack(
            [
                right_projection(theta, points)[..., 0],
                torch.where(parts(theta, points)[1] <= 0, 9.0, parts(theta, points)[0])[..., 1],
            ],
            dim=-1,
        ),
        "x is divided by the depth, y is not: both are.",
    ),
    Mistake("columns first", transposed, "theta was read column by column: it is (a, b, c, d, e, f, g, h), row by row."),
    Mistake(
        "2x2 part first",
        with_entries([0, 1, 4, 2, 3, 5, 6, 7]),
        "theta was read as a 2x2 matrix and then the shifts: each formula has its shift after its two factors.",
    ),
    Mistake(
        "g and h exchanged",
        with_entries([0, 1, 2, 3, 4, 5, 7, 6]),
        "g and h are exchanged: g goes with x.",
    ),
    Mistake(
        "x and y of the points exchanged",
        lambda theta, points: right_projection(theta, points.flip(-1)),
        "x and y of the points are exchanged: a point is (x, y).",
    ),
    Mistake(
        "x and y of the answer exchanged",
        lambda **case: right_projection(**case).flip(-1),
        "x and y of your answer are exchanged: a point is (x, y).",
    ),
    Mistake(
        "1 forgotten",
        from_parts(lambda numerator, depth: divided(numerator, depth - 1)),
        "the 1 in the depth is missing: with g = h = 0 nothing should be divided away.",
    ),
    Mistake(
        "shift forgotten",
        lambda theta, points: right_projection(theta * torch.tensor([1.0, 1, 0, 1, 1, 0, 1, 1]), points),
        "c and f, the shifts, are missing.",
    ),
    Mistake(
        "upper row twice",
        with_entries([0, 1, 2, 0, 1, 2, 6, 7]),
        "x and y have the same formula: y is made of d, e and f.",
    ),
    Mistake(
        "points first",
        lambda **case: right_projection(**case).transpose(0, 1),
        "the points come first in your answer: it is (N, K, 2), a row of points for each theta.",
    ),
    Mistake(
        "first theta only",
        lambda theta, points: right_projection(theta[:1], points)[0],
        "only the first theta is used: each one maps all points, (N, K, 2).",
    ),
    Mistake(
        "depth kept",
        from_parts(lambda numerator, depth: torch.cat([divided(numerator, depth), torch.ones_like(depth)], dim=-1)),
        "that is (x, y, 1): the answer has (x, y) only.",
    ),
    Mistake(
        "y hidden only",
        lambda theta, points: torch.stack(
            [torch.div(*parts(theta, points))[..., 0], right_projection(theta, points)[..., 1]], dim=-1
        ),
        "y is hidden behind the camera, x is not: both look at 9.",
    ),
    Mistake(
        "depth of zero",
        from_parts(lambda numerator, depth: torch.where(depth < 0, 9.0, numerator / depth)),
        "a depth of exactly 0 is not positive either, and you divide by it.",
    ),
    Mistake(
        "behind from 1 on",
        from_parts(lambda numerator, depth: torch.where(depth <= 1, 9.0, numerator / depth)),
        "a depth between 0 and 1 lies in front of the camera: what is behind begins at 0.",
    ),
    Mistake(
        "minus 9",
        from_parts(lambda numerator, depth: divided(numerator, depth, -9.0)),
        "the points behind look at (-9, -9): the place is (9, 9).",
    ),
    Mistake(
        "a million",
        from_parts(lambda numerator, depth: divided(numerator, depth, 1e6)),
        "far away is right, and the package does so: in this exercise the place is (9, 9).",
    ),
    Mistake(
        "infinity behind",
        from_parts(lambda numerator, depth: divided(numerator, depth, torch.inf)),
        "infinity becomes NaN as soon as something is subtracted from it: points behind the camera look at (9, 9).",
    ),
    Mistake(
        "9 as the depth",
        from_parts(lambda numerator, depth: numerator / torch.where(depth <= 0, 9.0, depth)),
        "9 became the depth of the points behind: it is the place at which they look.",
    ),
    Mistake(
        "behind left out",
        lambda theta, points: torch.div(*parts(theta, points))[(parts(theta, points)[1] > 0)[..., 0]],
        "the points behind are left out, so that the others move up: each keeps its place, (N, K, 2).",
    ),
    Mistake(
        "hidden where outside",
        from_parts(lambda numerator, depth: torch.where((numerator / depth).abs() > 1, 9.0, numerator / depth)),
        "a point in front may look outside the picture, and keeps its place: only the depth decides.",
    ),
    Mistake(
        "clamped",
        lambda **case: right_projection(**case).clamp(-1, 1),
        "points may look outside the picture: clamping draws them to its edge.",
    ),
    Mistake(
        "a and b exchanged, d and e exchanged",
        with_entries([1, 0, 2, 4, 3, 5, 6, 7]),
        "a and b are exchanged, and d and e: the first of a row goes with x.",
    ),
    Mistake(
        "only x in the depth",
        lambda theta, points: right_projection(theta * torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 0]), points),
        "h is missing: the depth is made of x and of y.",
    ),
    Mistake("x overwritten", x_overwritten, "x is overwritten before y is made of it: give the answer a name of its own."),
    Mistake(
        "inverse",
        inverted,
        "that is the inverse: theta leads from the output's points to the input's as it stands.",
    ),
    Mistake(
        "coordinates first",
        lambda **case: right_projection(**case).permute(2, 0, 1),
        "x and y come first in your answer: they are its last dimension, (N, K, 2).",
    ),
]


def check_project(function: Callable) -> Verdict:
    """`project(theta, points)`: thetas (N, 8), points (K, 2) -> (N, K, 2); (9, 9) where the depth is not positive.

    >>> check_project(lambda theta, points: points)
    failed: expected shape (5, 40, 2) for theta of shape (5, 8), points of shape (40, 2), got (40, 2)
    """
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(40, 2, generator=generator) * 2 - 1
    cases = []
    for strength in (0.0, 0.4, 2.0):  # affine, all in front, some behind
        theta = Projective().identity() + 0.3 * torch.randn(5, 8, generator=generator)
        theta[:, 6:] = strength * (torch.rand(5, 2, generator=generator) * 2 - 1)
        cases.append(dict(theta=theta, points=points))
    on_the_horizon = Projective().identity() + torch.tensor([[0, 0, 0, 0, 0, 0, 1.0, 0]])  # a depth of exactly 0 at x = -1
    cases.append(dict(theta=on_the_horizon, points=torch.tensor([[-1.0, 0.5], [0.0, 0.0], [1.0, -1.0]])))
    return compare(function, cases, right_projection, PROJECT_MISTAKES)
