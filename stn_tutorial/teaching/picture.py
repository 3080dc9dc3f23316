"""A finished picture that carries its alt text, and how a figure or an image becomes one."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageSequence
from torch import Tensor

from ..files import write_atomically

INK, ACCENT, SECOND, RIGHT, WRONG = "#222222", "#d1495b", "#00798c", "#2e7d32", "#c62828"
GREYS = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}


@dataclass(frozen=True)
class Picture:
    """PNG (or APNG) bytes with their alt text."""

    png: bytes
    alt: str

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": repr(self)}
        return data, {"image/png": {"alt": self.alt}}

    def save(self, path: str | Path) -> None:
        """Write the picture to a file whose name ends in .png, .html or, for an animation, .gif or .mp4.

        Raises ValueError for another ending. An MP4 needs the package PyAV (`pip install av`), and no ffmpeg program.
        """
        path = Path(path)
        makers = {
            ".png": lambda: self.png,
            ".html": lambda: f"<!doctype html>\n<meta charset='utf-8'>\n{self.html()}\n".encode(),
            ".gif": lambda: as_gif(self.png),
            ".mp4": lambda: as_mp4(self.png),
        }
        if path.suffix not in makers:
            raise ValueError(f"path must end in {', '.join(makers)}, got {str(path)!r}")
        write_atomically(path, makers[path.suffix]())

    def html(self) -> str:
        """An <img> element that carries the picture with it."""
        alt = self.alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        return f'<img alt="{alt}" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'


def frames_of(png: bytes) -> tuple[list[Image.Image], list[int]]:
    """The frames of an APNG (or the one of a PNG), and the milliseconds that each is shown."""
    frames, milliseconds = [], []
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(png))):
        frames.append(frame.convert("RGB"))
        milliseconds.append(round(frame.info.get("duration", 1000 / 12)))  # equal neighbours were merged into one long frame
    return frames, milliseconds


def as_gif(png: bytes) -> bytes:
    """An APNG as an endless GIF."""
    frames, milliseconds = frames_of(png)
    buffer = io.BytesIO()
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def as_mp4(png: bytes) -> bytes:
    """An APNG as an MP4 (H.264); its sides are cut to even numbers of pixels, as the codec wants."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise ValueError("an .mp4 needs the package PyAV: pip install av; or name a .gif") from error
    frames, milliseconds = frames_of(png)
    buffer = io.BytesIO()
    shortest = max(1, min(milliseconds))
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=round(1000 / shortest))
        stream.width, stream.height, stream.pix_fmt = frames[0].width // 2 * 2, frames[0].height // 2 * 2, "yuv420p"
        for frame, duration in zip(frames, milliseconds, strict=True):
            for _ in range(round(duration / shortest)):
                file.mux(stream.encode(av.VideoFrame.from_image(frame.crop((0, 0, stream.width, stream.height)))))
        file.mux(stream.encode())
    return buffer.getvalue()


def picture(figure: Figure, alt: str) -> Picture:
    """Draw a matplotlib figure to a Picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight", facecolor="white")
    return Picture(buffer.getvalue(), alt)


def as_array(image: Tensor) -> np.ndarray:
    """An image (H, W), (1, H, W) or (3, H, W), uint8 or in [0, 1] -> an array that imshow takes."""
    image = image.detach().cpu()
    image = image.float() / 255 if image.dtype == torch.uint8 else image.float()
    if image.dim() == 3:
        image = image[0] if image.shape[0] == 1 else image.permute(1, 2, 0)
    return image.clamp(0, 1).numpy()


def panel(axes, image: Tensor, title: str = ""):
    """Show an image on axes without ticks; returns the artist."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=10, color=INK)
    return axes.imshow(as_array(image), **GREYS)
