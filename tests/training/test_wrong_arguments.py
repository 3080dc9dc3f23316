"""Arguments of another kind in training, each walked over whatever can be handed in its place: always a ValueError that names it.

Kinds: models, and what they answer; data sets and their parts; distortions; recipes; seeds; devices; folders; history; what probes and
measures are told. Work that would be lost at its end, once more: a window that has left the picture is recorded.
"""

import math
import os
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from test_bad_situations import ONE_EPOCH, Net
from torch import nn

from stn_tutorial import Affine, Rotation, SpatialTransformer, load, pretrained
from stn_tutorial.training import probes, runs
from stn_tutorial.training.distortions import RandomRotation, RandomSimilarity, TranslatedCluttered
from stn_tutorial.training.evaluation import evaluate
from stn_tutorial.training.experiment import Experiment
from stn_tutorial.training.metrics import out_of_frame_fraction, pose_report, stillness
from stn_tutorial.training.recipe import SWITCHES, Recipe
from stn_tutorial.training.recorder import check_history
from stn_tutorial.training.trainer import fit


class Answers(nn.Module):
    """A linear classifier whose answer is changed on its way out."""

    def __init__(self, change):
        super().__init__()
        self.last, self.change = nn.Linear(784, 10), change

    def forward(self, images):
        return self.change(self.last(images.flatten(1)))


def call(how, model=None, data=None, **options):
    """Train or test on the CPU, in silence."""
    model = Answers(lambda logits: logits) if model is None else model
    options = {"recipe": ONE_EPOCH, "device": "cpu"} | options
    return fit(model, data, progress=False, **options) if how == "fit" else evaluate(model, data, **options)


both = pytest.mark.parametrize("how", ["fit", "evaluate"])
NO_MODEL = [None, "mnist-r/st-cnn-affine", nn.Linear, lambda images: images, {}, torch.rand(2, 784)]
ANSWERS = {
    "a tuple": lambda logits: (logits, 1),
    "a dict": lambda logits: {"logits": logits},
    "nothing": lambda logits: None,
    "an array": lambda logits: logits.detach().numpy(),
    "a column": lambda logits: logits[:, 0],
    "maps": lambda logits: logits[:, :, None, None],
    "too few classes": lambda logits: logits[:, :5],
    "classes first": lambda logits: logits.T,
    "one row for all": lambda logits: logits.sum(0, keepdim=True),
    "whole numbers": lambda logits: logits.long(),
    "complex numbers": lambda logits: logits + 1j,
}


@both
def test_what_is_no_model_is_named(few_digits, how):
    for model in NO_MODEL[1:]:
        with pytest.raises(ValueError, match="^model must be a torch.nn.Module, got "):
            call(how, model, few_digits)
    for looks in (
        lambda model: stillness(model, few_digits.test_images, RandomRotation()),
        lambda model: fit(model, few_digits),
    ):
        for model in NO_MODEL:
            with pytest.raises(ValueError, match="^model must be a torch.nn.Module, got "):
                looks(model)


@both
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_model_that_answers_no_logits_is_told_so(few_digits, how, answer):
    with pytest.raises(ValueError, match="^model must answer "):
        call(how, Answers(ANSWERS[answer]), few_digits)


@both
def test_a_model_whose_weights_cannot_be_used_is_told_so(few_digits, how):
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    for model in (lazy, Net().half(), Net().double(), Net().to("meta")):
        with pytest.raises(ValueError, match="^model must have weights"):
            call(how, model, few_digits)
    for model in (nn.Flatten(), Net().requires_grad_(False)):
        with pytest.raises(ValueError, match="^model must have weights that can be trained"):
            call("fit", model, few_digits)


def test_a_model_that_comes_with_nan_is_not_blamed_on_the_learning_rate(few_digits):
    with pytest.raises(ValueError, match="not finite before the first step: the model as it was given"):
        call("fit", Answers(lambda logits: logits * math.nan), few_digits)


@both
def test_what_is_no_data_set_is_named(few_digits, how):
    for data in (None, "mnist", (few_digits.train_images, few_digits.train_labels), few_digits.train_images, {}):
        with pytest.raises(ValueError, match="^data must be a Dataset, such as load answers, got "):
            call(how, data=data)


NO_PARTS = {
    "train_images": [None, [], np.zeros((256, 1, 28, 28), np.uint8), torch.zeros(256, 1, 0, 28, dtype=torch.uint8)],
    "test_images": [torch.zeros(96, 1, 14, 14, dtype=torch.uint8), torch.zeros(96, 3, 28, 28, dtype=torch.uint8)],
    "train_labels": [None, [0] * 256, torch.zeros(256), torch.zeros(256, dtype=torch.int32)],
    "classes": [None, "0123456789", 10, tuple(range(10))],
    "fingerprint": [None, 3],
    "source": [None, b"x"],
}


@pytest.mark.parametrize("part", NO_PARTS)
def test_a_part_of_a_data_set_that_is_none_is_named(few_digits, part):
    sparse = [few_digits.train_images.to_sparse()] if part == "train_images" else []
    for value in (*NO_PARTS[part], *sparse):
        with pytest.raises(ValueError, match=f"^{part} must "):
            replace(few_digits, **{part: value})


@pytest.mark.parametrize("count", [-1, 1.5, None, "1", True, math.nan])
def test_a_subset_has_a_size(few_digits, count):
    for arguments, name in (((count, 1), "train"), ((1, count), "test")):
        with pytest.raises(ValueError, match=f"^{name} must be a whole number of at least 0, got "):
            few_digits.subset(*arguments)
    assert len(few_digits.subset(np.int64(3), 10**9).test_images) == 96


@both
def test_what_is_no_distortion_is_named(few_digits, how):
    for distortion in ("r", RandomRotation, Rotation(), 90):
        with pytest.raises(ValueError, match="^distortion must be an object"):
            call(how, data=few_digits, distortion=distortion)
    for distortion in (lambda images, generator: images, lambda images, generator: (images, None)):
        with pytest.raises(ValueError, match="^distortion must answer a pair"):
            call(how, data=few_digits, distortion=distortion)


def test_numbers_and_images_of_a_distortion_are_checked(few_digits):
    for degrees in (-1, 181, math.nan, "90", None, True):
        with pytest.raises(ValueError, match="^degrees must "):
            RandomRotation(degrees)
    for side in (0, 33.6, math.nan, "42", (42, 42)):
        with pytest.raises(ValueError, match="^side must be a whole number"):
            RandomSimilarity(side)
    images, generator = torch.rand(2, 1, 28, 28), torch.Generator()
    for wrong in (few_digits.test_images, images.numpy(), None, images.long()):
        with pytest.raises(ValueError, match="^images must be a tensor in"):
            RandomRotation()(wrong, generator)
    for wrong in (None, 0, np.random.default_rng(0)):
        with pytest.raises(ValueError, match="^generator must be a torch.Generator"):
            RandomRotation()(images, wrong)
    for side in (3, 61):
        with pytest.raises(ValueError, match="^images must be 6 to 60 pixels wide"):
            TranslatedCluttered()(torch.rand(2, 1, side, side), generator)


@both
def test_what_is_no_recipe_no_seed_and_no_device_is_named(few_digits, how):
    for recipe in ({}, {"epochs": 1}, Recipe, 3, "adamw"):
        with pytest.raises(ValueError, match="^recipe must be a Recipe or None, got "):
            call(how, data=few_digits, recipe=recipe)
    for seed in (None, "0", 1.5, -1, 2**70, True, math.nan):
        with pytest.raises(ValueError, match="^seed must be "):
            call(how, data=few_digits, seed=seed)
    for device in ("gpu", "meta", "CPU0", object(), *([] if torch.cuda.is_available() else ["cuda", "cuda:0"])):
        with pytest.raises(ValueError, match="^device must be one that is here"):
            call(how, data=few_digits, device=device)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_true_or_false(name):
    for value in ("no", 1, None, 2.0):
        with pytest.raises(ValueError, match=f"^{name} must be True or False, got "):
            Recipe(**{name: value})


def test_numbers_of_other_libraries_are_numbers_and_more_options_that_do_nothing_are_refused(few_digits):
    for value in (np.float32(0.5), torch.tensor(0.5), Fraction(1, 2)):
        assert Recipe(lr=value).lr == 0.5 and type(Recipe(lr=value).lr) is float
    with pytest.raises(ValueError, match="cutout must be at most the images' 28 pixels, got 29"):
        call("fit", data=few_digits, recipe=replace(ONE_EPOCH, cutout=29))


@pytest.mark.parametrize("folder", ["", " ", "a\0b", 3, True, b"x", "~nobody-of-that-name/x"])
def test_what_is_no_folder_is_named(few_digits, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, use in {
        "folder": lambda: call("fit", data=few_digits, folder=folder),
        "root": lambda: load("mnist", folder),
        "root ": lambda: runs.load_runs("mnist-r/cnn", folder),
    }.items():
        with pytest.raises(ValueError, match=f"^{name.strip()} must be a path"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_one_place_wherever_the_model_goes(few_digits, tmp_path, monkeypatch):
    class Wanders(Net):
        def forward(self, images):
            os.chdir(tmp_path)
            return super().forward(images)

    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    call("fit", Wanders(), few_digits, folder="run")
    assert sorted(path.name for path in (tmp_path / "start" / "run").iterdir()) == ["checkpoint.pt", "weights.safetensors"]
    assert not (tmp_path / "run").exists()


def test_what_is_no_experiment_is_named(tmp_path):
    for wrong in ("mnist-r/cnn", None):
        with pytest.raises(ValueError, match="^experiment must be one of"):
            runs.run(wrong, 0, tmp_path)
    for seed in (None, 1.5, "0", -1):
        with pytest.raises(ValueError, match="^seed must be"):
            runs.run(Experiment("mnist-r/tiny", Net, ONE_EPOCH), seed, tmp_path)
    for name in (None, ["mnist"], {}, 3):
        for use in (load, runs.load_runs, pretrained):
            with pytest.raises(ValueError, match="name must be one of|no experiment is called"):
                use(name)


def test_a_history_that_is_none_is_named():
    whole = {
        "step": torch.arange(2),
        "theta": torch.zeros(2, 5, 6),
        "prediction": torch.zeros(2, 5, dtype=torch.long),
        "image": torch.zeros(5, 1, 8, 8, dtype=torch.uint8),
        "label": torch.zeros(5, dtype=torch.long),
    }
    check_history(whole)
    wrong = [None, "mnist-r/cnn", [], {}]
    for key, value in whole.items():
        wrong += [{k: v for k, v in whole.items() if k != key}, whole | {key: value[:0]}, whole | {key: value.numpy()}]
        wrong += [whole | {key: value[:-1]}, whole | {key: value[0]}]
    wrong += [whole | {key: whole[key].float()} for key in ("step", "prediction", "image")]
    for history in wrong:
        with pytest.raises(ValueError, match="^history must "):
            check_history(history)


def test_what_probes_and_measures_are_told_is_checked(few_digits):
    net, images = Net(), few_digits.test_images
    plain = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    wrong = {
        "poses must": lambda: stillness(net, images, RandomRotation(), poses=1),
        "images must be uint8": lambda: stillness(net, images / 255, RandomRotation()),
        "images must be uint8 ": lambda: stillness(net, images[:0], RandomRotation()),
        "model must hold": lambda: probes.error_with_one_theta(plain, few_digits, Affine().identity()),
        "model must call": lambda: probes.shift_undone(plain, few_digits, device="cpu"),
        "pixels must": lambda: probes.shift_undone(net, few_digits, pixels=0),
        "theta must be a torch.Tensor": lambda: probes.error_with_one_theta(net, few_digits, [1, 0, 0, 0, 1, 0]),
        "theta must be finite": lambda: probes.class_from_theta(torch.full((60, 6), math.nan), torch.zeros(60)),
        "neighbours must": lambda: probes.class_from_theta(torch.rand(60, 6), torch.zeros(60), 0),
        "grid must": lambda: out_of_frame_fraction(torch.zeros(4, 4, 2)),
        "grid must ": lambda: out_of_frame_fraction(np.zeros((1, 4, 4, 2))),
        "before and after must": lambda: pose_report(torch.zeros(0, 4, 2), torch.zeros(0, 4, 2), torch.zeros(0)),
    }
    for message, use in wrong.items():
        with pytest.raises(ValueError, match=f"^{message.strip()}"):
            use()


class Lost(nn.Module):
    """A localiser whose window lies far outside every picture."""

    def __init__(self):
        super().__init__()
        self.far = nn.Parameter(torch.tensor([1e9, 0.0, 0.0, 0.0, 1e9, 0.0]))

    def forward(self, images):
        return self.far.expand(len(images), -1)


class Blind(Net):
    def __init__(self):
        super().__init__()
        self.stn = SpatialTransformer(Lost(), Affine())


def test_a_theta_that_is_a_weight_is_kept_as_it_was_at_each_step(few_digits):
    net = Blind()
    with torch.no_grad():
        net.stn.localization.far.copy_(Affine().identity())
    theta = call("fit", net, few_digits).theta["theta"]
    assert torch.equal(theta[0, 0], Affine().identity()) and not theta.requires_grad
    assert len({tuple(row) for row in theta[:, 0].tolist()}) == len(theta)


def test_a_window_that_left_the_picture_is_recorded_all_the_same(root, tmp_path, monkeypatch):
    from stn_tutorial.training import experiments, tables

    blind = Experiment("mnist-r/blind", Blind, replace(ONE_EPOCH, localizer_lr=0.0))
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"mnist-r/blind": blind})
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.setattr(runs, "best_device", lambda: torch.device("cpu"))
    record = runs.run(blind, 0, tmp_path, progress=False)
    assert record["pose"]["mean_after_degrees"] is None and record["stillness"]["degrees"] is None
    assert runs.run(blind, 0, tmp_path) == record
    row = next(line for line in tables.table("mnist-r", str(tmp_path)).splitlines() if "| blind |" in line)
    assert row.split(" | ")[9] == "-"


def test_too_few_test_images_are_noticed_before_a_training(root, tmp_path, monkeypatch, small_arrays):
    few = dict(small_arrays) | {key: small_arrays[key][:40] for key in ("test_images", "test_labels")}
    np.savez(root / "mnist.npz", **few)
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.setattr(runs, "fit", lambda *arguments, **options: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match="data must hold at least 50 test images, got 40"):
        runs.run(Experiment("mnist-r/tiny", Net, ONE_EPOCH), 0, tmp_path)
