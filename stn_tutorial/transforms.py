"""Families of transformations: each turns parameters theta into a sampling grid (the paper's grid generator, section 3.2).

**Theta maps output coordinates to input coordinates**: it says where each output pixel looks. A family whose theta scales
by 2 therefore makes the picture smaller, and one that turns the grid clockwise turns the picture counter-clockwise.

Every family holds the identity, and a localiser starts there. Why no family squashes theta with `tanh` to keep it small:
tanh(1) = 0.76, so an affine theta that starts at the identity's (1, 0, 0, 0, 1, 0) comes out as a zoom, life size is
never reached (that takes an infinite input), and the gradient fades just where theta grows large. A constraint is
better built into what theta *means*: an angle, the logarithm of a scale, a displacement, a velocity. Then every number is
allowed, zero is the identity, and nothing saturates.
"""

import math
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from .grids import check_size, target_grid

HORIZON = 1e-6  # depths up to here count as behind the camera
BEHIND = 1e6  # where a point behind the camera looks: outside any picture


def check_theta(theta: Tensor, num_params: int, family: str, check: bool = False) -> None:
    """Raise a ValueError that names theta unless it is a floating point (N, num_params) tensor (and finite, if `check`)."""
    if not isinstance(theta, Tensor):
        raise ValueError(f"theta must be a torch.Tensor, got {type(theta).__name__}")
    if theta.dim() != 2 or theta.shape[1] != num_params:
        raise ValueError(f"theta of {family} must have shape (N, {num_params}), got {tuple(theta.shape)}")
    if not theta.is_floating_point():
        raise ValueError(f"theta must be floating point, got {theta.dtype}")
    if theta.dtype in (torch.float16, torch.bfloat16):
        raise ValueError(f"theta must be float32 or float64, half precision misses pixels: got {theta.dtype}")
    if check and not bool(torch.isfinite(theta).all()):
        bad = int((~torch.isfinite(theta)).any(dim=1).sum())
        raise ValueError(f"theta must be finite, got NaN or infinity in {bad} of {len(theta)} rows")


def without_autocast(device: torch.device):
    """Full precision for what follows, also under autocast: half of it would round coordinates by parts of a pixel."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def affine_grid(theta: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Sampling grid of 2x3 matrices: (x_s, y_s) = A (x_t, y_t, 1), the paper's equation 1.

    theta: (N, 2, 3). size: (H, W) of the output. Returns (N, H, W, 2), last axis (x, y), normalised.
    """
    target = target_grid(size, align_corners, theta.dtype, theta.device)
    linear, translation = theta[:, :, :2], theta[:, :, 2]
    return torch.einsum("nij,hwj->nhwi", linear, target) + translation[:, None, None, :]


class Family:
    """What all families share: theta (N, P) -> sampling grid.

    A subclass says how many numbers theta has (`num_params`), which theta changes nothing (`identity`) and where points
    of the output look (`to_points`).
    """

    num_params: int
    dimensions = 2  # of a point

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def identity(self) -> Tensor:
        """Theta of the transformation that changes nothing, shape (P,)."""
        return torch.zeros(self.num_params)

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        """What `map_points` answers, for arguments that have been checked; points (1, K, 2) or (N, K, 2)."""
        raise NotImplementedError

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        """What `grid` answers, for arguments that have been checked."""
        target = target_grid(size, align_corners, theta.dtype, theta.device)
        return self.to_points(theta, target.view(1, -1, 2)).view(-1, *size, 2)

    def grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool = False, check: bool = False) -> Tensor:
        """Sampling grid: theta (N, P), size (H, W) of the output -> (N, H, W, 2), last axis (x, y), normalised.

        Raises ValueError for a theta of another shape or type, a size below (1, 1) and, with ``check=True``, for NaN.
        """
        check_theta(theta, self.num_params, type(self).__name__, check)
        with without_autocast(theta.device):
            return self.to_grid(theta, check_size(size), align_corners)

    def map_points(self, theta: Tensor, points: Tensor) -> Tensor:
        """Where points of the output look: theta (N, P), points (K, 2) or (N, K, 2), normalised (x, y) -> (N, K, 2).

        Raises ValueError for a theta or points of another shape or type.
        """
        check_theta(theta, self.num_params, type(self).__name__)
        d = self.dimensions
        if points.dim() not in (2, 3) or points.shape[-1] != d or (points.dim() == 3 and len(points) != len(theta)):
            raise ValueError(f"points must have shape (K, {d}) or ({len(theta)}, K, {d}), got {tuple(points.shape)}")
        with without_autocast(theta.device):
            return self.to_points(theta, (points if points.dim() == 3 else points[None]).to(theta))


class MatrixFamily(Family):
    """Families whose transformations are matrices, and form a group: they have inverses and compositions.

    A subclass says how theta becomes a matrix (`to_matrix`) and how a matrix of the family becomes theta again
    (`from_matrix`), and how matrices are multiplied and inverted.
    """

    def matrix(self, theta: Tensor) -> Tensor:
        """theta (N, P) -> matrices that map normalised output coordinates to normalised input coordinates.

        They are (N, 2, 3) for linear families, (N, 3, 3) for `Projective` and (N, 3, 4) for `Affine3d`. Raises ValueError
        for a theta of another shape or type.
        """
        check_theta(theta, self.num_params, type(self).__name__)
        return self.to_matrix(theta)

    def to_matrix(self, theta: Tensor) -> Tensor:
        """What `matrix` answers, for a theta that has been checked."""
        raise NotImplementedError

    def from_matrix(self, matrix: Tensor) -> Tensor:
        """The inverse of `matrix`: matrices that belong to the family -> (N, P)."""
        raise NotImplementedError

    def inverse(self, theta: Tensor) -> Tensor:
        """Theta of the inverse transformation: (N, P) -> (N, P). A singular matrix raises torch's LinAlgError."""
        return self.from_matrix(self.invert(self.matrix(theta)))

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
        return self.from_matrix(self.multiply(matrices[1], matrices[0]))


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Product of affine maps given as matrices, (N, 2, 3) or for volumes (N, 3, 4): `right` acts first."""
    linear = left[:, :, :-1] @ right[:, :, :-1]
    translation = left[:, :, :-1] @ right[:, :, -1:] + left[:, :, -1:]
    return torch.cat([linear, translation], dim=2)


def invert(matrix: Tensor) -> Tensor:
    """Inverse of affine maps given as matrices, (N, 2, 3) or for volumes (N, 3, 4)."""
    linear = torch.linalg.inv(matrix[:, :, :-1])
    return torch.cat([linear, -linear @ matrix[:, :, -1:]], dim=2)


class LinearFamily(MatrixFamily):
    """Families whose transformations are 2x3 matrices, the paper's equation 1."""

    multiply, invert = staticmethod(multiply), staticmethod(invert)

    def identity(self) -> Tensor:
        """Theta of the transformation that changes nothing, shape (P,)."""
        return self.from_matrix(torch.eye(2, 3)[None])[0]

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        matrix = self.to_matrix(theta)
        return points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        return affine_grid(self.to_matrix(theta), size, align_corners)


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
    """Isotropic scale and shift, the paper's equation 2. Theta = (s, t_x, t_y); s below 1 zooms in, 1 is life size.

    log_scale: let theta begin with log s instead. Then zero is the identity and s stays positive: the window cannot turn
    inside out while a network learns.
    """

    num_params = 3

    def __init__(self, log_scale: bool = False):
        self.log_scale = log_scale

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'log_scale=True' if self.log_scale else ''})"

    def to_matrix(self, theta: Tensor) -> Tensor:
        s, t_x, t_y = theta.unbind(dim=1)
        s = s.exp() if self.log_scale else s
        zero = torch.zeros_like(s)
        return rows(s, zero, t_x, zero, s, t_y)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        s = matrix[:, 0, 0]
        return torch.stack([s.log() if self.log_scale else s, matrix[:, 0, 2], matrix[:, 1, 2]], dim=1)


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


class Projective(MatrixFamily):
    """All perspective views of a plane. Theta = the first eight entries of a 3x3 matrix, row by row; the ninth is 1.

    A point of the output at depth g x + h y + 1 looks at (a x + b y + c, d x + e y + f) / depth. Where the depth is not
    positive the point lies behind the camera: it looks at a point far outside the picture, which is background under the
    padding "zeros", and its gradient is zero. Nothing is divided by zero.
    """

    num_params = 8
    multiply, invert = staticmethod(torch.matmul), staticmethod(torch.linalg.inv)

    def identity(self) -> Tensor:
        """Theta of the transformation that changes nothing, shape (8,)."""
        return torch.eye(3).flatten()[:8]

    def to_matrix(self, theta: Tensor) -> Tensor:
        return torch.cat([theta, torch.ones_like(theta[:, :1])], dim=1).view(-1, 3, 3)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        """Matrices (N, 3, 3) with a positive ninth entry -> (N, 8).

        Where it is not positive the centre of the output lies on the horizon or behind the camera. Theta cannot say that: NaN.
        """
        ninth = matrix[:, 2:, 2:]
        return (matrix / torch.where(ninth > 0, ninth, math.nan)).flatten(1)[:, :8]

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        matrix = self.to_matrix(theta)
        x, y, depth = (points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]).unbind(dim=-1)
        behind = depth <= HORIZON  # NaN is not behind: it shall be seen
        depth = torch.where(behind, 1.0, depth)
        return torch.stack([torch.where(behind, BEHIND, x / depth), torch.where(behind, BEHIND, y / depth)], dim=-1)

    def from_points(self, output: Tensor, input: Tensor) -> Tensor:
        """Theta that sends four points of the output to four points of the input: both (N, 4, 2) -> (N, 8).

        Where the four are so far out of shape that a horizon passes between them, the points beyond it see nothing.

        Raises ValueError for other shapes, and torch's LinAlgError where three of the four lie on one line.
        """
        if output.shape != input.shape or output.dim() != 3 or output.shape[1:] != (4, 2):
            raise ValueError(f"output and input must have shape (N, 4, 2), got {tuple(output.shape)} and {tuple(input.shape)}")
        homogeneous = torch.cat([output, torch.ones_like(output[..., :1])], dim=-1)
        zero = torch.zeros_like(homogeneous)
        for_x = torch.cat([homogeneous, zero, -output * input[..., :1]], dim=-1)
        for_y = torch.cat([zero, homogeneous, -output * input[..., 1:]], dim=-1)
        return torch.linalg.solve(torch.cat([for_x, for_y], dim=1), torch.cat([input[..., 0], input[..., 1]], dim=1))


def check_lattice(lattice: int | tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of a lattice of control points given as a pair or as one number; at least 2 each."""
    pair = check_size((lattice, lattice) if isinstance(lattice, int) else lattice, "lattice")
    if min(pair) < 2:
        raise ValueError(f"lattice must have at least 2 rows and 2 columns of control points, got {pair}")
    return pair


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


class ThinPlateSpline(Family):
    """The smoothest bending that moves control points as told (Bookstein, 1989; the paper's TPS, with 16 points).

    Theta = the displacement (d_x, d_y) of each control point, row by row: the output's control point at c looks at
    c + d. Zero is the identity. The control points are a lattice over the whole output, from -1 to 1.

    lattice: (rows, columns) of control points, or one number for both. regularization: 0 or more; above 0 the spline
    bends less and misses the displacements a little. The linear system is solved once, here, and once per output size
    it becomes a table with which a grid is one matrix product. A spline can fold, and its inverse is no spline.
    """

    def __init__(self, lattice: int | tuple[int, int] = 4, regularization: float = 0.0):
        if not 0 <= regularization < math.inf:
            raise ValueError(f"regularization must be a number of at least 0, got {regularization!r}")
        self.lattice, self.regularization = check_lattice(lattice), float(regularization)
        self.controls = target_grid(self.lattice, align_corners=True, dtype=torch.float64).view(-1, 2)
        self.num_params = 2 * len(self.controls)
        self.solution = solve_spline(self.controls, self.regularization)
        self.tables: dict[tuple, Tensor] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lattice}{f', {self.regularization:g}' if self.regularization else ''})"

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        coefficients = self.solution.to(theta) @ theta.view(-1, len(self.controls), 2)
        return points + spline_terms(points, self.controls.to(theta)) @ coefficients

    def table(self, size: tuple[int, int], align_corners: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
        """How far each output pixel follows each control point: (K, H * W)."""
        target = target_grid(size, align_corners, torch.float64).view(-1, 2)
        return (spline_terms(target, self.controls) @ self.solution).T.contiguous().to(device, dtype)

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        key = (size, align_corners, theta.dtype, theta.device)
        if torch.compiler.is_compiling():  # a traced table must not outlive its trace
            table = self.table(*key)
        else:
            if key not in self.tables:
                with torch.inference_mode(False):
                    self.tables[key] = self.table(*key)
            table = self.tables[key]
        along = theta.view(-1, len(self.controls), 2).transpose(1, 2).flatten(0, 1)  # every image's d_x and d_y
        moved = (along @ table).view(len(theta), 2, *size).permute(0, 2, 3, 1)
        return target_grid(size, align_corners, theta.dtype, theta.device) + moved


class Diffeomorphic(Family):
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

    lattice: (rows, columns), or one number for both.
    """

    def __init__(self, lattice: int | tuple[int, int] = 4, squarings: int = 4, iterations: int = 3):
        if squarings < 0 or iterations < 1:
            raise ValueError(f"squarings must be at least 0 and iterations at least 1, got {squarings!r} and {iterations!r}")
        self.lattice, self.squarings, self.iterations = check_lattice(lattice), squarings, iterations
        self.num_params = 2 * self.lattice[0] * self.lattice[1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lattice}, squarings={self.squarings}, iterations={self.iterations})"

    def to_points(self, theta: Tensor, points: Tensor) -> Tensor:
        velocity = theta.view(-1, *self.lattice, 2).permute(0, 3, 1, 2) / 2**self.squarings
        points = points.expand(len(theta), -1, 2)
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
