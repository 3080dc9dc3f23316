"""The explorer as a person meets it: a real JupyterLab in a real Chromium, handles dragged, controls moved, pictures compared.

Skipped where there is no Chromium; `.ci/run` installs it. What Python knows is asked through a second client of the same kernel.
"""

import json
import re
import time

import numpy as np
import pytest
import torch
from browser import notebook_in_jupyterlab, run_all
from torch.nn import functional as F

from stn_tutorial import Affine, Projective, Rotation, ThinPlateSpline, Translation
from stn_tutorial.geometry.families import FAMILIES as LISTED
from stn_tutorial.geometry.lattice import LatticeFamily
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.teaching.explorer import Explorer, explore

FAMILIES = {name: make() for name, make in LISTED.items()}
SETUP = """
import time, torch, ipywidgets as widgets
from stn_tutorial import *
from stn_tutorial import explore
torch.set_num_threads(1)
image = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0))
explorers = {}
"""
SHOWN = {name: f"explorers[{name!r}] = explore(image, {family!r}); explorers[{name!r}]" for name, family in FAMILIES.items()}
SHOWN["colour"] = (
    "explorers['colour'] = explore(image.view(1, 10, 40).expand(3, -1, -1) * torch.tensor([1, 0.5, 0.2]).view(3, 1, 1))"
)
SHOWN["colour"] += "; explorers['colour']"
SHOWN["feature map"] = "explorers['feature map'] = explore(torch.randn(5, 16, 12)); explorers['feature map']"
SHOWN["own sampler"] = """
def own(images, grid):
    if grid.abs().max() > 3:
        raise RuntimeError("my sampler is lost")
    output = sample(images, grid)
    return output / 0 if grid.abs().max() > 2 else output
explorers['own sampler'] = explore(image, Translation(), sampler=own)
explorers['own sampler']
"""
SHOWN["broken"] = """
explorers['broken'] = explore(image, ThinPlateSpline(3))
explorers['broken'].family = explorers['broken'].family | {'controls': None}
explorers['broken']
"""
SHOWN["unknown"] = """
explorers['unknown'] = explore(image, Rotation())
explorers['unknown'].family = explorers['unknown'].family | {'kind': 'Shear'}
explorers['unknown']
"""
SHOWN["joined"] = """
slider = widgets.FloatSlider(min=-3, max=3, description='joined')
explorers['joined'] = explore(image, Rotation())
link = widgets.jslink((slider, 'value'), (explorers['joined'], 'angle'))
widgets.VBox([slider, explorers['joined']])
"""
SHOWN["model"] = """
from stn_tutorial import explore_model
from stn_tutorial.networks import models
torch.manual_seed(0)
net = models.paper_st_cnn()
torch.nn.init.normal_(net.transformer.localization[1].last.weight, std=0.05)
class Own(torch.nn.Module):  # a class that the browser does not know
    def __init__(self):
        super().__init__()
        self.net = net
    def forward(self, images):
        return self.net(images)
explorers['model'] = explore_model(Own(), torch.rand(3, 1, 28, 28), [f'class {k}' for k in range(10)])
explorers['model']
"""
SHOWN["live"] = """
from stn_tutorial.teaching.live import live
explorers['live'] = live()
explorers['live']
"""


class Lab:
    """A page of JupyterLab with the notebook open, and a client that talks to its kernel."""

    def __init__(self, page, client):
        self.page, self.client = page, client

    def python(self, expression: str):
        """The value of a Python expression in the notebook's kernel, by way of JSON."""
        shown = self.client.execute_interactive(
            "import json", user_expressions={"it": f"json.dumps({expression})"}, timeout=60, output_hook=lambda message: None
        )["content"]["user_expressions"]["it"]
        assert shown["status"] == "ok", shown
        return json.loads(eval(shown["data"]["text/plain"]))

    def do(self, code: str) -> None:
        """Run a statement in the notebook's kernel."""
        done = self.client.execute_interactive(code, timeout=60, output_hook=lambda message: None)
        assert done["content"]["status"] == "ok", done["content"]

    def root(self, name: str):
        """The widget of an explorer on the page."""
        found = self.page.locator(".jp-CodeCell").nth(1 + list(SHOWN).index(name)).locator(".stn")
        found.scroll_into_view_if_needed()
        return found

    def output(self, name: str) -> np.ndarray:
        """The output as the page shows it, (H, W, 3) in grey levels."""
        read = """root => { const c = root.querySelectorAll('canvas')[1];
          return [c.height, c.width, Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)]; }"""
        height, width, values = self.root(name).evaluate(read)
        return np.array(values).reshape(height, width, 4)[:, :, :3]

    def drag(self, name: str, k: int, dx: float, dy: float) -> None:
        """Take the k-th handle by the mouse and let it go elsewhere."""
        handle = self.root(name).locator(".handle").nth(k)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=3)
        self.page.mouse.up()

    def settled(self, name: str) -> list[float]:
        """Theta, once the page and Python agree on it."""
        deadline = time.monotonic() + 20
        while True:
            text = self.root(name).locator(".share").input_value()
            page = [float(value) for value in re.search(r"\[(.*)\]", text)[1].split(",")]
            theta = self.python(f"explorers[{name!r}].theta")
            if np.allclose(page, theta, atol=1e-4):
                return theta
            assert time.monotonic() < deadline, f"the page has {page}, Python {theta}"
            time.sleep(0.05)

    def check(self, name: str, family) -> list[float]:
        """Assert that the output is what torch makes of the explorer's theta; returns theta."""
        theta = self.settled(name)
        pixels, mode, padding, align = self.python(
            "(lambda e: [e.pixels.tolist(), e.kernel, e.padding, e.align_corners])" + f"(explorers[{name!r}])"
        )
        image = torch.tensor(pixels, dtype=torch.float64)[None]
        grid = family.grid(torch.tensor([theta], dtype=torch.float64), tuple(image.shape[2:]), align)
        expected = F.grid_sample(image, grid, mode, padding, align)[0].clamp(0, 255).permute(1, 2, 0).numpy()
        off = np.abs(self.output(name) - expected).max()
        assert off <= 1, f"{name}, {mode}, {padding}, align_corners={align}, theta {theta}: off by {off} grey levels"
        return theta


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium):
    with notebook_in_jupyterlab(tmp_path_factory.mktemp("lab"), [SETUP, *SHOWN.values()], chromium) as (page, client):
        page.locator(".stn").nth(len(SHOWN) - 1).wait_for(timeout=120_000)
        yield Lab(page, client)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_handle_and_control_moves_the_picture_that_torch_makes(lab, name):
    family, root = FAMILIES[name], lab.root(name)
    before = lab.check(name, family)
    assert before == pytest.approx(family.identity().tolist())
    for k in range(0, root.locator(".handle").count(), 3 if isinstance(family, LatticeFamily) else 1):
        lab.drag(name, k, 17, 11)
        after = lab.check(name, family)
        assert after != before, f"handle {k} does not move"
        root.locator(".handle").nth(k).press("ArrowLeft")
        pressed = lab.check(name, family)
        assert pressed != after, f"handle {k} does not listen to keys"
        assert root.locator(".handle").nth(k).get_attribute("aria-label")
        before = pressed
    for kind in ("range", "number"):
        controls = root.locator(f"input[type={kind}]")
        assert controls.count() == (2 if isinstance(family, LatticeFamily) else family.num_params)
        for i in range(controls.count()):
            controls.nth(i).press("ArrowUp")
            after = lab.check(name, family)
            assert after != before, f"{kind} {i} does not listen to keys"
            before = after
            box = controls.nth(i).bounding_box()
            if kind == "range":
                lab.page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
            else:
                controls.nth(i).fill("0.21")
            after = lab.check(name, family)
            assert after != before, f"{kind} {i} does not follow the mouse"
            before = after
    controls = root.locator("input[type=number]").first
    controls.blur()  # ends the last move
    controls.fill("0.1")
    controls.fill("0.3")
    controls.blur()
    lab.settled(name)
    root.get_by_role("button", name="undo").click()
    assert lab.settled(name) == before
    root.get_by_role("button", name="reset").click()
    assert lab.settled(name) == pytest.approx(family.identity().tolist())
    assert root.locator(".problem").text_content() == ""


@pytest.mark.parametrize("name", FAMILIES)
def test_kernel_padding_and_align_corners_are_torch_s(lab, name):
    family, root = FAMILIES[name], lab.root(name)
    generator = torch.Generator().manual_seed(2)
    theta = family.identity() + 0.25 * torch.randn(family.num_params, generator=generator)
    lab.do(f"explorers[{name!r}].theta = {theta.tolist()}")  # set from Python, too, moves the picture
    for align in (True, False):
        root.get_by_label("align_corners").set_checked(align)
        for padding in PADDING_MODES:
            root.get_by_label("padding").select_option(padding)
            for kernel in MODES:
                root.get_by_label("kernel").select_option(kernel)
                wanted = f"[getattr(explorers[{name!r}], option) for option in ('kernel', 'padding', 'align_corners')]"
                for _ in range(100):
                    if lab.python(wanted) == [kernel, padding, align]:
                        break
                    time.sleep(0.02)
                lab.check(name, family)


def test_what_python_sets_stays_set(lab):
    lab.do("explorers['affine'].a11 = 2; explorers['affine'].a22 = 2")
    assert lab.check("affine", Affine())[::4] == [2, 2]
    lab.do("explorers['affine'].theta = [2, 0, 0, 0, 2, 0]; explorers['affine'].a11 = 3")
    assert lab.check("affine", Affine()) == [3, 0, 0, 0, 2, 0]
    lab.do("for k in range(20): explorers['rotation'].angle = k / 20; time.sleep(0.03)")
    assert lab.check("rotation", Rotation()) == pytest.approx([0.95])
    time.sleep(0.5)  # nothing that was under way takes it back
    assert lab.check("rotation", Rotation()) == pytest.approx([0.95])
    lab.root("affine").locator("input[type=number]").first.fill("")
    lab.do("explorers['affine'].a11 = 1.25")
    lab.root("affine").locator("input[type=number]").first.blur()
    lab.page.wait_for_timeout(100)
    assert lab.root("affine").locator("input[type=number]").first.input_value() == "1.25"


def test_a_corner_behind_the_camera_is_named(lab):
    lab.do("explorers['projective'].theta = [1, 0, 0, 0, 1, 0, 0.5, 0.49]")  # almost there: a drag would be refused
    lab.root("projective").locator(".problem").get_by_text("A corner lies behind the camera, or nearly").wait_for(
        timeout=10_000
    )
    lab.do("explorers['projective'].theta = [1, 0, 0, 0, 1, 0, 0.8, 0.8]")
    lab.root("projective").locator(".problem").get_by_text("A corner lies behind the camera").wait_for(timeout=10_000)
    assert lab.root("projective").locator(".handle:visible").count() == 3
    lab.do("explorers['projective'].theta = [1, 0, 0, 0, 1, 0, 0.1, 0.1]")
    lab.check("projective", Projective())
    assert lab.root("projective").locator(".problem").text_content() == ""


def test_colour_a_feature_map_and_a_frame_that_is_not_square(lab):
    for name in ("colour", "feature map"):
        lab.drag(name, 0, 20, 8)
        lab.check(name, Affine())
    assert lab.output("colour").shape == (10, 40, 3)
    assert not np.array_equal(lab.output("colour")[:, :, 0], lab.output("colour")[:, :, 1])


def test_the_picture_follows_while_the_kernel_is_busy_and_python_hears_of_it_afterwards(lab):
    lab.client.execute("time.sleep(4)")
    before, start = lab.output("affine"), time.monotonic()
    lab.drag("affine", 4, 25, 0)
    assert not np.array_equal(lab.output("affine"), before)
    assert time.monotonic() - start < 3
    lab.check("affine", FAMILIES["affine"])


def test_a_slider_joined_by_jslink_needs_no_python(lab):
    cell = lab.page.locator(".jp-CodeCell").nth(1 + list(SHOWN).index("joined"))
    lab.client.execute("time.sleep(3)")
    before = lab.output("joined")
    cell.locator(".widget-slider .noUi-handle").press("ArrowRight")
    time.sleep(0.2)
    assert not np.array_equal(lab.output("joined"), before)
    assert lab.check("joined", Rotation())[0] > 0
    lab.do("explorers['joined'].theta = [1.5]")
    lab.check("joined", Rotation())
    for _ in range(100):
        if lab.python("slider.value") == 1.5:
            return
        time.sleep(0.05)
    raise AssertionError("the slider did not follow theta")


def test_what_goes_wrong_is_said_beside_the_widget(lab):
    problem = lab.root("own sampler").locator(".problem")
    assert problem.text_content() == ""
    lab.check("own sampler", Translation())  # its bilinear sampling is torch's
    lab.do("explorers['own sampler'].theta = [1.5, 0]")
    problem.get_by_text("ValueError: sampler must answer finite values, got NaN or infinity in").wait_for(timeout=10_000)
    lab.do("explorers['own sampler'].theta = [2.5, 0]")
    problem.get_by_text("RuntimeError: my sampler is lost").wait_for(timeout=10_000)
    assert not lab.output("own sampler").any()  # what it made before is gone
    lab.do("explorers['own sampler'].theta = [0.1, 0]")
    lab.check("own sampler", Translation())
    assert problem.text_content() == ""
    # a callback that raises
    lab.do("def callback(change): raise KeyError('no such pose')")
    lab.do("explorers['rotation'].observe(callback, 'theta')")
    lab.drag("rotation", 0, 5, 30)
    lab.root("rotation").locator(".problem").get_by_text("no such pose").wait_for(timeout=10_000)
    lab.do("explorers['rotation'].unobserve(callback, 'theta'); explorers['rotation'].theta = [0.3]")
    lab.page.wait_for_function(
        "root => root.querySelector('.problem').textContent === ''", arg=lab.root("rotation").element_handle()
    )
    # an error in the JavaScript itself
    assert lab.root("broken").locator(".problem").text_content().startswith("JavaScript: TypeError: ")
    assert "the family Shear is not known" in lab.root("unknown").locator(".problem").text_content()
    assert lab.root("unknown").locator("canvas").count() == 0  # and nothing else is drawn in its place


def test_a_net_is_scrubbed_in_the_page_and_answers_from_the_kernel(lab):
    root = lab.root("model")

    def agreed(other_than: list | None = None) -> list:
        """The image and pose that Python knows, once they are other ones and the page shows the net's answer to them."""
        deadline = time.monotonic() + 20
        while True:
            known = lab.python(
                "(lambda e: [[e.index, *e.pose], e.answered[2:], e.probabilities, e.problem])(explorers['model'])"
            )
            words, late = root.locator(".verdict").text_content(), root.locator(".late").count()
            best = max(range(10), key=known[2].__getitem__)
            arrived = known[0] != other_than and known[0] == known[1] and late == 0
            if arrived and f"class {best}, {int(100 * known[2][best] + 0.5)} %" in words:
                break
            assert time.monotonic() < deadline, f"the page says {words!r}, {late} parts are pale, Python knows {known}"
            time.sleep(0.05)
        assert known[3] == "" and root.locator(".problem").text_content() == ""
        expected = lab.python("(lambda e: (e.seen[0, 0] * 255).tolist())(explorers['model'])")
        shown = root.evaluate("""root => { const c = root.querySelectorAll('canvas')[0];
          return Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0); }""")
        assert np.abs(np.array(shown).reshape(28, 28) - np.array(expected)).max() <= 1
        seen = lab.python("list(explorers['model'].output)")
        assert np.abs(lab.output("model")[:, :, 0].ravel() - np.array(seen)).max() == 0
        return known[0]

    before = agreed()
    for k in range(4):
        lab.drag("model", k, 12, 17)
        after = agreed(other_than=before)
        assert after[1] != before[1] and after[3:] == before[3:], f"corner {k} does not turn"
        root.locator(".handle").nth(k).press("ArrowRight")
        before = agreed(other_than=after)
    box = root.locator(".held").bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] / 2 + 24, box["y"] + box["height"] / 2, steps=3)
    lab.page.mouse.up()
    shown = "([root, wanted]) => Math.abs(root.querySelectorAll('input[type=number]')[3].value - wanted) < 0.02"
    lab.page.wait_for_function(shown, arg=[root.element_handle(), before[3] + 0.2])  # the page, before Python
    after = agreed(other_than=before)
    assert after[3] == pytest.approx(before[3] + 0.2, abs=0.02) and after[1:3] == before[1:3]
    root.locator(".held").press("ArrowUp")
    assert agreed(other_than=after)[4] == pytest.approx(after[4] - 2 / 28)
    for kind in ("range", "number"):
        controls = root.locator(f"input[type={kind}]:visible")  # a net without moments of its training hides their slider
        assert [controls.nth(i).get_attribute("aria-label") for i in range(5)] == ["image", "degrees", "scale", "right", "down"]
        for i in range(5):
            before = agreed()
            controls.nth(i).press("ArrowUp")
            after = agreed(other_than=before)
            assert after[i] > before[i] and after[:i] + after[i + 1 :] == pytest.approx(before[:i] + before[i + 1 :])
            controls.nth(i).blur()
    # the input follows while the net thinks, and the old lattice says that it is old
    lab.do("slow = explorers['model'].model.register_forward_pre_hook(lambda *_: time.sleep(3))")
    lab.drag("model", 0, -10, 5)
    assert root.locator(".late").count() == 6  # lattice, its frame and corner, output, verdict and bars
    assert float(root.locator("input[type=number]").nth(1).input_value()) != after[1]
    agreed()
    lab.do("slow.remove()")
    root.get_by_role("button", name="reset").click()
    assert agreed()[1:] == [0, 1, 0, 0]
    lab.do("explorers['model'].pose = [0, float('1e-6'), 0, 0]; explorers['model'].index = 1")
    assert agreed()[0] == 1
    # a corner that waits at the edge does not jump when it is taken
    lab.do("explorers['model'].pose = [10, 3, 0, 0]")
    agreed()
    lab.drag("model", 1, 3, 0)
    assert agreed()[2] == pytest.approx(3, abs=0.1)
    lab.do("explorers['model'].model = None; explorers['model'].pose = [1, 1, 0, 0]")
    root.locator(".problem").get_by_text("NoneType").wait_for(timeout=10_000)


def test_a_shipped_net_answers_in_the_page_while_the_kernel_is_busy_and_python_hears_of_it(lab):
    root = lab.root("live")

    def agreed(wanted: str) -> None:
        """Wait until Python knows what the page shows."""
        deadline = time.monotonic() + 20
        while True:
            net, index, pose, drawn, probabilities, problem = lab.python(
                "(lambda e: [e.net, e.index, e.pose, len(e.drawing), e.probabilities, e.problem])(explorers['live'])"
            )
            shown = float(root.locator("input[type=number]").first.input_value())
            best = max(range(10), key=probabilities.__getitem__)
            words = f"{best}, {int(100 * probabilities[best] + 0.5)} %"
            if abs(shown - pose[0]) < 1e-3 and words in root.locator(".verdict").text_content() and str(best) == wanted:
                break
            assert time.monotonic() < deadline, f"Python knows {net, index, pose, drawn, words}, the page shows {shown}"
            time.sleep(0.05)
        assert problem == "" and root.locator(".problem").text_content() == "" and root.locator(".late").count() == 0

    agreed("4")
    lab.client.execute("time.sleep(4)")
    start, before = time.monotonic(), lab.output("live")
    root.locator(".knob").press("Shift+ArrowRight")
    root.get_by_role("button", name="the digit 7").click()
    root.locator(".verdict").get_by_text("the net says: 7").wait_for(timeout=3_000)
    assert not np.array_equal(lab.output("live"), before) and time.monotonic() - start < 4
    agreed("7")
    lab.do("explorers['live'].net = 0; explorers['live'].index = 3; explorers['live'].pose = [-20, 1, 0, 0]")
    agreed("3")
    assert root.get_by_label("as in the paper").is_checked()
    root.get_by_role("button", name="draw one").click()
    x, y, side = (root.locator(".paper").bounding_box()[key] for key in ("x", "y", "width"))
    lab.page.mouse.move(x + side / 2, y + 0.2 * side)
    lab.page.mouse.down()
    lab.page.mouse.move(x + side / 2, y + 0.8 * side, steps=5)
    lab.page.mouse.up()
    agreed("1")
    assert lab.python("sum(explorers['live'].drawing) > 1000 and 'a drawing' in explorers['live'].render().alt")
    root.get_by_role("button", name="the digit 3").click()
    agreed("3")


def test_running_twice_and_reopening_leave_no_dead_or_doubled_widget(lab):
    lab.page.on("dialog", lambda dialog: dialog.accept())
    run_all(lab.page)
    lab.page.wait_for_function("() => !document.querySelector('.jp-InputPrompt')?.textContent.includes('*')")
    lab.python("len(explorers)")  # waits until all has run
    for _ in range(100):
        if lab.page.locator(".stn").count() == len(SHOWN):
            break
        time.sleep(0.1)
    assert lab.page.locator(".stn").count() == len(SHOWN)
    lab.drag("affine", 4, 10, 10)
    moved = lab.check("affine", FAMILIES["affine"])
    assert moved != FAMILIES["affine"].identity().tolist()
    lab.page.keyboard.press("Control+s")
    lab.page.locator("li.jp-mod-current.jp-mod-dirty").wait_for(state="detached", timeout=20_000)  # saved
    lab.page.reload()
    lab.page.locator(".stn").nth(len(SHOWN) - 1).wait_for(timeout=60_000)
    assert lab.page.locator(".stn").count() == len(SHOWN)
    lab.drag("affine", 1, 10, -10)
    assert lab.check("affine", FAMILIES["affine"]) != moved


def test_a_finger_drags_a_handle_up_and_down_and_does_not_scroll(tmp_path, chromium):
    explorer = explore(torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0)), Translation())
    text = f"<!doctype html><meta name='viewport' content='width=device-width'>{explorer.to_html()}<p style='height: 3000px'>"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    context = chromium.new_context(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"file://{tmp_path / 'page.html'}")
    box = page.locator(".handle").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    for kind, down in (("touchStart", 0), ("touchMove", 12), ("touchMove", 24), ("touchMove", 36)):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y + down}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("() => Number(document.querySelectorAll('input[type=number]')[1].value) > 0.25")
    assert page.evaluate("() => scrollY") == 0
    context.close()


def test_a_page_of_its_own_drags_with_no_kernel_and_no_network(tmp_path, chromium):
    explorer = explore(torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0)), ThinPlateSpline(3))
    assert isinstance(explorer, Explorer)
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset='utf-8'>{explorer.to_html()}", encoding="utf-8")
    context = chromium.new_context(offline=True)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"file://{tmp_path / 'page.html'}")
    alone = Lab(page, None)
    alone.root = lambda name: page.locator(".stn")
    alone.drag("spline", 4, 20, 10)
    theta = json.loads(re.search(r"\[.*\]", page.locator(".share").input_value())[0])
    assert theta[8] == pytest.approx(20 / 120, abs=0.02)
    grid = ThinPlateSpline(3).grid(torch.tensor([theta], dtype=torch.float64), (20, 20))
    expected = F.grid_sample(explorer.pixels[None].double(), grid, align_corners=False)[0].permute(1, 2, 0).numpy()
    assert np.abs(alone.output("spline") - expected).max() <= 1
    assert errors == []
    context.close()


def test_a_fragment_that_is_pasted_twice_draws_two_explorers_whatever_its_texts_are(tmp_path, chromium):
    explorer = explore(torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0)), Translation())
    explorer.problem = "</script><!--<script> STATE PLACE é"
    fragment = explorer.to_html()
    other = explore(torch.zeros(1, 8, 8)).to_html()
    (tmp_path / "page.html").write_text(f"<!doctype html>{fragment}{other}{fragment}<p id='after'>after</p>", encoding="utf-8")
    page, errors = chromium.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"file://{tmp_path / 'page.html'}")
    page.locator(".stn .share").nth(2).wait_for(state="attached")
    assert page.locator(".stn").count() == 3 and page.locator("#after").text_content() == "after" and errors == []
    assert page.locator(".stn .problem").nth(2).text_content() == explorer.problem
    handle = page.locator(".stn").nth(2).locator(".handle").first
    handle.press("ArrowRight")
    page.wait_for_function("document.querySelectorAll('.share')[2].value.includes('0.1')")
    shares = [page.locator(".share").nth(k).input_value() for k in range(3)]
    assert shares[0] == "explorer.theta = [0, 0]" and shares[2] == "explorer.theta = [0.1, 0]"
    page.close()


def test_every_control_is_reached_by_tab_and_has_a_name_for_a_screen_reader(tmp_path, chromium):
    image, wanted = torch.rand(1, 12, 12), {"kernel", "padding", "align_corners", "reset", "undo", "share"}
    for family in (Projective(), ThinPlateSpline(3)):
        (tmp_path / "page.html").write_text(f"<!doctype html><meta charset='utf-8'>{explore(image, family).to_html()}", "utf-8")
        page = chromium.new_page()
        page.goto(f"file://{tmp_path / 'page.html'}")
        page.locator(".stn .share").wait_for(state="attached")
        session = page.context.new_cdp_session(page)
        roles = {"slider", "spinbutton", "combobox", "checkbox", "button", "textbox"}
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        heard = [(node["role"]["value"], node.get("name", {}).get("value", "").strip()) for node in nodes if "role" in node]
        controls = [(role, name) for role, name in heard if role in roles]
        assert all(name for _, name in controls), controls
        assert wanted <= {name for _, name in controls}
        sliders = 2 if isinstance(family, ThinPlateSpline) else 8
        handles = page.locator(".handle").count()
        assert sum(role in ("slider", "spinbutton") for role, _ in controls) == handles + 2 * sliders
        reached = set()
        for _ in range(len(controls) + 1):
            page.keyboard.press("Tab")
            text = "(e => e === document.body ? '' : e.ariaLabel ?? e.labels?.[0]?.textContent ?? e.textContent)"
            reached.add(page.evaluate(f"{text}(document.activeElement)").strip())
        share = {"theta as text"}  # it is shown once it is asked for
        missing = {"output: arrow keys choose a pixel to inspect", *(name for _, name in controls)} - reached - share
        assert not missing, f"Tab does not reach {missing}"
        page.close()
