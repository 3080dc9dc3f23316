"""Coordinates and grids: the numbers torch makes, in both conventions of align_corners."""

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial import Affine, target_grid
from stn_tutorial.geometry.coordinates import check_size, normalized_to_pixel, pixel_to_normalized
from stn_tutorial.geometry.family import affine_grid

SIZES = [(5, 5), (4, 7), (7, 3), (1, 6), (6, 1), (1, 1), (28, 28), (40, 17)]
pytestmark = pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid")  # torch's remark on axes of size 1
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


@pytest.fixture(params=[False, True], ids=["edges", "align_corners"])
def align_corners(request):
    return request.param


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_target_grid_is_torchs_identity_grid(size, align_corners, dtype):
    identity = torch.eye(2, 3, dtype=dtype)[None]
    wanted = F.affine_grid(identity, [1, 1, *size], align_corners=align_corners)[0]
    grid = target_grid(size, align_corners, dtype)
    assert grid.dtype == dtype
    torch.testing.assert_close(grid, wanted, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_affine_grid_and_the_gradient_of_theta_are_torchs(size, align_corners, dtype):
    generator = torch.Generator().manual_seed(1)
    theta = (3 * torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()
    weight = torch.randn(4, *size, 2, generator=generator, dtype=torch.float64).to(dtype) / (size[0] * size[1])
    wanted = F.affine_grid(theta, [4, 1, *size], align_corners=align_corners)
    # as the notebooks write it, and as the families make it: other ways to the same numbers
    for ours in (affine_grid(theta, size, align_corners), Affine().grid(theta.flatten(1), size, align_corners)):
        torch.testing.assert_close(ours, wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        gradients = [torch.autograd.grad((grid * weight).sum(), theta, retain_graph=True)[0] for grid in (ours, wanted)]
        torch.testing.assert_close(*gradients, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_theta_of_affine_is_laid_out_as_torch_takes_it(align_corners):
    theta = torch.arange(6.0)[None]
    wanted = F.affine_grid(theta.view(1, 2, 3), [1, 1, 3, 5], align_corners=align_corners)
    torch.testing.assert_close(Affine().grid(theta, (3, 5), align_corners), wanted, rtol=0, atol=1e-5)


def test_a_grid_of_two_by_four_by_hand():
    edges, centres = target_grid((2, 4), align_corners=False), target_grid((2, 4), align_corners=True)
    assert edges[0, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert edges[:, 0, 1].tolist() == [-0.5, 0.5]
    torch.testing.assert_close(centres[0, :, 0], torch.tensor([-1, -1 / 3, 1 / 3, 1]))
    assert centres[:, 0, 1].tolist() == [-1, 1]


@pytest.mark.parametrize("size", [(4, 7), (7, 3), (28, 28)], ids=str)
def test_pixels_to_normalised_coordinates_and_back(size, align_corners):
    pixels = 40 * torch.rand(100, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 10
    points = pixel_to_normalized(pixels, size, align_corners)
    torch.testing.assert_close(normalized_to_pixel(points, size, align_corners), pixels, rtol=0, atol=1e-12)


def test_the_corners_of_the_image_in_pixels():
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    assert normalized_to_pixel(corners, (3, 5), align_corners=True).tolist() == [[0, 0], [4, 2]]
    assert normalized_to_pixel(corners, (3, 5), align_corners=False).tolist() == [[-0.5, -0.5], [4.5, 2.5]]


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 3), (3,), (3, 4, 5), 28, None, ("a", "b")], ids=str)
def test_a_size_that_is_none_is_named(size):
    for function in (check_size, target_grid, lambda size: Affine().grid(torch.zeros(1, 6), size)):
        with pytest.raises(ValueError, match="size must be"):
            function(size)
