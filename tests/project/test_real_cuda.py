"""What only a real GPU can show; docs/gpu.md lists it. Without one all of this is passed over."""

import copy
import os

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial import SpatialTransformer, explore_model, pretrained
from stn_tutorial.device import has_units_for_bfloat16
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.networks import models
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.evaluation import evaluate
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.trainer import fit

GPU = torch.device(os.environ.get("STN_TEST_DEVICE", "cuda"))
pytestmark = [
    pytest.mark.skipif(GPU.type == "cuda" and not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others"),
]


def answers(stn: SpatialTransformer, images: torch.Tensor, device) -> list[torch.Tensor]:
    """Output, theta, and the gradients of images and weights, on the CPU."""
    stn, images = copy.deepcopy(stn).to(device), images.to(device).requires_grad_()
    out, theta = stn(images, return_theta=True)
    weights = torch.linspace(0, 1, out.numel(), device=device).view_as(out)
    gradients = torch.autograd.grad((out * weights).mean(), [images, *stn.parameters()], allow_unused=True)
    return [tensor.detach().cpu() for tensor in (out, theta, *gradients) if tensor is not None]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_forward_and_backward_are_those_of_the_cpu(name, sampler):
    torch.manual_seed(0)
    stn = SpatialTransformer.for_images((2, 20, 22), FAMILIES[name](), sampler=sampler, fill=0.3).eval()
    torch.nn.init.normal_(stn.localization.last.weight, std=0.05)
    images = F.avg_pool2d(torch.rand(4, 2, 24, 26), 5, stride=1)  # smooth, as pictures are
    for there, here in zip(answers(stn, images, GPU), answers(stn, images, "cpu"), strict=True):
        torch.testing.assert_close(there, here, rtol=1e-2, atol=1e-3)


@pytest.mark.skipif(GPU.type != "cuda", reason="the kernel is CUDA's")
@pytest.mark.parametrize("name", ["translation", "attention", "rotation", "similarity", "affine"])
def test_the_fused_kernel_is_grid_and_sampler(name):
    torch.manual_seed(0)
    stn = SpatialTransformer.for_images((2, 20, 22), FAMILIES[name](), fill=0.3, sampler="fused").eval()
    torch.nn.init.normal_(stn.localization.last.weight, std=0.05)
    images = F.avg_pool2d(torch.rand(4, 2, 24, 26), 5, stride=1)
    fused = answers(stn, images, GPU)
    stn.sampler = "torch"
    for there, here in zip(fused, answers(stn, images, "cpu"), strict=True):
        torch.testing.assert_close(there, here, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_runs_and_goes_on(precision, few_digits, tmp_path):
    if precision == "bfloat16" and not has_units_for_bfloat16(GPU):
        pytest.skip("has no units for bfloat16")
    recipe = Recipe(epochs=2, batch_size=64, precision=precision)
    torch.manual_seed(0)
    net = models.tutorial_net()
    fit(net, few_digits, DISTORTIONS["r"](), recipe, device=GPU, folder=tmp_path, progress=False)
    again = fit(models.tutorial_net(), few_digits, DISTORTIONS["r"](), recipe, device=GPU, folder=tmp_path, progress=False)
    assert again.precision == precision and len(again.history) == 2
    assert evaluate(net, few_digits, DISTORTIONS["r"](), recipe, GPU)["loss"] == pytest.approx(
        again.history[-1]["test_loss"], rel=1e-3
    )


def test_a_trained_net_answers_as_on_the_cpu_and_its_explorer_works(few_digits):
    net, on_gpu = pretrained("mnist-r/st-cnn-affine-still"), pretrained("mnist-r/st-cnn-affine-still").to(GPU)
    images = few_digits.test_images.float() / 255
    with torch.no_grad():
        torch.testing.assert_close(on_gpu(images.to(GPU)).cpu(), net(images), rtol=1e-2, atol=1e-2)
        with torch.device(GPU):
            explorer = explore_model(on_gpu, few_digits.test_images[:3], degrees=40)
            assert explorer.problem == "" and explorer.render().png[:4] == b"\x89PNG"
    assert explorer.probabilities == pytest.approx(
        explore_model(net, few_digits.test_images[:3], degrees=40).probabilities, abs=1e-2
    )
