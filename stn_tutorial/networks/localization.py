"""Localisation networks: they look at the picture and choose theta (the paper's section 3.1).

All start at the identity: the weights of the last layer are zero and its bias is the identity's theta, so that an
untrained transformer hands its input on unchanged. The weights of the last layer receive a gradient from the first step
all the same; the layers below it receive theirs as soon as those weights have left zero, one step later.
"""

import math

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import functional as F

from ..arguments import check_precise, check_whole, whole_numbers
from ..device import at_least_float32, without_autocast
from ..geometry.sampler import check_images
from .graph import as_one_node
from .habits import check_family


def start_at_identity(layer: nn.Linear, identity: Tensor) -> None:
    """Make a last layer answer `identity`, shape (P,), for every input, and leave it trainable.

    >>> layer = nn.Linear(20, 6)
    >>> start_at_identity(layer, torch.tensor([1.0, 0, 0, 0, 1, 0]))
    >>> layer(torch.rand(1, 20)).tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """
    if getattr(layer, "bias", None) is None or layer.bias.shape != identity.shape:
        raise ValueError(f"layer must be a linear layer with a bias of shape {tuple(identity.shape)}, got {layer}")
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(identity)


class Linear(nn.Linear):
    """The last layer of a localiser: it starts at the identity, also when it is reset, and works in full precision.

    Half precision, under autocast or in a half-precision net, would round theta by up to half a pixel in 224.
    identity: theta (P,). Input (N, width), output (N, P), at least float32.
    """

    def __init__(self, width: int, identity: Tensor):
        self.identity = identity.detach()  # no buffer: nothing of it is saved
        super().__init__(width, len(identity))

    def reset_parameters(self) -> None:
        start_at_identity(self, self.identity)

    def forward(self, features: Tensor) -> Tensor:
        if isinstance(features, Proxy):
            return as_one_node(self, features)
        with without_autocast(features.device):
            weight, bias = at_least_float32(self.weight), at_least_float32(self.bias)
            return F.linear(features.to(weight.dtype), weight, bias)


class Localizer(nn.Module):
    """What localisation networks share: features of the picture, then a last layer that starts at the identity.

    in_shape: (C, H, W) of the images. features: images (N, C, H, W) -> (N, width). family: an object with `num_params` and
    `identity()`, which the transformer compares with its own. Input (N, C, H, W), output theta (N, P); the last layer works
    in full precision also under autocast. Images of another shape are a ValueError.
    """

    def __init__(self, in_shape: tuple[int, ...], features: nn.Module, width: int, family):
        check_family(family)
        if not callable(getattr(family, "identity", None)):
            raise ValueError(f"family must have an identity(), which a localiser starts at, got {family!r}")
        super().__init__()
        self.features, self.in_shape, self.family = features, tuple(in_shape), family
        with torch.device("cpu"):
            identity = family.identity()
        self.last = Linear(width, identity)

    def forward(self, images: Tensor) -> Tensor:
        if not isinstance(images, Proxy):  # torch.fx asks for no shape
            check_images(images, len(self.in_shape) - 1)
            check_shape(images, self.in_shape)
        return self.last(self.features(images))


class LocalizationNet(Localizer):
    """The paper's convolutional localiser: half size, two 5x5 convolutions with a pool between, one hidden layer.

    in_shape: (C, H, W) of the images, H and W at least 28. Otherwise as `Localizer`.

    >>> from stn_tutorial import Affine
    >>> net = LocalizationNet((1, 28, 28), Affine())
    >>> net(torch.rand(1, 1, 28, 28)).tolist()  # untrained, the identity for every image
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """

    def __init__(self, in_shape: tuple[int, int, int], family, filters: int = 20, hidden: int = 20):
        filters, hidden = check_whole("filters", filters, 1), check_whole("hidden", hidden, 1)
        check_family(family)
        if getattr(family, "dimensions", 2) == 3:
            raise ValueError(f"family must be one of pictures, got {family!r}; for volumes there is SmallMapLocalizationNet")
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
        filters, hidden = check_whole("filters", filters, 1), check_whole("hidden", hidden, 1)
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

    def __init__(self, in_shape: tuple[int, ...], family, hidden: int = 32, depth: int = 3):
        check_family(family)
        hidden, depth = check_whole("hidden", hidden, 1), check_whole("depth", depth, 0)
        in_shape = check_in_shape(in_shape, getattr(family, "dimensions", 2))
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
        check_precise("theta", theta)
        if theta.dim() != 1:
            raise ValueError(f"theta must have shape (P,), got {tuple(theta.shape)}")
        super().__init__()
        self.register_buffer("theta", theta, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.theta.expand(len(images), -1)


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
