"""Are the features of a turned picture the turned features of the picture? Layer by layer, for any stack of convolutions.

A transformer on feature maps can move features about; it cannot make another feature out of one (Finnveden and others, 2020).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..geometry.coordinates import target_grid
from ..geometry.rotation import Rotation
from .watching import evaluating


def maps_of(layers: nn.Sequential, images: Tensor) -> list[Tensor]:
    """The images and what each rectifier of a stack answers, as long as these are maps: a list of (N, C, H, W)."""
    found = [images]
    for layer in layers:
        images = layer(images)
        if images.dim() != 4:
            break
        if isinstance(layer, nn.ReLU):
            found.append(images)
    return found


def turned(maps: Tensor, degrees: float) -> Tensor:
    """Maps (N, C, H, W) turned about their centre, what lies outside being what lies at the edge; 90 degrees exchange pixels exactly."""
    theta = torch.full((len(maps), 1), math.radians(degrees), dtype=maps.dtype, device=maps.device)
    return F.grid_sample(maps, Rotation().grid(theta, maps.shape[2:]), padding_mode="border", align_corners=False)


@torch.no_grad()
def turning_gaps(layers: nn.Sequential, images: Tensor, degrees: float) -> list[float]:
    """How far the maps of turned images are from the turned maps of the images, for the images themselves and after each rectifier.

    layers: begins at the images (N, C, H, W), square, at least two. Measured within the circle that stays in the frame, as a share of how far
    maps of one turned image are from those of the next: 0 is the same, 1 as different as another picture. Batch normalisation and
    dropout as in a net that is not trained.

    Raises ValueError for fewer than two images.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())  # sees single pixels: to it a turn is nothing
    >>> [round(gap, 3) for gap in turning_gaps(net, torch.rand(4, 1, 8, 8), 90)]
    [0.0, 0.0]
    """
    if len(images) < 2:
        raise ValueError(f"images must be at least two, got {len(images)}")
    gaps = []
    with evaluating(layers):
        both = zip(maps_of(layers, images), maps_of(layers, turned(images, degrees)), strict=True)
        for before, after in both:
            circle = target_grid(before.shape[2:], device=before.device).norm(dim=-1) <= 1
            apart = (turned(before, degrees) - after)[..., circle].flatten(1).norm(dim=1).mean()
            gaps.append(float(apart / (after - after.roll(1, 0))[..., circle].flatten(1).norm(dim=1).mean()))
    return gaps
