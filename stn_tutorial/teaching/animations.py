"""Animations: warps along a training, a trained net under turning digits, and the way from one theta to another.

Each is a `Film`: played, paused and stepped through in a notebook, an animated PNG where there is no front end.
"""

import io
import math
from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from ..arguments import check_whole, finite_number
from ..geometry.family import Family
from ..geometry.paths import theta_path
from ..geometry.rotation import Rotation
from ..geometry.sampler import sample
from ..networks.habits import check_family
from ..networks.transformer import fill_values
from ..networks.watching import evaluating, find_transformer, outputs_of, thetas_of
from ..training.recorder import check_history
from .figures import add_lattice, lattice_lines
from .film import Film
from .images import as_image, as_the_model_has_it, check_batch, from_bytes, names_of_classes, small_enough, to_bytes
from .picture import ACCENT, RIGHT, WRONG, as_array, as_written, blends, in_colors, in_unit_range, leave_room, panel

CELLS = 4  # of the lattice along a side: few, so that films stay small
# the colours of a film, and in how many steps their edges blend
EDGES = [("black", "white", 12), (ACCENT, "black", 4), (ACCENT, "white", 3), (RIGHT, "white", 3), (WRONG, "white", 3)]


def quantized(pages: list[Image.Image]) -> list[Image.Image]:
    """Frames of one size in the greys of a digit and the colours of lattice and words; with photographs in them, in theirs, too.

    >>> [page.mode for page in quantized([Image.new("RGB", (80, 9), "white"), Image.new("RGB", (80, 9), "black")])]
    ['P', 'P']
    """
    colors = [color for edge in EDGES for color in blends(*edge)]
    strip = Image.new("RGB", (pages[0].width, pages[0].height * len(pages[::8])))  # every eighth of them
    for k, page in enumerate(pages[::8]):
        strip.paste(page, (0, k * page.height))
    saturation = strip.convert("HSV").getchannel("S").histogram()
    if sum(saturation[48:]) > 0.1 * sum(saturation):  # lattice and words alone cover less
        own = strip.quantize(48).convert("RGB").getcolors()
        colors += [color for _, color in own]
    return in_colors(pages, colors)


def film(
    figure: Figure, frames: Sequence[int], draw: Callable[[int], None], captions: list[str], alt: str, rest: int = 0
) -> Film:
    """A film of a figure: `draw(frame)` changes its artists, once for each different frame; the rest is as in `Film`.

    >>> figure = Figure(figsize=(2, 1))
    >>> len(film(figure, [0, 1], lambda k: figure.suptitle(str(k)), ["nothing", "one"], "counting").frames)
    2
    """
    pages = {}
    for frame in dict.fromkeys(frames):
        draw(frame)
        as_written(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=72, facecolor="white")
        pages[frame] = Image.open(buffer).convert("RGB")
    pictures = {}
    for frame, page in zip(pages, quantized(list(pages.values())), strict=True):
        buffer = io.BytesIO()
        page.save(buffer, "PNG", optimize=True)
        pictures[frame] = buffer.getvalue()
    return Film([pictures[frame] for frame in frames], captions, alt, rest)


def there_and_back(frames: int) -> list[int]:
    """Frames 0, 1, ... to the middle and the same ones back, so that the last is followed by the first.

    Raises ValueError for fewer than two.

    >>> there_and_back(6)
    [0, 1, 2, 3, 2, 1]
    """
    frames = check_whole("frames", frames, least=2)
    middle = max(1, frames // 2)
    return [*range(middle + 1), *range(middle - 1, 0, -1)]


class Stage:
    """Images side by side: above, the input with the sampling lattice; below, the output and what the net reads.

    images: the inputs, (K, C, H, W); outputs: what the transformer makes of them, (K, C, H', W'), its own size.

    >>> stage = Stage(torch.rand(2, 1, 28, 28), torch.rand(2, 1, 20, 20), Rotation(), [3, 5], range(10))
    >>> theta = torch.tensor([[0.0], [1.0]])
    >>> stage.update(torch.rand(2, 1, 28, 28), torch.rand(2, 1, 20, 20), theta, torch.tensor([3, 8]), "step 1")
    >>> [words.get_text() for words in stage.words]
    ['reads 3', 'reads 8 ✗']
    """

    def __init__(self, images: Tensor, outputs: Tensor, family, labels, classes, align_corners: bool = False):
        self.family, self.labels, self.classes, self.size = family, labels, classes, images.shape[2:]
        self.align_corners = align_corners
        self.figure = Figure(figsize=(max(1.55 * len(images), 3), 3.9))
        axes = self.figure.subplots(2, len(images), squeeze=False)
        self.figure.subplots_adjust(left=0.02, right=0.98, top=0.86, bottom=0.09, wspace=0.06, hspace=0.08)
        self.inputs = [panel(a, image) for a, image in zip(axes[0], images, strict=True)]
        self.outputs = [panel(a, image) for a, image in zip(axes[1], outputs, strict=True)]
        self.lattices = [add_lattice(a, family, family.identity(), self.size, align_corners) for a in axes[0]]
        self.words = [a.set_xlabel("", fontsize=11, parse_math=False) for a in axes[1]]
        self.title = self.figure.suptitle("", fontsize=11)
        for a in axes[0]:
            leave_room(a, self.size, 0.2, "black")

    def update(self, inputs: Tensor, outputs: Tensor, thetas: Tensor, predictions: Tensor, title: str) -> None:
        """Show other inputs and outputs, (K, C, H, W) each, with their thetas (K, P) and what the net reads, (K,)."""
        self.title.set_text(title)
        for k, label in enumerate(self.labels):
            right = int(predictions[k]) == int(label)
            self.inputs[k].set_data(as_array(inputs[k]))
            self.outputs[k].set_data(as_array(outputs[k]))
            self.lattices[k].set_segments(lattice_lines(self.family, thetas[k], self.size, self.align_corners, CELLS))
            self.words[k].set_text(f"reads {self.classes[int(predictions[k])]}" + ("" if right else " ✗"))
            self.words[k].set_color(RIGHT if right else WRONG)


@torch.no_grad()
def answers(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a net with a transformer makes of images (N, C, H, W): theta (N, P), output (N, C', H', W') and logits (N, classes).

    Theta and output are the first transformer's; the net is asked in evaluation mode, and left as it came. Raises ValueError
    for a model without a transformer, and for one that calls it in parts.

    >>> from stn_tutorial.networks.models import paper_st_cnn
    >>> [tuple(found.shape) for found in answers(paper_st_cnn(), torch.rand(2, 1, 28, 28))]
    [(2, 6), (2, 1, 28, 28), (2, 10)]
    """
    transformer = find_transformer(model)
    if transformer is None:
        raise ValueError("model must have a SpatialTransformer in it, and holds none")
    with evaluating(model), thetas_of(model) as thetas, outputs_of(transformer) as outputs:
        logits = model(as_the_model_has_it(images, model)).float()
    if not outputs:
        raise ValueError("model must call its first SpatialTransformer as a module, as in stn(images), and not in parts")
    return thetas[0].cpu(), outputs[0].cpu(), logits.cpu()


def turned(images: Tensor, degrees: Tensor) -> Tensor:
    """Each of K images (K, C, H, W) turned counter-clockwise by each of T angles, (T, K, C, H, W); outside is 0.

    >>> turned(torch.eye(3).view(1, 1, 3, 3), torch.tensor([90.0]))[0, 0, 0].round().tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    family, size = Rotation(aspect=images.shape[3] / images.shape[2]), tuple(images.shape[2:])
    grids = family.grid(torch.deg2rad(degrees)[:, None], size)
    return torch.stack([sample(images, grid.expand(len(images), -1, -1, -1)) for grid in grids])


def animate_rotation(
    model: nn.Module, images: Tensor, labels: Tensor, degrees: float = 90, frames: int = 48, classes=range(10)
) -> Film:
    """Images that rotate, the sampling lattice over them, the transformer's output below and the class that the net reads.

    model: a net whose first `SpatialTransformer` looks at the images. images: (K, C, H, W), upright, uint8 or in [0, 1].
    labels: (K,). The sweep goes from -degrees to degrees and back. classes: their names. Raises ValueError for a model
    without a transformer, and for images, labels, names and numbers that cannot be.

    >>> from stn_tutorial.networks.models import paper_st_cnn
    >>> film = animate_rotation(paper_st_cnn(), torch.rand(1, 1, 28, 28), torch.tensor([3]), frames=4)
    >>> film.captions
    ['turned by -90 degrees', 'turned by +0 degrees', 'turned by +90 degrees', 'turned by +0 degrees']
    """
    check_batch(images)
    labels, degrees = labels_of(labels, len(images)), finite_number("degrees", degrees)
    upright = in_unit_range(images).float()
    order = there_and_back(frames)
    angles = -degrees * torch.cos(math.pi * torch.linspace(0, 1, max(order) + 1, device=upright.device))
    inputs = turned(upright, angles)
    found = [answers(model, batch) for batch in inputs]
    transformer = find_transformer(model)
    read = torch.stack([logits.argmax(dim=1) for _, _, logits in found])
    classes = names_of_classes(classes, 1 + max(int(read.max()), int(labels.max())))
    outputs = torch.stack([torch.stack([from_bytes(*to_bytes(image)) for image in output]) for _, output, _ in found])
    stage = Stage(upright, outputs[0], transformer.family, labels, classes, transformer.align_corners)
    captions = [f"turned by {round(angle) or 0:+d} degrees" for angle in angles.tolist()]

    def draw(k: int) -> None:
        stage.update(inputs[k], outputs[k], found[k][0], read[k], captions[k])

    share = 100 * (read == labels)[order].float().mean()
    names = ", ".join(str(classes[int(label)]) for label in labels)
    alt = (
        f"Animation: {names} turn from -{degrees:.0f} to {degrees:.0f} degrees with the sampling lattice over them; below, the "
        f"transformer's output. The net reads {share:.0f} % of the pictures correctly."
    )
    return film(stage.figure, order, draw, [captions[k] for k in order], alt)


def animate_warps(
    history: dict[str, Tensor],
    family,
    count: int = 5,
    classes=range(10),
    padding_mode: str = "zeros",
    fill: float | Tensor = 0.0,
) -> Film:
    """The first `count` recorded images along a training: lattice, output and prediction at each recorded step.

    history: theta as `fit` or `load_theta` gives it; it carries its images. classes: their names. padding_mode: the
    transformer's. fill: what it puts outside the image under "zeros", in the colours of the recorded images: a number or
    (C,). Raises ValueError for a history, names or a fill that cannot be; count is at most that of the recorded images.

    >>> from stn_tutorial import Rotation
    >>> history = {"step": torch.tensor([0, 100]), "theta": torch.tensor([[[0.0]], [[1.0]]]), "label": torch.tensor([7])}
    >>> history |= {"prediction": torch.tensor([[1], [7]]), "image": torch.zeros(1, 1, 28, 28, dtype=torch.uint8)}
    >>> animate_warps(history, Rotation(), count=1).captions
    ['step 0', 'step 100']
    """
    check_history(history)
    check_family(family)
    count = min(check_whole("count", count, least=1), len(history["label"]))
    highest = max(int(history[key].max()) for key in ("label", "prediction"))
    classes, fill = names_of_classes(classes, 1 + highest), fill_values(fill, padding_mode)
    fill = torch.tensor(fill) if isinstance(fill, list) else fill
    inputs, labels = history["image"][:count].float() / 255, history["label"][:count]
    stage = Stage(inputs, inputs, family, labels, classes)
    last = len(history["step"]) - 1
    frames = [*range(last), last]
    captions = {t: f"step {int(history['step'][t]):,}" for t in frames}

    def draw(t: int) -> None:
        now = history["theta"][t, :count]
        outputs = sample(inputs, family.grid(now, inputs.shape[2:]), padding_mode=padding_mode, fill=fill)
        stage.update(inputs, outputs, now, history["prediction"][t, :count], captions[t])

    correct = [int((history["prediction"][t, :count] == labels).sum()) for t in (0, last)]
    alt = (
        f"Animation: {count} test images along the training, steps 0 to {int(history['step'][-1]):,}; the lattice moves until the outputs "
        f"settle. The net reads {correct[0]} of {count} correctly at first and {correct[1]} at the end."
    )
    return film(stage.figure, frames, draw, list(captions.values()), alt, rest=12)


def animate_theta(image: Tensor, family: Family, start: Tensor, end: Tensor, frames: int = 24, steady: bool = True) -> Film:
    """An image under the thetas from `start` to `end` and back: the lattice over the input, the output beside it.

    image: a tensor (C, H, W), uint8 or in [0, 1], or whatever else `explore` takes. start, end: (P,). steady: go by `theta_path`'s
    one steady motion, or else move each number of theta evenly. Raises ValueError for what is no image, no family or no theta.

    >>> from stn_tutorial import Rotation
    >>> animate_theta(torch.rand(1, 28, 28), Rotation(), torch.tensor([0.0]), torch.tensor([1.0]), frames=4).captions
    ['theta = (0.00)', 'theta = (0.50)', 'theta = (1.00)', 'theta = (0.50)']
    """
    check_family(family)
    start, end = (theta_of(family, name, theta) for name, theta in (("start", start), ("end", end)))
    image = in_unit_range(from_bytes(*to_bytes(small_enough(as_image(image)))))
    size = tuple(image.shape[1:])
    order = there_and_back(frames)
    path = theta_path(family, start, end, max(order) + 1, steady)
    outputs = sample(image.expand(len(path), -1, -1, -1), family.grid(path.to(image.dtype), size))
    figure = Figure(figsize=(6.4, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    panel(left, image)
    left.set_title("input, and where the output looks", fontsize=12)
    leave_room(left, size, 0.25)
    lattice = add_lattice(left, family, path[0], size)
    picture = panel(right, outputs[0])
    right.set_title("output", fontsize=12)

    def draw(k: int) -> None:
        lattice.set_segments(lattice_lines(family, path[k], size))
        picture.set_data(as_array(outputs[k]))

    numbers = [few_numbers(theta) for theta in path]
    way = "in one steady motion" if steady else "each number evenly"
    alt = f"Animation: an image under {family}, theta from {numbers[0]} to {numbers[-1]} and back, {way}."
    return film(figure, order, draw, [f"theta = {numbers[k]}" for k in order], alt)


def theta_of(family: Family, name: str, theta) -> Tensor:
    """Theta (P,) that somebody wrote down, as floating point; a ValueError that names it for other shapes and for NaN.

    >>> theta_of(Rotation(), "start", [1])
    tensor([1.])
    """
    try:
        numbers = torch.as_tensor(theta)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be a theta of {family.num_params} numbers, got {type(theta).__name__}") from error
    numbers = numbers.detach().cpu() if numbers.is_floating_point() else numbers.float()
    if numbers.shape != (family.num_params,) or not bool(numbers.isfinite().all()):
        raise ValueError(f"{name} must be a theta of {family.num_params} finite numbers, got {numbers.tolist()}")
    return numbers


def labels_of(labels, count: int) -> Tensor:
    """Labels (N,) as whole numbers; a ValueError unless there is one, 0 or more, for each of `count` images.

    >>> labels_of([7, 2], 2)
    tensor([7, 2])
    """
    found = torch.as_tensor(labels).cpu() if isinstance(labels, Tensor) or hasattr(labels, "__len__") else None
    if found is None or found.shape != (count,) or found.is_floating_point() or int(found.min()) < 0:
        raise ValueError(f"labels must be a whole number of at least 0 for each of {count} images, got {labels!r}")
    return found


def few_numbers(theta: Tensor) -> str:
    """Theta (P,) in words, the first eight numbers of a longer one.

    >>> few_numbers(torch.tensor([0.0, 1.0]))
    '(0.00, 1.00)'
    """
    words = [f"{value:.2f}" for value in theta[:8].tolist()]
    return f"({', '.join(words)}{', ...' if len(theta) > 8 else ''})"
