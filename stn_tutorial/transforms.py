"""Families of transformations: each turns parameters theta into a sampling grid (the paper's grid generator, section 3.2).

**Theta maps output coordinates to input coordinates**: it says where each output pixel looks. A family whose theta scales
by 2 therefore makes the picture smaller, and one that turns the grid clockwise turns the picture counter-clockwise.

Every family here is a group: the identity belongs to it, and so do inverses and compositions.
"""

import torch
from torch import Tensor

from .grids import check_size, target_grid


def check_theta(theta: Tensor, num_params: int, family: str, check: bool = False) -> None:
    """Raise a ValueError that names theta unless it is a floating point (N, num_params) tensor (and finite, if `check`)."""
    if not isinstance(theta, Tensor):
        raise ValueError(f"theta must be a torch.Tensor, got {type(theta).__name__}")
    if theta.dim() != 2 or theta.shape[1] != num_params:
        raise ValueError(f"theta of {family} must have shape (N, {num_params}), got {tuple(theta.shape)}")
    if not theta.is_floating_point():
        raise ValueError(f"theta must be floating point, got {theta.dtype}")
    if check and not bool(torch.isfinite(theta).all()):
        bad = int((~torch.isfinite(theta)).any(dim=1).sum())
        raise ValueError(f"theta must be finite, got NaN or infinity in {bad} of {len(theta)} rows")


def affine_grid(theta: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Sampling grid of 2x3 matrices: (x_s, y_s) = A (x_t, y_t, 1), the paper's equation 1.

    theta: (N, 2, 3). size: (H, W) of the output. Returns (N, H, W, 2), last axis (x, y), normalised.
    """
    target = target_grid(size, align_corners, theta.dtype, theta.device)
    linear, translation = theta[:, :, :2], theta[:, :, 2]
    return torch.einsum("nij,hwj->nhwi", linear, target) + translation[:, None, None, :]


class LinearFamily:
    """What the linear families share: theta (N, P) -> 2x3 matrices -> sampling grid, inverse and composition.

    A subclass says how theta becomes a matrix (`to_matrix`) and how a matrix of the family becomes theta again
    (`from_matrix`); everything else follows.
    """

    num_params: int

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def identity(self) -> Tensor:
        """Theta of the transformation that changes nothing, shape (P,)."""
        return self.from_matrix(torch.eye(2, 3)[None])[0]

    def matrix(self, theta: Tensor) -> Tensor:
        """theta (N, P) -> (N, 2, 3), which maps normalised output coordinates to normalised input coordinates.

        Raises ValueError for a theta of another shape or type.
        """
        check_theta(theta, self.num_params, type(self).__name__)
        return self.to_matrix(theta)

    def to_matrix(self, theta: Tensor) -> Tensor:
        """What `matrix` answers, for a theta that has been checked."""
        raise NotImplementedError

    def from_matrix(self, matrix: Tensor) -> Tensor:
        """The inverse of `matrix`: (N, 2, 3) -> (N, P), for matrices that belong to the family."""
        raise NotImplementedError

    def grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool = False, check: bool = False) -> Tensor:
        """Sampling grid: theta (N, P), size (H, W) of the output -> (N, H, W, 2), last axis (x, y), normalised.

        Raises ValueError for a theta of another shape or type, a size below (1, 1) and, with ``check=True``, for NaN.
        """
        check_theta(theta, self.num_params, type(self).__name__, check)
        return affine_grid(self.to_matrix(theta), check_size(size), align_corners)

    def inverse(self, theta: Tensor) -> Tensor:
        """Theta of the inverse transformation: (N, P) -> (N, P). A singular matrix raises torch's LinAlgError."""
        return self.from_matrix(invert(self.matrix(theta)))

    def compose(self, first: Tensor, second: Tensor) -> Tensor:
        """Theta of "look where `first` says, then from there where `second` says": matrix(second) @ matrix(first).

        Warping an image with `second` and the result with `first` looks like one warp with this theta (but for the
        blur of the second interpolation). Both (N, P) -> (N, P).
        """
        matrices = self.matrix(first), self.matrix(second)
        if first.shape != second.shape or first.dtype != second.dtype:
            raise ValueError(
                f"second must be as first, {tuple(first.shape)} {first.dtype}, got {tuple(second.shape)} {second.dtype}"
            )
        return self.from_matrix(multiply(matrices[1], matrices[0]))


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Product of affine maps given as 2x3 matrices: `right` acts first. Both (N, 2, 3) -> (N, 2, 3)."""
    linear = left[:, :, :2] @ right[:, :, :2]
    translation = left[:, :, :2] @ right[:, :, 2:] + left[:, :, 2:]
    return torch.cat([linear, translation], dim=2)


def invert(matrix: Tensor) -> Tensor:
    """Inverse of affine maps given as 2x3 matrices: (N, 2, 3) -> (N, 2, 3)."""
    linear = torch.linalg.inv(matrix[:, :, :2])
    return torch.cat([linear, -linear @ matrix[:, :, 2:]], dim=2)


def rows(*entries: Tensor) -> Tensor:
    """Six tensors of shape (N,), row by row -> 2x3 matrices (N, 2, 3)."""
    return torch.stack(entries, dim=1).view(-1, 2, 3)


class Affine(LinearFamily):
    """All affine maps. Theta is the paper's 2x3 matrix, row by row, as `torch.nn.functional.affine_grid` takes it."""

    num_params = 6

    def to_matrix(self, theta: Tensor) -> Tensor:
        return theta.view(-1, 2, 3)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        return matrix.reshape(-1, 6)


class Translation(LinearFamily):
    """Shifts. Theta = (t_x, t_y), normalised: 2 is the whole width or height (but for a pixel, if corners are aligned)."""

    num_params = 2

    def to_matrix(self, theta: Tensor) -> Tensor:
        t_x, t_y = theta.unbind(dim=1)
        zero, one = torch.zeros_like(t_x), torch.ones_like(t_x)
        return rows(one, zero, t_x, zero, one, t_y)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        return matrix[:, :, 2]


class Attention(LinearFamily):
    """Isotropic scale and shift, the paper's equation 2. Theta = (s, t_x, t_y); s below 1 zooms in, 1 is life size."""

    num_params = 3

    def to_matrix(self, theta: Tensor) -> Tensor:
        s, t_x, t_y = theta.unbind(dim=1)
        zero = torch.zeros_like(s)
        return rows(s, zero, t_x, zero, s, t_y)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        return torch.stack([matrix[:, 0, 0], matrix[:, 0, 2], matrix[:, 1, 2]], dim=1)


class Rotation(LinearFamily):
    """Turns about the centre. Theta = (angle,) in radians; the grid turns clockwise, the picture counter-clockwise.

    aspect: width / height of the image, (W - 1) / (H - 1) with ``align_corners=True``. Normalised coordinates are square
    whatever the image is, so a plain rotation matrix shears a wide image; with its aspect named, pixels turn as they do
    on paper.
    """

    num_params = 1

    def __init__(self, aspect: float = 1.0):
        if not aspect > 0:
            raise ValueError(f"aspect must be a positive number (width / height), got {aspect!r}")
        self.aspect = float(aspect)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({f'aspect={self.aspect:g}' if self.aspect != 1 else ''})"

    def to_matrix(self, theta: Tensor) -> Tensor:
        cos, sin, zero = torch.cos(theta[:, 0]), torch.sin(theta[:, 0]), torch.zeros_like(theta[:, 0])
        return rows(cos, -sin / self.aspect, zero, sin * self.aspect, cos, zero)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        return torch.atan2(matrix[:, 1, 0] / self.aspect, matrix[:, 0, 0])[:, None]


class Similarity(Rotation):
    """Turn, isotropic scale and shift. Theta = (angle, log_scale, t_x, t_y): zero is the identity.

    The scale enters as its logarithm so that it stays positive whatever a network predicts, and so that halving and
    doubling lie equally far from 0.
    """

    num_params = 4

    def to_matrix(self, theta: Tensor) -> Tensor:
        angle, log_scale, t_x, t_y = theta.unbind(dim=1)
        cos, sin = torch.cos(angle) * log_scale.exp(), torch.sin(angle) * log_scale.exp()
        return rows(cos, -sin / self.aspect, t_x, sin * self.aspect, cos, t_y)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        cos, sin = matrix[:, 0, 0], matrix[:, 1, 0] / self.aspect
        return torch.stack([torch.atan2(sin, cos), torch.hypot(sin, cos).log(), matrix[:, 0, 2], matrix[:, 1, 2]], dim=1)
