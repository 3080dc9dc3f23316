"""How far off may a window start and still find its digit by gradient descent, and how well is it sampled there?

A digit stands in the middle of a dark frame. A window as wide as the digit hands on 24, 12, 8 or 6 pixels: it shrinks the picture
by 1, 2, 3 or 4. Its goal is the digit as a good camera would see it, every pixel the mean of what it covers.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..geometry.antialiasing import with_levels
from ..geometry.attention import Attention
from .data import Dataset

FRAME, WINDOW = 72, 24  # pixels
SCALES = (1, 2, 3, 4)
FAMILY = Attention()
NEAR = 1.0  # pixels: so near is found


def framed(data: Dataset, count: int) -> Tensor:
    """The first test digits, each in the middle of a dark frame: (count, 1, 72, 72) in [0, 1]."""
    return F.pad(data.test_images[:count].float() / 255, [(FRAME - 28) // 2] * 4)


def window_grid(shift: Tensor, scale: int, finer: int = 1) -> Tensor:
    """Where windows look that are off by (x, y) pixels: shift (N, 2) -> grid (N, 24 / scale * finer, the same, 2)."""
    theta = torch.cat([torch.full_like(shift[:, :1], WINDOW / FRAME), shift / (FRAME / 2)], dim=1)
    return FAMILY.grid(theta, (WINDOW // scale * finer,) * 2)


class Windows:
    """Windows that shrink by `scale`, on images (N, 1, 72, 72) that are blurred once, if at all, and not anew at each step."""

    def __init__(self, images: Tensor, scale: int, antialias: bool):
        if scale not in SCALES:
            raise ValueError(f"scale must be one of {SCALES}, got {scale!r}")
        self.images, self.scale = images, scale
        self.volume, self.depth = images[:, :, None], torch.tensor(0.0)
        if antialias:  # all points of a window are equally far apart, so all read at one depth
            self.volume, into = with_levels(images, window_grid(torch.zeros(len(images), 2), scale))
            self.depth = into[0, 0, 0, 0, 2]

    def __call__(self, shift: Tensor) -> Tensor:
        """What they show when they are off by some pixels: (K, N, 2) -> (K, N, side, side), K windows on each image."""
        grid = window_grid(shift.flatten(0, 1), self.scale).unflatten(0, shift.shape[:2]).transpose(0, 1)
        into = torch.cat([grid, self.depth.expand(*grid.shape[:-1], 1)], dim=-1)
        return F.grid_sample(self.volume, into, align_corners=False)[:, 0].transpose(0, 1)

    def as_a_camera(self, shift: Tensor) -> Tensor:
        """What a good camera would: (N, 2) -> (N, side, side), every pixel the mean of 2 scale x 2 scale points of the image."""
        fine = F.grid_sample(self.images, window_grid(shift, self.scale, 2 * self.scale), align_corners=False)
        return F.avg_pool2d(fine, 2 * self.scale)[:, 0]


def sampling_error(images: Tensor, scale: int, antialias: bool, seed: int = 0) -> float:
    """Root mean squared difference between what windows show and what a good camera would, at places up to half a pixel off.

    images: `framed`.
    """
    shift = torch.rand(len(images), 2, generator=torch.Generator().manual_seed(seed)) - 0.5
    windows = Windows(images, scale, antialias)
    return float((windows(shift[None])[0] - windows.as_a_camera(shift)).square().mean().sqrt())


def share_found(images: Tensor, scale: int, antialias: bool, distances, steps: int = 80, seed: int = 0) -> list[float]:
    """From how far off do windows find back? For each distance in pixels the share of digits that they end within one pixel of.

    images: `framed`. Each window starts off in a random direction and follows the gradient of the squared difference to its goal, by
    Adam, with steps of half a pixel at first that become smaller.
    """
    windows, centre = Windows(images, scale, antialias), torch.zeros(len(images), 2)
    angle = 2 * math.pi * torch.rand(len(images), generator=torch.Generator().manual_seed(seed))
    away, goal = torch.stack([angle.cos(), angle.sin()], dim=1), windows.as_a_camera(centre)
    shift = (torch.tensor(distances, dtype=torch.float32)[:, None, None] * away).requires_grad_()
    optimizer = torch.optim.Adam([shift], lr=0.5)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, steps)
    for _ in range(steps):
        loss = (windows(shift) - goal).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return (shift.detach().norm(dim=-1) <= NEAR).float().mean(dim=1).tolist()
