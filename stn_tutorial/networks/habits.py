"""Habits from other libraries, each answered with a sentence that names the right way here: docs/coming-from.md.

OpenCV, kornia, torchvision, MONAI and SciPy have other names for the same things, other units, and other orders.
"""

import math

from torch import Tensor, nn

from ..geometry.families import FAMILIES
from ..geometry.family import Family, LinearFamily, MatrixFamily
from ..geometry.rotation import Rotation

# what an argument is called elsewhere -> here
ARGUMENTS = {
    **dict.fromkeys(("interpolation", "interpolation_mode", "resample", "flags", "order"), "mode"),
    **dict.fromkeys(("fill_value", "fillcolor", "cval", "border_value", "background"), "fill"),
    **dict.fromkeys(("dsize", "output_size", "out_size", "out_shape", "output_shape", "spatial_size"), "size"),
    **dict.fromkeys(("padding", "pad_mode", "border_mode"), "padding_mode"),
    **dict.fromkeys(("localizer", "localisation", "localization_net", "localisation_net", "loc_net"), "localization"),
    **dict.fromkeys(("transform", "transformation", "transformation_family"), "family"),
}
# what a value is called elsewhere -> here
VALUES = {
    "mode": {"linear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "nearest-exact": "nearest"},
    "padding_mode": {
        **dict.fromkeys(("constant", "fill", "grid-constant"), "zeros"),
        **dict.fromkeys(("edge", "replicate", "nearest"), "border"),
        **dict.fromkeys(("reflect", "mirror", "symmetric"), "reflection"),
    },
}


def refuse_unknown(unknown: dict, known: list[str]) -> None:
    """Raise a TypeError for arguments that SpatialTransformer does not have, with the name that they have here."""
    for name in unknown:
        here = f"it is called {ARGUMENTS[name]} here" if name in ARGUMENTS else f"it has {', '.join(known)}"
        raise TypeError(f"SpatialTransformer has no argument {name!r}: {here}")


def check_choice(name: str, value, choices: tuple[str, ...]) -> None:
    """Raise a ValueError that names the argument unless its value is one of the choices."""
    if isinstance(value, str) and value in choices:
        return
    there = str(getattr(value, "value", value))  # torchvision's modes are members of an enumeration
    here = there if there in choices else VALUES.get(name, {}).get(there)
    raise ValueError(
        f"{name} must be one of {choices}, got {value!r}" + (f"; write {name}={here!r}" if here in choices else "")
    )


def check_family(family) -> None:
    """Raise a ValueError that says what to write unless family is an object such as `Affine()`."""
    if isinstance(family, type):
        raise ValueError(f"family must be an object, got the class: write {family.__name__}()")
    if isinstance(family, str):
        known = {name: repr(make()) for name, make in FAMILIES.items()}
        raise ValueError(
            f"family must be an object, got the name {family!r}: write {known.get(family, 'Affine(), for instance')}"
        )
    if not hasattr(family, "num_params") or not callable(getattr(family, "grid", None)):
        raise ValueError(f"family must be a family of transformations, such as Affine(), got {family!r}")


def check_parts(localization, family) -> None:
    """Raise a ValueError that says what to write unless the two are a localisation network and a family, in this order."""
    if isinstance(localization, Family) and (isinstance(family, nn.Module) or family is None):
        raise ValueError("localization comes first and family second: SpatialTransformer(localization, family)")
    if not isinstance(localization, nn.Module):
        made = f"the class: write {localization.__name__}(...)" if isinstance(localization, type) else repr(localization)
        raise ValueError(f"localization must be a torch.nn.Module that answers theta for images, got {made}")
    check_family(family)


def check_fused(family, mode: str, padding_mode: str, antialias: bool) -> None:
    """Raise a ValueError unless `geometry.fused` can do what a transformer is asked to."""
    if not isinstance(family, LinearFamily) or family.dimensions != 2:
        raise ValueError(f"family must have 2x3 matrices, such as Affine(), for sampler='fused', got {family!r}")
    if (mode, padding_mode, bool(antialias)) != ("bilinear", "zeros", False):
        raise ValueError(
            "sampler='fused' knows mode='bilinear', padding_mode='zeros' and antialias=False alone, "
            f"got {mode!r}, {padding_mode!r} and {antialias!r}: write sampler='torch'"
        )


def name_of(family) -> str:
    """A family with what it was made with, such as "Attention(log_scale=True)"; of a stranger's the class alone."""
    return repr(family) if isinstance(family, Family) else type(family).__name__


def in_other_units(theta: Tensor, family, grid: Tensor) -> str | None:
    """What is odd about a theta (N, P) that somebody wrote down, with its grid: degrees or pixels, in a sentence; or None."""
    angle = float(theta[:, 0].detach().abs().max()) if isinstance(family, Rotation) and len(theta) else 0.0
    if angle > 2 * math.pi:
        return f"theta holds an angle of {angle:g}, and angles are in radians: write math.radians(...) of degrees"
    away = (grid.detach().abs() > 1).any(dim=-1).flatten(1).all(dim=1)
    if isinstance(family, MatrixFamily) and bool(away.any()):
        return (
            f"theta looks past the image in {int(away.sum())} of {len(theta)} rows: its numbers are normalised, 2 is the whole "
            "width; a matrix in pixels becomes theta by stn_tutorial.geometry.pixel_matrix.theta_from_pixels"
        )
    return None
