"""A classifier of today for the paper's digits, with and without a transformer: the nets that stand still."""

from torch import nn

from ...arguments import check_whole
from ...geometry.affine import Affine
from ..localization import LocalizationNet
from .parts import DIGIT, TransformedNet, digits_normalized, in_front, normed_relu

# filters with which the control comes nearest to the affine net beside it in parameters, by side of the image
DEEP_CONTROL_FILTERS = {28: (32, 74, 74, 103), 42: (32, 79, 79, 99)}


def deep_cnn(
    side: int = DIGIT,
    filters: tuple[int, int, int, int] = (32, 64, 64, 96),
    dropout: float = 0.3,
    channels: int = 1,
    classes: int = 10,
) -> nn.Sequential:
    """A classifier of today: 5x5 convolution, pool, two 3x3, pool, one 3x3, a linear layer.

    side: of the square images (N, channels, side, side) in [0, 1], in pixels, at least 24.
    """
    side, (first, second, third, fourth) = check_whole("side", side, 24), filters
    rest = ((side - 4) // 2 - 4) // 2 - 2
    return nn.Sequential(
        digits_normalized(channels),
        nn.Conv2d(channels, first, 5, bias=False),
        nn.MaxPool2d(2),
        *normed_relu(first),
        nn.Conv2d(first, second, 3, bias=False),
        *normed_relu(second),
        nn.Conv2d(second, third, 3, bias=False),
        nn.MaxPool2d(2),
        *normed_relu(third),
        nn.Conv2d(third, fourth, 3, bias=False),
        *normed_relu(fourth),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(fourth * rest**2, classes),
    )


def deep_st_cnn(family=None, side: int = DIGIT) -> TransformedNet:
    """A transformer with a wider localiser than the paper's in front of `deep_cnn()`; images (N, 1, side, side)."""
    family = family or Affine()
    return in_front(LocalizationNet((1, side, side), family, filters=32, hidden=64), family, side, deep_cnn())


def deep_cnn_control(side: int = DIGIT) -> nn.Sequential:
    """`deep_cnn` with as many parameters as the affine `deep_st_cnn`: the localiser's are spent on more filters instead."""
    if side not in DEEP_CONTROL_FILTERS:
        raise ValueError(f"side must be one of {list(DEEP_CONTROL_FILTERS)}, for which the filters were counted, got {side!r}")
    return deep_cnn(side, DEEP_CONTROL_FILTERS[side])
