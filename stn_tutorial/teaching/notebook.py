"""The one call with which every notebook starts."""

import os

import torch

from ..device import best_device
from ..training.data import Dataset, load

OLDEST_TORCH = (2, 11)  # as in pyproject.toml, which nobody asks on Colab: the torch that is there stays
PROFILES = ("full", "quick")


def start(name: str = "mnist") -> tuple[Dataset, bool]:
    """Print versions, device and data source; return the data set and whether this is the quick profile.

    STN_PROFILE=quick shrinks the data set (and, in the notebooks, the number of epochs), never the code path. Raises
    ValueError for another profile, and SystemExit, which shows a sentence and no traceback, for a torch that is too old.

    >>> data, quick = start("mnist")  # doctest: +ELLIPSIS
    stn_tutorial ..., torch ..., ...
    data: ...
    >>> data.train_images.shape[1:]
    torch.Size([1, 28, 28])
    """
    from .. import __version__

    check_torch()
    allow_widgets_on_colab()
    quick = profile() == "quick"
    device = best_device()
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU with {torch.get_num_threads()} threads"
    data = load(name)
    print(f"stn_tutorial {__version__}, torch {torch.__version__}, {where}")
    print(f"data: {data.source}{' (quick profile: a small part of it)' if quick else ''}")
    return (data.subset(2000, 500) if quick else data), quick


def profile() -> str:
    """How much is computed: "quick" or "full", as STN_PROFILE says; a ValueError for another word."""
    word = os.environ.get("STN_PROFILE") or "full"
    if word not in PROFILES:
        raise ValueError(f"STN_PROFILE must be {' or '.join(map(repr, PROFILES))}, got {word!r}")
    return word


def check_torch() -> None:
    """Stop the notebook with a sentence where torch is too old."""
    version = str(torch.__version__)
    if tuple(map(int, version.split(".")[:2])) < OLDEST_TORCH:
        raise SystemExit(
            f"This notebook needs torch {'.'.join(map(str, OLDEST_TORCH))} or later, and here is {version}: "
            "run `%pip install -U torch torchvision` in a cell, restart the runtime, and run this cell again."
        )


def allow_widgets_on_colab() -> None:
    """Google Colab shows widgets that do not come with it, as the explorer, only after it was asked to; elsewhere nothing happens."""
    try:
        from google.colab import output
    except ImportError:
        return
    if hasattr(output, "enable_custom_widget_manager"):
        output.enable_custom_widget_manager()
