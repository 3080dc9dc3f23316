"""Checkpoints of a training: whole or not there, and never taken for those of another training."""

import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from ..files import short_reason, write_atomically

# the least that tells trainings apart
IDENTITY = ("epochs", "batch_size", "lr", "seed", "data", "device", "distortion", "model")
# the parts of a training's state, and what each is
PARTS = {
    "model": dict,
    "optimizer": dict,
    "schedule": dict,
    "generator": Tensor,
    "torch_rng": Tensor,
    "cuda_rng": (Tensor, type(None)),
    "recorder": (dict, type(None)),
    "history": list,
    "seconds": float,
}


def save_checkpoint(path: Path, identity: dict, state: dict) -> None:
    """Write a checkpoint. identity: what the training is (recipe, seed, data); state: what decides how it goes on."""
    buffer = io.BytesIO()
    torch.save({"identity": identity, **state}, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path: Path, identity: dict) -> dict | None:
    """The checkpoint at `path`, or None; a ValueError if it is damaged or belongs to another training."""
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not compare checksums
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged} does not match its checksum")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        check_parts(checkpoint)
        other = {key: value for key, value in checkpoint["identity"].items() if identity.get(key) != value}
    except PermissionError as error:
        raise OSError(error.errno, f"cannot read the checkpoint {path}: {error.strerror}") from error
    except Exception as error:
        raise ValueError(f"the checkpoint {path} is damaged ({short_reason(error)}); delete it to start again") from error
    if other:
        raise ValueError(
            f"folder holds the checkpoint of another training: {path} was made with {other}, this call has "
            f"{ {key: identity.get(key) for key in other} }; choose another folder, or delete the file to start again"
        )
    return checkpoint


def check_parts(checkpoint) -> None:
    """Raise a ValueError unless a checkpoint has every part of one, each of the right type."""
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("identity"), dict):
        raise ValueError("it says of no training that it is its")
    lacking = [key for key in IDENTITY if key not in checkpoint["identity"]]
    lacking += [key for key, kind in PARTS.items() if key not in checkpoint or not isinstance(checkpoint[key], kind)]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    if not all(isinstance(epoch, dict) for epoch in checkpoint["history"]):
        raise ValueError("its history is none")
    if len(checkpoint["history"]) > checkpoint["identity"]["epochs"]:
        raise ValueError("it has more epochs behind it than its recipe has")
