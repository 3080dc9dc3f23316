"""What the notebooks promise: they show the package's own functions, hold clean outputs and give a reader what a reader needs."""

import ast
import functools
import itertools
import json
import re
import textwrap
from pathlib import Path

import jupytext
import nbformat
import pytest

from builder import readme, sources

ROOT = sources.REPOSITORY
NAMES = sources.source_names()
TITLES = {lesson.name: lesson.title for lesson in sources.lessons()}
SOURCES = [ROOT / "notebooks" / "source" / f"{name}.py" for name in NAMES]
NOTEBOOKS = [ROOT / "notebooks" / f"{name}.ipynb" for name in NAMES]
SOLVED = [ROOT / "notebooks" / "solutions" / f"{name}.ipynb" for name in NAMES]
MOST_WORDS, MOST_LINES = 120, 40


@functools.cache
def package_functions() -> dict[str, list[ast.AST]]:
    """Every function and class at the top level of the package's modules, by name."""
    found: dict[str, list[ast.AST]] = {}
    for path in (ROOT / "stn_tutorial").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.setdefault(node.name, []).append(node)
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


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_a_function_shown_is_the_packages_function(path):
    package = package_functions()
    shown = [node for tree in code_cells(path) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in shown:
        if node.name in package:
            known = map(without_docstring, package[node.name])
            assert without_docstring(node) in known, f"{node.name} differs from the package's"


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
    assert wanted | {"clip", "start_at_identity"} <= shown
    assert "reflect" not in shown, "an exercise asks for it"


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


def student(name: str) -> nbformat.NotebookNode:
    """A notebook as its source has it, before it is run."""
    return sources.student_version(sources.read_source(name))


def text_of(name: str) -> str:
    """All text of a notebook."""
    return "\n".join(cell.source for cell in student(name).cells if cell.cell_type == "markdown")


def header_is_whole(name: str) -> None:
    header = student(name).cells[0].source
    can_do = header.partition("Afterwards you can")[2].partition("*Minutes")[0]
    assert len(re.findall(r"^- ", can_do, re.MULTILINE)) >= 2, (
        "what one can do afterwards, as a list below 'Afterwards you can'"
    )
    assert f"*Minutes on a laptop CPU: MINUTES_{name[:2]} to run" in header
    assert "What to know before:" in header
    assert f"/{name}.ipynb)" in header.splitlines()[-1], "a badge that opens this notebook in Colab"


@pytest.mark.parametrize("name", NAMES)
def test_the_header_says_what_a_reader_asks_first(name):
    header_is_whole(name)
    assert readme.header_minutes(name), "no measured minutes in the built notebook: make notebooks"


@pytest.mark.parametrize("name", NAMES)
def test_the_first_code_cell_is_the_one_of_all_notebooks(name):
    cell = next(cell for cell in student(name).cells if cell.cell_type == "code")
    assert sources.tags(cell) == ["setup"] and cell.source.startswith("try:\n    import stn_tutorial\n")
    assert re.search(r"^data, quick = start\(", cell.source, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_has_a_text_a_hint_and_a_check(name):
    cells = student(name).cells
    places = [k for k, cell in enumerate(cells) if "exercise" in sources.tags(cell)]
    assert places, "at least one exercise"
    for k in places:
        assert "exercise-text" in sources.tags(cells[k - 1]) and "check" in sources.tags(cells[k + 1])
        section = itertools.takewhile(lambda cell: not cell.source.startswith("## Exercise"), reversed(cells[: k - 1]))
        heading = cells[k - 2 - len(list(section))].source if k > 1 else ""
        assert heading.startswith("## Exercise") and "<details><summary>Hint</summary>" in heading


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_ends_with_what_to_take_away_and_where_to_go_on(name):
    takeaway = text_of(name).partition("## What to take away")[2]
    assert len(re.findall(r"^\d\. ", takeaway, re.MULTILINE)) >= 3
    assert "](" in takeaway, "a link forward"


@pytest.mark.parametrize("name", NAMES)
def test_headings_go_down_a_level_at_a_time(name):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text_of(name), re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_what_they_are_called(name):
    for words, link in re.findall(r"\[([^\]]*)\]\(([^)#:]+\.(?:ipynb|md))\)", text_of(name)):
        assert (ROOT / "notebooks" / link).exists(), link
        if re.match(r"\d+\. ", words):
            assert words == TITLES[Path(link).stem]


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_long(name):
    texts = [cell.source for cell in student(name).cells if cell.cell_type == "markdown"]
    counts = {text: len(re.sub("<details>.*?</details>", "", text, flags=re.DOTALL).split()) for text in texts}
    assert {text[:60]: count for text, count in counts.items() if count > MOST_WORDS} == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_output_is_long(name):
    long = {}
    for number, cell in enumerate(nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4).cells, 1):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts = [output.get("text", ""), data.get("text/markdown", "")]
            texts += [data.get("text/plain", "")] * (len(data) == 1)  # else a richer form stands for it
            longest = max(data.get("text/html", "").count("<tr"), *(len(text.splitlines()) for text in texts))
            if longest > MOST_LINES:
                long[f"cell {number}"] = longest
    assert long == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_no_picture_is_shown_twice(path):
    outputs = [output.get("data", {}) for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    shown = [data["image/png"] for data in outputs if "image/png" in data]
    shown += [image for data in outputs for image in re.findall(r"data:image/png;base64,([^\"]+)", data.get("text/html", ""))]
    assert shown
    assert len(shown) - len(set(shown)) == 0, "pictures that were there before"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_an_exercise_that_is_not_tried_stops_nothing(path):
    cells = nbformat.read(path, 4).cells
    answers = [json.dumps(cell.outputs) for cell in cells if "check" in sources.tags(cell)]
    assert answers and all("not tried yet" in answer for answer in answers)


def test_the_example_in_contributing_is_a_notebook_that_has_all_it_must_have(tmp_path, monkeypatch):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r" *````python\n(.*?)````", text, re.DOTALL)
    monkeypatch.setattr(sources, "NOTEBOOKS", tmp_path)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "11_shear.py").write_text(textwrap.dedent(block), encoding="utf-8")
    (listed,) = sources.lessons()
    assert (listed.title, listed.question) == ("11. Shear", "What does a shear do to a picture?")
    for promise in (
        header_is_whole,
        test_the_first_code_cell_is_the_one_of_all_notebooks,
        test_each_exercise_has_a_text_a_hint_and_a_check,
        test_the_notebook_ends_with_what_to_take_away_and_where_to_go_on,
        test_headings_go_down_a_level_at_a_time,
        test_links_lead_to_what_they_are_called,
        test_no_text_is_long,
    ):
        promise("11_shear")
    solved = sources.solutions_version(sources.read_source("11_shear"), "11_shear")
    assert "raise NotImplementedError" not in json.dumps(solved)
