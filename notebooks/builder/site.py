"""The site: README, notebooks, documents and the API reference as one set of pages that asks no other host for anything."""

import base64
import re
import shutil
import time
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from stn_tutorial import ThinPlateSpline, explore
from stn_tutorial.teaching.browser_widget import LIVE, SCRIPT, fragment
from stn_tutorial.teaching.film import Film
from stn_tutorial.teaching.live import live_html
from stn_tutorial.training.runs import load_theta

from . import sources
from .execution import PNG, execute_student, report, say_data
from .slides import write_slides
from .sources import REPOSITORY, SOURCE_ERRORS, read_source, source_names, student_version, tags

CONFIGURATION = REPOSITORY / "docs"
CONTENTS = CONFIGURATION / "contents.md"
BUILD = REPOSITORY / "build"
FENCE = "`" * 12  # around HTML of which Markdown shall keep every letter


def build_site(executed: dict[str, NotebookNode] | None = None, build: Path = BUILD) -> int:
    """Write the site into `build`/site; a notebook that is not in `executed` is shown as it is committed. Returns the exit status.

    Every warning is an error: a link that leads nowhere, a picture that is missing, an equation that is not understood.
    """
    from sphinx.cmd.build import build_main  # not needed to build notebooks alone

    source, site = build / "site-source", build / "site"
    for folder in (source, site):
        shutil.rmtree(folder, ignore_errors=True)
    assemble(source, executed or {})
    status = build_main(
        ["-qWE", "--keep-going", "-c", str(CONFIGURATION), "-d", str(build / "site-doctrees"), str(source), str(site)]
    )
    if status == 0:
        write_slides(site, source / "notebooks")
        print(f"open {site / 'index.html'} in a browser")
    return status


def build_walkthrough() -> int:
    """Run every student notebook afresh, and build the site from what they computed. Returns the exit status."""
    say_data()
    names, failed, executed = source_names(), [], {}
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ... ", end="", flush=True)
        start = time.perf_counter()
        try:
            made = student_version(read_source(name))
            stopped = execute_student(made, name)
            executed[name] = made
        except SOURCE_ERRORS as error:
            stopped = str(error)
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
        if stopped:
            failed.append(name)
            print(f"      stopped in {stopped}", flush=True)
    return build_site(executed) or report(failed)


def assemble(source: Path, executed: dict[str, NotebookNode]) -> None:
    """Lay what the site shows into one folder, each file where the repository has it; README becomes the front page."""
    for path in documents():
        target = source / path.relative_to(REPOSITORY)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (source / "index.md").write_text(front_page(readme), encoding="utf-8")
    shutil.copytree(CONFIGURATION / "figures", source / "docs" / "figures", ignore=shutil.ignore_patterns("*.py"))
    for folder in (sources.NOTEBOOKS, sources.NOTEBOOKS / "solutions"):
        target = source / folder.relative_to(REPOSITORY)
        target.mkdir(parents=True)
        for path in sorted(folder.glob("*.ipynb")):
            fresh = executed.get(path.stem) if folder == sources.NOTEBOOKS else None
            nbformat.write(shown(fresh or nbformat.read(path, as_version=4)), target / path.name)


def documents() -> list[Path]:
    """The Markdown files that become pages; README and the table of contents are the front page."""
    found = [path for folder in ("benchmarks", "data", "docs") for path in (REPOSITORY / folder).rglob("*.md")]
    return [path for path in [*found, *REPOSITORY.glob("*.md")] if path not in (REPOSITORY / "README.md", CONTENTS)]


def front_page(readme: str) -> str:
    """README as the front page: links to notebooks lead to their pages, what README shows as pictures can be touched."""
    text = re.sub(r'(href="notebooks/\w+)\.ipynb"', r'\1.html"', readme)
    for name, html in touchable().items():
        picture = re.compile(rf"^!\[[^\]]*\]\(docs/figures/{name}\.png\)$", flags=re.MULTILINE)
        text = picture.sub(lambda _, html=html: f"{FENCE}{{raw}} html\n{html}\n{FENCE}", text)
    return text + CONTENTS.read_text(encoding="utf-8")


def touchable() -> dict[str, str]:
    """What stands on the front page in place of README's pictures, by their names: HTML fragments that need no kernel."""
    digit = load_theta("mnist-r/st-cnn-affine-still")["image"][0]
    return {"door": live_html(), "explorer": explore(digit, ThinPlateSpline(4)).to_html()}


def shown(made: NotebookNode) -> NotebookNode:
    """A notebook as its page shows it: widgets alive, pictures with their alt texts, the set-up folded, no picture from another host."""
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"!\[([^\]]*)\]\(https?:[^)]*\)", r"\1", cell.source)
        elif "setup" in tags(cell):
            cell.metadata.tags = [*tags(cell), "hide-input"]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if LIVE in data:
                output.data = NotebookNode({"text/html": alive(data)})
            elif PNG in data:
                output.data = NotebookNode({"text/html": picture(data[PNG], output.metadata.get(PNG, {}))})
    return made


def alive(data: NotebookNode) -> str:
    """The HTML fragment of a widget that a notebook holds."""
    state = data[LIVE]["state"]
    if data[LIVE]["widget"] == "film":
        return Film.from_png(base64.b64decode(data[PNG]), **state).to_html()
    return fragment(SCRIPT, state)


def picture(data: str, metadata: dict) -> str:
    """An <img> of a PNG in base64."""
    width = f' width="{metadata["width"]}"' if "width" in metadata else ""
    return f'<img alt="{escape(metadata.get("alt", ""))}"{width} src="data:image/png;base64,{data.strip()}">'
