"""Transformers that work together: several side by side on one image, and one after another (the paper's appendix A.1).

A localiser that shares the classifier's first layers needs no part of its own: give `Localizer` those layers as features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..device import at_least_float32, without_autocast
from ..geometry.sampler import check_images
from .habits import check_choice, check_parts
from .localization import start_at_identity
from .transformer import SpatialTransformer, flat

STACKS = ("channels", "batch")


class ParallelTransformers(nn.Module):
    """Several windows of one image: each transformer looks at all of it and hands on its own view (appendix A.1).

    transformers: `SpatialTransformer`s with outputs of one size. stack: where the k views of an image (N, C, H, W) go.
        "channels": one image of k C channels, (N, k C, H_out, W_out), for a classifier that reads the views together.
        "batch": k images of their own, (N k, C, H_out, W_out), the views of one image next to each other; answers come back
        together with `.view(N, k, -1)`.

    Raises ValueError that names the argument for no transformers, for something else, and for another stack.

    >>> from stn_tutorial import Affine
    >>> pair = ParallelTransformers.for_images((2, 42, 42), Affine(), 2, size=28)
    >>> pair(torch.rand(8, 2, 42, 42)).shape, pair.thetas(torch.rand(8, 2, 42, 42)).shape
    (torch.Size([8, 4, 28, 28]), torch.Size([8, 2, 6]))
    """

    def __init__(self, transformers, stack: str = "channels"):
        super().__init__()
        transformers = list(transformers)
        if not transformers or not all(isinstance(each, SpatialTransformer) for each in transformers):
            kinds = ", ".join(type(each).__name__ for each in transformers) or "none"
            raise ValueError(f"transformers must be one SpatialTransformer or more, got {kinds}")
        sizes = {each.size for each in transformers}
        if len(sizes) > 1:
            raise ValueError(f"transformers must hand on images of one size, got {', '.join(map(str, sizes))}")
        check_choice("stack", stack, STACKS)
        self.transformers, self.stack = nn.ModuleList(transformers), stack

    @classmethod
    def for_images(
        cls, in_shape: tuple[int, ...], family, count: int, starts: Tensor | None = None, stack: str = "channels", **options
    ) -> "ParallelTransformers":
        """So many transformers with localisers of their own, `SmallMapLocalizationNet`.

        in_shape, family, options: as for `SpatialTransformer.for_images`. count: how many. starts: the theta (count, P) with which
        each begins, windows spread over the image, for instance; None starts all at the identity.
        """
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(f"count must be a positive integer, got {count!r}")
        made = [SpatialTransformer.for_images(in_shape, family, **options) for _ in range(count)]
        if starts is not None:
            wanted = (count, family.num_params)
            if not isinstance(starts, Tensor) or tuple(starts.shape) != wanted:
                got = tuple(starts.shape) if isinstance(starts, Tensor) else type(starts).__name__
                raise ValueError(f"starts must have shape {wanted}, a theta for each transformer, got {got}")
            for each, start in zip(made, starts, strict=True):
                start_at_identity(each.localization.last, start)
        return cls(made, stack)

    def forward(self, images: Tensor) -> Tensor:
        views = [transformer(images) for transformer in self.transformers]
        return torch.cat(views, dim=1) if self.stack == "channels" else torch.stack(views, dim=1).flatten(0, 1)

    def thetas(self, images: Tensor) -> Tensor:
        """What each transformer says about each image: (N, C, H, W) -> (N, k, P). Only for transformers of one family."""
        return torch.stack([transformer.theta(images) for transformer in self.transformers], dim=1)


class ChainedLocalizer(nn.Module):
    """A localiser that looks again at what it has just straightened (inverse compositional; Lin and Lucey, 2017).

    localization: images (N, C, H, W) -> theta (N, P), the same in each step. family: one whose maps can be composed. steps: how
    often it looks, at least once; 1 is the plain localiser. Answers the composed theta (N, P): a `SpatialTransformer` applies it
    once, to the original, so that no blur of repeated sampling is handed on. Between steps the image is sampled with zeros
    outside, so it wants raw images with a black background.

    >>> from stn_tutorial import Affine, LocalizationNet
    >>> chained = ChainedLocalizer(LocalizationNet((1, 28, 28), Affine()), Affine(), steps=3)
    >>> SpatialTransformer(chained, Affine())(torch.rand(8, 1, 28, 28)).shape
    torch.Size([8, 1, 28, 28])
    """

    def __init__(self, localization: nn.Module, family, steps: int = 2):
        super().__init__()
        check_parts(localization, family)
        if not callable(getattr(family, "compose", None)):
            raise ValueError(f"family must have maps that can be composed, such as Affine(), got {family!r}")
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
            raise ValueError(f"steps must be a positive integer, got {steps!r}")
        self.localization, self.family, self.steps = localization, family, steps

    def forward(self, images: Tensor) -> Tensor:
        return self.thetas(images)[-1]

    def thetas(self, images: Tensor) -> list[Tensor]:
        """The composed theta after each step: images (N, C, H, W) -> as many (N, P) as there are steps."""
        check_images(images, getattr(self.family, "dimensions", 2))
        found = [self.look(images)]
        while len(found) < self.steps:
            found.append(self.family.compose(self.look(self.straightened(images, found[-1])), found[-1]))
        return found

    def look(self, images: Tensor) -> Tensor:
        """What the localiser says about images as they are now, at least float32."""
        return at_least_float32(flat(self.localization(images), self.family))

    def straightened(self, images: Tensor, theta: Tensor) -> Tensor:
        """Images warped by the theta so far, at their own size and of their own type."""
        with without_autocast(images.device):
            precise = at_least_float32(images)
            grid = self.family.grid(theta.to(precise.dtype), images.shape[2:])
            return F.grid_sample(precise, grid, align_corners=False).to(images.dtype)
