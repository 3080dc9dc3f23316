"""Thin plate splines: the smoothest bending that moves control points as told."""

import torch
from torch import Tensor

from ..arguments import check_number
from .coordinates import target_grid
from .lattice import LatticeFamily
from .remembered import remembered


def spline_terms(points: Tensor, controls: Tensor) -> Tensor:
    """What a thin plate spline is a sum of, at points (..., 2): r^2 log r for each of K control points, then 1, x, y.

    controls: (K, 2). Returns (..., K + 3). (r is the distance from the control point; at r = 0 the term is 0.)
    """
    # r^2 log r = r^2 log(r^2) / 2; the clamp keeps 0 log 0 from being NaN
    squared = (points[..., None, :] - controls).square().sum(dim=-1).clamp(min=1e-30)
    return torch.cat([squared * squared.log() / 2, torch.ones_like(points[..., :1]), points], dim=-1)


def solve_spline(controls: Tensor, regularization: float) -> Tensor:
    """The matrix that turns the values wanted at K control points into the K + 3 coefficients of the spline.

    controls: (K, 2), not all on one line. regularization: added to the diagonal (Tikhonov); 0 passes through every value.
    Returns (K + 3, K). The system is that of Bookstein (1989): the spline takes the wanted values, and the weights w of the
    r^2 log r terms satisfy sum w = 0 and sum w c = 0.
    """
    k = len(controls)
    system = torch.zeros(k + 3, k + 3, dtype=controls.dtype)
    system[:k] = spline_terms(controls, controls)
    system[k:, :k] = system[:k, k:].T
    system[:k, :k] += regularization * torch.eye(k, dtype=controls.dtype)
    return torch.linalg.inv(system)[:, :k]


class ThinPlateSpline(LatticeFamily):
    """The smoothest bending that moves control points as told (Bookstein, 1989; the paper's TPS, with 16 points).

    Theta = the displacement (d_x, d_y) of each control point, row by row: the output's control point at c looks at
    c + d. Zero is the identity. The control points are a lattice over the whole output, from -1 to 1.

    lattice: (rows, columns) of control points, or one number for both. regularization: 0 or more; above 0 the spline
    bends less and misses the displacements a little. The linear system is solved once, here, and once per output size
    it becomes a table with which a grid is one matrix product. A spline can fold, and its inverse is no spline.

    >>> family = ThinPlateSpline(lattice=3)
    >>> theta = torch.zeros(1, family.num_params)
    >>> theta[0, 8] = 0.25  # d_x of the point in the middle
    >>> round(family.map_points(theta, torch.zeros(1, 2))[0, 0, 0].item(), 6)
    0.25
    """

    letter = "d"

    def __init__(self, lattice: int | tuple[int, int] = 4, regularization: float = 0.0):
        super().__init__(lattice)
        wanted = "a number of at least 0"
        self.regularization = check_number("regularization", regularization, wanted, lambda number: number >= 0)
        with torch.device("cpu"), torch.inference_mode(False):
            self.solution = solve_spline(self.controls, self.regularization)
        self.tables: dict[tuple, Tensor] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lattice}{f', {self.regularization:g}' if self.regularization else ''})"

    def __getstate__(self) -> dict:
        return self.__dict__ | {"tables": {}}  # a copy makes its own

    def description(self) -> dict:
        return super().description() | {"solution": self.solution.tolist()}

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        exact = points.double()  # in float32 the many large terms of a fine lattice would cancel to something inexact
        coefficients = self.solution.to(exact.device) @ theta.double().view(-1, len(self.controls), 2)
        return (exact + spline_terms(exact, self.controls.to(exact.device)) @ coefficients).to(theta.dtype)

    def table(self, size: tuple[int, int], align_corners: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
        """How far each output pixel follows each control point: (K, H * W)."""
        target = target_grid(size, align_corners, torch.float64).view(-1, 2)
        return (spline_terms(target, self.controls) @ self.solution).T.contiguous().to(device, dtype)

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        table = remembered(self.tables, self.table, size, align_corners, theta.dtype, theta.device)
        along = theta.view(-1, len(self.controls), 2).transpose(1, 2).flatten(0, 1)  # every image's d_x and d_y
        moved = (along @ table).view(-1, 2, *size).permute(0, 2, 3, 1)
        return target_grid(size, align_corners, theta.dtype, theta.device) + moved
