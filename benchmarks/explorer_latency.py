"""How long from a dragged handle to changed pixels, beside `interact` with matplotlib, in one JupyterLab in one sitting.

python benchmarks/explorer_latency.py          (needs Chromium; nothing else should run on the machine)

Latency: from the arrival of the pointer's event in the page to the moment at which the output's pixels differ; and, in brackets, from the
browser's time stamp of that event, which includes its wait for the page.
Frames: pictures that differ from the one before, counted at each animation frame while the mouse drags for two seconds.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from browser import CHROMIUM, CHROMIUM_OPTIONS, notebook_in_jupyterlab

SETUP = """
import time, torch, matplotlib.pyplot as plt
from ipywidgets import interact
from stn_tutorial import Affine, ThinPlateSpline, explore, sample
torch.set_num_threads(1)
def noise(side): return torch.rand(1, side, side, generator=torch.Generator().manual_seed(0))
"""
CASES = {
    "affine, 128 x 128": "explore(noise(128), Affine())",
    "affine, 256 x 256": "explore(noise(256), Affine())",
    "spline 5 x 5, 128 x 128": "explore(noise(128), ThinPlateSpline(5))",
    "spline 5 x 5, 256 x 256": "explore(noise(256), ThinPlateSpline(5))",
}
INTERACT = """
image = noise(128)
def show(s):
    figure = plt.figure(figsize=(3, 3))
    theta = torch.tensor([[s, 0.0, 0.0, 0.0, s, 0.0]])
    plt.imshow(sample(image[None], Affine().grid(theta, (128, 128)))[0, 0], cmap="gray")
    plt.axis("off")
    plt.show()
interact(show, s=(0.5, 1.5, 0.01));
"""
# in the page: note when an event comes in, and when the canvas is seen to differ afterwards
WATCH = """root => {
  const canvas = root.querySelectorAll('canvas')[1], context = canvas.getContext('2d');
  const look = () => { const d = context.getImageData(0, 0, canvas.width, canvas.height).data; let sum = 0;
    for (let i = 0; i < d.length; i += 4) sum = (sum * 31 + d[i]) | 0; return sum; };
  const state = window.watched = { latencies: [], waits: [], frames: 0, start: performance.now(), last: look() };
  let arrived = 0;
  const signal = (state.stop = new AbortController()).signal;
  window.addEventListener('pointermove', () => { arrived = performance.now(); }, { capture: true, signal });
  window.addEventListener('pointermove', (event) => {
    const now = performance.now(), seen = look();  // bubbling: the widget's own handler has run
    if (seen !== state.last) { state.latencies.push(now - arrived); state.waits.push(now - event.timeStamp); state.last = seen; }
  }, { signal });
  let shown = state.last;
  const frame = () => { if (state.stop.signal.aborted) return;
    if (state.last !== shown) { state.frames += 1; shown = state.last; } requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""
DONE = """() => { watched.stop.abort();
  return [watched.latencies, watched.waits, watched.frames / (performance.now() - watched.start) * 1000]; }"""
WATCH_IMAGE = """cell => new Promise((answer) => {
  const slider = cell.querySelector('.noUi-handle'), times = [];
  let source = cell.querySelector('img').src, sent = 0;
  const press = () => { sent = performance.now();
    slider.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true })); };
  const check = () => { const image = cell.querySelector('img');
    if (image && image.src !== source && image.complete) { source = image.src; times.push(performance.now() - sent);
      if (times.length === 40) return answer(times); press(); }
    setTimeout(check, 0); };
  press(); check();
})"""


def drag(page, root) -> tuple[float, float, float]:
    """Median latency in ms, without and with the wait, and frames a second while a handle is dragged to and fro for two seconds."""
    root.scroll_into_view_if_needed()
    handle = root.locator(".handle").nth(1)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    root.evaluate(WATCH)
    for k in range(250):
        page.mouse.move(x - 20 + 15 * ((k % 50) / 25 - 1), y + 20 + 0.2 * (k % 40))
    latencies, waits, frames = page.evaluate(DONE)
    page.mouse.up()
    return statistics.median(latencies), statistics.median(waits), frames


def main() -> None:
    if CHROMIUM is None:
        sys.exit("error: no Chromium is installed")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        cells = [SETUP, *CASES.values(), INTERACT]
        with notebook_in_jupyterlab(Path(folder), cells, browser) as (page, client):
            page.locator(".jp-CodeCell").last.locator("img").wait_for(timeout=120_000)
            print("| case | kernel | ms to changed pixels (median) | pictures a second |\n|---|---|---:|---:|")
            for name in CASES:
                root = page.locator(".stn").nth(list(CASES).index(name))
                for busy in (False, True):
                    drag(page, root)  # the first time everything is slow
                    if busy:
                        client.execute("end = time.time() + 6\nwhile time.time() < end: pass")
                    latency, wait, frames = drag(page, root)
                    print(f"| {name} | {'busy' if busy else 'idle'} | {latency:.1f} ({wait:.1f}) | {frames:.0f} |", flush=True)
                    if busy:
                        client.execute_interactive("", timeout=60)
            cell = page.locator(".jp-CodeCell").last
            cell.scroll_into_view_if_needed()
            times = cell.evaluate(WATCH_IMAGE)
            each = statistics.median(times)
            print(f"| interact and matplotlib, 128 x 128 | idle | {each:.1f} | {1000 / each:.0f} |")
        browser.close()


if __name__ == "__main__":
    main()
