"""Exercises of notebook 5: their wrong answers and their checkers."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.rotation import Rotation
from ...training.metrics import circular_spread, rotation_angle
from .verdict import Mistake, Verdict, compare


def within_half_a_turn(degrees: Tensor) -> Tensor:
    """The same angles between -180 and 180."""
    return (degrees + 180) % 360 - 180


def right_degrees(theta: Tensor) -> Tensor:
    """What `recovered_degrees` is to answer."""
    return rotation_angle(theta.view(-1, 2, 3)).rad2deg()


def from_entries(angle: Callable) -> Callable:
    """A `recovered_degrees` whose radians are angle(a11, a12, a21, a22)."""
    return lambda theta: angle(*theta.double()[:, [0, 1, 3, 4]].T).rad2deg()


DEGREES_MISTAKES = [
    Mistake(
        "radians",
        lambda theta: right_degrees(theta).deg2rad(),
        "that is in radians: degrees are wanted.",
    ),
    Mistake(
        "radians, sign",
        lambda theta: -right_degrees(theta).deg2rad(),
        "two things: that is in radians, degrees are wanted; and the sign is wrong.",
    ),
    Mistake(
        "degrees to radians",
        lambda theta: right_degrees(theta).deg2rad().deg2rad(),
        "the conversion runs backwards: atan2 answers in radians, and degrees are wanted.",
    ),
    Mistake(
        "sign",
        lambda theta: -right_degrees(theta),
        "the sign is wrong: a21 is the positive sine of a positive angle.",
    ),
    Mistake(
        "half the angle",
        lambda theta: right_degrees(theta) / 2,
        "half the angle: half a turn is 180 degrees, and pi.",
    ),
    Mistake(
        "atan for atan2",
        from_entries(lambda a11, a12, a21, a22: torch.atan((a21 - a12) / (a11 + a22))),
        "atan for atan2: it knows the quotient only, so that angles beyond 90 degrees come out on the other side.",
    ),
    Mistake(
        "arguments of atan2 exchanged",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a11 + a22, a21 - a12)),
        "the arguments of atan2 are exchanged: the identity should give 0, and gives 90. Which comes first, sine or cosine?",
    ),
    Mistake(
        "arc cosine of the first entry",
        lambda theta: theta[:, 0].clamp(-1, 1).acos().rad2deg(),
        "the arc cosine cannot tell left from right, and scale spoils it: which function takes sine and cosine together?",
    ),
    Mistake(
        "arc cosine, not clamped",
        lambda theta: theta[:, 0].acos().rad2deg(),
        "the arc cosine cannot tell left from right, and of entries above 1 it is NaN: which function takes sine and cosine?",
    ),
    Mistake(
        "arc cosine of the trace",
        from_entries(lambda a11, a12, a21, a22: ((a11 + a22) / 2).clamp(-1, 1).acos()),
        "half the trace is the cosine only where nothing is scaled, and the arc cosine cannot tell left from right.",
    ),
    Mistake(
        "arc sine",
        lambda theta: theta[:, 3].clamp(-1, 1).asin().rad2deg(),
        "the arc sine stops at 90 degrees, and scale spoils it: which function takes sine and cosine together?",
    ),
    Mistake(
        "arc sine, not clamped",
        lambda theta: theta[:, 3].asin().rad2deg(),
        "the arc sine stops at 90 degrees, and of entries above 1 it is NaN: which function takes sine and cosine together?",
    ),
    Mistake(
        "first column",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a21, a11)),
        "that is the angle of the first column only: with stretch in theta the nearest rotation needs all four entries.",
    ),
    Mistake(
        "second column",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(-a12, a22)),
        "that is the angle of the second column only: with stretch in theta the nearest rotation needs all four entries.",
    ),
    Mistake(
        "first row",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(-a12, a11)),
        "that is the angle of the first row only: with stretch in theta the nearest rotation needs all four entries.",
    ),
    Mistake(
        "second row",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a21, a22)),
        "that is the angle of the second row only: with stretch in theta the nearest rotation needs all four entries.",
    ),
    Mistake(
        "mean of the columns' angles",
        from_entries(lambda a11, a12, a21, a22: (torch.atan2(a21, a11) + torch.atan2(-a12, a22)) / 2),
        "a mean of two angles goes wrong where they pass half a turn: add the vectors first, then take the angle.",
    ),
    Mistake(
        "sines cancel",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a21 + a12, a11 + a22)),
        "the two sines cancel: they have opposite signs in a rotation matrix.",
    ),
    Mistake(
        "cosines cancel",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a21 - a12, a11 - a22)),
        "the two cosines cancel: they have the same sign in a rotation matrix.",
    ),
    Mistake(
        "indices off",
        lambda theta: torch.atan2(theta[:, 2] - theta[:, 1], theta[:, 0] + theta[:, 3]).rad2deg(),
        "the indices are off: theta is row by row, (a11, a12, t_x, a21, a22, t_y).",
    ),
    Mistake(
        "a column of angles",
        lambda theta: right_degrees(theta)[:, None],
        "the numbers are right, the shape is not: one angle for each theta, (N,).",
    ),
    Mistake(
        "mean angle",
        lambda theta: right_degrees(theta).mean(),
        "that is one angle for all: one for each theta is wanted, (N,).",
    ),
]


def check_recovered_degrees(function: Callable) -> Verdict:
    """`recovered_degrees(theta)`: angle of the rotation nearest to each affine theta (N, 6) -> (N,), in degrees.

    Angles that differ by whole turns count as equal.

    >>> check_recovered_degrees(lambda theta: theta[:, 3].asin().rad2deg()).message[:37]
    'the arc sine stops at 90 degrees, and'
    """
    generator = torch.Generator().manual_seed(0)
    turn = Rotation().matrix(torch.linspace(-3, 3, 13)[:, None])[:, :, :2]
    noise = torch.randn(13, 2, 2, generator=generator) * 0.15
    stretch = 0.8 * torch.eye(2) + (noise + noise.mT) / 2  # symmetric and positive: its nearest rotation is none
    shift = torch.rand(13, 2, 1, generator=generator) - 0.5
    linear = (turn, 0.6 * turn, 1.3 * turn, turn @ stretch)
    cases = [dict(theta=torch.cat([part, shift], dim=2).view(13, 6)) for part in linear]
    return compare(function, cases, right_degrees, DEGREES_MISTAKES, tidy=within_half_a_turn)


def right_spread(angles: Tensor) -> float:
    """What `spread_degrees` is to answer."""
    return math.degrees(circular_spread(angles.double().deg2rad()))


def length(angles: Tensor) -> Tensor:
    """R, the length of the mean vector of angles in degrees."""
    radians = angles.double().deg2rad()
    return torch.hypot(radians.cos().mean(), radians.sin().mean())


ORDINARY = "that is the ordinary standard deviation: for it, -179 and 179 degrees lie far apart. Where does it differ most?"
NOT_A_NUMBER = "that is NaN, the root of a negative number: is R a mean, between 0 and 1? And which sign has its logarithm?"
SPREAD_MISTAKES = [
    Mistake("ordinary", lambda angles: angles.double().std(), ORDINARY),
    Mistake("ordinary, of the whole population", lambda angles: angles.double().std(correction=0), ORDINARY),
    Mistake(
        "variance",
        lambda angles: angles.double().var(),
        "that is the ordinary variance: neither its root nor the circle is taken into account.",
    ),
    Mistake(
        "mean distance from the mean",
        lambda angles: (angles.double() - angles.double().mean()).abs().mean(),
        "that is the mean distance from the ordinary mean, which does not know that -179 and 179 degrees are neighbours.",
    ),
    Mistake("radians", lambda angles: math.radians(right_spread(angles)), "that is in radians: convert back to degrees."),
    Mistake(
        "1 - R",
        lambda angles: 1 - length(angles),
        "that is 1 - R, the circular variance, a number between 0 and 1: the spread is made of the logarithm of R.",
    ),
    Mistake(
        "1 - R in degrees",
        lambda angles: (1 - length(angles)).rad2deg(),
        "that is 1 - R, the circular variance, which is no angle: the spread is made of the logarithm of R.",
    ),
    Mistake(
        "R itself",
        length,
        "that is R itself, which is 1 when all angles are equal: the spread is made of its logarithm.",
    ),
    Mistake(
        "angular deviation",
        lambda angles: (2 * (1 - length(angles))).sqrt().rad2deg(),
        "that is the angular deviation, made of 1 - R: near for small spreads only. Here the logarithm of R is wanted.",
    ),
    Mistake(
        "square root forgotten",
        lambda angles: (-2 * length(angles).log()).rad2deg(),
        "the square root is forgotten: what you have is a variance.",
    ),
    Mistake(
        "square root forgotten, radians",
        lambda angles: -2 * length(angles).log(),
        "two things: the square root is forgotten, and what comes out of it is in radians.",
    ),
    Mistake(
        "root of degrees",
        lambda angles: (-2 * length(angles).log()).rad2deg().sqrt(),
        "the root comes last: take it in radians, and convert then.",
    ),
    Mistake(
        "2 forgotten",
        lambda angles: (-length(angles).log()).sqrt().rad2deg(),
        "a factor under the root is missing: all your spreads are too small by the same share.",
    ),
    Mistake(
        "minus forgotten",
        lambda angles: (2 * length(angles).log()).sqrt().rad2deg(),
        NOT_A_NUMBER,
    ),
    Mistake(
        "logarithm of base 10",
        lambda angles: (-2 * length(angles).log10()).sqrt().rad2deg(),
        "that is the logarithm of base 10: the natural one is wanted.",
    ),
    Mistake(
        "R squared",
        lambda angles: (-2 * (length(angles) ** 2).log()).sqrt().rad2deg(),
        "R is the length of the mean vector: your R is the square of it. Is a root missing there?",
    ),
    Mistake(
        "sum for mean",
        lambda angles: (-2 * (len(angles) * length(angles)).log()).sqrt().rad2deg(),
        NOT_A_NUMBER,
    ),
    Mistake(
        "mean of the lengths",
        lambda angles: 0.0,
        "that is 0: each vector has length 1. First the mean of the vectors, then the length of it.",
    ),
    Mistake(
        "cosine only",
        lambda angles: (-2 * angles.double().deg2rad().cos().mean().abs().log()).sqrt().rad2deg(),
        "your R is made of the cosines only: a vector has a sine, too.",
    ),
    Mistake(
        "degrees in cos and sin",
        lambda angles: math.degrees(circular_spread(angles.double())),
        "cos and sin were given degrees and take radians.",
    ),
    Mistake(
        "degrees in cos and sin, not converted back",
        lambda angles: circular_spread(angles.double()),
        "cos and sin were given degrees and take radians, and what comes out of the root is in radians, too.",
    ),
    Mistake(
        "list of one",
        lambda angles: [right_spread(angles)],
        "the number is right, the shape is not: one plain number is wanted, no list.",
    ),
]


def check_spread_degrees(function: Callable) -> Verdict:
    """`spread_degrees(angles)`: circular standard deviation of angles (N,), in degrees and out in degrees.

    >>> check_spread_degrees(lambda angles: angles.std()).message[:41]
    'that is the ordinary standard deviation: '
    """
    generator = torch.Generator().manual_seed(0)
    middles = ((5, 0), (20, 90), (10, 180), (50, -170))
    cases = [dict(angles=torch.randn(200, generator=generator) * sd + middle) for sd, middle in middles]
    cases = [dict(angles=within_half_a_turn(case["angles"])) for case in cases]
    return compare(function, cases, right_spread, SPREAD_MISTAKES)
