"""The sources of the notebooks: the one list of them, and how exercises are made from solutions."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from builder import readme, sources

SOLVED = '''# needed by the answer
import math


@staticmethod
def turn(x: int,
         y=(1, 2)) -> float:
    """Turn x.

    In radians.
    """
    # the secret
    def inner():
        return 3
    return math.pi * x  # this too
    # and this


def other():
    """Doc."""
    return 2


limit = 5
'''
STUB = '''# needed by the answer
import math


@staticmethod
def turn(x: int,
         y=(1, 2)) -> float:
    """Turn x.

    In radians.
    """
    raise NotImplementedError  # your turn


def other():
    """Doc."""
    raise NotImplementedError  # your turn


limit = 5'''


def tagged(cell, *tags):
    cell.metadata.tags = list(tags)
    return cell


def source_notebook():
    return new_notebook(
        cells=[
            new_markdown_cell("# 1. *Title*\n\n**Which\nway?**\n\nMore."),
            tagged(new_code_cell("import math"), "setup"),
            new_code_cell("1 + 1"),
            tagged(new_markdown_cell("## Exercise"), "exercise-text"),
            tagged(new_code_cell(SOLVED), "solution"),
            tagged(new_code_cell("check(turn)"), "check"),
        ]
    )


def test_exercise_keeps_all_but_the_answer():
    assert sources.without_solution(SOLVED) == STUB


@pytest.mark.parametrize(
    ("code", "reason"), [("x = 1", "must define a function"), ("def f():\n    return 1", "needs a docstring")]
)
def test_solution_that_makes_no_exercise(code, reason):
    with pytest.raises(ValueError, match=reason):
        sources.without_solution(code)


def test_student_and_solutions_versions():
    source = source_notebook()
    student, solved = sources.student_version(source), sources.solutions_version(source, "01_title")
    assert [cell.source for cell in student.cells] == [c.source if c.source != SOLVED else STUB for c in source.cells]
    assert [sources.tags(cell) for cell in student.cells][4] == ["exercise"]
    assert solved.cells[0].source == "# Solutions: 1. Title\n\nBack to [the notebook](../01_title.ipynb)."
    assert [cell.source for cell in solved.cells[1:]] == ["import math", "## Exercise", SOLVED, "check(turn)"]
    for made in (student, solved):
        nbformat.validate(made)
        assert [cell.id for cell in made.cells] == [f"cell-{k:03d}" for k in range(1, len(made.cells) + 1)]
    assert sources.tags(source.cells[4]) == ["solution"]  # the source is untouched


def test_title_and_question_are_told_once_and_checked():
    made = sources.lesson("01_title", source_notebook())
    assert (made.title, made.question) == ("1. *Title*", "Which way?")
    assert sources.plain(made.title) == "1. Title"
    with pytest.raises(ValueError, match="must be text that begins with '# 2. Title', got '# 1. .Title.'"):
        sources.lesson("02_title", source_notebook())
    for question in ("", "\n\nWhich way?", "\n\n**This way.**"):
        with pytest.raises(ValueError, match="a paragraph '..The question it answers"):
            sources.lesson("01_title", new_notebook(cells=[new_markdown_cell(f"# 1. Title{question}")]))


def test_the_number_of_another_notebook_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "NOTEBOOKS", tmp_path)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "02_x.py").write_text("# %% [markdown]\n# # 2. X\n#\n# MINUTES_01 COLAB_02\n")
    with pytest.raises(ValueError, match="02_x speaks of MINUTES_01: another notebook's number"):
        sources.read_source("02_x")


@pytest.mark.parametrize("name", sources.source_names())
def test_committed_notebooks_are_those_of_the_sources(name):
    source = sources.read_source(name)
    wanted = {
        f"{name}.ipynb": sources.student_version(source),
        f"solutions/{name}.ipynb": sources.solutions_version(source, name),
    }
    for path, made in wanted.items():
        committed = nbformat.read(sources.NOTEBOOKS / path, as_version=4)
        assert [(cell.id, cell.cell_type) for cell in committed.cells] == [(cell.id, cell.cell_type) for cell in made.cells]
        minutes = readme.header_minutes(name) or "no number"
        texts = [cell.source.replace(f"MINUTES_{name[:2]}", minutes) for cell in made.cells]
        assert [cell.source for cell in committed.cells] == texts, "run: make notebooks"
