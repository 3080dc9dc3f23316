"""What README and notebooks claim of the recorded runs, asked of the records themselves."""

import statistics

import pytest
import torch

from stn_tutorial.experiments import EXPERIMENTS, load_runs, load_theta, run_folder

MINUTES_ALLOWED = 15


@pytest.fixture(scope="module")
def runs() -> dict[str, list[dict]]:
    return {name: load_runs(name) for name in EXPERIMENTS}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_of_the_table_is_recorded_with_its_pose(name, runs):
    assert runs[name], "not recorded"
    for run in runs[name]:
        assert run["data_source"] == "MNIST"
        assert len(run["history"]) == run["epochs"]
        assert run["test_error_percent"] == run["history"][-1]["test_error_percent"]  # the last epoch, not the best
        assert len(run["pose"]["before_degrees"]) == len(run["pose"]["after_degrees"]) == 10
        assert run["wall_seconds"] <= 60 * MINUTES_ALLOWED
        assert run["parameters"] <= 400_000
        assert (run_folder(name, run["seed"]) / "theta.npz").exists() == ("/st-" in name)


@pytest.mark.parametrize("name", ["mnist-r/cnn", "mnist-r/cnn-control", "mnist-r/st-cnn-affine"])
def test_what_is_compared_has_three_seeds_and_one_recipe(name, runs):
    assert sorted(run["seed"] for run in runs[name]) == [0, 1, 2]
    assert len({str(run["recipe"]) for other in runs for run in runs[other] if "cnn" in other}) == 1


def test_the_transformer_beats_its_control_by_more_than_the_spread(runs):
    ours, control = (
        [run["test_error_percent"] for run in runs[f"mnist-r/{name}"]] for name in ("st-cnn-affine", "cnn-control")
    )
    assert statistics.fmean(ours) < EXPERIMENTS["mnist-r/st-cnn-affine"].paper_error_percent
    assert statistics.fmean(control) - statistics.fmean(ours) > max(statistics.stdev(ours), statistics.stdev(control))


def test_the_transformers_narrow_the_pose_in_every_class(runs):
    for name in ("mnist-r/st-cnn-affine", "mnist-r/st-fcn-affine"):
        for run in runs[name]:
            pairs = zip(run["pose"]["before_degrees"], run["pose"]["after_degrees"], strict=True)
            assert all(after < before / 2 for before, after in pairs)


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if "/st-" in name])
def test_a_theta_history_is_whole_and_begins_at_the_identity(name, runs):
    history = load_theta(name, runs[name][0]["seed"])
    family = EXPERIMENTS[name].build().transformer.family
    assert torch.equal(history["theta"][0], family.identity().expand(64, -1))
    assert history["step"][0] == 0 and (history["step"].diff() > 0).all()
    assert history["image"].shape == (64, 1, 28, 28) and history["label"].shape == (64,)
    assert run_folder(name, 0).joinpath("theta.npz").stat().st_size < 300_000
