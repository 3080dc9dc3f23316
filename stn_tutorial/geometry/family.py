"""Families of transformations: each turns parameters theta into a sampling grid (the paper's grid generator, section 3.2).

**Theta maps output coordinates to input coordinates**: it says where each output pixel looks. A family whose theta scales
by 2 therefore makes the picture smaller, and one that turns the grid clockwise turns the picture counter-clockwise.

Every family holds the identity, and a localiser starts there. Why no family squashes theta with `tanh` to keep it small:
tanh(1) = 0.76, so an affine theta that starts at the identity's (1, 0, 0, 0, 1, 0) comes out as a zoom, life size is
never reached (that takes an infinite input), and the gradient fades just where theta grows large. A constraint is
better built into what theta *means*: an angle, the logarithm of a scale, a displacement, a velocity. Then every number is
allowed, zero is the identity, and nothing saturates.
"""

import torch
from torch import Tensor

from ..arguments import check_flag, check_matrices, check_numbers, check_precise, check_size, check_tensor
from ..device import at_least_float32, can_be_asked, without_autocast
from .coordinates import target_grid
from .remembered import remembered

targets: dict[tuple, Tensor] = {}  # the last few sizes' pixels, for `matrix_planes`
LARGE = 2**18  # pixels; of larger pictures nothing is remembered


def check_theta(theta: Tensor, num_params: int, family: str, check: bool = False, name: str = "theta") -> None:
    """Raise a ValueError that names theta unless it is a float32 or float64 (N, num_params) tensor (and finite, if `check`).

    A program that is compiled, exported, traced or transformed by `torch.func` cannot ask whether numbers are finite, and on
    "meta" there are none: there `check` is passed over.
    """
    check_flag("check", check)
    check_tensor(name, theta)
    if theta.dim() != 2 or theta.shape[1] != num_params:
        raise ValueError(f"{name} of {family} must have shape (N, {num_params}), got {tuple(theta.shape)}")
    check_precise(name, theta)
    if check and can_be_asked(theta) and not bool(torch.isfinite(theta).all()):
        bad = int((~torch.isfinite(theta)).any(dim=1).sum())
        raise ValueError(f"theta must be finite, got NaN or infinity in {bad} of {len(theta)} rows")


def affine_grid(theta: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Sampling grid of 2x3 matrices: (x_s, y_s) = A (x_t, y_t, 1), the paper's equation 1.

    theta: (N, 2, 3). size: (H, W) of the output. Returns (N, H, W, 2), last axis (x, y), normalised.

    >>> affine_grid(2 * torch.eye(2, 3)[None], (1, 2))[0, 0, :, 0].tolist()
    [-1.0, 1.0]
    """
    check_matrices("theta", theta, 2, 3)
    target = target_grid(size, align_corners, theta.dtype, theta.device)
    linear, translation = theta[:, :, :2], theta[:, :, 2]
    with without_autocast(theta.device):
        return torch.einsum("nij,hwj->nhwi", linear, target) + translation[:, None, None, :]


def matrix_planes(matrix: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """What matrices make of (x_t, y_t, 1) at every output pixel, a plane for each of their rows: (N, R, 3) -> (N, R, H, W).

    The same numbers as `affine_grid`'s, as one matrix product for all images: benchmarks/warp.py says what that saves.

    >>> matrix_planes(2 * torch.eye(2, 3)[None], (1, 2))[0, 0].tolist()
    [[-1.0, 1.0]]
    """
    key = size, align_corners, matrix.dtype, matrix.device
    anew = not can_be_asked(matrix) or size[0] * size[1] > LARGE  # a traced size has no number; a fake tensor meets no real one
    target = homogeneous_target(*key) if anew else remembered(targets, homogeneous_target, *key)
    n, rows, _ = matrix.shape
    return (matrix.reshape(-1, 3) @ target).view(n, rows, *size)


def homogeneous_target(size: tuple[int, int], align_corners: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(x_t, y_t, 1) of every output pixel, a column each: (3, H * W)."""
    target = target_grid(size, align_corners, dtype, device).view(-1, 2).T
    return torch.cat([target, torch.ones_like(target[:1])])


class Family:
    """What all families share: theta (N, P) -> sampling grid.

    A subclass says how many numbers theta has (`num_params`), which theta changes nothing (`identity`) and where points
    of the output look (`to_points`). So that it can be moved by hand it also names its numbers (`parameters`) and says what
    can be taken hold of (`handles`); how a dragged handle changes theta is told to the browser in teaching/static/families.js.
    """

    num_params: int
    dimensions = 2  # of a point
    handles = "corners and centre"  # or "corners" alone, or "lattice": what an explorer lets one drag

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def identity(self) -> Tensor:
        """Theta of the transformation that changes nothing, shape (P,), of torch's default type and at least float32."""
        return at_least_float32(torch.zeros(self.num_params))

    def parameters(self) -> dict[str, tuple[float, float]]:
        """The numbers of theta in their order: a name -> the range of its slider.

        >>> from stn_tutorial import Translation
        >>> Translation().parameters()
        {'t_x': (-1, 1), 't_y': (-1, 1)}
        """
        raise NotImplementedError

    def description(self) -> dict:
        """All that a browser must know to warp and to draw handles, as plain numbers and words.

        >>> from stn_tutorial import Translation
        >>> sorted(Translation().description())
        ['handles', 'identity', 'kind', 'names', 'ranges']
        """
        parameters = self.parameters()
        with torch.device("cpu"):
            identity = self.identity().tolist()
        ranges = [list(limits) for limits in parameters.values()]
        return {
            "kind": type(self).__name__,
            "handles": self.handles,
            "names": list(parameters),
            "ranges": ranges,
            "identity": identity,
        }

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        """What `map_points` answers, for arguments that have been checked; points (1, K, 2) or (N, K, 2)."""
        raise NotImplementedError

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        """What `grid` answers, for arguments that have been checked."""
        target = target_grid(size, align_corners, theta.dtype, theta.device)
        return self.to_points(theta, target.view(1, -1, 2)).view(-1, *size, 2)

    def grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool = False, check: bool = False) -> Tensor:
        """Sampling grid: theta (N, P), size (H, W) of the output -> (N, H, W, 2), last axis (x, y), normalised.

        Raises ValueError for a theta of another shape or type, a size below (1, 1) and, with ``check=True``, for NaN (where
        numbers can be asked: `check_theta`).
        """
        check_theta(theta, self.num_params, type(self).__name__, check)
        check_flag("align_corners", align_corners)
        with without_autocast(theta.device):
            return self.to_grid(theta, check_size(size, dimensions=self.dimensions), align_corners)

    def map_points(self, theta: Tensor, points: Tensor) -> Tensor:
        """Where points of the output look: theta (N, P), points (K, 2) or (N, K, 2), normalised (x, y) -> (N, K, 2).

        Raises ValueError for a theta or points of another shape or type.
        """
        check_theta(theta, self.num_params, type(self).__name__)
        n, d = theta.shape[0], self.dimensions
        check_tensor("points", points)
        if points.dim() not in (2, 3) or points.shape[-1] != d or (points.dim() == 3 and points.shape[0] != n):
            raise ValueError(f"points must have shape (K, {d}) or ({n}, K, {d}), got {tuple(points.shape)}")
        check_numbers("points", points)
        if points.is_meta and not theta.is_meta:
            raise ValueError(f"points must be on the device of theta, {theta.device}, got {points.device}")
        with without_autocast(theta.device):
            return self.to_points(theta, (points if points.dim() == 3 else points[None]).to(theta))


class MatrixFamily(Family):
    """Families whose transformations are matrices. A subclass says how theta becomes one (`to_matrix`)."""

    matrix_shape = (2, 3)

    def matrix(self, theta: Tensor) -> Tensor:
        """theta (N, P) -> matrices that map normalised output coordinates to normalised input coordinates.

        They are (N, 2, 3) for linear families, (N, 3, 3) for `Projective` and (N, 3, 4) for `Affine3d`. Raises ValueError
        for a theta of another shape or type.
        """
        check_theta(theta, self.num_params, type(self).__name__)
        with without_autocast(theta.device):
            return self.to_matrix(theta)

    def to_matrix(self, theta: Tensor) -> Tensor:
        """What `matrix` answers, for a theta that has been checked."""
        raise NotImplementedError


class LinearFamily(MatrixFamily):
    """Families whose transformations are matrices of one column more than rows: 2x3, the paper's equation 1."""

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        matrix = self.to_matrix(theta)
        return points @ matrix[:, :, :-1].transpose(1, 2) + matrix[:, None, :, -1]

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        return matrix_planes(self.to_matrix(theta), size, align_corners).permute(0, 2, 3, 1)


class Group:
    """To be mixed into a matrix family that is a group: inverses and compositions of its transformations belong to it.

    A subclass says how a matrix of the family becomes theta again (`to_theta`). A family with matrices that is no group
    goes without this mixin, and then says itself what its `identity` is.
    """

    def from_matrix(self, matrix: Tensor) -> Tensor:
        """The inverse of `matrix`: matrices that belong to the family, shaped as `matrix` answers them -> (N, P).

        Raises ValueError for matrices of another shape or type.
        """
        check_matrices("matrix", matrix, *self.matrix_shape)
        with without_autocast(matrix.device):
            return self.to_theta(matrix)

    def to_theta(self, matrix: Tensor) -> Tensor:
        """What `from_matrix` answers, for matrices that have been checked."""
        raise NotImplementedError

    def identity(self) -> Tensor:
        """Theta of the transformation that changes nothing, shape (P,), of torch's default type and at least float32."""
        return self.to_theta(at_least_float32(torch.eye(*self.matrix_shape))[None])[0]

    def inverse(self, theta: Tensor) -> Tensor:
        """Theta of the inverse transformation: (N, P) -> (N, P). A singular matrix raises torch's LinAlgError."""
        matrix = self.matrix(theta)
        with without_autocast(theta.device):
            return self.to_theta(invert(matrix))

    def compose(self, first: Tensor, second: Tensor) -> Tensor:
        """Theta of "look where `first` says, then from there where `second` says": matrix(second) @ matrix(first).

        Warping an image with `second` and the result with `first` looks like one warp with this theta (but for the
        blur of the second interpolation). Both (N, P) -> (N, P).
        """
        for name, theta in (("first", first), ("second", second)):
            check_theta(theta, self.num_params, type(self).__name__, name=name)
        if first.shape != second.shape or first.dtype != second.dtype or first.device != second.device:
            raise ValueError(f"second must be as first, {kind_of(first)}, got {kind_of(second)}")
        with without_autocast(first.device):
            return self.to_theta(multiply(self.to_matrix(second), self.to_matrix(first)))


def homogeneous(matrix: Tensor) -> Tensor:
    """Matrices as square ones: those with a column more than rows, (N, d, d + 1), get the row (0, ..., 0, 1)."""
    n, height, width = matrix.shape
    if height == width:
        return matrix
    last = torch.eye(width, dtype=matrix.dtype, device=matrix.device)[-1]
    return torch.cat([matrix, last.expand(n, 1, width)], dim=1)


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Product of maps given as matrices, (N, 2, 3), (N, 3, 4) or square: `right` acts first."""
    return left @ homogeneous(right)


def invert(matrix: Tensor) -> Tensor:
    """Inverse of maps given as matrices, (N, 2, 3), (N, 3, 4) or square."""
    return torch.linalg.inv(homogeneous(matrix))[:, : matrix.shape[1]]


def rows(*entries: Tensor) -> Tensor:
    """Six tensors of shape (N,), row by row -> 2x3 matrices (N, 2, 3)."""
    return torch.stack(entries, dim=1).view(-1, 2, 3)


def kind_of(tensor: Tensor) -> str:
    """Shape, type and device of a tensor in words."""
    return f"{tuple(tensor.shape)} {tensor.dtype} on {tensor.device}"


def scale_of(log_scale: Tensor) -> Tensor:
    """The scale that a logarithm says. From e^50 on, where nothing of a picture is left, it stays finite: infinity times 0 is NaN."""
    return log_scale.clamp(max=50).exp()


SHIFTS = {"t_x": (-1, 1), "t_y": (-1, 1)}  # ranges of the parameters that many families share
TURN = {"angle": (-3.15, 3.15)}
LOG_SCALE = {"log_scale": (-1.5, 1.5)}
