"""The published CIFAR-10 net that this project began with, and its rivals."""

from collections import OrderedDict

import torch
from torch import nn

from ...arguments import check_number, check_whole
from ...geometry.affine import Affine
from ..localization import FixedTheta, Localizer
from ..transformer import SpatialTransformer
from .parts import Normalize, TransformedNet

# the statistics that the seed normalises CIFAR-10 with: those of training and test images together
CIFAR10_MEAN, CIFAR10_STD = (0.4919, 0.4827, 0.4472), (0.247, 0.2434, 0.2616)


def seed_cnn(filters: tuple[int, int] = (16, 32), hidden: int = 1024, padding: int = 0) -> nn.Sequential:
    """The classifier of the seed, the CIFAR-10 notebook in gokul-pv/DawnOfTransformers that this project began with.

    Normalised images (N, 3, 32, 32) -> logits (N, 10). filters: of the two 5x5 convolutions; hidden: units of the hidden
    layer; padding: of the convolutions, in pixels; as published, none.
    """
    (first, second), padding = filters, check_whole("padding", padding, 0)
    rest = ((32 - 4 + 2 * padding) // 2 - 4 + 2 * padding) // 2
    return nn.Sequential(
        nn.Conv2d(3, first, 5, padding=padding),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(first, second, 5, padding=padding),
        nn.Dropout2d(),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second * rest**2, hidden),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(hidden, 10),
    )


def seed_localizer(family) -> Localizer:
    """The seed's localiser, 740,486 parameters for an affine family: 7x7 and 5x5 convolutions, a hidden layer."""
    features = nn.Sequential(
        nn.Conv2d(3, 64, 7),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(64, 128, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128 * 4 * 4, 256),
        nn.ReLU(),
    )
    return Localizer((3, 32, 32), features, 256, family)


def seed_net(
    family=None, normalize_first: bool = True, padding_mode: str = "zeros", hidden: int = 1024, padding: int = 0
) -> nn.Sequential:
    """The seed's net, 1,585,008 parameters: images (N, 3, 32, 32) in [0, 1] -> logits (N, 10).

    As published it normalises before the transformer, whose zeros are then the mean colour; with normalize_first=False
    it does so after it, and the zeros are black. padding_mode: the sampler's; hidden, padding: the classifier's, `seed_cnn`.
    """
    family, classifier = family or Affine(), seed_cnn(hidden=hidden, padding=padding)
    localizer, normalize = seed_localizer(family), Normalize(CIFAR10_MEAN, CIFAR10_STD)
    if normalize_first:
        transformer = SpatialTransformer(localizer, family, padding_mode=padding_mode)
        return nn.Sequential(OrderedDict(normalize=normalize, transformer=transformer, classifier=classifier))
    transformer = SpatialTransformer(nn.Sequential(normalize, localizer), family, padding_mode=padding_mode)
    return TransformedNet(transformer, nn.Sequential(normalize, *classifier))


def seed_net_without_transformer() -> nn.Sequential:
    """The seed's classifier alone: 844,522 parameters."""
    return nn.Sequential(Normalize(CIFAR10_MEAN, CIFAR10_STD), *seed_cnn())


def seed_net_control() -> nn.Sequential:
    """The seed's classifier, twice as many filters and a little less hidden: within 0.1 % of `seed_net`'s parameters."""
    return nn.Sequential(Normalize(CIFAR10_MEAN, CIFAR10_STD), *seed_cnn((32, 64), 950))


def seed_net_shrunk(scale: float = 1.25) -> nn.Sequential:
    """The seed's classifier behind a window that is `scale` times as large as every image: what does shrinking alone do?"""
    scale = check_number("scale", scale, "a number above 0", lambda number: number > 0)
    theta = torch.tensor([scale, 0, 0, 0, scale, 0])
    transformer = SpatialTransformer(FixedTheta(theta), Affine())
    return nn.Sequential(Normalize(CIFAR10_MEAN, CIFAR10_STD), transformer, *seed_cnn())
