"""What the widgets drawn by explorer.js share: an image as bytes, an error shown beside them, a still picture in their place."""

from contextlib import contextmanager
from pathlib import Path

import anywidget
import torch
import traitlets
from torch import Tensor

JAVASCRIPT = Path(__file__).parent / "static" / "explorer.js"


def to_bytes(image: Tensor) -> tuple[bytes, tuple[int, int, int]]:
    """An image (C, H, W), uint8 or in [0, 1], as bytes and their shape (H, W, 1 or 3).

    A feature map, C neither 1 nor 3, is shown as the mean over its channels; values outside [0, 1] from the smallest (black)
    to the largest (white).
    """
    if image.dim() != 3 or 0 in image.shape:
        raise ValueError(f"image must have shape (C, H, W), none of them zero, got {tuple(image.shape)}")
    image = image.detach().cpu()
    if image.dtype != torch.uint8:
        image = image.float()
        if not bool(torch.isfinite(image).all()):
            raise ValueError("image must be finite, got NaN or infinity")
    values = image.float() / 255 if image.dtype == torch.uint8 else image
    feature_map = len(values) not in (1, 3)
    if feature_map:
        values = values.mean(dim=0, keepdim=True)
    if feature_map or values.min() < -1e-4 or values.max() > 1 + 1e-4:  # a warp's weights add up to 1 but for rounding
        values = (values - values.min()) / (values.max() - values.min()).clamp(min=1e-12)
    pixels = (values.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous()
    return pixels.numpy().tobytes(), tuple(pixels.shape)


@contextmanager
def one_thread():
    """Compute on one thread: for a single image, waking other threads costs more than they save."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class BrowserWidget(anywidget.AnyWidget):
    """What the widgets drawn by explorer.js share: an error is shown beside them, a still picture stands in for them."""

    _esm = JAVASCRIPT
    problem = traitlets.Unicode().tag(sync=True)

    def set_state(self, sync_data) -> None:
        """What the browser sends; the error of a callback is shown beside the widget as well as raised."""
        try:
            super().set_state(sync_data)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
            raise

    @staticmethod
    def joined(shown, data: dict, metadata: dict) -> tuple[dict, dict]:
        """The mime bundle of a widget, and that of its stand-in."""
        bundle, more = shown if isinstance(shown, tuple) else (shown, {})
        return {**(bundle or {}), **data}, {**more, **metadata}
