"""The exercise checkers: one oracle for the notebook, for pytest and for an autograder.

A checker tries a learner's function on many inputs and returns a `Verdict`: passed, failed or not tried yet, with a
message that says what was expected and, where it helps, a picture of target and yours. A wrong answer is compared with
the answers that well-known mistakes give, so that the message can name the mistake.
"""

import copy
import functools
import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from .grids import normalized_to_pixel
from .metrics import circular_spread, rotation_angle, scale_of
from .plots import Picture, panel, picture
from .sampler import PADDING_MODES, bilinear_gradient, pad_coordinates, sample
from .transforms import Affine, Projective, Rotation, Similarity, Translation

NOT_TRIED = "not tried yet"
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Verdict:
    """What a checker found: status ("passed", "failed" or "not tried yet"), a message, and perhaps a picture."""

    status: str
    message: str
    picture: Picture | None = None

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def __repr__(self) -> str:
        return self.message if self.status == NOT_TRIED else f"{self.status}: {self.message}"

    def _repr_html_(self) -> str:
        text = html.escape(repr(self))
        return f"<p>{text}</p>{self.picture.html() if self.picture else ''}"


def attempt(function: Callable, case: dict) -> tuple[object, Verdict | None]:
    """Call the learner's function on one case: its answer, or the verdict if there is none."""
    try:
        answer = function(**{key: copy.deepcopy(value) for key, value in case.items()})
    except NotImplementedError:
        return None, Verdict(NOT_TRIED, NOT_TRIED)
    except Exception as error:  # whatever a learner's code raises is an answer to report, never to swallow
        return None, Verdict("failed", f"your function raised {type(error).__name__}: {error}, for {describe(case)}")
    if answer is None:
        return None, Verdict(NOT_TRIED, NOT_TRIED)
    return answer, None


def report_errors(check: Callable[[Callable], Verdict]) -> Callable[[Callable], Verdict]:
    """For checkers that use what the learner built: an error in it becomes a verdict, as in `attempt`."""

    @functools.wraps(check)
    def checked(function: Callable) -> Verdict:
        try:
            return check(function)
        except NotImplementedError:
            return Verdict(NOT_TRIED, NOT_TRIED)
        except Exception as error:  # whatever a learner's code raises is an answer to report, never to swallow
            return Verdict("failed", f"your code raised {type(error).__name__}: {error}")

    return checked


def describe(case: dict) -> str:
    """A case in words: tensors by their shape, everything else by value."""
    words = (
        f"{k} of shape {tuple(v.shape)}" if isinstance(v, Tensor) and v.numel() > 6 else f"{k}={getattr(v, '__name__', v)}"
        for k, v in case.items()
    )
    return ", ".join(words)


def as_tensor(answer) -> Tensor | None:
    """A learner's answer as a double tensor, or None if it is no numbers at all."""
    try:
        return torch.as_tensor(answer).detach().double()
    except (TypeError, ValueError, RuntimeError):
        return None


def agree(answer, wanted) -> bool:
    """Whether an answer has the wanted shape and values."""
    answer, wanted = as_tensor(answer), as_tensor(wanted)
    return (
        answer is not None
        and answer.shape == wanted.shape
        # no oracle answers NaN, but some well-known mistakes do
        and torch.allclose(answer, wanted, atol=TOLERANCE, rtol=TOLERANCE, equal_nan=True)
    )


def compare(
    function: Callable,
    cases: list[dict],
    oracle: Callable,
    mistakes: dict[str, Callable],
    draw: Callable[[dict, Tensor, Tensor], Picture] | None = None,
) -> Verdict:
    """Compare a learner's function with the oracle on all cases, and a wrong one with well-known mistakes."""
    answers = []
    for case in cases:
        answer, verdict = attempt(function, case)
        if verdict:
            return verdict
        answers.append(answer)
    wanted = [oracle(**case) for case in cases]
    wrong = [k for k in range(len(cases)) if not agree(answers[k], wanted[k])]
    if not wrong:
        return Verdict("passed", f"all {len(cases)} cases agree.")
    first = wrong[0]
    message = difference(answers[first], as_tensor(wanted[first]), cases[first])
    for hint, mistake in mistakes.items():
        if all(agree(answer, mistake(**case)) for answer, case in zip(answers, cases, strict=True)):
            message = f"{hint} ({message})"
            break
    answer = as_tensor(answers[first])
    drawable = draw is not None and answer is not None and answer.shape == as_tensor(wanted[first]).shape
    return Verdict("failed", message, draw(cases[first], as_tensor(wanted[first]), answer) if drawable else None)


def difference(answer, wanted: Tensor, case: dict) -> str:
    """What was expected and what came, in one sentence."""
    answer = as_tensor(answer)
    if answer is None:
        return f"expected numbers of shape {tuple(wanted.shape)} for {describe(case)}, got something that is no tensor"
    if answer.shape != wanted.shape:
        return f"expected shape {tuple(wanted.shape)} for {describe(case)}, got {tuple(answer.shape)}"
    gap = (answer - wanted).abs().nan_to_num(nan=math.inf)
    place = () if wanted.dim() == 0 else tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    where = f" at index {place}" if place else ""
    return f"expected {wanted[place].item():.4f}{where} for {describe(case)}, got {answer[place].item():.4f}"


# pictures of target and yours


def letter_f(height: int = 20, width: int = 20) -> Tensor:
    """The letter F, (1, height, width) in [0, 1]: no turn and no mirror leaves it as it is."""
    image = torch.zeros(1, height, width)
    image[0, height // 5 : -height // 5, width // 3 : width // 3 + 2] = 1
    image[0, height // 5 : height // 5 + 2, width // 3 : -width // 4] = 1
    image[0, height // 2 - 1 : height // 2 + 1, width // 3 : -width // 3] = 0.8
    return image


def side_by_side(wanted: Tensor, answer: Tensor, what: str) -> Picture:
    """Two images (H, W), scaled alike: target and yours, with the pixel that differs most marked."""
    low, high = float(wanted.min()), float(wanted.max())
    scale = (high - low) or 1.0
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    axes = figure.subplots(1, 2)
    for a, image, title in zip(axes, (wanted, answer), ("target", "yours"), strict=True):
        panel(a, (image.nan_to_num() - low) / scale, title)
    gap = (wanted - answer).abs().nan_to_num(nan=math.inf)
    row, column = (int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    for a in axes:
        a.plot(column, row, "s", markersize=9, markerfacecolor="none", markeredgecolor="#d1495b", markeredgewidth=2)
    return picture(figure, f"{what}: target and yours; they differ most at row {row}, column {column}.")


def draw_theta(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """The letter F warped by both thetas."""
    image = letter_f(*case.get("size", (20, 20)))
    warped = [sample(image[None], Affine().grid(t.float()[None], image.shape[1:]))[0, 0] for t in (wanted, answer)]
    return side_by_side(*warped, "The letter F, warped")


def draw_grid(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """Both grids as points in the normalised square."""
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    for axes, points, title in zip(figure.subplots(1, 2), (wanted, answer), ("target", "yours"), strict=True):
        axes.scatter(*points.reshape(-1, 2).T, c=range(points[..., 0].numel()), cmap="viridis", s=12)
        axes.set_xlim(-1.2, 1.2)
        axes.set_ylim(1.2, -1.2)
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
    return picture(
        figure, f"Grid points, target and yours, for {describe(case)}; the colour runs from the first point to the last."
    )


def draw_sampled(case: dict, wanted: Tensor, answer: Tensor) -> Picture:
    """First image, first channel, of both outputs."""
    wanted, answer = (t if t.dim() == 2 else t[0, 0] for t in (wanted, answer))
    return side_by_side(wanted, answer, "Sampled image")


# notebook 01


def check_shift_theta(function: Callable) -> Verdict:
    """`shift_theta(right, down, size)`: affine theta (6,) that moves the *picture* by whole pixels."""

    def theta(x: float, y: float) -> Tensor:
        return torch.tensor([1, 0, x, 0, 1, y])

    cases = [dict(right=r, down=d, size=s) for r, d, s in product((3, -2), (1, 4), ((20, 20), (16, 32)))]
    mistakes = {
        "your picture moves the other way: theta says where to look, so to move the picture right the grid moves left": (
            lambda right, down, size: theta(2 * right / size[1], 2 * down / size[0])
        ),
        "half as far as asked: the normalised square is 2 wide, so a pixel is 2 / W": (
            lambda right, down, size: theta(-right / size[1], -down / size[0])
        ),
        "height and width are exchanged: size is (H, W), x goes with W": (
            lambda right, down, size: theta(-2 * right / size[0], -2 * down / size[1])
        ),
        "theta is in normalised coordinates, not in pixels": lambda right, down, size: theta(-right, -down),
    }
    return compare(
        function, cases, lambda right, down, size: theta(-2 * right / size[1], -2 * down / size[0]), mistakes, draw_theta
    )


def check_turn_theta(function: Callable) -> Verdict:
    """`turn_theta(degrees)`: affine theta (6,) that turns the *picture* clockwise on the screen."""

    def theta(radians: float) -> Tensor:
        return Affine().from_matrix(Rotation().matrix(torch.tensor([[radians]])))[0]

    def mirrored(degrees: float) -> Tensor:
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return torch.tensor([cos, sin, 0, sin, cos, 0])

    cases = [dict(degrees=d) for d in (30.0, 90.0, -45.0, 10.0)]
    mistakes = {
        "your picture turns the other way: theta turns the grid, and the picture goes against it": (
            lambda degrees: theta(math.radians(degrees))
        ),
        "degrees were taken for radians: multiply by pi / 180": lambda degrees: theta(-degrees),
        "both sines have the same sign, which is no rotation: one of them is negative": mirrored,
    }
    return compare(function, cases, lambda degrees: theta(-math.radians(degrees)), mistakes, draw_theta)


# notebook 02

SIZES = ((3, 5), (4, 4), (6, 2))


def check_target_grid(function: Callable) -> Verdict:
    """`my_target_grid(size, align_corners)`: (H, W, 2), last axis (x, y), as torch's affine_grid gives for the identity."""
    cases = [dict(size=size, align_corners=flag) for size, flag in product(SIZES, (False, True))]

    def oracle(size, align_corners):
        return F.affine_grid(torch.eye(2, 3)[None], [1, 1, *size], align_corners=align_corners)[0]

    mistakes = {
        "x and y are exchanged: the last axis is (x, y), and x runs along a row": lambda size, align_corners: oracle(
            size, align_corners
        ).flip(-1),
        "height and width are exchanged: size is (H, W), rows come first": lambda size, align_corners: oracle(
            size[::-1], align_corners
        ),
        "align_corners is ignored, -1 and 1 are always pixel centres: with False they are the outer edges": (
            lambda size, align_corners: oracle(size, True)
        ),
        "align_corners is ignored, -1 and 1 are always outer edges: with True they are pixel centres": (
            lambda size, align_corners: oracle(size, False)
        ),
        "align_corners is the wrong way round": lambda size, align_corners: oracle(size, not align_corners),
    }
    return compare(function, cases, oracle, mistakes, draw_grid)


def check_unsheared_theta(function: Callable) -> Verdict:
    """`unsheared_theta(angle, size)`: affine theta (6,) that turns a non-square image without shearing it."""

    def theta(angle: float, aspect: float) -> Tensor:
        return Affine().from_matrix(Rotation(aspect).matrix(torch.tensor([[angle]])))[0]

    cases = [dict(angle=a, size=s) for a, s in product((0.4, -1.1), ((16, 32), (30, 20), (20, 20)))]
    mistakes = {
        "this is the plain rotation matrix, which shears an image that is not square": lambda angle, size: theta(angle, 1),
        "the aspect is upside down: x is divided by W and y by H": lambda angle, size: theta(angle, size[0] / size[1]),
        "the grid turns the other way: keep the sign of the plain rotation": lambda angle, size: theta(
            -angle, size[1] / size[0]
        ),
    }
    return compare(function, cases, lambda angle, size: theta(angle, size[1] / size[0]), mistakes, draw_theta)


# notebook 03


def bilinear(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool, bug: str = "") -> Tensor:
    """Bilinear sampling with one of four famous bugs in it, to compare a learner's answer with."""
    height, width = images.shape[2:]
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(-1)
    x = pad_coordinates(x, width, padding_mode, align_corners)
    y = pad_coordinates(y, height, padding_mode, align_corners)
    drop = 1 if bug == "last row lost" else 0
    out = torch.zeros(len(images), images.shape[1], *x.shape[1:])
    for dy, dx in product((0, 1), (0, 1)):
        y_n, x_n = y.floor() + dy, x.floor() + dx
        inside = (x_n >= 0) & (x_n < width - drop) & (y_n >= 0) & (y_n < height - drop)
        y_c, x_c = y_n.clamp(0, height - 1), x_n.clamp(0, width - 1)
        if bug == "clipped weights":
            weight = (1 - (x - x_c).abs()).clamp(min=0) * (1 - (y - y_c).abs()).clamp(min=0)
            inside = torch.ones_like(inside)
        elif bug == "opposite corners":  # each weight is the distance to the opposite corner, both clipped
            x_o, y_o = (x.floor() + 1 - dx).clamp(0, width - 1), (y.floor() + 1 - dy).clamp(0, height - 1)
            weight = (x_o - x) * (1 - 2 * dx) * (y_o - y) * (1 - 2 * dy)
            inside = torch.ones_like(inside)
        else:
            weight = (1 - (x - x_n).abs()) * (1 - (y - y_n).abs())
            inside = torch.ones_like(inside) if bug == "no zeros" else inside
        for n in range(len(images)):
            out[n] += weight[n] * inside[n] * images[n, :, y_c[n].long(), x_c[n].long()]
    return out


def check_sampler(function: Callable) -> Verdict:
    """`my_sampler(images, grid, padding_mode, align_corners)`: bilinear, as torch's grid_sample."""
    generator = torch.Generator().manual_seed(0)
    cases = []
    for padding_mode, align_corners, (height, width) in product(PADDING_MODES, (False, True), ((5, 7), (6, 4))):
        images = torch.rand(2, 3, height, width, generator=generator)
        grid = torch.rand(2, 4, 6, 2, generator=generator) * 3 - 1.5
        cases.append(dict(images=images, grid=grid, padding_mode=padding_mode, align_corners=align_corners))

    def oracle(images, grid, padding_mode, align_corners):
        return F.grid_sample(images, grid, "bilinear", padding_mode, align_corners)

    mistakes = {
        "x and y are exchanged: the last axis of the grid is (x, y), images are indexed [row, column]": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid.flip(-1), padding_mode, align_corners)
        ),
        "the weights are computed after clipping: they must come from the unclipped corners": (
            lambda images, grid, padding_mode, align_corners: bilinear(
                images, grid, padding_mode, align_corners, "clipped weights"
            )
        ),
        "the weights come from clipped corners, so that they cancel at the border: take the unclipped ones": (
            lambda images, grid, padding_mode, align_corners: bilinear(
                images, grid, padding_mode, align_corners, "opposite corners"
            )
        ),
        "the last row and column are never read: indices run to W - 1, included": (
            lambda images, grid, padding_mode, align_corners: bilinear(
                images, grid, padding_mode, align_corners, "last row lost"
            )
        ),
        "outside the image your sampler repeats the border under 'zeros': a neighbour outside counts as 0": (
            lambda images, grid, padding_mode, align_corners: bilinear(images, grid, padding_mode, align_corners, "no zeros")
        ),
        "padding_mode is ignored: only 'zeros' is right": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid, "zeros", align_corners)
        ),
        "align_corners is ignored: -1 and 1 are always pixel centres in your sampler": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid, padding_mode, True)
        ),
        "align_corners is ignored: -1 and 1 are always outer edges in your sampler": (
            lambda images, grid, padding_mode, align_corners: oracle(images, grid, padding_mode, False)
        ),
    }
    return compare(function, cases, oracle, mistakes, draw_sampled)


def check_derivative_by_t_x(function: Callable) -> Verdict:
    """`derivative_by_t_x(image, t_x, align_corners)`: d output / d t_x of a translation, (H, W), for an image (H, W)."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(image=torch.rand(height, width, generator=generator), t_x=t_x, align_corners=flag)
        for (height, width), t_x, flag in product(((5, 8), (6, 3)), (0.13, -0.4), (False, True))
    ]

    def in_pixels(image, t_x, align_corners):
        grid = Translation().grid(torch.tensor([[t_x, 0.0]]), image.shape, align_corners)[0]
        x, y = normalized_to_pixel(grid, image.shape, align_corners).unbind(-1)
        return bilinear_gradient(image, x.flatten(), y.flatten())[1].view(image.shape)

    def factor(image, align_corners):
        return (image.shape[1] - 1) / 2 if align_corners else image.shape[1] / 2

    mistakes = {
        "the chain rule is missing: t_x is normalised, the derivative is per pixel, so a factor remains": in_pixels,
        "the factor is twice too large: the normalised square is 2 wide": lambda image, t_x, align_corners: (
            2 * factor(image, align_corners) * in_pixels(image, t_x, align_corners)
        ),
        "the factor W / 2 is right for align_corners=False only": lambda image, t_x, align_corners: (
            factor(image, False) * in_pixels(image, t_x, align_corners)
        ),
        "the sign is wrong: when t_x grows the sampling points move right": lambda image, t_x, align_corners: (
            -factor(image, align_corners) * in_pixels(image, t_x, align_corners)
        ),
    }

    def oracle(image, t_x, align_corners):
        return factor(image, align_corners) * in_pixels(image, t_x, align_corners)

    return compare(function, cases, oracle, mistakes, draw_sampled)


# notebook 04


@report_errors
def check_start(function: Callable) -> Verdict:
    """`my_start(layer, identity)`: make a last linear layer answer `identity` for every input, in place, trainable."""
    generator = torch.Generator().manual_seed(0)
    families = (Affine(), Similarity(), Rotation(), Translation())
    for family in families:
        layer, identity = nn.Linear(12, family.num_params), family.identity()
        weight_before = layer.weight.detach().clone()
        function(layer, identity.clone())
        features = torch.randn(8, 12, generator=generator)
        theta = layer(features)
        if not layer.weight.requires_grad or not layer.bias.requires_grad:
            return Verdict("failed", "the layer is frozen: keep requires_grad, or theta will never leave the identity")
        if not agree(layer.bias, identity):
            hint = (
                ": a theta of zero shrinks the grid to one point" if isinstance(family, Affine) and not layer.bias.any() else ""
            )
            return Verdict("failed", f"expected the bias {identity.tolist()} for {family}, got {layer.bias.tolist()}{hint}")
        if not agree(theta, identity.expand(8, -1)):
            same = ", which were not touched" if torch.equal(layer.weight, weight_before) else ""
            return Verdict("failed", f"theta still depends on the input: the weights{same} must be zero for {family}")
        layer(features).square().sum().backward()
        if family.identity().any() and not layer.weight.grad.any():
            return Verdict("failed", f"no gradient reaches the weights for {family}")
    return Verdict("passed", f"identity for {len(families)} families, whatever the input, and trainable.")


@report_errors
def check_plug_in(function: Callable) -> Verdict:
    """`plug_in(cnn, in_shape)`: a model with an affine spatial transformer in front of `cnn`, starting as `cnn` itself."""
    for in_shape in ((1, 28, 28), (3, 32, 40)):
        torch.manual_seed(0)
        cnn = nn.Sequential(nn.Conv2d(in_shape[0], 4, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
        images = torch.rand(4, *in_shape)
        logits = cnn(images).detach()
        model = function(cnn, in_shape)
        if model is None:
            return Verdict(NOT_TRIED, NOT_TRIED)
        if not isinstance(model, nn.Module):
            return Verdict("failed", f"expected a torch.nn.Module, got {type(model).__name__}")
        mine = {id(p) for p in cnn.parameters()}
        added = [p for p in model.parameters() if id(p) not in mine]
        if not added:
            return Verdict("failed", "the model has no parameters besides the CNN's: it needs a localisation network")
        answer = model(images)
        if not agree(answer, logits):
            gap = (answer - logits).abs().max().item() if answer.shape == logits.shape else math.nan
            hint = "does the last layer of the localiser start at the identity?"
            return Verdict(
                "failed", f"an untrained transformer should change nothing, but logits move by {gap:.3f} for {in_shape}: {hint}"
            )
        F.cross_entropy(answer, torch.arange(4) % 3).backward()
        if not any(p.grad is not None and p.grad.any() for p in added):
            return Verdict("failed", "no gradient reaches the localiser: is the warped image what the CNN sees?")
    return Verdict("passed", "it starts as the CNN itself, and the gradient reaches the localiser.")


# notebook 05


def check_recovered_degrees(function: Callable) -> Verdict:
    """`recovered_degrees(theta)`: angle of the rotation nearest to each affine theta (N, 6) -> (N,), in degrees."""
    generator = torch.Generator().manual_seed(0)
    turn = Rotation().matrix(torch.linspace(-3, 3, 13)[:, None])[:, :, :2]
    noise = torch.randn(13, 2, 2, generator=generator) * 0.15
    stretch = 0.8 * torch.eye(2) + (noise + noise.mT) / 2  # symmetric and positive: its nearest rotation is none
    shift = torch.rand(13, 2, 1, generator=generator) - 0.5
    cases = [dict(theta=torch.cat([linear, shift], dim=2).view(13, 6)) for linear in (turn, 0.6 * turn, turn @ stretch)]

    def oracle(theta):
        return rotation_angle(theta.view(-1, 2, 3)).rad2deg()

    mistakes = {
        "that is in radians: multiply by 180 / pi": lambda theta: oracle(theta).deg2rad(),
        "the sign is wrong: a21 - a12 is positive for a positive angle": lambda theta: -oracle(theta),
        "the arc cosine cannot tell left from right, and scale spoils it: use atan2": (
            lambda theta: theta[:, 0].clamp(-1, 1).acos().rad2deg()
        ),
        "that is the angle of the first column only: with stretch in theta the nearest rotation needs all four entries": (
            lambda theta: torch.atan2(theta[:, 3], theta[:, 0]).rad2deg()
        ),
        "the indices are off: theta is row by row, (a11, a12, t_x, a21, a22, t_y)": (
            lambda theta: torch.atan2(theta[:, 2] - theta[:, 1], theta[:, 0] + theta[:, 3]).rad2deg()
        ),
    }
    return compare(function, cases, oracle, mistakes)


def check_spread_degrees(function: Callable) -> Verdict:
    """`spread_degrees(angles)`: circular standard deviation of angles (N,), in degrees and out in degrees."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(angles=torch.randn(200, generator=generator) * sd + middle)
        for sd, middle in ((5, 0), (20, 90), (10, 180), (50, -170))
    ]
    cases = [dict(angles=(case["angles"] + 180) % 360 - 180) for case in cases]

    def length(angles):
        radians = angles.double().deg2rad()
        return torch.hypot(radians.cos().mean(), radians.sin().mean())

    def oracle(angles):
        return math.degrees(circular_spread(angles.double().deg2rad()))

    mistakes = {
        "that is the ordinary standard deviation: for it, -179 and 179 degrees lie far apart": lambda angles: angles.std(),
        "that is the ordinary standard deviation (of the whole population): for it, -179 and 179 degrees lie far apart": (
            lambda angles: angles.std(correction=0)
        ),
        "that is in radians: convert back to degrees": lambda angles: math.radians(oracle(angles)),
        "that is 1 - R, the circular variance: the spread is sqrt(-2 ln R)": lambda angles: 1 - length(angles),
        "degrees went into cos and sin as if they were radians": lambda angles: math.degrees(circular_spread(angles.double())),
    }
    return compare(function, cases, oracle, mistakes)


# notebook 06


def check_project(function: Callable) -> Verdict:
    """`project(theta, points)`: thetas (N, 8), points (K, 2) -> (N, K, 2); (9, 9) where the depth is not positive."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(40, 2, generator=generator) * 2 - 1
    cases = []
    for strength in (0.0, 0.4, 2.0):  # affine, all in front, some behind
        theta = Projective().identity() + 0.3 * torch.randn(5, 8, generator=generator)
        theta[:, 6:] = strength * (torch.rand(5, 2, generator=generator) * 2 - 1)
        cases.append(dict(theta=theta, points=points))

    def parts(theta, points):
        matrix = Projective().to_matrix(theta)
        mapped = torch.cat([points, torch.ones(len(points), 1)], dim=1) @ matrix.mT
        return mapped[..., :2], mapped[..., 2:]

    def oracle(theta, points):
        numerator, depth = parts(theta, points)
        return torch.where(depth <= 0, 9.0, numerator / torch.where(depth <= 0, 1.0, depth))

    def undivided(theta, points):
        numerator, depth = parts(theta, points)
        return torch.where(depth <= 0, 9.0, numerator)

    def columns_first(theta, points):
        ninth = torch.ones(len(theta), 1)
        return oracle(torch.cat([theta, ninth], dim=1).view(-1, 3, 3).mT.flatten(1)[:, :8], points)

    mistakes = {
        "points behind the camera are divided too, and show the picture upside down: send them to (9, 9)": (
            lambda theta, points: torch.div(*parts(theta, points))
        ),
        "the numerators are not divided by the depth": undivided,
        "theta is row by row: (a, b, c, d, e, f, g, h)": columns_first,
        "behind means a depth that is not positive: its size does not matter": (
            lambda theta, points: torch.div(parts(theta, points)[0], parts(theta, points)[1].abs())
        ),
    }
    return compare(function, cases, oracle, mistakes)


def check_flow(function: Callable) -> Verdict:
    """`flow(velocity, points, squarings)`: follow a velocity field for one unit of time in 2^squarings equal steps."""
    points = torch.rand(12, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def swirl(points):
        return 0.8 * torch.stack([-points[:, 1], points[:, 0]], dim=1)

    def funnel(points):
        return -0.5 * points * points.norm(dim=1, keepdim=True)

    cases = [dict(velocity=v, points=points, squarings=n) for v in (swirl, funnel) for n in (0, 1, 3, 5)]

    def steps(velocity, points, number, length):
        for _ in range(number):
            points = points + length * velocity(points)
        return points

    mistakes = {
        "that is a single step: ask the velocity anew wherever the points have arrived": (
            lambda velocity, points, squarings: steps(velocity, points, 1, 1)
        ),
        "each step goes too far: it lasts 1 / 2^squarings": (
            lambda velocity, points, squarings: steps(velocity, points, 2**squarings, 1)
        ),
        "squarings doublings make 2^squarings steps, not squarings": (
            lambda velocity, points, squarings: steps(velocity, points, max(1, squarings), 1 / max(1, squarings))
        ),
        "the time runs backwards: add the velocity": (
            lambda velocity, points, squarings: steps(velocity, points, 2**squarings, -1 / 2**squarings)
        ),
    }
    return compare(
        function, cases, lambda velocity, points, squarings: steps(velocity, points, 2**squarings, 1 / 2**squarings), mistakes
    )


# notebook 07


def check_window_scale(function: Callable) -> Verdict:
    """`window_scale(theta)`: how large the window of affine thetas (N, 6) is, as a multiple of the output: (N,)."""
    generator = torch.Generator().manual_seed(0)
    noise = 0.5 * torch.randn(20, 6, generator=generator)
    mirrored = Affine().identity() * torch.tensor([-1.0, 1, 1, 1, 1, 1])
    cases = [dict(theta=middle + noise) for middle in (Affine().identity(), 2 * Affine().identity(), mirrored)]

    def determinant(theta):
        return theta[:, 0] * theta[:, 4] - theta[:, 1] * theta[:, 3]

    def oracle(theta):
        return scale_of(theta.view(-1, 2, 3))

    mistakes = {
        "that is the window's area: its scale is the square root": lambda theta: determinant(theta).abs(),
        "that is how much larger the picture appears: the window is the inverse of it": lambda theta: 1 / oracle(theta),
        "the root of a negative determinant is NaN: a mirrored window has a size, too": lambda theta: determinant(theta).sqrt(),
        "shear and turn spoil the mean of the diagonal: take the determinant of the 2x2 part": (
            lambda theta: (theta[:, 0] + theta[:, 4]) / 2
        ),
        "the indices are off: theta is row by row, (a11, a12, t_x, a21, a22, t_y)": (
            lambda theta: (theta[:, 0] * theta[:, 3] - theta[:, 1] * theta[:, 2]).abs().sqrt()
        ),
    }
    return compare(function, cases, oracle, mistakes)


def check_block_means(function: Callable) -> Verdict:
    """`block_means(values, size)`: the mean of each block of `size` values; the last block may be shorter."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(values=(100 * torch.rand(n, generator=generator)).tolist(), size=size)
        for n, size in ((50, 10), (12, 4), (7, 3), (5, 1))
    ]

    def blocks(values, size):
        return [values[start : start + size] for start in range(0, len(values), size)]

    def oracle(values, size):
        return [sum(block) / len(block) for block in blocks(values, size)]

    mistakes = {
        "the last block is dropped when it is not full": (
            lambda values, size: [sum(block) / size for block in blocks(values, size) if len(block) == size]
        ),
        "a short last block has fewer values: divide by how many it has": (
            lambda values, size: [sum(block) / size for block in blocks(values, size)]
        ),
        "blocks that overlap are a moving average: step by `size`, not by 1": (
            lambda values, size: [sum(values[k : k + size]) / size for k in range(len(values) - size + 1)]
        ),
        "that is the best of each block, the luck that the means are to take out": (
            lambda values, size: [max(block) for block in blocks(values, size)]
        ),
    }
    return compare(function, cases, oracle, mistakes)
