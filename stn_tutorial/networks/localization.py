"""Localisation networks: they look at the picture and choose theta (the paper's section 3.1).

All start at the identity: the weights of the last layer are zero and its bias is the identity's theta, so that an
untrained transformer hands its input on unchanged. The weights of the last layer receive a gradient from the first step
all the same; the layers below it receive theirs as soon as those weights have left zero, one step later.
"""

import math
import operator

import torch
from torch import Tensor, nn

from ..device import without_autocast
from .habits import check_family


def start_at_identity(layer: nn.Linear, identity: Tensor) -> None:
    """Make a last layer answer `identity`, shape (P,), for every input, and leave it trainable.

    >>> layer = nn.Linear(20, 6)
    >>> start_at_identity(layer, torch.tensor([1.0, 0, 0, 0, 1, 0]))
    >>> layer(torch.rand(1, 20)).tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """
    if layer.bias is None or layer.bias.shape != identity.shape:
        raise ValueError(f"layer must be a linear layer with a bias of shape {tuple(identity.shape)}, got {layer}")
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(identity)


class Localizer(nn.Module):
    """What localisation networks share: features of the picture, then a last layer that starts at the identity.

    in_shape: (C, H, W) of the images. features: images (N, C, H, W) -> (N, width). family: an object with `num_params` and
    `identity()`, which the transformer compares with its own. Input (N, C, H, W), output theta (N, P); the last layer works
    in full precision also under autocast. Images of another shape are a ValueError.
    """

    def __init__(self, in_shape: tuple[int, ...], features: nn.Module, width: int, family):
        check_family(family)
        super().__init__()
        self.features, self.in_shape, self.family = features, tuple(in_shape), family
        self.last = nn.Linear(width, family.num_params)
        start_at_identity(self.last, family.identity())

    def forward(self, images: Tensor) -> Tensor:
        check_shape(images, self.in_shape)
        return in_full_precision(self.last, self.features(images))


class LocalizationNet(Localizer):
    """The paper's convolutional localiser: half size, two 5x5 convolutions with a pool between, one hidden layer.

    in_shape: (C, H, W) of the images, H and W at least 28. Otherwise as `Localizer`.

    >>> from stn_tutorial import Affine
    >>> net = LocalizationNet((1, 28, 28), Affine())
    >>> net(torch.rand(1, 1, 28, 28)).tolist()  # untrained, the identity for every image
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """

    def __init__(self, in_shape: tuple[int, int, int], family, filters: int = 20, hidden: int = 20):
        channels, height, width = in_shape = check_in_shape(in_shape)
        side = [((length // 2 - 4) // 2) - 4 for length in (height, width)]
        if min(side) < 1:
            raise ValueError(
                f"in_shape must be at least 28 pixels high and wide, got {in_shape}; for smaller maps there is "
                f"SmallMapLocalizationNet, and SpatialTransformer.for_images({in_shape}, family) makes both"
            )
        features = nn.Sequential(
            nn.AvgPool2d(2),
            nn.Conv2d(channels, filters, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 5),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(filters * side[0] * side[1], hidden),
            nn.ReLU(),
        )
        super().__init__(in_shape, features, hidden, family)


class SmallMapLocalizationNet(Localizer):
    """A localiser for images, feature maps and volumes of any size: 3x3 convolutions that halve it until 64 places are left.

    in_shape: (C, H, W), or (C, D, H, W) for volumes and a family such as `Affine3d`. It works on 8x8 feature maps as on
    photographs. Each convolution has batch normalisation: without it theta can come out the same for every image. There is
    none behind the last convolution's flattening, so that a batch of one trains too. Otherwise as `Localizer`.
    """

    def __init__(self, in_shape: tuple[int, ...], family, filters: int = 32, hidden: int = 32):
        check_family(family)
        dimensions = getattr(family, "dimensions", 2)
        in_shape = check_in_shape(in_shape, dimensions)
        conv, norm = {2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}[dimensions]
        layers: list[nn.Module] = []
        channels, lengths = in_shape[0], in_shape[1:]
        while not layers or math.prod(lengths) > 64:
            stride = 2 if math.prod(lengths) > 64 else 1
            layers += [conv(channels, filters, 3, stride, padding=1, bias=False), norm(filters), nn.ReLU()]
            channels, lengths = filters, [-(-length // stride) for length in lengths]
        layers += [nn.Flatten(), nn.Linear(filters * math.prod(lengths), hidden), nn.ReLU()]
        super().__init__(in_shape, nn.Sequential(*layers), hidden, family)


class FullyConnectedLocalizationNet(Localizer):
    """The paper's localiser for fully connected nets: hidden layers of 32 units. Otherwise as `Localizer`.

    >>> from stn_tutorial import Rotation
    >>> FullyConnectedLocalizationNet((1, 28, 28), Rotation())(torch.rand(2, 1, 28, 28)).tolist()
    [[0.0], [0.0]]
    """

    def __init__(self, in_shape: tuple[int, int, int], family, hidden: int = 32, depth: int = 3):
        in_shape = check_in_shape(in_shape)
        width = math.prod(in_shape)
        layers: list[nn.Module] = [nn.Flatten()]
        for _ in range(depth):
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        super().__init__(in_shape, nn.Sequential(*layers), hidden, family)


class FixedTheta(nn.Module):
    """A localiser that looks at nothing and learns nothing: the same theta, shape (P,), for every image. For controls.

    >>> FixedTheta(torch.tensor([0.5]))(torch.rand(2, 1, 28, 28)).tolist()
    [[0.5], [0.5]]
    """

    def __init__(self, theta: Tensor):
        super().__init__()
        self.register_buffer("theta", theta, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.theta.expand(len(images), -1)


def whole_numbers(values) -> tuple[int, ...]:
    """Whole numbers of any type, numpy's and torch's too, as Python integers; an empty tuple for anything else."""
    try:
        return tuple(map(operator.index, values))
    except TypeError:  # no sequence, or not of whole numbers
        return ()


def check_in_shape(in_shape: tuple[int, ...], dimensions: int = 2) -> tuple[int, ...]:
    """The shape of one image as positive Python integers, (C, H, W), in three dimensions (C, D, H, W); or a ValueError."""
    lengths = whole_numbers(in_shape)
    if len(lengths) != dimensions + 1 or min(lengths) < 1:
        axes = "(C, D, H, W)" if dimensions == 3 else "(C, H, W)"
        raise ValueError(f"in_shape must be the shape of one image, {axes}, of positive integers, got {in_shape!r}")
    return lengths


def check_shape(images: Tensor, in_shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless every image has the shape that a localiser was built for."""
    if tuple(images.shape[1:]) != in_shape:
        raise ValueError(f"images must have the localiser's in_shape, (N, {str(in_shape)[1:]}, got {tuple(images.shape)}")


def in_full_precision(layer: nn.Linear, features: Tensor) -> Tensor:
    """Apply a layer outside autocast: half precision would round theta by up to a quarter of a pixel in 64."""
    with without_autocast(features.device):
        return layer(features.to(layer.weight.dtype))
