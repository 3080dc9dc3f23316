"""Volumes (the paper's appendix A.3): digits as thick as a biscuit, turned in space, and read from their shadow.

A net sees a volume and reads its projection along the depth. With a 3-D transformer in front it may turn the volume first.
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import check_whole
from ..geometry.volumes import Affine3d
from ..networks.habits import check_choice
from ..networks.localization import SmallMapLocalizationNet
from ..networks.models.parts import normed_relu
from ..networks.transformer import SpatialTransformer
from .data import Dataset

SIDE, THICKNESS, DEGREES = 24, 4, 60.0
TEST_SEED = 2015  # of the turns of the test digits
READERS = ("shadow", "volume", "transformer")
# filters of what reads, with which the three nets come nearest to each other in parameters
FILTERS = {"shadow": (52, 79), "volume": (22, 40), "transformer": (32, 48)}


class Solid(nn.Module):
    """A picture (N, 1, 28, 28) as a volume (N, 1, 24, 24, 24): its middle, a few voxels thick. Its digit stays whole."""

    def forward(self, images: Tensor) -> Tensor:
        edge = (images.shape[-1] - SIDE) // 2
        flat = images[..., edge : edge + SIDE, edge : edge + SIDE][:, :, None].expand(-1, -1, THICKNESS, -1, -1)
        return F.pad(flat, (0, 0, 0, 0, (SIDE - THICKNESS) // 2, (SIDE - THICKNESS) // 2))


class Shadow(nn.Module):
    """The projection of volumes (N, C, D, H, W) along the depth, (N, C, H, W): an upright digit is as bright as its picture."""

    def forward(self, volumes: Tensor) -> Tensor:
        return volumes.sum(dim=2) / THICKNESS


def rotations(count: int, generator: torch.Generator, degrees: float = DEGREES) -> Tensor:
    """Theta (count, 12) of `Affine3d`: turns about all three axes, each angle drawn evenly from [-degrees, degrees].

    >>> rotations(2, torch.Generator().manual_seed(0), degrees=0).view(2, 3, 4)[0].tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    angles = (torch.rand(count, 3, generator=generator, device=generator.device) * 2 - 1) * math.radians(degrees)
    matrix = torch.eye(3, device=angles.device).expand(count, 3, 3)
    for angle, (first, second) in zip(angles.T, ((0, 1), (0, 2), (1, 2)), strict=True):
        turn = torch.eye(3, device=angles.device).repeat(count, 1, 1)
        turn[:, first, first] = turn[:, second, second] = angle.cos()
        turn[:, first, second], turn[:, second, first] = -angle.sin(), angle.sin()
        matrix = turn @ matrix
    return F.pad(matrix, (0, 1)).flatten(1)


def turned_solids(images: Tensor, generator: torch.Generator, degrees: float = DEGREES) -> Tensor:
    """Pictures (N, 1, 28, 28), uint8, as volumes (N, 1, 24, 24, 24) in [0, 1], each turned by an angle of its own."""
    theta = rotations(len(images), generator, degrees).to(images.device)
    solids = Solid()(images.float() / 255)
    return F.grid_sample(solids, Affine3d().grid(theta, solids.shape[2:]), align_corners=False)


def shadow_reader(filters: tuple[int, int]) -> nn.Sequential:
    """A small classifier of shadows: (N, 1, 24, 24) -> logits (N, 10)."""
    first, second = filters
    return nn.Sequential(
        nn.Conv2d(1, first, 5, bias=False),
        nn.MaxPool2d(2),
        *normed_relu(first),
        nn.Conv2d(first, second, 3, bias=False),
        nn.MaxPool2d(2),
        *normed_relu(second),
        nn.Flatten(),
        nn.Linear(16 * second, 10),
    )


def solid_net(reader: str = "transformer") -> nn.Sequential:
    """A net for turned digits in space: volumes (N, 1, 24, 24, 24) -> logits (N, 10); all have about as many parameters.

    reader: "shadow" reads the projection as it falls; "transformer" turns the volume before it is projected; "volume" reads the volume
    itself with 3-D convolutions, those of the localiser, and projects nothing.

    >>> solid_net()(torch.rand(2, 1, 24, 24, 24)).shape
    torch.Size([2, 10])
    """
    check_choice("reader", reader, READERS)
    filters, shape = FILTERS[reader], (1, SIDE, SIDE, SIDE)
    if reader == "shadow":
        return nn.Sequential(Shadow(), shadow_reader(filters))
    if reader == "volume":
        return nn.Sequential(SmallMapLocalizationNet(shape, Affine3d(), *filters).features, nn.Linear(filters[1], 10))
    transformer = SpatialTransformer(SmallMapLocalizationNet(shape, Affine3d(), filters=16), Affine3d())
    return nn.Sequential(OrderedDict(transformer=transformer, shadow=Shadow(), reader=shadow_reader(filters)))


def train_solids(net: nn.Module, data: Dataset, steps: int = 800, batch: int = 64, lr: float = 3e-3, seed: int = 0) -> float:
    """Train a net in place on digits turned anew at each step; its error in % on the test images, turned once by a fixed seed.

    AdamW, one cycle. A net that is to be trained alike must have been made after `torch.manual_seed(seed)`.
    """
    check_whole("steps", steps, 2)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.2)
    for _ in range(steps):
        chosen = torch.randint(len(data.train_images), (batch,), generator=generator)
        logits = net(turned_solids(data.train_images[chosen], generator))
        loss = F.cross_entropy(logits, data.train_labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return error_on_solids(net, data)


@torch.no_grad()
def error_on_solids(net: nn.Module, data: Dataset, seed: int = TEST_SEED) -> float:
    """Error in % on the test images, each turned once by the seed. The net is left in evaluation mode."""
    net.eval()
    generator, wrong = torch.Generator().manual_seed(seed), 0
    for images, labels in zip(data.test_images.split(200), data.test_labels.split(200), strict=True):
        wrong += int((net(turned_solids(images, generator)).argmax(dim=1) != labels).sum())
    return 100 * wrong / len(data.test_images)
