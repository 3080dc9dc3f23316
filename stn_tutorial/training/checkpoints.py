"""Checkpoints of a training: whole or not there, and never taken for those of another training."""

import io
import zipfile
from pathlib import Path

import torch

from ..files import short_reason, write_atomically


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
        other = {key: value for key, value in checkpoint["identity"].items() if identity.get(key) != value}
    except Exception as error:
        raise ValueError(f"the checkpoint {path} is damaged ({short_reason(error)}); delete it to start again") from error
    if other:
        raise ValueError(
            f"folder holds the checkpoint of another training: {path} was made with {other}, this call has "
            f"{ {key: identity.get(key) for key in other} }; choose another folder, or delete the file to start again"
        )
    return checkpoint
