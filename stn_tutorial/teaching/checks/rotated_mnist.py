"""Checkers of notebook 5."""

import math
from collections.abc import Callable

import torch

from ...geometry.rotation import Rotation
from ...training.metrics import circular_spread, rotation_angle
from .verdict import Verdict, compare


def check_recovered_degrees(function: Callable) -> Verdict:
    """`recovered_degrees(theta)`: angle of the rotation nearest to each affine theta (N, 6) -> (N,), in degrees."""
    generator = torch.Generator().manual_seed(0)
    turn = Rotation().matrix(torch.linspace(-3, 3, 13)[:, None])[:, :, :2]
    noise = torch.randn(13, 2, 2, generator=generator) * 0.15
    stretch = 0.8 * torch.eye(2) + (noise + noise.mT) / 2  # symmetric and positive: its nearest rotation is none
    shift = torch.rand(13, 2, 1, generator=generator) - 0.5
    cases = [dict(theta=torch.cat([linear, shift], dim=2).view(13, 6)) for linear in (turn, 0.6 * turn, turn @ stretch)]

    def oracle(theta):
        return rotation_angle(theta.view(-1, 2, 3)).rad2deg()

    mistakes = {
        "that is in radians: multiply by 180 / pi": lambda theta: oracle(theta).deg2rad(),
        "the sign is wrong: a21 - a12 is positive for a positive angle": lambda theta: -oracle(theta),
        "the arc cosine cannot tell left from right, and scale spoils it: use atan2": (
            lambda theta: theta[:, 0].clamp(-1, 1).acos().rad2deg()
        ),
        "that is the angle of the first column only: with stretch in theta the nearest rotation needs all four entries": (
            lambda theta: torch.atan2(theta[:, 3], theta[:, 0]).rad2deg()
        ),
        "the indices are off: theta is row by row, (a11, a12, t_x, a21, a22, t_y)": (
            lambda theta: torch.atan2(theta[:, 2] - theta[:, 1], theta[:, 0] + theta[:, 3]).rad2deg()
        ),
    }
    return compare(function, cases, oracle, mistakes)


def check_spread_degrees(function: Callable) -> Verdict:
    """`spread_degrees(angles)`: circular standard deviation of angles (N,), in degrees and out in degrees."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(angles=torch.randn(200, generator=generator) * sd + middle)
        for sd, middle in ((5, 0), (20, 90), (10, 180), (50, -170))
    ]
    cases = [dict(angles=(case["angles"] + 180) % 360 - 180) for case in cases]

    def length(angles):
        radians = angles.double().deg2rad()
        return torch.hypot(radians.cos().mean(), radians.sin().mean())

    def oracle(angles):
        return math.degrees(circular_spread(angles.double().deg2rad()))

    mistakes = {
        "that is the ordinary standard deviation: for it, -179 and 179 degrees lie far apart": lambda angles: angles.std(),
        "that is the ordinary standard deviation (of the whole population): for it, -179 and 179 degrees lie far apart": (
            lambda angles: angles.std(correction=0)
        ),
        "that is in radians: convert back to degrees": lambda angles: math.radians(oracle(angles)),
        "that is 1 - R, the circular variance: the spread is sqrt(-2 ln R)": lambda angles: 1 - length(angles),
        "degrees went into cos and sin as if they were radians": lambda angles: math.degrees(circular_spread(angles.double())),
    }
    return compare(function, cases, oracle, mistakes)
