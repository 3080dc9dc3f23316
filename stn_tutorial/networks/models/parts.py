"""What the models share: normalisation inside the net, a transformer in front of a classifier, a count of parameters.

Each net normalises *inside*, after the warp (but for the seed's, which is as it was published). The sampler therefore works
on raw images, whose black background is the 0 that it fills with: a picture that is shrunk gets no frame.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from ..transformer import SpatialTransformer

MNIST_MEAN, MNIST_STD = (0.1307,), (0.3081,)
DIGIT = 28  # side of an MNIST image; what the paper's classifiers read behind a transformer


class Normalize(nn.Module):
    """Subtract the mean and divide by the standard deviation, both of shape (C,). The defaults are MNIST's, for one digit.

    Raises ValueError for images (N, C, H, W) of another number of channels, which would be repeated in silence.
    """

    def __init__(self, mean=MNIST_MEAN, std=MNIST_STD):
        mean, std = numbers_in(mean), numbers_in(std)
        if 0 in std or len(mean) != len(std):
            raise ValueError(f"std must hold a number other than 0 for each of the means {mean}, got {std}")
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if not isinstance(images, Proxy) and images.shape[-3] != len(self.mean):
            raise ValueError(f"images must have {len(self.mean)} channels, got shape {tuple(images.shape)}")
        return (images - self.mean) / self.std


def numbers_in(values) -> list[float]:
    """The numbers of a list, a tuple, an array or a tensor, or the one number."""
    if hasattr(values, "flatten"):
        return values.flatten().tolist()
    return list(values) if isinstance(values, (list, tuple)) else [values]


def digits_normalized(channels: int) -> Normalize:
    """`Normalize` for images with a digit in each channel."""
    return Normalize(MNIST_MEAN * channels, MNIST_STD * channels)


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


def normed_relu(width: int) -> list[nn.Module]:
    """Batch normalisation and a rectifier."""
    return [nn.BatchNorm2d(width), nn.ReLU()]
