"""Figures of what a transformer does with the pose: one digit in many poses, angle against angle, spread by class."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ..geometry.coordinates import normalized_to_pixel
from ..geometry.rotation import Rotation
from ..geometry.sampler import sample
from ..networks.watching import evaluating, find_transformer, thetas_of
from ..training.metrics import circular_spread, corner_angle, rotation_angle, where_corners_look
from .figures import images_in_rows
from .picture import ACCENT, GREY, INK, RIGHT, SECOND, Picture, leave_room, panel, picture, plain

MARKERS = (("o", ACCENT), ("s", RIGHT), ("^", SECOND), ("D", INK))  # told apart by shape as well as by colour


@torch.no_grad()
def views_through(net: nn.Module, image: Tensor, degrees) -> tuple[Tensor, Tensor]:
    """What a net's classifier gets of one digit under many angles, and where the corners of that look in the upright digit.

    image: (1, H, W), uint8, upright, on the net's device. Returns (N, 1, H, W) and (N, 4, 2), on the CPU. A net without a
    transformer is a ValueError.
    """
    transformer = find_transformer(net)
    if transformer is None:
        raise ValueError("nets must each have a SpatialTransformer, and one has none")
    turn, angles = Rotation(), torch.tensor([[math.radians(angle)] for angle in degrees], device=image.device)
    views = turned(image, degrees)
    with evaluating(net), thetas_of(net) as thetas:
        net(views)
    corners = where_corners_look(turn, angles, transformer.family, thetas[0])
    return transformer.warp(views, thetas[0]).cpu(), corners.cpu()


def turned(image: Tensor, degrees) -> Tensor:
    """An image (1, H, W), uint8, under many angles: (N, 1, H, W) in [0, 1]."""
    angles = torch.tensor([[math.radians(angle)] for angle in degrees], device=image.device)
    upright = image.float().expand(len(angles), *image.shape) / 255
    return sample(upright, Rotation().grid(angles, tuple(image.shape[1:])))


def one_digit_turned(nets: dict[str, nn.Module], image: Tensor, degrees=range(-90, 91, 30)) -> Picture:
    """One digit under many angles: a row of inputs, and below it, for each net, a row of what its classifier gets.

    nets: a name -> a net with a `SpatialTransformer`. image: (1, H, W), uint8, upright, on the nets' device. degrees: the
    angles. Beside the name of each row stands how widely the digit's angle is spread over it: its circular standard
    deviation, in degrees.
    """
    spread = circular_spread(torch.tensor([math.radians(angle) for angle in degrees], device="cpu"))
    rows = {f"what goes in: turns by {math.degrees(spread):.0f}°": turned(image, degrees).cpu()}
    for name, net in nets.items():
        pictures, corners = views_through(net, image, degrees)
        rows[f"{name}: turns by {math.degrees(circular_spread(corner_angle(corners))):.0f}°"] = pictures
    said = "; ".join(name.replace("turns by ", "").replace("°", " degrees") for name in rows)
    angles = [f"{angle:+d}°" if angle else "0°" for angle in degrees]
    return images_in_rows(rows, angles, f"One digit under {len(angles)} angles. Spread of its angle, {said}.")


def two_views(nets: dict[str, nn.Module], image: Tensor, degrees: tuple[int, int] = (-75, 75)) -> Picture:
    """Where the classifiers of some nets look in a digit, when it is shown to them turned by one angle and by another: two frames.

    nets: a name -> a net with a `SpatialTransformer`. image: (1, H, W), uint8, upright, on the nets' device. A dot marks each
    frame's top left corner.
    """
    figure = Figure(figsize=(6.4, 6.4 / len(nets) + 0.7), layout="constrained")
    size, words = tuple(image.shape[1:]), []
    for axes, (name, net) in zip(figure.subplots(1, len(nets), squeeze=False)[0], nets.items(), strict=True):
        panel(axes, image)
        leave_room(axes, size, 0.3)
        corners = views_through(net, image, degrees)[1]
        looks = zip(corners, degrees, ((ACCENT, "-", 5, "o"), (SECOND, "--", 2.5, "s")), strict=True)
        for frame, angle, (color, dashes, width, marker) in looks:
            x, y = normalized_to_pixel(torch.cat([frame, frame[:1]]), size).T
            axes.plot(x, y, dashes, color=color, linewidth=width, label=f"turned by {angle:+d}°")
            axes.plot(x[0], y[0], marker, color=color, markersize=9, markeredgecolor="white")
        axes.set_title(name, fontsize=13, color=INK)
        gap = float((corners[0] - corners[1]).norm(dim=-1).mean()) * size[1] / 2
        words.append(f"{name}, {gap:.1f} pixels apart on average")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=12)
    return picture(
        figure,
        f"An upright digit, and over it the two frames in which a net looks at it when it comes turned by {degrees[0]:+d} and by "
        f"{degrees[1]:+d} degrees. Corners: {'; '.join(words)}.",
    )


def angle_scatter(pose: Tensor, matrices: dict[str, Tensor]) -> Picture:
    """Angle recovered from theta against the angle applied, in degrees: a panel a net, a dot an image.

    pose: (N, 2, 3), applied. matrices: a name -> theta as (N, 2, 3). A transformer that undoes the rotation lies on the dashed
    line, recovered = -applied; the title gives the slope of the line that fits best.
    """
    applied = rotation_angle(pose).rad2deg().numpy()
    figure = Figure(figsize=(6.4, 3.3), layout="constrained")
    panels = figure.subplots(1, len(matrices), sharey=True, squeeze=False)[0]
    words = []
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        recovered = rotation_angle(matrix).rad2deg().numpy()
        slope = float(np.polyfit(applied, recovered, 1)[0])
        axes.plot(applied, recovered, ".", color=SECOND, markersize=2, alpha=min(1.0, 1500 / len(applied)))
        axes.plot([-90, 90], [90, -90], "--", color=INK, linewidth=2)
        axes.set(xlim=(-95, 95), ylim=(-130, 130), xticks=(-90, 0, 90), yticks=(-90, 0, 90))
        axes.tick_params(labelsize=11)
        axes.set_title(f"{name}\nslope {slope:.2f}", fontsize=12)
        words.append(f"{name}, fitted slope {slope:.2f}")
    panels[0].set_ylabel("angle of theta, °", fontsize=12)
    figure.supxlabel("angle applied, °", fontsize=12)
    return picture(
        figure, f"Angle of theta against the angle applied, {len(applied)} digits: {'; '.join(words)}; -1 undoes all."
    )


def pose_spread(reports: dict[str, dict], unit: str = "degrees", floor: float | None = None) -> Picture:
    """Spread of the pose within each class, before (a grey ring) and after each net: one plot, a marker a net, its mean beside it.

    reports: a name -> `pose_report`; all of one task. unit: "degrees", the circular spread of the angle, or "pixels", how far
    the corners stray. floor: a spread that cannot be passed, drawn as a line.
    """
    figure = Figure(figsize=(6.4, 3.9), layout="constrained")
    axes = figure.subplots()
    first = next(iter(reports.values()))
    place = np.arange(len(first[f"before_{unit}"]))
    before = np.array(first[f"before_{unit}"], float)  # None, a class without images, becomes NaN
    axes.plot(place, before, "o", mfc="none", color=GREY, label=f"before: mean {means(first, unit)[0]:.1f}")
    for (name, report), (marker, color) in zip(reports.items(), MARKERS, strict=False):
        spread = np.array(report[f"after_{unit}"], float)
        axes.plot(place, spread, marker, color=color, markersize=8, label=f"{name}: {means(report, unit)[1]:.1f}")
    if floor is not None:
        axes.axhline(floor, color=INK, linewidth=1.5, linestyle=":")
        axes.annotate("told the angle", (0.01, floor - 1), xycoords=("axes fraction", "data"), va="top", fontsize=11)
    axes.set(xticks=place, xlabel="class", ylabel=f"spread within the class, {unit}", ylim=(0, None))
    plain(axes)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=11)
    what = {"degrees": "Circular spread of the angle", "pixels": "How far the corners stray"}[unit]
    summary = "; ".join(
        f"{name} {means(report, unit)[0]:.1f} to {means(report, unit)[1]:.1f}" for name, report in reports.items()
    )
    line = "" if floor is None else f" A dotted line at {floor:.1f}."
    return picture(figure, f"{what} within each class before and after the transformer, mean in {unit}: {summary}.{line}")


def means(report: dict, unit: str) -> tuple[float, float]:
    """The two means of a `pose_report`, before and after."""
    found = report[f"mean_before_{unit}"], report[f"mean_after_{unit}"]
    return tuple(math.nan if mean is None else mean for mean in found)  # none: every window left the picture
