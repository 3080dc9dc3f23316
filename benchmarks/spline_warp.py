"""How much faster than kornia's is our thin plate spline warp? Forward pass, 4x4 control points; prints one table.

    python benchmarks/spline_warp.py [rounds]

Needs kornia (extra `dev`). A round times both in turn; the ratio is taken within a round. The goal is a ratio of at least 15.

First it checks that both do the same. Kornia centres its radial functions on the points that are looked at, Bookstein (and we)
on the points that look, so the two splines agree at the control points, and between them up to the square of the
displacement: the check uses displacements of a thousandth.
"""

import statistics
import sys
import time

import torch
from kornia.geometry.transform import get_tps_transform, warp_image_tps
from torch.nn import functional as F

from stn_tutorial import ThinPlateSpline

CASES = ((64, 1, 28), (16, 3, 224))  # batch, channels, side
FAMILY = ThinPlateSpline(4)
CONTROLS = FAMILY.controls.float()[None]


def ours(images: torch.Tensor, displacements: torch.Tensor) -> torch.Tensor:
    """displacements: (N, 16, 2) of the control points."""
    grid = FAMILY.grid(displacements.flatten(1), tuple(images.shape[2:]))
    return F.grid_sample(images, grid, align_corners=False)


def kornias(images: torch.Tensor, displacements: torch.Tensor) -> torch.Tensor:
    """The same with kornia: the spline that sends each control point to where it looks."""
    controls = CONTROLS.expand(len(images), -1, -1)
    looked_at = controls + displacements
    weights, affine = get_tps_transform(controls, looked_at)
    return warp_image_tps(images, looked_at, weights, affine, align_corners=False)


def milliseconds(warp, images: torch.Tensor, displacements: torch.Tensor, seconds: float = 0.4) -> float:
    """Median time of a call, over about so many seconds."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        warp(images, displacements)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


@torch.no_grad()
def main(rounds: int = 7) -> None:
    torch.manual_seed(0)
    print("| batch | image | ours ms | kornia ms | ratio, median | smallest to largest |\n|---:|---:|---:|---:|---:|---:|")
    for batch, channels, side in CASES:
        images = F.avg_pool2d(torch.rand(batch, channels, side + 4, side + 4), 5, stride=1)  # smooth, as pictures are
        small = 1e-3 * torch.randn(batch, 16, 2)
        torch.testing.assert_close(ours(images, small), kornias(images, small), rtol=0, atol=1e-3)
        displacements = 0.1 * torch.randn(batch, 16, 2)
        for warp in (ours, kornias):
            milliseconds(warp, images, displacements)  # once unmeasured
        pairs = [tuple(milliseconds(warp, images, displacements) for warp in (ours, kornias)) for _ in range(rounds)]
        ratios = [theirs / mine for mine, theirs in pairs]
        mine, theirs = (statistics.median(pair[k] for pair in pairs) for k in (0, 1))
        print(
            f"| {batch} | {channels}x{side}x{side} | {mine:.2f} | {theirs:.2f} | {statistics.median(ratios):.1f} "
            f"| {min(ratios):.1f} to {max(ratios):.1f} |"
        )
    print(f"\n{rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
