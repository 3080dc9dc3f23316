"""What does a warp cost beside torch's own affine pair? Every family, forward and backward, in turn in one run.

    python benchmarks/warp.py [ROUNDS]

Needs kornia (extra `dev`). First it checks that warps that should agree do. A round runs each warp in turn, on one thread, and counts
the processor's time, not the clock's: other work on the machine disturbs it little. What counts is the ratio to the affine
pair, `affine_grid` and `grid_sample`, of the same round. Images and theta both get a gradient. "sampling alone" is `grid_sample` with a grid
that is there already: what no other way of making the grid can undercut. Prints one table and writes benchmarks/results/warp.json.
"""

import sys
import time
from collections.abc import Callable

import torch
from kornia.geometry.transform import warp_perspective
from timing import SHAPES, in_turn, learned, print_table, record, smooth
from torch import Tensor
from torch.nn import functional as F

from stn_tutorial import Affine, Diffeomorphic, Projective
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.family import Family, homogeneous
from stn_tutorial.geometry.pixel_matrix import normalization

PAIR = "affine_grid and grid_sample"


def ours(family: Family) -> Callable[[Tensor, Tensor], Tensor]:
    """The package's warp by a family, as `SpatialTransformer` does it."""
    return lambda images, theta: F.grid_sample(images, family.grid(theta, tuple(images.shape[2:])), align_corners=False)


def pair(images: Tensor, theta: Tensor) -> Tensor:
    grid = F.affine_grid(theta.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def kornias(images: Tensor, matrix: Tensor) -> Tensor:
    """The same view of a plane with kornia."""
    return warp_perspective(images, matrix, tuple(images.shape[2:]), align_corners=False)


def in_pixels(matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """Matrices (N, 2 or 3, 3) in pixels (N, 3, 3), from the output's to the input's, both of one size."""
    to_pixels = homogeneous(normalization(size, False, matrix)).expand(len(matrix), 3, 3)
    return to_pixels @ homogeneous(matrix) @ torch.linalg.inv(to_pixels)


def cases(images: Tensor) -> dict[str, tuple[Callable, Tensor]]:
    """Every warp that is measured, with a theta for it: a name -> (images, theta -> warped; theta)."""
    n, size = len(images), tuple(images.shape[2:])
    near = {name: make().identity() + 0.05 * torch.randn(n, make().num_params) for name, make in FAMILIES.items()}
    grid = Affine().grid(near["affine"], size).contiguous()
    alone = {
        PAIR: (pair, near["affine"]),
        "sampling alone": (lambda images, grid: F.grid_sample(images, grid, align_corners=False), grid),
    }
    families = {name: (ours(make()), near[name]) for name, make in FAMILIES.items()}
    families["diffeomorphic, default"] = (ours(Diffeomorphic()), near["diffeomorphic"])
    matrix = torch.linalg.inv(in_pixels(Projective().matrix(near["projective"]), size))  # kornia's say where the input goes
    return alone | families | {"kornia's projective": (kornias, matrix)}


def check(images: Tensor, measured: dict[str, tuple[Callable, Tensor]]) -> None:
    """Stop unless warps that should agree do."""
    for one, other in ((PAIR, "affine"), (PAIR, "sampling alone"), ("kornia's projective", "projective")):
        (warp, theta), (same, its_theta) = measured[one], measured[other]
        torch.testing.assert_close(warp(images, theta), same(images, its_theta), rtol=0, atol=1e-3)


def measure(shape: tuple[int, ...], rounds: int) -> dict[str, dict[str, float]]:
    images = smooth(*shape)
    measured = cases(images)
    check(images, measured)
    calls = {name: learned(warp, images, theta) for name, (warp, theta) in measured.items()}
    return in_turn(calls, rounds, time.process_time)


def main(rounds: int = 9) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = {"x".join(map(str, shape)): measure(shape, rounds) for shape in SHAPES}
    print_table(found)
    record("warp", "cpu", rounds=rounds, shapes=found)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
