"""Pose recovered against pose applied: the distortion is ours, so the truth is known and the claim can be measured."""

import math
import statistics

import torch
from torch import Tensor

from .transforms import multiply


def rotation_angle(matrix: Tensor) -> Tensor:
    """Angle of the rotation nearest to each 2x3 matrix (its polar factor): (N, 2, 3) -> (N,), radians in (-pi, pi].

    Scale, shear and shift do not disturb it. Meant for matrices that do not mirror (positive determinant).
    """
    return torch.atan2(matrix[:, 1, 0] - matrix[:, 0, 1], matrix[:, 0, 0] + matrix[:, 1, 1])


def circular_spread(angles: Tensor) -> float:
    """Circular standard deviation in radians: sqrt(-2 ln R), R the length of the mean of the unit vectors.

    angles: (N,), radians. 0 when all agree, about the ordinary standard deviation when it is small; -179 and 179
    degrees are near to each other, as they should be.
    """
    if angles.numel() == 0:
        raise ValueError("angles must not be empty")
    angles = angles.double()
    length = torch.hypot(angles.cos().mean(), angles.sin().mean())
    return math.sqrt(max(0.0, -2 * math.log(max(float(length), 1e-300))))


def residual_angle(pose: Tensor, matrix: Tensor) -> Tensor:
    """Angle that is left after the transformer: that of the whole way from output to undistorted image, in radians.

    pose: (N, 2, 3), the distortion applied. matrix: (N, 2, 3), the transformer's theta. Returns (N,).
    """
    return rotation_angle(multiply(pose, matrix))


def out_of_frame_fraction(grid: Tensor) -> Tensor:
    """Share of the sampling points that lie outside the image: (N, H, W, 2) -> (N,), each from 0 to 1.

    When it reaches 1 the output is blank and no gradient flows back to theta.
    """
    outside = (grid.abs() > 1).any(dim=-1)
    return outside.flatten(1).float().mean(dim=1)


def pose_report(pose: Tensor, matrix: Tensor, labels: Tensor) -> dict:
    """Circular spread of the angle per class, in degrees, before and after the transformer.

    pose, matrix: (N, 2, 3). labels: (N,). The spread is taken within each class, because a network is free to choose a
    different canonical pose for each. Returns before and after, each a list by class (None for a class without images), and
    their means.
    """
    before, after = rotation_angle(pose), residual_angle(pose, matrix)
    report = {}
    for name, angles in (("before", before), ("after", after)):
        members = [angles[labels == k] for k in range(int(labels.max()) + 1)]
        spreads = [round(math.degrees(circular_spread(some)), 3) if len(some) else None for some in members]
        report[f"{name}_degrees"] = spreads
        report[f"mean_{name}_degrees"] = round(statistics.fmean(spread for spread in spreads if spread is not None), 3)
    return report
