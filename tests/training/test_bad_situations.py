"""Bad situations in training, by kinds, each searched wherever it can occur.

Options that do nothing or cannot work: a sentence before anything is trained. Work that would be lost at its end. Models that
were looked at come back as they were. Files that somebody changed: labels, caches, records, thetas, checkpoints, links, folders.
Copies, links and forks. Where data lie. What is blamed for a loss that is not finite. The command line, interrupted and in any locale.
"""

import copy
import json
import math
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stn_tutorial import Affine, SpatialTransformer, load
from stn_tutorial import __main__ as cli
from stn_tutorial.files import write_atomically
from stn_tutorial.training import data as data_module
from stn_tutorial.training import experiments, runs, tables
from stn_tutorial.training.augmentation import flip_and_shift, shifted
from stn_tutorial.training.checkpoints import PARTS
from stn_tutorial.training.data import data_root
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.evaluation import evaluate
from stn_tutorial.training.experiment import Experiment, run_folder
from stn_tutorial.training.lock import alone_in
from stn_tutorial.training.metrics import stillness
from stn_tutorial.training.recipe import DROPOUTS, Recipe
from stn_tutorial.training.trainer import fit

ONE_EPOCH = Recipe(epochs=1, batch_size=64)


class Net(nn.Module):
    """A transformer on 28x28 digits, batch normalisation and a linear classifier, small enough for tests."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stn = SpatialTransformer.for_images((1, 28, 28), Affine())
        self.norm = nn.BatchNorm2d(1)
        self.last = nn.Linear(784, 10)

    def warped(self, images):
        return self.stn(images)

    def forward(self, images):
        return self.last(self.norm(self.warped(images)).flatten(1))


class Bypassed(Net):
    def warped(self, images):
        return images


def train(model, data, recipe=ONE_EPOCH, folder=None, **options):
    return fit(model, data, RandomRotation(), recipe, 0, "cpu", folder, progress=False, **options)


WRONG = [math.nan, math.inf, -1, -0.5, "1", None, True, 1j]


@pytest.mark.parametrize("name", ["epochs", "batch_size", "cutout", "shift"])
@pytest.mark.parametrize("value", [*WRONG, 1.5, 2.0])
def test_a_count_is_a_whole_number(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a whole number of at least [01], got "):
        Recipe(augment=True, **{name: value})


@pytest.mark.parametrize(
    "name", ["lr", "localizer_lr", "weight_decay", "label_smoothing", "theta_noise", "consistency", "dropout"]
)
@pytest.mark.parametrize("value", WRONG)
def test_a_strength_is_a_finite_number(name, value):
    if (name, value) == ("dropout", None):
        return
    with pytest.raises(ValueError, match=f"^{name} must be a finite number of at least 0, got "):
        Recipe(**{name: value})


def test_whole_numbers_of_other_libraries_are_whole_numbers():
    recipe = Recipe(epochs=np.int64(3), batch_size=torch.tensor(5))
    assert (recipe.epochs, recipe.batch_size) == (3, 5) and type(recipe.epochs) is int
    json.dumps(recipe.__dict__)


def test_options_that_would_do_nothing_are_refused(few_digits):
    with pytest.raises(ValueError, match="shift=4 shifts nothing without augment=True"):
        Recipe(shift=4)
    with pytest.raises(ValueError, match="model must hold a dropout layer for a recipe with dropout=0.5, and holds none"):
        train(Net(), few_digits, replace(ONE_EPOCH, dropout=0.5))
    with pytest.raises(ValueError, match="model must hold a SpatialTransformer"):
        train(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), few_digits, replace(ONE_EPOCH, consistency=1.0))
    with pytest.raises(ValueError, match="model must hold a SpatialTransformer for a recipe with theta_noise"):
        train(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), few_digits, replace(ONE_EPOCH, theta_noise=0.1))


def test_the_recipe_reaches_every_kind_of_dropout(few_digits):
    every = [getattr(nn, name) for name in dir(nn) if "Dropout" in name and isinstance(getattr(nn, name), type)]
    assert set(every) == set(DROPOUTS)  # torch has no other
    layers = [layer(0.5) for layer in every]
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Dropout(0.5))
    net.others = nn.ModuleList(layers)
    net.forward = lambda images: net[2](net[1](net[0](images)))
    train(net, few_digits.subset(64, 8), replace(ONE_EPOCH, dropout=0.25))
    assert {layer.p for layer in (*layers, net[2])} == {0.25}


def test_no_shift_is_wider_than_what_is_mirrored(few_digits):
    images, generator = torch.arange(25).view(1, 1, 5, 5), torch.Generator().manual_seed(0)
    for pixels in (4, -4):
        moved = shifted(images, torch.tensor([pixels]), torch.tensor([0]), "reflect")
        assert torch.equal(moved, images.flip(3))
    for pixels in (5, 9, 50):
        for right, down in ((pixels, 0), (0, -pixels)):
            with pytest.raises(ValueError, match=f"shift must be less than the images' 5 pixels .*, got {pixels}"):
                shifted(images, torch.tensor([right]), torch.tensor([down]), "reflect")
        shifted(images, torch.tensor([pixels]), torch.tensor([0]), "zeros")
    flip_and_shift(images, generator, 4, "reflect")
    recipe = replace(ONE_EPOCH, augment=True, shift=28, shift_padding="reflect")
    with pytest.raises(ValueError, match="shift must be less than the images' 28 pixels"):
        train(Net(), few_digits, recipe)


def test_an_empty_test_set_is_noticed_before_an_epoch(few_digits):
    empty, net = few_digits.subset(256, 0), Net()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    for call in (train, lambda model, data: evaluate(model, data, device="cpu")):
        with pytest.raises(ValueError, match="data must hold at least one test image"):
            call(net, empty)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_transformer_that_is_not_called_costs_a_word_and_no_training(few_digits, tmp_path):
    with pytest.warns(UserWarning, match="model goes past its first SpatialTransformer"):
        training = train(Bypassed(), few_digits, folder=tmp_path)
    assert training.theta is None and len(training.history) == 1
    assert train(Bypassed(), few_digits, folder=tmp_path).theta is None  # again, from the checkpoint
    assert "theta" not in evaluate(Bypassed(), few_digits, device="cpu")
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="model must call its first SpatialTransformer"):
        train(Bypassed(), few_digits, replace(ONE_EPOCH, consistency=1.0))
    with pytest.raises(ValueError, match="model must call its first SpatialTransformer"):
        stillness(Bypassed(), few_digits.test_images[:1], RandomRotation())


def test_a_transformer_that_is_called_twice_has_one_theta_for_an_image(few_digits):
    class Chained(Net):
        def warped(self, images):
            return self.stn(self.stn(images))

    assert evaluate(Chained(), few_digits, device="cpu")["theta"].shape == (96, 6)
    theta = train(Chained(), few_digits, replace(ONE_EPOCH, consistency=1.0)).theta
    assert theta["theta"].shape == (len(theta["step"]), 64, 6)


def test_a_net_that_has_a_part_under_two_names_is_saved_at_the_end(few_digits, tmp_path):
    net = Net()
    net.again, net.norm.other_bias = net.norm, net.norm.bias
    train(net, few_digits, folder=tmp_path)
    assert (tmp_path / "weights.safetensors").exists()


def test_a_step_that_blows_up_is_told_also_if_it_is_the_last(few_digits):
    recipe = replace(ONE_EPOCH, batch_size=256, optimizer="sgd", lr=1e38)  # one step: its own loss is still finite
    with pytest.raises(ValueError, match="the loss is not finite in epoch 1: recipe.lr = 1e[+]38 is probably too high"):
        train(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), few_digits, recipe)


def test_a_theta_that_is_nan_is_not_blamed_on_the_learning_rate(few_digits):
    class Ill(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(6))

        def forward(self, images):
            return (self.scale - 1).log().expand(len(images), -1)

    net = nn.Sequential(SpatialTransformer(Ill(), Affine()), nn.Flatten(), nn.Linear(784, 10))
    with pytest.raises(ValueError, match="in epoch 1: theta was NaN or infinite for 64 images .*check=True stops there"):
        train(net, few_digits)
    for lr in (1e5, 1e30):
        with pytest.raises(ValueError, match="recipe.lr = .* is probably too high"):
            train(Net(), few_digits, replace(ONE_EPOCH, optimizer="sgd", lr=lr))


LOCKER = """
import sys
from pathlib import Path
from stn_tutorial.training.lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_folder_belongs_to_one_process(few_digits, tmp_path, monkeypatch, root):
    monkeypatch.setenv("STN_DATA", str(root))
    tiny = Experiment("mnist-r/tiny", Net, ONE_EPOCH)
    folder = run_folder("mnist-r/tiny", 0, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "mine\n"
        for call in (lambda: train(Net(), few_digits, folder=folder), lambda: runs.run(tiny, 0, tmp_path, progress=False)):
            with pytest.raises(ValueError, match=f"^another process is training in {folder.resolve()}: "):
                call()
        assert list(folder.iterdir()) == []  # and nothing was begun
        other.kill()  # a lock ends with its process, however that ends
    train(Net(), few_digits, folder=folder)
    with alone_in(folder), alone_in(folder):  # a run and the training in it
        pass
    with pytest.raises(RuntimeError), alone_in(folder):
        raise RuntimeError
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.pt", "weights.safetensors"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_fork_neither_shares_a_folder_nor_keeps_it(tmp_path):
    heard, tell = os.pipe()
    refused, refuse = os.pipe()
    with alone_in(tmp_path):
        child = os.fork()
        if child == 0:
            try:
                with alone_in(tmp_path):
                    os._exit(1)
            except ValueError:
                os.write(refuse, b" ")
                os.read(heard, 1)  # it lives on while the folder is given back
                os._exit(0)
        os.close(refuse)
        assert os.read(refused, 1) == b" "  # nothing comes from a child that was let in
    with alone_in(tmp_path):
        pass
    os.write(tell, b" ")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(heard), os.close(tell)


def test_a_folder_that_is_a_link_to_itself_is_named(few_digits, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="cannot write to the folder .*loop: "):
        train(Net(), few_digits, folder=tmp_path / "loop")


def test_a_folder_that_cannot_be_written_is_named_first(few_digits, tmp_path):
    (tmp_path / "file").write_text("x")
    places = [tmp_path / "file", tmp_path / "file" / "below"] + ([Path("/proc/none")] if Path("/proc").is_dir() else [])
    for place in places:
        with pytest.raises(OSError, match=f"cannot write to the folder {place}"):
            train(Net(), few_digits, folder=place)


class Odd(Net):
    """Fails when it is asked for the second time."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, images):
        self.calls += 1
        if self.calls == 2:
            raise KeyError("as planned")
        return super().forward(images)


def modes(net):
    return {name: module.training for name, module in net.named_modules()}


LOOKS = {
    "evaluate": lambda net, data: evaluate(net, data, device="cpu"),
    "stillness": lambda net, data: stillness(net, data.test_images[:2], RandomRotation(), poses=2),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_model_that_is_looked_at_comes_back_as_it_was(digits, look):
    several = (
        digits.subset(64, 1000) if look == "stillness" else replace(digits.subset(64, 10), test_images=digits.test_images[:10])
    )
    for training in (True, False):
        net = Net().train(training)
        net.norm.eval()  # frozen, as people freeze it
        net.last.train()
        before, weights = modes(net), {key: value.clone() for key, value in net.state_dict().items()}
        LOOKS[look](net, several)
        assert modes(net) == before
        assert all(torch.equal(weights[key], value) for key, value in net.state_dict().items())
        odd = Odd().train(training)
        odd.norm.eval()
        before = modes(odd)
        more = (
            digits.subset(64, 1000)
            if look == "stillness"
            else replace(digits, test_images=digits.test_images.repeat(2, 1, 1, 1), test_labels=digits.test_labels.repeat(2))
        )
        with pytest.raises(KeyError, match="as planned"):
            LOOKS[look](odd, more)
        assert modes(odd) == before
        assert not odd.stn.localization._forward_hooks and not odd._forward_hooks and not odd._forward_pre_hooks


def test_training_and_its_recorder_leave_frozen_normalisation_frozen(few_digits):
    net = Net()
    net.norm.eval()
    statistics = net.norm.running_mean.clone()
    train(net, few_digits)
    assert not net.norm.training and torch.equal(net.norm.running_mean, statistics)
    assert net.training
    train(net.eval(), few_digits)  # a whole net in eval mode is one to be trained
    assert net.training and not torch.equal(net.norm.running_mean, statistics)


BAD_LABELS = {
    "too large": lambda labels: labels + 1,
    "negative": lambda labels: np.where(labels.astype(np.int64) == 3, -100, labels.astype(np.int64)),
    "floats": lambda labels: labels.astype(np.float32),
    "not finite": lambda labels: np.full(labels.shape, np.nan),
    "columns": lambda labels: np.stack([labels, labels], axis=1),
    "one hot": lambda labels: np.eye(10, dtype=np.uint8)[labels],
    "too few": lambda labels: labels[:-1],
    "a scalar": lambda labels: labels[0],
    "words": lambda labels: labels.astype(str),
    "truths": lambda labels: labels > 4,
}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("bad", BAD_LABELS)
def test_labels_that_are_none_are_found_in_the_file(root, small_arrays, split, bad):
    key = f"{split}_labels"
    np.savez(root / "mnist.npz", **(dict(small_arrays) | {key: BAD_LABELS[bad](small_arrays[key])}))
    with pytest.raises(ValueError, match=rf"the cache .*mnist\.npz is damaged \({key} must .*\); delete it and load again"):
        load("mnist", root)


def test_a_data_set_made_by_hand_is_checked_too(few_digits):
    for split in ("train", "test"):
        images, labels = getattr(few_digits, f"{split}_images"), getattr(few_digits, f"{split}_labels")
        for wrong in (labels + 5, labels - 100, labels.float(), labels[:-1], labels[:, None]):
            with pytest.raises(ValueError, match=f"{split}_labels must"):
                replace(few_digits, **{f"{split}_labels": wrong})
        for wrong in (images.float() / 255, images[:, 0]):
            with pytest.raises(ValueError, match=f"{split}_images must be uint8"):
                replace(few_digits, **{f"{split}_images": wrong})


@pytest.fixture
def recorded(root, monkeypatch, tmp_path):
    """Two recorded runs of an experiment among the known ones: its name, and the root of the records."""
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"mnist-r/tiny": Experiment("mnist-r/tiny", Net, ONE_EPOCH)})
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.setattr(runs, "best_device", lambda: torch.device("cpu"))
    record = runs.run(experiments.EXPERIMENTS["mnist-r/tiny"], 0, tmp_path / "runs", progress=False)
    other = run_folder("mnist-r/tiny", 1, tmp_path / "runs")
    other.mkdir()
    (other / "run.json").write_text(json.dumps(record | {"seed": 1}))
    return "mnist-r/tiny", tmp_path / "runs"


def test_a_record_of_other_types_or_depth_is_named_and_the_others_are_shown(recorded):
    name, folder = recorded
    path = run_folder(name, 1, folder) / "run.json"
    record = json.loads(path.read_text())
    wrong = [None, "x", [], {}, 3, [[]], {"a": None}]
    texts = ["", "{", "[" * 100_000, "null", "3", "[]", '"run"', "{}", "\0", json.dumps(record)[:-2]]
    for key in runs.RECORDED:
        kinds = runs.RECORDED[key]
        texts += [json.dumps(record | {key: value}) for value in wrong if not isinstance(value, kinds)]
        texts.append(json.dumps({other: value for other, value in record.items() if other != key}))
    texts += [json.dumps(record | {"history": history}) for history in ([], [None], [{}], [{"test_error_percent": "1"}])]
    texts += [json.dumps(record | {"test_error_percent": math.nan}), json.dumps(record | {"pose": {"mean_after_pixels": "x"}})]
    texts += [json.dumps(record | {key: wrong}) for key in ("precision", "elsewhere_error_percent") for wrong in (3, [None])]
    texts += [json.dumps(record | {"stillness": wrong}) for wrong in (3, {}, {"degrees": "x", "pixels": 1})]
    for value in (10**400, -5, 101, True):  # numbers that none of them can be
        texts.append(json.dumps(record | {"test_error_percent": value}))
    texts += [json.dumps(record | {key: 10**400}) for key in ("wall_seconds", "parameters")]
    texts.append(json.dumps(record).replace('"wall_seconds": ', '"wall_seconds": 1e400, "was": '))
    texts += [
        json.dumps(record | other) for other in ({"seed": 7}, {"seed": True}, {"experiment": "mnist-r/other"}, {"epochs": 3})
    ]
    for text in texts:
        path.write_text(text)
        with pytest.raises(ValueError, match=r"cannot read the recorded run .*seed-1.run\.json: ") as error:
            runs.read_run(path.parent)
        assert len(str(error.value).splitlines()) == 1
        with pytest.warns(UserWarning, match=r"cannot read the recorded run .*seed-1.run\.json"):
            rows = tables.table("mnist-r", folder)
        assert "| tiny | " in rows.replace("not recorded", "")
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match=r"cannot read the recorded run"):
        assert len(runs.load_runs(name, folder)) == 1


def test_a_record_that_was_copied_is_not_counted_twice_and_writes_no_row(recorded):
    name, folder = recorded
    copied = run_folder(name, 0, folder).with_name("seed-0 (copy)")
    copied.mkdir()
    text = run_folder(name, 0, folder).joinpath("run.json").read_text()
    (copied / "run.json").write_text(text)
    with pytest.warns(UserWarning, match=r"seed-0 .copy..run\.json: it is that of mnist-r/tiny with seed 0"):
        assert [run["seed"] for run in runs.load_runs(name, folder)] == [0, 1]
    (copied / "run.json").unlink()
    hostile = json.loads(text) | {"device": "a\n| evil | row |"}
    run_folder(name, 0, folder).joinpath("run.json").write_text(json.dumps(hostile))
    assert not any(line.startswith("| evil") for line in tables.table("mnist-r", folder).splitlines())


def test_a_table_without_parts_says_so():
    for name in tables.WHOLE:
        with pytest.raises(ValueError, match=f"the table {name} has no parts, got 'x'"):
            tables.table(f"{name}/x")


def test_a_theta_that_is_none_is_named(recorded):
    name, folder = recorded
    path = run_folder(name, 0, folder) / "theta.npz"
    whole = dict(np.load(path))
    odd = [{k: v for k, v in whole.items() if k != key} for key in whole] + [
        {k: v[:1] if k == "step" else v for k, v in whole.items()}
    ]
    for arrays in ({}, {"step": np.zeros(2)}, {"theta": np.zeros(3)}, *odd):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=r"cannot read the recorded theta .*theta\.npz"):
            runs.load_theta(name, 0, folder)


def test_a_checkpoint_that_parses_and_is_none_is_named(few_digits, tmp_path):
    train(Net(), few_digits, folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    whole = torch.load(path, weights_only=True)
    other = torch.load(path, weights_only=True)
    other["model"] = nn.Linear(2, 2).state_dict()
    tampered = [[], 3, {}, {"identity": {}}, whole | {"identity": {}}, whole | {"identity": None}, other]
    for key in PARTS:
        tampered.append({name: value for name, value in whole.items() if name != key})
        tampered += [whole | {key: value} for value in ("x", {"a": 1}, [1]) if not isinstance(value, PARTS[key])]
        if PARTS[key] is dict:
            tampered.append(whole | {key: {}})
    short = whole["recorder"] | {"thetas": whole["recorder"]["thetas"][:-1]}
    tampered += [whole | {"recorder": value} for value in ({}, None, {"steps": [1]}, short)]
    tampered += [whole | {"history": [*whole["history"], *whole["history"]]}]
    row = whole["history"][0]
    for odd in ({"test_error_percent": "x"}, {"test_loss": math.nan}, {"epoch": 7}, {"seconds": True}):
        tampered.append(whole | {"history": [row | odd]})
    tampered += [whole | {"seconds": value} for value in (math.nan, -1.0)] + [whole | {"generator": whole["generator"][:9]}]
    tampered += [whole | {"identity": whole["identity"] | {"epochs": "1"}}]
    weights = whole["model"]
    tampered += [whole | {"model": {k: v.double() if v.is_floating_point() else v for k, v in weights.items()}}]
    tampered += [whole | {"model": weights | {"last.bias": weights["last.bias"] * math.nan}}]
    moments = copy.deepcopy(whole["optimizer"])  # torch's fused step would read beyond the end of this one
    moments["state"][0] |= {"exp_avg": torch.zeros(1)}
    rate = copy.deepcopy(whole["optimizer"])
    rate["param_groups"][0]["lr"] = 9.0
    tampered += [whole | {"optimizer": value} for value in (moments, rate, whole["optimizer"] | {"state": {}})]
    tampered += [whole | {"schedule": whole["schedule"] | odd} for odd in ({"last_epoch": 10**6}, {"total_steps": 1})]
    odd_parts = ({"thetas": [theta[:, :3] for theta in whole["recorder"]["thetas"]]}, {"steps": [1.5] * len(short["steps"])})
    tampered += [whole | {"recorder": whole["recorder"] | odd} for odd in odd_parts]
    for content in tampered:
        torch.save(content, path)
        with pytest.raises(ValueError, match=f"{path} (is damaged|was made with|does not fit)") as error:
            train(Net(), few_digits, folder=tmp_path)
        assert len(str(error.value).splitlines()) == 1
    torch.save(whole, path)
    assert len(train(Net(), few_digits, folder=tmp_path).history) == 1


WRITERS = {
    "a cache": lambda folder, arrays: data_module.write_cache(folder / "file", arrays),
    "anything": lambda folder, arrays: write_atomically(folder / "file", b"new"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_written_through_a_link(tmp_path, small_arrays, writer):
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    folder.mkdir()
    for link in ("file.partial", "file"):
        victim.write_text("precious")
        (folder / link).unlink(missing_ok=True)
        os.symlink(victim, folder / link)
        WRITERS[writer](folder, small_arrays)
        assert victim.read_text() == "precious"
        assert (folder / "file").is_file() and not (folder / "file").is_symlink()
        assert sorted(path.name for path in folder.iterdir()) == ["file"]


def test_where_data_lie_does_not_depend_on_where_python_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    checkout = Path(data_module.__file__).resolve().parents[2]
    places = {"mine": checkout / "mine", "../beside": checkout / "../beside", "~/digits": tmp_path / "home" / "digits"}
    places[str(tmp_path)] = tmp_path
    for written, meant in places.items():
        monkeypatch.setenv("STN_DATA", written)
        for folder in (tmp_path, checkout / "notebooks"):
            monkeypatch.chdir(folder)
            assert data_root() == meant
    assert data_root("~/digits") == tmp_path / "home" / "digits"

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where there is neither HOME nor a user's entry
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("STN_DATA", "~/digits")
    with pytest.raises(ValueError, match="no home folder .*: set STN_DATA to an absolute path"):
        data_root()
    monkeypatch.delenv("STN_DATA")
    monkeypatch.setattr(data_module, "__file__", str(tmp_path / "a" / "b" / "c" / "data.py"))  # installed, no checkout
    with pytest.raises(ValueError, match="no home folder .*: set STN_DATA to an absolute path"):
        data_root()


def test_what_a_prompt_leaves_around_a_path_is_none_of_it(tmp_path, monkeypatch):
    for written in (f'"{tmp_path}"', f" {tmp_path} ", f"'{tmp_path}' "):
        monkeypatch.setenv("STN_DATA", written)
        assert data_root() == tmp_path
    for written in ("", " ", '""'):
        monkeypatch.setenv("STN_DATA", written)
        assert data_root().name == "data"
    monkeypatch.setenv("STN_DATA", "https://example.org/data")
    with pytest.raises(ValueError, match="STN_DATA must be a folder of this computer"):
        data_root()
    monkeypatch.delenv("STN_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(data_module, "__file__", str(tmp_path / "a" / "b" / "c" / "data.py"))  # installed, no checkout
    for cache, meant in {"~/c": "c", "relative": ".cache", "": ".cache", str(tmp_path / "d"): "d"}.items():
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        assert data_root() == tmp_path / meant / "stn_tutorial"


def test_a_data_root_that_leads_nowhere_is_no_reason_to_take_other_data(root, tmp_path, monkeypatch):
    monkeypatch.setattr(data_module, "from_torchvision", lambda *arguments, **options: pytest.fail("it looked elsewhere"))
    monkeypatch.setattr(data_module, "download", lambda name: pytest.fail("it was downloaded"))
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "mnist.npz").symlink_to(tmp_path / "nowhere.npz")
    for place in (root / "mnist.npz", tmp_path / "gone", tmp_path / "loop", tmp_path / "linked"):
        with pytest.raises(OSError, match=f"cannot look into the data root {place}: "):
            load("mnist", place)


def test_info_and_tables_work_whatever_the_cache_and_the_locale(python, root):
    (root / "mnist.npz").unlink()
    (root / "mnist.npz").mkdir()
    posix = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = python(
        "-c", "from stn_tutorial.__main__ import main; main(['info']); main(['table', 'door'])", STN_DATA=root, **posix
    )
    assert done.returncode == 0 and done.stderr == ""
    assert "cannot read the cache" in done.stdout and "\nruns " in done.stdout and "| one digit turns by °" in done.stdout


def test_the_command_line_checks_first_and_is_stopped_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "load", lambda name: pytest.fail("it was loaded"))
    with pytest.raises(SystemExit, match="^error: name must be one of .*'nope'"):
        cli.main(["data", "mnist", "nope"])
    for options, message in ((["--root", ""], "root must be a path"), (["--seeds", "0", "-1"], "seed must be")):
        with pytest.raises(SystemExit, match=f"^error: {message}"):
            cli.main(["train", "mnist-r/cnn", *options])

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_and_report", stop)
    with pytest.raises(SystemExit, match="^stopped; a training that was under way goes on from its last whole epoch"):
        cli.main(["train", "mnist-r/cnn", "--seeds", "9", "--root", str(tmp_path)])


@pytest.mark.parametrize("call", ["exists", "read"])
def test_a_cache_that_may_not_be_read_is_not_called_damaged(root, monkeypatch, call):
    exists = Path.exists

    def forbidden(path, **options):
        if str(path).endswith(".npz"):
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(*((Path, "exists") if call == "exists" else (np, "load")), forbidden)
    with pytest.raises(OSError, match=f"{root}.*: Permission denied") as error:
        load("mnist", root)
    assert "delete" not in str(error.value)


def test_no_situation_of_the_trainer_prints_a_warning(few_digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(Net(), few_digits)
