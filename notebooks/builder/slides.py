"""Slides from the notebooks' own cells: a page a notebook that needs nothing but a browser; build/site/slides/."""

import re
from html import escape
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode

from stn_tutorial.files import write_atomically

from .rendering import formula
from .sources import plain, tags

FOLDER = "slides"
HEADING = r"#{1,3} "
PARTS = Path(__file__).parent / "slides.html"


def write_slides(site: Path, shown: Path) -> None:
    """Write slides of the notebooks in the folder `shown`, outputs as pages show them, and a page that lists them, into `site`/slides."""
    listed = []
    for path in sorted(shown.glob("[0-9]*.ipynb")):
        made = nbformat.read(path, as_version=4)
        title, slides = escape(plain(made.cells[0].source.splitlines()[0].lstrip("# "))), slides_of(made)
        body = "\n".join(f"<section>\n{slide}\n</section>" for slide in slides)
        page = page_of(f"Slides: {title}", body, f"../notebooks/{path.stem}.html")
        write_atomically(site / FOLDER / f"{path.stem}.html", page.encode())
        listed.append(f'<li><a href="{path.stem}.html">{title}</a>, {len(slides)} slides</li>')
    items = "\n".join(listed)
    body = f"<section>\n<h1>Slides</h1>\n<ul>\n{items}\n</ul>\n<p>Page Down goes on, Page Up back.</p>\n</section>"
    write_atomically(site / FOLDER / "index.html", page_of("Slides", body, "../index.html").encode())


def page_of(title: str, body: str, back: str) -> str:
    """A whole page of slides; the title is HTML."""
    text = PARTS.read_text(encoding="utf-8")
    return text.replace("TITLE", title).replace("BACK", back).replace("BODY", body)


def slides_of(made: NotebookNode) -> list[str]:
    """The slides of a notebook as HTML: one for each heading, and one more for each further picture, with the text before it.

    Code and printed numbers stay in the notebook, so do texts that no picture follows, the set-up, and what is folded at the end.
    """
    slides: list[dict] = []
    last = None  # the text since the last slide was begun, if there was one
    for cell in made.cells:
        if cell.cell_type == "markdown":
            for part in parts_of(cell.source):
                if re.match(HEADING, part):
                    slides.append({"text": as_html(part), "shown": ""})
                    last = None
                elif "exercise-text" not in tags(cell):
                    last = as_html(part)
        elif shown := pictures(cell):
            if slides[-1]["shown"]:
                slides.append({"text": last or "", "shown": shown})
            else:
                slides[-1]["text"] += last or ""
                slides[-1]["shown"] = shown
            last = None
    return [
        f'<div class="text">{s["text"]}</div>' + (f'<div class="shown cell_output">{s["shown"]}</div>' if s["shown"] else "")
        for s in slides
    ]


def parts_of(text: str) -> list[str]:
    """A text cell, cut before each heading; a heading that nothing but another one follows stays with it."""
    parts: list[str] = []
    for part in re.split(rf"\n\n(?={HEADING})", text):
        if parts and re.fullmatch(rf"{HEADING}.*", parts[-1]):
            parts[-1] += f"\n\n{part}"
        else:
            parts.append(part)
    return parts


def pictures(cell: NotebookNode) -> str:
    """What a code cell shows as HTML: pictures, widgets and tables; not what a checker says of an exercise."""
    if "check" in tags(cell):
        return ""
    shown = [output.get("data", {}) for output in cell.outputs]
    return "".join(data.get("text/html") or as_html(data.get("text/markdown", "")) for data in shown)


def markdown() -> MarkdownIt:
    """Markdown with tables and equations, as the site reads it."""
    known = MarkdownIt("commonmark", {"html": True}).enable("table")
    known.use(amsmath_plugin, renderer=lambda latex: formula(latex, "block"))
    known.use(
        dollarmath_plugin, renderer=lambda latex, options: formula(latex, "block" if options["display_mode"] else "inline")
    )
    return known


def as_html(text: str) -> str:
    """A text cell as HTML; links to other notebooks and to documents lead to their pages."""
    html = re.sub(r"<table>.*?</table>", r'<div class="table-wrapper">\g<0></div>', markdown().render(text), flags=re.DOTALL)
    html = re.sub(r'href="(?!\w+:|#)([^"]*)\.ipynb(#[^"]*)?"', r'href="../notebooks/\1.html\2"', html)
    return re.sub(r'href="(\.\./(?:docs/)?[^"]*)\.md(#[^"]*)?"', r'href="\1.html\2"', html).replace(
        "../README.html", "../index.html"
    )
