"""A trained net by hand: what is moved, what the net answers, and that the browser moves the picture as Python does."""

import gc
import json
import math
import threading
import weakref

import numpy as np
import pytest
import torch
from test_explorer_js import in_node
from traitlets import TraitError

from stn_tutorial import Affine, SpatialTransformer, ThinPlateSpline, animate_rotation, explore_model
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import FixedTheta, LocalizationNet
from stn_tutorial.teaching.model_explorer import ModelExplorer, moved

DIGITS = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_moved_moves_the_picture_as_its_words_say():
    image = torch.zeros(1, 1, 20, 20)
    image[0, 0, 9:11, 14:16] = 1  # right of the centre
    rows, columns = torch.meshgrid(torch.arange(20.0) - 9.5, torch.arange(20.0) - 9.5, indexing="ij")

    def centre(picture):
        return [float((picture[0, 0] * axis).sum() / picture.sum()) for axis in (columns, rows)]

    assert centre(moved(image, 90, 1, 0, 0)) == pytest.approx([0, -5], abs=0.1)  # counter-clockwise: right goes up
    assert centre(moved(image, 0, 1.5, 0, 0)) == pytest.approx([7.5, 0], abs=0.1)
    assert centre(moved(image, 0, 1, 0.2, 0.4)) == pytest.approx([7, 4], abs=0.1)
    assert centre(moved(image, 90, 0.5, 0.2, 0.4)) == pytest.approx([2, 1.5], abs=0.1)
    rows, columns = torch.meshgrid(torch.arange(20.0) - 9.5, torch.arange(60.0) - 29.5, indexing="ij")
    wide = torch.zeros(1, 1, 20, 60)
    wide[0, 0, 9:11, 29:31] = 1
    assert centre(moved(wide, 90, 1, 0.2, 0)) == pytest.approx([6, 0], abs=0.1)
    assert centre(moved(wide, 90, 1, 0, 0.4)) == pytest.approx([0, 4], abs=0.1)


def test_the_browser_moves_the_picture_as_python_does(tmp_path):
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 1, 6, 9, generator=generator, dtype=torch.float64)
    poses = [[60, 1, 0, 0], [-135, 0.7, 0.2, -0.4], [10, 1.6, -0.5, 0.3]]
    program = """given.poses.map((pose) => {
      const grid = stn.makeGrid({ kind: "Similarity", aspect: 1.5 }, stn.thetaOfPose(pose, 1.5), 6, 9, false);
      const image = { data: given.image, height: 6, width: 9, channels: 1 };
      return Array.from(stn.sample(image, grid, { kernel: "bilinear", padding: "zeros", align: false }));
    })"""
    found = in_node(tmp_path, program, {"poses": poses, "image": image.flatten().tolist()})
    for pose, picture in zip(poses, found, strict=True):
        assert torch.allclose(torch.tensor(picture).view(1, 1, 6, 9), moved(image, *pose).float(), atol=1e-5)


def test_a_dragged_corner_lies_where_it_was_dragged_to(tmp_path):
    """And the picture shows its corner where the handle is."""
    poses = [[0, 1, 0, 0], [170, 0.8, 0.2, -0.1], [-60, 1.4, -0.3, 0.4]]
    program = """given.map((pose) => [0, 1, 2, 3].map((k) => {
      const next = stn.poseWithCorner(pose, k, 0.5, -0.9, 1.5);
      const theta = stn.thetaOfPose(next, 1.5), looks = [0, 0];
      stn.pointMap({ kind: "Similarity", aspect: 1.5 }, theta)(0.5, -0.9, looks);
      return [next, stn.cornersOfPose(next, 1.5)[k], looks];
    }))"""
    for pose, corners in zip(poses, in_node(tmp_path, program, poses), strict=True):
        for k, (after, lies, looks) in enumerate(corners):
            assert lies == pytest.approx([0.5, -0.9])
            assert looks == pytest.approx([(-1, -1), (1, -1), (1, 1), (-1, 1)][k])  # of the picture
            assert after[2:] == pose[2:]
            assert abs(after[0]) <= 180


def test_a_net_is_scrubbed_by_hand_and_left_as_it_was():
    torch.manual_seed(0)
    model = models.paper_st_cnn().train()
    with torch.no_grad():
        model.transformer.localization[1].last.weight.normal_(0, 0.05)  # so that theta depends on the picture
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explorer = explore_model(model, DIGITS, degrees=60)
    first = explorer.render()
    assert "image 0: +60 degrees" in first.alt
    for name, value in {"index": 1, "pose": [-20.0, 1.5, 0.3, -0.3]}.items():
        theta = explorer.theta
        setattr(explorer, name, value)
        assert explorer.theta != theta and explorer.render().png != first.png
    model.eval()
    seen = moved(DIGITS[1:2], -20.0, 1.5, 0.3, -0.3)
    assert explorer.theta == pytest.approx(model.theta(seen)[0].tolist(), abs=1e-5)
    assert explorer.probabilities == pytest.approx(model(seen).softmax(dim=1)[0].tolist(), abs=1e-5)
    output = (model.transformer(seen)[0, 0].detach() * 255).round().byte()
    assert (torch.frombuffer(bytearray(explorer.output), dtype=torch.uint8).view(28, 28).int() - output).abs().max() <= 1
    model.train()
    explorer.pose = [0, 1, 0, 0]
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_names_of_classes_and_a_larger_output_are_shown():
    explorer = explore_model(
        models.paper_st_cnn(ThinPlateSpline(4), 42), torch.rand(2, 1, 42, 42), [f"kind {k}" for k in range(10)]
    )
    assert explorer.output_shape == [56, 56, 1]
    assert "kind" in explorer.render().alt
    bundle, _ = explorer._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(bundle)


def test_what_goes_wrong_in_the_net_is_shown():
    class Moody(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.stn = SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine())

        def forward(self, images):
            if images.sum() < 5:
                raise RuntimeError("nothing to see")
            return self.stn(images).flatten(1)[:, :10]

    explorer = explore_model(Moody(), DIGITS)
    before = explorer.render().alt
    explorer.pose = [0, 0.01, 0, 0]
    assert explorer.problem == "RuntimeError: nothing to see"
    assert explorer.render().alt == before  # the last answer, whole
    explorer.pose = [0, 1, 0, 0]
    assert explorer.problem == ""


class Answers(torch.nn.Module):
    """A net whose answer is what a function makes of the warped images."""

    def __init__(self, answer, **options):
        super().__init__()
        self.stn = SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine(), **options)
        self.answer = answer

    def forward(self, images):
        self.theta = self.stn.theta(images)
        return self.answer(self.stn(images))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda warped: (warped.flatten(1)[:, :10], 0), "for one image got tuple"),
        (lambda warped: warped.flatten(1)[0, :10], r"for one image got \(10,\)"),
        (lambda warped: warped.flatten(1)[:, :1], r"for one image got \(1, 1\)"),
        (lambda warped: warped.flatten(1)[:, :10] / 0, "NaN or infinity in logits"),
    ],
)
def test_a_net_that_answers_no_logits_is_told_so_and_leaves_no_widget(answer, message):
    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, ModelExplorer) for thing in gc.get_objects())

    before = alive()
    with pytest.raises(ValueError, match=message):
        explore_model(Answers(answer), DIGITS)
    assert alive() == before


def test_a_transformer_that_is_called_in_parts_is_told_so():
    class Parts(Answers):
        def forward(self, images):
            return self.stn.warp(images, self.stn.theta(images)).flatten(1)[:, :10]

    with pytest.raises(ValueError, match="model must call its first SpatialTransformer as a module"):
        explore_model(Parts(None), DIGITS)


def test_half_precision_double_images_kept_tensors_and_any_number_of_channels():
    model = models.paper_st_cnn().bfloat16()
    assert sum(explore_model(model, DIGITS.double()).probabilities) == pytest.approx(1, abs=1e-3)
    keeper = Answers(lambda warped: warped.flatten(1)[:, :10])
    keeper(DIGITS)  # now it keeps a theta that hangs on a graph
    assert not keeper.theta.is_leaf
    assert explore_model(keeper, (DIGITS * 255).byte()).theta == Affine().identity().tolist()
    body = torch.nn.Sequential(
        SpatialTransformer(LocalizationNet((2, 28, 28), Affine()), Affine()), torch.nn.Flatten(), torch.nn.Linear(2 * 784, 3)
    )
    two = explore_model(body, torch.rand(1, 2, 28, 28))
    assert two.output_shape == [28, 28, 1] and "the net says" in two.render().alt


def test_aligned_corners_are_drawn_aligned():
    def share(warped):
        return warped.flatten(1)[:, :10]

    explorers = [explore_model(Answers(share, align_corners=align), DIGITS) for align in (True, False)]
    assert [explorer.align_corners for explorer in explorers] == [True, False]
    assert explorers[0].render().png != explorers[1].render().png


def test_errors_name_what_was_wanted():
    model = models.paper_st_cnn()
    with pytest.raises(ValueError, match="model must have a SpatialTransformer"):
        explore_model(models.paper_cnn(), DIGITS)
    with pytest.raises(ValueError, match="images must have shape"):
        explore_model(model, DIGITS[0])
    with pytest.raises(ValueError, match="classes must be 10 names"):
        explore_model(model, DIGITS, ["a", "b"])
    explorer = explore_model(model, DIGITS)
    for pose in ([0, 0, 0, 0], [0, 1, 0], [math.nan, 1, 0, 0]):
        with pytest.raises(TraitError, match="pose must be four finite numbers"):
            explorer.pose = pose
    with pytest.raises(TraitError, match=r"index must lie in \[0, 2\]"):
        explorer.index = 3


def test_a_closed_explorer_is_forgotten_with_its_copy_of_the_net():
    explorer = explore_model(models.paper_st_cnn(), DIGITS, degrees=30)
    explorer.index = 1
    gone = [weakref.ref(explorer), weakref.ref(explorer.model)]
    explorer.close()
    del explorer
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_names_of_classes_are_no_mathematics():
    names = [r"$\foo$", "a_b", "$", "{}", r"\frac", "100 %", "", "<b>", "x^2", "é"]
    picture = explore_model(models.paper_st_cnn(), DIGITS, names).render()
    assert any(name in picture.alt for name in names if name)


def test_names_of_classes_are_a_list_of_any_kind_and_short():
    model = models.paper_st_cnn()
    for classes in (range(10), np.arange(10), torch.arange(10), tuple("0123456789")):
        assert explore_model(model, DIGITS, classes).classes == list("0123456789")
    for classes in ("0123456789", {k: "x" for k in range(10)}, set(range(10)), 10, (str(k) for k in range(10))):
        with pytest.raises(ValueError, match="classes must be a list of names, got"):
            explore_model(model, DIGITS, classes)
    explorer = explore_model(model, DIGITS, ["\ud800", "x" * 5000, *"23456789"])
    assert max(map(len, explorer.classes)) == 40
    json.dumps(explorer.classes).encode()
    assert explorer.render().alt.encode("utf-8")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (DIGITS.numpy(), "must be a tensor"),
        ((DIGITS * 255).long(), r"must be uint8 or in \[0, 1\], got torch.int64"),
        (DIGITS > 0.5, r"must be uint8 or in \[0, 1\]"),
        (DIGITS * 255, r"must be uint8 or in \[0, 1\], got numbers up to 25.*: divide them by 255"),
        (DIGITS / 0, "must be finite"),
        (DIGITS + 1j, "must be uint8"),
        (DIGITS.to("meta"), "must be uint8"),
    ],
)
def test_images_that_a_net_would_misread_are_named(images, message):
    model = models.paper_st_cnn()
    for show in (explore_model, lambda model, images: animate_rotation(model, images, torch.arange(3), frames=2)):
        with pytest.raises(ValueError, match=f"images {message}"):
            show(model, images)


def test_what_is_no_model_or_cannot_be_copied_is_named_and_no_weights_are_no_hindrance():
    for model in (None, "mnist-r/st-cnn-affine", models.paper_st_cnn, DIGITS, {}.keys()):
        with pytest.raises(ValueError, match="model must"):
            explore_model(model, DIGITS)
    model = models.paper_st_cnn()
    model.lock = threading.Lock()
    with pytest.raises(ValueError, match="model must be one that can be copied"):
        explore_model(model, DIGITS)

    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.stn = SpatialTransformer(FixedTheta(Affine().identity()), Affine())

        def forward(self, images):
            return self.stn(images).flatten(1)[:, :10]

    assert len(explore_model(Fixed(), DIGITS).probabilities) == 10
    assert len(animate_rotation(Fixed(), DIGITS, torch.arange(3), frames=2).frames) == 2
