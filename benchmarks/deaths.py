"""How often does a transformer die in a ResNet-18, and how soon does the monitor say so?

    python benchmarks/deaths.py [SEEDS]

A torchvision ResNet-18 reads CIFAR-10 through an affine or a similarity transformer, or has one before `layer2`; it takes 60 steps of 64
images with SGD (0.01, momentum 0.9 or none) or Adam (0.001). Dead is, by a count of this script's own, a localiser whose every
gradient is exactly 0 in 20 steps, one after the other. Prints one table and writes benchmarks/results/deaths.json.
"""

import itertools
import json
import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from stn_tutorial import Affine, Monitor, Similarity, SpatialTransformer
from stn_tutorial.device import device_name
from stn_tutorial.training.data import load

RESULTS = Path(__file__).parent / "results" / "deaths.json"
STEPS, SILENT, BATCH = 60, 20, 64
OPTIMIZERS = {
    "SGD 0.01, momentum 0.9": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
    "SGD 0.01": lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    "Adam 0.001": lambda parameters: torch.optim.Adam(parameters, lr=0.001),
}


def in_front(family) -> tuple[nn.Module, SpatialTransformer]:
    transformer = SpatialTransformer.for_images((3, 32, 32), family)
    return nn.Sequential(transformer, resnet18(num_classes=10)), transformer


def before_layer2(family) -> tuple[nn.Module, SpatialTransformer]:
    net, transformer = resnet18(num_classes=10), SpatialTransformer.for_images((64, 8, 8), family)
    net.layer2 = nn.Sequential(transformer, *net.layer2)
    return net, transformer


PLACES = {
    "in front, affine": lambda: in_front(Affine()),
    "in front, similarity": lambda: in_front(Similarity()),
    "before layer2, affine": lambda: before_layer2(Affine()),
    "before layer2, similarity": lambda: before_layer2(Similarity()),
}


def train(place: str, optimizer: str, seed: int, images: torch.Tensor, labels: torch.Tensor) -> dict:
    """One short training: the step since which the localiser got nothing, what the monitor said, and when."""
    torch.manual_seed(seed)
    net, transformer = PLACES[place]()
    learner, step, silent, told = OPTIMIZERS[optimizer](net.parameters()), 0, 0, None
    with warnings.catch_warnings(), Monitor(net) as monitor:
        warnings.simplefilter("ignore")
        while step < STEPS or 0 < silent < SILENT:  # whoever falls silent at the end is watched for some more
            step, chosen = step + 1, torch.randint(len(images), (BATCH,))
            learner.zero_grad()
            F.cross_entropy(net(images[chosen]), labels[chosen]).backward()
            learned = any(bool(p.grad.any()) for p in transformer.localization.parameters())
            learner.step()
            silent, told = 0 if learned else silent + 1, told or (step if monitor.died else None)
            if silent == SILENT:
                break
    died = step - SILENT + 1 if silent == SILENT else None
    said = next(iter(monitor.died.values()), None)
    return {"place": place, "optimizer": optimizer, "seed": seed, "died": died, "told": told, "monitor_says": said}


def main(seeds: int = 3) -> None:
    data = load("cifar10")
    images, labels = data.train_images.float() / 127.5 - 1, data.train_labels
    runs = []
    for place, optimizer, seed in itertools.product(PLACES, OPTIMIZERS, range(seeds)):
        runs.append(train(place, optimizer, seed, images, labels))
        print(runs[-1], file=sys.stderr, flush=True)
    print("| transformer | optimiser | died | in step | told in step |\n|---|---|---:|---:|---:|")
    for place in PLACES:
        for optimizer in OPTIMIZERS:
            dead = [run for run in runs if (run["place"], run["optimizer"]) == (place, optimizer) and run["died"]]
            steps, told = (", ".join(str(run[key]) for run in dead) or "-" for key in ("died", "told"))
            print(f"| {place} | {optimizer} | {len(dead)} of {seeds} | {steps} | {told} |")
    accused = [run for run in runs if run["told"] and not run["died"]]
    print(f"accused, and alive: {len(accused)} of {len(runs)}")
    device = device_name(torch.device("cpu"))
    record = {
        "device": device,
        "torch": torch.__version__,
        "data": data.source,
        "steps": STEPS,
        "batch": BATCH,
        "runs": runs,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
