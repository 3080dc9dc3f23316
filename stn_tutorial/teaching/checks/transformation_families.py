"""Checkers of notebook 6."""

from collections.abc import Callable

import torch

from ...geometry.projective import Projective
from .verdict import Verdict, compare


def check_project(function: Callable) -> Verdict:
    """`project(theta, points)`: thetas (N, 8), points (K, 2) -> (N, K, 2); (9, 9) where the depth is not positive."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(40, 2, generator=generator) * 2 - 1
    cases = []
    for strength in (0.0, 0.4, 2.0):  # affine, all in front, some behind
        theta = Projective().identity() + 0.3 * torch.randn(5, 8, generator=generator)
        theta[:, 6:] = strength * (torch.rand(5, 2, generator=generator) * 2 - 1)
        cases.append(dict(theta=theta, points=points))

    def parts(theta, points):
        matrix = Projective().to_matrix(theta)
        mapped = torch.cat([points, torch.ones(len(points), 1)], dim=1) @ matrix.mT
        return mapped[..., :2], mapped[..., 2:]

    def oracle(theta, points):
        numerator, depth = parts(theta, points)
        return torch.where(depth <= 0, 9.0, numerator / torch.where(depth <= 0, 1.0, depth))

    def undivided(theta, points):
        numerator, depth = parts(theta, points)
        return torch.where(depth <= 0, 9.0, numerator)

    def columns_first(theta, points):
        ninth = torch.ones(len(theta), 1)
        return oracle(torch.cat([theta, ninth], dim=1).view(-1, 3, 3).mT.flatten(1)[:, :8], points)

    mistakes = {
        "points behind the camera are divided too, and show the picture upside down: send them to (9, 9)": (
            lambda theta, points: torch.div(*parts(theta, points))
        ),
        "the numerators are not divided by the depth": undivided,
        "theta is row by row: (a, b, c, d, e, f, g, h)": columns_first,
        "behind means a depth that is not positive: its size does not matter": (
            lambda theta, points: torch.div(parts(theta, points)[0], parts(theta, points)[1].abs())
        ),
    }
    return compare(function, cases, oracle, mistakes)


def check_flow(function: Callable) -> Verdict:
    """`flow(velocity, points, squarings)`: follow a velocity field for one unit of time in 2^squarings equal steps."""
    points = torch.rand(12, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def swirl(points):
        return 0.8 * torch.stack([-points[:, 1], points[:, 0]], dim=1)

    def funnel(points):
        return -0.5 * points * points.norm(dim=1, keepdim=True)

    cases = [dict(velocity=v, points=points, squarings=n) for v in (swirl, funnel) for n in (0, 1, 3, 5)]

    def steps(velocity, points, number, length):
        for _ in range(number):
            points = points + length * velocity(points)
        return points

    mistakes = {
        "that is a single step: ask the velocity anew wherever the points have arrived": (
            lambda velocity, points, squarings: steps(velocity, points, 1, 1)
        ),
        "each step goes too far: it lasts 1 / 2^squarings": (
            lambda velocity, points, squarings: steps(velocity, points, 2**squarings, 1)
        ),
        "squarings doublings make 2^squarings steps, not squarings": (
            lambda velocity, points, squarings: steps(velocity, points, max(1, squarings), 1 / max(1, squarings))
        ),
        "the time runs backwards: add the velocity": (
            lambda velocity, points, squarings: steps(velocity, points, 2**squarings, -1 / 2**squarings)
        ),
    }
    return compare(
        function, cases, lambda velocity, points, squarings: steps(velocity, points, 2**squarings, 1 / 2**squarings), mistakes
    )
