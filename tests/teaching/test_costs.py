"""What notebook 10 measures, draws and starts: numbers come from files, figures say what is in them, jobs say why they failed."""

import json

import pytest

from stn_tutorial.teaching import costs, jobs


def test_records_are_found_in_a_checkout_and_where_the_package_is_installed(tmp_path, monkeypatch):
    assert costs.measured("scaling")["equal"] and costs.measured("killed")["rows"]
    (tmp_path / "stn_tutorial" / "measured").mkdir(parents=True)
    (tmp_path / "stn_tutorial" / "measured" / "warp.json").write_text(json.dumps({"rounds": 9}))
    monkeypatch.setattr(costs, "PACKAGE", tmp_path / "stn_tutorial")
    assert costs.measured("warp") == {"rounds": 9}
    with pytest.raises(ValueError, match="no benchmark has recorded 'speed'; there are: warp"):
        costs.measured("speed")


def test_what_was_recorded_holds_what_is_promised():
    assert max(costs.measured("scaling")["equal"]["ST-FCN, Adam"]["processes"]) < 1e-5
    for row in costs.measured("killed")["rows"]:
        assert row["said"] and row["seconds_the_job_lived_on"] < 30 and row["difference_of_train_loss"] == 0
    for net in costs.measured("export")["nets"]:
        assert net["same_class"] == net["images"] == 10_000 and net["largest_difference"] <= 1e-4


def test_the_fastest_round_counts_and_the_first_does_not(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(costs.time, "perf_counter", lambda: now[0])

    def taking(*seconds):
        left = iter(seconds)

        def work():
            now[0] += next(left)

        return work

    found = costs.milliseconds({"one": taking(0.001, *[0.03] * 4, 0.02), "other": taking(0.001, 0.004, *[0.05] * 4)}, 0.01)
    assert found == pytest.approx({"one": 20, "other": 4})


def test_a_figure_says_how_cost_grows():
    sizes = [1, 10, 100, 1000]
    alt = costs.growth({"linear": [5, 6, 60, 600], "square": [1, 1, 100, 10_000]}, sizes, "pixels").alt
    assert "linear from 5 to 600 ms, at the end with power 1.00" in alt and "with power 2.00" in alt


def test_a_figure_says_how_much_of_a_warps_traffic_is_the_grids():
    alt = costs.traffic((1, 64)).alt
    assert "1 channel: 24 bytes a pixel, of them 67% the grid's" in alt and "64 channels: 528 bytes a pixel, of them 3%" in alt


def test_figures_name_what_they_show():
    assert "grid 1.0, 25%; localiser 3.0, 75%" in costs.bars({"grid": 1.0, "localiser": 3.0}, "a step").alt
    assert (
        "a net, two threads: at most 2e-06" in costs.apart({"a net": {"processes": [0.0, 1e-7], "threads": [2e-6, 1e-7]}}).alt
    )


def test_a_change_is_called_what_it_is():
    assert [costs.times_as_long(r).split(": ")[1] for r in (0.5, 0.95, 1.05, 1.5)] == [
        "helps",
        "does not help",
        "does not help",
        "harms",
    ]
    with pytest.raises(ValueError, match="ratio must be a positive number"):
        costs.times_as_long(0.0)


def test_words_that_are_not_in_a_function_are_named():
    with pytest.raises(ValueError, match="no line holds 'yield'"):
        costs.source(costs.exponent, "yield")


def test_a_script_runs_in_two_processes_and_its_last_line_comes_back():
    pytest.importorskip("torch.distributed")
    script = "import os, pathlib\nif os.environ['RANK'] == '0':\n    print('x')\n    print(os.environ['WORLD_SIZE'])"
    assert jobs.run(script, 2) == "2"


def test_a_script_that_fails_says_its_last_words():
    with pytest.raises(ChildProcessError, match="failed in 1 process: ValueError: no such thing"):
        jobs.run("raise ValueError('no such thing')")


def test_a_computer_without_any_network_is_noticed(monkeypatch):
    assert jobs.can_talk()

    def unreachable(*arguments, **options):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(jobs.socket, "create_connection", unreachable)
    assert not jobs.can_talk()
