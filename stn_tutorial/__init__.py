"""Spatial transformer networks from scratch: grids, families of transformations, sampler, module, training.

`import stn_tutorial` costs about what `import torch` costs: whatever needs torchvision, matplotlib or ipywidgets is
imported when its name is first used.
"""

import importlib

from .grids import target_grid
from .localization import LocalizationNet
from .sampler import sample, sample_loop
from .transformer import SpatialTransformer
from .transforms import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    ThinPlateSpline,
    Translation,
)

__version__ = "0.1.0"

LAZY = {
    "load": "data",
    "fit": "training",
    "evaluate": "training",
    "animate_rotation": "animations",
    "animate_theta": "animations",
    "animate_warps": "animations",
    "explore": "explorer",
    "explore_model": "model_explorer",
    "play": "player",
}

__all__ = [
    "Affine",
    "Attention",
    "Diffeomorphic",
    "LocalizationNet",
    "Projective",
    "Rotation",
    "Similarity",
    "SpatialTransformer",
    "ThinPlateSpline",
    "Translation",
    "evaluate",
    "fit",
    "load",
    "sample",
    "sample_loop",
    "target_grid",
]


def __getattr__(name: str):
    if name in LAZY:
        return getattr(importlib.import_module(f".{LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})
