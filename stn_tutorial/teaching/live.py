"""The live page: two trained nets and a few digits in one page that needs no kernel and no network."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..files import write_atomically
from ..networks.snapshots import snapshots
from .browser_widget import STATIC
from .model_explorer import ModelExplorer, explore_model

NETS = {"as in the paper": "mnist-r/st-cnn-affine", "to stand still": "mnist-r/st-cnn-affine-still"}
# static/digits.png holds test digits of MNIST (LeCun, Cortes, Burges), one below the other: of each class the first that the still
# net reads rightly and turns back to within 20 degrees wherever it lies between -90 and 90, then the first 5, which it cannot read
TEST_INDICES = (3, 2, 35, 18, 4, 15, 11, 0, 84, 7, 8)
TITLES = (*(f"the digit {k}" for k in range(10)), "a 5 that the nets take for a 6")
DEGREES = 40.0  # how far the digit is turned at first
FIRST = 4  # the digit that is shown first
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A trained spatial transformer, live</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 66rem; margin: 1.5rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.2; margin: 0 0 0.3rem; }}
p {{ max-width: 42rem; margin: 0.3rem 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>A trained spatial transformer</h1>
<p>Turn the digit. The net sees only its pixels, finds how it lies, and hands its classifier a picture that stands upright. Everything
is computed in this page. The digits are from MNIST's test set, which no net was trained on; turns up to 90 degrees are what the nets
were trained for, sizes and shifts are not.</p>
{fragment}</main>
</body>
</html>
"""


def live_digits() -> Tensor:
    """The digits of the live page: (11, 1, 28, 28), uint8; one of each class, then a 5 that is hard to read.

    >>> live_digits().shape
    torch.Size([11, 1, 28, 28])
    """
    with Image.open(STATIC / "digits.png") as picture:
        return torch.from_numpy(np.array(picture)).view(-1, 1, 28, 28)


def live(swing: bool = False) -> ModelExplorer:
    """The shipped nets of rotated digits by hand: pick or draw a digit, turn, scale and shift it, change the net, and go back in its training.

    swing: whether the digit turns to and fro until it is touched; never where a reader wants no motion. Nets run in the
    browser, so that it answers while the kernel is busy, and without one.

    >>> live().names
    ['as in the paper', 'to stand still']
    """
    nets = {name: snapshots(shipped) for name, shipped in NETS.items()}
    explorer = explore_model(nets, live_digits(), degrees=DEGREES, titles=list(TITLES))
    explorer.net, explorer.index, explorer.swing = 1, FIRST, swing
    return explorer


def live_html(swing: bool = True) -> str:
    """`live` as one HTML fragment that works with no kernel and no network; it may stand anywhere in a page, more than once.

    >>> live_html().startswith("<div")
    True
    """
    explorer = live(swing)
    try:
        return explorer.to_html()
    finally:
        explorer.close()


def live_page(path: Path | str) -> None:
    """Write `live` as a page of its own, which opens from the disk. Raises OSError when it cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     live_page(Path(folder) / "live.html")
    ...     (Path(folder) / "live.html").stat().st_size < 1_500_000
    True
    """
    write_atomically(Path(path), PAGE.format(fragment=live_html()).encode())
