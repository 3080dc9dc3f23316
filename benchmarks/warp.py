"""What does a warp cost beside torch's own affine pair? Every family, forward and backward, in turn in one run.

    python benchmarks/warp.py [ROUNDS]

Needs kornia (extra `dev`). First it checks that warps that should agree do. A round runs each warp in turn, on one thread, and counts
the processor's time, not the clock's: other work on the machine disturbs it little. What counts is the ratio to the affine
pair, `affine_grid` and `grid_sample`, of the same round. Images and theta both get a gradient. "sampling alone" is `grid_sample` with a grid
that is there already: what no other way of making the grid can undercut. Prints one table and writes benchmarks/results/warp.json.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from kornia.geometry.transform import warp_perspective
from torch import Tensor
from torch.nn import functional as F

from stn_tutorial import Affine, Diffeomorphic, Projective
from stn_tutorial.device import device_name
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.family import Family, homogeneous
from stn_tutorial.geometry.pixel_matrix import normalization

RESULTS = Path(__file__).parent / "results" / "warp.json"
SHAPES = ((64, 1, 28, 28), (64, 3, 32, 32), (16, 3, 224, 224), (16, 64, 56, 56))
PAIR, SECONDS = "affine_grid and grid_sample", 0.02


def ours(family: Family) -> Callable[[Tensor, Tensor], Tensor]:
    """The package's warp by a family, as `SpatialTransformer` does it."""
    return lambda images, theta: F.grid_sample(images, family.grid(theta, tuple(images.shape[2:])), align_corners=False)


def pair(images: Tensor, theta: Tensor) -> Tensor:
    grid = F.affine_grid(theta.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def kornias(images: Tensor, matrix: Tensor) -> Tensor:
    """The same view of a plane with kornia."""
    return warp_perspective(images, matrix, tuple(images.shape[2:]), align_corners=False)


def matrix_of_kornia(theta: Tensor, size: tuple[int, int]) -> Tensor:
    """Theta as kornia wants it: a matrix in pixels that says where the input goes."""
    to_pixels = homogeneous(normalization(size, False, theta)).expand(len(theta), 3, 3)
    return torch.linalg.inv(to_pixels @ Projective().matrix(theta) @ torch.linalg.inv(to_pixels))


def cases(images: Tensor) -> dict[str, tuple[Callable, Tensor]]:
    """Every warp that is measured, with a theta for it: a name -> (images, theta -> warped; theta)."""
    n, size = len(images), tuple(images.shape[2:])
    near = {name: (make().identity() + 0.05 * torch.randn(n, make().num_params)) for name, make in FAMILIES.items()}
    grid = Affine().grid(near["affine"], size).contiguous()
    alone = {
        PAIR: (pair, near["affine"]),
        "sampling alone": (lambda images, grid: F.grid_sample(images, grid, align_corners=False), grid),
    }
    families = {name: (ours(make()), near[name]) for name, make in FAMILIES.items()}
    families["diffeomorphic, default"] = (ours(Diffeomorphic()), near["diffeomorphic"])
    return alone | families | {"kornia's projective": (kornias, matrix_of_kornia(near["projective"], size))}


def check(images: Tensor, measured: dict[str, tuple[Callable, Tensor]]) -> None:
    """Stop unless warps that should agree do."""
    for one, other in ((PAIR, "affine"), (PAIR, "sampling alone"), ("kornia's projective", "projective")):
        torch.testing.assert_close(
            *(warp(images, theta) for warp, theta in (measured[one], measured[other])), rtol=0, atol=1e-3
        )


def seconds(warp: Callable, images: Tensor, theta: Tensor, weights: Tensor, times: int) -> float:
    """Processor time of a forward and a backward pass, the mean of so many."""
    start = time.process_time()
    for _ in range(times):
        torch.autograd.grad((warp(images, theta) * weights).sum(), (images, theta))
    return (time.process_time() - start) / times


def measure(shape: tuple[int, ...], rounds: int) -> dict[str, dict[str, float]]:
    """For each warp its milliseconds and its ratio to the affine pair: medians over the rounds, and the ratio's extremes."""
    images = F.avg_pool2d(torch.rand(*shape[:2], shape[2] + 4, shape[3] + 4), 5, stride=1)  # smooth, as pictures are
    measured, weights = cases(images), torch.rand(shape)
    check(images, measured)
    leaves = {
        name: (warp, images.clone().requires_grad_(), theta.requires_grad_(), weights)
        for name, (warp, theta) in measured.items()
    }
    times = {name: max(1, round(SECONDS / seconds(*leaf, 1))) for name, leaf in leaves.items()}  # and once unmeasured
    taken = [{name: seconds(*leaf, times[name]) for name, leaf in leaves.items()} for _ in range(rounds)]
    found = {}
    for name in leaves:
        ratios = [row[name] / row[PAIR] for row in taken]
        middle = statistics.median(row[name] for row in taken)
        found[name] = {"ms": 1000 * middle, "ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
    return found


def main(rounds: int = 9) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = {"x".join(map(str, shape)): measure(shape, rounds) for shape in SHAPES}
    names = list(next(iter(found.values())))
    print(f"| ratio to {PAIR} | {' | '.join(found)} |\n|---|{'---:|' * len(found)}")
    for name in names:
        print(
            f"| {name} | {' | '.join('{ratio:.2f} ({least:.2f} to {most:.2f})'.format(**rows[name]) for rows in found.values())} |"
        )
    record = {"device": device_name(torch.device("cpu")), "torch": torch.__version__, "rounds": rounds, "shapes": found}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
