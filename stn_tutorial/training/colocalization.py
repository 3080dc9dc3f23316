"""Co-localisation (the paper's appendix A.2): what do a hundred pictures have in common, and where? Nobody tells.

A localiser learns windows whose contents look alike to a trained classifier, and unlike what else is in the pictures. The digits
are of one class, but which one is never said, and no box is shown.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import check_whole
from ..geometry.attention import Attention
from ..geometry.carrying import box_overlap, inverse_of, map_boxes
from ..networks.localization import SmallMapLocalizationNet, start_at_identity
from ..networks.transformer import SpatialTransformer
from ..networks.weights import pretrained
from .data import Dataset
from .distortions import TranslatedCluttered
from .evaluation import distorted
from .recipe import Recipe

FRAME, COUNT, CLUTTER = 84, 100, 16  # as in the paper
WHOLE = torch.tensor([[-1.0, -1.0, 1.0, 1.0]])
MARGIN = 1.0


@dataclass
class Scenes:
    """Pictures (N, 1, 84, 84) in [0, 1], and the box of the digit in each, (N, 4), normalised, which no training sees."""

    images: Tensor
    boxes: Tensor


def scenes(data: Dataset, digit: int, patches: int = CLUTTER, count: int = COUNT, seed: int = 0) -> Scenes:
    """Training digits of one class, each somewhere in a frame of 84x84 among 6x6 crops of digits of any class.

    digit: 0 to 9. patches: how many crops; 0: the digit alone. Raises ValueError if there are fewer than `count` such digits.

    >>> from .data import load
    >>> scenes(load("mnist").subset(1000, 0), digit=3, count=10).images.shape
    torch.Size([10, 1, 84, 84])
    """
    of_class = data.train_images[data.train_labels == digit][: check_whole("count", count, least=2)]
    if len(of_class) < count:
        raise ValueError(f"data must hold {count} training images of class {digit}, got {len(of_class)}")
    generator = torch.Generator().manual_seed(seed)
    both = torch.cat([of_class, data.train_images[-count:]])  # a crop comes from any of these
    images, pose = distorted(both, TranslatedCluttered(FRAME, patches), generator, Recipe())
    family = TranslatedCluttered.family
    return Scenes(images[:count], map_boxes(family, inverse_of(family, pose[:count]), WHOLE)[:, 0])


def encoder() -> nn.Module:
    """The frozen features of a shipped classifier of digits: windows (N, 1, 56, 56) -> (N, 576), each of length 1."""
    net = pretrained("mnist-tc/st-cnn-attention").classifier
    return net[:-1].requires_grad_(False)


def hinge(features: Tensor, elsewhere: Tensor, margin: float = MARGIN) -> Tensor:
    """The paper's triplet loss: each window is to be nearer to all others than to a random crop of its own picture.

    features: of the windows, (N, F). elsewhere: of a random crop of each picture, (N, F). Squared distances; a scalar.

    >>> hinge(torch.zeros(3, 2), torch.ones(3, 2)).item(), hinge(torch.zeros(3, 2), torch.zeros(3, 2)).item()
    (0.0, 1.0)
    """
    between = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").square()
    away = (features - elsewhere).square().sum(dim=1, keepdim=True)
    others = ~torch.eye(len(features), dtype=torch.bool, device=features.device)
    return F.relu(between - away + margin)[others].mean()


def colocalize(images: Tensor, steps: int = 400, lr: float = 2e-3, seed: int = 0) -> Tensor:
    """Windows on what the pictures have in common, learned from the pictures alone: (N, 1, H, H) -> boxes (N, 4), normalised.

    steps: of AdamW on all pictures at once, with a one-cycle rate that rises to `lr`.
    """
    torch.manual_seed(seed)
    family, generator = Attention(log_scale=True), torch.Generator().manual_seed(seed)
    localizer = SmallMapLocalizationNet(tuple(images.shape[1:]), family, filters=16)
    start_at_identity(localizer.last, torch.tensor([START, 0.0, 0.0]))
    transformer, read = SpatialTransformer(localizer, family, size=56, antialias=True), encoder()
    optimizer = torch.optim.AdamW(localizer.parameters(), lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.2)
    for _ in range(steps):
        elsewhere = transformer.warp(images, random_windows(len(images), generator))
        features, random = (F.normalize(read(crops)) for crops in (transformer(images), elsewhere))
        loss = hinge(features, random)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return map_boxes(family, transformer.eval().theta(images), WHOLE)[:, 0]
