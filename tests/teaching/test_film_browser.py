"""A film as a person meets it: played, paused, stepped and dragged in JupyterLab, and on a page of its own.

Skipped where there is no Chromium; `.ci/run` installs it.
"""

import io
import json
import time
from itertools import pairwise

import pytest
from browser import notebook_in_jupyterlab
from PIL import Image
from playwright.sync_api import expect

from stn_tutorial.teaching.film import SPEEDS, Film

COUNT = 12
SETUP = f"""
import io, os, time
from PIL import Image
from stn_tutorial.teaching.film import Film
def flat(level):
    buffer = io.BytesIO()
    Image.new("L", (60, 40), level).save(buffer, "PNG")
    return buffer.getvalue()
def film(rest=0):
    return Film([flat(20 * k) for k in range({COUNT})], [f"level {{k}}" for k in range({COUNT})], "a grey that brightens", rest)
"""
CELLS = [SETUP, "endless = film(); endless", "once = film(rest=6); once"]


class Shown:
    """A film on a page, in JupyterLab or on its own."""

    def __init__(self, root):
        self.root, self.canvas = root, root.locator("canvas")

    def frame(self) -> int:
        """The frame whose picture is on the canvas; the caption beside it says the same."""
        read = """root => [root.querySelector('canvas').getContext('2d').getImageData(5, 5, 1, 1).data[0],
                           root.querySelector('.words').textContent]"""
        level, words = self.root.evaluate(read)
        assert words == f"level {level // 20}"
        return level // 20

    def watch(self) -> None:
        """Let the page itself keep a list of the frames from now on, each with the time in milliseconds."""
        self.root.evaluate("""root => {
          const words = root.querySelector('.words'), seen = (window.seen = []);
          const note = () => seen.push([Number(words.textContent.split(' ')[1]), performance.now()]);
          window.watcher?.disconnect();
          window.watcher = new MutationObserver(note);
          window.watcher.observe(words, { childList: true });
          note();
        }""")

    def seen(self, least: int = 0) -> list[list[float]]:
        """The frames since `watch`, [frame, milliseconds] each, once there are as many as that."""
        self.root.page.wait_for_function("least => window.seen.length >= least", arg=least, timeout=20_000)
        return self.root.evaluate("() => window.seen")

    def stands(self) -> bool:
        """Whether the film stays where it is for a while."""
        before = self.frame()
        time.sleep(0.5)
        return self.frame() == before

    def until(self, wanted: int) -> None:
        """Wait for a frame."""
        expect(self.root.locator(".words")).to_have_text(f"level {wanted}", timeout=20_000)
        assert self.frame() == wanted

    def button(self, name: str):
        return self.root.get_by_role("button", name=name)


class Notebook:
    """The films in JupyterLab, and a client of their kernel."""

    def __init__(self, page, client):
        self.page, self.client = page, client

    def film(self, name: str) -> tuple[Shown, object, object]:
        """A film, back at its first frame: the picture, Play's button and the slider's handle."""
        cell = self.page.locator(".jp-CodeCell").nth(1 if name == "endless" else 2)
        cell.locator(".stn-film canvas").wait_for(timeout=60_000)
        shown, buttons = Shown(cell.locator(".widget-vbox")), cell.locator(".widget-play button")
        shown.root.scroll_into_view_if_needed()
        buttons.nth(1).click()  # stop: back to the start
        shown.until(0)
        return shown, buttons.first, cell.locator(".noUi-handle")

    def until(self, expression: str, wanted) -> None:
        """Wait until Python knows something."""
        for _ in range(200):
            answer = self.client.execute_interactive(
                "import json",
                user_expressions={"it": f"json.dumps({expression})"},
                timeout=60,
                output_hook=lambda message: None,
            )
            found = json.loads(eval(answer["content"]["user_expressions"]["it"]["data"]["text/plain"]))
            if found == wanted:
                return
            time.sleep(0.1)
        raise AssertionError(f"{expression} is {found}, not {wanted}")


@pytest.fixture(scope="module")
def notebook(chromium, tmp_path_factory):
    with notebook_in_jupyterlab(tmp_path_factory.mktemp("lab"), CELLS, chromium) as (page, client):
        yield Notebook(page, client)


def one_by_one(seen: list[list[float]]) -> bool:
    """Whether each frame follows the one before it, the first the last."""
    return len(seen) > 3 and all((later - earlier) % COUNT == 1 for (earlier, _), (later, _) in pairwise(seen))


def quickest(seen: list[list[float]]) -> float:
    """The shortest time between two frames, milliseconds: a busy computer makes times longer, never shorter."""
    return min(later - earlier for (_, earlier), (_, later) in pairwise(seen[1:]))


def test_play_advances_and_pause_stops(notebook):
    shown, play, slider = notebook.film("endless")
    shown.watch()
    play.click()
    assert one_by_one(shown.seen(COUNT + 3))  # and goes on at the first
    expect(slider).not_to_have_attribute("aria-valuenow", "0.0")  # the slider goes along
    play.click()
    expect(play.locator("i")).to_have_class("fa fa-play")
    assert shown.stands()
    notebook.until("[endless.play.playing, endless.play.value == endless.slider.value == endless.view.frame]", [False, True])


def test_a_film_that_rests_ends_on_its_last_frame_and_begins_again(notebook):
    shown, play, _ = notebook.film("once")
    play.click()
    shown.until(COUNT - 1)
    assert shown.stands()
    shown.watch()
    play.click()
    assert one_by_one(shown.seen(4))
    play.click()


def test_steps_go_both_ways_round_and_stop_the_film(notebook):
    shown, play, _ = notebook.film("endless")
    shown.button("one frame on").click()
    shown.until(1)
    shown.button("one frame back").click()
    shown.button("one frame back").click()
    shown.until(COUNT - 1)
    notebook.until("endless.slider.value", COUNT - 1)
    play.click()
    shown.button("one frame on").press("Enter")
    assert shown.stands()
    notebook.until("endless.play.playing", False)


def test_the_slider_moves_the_film_by_key_and_from_python(notebook):
    shown, _, slider = notebook.film("endless")
    for _ in range(3):
        slider.press("ArrowRight")
    shown.until(3)
    notebook.until("endless.slider.value", 3)  # a key's message that is still under way would undo what Python sets
    notebook.client.execute("endless.slider.value = 7")
    shown.until(7)


def test_the_speed_is_that_of_play(notebook):
    shown, play, _ = notebook.film("endless")
    for name in ("slow", "fast", "normal"):
        shown.root.get_by_label("speed").select_option(label=name)
        notebook.until("endless.play.interval", SPEEDS[name])
        shown.watch()
        play.click()
        assert quickest(shown.seen(COUNT)) > 0.8 * SPEEDS[name]
        play.click()


def test_it_plays_on_while_the_kernel_is_busy(notebook, tmp_path):
    shown, play, _ = notebook.film("endless")
    enough = tmp_path / "enough"
    notebook.client.execute(f"while not os.path.exists({str(enough)!r}): time.sleep(0.05)")
    shown.watch()
    play.click()
    assert one_by_one(shown.seen(COUNT + 3))
    shown.root.get_by_label("speed").select_option(label="fast")
    assert one_by_one(shown.seen(2 * COUNT))
    shown.button("one frame on").click()
    assert shown.stands()
    stopped = shown.frame()
    enough.touch()  # all of that while the kernel had no time for it
    notebook.until("[endless.view.frame, endless.play.value, endless.slider.value]", [stopped] * 3)
    assert shown.frame() == stopped


@pytest.fixture
def page_of(chromium, tmp_path):
    """A film's page in a browser with no network: page_of(rest, reduced_motion) -> the film and the page."""
    contexts = []

    def open_page(rest: int = 0, reduced_motion: str = "no-preference"):
        frames = []
        for k in range(COUNT):
            buffer = io.BytesIO()
            Image.new("L", (60, 40), 20 * k).save(buffer, "PNG")
            frames.append(buffer.getvalue())
        film = Film(frames, [f"level {k}" for k in range(COUNT)], "a grey that brightens", rest)
        film.save(tmp_path / "film.html")
        film.close()
        contexts.append(chromium.new_context(offline=True, reduced_motion=reduced_motion))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto(f"file://{tmp_path / 'film.html'}")
        page.wait_for_function("() => document.querySelector('canvas').height === 40")
        return Shown(page.locator(".stn-film")), page

    yield open_page
    for context in contexts:
        context.close()


def test_a_page_of_its_own_plays_by_itself_with_no_kernel_and_no_network(page_of):
    shown, page = page_of()
    shown.watch()
    assert one_by_one(shown.seen(COUNT + 3))
    shown.button("pause").click()
    assert shown.stands()
    slider = page.get_by_label("frame", exact=True)
    slider.fill("4")
    shown.until(4)
    slider.press("ArrowRight")
    shown.until(5)
    assert slider.get_attribute("aria-valuetext") == "level 5"
    shown.button("one frame back").click()
    shown.until(4)
    page.get_by_label("loop").uncheck()
    for name in ("slow", "fast"):
        page.get_by_label("speed").select_option(label=name)
        shown.watch()
        shown.button("play").click()
        shown.until(COUNT - 1)
        shown.button("play").wait_for()  # it ended there
        assert quickest(shown.seen()) > 0.8 * SPEEDS[name]
        assert one_by_one(shown.seen())  # the second time from the beginning


def test_a_page_of_its_own_rests_on_the_last_frame(page_of):
    shown, _ = page_of(rest=10)
    shown.watch()
    seen = shown.seen(COUNT + 3)
    last = [frame for frame, _ in seen].index(COUNT - 1)
    assert seen[last + 1][1] - seen[last][1] > 10 * SPEEDS["normal"]


def test_a_page_of_its_own_waits_where_the_reader_wants_no_motion(page_of):
    shown, page = page_of(reduced_motion="reduce")
    assert shown.frame() == 0 and shown.stands()
    words = page.locator(".words")
    expect(words).to_have_attribute("aria-live", "polite")  # what is stepped to is heard, and not each frame that passes
    shown.watch()
    shown.button("play").click()
    expect(words).to_have_attribute("aria-live", "off")
    assert one_by_one(shown.seen(5))
    page.emulate_media(reduced_motion="no-preference")
    page.emulate_media(reduced_motion="reduce")  # the wish may come while it plays
    shown.button("play").wait_for()


def test_every_control_of_a_page_is_reached_by_tab_and_has_a_name(page_of):
    _, page = page_of(reduced_motion="reduce")
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    heard = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node}
    assert ("image", "a grey that brightens") in heard or ("img", "a grey that brightens") in heard
    wanted = {"one frame back", "one frame on", "frame", "loop", "speed"}
    assert wanted <= {name for _, name in heard}
    reached = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(e => e.ariaLabel ?? e.labels?.[0]?.firstChild.textContent ?? '')(document.activeElement)"))
    assert wanted - {"loop"} <= reached
