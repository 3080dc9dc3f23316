"""Two digits at once: pairs and sums, each channel distorted by itself, and which window follows which digit."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from stn_tutorial import Affine, ParallelTransformers, SpatialTransformer, fit, load
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.networks.models.parts import parameters_of
from stn_tutorial.training.addition import SUMS, empty_windows, in_pairs, who_follows, window_thetas
from stn_tutorial.training.distortions import DISTORTIONS, EachAlone, RandomRotation, RandomSimilarity
from stn_tutorial.training.evaluation import TEST_SEED
from stn_tutorial.training.experiments import EXPERIMENTS

EACH = EachAlone(RandomSimilarity(42))


@pytest.fixture(scope="module")
def digits():
    return load("mnist").subset(300, 120)


def test_a_pair_holds_both_digits_and_is_called_their_sum(digits):
    pairs = in_pairs(digits)
    assert pairs.test_images.shape == (120, 2, 28, 28) and pairs.classes == SUMS
    assert torch.equal(pairs.test_images[:, :1], digits.test_images)
    for image, total, first in zip(pairs.test_images, pairs.test_labels, digits.test_labels, strict=True):
        other = (digits.test_images[:, 0] == image[1]).flatten(1).all(dim=1).nonzero().flatten()
        assert total - first in digits.test_labels[other]
    assert torch.equal(in_pairs(digits).train_images, pairs.train_images)
    assert not torch.equal(in_pairs(digits, seed=1).train_images, pairs.train_images)
    assert in_pairs(digits, seed=1).fingerprint != pairs.fingerprint
    with pytest.raises(ValueError, match="data must be digits of one channel"):
        in_pairs(pairs)


@pytest.mark.parametrize("told", [0, 1])
def test_each_channel_is_distorted_by_itself_and_its_own_pose_told(digits, told):
    images = in_pairs(digits).test_images[:8].float() / 255
    out, pose = EachAlone(RandomSimilarity(42), told)(images, torch.Generator().manual_seed(0))
    assert torch.equal(out, EACH(images, torch.Generator().manual_seed(0))[0])  # the same images whatever is told
    again = SpatialTransformer(nn.Identity(), EACH.family, size=42).warp(images[:, told : told + 1], pose)
    torch.testing.assert_close(out[:, told : told + 1], again)
    assert not torch.allclose(out[:, 1 - told : 2 - told], again, atol=0.1)


def test_a_channel_that_is_not_there_is_named(digits):
    with pytest.raises(ValueError, match="told must be a channel of 1, got 1"):
        EachAlone(RandomRotation(), told=1)(digits.test_images[:2] / 255, torch.Generator())


class Knowing(nn.Module):
    """A localiser that was told one digit's pose of every test image, in their order, and answers what undoes it."""

    def __init__(self, data, told):
        super().__init__()
        poses = [
            EachAlone(EACH.each, told)(images / 255, generator)[1]
            for generator in [torch.Generator().manual_seed(TEST_SEED)]
            for images in data.test_images.split(1000)
        ]
        self.theta, self.at = EACH.family.inverse(torch.cat(poses)), 0

    def forward(self, images):
        start = self.at % len(self.theta)
        self.at += len(images)
        return self.theta[start : start + len(images)]


def test_who_follows_whom_is_seen_in_pixels(digits):
    data = in_pairs(digits)
    windows = [SpatialTransformer(Knowing(data, told), EACH.family, size=28) for told in (1, 0)]
    found = who_follows(nn.Sequential(ParallelTransformers(windows), nn.Linear(28, 1)), data, EACH)
    assert found.shape == (2, 2)
    assert max(found[0, 1], found[1, 0]) < 0.01 < 5 < min(found[0, 0], found[1, 1])


def test_a_window_that_looks_beside_the_picture_is_empty(digits):
    family, data = EACH.family, in_pairs(digits)
    knowing = SpatialTransformer(Knowing(data, 0), family, size=28)
    beside = SpatialTransformer(FixedTheta(family.identity() + torch.tensor([0, 0, 5.0, 0])), family, size=28)
    net = nn.Sequential(ParallelTransformers([knowing, beside]), nn.Linear(28, 1)).train()
    assert empty_windows(net, data, EACH) == [0, 100] and net.training


def test_the_thetas_of_pictures_are_those_of_each_window(digits):
    images, half = in_pairs(digits).test_images[:3] / 255, torch.tensor([0.5, 0, 0, 0, 0.5, 0])
    windows = [SpatialTransformer(FixedTheta(theta), Affine(), size=28) for theta in (half, -half)]
    found = window_thetas(nn.Sequential(ParallelTransformers(windows), nn.Linear(28, 1)), images)
    assert found == [[half.tolist()] * 3, [(-half).tolist()] * 3]


NETS = sorted(name for name in EXPERIMENTS if name.startswith("mnist-addition/"))


def test_all_nets_for_sums_have_one_size():
    sizes = [parameters_of(EXPERIMENTS[name].build()) for name in NETS]
    assert max(sizes) <= 400_000 and max(sizes) / min(sizes) < 1.02
    with pytest.raises(ValueError, match=r"windows must be one of \[0, 1, 2\]"):
        models.addition_net(3)


@pytest.mark.parametrize("name", NETS)
def test_each_net_for_sums_trains(name, digits):
    experiment = EXPERIMENTS[name]
    recipe = replace(experiment.recipe, epochs=1, batch_size=100, precision="float32")
    training = fit(experiment.build(), in_pairs(digits), DISTORTIONS[experiment.distortion](), recipe, progress=False)
    assert 0 <= training.history[-1]["test_error_percent"] <= 100
    assert (training.theta is not None) == (name.endswith(("affine", "tps")))
