"""Flows along a velocity field that stands still: they bend and do not fold."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..arguments import check_whole
from .family import check_theta
from .lattice import LatticeFamily

MOST_SQUARINGS = 12  # 4,096 steps of one map: more is a slip of the keyboard


class Diffeomorphic(LatticeFamily):
    """Flows: each point drifts for one unit of time along a velocity field that stands still. They bend and do not fold.

    Theta = the velocity (v_x, v_y) at each point of a lattice over [-1, 1] x [-1, 1], row by row, in normalised units;
    between the points the field is bilinear, and outside it fades to zero within one lattice spacing. Zero is the identity, and
    the inverse of theta is -theta: the same flow run backwards. (Arsigny and others, 2006.)

    Scaling and squaring: the flow of 1 / 2^squarings units of time is one small step, and composing a flow with itself
    doubles its time. Maps are composed point by point, never interpolated, so that a composition of maps with positive
    Jacobian keeps it. A step is the implicit midpoint rule, y = x + v((x + y) / 2): a guess of the drift, as the last two steps
    would go on, and `iterations` rounds that solve for it. Solved, it runs backwards exactly, and its Jacobian is positive
    wherever the velocities of neighbouring lattice points, the zeros one spacing outside the lattice included, differ by less
    than 2^(squarings - 1) lattice spacings; wilder fields need more squarings. One round leaves little over: there and back
    misses by 2e-5, 1e-3 and 3e-2 at the worst of many points, for velocities of 0.1, 0.3 and 0.6 (normal draws); two rounds
    miss by a tenth of that.

    lattice: (rows, columns), or one number for both. squarings: 0 to 12. iterations: 1 or more. A grid costs 2^squarings *
    iterations + 1 samplings of the lattice, one for each point: 17 unless told. Forward and backward that is about 18 times torch's
    affine warp on pictures of 28x28, 6 times on those of 224x224, and next to nothing beside 64 channels (benchmarks/README.md).

    >>> import torch
    >>> family = Diffeomorphic(lattice=3)
    >>> theta = 0.1 * torch.ones(1, family.num_params)
    >>> there = family.map_points(theta, torch.zeros(1, 2))
    >>> family.map_points(family.inverse(theta), there).abs().max() < 1e-3
    tensor(True)
    """

    letter = "v"

    def __init__(self, lattice: int | tuple[int, int] = 4, squarings: int = 4, iterations: int = 1):
        super().__init__(lattice)
        self.squarings = check_whole("squarings", squarings, 0, MOST_SQUARINGS)
        self.iterations = check_whole("iterations", iterations, 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lattice}, squarings={self.squarings}, iterations={self.iterations})"

    def description(self) -> dict:
        return super().description() | {"squarings": self.squarings, "iterations": self.iterations}

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        velocity = theta.view(-1, *self.lattice, 2).permute(0, 3, 1, 2) / 2**self.squarings
        at = points.expand(theta.shape[0], -1, 2)[:, None]
        drift = before = velocity_at(velocity, at)
        for _ in range(2**self.squarings):
            drift, before = 2 * drift - before, drift  # a guess
            for _ in range(self.iterations):
                drift = velocity_at(velocity, torch.add(at, drift, alpha=0.5))
            at = at + drift
        return at[:, 0]

    def inverse(self, theta: Tensor) -> Tensor:
        """Theta of the inverse transformation: (N, P) -> (N, P)."""
        check_theta(theta, self.num_params, type(self).__name__)
        return -theta


def velocity_at(velocity: Tensor, points: Tensor) -> Tensor:
    """What a field (N, 2, rows, columns) on a lattice over [-1, 1] x [-1, 1] is at points (N, 1, K, 2), bilinearly: (N, 1, K, 2)."""
    found = F.grid_sample(velocity, points, "bilinear", "zeros", align_corners=True)
    return found.permute(0, 2, 3, 1).contiguous()  # laid out as the points are: sums of unlike layouts are slow
