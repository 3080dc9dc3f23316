"""The symptoms of notebook 9 as pictures, and the lines behind them that are wrong: one exhibit a room."""

import math

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from ..geometry.affine import Affine
from ..geometry.coordinates import target_grid
from ..geometry.sampler import sample
from ..geometry.thin_plate_spline import ThinPlateSpline
from ..networks.localization import LocalizationNet
from ..networks.models.paper import paper_cnn
from ..networks.watching import evaluating, find_transformer
from ..networks.weights import pretrained
from ..training.distortions import RandomRotation
from ..training.experiments import experiment_called
from ..training.metrics import out_of_frame_fraction, scale_of
from ..training.runs import load_theta
from .checks.drawing import letter_f, letters
from .checks.wrong_samplers import bilinear, cancelling, scaled_by_width, two_short
from .figures import images_in_a_row, lines, warp
from .picture import ACCENT, SECOND, Picture, panel, picture, plain

# ---- what is wrong: shown in the notebook word for word


def mixed_corners(images: Tensor, theta: Tensor) -> Tensor:
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    return F.grid_sample(images, grid, align_corners=False)


def turned_against(degrees: float) -> Tensor:
    """Affine theta (6,) that turns the picture clockwise."""
    angle = math.radians(degrees)
    return torch.tensor([math.cos(angle), -math.sin(angle), 0.0, math.sin(angle), math.cos(angle), 0.0])


def turned_in_degrees(degrees: float) -> Tensor:
    """Affine theta (6,) that turns the picture clockwise."""
    return torch.tensor([math.cos(degrees), math.sin(degrees), 0.0, -math.sin(degrees), math.cos(degrees), 0.0])


def turned_as_square(angle: float, size: tuple[int, int]) -> Tensor:
    """Affine theta (6,) that turns a picture of (H, W)."""
    return torch.tensor([math.cos(angle), -math.sin(angle), 0.0, math.sin(angle), math.cos(angle), 0.0])


def rows_for_x(size: tuple[int, int], align_corners: bool) -> Tensor:
    """Target grid (H, W, 2) of the normalised square."""
    rows, columns = target_grid(size, align_corners).unbind(dim=-1)
    return torch.stack([columns, rows], dim=-1)


def forgetful(images: Tensor, theta: Tensor) -> Tensor:
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    F.grid_sample(images, grid, align_corners=False)
    return images


def cut_off(images: Tensor, theta: Tensor) -> Tensor:
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False).detach()
    return F.grid_sample(images, grid, align_corners=False)


# ---- nets to try it in, and a moment of training


class HandMade(nn.Module):
    """The paper's ST-CNN for digits (N, 1, 28, 28) with a `warp` of one's own: images, theta (N, 2, 3) -> images."""

    def __init__(self, warp):
        super().__init__()
        self.localizer, self.warp, self.classifier = LocalizationNet((1, 28, 28), Affine()), warp, paper_cnn()

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.warp(images, self.localizer(images).view(-1, 2, 3)))


def a_moment_of_training(
    net: nn.Module, localizer: nn.Module, images: Tensor, labels: Tensor, groups=None, steps: int = 25, lr: float = 0.1
) -> dict[str, list[float]]:
    """Train a net with plain SGD on digits (N, 1, 28, 28), uint8, each batch turned anew: what was seen at each step.

    localizer: the part of it that answers affine theta. groups: of parameters, for the optimiser; None: all alike. Returns along the
    steps "loss", "outside" (how many per cent of the sampling points lie outside the picture) and "moved" (how far the
    localiser's parameters have gone from where they began).
    """
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(groups or net.parameters(), lr=lr)
    begin = [p.detach().clone() for p in localizer.parameters()]
    along: dict[str, list[float]] = {"loss": [], "outside": [], "moved": []}
    thetas: list[Tensor] = []
    hook = localizer.register_forward_hook(lambda module, inputs, theta: thetas.append(theta.detach()))
    for _ in range(steps):
        batch = torch.randint(len(images), (64,), generator=generator)
        turned, _ = RandomRotation(90)(images[batch].float() / 255, generator)
        loss = F.cross_entropy(net(turned), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        along["loss"].append(float(loss.detach()))
        along["outside"].append(100 * float(out_of_frame_fraction(Affine().grid(thetas[-1], (28, 28))).mean()))
        along["moved"].append(
            float(sum((p.detach() - q).square().sum() for p, q in zip(localizer.parameters(), begin, strict=True)) ** 0.5)
        )
    hook.remove()
    return along


def gradient_norms_of(net: HandMade, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Norm of the loss's gradient in each layer with weights, by what the layer belongs to; 0 where none arrives."""
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    layers = [(name, layer) for name, layer in net.named_modules() if hasattr(layer, "weight") and layer.weight.dim() > 1]
    return {name: 0.0 if layer.weight.grad is None else float(layer.weight.grad.norm()) for name, layer in layers}


def window_along(net: nn.Module, images: Tensor, labels: Tensor, steps: int) -> list[float]:
    """Train a net on upright digits, uint8, by the PyTorch tutorial's recipe: the mean scale of its window every 25 steps.

    Its SGD has a momentum of 0.9 here, which arrives about ten times as soon. The net is left trained.
    """
    generator, scales = torch.Generator().manual_seed(0), []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for step in range(steps + 1):
        if step % 25 == 0:
            with torch.no_grad():
                theta = net.theta(images[:200].float() / 255)
            scales.append(float(scale_of(Affine().matrix(theta)).mean()))
        batch = torch.randint(len(images), (64,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(net(images[batch].float() / 255), labels[batch]).backward()
        optimizer.step()
    return scales


# ---- the symptoms


def paper() -> Tensor:
    """A letter F on bright paper, (1, 1, 20, 20): its border is not black."""
    return letters(1, 1, 20, 20)


def identity_grid(side: int, align_corners: bool = True) -> Tensor:
    """The identity's grid, (1, side, side, 2)."""
    return Affine().grid(Affine().identity()[None], (side, side), align_corners)


def last_row() -> Picture:
    """A picture whose last row and column have gone black."""
    out = bilinear(to_pixel=scaled_by_width)(paper(), identity_grid(20), "zeros", True)
    told = "An F on grey; after the identity it is a little shrunk and blurred, and the last row and column are black"
    return images_in_a_row([paper()[0], out[0]], ["what comes in", "after the identity"], told, width=2.4)


def seam() -> Picture:
    """A turned picture with a dark seam where its border should go on."""
    image, theta = F.interpolate(paper(), 40)[:, :, 8:32, 8:32], torch.tensor([[0.9, -0.45, 0.1, 0.45, 0.9, 0.1]])
    grid = Affine().grid(theta, (24, 24))
    outs = [sample(image, grid, padding_mode="border"), bilinear(cancelling)(image, grid, "border", False)]
    told = "Part of an F on grey; turned, with its edge drawn out; and yours, black where it should go on, with a seam in steps"
    return images_in_a_row([image[0], *(out[0] for out in outs)], ["what comes in", "turned, border", "yours"], told, width=2)


def nearly() -> Picture:
    """Noise, what an identity that is none makes of it, and the difference."""
    noise = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    out = bilinear(to_pixel=two_short)(noise, identity_grid(28), "border", True)
    gap = (out - noise).abs()
    titles = ["noise", "after the identity", f"difference, up to {float(gap.max()):.2f}"]
    told = f"Noise; after the identity it is softer, towards the lower right most; the difference, up to {float(gap.max()):.2f}"
    return images_in_a_row([noise[0], out[0], gap[0]], titles, told, width=2)


def fading() -> Picture:
    """An all-ones picture that fades at its edge."""
    ones, theta = torch.ones(1, 1, 8, 8), torch.eye(2, 3)[None]
    out = mixed_corners(ones, theta)[0]
    values = f"inside {float(out[0, 3, 3]):.2f}, edge {float(out[0, 0, 3]):.2f}, corner {float(out[0, 0, 0]):.2f}"
    return images_in_a_row(
        [ones[0], out], ["all ones", values], f"A white square; then one with a grey frame: {values}", width=2.6
    )


def enlarged(digit: Tensor) -> Picture:
    """A digit (1, 28, 28) and its enlargement by a transformer that has learned nothing yet."""
    theta = torch.tanh(Affine().identity())[None]
    return images_in_a_row(
        [digit, sample(digit[None], Affine().grid(theta, (28, 28)))[0]],
        ["what comes in", "behind an untrained transformer"],
        "A digit; behind an untrained transformer it is larger, and cut off at the edge",
        width=2.4,
    )


def warped_f(theta: Tensor, size: tuple[int, int] = (20, 20)) -> Tensor:
    """The letter F, warped by an affine theta (6,): (1, H, W)."""
    return sample(letter_f(*size)[None], Affine().grid(theta[None], size))[0]


def against() -> Picture:
    """An F that turns the other way."""
    shown = [letter_f(), warped_f(turned_against(30.0))]
    told = "An F; where 30 degrees clockwise were asked for it is turned counter-clockwise"
    return images_in_a_row(shown, ["an F", "asked for: 30 degrees clockwise"], told, width=2.6)


def far_too_much() -> Picture:
    """An F turned by one, two, three degrees, it is said."""
    angles = (1.0, 2.0, 3.0, 30.0)
    told = "An F said to be turned by 1, 2, 3 and 30 degrees: it is turned by 57, 115, 172 and 279"
    return images_in_a_row([warped_f(turned_in_degrees(a)) for a in angles], [f"{a:g} degrees" for a in angles], told)


def sheared() -> Picture:
    """A wide F that is sheared by its turn, and a square one that is not."""
    shown = [warped_f(turned_as_square(0.6, size), size) for size in ((20, 20), (20, 60))]
    told = "A wide F; turned it is slanted, its bars no longer at right angles; a square one, turned, keeps its right angles"
    return images_in_a_row([letter_f(20, 60), *shown[::-1]], ["a wide F", "turned", "a square one, turned"], told, width=2.2)


def lying() -> Picture:
    """An F that lies on its side."""
    out = sample(letter_f()[None], rows_for_x((20, 20), False)[None])[0]
    told = "An F; after the identity it lies on its side, its rows where the columns were"
    return images_in_a_row([letter_f(), out], ["an F", "after the identity"], told, width=2.5)


def plateau(digit: Tensor) -> Picture:
    """The loss of a trained classifier for one digit (1, 1, 28, 28), over where its window looks: shift to the right, and zoom."""
    net = pretrained("mnist-r/st-cnn-affine")
    shifts, zooms = torch.linspace(-4, 4, 41), torch.linspace(-1.2, 1.2, 25)
    zoom, shift = torch.meshgrid(zooms.exp(), shifts, indexing="ij")
    zero = torch.zeros_like(zoom)
    theta = torch.stack([zoom, zero, shift, zero, zoom, zero], dim=-1).view(-1, 6).requires_grad_()
    with evaluating(net):
        label = net(digit).argmax(dim=1)
        out = net.classifier(sample(digit.expand(len(theta), -1, -1, -1), Affine().grid(theta, (28, 28))))
    loss = F.cross_entropy(out, label.expand(len(theta)), reduction="none")
    slope = torch.autograd.grad(loss.sum(), theta)[0].norm(dim=1)
    dead = (slope == 0).view(zoom.shape)
    figure = Figure(figsize=(6.6, 3), layout="constrained")
    axes = figure.subplots()
    extent = (-4, 4, -1.2, 1.2)
    shown = axes.imshow(loss.detach().view(zoom.shape).numpy(), extent=extent, origin="lower", aspect="auto", cmap="viridis")
    axes.contourf(shifts.numpy(), zooms.numpy(), dead.numpy(), levels=[0.5, 1.5], colors="none", hatches=["///"])
    axes.set(xlabel="shift of the window, t_x", ylabel="logarithm of its scale")
    figure.colorbar(shown, label="loss")
    share = f"{100 * float(dead.float().mean()):.0f} %"
    axes.set_title(f"hatched: the gradient is exactly 0 ({share})", fontsize=10)
    alt = (
        f"Loss of a classifier over shift and scale of its window. On both sides a plateau, {share} of the area, without slope."
    )
    return picture(figure, alt)


def unmoved(along: dict) -> Picture:
    """Loss along a moment of training, and how far the localiser has moved."""
    steps = range(1, len(along["loss"]) + 1)
    return lines(
        {"loss": (steps, along["loss"]), "how far the localiser has moved": (steps, along["moved"])},
        "step",
        "loss and distance",
    )


def leaving(along: dict) -> Picture:
    """Loss along a moment of training, and how much of the window lies outside the picture."""
    steps, outside = range(1, len(along["loss"]) + 1), [share / 10 for share in along["outside"]]
    return lines(
        {"loss": (steps, along["loss"]), "points outside the picture, in tenths": (steps, outside)}, "step", "loss and tenths"
    )


def silence(norms: dict[str, float]) -> Picture:
    """Gradient norms as bars, a layer each."""
    figure = Figure(figsize=(6.4, 0.7 + 0.3 * len(norms)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(norms)), list(norms.values()), color=[ACCENT if norm == 0 else SECOND for norm in norms.values()])
    axes.set_yticks(range(len(norms)), list(norms), fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("norm of the gradient")
    plain(axes)
    said = "; ".join(f"{name} {norm:.2g}" for name, norm in norms.items())
    return picture(figure, f"Norm of the gradient of each part: {said}.")


def stripes(size: int = 24) -> Picture:
    """Fine rings, and what too few sampling points make of them."""
    image = fine_stripes()
    out = sample(image, Affine().grid(Affine().identity()[None], (size, size)))
    told = f"Fine rings around one corner, 96 pixels wide; sampled at {size} there are rings around all four corners"
    return images_in_a_row([image[0], out[0]], ["96 pixels wide", f"sampled at {size}"], told, width=2.8)


def fine_stripes(side: int = 96) -> Tensor:
    """Fine rings around the upper left corner, (1, 1, side, side): the finer, the farther out."""
    axis = torch.linspace(0, 1, side)
    return (0.5 + 0.5 * torch.cos(90 * (axis**2 + axis[:, None] ** 2)))[None, None]


def in_steps() -> Picture:
    """A small window of a large picture, through a grid in full and in half precision."""
    grid = small_window()
    outs = [sample(fine_stripes(512), points)[0] for points in (grid, grid.bfloat16().float())]
    told = (
        "Soft slanted stripes through a grid in float32; through the same grid in bfloat16 they have the steps of a staircase"
    )
    return images_in_a_row(outs, ["grid in float32", "the same grid in bfloat16"], told, width=2.6)


def small_window() -> Tensor:
    """A grid (1, 96, 96, 2) that looks at a twelfth of a picture's width, near a corner."""
    return Affine().grid(torch.tensor([[0.08, 0.03, 0.7, -0.03, 0.08, -0.6]]), (96, 96))


def folded_theta() -> Tensor:
    """Theta (32,) of a 4x4 lattice whose two middle columns change places, nearly."""
    moved = torch.zeros(4, 4, 2)
    moved[:, 1, 0], moved[:, 2, 0] = 0.48, -0.48
    return moved.flatten()


def twice(digit: Tensor) -> Picture:
    """An image (1, H, W) under a spline that folds."""
    return warp(digit, ThinPlateSpline(), folded_theta(), "one warp of an image")


def handed_on_of(name: str, count: int = 7) -> Picture:
    """Test images that were turned, and below each what the transformer of a recorded run hands on."""
    history = load_theta(name)
    family = find_transformer(experiment_called(name).build()).family
    images = history["image"][:count].float() / 255
    outs = sample(images, family.grid(history["theta"][-1][:count], tuple(images.shape[2:])))
    figure = Figure(figsize=(1.1 * count, 2.4), layout="constrained")
    for axes, image in zip(figure.subplots(2, count).flat, [*images, *outs], strict=True):
        panel(axes, image)
    return picture(figure, f"{count} turned digits, and below each what the transformer of {name} hands on.")
