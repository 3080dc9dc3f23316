"""The builder of the notebooks: how exercises are made from solutions, and what it lets into a committed notebook."""

import nbformat
import pytest
import torch
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import build
from stn_tutorial import explore

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
    assert build.without_solution(SOLVED) == STUB


@pytest.mark.parametrize(
    ("code", "reason"), [("x = 1", "must define a function"), ("def f():\n    return 1", "needs a docstring")]
)
def test_solution_that_makes_no_exercise(code, reason):
    with pytest.raises(ValueError, match=reason):
        build.without_solution(code)


def test_student_and_solutions_versions():
    source = source_notebook()
    student, solved = build.student_version(source), build.solutions_version(source, "01_title")
    assert [cell.source for cell in student.cells] == [c.source if c.source != SOLVED else STUB for c in source.cells]
    assert [build.tags(cell) for cell in student.cells][4] == ["exercise"]
    assert solved.cells[0].source == "# Solutions: 1. Title\n\nBack to [the notebook](../01_title.ipynb)."
    assert [cell.source for cell in solved.cells[1:]] == ["import math", "## Exercise", SOLVED, "check(turn)"]
    for made in (student, solved):
        nbformat.validate(made)
        assert [cell.id for cell in made.cells] == [f"cell-{k:03d}" for k in range(1, len(made.cells) + 1)]
    assert build.tags(source.cells[4]) == ["solution"]  # the source is untouched


def test_title_and_question_are_plain_text():
    assert build.title_and_question(source_notebook()) == ("1. Title", "Which way?")


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_printed_text_is_joined_and_progress_shows_its_last_state():
    figure = new_output("display_data", {"text/plain": "figure"})
    outputs = [stream("a\n"), stream("\r 10%"), stream("\r100% \n"), figure, stream("b\n"), stream("\r \r")]
    assert build.merge_streams(outputs) == [stream("a\n100%\n"), figure, stream("b\n")]


def test_a_widget_gives_way_to_its_picture_or_its_words():
    widget = {build.WIDGET: {"model_id": "x"}, "text/plain": "Slider()"}
    cell = new_code_cell("w", outputs=[new_output("display_data", dict(widget, **more)) for more in ({}, {build.PNG: "iVBO"})])
    made = new_notebook(cells=[cell], metadata={"widgets": {}})
    build.tidy(made)
    assert [set(output.data) for output in made.cells[0].outputs] == [{"text/plain"}, {"text/plain", build.PNG}]
    assert "widgets" not in made.metadata


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (stream("fine, 1/2 and a/tmpfile\n"), None),
        (new_output("display_data", {build.PNG: "/tmp/abc", "text/plain": "figure"}), None),
        (stream("UserWarning: x\n", "stderr"), "standard error: UserWarning: x"),
        (stream("a\n/tmp/x.py:3\n"), "/tmp/x.py:3"),
        (new_output("display_data", {"text/html": "<p>/home/ann/b</p>"}), "/home/ann/b"),
        (new_output("execute_result", {"text/plain": f"PosixPath('{build.REPOSITORY}')"}), f"machine: {build.REPOSITORY}"),
    ],
)
def test_what_a_committed_notebook_may_not_show(output, complaint):
    found = build.complaints(new_notebook(cells=[new_markdown_cell("/tmp/x"), new_code_cell("", outputs=[output])]))
    assert len(found) == (complaint is not None)
    assert not found or (complaint in found[0] and "cell 2" in found[0])


@pytest.mark.parametrize("latex", [r"\nosuchcommand", r"\bad{", r"\begin{nosuch} a & b \end{nosuch}"])
def test_equations_that_have_no_mathml_are_refused(latex):
    with pytest.raises(ValueError, match="equation"):
        build.formula(latex, "inline")


def test_pages_need_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "PAGES", tmp_path)
    text = r"$\theta$ and `$code$`, \$5, $$\begin{aligned} a &= b \\ c &< d \end{aligned}$$ [next](02_x.ipynb#here) [up](../README.md)"
    remote = " [![Open in Colab](https://example.org/badge.svg)](https://example.org/)"
    picture = new_output("display_data", {build.PNG: "iVBO"}, metadata={build.PNG: {"alt": 'a "b" <c>'}})
    made = new_notebook(
        cells=[new_markdown_cell(text + remote), new_code_cell("'$x$'", outputs=[picture])], metadata=build.METADATA
    )
    build.write_page(made, "T", tmp_path / "01_x.html", build.NOTEBOOKS)
    page = (tmp_path / "01_x.html").read_text()
    assert page.count("<math") == 2 and "$code$" in page and "$5" in page and "$x$" in page
    assert 'href="02_x.html#here"' in page and 'href="../../README.md"' in page and "Open in Colab</a>" in page
    assert """alt='a "b" &lt;c&gt;'""" in page
    assert "<script" not in page and 'src="http' not in page and "No description" not in page


def test_an_explorer_can_be_dragged_in_its_page_and_is_a_picture_in_a_saved_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "PAGES", tmp_path)
    data, metadata = explore(torch.zeros(1, 8, 8))._repr_mimebundle_()
    made = new_notebook(cells=[new_code_cell("e", outputs=[new_output("display_data", data, metadata=metadata)])])
    build.tidy(made)
    build.write_page(made, "T", tmp_path / "01_x.html", build.NOTEBOOKS)
    page = (tmp_path / "01_x.html").read_text()
    assert '<script type="module">' in page and "<img" not in page and 'src="http' not in page
    saved = nbformat.from_dict(made)
    saved.cells[0].outputs[0].data.pop(build.LIVE)  # as build_notebooks does
    markdown, resources = MarkdownExporter().from_notebook_node(saved)
    assert markdown.count("![png]") == 1 and len(resources["outputs"]) == 1
    html, _ = HTMLExporter().from_notebook_node(saved)
    assert html.count("<img") == 1


def test_readme_numbers_are_filled_in(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "table", lambda name: f"| {name} |\n")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    header = new_markdown_cell("# T\n\nWhy?\n\n*Minutes on a laptop CPU: 3 to run.*")
    nbformat.write(new_notebook(cells=[header]), tmp_path / "01_x.ipynb")
    text = "a\n<!-- table x -->\nold\n<!-- end -->\n| [X](notebooks/01_x.ipynb) | Why? | {} |\n| [Y](notebooks/02_y.ipynb) | Why? | ? |\n"
    filled = build.fill_readme(text.format("?"))
    assert filled == text.format("3").replace("old", "\n| x |\n")
    assert build.fill_readme(filled) == filled


def test_a_failing_notebook_keeps_its_old_file(tmp_path, monkeypatch, capsys):
    notebooks = tmp_path / "notebooks"
    monkeypatch.setattr(build, "NOTEBOOKS", notebooks)
    monkeypatch.setattr(build, "say_data", lambda: "")
    (notebooks / "source").mkdir(parents=True)
    (notebooks / "01_good.ipynb").write_text("old")
    (notebooks / "02_bad.ipynb").write_text("old")
    head = "# %% [markdown]\n# # Title\n#\n# Why? COLAB_01 MINUTES_01\n\n# %%\n"
    monkeypatch.setenv("STN_PROFILE", "full")
    (notebooks / "source" / "01_good.py").write_text(
        head + "import sys; print(sys.executable == " + repr(build.sys.executable) + ")\n"
    )
    (notebooks / "source" / "02_bad.py").write_text(head + "1 / 0\n")
    assert build.build_notebooks([]) == 1
    printed = capsys.readouterr().out
    assert "[1/2] 01_good" in printed and "not written: notebook, cell 2: ZeroDivisionError: division by zero" in printed
    assert (notebooks / "02_bad.ipynb").read_text() == "old"
    good = nbformat.read(notebooks / "01_good.ipynb", as_version=4)
    assert good.cells[1].outputs == [stream("True\n")]  # the kernel is this interpreter
    assert good.cells[0].source.endswith("/notebooks/01_good.ipynb 1")
    assert sorted(path.name for path in notebooks.iterdir()) == ["01_good.ipynb", "02_bad.ipynb", "solutions", "source"]


@pytest.mark.parametrize("name", build.source_names([]))
def test_committed_notebooks_are_those_of_the_sources(name):
    source = build.read_source(name)
    wanted = {f"{name}.ipynb": build.student_version(source), f"solutions/{name}.ipynb": build.solutions_version(source, name)}
    for path, made in wanted.items():
        committed = nbformat.read(build.NOTEBOOKS / path, as_version=4)
        assert [(cell.id, cell.cell_type) for cell in committed.cells] == [(cell.id, cell.cell_type) for cell in made.cells]
        minutes = build.header_minutes(name) or "no number"
        texts = [cell.source.replace(f"MINUTES_{name[:2]}", minutes) for cell in made.cells]
        assert [cell.source for cell in committed.cells] == texts, "run: make notebooks"
