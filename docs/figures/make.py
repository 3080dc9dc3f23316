"""The README's pictures: python docs/figures/make.py door · explorer.

door: digits that turn, and stand still for the classifier; drawn from a trained net of the package and real test digits.
explorer: an explorer as a person sees it, photographed in Chromium (the package's `dev` extra has what that needs).
"""

import argparse
import io
import math
import shutil
import tempfile
from pathlib import Path

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from PIL import Image
from torch import Tensor, nn

from stn_tutorial import Affine, explore, load, pretrained
from stn_tutorial.files import write_atomically
from stn_tutorial.networks.watching import find_transformer
from stn_tutorial.teaching.animations import answers, turned
from stn_tutorial.teaching.figures import lattice_lines
from stn_tutorial.teaching.picture import blends, in_colors

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 640, 452  # pixels
CARD, INK, PALE, LINE = "#fbfaf6", "#1f2328", "#c9c5ba", "#ff6b6b"
FRAMES, RATE = 54, 14  # of one digit's whole turn, and how many of them pass in a second
GREYS = 12  # levels of a digit: more would only cost bytes
EDGES = [(LINE, "black", 5), (LINE, "white", 3), (LINE, CARD, 3), (INK, CARD, 6), (INK, "white", 4), (PALE, CARD, 3)]
COLORS = [*blends("black", "white", GREYS - 1), *(color for edge in EDGES for color in blends(*edge))]


class Door:
    """One frame: left the input with the lattice, right what the classifier gets, below the ten classes.

    digit, output: (H, W) in [0, 1]; each of their pixels becomes a square of whole pixels on the page.
    """

    def __init__(self, family, size: tuple[int, int], align_corners: bool):
        self.family, self.size, self.align_corners = family, size, align_corners
        self.figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=CARD)
        self.figure.add_artist(Rectangle((0.002, 0.002), 0.996, 0.996, fill=False, edgecolor=PALE, linewidth=1.5))
        left, right = self.axes(24, 66, 280, 280), self.axes(336, 66, 280, 280)
        left.set(xlim=(-4, size[1] + 3), ylim=(size[0] + 3, -4), facecolor="black")
        blank = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        self.input = left.imshow(torch.zeros(size).numpy(), **blank)
        self.output = right.imshow(torch.zeros(1, 1).numpy(), extent=(0, 1, 1, 0), **blank)
        left.set(xlim=(-4, size[1] + 3), ylim=(size[0] + 3, -4))
        self.lines = [left.plot([], [], color=LINE, linewidth=width)[0] for width in (1.3, 1.3, 2.6)]
        self.corner = left.add_patch(Circle((0, 0), 1.1, facecolor=LINE, edgecolor="white", linewidth=1.2, zorder=5))
        right.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=LINE, linewidth=5))
        right.add_patch(Circle((0.035, 0.035), 0.032, facecolor=LINE, edgecolor="white", linewidth=1.2, zorder=5))
        for x, y, *text in (
            (24, 29, "input, and where", "the transformer looks"),
            (336, 29, "what the", "classifier gets"),
            (24, 394, "what", "it reads"),
        ):
            for k, words in enumerate(text):
                self.figure.text(x / WIDTH, 1 - (y + 22 * k) / HEIGHT, words, color=INK, fontsize=12.5, va="baseline")
        bars = self.axes(116, 360, 500, 80)
        bars.set(xlim=(-0.5, 9.5), ylim=(-0.62, 1.02), facecolor=CARD)
        bars.plot([-0.5, 9.5], [0, 0], color=PALE, linewidth=1)
        self.bars = bars.bar(range(10), [0] * 10, width=0.62, color=PALE)
        self.boxes = [bars.add_patch(Rectangle((k - 0.36, -0.6), 0.72, 0.52, facecolor=INK)) for k in range(10)]
        self.names = [bars.text(k, -0.34, str(k), ha="center", va="center", fontsize=12.5) for k in range(10)]

    def axes(self, left: float, top: float, width: float, height: float):
        """Axes without ticks in a rectangle of pixels, measured from the top left."""
        axes = self.figure.add_axes((left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT))
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def draw(self, digit: Tensor, theta: Tensor, output: Tensor, probabilities: Tensor) -> Image.Image:
        """A frame as an RGB picture. theta: (P,). probabilities: (10,)."""
        self.input.set_data(((digit * (GREYS - 1)).round() / (GREYS - 1)).numpy())
        self.output.set_data(((output * (GREYS - 1)).round() / (GREYS - 1)).numpy())
        lattice = lattice_lines(self.family, theta, self.size, self.align_corners, cells=4)
        rows, columns = lattice[:5], lattice[5:]
        gap = [[math.nan, math.nan]]
        outline = [*rows[0], *columns[-1][1:], *rows[-1][::-1][1:], *columns[0][::-1][1:]]
        for line, parts in zip(self.lines, (rows[1:-1], columns[1:-1], [outline]), strict=True):
            points = [list(point) for part in parts for point in [*part, *gap]]
            line.set_data(*zip(*points, strict=True))
        self.corner.set_center(rows[0][0])
        read = int(probabilities.argmax())
        for k, (bar, box, name) in enumerate(zip(self.bars, self.boxes, self.names, strict=True)):
            bar.set_height(float(probabilities[k]))
            bar.set_facecolor(INK if k == read else PALE)
            box.set_visible(k == read)
            name.set(color="white" if k == read else INK, fontweight="bold" if k == read else "normal")
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", facecolor=CARD)
        return Image.open(buffer).convert("RGB")


def door(model: nn.Module, digits: Tensor, frames: int = FRAMES) -> bytes:
    """An endless APNG: each of the upright digits (K, 1, H, W), uint8, turns by 90 degrees to both sides and back, once.

    model: a net whose first transformer looks at the digits, ten classes. frames: for each digit.
    """
    transformer, pages = find_transformer(model), []
    stage = Door(transformer.family, tuple(digits.shape[2:]), transformer.align_corners)
    degrees = 90 * torch.sin(2 * math.pi * torch.arange(frames) / frames)
    for digit in digits.float() / 255:
        inputs = turned(digit[None], degrees)[:, 0]
        thetas, outputs, logits = answers(model, inputs)
        seen = zip(inputs[:, 0], thetas, outputs.clamp(0, 1)[:, 0], logits.softmax(dim=1), strict=True)
        pages += [stage.draw(*moment) for moment in seen]
    pages, buffer = in_colors(pages, COLORS), io.BytesIO()
    pages[0].save(buffer, "PNG", save_all=True, append_images=pages[1:], duration=round(1000 / RATE), loop=0, optimize=True)
    return buffer.getvalue()


def door_picture(net: str, labels: list[int]) -> bytes:
    """The picture at the door: a shipped net, and the first test digit of each of the labels."""
    data = load("mnist")
    first = [int((data.test_labels == label).nonzero()[0]) for label in labels]
    return door(pretrained(net), data.test_images[first])


def explorer_picture(label: int) -> bytes:
    """An explorer with a digit in it and its lattice turned and enlarged, photographed in a browser."""
    from playwright.sync_api import sync_playwright

    data = load("mnist")
    explorer = explore(data.test_images[int((data.test_labels == label).nonzero()[0])], Affine())
    explorer.theta = [0.66, -0.38, 0.06, 0.38, 0.66, -0.04]
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "explorer.html"
        page_file.write_text(f"<!doctype html><meta charset='utf-8'><body>{explorer.to_html()}", encoding="utf-8")
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=2)
        page.goto(page_file.as_uri())
        page.locator(".stn canvas").first.wait_for()
        content = page.locator(".stn").screenshot()
        chromium.close()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", choices=("door", "explorer"))
    parser.add_argument("file", nargs="?", type=Path, help="where to write it (default: beside this program)")
    parser.add_argument("--net", default="mnist-r/st-cnn-affine-still", help="for the door (default: %(default)s)")
    parser.add_argument(
        "--digits",
        nargs="+",
        type=int,
        default=[4, 7, 3, 6],
        help="classes, of each of which the first test digit is drawn (default: %(default)s)",
    )
    args = parser.parse_args(arguments)
    content = door_picture(args.net, args.digits) if args.picture == "door" else explorer_picture(args.digits[0])
    path = args.file or HERE / f"{args.picture}.png"
    write_atomically(path, content)
    print(f"{path}: {len(content) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
