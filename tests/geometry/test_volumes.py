"""Volumes: grid, affine family and sampler, against torch."""

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial.geometry.volumes import Affine3d, sample_volume, volume_grid

SIZE = (3, 5, 4)
SIZES = [(4, 6, 5), (3, 5, 4), (1, 4, 3), (5, 1, 1), (1, 1, 1)]  # of the volumes
REACHES = (0.9, 1, 1.5, 20, 1000)  # of the sampling points, 1 being the edge
CASES = list(itertools.product(("nearest", "bilinear"), ("zeros", "border", "reflection"), (False, True)))


def some_theta(n: int, seed: int) -> torch.Tensor:
    """Affine maps of volumes around the identity; some points leave the volume."""
    noise = torch.rand(n, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Affine3d().identity().double() + noise - 0.5


def some_volumes(n: int = 4, size=(4, 6, 5)) -> torch.Tensor:
    return torch.rand(n, 2, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid behavior has changed for unit-size grids")
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [SIZE, (1, 1, 1), (1, 7, 2)], ids=str)
def test_the_grid_is_that_of_torch(size, align_corners):
    theta = some_theta(4, seed=1)
    wanted = F.affine_grid(theta.view(-1, 3, 4), [4, 1, *size], align_corners=align_corners)
    torch.testing.assert_close(Affine3d().grid(theta, size, align_corners), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("mode", "padding_mode", "align_corners"), CASES)
def test_the_sampler_and_both_its_gradients_are_those_of_torch_in_hundreds_of_cases(mode, padding_mode, align_corners):
    for seed, (size, reach) in enumerate(itertools.product(SIZES, REACHES)):
        generator, results = torch.Generator().manual_seed(seed), []
        points = reach * (2 * torch.rand(2, *SIZE, 3, generator=generator, dtype=torch.float64) - 1)
        weights = torch.rand(2, 2, *SIZE, generator=generator, dtype=torch.float64)
        for sampler in (sample_volume, F.grid_sample):
            volumes, grid = some_volumes(2, size).requires_grad_(), points.clone().requires_grad_()
            out = sampler(volumes, grid, mode, padding_mode, align_corners)
            gradients = torch.autograd.grad((out * weights).sum(), (volumes, grid), allow_unused=True)
            results.append([out, gradients[0], torch.zeros_like(grid) if gradients[1] is None else gradients[1]])
        for mine, theirs in zip(*results, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("align_corners", [False, True])
def test_identity_inverse_and_composition(align_corners):
    family, volumes = Affine3d(), some_volumes()
    grid = family.grid(family.identity().double().expand(4, -1), (4, 6, 5), align_corners)
    torch.testing.assert_close(sample_volume(volumes, grid, align_corners=align_corners), volumes, rtol=0, atol=1e-10)
    first, second = some_theta(4, seed=4), some_theta(4, seed=5)
    target = volume_grid(SIZE, align_corners, torch.float64).view(1, -1, 3)
    looked = family.grid(first, SIZE, align_corners).flatten(1, 3)
    torch.testing.assert_close(family.map_points(family.inverse(first), looked), target.expand_as(looked), rtol=0, atol=1e-10)
    composed = family.grid(family.compose(first, second), SIZE, align_corners).flatten(1, 3)
    torch.testing.assert_close(composed, family.map_points(second, looked), rtol=0, atol=1e-10)


def test_gradients_are_those_of_finite_differences():
    volumes, theta = some_volumes(1).requires_grad_(), some_theta(1, seed=6).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, t: sample_volume(v, Affine3d().grid(t, (2, 3, 2))), (volumes, theta))


def test_outside_is_filled():
    far = Affine3d().identity().repeat(1, 1)
    far[0, 11] = 10  # a shift along z
    out = sample_volume(torch.zeros(1, 2, 3, 3, 3), Affine3d().grid(far, (2, 2, 2)), fill=torch.tensor([0.5, -1.0]))
    assert (out[:, 0] == 0.5).all() and (out[:, 1] == -1).all()


def test_bad_input_is_named():
    family, volumes = Affine3d(), some_volumes(2)
    grid = family.grid(some_theta(2, seed=7), SIZE)
    for arguments, message in (
        ((volumes[0], grid), r"volumes must be floating point, \(N, C, D, H, W\), got \(2, 4, 6, 5\)"),
        ((volumes.int(), grid), "volumes must be floating point"),
        ((volumes, grid[:1]), r"grid must have shape \(2, D_out, H_out, W_out, 3\)"),
        ((volumes, grid.float()), r"grid must have .* torch\.float32"),
        ((volumes, grid, "bicubic"), "mode must be one of .*'bicubic'"),
        ((volumes, grid, "bilinear", "wrap"), "padding_mode must be one of .*'wrap'"),
    ):
        with pytest.raises(ValueError, match=message):
            sample_volume(*arguments)
    for size in ((3, 4), (0, 2, 2), (1.5, 2, 2)):
        with pytest.raises(ValueError, match=r"size must be three positive integers \(D, H, W\)"):
            family.grid(some_theta(2, seed=8), size)
    with pytest.raises(ValueError, match=r"theta of Affine3d must have shape \(N, 12\), got \(2, 6\)"):
        family.grid(torch.zeros(2, 6), SIZE)
    bad = family.identity().repeat(2, 1)
    bad[1, 3] = math.nan
    with pytest.raises(ValueError, match="theta must be finite.* 1 of 2 rows"):
        family.grid(bad, SIZE, check=True)
