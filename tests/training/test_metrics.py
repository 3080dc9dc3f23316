"""The pose, measured: angles recovered from matrices, circular spread, corners that stray."""

import math

import pytest
import torch

from stn_tutorial import Affine, Rotation, Translation
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.metrics import (
    circular_spread,
    corner_angle,
    corner_displacement,
    out_of_frame_fraction,
    pose_report,
    residual_angle,
    rotation_angle,
    scale_of,
    where_corners_look,
)

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
    with pytest.raises(ValueError, match="angles must be finite"):
        circular_spread(torch.tensor([0.1, math.nan]))


def report_of(pose: torch.Tensor, theta: torch.Tensor | None, labels: torch.Tensor, applied=None, family=None) -> dict:
    """The pose report of a distortion's theta (turns) and, where there is one, the transformer's (affine)."""
    applied, family = applied or Rotation(), family or Affine()
    before = after = where_corners_look(applied, pose)
    if theta is not None:
        after = where_corners_look(applied, pose, family, theta)
    return pose_report(before, after, labels)


def test_a_perfect_transformer_leaves_nothing():
    labels = torch.arange(400) % 4
    _, pose = RandomRotation()(torch.zeros(400, 1, 8, 8), torch.Generator().manual_seed(1))
    report = report_of(pose, Rotation().inverse(pose), labels, family=Rotation())
    assert len(report["before_degrees"]) == len(report["after_pixels"]) == 4
    assert report["mean_before_degrees"] == pytest.approx(54.5, abs=4)
    assert report["mean_before_pixels"] > 5
    for unit in ("degrees", "pixels"):
        assert report[f"after_{unit}"] == pytest.approx([0] * 4, abs=0.02)
        assert report[f"mean_after_{unit}"] == pytest.approx(0, abs=0.02)


def test_a_transformer_that_does_nothing_leaves_everything_and_a_wrong_turn_doubles_it():
    angles = torch.linspace(-0.7, 0.7, 101)
    pose, labels = turned(angles), torch.zeros(101, dtype=torch.long)
    nothing = report_of(angles[:, None], Affine().identity().expand(101, 6), labels)
    for unit in ("degrees", "pixels"):
        assert nothing[f"after_{unit}"] == nothing[f"before_{unit}"]
    torch.testing.assert_close(residual_angle(pose, turned(angles)), 2 * angles)
    torch.testing.assert_close(residual_angle(pose, turned(-angles)), torch.zeros(101), rtol=0, atol=1e-6)


def test_the_angle_of_the_corners_is_that_of_the_nearest_rotation():
    theta = Affine().identity() + 0.5 * torch.randn(50, 6, generator=torch.Generator().manual_seed(6))
    corners = where_corners_look(Affine(), theta)
    torch.testing.assert_close(corner_angle(corners), rotation_angle(theta.view(-1, 2, 3)))


def test_corners_that_stray_are_measured_in_pixels_whatever_the_zoom():
    # shifts by -1, 0 and 1 pixel along x (28 pixels are 2 units): the median image strays by 1 pixel from the typical place
    shifts = torch.tensor([-1.0, 0.0, 1.0, -1.0, 1.0]) / 14
    pose = torch.stack([shifts, torch.zeros(5)], dim=1)
    labels = torch.zeros(5, dtype=torch.long)
    plain = report_of(pose, None, labels, Translation())
    assert plain["before_pixels"] == pytest.approx([1.0], abs=1e-3)
    # a transformer that only zooms in by two takes nothing of it back, although all corners now lie closer together
    zoom = Affine().identity() * torch.tensor([0.5, 1, 1, 1, 0.5, 1])
    assert report_of(pose, zoom.expand(5, 6), labels, Translation())["after_pixels"] == pytest.approx([2.0], abs=1e-3)
    with pytest.raises(ValueError, match="corners must hold at least one image"):
        corner_displacement(torch.empty(0, 4, 2))


def test_one_corner_beyond_the_horizon_does_not_drown_the_others():
    corners = where_corners_look(Translation(), torch.zeros(9, 2)).clone()
    corners[4, 2] = 1e6
    assert corner_displacement(corners) == 0
    report = pose_report(corners, corners, torch.zeros(9, dtype=torch.long))
    assert report["mean_before_degrees"] == pytest.approx(0, abs=1e-3)


def test_corners_of_a_square_within_the_frame_are_measured_in_its_pixels():
    shifts = torch.tensor([-1.0, 0.0, 1.0, -1.0, 1.0]) / 14
    pose = torch.stack([shifts, torch.zeros(5)], dim=1)
    corners = where_corners_look(Translation(), pose, reach=0.5)
    torch.testing.assert_close(corners[1], where_corners_look(Translation(), pose)[1] / 2)
    report = pose_report(corners, corners, torch.zeros(5, dtype=torch.long), side=14)
    assert report["before_pixels"] == pytest.approx([1.0], abs=1e-3)


def test_the_residual_is_that_of_the_whole_way():
    # two symmetric matrices turn nothing each, but their product [[2.4, 1.0], [0.5, 0.8]] does
    wide = turned(torch.zeros(1), [[2.0, 0.0], [0.0, 1.0]])
    slanted = turned(torch.zeros(1), [[1.2, 0.5], [0.5, 0.8]])
    assert residual_angle(wide, slanted).item() == pytest.approx(math.atan2(0.5 - 1.0, 2.4 + 0.8), abs=1e-6)


def test_each_class_may_stand_as_it_likes():
    # both classes are turned to a pose of their own: no spread within a class, whatever the poses are
    angles, labels = torch.linspace(-1, 1, 100), torch.arange(100) % 2
    report = report_of(angles[:, None], (labels * 1.5 - angles)[:, None], labels, family=Rotation())
    for unit in ("degrees", "pixels"):
        assert report[f"after_{unit}"] == pytest.approx([0, 0], abs=0.02)


def test_the_share_of_points_outside():
    theta = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, -2.5], [1.0, 1.0]])
    outside = out_of_frame_fraction(Translation().grid(theta, (8, 8)))
    assert outside.tolist() == [0, 0.5, 1, 0.75]
    assert out_of_frame_fraction(torch.full((1, 2, 2, 2), math.nan)).tolist() == [1]


def test_the_scale_of_a_window_is_the_root_of_its_area():
    matrix = Affine().matrix(torch.tensor([[2.0, 0, 0.3, 0, 0.5, 0], [0.5, -0.5, 0, 0.5, 0.5, 1.0], [-1.2, 0, 0, 0, 1.2, 0]]))
    assert scale_of(matrix).tolist() == pytest.approx([1.0, 0.5**0.5, 1.2])
    assert scale_of(matrix[:, None].expand(-1, 2, -1, -1)).shape == (3, 2)  # a history of thetas, too
