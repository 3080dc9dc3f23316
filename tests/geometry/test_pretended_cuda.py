"""Families and samplers on a CUDA device that is pretended, and a refusal wherever two devices meet."""

import pytest
import torch
from families import EVERY_FAMILY, GROUPS, VOLUMES, size_for
from pretended import on_cuda, pretended_cuda
from torch.nn import functional as F

from stn_tutorial import Affine, sample
from stn_tutorial.geometry.paths import theta_path
from stn_tutorial.geometry.pixel_matrix import theta_from_pixels
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.geometry.volumes import sample_volume

pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")
ALL = [*EVERY_FAMILY, *VOLUMES]
every_family = pytest.mark.parametrize("family", ALL, ids=repr)


@pytest.fixture(autouse=True, params=[None, "cuda"], ids=["told", "default"])
def pretended(request):
    """The pretended device, named by the tensors alone, and as torch's default device, too."""
    with pretended_cuda(), torch.device(request.param or "cpu"):
        yield


def thetas(family) -> torch.Tensor:
    return family.identity().to("cuda") + 0.1 * on_cuda(4, family.num_params)


@every_family
def test_what_a_family_answers_stays_on_the_device(family):
    theta, size = thetas(family), size_for(family)
    answers = [family.grid(theta, size, align_corners=corners) for corners in (False, True)]
    answers.append(family.map_points(theta, on_cuda(5, family.dimensions)))
    answers.append(family.map_points(theta, torch.rand(5, family.dimensions, device="cpu")))  # points come to theta
    answers += [getattr(family, name)(theta) for name in ("matrix", "inverse") if hasattr(family, name)]
    answers += [family.compose(theta, theta)] if hasattr(family, "compose") else []
    assert {answer.device.type for answer in answers} == {"cuda"}
    assert theta_path(family, theta[0], theta[1], 3, steady=False).device.type == "cuda"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_the_sampler_from_scratch(mode, padding_mode):
    options = dict(mode=mode, padding_mode=padding_mode)
    for align_corners in (False, True):
        out = sample(on_cuda(2, 3, 5, 7), on_cuda(2, 4, 6, 2), align_corners=align_corners, **options)
        assert out.device.type == "cuda" and out.shape == (2, 3, 4, 6)
        if mode != "bicubic":
            out = sample_volume(on_cuda(2, 3, 5, 7, 6), on_cuda(2, 4, 6, 5, 3), align_corners=align_corners, **options)
            assert out.device.type == "cuda" and out.shape == (2, 3, 4, 6, 5)
    assert sample(on_cuda(1, 3, 5, 7), on_cuda(1, 4, 6, 2), fill=torch.rand(3, device="cpu")).device.type == "cuda"


def test_two_devices_are_refused():
    here, there = torch.rand(2, 3, 5, 7, device="cpu"), on_cuda(2, 3, 5, 7)
    grid = on_cuda(2, 4, 6, 2)
    with pytest.raises(ValueError, match="grid must be on the device of the images, cpu, got cuda"):
        sample(here, grid)
    with pytest.raises(ValueError, match="grid must be on the device of the images, cuda:0, got cpu"):
        sample(there, grid.cpu())
    with pytest.raises(ValueError, match="grid must be on the device of the volumes"):
        sample_volume(here[:, None], on_cuda(2, 4, 6, 5, 3))
    with pytest.raises(RuntimeError, match="device"):  # torch's own, as a check that pretending is worth something
        F.grid_sample(here, grid, align_corners=False)


@pytest.mark.parametrize("family", GROUPS, ids=repr)
def test_thetas_on_two_devices_are_not_composed(family):
    theta = thetas(family)
    with pytest.raises(ValueError, match="second must be as first, .* cuda:0, got .* cpu"):
        family.compose(theta, theta.cpu())


def test_a_matrix_in_pixels_becomes_a_theta_where_it_is():
    assert theta_from_pixels(Affine().matrix(thetas(Affine())), (5, 7)).device.type == "cuda"
