"""The site as a reader has it: whole, readable for everybody, and without a word to any other host."""

import base64
import collections
import importlib.resources
import io
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import torch
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from builder import execution, rendering, site, sources
from stn_tutorial import Rotation, animate_theta, explore

FAULTS = """async (options) => {
  const { violations } = await axe.run(document, { ...options, resultTypes: ["violations"] });
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}"""
# whether a page is no wider than its window; a busy machine is late to lay it out anew
FITS = """async () => {
  const wide = () => document.documentElement.scrollWidth > innerWidth, end = performance.now() + 2000;
  while (wide() && performance.now() < end) await new Promise(requestAnimationFrame);
  return !wide();
}"""
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
COLOURS = {"runOnly": ["color-contrast"]}  # all that depends on the scheme
VIEWS = [(1280, "light", {}), (1280, "dark", COLOURS), (390, "dark", {}), (390, "light", COLOURS)]
SHOWN = ("img", "script", "link", "iframe", "source", "video", "audio", "object", "embed", "image", "use")


class Page(HTMLParser):
    """What a page says of itself: the names of its places, its links, what it loads, its pictures and headings."""

    def __init__(self, text: str):
        super().__init__()
        self.names, self.links, self.loads, self.pictures, self.headings = set(), [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.names |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in SHOWN:
            self.loads += [found[name] for name in ("src", "href", "data", "srcset", "xlink:href") if found.get(name)]
        if tag == "img":
            self.pictures.append(found)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of the site, built from the notebooks as they are committed; that no warning came is part of it."""
    build = tmp_path_factory.mktemp("build")
    assert site.build_site(build=build) == 0
    return build / "site"


@pytest.fixture(scope="module")
def pages(built) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in built.rglob("*.html") if "_static" not in path.parts}


def test_every_notebook_and_document_has_its_page_and_the_notebooks_follow_one_another(pages, built):
    names = [lesson.name for lesson in sources.lessons()]
    wanted = [path.relative_to(sources.REPOSITORY).with_suffix(".html") for path in site.documents()]
    wanted += [Path("notebooks", folder, f"{name}.html") for name in names for folder in ("", "solutions")]
    wanted += [Path("api", f"stn_tutorial.{storey}.html") for storey in ("geometry", "networks", "training", "teaching")]
    assert [str(path) for path in wanted if built / path not in pages] == []
    inside = [link for link in pages[built / "index.html"].links if re.fullmatch(r"notebooks/\w+\.html", link)]
    assert list(dict.fromkeys(inside)) == [f"notebooks/{name}.html" for name in names]
    for before, after in itertools.pairwise(names):
        text = (built / "notebooks" / f"{before}.html").read_text(encoding="utf-8")
        assert re.search(rf'class="next-page" href="{after}.html"', text)


def test_every_link_within_the_site_leads_somewhere(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            address = urlsplit(link)
            if address.scheme:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            place = unquote(address.fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].names):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_every_link_to_a_file_of_the_repository_names_one_that_is_there(pages):
    place = f"{urlsplit(sources.address()).path}/blob/main/"
    paths = [(page.name, urlsplit(link).path) for page, found in pages.items() for link in found.links if place in link]
    assert len(paths) > 10
    named = [(page, path, sources.REPOSITORY / unquote(path.split(place)[1])) for page, path in paths]
    assert [(page, path) for page, path, file in named if not file.exists()] == []


def test_no_page_shows_markup_in_place_of_what_it_means(pages):
    marks = r"\|\s*:?[-–—]+:?\s*\||\]\((?:https?:|\.\.?/)|<p>#+ "  # of a table, a link, a heading
    texts = {
        path: re.sub(r"<(pre|script|code|style)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for path in pages
    }
    assert {path.name: re.findall(marks, text) for path, text in texts.items() if re.search(marks, text)} == {}


def test_no_page_loads_anything_from_another_host(pages, built):
    assert {link for page in pages.values() for link in page.loads if re.match(r"(?!data:)\w+:|//", link)} == set()
    styles = {path.name: path.read_text(encoding="utf-8") for path in built.rglob("*.css")}
    outside = r"""(?:url\(\s*["']?|@import\s*["'])(?:https?:)?//"""
    assert [name for name, text in styles.items() if re.search(outside, text)] == []


def test_every_picture_is_told_in_words_and_headings_go_down_step_by_step(pages):
    for path, page in pages.items():
        untold = [picture.get("src", "")[:80] for picture in page.pictures if not (picture.get("alt") or "").strip()]
        assert untold == [], path
        steps = [after - before for before, after in itertools.pairwise(page.headings)]
        assert page.headings.count(1) == 1 and page.headings[0] == 1, path
        assert max(steps, default=1) <= 1, f"{path}: {page.headings}"


def test_axe_finds_no_grave_fault_and_pages_ask_nobody(chromium, pages, built):
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    context = chromium.new_context(reduced_motion="reduce")
    asked, faults = [], collections.defaultdict(set)
    context.on("request", lambda request: asked.append(request.url))
    for path in pages:
        name = path.relative_to(built).as_posix()  # slides and solutions are called as their notebooks are
        tab = context.new_page()
        tab.on("pageerror", lambda error, name=name: faults[name].add(str(error)))
        tab.goto(path.as_uri())
        tab.evaluate(axe)
        for width, scheme, options in VIEWS:
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme)
            tab.evaluate(TWO_FRAMES)  # what watches its own size has been told of the new one then
            faults[name] |= {f"{width} {scheme} {fault}" for fault in tab.evaluate(FAULTS, options)}
            if not tab.evaluate(FITS):
                faults[name].add(f"{width}: wider than its window")
        tab.close()
    context.close()
    assert {page: found for page, found in faults.items() if found} == {}
    assert {url for url in asked if not re.match("(file|data|blob):", url)} == set()


def test_from_a_folder_the_search_finds_and_the_front_page_can_be_touched(chromium, built):
    tab = chromium.new_page()
    tab.goto(built.joinpath("index.html").as_uri())
    tab.locator(".stn .handle").first.wait_for()
    tab.get_by_role("textbox", name="Search").fill("bilinear")
    tab.keyboard.press("Enter")
    tab.locator("#search-results").get_by_role("link", name="3. The sampler", exact=True).wait_for()
    tab.close()


def test_what_the_readme_shows_as_pictures_can_be_touched_on_the_front_page():
    page = site.front_page((sources.REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert page.count("{raw} html") == len(site.touchable()) and "docs/figures/door.png" not in page
    assert not re.search(r'href="notebooks/\w+\.ipynb"', page)


@pytest.mark.parametrize("latex", [r"\nosuchcommand", r"\bad{", r"\begin{nosuch} a & b \end{nosuch}"])
def test_equations_that_have_no_mathml_are_refused(latex):
    with pytest.raises(ValueError, match="equation"):
        rendering.formula(latex, "inline")


def saved(widget) -> nbformat.NotebookNode:
    """A notebook that shows a widget, as it lies in the repository."""
    data, metadata = widget._repr_mimebundle_()
    made = new_notebook(cells=[new_code_cell("e", outputs=[new_output("display_data", data, metadata=metadata)])])
    execution.tidy(made)
    return nbformat.reads(nbformat.writes(made), as_version=4)


def film():
    return animate_theta(torch.rand(1, 8, 8), Rotation(), torch.zeros(1), torch.ones(1), frames=4)


@pytest.mark.parametrize("widget", [lambda: explore(torch.zeros(1, 8, 8)), film], ids=["explorer", "film"])
def test_a_widget_lives_in_its_page_and_is_a_picture_in_a_saved_notebook(widget):
    made = saved(widget())
    markdown, resources = MarkdownExporter().from_notebook_node(made)
    assert markdown.count("![png]") == 1 and len(resources["outputs"]) == 1
    html, _ = HTMLExporter().from_notebook_node(made)
    assert html.count("<img") == 1
    page = site.shown(made).cells[0].outputs[0].data["text/html"]
    assert '<script type="module">' in page and "<img" not in page and 'src="http' not in page


def test_pictures_keep_their_words_and_none_comes_from_another_host():
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG")
    png = base64.b64encode(buffer.getvalue()).decode()
    picture = new_output("display_data", {execution.PNG: png}, metadata={execution.PNG: {"alt": 'a "b" <c>', "width": 7}})
    badge = new_markdown_cell("[![Open in Colab](https://example.org/badge.svg)](https://example.org/)")
    made = site.shown(new_notebook(cells=[badge, new_code_cell("e", outputs=[picture])]))
    assert made.cells[0].source == "[Open in Colab](https://example.org/)"
    (found,) = Page(made.cells[1].outputs[0].data["text/html"]).pictures
    assert found == {"alt": 'a "b" <c>', "width": "7", "src": f"data:image/png;base64,{png}"}


def test_a_walkthrough_shows_what_it_computed_and_names_what_stopped(monkeypatch, capsys):
    monkeypatch.setattr(site, "say_data", lambda: None)
    monkeypatch.setattr(site, "source_names", lambda: ["01_moving_the_grid", "02_grid_generator"])
    monkeypatch.setattr(site, "execute_student", lambda made, name: "cell 3: KeyError" if name.startswith("02") else None)
    shown = {}
    monkeypatch.setattr(site, "build_site", lambda executed: shown.update(executed) or 0)
    assert site.build_walkthrough() == 1
    assert list(shown) == ["01_moving_the_grid", "02_grid_generator"]
    assert "stopped in cell 3: KeyError" in capsys.readouterr().out
