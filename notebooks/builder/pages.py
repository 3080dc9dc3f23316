"""The walkthrough: every notebook run afresh and written as a page that needs no network, and an index of them."""

import html
import os
import posixpath
import re
import time
from pathlib import Path

import nbformat
from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from stn_tutorial.files import write_atomically

from . import sources
from .execution import LIVE, execute_student, report, say_data
from .sources import REPOSITORY, SOURCE_ERRORS, lesson, plain, read_source, source_names, student_version

PAGES = REPOSITORY / "build" / "walkthrough"
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

    def block_html(self, html: str) -> str:
        """Markup as it stands: nbconvert closes every tag of a block in it, and a <details> would end before its own text."""
        return super().block_html(html) if "<img" in html else html

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
    return posixpath.normpath(f"../../{sources.NOTEBOOKS.name}/{url}")


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
    data_line, names, failed, rows = say_data(), source_names(), [], []
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ... ", end="", flush=True)
        start, title, question = time.perf_counter(), name, ""
        try:
            source = read_source(name)
            listed = lesson(name, source)
            title, question = plain(listed.title), plain(listed.question)
            made = student_version(source)
            stopped = execute_student(made, name)
            write_page(made, title, PAGES / f"{name}.html", sources.NOTEBOOKS)
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
    path = sources.NOTEBOOKS / "solutions" / f"{name}.ipynb"
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
