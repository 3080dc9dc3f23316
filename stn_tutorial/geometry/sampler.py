"""The sampler, from scratch: from sampling points to pixel values (the paper's section 3.3, equations 3 to 7).

`sample_loop` is for reading: one output pixel at a time. `sample` is for use: the same sum over neighbours for all
pixels at once, built on `torch.gather`, and differentiable as often as one likes.
"""

import math

import torch
from torch import Tensor

from ..arguments import PRECISE, check_precise, check_tensor
from ..device import can_be_asked
from .coordinates import normalized_to_pixel

MODES = ("nearest", "bilinear", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")
IMAGE_TYPES = (torch.float16, torch.bfloat16, *PRECISE)
FAR = 1e6  # normalised: whatever lies beyond, infinity included, is no farther for borders and mirrors


def sample_loop(images: Tensor, grid: Tensor, align_corners: bool = False) -> Tensor:
    """Bilinear sampling with zeros outside, one output pixel at a time: the paper's equation 5, for reading.

    images: (N, C, H, W). grid: (N, H_out, W_out, 2), last axis (x, y), normalised and finite. Returns (N, C, H_out, W_out).
    It has a gradient for the images only: the loop takes the grid's numbers out of torch.

    Raises ValueError that names the argument, what it was and what was wanted.

    >>> images = torch.arange(4.0).view(1, 1, 2, 2)
    >>> sample_loop(images, torch.zeros(1, 1, 1, 2)).item()  # the centre, between all four
    1.5
    """
    check_images_and_grid(images, grid, finite=True)
    n, c, height, width = images.shape
    out = torch.zeros(n, c, *grid.shape[1:3], dtype=images.dtype, device=images.device)
    for i in range(n):
        for row in range(grid.shape[1]):
            for column in range(grid.shape[2]):
                x, y = normalized_to_pixel(grid[i, row, column], (height, width), align_corners).tolist()
                for y_n in (math.floor(y), math.floor(y) + 1):
                    for x_n in (math.floor(x), math.floor(x) + 1):
                        if 0 <= y_n < height and 0 <= x_n < width:
                            weight = (1 - abs(x - x_n)) * (1 - abs(y - y_n))
                            out[i, :, row, column] += weight * images[i, :, y_n, x_n]
    return out


def bilinear_gradient(image: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value of a bilinear sample and its derivatives with respect to x and y: the paper's equations 5 and 7.

    image: (H, W). x, y: (P,), sampling points in *pixels*, anywhere. Returns value, d value / dx, d value / dy, each
    (P,). Neighbours outside the image count as zeros. At a whole pixel, where the kernel has a kink, equation 7 counts that
    pixel alone; here, as in torch, it is the slope towards the next pixel.

    >>> image = torch.arange(4.0).view(2, 2)
    >>> [value.item() for value in bilinear_gradient(image, torch.tensor([0.5]), torch.tensor([0.5]))]
    [1.5, 1.0, 2.0]
    """
    height, width = image.shape
    value, along_x, along_y = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)
    for y_n in (y.floor(), y.floor() + 1):
        for x_n in (x.floor(), x.floor() + 1):
            inside = (x_n >= 0) & (x_n < width) & (y_n >= 0) & (y_n < height)
            u = image[y_n.clamp(0, height - 1).long(), x_n.clamp(0, width - 1).long()] * inside
            weight_x, weight_y = 1 - (x - x_n).abs(), 1 - (y - y_n).abs()
            value = value + u * weight_x * weight_y
            along_x = along_x + u * weight_y * torch.where(x_n > x, 1.0, -1.0)
            along_y = along_y + u * weight_x * torch.where(y_n > y, 1.0, -1.0)
    return value, along_x, along_y


def clip(x: Tensor, length: int) -> Tensor:
    """Clip pixel coordinates to [0, length - 1]; where it clips, the gradient is zero (torch's rule, edges included)."""
    inside = (x > 0) & (x < length - 1)
    return torch.where(inside, x, x.detach().clamp(0, length - 1))


def reflect(x: Tensor, length: int, align_corners: bool) -> Tensor:
    """Fold pixel coordinates back into the image, as between two mirrors.

    The mirrors stand at the centres of the outermost pixels (``align_corners=True``) or at their outer edges.
    """
    low, span = (0.0, length - 1) if align_corners else (-0.5, length)
    if span == 0:
        return torch.zeros_like(x)
    distance = x - low
    distance = torch.where(distance < 0, -distance, distance)
    lap = torch.floor(distance.detach() / span)
    rest = distance - lap * span
    return torch.where(lap % 2 == 0, rest, span - rest) + low


def pad_coordinates(x: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Bring pixel coordinates along one axis back into the image, unless outside is to be filled ("zeros")."""
    if padding_mode == "reflection":
        x = reflect(x, length, align_corners)
    return x if padding_mode == "zeros" else clip(x, length)


def cubic_weight(distance: Tensor, a: float = -0.75) -> Tensor:
    """Cubic convolution kernel (Keys, 1981) at a distance in pixels, 0 to 2; ``a`` as in torch."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return torch.where(distance <= 1, near, far)


def neighbours(x: Tensor, mode: str) -> list[tuple[Tensor, Tensor]]:
    """The pixels that a point along one axis is made of, as pairs (pixel, weight); the weights sum to 1.

    x: pixel coordinates of any shape. Nearest has one neighbour (equation 4; halves go to the even pixel, as in torch),
    bilinear two (equation 5), bicubic four. The gradient of a value by a pixel is that pixel's weight (equation 6).
    """
    if mode == "nearest":
        return [(x.detach().round(), torch.ones_like(x))]
    left = x.detach().floor()
    t = x - left
    if mode == "bilinear":
        return [(left, 1 - t), (left + 1, t)]
    return [(left + k, cubic_weight((t - k).abs())) for k in (-1, 0, 1, 2)]


def pixel_values(images: Tensor, x: Tensor, y: Tensor, fill: Tensor) -> Tensor:
    """Look pixels up; where there is none, `fill`.

    images: (N, C, H, W). x, y: (N, H_out, W_out), whole numbers. fill: (C,). Returns (N, C, H_out, W_out).
    """
    n, c, height, width = images.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = torch.where(inside, y, 0).long() * width + torch.where(inside, x, 0).long()  # NaN is not inside
    values = images.flatten(2).gather(2, index.flatten(1)[:, None].expand(n, c, -1)).view(n, c, *x.shape[1:])
    return torch.where(inside[:, None], values, fill.view(1, -1, 1, 1))


def sample(
    images: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
    fill: float | Tensor = 0.0,
) -> Tensor:
    """Sample images at the points of a grid: the paper's equation 3, vectorised.

    images: (N, C, H, W), floating point. grid: (N, H_out, W_out, 2), last axis (x, y), normalised, of the same type and
    on the same device. mode: "nearest", "bilinear" or "bicubic". padding_mode: "zeros", "border" or "reflection".
    fill: the value outside the image under "zeros", a number or one per channel (C,): the background of the images. However
    large it is, pixels inside stay as they are.
    Returns (N, C, H_out, W_out). "nearest" has no gradient with respect to the grid.

    Raises ValueError that names the argument, what it was and what was wanted.

    >>> from stn_tutorial import target_grid
    >>> images = torch.arange(6.0).view(1, 1, 2, 3)
    >>> mirrored = target_grid((2, 3))[None] * torch.tensor([-1.0, 1.0])
    >>> sample(images, mirrored)[0, 0].round().tolist()
    [[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]
    """
    check_images_and_grid(images, grid)
    check_modes(mode, padding_mode)
    fill = fill_per_channel(fill, images, padding_mode)
    if padding_mode != "zeros":
        grid = grid.clamp(-FAR, FAR)  # NaN stays
    out = weighed_sum(images, grid, mode, padding_mode, align_corners)
    if fill is None:
        return out
    return with_background(out, weighed_sum(coverage_of(images), grid, mode, padding_mode, align_corners), fill, images)


def weighed_sum(images: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """What `sample` answers, with zeros outside, for arguments that have been checked."""
    height, width = images.shape[2:]
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(dim=-1)
    if mode != "bicubic":
        x = pad_coordinates(x, width, padding_mode, align_corners)
        y = pad_coordinates(y, height, padding_mode, align_corners)
    zeros = images.new_zeros(images.shape[1])
    out = torch.zeros((), dtype=images.dtype, device=images.device)
    for y_n, weight_y in neighbours(y, mode):
        for x_n, weight_x in neighbours(x, mode):
            if mode == "bicubic":
                x_n = pad_coordinates(x_n, width, padding_mode, align_corners)
                y_n = pad_coordinates(y_n, height, padding_mode, align_corners)
            out = out + (weight_y * weight_x)[:, None] * pixel_values(images, x_n, y_n, zeros)
    return out


def coverage_of(images: Tensor) -> Tensor:
    """Ones in the shape of images, but with one channel: sampled with zeros outside they say how much of a pixel lies inside."""
    return images.new_ones(1).view((1,) * images.dim()).expand(images.shape[0], 1, *images.shape[2:])


def with_background(out: Tensor, inside: Tensor, fill: Tensor, images: Tensor) -> Tensor:
    """Add the background's share to what was sampled with zeros outside.

    out: (N, C, ...). inside: `coverage_of` images, sampled likewise. fill: (C,). No number is subtracted and added again, and
    pixels that lie inside are not touched: however large the background is, it does not wash over the picture.
    """
    share = 1 - inside
    rounding = 2 * torch.finfo(share.dtype).eps * max(images.shape[2:])  # of a coordinate, in pixels
    share = torch.where(share.abs() <= rounding, share - share.detach(), share)
    fill = fill.view(1, -1, *(1,) * (images.dim() - 2))
    out = out + share * torch.where(fill.isfinite(), fill, 0)
    return torch.where(~fill.isfinite() & (share != 0), fill, out)


def fill_values(fill, padding_mode: str) -> float | list[float]:
    """The background as plain numbers; a ValueError unless it is a number or one per channel, and can be used at all."""
    given = fill.tolist() if hasattr(fill, "tolist") else fill
    several = isinstance(given, (list, tuple))
    try:
        values = [float(value) for value in (given if several else [given]) if not isinstance(value, str)]
    except TypeError:  # no numbers
        values = []
    if not values or (several and len(values) < len(given)):
        raise ValueError(f"fill must be a number or one per channel, shape (C,), got {fill!r}")
    if padding_mode != "zeros" and any(values):
        raise ValueError(f"fill must be 0 under padding_mode={padding_mode!r}, where nothing is filled, got {fill!r}")
    return values if several else values[0]


def fill_per_channel(fill, images: Tensor, padding_mode: str = "zeros") -> Tensor | None:
    """The fill value as a tensor (C,) of the images' type and device, from a number, (1,) or (C,); None where nothing is filled."""
    if isinstance(fill, (int, float)) and fill == 0:
        return None
    if padding_mode != "zeros" and (not isinstance(fill, Tensor) or can_be_asked(fill)):
        fill_values(fill, padding_mode)
    if padding_mode != "zeros":
        return None
    if not isinstance(fill, (int, float, Tensor)):
        fill = fill_values(fill, padding_mode)
    fill, channels = torch.as_tensor(fill, dtype=images.dtype, device=images.device), images.shape[1]
    if fill.dim() > 1 or fill.numel() not in (1, channels):
        raise ValueError(f"fill must be a number or one per channel, shape ({channels},), got shape {tuple(fill.shape)}")
    return fill.expand(channels)


def check_images(images: Tensor, dimensions: int = 2) -> None:
    """Raise a ValueError that names images unless they are floating point (N, C, H, W), or (N, C, D, H, W); N may be zero."""
    check_tensor("images", images)
    axes = "D, H, W" if dimensions == 3 else "H, W"
    if images.dim() != dimensions + 2 or 0 in images.shape[1:]:
        raise ValueError(f"images must have shape (N, C, {axes}), none of C, {axes} zero, got {tuple(images.shape)}")
    if images.dtype not in IMAGE_TYPES:
        raise ValueError(
            f"images must be floating point, got {images.dtype}; divide uint8 images by 255 first, and warp a mask of labels "
            "as mask.float() with mode='nearest'"
        )
    if images.layout != torch.strided:
        raise ValueError(f"images must be dense, got {images.layout}: write images.to_dense()")


def check_images_and_grid(images: Tensor, grid: Tensor, finite: bool = False) -> None:
    """Raise a ValueError that names the argument unless these are images and one grid for each of them, of one type.

    finite: whether the grid must be so.
    """
    check_images(images)
    check_precise("images", images)
    check_tensor("grid", grid)
    if grid.dim() != 4 or grid.shape[-1] != 2 or 0 in grid.shape[1:]:
        raise ValueError(f"grid must have shape (N, H_out, W_out, 2), H_out and W_out not zero, got {tuple(grid.shape)}")
    if grid.shape[0] != images.shape[0]:
        raise ValueError(f"grid must hold one grid per image: {images.shape[0]} images, got {grid.shape[0]} grids")
    if grid.dtype != images.dtype:
        raise ValueError(f"grid must have the type of the images, {images.dtype}, got {grid.dtype}")
    if grid.device != images.device:
        raise ValueError(f"grid must be on the device of the images, {images.device}, got {grid.device}")
    if finite and not bool(grid.isfinite().all()):
        raise ValueError(f"grid must be finite, got NaN or infinity at {int((~grid.isfinite()).any(dim=-1).sum())} points")


def check_modes(mode: str, padding_mode: str) -> None:
    """Raise a ValueError for a mode or a padding mode that there is not."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, got {mode!r}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {PADDING_MODES}, got {padding_mode!r}")
