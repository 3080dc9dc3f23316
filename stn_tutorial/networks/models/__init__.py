"""Networks of the literature and ours, with and without a spatial transformer.

All take raw images in [0, 1] and answer logits. `parts` is what they share; then `paper`, `deep`, `placed` (a transformer here and there),
`addition` (of two digits) and `tutorial` for digits, `seed` and `compact` for CIFAR-10.
"""

from .addition import addition_cnn, addition_net
from .compact import compact_cnn, compact_control, compact_localizer, compact_net, small_control, small_net, small_resized
from .deep import deep_cnn, deep_cnn_control, deep_st_cnn
from .paper import paper_cnn, paper_cnn_control, paper_fcn, paper_st_cnn, paper_st_fcn
from .parts import Normalize, TransformedNet, in_front, parameters_of
from .placed import placed_net
from .seed import (
    CIFAR10_MEAN,
    CIFAR10_STD,
    seed_cnn,
    seed_localizer,
    seed_net,
    seed_net_control,
    seed_net_shrunk,
    seed_net_without_transformer,
)
from .tutorial import tutorial_net

__all__ = [
    "CIFAR10_MEAN",
    "CIFAR10_STD",
    "Normalize",
    "TransformedNet",
    "addition_cnn",
    "addition_net",
    "compact_cnn",
    "compact_control",
    "compact_localizer",
    "compact_net",
    "deep_cnn",
    "deep_cnn_control",
    "deep_st_cnn",
    "in_front",
    "paper_cnn",
    "paper_cnn_control",
    "paper_fcn",
    "paper_st_cnn",
    "paper_st_fcn",
    "parameters_of",
    "placed_net",
    "seed_cnn",
    "seed_localizer",
    "seed_net",
    "seed_net_control",
    "seed_net_shrunk",
    "seed_net_without_transformer",
    "small_control",
    "small_net",
    "small_resized",
    "tutorial_net",
]
