"""Our warps beside SciPy's, an outside library: its thin plate splines, and its interpolation where the conventions agree."""

import numpy as np
import pytest
import torch

from stn_tutorial import Affine, ThinPlateSpline, sample, target_grid
from stn_tutorial.geometry.coordinates import normalized_to_pixel, pixel_to_normalized

interpolate, ndimage = pytest.importorskip("scipy.interpolate"), pytest.importorskip("scipy.ndimage")

SIZE, OUTPUT = (6, 9), (7, 5)
PADDING = {  # ours -> scipy's, for each convention: zeros that are interpolated towards, the edge, mirrors
    ("zeros", False): "grid-constant",
    ("zeros", True): "grid-constant",
    ("border", False): "nearest",
    ("border", True): "nearest",
    ("reflection", False): "reflect",  # d c b a | a b c d
    ("reflection", True): "mirror",  # d c b | a b c d
}
MODES = {"nearest": 0, "bilinear": 1}  # scipy's higher orders are splines through the pixels, not cubic convolution


def random(*shape, seed=0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("regularization", [0.0, 0.3])
@pytest.mark.parametrize("lattice", [2, 3, 4, (3, 6), 9], ids=str)
def test_splines_are_scipys_radial_basis_functions(lattice, regularization):
    family = ThinPlateSpline(lattice, regularization)
    theta = 0.6 * (random(3, family.num_params) - 0.5)
    for align_corners in (False, True):
        points = target_grid(OUTPUT, align_corners, torch.float64).view(-1, 2)
        grid = family.grid(theta, OUTPUT, align_corners).view(3, -1, 2)
        for one, ours in zip(theta, grid, strict=True):
            spline = interpolate.RBFInterpolator(
                family.controls, one.view(-1, 2), kernel="thin_plate_spline", smoothing=regularization, degree=1
            )
            np.testing.assert_allclose(ours - points, spline(points), rtol=0, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("padding_mode", "align_corners"), PADDING)
def test_points_read_what_map_coordinates_reads(mode, padding_mode, align_corners):
    images = random(2, 2, *SIZE)
    pixels = 4 * (random(2, *OUTPUT, 2, seed=1) - 0.5) * 9  # x and y from -18 to 18
    grid = pixel_to_normalized(pixels, SIZE, align_corners)
    ours = sample(images, grid, mode, padding_mode, align_corners)
    for image, points, found in zip(images, pixels.flip(-1).permute(0, 3, 1, 2), ours, strict=True):
        for channel, values in zip(image, found, strict=True):
            theirs = ndimage.map_coordinates(
                channel.numpy(), points.numpy(), order=MODES[mode], mode=PADDING[padding_mode, align_corners]
            )
            np.testing.assert_allclose(values, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("align_corners", [False, True], ids=["edges", "align_corners"])
def test_affine_maps_read_what_affine_transform_reads(align_corners):
    image, theta = random(1, 1, *SIZE, seed=2), Affine().identity().double() + 0.6 * (random(1, 6, seed=3) - 0.5)
    # scipy's matrix is ours between pixels, rows before columns: where three output pixels look says all of it
    corner = torch.tensor([[0.0, 0], [1, 0], [0, 1]], dtype=torch.float64)
    looked = Affine().map_points(theta, pixel_to_normalized(corner, OUTPUT, align_corners))
    offset, right, down = normalized_to_pixel(looked, SIZE, align_corners)[0].flip(-1)
    matrix = torch.stack([down - offset, right - offset], dim=1)
    for padding_mode in ("zeros", "border", "reflection"):
        ours = sample(image, Affine().grid(theta, OUTPUT, align_corners), "bilinear", padding_mode, align_corners)
        options = dict(order=1, mode=PADDING[padding_mode, align_corners], output_shape=OUTPUT)
        theirs = ndimage.affine_transform(image[0, 0].numpy(), matrix.numpy(), offset.numpy(), **options)
        np.testing.assert_allclose(ours[0, 0], theirs, rtol=0, atol=1e-9)


def test_disagreement_outside_under_constant():
    # scipy's "constant" is 0 from the outermost centres on; torch and we fade out over one pixel, scipy's "grid-constant"
    image, half_out = torch.ones(1, 1, 4, 4, dtype=torch.float64), torch.tensor([[1.5], [-0.5]], dtype=torch.float64)
    ours = sample(image, pixel_to_normalized(half_out.T.view(1, 1, 1, 2), (4, 4)))
    assert ours.item() == 0.5
    theirs = [ndimage.map_coordinates(image[0, 0], half_out.flip(0), order=1, mode=m)[0] for m in ("grid-constant", "constant")]
    assert theirs == [0.5, 0.0]
