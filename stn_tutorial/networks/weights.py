"""Weights in safetensors files, and the trained nets that ship with the package: `pretrained(name)`."""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ..files import short_reason, write_atomically
from ..geometry.affine import Affine
from ..geometry.attention import Attention
from ..geometry.similarity import Similarity
from ..geometry.thin_plate_spline import ThinPlateSpline
from . import models

FOLDER = Path(__file__).resolve().parent / "pretrained"
# how each shipped net is built; its weights and its card lie in FOLDER
SHIPPED: dict[str, Callable[[], nn.Module]] = {
    "mnist-r/st-cnn-affine": models.paper_st_cnn,
    "mnist-r/st-cnn-affine-still": partial(models.deep_st_cnn, Affine(), 28),
    "mnist-rts/st-cnn-similarity-still": partial(models.deep_st_cnn, Similarity(), 42),
    "mnist-e/st-cnn-tps-still": partial(models.deep_st_cnn, ThinPlateSpline(), 28),
    "mnist-tc/st-cnn-attention": partial(models.paper_st_cnn, Attention(log_scale=True), 60),
    "cifar10/seed": models.seed_net,
}


def save_weights(model: nn.Module, path: Path | str) -> None:
    """Write a model's state_dict as safetensors: matrices and kernels in float16 where their numbers fit into it, the rest as it is.

    What has one axis, biases and statistics, stays as it is. The file is whole or not there. Raises OSError when it cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> net, twin = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> with TemporaryDirectory() as folder:
    ...     save_weights(net, Path(folder) / "net.safetensors")
    ...     load_weights(twin, Path(folder) / "net.safetensors")
    >>> bool(twin.bias == net.bias)
    True
    """
    from safetensors.torch import save

    small = {key: halved(value) for key, value in model.state_dict().items()}
    write_atomically(Path(path), save({key: value.detach().cpu().contiguous().clone() for key, value in small.items()}))


def halved(value: Tensor) -> Tensor:
    """A matrix or kernel in float16, unless a number of it would become infinite there; anything else as it is."""
    if not value.is_floating_point() or value.dim() < 2:
        return value
    half = value.half()
    return half if torch.equal(half.isfinite(), value.isfinite()) else value


def load_weights(model: nn.Module, path: Path | str, sha256: str | None = None) -> None:
    """Read weights that `save_weights` wrote into a model of the same build, in the model's own types.

    sha256: of the file, in hexadecimal digits; None does not compare. Raises ValueError that names the file if it is
    missing, damaged, or another model's.
    """
    from safetensors.torch import load

    path = Path(path)
    try:
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError("its checksum is not that of the card")
        model.load_state_dict(load(content))
    except Exception as error:  # a damaged file can make a reader raise almost anything
        raise ValueError(f"cannot read the weights {path}: {short_reason(error)}") from error


def card_of(name: str) -> dict:
    """The card of a shipped net: how it was trained, on what, and what it does; a ValueError for an unknown name."""
    if not isinstance(name, str) or name not in SHIPPED:
        raise ValueError(f"name must be one of {', '.join(map(repr, SHIPPED))}, got {name!r}")
    path = FOLDER / f"{stem(name)}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the card {path}: {short_reason(error)}") from error


def stem(name: str) -> str:
    """What a shipped net's files are called: mnist-r/st-cnn-affine -> mnist-r--st-cnn-affine."""
    return name.replace("/", "--")


def pretrained(name: str) -> nn.Module:
    """A trained net, in evaluation mode, on the CPU; its attribute `card` says how it was trained and what it does.

    name: "mnist-r/st-cnn-affine-still", for instance; `weights.SHIPPED` lists all. Nothing is downloaded and nothing is
    unpickled. Images are raw, in [0, 1], (N, 1, 28, 28) under R and E, 42 pixels wide under RTS, 60 under TC. Raises ValueError
    for an unknown name and for a damaged file.

    >>> import torch
    >>> net = pretrained("mnist-r/st-cnn-affine-still")
    >>> net(torch.rand(1, 1, 28, 28)).shape
    torch.Size([1, 10])
    """
    card = card_of(name)
    with torch.device("cpu"):
        model = SHIPPED[name]()
    load_weights(model, FOLDER / f"{stem(name)}.safetensors", card["sha256"])
    model.card = card
    return model.eval()
