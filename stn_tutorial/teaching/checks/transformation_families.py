"""Exercises of notebook 6: their wrong answers and their checkers."""

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
    return compare(function, cases, right_projection, PROJECT_MISTAKES)


def in_steps(number: Callable, part: Callable) -> Callable:
    """A `flow` of number(squarings) steps, each of which lasts part(squarings)."""

    def flow(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
        for _ in range(number(squarings)):
            points = points + part(squarings) * velocity(points)
        return points

    return flow


def midpoint(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """Each step with the velocity in its middle."""
    part = 0.5**squarings
    for _ in range(2**squarings):
        points = points + part * velocity(points + part / 2 * velocity(points))
    return points


def multiplied(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """The velocity multiplies the place."""
    for _ in range(2**squarings):
        points = points * (1 + velocity(points) / 2**squarings)
    return points


def decaying(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """Each step is half as long as the one before."""
    for k in range(2**squarings):
        points = points + velocity(points) / 2 ** (k + 1)
    return points


def velocities_only(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """The place is replaced by the step, not moved by it."""
    for _ in range(2**squarings):
        points = velocity(points) / 2**squarings
    return points


right_flow = in_steps(lambda n: 2**n, lambda n: 0.5**n)
FLOW_MISTAKES = [
    Mistake(
        "single step",
        in_steps(lambda n: 1, lambda n: 1),
        "that is a single step, or many with the velocity of the start: ask it anew wherever the points have arrived.",
    ),
    Mistake(
        "first step only",
        in_steps(lambda n: 1, lambda n: 0.5**n),
        "that is the first step only: is the loop left too early, or does it always begin at the start?",
    ),
    Mistake(
        "steps too long",
        in_steps(lambda n: 2**n, lambda n: 1),
        "each step goes too far: all of them together last one unit of time.",
    ),
    Mistake(
        "steps for n",
        in_steps(lambda n: max(1, n), lambda n: 1 / max(1, n)),
        "`squarings` counts doublings, and n doublings make more than n steps: how many are there with three?",
    ),
    Mistake(
        "n + 1 steps",
        in_steps(lambda n: n + 1, lambda n: 1 / (n + 1)),
        "`squarings` counts doublings, and n doublings make more than n + 1 steps: how many are there with three?",
    ),
    Mistake(
        "2n steps",
        in_steps(lambda n: max(1, 2 * n), lambda n: 1 / max(1, 2 * n)),
        "that is 2 times n steps: each doubling doubles what was there before.",
    ),
    Mistake(
        "n squared steps",
        in_steps(lambda n: max(1, n * n), lambda n: 1 / max(1, n * n)),
        "that is n squared steps: each squaring doubles the number of steps.",
    ),
    Mistake(
        "n steps of the right length",
        in_steps(lambda n: n, lambda n: 0.5**n),
        "each step is right, but there are `squarings` of them: together they last one unit of time.",
    ),
    Mistake(
        "length of n steps",
        in_steps(lambda n: 2**n, lambda n: 1 / max(1, n)),
        "the number of steps is right, their length is not: together they last one unit of time.",
    ),
    Mistake(
        "one step missing",
        in_steps(lambda n: 2**n - 1, lambda n: 0.5**n),
        "one step is missing: where does your range begin, and where does it end?",
    ),
    Mistake(
        "one step too many",
        in_steps(lambda n: 2**n + 1, lambda n: 0.5**n),
        "that is one step too many: where does your range begin, and where does it end?",
    ),
    Mistake(
        "twice as many steps",
        in_steps(lambda n: 2 ** (n + 1), lambda n: 0.5 ** (n + 1)),
        "that is one doubling too many: with 0 squarings there is a single step.",
    ),
    Mistake(
        "half the time",
        in_steps(lambda n: 2**n, lambda n: 0.5 ** (n + 1)),
        "you arrive after half the time: all steps together last one unit.",
    ),
    Mistake(
        "backwards",
        in_steps(lambda n: 2**n, lambda n: -(0.5**n)),
        "the time runs backwards: a step goes with the velocity.",
    ),
    Mistake(
        "way instead of place",
        lambda velocity, points, squarings: right_flow(velocity, points, squarings) - points,
        "that is the way that the points have gone: the place where they arrive is wanted.",
    ),
    Mistake(
        "nothing moves",
        lambda velocity, points, squarings: points,
        "the points are where they were: is the new place kept from step to step, and returned?",
    ),
    Mistake(
        "midpoint rule",
        midpoint,
        "that is a better rule, with the velocity in the middle of a step: here the velocity is taken where the step begins.",
    ),
    Mistake("velocity multiplied", multiplied, "the velocity multiplies the place: it is added to it."),
    Mistake("ever shorter steps", decaying, "your steps grow shorter: all have the same length."),
    Mistake(
        "place lost",
        velocities_only,
        "the place is replaced by the step: it is moved by it. Is a + missing?",
    ),
    Mistake(
        "velocity of the end",
        lambda velocity, points, squarings: velocity(right_flow(velocity, points, squarings)),
        "that is the velocity at the end: the place is wanted.",
    ),
]


def whirlpool(points: Tensor) -> Tensor:
    """A velocity field that turns."""
    return 0.8 * torch.stack([-points[:, 1], points[:, 0]], dim=1)


def funnel(points: Tensor) -> Tensor:
    """A velocity field that draws to the middle."""
    return -0.5 * points * points.norm(dim=1, keepdim=True)


def check_flow(function: Callable) -> Verdict:
    """`flow(velocity, points, squarings)`: follow a velocity field for one unit of time in 2^squarings equal steps.

    >>> check_flow(lambda velocity, points, squarings: points).message[:31]
    'the points are where they were:'
    """
    points = torch.rand(12, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    cases = [dict(velocity=v, points=points, squarings=n) for v in (whirlpool, funnel) for n in (0, 1, 3, 5)]
    return compare(function, cases, right_flow, FLOW_MISTAKES)
