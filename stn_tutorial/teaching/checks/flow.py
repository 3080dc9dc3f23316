"""Exercise 2 of notebook 6, a flow in steps: its wrong answers and its checker."""

from collections.abc import Callable

import torch
from torch import Tensor

from .verdict import Mistake, Verdict, compare


def in_steps(
    number: Callable,
    part: Callable,
    drift: Callable = lambda velocity, points: velocity(points),
    divide: Callable = lambda velocity, part: velocity * part,
) -> Callable:
    """A `flow` of number(squarings) steps, each of which lasts part(squarings): divide(drift(velocity, points), part)."""

    def flow(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
        for _ in range(number(squarings)):
            points = points + divide(drift(velocity, points), part(squarings))
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


def growing(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """The k-th step lasts k parts of the time."""
    for k in range(2**squarings):
        points = points + velocity(points) * k / 2**squarings
    return points


def chained(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """The velocity is asked at the last velocity."""
    last = velocity(points)
    for _ in range(2**squarings):
        points, last = points + last / 2**squarings, velocity(last)
    return points


def way_squared(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """The way of the first step is multiplied by itself."""
    way = velocity(points) / 2**squarings
    for _ in range(squarings):
        way = way * way
    return points + way


def heun(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """Each step with the mean of the velocities at its two ends."""
    part = 0.5**squarings
    for _ in range(2**squarings):
        start = velocity(points)
        points = points + part * (start + velocity(points + part * start)) / 2
    return points


def late(velocity: Callable, points: Tensor, squarings: int) -> Tensor:
    """Each step with the velocity where it ends."""
    part = 0.5**squarings
    for _ in range(2**squarings):
        points = points + part * velocity(points + part * velocity(points))
    return points


HEUN = "that is a better rule, with the mean of two velocities: here there is one, taken where the step begins."
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
    Mistake(
        "caret for power",
        in_steps(lambda n: 2 ^ n, lambda n: 1 / (2 ^ n or 1)),
        "`^` is no power in Python, but exclusive or: 2 to the n is `2**n`.",
    ),
    Mistake(
        "2n for 2 to the n in the length",
        in_steps(lambda n: 2**n, lambda n: torch.tensor(0.5) / n),
        "2 times n is not 2 to the n: how long is one of the equal steps?",
    ),
    Mistake(
        "divided by 2, times n",
        in_steps(lambda n: 2**n, lambda n: n / 2),
        "`/ 2 * n` divides by 2 and multiplies by n: `2**n` is the power.",
    ),
    Mistake(
        "divided by squarings",
        lambda velocity, points, squarings: in_steps(lambda n: 2**n, lambda n: torch.tensor(1.0) / n)(
            velocity, points, squarings
        ),
        "you divide by `squarings`, which may be 0: how many equal steps fill one unit of time?",
    ),
    Mistake(
        "each doubling doubles one step",
        in_steps(lambda n: 2 * n, lambda n: 0.5**n),
        "a doubling follows twice all that was there before, not one step twice.",
    ),
    Mistake("ever longer steps", growing, "your steps grow longer: all have the same length."),
    Mistake(
        "velocity of the velocity", chained, "the velocity is asked at a velocity: it is asked at the place reached so far."
    ),
    Mistake(
        "number squared", way_squared, "to square a flow is to follow it twice, not to multiply its numbers by themselves."
    ),
    Mistake("better rule of two velocities", heun, HEUN),
    Mistake(
        "velocity where the step ends",
        late,
        "the velocity is taken where a step ends: here it is taken where the step begins.",
    ),
    Mistake(
        "all the places",
        lambda velocity, points, squarings: torch.stack(
            [in_steps(lambda n, k=k: k, lambda n: 0.5**n)(velocity, points, squarings) for k in range(2**squarings + 1)]
        ),
        "those are all places on the way: the last one alone is wanted, (K, 2).",
    ),
    Mistake(
        "rounded steps",
        in_steps(lambda n: 2**n, lambda n: 0.5**n, divide=lambda velocity, part: velocity // (1 / part)),
        "// rounds downwards: a step divides by /.",
    ),
    Mistake(
        "towards the velocity",
        in_steps(lambda n: 2**n, lambda n: 0.5**n, drift=lambda velocity, points: velocity(points) - points),
        "the place is taken off the velocity: a velocity is a way already, not a place to go to.",
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
