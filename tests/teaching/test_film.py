"""Films: what is animated, what stands in for them where there is no front end, and what they leave behind.

Kinds of bad situations: frames, pictures, thetas, labels, names, numbers and paths of another kind; drawing functions that draw nothing.
"""

import base64
import doctest
import gc
import io
import json
import re
import weakref

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from torch import nn

from stn_tutorial import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    SpatialTransformer,
    ThinPlateSpline,
    Translation,
    sample,
)
from stn_tutorial.networks import models
from stn_tutorial.teaching import animations, film, picture, player
from stn_tutorial.teaching.animations import animate_rotation, animate_theta, animate_warps, answers, turned
from stn_tutorial.teaching.browser_widget import LIVE
from stn_tutorial.teaching.film import SPEEDS, Film

DIGIT = torch.zeros(1, 28, 28)
DIGIT[0, 6:22, 10:14] = 1
BYTES = (DIGIT * 255).byte()
FAMILIES = [
    Affine(),
    Attention(),
    Projective(),
    Rotation(),
    Similarity(),
    Translation(),
    ThinPlateSpline((3, 4)),
    Diffeomorphic(3),
]


def flat(color: str) -> bytes:
    """A small PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(buffer, "PNG")
    return buffer.getvalue()


def seen(png: bytes) -> list[np.ndarray]:
    """The frames of a PNG in grey levels."""
    return [np.asarray(frame.convert("L")).astype(int) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(png)))]


def turn(frames: int = 6) -> Film:
    return animate_theta(DIGIT, Rotation(), torch.zeros(1), torch.ones(1), frames=frames)


class InTheMiddle(nn.Module):
    """A net of somebody else: a transformer that halves its frame, under another name, somewhere inside."""

    def __init__(self, channels: int = 1, in_parts: bool = False):
        super().__init__()
        localizer = nn.Sequential(nn.Flatten(), nn.LazyLinear(4))
        self.front = nn.ModuleDict({"warper": SpatialTransformer(localizer, Similarity(), size=(14, 14))})
        self.head = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
        self.in_parts = in_parts
        self(torch.rand(1, channels, 28, 28))

    def forward(self, images):
        warper = self.front["warper"]
        return self.head(warper.warp(images, warper.theta(images)) if self.in_parts else warper(images))


@pytest.mark.parametrize("module", [animations, film, picture, player], ids=lambda module: module.__name__.split(".")[-1])
def test_the_examples_in_the_docstrings_are_true(module):
    tried = doctest.testmod(module)
    assert tried.attempted and not tried.failed
    public = {name for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__}
    without = {name for name in public if callable(vars(module)[name]) and ">>>" not in (vars(module)[name].__doc__ or "")}
    assert without == set()


def test_a_film_brings_along_what_plays_without_a_kernel():
    shown = turn()
    data, metadata = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]) == shown.png
    assert metadata["image/png"]["alt"] == shown.alt == data["text/plain"].removeprefix("<Film: ").removesuffix(">")
    page = shown.to_html()
    assert not re.search(r"https?://|import |fetch\(", page)
    for picture_of_it in shown.view.pictures:
        assert base64.b64encode(picture_of_it).decode() in page


def test_the_apng_runs_for_ever_and_its_frames_are_those_of_the_film():
    shown = turn(8)
    movie = Image.open(io.BytesIO(shown.png))
    assert (movie.n_frames, movie.info["loop"]) == (8, 0)
    for frame, alone in zip(seen(shown.png), shown.frames, strict=True):
        assert np.array_equal(frame, seen(alone)[0])


@pytest.mark.parametrize("colors", [("red", "blue", "blue", "red"), ("red", "red", "red", "blue"), ("red",) * 4])
@pytest.mark.parametrize("rest", [0, 5])
def test_a_saved_notebook_holds_what_brings_the_film_back(colors, rest):
    shown = Film([flat(color) for color in colors], list("abcd"), "colours", rest)
    data, _ = shown._repr_mimebundle_()
    saved = json.loads(json.dumps(data[LIVE]))
    again = Film.from_png(base64.b64decode(data["image/png"]), **saved["state"])
    assert saved["widget"] == "film" and (again.captions, again.alt, again.rest) == (shown.captions, shown.alt, rest)
    for frame, before in zip(again.frames, shown.frames, strict=True):
        assert np.array_equal(seen(frame)[0], seen(before)[0])


def test_equal_frames_are_sent_once_and_a_last_one_that_rests_is_shown_longer():
    red, blue = flat("red"), flat("blue")
    shown = Film([red, blue, red, blue], list("abcd"), "two colours", rest=5)
    assert (shown.view.pictures, shown.view.order) == ([red, blue], [0, 1, 0, 1])
    durations = [frame.info["duration"] for frame in ImageSequence.Iterator(Image.open(io.BytesIO(shown.png)))]
    assert durations == [SPEEDS["normal"]] * 3 + [6 * SPEEDS["normal"]]
    assert not shown.play.repeat and Film([red], ["a"], "one").play.repeat


def test_words_cannot_break_out_of_the_page():
    page = Film([flat("red")], ["</script><b>"], "</script>").to_html()
    assert page.count("</script>") == 1
    state = json.loads(re.search(r'drawAlone\(render, "[\w-]+", (\{.*\})\);', page)[1])
    assert (state["captions"], state["alt"]) == (["</script><b>"], "</script>")


@pytest.mark.parametrize(("frames", "captions"), [([], []), ([b""], []), ([b""], ["one", "two"])])
def test_a_film_has_a_caption_for_each_frame(frames, captions):
    with pytest.raises(ValueError, match="captions must be one for each frame"):
        Film(frames, captions, "")


def test_a_film_is_saved_as_a_picture_or_a_page(tmp_path):
    shown = turn()
    shown.save(tmp_path / "turn.png")
    assert (tmp_path / "turn.png").read_bytes() == shown.png
    shown.save(tmp_path / "turn.html")
    assert "turn" not in shown.alt and shown.alt.split(",")[0] in (tmp_path / "turn.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"path must end in \.png or \.html"):
        shown.save(tmp_path / "turn.avi")


def test_a_closed_film_leaves_nothing_behind():
    gc.collect()
    before = set(ipywidgets.Widget.get_manager_state()["state"])
    shown = turn()
    shown._repr_mimebundle_()
    gone = [weakref.ref(thing) for thing in (shown, shown.view, shown.play, shown.slider)]
    assert len(ipywidgets.Widget.get_manager_state()["state"]) > len(before) + 5
    shown.close()
    assert set(ipywidgets.Widget.get_manager_state()["state"]) == before
    del shown
    gc.collect()
    assert [reference() for reference in gone] == [None] * 4


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([b"x"], "must be PNGs as bytes, and one of them is none"),
        ([flat("red"), DIGIT], "must be a list of PNGs"),
        (None, "must be a list of PNGs"),
        ("ab", "must be a list of PNGs"),
    ],
)
def test_what_is_no_frame_is_named(frames, message):
    with pytest.raises(ValueError, match=f"frames {message}"):
        Film(frames, ["a", "b"][: len(frames or "a")], "")
    wide = io.BytesIO()
    Image.new("RGB", (50, 30)).save(wide, "PNG")
    with pytest.raises(ValueError, match="frames must be of one size, got 40 x 30, 50 x 30"):
        Film([flat("red"), wide.getvalue()], ["a", "b"], "")


def test_what_is_saved_goes_where_the_path_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shown = Film([flat("red")], ["a"], "red")
    still = picture.Picture(flat("red"), "red")
    for thing in (shown, still):
        thing.save("~/new folder ü/a.png")
        assert [path.name for path in tmp_path.iterdir()] == ["new folder ü"]
        for path in (None, 3, "", "a\0.png"):
            with pytest.raises(ValueError, match="path must"):
                thing.save(path)


@pytest.mark.parametrize("image", [BYTES[0].numpy(), Image.fromarray(BYTES[0].numpy()), BYTES.float(), BYTES], ids=repr)
def test_a_picture_of_one_s_own_is_animated_as_an_explorer_takes_it(image):
    assert (
        animate_theta(image, Rotation(), [0], [1], frames=2).frames == animate_theta(DIGIT, Rotation(), [0.0], [1.0], 2).frames
    )


WRONG = {
    "image must": dict(image=BYTES[0]),
    "image must be finite": dict(image=DIGIT / 0),
    "start must be a theta of 1 finite numbers": dict(start=torch.zeros(2)),
    "end must be a theta of 1 finite numbers": dict(end=[float("nan")]),
    "start must be a theta": dict(start=None),
    "family must be an object": dict(family=Rotation),
    "family must be a family": dict(family=None),
    "frames must be a whole number of at least 2": dict(frames=1),
    "frames must be a whole number": dict(frames=1.5),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_animated_is_named(message):
    good = dict(image=DIGIT, family=Rotation(), start=torch.zeros(1), end=torch.ones(1), frames=4)
    with pytest.raises(ValueError, match=f"^{message}"):
        animate_theta(**(good | WRONG[message]))


def test_labels_classes_counts_and_fills_that_cannot_be_are_named():
    net, two = models.paper_st_cnn(), BYTES.expand(2, 1, 28, 28)
    for labels in (None, [1], torch.tensor([1.0, 2.0]), torch.tensor([-1, 2]), torch.eye(10)[:2]):
        with pytest.raises(ValueError, match="^labels must be a whole number of at least 0 for each of 2 images"):
            animate_rotation(net, two, labels, frames=2)
    for degrees in (-30, float("nan"), "30"):
        with pytest.raises(ValueError, match="^degrees must be a finite number of at least 0"):
            animate_rotation(net, two, [1, 2], degrees, frames=2)
    history = {
        "step": torch.tensor([0, 1]),
        "theta": torch.zeros(2, 3, 1),
        "prediction": torch.ones(2, 3, dtype=torch.long),
        "image": BYTES.expand(3, 1, 28, 28),
        "label": torch.ones(3, dtype=torch.long),
    }
    assert animate_warps(history, Rotation(), count=100).alt.startswith("Animation: 3 test images")
    wrong = {
        "count must": dict(count=0),
        "count must be a whole number": dict(count=None),
        "classes must be a list of at least 2 names": dict(classes=["a"]),
        "classes must be a list": dict(classes="ab"),
        "fill must be 0 under padding_mode='border'": dict(fill=0.5, padding_mode="border"),
        "fill must be a number": dict(fill="x"),
        "history must be a dict": dict(history="mnist-r/cnn"),
        "history must have": dict(history={k: v for k, v in history.items() if k != "label"}),
        "family must be": dict(family=Rotation),
    }
    for message, options in wrong.items():
        with pytest.raises(ValueError, match=f"^{message}"):
            animate_warps(**(dict(history=history, family=Rotation()) | options))


@pytest.mark.parametrize(
    "values", [(1, 0, 0), (0, 1, 5), (0, 1), (0, 1, 0, 1), "abc", [], None, (0.0, float("inf"), 0.0), {"x": 1}]
)
def test_a_range_that_is_none_is_named(values):
    with pytest.raises(ValueError, match=r"^speed must be \(low, high, start\)"):
        player.play(lambda speed: picture.Picture(b"", ""), speed=values)


def test_a_drawing_function_that_draws_nothing_is_told_so():
    with pytest.raises(ValueError, match="draw must be a function"):
        player.play(None, x=(0, 1, 0))
    for answer in (None, "a picture", b""):
        with pytest.raises(ValueError, match="draw must answer a Picture, got .*: is a `return` missing?"):
            player.play(lambda x, answer=answer: answer, x=(0, 1, 0))


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_a_recorded_training_is_animated_for_every_family(family):
    moved = family.identity() + 0.3 * torch.rand(3, 64, family.num_params, generator=torch.Generator().manual_seed(0))
    moved[0] = family.identity()
    history = {
        "step": torch.tensor([0, 1, 1000]),
        "theta": moved,
        "prediction": torch.tensor([[0] * 64, [1] * 64, [1] * 64]),
        "image": BYTES.expand(64, 1, 28, 28),
        "label": torch.ones(64, dtype=torch.long),
    }
    shown = animate_warps(history, family, count=2)
    assert shown.captions == ["step 0", "step 1", "step 1,000"]
    assert len(shown.view.pictures) == len(seen(shown.png)) == 3
    assert "2 test images" in shown.alt and "0 of 2 correctly at first and 2 at the end" in shown.alt


def test_photographs_are_animated_with_the_names_of_their_classes_and_the_net_s_own_padding():
    history = {
        "step": torch.tensor([0, 1]),
        "theta": torch.tensor([[1.0, 0, 0, 0, 1, 0], [3.0, 0, 0, 0, 3, 0]])[:, None].expand(-1, 64, -1),
        "prediction": torch.tensor([[0] * 64, [1] * 64]),
        "image": torch.full((64, 3, 8, 8), 200, dtype=torch.uint8),
        "label": torch.ones(64, dtype=torch.long),
    }
    zeros, border = (seen(animate_warps(history, Affine(), 1, ("cat", "dog"), mode).png)[-1] for mode in ("zeros", "border"))
    assert (zeros - border).min() < -150  # only zeros bring black in
    filled = animate_warps(history, Affine(), 1, ("cat", "dog"), fill=torch.full((3,), 200 / 255))
    assert abs(seen(filled.png)[-1] - border).max() < 20  # the border's colour is 200, too
    assert (seen(animate_warps(history, Affine(), 1).png)[-1] != zeros).any()  # "reads dog" for "reads 1"


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_the_way_between_two_thetas_is_animated_for_every_family(family):
    generator = torch.Generator().manual_seed(3)
    start, end = (family.identity() + 0.3 * torch.rand(family.num_params, generator=generator) for _ in range(2))
    shown = animate_theta(DIGIT, family, start, end, frames=6)
    assert (len(shown.frames), len(shown.view.pictures)) == (6, 4)  # the way back shows what the way there did


def test_a_film_of_ten_digits_and_48_frames_is_small():
    torch.manual_seed(0)
    images = torch.stack(
        [sample(torch.rand(1, 1, 7, 7), Affine().grid(Affine().identity()[None], (28, 28)))[0] for _ in range(10)]
    )
    shown = animate_rotation(models.paper_st_cnn(), images, torch.arange(10))
    assert sum(map(len, shown.view.pictures)) < 600_000


def test_any_net_with_a_transformer_in_front_is_watched_while_its_input_turns():
    torch.manual_seed(0)
    net = InTheMiddle()
    labels = torch.tensor([0, 1])
    shown = animate_rotation(net, BYTES.expand(2, 1, 28, 28), labels, degrees=40, frames=4, classes=("cat", "dog", "bird"))
    assert shown.captions == [f"turned by {angle} degrees" for angle in ("-40", "+0", "+40", "+0")]
    assert "cat, dog turn from -40 to 40 degrees" in shown.alt
    assert net.training  # as it was
    read = [
        answers(net, batch)[2].argmax(dim=1) for batch in turned(DIGIT.expand(2, 1, 28, 28), torch.tensor([-40.0, 0, 40, 0]))
    ]
    share = 100 * torch.stack([found == labels for found in read]).float().mean()
    assert f"{share:.0f} % of the pictures" in shown.alt
    theta, output, logits = answers(net, DIGIT[None])
    warper = net.front["warper"]
    assert torch.allclose(theta, warper.theta(DIGIT[None])) and torch.allclose(output, warper(DIGIT[None]))
    assert output.shape == (1, 1, 14, 14) and torch.allclose(logits, net(DIGIT[None]))
    assert len(animate_rotation(InTheMiddle(3), torch.rand(1, 3, 28, 28), labels[:1], frames=4).frames) == 4


def test_a_picture_turns_counter_clockwise_about_its_centre_whatever_its_shape():
    image = torch.zeros(1, 1, 5, 9)
    image[0, 0, 2, 6] = 1  # two pixels to the right of the centre
    up = turned(image, torch.tensor([90.0]))[0, 0, 0]
    assert up.argmax() == 0 * 9 + 4 and up[0, 4] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (models.paper_cnn(), "must have a SpatialTransformer"),
        (InTheMiddle(in_parts=True), "must call its first SpatialTransformer"),
    ],
    ids=["none", "in parts"],
)
def test_a_net_that_cannot_be_watched_is_named(model, message):
    with pytest.raises(ValueError, match=message):
        animate_rotation(model, BYTES[None], torch.tensor([1]), frames=4)
