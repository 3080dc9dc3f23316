"""Do the shipped nets answer in onnxruntime as in torch? Exports each, and lets both read all 10,000 test images, distorted.

    python benchmarks/export.py [FOLDER]

Needs the extra `export`. Prints one table and writes benchmarks/results/export.json. Fails if one image is read differently or a
logit differs by more than 1e-4. The files stay in FOLDER, if one is named.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch

from stn_tutorial.device import device_name
from stn_tutorial.networks.weights import SHIPPED, stem
from stn_tutorial.training.exported import export_shipped

RESULTS = Path(__file__).parent / "results" / "export.json"


def main(folder: str) -> None:
    rows = [export_shipped(name, Path(folder) / f"{stem(name)}.onnx", count=10_000) for name in SHIPPED]
    print("| net | file kB | images | read the same | largest difference of a logit |\n|---|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row['name']} | {row['bytes'] / 1000:.0f} | {row['images']} | {row['same_class']} | {row['largest_difference']:.1e} |"
        )
    found = {"device": device_name(torch.device("cpu")), "torch": torch.__version__, "nets": rows}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    assert all(row["same_class"] == row["images"] and row["largest_difference"] <= 1e-4 for row in rows)


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
