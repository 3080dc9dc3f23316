"""Pictures as people have them, as tensors, arrays, PIL images or files, made ready for an explorer."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import path_of
from ..files import short_reason

LONGEST_NAME = 40  # letters of a class's name
TOO_BRIGHT = 16.0  # no normalised image holds such numbers
LONGEST = 384  # pixels along the longer side of a picture that is moved by hand


def as_image(picture) -> Tensor:
    """A picture as a tensor (C, H, W), of the values it has: what is transparent becomes white.

    picture: a tensor (C, H, W), an array (H, W) or (H, W, C) with C up to 4, a PIL image, or the path of a file. A fourth
    channel of an array, or of a tensor of bytes, is transparency; so is a second one. Raises ValueError for anything else, and for
    a picture that is damaged; FileNotFoundError for a file that is not there.
    """
    if isinstance(picture, (str, os.PathLike)):
        picture = opened(path_of("image", picture))
    if isinstance(picture, Image.Image):
        try:
            picture = pil_array(ImageOps.exif_transpose(picture))
        except (
            OSError,
            SyntaxError,
            ValueError,
        ) as error:  # what PIL raises for a file that breaks off, also later than it opened it
            raise ValueError(f"image must be a whole picture, got a damaged one ({short_reason(error)})") from error
    if isinstance(picture, np.ndarray):
        return from_array(picture)
    if not isinstance(picture, Tensor):
        wanted = "a tensor (C, H, W), an array (H, W, 3), a PIL image or the path of one"
        raise ValueError(f"image must be {wanted}, got {type(picture).__name__}")
    if picture.dim() != 3 or 0 in picture.shape:
        raise ValueError(f"image must have shape (C, H, W), none of them zero, got {tuple(picture.shape)}")
    if picture.layout != torch.strided or picture.is_meta or picture.is_complex() or picture.is_quantized:
        raise ValueError(f"image must be a tensor of real numbers, got {picture.dtype}, {picture.layout}, on {picture.device}")
    if picture.shape[2] in (1, 3, 4) and picture.shape[0] > 4 and picture.shape[1] > 4:
        raise ValueError(f"image must have shape (C, H, W), got {tuple(picture.shape)}: permute(2, 0, 1) puts channels first")
    picture = picture.detach().cpu()
    return on_white(picture) if picture.dtype == torch.uint8 and len(picture) in (2, 4) else picture


def opened(path: Path) -> Image.Image:
    """The picture in a file, read and closed; a ValueError if it holds none, or not a whole one."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    except UnidentifiedImageError as error:
        raise ValueError(f"image must be the path of a picture, got {str(path)!r}, which holds none") from error
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what PIL raises for damaged ones
        raise ValueError(
            f"image must be the path of a whole picture, and {str(path)!r} is damaged: {short_reason(error)}"
        ) from error


def pil_array(picture: Image.Image) -> np.ndarray:
    """A PIL image of any mode as an array (H, W), or (H, W, 3), or (H, W, 4) where some of it may be transparent."""
    if picture.mode == "La":  # PIL knows one way out of it
        picture = picture.convert("LA")
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
    if isinstance(array, np.ma.MaskedArray) and bool(np.ma.getmaskarray(array).any()):
        raise ValueError("an image that is an array must have no masked pixels: array.filled(0) makes them black")
    if array.dtype.kind not in "buif":
        raise ValueError(f"an image that is an array must hold numbers, got {array.dtype}")
    array = np.ascontiguousarray(array if array.dtype == np.uint8 else array.astype(np.float32))
    image = torch.from_numpy(array.copy()).permute(2, 0, 1)
    return on_white(image) if len(image) in (2, 4) else image


def on_white(image: Tensor) -> Tensor:
    """An image whose last channel says how opaque it is, laid on white: (2 or 4, H, W) -> (1 or 3, H, W).

    White is 255 for bytes and 1 for other numbers, unless they go beyond it: then it is 255, or 65535 where they go beyond that.
    """
    top = 255.0 if image.dtype == torch.uint8 else next((top for top in (1.0, 255.0) if image.max() <= top), 65535.0)
    colours, opacity = image[:-1].float(), image[-1:].float() / top
    return (colours * opacity + top * (1 - opacity)).round(decimals=6 if top == 1 else 0).to(image.dtype)


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


def check_batch(images) -> None:
    """Raise a ValueError unless images are a batch that a net can be shown: (N, C, H, W), uint8 or floating point, in sensible units.

    Images that were normalised may lie outside [0, 1]; numbers up to 255 that are no bytes would be taken for very bright ones.
    """
    if not isinstance(images, Tensor):
        raise ValueError(f"images must be a tensor (N, C, H, W), got {type(images).__name__}")
    if images.dim() != 4 or 0 in images.shape:
        raise ValueError(f"images must have shape (N, C, H, W), none of them zero, got {tuple(images.shape)}")
    if images.is_meta or not (images.dtype == torch.uint8 or images.is_floating_point()):
        raise ValueError(f"images must be uint8 or in [0, 1], got {images.dtype} on {images.device}")
    if not bool(images.isfinite().all()):
        raise ValueError("images must be finite, got NaN or infinity")
    if images.is_floating_point() and bool((images.abs() > TOO_BRIGHT).any()):
        raise ValueError(
            f"images must be uint8 or in [0, 1], got numbers up to {float(images.abs().max()):g}: divide them by 255"
        )


def names_of_classes(classes, count: int) -> list[str]:
    """The names of at least `count` classes as short texts that any page can show; a ValueError for too few, or for what is no list."""
    names = classes.tolist() if hasattr(classes, "tolist") else classes
    if isinstance(names, (str, bytes)) or not isinstance(names, Sequence) or len(names) < count:
        got = f"{len(names)} of them" if isinstance(names, Sequence) and not isinstance(names, str) else type(classes).__name__
        raise ValueError(f"classes must be a list of {f'at least {count} ' if count else ''}names, got {got}")
    return [shown_name(str(name)) for name in names]


def shown_name(name: str) -> str:
    """A name cut to a length that fits beside a bar, without signs that are half of one, as undecodable file names have them."""
    name = name.encode("utf-8", "replace").decode()
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def as_the_model_has_it(images: Tensor, model: nn.Module) -> Tensor:
    """Images on a model's device and in its precision; as they are for a model without weights."""
    some = next(model.parameters(), None)
    return images if some is None else images.to(some)
