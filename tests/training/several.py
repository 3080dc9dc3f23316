"""What each process of a training in several does: test_processes.py runs it through torchrun, and its parts alone.

several.py numbers FILE        train nets with every kind of layer, and one for a hundred steps, and write what came out
several.py die ROOT SECONDS    the command line's `train`, of which the second process dies in the second epoch, while the first is
                           busy for so many seconds
"""

import os
import signal
import sys
import time
from dataclasses import replace

import torch
from torch import nn

from stn_tutorial import Affine, ParallelTransformers, SpatialTransformer, Translation
from stn_tutorial.__main__ import main
from stn_tutorial.networks import models
from stn_tutorial.networks.watching import find_transformer
from stn_tutorial.training.data import load
from stn_tutorial.training.distortions import DISTORTIONS, RandomRotation
from stn_tutorial.training.experiment import Experiment
from stn_tutorial.training.experiments import EXPERIMENTS
from stn_tutorial.training.processes import first, joined, summed
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.trainer import Trainer, fit

torch.set_num_threads(1)
PLAIN = Recipe(epochs=2, batch_size=32, lr=1e-3)


class Blind(nn.Module):
    """A localiser that answers NaN for images that are dark in the middle, without weights of its own that could spoil."""

    def forward(self, images):
        theta = images.new_zeros(len(images), 2)
        return torch.where(images[:, 0, 14, 13:15] < 0.1, float("nan"), theta)


class Unseen(nn.Flatten):
    """Flattens images, and takes what is no number for black."""

    def forward(self, images):
        return super().forward(images.nan_to_num())


def blind_net() -> nn.Module:
    return nn.Sequential(SpatialTransformer(Blind(), Translation()), Unseen(), nn.Linear(784, 10))


class Together(nn.Module):
    """What was said of each image's two windows, five numbers each, as one answer."""

    def forward(self, answers):
        return answers.view(-1, 10)


def two_windows() -> nn.Module:
    windows = ParallelTransformers.for_images((1, 28, 28), Affine(), 2, stack="batch")
    return nn.Sequential(windows, nn.Flatten(), nn.Dropout(0.3), nn.Linear(784, 5), Together())


# a name -> how the net is built, its recipe, its distortion
TRAININGS = {
    "plain": (lambda: models.paper_fcn(hidden=16), replace(PLAIN, dropout=None), "upright"),
    "a transformer with dropout": (models.tutorial_net, PLAIN, "r"),
    "batch normalisation, two views, noise, odd shares": (
        models.paper_st_cnn,
        replace(PLAIN, epochs=1, batch_size=33, optimizer="nesterov", consistency=1.0, theta_noise=0.1, augment=True, shift=2),
        "r",
    ),
    "two windows of an image with dropout": (two_windows, replace(PLAIN, epochs=1, theta_noise=0.1), "r"),
    "thetas that are no numbers": (blind_net, replace(PLAIN, epochs=1, optimizer="sgd"), "upright"),
}


def numbers(data) -> dict[str, dict]:
    """Train each: losses, weights and counters."""
    found = {}
    for name, (build, recipe, distortion) in TRAININGS.items():
        torch.manual_seed(7)
        net = build()
        training = fit(net, data, DISTORTIONS[distortion](), recipe, seed=3, device="cpu", progress=False)
        transformer = find_transformer(net)
        found[name] = {
            "losses": [epoch["train_loss"] for epoch in training.history] + [training.history[-1]["test_loss"]],
            "errors": [epoch["train_error_percent"] for epoch in training.history],
            "weights": torch.cat([value.flatten().double() for value in net.state_dict().values()]),
            "nan_thetas": 0 if transformer is None else int(transformer.nan_thetas),
        }
    return found


def losses(data, steps: int = 100) -> list[float]:
    """The loss of each step of a training: a transformer in front of a fully connected net, without anything that jumps."""
    torch.manual_seed(7)
    net, recipe = models.paper_st_fcn(hidden=32), replace(PLAIN, epochs=steps)
    trainer, found = Trainer(net, data, DISTORTIONS["r"](), recipe, seed=3, device=torch.device("cpu")), []
    with trainer.team.whole_batches():
        for step in range(steps):
            batch = torch.arange(step * recipe.batch_size, (step + 1) * recipe.batch_size) % len(trainer.images)
            found.append(float(summed(trainer.step(batch)[0])))
    return found


class Deadly(RandomRotation):
    """A distortion of which the second of two processes dies at some time in the second epoch, as of a lack of memory."""

    drawn = busy = 0

    def __call__(self, images, generator):
        Deadly.drawn += len(images) == PLAIN.batch_size  # the first process draws test images, too
        if Deadly.drawn == 14 and os.environ.get("RANK") == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        if Deadly.drawn == 14 and "RANK" in os.environ:
            time.sleep(Deadly.busy)
        return super().__call__(images, generator)


TINY = Experiment("mnist-r/tiny", models.paper_st_cnn, replace(PLAIN, epochs=3, optimizer="nesterov"), "mnist", "deadly")


if __name__ == "__main__":
    if sys.argv[1] == "numbers":
        with joined():
            data = load("mnist")
            found = {"trained": numbers(data), "losses": losses(data)}
            if first():
                torch.save(found, sys.argv[2])
    else:
        DISTORTIONS["deadly"], EXPERIMENTS[TINY.name], Deadly.busy = Deadly, TINY, int(sys.argv[3])
        main(["train", TINY.name, "--seeds", "0", "--root", sys.argv[2]])
