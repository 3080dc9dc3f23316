"""Our warps beside kornia's, an outside library: where its conventions allow it they agree, and each disagreement is named."""

import doctest
import importlib

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial import Affine, Projective, ThinPlateSpline, sample
from stn_tutorial.geometry.coordinates import target_grid
from stn_tutorial.geometry.volumes import sample_volume

transform = pytest.importorskip("kornia.geometry.transform")

INPUT, OUTPUT = (6, 9), (7, 5)


@pytest.fixture(params=[False, True], ids=["edges", "align_corners"])
def align_corners(request):
    return request.param


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(20, 2, *INPUT, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def some_theta(family, seed: int, strength: float = 0.6) -> torch.Tensor:
    noise = torch.rand(20, family.num_params, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return family.identity().double() + strength * (noise - 0.5)


@pytest.mark.parametrize("module", ["affwarp", "crop2d", "crop3d", "elastic_transform", "imgwarp", "thin_plate_spline"])
def test_kornias_published_examples_come_out_with_our_sampler(module, monkeypatch):
    asked = []

    def ours(images, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
        asked.append(mode)
        return (sample if images.dim() == 4 else sample_volume)(images, grid, mode, padding_mode, align_corners)

    monkeypatch.setattr(F, "grid_sample", ours)
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(f"{transform.__name__}.{module}"))
    for examples in found:
        said = []
        doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=said.append)
        assert not said, "".join(said)
    assert asked


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("family", [Affine(), Projective()], ids=repr)
def test_matrices_in_normalised_coordinates_agree(family, padding_mode, align_corners, images):
    theta = some_theta(family, seed=1)
    matrix = torch.eye(3, dtype=torch.float64).repeat(20, 1, 1)
    matrix[:, : family.matrix(theta).shape[1]] = family.matrix(theta)
    theirs = transform.homography_warp(
        images, matrix, OUTPUT, padding_mode=padding_mode, align_corners=align_corners, normalized_coordinates=True
    )
    grid = family.grid(theta, OUTPUT, align_corners)
    torch.testing.assert_close(sample(images, grid, "bilinear", padding_mode, align_corners), theirs, rtol=0, atol=1e-5)


def test_kornias_pixel_matrices_point_the_other_way(images, align_corners):
    # warp_affine takes a matrix from input to output, in pixels; ours is from output to input, normalised
    shift = torch.tensor([[[1.0, 0, 2], [0, 1, -1]]], dtype=torch.float64).expand(20, 2, 3)  # 2 to the right, 1 up
    theirs = transform.warp_affine(images, shift, INPUT, align_corners=align_corners)
    step = [2 * 2 / (INPUT[1] - align_corners), -1 * 2 / (INPUT[0] - align_corners)]
    theta = torch.tensor([[1, 0, -step[0], 0, 1, -step[1]]], dtype=torch.float64).expand(20, 6)
    grid = Affine().grid(theta, INPUT, align_corners)
    torch.testing.assert_close(sample(images, grid, align_corners=align_corners), theirs, rtol=0, atol=1e-5)


def test_disagreement_behind_the_camera(images):
    # kornia divides by negative depths too and shows the picture once more, upside down; ours sees nothing there
    theta = torch.tensor([[1, 0, 0, 0, 1, 0, 4, 0]], dtype=torch.float64).expand(20, 8)
    theirs = transform.homography_warp(images, Projective().matrix(theta), OUTPUT, align_corners=False)
    ours = sample(images, Projective().grid(theta, OUTPUT))
    behind = 1 + 4 * target_grid(OUTPUT, dtype=torch.float64)[..., 0] < 0
    torch.testing.assert_close(ours[:, :, ~behind], theirs[:, :, ~behind], rtol=0, atol=1e-5)
    assert not ours[:, :, behind].any()
    assert theirs[:, :, behind].any()


def test_splines_with_the_same_coefficients_agree(images, align_corners):
    family = ThinPlateSpline((3, 4))
    theta = some_theta(family, seed=2)
    controls = family.controls.expand(20, -1, 2)
    coefficients = family.solution @ (controls + theta.view(20, -1, 2))
    theirs = transform.warp_image_tps(images, controls, coefficients[:, :-3], coefficients[:, -3:], align_corners)
    ours = sample(images, family.grid(theta, INPUT, align_corners), align_corners=align_corners)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_disagreement_where_a_spline_is_centred(align_corners):
    # get_tps_transform(a, b) centres its radial functions on the points that are looked at, b; Bookstein's spline, and ours, on
    # the points that look, a. Both pass through the control points; between them they differ by the square of the displacement.
    family = ThinPlateSpline(4)
    controls, points = family.controls[None], target_grid(INPUT, align_corners, torch.float64).view(1, -1, 2)
    differences = []
    for strength in (1e-3, 0.2):
        theta = some_theta(family, seed=3, strength=strength)[:1]
        looked_at = controls + theta.view(1, -1, 2)
        weights, affine = transform.get_tps_transform(controls, looked_at)
        at_controls = transform.warp_points_tps(controls, looked_at, weights, affine)
        torch.testing.assert_close(at_controls, looked_at, rtol=0, atol=1e-10)
        theirs = transform.warp_points_tps(points, looked_at, weights, affine)
        differences.append((theirs - family.map_points(theta, points[0])).abs().max().item())
    assert differences[0] < 1e-5
    assert differences[1] > 1e-3
