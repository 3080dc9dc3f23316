"""Exercise 1 of notebook 5, the angle of theta: its wrong answers and its checker."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.rotation import Rotation
from ...training.metrics import rotation_angle, scale_of
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


def from_matrices(rotation: Callable) -> Callable:
    """A `recovered_degrees` that takes rotation(U, V transposed), as `torch.linalg.svd` answers them, for the nearest one."""

    def degrees(theta: Tensor) -> Tensor:
        u, _, v = torch.linalg.svd(theta.view(-1, 2, 3)[:, :, :2])
        turn = rotation(u, v)
        return torch.atan2(turn[:, 1, 0], turn[:, 0, 0]).rad2deg()

    return degrees


SHIFT_USED = "that is the direction of the shift: an angle is in the 2x2 part, theta is (a11, a12, t_x, a21, a22, t_y)."
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
    Mistake(
        "arc cosine, scale divided out",
        lambda theta: ((theta[:, 0] + theta[:, 4]) / 2 / scale_of(theta.view(-1, 2, 3))).clamp(-1, 1).acos().rad2deg(),
        "the scale is divided out well, but the arc cosine cannot tell left from right: which function takes the sine, too?",
    ),
    Mistake(
        "arc sine, scale divided out",
        lambda theta: ((theta[:, 3] - theta[:, 1]) / 2 / scale_of(theta.view(-1, 2, 3))).clamp(-1, 1).asin().rad2deg(),
        "the scale is divided out well, but the arc sine stops at 90 degrees: which function takes the cosine, too?",
    ),
    Mistake(
        "tangent for arc tangent",
        lambda theta: torch.tan((theta[:, 3] - theta[:, 1]) / (theta[:, 0] + theta[:, 4])).rad2deg(),
        "a tangent is made of an angle: here an angle is made of two sums.",
    ),
    Mistake(
        "one sine, two cosines",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a21, a11 + a22)),
        "one sine stands against the sum of two cosines: the second sine is in a12, with a minus.",
    ),
    Mistake(
        "two sines, one cosine",
        from_entries(lambda a11, a12, a21, a22: torch.atan2(a21 - a12, a11)),
        "two sines stand against one cosine: the second cosine is in a22.",
    ),
    Mistake(
        "mean of the sines, sum of the cosines",
        from_entries(lambda a11, a12, a21, a22: torch.atan2((a21 - a12) / 2, a11 + a22)),
        "one of the two sums is halved and the other is not.",
    ),
    Mistake(
        "without its sign",
        lambda theta: right_degrees(theta).abs(),
        "the sign is lost: a turn to the left and one to the right differ.",
    ),
    Mistake(
        "times 180",
        lambda theta: right_degrees(theta).deg2rad() * 180,
        "180 degrees are pi radians, not one: `rad2deg` converts.",
    ),
    Mistake(
        "times 180, sign",
        lambda theta: -right_degrees(theta).deg2rad() * 180,
        "two things: 180 degrees are pi radians, not one; and the sign is wrong.",
    ),
    Mistake(
        "modulo 180",
        lambda theta: right_degrees(theta) % 180,
        "modulo 180 makes one of -30 and 150 degrees, and these differ by half a turn.",
    ),
    Mistake(
        "whole degrees",
        lambda theta: right_degrees(theta).round(),
        "the angle is rounded to whole degrees.",
    ),
    Mistake("direction of the shift", lambda theta: torch.atan2(theta[:, 5], theta[:, 2]).rad2deg(), SHIFT_USED),
    Mistake(
        "V transposed twice",
        from_matrices(lambda u, v: u @ v.mT),
        "`torch.linalg.svd` answers V transposed already: transposing it again turns it the other way.",
    ),
    Mistake(
        "first theta only",
        lambda theta: right_degrees(theta[:1])[0],
        "that is the angle of the first theta only: one for each is wanted, (N,).",
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
