"""What the probes say of transformers whose behaviour is known."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from stn_tutorial import Affine, SpatialTransformer
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.training.augmentation import flip_and_shift, mirrored, shifted
from stn_tutorial.training.evaluation import evaluate
from stn_tutorial.training.probes import class_from_theta, error_with_one_theta, shift_undone
from stn_tutorial.training.recipe import Recipe


class Follower(nn.Module):
    """A localiser that looks for the strip of zeros which a shift has brought in, and moves the window after the image."""

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, images):
        lit = images.amax(dim=1) > 0
        height, width = lit.shape[1:]
        right = lit.any(dim=1).float() @ torch.linspace(-1, 1, width) / lit.any(dim=1).sum(dim=1)
        down = lit.any(dim=2).float() @ torch.linspace(-1, 1, height) / lit.any(dim=2).sum(dim=1)
        theta = Affine().identity().repeat(len(images), 1)
        # the middle of what is lit moves by half of the shift
        theta[:, 2], theta[:, 5] = 2 * self.share * right, 2 * self.share * down
        return theta


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_a_transformer_that_follows_the_black_strip_undoes_the_shift(few_digits, share):
    white = replace(few_digits, test_images=torch.full_like(few_digits.test_images, 255))
    net = nn.Sequential(SpatialTransformer(Follower(share), Affine()), nn.Flatten(), nn.Linear(784, 10))
    found = shift_undone(net, white, Recipe(shift_padding="zeros"))
    assert found == pytest.approx(share * 28 / 27, abs=0.05)
    assert shift_undone(net, white, Recipe(shift_padding="reflect")) == pytest.approx(
        0, abs=1e-6
    )  # no strip, nothing to follow


def test_one_theta_for_all_images_leaves_the_model_as_it_is(few_digits):
    torch.manual_seed(0)
    net = nn.Sequential(SpatialTransformer(Follower(3.0), Affine()), nn.Flatten(), nn.Linear(784, 10))
    own = evaluate(net, few_digits)
    theta = own["theta"].mean(dim=0)
    by_hand = nn.Sequential(SpatialTransformer(FixedTheta(theta), Affine()), *net[1:])
    error = error_with_one_theta(net, few_digits, theta)
    assert error == evaluate(by_hand, few_digits)["error_percent"] != own["error_percent"]
    assert evaluate(net, few_digits)["error_percent"] == own["error_percent"]


def test_shifted_refuses_an_edge_that_it_does_not_know():
    with pytest.raises(ValueError, match="padding must be one of 'zeros', 'reflect', got 'mirror'"):
        shifted(torch.zeros(1, 3, 8, 8), torch.tensor([1]), torch.tensor([0]), "mirror")


def test_shifted_moves_each_image_by_its_own_pixels():
    images = torch.randint(1, 255, (2, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    moved = shifted(images, torch.tensor([2, 0]), torch.tensor([-1, 0]))
    assert torch.equal(moved[1], images[1])
    assert torch.equal(moved[0, :, :-1, 2:], images[0, :, 1:, :-2])
    assert moved[0, :, -1].max() == moved[0, :, :, :2].max() == 0
    mirror = shifted(images, torch.tensor([2, 0]), torch.tensor([-1, 0]), "reflect")
    assert torch.equal(mirror[0, :, :-1, 2:], images[0, :, 1:, :-2])
    assert torch.equal(mirror[0, :, :-1, :2], images[0, :, 1:, 1:3].flip(2))
    assert torch.equal(mirror[0, :, -1, 2:], images[0, :, -2, :-2])
    assert mirrored(torch.arange(-3, 9), 6).tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 5, 4, 3, 2]


def test_reflected_training_images_have_no_black_strip():
    images = torch.full((64, 3, 12, 12), 200, dtype=torch.uint8)
    assert flip_and_shift(images, torch.Generator().manual_seed(0), 3, "reflect").min() == 200
    assert flip_and_shift(images, torch.Generator().manual_seed(0), 3).min() == 0
    with pytest.raises(ValueError, match="shift_padding must be one of zeros, reflect, got 'border'"):
        Recipe(shift_padding="border")


def test_theta_tells_the_class_as_far_as_it_depends_on_it():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (2000,), generator=generator)
    noise = torch.randn(2000, 6, generator=generator)
    assert class_from_theta(noise, labels) == pytest.approx(25, abs=5)
    telling = noise.clone()
    telling[:, 3] = 1000 * labels + noise[:, 3]
    assert class_from_theta(telling, labels) > 85
    assert class_from_theta(torch.ones(2000, 6), labels) == pytest.approx(25, abs=5)  # the same for all images
    with pytest.raises(ValueError, match="theta must have at least 50 rows for 25 neighbours, got 40"):
        class_from_theta(noise[:40], labels[:40])
