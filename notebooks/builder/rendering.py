"""What the site asks of Sphinx beyond its settings: equations without JavaScript, links out of the site, docstrings in plain text."""

import posixpath
import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

from .sources import address

LOGGER = getLogger(__name__)


def setup(app: Sphinx) -> dict:
    """Sphinx calls this for an extension."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("doctree-read", lead_links_out)
    app.connect("autodoc-process-docstring", plain_to_rst)
    app.connect("html-page-context", name_for_all, priority=900)  # after the theme, which makes the navigation
    return {"parallel_read_safe": True}


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


def visit_math(translator, node: nodes.math | nodes.math_block) -> None:
    """Write an equation; one that is not understood is a warning, with its place."""
    try:
        translator.body.append(formula(node.astext(), "block" if isinstance(node, nodes.math_block) else "inline"))
    except ValueError as error:
        LOGGER.warning("%s", error, location=node)
    raise nodes.SkipNode


def lead_links_out(app: Sphinx, document: nodes.document) -> None:
    """Links to files of the repository that are no pages lead to its public address, those to README to the front page."""
    folder = posixpath.dirname(app.env.docname)
    for link in list(document.findall(addnodes.pending_xref)):
        if link["reftype"] != "myst" or link["refdomain"] or link["reftarget"].startswith("#"):
            continue
        target = posixpath.normpath(posixpath.join(folder, link["reftarget"]))
        inside = sorted(name for name in app.env.found_docs if name.startswith(f"{target}/"))
        if target.startswith("build/site/"):  # what is no page of Sphinx's, as the slides
            made = posixpath.relpath(target.removeprefix("build/site/"), folder)
            link.replace_self(nodes.reference("", "", *link.children, refuri=made))
            continue
        page = "index" if target == "README.md" else inside[0] if inside else None
        if page:
            link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", page, None
        else:
            link.replace_self(nodes.reference("", "", *link.children, refuri=f"{address()}/blob/main/{target}"))


def plain_to_rst(app: Sphinx, what: str, name: str, thing, options, lines: list[str]) -> None:
    """Docstrings are plain text with code in `backticks` and examples: written so that no other letter of them is markup.

    In a paragraph with hanging lines each line that does not hang begins anew.
    """
    made = []
    for paragraph in "\n".join(lines).split("\n\n"):
        text = paragraph.split("\n")
        if not paragraph.lstrip().startswith(">>>"):
            hangs = any(line.startswith(" ") for line in text)
            text = [f"{'| ' if hangs and not line.startswith(' ') else ''}{escaped(line)}" for line in text]
        made += [*text, ""]
    lines[:] = made


def escaped(line: str) -> str:
    """A line of text in which only code in backticks means anything to Sphinx."""
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(f"`{part}`" if k % 2 else re.sub(r"([\\*_|])", r"\\\1", part) for k, part in enumerate(parts))


def name_for_all(app: Sphinx, page: str, template: str, context: dict, document: nodes.document | None) -> None:
    """For those who hear a page: the navigation's headings have a rank, and what unfolds is called by the words it shows."""
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace('role="heading"', 'role="heading" aria-level="2"')
    context["body"] = context.get("body", "").replace(' aria-label="Toggle hidden content"', "")
