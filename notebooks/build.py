"""Builds the notebooks from their sources in notebooks/source/.

    python notebooks/build.py notebooks [NAME ...]   executed notebooks, to commit: NN_name.ipynb and solutions/NN_name.ipynb
    python notebooks/build.py walkthrough            executed afresh, to read: build/walkthrough/*.html, needing no network
    python notebooks/build.py readme                 the numbers of README.md, from runs and notebooks

STN_PROFILE=quick makes every notebook shorter; without it they run in full.
"""

import argparse
import ast
import contextlib
import html
import io
import json
import math
import os
import posixpath
import re
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import jupytext
import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jinja2 import pass_context
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets.config import Config

from stn_tutorial.files import write_atomically
from stn_tutorial.training.data import NAMES, load
from stn_tutorial.training.tables import table

NOTEBOOKS = Path(__file__).resolve().parent
REPOSITORY = NOTEBOOKS.parent
PAGES = REPOSITORY / "build" / "walkthrough"
CELL_TIMEOUT = 1800  # seconds
WIDGET, PNG = "application/vnd.jupyter.widget-view+json", "image/png"
LIVE = "application/vnd.stn-explorer+html"  # an explorer that needs no kernel: for the pages; saved notebooks show its picture
SOURCE_ERRORS = (ValueError, SyntaxError, nbformat.ValidationError)
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"},
}


# ---- from the source to a notebook


def source_names(wanted: list[str]) -> list[str]:
    """The names of the sources that begin with one of `wanted` (all, if it is empty), in order."""
    names = sorted(path.stem for path in (NOTEBOOKS / "source").glob("[0-9][0-9]_*.py"))
    for start in wanted:
        if not any(name.startswith(start) for name in names):
            sys.exit(f"no source is called {start!r}; there are: {', '.join(names) or 'none'}")
    return [name for name in names if not wanted or name.startswith(tuple(wanted))]


def read_source(name: str) -> NotebookNode:
    """The source notebooks/source/<name>.py as a notebook without outputs.

    COLAB_NN (the address under which Colab opens notebook NN) and INSTALL_LINE (what pip installs there) are written in from
    the repository's public address, which stands in pyproject.toml alone.
    """
    text = (NOTEBOOKS / "source" / f"{name}.py").read_text(encoding="utf-8")
    address = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    place = f"{urlsplit(address).path.strip('/')}/blob/main/{NOTEBOOKS.name}/{name}.ipynb"
    text = text.replace(f"COLAB_{name[:2]}", f"https://colab.research.google.com/github/{place}")
    return jupytext.reads(text.replace("INSTALL_LINE", f"git+{address}"), fmt="py:percent")


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
    title, _ = title_and_question(source)
    text = f"# Solutions: {title}\n\nBack to [the notebook](../{name}.ipynb)."
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


def title_and_question(source: NotebookNode) -> tuple[str, str]:
    """The title of a notebook and the first paragraph under it, which says what question it answers, as plain text."""
    text = next((cell.source for cell in source.cells if cell.cell_type == "markdown"), "")
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    if not parts or not parts[0].startswith("# "):
        raise ValueError("the first markdown cell must begin with '# Title'")
    title, question = (re.sub(r"\s+", " ", re.sub(r"[*`]{1,2}", "", part)) for part in [*parts, ""][:2])
    return title[2:], question


# ---- running


def socket_options(folder: str) -> dict:
    """Options for a kernel manager: talk through files in a folder, so that not even a loopback network is needed."""
    return {"transport": "ipc", "ip": os.path.join(folder, "kernel")} if os.name == "posix" else {}


class ThisInterpreter(AsyncKernelManager):
    """Starts kernels with the interpreter that runs this script, whatever kernels are registered on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


def execute(made: NotebookNode, folder: Path) -> str | None:
    """Run a notebook in place, in the given folder, and tidy it. Returns what stopped it, or None."""
    number = 0

    def remember(cell: NotebookNode, cell_index: int) -> None:
        nonlocal number
        number = cell_index + 1

    options = {"timeout": CELL_TIMEOUT, "record_timing": False, "store_widget_state": False, "on_cell_start": remember}
    stopped = None
    with tempfile.TemporaryDirectory() as sockets:
        client = NotebookClient(
            made,
            kernel_manager_class=ThisInterpreter,
            config=Config({"ThisInterpreter": socket_options(sockets)}),
            resources={"metadata": {"path": str(folder)}},
            **options,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            stopped = f"cell {number}: {error.ename}: {error.evalue}"
        except CellTimeoutError:
            stopped = f"cell {number}: not finished after {CELL_TIMEOUT} s"
        except DeadKernelError:
            stopped = f"cell {number}: the kernel died"
    tidy(made)
    return stopped


def execute_student(made: NotebookNode, name: str) -> str | None:
    """Run a student notebook and write the minutes that it took into its header, where the source has MINUTES_NN."""
    start = time.perf_counter()
    stopped = execute(made, NOTEBOOKS)
    minutes = str(math.ceil((time.perf_counter() - start) / 60))
    if os.environ["STN_PROFILE"] != "full":
        minutes += f" ({os.environ['STN_PROFILE']} profile)"
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(f"MINUTES_{name[:2]}", minutes)
    return stopped


def tidy(made: NotebookNode) -> None:
    """Keep of an executed notebook what a reader needs and what does not change from run to run."""
    made.metadata = nbformat.from_dict(METADATA)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = merge_streams(cell.outputs)
            for output in cell.outputs:
                if WIDGET in output.get("data", {}):  # a widget needs a kernel: its picture, or its words, stand in for it
                    kinds = (LIVE, PNG, "text/plain")
                    output.data = NotebookNode({kind: output.data[kind] for kind in kinds if kind in output.data})


def merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of printed text, and show a progress bar only in its last state."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    for output in merged:
        if output.output_type == "stream":
            output.text = "\n".join(last_state(line) for line in output.text.split("\n"))
    return [output for output in merged if output.output_type != "stream" or output.text.strip()]


def last_state(line: str) -> str:
    """What a terminal shows of a line that was written over after each carriage return."""
    states = [state for state in line.split("\r") if state.strip()]
    return states[-1].rstrip() if states else ""


def complaints(made: NotebookNode) -> list[str]:
    """What must not be in a committed notebook: text on standard error, and paths of the machine that built it."""
    machine = [str(path) for path in (REPOSITORY, Path.home(), tempfile.gettempdir()) if len(str(path)) > 1]
    starts = [re.escape(start) + r"(?!\w)" for start in machine] + ["/home/", "/Users/", "/tmp/", r"[A-Z]:\\+Users\\"]
    path = re.compile(rf"(?:{'|'.join(starts)})[^\s\"']*")
    found = []
    for number, cell in enumerate(made.cells, 1):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {number} wrote to standard error: {output.text.strip().splitlines()[0]}")
            hit = path.search(output_text(output))
            if hit:
                found.append(f"cell {number} shows a path of this machine: {hit.group()}")
    return found


def output_text(output: NotebookNode) -> str:
    """The readable part of an output: everything but encoded pictures."""
    data = {kind: value for kind, value in output.get("data", {}).items() if kind not in (PNG, "image/jpeg", "image/gif")}
    return json.dumps([output.get("text"), data, output.get("metadata")], ensure_ascii=False)


def build_notebooks(wanted: list[str]) -> int:
    """Write the executed notebooks and their solutions; one that fails keeps its old files. Returns the exit status."""
    say_data()
    names, failed, folder = source_names(wanted), [], NOTEBOOKS / "solutions"
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ... ", end="", flush=True)
        start, problems = time.perf_counter(), []
        try:
            source = read_source(name)
            student, solved = student_version(source), solutions_version(source, name)
            stopped = {"notebook": execute_student(student, name), "solutions": execute(solved, folder)}
            for which, made in (("notebook", student), ("solutions", solved)):
                found = [stopped[which]] * bool(stopped[which]) + complaints(made)
                problems += [f"{which}, {problem}" for problem in found]
        except SOURCE_ERRORS as error:
            problems.append(f"source: {error}")
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
        if problems:
            failed.append(name)
            print("\n".join(f"      not written: {problem}" for problem in problems), flush=True)
            continue
        for path, made in ((NOTEBOOKS / f"{name}.ipynb", student), (folder / f"{name}.ipynb", solved)):
            for output in (output for cell in made.cells for output in cell.get("outputs", [])):
                output.get("data", {}).pop(LIVE, None)
            write_atomically(path, (nbformat.writes(made) + "\n").encode())
    return report(failed)


# ---- the pages of the walkthrough

TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
main { max-width: 60rem; margin: 0 auto; }
nav { padding: 0.8em 0 0 0.5em; }
math[display="block"] { margin: 0.8em 0; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; }
</style>
{%- endblock -%}
{%- block body_header -%}
{{ super() }}
<nav class="jp-RenderedHTMLCommon"><a href="{{ resources.index }}">All notebooks</a></nav>
{%- endblock -%}
{%- block data_png -%}
{%- if LIVE in output.data -%}{{ output.data[LIVE] }}{%- else -%}
{%- set alt = output | get_metadata('alt', 'image/png') -%}
{%- set width = output | get_metadata('width', 'image/png') -%}
<div class="jp-RenderedImage jp-OutputArea-output"><img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
{%- if width is not none %} width="{{ width }}"{% endif %}
{%- if alt is not none %} alt="{{ alt | escape_html }}"{% endif %}></div>
{%- endif -%}
{%- endblock -%}
"""


class Renderer(IPythonRenderer):
    """Markdown to HTML: equations become MathML, links lead to the pages, and pictures on other hosts become their words."""

    def inline_math(self, body: str) -> str:
        return formula(body, "inline")

    def block_math(self, body: str) -> str:
        return formula(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, page_link(url), title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return html.escape(text) if re.match("https?:", url) else super().image(text, url, title)


def formula(latex: str, display: str) -> str:
    """An equation as MathML, which browsers draw by themselves. Raises ValueError for LaTeX that has none here."""
    known = latex.replace("{aligned}", "{split}").replace(r"\arg", r"\operatorname{arg}")
    try:
        made = convert(known.strip(), display=display)
    except Exception as error:  # the library has a dozen kinds
        raise ValueError(f"equation not understood ({type(error).__name__}): {latex}") from error
    if "\\" in made or ">&<" in made:
        raise ValueError(f"equation with LaTeX that has no MathML here: {latex}")
    return made


def page_link(url: str) -> str:
    """Where a link in a notebook leads from its page: notebooks have pages, other files stay where they are."""
    if re.match(r"[a-z]+:|#|//", url):
        return url
    path, mark, anchor = url.partition("#")
    if path.endswith(".ipynb"):
        return path.removesuffix(".ipynb") + ".html" + mark + anchor
    return posixpath.normpath(f"../../{NOTEBOOKS.name}/{url}")


class PageExporter(HTMLExporter):
    """nbconvert's exporter without anything that is fetched from the network."""

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """Markdown to HTML with `Renderer`."""
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = Renderer(escape=False, attachments=attachments, embed_images=True, path=path)
        return MarkdownWithMath(renderer=renderer).render(source)


def write_page(made: NotebookNode, title: str, path: Path, folder: Path) -> None:
    """Write an executed notebook, which lives in `folder`, as an HTML page."""
    index = os.path.relpath(PAGES / "index.html", path.parent).replace(os.sep, "/")
    resources = {"metadata": {"name": title, "path": str(folder)}, "index": index}
    exporter = PageExporter(raw_template=TEMPLATE.replace("LIVE", repr(LIVE)), embed_images=True)
    page, _ = exporter.from_notebook_node(made, resources)
    write_atomically(path, page.encode())


def build_walkthrough() -> int:
    """Run every student notebook afresh and write its page; then the index. Returns the exit status."""
    data_line, names, failed, rows = say_data(), source_names([]), [], []
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ... ", end="", flush=True)
        start, title, question = time.perf_counter(), name, ""
        try:
            source = read_source(name)
            title, question = title_and_question(source)
            made = student_version(source)
            stopped = execute_student(made, name)
            write_page(made, title, PAGES / f"{name}.html", NOTEBOOKS)
            write_solutions_page(name, title)
        except SOURCE_ERRORS as error:
            stopped = str(error)
        seconds = round(time.perf_counter() - start)
        print(f"{seconds} s", flush=True)
        if stopped:
            failed.append(name)
            print(f"      stopped in {stopped}", flush=True)
        rows.append((name, title, question, seconds, stopped))
    write_atomically(PAGES / "index.html", index_page(rows, data_line).encode())
    print(f"open {(PAGES / 'index.html').relative_to(REPOSITORY)} in a browser")
    return report(failed)


def write_solutions_page(name: str, title: str) -> None:
    """The page of the committed solutions, if there are any: as they are, they are not run again."""
    path = NOTEBOOKS / "solutions" / f"{name}.ipynb"
    if path.exists():
        made = nbformat.read(path, as_version=4)
        write_page(made, f"Solutions: {title}", PAGES / "solutions" / f"{name}.html", path.parent)


def index_page(rows: list[tuple], data_line: str) -> str:
    """The page that links all notebooks. rows: name, title, question, seconds, what stopped it or None."""
    items = []
    for name, title, question, seconds, stopped in rows:
        link = f'<a href="{name}.html">{html.escape(title)}</a>' if (PAGES / f"{name}.html").exists() else html.escape(title)
        note = f'\n<p class="failed">stopped in {html.escape(stopped)}</p>' if stopped else ""
        text = f'<h2>{link}</h2>\n<p>{html.escape(question)}</p>\n<p class="time">{seconds} s</p>{note}'
        items.append(f"<li>\n{text}\n</li>")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Spatial transformers: the walkthrough</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.55 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1.2rem; }}
h1 {{ line-height: 1.2; }}
h2 {{ font-size: 1.2rem; margin: 0; }}
ol {{ list-style: none; padding: 0; }}
li {{ border-top: 1px solid #8886; padding: 0.9rem 0; }}
li p {{ margin: 0.2rem 0 0; }}
.time {{ font-size: 0.9rem; opacity: 0.75; }}
.failed {{ color: #d32f2f; }}
</style>
</head>
<body>
<h1>Spatial transformers: the walkthrough</h1>
<p>Each notebook was run on this computer from top to bottom. {html.escape(data_line)}</p>
<ol>
{chr(10).join(items)}
</ol>
<p class="time">{len(rows)} notebooks, {sum(row[3] for row in rows)} s in all.</p>
</body>
</html>
"""


# ---- what the commands share


def say_data() -> str:
    """Print which data the notebooks will run on, and the profile. Returns the data as a sentence.

    What is not on this computer yet is fetched here, before the first notebook needs it.
    """
    line = f"Data: {'; '.join(load(name).source for name in NAMES)}."
    print(f"{line}\nProfile: {os.environ['STN_PROFILE']}", flush=True)
    return line


def report(failed: list[str]) -> int:
    """Name what failed; the exit status."""
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def fill_readme(text: str) -> str:
    """The README with all its numbers: the tables of the recorded runs between their marks, the minutes of each notebook."""
    marks = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
    text = marks.sub(lambda found: f"{found[1]}\n{table(found[2]).strip()}\n\n{found[3]}", text)
    rows = re.compile(r"(\]\(notebooks/(\w+)\.ipynb\) \|[^|]*\| )([^|]*)( \|)")
    return rows.sub(lambda found: f"{found[1]}{header_minutes(found[2]) or found[3]}{found[4]}", text)


def header_minutes(name: str) -> str | None:
    """The minutes that the header of a written notebook names."""
    path = NOTEBOOKS / f"{name}.ipynb"
    found = re.search(r"[Mm]inutes on a laptop CPU: (\d+)", nbformat.read(path, 4).cells[0].source) if path.exists() else None
    return found[1] if found else None


def build_readme() -> int:
    """Fill the numbers of README.md."""
    path = REPOSITORY / "README.md"
    write_atomically(path, fill_readme(path.read_text(encoding="utf-8")).encode())
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    names = commands.add_parser("notebooks", help="write the executed notebooks").add_argument
    names("names", nargs="*", metavar="NAME", help="how the names begin, for instance 03; default: all")
    commands.add_parser("walkthrough", help="write the HTML pages")
    commands.add_parser("readme", help="fill the numbers of README.md")
    args = parser.parse_args(arguments)
    os.environ.setdefault("STN_PROFILE", "full")
    if args.command == "notebooks":
        return build_notebooks(args.names)
    return build_walkthrough() if args.command == "walkthrough" else build_readme()


if __name__ == "__main__":
    sys.exit(main())
