"""The same three parts for volumes (N, C, D, H, W): target grid, affine family and sampler, one axis more.

A point is (x, y, z), z along the depth; a size is (D, H, W), as in torch.
"""

import torch
from torch import Tensor

from ..arguments import check_flag, check_precise, check_size, check_tensor
from .family import Group, LinearFamily
from .sampler import FAR, MODES, PADDING_MODES, coverage_of, fill_per_channel, neighbours, pad_coordinates, with_background


def volume_grid(
    size: tuple[int, int, int],
    align_corners: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Normalised coordinates of every output voxel: size (D, H, W) -> (D, H, W, 3), last axis (x, y, z).

    >>> volume_grid((1, 1, 2)).tolist()
    [[[[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]]]
    """
    check_flag("align_corners", align_corners)
    axes = []
    for length in check_size(size, dimensions=3):
        voxels = torch.arange(length, dtype=dtype, device=device)
        if align_corners:
            axes.append(voxels / (length - 1) * 2 - 1 if length > 1 else voxels)  # a lone voxel is put at 0, as in torch
        else:
            axes.append((voxels * 2 + 1) / length - 1)
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


class Affine3d(Group, LinearFamily):
    """All affine maps of volumes. Theta = a 3x4 matrix, row by row, as `torch.nn.functional.affine_grid` takes it.

    As every family, with sizes (D, H, W), grids (N, D, H, W, 3) and points (x, y, z).

    >>> family = Affine3d()
    >>> tuple(family.grid(family.identity()[None], (4, 8, 8)).shape)
    (1, 4, 8, 8, 3)
    """

    num_params, dimensions, matrix_shape = 12, 3, (3, 4)

    def parameters(self) -> dict[str, tuple[float, float]]:
        return {f"a{row}{column}": (-2, 2) for row in (1, 2, 3) for column in (1, 2, 3, 4)}

    def to_matrix(self, theta: Tensor) -> Tensor:
        return theta.view(-1, 3, 4)

    def to_theta(self, matrix: Tensor) -> Tensor:
        return matrix.reshape(-1, 12)

    def to_grid(self, theta: Tensor, size: tuple[int, int, int], align_corners: bool) -> Tensor:
        target = volume_grid(size, align_corners, theta.dtype, theta.device)
        return self.to_points(theta, target.view(1, -1, 3)).view(-1, *size, 3)


def sample_volume(
    volumes: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
    fill: float | Tensor = 0.0,
) -> Tensor:
    """Sample volumes at the points of a grid: the paper's equation 3 with a third sum.

    volumes: (N, C, D, H, W), floating point. grid: (N, D_out, H_out, W_out, 3), last axis (x, y, z), normalised, of the same
    type. mode: "nearest" or "bilinear" (torch's name also in three dimensions). padding_mode and fill: as in `sample`.
    Returns (N, C, D_out, H_out, W_out). Raises ValueError that names the argument, what it was and what was wanted.

    >>> volumes = torch.arange(8.0).view(1, 1, 2, 2, 2)
    >>> sample_volume(volumes, torch.zeros(1, 1, 1, 1, 3)).item()  # the centre, between all eight
    3.5
    """
    for name, argument in (("volumes", volumes), ("grid", grid)):
        check_tensor(name, argument)
    if volumes.dim() != 5 or 0 in volumes.shape[1:] or not volumes.is_floating_point():
        raise ValueError(f"volumes must be floating point, (N, C, D, H, W), got {tuple(volumes.shape)} {volumes.dtype}")
    check_precise("volumes", volumes)
    check_flag("align_corners", align_corners)
    if grid.dim() != 5 or grid.shape[-1] != 3 or grid.shape[0] != volumes.shape[0] or grid.dtype != volumes.dtype:
        raise ValueError(
            f"grid must have shape ({volumes.shape[0]}, D_out, H_out, W_out, 3) and the type of the volumes, {volumes.dtype}, "
            f"got {tuple(grid.shape)} {grid.dtype}"
        )
    if grid.device != volumes.device:
        raise ValueError(f"grid must be on the device of the volumes, {volumes.device}, got {grid.device}")
    if mode not in MODES[:2]:
        raise ValueError(f"mode must be one of {MODES[:2]}, got {mode!r}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {PADDING_MODES}, got {padding_mode!r}")
    fill = fill_per_channel(fill, volumes, padding_mode)
    if padding_mode != "zeros":
        grid = grid.clamp(-FAR, FAR)  # NaN stays
    out = weighed_sum(volumes, grid, mode, padding_mode, align_corners)
    if fill is None:
        return out
    return with_background(out, weighed_sum(coverage_of(volumes), grid, mode, padding_mode, align_corners), fill, volumes)


def weighed_sum(volumes: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """What `sample_volume` answers, with zeros outside, for arguments that have been checked."""
    along = []  # for x, y and z: the voxels that each point is made of, with their weights
    lengths = volumes.shape[:1:-1]
    for coordinate, length in zip(grid.unbind(dim=-1), lengths, strict=True):
        voxel = (coordinate + 1) / 2 * (length - 1) if align_corners else ((coordinate + 1) * length - 1) / 2
        along.append(neighbours(pad_coordinates(voxel, length, padding_mode, align_corners), mode))
    out = torch.zeros((), dtype=volumes.dtype, device=volumes.device)
    for x, weight_x in along[0]:
        for y, weight_y in along[1]:
            for z, weight_z in along[2]:
                out = out + (weight_x * weight_y * weight_z)[:, None] * voxel_values(volumes, x, y, z)
    return out


def voxel_values(volumes: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Look voxels up; where there is none, 0. x, y, z: (N, D_out, H_out, W_out), whole numbers."""
    n, c, depth, height, width = volumes.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (z >= 0) & (z < depth)
    index = (torch.where(inside, z, 0).long() * height + torch.where(inside, y, 0).long()) * width
    index = index + torch.where(inside, x, 0).long()
    values = volumes.flatten(2).gather(2, index.flatten(1)[:, None].expand(n, c, -1)).view(n, c, *x.shape[1:])
    return torch.where(inside[:, None], values, 0)
