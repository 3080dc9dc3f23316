"""The pages of the walkthrough, which need no network, and the tables of the README."""

import re

import nbformat
import pytest
import torch
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from builder import execution, pages, readme, sources
from stn_tutorial import explore


@pytest.mark.parametrize("latex", [r"\nosuchcommand", r"\bad{", r"\begin{nosuch} a & b \end{nosuch}"])
def test_equations_that_have_no_mathml_are_refused(latex):
    with pytest.raises(ValueError, match="equation"):
        pages.formula(latex, "inline")


def test_pages_need_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PAGES", tmp_path)
    text = r"$\theta$ and `$code$`, \$5, $$\begin{aligned} a &= b \\ c &< d \end{aligned}$$ [next](02_x.ipynb#here) [up](../README.md)"
    remote = " [![Open in Colab](https://example.org/badge.svg)](https://example.org/)"
    picture = new_output("display_data", {execution.PNG: "iVBO"}, metadata={execution.PNG: {"alt": 'a "b" <c>'}})
    made = new_notebook(
        cells=[new_markdown_cell(text + remote), new_code_cell("'$x$'", outputs=[picture])], metadata=sources.METADATA
    )
    pages.write_page(made, "T", tmp_path / "01_x.html", sources.NOTEBOOKS)
    page = (tmp_path / "01_x.html").read_text()
    assert page.count("<math") == 2 and "$code$" in page and "$5" in page and "$x$" in page
    assert 'href="02_x.html#here"' in page and 'href="../../README.md"' in page and "Open in Colab</a>" in page
    assert """alt='a "b" &lt;c&gt;'""" in page
    assert "<script" not in page and 'src="http' not in page and "No description" not in page


def test_an_explorer_can_be_dragged_in_its_page_and_is_a_picture_in_a_saved_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PAGES", tmp_path)
    data, metadata = explore(torch.zeros(1, 8, 8))._repr_mimebundle_()
    made = new_notebook(cells=[new_code_cell("e", outputs=[new_output("display_data", data, metadata=metadata)])])
    execution.tidy(made)
    pages.write_page(made, "T", tmp_path / "01_x.html", sources.NOTEBOOKS)
    page = (tmp_path / "01_x.html").read_text()
    assert '<script type="module">' in page and "<img" not in page and 'src="http' not in page
    saved = nbformat.from_dict(made)
    saved.cells[0].outputs[0].data.pop(execution.LIVE)  # as build_notebooks does
    markdown, resources = MarkdownExporter().from_notebook_node(saved)
    assert markdown.count("![png]") == 1 and len(resources["outputs"]) == 1
    html, _ = HTMLExporter().from_notebook_node(saved)
    assert html.count("<img") == 1


def test_the_readme_lists_notebooks_and_tables_between_its_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "table", lambda name: f"| {name} |\n")
    monkeypatch.setattr(sources, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    for number, name, question in ((1, "01_x", "Why `x`?"), (2, "02_y", "How?")):
        text = f"# %% [markdown]\n# # {number}. {name[3:].upper()}\n#\n# **{question}**\n"
        (tmp_path / "notebooks" / "source" / f"{name}.py").write_text(text)
    header = new_markdown_cell("# 1. X\n\n**Why?**\n\n*Minutes on a laptop CPU: 3 to run.*")
    nbformat.write(new_notebook(cells=[header]), tmp_path / "notebooks" / "01_x.ipynb")
    filled = readme.fill_readme("a\n<!-- table x -->\nold\n<!-- end -->\n<!-- notebooks -->\nold\n<!-- end -->\nb\n")
    before, rows, after = filled.partition("<!-- notebooks -->\n")[0], filled.splitlines()[-6:-3], filled.splitlines()[-1]
    assert before == "a\n<!-- table x -->\n\n| x |\n\n<!-- end -->\n" and after == "b"
    for row, address, end in zip(rows[1:], ("01_x", "02_y"), ("Why `x`? | 3 |", "How? | - |"), strict=True):
        assert row.startswith(f'| <a href="notebooks/{address}.ipynb"><img src="docs/figures/{address}.png"') and row.endswith(
            end
        )
    assert readme.fill_readme(filled) == filled


def test_an_answer_of_several_paragraphs_stays_folded(tmp_path):
    text = "Why?\n\n<details><summary>Answer</summary>\n\nFirst.\n\nSecond.\n\n</details>\n\nAfter."
    made = new_notebook(cells=[new_markdown_cell(text)])
    pages.write_page(made, "a page", tmp_path / "page.html", tmp_path)
    folded = re.search("<details>(.*?)</details>", (tmp_path / "page.html").read_text(encoding="utf-8"), flags=re.DOTALL)[1]
    assert "First." in folded and "Second." in folded and "After." not in folded
