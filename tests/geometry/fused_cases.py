"""500 random warps by the fused kernel, beside the reference: run by test_fused.py in a process whose Triton interprets.

Prints how many thetas there were and the largest differences of output and gradients, of float64 and of float32.
"""

import torch

from stn_tutorial import Affine, SpatialTransformer, sample
from stn_tutorial.geometry.family import affine_grid
from stn_tutorial.geometry.fused import warp

CASES = 500


def some_matrices(n: int, kind: int, dtype: torch.dtype) -> torch.Tensor:
    """Near the identity; anything; shrinking the picture; partly or far outside; all points at one place."""
    noise = torch.randn(n, 2, 3, dtype=dtype)
    shift = torch.tensor([0.0, 0.0, 1.0], dtype=dtype)
    near = torch.eye(2, 3, dtype=dtype) + 0.1 * noise
    return (near, noise, 6 * noise, near + 2 * noise * shift, near + 1e6 * shift, noise * shift)[kind]


def answers(warped: torch.Tensor, weights: torch.Tensor, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
    """Output and gradients; zeros where nothing arrives."""
    found = torch.autograd.grad((warped * weights).sum(), leaves)
    return [warped.detach(), *found]


def case(number: int, dtype: torch.dtype) -> tuple[int, float]:
    """One batch: how many thetas, and the largest difference of any number; shapes, theta and what gets a gradient are drawn."""
    n, channels, height, width, tall, wide = (int(torch.randint(1, most, ())) for most in (7, 4, 12, 12, 20, 20))
    align_corners = bool(number % 2)
    images = torch.rand(n, channels, height, width, dtype=dtype)
    matrix, weights = some_matrices(n, number % 6, dtype), torch.randn(n, channels, tall, wide, dtype=dtype)
    leaves = [(images,), (matrix,), (images, matrix)][int(torch.randint(3, ()))]
    for leaf in leaves:
        leaf.requires_grad_()
    wanted = sample(images, affine_grid(matrix, (tall, wide), align_corners), align_corners=align_corners)
    got = warp(images, matrix, (tall, wide), align_corners)
    pairs = zip(answers(got, weights, leaves), answers(wanted, weights, leaves), strict=True)
    return n, max(float((one - other).abs().max() / (1 + other.abs().max())) for one, other in pairs)


def in_a_layer() -> float:
    """The largest difference that the choice of the sampler makes to a layer with a background."""
    stn = SpatialTransformer.for_images((2, 9, 11), Affine(), size=(8, 7), fill=torch.tensor([0.5, -1.0]), sampler="fused")
    torch.nn.init.normal_(stn.localization.last.weight, std=0.2)
    images = torch.rand(3, 2, 9, 11)
    fused = stn(images)
    stn.sampler = "torch"
    return float((fused - stn(images)).detach().abs().max())


def main() -> None:
    torch.manual_seed(0)
    done, worst, number = 0, {torch.float64: 0.0, torch.float32: 0.0}, 0
    while done < CASES:
        dtype = torch.float32 if number % 4 == 3 else torch.float64
        n, difference = case(number, dtype)
        done, worst[dtype], number = done + n, max(worst[dtype], difference), number + 1
    lost = warp(torch.ones(1, 1, 3, 3), torch.full((1, 2, 3), torch.nan), (2, 2))
    none = warp(torch.ones(0, 1, 3, 3), torch.ones(0, 2, 3), (2, 2))
    print(done, *worst.values(), in_a_layer(), int(lost.isnan().sum()), tuple(none.shape))


if __name__ == "__main__":
    main()
