"""The live page as a visitor meets it, opened from the disk in a real Chromium: mouse, fingers, wheel and keys; nothing is fetched.

Skipped where there is no Chromium; `.ci/run` installs it. That its nets compute what torch does: test_net_js.py.
"""

import re

import pytest

from stn_tutorial.teaching.live import live, live_html, live_page

DESK = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
PHONE = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce", "has_touch": True, "is_mobile": True}
PIXELS = """c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).filter((_, i) => i % 4 === 0)"""


class Visit:
    """The live page, open; what it asked for and what went wrong is kept."""

    def __init__(self, browser, file, options):
        self.context = browser.new_context(offline=True, **options)
        self.page, self.asked, self.errors = self.context.new_page(), [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.goto(file.as_uri())
        self.page.locator(".verdict").get_by_text("the net says").first.wait_for()
        self.file = file

    def pose(self) -> list[float]:
        """Degrees, scale, right, down, as the number fields show them once the page has come to rest."""
        self.rest()
        fields = self.page.locator(".controls input[type=number]")
        return [float(fields.nth(k).input_value()) for k in range(4)]

    def rest(self) -> None:
        """Wait until what was changed is shown: words follow at the next frame."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def said(self) -> str:
        """What the net says: the name of a class."""
        self.rest()
        return re.search(r"the net says: ([^,]*)", self.page.locator(".verdict").text_content())[1]

    def comes_to_say(self, name: str) -> None:
        """Wait until the net says this: the page may still show what was there before."""
        heard = f"document.querySelector('.verdict').textContent.includes('the net says: {name},')"
        self.page.wait_for_function(heard, timeout=10_000)

    def pixels(self, pane: int) -> list[int]:
        """The grey levels of the input (0) or of what the classifier sees (1)."""
        return self.page.locator(".panes canvas").nth(pane).evaluate(PIXELS)

    def centre(self, locator) -> tuple[float, float]:
        locator.evaluate("element => element.scrollIntoView({ block: 'nearest' })")  # also of what moves
        box = locator.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, locator, dx: float, dy: float) -> None:
        """Take something by the mouse and let it go elsewhere."""
        x, y = self.centre(locator)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=4)
        self.page.mouse.up()

    def touch(self, *paths: list[tuple[float, float]]) -> None:
        """Fingers that go down together, pass along paths of equal lengths, and leave."""
        session = self.context.new_cdp_session(self.page)
        for k, places in enumerate(zip(*paths, strict=True)):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
            session.send("Input.dispatchTouchEvent", {"type": "touchMove" if k else "touchStart", "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def on_pad(self, *places: tuple[float, float]) -> list[tuple[float, float]]:
        """Places on the pad, given in shares of its side, in the window; the pad is opened and brought into it."""
        paper = self.page.locator(".paper")
        if not paper.is_visible():
            self.page.get_by_role("button", name="draw one").click()
        paper.scroll_into_view_if_needed()
        box = paper.bounding_box()
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]

    def end(self) -> None:
        assert self.errors == [] and self.page.locator(".problem").text_content() == ""
        assert self.asked == [self.file.as_uri()]  # and nothing else, of no host
        self.context.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("live") / "live.html"
    live_page(path)
    return path


@pytest.fixture
def desk(chromium, file):
    visit = Visit(chromium, file, DESK)
    yield visit
    visit.end()


@pytest.fixture
def phone(chromium, file):
    visit = Visit(chromium, file, PHONE)
    yield visit
    visit.end()


SEVEN = (0.2, 0.2), (0.5, 0.2), (0.8, 0.2), (0.68, 0.42), (0.58, 0.62), (0.5, 0.85)


def test_a_mouse_turns_scales_and_moves(desk):
    assert desk.pose() == [40, 1, 0, 0] and desk.said() == "4"
    before = desk.pixels(0)
    desk.drag(desk.page.locator(".knob"), 60, 0)
    turned = desk.pose()
    assert turned[0] < 30 and turned[1:] == [1, 0, 0] and desk.pixels(0) != before and desk.said() == "4"
    desk.drag(desk.page.locator(".handle.first"), 25, 25)
    scaled = desk.pose()
    assert scaled[1] < 0.95 and scaled[2:] == [0, 0]
    desk.drag(desk.page.locator(".held"), 12, -12)
    moved = desk.pose()
    assert moved[:2] == scaled[:2] and moved[2:] == pytest.approx([0.1, -0.1], abs=0.01)
    desk.page.get_by_role("button", name="reset").click()
    assert desk.pose() == [40, 1, 0, 0]


def test_a_wheel_scrolls_the_page_until_the_picture_was_touched(desk):
    desk.page.set_viewport_size({"width": 1280, "height": 400})
    desk.page.mouse.move(*desk.centre(desk.page.locator(".held")))
    desk.page.mouse.wheel(0, 100)
    desk.page.wait_for_function("() => scrollY > 0")
    assert desk.pose()[0] == 40
    desk.page.mouse.move(*desk.centre(desk.page.locator(".held")))
    desk.page.mouse.down()
    desk.page.mouse.up()
    where = desk.page.evaluate("() => scrollY")
    desk.page.mouse.wheel(0, 100)
    desk.page.wait_for_function("() => document.querySelector('.controls input[type=number]').value === '37'")
    desk.page.keyboard.down("Shift")
    desk.page.mouse.wheel(0, -100)
    desk.page.wait_for_function("() => document.querySelectorAll('.controls input[type=number]')[1].value === '1.04'")
    desk.page.keyboard.up("Shift")
    assert desk.page.evaluate("() => scrollY") == where


def test_keys_do_whatever_a_mouse_does(desk):
    held, knob = desk.page.locator(".held"), desk.page.locator(".knob")
    for key, after in {"ArrowRight": 42, "ArrowDown": 40, "Shift+ArrowLeft": 30}.items():
        knob.press(key)
        assert desk.pose() == [after, 1, 0, 0]
    held.press("q")
    held.press("+")
    held.press("ArrowUp")
    assert desk.pose() == pytest.approx([35, 1.05, 0, -2 / 28], abs=1e-3)
    for name in ("degrees", "scale", "right", "down"):
        before = desk.pose()
        desk.page.get_by_role("slider", name=name, exact=True).press("ArrowRight")
        assert desk.pose() != before
    radios = desk.page.get_by_role("radio")
    radios.nth(1).press("ArrowLeft")
    assert radios.nth(0).is_checked()
    desk.page.get_by_role("button", name="the digit 3").press("Enter")
    desk.page.get_by_role("button", name="reset").press("Enter")
    assert desk.said() == "3"


def test_whatever_can_be_used_is_reached_by_tab_and_has_a_name(desk):
    desk.page.get_by_role("button", name="draw one").press("Enter")
    reached = []
    for _ in range(60):  # round the page, and on
        desk.page.keyboard.press("Tab")
        name = desk.page.evaluate("""() => { const e = document.activeElement;
          return e.closest('.stn') && (e.getAttribute('aria-label') || e.textContent || e.labels?.[0]?.textContent || 'nameless'); }""")
        reached.append((name or "").strip())
    assert "nameless" not in reached
    words = " · ".join(reached)
    corners = [f"{side} corner" for side in ("top left", "top right", "bottom right", "bottom left")]
    wanted = ["the picture;", "knob", *corners, *(f"the digit {k}" for k in range(10)), "draw one", "drawing pad", "clear"]
    wanted += ["degrees", "scale", "right", "down", "reset", "turn by itself", "to stand still", "moment of its training"]
    assert [name for name in wanted if name not in words] == []


def test_two_fingers_turn_scale_and_move_at_once(phone):
    x, y = phone.centre(phone.page.locator(".held"))
    phone.touch([(x - 20, y), (x - 18, y + 5), (x - 14, y + 14)], [(x + 20, y), (x + 18, y - 5), (x + 14, y - 14)])
    turned = phone.pose()
    assert turned[0] == pytest.approx(85, abs=8) and turned[1:] == pytest.approx([1, 0, 0], abs=0.06)
    phone.touch([(x - 20, y), (x - 25, y), (x - 30, y)], [(x + 20, y), (x + 25, y), (x + 30, y)])
    scaled = phone.pose()
    assert scaled[1] == pytest.approx(1.5, abs=0.1) and scaled[0] == pytest.approx(turned[0], abs=3)
    phone.touch([(x - 20, y), (x - 20, y + 7), (x - 20, y + 14)], [(x + 20, y), (x + 20, y + 7), (x + 20, y + 14)])
    moved = phone.pose()
    assert moved[3] == pytest.approx(0.2, abs=0.03) and moved[:2] == pytest.approx(scaled[:2], abs=0.02)


def test_one_finger_takes_the_knob_and_the_picture(phone):
    x, y = phone.centre(phone.page.locator(".knob"))
    phone.touch([(x, y), (x + 20, y - 2), (x + 40, y)])
    assert phone.pose()[0] < 25 and phone.pose()[1:] == [1, 0, 0]
    x, y = phone.centre(phone.page.locator(".held"))
    phone.touch([(x, y), (x, y + 7), (x, y + 14)])  # downwards, where a finger usually scrolls
    assert phone.pose()[3] == pytest.approx(0.2, abs=0.03)
    assert phone.page.evaluate("() => scrollX === 0 && document.documentElement.scrollWidth <= innerWidth")


def test_a_digit_is_drawn_by_the_mouse(desk):
    places = desk.on_pad(*SEVEN)
    assert "nothing" in desk.said()
    desk.page.mouse.move(*places[0])
    desk.page.mouse.down()
    for place in places[1:]:
        desk.page.mouse.move(*place, steps=4)
    desk.page.mouse.up()
    assert desk.said() == "7"
    desk.page.get_by_role("button", name="clear").click()
    assert "nothing" in desk.said() and not any(desk.pixels(0))
    desk.page.get_by_role("button", name="the digit 4").click()
    assert desk.said() == "4" and not desk.page.locator(".paper").is_visible()


def test_a_digit_is_drawn_by_a_finger(phone):
    places = phone.on_pad(*SEVEN)
    where = phone.page.evaluate("() => scrollY")
    phone.touch(places)
    phone.comes_to_say("7")
    assert phone.page.evaluate("() => scrollY") == where  # the finger draws and does not scroll
    phone.page.get_by_role("button", name="the digit 4").click()  # a slow machine would make a long press of a tap
    phone.comes_to_say("4")
    phone.page.get_by_role("button", name="draw one").click()
    phone.comes_to_say("7")  # it is still there


def test_a_digit_is_drawn_by_keys(desk):
    desk.page.get_by_role("button", name="draw one").press("Enter")
    paper = desk.page.locator(".paper")
    for _ in range(9):
        paper.press("ArrowUp")
    paper.press(" ")
    for _ in range(18):
        paper.press("ArrowDown")
    assert desk.page.locator(".picks [aria-live]").text_content() == "the pen is down"
    paper.press(" ")
    paper.press("ArrowRight")
    assert desk.page.locator(".picks [aria-live]").text_content() == "the pen is up"
    desk.page.get_by_role("slider", name="degrees", exact=True).fill("0")
    assert desk.said() == "1"


def test_the_switch_changes_the_net(desk):
    before, lattice = desk.pixels(1), desk.page.locator(".frame").get_attribute("d")
    desk.page.get_by_label("as in the paper").check()
    desk.rest()
    assert desk.pixels(1) != before and desk.page.locator(".frame").get_attribute("d") != lattice
    assert desk.said() == "4"
    desk.page.get_by_label("to stand still").check()
    desk.rest()
    assert desk.pixels(1) == before


def test_one_steps_through_the_training_of_each_net(desk):
    """The browser looks where torch does at each moment; at the first the digit is left as it lies, at the last it is turned back."""
    explorer, slider = live(), desk.page.get_by_role("slider", name="moment of its training")
    for k, name in enumerate(explorer.names):
        desk.page.get_by_label(name).check()
        explorer.net, back = k, []
        for moment, step in enumerate(explorer.steps[k]):
            explorer.moment = moment
            slider.fill(str(moment))
            desk.rest()
            shown = [float(cell) for cell in desk.page.locator(".matrix td").all_text_contents()]
            assert shown == pytest.approx(explorer.theta, abs=0.02)
            assert desk.said() == str(explorer.probabilities.index(max(explorer.probabilities)))
            assert f"after {step:,} " in slider.get_attribute("aria-valuetext")
            assert desk.page.locator(".moment").text_content() == slider.get_attribute("aria-valuetext")
            back.append(int(desk.page.locator(".angles").text_content().split()[-1].replace("\u2212", "-")[:-1]))
        assert abs(back[0]) <= 5 and back[-1] == pytest.approx(40, abs=20)
    explorer.close()
    slider.press("Home")
    desk.rest()
    assert "after 77 of 9,360 steps" in slider.get_attribute("aria-valuetext")
    assert "as it was then" in desk.page.locator(".along").inner_text()
    slider.press("ArrowRight")
    desk.rest()
    assert "after 166 of 9,360 steps" in slider.get_attribute("aria-valuetext")
    slider.press("End")
    desk.rest()
    assert "at its end" in slider.get_attribute("aria-valuetext") and "then" not in desk.page.locator(".along").inner_text()


def test_class_bars_and_angle_hold_through_the_whole_range(desk):
    """Of the net that stands still, for each digit, from -90 to 90 degrees."""
    found = desk.page.evaluate("""async () => {
      const turn = document.querySelector('input[type=range][aria-label=degrees]'), found = [];
      const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      for (const button of [...document.querySelectorAll('.picks > button:has(canvas)')].slice(0, 10)) {
        button.click();
        for (let degrees = -90; degrees <= 90; degrees += 10) {
          turn.value = degrees;
          turn.dispatchEvent(new Event('input'));
          await frame();
          const bars = [...document.querySelectorAll('.classes .bar')].map((bar) => bar.getBoundingClientRect().height);
          const angles = document.querySelector('.angles').textContent;
          found.push([degrees, bars.indexOf(Math.max(...bars)), document.querySelector('.verdict').textContent, angles]);
        }
      }
      return found;
    }""")
    assert len(found) == 190
    for k, (degrees, tallest, verdict, angles) in enumerate(found):
        assert tallest == k // 19 and f"says: {k // 19}, " in verdict, (degrees, verdict)
        turned, back = (int(number.replace("\u2212", "-")) for number in re.findall("[+\u2212]\\d+", angles))
        assert turned == degrees and abs(back - degrees) <= 20, angles


def test_a_screen_reader_hears_class_and_angle_once_the_hand_rests(desk):
    desk.page.get_by_role("slider", name="degrees", exact=True).fill("-30")
    spoken = desk.page.get_by_role("status")
    spoken.get_by_text(re.compile("The net says 4, \\d+ %. turned by \u221230°, taken back \u2212\\d+°")).wait_for(timeout=5000)
    assert "4, " in desk.page.locator(".classes").get_attribute("aria-label")
    desk.page.locator(".knob").press("ArrowRight")
    assert "-28 degrees" in (desk.pose() and desk.page.locator(".knob").get_attribute("aria-valuetext"))


def test_it_turns_by_itself_until_a_hand_takes_it_and_never_where_no_motion_is_wanted(chromium, file):
    still = Visit(chromium, file, DESK)
    still.page.wait_for_timeout(200)
    assert still.pose() == [40, 1, 0, 0]
    still.page.get_by_role("button", name="turn by itself").click()  # unless it is asked to
    still.page.wait_for_function("() => document.querySelector('.controls input[type=number]').value !== '40'")
    still.page.emulate_media(reduced_motion="no-preference")
    still.page.emulate_media(reduced_motion="reduce")
    still.page.get_by_role("button", name="turn by itself").wait_for()
    still.end()
    moving = Visit(chromium, file, DESK | {"reduced_motion": "no-preference"})
    moving.page.wait_for_function("() => document.querySelector('.controls input[type=number]').value !== '40'")
    moving.page.get_by_label("as in the paper").check()  # another net, or an earlier moment, and it goes on
    moving.page.get_by_role("slider", name="moment of its training").press("Home")
    fields = "[...document.querySelectorAll('.controls input[type=number]')].every((f) => f.scrollWidth <= f.clientWidth && f.value.length <= 5)"
    assert all(moving.page.evaluate(f"new Promise((done) => requestAnimationFrame(() => done({fields})))") for _ in range(10))
    moving.page.get_by_role("button", name="stop turning").wait_for()
    assert moving.page.get_by_role("status").text_content() == ""  # nobody is told of every frame
    moving.page.mouse.click(*moving.centre(moving.page.locator(".held")))
    moving.page.get_by_role("button", name="turn by itself").wait_for()
    assert moving.pose() == moving.pose()
    moving.end()


def test_it_may_stand_twice_in_a_page(chromium, tmp_path):
    explorer = live()
    explorer.pose, explorer.index, explorer.net = [-50, 1, 0, 0], 9, 0
    fragment = explorer.to_html()
    explorer.close()
    (tmp_path / "two.html").write_text(f"<!doctype html><meta charset='utf-8'>{live_html(swing=False)}{fragment}{fragment}")
    visit = Visit(chromium, tmp_path / "two.html", DESK)
    assert visit.page.locator(".stn").count() == 3
    last = visit.page.locator(".stn").nth(2)
    assert last.locator(".verdict").text_content().startswith("the net says: 9")
    assert last.get_by_label("as in the paper").is_checked()
    assert visit.page.locator(".stn").nth(0).get_by_label("to stand still").is_checked()
    visit.errors += [text for text in visit.page.locator(".problem").all_text_contents() if text]
    assert visit.errors == []
    visit.context.close()
