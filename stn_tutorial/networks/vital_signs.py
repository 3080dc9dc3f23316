"""What a sampling grid says of the window behind it: how much lies outside, scale, angle, folds, how far its points lie apart."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Window:
    """Where each image's output looks, measured on its grid; N images, all on the CPU.

    outside: share of the sampling points outside the image, (N,). scale: how many times as large as the image the window is,
    (N,). angle: of the window in degrees, (N,). negative: share of the grid's cells that are turned over, (N,). step: how many
    pixels of the input lie between neighbouring points, the longer way, (N,). moved: how far the points lie from the identity's,
    in pixels, (N,). spread: how far an image's points lie from those of all images on average, in pixels, one number.
    unsquare: how far the window is from a square in normalised coordinates, (N,); 0 for a turn and a zoom of those.
    """

    outside: Tensor
    scale: Tensor
    angle: Tensor
    negative: Tensor
    step: Tensor
    moved: Tensor
    spread: float
    unsquare: Tensor


def identity_like(grid: Tensor, align_corners: bool) -> Tensor:
    """The grid of the identity, (1, H_out, W_out, 2), for a grid (N, H_out, W_out, 2)."""
    height, width = grid.shape[1:3]
    axes = [torch.linspace(-1, 1, n, dtype=grid.dtype) * (1 if align_corners else (n - 1) / n) for n in (width, height)]
    return torch.stack(torch.meshgrid(*axes, indexing="xy"), dim=-1)[None]


def window_of(grid: Tensor, size: tuple[int, int], align_corners: bool) -> Window:
    """Measure a grid (N, H_out, W_out, 2), normalised and finite, with which an image of (H, W) is sampled.

    >>> grid = 2 * identity_like(torch.zeros(3, 8, 8, 2), False).expand(3, -1, -1, -1)
    >>> window_of(grid, (8, 8), False).scale
    tensor([2., 2., 2.])
    """
    grid = grid.detach().float().cpu()
    height, width = size
    rows, columns = grid.shape[1:3]
    pixels = torch.tensor([width - 1.0, height - 1.0] if align_corners else [float(width), float(height)]).clamp(min=1) / 2
    along, down = grid.diff(dim=2), grid.diff(dim=1)  # from a point to its right, to its lower neighbour
    u, v = along[:, : rows - 1] * pixels, down[:, :, : columns - 1] * pixels
    area = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    cells = (rows - 1) * (columns - 1) if align_corners else rows * columns
    whole = float(4 * pixels.prod())
    mean_u, mean_v = (edge.mean(dim=(1, 2)) for edge in (along, down))
    # in units of the output: the identity's sides are (1, 0) and (0, 1)
    unit = [identity_like(grid, align_corners).diff(dim=d).abs().amax() for d in (2, 1)]
    side_u, side_v = mean_u * pixels / unit[0] / pixels[0], mean_v * pixels / unit[1] / pixels[1]
    square_u, square_v = mean_u / unit[0], mean_v / unit[1]
    lengths = square_u.norm(dim=1).clamp(min=1e-9), square_v.norm(dim=1).clamp(min=1e-9)
    cosine = (square_u * square_v).sum(dim=1) / (lengths[0] * lengths[1])
    strayed = (grid - grid.mean(dim=0)) * pixels
    return Window(
        outside=(~(grid.abs() <= 1).all(dim=-1)).flatten(1).float().mean(dim=1),
        scale=(area.abs().mean(dim=(1, 2)) * cells / whole).sqrt(),
        angle=torch.atan2(side_u[:, 1] - side_v[:, 0], side_u[:, 0] + side_v[:, 1]).rad2deg(),
        negative=(area < 0).flatten(1).float().mean(dim=1),
        step=torch.maximum(u.norm(dim=-1).mean(dim=(1, 2)), v.norm(dim=-1).mean(dim=(1, 2))),
        moved=((grid - identity_like(grid, align_corners)) * pixels).norm(dim=-1).mean(dim=(1, 2)),
        spread=float(strayed.square().sum(dim=-1).mean().sqrt()),
        unsquare=cosine.abs() + (lengths[0] / lengths[1]).log().abs(),
    )
