"""How fast the live page is: nets computed by the browser, a picture for each move of the pointer, and the page's first picture.

python benchmarks/live_net.py          (needs Chromium; nothing else should run on the machine)

A picture is the digit turned and painted, theta, the warp, the classes, and the lattice. From the arrival of the pointer's event in
the page to changed pixels; in brackets from the browser's time stamp of that event, its wait for the page included. Pictures a second
are those that differ from the one before, counted at each animation frame. Processor time is that of the page's thread for each
picture, whatever else runs on the machine: more than 33 ms of it cannot be 30 pictures a second. The first picture: from the start of the navigation to the
frame in which the net has answered, the page lying on the disk; the median of seven visits.
"""

import base64
import statistics
import sys
import tempfile
from pathlib import Path

from explorer_latency import DONE, WATCH
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from browser import CHROMIUM, CHROMIUM_OPTIONS

from stn_tutorial import pretrained
from stn_tutorial.networks.portable import portable
from stn_tutorial.teaching.browser_widget import SCRIPT
from stn_tutorial.teaching.live import NETS, live_page

FIRST = """() => new Promise((done) => {
  const look = () => document.querySelector('.stn .verdict')?.textContent ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look);
  look();
})"""
FORWARD = """async ([script, description, weights]) => {
  const stn = await import(`data:text/javascript;base64,${btoa(script)}`);
  const net = stn.readNet(description, Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0)));
  const image = { data: Float32Array.from({ length: 784 }, (_, k) => (k % 7) / 7), height: 28, width: 28, channels: 1 };
  return Array.from({ length: 300 }, () => { const start = performance.now(); stn.answer(net, image); return performance.now() - start; });
}"""


def processor_time(session) -> float:
    """Seconds for which the page's thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(entry["value"] for entry in metrics if entry["name"] == "TaskDuration")


def drag(page, session) -> tuple[float, float, float, float]:
    """While the knob goes to and fro: median ms to changed pixels, the same with the wait, pictures a second, processor ms for each."""
    box = page.locator(".knob").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.locator(".panes").evaluate(WATCH)
    start = processor_time(session)
    for k in range(300):
        page.mouse.move(x + 60 + 50 * ((k % 60) / 30 - 1), y + 0.2 * (k % 40))
    latencies, waits, frames = page.evaluate(DONE)
    worked = processor_time(session) - start
    page.mouse.up()
    return statistics.median(latencies), statistics.median(waits), frames, 1000 * worked / len(latencies)


def main() -> None:
    if CHROMIUM is None:
        sys.exit("error: no Chromium is installed")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "live.html"
        live_page(file)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        visits = []
        for _ in range(7):
            page = context.new_page()
            page.goto(file.as_uri(), wait_until="commit")
            visits.append(page.evaluate(FIRST))
            page.close()
        print(f"first picture: {statistics.median(visits):.0f} ms ({min(visits):.0f} to {max(visits):.0f})\n")
        columns = (
            "net",
            "kB of weights",
            "ms to compute it",
            "ms to changed pixels",
            "pictures a second",
            "processor ms a picture",
        )
        print(f"| {' | '.join(columns)} |\n|---{'|---:' * 5}|")
        page = context.new_page()
        page.goto(file.as_uri())
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        for name, shipped in NETS.items():
            page.get_by_label(name).check()
            description, weights = portable(pretrained(shipped))
            times = page.evaluate(FORWARD, [SCRIPT, description, base64.b64encode(weights).decode()])
            drag(page, session)  # the first time everything is slow
            latency, wait, frames, worked = drag(page, session)
            shown = f"{statistics.median(times[100:]):.1f} | {latency:.1f} ({wait:.1f}) | {frames:.0f} | {worked:.1f}"
            print(f"| {name} | {len(weights) / 1000:.0f} | {shown} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
