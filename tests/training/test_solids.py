"""Digits with a thickness: their shadow is the picture, turns are turns, three nets of one size, and a training that learns."""

import pytest
import torch

from stn_tutorial.geometry.volumes import Affine3d
from stn_tutorial.networks.models import parameters_of
from stn_tutorial.training.solids import (
    READERS,
    Shadow,
    Solid,
    error_on_solids,
    rotations,
    solid_net,
    train_solids,
    turned_solids,
)


@pytest.fixture(scope="module")
def digits(digits):
    return digits.subset(400, 100)


def test_the_shadow_of_a_solid_that_is_not_turned_is_the_picture(digits):
    images = digits.test_images[:5]
    assert Solid()(images).shape == (5, 1, 24, 24, 24)
    shadow = Shadow()(turned_solids(images, torch.Generator(), degrees=0))
    torch.testing.assert_close(shadow, images[..., 2:26, 2:26].float() / 255, atol=1e-5, rtol=0)


def test_rotations_keep_lengths_and_do_not_mirror():
    theta = rotations(50, torch.Generator().manual_seed(0))
    matrix = theta.view(-1, 3, 4)
    torch.testing.assert_close(matrix[..., :3] @ matrix[..., :3].mT, torch.eye(3).expand(50, 3, 3), atol=1e-5, rtol=0)
    assert (torch.linalg.det(matrix[..., :3]) > 0).all() and not matrix[..., 3].any()
    assert matrix[:, 2, 2].min() < 0.5  # digits are seen from the side, too


def test_one_seed_turns_alike_and_another_does_not(digits):
    first, again, other = (turned_solids(digits.test_images[:3], torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=0.1)


def test_the_three_nets_have_one_size_and_the_transformer_begins_at_the_identity():
    nets = {reader: solid_net(reader) for reader in READERS}
    sizes = [parameters_of(net) for net in nets.values()]
    assert max(sizes) / min(sizes) < 1.01
    volumes = torch.rand(2, 1, 24, 24, 24)
    assert all(net(volumes).shape == (2, 10) for net in nets.values())
    torch.testing.assert_close(nets["transformer"].transformer.theta(volumes), Affine3d().identity().expand(2, -1))
    with pytest.raises(ValueError, match="reader must be one of"):
        solid_net("cube")


def test_a_training_learns_and_leaves_a_net_that_can_be_asked(digits):
    torch.manual_seed(0)
    net = solid_net("shadow")
    error = train_solids(net, digits, steps=30, batch=32)
    assert error == error_on_solids(net, digits) and error < 75  # chance is 90
    assert not net.training
