"""Localisation networks: they look at the picture and choose theta (the paper's section 3.1).

All start at the identity: the weights of the last layer are zero and its bias is the identity's theta, so that an
untrained transformer hands its input on unchanged. The weights of the last layer receive a gradient from the first step
all the same; the layers below it receive theirs as soon as those weights have left zero, one step later.
"""

import torch
from torch import Tensor, nn


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
    `identity()`. Input (N, C, H, W), output theta (N, P); the last layer works in full precision also under autocast.
    Images of another shape are a ValueError.
    """

    def __init__(self, in_shape: tuple[int, int, int], features: nn.Module, width: int, family):
        super().__init__()
        self.features, self.in_shape = features, tuple(in_shape)
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
        channels, height, width = in_shape
        side = [((length // 2 - 4) // 2) - 4 for length in (height, width)]
        if min(side) < 1:
            raise ValueError(f"in_shape must be at least 28 pixels high and wide, got {tuple(in_shape)}")
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


class FullyConnectedLocalizationNet(Localizer):
    """The paper's localiser for fully connected nets: hidden layers of 32 units. Otherwise as `Localizer`.

    >>> from stn_tutorial import Rotation
    >>> FullyConnectedLocalizationNet((1, 28, 28), Rotation())(torch.rand(2, 1, 28, 28)).tolist()
    [[0.0], [0.0]]
    """

    def __init__(self, in_shape: tuple[int, int, int], family, hidden: int = 32, depth: int = 3):
        width = in_shape[0] * in_shape[1] * in_shape[2]
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


def check_shape(images: Tensor, in_shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless every image has the shape that a localiser was built for."""
    if tuple(images.shape[1:]) != in_shape:
        raise ValueError(f"images must have the localiser's in_shape, (N, {str(in_shape)[1:]}, got {tuple(images.shape)}")


def in_full_precision(layer: nn.Linear, features: Tensor) -> Tensor:
    """Apply a layer outside autocast: half precision would round theta by up to a quarter of a pixel in 64."""
    with torch.autocast(features.device.type, enabled=False):
        return layer(features.to(layer.weight.dtype))
