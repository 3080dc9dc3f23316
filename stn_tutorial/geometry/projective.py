"""Perspective views of a plane."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..arguments import check_precise
from .affine import Affine
from .family import Group, MatrixFamily, kind_of, matrix_planes

HORIZON = 1e-6  # depths up to here count as behind the camera
BEHIND = 1e6  # where a point behind the camera looks: outside any picture


class Projective(Group, MatrixFamily):
    """All perspective views of a plane. Theta = the first eight entries of a 3x3 matrix, row by row; the ninth is 1.

    A point of the output at depth g x + h y + 1 looks at (a x + b y + c, d x + e y + f) / depth. Where the depth is not
    positive the point lies behind the camera: it looks at a point far outside the picture, which is background under the
    padding "zeros", and its gradient is zero. Nothing is divided by zero. (Under "border" and "reflection" it shows some pixel
    of the picture, as every point outside does.)

    >>> theta = torch.tensor([[1.0, 0, 0, 0, 1, 0, 0.5, 0]])
    >>> Projective().map_points(theta, torch.tensor([[1.0, 0.0]]))[0, 0, 0].item()  # 1 / (0.5 * 1 + 1)
    0.6666666865348816
    """

    num_params = 8
    handles = "corners"
    matrix_shape = (3, 3)

    def parameters(self) -> dict[str, tuple[float, float]]:
        return Affine().parameters() | {"g": (-1, 1), "h": (-1, 1)}

    def to_matrix(self, theta: Tensor) -> Tensor:
        return torch.cat([theta, torch.ones_like(theta[:, :1])], dim=1).view(-1, 3, 3)

    def to_theta(self, matrix: Tensor) -> Tensor:
        """Matrices (N, 3, 3) with a positive ninth entry -> (N, 8).

        Where it is not positive the centre of the output lies on the horizon or behind the camera. Theta cannot say that: NaN.
        """
        ninth = matrix[:, 2:, 2:]
        return (matrix / torch.where(ninth > 0, ninth, math.nan)).flatten(1)[:, :8]

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        matrix = self.to_matrix(theta)
        mapped = points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]
        return seen_from_camera(*mapped.split([2, 1], dim=-1))

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        planes = matrix_planes(self.to_matrix(theta), size, align_corners)
        return seen_from_camera(*planes.split([2, 1], dim=1)).permute(0, 2, 3, 1)

    def from_points(self, output: Tensor, input: Tensor) -> Tensor:
        """Theta that sends four points of the output to four points of the input: both (N, 4, 2) -> (N, 8).

        Where the four are so far out of shape that a horizon passes between them, the points beyond it see nothing.

        Raises ValueError for other shapes, types and devices, and torch's LinAlgError where three of the four lie on one line.
        """
        check_precise("output", output)
        check_precise("input", input)
        if output.shape != input.shape or output.dim() != 3 or output.shape[1:] != (4, 2):
            raise ValueError(f"output and input must have shape (N, 4, 2), got {tuple(output.shape)} and {tuple(input.shape)}")
        if output.dtype != input.dtype or output.device != input.device:
            raise ValueError(f"input must be as output, {kind_of(output)}, got {kind_of(input)}")
        ones = torch.cat([output, torch.ones_like(output[..., :1])], dim=-1)
        zero = torch.zeros_like(ones)
        for_x = torch.cat([ones, zero, -output * input[..., :1]], dim=-1)
        for_y = torch.cat([zero, ones, -output * input[..., 1:]], dim=-1)
        return torch.linalg.solve(torch.cat([for_x, for_y], dim=1), torch.cat([input[..., 0], input[..., 1]], dim=1))


def seen_from_camera(points: Tensor, depth: Tensor) -> Tensor:
    """Points over their depths, which have an axis of one where points have x and y; far outside where the depth is not positive.

    >>> seen_from_camera(torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[2.0], [-1.0]])).tolist()
    [[0.5, 1.0], [1000000.0, 1000000.0]]
    """
    nearness = F.threshold(depth, HORIZON, math.inf).reciprocal()  # 0 behind the camera; NaN stays, it shall be seen
    return torch.addcmul(torch.where(depth <= HORIZON, BEHIND, torch.zeros_like(depth)), points, nearness)
