"""The sources of the notebooks: the one list of them, and how a source becomes a student's notebook and its solutions."""

import ast
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jupytext
import nbformat
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parents[1]
REPOSITORY = NOTEBOOKS.parent
SOURCE_ERRORS = (ValueError, SyntaxError, nbformat.ValidationError)
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"},
}
# what stands for "# INSTALL" in a source: the begin of the first code cell, the same in every notebook
INSTALL = """\
try:
    import stn_tutorial
except ModuleNotFoundError:  # on Colab: installs this package, and leaves the torch that is there alone
    from glob import glob

    package = (glob("stn_tutorial-*.whl") or ["git+ADDRESS"])[0]
    # %pip install -q --no-deps anywidget psygnal safetensors torchsummary {package}
    try:
        import stn_tutorial
    except ModuleNotFoundError:
        raise SystemExit(
            "The package could not be fetched: upload its wheel (`pip wheel --no-deps .` makes it from a copy of "
            "the project) beside this notebook, and run this cell again."
        ) from None"""


@dataclass(frozen=True)
class Lesson:
    """One notebook as the README's table, the index page and the links to it know it; title and question are Markdown."""

    name: str  # of its files, without an ending: 03_sampler
    title: str  # 3. The sampler
    question: str


def source_names(wanted: list[str] | None = None) -> list[str]:
    """The names of the sources that begin with one of `wanted` (all, if it is empty), in order."""
    names = sorted(path.stem for path in (NOTEBOOKS / "source").glob("[0-9][0-9]_*.py"))
    for start in wanted or []:
        if not any(name.startswith(start) for name in names):
            sys.exit(f"no source is called {start!r}; there are: {', '.join(names) or 'none'}")
    return [name for name in names if not wanted or name.startswith(tuple(wanted))]


def lessons() -> list[Lesson]:
    """The list of all notebooks, in order, as the first cells of their sources have it."""
    return [lesson(name, read_source(name)) for name in source_names()]


def lesson(name: str, source: NotebookNode) -> Lesson:
    """Title and question of a source. Raises ValueError unless it begins with '# N. Title' and '**The question?**'."""
    text = next((cell.source for cell in source.cells if cell.cell_type == "markdown"), "")
    title, question = ([re.sub(r"\s+", " ", part.strip()) for part in text.split("\n\n") if part.strip()] + ["", ""])[:2]
    number = f"{int(name[:2])}. "
    if not title.startswith(f"# {number}"):
        raise ValueError(f"the first cell of {name} must be text that begins with '# {number}Title', got {title!r}")
    if not (question.startswith("**") and question.endswith("?**")):
        raise ValueError(f"below its title {name} must have a paragraph '**The question it answers?**', got {question!r}")
    return Lesson(name, title[2:], question.strip("*"))


def plain(markdown: str) -> str:
    """A line of Markdown without its marks for emphasis and code."""
    return re.sub(r"[*`]{1,2}", "", markdown)


def address() -> str:
    """The repository's public address, which stands in pyproject.toml alone."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def read_source(name: str) -> NotebookNode:
    """The source notebooks/source/<name>.py as a notebook without outputs.

    Written in are COLAB_NN (the address under which Colab opens notebook NN) and the lines that `# INSTALL` stands for.
    Raises ValueError for the mark of another notebook, which a copied header may still have.
    """
    text = (NOTEBOOKS / "source" / f"{name}.py").read_text(encoding="utf-8")
    foreign = {mark for mark, number in re.findall(r"\b((?:COLAB|MINUTES)_(\d\d))\b", text) if number != name[:2]}
    if foreign:
        raise ValueError(f"{name} speaks of {', '.join(sorted(foreign))}: another notebook's number")
    place = f"{urlsplit(address()).path.strip('/')}/blob/main/{NOTEBOOKS.name}/{name}.ipynb"
    text = text.replace(f"COLAB_{name[:2]}", f"https://colab.research.google.com/github/{place}")
    text = re.sub("^# INSTALL$", lambda _: INSTALL.replace("ADDRESS", address()), text, flags=re.MULTILINE)
    return jupytext.reads(text, fmt="py:percent")


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def notebook(cells: list[NotebookNode]) -> NotebookNode:
    """A notebook of copies of these cells, with stable cell ids and the same metadata whoever builds it."""
    copies = [nbformat.from_dict(json.loads(json.dumps(cell))) for cell in cells]
    for number, cell in enumerate(copies, 1):
        cell.id = f"cell-{number:03d}"
        cell.metadata.pop("lines_to_next_cell", None)  # the source's layout
    return nbformat.v4.new_notebook(metadata=nbformat.from_dict(METADATA), cells=copies)


def student_version(source: NotebookNode) -> NotebookNode:
    """The notebook that people work in: solutions are emptied, everything else is as in the source."""
    made = notebook(source.cells)
    for cell in made.cells:
        if "solution" in tags(cell):
            cell.source = without_solution(cell.source)
            cell.metadata.tags = ["exercise" if tag == "solution" else tag for tag in tags(cell)]
    return made


def solutions_version(source: NotebookNode, name: str) -> NotebookNode:
    """The solved exercises: title, the cells of the set-up, and each exercise with its solution and its check."""
    text = f"# Solutions: {plain(lesson(name, source).title)}\n\nBack to [the notebook](../{name}.ipynb)."
    kept = [cell for cell in source.cells if {"setup", "exercise-text", "solution", "check"} & set(tags(cell))]
    return notebook([nbformat.v4.new_markdown_cell(text), *kept])


def without_solution(code: str) -> str:
    """Code in which the body of every function is its docstring and a raise; the rest is kept letter by letter."""
    functions = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise ValueError(f"a cell tagged 'solution' must define a function:\n{code}")
    lines = code.splitlines()
    for function in reversed(functions):
        if ast.get_docstring(function) is None:
            raise ValueError(f"{function.name}: an exercise needs a docstring, it is the text of the task")
        docstring, end = function.body[0], function.end_lineno
        while end < len(lines) and re.match(r"\s+#", lines[end]):  # comments after the last statement belong to the body
            end += 1
        lines[docstring.end_lineno : end] = [" " * docstring.col_offset + "raise NotImplementedError  # your turn"]
    return "\n".join(lines)
