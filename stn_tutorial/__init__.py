"""Spatial transformer networks from scratch, in four storeys; each may use those above it in this list.

geometry: coordinates, families of transformations, sampler. networks: localisers, the module, models, trained weights.
training: data, distortions, trainer, metrics, records. teaching: figures, animations, explorers, checks. `device`, `files` and
`arguments` serve all of them, and `__main__` is the command line.

`import stn_tutorial` costs about what `import torch` costs: whatever needs torchvision, matplotlib or ipywidgets is
imported when its name is first used.
"""

import importlib

from .geometry import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    ThinPlateSpline,
    Translation,
    sample,
    sample_loop,
    target_grid,
)
from .networks import ChainedLocalizer, LocalizationNet, ParallelTransformers, SpatialTransformer

__version__ = "0.1.0"

# public names that are imported when they are first used, and the module each lies in
LAZY = {
    "load": "training.data",
    "fit": "training.trainer",
    "evaluate": "training.evaluation",
    "pretrained": "networks.weights",
    "export": "networks.export",
    "diagnose": "networks.diagnose",
    "Monitor": "networks.monitor",
    "animate_rotation": "teaching.animations",
    "animate_theta": "teaching.animations",
    "animate_warps": "teaching.animations",
    "explore": "teaching.explorer",
    "explore_model": "teaching.model_explorer",
    "play": "teaching.player",
}

# all public names but those that need matplotlib and ipywidgets, so that `from stn_tutorial import *` needs neither
__all__ = [
    "Affine",
    "Attention",
    "ChainedLocalizer",
    "Diffeomorphic",
    "LocalizationNet",
    "Monitor",
    "ParallelTransformers",
    "Projective",
    "Rotation",
    "Similarity",
    "SpatialTransformer",
    "ThinPlateSpline",
    "Translation",
    "diagnose",
    "evaluate",
    "export",
    "fit",
    "load",
    "pretrained",
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
