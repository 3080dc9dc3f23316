"""Networks of the literature, with and without a spatial transformer; all take raw images in [0, 1] and answer logits.

Each net normalises *inside*, after the warp (but for the seed's, which is as it was published). The sampler therefore works
on raw images, whose black background is the 0 that it fills with: a picture that is shrunk gets no frame.
"""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from .localization import FixedTheta, FullyConnectedLocalizationNet, LocalizationNet, Localizer, start_at_identity
from .transformer import SpatialTransformer
from .transforms import Affine

DIGIT = 28  # side of an MNIST image; what the paper's classifiers read behind a transformer

# filters of the second layer with which the control comes nearest to the affine ST-CNN's parameters, by side of the image
CONTROL_FILTERS = {28: 71, 42: 66, 60: 57}
# the same for the deep nets
DEEP_CONTROL_FILTERS = {28: (32, 74, 74, 103), 42: (32, 82, 82, 91)}


class Normalize(nn.Module):
    """Subtract the mean and divide by the standard deviation, both of shape (C,). The defaults are MNIST's."""

    def __init__(self, mean=(0.1307,), std=(0.3081,)):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


class TransformedNet(nn.Sequential):
    """A spatial transformer in front of a classifier: images (N, C, H, W) -> logits (N, classes)."""

    def __init__(self, transformer: SpatialTransformer, classifier: nn.Module):
        super().__init__(OrderedDict(transformer=transformer, classifier=classifier))

    def theta(self, images: Tensor) -> Tensor:
        """The transformer's theta for images (N, C, H, W): (N, P)."""
        return self.transformer.theta(images)


def parameters_of(model: nn.Module) -> int:
    """How many trainable numbers a model has."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def paper_cnn(side: int = DIGIT, filters: tuple[int, int] = (32, 64), dropout: float = 0.3) -> nn.Sequential:
    """The paper's CNN (appendix A.4): 9x9 convolution, pool, 7x7 convolution, pool, one linear layer to 10 classes.

    side: of the square images, in pixels, at least 24. Batch normalisation and dropout are ours, for a training that is
    far shorter than the paper's.
    """
    first, second = filters
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


def in_front(localization: nn.Module, family, side: int, classifier: nn.Sequential) -> TransformedNet:
    """A transformer in front of a classifier of 28x28 digits.

    From a larger frame it reads 56x56 pixels, which an average pool halves (the paper's pool for RTS and TC): where the
    sampling points lie further apart than pixels, averaging keeps thin strokes from being stepped over.
    """
    localization = nn.Sequential(Normalize(), localization)
    if side == DIGIT:
        return TransformedNet(SpatialTransformer(localization, family), classifier)
    transformer = SpatialTransformer(localization, family, size=(2 * DIGIT, 2 * DIGIT))
    return TransformedNet(transformer, nn.Sequential(nn.AvgPool2d(2), *classifier))


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
    return paper_cnn(side, filters=(32, CONTROL_FILTERS[side]))


def deep_cnn(side: int = DIGIT, filters: tuple[int, int, int, int] = (32, 64, 64, 96), dropout: float = 0.3) -> nn.Sequential:
    """A classifier of today, smaller than the paper's: 5x5 convolution, pool, two 3x3, pool, one 3x3, a linear layer.

    side: of the square images (N, 1, side, side) in [0, 1], in pixels, at least 24.
    """
    first, second, third, fourth = filters
    rest = ((side - 4) // 2 - 4) // 2 - 2
    return nn.Sequential(
        Normalize(),
        nn.Conv2d(1, first, 5),
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
        nn.Linear(fourth * rest**2, 10),
    )


def deep_st_cnn(family=None, side: int = DIGIT) -> TransformedNet:
    """A transformer with a wider localiser than the paper's in front of `deep_cnn()`; images (N, 1, side, side)."""
    family = family or Affine()
    return in_front(LocalizationNet((1, side, side), family, filters=32, hidden=64), family, side, deep_cnn())


def deep_cnn_control(side: int = DIGIT) -> nn.Sequential:
    """`deep_cnn` with as many parameters as the affine `deep_st_cnn`: the localiser's are spent on more filters instead."""
    return deep_cnn(side, DEEP_CONTROL_FILTERS[side])


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


# the statistics that the seed normalises CIFAR-10 with: those of training and test images together
CIFAR10_MEAN, CIFAR10_STD = (0.4919, 0.4827, 0.4472), (0.247, 0.2434, 0.2616)


def seed_cnn(filters: tuple[int, int] = (16, 32), hidden: int = 1024, padding: int = 0) -> nn.Sequential:
    """The classifier of the seed, the CIFAR-10 notebook in gokul-pv/DawnOfTransformers that this project began with.

    Normalised images (N, 3, 32, 32) -> logits (N, 10). filters: of the two 5x5 convolutions; hidden: units of the hidden
    layer; padding: of the convolutions, in pixels; as published, none.
    """
    first, second = filters
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
    theta = torch.tensor([scale, 0, 0, 0, scale, 0])
    transformer = SpatialTransformer(FixedTheta(theta), Affine())
    return nn.Sequential(Normalize(CIFAR10_MEAN, CIFAR10_STD), transformer, *seed_cnn())


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


def normed_relu(width: int) -> list[nn.Module]:
    """Batch normalisation and a rectifier."""
    return [nn.BatchNorm2d(width), nn.ReLU()]


def compact_localizer(family, side: int) -> Localizer:
    """A small localiser for images (3, side, side), side at least 28: half size, two convolutions, a hidden layer.

    Without its batch normalisation theta came out the same for every image in our first training.
    """
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


def small_resized(scale: float = 1.0) -> nn.Sequential:
    """`small_control` behind one window for all images, resized to 32x32 pixels: what does handing on fewer of them bring by itself?

    scale: of the window in the middle of the image, as a multiple of the image's width.
    """
    theta = torch.tensor([scale, 0, 0, 0, scale, 0])
    return nn.Sequential(SpatialTransformer(FixedTheta(theta), Affine(), size=(32, 32)), *small_control())
