"""Nets for MNIST addition: one or two windows on two digits, and a control without any (the paper's appendix A.1)."""

from torch import nn

from ...geometry.affine import Affine
from ..localization import LocalizationNet
from ..teams import ParallelTransformers
from ..transformer import SpatialTransformer
from .deep import deep_cnn
from .parts import DIGIT, digits_normalized

DIGITS, SUMS, FRAME = 2, 19, 42
# filters by the number of windows: with these the others come nearest to the net of two affine windows in parameters
ADDITION_FILTERS = {0: (32, 104, 120, 112), 1: (32, 104, 112, 112), 2: (32, 64, 96, 128)}


def addition_net(windows: int = 2, family=None) -> nn.Sequential:
    """Images (N, 2, 42, 42) in [0, 1], a digit in each channel -> logits (N, 19) of their sum.

    windows: how many transformers look at both channels side by side, each through a window of its own; their views are
    stacked on channels. 0 leaves them out: the control.
    """
    family = family or Affine()
    if windows == 0:
        return deep_cnn(FRAME, ADDITION_FILTERS[0], channels=DIGITS, classes=SUMS)

    def window() -> SpatialTransformer:
        localizer = LocalizationNet((DIGITS, FRAME, FRAME), family, filters=32, hidden=64)
        return SpatialTransformer(nn.Sequential(digits_normalized(DIGITS), localizer), family, size=2 * DIGIT)

    views = ParallelTransformers([window() for _ in range(windows)])
    classifier = deep_cnn(DIGIT, ADDITION_FILTERS[windows], channels=windows * DIGITS, classes=SUMS)
    return nn.Sequential(views, nn.AvgPool2d(2), classifier)
