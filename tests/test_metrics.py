"""The pose, measured: angles recovered from matrices, circular spread, and the truth of what a distortion reports."""

import math

import pytest
import torch

from stn_tutorial import Affine, Rotation, Translation, sample
from stn_tutorial.distortions import RandomRotation, Upright
from stn_tutorial.metrics import circular_spread, out_of_frame_fraction, pose_report, residual_angle, rotation_angle
from stn_tutorial.transforms import invert

ANGLES = torch.linspace(-math.pi + 0.01, math.pi - 0.01, 41, dtype=torch.float64)


def turned(angles, stretch=None, shift=(0.0, 0.0)):
    """2x3 matrices that stretch by a symmetric matrix, turn, and shift."""
    rotation = Rotation().matrix(angles[:, None])
    if stretch is not None:
        rotation[:, :, :2] = rotation[:, :, :2] @ torch.tensor(stretch, dtype=angles.dtype)
    rotation[:, :, 2] += torch.tensor(shift, dtype=angles.dtype)
    return rotation


@pytest.mark.parametrize("stretch", [None, [[0.4, 0], [0, 0.4]], [[2, 0], [0, 0.5]], [[1.2, 0.5], [0.5, 0.8]]], ids=str)
def test_the_angle_is_found_under_scale_shear_and_shift(stretch):
    found = rotation_angle(turned(ANGLES, stretch, shift=(0.3, -2.0)))
    torch.testing.assert_close(found, ANGLES, rtol=0, atol=1e-12)


def test_the_spread_of_even_angles_is_known():
    # of angles spread evenly over +-a the mean vector has the length sin(a) / a: 54.5 degrees for a = 90
    even = torch.linspace(-math.pi / 2, math.pi / 2, 100_001)
    assert math.degrees(circular_spread(even)) == pytest.approx(54.5, abs=0.05)
    assert math.degrees(circular_spread(even)) == pytest.approx(math.degrees(math.sqrt(-2 * math.log(2 / math.pi))), abs=1e-2)


def test_the_spread_of_small_angles_is_their_standard_deviation():
    angles = 0.05 * torch.randn(100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert circular_spread(angles) == pytest.approx(angles.std().item(), rel=1e-2)
    assert circular_spread(angles + 3) == pytest.approx(circular_spread(angles), rel=1e-9)  # where they point is no matter


def test_the_spread_knows_that_a_circle_closes():
    around = torch.deg2rad(torch.tensor([179.0, -179.0, 180.0, -180.0]))
    assert math.degrees(circular_spread(around)) < 1
    assert circular_spread(torch.full((7,), 2.0)) == pytest.approx(0, abs=1e-6)
    opposite = circular_spread(torch.tensor([0, math.pi], dtype=torch.float64))
    assert math.isfinite(opposite)
    assert opposite > math.radians(180)
    with pytest.raises(ValueError, match="angles must not be empty"):
        circular_spread(torch.empty(0))


def test_a_perfect_transformer_leaves_nothing():
    generator = torch.Generator().manual_seed(1)
    images, labels = torch.zeros(400, 1, 8, 8), torch.arange(400) % 4
    _, pose = RandomRotation()(images, generator)
    report = pose_report(pose, invert(pose), labels)
    assert len(report["before_degrees"]) == len(report["after_degrees"]) == 4
    assert report["mean_before_degrees"] == pytest.approx(54.5, abs=4)
    assert report["after_degrees"] == pytest.approx([0] * 4, abs=0.02)
    assert report["mean_after_degrees"] == pytest.approx(0, abs=0.02)


def test_a_transformer_that_does_nothing_leaves_everything_and_a_wrong_turn_doubles_it():
    angles = torch.linspace(-0.7, 0.7, 101)
    pose, labels = turned(angles), torch.zeros(101, dtype=torch.long)
    nothing = pose_report(pose, torch.eye(2, 3).expand(101, 2, 3), labels)
    assert nothing["after_degrees"] == nothing["before_degrees"]
    torch.testing.assert_close(residual_angle(pose, turned(angles)), 2 * angles)
    torch.testing.assert_close(residual_angle(pose, turned(-angles)), torch.zeros(101), rtol=0, atol=1e-6)


def test_the_residual_is_that_of_the_whole_way():
    # two symmetric matrices turn nothing each, but their product [[2.4, 1.0], [0.5, 0.8]] does
    wide = turned(torch.zeros(1), [[2.0, 0.0], [0.0, 1.0]])
    slanted = turned(torch.zeros(1), [[1.2, 0.5], [0.5, 0.8]])
    assert residual_angle(wide, slanted).item() == pytest.approx(math.atan2(0.5 - 1.0, 2.4 + 0.8), abs=1e-6)


def test_each_class_may_stand_as_it_likes():
    # both classes are turned to a pose of their own: no spread within a class, whatever the poses are
    angles, labels = torch.linspace(-1, 1, 100), torch.arange(100) % 2
    report = pose_report(turned(angles), turned(labels * 1.5 - angles), labels)
    assert report["after_degrees"] == pytest.approx([0, 0], abs=0.02)


def test_the_share_of_points_outside():
    theta = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, -2.5], [1.0, 1.0]])
    outside = out_of_frame_fraction(Translation().grid(theta, (8, 8)))
    assert outside.tolist() == [0, 0.5, 1, 0.75]


def test_upright_digits_stay_as_they_are():
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    out, pose = Upright()(images, torch.Generator())
    assert torch.equal(out, images)
    assert torch.equal(pose, torch.eye(2, 3).expand(3, 2, 3))


def test_the_pose_that_a_distortion_reports_is_the_one_it_applied():
    images = torch.rand(200, 1, 9, 9, generator=torch.Generator().manual_seed(3))
    out, pose = RandomRotation(45)(images, torch.Generator().manual_seed(4))
    wanted = sample(images, Affine().grid(pose.reshape(-1, 6), (9, 9)))
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-5)
    degrees = torch.rad2deg(rotation_angle(pose))
    assert degrees.abs().max() <= 45
    assert degrees.std() == pytest.approx(90 / math.sqrt(12), rel=0.1)  # drawn evenly
    again, _ = RandomRotation(45)(images, torch.Generator().manual_seed(4))
    assert torch.equal(out, again)


def test_degrees_out_of_range_are_named():
    for degrees in (-1, 181, math.nan):
        with pytest.raises(ValueError, match=r"degrees must lie in \[0, 180\]"):
            RandomRotation(degrees)
