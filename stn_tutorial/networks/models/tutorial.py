"""The net of the PyTorch spatial transformer tutorial."""

from torch import nn

from ...geometry.affine import Affine
from ..localization import start_at_identity
from ..transformer import SpatialTransformer
from .parts import Normalize, TransformedNet


def tutorial_net() -> TransformedNet:
    """The net of the PyTorch spatial transformer tutorial for 28x28 digits: affine, with dropout."""
    last = nn.Linear(32, 6)
    localization = nn.Sequential(
        Normalize(),
        nn.Conv2d(1, 8, 7),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(8, 10, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(10 * 3 * 3, 32),
        nn.ReLU(),
        last,
    )
    start_at_identity(last, Affine().identity())
    classifier = nn.Sequential(
        Normalize(),
        nn.Conv2d(1, 10, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(10, 20, 5),
        nn.Dropout2d(),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(320, 50),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(50, 10),
    )
    return TransformedNet(SpatialTransformer(localization, Affine()), classifier)
