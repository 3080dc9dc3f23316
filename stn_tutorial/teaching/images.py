"""Pictures as people have them, as tensors, arrays, PIL images or files, made ready for an explorer."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

LONGEST = 384  # pixels along the longer side of a picture that is moved by hand


def as_image(picture) -> Tensor:
    """A picture as a tensor (C, H, W), of the values it has: what is transparent becomes white.

    picture: a tensor (C, H, W), an array (H, W) or (H, W, C) with C up to 4, a PIL image, or the path of a file. A fourth
    channel of an array, or of a tensor of bytes, is transparency; so is a second one. Raises ValueError for anything else.
    """
    if isinstance(picture, (str, os.PathLike)):
        picture = opened(Path(picture))
    if isinstance(picture, Image.Image):
        picture = pil_array(ImageOps.exif_transpose(picture))
    if isinstance(picture, np.ndarray):
        return from_array(picture)
    if not isinstance(picture, Tensor):
        wanted = "a tensor (C, H, W), an array (H, W, 3), a PIL image or the path of one"
        raise ValueError(f"image must be {wanted}, got {type(picture).__name__}")
    if picture.dim() != 3 or 0 in picture.shape:
        raise ValueError(f"image must have shape (C, H, W), none of them zero, got {tuple(picture.shape)}")
    if picture.shape[2] in (3, 4) and picture.shape[0] > 4 and picture.shape[1] > 4:
        raise ValueError(f"image must have shape (C, H, W), got {tuple(picture.shape)}: permute(2, 0, 1) puts channels first")
    picture = picture.detach().cpu()
    return on_white(picture) if picture.dtype == torch.uint8 and len(picture) in (2, 4) else picture


def opened(path: Path) -> Image.Image:
    """The picture in a file; a ValueError if it holds none."""
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise ValueError(f"image must be the path of a picture, got {str(path)!r}, which holds none") from error


def pil_array(picture: Image.Image) -> np.ndarray:
    """A PIL image of any mode as an array (H, W), or (H, W, 3), or (H, W, 4) where some of it may be transparent."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        return np.asarray(picture, dtype=np.float32)  # depths, X-rays: their numbers are no bytes
    if picture.has_transparency_data:
        return np.asarray(picture.convert("RGBA"))
    return np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))


def from_array(array: np.ndarray) -> Tensor:
    """An array (H, W) or (H, W, 1 to 4) of numbers as a tensor (C, H, W)."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape or array.shape[2] > 4:
        raise ValueError(f"an image that is an array must have shape (H, W) or (H, W, 3), got {array.shape}")
    if array.dtype == np.bool_ or not np.issubdtype(array.dtype, np.number):
        raise ValueError(f"an image that is an array must hold numbers, got {array.dtype}")
    array = np.ascontiguousarray(array if array.dtype == np.uint8 else array.astype(np.float32))
    image = torch.from_numpy(array.copy()).permute(2, 0, 1)
    return on_white(image) if len(image) in (2, 4) else image


def on_white(image: Tensor) -> Tensor:
    """An image whose last channel says how opaque it is, laid on white: (2 or 4, H, W) -> (1 or 3, H, W)."""
    top = 255.0 if image.dtype == torch.uint8 else 1.0
    colours, opacity = image[:-1].float(), image[-1:].float() / top
    return (colours * opacity + top * (1 - opacity)).round(decimals=0 if top == 255 else 6).to(image.dtype)


def small_enough(image: Tensor, longest: int = LONGEST) -> Tensor:
    """An image (C, H, W) whose longer side is at most `longest` pixels; one that was larger is made smaller, and that is said."""
    height, width = image.shape[1:]
    if max(height, width) <= longest:
        return image
    size = [max(1, round(side * longest / max(height, width))) for side in (height, width)]
    print(f"The image of {height} x {width} pixels is made smaller, {size[0]} x {size[1]}, so that it moves smoothly.")
    smaller = F.interpolate(image[None].float(), size, mode="area")[0]
    return smaller.round().to(torch.uint8) if image.dtype == torch.uint8 else smaller


def to_bytes(image: Tensor) -> tuple[bytes, tuple[int, int, int]]:
    """An image (C, H, W), uint8 or in [0, 1], as bytes and their shape (H, W, 1 or 3).

    A feature map, C neither 1 nor 3, is shown as the mean over its channels; values outside [0, 1] from the smallest (black)
    to the largest (white). Raises ValueError for NaN and infinity.
    """
    values = image.detach().cpu().float()
    if not bool(torch.isfinite(values).all()):
        raise ValueError("image must be finite, got NaN or infinity")
    values = values / 255 if image.dtype == torch.uint8 else values
    feature_map = len(values) not in (1, 3)
    if feature_map:
        values = values.mean(dim=0, keepdim=True)
    if feature_map or values.min() < -1e-4 or values.max() > 1 + 1e-4:  # a warp's weights add up to 1 but for rounding
        values = (values - values.min()) / (values.max() - values.min()).clamp(min=1e-12)
    pixels = (values.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous()
    return pixels.numpy().tobytes(), tuple(pixels.shape)


def from_bytes(pixels: bytes, shape: tuple[int, int, int]) -> Tensor:
    """The inverse of `to_bytes`: an image (1 or 3, H, W), uint8."""
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(*shape).permute(2, 0, 1)
