"""How shipped nets came to look where they look: their localisers as they were along the training."""

import hashlib
import json

from torch import nn

from ..files import short_reason, write_atomically
from . import weights

NAMES = ("mnist-r/st-cnn-affine", "mnist-r/st-cnn-affine-still")  # shipped nets that have snapshots


def snapshots(name: str) -> dict[int, nn.Module]:
    """A shipped net at moments of its training, by the number of steps; the last is the net itself, and the same as `pretrained(name)`.

    The others have the localiser as it was then, in front of the classifier as it became: they show how a net comes to look where it
    looks, and what its classifier would make of that. Each has the card of the snapshots, in its attribute `card`. Raises
    ValueError for a net without snapshots (`NAMES` lists those that have some) and for a damaged file.

    >>> list(snapshots("mnist-r/st-cnn-affine-still"))
    [77, 166, 265, 422, 9360]
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(map(repr, NAMES))}, got {name!r}")
    from safetensors.torch import load

    file = weights.FOLDER / f"{weights.stem(name)}.snapshots.safetensors"
    found = {}
    try:
        card = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != card["sha256"]:
            raise ValueError("its checksum is not that of the card")
        kept = load(content)
        for step in card["steps"]:
            net = weights.pretrained(name)
            state = {key.split("/", 1)[1]: value for key, value in kept.items() if key.startswith(f"{step}/")}
            net.transformer.localization.load_state_dict(state)
            net.card = card
            found[step] = net
    except Exception as error:  # a damaged file can make a reader raise almost anything
        raise ValueError(f"cannot read the snapshots {file}: {short_reason(error)}") from error
    return found | {card["total_steps"]: weights.pretrained(name)}


def save_snapshots(name: str, localizers: dict[int, dict], card: dict) -> dict:
    """Write state dicts of a shipped net's localiser, by step, beside its weights, with a card; returns the card with its checksum."""
    from safetensors.torch import save

    named = {f"{step}/{key}": value for step, state in localizers.items() for key, value in state.items()}
    content = save({key: weights.halved(value).detach().cpu().contiguous().clone() for key, value in named.items()})
    card = {"name": name, "steps": list(localizers)} | card | {"licence": "MIT", "sha256": hashlib.sha256(content).hexdigest()}
    file = weights.FOLDER / f"{weights.stem(name)}.snapshots.safetensors"
    write_atomically(file, content)
    write_atomically(file.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())
    return card
