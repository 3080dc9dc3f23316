"""What an argument must be, and a ValueError that names it if it is something else: for every storey."""

import math
import numbers
import operator
import os
from pathlib import Path

from torch import Tensor, nn


def whole_number(name: str, value, least: int) -> int:
    """A whole number of any type as Python's, or a ValueError that names it.

    >>> whole_number("epochs", 3, least=1)
    3
    """
    try:
        number = operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # a tensor of several numbers raises one of the last two
        number = None
    if number is None or number < least or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return number


def finite_number(name: str, value) -> int | float:
    """A finite number of at least 0, of any type, as Python's; or a ValueError that names it.

    >>> finite_number("lr", 0.5)
    0.5
    """
    single = isinstance(value, numbers.Real) or (isinstance(value, Tensor) and value.dim() == 0 and not value.is_complex())
    number = math.nan if not single or isinstance(value, bool) else value
    number = number if isinstance(number, (int, float)) else float(number)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return number


def seed_number(value) -> int:
    """A seed as torch takes it, or a ValueError.

    >>> seed_number(7)
    7
    """
    if whole_number("seed", value, least=0) >= 2**63:
        raise ValueError(f"seed must be less than 2**63, got {value!r}")
    return operator.index(value)


def path_of(name: str, value) -> Path:
    """A path that was given as text or as a path, `~` being the home folder; or a ValueError that names it.

    >>> path_of("folder", "runs/new").parts
    ('runs', 'new')
    """
    if not isinstance(value, (str, os.PathLike)) or not str(value).strip() or "\0" in str(value):
        raise ValueError(f"{name} must be a path, got {value!r}")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # what pathlib raises
        raise ValueError(f"{name} must be a path, and {value!r} starts at a home folder that there is not") from error


def check_model(model) -> None:
    """Raise a ValueError that says what came in its place unless model is a module.

    >>> check_model(nn.Linear(2, 1))
    """
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}: write {model.__name__}(...)" if isinstance(model, type) else type(model).__name__
        raise ValueError(f"model must be a torch.nn.Module, got {got}")
