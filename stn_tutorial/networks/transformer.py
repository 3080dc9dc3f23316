"""The spatial transformer: a localisation network, a family of transformations and a sampler in one module (figure 2)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..device import at_least_float32
from ..geometry.coordinates import check_size
from ..geometry.sampler import MODES, PADDING_MODES, check_images, fill_per_channel, sample

SAMPLERS = ("torch", "scratch")


class SpatialTransformer(nn.Module):
    """Warp each image by a theta that the localisation network reads off it. Goes in front of, or inside, any CNN.

    localization: a module, images (N, C, H, W) -> theta (N, family.num_params).
    family: a family of transformations, such as `Affine()`.
    size: (H_out, W_out); None keeps the input's size.
    fill: what lies outside the image under "zeros": the value that its background has, a number or one per channel.
        0 is right for raw images; for images normalised by mean and std a black background is -mean / std. With the
        wrong value a network may learn to shrink pictures: the frame around them carries a signal that is not theirs.
    sampler: "torch" uses `grid_sample`, the well-kept one; "scratch" uses this package's own `sample`.
    check: raise a ValueError when theta holds NaN or infinity. Without it such rows are counted in `nan_thetas`.

    Theta, the grid and the sampling are float32 also under autocast and in half-precision nets, since half precision would
    move sampling points by whole pixels on a large image; the output has the images' type. Raises ValueError that names
    the argument for an unknown mode, padding_mode or sampler and a size below (1, 1).

    >>> from stn_tutorial import Affine, LocalizationNet
    >>> transformer = SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine())
    >>> images = torch.rand(8, 1, 28, 28)
    >>> transformer(images).allclose(images, atol=1e-5)  # untrained, it hands on what it gets
    True
    >>> transformer.theta(images).shape
    torch.Size([8, 6])
    """

    def __init__(
        self,
        localization: nn.Module,
        family,
        size: tuple[int, int] | None = None,
        mode: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool = False,
        fill: float | Tensor = 0.0,
        sampler: str = "torch",
        check: bool = False,
    ):
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode must be one of {MODES}, got {mode!r}")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {PADDING_MODES}, got {padding_mode!r}")
        if sampler not in SAMPLERS:
            raise ValueError(f"sampler must be one of {SAMPLERS}, got {sampler!r}")
        self.localization, self.family = localization, family
        self.size = None if size is None else check_size(size)
        self.mode, self.padding_mode, self.align_corners = mode, padding_mode, align_corners
        self.sampler, self.check = sampler, check
        self.register_buffer("fill", torch.as_tensor(fill, dtype=torch.float32).detach().clone(), persistent=False)
        self.has_fill = bool(self.fill.any())
        self.register_buffer("nan_thetas", torch.zeros((), dtype=torch.long), persistent=False)

    def theta(self, images: Tensor) -> Tensor:
        """What the localisation network says about each image: (N, C, H, W) -> (N, P), at least float32."""
        check_images(images)
        return at_least_float32(self.localization(images))

    def warp(self, images: Tensor, theta: Tensor) -> Tensor:
        """Warp images (N, C, H, W) by theta (N, P) -> (N, C, H_out, W_out), of the images' type.

        Raises ValueError for images or a theta of the wrong shape, type or device.
        """
        check_images(images)
        size = images.shape[2:] if self.size is None else self.size
        with torch.autocast(images.device.type, enabled=False):
            precise = at_least_float32(images)
            theta = theta.to(precise.dtype) if theta.is_floating_point() else theta  # the family refuses whole numbers
            grid = self.family.grid(theta, size, self.align_corners, check=self.check)
            if grid.shape[0] != images.shape[0] or grid.device != images.device:
                raise ValueError(
                    f"theta must have one row for each of {images.shape[0]} images, on their device, {images.device}, "
                    f"got shape {tuple(theta.shape)} on {theta.device}"
                )
            return self.sample(precise, grid).to(images.dtype)

    def sample(self, images: Tensor, grid: Tensor) -> Tensor:
        """Sample with the sampler, kernel, padding and background that were chosen."""
        if self.sampler == "scratch":
            return sample(images, grid, self.mode, self.padding_mode, self.align_corners, self.fill)
        if self.padding_mode != "zeros":
            # grid_sample kills the process for NaN or infinity under border and reflection (pytorch/pytorch#24823)
            lost = grid.isnan().any(dim=-1)[:, None]
            grid = grid.nan_to_num().clamp(-1e6, 1e6)
            return F.grid_sample(images, grid, self.mode, self.padding_mode, self.align_corners).masked_fill(lost, math.nan)
        if not self.has_fill:
            return F.grid_sample(images, grid, self.mode, "zeros", self.align_corners)
        # grid_sample can only fill with 0: move the background there, and back afterwards
        fill = fill_per_channel(self.fill, images).view(1, -1, 1, 1)
        return F.grid_sample(images - fill, grid, self.mode, "zeros", self.align_corners) + fill

    def forward(self, images: Tensor) -> Tensor:
        """Each image warped by its own theta: (N, C, H, W) -> (N, C, H_out, W_out), of the images' type."""
        theta = self.theta(images)
        out = self.warp(images, theta)
        self.nan_thetas = self.nan_thetas + (~theta.detach().isfinite()).any(dim=1).sum()
        return out

    def extra_repr(self) -> str:
        size = "input's" if self.size is None else self.size
        return (
            f"family={self.family}, size={size}, mode={self.mode!r}, padding_mode={self.padding_mode!r}, "
            f"align_corners={self.align_corners}, fill={self.fill.tolist()}, sampler={self.sampler!r}"
        )
