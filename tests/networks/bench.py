"""Nets with a known state of health: sick ones by the name of what is wrong with them, and healthy ones. For `diagnose`."""

import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from stn_tutorial import Affine, LocalizationNet, Rotation, Similarity, SpatialTransformer, ThinPlateSpline
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import FixedTheta, FullyConnectedLocalizationNet
from stn_tutorial.teaching.checks.wrong_transformers import OwnTransformer, SharedTheta, Unseen, transformer

SHAPE = (1, 28, 28)


def classifier(channels=1):
    return nn.Sequential(nn.Conv2d(channels, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 10))


def shaken(net, strength=0.05):
    """A net whose localisers answer something different for each image, as after a training."""
    for module in net.modules():
        if isinstance(module, SpatialTransformer) and hasattr(module.localization, "last"):
            nn.init.normal_(module.localization.last.weight, std=strength)
    return net


def in_front(family, shape=SHAPE, strength=0.05, **options):
    localizer = FullyConnectedLocalizationNet(shape, family)
    return shaken(nn.Sequential(SpatialTransformer(localizer, family, **options), classifier(shape[0])), strength)


def with_bias(bias, family=None, strength=0.0, **options):
    """A transformer whose localiser starts elsewhere than at the identity."""
    net = in_front(family or Affine(), strength=strength, **options)
    net[0].localization.last.bias.data = torch.tensor(bias)
    return net


def by_hand(**parts):
    return OwnTransformer(classifier(), SHAPE, **parts)


def by_edges(images, grid):
    return F.grid_sample(images, grid, align_corners=False)


class ByHand(nn.Module):
    """A transformer by hand, its grid made by `make` from theta (N, 2, 3)."""

    def __init__(self, make, sampler=by_edges):
        super().__init__()
        self.localizer, self.rest, self.make, self.sampler = LocalizationNet(SHAPE, Affine()), classifier(), make, sampler
        nn.init.normal_(self.localizer.last.weight, std=0.05)

    def forward(self, images):
        return self.rest(self.sampler(images, self.make(self.localizer(images).view(-1, 2, 3))))


def own_grid(theta):
    """A target grid from -1 to 1, warped by hand."""
    axis = torch.linspace(-1, 1, 28)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    return torch.einsum("nij,hwj->nhwi", theta, torch.stack([x, y, torch.ones_like(x)], dim=-1))


def swapped(theta):
    return F.affine_grid(theta, [len(theta), 1, 28, 28], align_corners=False).flip(-1)


def half_grid(images, grid):
    return F.grid_sample(images.to(torch.bfloat16), grid.to(torch.bfloat16), align_corners=False).float()


class Cut(nn.Module):
    """A transformer under no_grad."""

    def __init__(self):
        super().__init__()
        self.transformer, self.rest = transformer(SHAPE), classifier()

    def forward(self, images):
        with torch.no_grad():
            warped = self.transformer(images)
        return self.rest(warped)


class NotCalled(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer, self.rest = transformer(SHAPE), classifier()

    def forward(self, images):
        return self.rest(images)


class Nan(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 6)

    def forward(self, images):
        return self.layer(images.flatten(1)) / 0.0


def squashed():
    localizer = nn.Sequential(LocalizationNet(SHAPE, Affine()), nn.Tanh())
    return nn.Sequential(SpatialTransformer(localizer, Affine()), classifier())


def bounded_angle():
    """A tanh where zero is the identity does no harm."""
    localizer = nn.Sequential(FullyConnectedLocalizationNet(SHAPE, Rotation()), nn.Tanh())
    return nn.Sequential(SpatialTransformer(localizer, Rotation()), classifier())


def chained():
    """The same transformer twice, one behind the other."""
    net = in_front(Affine(), strength=0.02)
    return nn.Sequential(net[0], *net)


def shared_and_moved():
    net = SharedTheta(classifier())
    net.theta.data = torch.tensor([[0.8, 0.2, 0.1], [-0.2, 0.8, 0.0]])
    return net


def frozen():
    net = in_front(Affine())
    net[0].requires_grad_(False)
    return net


def scattered(strength):
    """Some of the images are thrown out of the frame."""
    net = in_front(Affine())
    nn.init.normal_(net[0].localization.last.weight, std=strength)
    return net


def turned_in_a_wide_frame(family):
    return shaken(
        nn.Sequential(SpatialTransformer(FullyConnectedLocalizationNet((1, 20, 40), family), family), classifier()), 1.0
    )


class Teams(nn.Module):
    """Two transformers beside each other, and one on the feature map behind them."""

    def __init__(self):
        super().__init__()
        self.left, self.right = (in_front(family)[0] for family in (Affine(), Similarity()))
        self.features = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU())
        self.behind = SpatialTransformer.for_images((8, 28, 28), Rotation())
        self.rest = classifier(8)

    def forward(self, images):
        return self.rest(self.behind(self.features(torch.cat([self.left(images), self.right(images)], dim=1))))


def normalized(fill, strength=0.3):
    return nn.Sequential(models.Normalize(), *in_front(Affine(), fill=fill, strength=strength))


# what is sick about it -> how each such net is made; the images are digits unless IMAGES says otherwise
SICK = {
    "tanh by hand": ("theta", lambda: by_hand(theta=torch.tanh)),
    "tanh in the localiser": ("theta", squashed),
    "grid by centres, sampler by edges": ("align_corners", lambda: by_hand(corners=(True, False))),
    "grid by edges, sampler by centres": ("align_corners", lambda: by_hand(corners=(False, True))),
    "own grid to the centres": ("align_corners", lambda: by_hand_at_identity(own_grid)),
    "zero theta": ("scale", lambda: with_bias([0.0] * 6)),
    "identity in another order": ("scale", lambda: by_hand(bias=(1.0, 0, 0, 1, 0, 0))),
    "random start": ("scale", lambda: by_hand(theta=lambda theta: (theta - Affine().identity()) * 0.01)),
    "warped image never used": ("output", lambda: Unseen(classifier(), SHAPE)),
    "transformer never called": ("output", NotCalled),
    "warped image detached": ("output", lambda: by_hand(warped=lambda warped: warped.detach())),
    "theta detached": ("gradient", lambda: by_hand(theta=lambda theta: theta.detach())),
    "no_grad": ("gradient", Cut),
    "answer detached": ("gradient", lambda: by_hand(logits=lambda logits: logits.detach())),
    "nearest": ("gradient", lambda: in_front(Affine(), mode="nearest")),
    "frozen": ("gradient", frozen),
    "beside the picture": ("out of frame", lambda: with_bias([1.0, 0, 5, 0, 1, 0])),
    "far beside it, by hand": ("out of frame", lambda: by_hand(bias=(1.0, 0, 0, 0, 1, -9))),
    "some beside it": ("out of frame", lambda: scattered(4.0)),
    "one theta for all": ("theta", lambda: with_bias([0.9, 0.2, 0.1, -0.2, 0.9, 0.0])),
    "one theta for all, by hand": ("theta", shared_and_moved),
    "NaN": ("theta", lambda: nn.Sequential(SpatialTransformer(Nan(), Affine()), classifier())),
    "degrees": ("angle", lambda: with_bias([30.0], Rotation(), strength=2.0)),
    "x and y swapped": ("angle", lambda: ByHand(swapped)),
    "turn in a wide frame": ("angle", lambda: turned_in_a_wide_frame(Rotation())),
    "turn and zoom in a wide frame": ("angle", lambda: turned_in_a_wide_frame(Similarity())),
    "folded spline": ("folding", lambda: in_front(ThinPlateSpline(), strength=0.7)),
    "shrinks": ("scale", lambda: with_bias([1.6, 0, 0, 0, 1.6, 0], strength=0.05)),
    "aliasing": ("step", lambda: in_front(Affine(), size=9)),
    "normalised before, filled with zeros": ("fill", lambda: normalized(0.0)),
    "bytes": ("range", lambda: in_front(Affine(), strength=1e-4)),
    "half precision": ("precision", lambda: ByHand(lambda t: F.affine_grid(t, [len(t), 1, 28, 28], False), half_grid)),
}
IMAGES = {
    "bytes": lambda digits: (255 * digits).round(),
    "turn in a wide frame": lambda digits: F.interpolate(digits, (20, 40)),
    "turn and zoom in a wide frame": lambda digits: F.interpolate(digits, (20, 40)),
    "turn in a wide frame, aspect told": lambda digits: F.interpolate(digits, (20, 40)),
    "photographs": lambda digits: torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
    "published net on photographs": lambda digits: torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
}


def by_hand_at_identity(make):
    net = ByHand(make)
    nn.init.zeros_(net.localizer.last.weight)
    return net


HEALTHY = {
    **{f"untrained {name}": partial(in_front, make(), strength=0.0) for name, make in FAMILIES.items()},
    **{f"trained {name}": partial(in_front, make(), strength=0.02) for name, make in FAMILIES.items()},
    "by hand, edges": lambda: by_hand(),
    "by hand, centres": lambda: by_hand(corners=(True, True)),
    "own grid, own centres": lambda: ByHand(own_grid, partial(F.grid_sample, align_corners=True)),
    "teams and feature maps": Teams,
    "tanh on an angle": bounded_angle,
    "chained": chained,
    "border": lambda: in_front(Affine(), padding_mode="border"),
    "from scratch": lambda: in_front(Affine(), sampler="scratch"),
    "a larger output": lambda: in_front(Affine(), size=(56, 56)),
    "normalised before, filled with the background": lambda: normalized(-0.1307 / 0.3081),
    "fixed": lambda: nn.Sequential(
        SpatialTransformer(FixedTheta(torch.tensor([0.8, 0, 0, 0, 0.8, 0])), Affine()), classifier()
    ),
    "turned far, radians": lambda: with_bias([math.pi / 2], Rotation(), strength=0.1),
    "turn in a wide frame, aspect told": lambda: turned_in_a_wide_frame(Rotation(aspect=2.0)),
    "paper": models.paper_st_cnn,
    "tutorial": models.tutorial_net,
    "deep": models.deep_st_cnn,
    "photographs": models.small_net,
    "published net on photographs": models.seed_net,
    "wholly frozen, to be used": lambda: in_front(Affine()).requires_grad_(False),
}
