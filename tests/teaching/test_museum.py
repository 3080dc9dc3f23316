"""The museum of bugs: each broken piece is caught by a check that names it, and the map of symptoms is the same everywhere."""

import re
from pathlib import Path

import jupytext
import pytest
import torch

from stn_tutorial import SpatialTransformer, ThinPlateSpline, diagnose
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.teaching import checks, exhibits, museum
from stn_tutorial.teaching.checks import wrong_samplers as wrong
from stn_tutorial.teaching.checks.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
CELLS = jupytext.read(ROOT / "notebooks" / "source" / "09_when_it_fails.py").cells


@pytest.fixture(scope="module")
def images(digits):
    return digits.test_images[::60][:16].float() / 255


@pytest.mark.parametrize(
    ("broken", "check", "word"),
    [
        (wrong.bilinear(to_pixel=wrong.scaled_by_width), checks.check_sampler, "stretched over W pixels"),
        (wrong.bilinear(wrong.cancelling), checks.check_sampler, "clipped corners"),
        (wrong.bilinear(to_pixel=wrong.two_short), checks.check_sampler, "taken off W twice"),
        (exhibits.turned_against, checks.check_turn_theta, "the other way"),
        (exhibits.turned_in_degrees, checks.check_turn_theta, "take radians"),
        (exhibits.turned_as_square, checks.check_unsheared_theta, "not square"),
        (exhibits.rows_for_x, checks.check_target_grid, "x and y are exchanged"),
    ],
)
def test_a_broken_function_is_named(broken, check, word):
    museum.must_fail(check(broken), word)


@pytest.mark.parametrize(
    ("warp", "word"),
    [
        (exhibits.mixed_corners, "same align_corners"),
        (exhibits.forgetful, "does not depend on the warped picture"),
        (exhibits.cut_off, "none reaches theta"),
    ],
)
def test_a_broken_warp_is_named(warp, word, images):
    museum.must_fail(diagnose(exhibits.HandMade(warp), images), word)


def test_a_folded_spline_is_named(images):
    folded = SpatialTransformer(FixedTheta(exhibits.folded_theta()), ThinPlateSpline())
    museum.must_fail(diagnose(folded, images), "behind a fold")


def test_a_check_that_says_the_opposite_stops_the_notebook():
    passed, failed = Verdict("passed", "fine"), Verdict("failed", "x and y")
    assert museum.must_pass(passed) is passed and museum.must_fail(failed, "x and") is failed
    for wrongly in (
        lambda: museum.must_pass(failed),
        lambda: museum.must_fail(passed, "fine"),
        lambda: museum.must_fail(failed, "z"),
    ):
        with pytest.raises(AssertionError):
            wrongly()


def rooms() -> dict[str, list]:
    """The cells of each room of the notebook, by its title."""
    found, title = {}, None
    for cell in CELLS:
        if cell.cell_type == "markdown":
            for heading in re.findall(r"^##+ (.*)$", cell.source, re.MULTILINE):
                title = heading.partition(": ")[2] if heading.startswith("Room ") else None
        if title:
            found.setdefault(title, []).append(cell)
    return found


def test_the_rooms_are_those_of_the_map_and_each_fails_and_is_mended():
    assert list(rooms()) == [room.sees for room in museum.ROOMS]
    for title, cells in rooms().items():
        text = "\n".join(cell.source for cell in cells)
        assert "<details><summary>Answer</summary>" in text, title
        failing, passing = (
            [k for k, cell in enumerate(cells) if f"museum.must_{word}(" in cell.source and cell.cell_type == "code"]
            for word in ("fail", "pass")
        )
        assert failing and passing and failing[0] < passing[-1], title


def test_the_page_of_the_docs_is_the_map():
    assert (ROOT / "docs" / "symptoms.md").read_text(encoding="utf-8") == museum.page()
    assert museum.Map()._repr_markdown_() in museum.page()


def test_exhibits_that_need_no_training_are_pictures_in_words(images):
    shown = [getattr(exhibits, name)() for name in ("last_row", "seam", "nearly", "fading", "against", "far_too_much")]
    shown += [getattr(exhibits, name)() for name in ("sheared", "lying", "stripes", "in_steps")]
    shown += [exhibits.enlarged(images[0]), exhibits.twice(images[0]), exhibits.plateau(images[:1])]
    assert len({picture.png for picture in shown}) == len(shown)
    assert all(picture.png.startswith(b"\x89PNG") and len(picture.alt) > 20 for picture in shown)
    assert "edge 0.50, corner 0.25" in exhibits.fading().alt


def test_a_moment_of_training_sees_what_moves(few_digits):
    torch.manual_seed(0)
    for warp, moves in ((exhibits.forgetful, False), (exhibits.mixed_corners, True)):
        net = exhibits.HandMade(warp)
        along = exhibits.a_moment_of_training(net, net.localizer, few_digits.train_images, few_digits.train_labels, steps=3)
        assert (along["moved"][-1] > 0) == moves and len(along["loss"]) == len(along["outside"]) == 3
    norms = exhibits.gradient_norms_of(exhibits.HandMade(exhibits.cut_off), torch.rand(4, 1, 28, 28), torch.arange(4))
    assert [norm > 0 for norm in norms.values()] == [name.startswith("classifier") for name in norms]
