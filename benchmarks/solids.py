"""Does a 3-D transformer help to read turned digits in space? python benchmarks/solids.py

Three nets of equal size (training/solids.py), three seeds each. Prints the errors, and writes them, with theta of the first eight test
digits, to data/runs/mnist-solids/measured.json. About twelve minutes on one core.
"""

import time

import torch

from stn_tutorial import load
from stn_tutorial.networks.models import parameters_of
from stn_tutorial.training.measured import write_measured
from stn_tutorial.training.solids import READERS, TEST_SEED, solid_net, train_solids, turned_solids

STEPS, SEEDS, SHOWN = 800, (0, 1, 2), 8


def measured(reader: str, seed: int, data) -> dict:
    """One net trained with one seed: its error, and what its transformer did to the first test digits."""
    torch.manual_seed(seed)
    net, begun = solid_net(reader), time.perf_counter()
    error = train_solids(net, data, STEPS, seed=seed)
    row = {"reader": reader, "seed": seed, "parameters": parameters_of(net), "steps": STEPS, "error_percent": error}
    row["wall_seconds"] = round(time.perf_counter() - begun, 1)
    if reader == "transformer":
        solids = turned_solids(data.test_images[:SHOWN], torch.Generator().manual_seed(TEST_SEED))
        row["theta"] = [[round(value, 4) for value in theta] for theta in net.transformer.theta(solids).tolist()]
    print({key: value for key, value in row.items() if key != "theta"}, flush=True)
    return row


if __name__ == "__main__":
    data, found = load("mnist"), []
    for seed in SEEDS:
        found += [measured(reader, seed, data) for reader in READERS]
        print(write_measured("mnist-solids", found, "python benchmarks/solids.py", data))
