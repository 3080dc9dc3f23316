"""Checkpoints of a training: whole or not there, and never taken for those of another training."""

import io
import math
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from ..files import short_reason, write_atomically

# the least that tells trainings apart
IDENTITY = ("epochs", "batch_size", "lr", "seed", "data", "device", "distortion", "model")
# what its history says of each epoch
ROW = {"epoch", "train_loss", "train_error_percent", "test_loss", "test_error_percent", "seconds"}
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
    for k, epoch in enumerate(checkpoint["history"], 1):
        if not isinstance(epoch, dict) or not epoch.keys() >= ROW or not all(is_number(epoch[key]) for key in ROW):
            raise ValueError("its history is none")
        if epoch["epoch"] != k:
            raise ValueError("its history has another order")
    if not 0 <= checkpoint["seconds"] < math.inf:
        raise ValueError("it says of no time that it took it")
    epochs = checkpoint["identity"]["epochs"]
    if not is_number(epochs) or len(checkpoint["history"]) > epochs:
        raise ValueError("it has more epochs behind it than its recipe has")


def is_number(value) -> bool:
    """Whether a value is a finite number, and no truth value.

    >>> is_number(1.5), is_number(math.nan), is_number(True), is_number(10**400)
    (True, False, False, False)
    """
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond all floating point
        return False


def check_state(state: dict, fresh: dict, shapes: list[tuple[int, ...]], steps: int) -> None:
    """Raise a ValueError that names what does not fit unless a state may be loaded into a training that has just been made.

    fresh: that training's own state. shapes: of its weights, in the optimiser's order. steps: how many are done. torch checks little of it: an optimiser with tensors of other shapes makes it read beyond
    their ends, and another learning rate would be taken over in silence.
    """
    for part in ("model", "generator", "torch_rng"):
        check_alike(state[part], fresh[part], part)
    for key, value in fresh["model"].items():
        if bool(value.isfinite().all()) and not bool(state["model"][key].isfinite().all()):  # an infinite fill may be meant
            raise ValueError(f"its model holds NaN or infinity in {key}")
    kept, own = state["optimizer"], fresh["optimizer"]
    changing = {"lr", "betas", "momentum"}  # along the schedule
    groups = [[{k: v for k, v in group.items() if k not in changing} for group in o["param_groups"]] for o in (kept, own)]
    if groups[0] != groups[1]:
        raise ValueError("its optimizer has other settings")
    if not kept["state"] and own["param_groups"][0].get("momentum", 1):  # plain steps remember nothing
        raise ValueError("its optimizer has forgotten its steps")
    for k, moments in kept["state"].items():
        tensors = [value for value in moments.values() if isinstance(value, Tensor)]
        if k not in range(len(shapes)) or any(value.dim() and value.shape != shapes[k] for value in tensors):
            raise ValueError("its optimizer knows weights of other shapes")
    schedule = {k: v for k, v in fresh["schedule"].items() if k not in ("last_epoch", "_step_count", "_last_lr")}
    if state["schedule"].keys() != fresh["schedule"].keys() or any(state["schedule"][key] != schedule[key] for key in schedule):
        raise ValueError("its schedule has other settings")
    if [group["lr"] for group in kept["param_groups"]] != state["schedule"]["_last_lr"]:
        raise ValueError("its optimizer has another rate than its schedule")
    if state["schedule"]["last_epoch"] != steps:
        raise ValueError(f"its schedule stands at step {state['schedule']['last_epoch']} and not at {steps}")


def check_alike(given, own, where: str) -> None:
    """Raise a ValueError that names the place unless two nested dicts of tensors have the same keys, types and shapes."""
    if isinstance(own, dict):
        if not isinstance(given, dict) or given.keys() != own.keys():
            raise ValueError(f"its {where} has other parts")
        for key, value in own.items():
            check_alike(given[key], value, f"{where}.{key}")
    elif isinstance(own, Tensor):
        if not isinstance(given, Tensor) or given.shape != own.shape or given.dtype != own.dtype:
            raise ValueError(f"its {where} is no {own.dtype} tensor of shape {tuple(own.shape)}")
    elif type(given) is not type(own):
        raise ValueError(f"its {where} is no {type(own).__name__}")
