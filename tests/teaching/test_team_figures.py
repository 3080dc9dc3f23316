"""The figures of notebook 8 draw what they are given, and say what is not recorded."""

import pytest
import torch

from stn_tutorial import load
from stn_tutorial.networks.models import placed_net
from stn_tutorial.teaching import team_figures


@pytest.fixture(scope="module")
def digits():
    return load("mnist").subset(0, 80)


def is_picture(made, words):
    assert made.png.startswith(b"\x89PNG") and words in made.alt


def test_maps_are_turned_and_the_net_is_left_as_it_came(digits):
    net = placed_net("nowhere").train()
    net = torch.nn.Sequential(*net[0], *net[1:])
    is_picture(team_figures.turned_maps(net, digits.test_images[0], shown=3), "3 of its feature maps turned by 90 degrees")
    assert net.training


def test_boxes_are_drawn_and_one_that_is_not_there_is_left_out(digits):
    images, boxes = digits.test_images[:2], torch.tensor([[-0.5, -0.5, 0.5, 0.5], [torch.nan] * 4])
    is_picture(team_figures.boxed(images, {"true": boxes, "found": boxes}), "true, found")
    is_picture(team_figures.boxed(images, {"true": boxes}, ["one", "two"]), "2 images")


def test_whom_a_window_follows_is_drawn_from_a_record_or_missing(digits, tmp_path):
    assert "not recorded" in team_figures.followed(digits, root=tmp_path)


def test_shadows_are_drawn_with_a_transformer_and_without(digits):
    identity = [[1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]] * 3
    is_picture(team_figures.shadows(digits, None), "2 rows")
    is_picture(team_figures.shadows(digits, identity), "3 rows")
