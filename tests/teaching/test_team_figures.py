"""The figures of notebook 8 draw what they are given, and say what is not recorded."""

import json
import re

import pytest
import torch

from stn_tutorial import Affine
from stn_tutorial.networks.models import placed_net
from stn_tutorial.teaching import team_figures
from stn_tutorial.training.addition import in_pairs
from stn_tutorial.training.distortions import EachAlone, RandomSimilarity
from stn_tutorial.training.evaluation import TEST_SEED, distorted
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.runs import pictures_of, write_arrays
from stn_tutorial.training.tables import table


@pytest.fixture(scope="module")
def digits(digits):
    return digits.subset(0, 80)


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


NAME = "mnist-addition/two-affine"


def record_of(folder, digits, follows):
    """A made-up run of two windows, in which the first one follows a digit: theta is what undoes its pose, from the second step on."""
    pairs = in_pairs(digits).test_images[:64]
    poses = [
        distorted(pairs, EachAlone(RandomSimilarity(42), told), torch.Generator().manual_seed(TEST_SEED), Recipe())
        for told in (0, 1)
    ]
    (images, pose), family = poses[follows], RandomSimilarity.family
    undone = family.matrix(family.inverse(pose)).flatten(1)
    theta = torch.stack([Affine().identity().expand(64, -1), undone])
    history = {"train_error_percent": 9.0, "test_error_percent": 8.0}
    run = {"experiment": NAME, "seed": 0, "versions": {"torch": "2"}, "device": "CPU", "data_source": "MNIST", "parameters": 7}
    run |= {
        "recipe": {"precision": "float32"},
        "epochs": 1,
        "wall_seconds": 1.0,
        "test_error_percent": 8.0,
        "history": [history],
    }
    run |= {"pose": {}, "who_follows_pixels": [[9.0, 2.0], [3.0, 11.0]], "empty_windows_percent": [0.0, 0.5]}
    run["window_thetas"] = [[Affine().identity().tolist()] * 8] * 2
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run))
    along = {"step": torch.tensor([0, 5]), "theta": theta, "prediction": torch.zeros(2, 64, dtype=torch.long)}
    write_arrays(folder / "theta.npz", along)
    pictured = {"image": (images * 255).to(torch.uint8), "label": torch.zeros(64, dtype=torch.long), "pose": poses[0][1]}
    write_arrays(pictures_of(folder), pictured)


@pytest.mark.parametrize("follows", [0, 1])
def test_whom_a_window_follows_is_drawn_from_a_record_or_missing(digits, follows, tmp_path):
    assert "not recorded" in team_figures.followed(digits, root=tmp_path)
    record_of(tmp_path / NAME / "seed-0", digits, follows)
    drawn = team_figures.followed(digits, root=tmp_path).alt
    strayed = [float(last) for last in re.findall(r"from digit \d: from [\d.]+ to ([\d.]*\d)", drawn)]
    assert strayed[follows] < 0.1 < 2 < strayed[1 - follows]
    assert "| two-affine | 9.0 | 8.00 | 1 | 7 | 2.5 | 10.0 | 2 | 0.50 |" in table("mnist-addition", tmp_path)


def test_what_windows_hand_on_is_drawn_from_a_record_or_missing(digits, tmp_path):
    assert "not recorded" in team_figures.seen(root=tmp_path)
    record_of(tmp_path / NAME / "seed-0", digits, 0)
    is_picture(team_figures.seen(root=tmp_path), "8 images in each of 6 rows")


def test_shadows_are_drawn_with_a_transformer_and_without(digits):
    identity = [[1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]] * 3
    is_picture(team_figures.shadows(digits, None), "2 rows")
    is_picture(team_figures.shadows(digits, identity), "3 rows")
