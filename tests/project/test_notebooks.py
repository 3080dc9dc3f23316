"""What the notebooks promise: they show the package's own functions, hold clean outputs and follow one shape."""

import ast
import itertools
import json
import re
import sys
import types
from pathlib import Path

import jupytext
import nbformat
import pytest

from stn_tutorial.teaching.notebook import allow_widgets_on_colab, start

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("[0-9]*.py"))
NOTEBOOKS = [ROOT / "notebooks" / f"{path.stem}.ipynb" for path in SOURCES]
SOLVED = [ROOT / "notebooks" / "solutions" / f"{path.stem}.ipynb" for path in SOURCES]
names = [path.stem for path in SOURCES]


def package_functions() -> dict[str, ast.FunctionDef]:
    """Every function and class at the top level of the package's modules, by name."""
    found = {}
    for path in (ROOT / "stn_tutorial").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = node
    return found


def without_docstring(node: ast.AST) -> str:
    """A function's syntax tree as text, docstrings aside."""
    node = ast.parse(ast.unparse(node)).body[0]
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
    return ast.dump(node)


def code_cells(path: Path) -> list[ast.Module]:
    cells = (c for c in jupytext.read(path).cells if c.cell_type == "code" and "setup" not in c.metadata.get("tags", []))
    return [ast.parse(cell.source) for cell in cells]


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_function_shown_is_the_packages_function(path):
    package = package_functions()
    shown = [node for tree in code_cells(path) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in shown:
        if node.name in package:
            assert without_docstring(node) == without_docstring(package[node.name]), f"{node.name} differs from the package's"


def test_the_notebooks_build_the_three_parts_from_the_packages_functions():
    shown = {
        node.name for path in SOURCES for tree in code_cells(path) for node in tree.body if isinstance(node, ast.FunctionDef)
    }
    wanted = {
        "target_grid",
        "affine_grid",
        "normalized_to_pixel",
        "sample_loop",
        "neighbours",
        "pixel_values",
        "bilinear_gradient",
    }
    assert wanted | {"clip", "reflect", "start_at_identity"} <= shown


@pytest.mark.parametrize("path", NOTEBOOKS + SOLVED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_saved_notebook_is_clean(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        assert cell.execution_count, "a cell was not executed"
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")
            text = json.dumps({k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}) + output.get(
                "text", ""
            )
            assert not re.search(r"warning", text, re.I), text[:300]
            assert not re.search(r"(/home/|/root/|/work/|/tmp/|/Users/|site-packages|[A-Z]:\\\\)", text), text[:300]
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                assert len(alt) > 20, "a figure has no alt text"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_the_notebook_has_the_shape_that_readers_expect(path):
    notebook = nbformat.read(path, 4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.search(r"Minutes on a laptop CPU: \d+", text), "no measured minutes in the header"
    assert not re.search(r"MINUTES_|COLAB_|INSTALL_LINE|READING_|RUNS_SENTENCE|TAKEAWAY_", json.dumps(notebook)), (
        "an unfilled placeholder"
    )
    assert text.count("### Predict") == 2
    assert text.count("## Exercise") == 2 and text.count("<details><summary>Hint</summary>") == 2
    assert "## Play" in text
    takeaway = text.split("## What to take away")[1]
    assert len(re.findall(r"^\d\. ", takeaway, re.M)) == 5
    assert takeaway.count("](") == 1, "one link forward"
    levels = [len(m) for m in re.findall(r"^(#+) ", text, re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), "a heading level is skipped"
    for link in re.findall(r"\]\(([^)#:]+\.(?:ipynb|md))\)", text):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_an_exercise_that_is_not_tried_stops_nothing(path):
    outputs = [json.dumps(o) for c in nbformat.read(path, 4).cells if c.cell_type == "code" for o in c.outputs]
    assert sum("not tried yet" in text for text in outputs) == 2


def test_colab_is_asked_to_show_the_explorer(monkeypatch):
    asked = []
    colab = types.ModuleType("google.colab")
    colab.output = types.SimpleNamespace(enable_custom_widget_manager=lambda: asked.append("once"))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    allow_widgets_on_colab()
    assert asked == ["once"]


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_a_notebook_starts_with_the_data_set_it_names(name, shape, monkeypatch, capsys):
    monkeypatch.setenv("STN_PROFILE", "quick")
    data, quick = start(name)
    assert quick and data.train_images.shape == (2000, *shape) and len(data.test_images) == 500
    assert data.source in capsys.readouterr().out
