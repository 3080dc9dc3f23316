"""What an argument may be: each check answers in one sentence that names the argument, what it was and what was wanted."""

import math
import numbers
import operator
import os
from pathlib import Path

import torch
from torch import Tensor, nn

PRECISE = (torch.float32, torch.float64)  # in half precision sampling points would miss pixels


def whole_number(value) -> int | None:
    """A whole number as an int, whoever's integer it is (Python's, numpy's, a traced one); None for what is none."""
    if isinstance(value, torch.SymInt):  # what a length is while torch exports or compiles
        return value
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None
    return number if number is not None and abs(number) < 2**63 else None


def whole_numbers(values) -> tuple[int, ...]:
    """A list, tuple, array or tensor of whole numbers as Python integers; an empty tuple for anything else."""
    if not isinstance(values, (tuple, list)) and not (hasattr(values, "tolist") and getattr(values, "ndim", 0) == 1):
        return ()
    numbers = tuple(map(whole_number, values))
    return () if any(number is None for number in numbers) else numbers


def check_whole(name: str, value, least: int, most: float = math.inf) -> int:
    """The value as an int, or a ValueError unless it is a whole number from `least` to `most`."""
    number = whole_number(value)
    if number is None or not least <= number <= most:
        limits = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {limits}, got {value!r}")
    return number


def check_number(name: str, value, wanted: str, allowed) -> float:
    """The value as a float, or a ValueError that says what is wanted unless it is one finite number that is `allowed`."""
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError, RuntimeError):  # what numpy and torch say to several numbers
        number = math.nan
    if not math.isfinite(number) or not allowed(number):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return number


def check_flag(name: str, value) -> None:
    """Raise a ValueError unless the value is True or False, Python's or numpy's, or None, torch's other name of False."""
    if value is not None and (type(value).__name__ not in ("bool", "bool_", "int") or value not in (0, 1)):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def check_tensor(name: str, value) -> None:
    """Raise a ValueError unless the value is a tensor."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a torch.Tensor, got {type(value).__name__}")


def check_precise(name: str, value) -> None:
    """Raise a ValueError unless the value is a tensor of float32 or float64."""
    check_tensor(name, value)
    if not value.is_floating_point():
        raise ValueError(f"{name} must be floating point, got {value.dtype}")
    if value.dtype not in PRECISE:
        raise ValueError(f"{name} must be float32 or float64, half precision misses pixels: got {value.dtype}")


def check_size(size: tuple[int, ...], name: str = "size", dimensions: int = 2) -> tuple[int, ...]:
    """Return ``size`` as positive integers, (H, W) or in three dimensions (D, H, W), or raise a ValueError that names the argument."""
    lengths = whole_numbers(size)
    if len(lengths) != dimensions or (dimensions == 3 and any(length < 1 for length in lengths)):
        wanted = "a pair (H, W) of positive integers" if dimensions == 2 else "three positive integers (D, H, W)"
        raise ValueError(f"{name} must be {wanted}, got {size!r}")
    if any(length < 1 for length in lengths):
        raise ValueError(f"{name} must be at least (1, 1), got {lengths}")
    return lengths


def check_numbers(name: str, value: Tensor) -> None:
    """Raise a ValueError unless a tensor holds real numbers, whole ones included."""
    if value.is_complex() or value.dtype == torch.bool:
        raise ValueError(f"{name} must be real numbers, got {value.dtype}")


def check_points(points: Tensor) -> None:
    """Raise a ValueError unless points are pairs of numbers, (..., 2)."""
    check_tensor("points", points)
    if points.dim() < 1 or points.shape[-1] != 2:
        raise ValueError(f"points must have shape (..., 2), last axis (x, y), got {tuple(points.shape)}")
    check_numbers("points", points)


def check_matrices(name: str, matrices: Tensor, rows: int, columns: int) -> None:
    """Raise a ValueError unless these are matrices (N, rows, columns) of float32 or float64."""
    check_precise(name, matrices)
    if matrices.dim() != 3 or matrices.shape[-1] != columns or matrices.shape[-2] != rows:
        raise ValueError(f"{name} must have shape (N, {rows}, {columns}), got {tuple(matrices.shape)}")


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
    return check_whole("seed", value, least=0)


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
