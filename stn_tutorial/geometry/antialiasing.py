"""Sampling without aliasing: where a window zooms out, read from a picture that was blurred first.

Bilinear sampling looks at four pixels however far apart the sampling points lie: a window that shrinks the picture by four
steps over three pixels of every four, and its gradient sees no further than one pixel. Here the image is blurred in levels, twice
as wide each, and the levels are stacked like the slices of a volume; where a sampling point's neighbours are s pixels away it
reads at depth log2 s. (Mip mapping; Williams, 1983. For localisers: linearised multi-sampling, Jiang and others, 2019.)
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .coordinates import normalized_to_pixel

LEVELS = 4  # for windows that shrink the picture by up to 2 ** (LEVELS - 1)


def with_levels(
    images: Tensor, grid: Tensor, padding_mode: str = "zeros", align_corners: bool = False, levels: int = LEVELS
) -> tuple[Tensor, Tensor]:
    """Images and a grid as a volume of blurred levels and a grid into it, for `sample_volume` or torch's `grid_sample`.

    images: (N, C, H, W). grid: (N, H_out, W_out, 2). Returns (N, C, levels, H, W) and (N, 1, H_out, W_out, 3); what is sampled has
    one slice. Where the grid does not shrink the picture that slice is the plain sample. The depth has no gradient: theta
    learns from the blurred pictures' slopes.

    >>> stripes = (torch.arange(32) % 2).float().expand(1, 1, 32, 32)
    >>> from stn_tutorial import target_grid
    >>> volume, into = with_levels(stripes, target_grid((8, 8))[None])
    >>> F.grid_sample(volume, into, align_corners=False).squeeze(2)[0, 0, 4, 2:6].round(decimals=2).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    depth = shrinking(grid, tuple(images.shape[2:]), align_corners).clamp_min(1).log2().clamp_max(levels - 1)
    slice_ = (2 * depth / max(levels - 1, 1) - 1) if align_corners else (2 * depth + 1) / levels - 1
    return blurred(images, padding_mode, levels), torch.cat([grid, slice_[..., None]], dim=-1)[:, None]


def shrinking(grid: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """By how much a grid shrinks the picture at each point: the longer way to a neighbouring sampling point, in input pixels.

    grid: (N, H_out, W_out, 2). size: (H, W) of the input. Returns (N, H_out, W_out), without gradient; 1 for a grid of one point.

    >>> from stn_tutorial import target_grid
    >>> shrinking(target_grid((8, 8))[None], (32, 32)).unique().tolist()
    [4.0]
    """
    points = normalized_to_pixel(grid.detach(), size, align_corners)
    along = []
    for axis in (1, 2):
        if points.shape[axis] > 1:
            steps = points.diff(dim=axis).norm(dim=-1)
            along.append(torch.cat([steps, steps.narrow(axis, -1, 1)], dim=axis))  # the last point goes by the one before it
    return torch.stack(along).amax(dim=0) if along else torch.ones_like(points[..., 0])


def blurred(images: Tensor, padding_mode: str = "zeros", levels: int = LEVELS) -> Tensor:
    """Images (N, C, H, W) in levels (N, C, levels, H, W): the first as they are, each further one blurred twice as wide.

    Level k is what a pixel 2^k wide sees: a Gaussian of variance (4^k - 1) / 4 pixels. padding_mode: "zeros" blurs the black outside
    in, the others the pixels at the edge.
    """
    found, mode = [images], "constant" if padding_mode == "zeros" else "replicate"
    for level in range(1, levels):
        variance = 4 ** (level - 1) * 3 / 4  # what the level before still lacks
        reach = math.ceil(3 * math.sqrt(variance))
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        kernel = torch.softmax(-offsets.square() / (2 * variance), dim=0)
        flat = found[-1].flatten(0, 1)[:, None]
        for shape, pad in (((1, 1, -1, 1), (0, 0, reach, reach)), ((1, 1, 1, -1), (reach, reach, 0, 0))):
            flat = F.conv2d(F.pad(flat, pad, mode=mode), kernel.view(shape))
        found.append(flat.view(images.shape))
    return torch.stack(found, dim=2)
