"""The paper's distortions: what they draw, and that the theta they report is the one they applied."""

import math

import pytest
import torch

from stn_tutorial import Affine, Rotation, sample
from stn_tutorial.geometry.coordinates import CORNERS
from stn_tutorial.training.distortions import (
    DISTORTIONS,
    RandomElastic,
    RandomProjection,
    RandomRotation,
    RandomSimilarity,
    TranslatedCluttered,
    Upright,
)

SIZES = {"upright": 28, "r": 28, "r360": 28, "rts": 42, "rts48": 48, "p": 28, "e": 28, "tc": 60}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Blots in a black frame, as large as digits are: (200, 1, 28, 28)."""
    blots = torch.rand(200, 1, 20, 20, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.pad(blots, (4, 4, 4, 4))


def distort(name: str, images: torch.Tensor, seed: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return DISTORTIONS[name]()(images, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SIZES)
def test_one_seed_gives_one_test_set_and_another_seed_another(name, images):
    (out, theta), (again, same), (_, other) = distort(name, images), distort(name, images), distort(name, images, seed=5)
    assert out.shape == (200, 1, SIZES[name], SIZES[name])
    assert torch.equal(out, again) and torch.equal(theta, same)
    assert name == "upright" or not torch.equal(theta, other)
    assert out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("name", SIZES)
def test_the_theta_that_a_distortion_reports_is_the_one_it_applied(name, images):
    out, theta = distort(name, images)
    distortion = DISTORTIONS[name]()
    wanted = sample(images, distortion.family.grid(theta, (SIZES[name], SIZES[name])))
    if name == "tc":  # the clutter only ever adds
        assert (out >= wanted - 1e-5).all()
        assert (out > wanted + 1e-5).any()
    else:
        torch.testing.assert_close(out, wanted, rtol=0, atol=1e-4)


def test_upright_digits_stay_as_they_are(images):
    out, theta = distort("upright", images)
    assert torch.equal(out, images)
    assert torch.equal(theta, Affine().identity().expand(200, 6))


def test_r_turns_evenly_within_its_range(images):
    _, theta = RandomRotation(45)(images, torch.Generator().manual_seed(4))
    degrees = theta[:, 0].rad2deg()
    assert degrees.abs().max() <= 45
    assert degrees.std() == pytest.approx(90 / math.sqrt(12), rel=0.1)


def test_rts_turns_scales_and_places_the_image_within_the_frame():
    theta = RandomSimilarity().draw(20_000, 28, torch.Generator().manual_seed(0))
    degrees, scale = theta[:, 0].rad2deg(), 1.5 / theta[:, 1].exp()  # the frame is 1.5 times as wide as the image
    for drawn, low, high in ((degrees, -45, 45), (scale, 0.7, 1.2)):
        assert drawn.min() >= low - 1e-3 and drawn.max() <= high + 1e-3
        assert drawn.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.03)
    # where the centre of the image lies in the frame, in pixels from the frame's centre: t = -R c / (14 scale)
    centre = -14 * scale[:, None] * torch.einsum("nij,ni->nj", Rotation().matrix(theta[:, :1])[:, :, :2], theta[:, 2:])
    room = (42 - 28 * scale) / 2
    assert (centre.abs() <= room[:, None] + 1e-3).all()
    assert (centre / room[:, None]).std(dim=0).tolist() == pytest.approx([1 / math.sqrt(3)] * 2, rel=0.03)


def test_rts_has_room_for_larger_images():
    images = torch.ones(50, 3, 32, 32)
    out, theta = DISTORTIONS["rts48"]()(images, torch.Generator().manual_seed(0))
    assert out.shape == (50, 3, 48, 48)
    scale = 1.5 / theta[:, 1].exp()
    assert scale.min() >= 0.7 and scale.max() <= 1.2
    ink = out[:, 0].sum(dim=(1, 2)) / (32 * scale) ** 2  # turning pushes a corner out of the frame at most
    assert ink.max() < 1.02 and ink.min() > 0.85
    with pytest.raises(ValueError, match="side must be a whole number of at least 1, got 0"):
        RandomSimilarity(0)
    with pytest.raises(ValueError, match=r"side must be at least 1.2 times the image's, 38.4 pixels, got 38"):
        RandomSimilarity(38)(images, torch.Generator())


def test_p_stretches_each_corner_by_five_pixels():
    family, corners = RandomProjection.family, torch.tensor(CORNERS, dtype=torch.float64)
    theta = RandomProjection().draw(5_000, 28, torch.Generator().manual_seed(0)).double()
    # the corners of the image lie where the inverse sends them; a few beyond the horizon are left out
    lie = 14 * family.map_points(family.inverse(theta), corners.expand(5_000, 4, 2))
    lie = lie[(lie.abs() < 100).all(dim=2).all(dim=1)]
    assert len(lie) > 4_800
    assert lie.mean(dim=0).flatten().tolist() == pytest.approx((14 * 0.875 * corners).flatten().tolist(), abs=0.3)
    along = lie / (14 * corners)  # a corner stays on its ray: both coordinates are stretched alike
    assert (along[..., 0] - along[..., 1]).abs().max() < 1e-3
    ray = 14 * math.sqrt(2)
    scale = ray * 0.25 / math.sqrt(12)  # what the common scale adds to the deviation
    assert (ray * along[..., 0]).std(dim=0).tolist() == pytest.approx([math.hypot(5, scale)] * 4, rel=0.04)


def test_e_moves_each_control_point_by_one_and_a_half_pixels():
    theta = RandomElastic().draw(5_000, 28, torch.Generator().manual_seed(0)).view(5_000, 16, 2)
    controls = RandomElastic.family.controls.float()
    looked = controls + theta
    assert looked.mean(dim=0).flatten().tolist() == pytest.approx((1.1507 * controls).flatten().tolist(), abs=0.02)
    # E[1 / s^2] for s even on [0.75, 1] is 4/3: the draw of 1.5 pixels, enlarged, beside the spread of 1 / s
    spread = math.sqrt((1.5 / 14) ** 2 * 4 / 3 + (4 / 3 - 1.1507**2) / 9)
    assert looked[:, [5, 6, 9, 10]].std(dim=0).flatten().tolist() == pytest.approx([spread] * 8, rel=0.05)


def test_tc_places_the_digit_on_whole_pixels_and_adds_six_patches():
    images = torch.zeros(300, 1, 28, 28)
    images[0] = 1  # only the first image has ink: a white square
    out, theta = TranslatedCluttered()(images, torch.Generator().manual_seed(6))
    square = out[0, 0] > 0.999
    assert square.sum() == 28 * 28  # unblurred; its own patches come from black images
    assert out[0].sum() == pytest.approx(28 * 28, abs=1e-2)
    rows, columns = square.nonzero().unbind(dim=1)
    centre = torch.stack([columns.float().mean(), rows.float().mean()]) + 0.5 - 30
    torch.testing.assert_close(theta[0, 1:], -centre / 14)
    # every other image shows patches of the first alone, whole ones: at most six of 6x6, fewer pixels where they overlap
    ink = out[1:].sum(dim=(1, 2, 3))
    assert ink.max() <= 6 * 36 and (ink > 0).sum() >= 3
    assert not ((ink > 0) & (ink < 36)).any()
    corners = 16 - 14 * theta[:, 1:]
    assert corners.min() >= -1e-3 and corners.max() <= 32 + 1e-3


def test_a_batch_of_one_is_cluttered_with_itself_and_an_empty_one_stays_empty():
    for name in SIZES:
        for n in (0, 1):
            out, theta = distort(name, torch.rand(n, 1, 28, 28))
            assert out.shape == (n, 1, SIZES[name], SIZES[name]) and len(theta) == n


@pytest.mark.parametrize("name", [name for name in DISTORTIONS if name != "upright"])
def test_images_that_are_not_square_are_named(name):
    for shape in ((2, 1, 28, 20), (28, 28)):
        with pytest.raises(ValueError, match=r"images must be square, \(N, C, H, H\), got"):
            distort(name, torch.zeros(shape))


def test_degrees_out_of_range_are_named():
    for degrees in (-1, 181, math.nan):
        with pytest.raises(ValueError, match=r"degrees must "):
            RandomRotation(degrees)


def test_a_distortion_says_what_it_is():
    # by this a checkpoint is recognised
    assert repr(RandomRotation(45)) == "RandomRotation(45)"
    assert len({repr(kind()) for kind in DISTORTIONS.values()}) == len(DISTORTIONS)
    assert repr(Upright()) == "Upright()"
