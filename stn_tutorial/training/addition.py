"""MNIST addition (the paper's appendix A.1): two digits, each distorted in a channel of its own; the class is their sum."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ..networks.watching import evaluating, outputs_of, thetas_of, transformers_of
from .data import Dataset
from .distortions import EachAlone
from .evaluation import TEST_SEED, distorted
from .metrics import corner_displacement, where_corners_look
from .recipe import Recipe

SHOWN = 8  # recorded pictures whose windows are recorded, too
SUMS = tuple(str(total) for total in range(19))


def in_pairs(data: Dataset, seed: int = 0) -> Dataset:
    """Each image with another one of its split behind it, drawn once by the seed: (N, 2, H, W), its class the sum of the two.

    data: digits, one channel. Raises ValueError for images of more channels.

    >>> from .data import load
    >>> pairs = in_pairs(load("mnist").subset(100, 50))
    >>> pairs.train_images.shape[:2], len(pairs.classes)
    (torch.Size([100, 2]), 19)
    """
    if data.train_images.shape[1] != 1 or len(data.classes) != 10:
        raise ValueError(f"data must be digits of one channel, got {data}")
    generator, parts = torch.Generator().manual_seed(seed), {}
    for split in ("train", "test"):
        images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        other = torch.randperm(len(images), generator=generator)
        parts |= {f"{split}_images": torch.cat([images, images[other]], dim=1), f"{split}_labels": labels + labels[other]}
    return replace(data, **parts, classes=SUMS, mean=data.mean * 2, std=data.std * 2, fingerprint=f"{data.fingerprint}+{seed}")


@torch.no_grad()
def who_follows(model: nn.Module, data: Dataset, distortion: EachAlone, recipe: Recipe | None = None) -> Tensor:
    """How far the corners of each window stray from each digit: (windows, digits), pixels of the undistorted digit.

    model: a net with `ParallelTransformers` or single ones, in the order of its modules. data: `in_pairs`. A window that follows a
    digit keeps its corners in their place on it, whatever its pose: a small number; one that does not strays by as much as the
    digits are moved about. The model is left as it came.
    """
    recipe, device = recipe or Recipe(), next(model.parameters()).device
    windows, digits = list(transformers_of(model).values()), range(data.test_images.shape[1])
    poses: list[Tensor] = []
    for told in digits:  # the same images each time, and the pose of another digit
        generator, each = torch.Generator().manual_seed(TEST_SEED), EachAlone(distortion.each, told)
        batches = [distorted(images.to(device), each, generator, recipe) for images in data.test_images.split(1000)]
        poses.append(torch.cat([pose for _, pose in batches]))
    found = torch.empty(len(windows), len(digits))
    for row, window in enumerate(windows):
        with evaluating(model), thetas_of(model, window) as thetas:
            for images, _ in batches:
                model(images)
        for column, pose in enumerate(poses):
            look = where_corners_look(distortion.family, pose, window.family, torch.cat(thetas), distortion.reach)
            found[row, column] = distortion.reach * data.test_images.shape[-1] / 2 * corner_displacement(look)
    return found


@torch.no_grad()
def window_thetas(model: nn.Module, images: Tensor) -> list[list[list[float]]]:
    """Theta of each window for images (N, 2, H, W): windows x N x P numbers. The model is left as it came."""
    found = []
    for window in transformers_of(model).values():
        with evaluating(model), thetas_of(model, window) as thetas:
            model(images)
        found.append([[round(value, 4) for value in theta] for theta in thetas[0].tolist()])
    return found


@torch.no_grad()
def empty_windows(model: nn.Module, data: Dataset, distortion: EachAlone, recipe: Recipe | None = None) -> list[float]:
    """For each window the share of the test images, in %, of which it shows nothing: no pixel of any channel is half as bright as white.

    model, data: as in `who_follows`. The model is left as it came.
    """
    recipe, device = recipe or Recipe(), next(model.parameters()).device
    empty = []
    for window in transformers_of(model).values():
        generator, blank = torch.Generator().manual_seed(TEST_SEED), 0
        with evaluating(model), outputs_of(window) as views:
            for images in data.test_images.split(1000):
                model(distorted(images.to(device), distortion, generator, recipe)[0])
                blank += int((views.pop().flatten(1).amax(dim=1) < 0.5).sum())
        empty.append(100 * blank / len(data.test_images))
    return empty
