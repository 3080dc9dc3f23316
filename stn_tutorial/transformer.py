"""The spatial transformer: a localisation network, a family of transformations and a sampler in one module (figure 2)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .grids import check_size
from .sampler import MODES, PADDING_MODES, check_images, fill_per_channel, sample

SAMPLERS = ("torch", "scratch")


class SpatialTransformer(nn.Module):
    """Warp each image by a theta that the localisation network reads off it. Goes in front of, or inside, any CNN.

    localization: a module, images (N, C, H, W) -> theta (N, family.num_params).
    family: a family of transformations, such as `Affine()`.
    size: (H_out, W_out); None keeps the input's size.
    fill: what lies outside the image under "zeros": the value that its background has, a number or one per channel.
        0 is right for raw images; for images normalised by mean and std a black background is -mean / std. With the
        wrong value a network learns to shrink pictures, because their border carries a signal that is not theirs.
    sampler: "torch" uses `grid_sample`, the well-kept one; "scratch" uses this package's own `sample`.
    check: raise a ValueError when theta holds NaN. Without it such rows are counted in `nan_thetas`.

    Theta and the grid stay in float32 under autocast: half precision would move sampling points by whole pixels on a
    large image.
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
        self.register_buffer("fill", torch.as_tensor(fill, dtype=torch.float32), persistent=False)
        self.register_buffer("nan_thetas", torch.zeros((), dtype=torch.long), persistent=False)

    def theta(self, images: Tensor) -> Tensor:
        """What the localisation network says about each image: (N, C, H, W) -> (N, P), at least float32."""
        check_images(images)
        theta = self.localization(images)
        return theta.float() if theta.dtype in (torch.float16, torch.bfloat16) else theta

    def warp(self, images: Tensor, theta: Tensor) -> Tensor:
        """Warp images (N, C, H, W) by theta (N, P) -> (N, C, H_out, W_out)."""
        check_images(images)
        with torch.autocast(images.device.type, enabled=False):
            grid = self.family.grid(theta, self.size or images.shape[2:], self.align_corners, check=self.check)
            if len(grid) != len(images) or grid.device != images.device:
                raise ValueError(
                    f"theta must have one row for each of {len(images)} images, on their device, {images.device}, "
                    f"got shape {tuple(theta.shape)} on {theta.device}"
                )
            images = images.to(grid.dtype)
            if self.sampler == "scratch":
                return sample(images, grid, self.mode, self.padding_mode, self.align_corners, self.fill)
            if self.padding_mode != "zeros":
                # grid_sample kills the process for NaN or infinity under border and reflection (pytorch/pytorch#24823)
                lost = grid.isnan().any(dim=-1)[:, None]
                grid = grid.nan_to_num().clamp(-1e6, 1e6)
                out = F.grid_sample(images, grid, self.mode, self.padding_mode, self.align_corners)
                return out.masked_fill(lost, math.nan)
            # grid_sample can only fill with 0: move the background there, and back afterwards
            fill = fill_per_channel(self.fill, images).view(1, -1, 1, 1)
            return F.grid_sample(images - fill, grid, self.mode, "zeros", self.align_corners) + fill

    def forward(self, images: Tensor) -> Tensor:
        theta = self.theta(images)
        out = self.warp(images, theta)
        if not torch.jit.is_tracing():
            self.nan_thetas += theta.detach().isnan().any(dim=1).sum()
        return out

    def extra_repr(self) -> str:
        size = "input's" if self.size is None else self.size
        return f"family={self.family}, size={size}, mode={self.mode!r}, padding_mode={self.padding_mode!r}"
