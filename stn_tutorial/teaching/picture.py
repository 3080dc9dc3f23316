"""A finished picture that carries its alt text, how a figure or an image becomes one, and what all figures look like."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from PIL import Image, ImageColor
from torch import Tensor

from ..arguments import path_of
from ..files import write_atomically

INK, ACCENT, SECOND, RIGHT, WRONG = "#222222", "#d1495b", "#00798c", "#2e7d32", "#c62828"
GREY, BEYOND = "#777777", "#eeeeee"  # of what stands back; of the ground beyond an image
GREYS = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}


@dataclass(frozen=True)
class Picture:
    """PNG bytes with their alt text.

    >>> picture(Figure(figsize=(1, 1)), "an empty square")
    <Picture: an empty square>
    """

    png: bytes
    alt: str

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": repr(self)}
        return data, {"image/png": {"alt": self.alt}}

    def save(self, path: str | Path) -> None:
        """Write the picture to a file whose name ends in .png; a ValueError for another ending."""
        path = path_of("path", path)
        if path.suffix != ".png":
            raise ValueError(f"path must end in .png, got {str(path)!r}")
        write_atomically(path, self.png)

    def html(self) -> str:
        """An <img> element that carries the picture with it."""
        alt = self.alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        return f'<img alt="{alt}" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'


def picture(figure: Figure, alt: str) -> Picture:
    """Draw a matplotlib figure to a Picture.

    >>> figure = Figure(figsize=(1, 1))
    >>> picture(figure, "an empty square").png[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    as_written(figure)
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight", facecolor="white")
    return Picture(buffer.getvalue(), alt)


def as_written(figure: Figure) -> None:
    r"""Let texts that only look like mathematics, such as a title with a price or a path in it, stand as they are written.

    >>> figure = Figure()
    >>> words = figure.suptitle(r"$\foo$")
    >>> as_written(figure)
    >>> words.get_parse_math()
    False
    """
    for words in figure.findobj(Text):
        if words.get_text().count("$") > 1 and words.get_parse_math():
            try:
                MathTextParser("agg").parse(words.get_text())
            except ValueError:
                words.set_parse_math(False)


def blends(one: str, other: str, steps: int) -> list[tuple[int, int, int]]:
    """The colours from one named colour to another, both included, in so many steps: the edges of lines and letters.

    >>> blends("black", "white", 3)
    [(0, 0, 0), (85, 85, 85), (170, 170, 170), (255, 255, 255)]
    """
    ends = ImageColor.getrgb(one), ImageColor.getrgb(other)
    return [tuple(round(a + (b - a) * k / steps) for a, b in zip(*ends, strict=True)) for k in range(steps + 1)]


def in_colors(pages: list[Image.Image], colors: list[tuple[int, int, int]]) -> list[Image.Image]:
    """RGB pictures in at most 256 colours, the nearest for each pixel: a third of the bytes, and no flicker in between.

    >>> [page.mode for page in in_colors([Image.new("RGB", (8, 9), "white")], blends("black", "white", 3))]
    ['P']
    """
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for color in dict.fromkeys(colors) for value in color])
    return [page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages]


def in_unit_range(images: Tensor) -> Tensor:
    """Images of any shape, uint8 or in [0, 1], as floating point in [0, 1].

    >>> in_unit_range(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([0., 1.])
    """
    return images.float() / 255 if images.dtype == torch.uint8 else images


def as_array(image: Tensor) -> np.ndarray:
    """An image (H, W), (1, H, W) or (3, H, W), uint8 or in [0, 1] -> an array that imshow takes.

    >>> as_array(torch.full((3, 2, 5), 255, dtype=torch.uint8)).shape
    (2, 5, 3)
    """
    if not isinstance(image, Tensor) or image.dim() not in (2, 3) or (image.dim() == 3 and len(image) not in (1, 3)):
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"image must be a tensor (H, W), (1, H, W) or (3, H, W), got {got}")
    image = in_unit_range(image.detach().cpu()).float()
    if image.dim() == 3:
        image = image[0] if image.shape[0] == 1 else image.permute(1, 2, 0)
    return image.clamp(0, 1).numpy()


def panel(axes, image: Tensor, title: str = ""):
    """Show an image on axes without ticks; returns the artist.

    >>> axes = Figure().subplots()
    >>> panel(axes, torch.rand(1, 28, 28), "a digit").get_array().shape
    (28, 28)
    """
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=10, color=INK)
    return axes.imshow(as_array(image), **GREYS)


def leave_room(axes, size: tuple[int, int], share: float, color: str = BEYOND) -> None:
    """Room around an image of (H, W) pixels, a share of its sides, for what reaches beyond it.

    >>> axes = Figure().subplots()
    >>> leave_room(axes, (20, 40), 0.25)
    >>> [float(end) for end in (*axes.get_xlim(), *axes.get_ylim())]
    [-10.0, 50.0, 25.0, -5.0]
    """
    height, width = size
    axes.set_xlim(-share * width, (1 + share) * width)
    axes.set_ylim((1 + share) * height, -share * height)
    axes.set_facecolor(color)


def plain(axes) -> None:
    """Leave of a chart's frame only the axes themselves, with a light grid, and words that can be read on a phone.

    >>> axes = Figure().subplots()
    >>> plain(axes)
    >>> axes.spines["top"].get_visible()
    False
    """
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=11)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_size(12)
    axes.spines[["top", "right"]].set_visible(False)
