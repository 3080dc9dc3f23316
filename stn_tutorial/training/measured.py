"""What the benchmarks of the paper's appendix found, in data/runs beside the recorded runs: written with how it was got, and read."""

import json
from pathlib import Path

import torch

from ..device import device_name
from ..files import short_reason, write_atomically
from .data import Dataset
from .experiment import records


def write_measured(name: str, found: list[dict], command: str, data: Dataset, root: Path | str | None = None) -> Path:
    """Write rows of numbers and how they were got to <runs>/<name>/measured.json; the path."""
    path = records(root) / name / "measured.json"
    record = {
        "command": command,
        "versions": {"torch": torch.__version__},
        "device": device_name(torch.device("cpu")),
        "data_source": data.source,
        "data_fingerprint": data.fingerprint,
        "found": found,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())
    return path


def load_measured(name: str, root: Path | str | None = None, data: Dataset | None = None) -> list[dict]:
    """The rows that `write_measured` wrote under a name, none if nobody did; with `data`, none if they were measured on others.

    Raises ValueError for a file that cannot be read.
    """
    path = records(root) / name / "measured.json"
    if not path.exists():
        return []
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found, fingerprint = record["found"], record["data_fingerprint"]
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise ValueError("its rows are no list of objects")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"cannot read the measurements {path}: {short_reason(error)}") from error
    return found if data is None or data.fingerprint == fingerprint else []
