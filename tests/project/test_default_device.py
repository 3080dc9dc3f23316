"""Under another default device everything that is told its own, or needs none, gives the very same numbers and pictures.

The default device is "meta", which has no numbers: a tensor that is made without saying where is noticed as soon as it is used. So
what holds here holds under `torch.set_default_device("cuda")`, too.
"""

import copy
from dataclasses import replace

import pytest
import torch

from stn_tutorial import explore, explore_model, pretrained, sample
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.paths import theta_path
from stn_tutorial.networks import models
from stn_tutorial.teaching.pose_figures import one_digit_turned
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.evaluation import evaluate
from stn_tutorial.training.metrics import pose_report, stillness, where_corners_look
from stn_tutorial.training.probes import shift_undone
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.trainer import fit

pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")
STILL = "mnist-r/st-cnn-affine-still"


def unchanged(work) -> None:
    """Run some work under the usual default device and under one without numbers: a list of tensors, bytes or plain numbers, the same."""
    usual = list(work())
    with torch.device("meta"):
        found = list(work())
    for ours, theirs in zip(usual, found, strict=True):
        if isinstance(ours, torch.Tensor):
            assert theirs.device == ours.device and torch.equal(ours, theirs)
        else:
            assert ours == theirs


RECIPES = {
    "plain": Recipe(),
    "two views, all augmentation": Recipe(consistency=1.0, theta_noise=0.1, augment=True, shift=2, cutout=5),
    "mirrored edges": Recipe(augment=True, shift=2, shift_padding="reflect", optimizer="sgd"),
    "distorted once": Recipe(distort_once=True, optimizer="nesterov"),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_training(recipe, few_digits):
    torch.manual_seed(0)
    net, recipe = models.tutorial_net(), replace(RECIPES[recipe], epochs=1, batch_size=64)

    def work():
        trained = copy.deepcopy(net)
        training = fit(trained, few_digits, DISTORTIONS["r"](), recipe, device="cpu", progress=False)
        yield from (weight.detach() for weight in trained.parameters())
        yield from training.theta.values()
        yield from evaluate(trained, few_digits, DISTORTIONS["r"](), device="cpu").values()

    unchanged(work)


@pytest.mark.parametrize("task", DISTORTIONS)
def test_distortions_and_what_is_measured_of_them(task, few_digits):
    def work():
        distortion, images = DISTORTIONS[task](), few_digits.test_images[:8].float() / 255
        yield from distortion(images, generator := torch.Generator().manual_seed(0))
        corners = where_corners_look(distortion.family, distortion(images, generator)[1])
        yield pose_report(corners, corners, few_digits.test_labels[:8])

    unchanged(work)


@pytest.mark.parametrize("name", FAMILIES)
def test_explorers_and_ways_of_theta(name, few_digits):
    family, image = FAMILIES[name](), few_digits.test_images[0]
    start = family.identity()
    end = start + 0.1 * torch.rand(family.num_params)

    def work():
        yield theta_path(family, start, end, 4)
        for sampler in (None, sample):
            explorer = explore(image, family, sampler)
            explorer.theta = end.tolist()
            yield from (explorer.problem, explorer.output, explorer.render().png)

    unchanged(work)


def test_a_trained_net_its_explorer_and_its_questions(few_digits):
    def work():
        net = pretrained(STILL)
        yield from net.state_dict().values()
        explorer = explore_model(net, few_digits.test_images[:3], degrees=40)
        explorer.pose = [10, 1.1, 0.1, 0]
        yield from (explorer.problem, explorer.probabilities, explorer.render().png)
        yield stillness(net, few_digits.test_images[:5], DISTORTIONS["r"]())
        yield shift_undone(net, few_digits, device="cpu")
        yield one_digit_turned({"net": net}, few_digits.test_images[0], range(-90, 91, 90)).png

    unchanged(work)
