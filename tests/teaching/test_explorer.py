"""Pictures, animations and the controls that move them."""

import base64
import io
import re
import sys

import av
import numpy as np
import pytest
import torch
from families import EVERY_FAMILY
from matplotlib.figure import Figure
from PIL import Image, ImageSequence
from traitlets import TraitError

from stn_tutorial import Affine, Projective, Rotation, Translation
from stn_tutorial.geometry.paths import theta_path
from stn_tutorial.geometry.sampler import sample
from stn_tutorial.geometry.volumes import Affine3d
from stn_tutorial.networks import models
from stn_tutorial.teaching import figures
from stn_tutorial.teaching.animations import animate_rotation, animate_theta, animate_warps, animation
from stn_tutorial.teaching.explorer import explore
from stn_tutorial.teaching.player import play

DIGIT = torch.zeros(1, 28, 28)
DIGIT[0, 6:22, 10:14] = 1


def pixels(png: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(Image.open(io.BytesIO(png)).convert("L").tobytes()), dtype=torch.uint8)


def test_a_picture_brings_its_words_along():
    picture = figures.images_in_a_row([DIGIT, DIGIT], ["one", "two"])
    data, metadata = picture._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == "2 images in a row: one; two"
    assert 'alt="2 images in a row: one; two"' in picture.html()


@pytest.mark.parametrize("family", EVERY_FAMILY, ids=repr)
def test_theta_and_its_parameters_move_together(family):
    explorer = explore(DIGIT, family)
    assert explorer.theta == family.identity().tolist()
    heard = []
    explorer.observe(lambda change: heard.append(change["new"]), "theta")
    last = explorer.family["names"][-1]
    setattr(explorer, last, 0.25)
    assert explorer.theta == [*family.identity().tolist()[:-1], 0.25]
    explorer.theta = [0.5] * family.num_params
    assert getattr(explorer, last) == 0.5
    assert heard == [[*family.identity().tolist()[:-1], 0.25], [0.5] * family.num_params]


def test_an_explorer_brings_a_picture_and_theta_in_words_along():
    explorer = explore(DIGIT)
    explorer.theta = [2, 0, 0, 0, 2, 0]
    data, metadata = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]) == explorer.render().png
    assert data["text/plain"] == "explore(image, Affine()) at theta = [2, 0, 0, 0, 2, 0]"
    assert "theta = (2.00" in metadata["image/png"]["alt"]
    explorer = explore(torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0)))
    explorer.theta = [2, 0, 0, 0, 2, 0]
    before = explorer.render().png
    explorer.padding, explorer.kernel, explorer.align_corners = "border", "nearest", True
    assert explorer.render().png != before


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("theta", [1, 2], "theta must hold 6 finite numbers"),
        ("theta", [1, 0, 0, 0, 1, float("nan")], "theta must hold 6 finite numbers"),
        ("kernel", "cubic", "kernel"),
        ("a11", "wide", "a11"),
        ("a11", float("inf"), "theta must hold 6 finite numbers"),
    ],
)
def test_what_an_explorer_cannot_be_set_to_is_named(name, value, message):
    explorer = explore(DIGIT)
    with pytest.raises(TraitError, match=message):
        setattr(explorer, name, value)
    assert explorer.theta == Affine().identity().tolist()
    assert explorer.a11 == 1


@pytest.mark.parametrize("align_corners", [False, True])
def test_the_still_picture_of_the_identity_shows_the_image_twice(align_corners):
    image = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    shown = figures.warp(image, Affine(), Affine().identity(), align_corners=align_corners)
    same = figures.warp(image, Affine(), Affine().identity(), align_corners=align_corners, output=image)
    assert torch.equal(pixels(shown.png), pixels(same.png))


def test_the_still_picture_shows_what_a_sampler_of_ones_own_made():
    black = explore(DIGIT, Translation(), sampler=lambda images, grid: images * 0)
    title = "[+1.00  +0.00  +0.00]   [+0.00  +1.00  +0.00]"
    assert black.render().png == figures.warp(black.pixels, Translation(), torch.zeros(2), title, output=DIGIT * 0).png


def test_a_problem_is_forgotten_with_its_cause():
    explorer = explore(DIGIT, Rotation())
    explorer.problem = "KeyError: left from before"
    explorer.theta = [0.1]
    assert explorer.problem == ""


def test_rounding_does_not_change_the_contrast():
    image = torch.full((1, 4, 4), 0.2)
    image[0, 0, 0] = 1 + 1e-6
    assert explore(image).pixels.flatten().tolist() == [255] + [51] * 15
    image[0, 0, 0] = 1.5
    assert explore(image).pixels.flatten().tolist() == [255] + [0] * 15


def test_a_feature_map_is_shown_as_the_mean_over_its_channels():
    features = torch.stack([torch.arange(12.0).view(3, 4) - 6, torch.zeros(3, 4)])
    explorer = explore(features)
    assert explorer.shape == [3, 4, 1]
    assert explorer.pixels.flatten().tolist() == [round(255 * k / 11) for k in range(12)]


def test_an_explorer_with_a_sampler_of_ones_own_says_what_is_wrong_with_it():
    explorer = explore(DIGIT, Translation(), sampler=sample)
    assert explorer.output == explorer.image  # the identity
    for sampler, message in [
        (lambda images, grid: images[:, :, :3], r"sampler must answer a tensor of shape \(1, 1, 28, 28\), got \(1, 1, 3, 28\)"),
        (lambda images, grid: None, "got NoneType"),
        (lambda images, grid: images / 0, "NaN or infinity in 784 of 784"),
        (lambda images, grid: images + grid.flatten(), "RuntimeError: "),
    ]:
        assert re.search(message, explore(torch.zeros(1, 28, 28), sampler=sampler).problem), message
    with pytest.raises(ValueError, match="to_html needs the warp of the browser"):
        explorer.to_html()


def test_an_error_of_the_drawing_function_appears_beside_the_controls():
    def draw(x):
        if x > 1:
            raise RuntimeError("too far")
        return figures.images_in_a_row([DIGIT], [f"{x:.1f}"])

    player = play(draw, x=(0.0, 2.0, 0.5))
    with pytest.raises(RuntimeError):
        player.controls["x"].value = 1.5
    assert "too far" in player.problem.value
    player.controls["x"].value = 0.7
    assert player.problem.value == ""
    with pytest.raises(ValueError, match="values must be named"):
        player.set(y=1)
    with pytest.raises(TraitError):
        player.set(x="wide")
    both = play(lambda a, b: figures.images_in_a_row([DIGIT], [f"{a:.1f} {b:.1f}"]), a=(0.0, 1.0, 0.0), b=(0.0, 1.0, 0.0))
    with pytest.raises(TraitError):
        both.set(a=1.0, b="wide")
    assert "1.0 0.0" in both.shown.alt  # the picture is that of the sliders
    before = player.shown
    player.controls["x"].value = 0.2
    assert player.shown is not before  # a refused value does not stop the player


def test_the_turning_digits_are_an_endless_animation_of_modest_size():
    torch.manual_seed(0)
    images = (DIGIT * 255).byte().expand(3, 1, 28, 28)
    picture = animate_rotation(models.paper_st_cnn(), images, torch.tensor([1, 1, 1]), frames=6)
    movie = Image.open(io.BytesIO(picture.png))
    assert (movie.n_frames, movie.info["loop"]) == (6, 0)
    assert len(picture.png) < 500_000
    assert "digits 1, 1, 1 turn from -90 to 90 degrees" in picture.alt


@pytest.mark.parametrize("family", EVERY_FAMILY, ids=repr)
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
    picture = animate_warps(history, family, count=2)
    movie = Image.open(io.BytesIO(picture.png))
    frames = []
    for k in range(movie.n_frames):
        movie.seek(k)
        frames.append(np.asarray(movie.convert("L")).copy())
    assert len(np.unique([frame.tobytes() for frame in frames])) == 3  # one picture a recorded step
    halved = Image.open(io.BytesIO(animate_warps(history, family, count=2, every=2).png))
    assert halved.n_frames == 2  # the first step and the last
    assert "2 test images" in picture.alt and "0 of 2 correctly at first and 2 at the end" in picture.alt


def test_photographs_are_animated_with_the_names_of_their_classes_and_the_net_s_own_padding():
    history = {
        "step": torch.tensor([0, 1]),
        "theta": torch.tensor([[1.0, 0, 0, 0, 1, 0], [3.0, 0, 0, 0, 3, 0]])[:, None].expand(-1, 64, -1),
        "prediction": torch.tensor([[0] * 64, [1] * 64]),
        "image": torch.full((64, 3, 8, 8), 200, dtype=torch.uint8),
        "label": torch.ones(64, dtype=torch.long),
    }
    shown = {mode: animate_warps(history, Affine(), 1, ("cat", "dog"), mode) for mode in ("zeros", "border")}
    last = []
    for picture in shown.values():
        movie = Image.open(io.BytesIO(picture.png))
        movie.seek(movie.n_frames - 1)
        last.append(np.asarray(movie.convert("L")).astype(int))
    assert (last[0] - last[1]).min() < -150  # only zeros bring black in
    filled = Image.open(io.BytesIO(animate_warps(history, Affine(), 1, ("cat", "dog"), fill=torch.full((3,), 200 / 255)).png))
    filled.seek(filled.n_frames - 1)
    assert abs(np.asarray(filled.convert("L")).astype(int) - last[1]).max() < 20  # the border's colour is 200, too
    numbers = animate_warps(history, Affine(), 1)
    assert numbers.png != shown["zeros"].png  # "reads dog" for "reads 1"


def test_all_families_fit_into_one_figure():
    picture = figures.warps(DIGIT, {repr(family): (family, family.identity()) for family in EVERY_FAMILY})
    assert all(repr(family) in picture.alt for family in EVERY_FAMILY)
    alone = figures.warps(DIGIT, {"one": (Affine(), Affine().identity())})
    assert pixels(picture.png).numel() > 4 * pixels(alone.png).numel()


def test_a_lattice_is_broken_off_at_the_horizon():
    theta = torch.tensor([1.0, 0, 0, 0, 1, 0, 2, 0])
    points = np.concatenate(figures.lattice_lines(Projective(), theta, (28, 28)))
    assert np.isnan(points).any() and np.nanmax(np.abs(points)) < 28 * 21
    assert "Projective" in figures.warp(DIGIT, Projective(), theta).alt


def test_live_curves_are_redrawn_in_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(picture)

    def display(picture, display_id):
        shown.append(picture)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    curves = figures.LiveCurves()
    rows = [{"epoch": k, "test_error_percent": 10 / k} for k in (1, 2)]
    curves(rows[:1])
    curves(rows)
    assert [picture.alt.split(": ")[1] for picture in shown] == [
        "test error goes from 10 to 10.",
        "test error goes from 10 to 5.",
    ]


@pytest.mark.parametrize("family", EVERY_FAMILY, ids=repr)
def test_the_way_between_two_thetas_begins_and_ends_there_for_every_family(family):
    generator = torch.Generator().manual_seed(3)
    start, end = (family.identity() + 0.3 * torch.rand(family.num_params, generator=generator) for _ in range(2))
    path = theta_path(family, start, end, 9)
    assert path.shape == (9, family.num_params)
    assert torch.allclose(path[[0, -1]], torch.stack([start, end]), atol=1e-5)
    steps = path.diff(dim=0).norm(dim=1)
    assert steps.max() < 2 * steps.min()  # no jump
    picture = animate_theta(DIGIT, family, start, end, frames=6)
    assert Image.open(io.BytesIO(picture.png)).n_frames == 6
    assert len(picture.png) < 500_000


def test_on_the_way_a_rotation_stays_a_rotation_and_a_mirror_is_reached_evenly():
    def turn(angle):
        return Rotation().matrix(torch.tensor([[angle]])).flatten()

    steady = theta_path(Affine(), turn(0.2), turn(2.2), 5)
    assert torch.allclose(steady, torch.stack([turn(0.2 + 0.5 * k) for k in range(5)]), atol=1e-5)
    even = theta_path(Affine(), turn(0.2), turn(2.2), 5, steady=False)
    assert torch.linalg.det(even.view(5, 2, 3)[2, :, :2]) < 0.5
    mirror = torch.tensor([-1.0, 0, 0, 0, 1, 0])
    assert theta_path(Affine(), Affine().identity(), mirror, 5)[2].tolist() == [0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("suffix", [".png", ".gif", ".mp4", ".html"])
def test_an_animation_is_saved_frame_by_frame(tmp_path, suffix):
    start, end = torch.tensor([0.0]), torch.tensor([1.5])
    picture = animate_theta(DIGIT, Rotation(), start, end, frames=8)
    path = tmp_path / f"turn{suffix}"
    picture.save(path)
    if suffix == ".html":
        assert base64.b64encode(picture.png).decode() in path.read_text()
        return
    if suffix == ".mp4":
        with av.open(path) as file:
            frames = [frame.to_image() for frame in file.decode(video=0)]
            assert file.streams.video[0].average_rate == 12
    else:
        movie = Image.open(path)
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(movie)]
    assert len(frames) == 8
    assert np.abs(np.asarray(frames[0], float) - np.asarray(frames[4], float)[: frames[0].height]).mean() > 1
    with pytest.raises(ValueError, match="path must end in .png"):
        picture.save(tmp_path / "turn.avi")


def test_a_long_last_frame_stays_long_in_other_formats(tmp_path):
    figure = Figure(figsize=(1, 1))
    axes = figure.subplots()
    movie = animation(figure, [0, 1, 2, 2, 2, 2, 2, 2], lambda k: axes.set_title(str(k)), "counting")
    movie.save(tmp_path / "a.gif")
    gif = Image.open(tmp_path / "a.gif")
    durations = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
    assert durations == [pytest.approx(83, abs=5), pytest.approx(83, abs=5), pytest.approx(500, abs=10)]
    movie.save(tmp_path / "a.mp4")
    with av.open(tmp_path / "a.mp4") as file:
        assert len(list(file.decode(video=0))) == 8


def test_an_mp4_without_pyav_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match="pip install av"):
        animate_theta(DIGIT, Rotation(), torch.zeros(1), torch.ones(1), frames=4).save(tmp_path / "turn.mp4")


@pytest.mark.parametrize(
    ("image", "family", "message"),
    [
        (DIGIT[0], Affine(), "image must have shape"),
        (DIGIT / 0, Affine(), "image must be finite"),
        (DIGIT, 3, "transform must be"),
        (DIGIT, Affine3d(), "transform must be"),
    ],
)
def test_what_cannot_be_explored_is_named(image, family, message):
    with pytest.raises(ValueError, match=message):
        explore(image, family)
