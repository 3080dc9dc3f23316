"""Tables that follow from a size alone: made once for each of the last few sizes, and never within a trace."""

from collections.abc import Callable

import torch
from torch import Tensor

TABLES = 6  # as many are remembered


def remembered(tables: dict[tuple, Tensor], make: Callable[..., Tensor], *key) -> Tensor:
    """`make(*key)`, from `tables` if it is there. What belongs to a trace or to a function transform is not kept.

    >>> tables = {}
    >>> remembered(tables, torch.zeros, 2) is remembered(tables, torch.zeros, 2)
    True
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return make(*key)
    table = tables.get(key)
    if table is None:
        with torch.inference_mode(False):
            table = make(*key)
        if is_plain(table):
            for old in list(tables)[: 1 - TABLES]:  # a copy: other threads may be at it, too
                tables.pop(old, None)
            tables[key] = table
    return table


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor holds numbers of its own: fake tensors and the wrappers of `torch.func` are used up with their trace."""
    if type(tensor) is not Tensor:
        return False
    try:
        tensor.data_ptr()
    except RuntimeError:
        return False
    return True
