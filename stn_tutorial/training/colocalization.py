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
from ..geometry.carrying import inverse_of, map_boxes
from ..geometry.coordinates import target_grid
from ..geometry.family import Family
from ..networks.models.parts import normed_relu
from ..networks.transformer import SpatialTransformer
from ..networks.weights import pretrained
from .data import Dataset
from .distortions import TranslatedCluttered
from .evaluation import distorted
from .recipe import Recipe

FRAME, COUNT, CLUTTER = 84, 100, 16  # as in the paper
MARGIN, WARMING = 1.0, 10
WIDE, NARROW = 0.8, 28 / FRAME  # of the first windows and the last ones, as a share of the picture
FAMILY = Attention()


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
    return Scenes(images[:count], window_boxes(family, inverse_of(family, pose[:count])))


def window_boxes(family: Family, theta: Tensor) -> Tensor:
    """Where windows lie in their pictures: theta (N, 3) -> boxes (N, 4), normalised."""
    return map_boxes(family, theta, torch.tensor([[-1.0, -1.0, 1.0, 1.0]], device=theta.device))[:, 0]


class SearchingLocalizer(nn.Module):
    """A localiser that gives every place of the picture a score and looks at the mean of all places, weighed by their softmax.

    Its convolutions treat all places alike, so that it cannot learn a place by heart. `width`: of the window, as a share of the picture.
    Images (N, 1, H, H), H a multiple of 4, -> theta (N, 3) of `Attention`; untrained, the middle of the picture.
    """

    def __init__(self, width: float = WIDE, filters: int = 16):
        super().__init__()
        layers: list[nn.Module] = []
        for before in (1, filters):
            layers += [nn.Conv2d(before, filters, 5, 2, padding=2, bias=False), *normed_relu(filters)]
        self.scores, self.width = nn.Sequential(*layers, nn.Conv2d(filters, 1, 7, padding=3, bias=False)), width
        nn.init.zeros_(self.scores[-1].weight)

    def forward(self, images: Tensor) -> Tensor:
        scores = self.scores(images)[:, 0]
        weights = scores.flatten(1).softmax(dim=1)[..., None]
        place = (weights * target_grid(scores.shape[1:], device=images.device).flatten(0, 1)).sum(dim=1)
        return torch.cat([torch.full_like(place[:, :1], self.width), place], dim=1)


def encoder() -> nn.Module:
    """The frozen features of a shipped classifier of digits: windows (N, 1, 56, 56) -> (N, 576)."""
    return pretrained("mnist-tc/st-cnn-attention").classifier[:-1].requires_grad_(False)


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


def colocalize(images: Tensor, looks: int = 50, steps: int = 50, starts: int = 3, seed: int = 0) -> Tensor:
    """Windows on what the pictures have in common, learned from the pictures alone: (N, 1, 84, 84) -> boxes (N, 4), normalised.

    A search may end at something else that is common, a dark spot for instance. So it is begun `starts` times, with windows
    0.8 as wide as the picture and `looks` steps each, and the one with the least loss goes on, which asks no box: in `steps` more its
    windows narrow to the 28 pixels of a digit. That width is given; only the place is found.

    Raises ValueError for fewer than one start or step.
    """
    for name, count in (("looks", looks), ("steps", steps), ("starts", starts)):
        check_whole(name, count, 1)
    begun = []
    for start in range(starts):
        torch.manual_seed(seed + 1000 * start)
        localizer = SearchingLocalizer()
        begun.append((search(localizer, images, [WIDE] * looks, 1e-2, seed), localizer))
    localizer = min(begun, key=lambda pair: pair[0])[1]
    narrowing = [max(NARROW, WIDE + (NARROW - WIDE) * 2 * step / steps) for step in range(1, steps + 1)]
    search(localizer, images, narrowing, 3e-3, seed)
    with torch.no_grad():
        return window_boxes(FAMILY, localizer(images))


def search(localizer: SearchingLocalizer, images: Tensor, widths: list[float], lr: float, seed: int, batch: int = 32) -> float:
    """Let a localiser learn, a step for each width of its windows; the loss on all pictures in the end. It is left in evaluation mode.

    Beyond the picture lies its mirror image: darkness there would be common to all. Features count by their direction. AdamW, at a
    rate that rises to `lr` in the first steps.
    """
    generator, read = torch.Generator().manual_seed(seed), encoder()
    transformer = SpatialTransformer(localizer.train(), FAMILY, size=56, padding_mode="reflection")
    optimizer = torch.optim.AdamW(localizer.parameters(), lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1, total_iters=WARMING)

    def loss_of(some: Tensor) -> Tensor:
        place = (2 * torch.rand(len(some), 2, generator=generator) - 1) * (1 - NARROW)
        random = transformer.warp(some, F.pad(place, (1, 0), value=NARROW))
        return hinge(*(F.normalize(read(crops)) for crops in (transformer(some), random)))

    for localizer.width in widths:
        loss = loss_of(images[torch.randperm(len(images), generator=generator)[:batch]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    localizer.eval()
    with torch.no_grad():
        return float(loss_of(images))
