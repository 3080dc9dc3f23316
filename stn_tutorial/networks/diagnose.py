"""`diagnose(model, images)`: one page on the health of a spatial transformer in anybody's net, with what to do about it."""

import html
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..geometry.rotation import Rotation
from ..geometry.sampler import check_images
from .observing import Sampling, observed, tensors_of
from .vital_signs import Window, window_of
from .watching import transformers_of

HALF = (torch.float16, torch.bfloat16)
SQUASHED = math.tanh(1.0)  # what tanh makes of the identity's 1
# from where on a measurement is no longer healthy
MOST_OUTSIDE, MOST_LOST = 0.75, 0.05  # mean share of points outside the image; share of the images of which all points are
SMALLEST, LARGEST = 0.02, 1.2  # scale of the window: healthy nets of ours come to 1.16, one that shrank its pictures to 1.23
MOST_FOLDED = 0.05  # share of the grid's cells that are turned over
WIDEST_STEP = 2.0  # pixels between neighbouring points
STILL, MOVED = 0.05, 0.5  # pixels: how little thetas differ, and how far they all lie from the identity


@dataclass(frozen=True)
class Finding:
    """One line of the page: what was looked at, what was seen, and, if that is sick, what to do."""

    name: str
    seen: str
    sick: bool = False
    advice: str = ""

    def __str__(self) -> str:
        first = f"{'SICK' if self.sick else 'ok':<5}{self.name + ':':<15}{self.seen}"
        lines = textwrap.wrap(first, 110, subsequent_indent=" " * 20)
        if self.sick:
            lines += textwrap.wrap(f"-> {self.advice}", 110, initial_indent=" " * 20, subsequent_indent=" " * 23)
        return "\n".join(lines)


@dataclass(frozen=True)
class Diagnosis:
    """The page: for each sampling of pictures in the net its findings. `sick` has the names of what is not in order.

    >>> Diagnosis({"transformer": [Finding("scale", "1.00 on average")]}).passed
    True
    """

    findings: dict[str, list[Finding]]

    @property
    def sick(self) -> list[str]:
        return [finding.name for part in self.findings.values() for finding in part if finding.sick]

    @property
    def passed(self) -> bool:
        return not self.sick

    @property
    def message(self) -> str:
        return " ".join(f"{f.name}: {f.seen} -> {f.advice}" for part in self.findings.values() for f in part if f.sick)

    def __repr__(self) -> str:
        parts = ["\n".join([f"--- {name}", *map(str, found)]) for name, found in self.findings.items()]
        return "\n".join([*parts, f"sick: {', '.join(self.sick)}" if self.sick else "nothing sick was found"])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


@torch.enable_grad()
def diagnose(model: nn.Module, images: Tensor, loss: Callable | None = None) -> Diagnosis:
    """What one pass of a model says about its spatial transformers: a page to read, as its `repr`.

    model: any net in which a picture is sampled, by `SpatialTransformer` or by torch's `grid_sample`. It is used in evaluation
    mode and left as it came. images: (N, C, H, W), as the net gets them in its training, at least eight. loss: what the model
    answers -> a scalar; None asks whether the answer itself depends on the warped pictures.

    Looked at: whether theta is finite, the share of points outside the picture, the learned scale and angle, whether theta
    differs from picture to picture, folds, the distance between points, the filling against the pictures' background,
    align_corners, half precision, and whether the gradient arrives. A sampler of one's own, without torch's, is not seen.
    Raises ValueError for images that are not (N, C, H, W), and for a model that samples nothing.

    >>> from stn_tutorial import Affine, SpatialTransformer
    >>> net = nn.Sequential(SpatialTransformer.for_images((1, 28, 28), Affine()), nn.Flatten(), nn.Linear(784, 10))
    >>> print(diagnose(net, torch.eye(28).expand(8, 1, 28, 28)))  # doctest: +ELLIPSIS
    --- 0: Affine(), 8 images of 28x28
    ok   range:         0 to 1
    ...
    nothing sick was found
    """
    check_images(images)
    found, answer = observed(model, images)
    if not found:
        if held := list(transformers_of(model)):
            advice = "call it in `forward`, and hand what it answers to the next layer"
            finding = Finding("output", f"the net goes past its transformer {held[0]!r}, which is never called", True, advice)
            return Diagnosis({held[0]: [finding]})
        raise ValueError("model must sample pictures, by a SpatialTransformer or torch's grid_sample, and does not")
    total = loss(answer) if loss else weighted(answer)
    pages = {}
    for sampling in found:
        size = "x".join(map(str, sampling.images.shape[2:]))
        title = f"{sampling.name}: {sampling.family or 'put together by hand'}, {len(sampling.images)} images of {size}"
        title += f", call {1 + sum(known.startswith(title) for known in pages)}" if title in pages else ""
        pages[title] = [input_range(images), *findings_of(sampling, images), gradient(sampling, model, total)]
    return Diagnosis(pages)


def weighted(answer) -> Tensor | None:
    """A sum of all that a model answers, each number with a weight of its own; None if it answers no floating point tensor."""
    sums = [(t * torch.arange(t.numel(), device=t.device).cos().view(t.shape)).sum() for t in tensors_of(answer)]
    return sum(sums) if sums else None


def findings_of(sampling: Sampling, images: Tensor) -> list[Finding]:
    """All about the grid and what is sampled with it; of a window that has left the picture no more is asked."""
    grid = sampling.grid.detach()
    if lost := int((~grid.isfinite()).flatten(1).any(dim=1).sum()):
        advice = "lower the learning rate, clip the gradient, or look for a division by zero in the localiser"
        return [Finding("theta", f"NaN or infinite for {lost} of {len(grid)} images", True, advice)]
    if min(sampling.images.shape[2:]) < 2 or min(grid.shape[1:3]) < 2:
        return []
    window = window_of(grid, tuple(sampling.images.shape[2:]), sampling.align_corners)
    found = [outside(window)]
    if not found[0].sick:
        found += [scale(window), angle(window, sampling), differences(window, sampling), folds(window), steps(window)]
    if sampling.images.shape == images.shape:  # zeros around a feature map are the custom
        found.append(filling(sampling))
    return [*found, corners(sampling), precision(sampling)]


def spoken_angle(degrees: Tensor) -> str:
    """Circular mean and spread of angles (N,): 179 and -179 degrees lie close together.

    >>> spoken_angle(torch.tensor([179.0, -177.0]))
    '-179 degrees on average, spread 2 degrees'
    """
    radians = degrees.double().deg2rad()
    x, y = float(radians.cos().mean()), float(radians.sin().mean())
    spread = math.sqrt(max(0.0, -2 * math.log(max(math.hypot(x, y), 1e-300))))
    return f"{math.degrees(math.atan2(y, x)):.0f} degrees on average, spread {math.degrees(spread):.0f} degrees"


def input_range(images: Tensor) -> Finding:
    low, high = float(images.min()), float(images.max())
    as_bytes = low >= 0 and 20 < high <= 255 and bool((images == images.round()).all())
    advice = "divide bytes by 255 before the net gets them: its filling and its first layers expect numbers near 1"
    return Finding("range", f"{low:.3g} to {high:.3g}", as_bytes, advice)


def outside(window: Window) -> Finding:
    lost, share = float((window.outside == 1).float().mean()), float(window.outside.mean())
    seen = f"{100 * share:.0f} % of the sampling points; all of them in {100 * lost:.0f} % of the images"
    advice = (
        "where no point lies in the picture there is no gradient: start again, the localiser with a tenth of its learning rate"
    )
    return Finding("out of frame", seen, share > MOST_OUTSIDE or lost > MOST_LOST, advice)


def scale(window: Window) -> Finding:
    mean = float(window.scale.mean())
    seen = f"{mean:.2f} on average, spread {window.scale.std(correction=0):.2f}"
    if mean < SMALLEST:
        return Finding(
            "scale", f"{seen}: all points look at one place", True, "start at the identity, not at zero or at random"
        )
    advice = (
        "above 1 the picture shrinks: pad the convolutions behind it, which neglect the edge, and fill with the background; "
        "or take a family without scale"
    )
    return Finding("scale", seen, mean > LARGEST, advice)


def angle(window: Window, sampling: Sampling) -> Finding:
    if sampling.family is not None and isinstance(sampling.family, Rotation) and sampling.theta is not None:
        largest = float(sampling.theta.detach()[:, 0].abs().max())
        if largest > 2 * math.pi:
            advice = "angles are in radians: math.radians(...) of degrees"
            return Finding("angle", f"theta holds an angle of {largest:.3g}", True, advice)
    seen = spoken_angle(window.angle)
    height, width = sampling.images.shape[2:]
    turned = (window.angle.abs() > 3) & (window.angle.abs() < 87)
    if float((window.negative > 0.95).float().mean()) > 0.5:
        return Finding("angle", f"{seen}, and mirrored", True, "are x and y swapped? The last axis of a grid is (x, y)")
    turned_squares = bool(turned.any()) and bool((window.unsquare[turned] < 1e-3).all())
    shears = abs(math.log(height / width)) > 0.05 and turned_squares
    advice = "a turn of normalised coordinates shears a picture that is not square: Rotation(aspect=W / H) turns its pixels"
    return Finding("angle", f"{seen}{', sheared' if shears else ''}", shears, advice)


def differences(window: Window, sampling: Sampling) -> Finding:
    moved = float(window.moved.mean())
    name = "theta"
    if is_squashed(sampling):
        advice = "tanh(1) is 0.76, so that it cannot start at the identity: theta needs no bounds, leave the tanh out"
        return Finding(name, "squashed by a tanh", True, advice)
    if moved < 0.01:
        return Finding(name, "the identity for every image, as before any training")
    seen = f"moves points by {moved:.1f} pixels on average, differs between images by {window.spread:.2f}"
    learns = sampling.module is None or any(p.requires_grad for p in sampling.module.localization.parameters())
    several = len(sampling.images) > 3 and bool((sampling.images[:1] != sampling.images[1:]).any())
    if learns and several and window.spread < STILL and moved > MOVED:
        advice = "it does not look at the picture: batch normalisation in the localiser helps, and a lower learning rate for it"
        return Finding(name, f"one theta for all images ({seen})", True, advice)
    return Finding(name, seen)


def is_squashed(sampling: Sampling) -> bool:
    """Whether theta has been through a tanh: the localiser ends in one, or an affine theta has 0.76 where the identity has 1."""
    if sampling.module is not None:
        layers = [m for m in sampling.module.localization.modules() if not list(m.children())]
        bounded = nn.Sigmoid if not sampling.family.identity().any() else (nn.Tanh, nn.Hardtanh, nn.Sigmoid)  # tanh(0) is 0
        return bool(layers) and isinstance(layers[-1], bounded)
    if sampling.theta is None or sampling.theta[0].numel() != 6:
        return False
    diagonal = sampling.theta.detach().flatten(1)[:, [0, 4]]
    return bool(((diagonal - SQUASHED).abs() < 1e-3).all())


def folds(window: Window) -> Finding:
    share = float(window.negative.mean())
    share = min(share, 1 - share)  # a mirrored window folds where it is not turned over
    advice = (
        "what lies behind a fold is shown twice: regularise the spline, use fewer control points, or a Diffeomorphic family"
    )
    return Finding("folding", f"{100 * share:.1f} % of the grid's cells are turned over", share > MOST_FOLDED, advice)


def steps(window: Window) -> Finding:
    advice = "points that far apart step over thin strokes: blur the input first, or sample a larger output and pool it"
    mean = float(window.step.mean())
    return Finding("step", f"{mean:.2f} pixels between neighbouring points", mean > WIDEST_STEP, advice)


def filling(sampling: Sampling) -> Finding:
    """The commonest value along the edge of the images, where most of the edge has it, against what lies outside."""
    if sampling.padding_mode != "zeros":
        return Finding("fill", f"{sampling.padding_mode}: nothing is filled")
    images = sampling.images.detach().float().cpu()
    edge = torch.cat([images[:, :, [0, -1]].flatten(2), images[:, :, :, [0, -1]].flatten(2)], dim=2).transpose(0, 1).flatten(1)
    background = edge.median(dim=1).values
    fill = sampling.fill.cpu().expand(len(background))
    uniform = (edge - background[:, None]).abs().lt(1e-3).float().mean(dim=1) > 0.5
    height = float(images.max() - images.min())
    wrong = uniform & ((fill - background).abs() > 0.05 * height)
    if not uniform.any():
        return Finding("fill", f"{fill[0]:.3g}; the pictures have no background of one colour")
    k = int(wrong.float().argmax())
    seen = f"{fill[k]:.3g}, and the pictures' background is {background[k]:.3g}"
    advice = "a frame stands around what is moved: normalise after the warp, or SpatialTransformer(..., fill=background)"
    return Finding("fill", seen, bool(wrong.any()), advice)


def corners(sampling: Sampling) -> Finding:
    """Whether grid and sampler agree about what -1 and 1 mean."""
    flag, made = sampling.align_corners, sampling.grid_aligned
    advice = "give grid and sampler the same align_corners: mixed, even the identity moves the picture"
    if made is not None:
        return Finding("align_corners", f"{made} in the grid, {flag} in the sampler", made != flag, advice)
    if sampling.module is None and not flag:
        grid = sampling.grid.detach().float()
        to_centres = torch.equal(grid.amax(dim=(1, 2)), torch.ones(len(grid), 2)) and bool((grid.amin(dim=(1, 2)) == -1).all())
        if to_centres:
            return Finding(
                "align_corners", "the grid runs from -1 to 1, to the outermost centres; the sampler has False", True, advice
            )
    return Finding("align_corners", f"{flag} in both" if sampling.module else f"{flag} in the sampler")


def precision(sampling: Sampling) -> Finding:
    advice = "half precision moves points by parts of a pixel: keep theta and grid in float32, also under autocast"
    return Finding("precision", f"the grid is {str(sampling.grid.dtype)[6:]}", sampling.grid.dtype in HALF, advice)


def gradient(sampling: Sampling, model: nn.Module, total: Tensor | None) -> Finding:
    """Whether what is sampled reaches the answer, and the answer's gradient the localiser."""
    unused = "hand what the transformer answers to the next layer, without detach"
    if total is None or not total.requires_grad:
        advice = "look for no_grad, detach, .item() or numpy between the warped picture and the loss"
        return Finding("gradient", "the answer has none", True, advice)
    weights = [p for p in sampling.module.localization.parameters() if p.requires_grad] if sampling.module else []
    theta = sampling.grid if sampling.theta is None else sampling.theta
    asked = [t for t in (sampling.output, theta, *weights) if t.requires_grad]
    grads = dict(zip(map(id, asked), torch.autograd.grad(total, asked, allow_unused=True, retain_graph=True), strict=True))
    if not sampling.output.requires_grad:
        return Finding("gradient", "the warped picture has none", True, "look for no_grad around the transformer")
    of_output, of_theta = grads.get(id(sampling.output)), grads.get(id(theta))
    if of_output is None:
        return Finding("output", "the net's answer does not depend on the warped picture, or it was detached", True, unused)
    if sampling.module is not None and not list(sampling.module.localization.parameters()):
        return Finding("gradient", "arrives at the warped picture; theta is not learned")
    if of_theta is None:
        advice = "look for no_grad, detach, .data, .item() or numpy between the localiser and the grid"
        return Finding("gradient", "none reaches theta", True, advice)
    if not bool(of_theta.any()):
        why = (
            "nearest has no slope: sample bilinearly"
            if sampling.mode == "nearest"
            else ("no sampling point lies where the picture changes: start again, the localiser with a lower learning rate")
        )
        return Finding("gradient", "exactly 0 at theta", True, why)
    if sampling.module is None:
        return Finding("gradient", f"arrives at theta with norm {of_theta.norm():.2g}")
    parameters = list(sampling.module.localization.parameters())
    if parameters and not weights and any(p.requires_grad for p in model.parameters()):
        return Finding("gradient", "the localiser is frozen", True, "requires_grad_(True), or take the transformer out")
    norm = sum(float(grads[id(w)].square().sum()) for w in weights if grads[id(w)] is not None) ** 0.5
    return Finding("gradient", f"arrives at the localiser with norm {norm:.2g}" if weights else "the localiser does not learn")
