"""What a teacher relies on: that each place a plan names exists, that the clock adds up, the key is whole, slides show every section."""

import collections
import re
from pathlib import Path

import nbformat
import pytest
from browser import CHROMIUM, CHROMIUM_OPTIONS
from playwright.sync_api import sync_playwright

from builder import site, slides, sources
from stn_tutorial.teaching.checks import EXERCISES

PAGES = sorted((sources.REPOSITORY / "docs" / "teaching").glob("*.md"))
BY_NAME = {path.stem: path.read_text(encoding="utf-8") for path in PAGES}
QUESTIONS = re.findall(r"^### Question (\d+)\n(.*?)(?=^##|\Z)", BY_NAME["questions"], flags=re.DOTALL | re.MULTILINE)


def slug(heading: str) -> str:
    """The name of a heading's place, as code hosts and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def places(path: Path) -> set[str]:
    """The names of all headings of a notebook or a page; a second one of equal words has -1 behind it."""
    texts = [path.read_text(encoding="utf-8")]
    if path.suffix == ".ipynb":
        texts = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    found, seen = set(), collections.Counter()
    for heading in re.findall(r"^#{1,3} (.+)$", "\n\n".join(texts), flags=re.MULTILINE):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


@pytest.mark.parametrize("path", PAGES, ids=list(BY_NAME))
def test_each_place_that_a_page_names_exists(path):
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8"))
    missing = []
    for file, place in links:
        if re.match(r"\w+:", file) or "build/site/" in file:  # of the built site its own tests speak
            continue
        target = (path.parent / file).resolve() if file else path
        if not target.is_file() or (place and place not in places(target)):
            missing.append(f"{file}#{place}")
    assert missing == []


@pytest.mark.parametrize(("name", "last"), [("50-minutes", 50), ("90-minutes", 90)])
def test_the_clock_of_a_plan_runs_forward_and_ends_in_time(name, last):
    minutes = [int(minute) for minute in re.findall(r"^\| (\d+) \|", BY_NAME[name], flags=re.MULTILINE)]
    assert minutes[0] == 0 and minutes == sorted(set(minutes)) and len(minutes) > 8 and minutes[-1] < last


def test_plans_ask_for_questions_that_there_are():
    numbers = [int(number) for number, _ in QUESTIONS]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 25
    assert f"[{len(numbers)} of them" in BY_NAME["index"]
    asked = [
        re.findall(r"\d+", words) for text in BY_NAME.values() for words in re.findall(r"\[questions\]\(.*?\)([^|]*)", text)
    ]
    assert asked and {int(number) for found in asked for number in found} <= set(numbers)


@pytest.mark.parametrize(("number", "text"), QUESTIONS, ids=[number for number, _ in QUESTIONS])
def test_a_question_has_one_right_answer_and_says_what_each_wrong_one_betrays(number, text):
    asked, folded = text.split("<details><summary>Answer</summary>")
    (right,) = re.findall(r"^\*\*([A-D])\.\*\* \S", folded, flags=re.MULTILINE)
    assert re.findall(r"^- \*\*([A-D])\*\* \S", asked, flags=re.MULTILINE) == list("ABCD")
    assert sorted([*re.findall(r"^- ([A-D]): \S", folded, flags=re.MULTILINE), right]) == list("ABCD")


def test_right_answers_are_spread_over_the_letters():
    letters = collections.Counter(re.findall(r"^\*\*([A-D])\.\*\*", BY_NAME["questions"], flags=re.MULTILINE))
    assert min(letters[letter] for letter in "ABCD") >= len(QUESTIONS) / 8


def test_the_key_leads_to_the_solution_of_every_exercise():
    rows = re.findall(
        r"^\| .*?\(\.\./\.\./notebooks/(\d\d)_.*`(\w+)` \| \[solution\]\(\.\./\.\./notebooks/solutions/(\d\d)_",
        BY_NAME["answers"],
        flags=re.MULTILINE,
    )
    wanted = [(f"{e.notebook:02d}", e.name, f"{e.notebook:02d}") for e in EXERCISES]
    assert sorted(rows) == sorted(wanted)


@pytest.mark.parametrize("lesson", sources.lessons(), ids=lambda lesson: lesson.name)
def test_the_slides_of_a_notebook_have_every_heading_and_picture_of_it(lesson):
    made = site.shown(nbformat.read(sources.NOTEBOOKS / f"{lesson.name}.ipynb", as_version=4))
    shown = slides.slides_of(made)
    texts = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    headings = sum(len(re.findall(r"^#{1,3} ", text, flags=re.MULTILINE)) for text in texts)
    assert sum(len(re.findall(r"<h[1-3]>", slide)) for slide in shown) == headings
    pictures = [slides.pictures(cell) for cell in made.cells if cell.cell_type == "code"]
    assert all(any(picture in slide for slide in shown) for picture in pictures if picture)
    assert not re.search(
        r'\$[^$]+\$|href="[^":]*\.ipynb', " ".join(re.sub(r"<script.*?</script>", "", s, flags=re.DOTALL) for s in shown)
    )


def test_the_slides_that_a_plan_counts_show_what_it_says():
    row = r"[Ss]lides? (\d+)(?: (?:and|to) \d+)?[:,] \[([^\]]*)\]\(\.\./\.\./notebooks/(\w+)\.ipynb"
    counted = [found for text in BY_NAME.values() for found in re.findall(row, text)]
    assert len(counted) >= 8
    for number, heading, name in counted:
        made = site.shown(nbformat.read(sources.NOTEBOOKS / f"{name}.ipynb", as_version=4))
        slide = slides.slides_of(made)[int(number) - 1]
        assert re.search(rf">{re.escape(heading)}[^<]*</h[123]>", slide, flags=re.IGNORECASE), (name, number, heading)


def test_a_slide_takes_the_text_before_its_picture_and_leaves_out_what_a_checker_says():
    def cell(kind, source, html="", tags=()):
        made = kind(source, metadata={"tags": list(tags)})
        if html:
            made.outputs = [nbformat.v4.new_output("display_data", {"text/html": html})]
        return made

    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [
        cell(text, "# 1. A"),
        cell(text, "seen $x$"),
        cell(code, "f", "<p>one</p>"),
        cell(text, "unseen"),
        cell(text, "read"),
    ]
    cells += [
        cell(code, "f", "<p>two</p>"),
        cell(text, "so it is\n\n## E\n\n### F\n\nwhy"),
        cell(code, "check", "<p>not tried yet</p>", ["check"]),
    ]
    first, second, third = slides.slides_of(nbformat.v4.new_notebook(cells=cells))
    assert "<h1>1. A</h1>" in first and "<math" in first and "<p>one</p>" in first
    assert "unseen" not in second and "read" in second and "<p>two</p>" in second
    assert "<h2>E</h2>" in third and "<h3>F</h3>" in third and "not tried yet" not in third


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_keys_turn_slides_and_what_uses_a_key_itself_keeps_it(tmp_path):
    third = '<details><summary>Answer</summary>B</details><input type="range" aria-label="t_x" min="0" max="9" value="5">'
    body = "".join(f"<section><h2>{k}</h2>{third if k == 3 else ''}</section>" for k in range(1, 6))
    (tmp_path / "slides.html").write_text(slides.page_of("T", body, "x.html"), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page()
        page.goto((tmp_path / "slides.html").as_uri())
        number = page.locator("#number")

        def after(key: str) -> str:
            page.keyboard.press(key)
            return number.inner_text()

        assert [after(key) for key in (" ", "ArrowRight", "PageDown", "PageUp")] == ["2 / 5", "3 / 5", "4 / 5", "3 / 5"]
        page.get_by_text("Answer").click()
        assert after(" ") == "3 / 5" and not page.locator("details").evaluate("element => element.open")  # it is folded again
        page.get_by_label("t_x").focus()
        assert after("ArrowRight") == "3 / 5" and page.get_by_label("t_x").input_value() == "6"
        assert after("PageDown") == "4 / 5"
        page.get_by_role("button", name="next slide").click()
        assert number.inner_text() == "5 / 5" and after("ArrowLeft") == "4 / 5" and after("PageUp") == "3 / 5"
        browser.close()
