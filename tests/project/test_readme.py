"""The tables of the README."""

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from builder import readme, sources


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
