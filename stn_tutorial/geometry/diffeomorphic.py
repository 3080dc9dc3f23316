"""Flows along a velocity field that stands still: they bend and do not fold."""

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
    Jacobian keeps it. A step is the implicit midpoint rule, solved by `iterations` rounds: it runs backwards exactly, up to
    what the rounds leave over. The Jacobian is positive wherever the velocities of neighbouring lattice points, the zeros
    one spacing outside the lattice included, differ by less than 2^(squarings - 1) lattice spacings; wilder fields need
    more squarings.

    lattice: (rows, columns), or one number for both. squarings: 0 to 12. iterations: 1 or more. A grid costs 2^squarings *
    iterations samplings of the lattice, one for each point: 48 unless told, which on small pictures is 20 to 50 times the time of
    torch's affine warp, forward and backward; less than half of it with squarings=3 and iterations=2 (benchmarks/README.md).

    >>> import torch
    >>> family = Diffeomorphic(lattice=3)
    >>> theta = 0.1 * torch.ones(1, family.num_params)
    >>> there = family.map_points(theta, torch.zeros(1, 2))
    >>> family.map_points(family.inverse(theta), there).abs().max() < 1e-3
    tensor(True)
    """

    letter = "v"

    def __init__(self, lattice: int | tuple[int, int] = 4, squarings: int = 4, iterations: int = 3):
        super().__init__(lattice)
        self.squarings = check_whole("squarings", squarings, 0, MOST_SQUARINGS)
        self.iterations = check_whole("iterations", iterations, 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lattice}, squarings={self.squarings}, iterations={self.iterations})"

    def description(self) -> dict:
        return super().description() | {"squarings": self.squarings, "iterations": self.iterations}

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        velocity = theta.view(-1, *self.lattice, 2).permute(0, 3, 1, 2) / 2**self.squarings
        points = points.expand(theta.shape[0], -1, 2)
        for _ in range(2**self.squarings):
            points = self.step(velocity, points)
        return points

    def step(self, velocity: Tensor, points: Tensor) -> Tensor:
        """Where points (N, K, 2) arrive after one unit of time in a field (N, 2, rows, columns): y = x + v((x + y) / 2)."""
        arrived = points
        for _ in range(self.iterations):
            halfway = ((points + arrived) / 2)[:, None]
            drift = F.grid_sample(velocity, halfway, "bilinear", "zeros", align_corners=True)
            arrived = points + drift[:, :, 0].transpose(1, 2)
        return arrived

    def inverse(self, theta: Tensor) -> Tensor:
        """Theta of the inverse transformation: (N, P) -> (N, P)."""
        check_theta(theta, self.num_params, type(self).__name__)
        return -theta
