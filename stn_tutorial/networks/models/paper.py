"""The nets of the paper's digits (section 4.1, appendix A.4), with and without a transformer, and controls of equal size."""

from torch import nn

from ...arguments import check_whole
from ...geometry.affine import Affine
from ..localization import FullyConnectedLocalizationNet, LocalizationNet
from .parts import DIGIT, Normalize, TransformedNet, in_front

# filters of the second layer with which the control comes nearest to the affine ST-CNN's parameters, by side of the image
CONTROL_FILTERS = {28: 71, 42: 66, 60: 57}


def paper_cnn(side: int = DIGIT, filters: tuple[int, int] = (32, 64), dropout: float = 0.3) -> nn.Sequential:
    """The paper's CNN (appendix A.4): 9x9 convolution, pool, 7x7 convolution, pool, one linear layer to 10 classes.

    side: of the square images, in pixels, at least 24. Batch normalisation and dropout are ours, for a training that is
    far shorter than the paper's.
    """
    side, (first, second) = check_whole("side", side, 24), filters
    rest = ((side - 8) // 2 - 6) // 2
    return nn.Sequential(
        Normalize(),
        nn.Conv2d(1, first, 9),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.Conv2d(first, second, 7),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(second * rest**2, 10),
    )


def paper_fcn(side: int = DIGIT, hidden: int = 320, dropout: float = 0.3) -> nn.Sequential:
    """The paper's fully connected net for images (1, side, side): two hidden layers, 10 classes. The dropout is ours."""
    side = check_whole("side", side, 1)
    return nn.Sequential(
        Normalize(),
        nn.Flatten(),
        nn.Linear(side**2, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, 10),
    )


def paper_st_cnn(family=None, side: int = DIGIT) -> TransformedNet:
    """ST-CNN: a transformer with the convolutional localiser in front of `paper_cnn()`; images (N, 1, side, side)."""
    family = family or Affine()
    return in_front(LocalizationNet((1, side, side), family), family, side, paper_cnn())


def paper_st_fcn(family=None, side: int = DIGIT, hidden: int = 320) -> TransformedNet:
    """ST-FCN: a transformer with the fully connected localiser in front of `paper_fcn`; images (N, 1, side, side)."""
    family = family or Affine()
    return in_front(FullyConnectedLocalizationNet((1, side, side), family), family, side, paper_fcn(hidden=hidden))


def paper_cnn_control(side: int = DIGIT) -> nn.Sequential:
    """`paper_cnn` with as many parameters as the affine ST-CNN: the localiser's are spent on more filters instead."""
    if side not in CONTROL_FILTERS:
        raise ValueError(f"side must be one of {list(CONTROL_FILTERS)}, for which the filters were counted, got {side!r}")
    return paper_cnn(side, filters=(32, CONTROL_FILTERS[side]))
