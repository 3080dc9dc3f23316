"""Spatial transformers in front of a CNN with parts that are exchanged for wrong ones: for checkers, tests and notebooks."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...geometry.affine import Affine
from ...geometry.family import Family
from ...networks.localization import LocalizationNet
from ...networks.transformer import SpatialTransformer

AFFINE = Affine()


class OwnTransformer(nn.Module):
    """A transformer put together by hand, in front of a CNN, with parts that can be exchanged for wrong ones.

    bias: of the localiser's last layer. theta, warped, logits: what is done to each on the way. corners: align_corners of the
    grid and of the sampler.
    """

    def __init__(
        self,
        cnn: nn.Module,
        in_shape: tuple[int, int, int],
        bias: tuple[float, ...] = (1.0, 0, 0, 0, 1, 0),
        theta: Callable[[Tensor], Tensor] = lambda theta: theta,
        warped: Callable[[Tensor], Tensor] = lambda warped: warped,
        logits: Callable[[Tensor], Tensor] = lambda logits: logits,
        corners: tuple[bool, bool] = (False, False),
    ):
        super().__init__()
        self.localizer, self.cnn = LocalizationNet(in_shape, Affine()), cnn
        self.localizer.last.bias.data = torch.tensor(bias)
        self.change_theta, self.change_warped, self.change_logits, self.corners = theta, warped, logits, corners

    def forward(self, images: Tensor) -> Tensor:
        theta = self.change_theta(self.localizer(images)).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=self.corners[0])
        warped = F.grid_sample(images, grid, align_corners=self.corners[1])
        return self.change_logits(self.cnn(self.change_warped(warped)))


class SharedTheta(nn.Module):
    """One theta for all images, learned without looking at them."""

    def __init__(self, cnn: nn.Module):
        super().__init__()
        self.theta, self.cnn = nn.Parameter(torch.eye(2, 3)), cnn

    def forward(self, images: Tensor) -> Tensor:
        grid = F.affine_grid(self.theta.expand(len(images), 2, 3), list(images.shape), align_corners=False)
        return self.cnn(F.grid_sample(images, grid, align_corners=False))


class Unseen(nn.Module):
    """A transformer whose output the CNN never sees."""

    def __init__(self, cnn: nn.Module, in_shape: tuple[int, int, int]):
        super().__init__()
        self.transformer, self.cnn = transformer(in_shape), cnn

    def forward(self, images: Tensor) -> Tensor:
        self.transformer(images)
        return self.cnn(images)


class Unwarped(nn.Module):
    """The CNN sees the original, too: mixed into the warped picture, or in a turn of its own."""

    def __init__(self, cnn: nn.Module, in_shape: tuple[int, int, int], mixed: Callable | None = None):
        super().__init__()
        self.transformer, self.cnn, self.mixed = transformer(in_shape), cnn, mixed

    def forward(self, images: Tensor) -> Tensor:
        warped = self.transformer(images)
        if self.mixed:
            return self.cnn(self.mixed(images, warped))
        return (self.cnn(images) + self.cnn(warped)) / 2


class Silent(nn.Module):
    """A forward without a return."""

    def __init__(self, cnn: nn.Module, in_shape: tuple[int, int, int]):
        super().__init__()
        self.transformer, self.cnn = transformer(in_shape), cnn

    def forward(self, images: Tensor) -> None:
        self.cnn(self.transformer(images))


class Unregistered(nn.Module):
    """A CNN that is used, but is no part of the model."""

    def __init__(self, cnn: nn.Module, in_shape: tuple[int, int, int]):
        super().__init__()
        self.transformer, self.parts = transformer(in_shape), [cnn]

    def forward(self, images: Tensor) -> Tensor:
        return self.parts[0](self.transformer(images))


def transformer(in_shape: tuple[int, int, int], mode: str = "bilinear", family: Family = AFFINE) -> SpatialTransformer:
    """A transformer that starts at the identity, affine unless told."""
    return SpatialTransformer(LocalizationNet(in_shape, family), family, mode=mode)


def random_start(cnn: nn.Module, in_shape: tuple[int, int, int]) -> nn.Module:
    """The localiser's last layer as torch begins it."""
    front = transformer(in_shape)
    nn.Linear.reset_parameters(front.localization.last)
    return nn.Sequential(front, cnn)


def own(**parts) -> Callable:
    """A `plug_in` that answers an OwnTransformer with these parts."""
    return lambda cnn, in_shape: OwnTransformer(cnn, in_shape, **parts)
