"""Figures of the pose say what the transformer did: their alt texts carry the numbers."""

import math
import re

import pytest
import torch

from stn_tutorial import Affine, Rotation, SpatialTransformer, pretrained
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.teaching import figures, pose_figures
from stn_tutorial.training.metrics import pose_report, where_corners_look

DIGIT = torch.zeros(1, 28, 28, dtype=torch.uint8)
DIGIT[0, 6:22, 12:15] = 255  # a bar with a foot
DIGIT[0, 19:22, 12:20] = 255


def untouched() -> SpatialTransformer:
    """A transformer that hands on what comes in."""
    return SpatialTransformer(FixedTheta(Affine().identity()), Affine())


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def test_one_digit_turns_as_it_came_where_nothing_is_undone():
    shown = pose_figures.one_digit_turned({"a net": untouched()}, DIGIT)
    spread = re.findall(r"(\d+) degrees", shown.alt)
    assert shown.alt.startswith("One digit under 7 angles.") and spread == ["64", "64"]


def test_two_views_lie_on_each_other_for_a_net_that_stands_still_and_apart_for_one_that_does_not():
    still = pretrained("mnist-r/st-cnn-affine-still")
    shown = pose_figures.two_views({"untouched": untouched(), "still": still}, DIGIT, degrees=(-75, 75))
    apart, together = numbers(shown.alt)
    assert apart > 20 and together < apart / 4
    assert "turned by -75 and by +75 degrees" in shown.alt


def test_a_transformer_that_undoes_each_turn_has_a_slope_of_minus_one():
    angles = torch.linspace(-1.5, 1.5, 50)[:, None]
    pose = Rotation().matrix(angles)
    shown = pose_figures.angle_scatter(pose, {"undoes": Rotation().matrix(-angles), "half": Rotation().matrix(-angles / 2)})
    assert "50 digits: undoes, fitted slope -1.00; half, fitted slope -0.50;" in shown.alt


@pytest.mark.parametrize("unit", ["degrees", "pixels"])
def test_the_spread_is_told_before_and_after(unit):
    pose, labels = torch.linspace(-1, 1, 40)[:, None], torch.arange(40) % 2
    before, after = where_corners_look(Rotation(), pose), where_corners_look(Rotation(), pose, Rotation(), -pose)
    report = pose_report(before, after, labels)
    said = pose_figures.pose_spread({"undoes": report}, unit=unit, floor=3.0).alt
    assert numbers(said) == [round(report[f"mean_before_{unit}"], 1), round(report[f"mean_after_{unit}"], 1), 3.0]


def test_turned_images_turn_counter_clockwise_for_positive_angles():
    turned = pose_figures.turned(DIGIT, (0, 90))
    assert turned.shape == (2, 1, 28, 28) and torch.allclose(turned[0], DIGIT / 255, atol=1e-5)
    assert torch.allclose(turned[1], (DIGIT / 255).rot90(1, dims=(1, 2)), atol=1e-4)
    assert math.isclose(float(turned[0].sum()), float(DIGIT.sum()) / 255, rel_tol=1e-4)


def test_rows_of_images_are_named_in_the_picture_and_in_words():
    rows = {"above": torch.rand(3, 1, 8, 8), "below": torch.rand(3, 3, 16, 16)}
    assert figures.images_in_rows(rows, ["a", "b", "c"]).alt == "3 images in each of 2 rows: above; below."
    assert figures.images_in_rows(rows, alt="two rows of noise").alt == "two rows of noise"
