"""What does JPEG compression cost on CIFAR-10? The images as they are, and compressed at quality 75; prints one table.

    python benchmarks/cifar10_compression.py

Trains `models.small_control` for ten epochs on each, with two random seeds. Where the images are the originals this is the cost of
the copy's compression. Where they are the copy already it is the cost of a *second* one, whose blocks lie elsewhere: a hint
at the first. Takes about a quarter of an hour on two CPU cores.
"""

import io
import statistics
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from stn_tutorial import models
from stn_tutorial.data import Dataset, load
from stn_tutorial.experiments import SMALL_RECIPE
from stn_tutorial.training import fit

SEEDS = (0, 1)
RECIPE = replace(SMALL_RECIPE, augment=True, shift=4, shift_padding="reflect")
OFFSET, SIDE = 5, 48  # an odd offset in a larger picture: no edge of an 8x8 block falls on one of the first compression


def compressed(images: torch.Tensor) -> torch.Tensor:
    """Images uint8 (N, 3, 32, 32) after JPEG at quality 75 with colours at half the resolution."""
    found = np.empty((len(images), 32, 32, 3), np.uint8)
    margins = ((OFFSET, SIDE - 32 - OFFSET),) * 2 + ((0, 0),)
    for k, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        file = io.BytesIO()
        Image.fromarray(np.pad(image, margins, "reflect")).save(file, "JPEG", quality=75, subsampling="4:2:0")
        found[k] = np.asarray(Image.open(file))[OFFSET : OFFSET + 32, OFFSET : OFFSET + 32]
    return torch.from_numpy(found).permute(0, 3, 1, 2).contiguous()


def accuracy(data: Dataset, seed: int) -> float:
    """Of the last epoch, on the test images, in %."""
    torch.manual_seed(seed)
    training = fit(models.small_control(), data, recipe=RECIPE, seed=seed, progress=False)
    return 100 - training.history[-1]["test_error_percent"]


def main() -> None:
    data = load("cifar10")
    again = replace(data, train_images=compressed(data.train_images), test_images=compressed(data.test_images))
    changed = (data.test_images.float() - again.test_images.float()).square().mean().sqrt()
    print(f"{data.source}; compression changes a value by {changed:.1f} of 255 (root mean square)\n")
    print("| images | accuracy % | mean |\n|---|---|---:|", flush=True)
    for name, one in {"as they are": data, "compressed": again}.items():
        found = [accuracy(one, seed) for seed in SEEDS]
        print(f"| {name} | {', '.join(f'{value:.2f}' for value in found)} | {statistics.fmean(found):.2f} |", flush=True)


if __name__ == "__main__":
    main()
