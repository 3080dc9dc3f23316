"""Figures of what a transformer does with the pose: one digit in many poses, angle against angle, spread by class."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ..geometry.rotation import Rotation
from ..geometry.sampler import sample
from ..networks.watching import evaluating, find_transformer, thetas_of
from ..training.metrics import circular_spread, corner_angle, rotation_angle, where_corners_look
from .picture import ACCENT, GREY, INK, RIGHT, SECOND, Picture, panel, picture

MARKERS = (("o", ACCENT), ("s", RIGHT), ("^", SECOND), ("D", INK))  # told apart by shape as well as by colour


@torch.no_grad()
def one_digit_turned(nets: dict[str, nn.Module], image: Tensor, degrees=range(-90, 91, 30)) -> Picture:
    """One digit under many angles: a row of inputs, and below it, for each net, a row of what its classifier gets.

    nets: a name -> a net with a `SpatialTransformer`, on the CPU. image: (1, H, W), uint8, upright. degrees: the angles. Beside
    each row stands how widely the digit's angle is spread over it, in degrees.
    """
    turn, angles = Rotation(), torch.tensor([[math.radians(angle)] for angle in degrees])
    upright = image.float().expand(len(angles), *image.shape) / 255
    turned = sample(upright, turn.grid(angles, tuple(image.shape[1:])))
    rows = {"what goes in": (turned, where_corners_look(turn, angles))}
    for name, net in nets.items():
        transformer = find_transformer(net)
        if transformer is None:
            raise ValueError(f"nets must each have a SpatialTransformer, and {name!r} has none")
        with evaluating(net), thetas_of(net) as thetas:
            net(turned)
        corners = where_corners_look(turn, angles, transformer.family, thetas[0])
        rows[name] = (transformer.warp(turned, thetas[0]), corners)
    figure = Figure(figsize=(1.05 * len(angles) + 1.7, 1.12 * len(rows) + 0.3), layout="constrained")
    words = []
    for axes, (name, (pictures, corners)) in zip(figure.subplots(len(rows), len(angles)), rows.items(), strict=True):
        words.append(f"{name}: {math.degrees(circular_spread(corner_angle(corners))):.0f} degrees")
        for place, shown in zip(axes, pictures, strict=True):
            panel(place, shown)
        label = words[-1].replace(": ", "\nturns by ").replace("degrees", "°")
        axes[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    for place, angle in zip(figure.axes, degrees, strict=False):
        place.set_title(f"{angle:+d}°", fontsize=9)
    return picture(figure, f"One digit under {len(angles)} angles. Spread of its angle, {'; '.join(words)}.")


def angle_scatter(pose: Tensor, matrices: dict[str, Tensor], labels: Tensor) -> Picture:
    """Angle recovered from theta against the angle applied, in degrees: a panel a net, one colour a class.

    pose: (N, 2, 3), applied. matrices: a name -> theta as (N, 2, 3). labels: (N,). A transformer that undoes the rotation lies on
    the dashed line, recovered = -applied.
    """
    applied = rotation_angle(pose).rad2deg().numpy()
    figure = Figure(figsize=(3.1 * len(matrices) + 0.9, 3.5), layout="constrained")
    panels = figure.subplots(1, len(matrices), sharey=True, squeeze=False)[0]
    words = []
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        recovered = rotation_angle(matrix).rad2deg().numpy()
        dots = axes.scatter(applied, recovered, c=labels.numpy(), cmap="tab10", s=4, vmin=-0.5, vmax=9.5, linewidths=0)
        axes.plot([-90, 90], [90, -90], "--", color=INK, linewidth=1)
        axes.set(xlim=(-95, 95), ylim=(-130, 130), xticks=(-90, 0, 90), yticks=(-90, 0, 90))
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("angle applied, degrees")
        words.append(f"{name}, fitted slope {float(np.polyfit(applied, recovered, 1)[0]):.2f}")
    panels[0].set_ylabel("angle of theta, degrees")
    figure.colorbar(dots, ax=panels, ticks=range(10), label="class")
    return picture(
        figure, f"Angle of theta against the angle applied, {len(applied)} digits: {'; '.join(words)}; -1 undoes all."
    )


def pose_spread(reports: dict[str, dict], unit: str = "degrees", floor: float | None = None) -> Picture:
    """Spread of the pose within each class, before (a grey ring) and after each net: one plot, a marker a net.

    reports: a name -> `pose_report`; all of one task. unit: "degrees", the circular spread of the angle, or "pixels", how far
    the corners stray. floor: a spread that cannot be passed, drawn as a line.
    """
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    first = next(iter(reports.values()))
    place = np.arange(len(first[f"before_{unit}"]))
    before = np.array(first[f"before_{unit}"], float)  # None, a class without images, becomes NaN
    axes.plot(place, before, "o", mfc="none", color=GREY, label=f"before, {means(first, unit)[0]:.1f}")
    for (name, report), (marker, color) in zip(reports.items(), MARKERS, strict=False):
        spread = np.array(report[f"after_{unit}"], float)
        axes.plot(place, spread, marker, color=color, markersize=7, label=f"{name}, {means(report, unit)[1]:.1f}")
    if floor is not None:
        axes.axhline(floor, color=INK, linewidth=1, linestyle=":")
        axes.annotate(
            "the floor: people's slants differ", (0.01, floor - 1), xycoords=("axes fraction", "data"), va="top", fontsize=8
        )
    axes.set(xticks=place, xlabel="class", ylabel=f"spread within the class, {unit}", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(reports) + 1, frameon=False, fontsize=8)
    what = {"degrees": "Circular spread of the angle", "pixels": "How far the corners stray"}[unit]
    summary = "; ".join(
        f"{name} {means(report, unit)[0]:.1f} to {means(report, unit)[1]:.1f}" for name, report in reports.items()
    )
    return picture(figure, f"{what} within each class before and after the transformer, mean in {unit}: {summary}.")


def means(report: dict, unit: str) -> tuple[float, float]:
    """The two means of a `pose_report`, before and after."""
    found = report[f"mean_before_{unit}"], report[f"mean_after_{unit}"]
    return tuple(math.nan if mean is None else mean for mean in found)  # none: every window left the picture
