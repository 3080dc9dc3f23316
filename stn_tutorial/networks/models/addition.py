"""Nets for MNIST addition: fully connected, behind one or two windows on two digits or none, and a CNN (the paper's appendix A.1)."""

from torch import nn

from ...arguments import check_whole
from ...geometry.affine import Affine
from ..localization import LocalizationNet
from ..teams import ParallelTransformers
from ..transformer import SpatialTransformer
from .deep import deep_cnn
from .parts import DIGIT, digits_normalized

DIGITS, SUMS, FRAME = 2, 19, 42
# hidden units by the number of windows, and filters of the CNN: with these all come nearest to the net of two affine windows in parameters
ADDITION_HIDDEN, ADDITION_FILTERS = {0: 104, 1: 180, 2: 80}, (32, 112, 128, 133)


def addition_net(windows: int = 2, family=None) -> nn.Sequential:
    """Images (N, 2, 42, 42) in [0, 1], a digit in each channel -> logits (N, 19) of their sum.

    windows: 0 to 2, how many transformers look at both channels side by side, each through a window of its own; their views are
    stacked on channels. The classifier is fully connected, as the paper's: it needs its digits upright and in place.

    Raises ValueError for another number of windows.
    """
    family, count = family or Affine(), check_whole("windows", windows, 0)
    if count not in ADDITION_HIDDEN:
        raise ValueError(
            f"windows must be one of {list(ADDITION_HIDDEN)}, for which the hidden units were counted, got {count}"
        )
    if count == 0:
        return fully_connected(FRAME, DIGITS, ADDITION_HIDDEN[0])

    def window() -> SpatialTransformer:
        localizer = LocalizationNet((DIGITS, FRAME, FRAME), family, filters=32, hidden=64)
        return SpatialTransformer(nn.Sequential(digits_normalized(DIGITS), localizer), family, size=2 * DIGIT)

    views = ParallelTransformers([window() for _ in range(count)])
    return nn.Sequential(views, nn.AvgPool2d(2), fully_connected(DIGIT, count * DIGITS, ADDITION_HIDDEN[count]))


def addition_cnn() -> nn.Sequential:
    """The same task for a CNN without a window: images (N, 2, 42, 42) in [0, 1] -> logits (N, 19)."""
    return deep_cnn(FRAME, ADDITION_FILTERS, channels=DIGITS, classes=SUMS)


def fully_connected(side: int, channels: int, hidden: int) -> nn.Sequential:
    """Two hidden layers on all pixels of (N, channels, side, side), batch normalised, and 19 classes."""
    layers: list[nn.Module] = [digits_normalized(channels), nn.Flatten()]
    for before in (channels * side**2, hidden):
        layers += [nn.Linear(before, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, SUMS))
