"""Small nets of today for CIFAR-10, with and without a transformer."""

from itertools import pairwise

from torch import nn

from ...arguments import check_whole
from ...geometry.affine import Affine
from ..localization import FixedTheta, Localizer
from ..transformer import SpatialTransformer
from .parts import Normalize, TransformedNet, normed_relu
from .seed import CIFAR10_MEAN, CIFAR10_STD

# with its last width a control comes nearest to the parameters that the net has together with its localiser
COMPACT_WIDTHS, COMPACT_CONTROL_WIDTHS = (24, 64, 224, 224), (24, 64, 224, 230)
SMALL_WIDTHS, SMALL_CONTROL_WIDTHS = (16, 48, 128, 128), (16, 48, 132, 134)  # a third of the parameters, for many or hasty runs


def compact_cnn(widths: tuple[int, int, int, int] = COMPACT_WIDTHS) -> nn.Sequential:
    """A small modern classifier: images (N, 3, H, W) in [0, 1], H and W at least 16, -> logits (N, 10).

    widths: channels of the stem and of three blocks. Each block pools right after its first convolution, so that all else
    in it works on a quarter of the pixels; the stem has no padding, which makes 32 pixels 31, 15, 7 and 3. At the end the
    largest value of each channel counts, wherever it is: larger images need no other layers.
    """
    layers: list[nn.Module] = [Normalize(CIFAR10_MEAN, CIFAR10_STD), nn.Conv2d(3, widths[0], 2), *normed_relu(widths[0])]
    for before, width in pairwise(widths):
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.MaxPool2d(2), *normed_relu(width)]
        layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), *normed_relu(width)]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))


def compact_localizer(family, side: int) -> Localizer:
    """A small localiser for images (3, side, side), side at least 28: half size, two convolutions, a hidden layer.

    Without its batch normalisation theta came out the same for every image in our first training.
    """
    side = check_whole("side", side, 28)
    features = nn.Sequential(
        nn.AvgPool2d(2),
        nn.Conv2d(3, 24, 5, bias=False),
        nn.MaxPool2d(2),
        *normed_relu(24),
        nn.Conv2d(24, 48, 3, bias=False),
        *normed_relu(48),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(48 * 4 * 4, 32, bias=False),
        nn.BatchNorm1d(32),
        nn.ReLU(),
    )
    return Localizer((3, side, side), features, 32, family)


def compact_net(
    family=None, side: int = 32, widths: tuple[int, int, int, int] = COMPACT_WIDTHS, handed_on: int = 32
) -> TransformedNet:
    """`compact_cnn` behind a transformer: images (N, 3, side, side) -> logits (N, 10).

    handed_on: side of the square that the classifier gets, in pixels. With the default widths the net has fewer than the
    seed's 1,585,008 parameters. Outside the image it samples the border's colour: there is no background that could be
    mistaken for something.
    """
    family = family or Affine()
    localizer = nn.Sequential(Normalize(CIFAR10_MEAN, CIFAR10_STD), compact_localizer(family, side))
    transformer = SpatialTransformer(localizer, family, size=(handed_on, handed_on), padding_mode="border")
    return TransformedNet(transformer, compact_cnn(widths))


def compact_control() -> nn.Sequential:
    """`compact_cnn` with as many parameters as `compact_net`, spent on more channels."""
    return compact_cnn(COMPACT_CONTROL_WIDTHS)


def small_net(family=None, side: int = 32, handed_on: int = 32) -> TransformedNet:
    """`compact_net` with narrower layers, 565,208 parameters for an affine family."""
    return compact_net(family, side, SMALL_WIDTHS, handed_on)


def small_control() -> nn.Sequential:
    """`compact_cnn` with as many parameters as `small_net`, spent on more channels."""
    return compact_cnn(SMALL_CONTROL_WIDTHS)


def small_resized() -> nn.Sequential:
    """`small_control` behind a resizing to 32x32 pixels: what does handing on fewer of them bring by itself?"""
    return nn.Sequential(SpatialTransformer(FixedTheta(Affine().identity()), Affine(), size=(32, 32)), *small_control())
