"""What the builder keeps of an executed notebook, and what it lets into a committed one."""

import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from builder import committed, execution, sources


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_printed_text_is_joined_and_progress_shows_its_last_state():
    figure = new_output("display_data", {"text/plain": "figure"})
    outputs = [stream("a\n"), stream("\r 10%"), stream("\r100% \n"), figure, stream("b\n"), stream("\r \r")]
    assert execution.merge_streams(outputs) == [stream("a\n100%\n"), figure, stream("b\n")]


def test_a_widget_gives_way_to_its_picture_or_its_words():
    widget = {execution.WIDGET: {"model_id": "x"}, "text/plain": "Slider()"}
    cell = new_code_cell(
        "w", outputs=[new_output("display_data", dict(widget, **more)) for more in ({}, {execution.PNG: "iVBO"})]
    )
    made = new_notebook(cells=[cell], metadata={"widgets": {}})
    execution.tidy(made)
    assert [set(output.data) for output in made.cells[0].outputs] == [{"text/plain"}, {"text/plain", execution.PNG}]
    assert "widgets" not in made.metadata


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (stream("fine, 1/2 and a/tmpfile\n"), None),
        (new_output("display_data", {execution.PNG: "/tmp/abc", "text/plain": "figure"}), None),
        (stream("UserWarning: x\n", "stderr"), "standard error: UserWarning: x"),
        (stream("a\n/tmp/x.py:3\n"), "/tmp/x.py:3"),
        (new_output("display_data", {"text/html": "<p>/home/ann/b</p>"}), "/home/ann/b"),
        (new_output("execute_result", {"text/plain": f"PosixPath('{sources.REPOSITORY}')"}), f"machine: {sources.REPOSITORY}"),
    ],
)
def test_what_a_committed_notebook_may_not_show(output, complaint):
    found = execution.complaints(new_notebook(cells=[new_markdown_cell("/tmp/x"), new_code_cell("", outputs=[output])]))
    assert len(found) == (complaint is not None)
    assert not found or (complaint in found[0] and "cell 2" in found[0])


def test_a_failing_notebook_keeps_its_old_file(tmp_path, monkeypatch, capsys):
    notebooks = tmp_path / "notebooks"
    monkeypatch.setattr(sources, "NOTEBOOKS", notebooks)
    monkeypatch.setattr(committed, "say_data", lambda: "")
    (notebooks / "source").mkdir(parents=True)
    (notebooks / "01_good.ipynb").write_text("old")
    (notebooks / "02_bad.ipynb").write_text("old")
    head = "# %% [markdown]\n# # {0}. Title\n#\n# **Why?**\n#\n# COLAB_0{0} MINUTES_0{0}\n\n# %%\n"
    monkeypatch.setenv("STN_PROFILE", "full")
    (notebooks / "source" / "01_good.py").write_text(
        head.format(1) + "import sys; print(sys.executable == " + repr(sys.executable) + ")\n"
    )
    (notebooks / "source" / "02_bad.py").write_text(head.format(2) + "1 / 0\n")
    assert committed.build_notebooks([]) == 1
    printed = capsys.readouterr().out
    assert "[1/2] 01_good" in printed and "not written: notebook, cell 2: ZeroDivisionError: division by zero" in printed
    assert (notebooks / "02_bad.ipynb").read_text() == "old"
    good = nbformat.read(notebooks / "01_good.ipynb", as_version=4)
    assert good.cells[1].outputs == [stream("True\n")]  # the kernel is this interpreter
    assert good.cells[0].source.endswith("/notebooks/01_good.ipynb 1")
    assert sorted(path.name for path in notebooks.iterdir()) == ["01_good.ipynb", "02_bad.ipynb", "solutions", "source"]
