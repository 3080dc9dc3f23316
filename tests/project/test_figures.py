"""The README's pictures: what is drawn for the door."""

import importlib.util
import io
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageSequence

from stn_tutorial.geometry.affine import Affine
from stn_tutorial.networks import models

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "figures"


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_figures", FIGURES / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_door_turns_each_digit_once_and_for_ever(make):
    torch.manual_seed(0)
    digits = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    digits[0, 0, 6:22, 10:14] = 255
    digits[1, 0, 12:16, 4:24] = 255
    content = make.door(models.paper_st_cnn(), digits, frames=4)
    movie = Image.open(io.BytesIO(content))
    assert (movie.n_frames, movie.info["loop"], movie.width) == (8, 0, 640)
    upright, right, again, left = [frame.convert("L").tobytes() for frame in ImageSequence.Iterator(movie)][:4]
    assert upright == again and len({upright, right, left}) == 3


def test_the_class_that_is_read_is_marked_not_by_colour_alone(make):
    stage = make.Door(Affine(), (28, 28), False)
    probabilities = torch.full((10,), 0.02)
    probabilities[7] = 0.82
    stage.draw(torch.zeros(28, 28), Affine().identity(), torch.zeros(28, 28), probabilities)
    assert [k for k, box in enumerate(stage.boxes) if box.get_visible()] == [7]
    assert [k for k, name in enumerate(stage.names) if name.get_fontweight() == "bold"] == [7]
    assert [bar.get_height() for bar in stage.bars] == pytest.approx(probabilities.tolist())


def test_the_marked_corner_is_where_the_output_s_first_pixel_looks(make):
    stage = make.Door(Affine(), (28, 28), False)
    upside_down = torch.tensor([-1.0, 0, 0, 0, -1, 0])
    stage.draw(torch.zeros(28, 28), upside_down, torch.zeros(28, 28), torch.full((10,), 0.1))
    assert stage.corner.get_center() == pytest.approx((27.5, 27.5))
