"""Figures of recorded runs say what the records say, and name what is missing."""

import statistics

import pytest
from matplotlib.figure import Figure

from stn_tutorial.teaching import run_figures
from stn_tutorial.training.experiment import published
from stn_tutorial.training.runs import load_runs
from stn_tutorial.training.tables import last_window

NETS = {"as published": "cifar10/seed", "smaller": "cifar10/seed-without-stn", "as large": "cifar10/seed-control"}


def test_accuracies_give_each_net_its_mean_over_runs(tmp_path):
    said = run_figures.accuracies({"first": NETS, "second": {"fixed": "cifar10/seed-shrunk"}}).alt
    for label, name in (NETS | {"fixed": "cifar10/seed-shrunk"}).items():
        runs = load_runs(name)
        mean = statistics.fmean(100 - run["test_error_percent"] for run in runs)
        assert f"{label} {mean:.1f} over {len(runs)} runs, {runs[0]['parameters']:,} parameters" in said
    nothing = run_figures.accuracies({"first": NETS}, tmp_path).alt
    assert all(f"{label} not recorded" in nothing for label in NETS)


def test_a_dot_tells_whether_a_transformer_learns_and_whether_the_size_is_equal():
    axes, styles = Figure().subplots(), {}
    runs = {name: load_runs(f"cifar10/{name}") for name in ("seed", "seed-without-stn", "seed-control", "seed-shrunk")}
    for name, of_name in runs.items():
        run_figures.accuracy_row(axes, 0, name, of_name, runs["seed"][0]["parameters"], styles)
    assert set(styles) == {"transformer, equal size", "no transformer, smaller", "no transformer, equal size"}
    with_one, smaller, equal = (
        styles[f"{kind}"] for kind in ("transformer, equal size", "no transformer, smaller", "no transformer, equal size")
    )
    assert with_one["marker"] != equal["marker"] == smaller["marker"]  # told apart without colour
    assert with_one["mfc"] == with_one["color"] and equal["mfc"] == equal["color"] and smaller["mfc"] == "white"


def test_a_log_and_our_runs_are_compared_by_means_of_ten_epochs(tmp_path):
    said = run_figures.published_and_ours("cifar10-seed", "cifar10/seed").alt
    theirs = statistics.fmean(100 - row["test_error_percent"] for row in published("cifar10-seed")[:10])
    ours = statistics.fmean(100 - row["test_error_percent"] for run in load_runs("cifar10/seed") for row in run["history"][:10])
    assert f"published and ours: {theirs:.1f} and {ours:.1f}; " in said and said.count(" and ") == 6
    with pytest.raises(ValueError, match="no run of 'cifar10/seed' is recorded"):
        run_figures.published_and_ours("cifar10-seed", "cifar10/seed", tmp_path)


def test_windows_are_as_large_as_the_records_say():
    said = run_figures.window_scales({"bare": "cifar10/window", "padded": "cifar10/window-padded"}).alt
    for label, name in {"bare": "cifar10/window", "padded": "cifar10/window-padded"}.items():
        scale = statistics.fmean(last_window(name, run["seed"], None)[0] for run in load_runs(name))
        assert f"{label}: scale {scale:.2f}" in said


def test_what_is_handed_on_is_shown_for_the_recorded_nets_alone(tmp_path):
    nets = {"a net": "cifar10-rts/small", "another": "cifar10-rts/small-augmented"}
    said = run_figures.handed_on(nets, count=4).alt
    assert (
        said.startswith("4 test images in 3 rows: what comes in; a net, through windows ")
        and "; another, through windows " in said
    )
    with pytest.raises(ValueError, match="none of cifar10-rts/small, cifar10-rts/small-augmented is recorded"):
        run_figures.handed_on(nets, root=tmp_path)
