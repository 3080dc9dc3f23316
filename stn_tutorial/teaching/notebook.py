"""The one call with which every notebook starts."""

import os

import torch

from ..device import best_device
from ..training.data import Dataset, load


def start(name: str = "mnist") -> tuple[Dataset, bool]:
    """Print versions, device and data source; return the data set and whether this is the quick profile.

    STN_PROFILE=quick shrinks the data set (and, in the notebooks, the number of epochs), never the code path.
    """
    from .. import __version__

    allow_widgets_on_colab()
    quick = os.environ.get("STN_PROFILE", "full") == "quick"
    device = best_device()
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU with {torch.get_num_threads()} threads"
    data = load(name)
    print(f"stn_tutorial {__version__}, torch {torch.__version__}, {where}")
    print(f"data: {data.source}{' (quick profile: a small part of it)' if quick else ''}")
    return (data.subset(2000, 500) if quick else data), quick


def allow_widgets_on_colab() -> None:
    """Google Colab shows widgets that do not come with it, as the explorer, only after it was asked to; elsewhere nothing happens."""
    try:
        from google.colab import output
    except ModuleNotFoundError:
        return
    output.enable_custom_widget_manager()
