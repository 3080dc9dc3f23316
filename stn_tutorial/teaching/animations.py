"""Animations: warps along a training, a trained net under turning digits, and the way from one theta to another.

Each is a `Picture` whose PNG is animated (APNG), which every browser plays and no viewer drops; `Picture.save` writes other
formats.
"""

import io
import math

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ..geometry.family import Family
from ..geometry.paths import theta_path
from ..geometry.sampler import sample
from ..training.distortions import RandomRotation
from .figures import add_lattice, lattice_lines
from .picture import ACCENT, RIGHT, WRONG, Picture, as_array, panel


def animation(figure: Figure, frames, draw, alt: str, seconds_per_frame: float = 1 / 12) -> Picture:
    """An endless APNG: `draw(frame)` changes the figure's artists for each of the frames."""
    pages = []
    for frame in frames:
        draw(frame)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=72, facecolor="white")
        pages.append(Image.open(buffer).convert("RGB"))
    # one palette for all frames, a third of the bytes and no flicker; a tall strip of many frames holds every colour
    chosen = pages[:: max(1, len(pages) // 8)]
    strip = Image.new("RGB", (pages[0].width, pages[0].height * len(chosen)))
    for k, page in enumerate(chosen):
        strip.paste(page, (0, k * page.height))
    for k, color in enumerate((ACCENT, RIGHT, WRONG)):
        strip.paste(color, (40 * k, 0, 40 * k + 40, pages[0].height))
    palette = strip.quantize(48)
    pages = [page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages]
    buffer = io.BytesIO()
    milliseconds = round(1000 * seconds_per_frame)
    pages[0].save(buffer, format="PNG", save_all=True, append_images=pages[1:], duration=milliseconds, loop=0, optimize=True)
    return Picture(buffer.getvalue(), alt)


class Stage:
    """Images side by side: above, the input with the sampling lattice; below, the output and what the net reads."""

    def __init__(self, images: Tensor, family, labels, classes=range(10)):
        self.family, self.labels, self.classes, self.size = family, labels, classes, images.shape[2:]
        self.figure = Figure(figsize=(1.55 * len(images), 3.9))
        axes = self.figure.subplots(2, len(images), squeeze=False)
        self.figure.subplots_adjust(left=0.02, right=0.98, top=0.86, bottom=0.09, wspace=0.06, hspace=0.08)
        self.inputs = [panel(a, image) for a, image in zip(axes[0], images, strict=True)]
        self.outputs = [panel(a, image) for a, image in zip(axes[1], images, strict=True)]
        identity = family.identity()
        self.lattices = [add_lattice(a, family, identity, self.size) for a in axes[0]]
        self.words = [a.set_xlabel("", fontsize=11, parse_math=False) for a in axes[1]]
        self.title = self.figure.suptitle("", fontsize=11)
        for a in axes[0]:
            height, width = self.size
            a.set_xlim(-0.2 * width, 1.2 * width)
            a.set_ylim(1.2 * height, -0.2 * height)
            a.set_facecolor("black")

    def update(self, inputs: Tensor, outputs: Tensor, thetas: Tensor, predictions: Tensor, title: str) -> None:
        self.title.set_text(title)
        for k, label in enumerate(self.labels):
            self.inputs[k].set_data(as_array(inputs[k]))
            self.outputs[k].set_data(as_array(outputs[k]))
            self.lattices[k].set_segments(lattice_lines(self.family, thetas[k], self.size))
            self.words[k].set_text(f"reads {self.classes[int(predictions[k])]}")
            self.words[k].set_color(RIGHT if int(predictions[k]) == int(label) else WRONG)


@torch.no_grad()
def animate_rotation(model, images: Tensor, labels: Tensor, degrees: float = 90, frames: int = 48) -> Picture:
    """Digits that rotate, the sampling lattice over them, the output below and the class the net reads.

    model: a `TransformedNet`. images: (K, 1, H, W) uint8, upright. The sweep goes from -degrees to degrees and back.
    """
    model.eval()
    device = next(model.parameters()).device
    family, upright = model.transformer.family, images.to(device).float() / 255
    stage = Stage(upright, family, labels)
    turn = RandomRotation().family
    right = 0

    def draw(k: int) -> None:
        nonlocal right
        angle = -math.radians(degrees) * math.cos(2 * math.pi * k / frames)
        inputs = sample(upright, turn.grid(torch.full((len(upright), 1), angle, device=device), upright.shape[2:]))
        theta = model.theta(inputs)
        prediction = model(inputs).argmax(dim=1)
        right += int((prediction.cpu() == labels).sum())
        stage.update(
            inputs,
            model.transformer.warp(inputs, theta),
            theta,
            prediction,
            f"turned by {round(math.degrees(angle)):+d} degrees",
        )

    shown = animation(stage.figure, range(frames), draw, "")
    share = 100 * right / (frames * len(labels))
    digits = ", ".join(str(int(label)) for label in labels)
    alt = (
        f"Animation: digits {digits} turn from -{degrees:.0f} to {degrees:.0f} degrees with the sampling lattice over them; below, the "
        f"transformer's output. The net reads {share:.0f} % of the frames' digits correctly."
    )
    return Picture(shown.png, alt)


def animate_warps(
    history: dict[str, Tensor],
    family,
    count: int = 5,
    classes=range(10),
    padding_mode: str = "zeros",
    fill: float | Tensor = 0.0,
    every: int = 1,
) -> Picture:
    """The first `count` recorded images along a training: lattice, output and prediction at each recorded step.

    history: theta as `fit` or `load_theta` gives it; it carries its images. classes: their names. padding_mode: the
    transformer's. fill: what it puts outside the image under "zeros", in the colours of the recorded images: a number or
    (C,). every: 2 shows every second recorded step and the last, in half the bytes.
    """
    inputs, labels = history["image"][:count].float() / 255, history["label"][:count]
    stage = Stage(inputs, family, labels, classes)

    def draw(t: int) -> None:
        now = history["theta"][t, :count]
        outputs = sample(inputs, family.grid(now, inputs.shape[2:]), padding_mode=padding_mode, fill=fill)
        stage.update(inputs, outputs, now, history["prediction"][t, :count], f"step {int(history['step'][t]):,}")

    last = len(history["step"]) - 1
    frames = [0] * 4 + list(range(0, last, every)) + [last] * 12
    correct = [int((history["prediction"][t, :count] == labels).sum()) for t in (0, last)]
    alt = (
        f"Animation: {count} test images along the training, steps 0 to {int(history['step'][-1]):,}; the lattice moves until the outputs "
        f"settle. The net reads {correct[0]} of {count} correctly at first and {correct[1]} at the end."
    )
    return animation(stage.figure, frames, draw, alt)


def animate_theta(image: Tensor, family: Family, start: Tensor, end: Tensor, frames: int = 24, steady: bool = True) -> Picture:
    """An image under the thetas from `start` to `end` and back: the lattice over the input, the output beside it.

    image: (C, H, W), uint8 or in [0, 1]. start, end: (P,). steady: go by `theta_path`'s one steady motion, or else move each
    number of theta evenly.
    """
    image = image.float() / 255 if image.dtype == torch.uint8 else image
    size = tuple(image.shape[1:])
    there = theta_path(family, start, end, frames // 2 + 1, steady)
    path = torch.cat([there, there.flip(0)[1:-1]])
    outputs = sample(image.expand(len(path), -1, -1, -1), family.grid(path.to(image.dtype), size))
    figure = Figure(figsize=(6.4, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    panel(left, image, "input, and where the output looks")
    left.set_facecolor("#eeeeee")
    left.set_xlim(-0.25 * size[1], 1.25 * size[1])
    left.set_ylim(1.25 * size[0], -0.25 * size[0])
    lattice = add_lattice(left, family, path[0], size)
    shown = panel(right, outputs[0], "output")

    def draw(k: int) -> None:
        lattice.set_segments(lattice_lines(family, path[k], size))
        shown.set_data(as_array(outputs[k]))

    numbers = [", ".join(f"{value:.2f}" for value in theta.tolist()) for theta in (start, end)]
    alt = f"Animation: an image under {family}, theta from ({numbers[0]}) to ({numbers[1]}) and back."
    return animation(figure, range(len(path)), draw, alt)
