"""What README and notebooks claim of the recorded runs, asked of the records themselves."""

import fnmatch
import re
import statistics
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from stn_tutorial import Affine
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.networks.models.parts import parameters_of
from stn_tutorial.networks.watching import find_transformer
from stn_tutorial.training.experiment import published, run_folder, runs_root
from stn_tutorial.training.experiments import EXPERIMENTS, PAPER_ERRORS, PAPER_TASKS, SIDES
from stn_tutorial.training.metrics import out_of_frame_fraction, scale_of
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.runs import load_runs, load_theta
from stn_tutorial.training.tables import CHANCE, last_window, table

MINUTES_ALLOWED = 45  # on one core that is shared with heavy work
TABLE_R = [f"mnist-r/{net}" for net in ("fcn", "st-fcn-affine", "cnn", "cnn-control", "st-cnn-affine", "st-cnn-rotation")]
RECORDED = [name for name in EXPERIMENTS if load_runs(name)]


@pytest.fixture(scope="module")
def runs() -> dict[str, list[dict]]:
    return {name: load_runs(name) for name in RECORDED}


def test_what_notebook_5_shows_is_recorded(runs):
    assert set(TABLE_R) <= set(runs)
    for name in ("mnist-r/cnn", "mnist-r/cnn-control", "mnist-r/st-cnn-affine"):
        assert len(runs[name]) >= 3
    for name in ("mnist-r/st-cnn-affine-still", "mnist-r/st-cnn-affine-plain", "mnist-r/cnn-plain"):
        assert runs[name], name


def test_the_sprint_passes_the_published_best_with_every_seed(runs):
    best = max(100 - epoch["test_error_percent"] for epoch in published("cifar10-seed"))
    assert best == pytest.approx(66.68)
    assert sorted(run["seed"] for run in runs["cifar10/sprint"]) == [0, 1, 2]
    assert all(100 - run["test_error_percent"] > best for run in runs["cifar10/sprint"])


def test_what_notebook_7_says_of_the_seed_s_window_is_recorded(runs):
    for run in runs["cifar10/seed"]:
        theta = load_theta("cifar10/seed", run["seed"])["theta"]
        scales = [float(scale_of(theta[k].view(-1, 2, 3)).mean()) for k in (0, -1)]
        assert scales[0] == 1 and scales[1] > 1.15
        assert float(out_of_frame_fraction(Affine().grid(theta[-1], (32, 32))).mean()) > 1 / 4


def test_the_published_net_s_theta_tells_the_class_and_is_relied_on(runs):
    asked = [run for run in runs["cifar10/seed"] if "class_from_theta_percent" in run]
    assert asked
    for run in asked:
        assert run["class_from_theta_percent"] > 33
        assert run["one_theta_error_percent"] - run["test_error_percent"] > 12


def test_the_window_grows_unless_the_classifier_looks_at_the_edge(runs):
    scales = {
        kind: [last_window(run["experiment"], run["seed"], None)[0] for run in runs[f"cifar10/window{kind}"]]
        for kind in ("", "-black", "-border", "-padded")
    }
    padded = scales.pop("-padded")
    assert abs(statistics.fmean(padded) - 1) < 0.05 and max(padded) < 1.06
    for of_kind in scales.values():
        assert min(of_kind) > 1.1 and min(of_kind) > max(padded) + 0.04 and statistics.fmean(of_kind) > 1.13
    assert min(scales["-border"]) > max(scales[""]) and statistics.fmean(scales["-black"]) < statistics.fmean(scales[""])
    for run in runs["cifar10/window-padded"]:
        assert all(run["test_error_percent"] < other["test_error_percent"] for other in runs["cifar10/window"])


def accuracy(runs: dict[str, list[dict]], name: str, images: str = "test") -> float:
    """Mean last-epoch accuracy of an experiment's recorded runs in %, on the "test" or the "train" images, but for dead ones."""
    living = [run for run in runs[f"cifar10{name}"] if run["test_error_percent"] < CHANCE]
    return statistics.fmean(100 - run["history"][-1][f"{images}_error_percent"] for run in living)


def test_the_published_net_s_transformer_costs_accuracy_by_either_recipe(runs):
    assert 2.4 < accuracy(runs, "/seed-without-stn") - accuracy(runs, "/seed") < 3
    tenths = {  # under a constant rate single epochs jump
        name: statistics.fmean(row["test_error_percent"] for run in runs[f"cifar10/{name}"] for row in run["history"][-10:])
        for name in ("seed", "seed-without-stn")
    }
    assert 1.5 < tenths["seed"] - tenths["seed-without-stn"] < 2.2
    assert 2 < accuracy(runs, "/modern-without-stn") - accuracy(runs, "/modern") < 4
    assert accuracy(runs, "/modern-without-stn") - accuracy(runs, "/seed-without-stn") > 11
    assert 1.5 < accuracy(runs, "/modern-control") - accuracy(runs, "/modern-without-stn") < 2.5


def test_a_net_of_equal_size_and_a_fixed_window_are_ahead_of_the_published_net(runs):
    for name in ("seed-control", "seed-shrunk"):
        assert sorted(run["seed"] for run in runs[f"cifar10/{name}"]) == [0, 1, 2]
        for run in runs[f"cifar10/{name}"]:  # better on the test images than on the training images under dropout
            assert run["history"][-1]["test_error_percent"] < run["history"][-1]["train_error_percent"]
    assert 8.5 < accuracy(runs, "/seed-control") - accuracy(runs, "/seed") < 9.5
    without = [100 - run["test_error_percent"] for run in runs["cifar10/seed-without-stn"]]
    shrunk = [100 - run["test_error_percent"] for run in runs["cifar10/seed-shrunk"]]
    assert 0.5 < statistics.fmean(shrunk) - statistics.fmean(without) < 2 and min(shrunk) > max(without)
    assert accuracy(runs, "/seed", "train") > accuracy(runs, "/seed-control", "train")


def test_the_transformer_undoes_the_shifts_until_they_leave_no_strip(runs):
    for run in runs["cifar10/modern"]:
        assert run["shift_undone"] > 0.85 and run["one_theta_error_percent"] <= run["test_error_percent"]
    assert accuracy(runs, "/modern", "train") - accuracy(runs, "/modern-without-stn", "train") > 10
    assert accuracy(runs, "/modern-reflected", "train") - accuracy(runs, "/modern-reflected-without-stn", "train") < 3
    assert accuracy(runs, "/modern-reflected") == pytest.approx(accuracy(runs, "/modern-reflected-without-stn"), abs=1)
    for run in runs["cifar10/modern-reflected"]:
        assert float(load_theta("cifar10/modern-reflected", run["seed"])["theta"][-1].std(dim=0).max()) < 1e-3


def test_the_compact_net_gains_nothing_from_where_its_transformer_looks(runs):
    for run in runs["cifar10/compact"] + runs["cifar10/compact-control"]:
        assert 89 < 100 - run["test_error_percent"] < 91
        assert run["elsewhere_error_percent"]["r"] > 50
    for run in runs["cifar10/compact"]:
        assert run["one_theta_error_percent"] == pytest.approx(run["test_error_percent"], abs=0.3)
    assert 0 < accuracy(runs, "/compact-control") - accuracy(runs, "/compact") < 1


def test_one_run_of_the_modern_recipe_died_when_its_window_left_the_picture(runs):
    dead = [run["seed"] for run in runs["cifar10/modern"] if run["test_error_percent"] >= CHANCE]
    assert len(runs["cifar10/modern"]) == 3 and dead == [1]
    for seed in (0, 1, 2):
        thetas = load_theta("cifar10/modern", seed)["theta"]
        largest = max(float(scale_of(theta.view(-1, 2, 3)).mean()) for theta in thetas)
        assert largest > 100 if seed in dead else largest < 1.2


def test_when_a_transformer_pays_on_distorted_photographs(runs):
    resized, read_whole, transformed = (accuracy(runs, f"-rts/small{kind}") for kind in ("-resized", "-control", ""))
    assert resized + 3.5 < read_whole < transformed < read_whole + 1.5
    for run in runs["cifar10-rts/small"] + runs["cifar10-rts/small-augmented"]:
        if "one_theta_error_percent" in run:  # worth one to two and a half points, and hardly telling the class
            assert 0.8 < run["one_theta_error_percent"] - run["test_error_percent"] < 3
            assert run["class_from_theta_percent"] < 15
    assert abs(accuracy(runs, "-r/small") - accuracy(runs, "-r/small-control")) < 0.5
    for suffix in ("", "-augmented"):
        seconds = [runs[f"cifar10-rts/{name}{suffix}"][0]["wall_seconds"] for name in ("small", "small-control")]
        assert seconds[0] < 0.6 * seconds[1]
    for task, ahead in {"r": (0, 0.8), "rts": (1, 2)}.items():
        assert accuracy(runs, f"-{task}/small-control-augmented") > accuracy(runs, f"-{task}/small") + 3
        assert accuracy(runs, f"-{task}/small-augmented") > accuracy(runs, f"-{task}/small") + 1.5
        behind = accuracy(runs, f"-{task}/small-control-augmented") - accuracy(runs, f"-{task}/small-augmented")
        assert ahead[0] < behind < ahead[1]
        for run in runs[f"cifar10-{task}/small"]:
            assert run["pose"]["mean_after_degrees"] == pytest.approx(run["pose"]["mean_before_degrees"], abs=1)


def test_the_published_log_and_ours_differ_by_less_than_a_point_in_four_of_five_blocks(runs):
    logs = [[100 - epoch["test_error_percent"] for epoch in run["history"]] for run in runs["cifar10/seed"]]
    ours = [statistics.fmean(epoch) for epoch in zip(*logs, strict=True)]
    theirs = [100 - epoch["test_error_percent"] for epoch in published("cifar10-seed")]
    gaps = [statistics.fmean(ours[k : k + 10]) - statistics.fmean(theirs[k : k + 10]) for k in range(0, 50, 10)]
    assert min(gaps) > 0 and max(gaps) < 2 and sorted(gaps)[3] < 1


def test_every_recorded_run_on_photographs_is_shown_on_the_results_page():
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    shown = re.findall(r"<!-- table (cifar10\S*) -->", page)
    for name in (name for name in RECORDED if name.startswith("cifar10")):
        assert any(fnmatch.fnmatchcase(name, mark if "/" in mark else f"{mark}/*") for mark in shown), name


def test_every_record_belongs_to_an_experiment():
    for path in runs_root().glob("*/*/seed-*/run.json"):
        assert "/".join(path.parts[-4:-2]) in EXPERIMENTS


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_is_whole_and_of_the_experiment_as_it_stands(name, runs):
    experiment = EXPERIMENTS[name]
    for run in runs[name]:
        assert name.startswith("cifar10") or (run["data_source"] == "MNIST" and run["parameters"] <= 400_000)
        assert asdict(Recipe()) | run["recipe"] == asdict(experiment.recipe)  # old records lack what recipes have got since
        assert run["parameters"] == parameters_of(experiment.build())
        assert len(run["history"]) == run["epochs"] == experiment.recipe.epochs
        assert run["test_error_percent"] == run["history"][-1]["test_error_percent"]  # the last epoch, not the best
        units = ("degrees", "pixels") if "before_pixels" in run["pose"] else ("degrees",)  # the first runs lack the pixels
        classes = 19 if experiment.pairs else 10
        assert {len(run["pose"][f"{when}_{unit}"]) for when in ("before", "after") for unit in units} == {classes}
        assert name.startswith("cifar10") or run["wall_seconds"] <= 60 * MINUTES_ALLOWED
        has_transformer = find_transformer(experiment.build()) is not None
        assert (run_folder(name, run["seed"]) / "theta.npz").exists() == has_transformer


@pytest.mark.parametrize("task", SIDES)
def test_a_control_has_as_many_parameters_as_the_net_beside_it(task):
    pairs = [("cnn-control", "st-cnn-affine"), ("fcn", "st-fcn-affine"), ("cnn-plain", "st-cnn-affine-still")]
    pairs += [("cnn-plain", "st-cnn-rotation-still")] if task == "r360" else []
    pairs = [pair for pair in pairs if all(f"mnist-{task}/{name}" in EXPERIMENTS for name in pair)]
    assert pairs
    for control, net in pairs:
        sizes = [parameters_of(EXPERIMENTS[f"mnist-{task}/{name}"].build()) for name in (control, net)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.005)


def test_what_is_compared_has_one_recipe():
    for task in SIDES:
        names = [name for name in EXPERIMENTS if name.startswith(f"mnist-{task}/") and "cnn" in name]
        endings = ("-still", "-plain", "-consistent", "-shaken")
        for ending in (*endings, ""):
            others = () if ending else endings
            same = [name for name in names if name.endswith(ending) and not name.endswith(others)]
            assert len({str(EXPERIMENTS[name].recipe) for name in same}) <= 1


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


@pytest.mark.parametrize("name", [name for name in RECORDED if find_transformer(EXPERIMENTS[name].build())])
def test_a_theta_history_is_whole_and_begins_at_the_identity_unless_it_stays(name, runs):
    history, transformer = load_theta(name, runs[name][0]["seed"]), find_transformer(EXPERIMENTS[name].build())
    if isinstance(transformer.localization, FixedTheta):
        assert (history["theta"] - transformer.localization.theta).abs().max() < 1e-3  # recorded in half precision
    else:
        assert torch.equal(history["theta"][0], transformer.family.identity().expand(64, -1))
    assert history["step"][0] == 0 and (history["step"].diff() > 0).all()
    if "mnist" in name:
        channels, side = (2, 42) if EXPERIMENTS[name].pairs else (1, SIDES[EXPERIMENTS[name].distortion])
    else:
        channels, side = 3, 48 if "-rts" in name else 32
    assert history["image"].shape == (64, channels, side, side) and history["label"].shape == (64,)
    assert run_folder(name, runs[name][0]["seed"]).joinpath("theta.npz").stat().st_size < 500_000


def test_the_papers_table_shows_every_cell_or_says_that_it_is_missing(runs):
    text = table("paper-table-1")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n\n")[0].splitlines()]
    assert rows[0] == ["net", *(f"{task.upper()} {whose}" for task in ("r", "rts", "p", "e") for whose in ("paper", "ours"))]
    body = {row[0]: row[1:] for row in rows[2:]}
    assert list(body) == [*PAPER_ERRORS, *(f"{net}-still" for net in PAPER_ERRORS if net.startswith("st-cnn"))]
    assert body["st-cnn-tps"][::2] == ["0.7", "0.5", "0.8", "1.1"]  # as published
    for net, cells in body.items():
        for task, cell in zip(("r", "rts", "p", "e"), cells[1::2], strict=True):
            recorded = runs.get(f"mnist-{task}/{net}", [])
            if recorded:
                assert cell.split(" ±")[0] == f"{statistics.fmean(run['test_error_percent'] for run in recorded):.2f}"
                assert ("±" in cell) == (len(recorded) > 1)
            else:
                assert cell == "not recorded"
    missing = {name for task in PAPER_TASKS for name in EXPERIMENTS if name.startswith(f"mnist-{task}/") and name not in runs}
    line = next((line for line in text.splitlines() if line.startswith("Not recorded: ")), "Not recorded: .")
    assert set(line[len("Not recorded: ") : -1].split(", ")) - {""} == missing
