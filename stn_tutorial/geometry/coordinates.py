"""Coordinates: from pixels to the normalised square [-1, 1] x [-1, 1] and back, and the target grid.

A point is a pair ``(x, y)``, x to the right and y *down*. A size is a pair ``(H, W)``, as in torch. The two conventions
differ in what -1 and 1 mean: with ``align_corners=True`` they are the *centres* of the outermost pixels, with
``align_corners=False`` (the default everywhere in this package) they are the outer *edges* of those pixels.
"""

import torch
from torch import Tensor

from ..arguments import check_flag, check_points, check_size

CORNERS = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]  # of the square, clockwise from the top left


def check_coordinates(points: Tensor, size: tuple[int, int], align_corners: bool) -> tuple[int, int]:
    """Return ``size`` as two positive integers (H, W), or raise a ValueError that names what points and they cannot be."""
    check_points(points)
    check_flag("align_corners", align_corners)
    return check_size(size)


def normalized_to_pixel(points: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Turn normalised coordinates into pixel coordinates; (0, 0) is the centre of the top left pixel.

    points: (..., 2), last axis (x, y). size: (H, W) of the image that the points lie in. Returns (..., 2), in pixels.

    >>> normalized_to_pixel(torch.tensor([-1.0, 1.0]), (4, 8)).tolist()
    [-0.5, 3.5]
    """
    height, width = check_coordinates(points, size, align_corners)
    lengths = torch.tensor([width, height], dtype=points.dtype, device=points.device)
    if align_corners:
        return (points + 1) / 2 * (lengths - 1)
    return ((points + 1) * lengths - 1) / 2


def pixel_to_normalized(points: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Turn pixel coordinates into normalised ones: the inverse of `normalized_to_pixel`.

    points: (..., 2), last axis (x, y), in pixels. size: (H, W). Returns (..., 2). An axis that is one pixel long has
    no extent under ``align_corners=True``: its only pixel is put at 0, as torch does.

    >>> pixel_to_normalized(torch.tensor([0.0, 3.0]), (4, 8)).tolist()
    [-0.875, 0.75]
    """
    height, width = check_coordinates(points, size, align_corners)
    lengths = torch.tensor([width, height], dtype=points.dtype, device=points.device)
    if align_corners:
        extent = (lengths - 1).clamp(min=1)
        return torch.where(lengths > 1, points / extent * 2 - 1, torch.zeros_like(points))
    return (points * 2 + 1) / lengths - 1


def target_grid(
    size: tuple[int, int],
    align_corners: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Normalised coordinates of every output pixel: the regular grid G of the paper's section 3.2.

    size: (H, W) of the output. Returns (H, W, 2), last axis (x, y), every value in [-1, 1].

    >>> target_grid((1, 4))[..., 0].tolist()
    [[-0.75, -0.25, 0.25, 0.75]]
    """
    height, width = check_size(size)
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    pixels = torch.stack([x, y], dim=-1).to(dtype)
    return pixel_to_normalized(pixels, size, align_corners)
