"""The first code cell of every notebook, here and on Colab, which is stood in for: what it installs, asks, says and refuses."""

import sys
import types

import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager

import stn_tutorial
from builder import sources
from stn_tutorial.teaching.notebook import check_torch, start


@pytest.fixture
def quick(monkeypatch, root):
    """The quick profile on a small data set."""
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.setenv("STN_PROFILE", "quick")


def run_first_cell(monkeypatch, reachable: bool) -> tuple[str, dict]:
    """Run it where the package is not installed, with a pip that installs it or cannot; what pip was asked for, and the names."""
    source = sources.read_source(sources.source_names()[0])
    code = next(cell.source for cell in source.cells if cell.cell_type == "code")
    names, asked = {}, []

    def pip(magic: str, line: str) -> None:
        asked.append(f"{magic} {line.format(**names)}")
        if reachable:
            monkeypatch.setitem(sys.modules, "stn_tutorial", stn_tutorial)

    names["get_ipython"] = lambda: types.SimpleNamespace(run_line_magic=pip)
    monkeypatch.setitem(sys.modules, "stn_tutorial", None)  # as if it were not there
    try:
        exec(TransformerManager().transform_cell(code), names)
    except SystemExit as stopped:
        names["stopped"] = str(stopped)
    return " ".join(asked), names


def test_on_colab_the_package_is_fetched_and_torch_left_alone(quick, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked, names = run_first_cell(monkeypatch, reachable=True)
    assert asked.startswith("pip install -q --no-deps ") and asked.endswith(f" git+{sources.address()}")
    assert names["quick"] and len(names["data"].train_images) == 320


def test_where_the_address_cannot_be_reached_the_cell_says_what_to_do_and_then_takes_the_wheel(quick, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    _, names = run_first_cell(monkeypatch, reachable=False)
    assert names["stopped"].startswith(f"{sources.address()} could not be reached: upload the package's wheel")
    assert names["stopped"].count(". ") == 0  # one sentence
    (tmp_path / "stn_tutorial-9.9-py3-none-any.whl").touch()
    asked, names = run_first_cell(monkeypatch, reachable=True)
    assert asked.endswith(" stn_tutorial-9.9-py3-none-any.whl") and "data" in names


def test_a_torch_that_is_too_old_is_refused_in_a_sentence(monkeypatch):
    for version in ("2.11.0", "2.15.0+cu132", "3.0.0a0+git1234"):
        monkeypatch.setattr(torch, "__version__", version)
        check_torch()
    monkeypatch.setattr(torch, "__version__", "2.9.1+cu126")
    with pytest.raises(SystemExit, match="needs torch 2.11 or later, and here is 2.9.1.cu126: run `%pip install -U torch"):
        start()


@pytest.mark.parametrize("offers", ["what it should", "nothing", "no output"])
def test_colab_is_asked_to_show_the_explorer_if_it_can_be_asked(quick, monkeypatch, offers):
    asked = []
    colab = types.ModuleType("google.colab")
    if offers != "no output":
        wanted = {"enable_custom_widget_manager": lambda: asked.append("once")} if offers == "what it should" else {}
        colab.output = types.SimpleNamespace(**wanted)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    start()
    assert asked == ["once"] * (offers == "what it should")


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_a_notebook_starts_with_the_data_set_it_names(name, shape, monkeypatch, capsys):
    monkeypatch.setenv("STN_PROFILE", "quick")
    data, quick = start(name)
    assert quick and data.train_images.shape == (2000, *shape) and len(data.test_images) == 500
    assert data.source in capsys.readouterr().out


def test_a_misspelt_profile_is_named(quick, monkeypatch):
    monkeypatch.setenv("STN_PROFILE", "quik")
    with pytest.raises(ValueError, match="STN_PROFILE must be 'full' or 'quick', got 'quik'"):
        start()
    monkeypatch.setenv("STN_PROFILE", "")
    assert not start()[1]
