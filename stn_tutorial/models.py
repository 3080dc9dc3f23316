"""Networks of the literature, with and without a spatial transformer; all take raw images in [0, 1] and answer logits.

Each net normalises *inside*, after the warp. The sampler therefore works on raw images, whose black background is the 0
that it fills with: a picture that is shrunk gets no frame.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from .localization import FullyConnectedLocalizationNet, LocalizationNet, start_at_identity
from .transformer import SpatialTransformer
from .transforms import Affine

MNIST_SHAPE = (1, 28, 28)


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


def paper_cnn(filters: tuple[int, int] = (32, 64), dropout: float = 0.3, classes: int = 10) -> nn.Sequential:
    """The paper's CNN for 28x28 digits (appendix A.4): 9x9 convolution, pool, 7x7 convolution, pool, one linear layer.

    Batch normalisation and dropout are ours, for a training that is far shorter than the paper's.
    """
    first, second = filters
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
        nn.Linear(second * 2 * 2, classes),
    )


def paper_fcn(hidden: int = 320, dropout: float = 0.2, classes: int = 10) -> nn.Sequential:
    """The paper's fully connected net for 28x28 digits: two hidden layers. The dropout is ours."""
    return nn.Sequential(
        Normalize(),
        nn.Flatten(),
        nn.Linear(28 * 28, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


def paper_st_cnn(family=None, **options) -> TransformedNet:
    """ST-CNN: a transformer with the convolutional localiser in front of `paper_cnn(**options)`."""
    family = family or Affine()
    localization = nn.Sequential(Normalize(), LocalizationNet(MNIST_SHAPE, family))
    return TransformedNet(SpatialTransformer(localization, family), paper_cnn(**options))


def paper_st_fcn(family=None, **options) -> TransformedNet:
    """ST-FCN: a transformer with the fully connected localiser in front of `paper_fcn(**options)`."""
    family = family or Affine()
    localization = nn.Sequential(Normalize(), FullyConnectedLocalizationNet(MNIST_SHAPE, family))
    return TransformedNet(SpatialTransformer(localization, family), paper_fcn(**options))


def paper_cnn_control() -> nn.Sequential:
    """`paper_cnn` with the parameters of ST-CNN's localiser spent in its body instead: more filters, no transformer."""
    return paper_cnn(filters=(32, 71))


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
