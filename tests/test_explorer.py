"""Pictures, animations and the controls that move them."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from stn_tutorial import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    ThinPlateSpline,
    Translation,
    models,
    plots,
)
from stn_tutorial.explorer import explore, play, render

DIGIT = torch.zeros(1, 28, 28)
DIGIT[0, 6:22, 10:14] = 1


def pixels(png: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(Image.open(io.BytesIO(png)).convert("L").tobytes()), dtype=torch.uint8)


def test_a_picture_brings_its_words_along():
    picture = plots.images_in_a_row([DIGIT, DIGIT], ["one", "two"])
    data, metadata = picture._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == "2 images in a row: one; two"
    assert 'alt="2 images in a row: one; two"' in picture.html()


FAMILIES = [Affine(), Attention(), Attention(log_scale=True), Projective(), Rotation(), Similarity(), Translation()]


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_every_family_has_an_explorer_that_starts_at_the_identity_and_follows_its_sliders(family):
    explorer = explore(DIGIT, family)
    assert torch.allclose(torch.tensor(explorer.theta), family.identity())
    before = explorer.view.value
    name = explorer.parameters[0]
    explorer.controls[name].value = 0.6
    assert explorer.view.value != before
    assert explorer.view.value == render(DIGIT, family, explorer.theta).png
    explorer.children[0].children[-2].click()  # reset
    assert torch.allclose(torch.tensor(explorer.theta), family.identity())
    assert explorer.view.value == before


def test_theta_is_set_from_python_and_shown_without_a_kernel_too():
    explorer = explore(DIGIT)
    explorer.theta = [2, 0, 0, 0, 2, 0]
    assert explorer.controls["a11"].value == 2
    data, metadata = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]) == explorer.view.value
    assert "theta = (2.00" in metadata["image/png"]["alt"]
    with pytest.raises(ValueError, match="theta must hold 6 numbers, got 2"):
        explorer.theta = [1, 2]


def test_the_sampled_output_follows_the_padding():
    explorer = explore(torch.ones(1, 8, 8))
    explorer.theta = [2, 0, 0, 0, 2, 0]
    zeros = explorer.view.value
    explorer.controls["padding"].value = "border"
    assert pixels(explorer.view.value).float().mean() > pixels(zeros).float().mean()


def test_an_error_of_the_drawing_function_appears_beside_the_controls():
    def draw(x):
        if x > 1:
            raise RuntimeError("too far")
        return plots.images_in_a_row([DIGIT], [f"{x:.1f}"])

    player = play(draw, x=(0.0, 2.0, 0.5))
    with pytest.raises(RuntimeError):
        player.controls["x"].value = 1.5
    assert "too far" in player.problem.value
    player.controls["x"].value = 0.7
    assert player.problem.value == ""
    with pytest.raises(ValueError, match="values must be named"):
        player.set(y=1)


@pytest.mark.parametrize(
    ("image", "family", "message"), [(DIGIT[0], Affine(), "image must have shape"), (DIGIT, 3, "transform must be")]
)
def test_what_cannot_be_explored_is_named(image, family, message):
    with pytest.raises(ValueError, match=message):
        explore(image, family)


def test_the_turning_digits_are_an_endless_animation_of_modest_size():
    torch.manual_seed(0)
    images = (DIGIT * 255).byte().expand(3, 1, 28, 28)
    picture = plots.animate_rotation(models.paper_st_cnn(), images, torch.tensor([1, 1, 1]), frames=6)
    movie = Image.open(io.BytesIO(picture.png))
    assert (movie.n_frames, movie.info["loop"]) == (6, 0)
    assert len(picture.png) < 500_000
    assert "digits 1, 1, 1 turn from -90 to 90 degrees" in picture.alt


ALL_FAMILIES = [*FAMILIES, ThinPlateSpline((3, 4)), Diffeomorphic(3)]


@pytest.mark.parametrize("family", ALL_FAMILIES, ids=repr)
def test_a_recorded_training_is_animated_for_every_family(family):
    steps = [0, 1, 10]
    moved = family.identity() + 0.3 * torch.rand(3, 64, family.num_params, generator=torch.Generator().manual_seed(0))
    moved[0] = family.identity()
    history = {
        "step": torch.tensor(steps),
        "theta": moved,
        "prediction": torch.tensor([[0] * 64, [1] * 64, [1] * 64]),
        "image": (DIGIT * 255).byte().expand(64, 1, 28, 28),
        "label": torch.ones(64, dtype=torch.long),
    }
    picture = plots.animate_training(history, family, count=2)
    movie = Image.open(io.BytesIO(picture.png))
    frames = []
    for k in range(movie.n_frames):
        movie.seek(k)
        frames.append(np.asarray(movie.convert("L")).copy())
    assert len(np.unique([frame.tobytes() for frame in frames])) == 3  # one picture a recorded step
    assert "2 distorted digits" in picture.alt and "0 of 2 correctly at first and 2 at the end" in picture.alt


def test_all_families_fit_into_one_figure():
    picture = plots.warps(DIGIT, {repr(family): (family, family.identity()) for family in ALL_FAMILIES})
    assert all(repr(family) in picture.alt for family in ALL_FAMILIES)
    alone = plots.warps(DIGIT, {"one": (Affine(), Affine().identity())})
    assert pixels(picture.png).numel() > 4 * pixels(alone.png).numel()


def test_a_lattice_is_broken_off_at_the_horizon():
    theta = torch.tensor([1.0, 0, 0, 0, 1, 0, 2, 0])
    points = np.concatenate(plots.lattice_lines(Projective(), theta, (28, 28)))
    assert np.isnan(points).any() and np.nanmax(np.abs(points)) < 28 * 21
    assert "Projective" in plots.warp(DIGIT, Projective(), theta).alt


def test_live_curves_are_redrawn_in_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(picture)

    def display(picture, display_id):
        shown.append(picture)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    curves = plots.LiveCurves()
    rows = [{"epoch": k, "test_error_percent": 10 / k} for k in (1, 2)]
    curves(rows[:1])
    curves(rows)
    assert [picture.alt.split(": ")[1] for picture in shown] == [
        "test error goes from 10 to 10.",
        "test error goes from 10 to 5.",
    ]
