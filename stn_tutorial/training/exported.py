"""A shipped net as a file for other programs, tried on real test images before it is called done."""

from pathlib import Path

import torch

from ..arguments import path_of
from ..networks.export import export, runner
from ..networks.weights import pretrained
from .data import load
from .distortions import DISTORTIONS
from .evaluation import TEST_SEED, distorted
from .experiments import experiment_called


@torch.no_grad()
def export_shipped(name: str, file: Path | str, count: int = 1000) -> dict:
    """Write a shipped net to a file, as `export` does, and let file and net read the first `count` test images, distorted.

    Returns name, bytes (of the file), images (how many were read), same_class (of how many both say the same) and
    largest_difference (of a logit). Raises what `export` raises, and ValueError for an unknown name.
    """
    model, experiment, file = pretrained(name), experiment_called(name), path_of("file", file)
    data, distortion, generator = (
        load(experiment.data),
        DISTORTIONS[experiment.distortion](),
        torch.Generator().manual_seed(TEST_SEED),
    )
    images, _ = distorted(data.test_images[:count], distortion, generator, experiment.recipe)
    export(model, file, images)
    content = file.read_bytes()
    run = runner(content, file.suffix)
    pairs = [(model(part), run(part)[0]) for part in images.contiguous().split(500)]
    ours, theirs = (torch.cat(answers) for answers in zip(*pairs, strict=True))
    return {
        "name": name,
        "bytes": len(content),
        "images": len(images),
        "same_class": int((ours.argmax(dim=1) == theirs.argmax(dim=1)).sum()),
        "largest_difference": float((ours - theirs).abs().max()),
    }
