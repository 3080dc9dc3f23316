"""Networks and training on a CUDA device that is pretended: fake tensors know their device and refuse to mix two, without a GPU.

Forwards only: without a GPU torch has no backward for one. Kinds: transformers of every family with every sampler, mode, padding and background; volumes; every model, also under autocast;
distortions, augmentation, metrics and whole training steps of every kind of recipe.
"""

import math
from dataclasses import replace

import pytest
import torch
from pretended import moved, on_cuda, pretended_cuda
from torch import nn
from torch.nn import functional as F

from stn_tutorial import Affine, SpatialTransformer
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.geometry.volumes import Affine3d
from stn_tutorial.networks import models
from stn_tutorial.training import trainer as trainer_module
from stn_tutorial.training.augmentation import cut_out, flip_and_shift
from stn_tutorial.training.consistency import consistency_loss
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.experiments import EXPERIMENTS, SIDES
from stn_tutorial.training.metrics import out_of_frame_fraction, where_corners_look
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others", "ignore:CUDA is not available")


@pytest.fixture(autouse=True)
def pretended():
    with pretended_cuda():
        yield


def learns(net: nn.Module, images: torch.Tensor, autocast: bool = False) -> None:
    """A loss on the pretended device."""
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        answer = moved(net)(images)
    loss = F.cross_entropy(answer.float().flatten(1), torch.zeros(len(images), dtype=torch.long, device="cuda"))
    assert answer.device.type == loss.device.type == "cuda"


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_transformers(name, sampler):
    stn = SpatialTransformer.for_images((3, 12, 11), FAMILIES[name](), size=(7, 9), sampler=sampler, fill=[0.1, 0.2, 0.3])
    learns(stn, on_cuda(4, 3, 12, 11))
    theta = stn.theta(on_cuda(4, 3, 12, 11))
    assert theta.device.type == stn.warp(on_cuda(4, 3, 12, 11), theta[0]).device.type == "cuda"
    with pytest.raises(ValueError, match="on their device, cuda"):
        stn.warp(on_cuda(4, 3, 12, 11), theta.cpu())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_samplers(mode, padding_mode, sampler):
    for fill in (0.0, 0.5) if padding_mode == "zeros" else (0.0,):
        options = dict(mode=mode, padding_mode=padding_mode, sampler=sampler, fill=fill)
        stn = moved(SpatialTransformer.for_images((3, 12, 11), Affine(), **options))
        assert stn(on_cuda(4, 3, 12, 11)).device.type == "cuda"
        if mode != "bicubic":
            stn = moved(SpatialTransformer.for_images((3, 5, 6, 7), Affine3d(), **options))
            assert stn(on_cuda(2, 3, 5, 6, 7)).device.type == "cuda"


def builders():
    """Every net that a recorded experiment builds, once, with the side and channels of its images."""
    found = {}
    for experiment in EXPERIMENTS.values():
        if experiment.name.endswith("-plain"):  # the nets of "-still"
            continue
        shape = (3, 48, 48) if "rts" in experiment.name and experiment.data == "cifar10" else (3, 32, 32)
        digits = (2, 42, 42) if experiment.pairs else (1, *[SIDES.get(experiment.distortion)] * 2)
        shape = shape if experiment.data == "cifar10" else digits
        found.setdefault(repr(experiment.build()), (experiment.build, shape))
    return list(found.values())


@pytest.mark.parametrize("autocast", [False, True])
def test_models_of_all_experiments(autocast):
    nets = builders()
    assert len(nets) > 20
    for build, shape in nets if not autocast else nets[::4]:
        learns(build(), on_cuda(4, *shape).contiguous(memory_format=torch.channels_last), autocast)
    learns(models.tutorial_net(), on_cuda(4, 1, 28, 28), autocast)


@pytest.mark.parametrize("task", DISTORTIONS)
def test_distortions_and_where_they_lead(task):
    distortion, generator = DISTORTIONS[task](), torch.Generator()
    images, pose = distortion(on_cuda(4, 1, 28, 28), generator)
    corners = where_corners_look(distortion.family, pose, Affine(), Affine().identity().to("cuda").expand(4, -1))
    loss = consistency_loss(corners, corners)
    assert {tensor.device.type for tensor in (images, pose, corners, loss)} == {"cuda"}
    assert out_of_frame_fraction(distortion.family.grid(pose, (28, 28))).device.type == "cuda"


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_augmentation(padding, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "__int__", lambda tensor: 4)  # a fake tensor has no number to tell
    images, generator = on_cuda(4, 3, 16, 16), torch.Generator()
    assert cut_out(flip_and_shift(images, generator, 4, padding), generator, 5).device.type == "cuda"


RECIPES = {
    "plain": Recipe(),
    "consistent": Recipe(consistency=1.0, theta_noise=0.1),
    "cut out": Recipe(cutout=5),
    "distorted once": Recipe(distort_once=True),
    "sgd": Recipe(optimizer="sgd", decay_biases=False),
    "nesterov": Recipe(optimizer="nesterov", dropout=0.1, label_smoothing=0.1),
}


@pytest.mark.parametrize("default", ["cpu", "cuda"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_training_steps(recipe, default, few_digits, monkeypatch):
    monkeypatch.setattr(trainer_module, "prepare", lambda model, recipe, device: moved(model))
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    recipe = replace(RECIPES[recipe], epochs=1, batch_size=32)
    with torch.device(default):
        trainer = Trainer(models.tutorial_net(), few_digits, DISTORTIONS["r"](), recipe, 0, torch.device("cuda"))
        loss, mistakes = trainer.step(torch.arange(32, device="cuda"))
        assert loss.device.type == mistakes.device.type == trainer.ill_thetas.device.type == "cuda"
        assert trainer.recorder.record(0)
        assert trainer.recorder.result()["theta"].device.type == "cpu"
    assert math.prod(loss.shape) == 1
