"""Distorted MNIST, made on the device a batch at a time; each distortion returns the true pose beside the images."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .transforms import Rotation


class Upright:
    """No distortion: the pose is the identity."""

    def __repr__(self) -> str:
        return "Upright()"

    def __call__(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """images (N, C, H, W) -> the same images, pose (N, 2, 3)."""
        return images, torch.eye(2, 3, device=images.device).expand(len(images), 2, 3)


class RandomRotation:
    """R of the paper's section 4.1: each image turned by an angle drawn evenly from [-degrees, degrees].

    A positive angle turns the sampling grid clockwise, and so the picture counter-clockwise.
    """

    def __init__(self, degrees: float = 90.0):
        if not 0 <= degrees <= 180:
            raise ValueError(f"degrees must lie in [0, 180], got {degrees!r}")
        self.degrees = float(degrees)
        self.family = Rotation()

    def __repr__(self) -> str:
        return f"RandomRotation({self.degrees:g})"

    def __call__(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """images (N, C, H, W), floating point, H = W, black background -> distorted images, pose (N, 2, 3).

        The pose maps output to input coordinates. The angles are drawn on the generator's device. Images that are not
        square are a ValueError.
        """
        if images.dim() != 4 or images.shape[2] != images.shape[3]:
            raise ValueError(f"images must be square, (N, C, H, H), got {tuple(images.shape)}")
        draw = torch.rand(len(images), 1, generator=generator, device=generator.device)
        angles = ((draw * 2 - 1) * math.radians(self.degrees)).to(images.device)
        grid = self.family.grid(angles, images.shape[2:]).to(images.dtype)
        return F.grid_sample(images, grid, align_corners=False), self.family.matrix(angles)


DISTORTIONS = {"upright": Upright, "r": RandomRotation}
