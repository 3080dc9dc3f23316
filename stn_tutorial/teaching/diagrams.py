"""Diagrams: the whole spatial transformer with one part lit, and the small drawings that explain a part."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from torch import Tensor

from ..files import write_atomically
from ..geometry.affine import Affine
from ..geometry.coordinates import normalized_to_pixel, target_grid
from ..geometry.sampler import cubic_weight, sample
from ..geometry.similarity import Similarity
from .figures import Lattice, lattice_lines
from .picture import ACCENT, GREYS, INK, SECOND, Picture, as_array, in_unit_range, picture

LIT, FADED = "#f9d9dd", "#8a8a8a"
POSE = torch.tensor([[-0.6, math.log(0.72), 0.08, -0.06]])  # of the window around the digit: angle, log of the scale, shift
# what can be lit, and where it stands: left, bottom, width, height
BOXES = {
    "localisation network": (1, 29, 19, 14),
    "grid generator": (33, 29, 19, 14),
    "sampler": (21, 5, 15, 14),
    "classifier": (57, 5, 11, 14),
}
PARTS = (*BOXES, "theta", "gradient")


@dataclass(frozen=True, repr=False)
class Diagram(Picture):
    """A picture that is also a vector graphic: `save` takes a name that ends in .svg, too."""

    svg: str = ""

    def save(self, path: str | Path) -> None:
        """Write the diagram to a file whose name ends in .svg, or in one of the endings of `Picture.save`."""
        if Path(path).suffix == ".svg":
            write_atomically(Path(path), self.svg.encode())
        else:
            super().save(path)


def diagram(figure: Figure, alt: str) -> Diagram:
    """Draw a matplotlib figure to a Diagram; the same figure always gives the same SVG."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "stn-tutorial"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", facecolor="white", metadata={"Date": None, "Title": alt})
    lines = buffer.getvalue().decode().splitlines()
    return Diagram(picture(figure, alt).png, alt, "\n".join(line.rstrip() for line in lines) + "\n")


def spatial_transformer(image: Tensor, highlight: str | None = None, label: str = "its class") -> Diagram:
    """The whole: input, localisation network, theta, grid generator, sampler, output, classifier, and the gradient's way back.

    image: an upright digit (1, H, W), uint8 or in [0, 1]. highlight: one of `PARTS`, drawn strong while the rest fades.
    label: what the classifier answers. Raises ValueError for an unknown part.
    """
    if highlight is not None and highlight not in PARTS:
        raise ValueError(f"highlight must be one of {', '.join(map(repr, PARTS))}, got {highlight!r}")
    image = in_unit_range(image)
    size, family = tuple(image.shape[1:]), Affine()
    back = family.from_matrix(Similarity().matrix(POSE))
    given = sample(image[None], family.grid(family.inverse(back), size))
    figure = Figure(figsize=(6.9, 4.75))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, 70), ylim=(-1, 48), aspect="equal")
    axes.set_axis_off()
    outline = [(-0.5, 26), (-0.5, 47), (53.5, 47), (53.5, 26), (37.5, 26), (37.5, 1), (19.5, 1), (19.5, 26)]
    axes.add_patch(Polygon(outline, facecolor="#f2f2f2", edgecolor="none"))
    axes.text(1, 44.2, "spatial transformer", fontsize=13, style="italic", color=INK)
    for part in BOXES:
        draw_box(axes, part, highlight)
    draw_insides(axes, family, back[0])
    lines = lattice_lines(family, back[0], size)
    draw_thumbnail(axes, given[0], (1, 5, 14), "input U", lines)
    draw_thumbnail(axes, sample(given, family.grid(back, size))[0], (41, 6, 12), "output V")
    axes.text(62.5, 32, "loss", ha="center", va="center", fontsize=13, bbox={"boxstyle": "circle", "fc": "white", "ec": INK})
    axes.text(62.5, 1.8, label, ha="center", fontsize=13, color=INK)
    theta_color = FADED if highlight not in (None, "theta") else INK
    weight = "bold" if highlight == "theta" else "normal"
    axes.text(26.5, 39.2, "θ", ha="center", va="center", fontsize=22, color=theta_color, weight=weight)
    draw_ways(axes, highlight)
    lit = f" {highlight} is drawn strong." if highlight else ""
    return diagram(
        figure,
        "Diagram of a spatial transformer. The input U, a turned digit, goes to the localisation network and to the sampler. "
        "The localisation network gives theta, the grid generator turns theta into sampling points, the sampler reads the input "
        "there and gives the output V, an upright digit, to the classifier, whose loss sends a gradient back through sampler and "
        f"grid generator to the localisation network.{lit[:1] + lit[1:2].upper() + lit[2:] if lit else ''}",
    )


def draw_box(axes, part: str, highlight: str | None) -> None:
    """A part's box with its name under its upper edge."""
    left, bottom, width, height = BOXES[part]
    lit, faded = part == highlight, highlight is not None and part != highlight
    shape = FancyBboxPatch((left, bottom), width, height, boxstyle="round,pad=0,rounding_size=1.4")
    shape.set(facecolor=LIT if lit else "white", edgecolor=FADED if faded else INK, linewidth=3 if lit else 1.2)
    axes.add_patch(shape)
    style = {"fontsize": 13, "color": FADED if faded else INK, "weight": "bold" if lit else "normal"}
    axes.text(
        left + width / 2, bottom + height - 1.1, part.replace(" ", "\n", 1), ha="center", va="top", linespacing=1.05, **style
    )


def draw_insides(axes, family, theta: Tensor) -> None:
    """What each part does, as a sign: layers that shrink, a lattice that turns, points between pixels, bars of classes."""
    for k, height in enumerate((5.6, 4.4, 3.2, 2.0)):
        axes.add_patch(
            Rectangle((4 + 3.4 * k, 33.2 - height / 2), 2, height, facecolor="#bbbbbb", edgecolor=INK, linewidth=0.7)
        )
    for centre, way in ((37.2, family.identity()), (47.2, theta)):
        for line in lattice_lines(family, way, (5, 5), cells=4):
            axes.plot(centre + (line[:, 0] - 2), 33.4 - (line[:, 1] - 2), color=ACCENT, linewidth=0.8)
    axes.add_patch(FancyArrowPatch((40.6, 33.4), (44, 33.4), arrowstyle="-|>", mutation_scale=9, color=INK, linewidth=1))
    for k in range(4):
        axes.plot([25.5, 31.5], [7 + 2 * k] * 2, color="#999999", linewidth=0.8)
        axes.plot([25.5 + 2 * k] * 2, [7, 13], color="#999999", linewidth=0.8)
    points = normalized_to_pixel(family.map_points(theta[None], target_grid((3, 3)).view(-1, 2))[0], (6, 6))
    axes.plot(28.5 + (points[:, 0] - 2.5), 10 - (points[:, 1] - 2.5), "o", color=ACCENT, markersize=4)
    for k, width in enumerate((1.2, 6.5, 1.8, 0.8)):
        axes.add_patch(Rectangle((59, 6.6 + 2 * k), width, 1.3, facecolor=INK if k == 1 else "#bbbbbb"))


def draw_thumbnail(axes, image: Tensor, place: tuple[float, float, float], name: str, lines=()) -> None:
    """A picture at (left, bottom, side) with its name below, and perhaps a lattice in the picture's pixels over it."""
    left, bottom, side = place
    height, width = image.shape[1:]
    corner = (left + 0.5 * side / width, bottom + side - 0.5 * side / height)  # the centre of the top left pixel
    axes.imshow(as_array(image), extent=(left, left + side, bottom, bottom + side), zorder=2, **GREYS)
    if lines:
        Lattice(axes, [line * [side / width, -side / height] + corner for line in lines])
    axes.text(left + side / 2, bottom - 3.2, name, ha="center", fontsize=13, color=INK)


def draw_ways(axes, highlight: str | None) -> None:
    """The way forward, solid, and the gradient's way back, dashed."""
    forward = {"color": FADED if highlight == "gradient" else INK, "linewidth": 1.6, "arrowstyle": "-|>"}
    backward = {
        "color": SECOND,
        "linewidth": 3 if highlight == "gradient" else 1.6,
        "arrowstyle": "-|>",
        "linestyle": (0, (3, 1.6)),
    }
    for start, end in (
        ((8, 19.5), (8, 28.6)),  # input to localiser
        ((20.4, 37.4), (32.6, 37.4)),  # theta
        ((35, 28.6), (31.6, 19.5)),  # sampling points
        ((15.4, 13.5), (20.6, 13.5)),  # input to sampler
        ((36.4, 13.5), (40.6, 13.5)),
        ((53.4, 13.5), (56.6, 13.5)),
        ((61, 19.4), (61, 28.2)),
    ):
        axes.add_patch(FancyArrowPatch(start, end, mutation_scale=14, shrinkA=0, shrinkB=0, **forward))
    for start, end in (
        ((64.4, 28.2), (64.4, 19.4)),
        ((56.6, 9.5), (53.4, 9.5)),
        ((40.6, 9.5), (36.4, 9.5)),
        ((27.6, 19.5), (33.6, 28.6)),
        ((32.6, 33), (20.4, 33)),
    ):
        axes.add_patch(FancyArrowPatch(start, end, mutation_scale=14, shrinkA=0, shrinkB=0, **backward))
    axes.text(35.6, 22.4, r"$T_\theta(G)$", fontsize=13, color=INK)
    axes.add_patch(FancyArrowPatch((55.4, 45.4), (59.4, 45.4), mutation_scale=12, **forward))
    axes.text(60, 45.4, "forward", va="center", fontsize=12, color=INK)
    axes.add_patch(FancyArrowPatch((59.4, 41.6), (55.4, 41.6), mutation_scale=12, **backward))
    axes.text(60, 41.6, "gradient", va="center", fontsize=12, color=INK)


def pixel_rows(rows: dict[str, tuple[bool, bool]], width: int = 4) -> Picture:
    """Where -1 and 1 lie in a row of pixels, and where the identity's sampling points fall: a name -> (sampler's, grid's align_corners)."""
    figure = Figure(figsize=(6.4, 1.75 * len(rows)), layout="constrained")
    words = []
    for axes, (name, (sampler, grid)) in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows.items(), strict=True):
        normalized = target_grid((1, width), grid)[0]
        points = normalized_to_pixel(normalized, (1, width), sampler)[:, 0]
        ends = normalized_to_pixel(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), (1, width), sampler)[:, 0].tolist()
        for k in range(width):
            axes.add_patch(Rectangle((k - 0.5, -0.5), 1, 1, facecolor="#e6e6e6", edgecolor=INK, linewidth=1.2))
        for end, number in zip(ends, ("-1", "1"), strict=True):
            axes.plot([end, end], [-0.5, 0.72], color=ACCENT, linewidth=2.4)
            axes.text(end, 0.8, number, ha="center", va="bottom", fontsize=14, color=ACCENT, weight="bold")
        axes.plot(points, [0] * width, "o", color=INK, markersize=8, zorder=3)
        for point, (x, _) in zip(points.tolist(), normalized.tolist(), strict=True):
            axes.text(point, -0.62, f"{x:g}" if x == round(x, 2) else f"{x:.2f}", ha="center", va="top", fontsize=12, color=INK)
        axes.set(xlim=(-1, width), ylim=(-1.05, 1.3), aspect="equal")
        axes.set_axis_off()
        axes.set_title(name, fontsize=12, color=INK)
        words.append(
            f"{name}: -1 and 1 at pixel {ends[0]:g} and {ends[1]:g}, points at {', '.join(f'{p:.2g}' for p in points.tolist())}"
        )
    return picture(
        figure, f"A row of {width} pixels with the numbers -1 and 1 marked and the sampling points as dots. {'; '.join(words)}."
    )


def bilinear(image: Tensor, x: float, y: float) -> Picture:
    """What a bilinear sample is made of: a box as large as a pixel, centred at the point, and how much of it lies in each pixel.

    image: (H, W), its values are written into the pixels. x, y: the point, in pixels, inside the picture.
    """
    height, width = image.shape
    figure = Figure(figsize=(1.75 * width, 1.75 * height + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(image.numpy(), cmap="gray", vmin=-1.2 * float(image.max()), vmax=1.1 * float(image.max()))
    words = []
    for row in range(height):
        for column in range(width):
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="none", edgecolor=INK, linewidth=1))
            side_x, side_y = (-1 if x > column else 1), (-1 if y > row else 1)  # where the box is not
            place = {"ha": "left" if side_x < 0 else "right", "va": "top" if side_y < 0 else "bottom"}
            axes.text(
                column + 0.45 * side_x, row + 0.45 * side_y, f"{float(image[row, column]):g}", fontsize=15, color=INK, **place
            )
            weight = max(0.0, 1 - abs(x - column)) * max(0.0, 1 - abs(y - row))
            if weight > 0:
                left, right = max(column, x) - 0.5, min(column, x) + 0.5
                top, bottom = max(row, y) - 0.5, min(row, y) + 0.5
                axes.add_patch(Rectangle((left, top), right - left, bottom - top, facecolor=ACCENT, alpha=0.25 + 0.5 * weight))
                axes.text(
                    (left + right) / 2,
                    (top + bottom) / 2,
                    f"{weight:.2f}",
                    ha="center",
                    va="center",
                    fontsize=11,  # fits into a quarter of a pixel
                    weight="bold",
                )
                words.append(f"{float(image[row, column]):g} weighs {weight:.2f}")
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="none", edgecolor=ACCENT, linewidth=2.6))
    axes.plot(x, y, "o", color=INK, markersize=8, markeredgecolor="white")
    axes.set(xticks=range(width), yticks=range(height), xlabel="x", ylabel="y")
    return picture(
        figure,
        f"{height} by {width} pixels and a box of a pixel's size centred at ({x:g}, {y:g}); by its share of the box {', '.join(words)}.",
    )


def kernels() -> Picture:
    """The three kernels: how much a pixel counts by its distance; below them their slopes, from which theta learns."""
    d = torch.linspace(-2.2, 2.2, 881, dtype=torch.float64).requires_grad_()
    far = d.abs()
    curves = {
        "nearest": (far <= 0.5).double() + 0 * d,
        "bilinear: the tent": (1 - far).clamp(min=0),
        "bicubic": torch.where(far <= 2, cubic_weight(far), 0),
    }
    figure = Figure(figsize=(6.4, 3.9), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey="row")
    for (above, below), (name, curve), color in zip(axes.T, curves.items(), (SECOND, ACCENT, INK), strict=True):
        slope = torch.autograd.grad(curve.sum(), d, retain_graph=True)[0]
        above.plot(d.detach(), curve.detach(), color=color, linewidth=2)
        below.plot(d.detach(), slope, color=color, linewidth=2)
        above.set_title(name, fontsize=13, color=INK)
        below.set_xlabel("distance in pixels", fontsize=12)
        for a in (above, below):
            a.axhline(0, color="#999999", linewidth=0.8, zorder=0)
            a.tick_params(labelsize=12)
            a.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("weight", fontsize=12)
    axes[1, 0].set_ylabel("its slope", fontsize=12)
    return picture(
        figure,
        "Weight of a pixel against its distance. Nearest: 1 up to half a pixel, then 0, and its slope is 0 everywhere. Bilinear: a tent, "
        "1 at its own place, 0 from one pixel on; its slope is +1 and then -1. Bicubic: a smooth bump, a little negative between one and two.",
    )


def kept(shapes: dict[str, Tensor], looks: dict[str, Tensor], title: str) -> Picture:
    """Points and lines of the output, and where they look: what a family keeps and what it does not.

    shapes, looks: a name of K letters -> points (K, 2), joined by a line; each point carries its letter.
    """
    figure = Figure(figsize=(6.4, 3.5), layout="constrained")
    for axes, drawn, name in zip(
        figure.subplots(1, 2), (shapes, looks), ("in the output", "where they look, in the input"), strict=True
    ):
        for (letters, points), color, style in zip(drawn.items(), (ACCENT, SECOND, INK), ("-", "--", "-."), strict=False):
            axes.plot(*points.T, style, color=color, marker="o", linewidth=2, markersize=6)
            for letter, (x, y) in zip(letters, points.tolist(), strict=True):
                axes.annotate(letter, (x, y), (5, 6), textcoords="offset points", fontsize=13, color=color, weight="bold")
        axes.add_patch(Rectangle((-1, -1), 2, 2, facecolor="none", edgecolor="#999999"))
        axes.set(xlim=(-1.45, 1.45), ylim=(1.45, -1.45), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axes.set_title(name, fontsize=12, color=INK)
    figure.suptitle(title, fontsize=12)
    words = (
        f"{letter} ({x:.1f}, {y:.1f}) to ({u:.1f}, {v:.1f})"
        for letters, points in shapes.items()
        for letter, (x, y), (u, v) in zip(letters, points.tolist(), looks[letters].tolist(), strict=True)
    )
    return picture(
        figure,
        f"{title}: the lines {', '.join(shapes)} of the output, and where they look in the input. {'; '.join(dict.fromkeys(words))}.",
    )


def polygons(shapes: dict[str, Tensor]) -> Picture:
    """Closed shapes side by side, each on its own axes with equal units: a name -> corners (K, 2); the first corner is a dot."""
    figure = Figure(figsize=(1.75 * len(shapes), 2.2), layout="constrained")
    reach = 1.15 * max(float(corners.abs().max()) for corners in shapes.values())
    for axes, (name, corners) in zip(figure.subplots(1, len(shapes), squeeze=False)[0], shapes.items(), strict=True):
        axes.add_patch(Polygon(corners.numpy(), facecolor="#e6e6e6", edgecolor=INK, linewidth=1.5))
        axes.plot(*corners[:2].T, color=ACCENT, linewidth=3)
        axes.plot(*corners[0], "o", color=ACCENT, markersize=8)
        axes.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal", xticks=[], yticks=[])
        axes.set_title(name, fontsize=14, color=INK)
    words = "; ".join(
        f"{name} {', '.join(f'({x:.2g}, {y:.2g})' for x, y in corners.tolist())}" for name, corners in shapes.items()
    )
    return picture(figure, f"A shape and what becomes of it, by its corners: {words}.")
