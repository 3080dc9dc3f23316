"""Figures of notebook 8: feature maps turned, boxes on pictures, which digit a window follows, shadows of turned solids."""

from itertools import cycle
from pathlib import Path

import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from ..geometry.coordinates import normalized_to_pixel
from ..geometry.volumes import Affine3d
from ..networks.equivariance import maps_of, turned
from ..networks.watching import evaluating, find_transformer, transformers_of
from ..training.addition import in_pairs
from ..training.data import Dataset
from ..training.distortions import DISTORTIONS, EachAlone
from ..training.evaluation import TEST_SEED, distorted
from ..training.experiments import experiment_called
from ..training.metrics import corner_displacement, where_corners_look
from ..training.runs import load_runs, load_theta
from ..training.solids import TEST_SEED as SOLIDS_SEED
from ..training.solids import Shadow, turned_solids
from .figures import images_in_rows, lines
from .picture import ACCENT, SECOND, Picture, panel, picture


@torch.no_grad()
def turned_maps(layers: nn.Sequential, image: Tensor, degrees: float = 90, shown: int = 5) -> Picture:
    """A digit and some of its first maps, turned, above the turned digit and its maps: are they the same?

    layers: a classifier that begins with convolutions. image: (1, H, W), uint8. The maps are those of the first rectifier that
    answer most, each as bright as its brightest place in both rows.
    """
    with evaluating(layers):
        before, after = (maps_of(layers, views)[:2] for views in (image[None] / 255, turned(image[None] / 255, degrees)))
    most = before[1].mean(dim=(0, 2, 3)).topk(shown).indices
    brightest = torch.maximum(before[1], after[1]).amax(dim=(0, 2, 3))[most]
    rows = {
        "the digit and its maps, then turned": [turned(maps, degrees) for maps in before],
        "the turned digit and its maps": after,
    }
    rows = {name: [maps[0][0], *(maps[1][0, most] / brightest[:, None, None])] for name, maps in rows.items()}
    labels = ["picture", *(f"map {k}" for k in most.tolist())]
    alt = f"A digit and {shown} of its feature maps turned by {degrees:g} degrees, above the turned digit and its maps."
    return images_in_rows(rows, labels, alt)


def boxed(images, boxes: dict[str, Tensor], titles=None, alt: str | None = None) -> Picture:
    """Images in a row, with boxes over them.

    images: N of (C, H, W), uint8 or in [0, 1]. boxes: a name -> (N, 4), normalised, (left, top, right, bottom); NaN: none.
    """
    count = len(images)
    figure = Figure(figsize=(6.4, 6.4 / count + 0.35 + 0.25 * bool(titles)), layout="constrained")
    looks = list(zip(boxes.items(), cycle(((SECOND, "--", 1.5), (ACCENT, "-", 2.2))), strict=False))
    for k, axes in enumerate(figure.subplots(1, count, squeeze=False)[0]):
        panel(axes, images[k])
        axes.set_title(titles[k] if titles else "", fontsize=11)
        for (_, of_name), (color, dashes, width) in looks:
            (left, top), (right, bottom) = normalized_to_pixel(of_name[k].view(2, 2), tuple(images[k].shape[1:])).tolist()
            kind = {"edgecolor": color, "facecolor": "none", "linestyle": dashes, "linewidth": width}
            axes.add_patch(Rectangle((left, top), right - left, bottom - top, **kind))
    marks = [Line2D([], [], color=color, linestyle=dashes, label=name) for (name, _), (color, dashes, _) in looks]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False, fontsize=11)
    return picture(figure, alt or f"{count} images in a row, with boxes over them: {', '.join(boxes)}.")


def followed(data: Dataset, name: str = "mnist-addition/two-affine", seed: int = 0, root: Path | None = None) -> Picture | str:
    """Which of two digits the first window follows, along a recorded training: how far it strays from each, in pixels.

    data: the digits that the run was tested on. A run that is not recorded is said to be so.
    """
    if seed not in {run["seed"] for run in load_runs(name, root)}:
        return f"{name} with seed {seed}: not recorded"
    experiment, history = experiment_called(name), load_theta(name, seed, root)
    distortion, window = DISTORTIONS[experiment.distortion](), find_transformer(experiment.build())
    images, side = in_pairs(data).test_images[: len(history["label"])], data.test_images.shape[-1]
    series = {}
    for told in range(images.shape[1]):
        generator = torch.Generator().manual_seed(TEST_SEED)
        _, pose = distorted(images, EachAlone(distortion.each, told), generator, experiment.recipe)
        looks = (where_corners_look(distortion.family, pose, window.family, theta) for theta in history["theta"])
        series[f"from digit {told + 1}"] = history["step"].tolist(), [side / 2 * corner_displacement(look) for look in looks]
    return lines(series, "step of the training", "window 1 strays, pixels")


def seen(name: str = "mnist-addition/two-affine", seed: int = 0, root: Path | None = None) -> Picture | str:
    """Each digit of some recorded test pairs as it comes in, and in the windows of the net. A run that is not recorded is said to be so."""
    run = next((run for run in load_runs(name, root) if run["seed"] == seed), None)
    if run is None:
        return f"{name} with seed {seed}: not recorded"
    windows, thetas = transformers_of(experiment_called(name).build()).values(), torch.tensor(run["window_thetas"])
    pairs = load_theta(name, seed, root)["image"][: thetas.shape[1]] / 255
    views = [window.warp(pairs, theta) for window, theta in zip(windows, thetas, strict=True)]
    rows = {}
    for digit in range(pairs.shape[1]):
        rows[f"digit {digit + 1} as it comes"] = pairs[:, digit : digit + 1]
        for k, view in enumerate(views):
            rows[f"digit {digit + 1} in window {k + 1}"] = view[:, digit : digit + 1]
    return images_in_rows(rows)


def shadows(data: Dataset, theta: list[list[float]] | None) -> Picture:
    """The first test digits as solids that are turned: their shadows as they fall, and, by a recorded theta, after the transformer.

    theta: as benchmarks/solids.py recorded it, or None.
    """
    count = len(theta or range(8))
    solids = turned_solids(data.test_images[:count], torch.Generator().manual_seed(SOLIDS_SEED))
    rows = {"the digits": data.test_images[:count], "turned in space: their shadows": Shadow()(solids)}
    if theta is not None:
        grid = Affine3d().grid(torch.tensor(theta), solids.shape[2:])
        rows["behind the transformer: shadows of the solids that it turned"] = Shadow()(
            F.grid_sample(solids, grid, align_corners=False)
        )
    return images_in_rows(rows)
