"""Snapshots of shipped nets: they are of the recorded training, load or are refused, and are kept again in the same way."""

import shutil
from dataclasses import replace

import pytest
import torch

from stn_tutorial import pretrained
from stn_tutorial.networks import weights
from stn_tutorial.networks.snapshots import NAMES, snapshots
from stn_tutorial.networks.weights import FOLDER, card_of, stem
from stn_tutorial.training import snapshots as keeping
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.runs import load_theta
from stn_tutorial.training.trainer import fit

NAME = "mnist-r/st-cnn-affine-still"
LIMIT = 300_000  # bytes of snapshots a net, which a page carries beside the net itself


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Shipped weights, cards and snapshots in a folder of their own."""
    shutil.copytree(FOLDER, tmp_path / "pretrained")
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "pretrained")
    return tmp_path / "pretrained"


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_looks_where_the_record_says_that_the_net_looked_then(name):
    recorded = load_theta(name, card_of(name)["trained"]["seed"])
    images, steps = recorded["image"].float() / 255, recorded["step"].tolist()
    found = snapshots(name)
    assert list(found) == sorted(found) and len(found) > 3 and list(found)[-1] == steps[-1]
    for step, net in found.items():
        with torch.no_grad():
            theta = net.theta(images)
        assert float((theta - recorded["theta"][steps.index(step)].float()).abs().max()) < 0.02  # half precision


@pytest.mark.parametrize("name", NAMES)
def test_only_the_localiser_is_an_earlier_one_and_the_card_says_so(name):
    *earlier, last = snapshots(name).values()
    finished = pretrained(name).state_dict()
    assert all(torch.equal(value, finished[key]) for key, value in last.state_dict().items())
    for net in earlier:
        changed = {key for key, value in net.state_dict().items() if not torch.equal(value, finished[key])}
        assert changed and all(key.startswith("transformer.localization.") for key in changed)
        assert not net.training and net.card["weights_of_the_finished_net"] == card_of(name)["sha256"]
        assert {"holds", "command", "trained", "data", "licence"} <= net.card.keys()
    assert (FOLDER / f"{stem(name)}.snapshots.safetensors").stat().st_size < LIMIT


@pytest.mark.parametrize("damage", ["cut short", "not there", "another net's", "card is no JSON"])
def test_a_damaged_file_of_snapshots_is_named(folder, damage):
    file, other = (folder / f"{stem(name)}.snapshots.safetensors" for name in (NAME, NAMES[0]))
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "not there":
        file.unlink()
    elif damage == "another net's":
        for ending in (".safetensors", ".json"):
            shutil.copy(other.with_suffix(ending), file.with_suffix(ending))
    else:
        file.with_suffix(".json").write_text("{")
    with pytest.raises(ValueError, match=str(file)):
        snapshots(NAME)


def test_a_net_without_snapshots_is_answered_with_those_that_have_some():
    with pytest.raises(ValueError, match="must be one of 'mnist-r/st-cnn-affine'"):
        snapshots("mnist-e/st-cnn-tps-still")


@pytest.fixture
def repeated(folder, monkeypatch, few_digits):
    """`keep_snapshots` of a training of four steps, as it is recorded; returns the record."""
    experiment = keeping.experiment_called(NAME)
    experiment = replace(experiment, recipe=replace(experiment.recipe, epochs=4))
    torch.manual_seed(0)
    done = fit(experiment.build(), few_digits, DISTORTIONS["r"](), experiment.recipe, seed=0, device="cpu", progress=False)
    monkeypatch.setattr(keeping, "experiment_called", lambda name: experiment)
    monkeypatch.setattr(keeping, "load", lambda name: few_digits)
    monkeypatch.setattr(keeping, "load_theta", lambda name, seed: done.theta)
    monkeypatch.setattr(keeping, "NEAR", (1, 3))
    return done.theta


def test_the_repeat_of_a_training_keeps_its_localiser_along_the_way(repeated):
    card = keeping.keep_snapshots(NAME)
    found = snapshots(NAME)
    assert list(found) == [1, 3, 4] == [*card["steps"], card["total_steps"]] and card["theta_apart_from_the_record"] == 0
    images = repeated["image"].float() / 255
    with torch.no_grad():
        assert torch.allclose(found[3].theta(images), repeated["theta"][3], atol=0.02)


def test_a_repeat_that_is_another_training_is_refused(repeated, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    repeated["theta"][2] += 0.01
    with pytest.raises(ValueError, match="not the recorded training: theta differs by .* at step 2"):
        keeping.keep_snapshots(NAME)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
