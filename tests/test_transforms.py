"""The families of transformations: group laws, directions, and what they say to a bad theta."""

import math

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial import Affine, Attention, Rotation, Similarity, Translation, sample, target_grid
from stn_tutorial.grids import normalized_to_pixel

SIZE = (6, 9)
FAMILIES = [Translation(), Attention(), Rotation(), Rotation(9 / 6), Similarity(), Similarity(9 / 6), Affine()]
SHIFTS = {  # theta of a shift, for each family that can shift
    Translation: lambda x, y: [x, y],
    Attention: lambda x, y: [1, x, y],
    Similarity: lambda x, y: [0, 0, x, y],
    Affine: lambda x, y: [1, 0, x, 0, 1, y],
}


@pytest.fixture(params=FAMILIES, ids=repr)
def family(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["edges", "align_corners"])
def align_corners(request):
    return request.param


def some_theta(family, n: int, seed: int) -> torch.Tensor:
    """Theta of n moderate transformations: float64 (n, P), around the identity."""
    noise = torch.rand(n, family.num_params, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return family.identity().double() + noise - 0.5


def test_identity_changes_nothing(family, align_corners):
    assert family.identity().shape == (family.num_params,)
    grid = family.grid(family.identity().double()[None], SIZE, align_corners)
    torch.testing.assert_close(grid[0], target_grid(SIZE, align_corners, torch.float64), rtol=0, atol=1e-10)
    images = torch.rand(1, 2, *SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(sample(images, grid, align_corners=align_corners), images, rtol=0, atol=1e-10)


def test_matrix_and_theta_are_two_names_of_one_thing(family):
    theta = some_theta(family, 50, seed=1)
    torch.testing.assert_close(family.from_matrix(family.matrix(theta)), theta, rtol=0, atol=1e-10)


def test_the_inverse_leads_back(family, align_corners):
    theta = some_theta(family, 20, seed=2)
    there = family.grid(theta, SIZE, align_corners)
    matrix = family.matrix(family.inverse(theta))
    back = torch.einsum("nij,nhwj->nhwi", matrix[:, :, :2], there) + matrix[:, None, None, :, 2]
    wanted = target_grid(SIZE, align_corners, torch.float64).expand_as(back)
    torch.testing.assert_close(back, wanted, rtol=0, atol=1e-10)


def test_composition_looks_first_where_first_says(family, align_corners):
    first, second = some_theta(family, 20, seed=3), some_theta(family, 20, seed=4)
    matrix = family.matrix(second)
    looked = family.grid(first, SIZE, align_corners)
    wanted = torch.einsum("nij,nhwj->nhwi", matrix[:, :, :2], looked) + matrix[:, None, None, :, 2]
    composed = family.grid(family.compose(first, second), SIZE, align_corners)
    torch.testing.assert_close(composed, wanted, rtol=0, atol=1e-10)


def test_composition_with_the_inverse_is_the_identity(family):
    theta = some_theta(family, 20, seed=5)
    wanted = family.identity().double().expand_as(theta)
    for both in (family.compose(theta, family.inverse(theta)), family.compose(family.inverse(theta), theta)):
        torch.testing.assert_close(both, wanted, rtol=0, atol=1e-10)


def test_composition_is_warping_with_second_and_the_result_with_first(align_corners):
    # shifts by whole pixels and a quarter turn do not blur, so the two ways must agree to the last digit; they do not commute
    family, size = Affine(), (7, 7)
    step = 2 / (6 if align_corners else 7)
    shift = torch.tensor([[1, 0, step, 0, 1, 0]], dtype=torch.float64)
    turn = torch.tensor([[0, -1, 0, 1, 0, 0]], dtype=torch.float64)
    images = torch.zeros(1, 1, *size, dtype=torch.float64)
    images[:, :, 2:5, 2:5] = torch.rand(3, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def warp(images, theta):
        return sample(images, family.grid(theta, size, align_corners), align_corners=align_corners)

    for first, second in ((shift, turn), (turn, shift)):
        once = warp(images, family.compose(first, second))
        torch.testing.assert_close(once, warp(warp(images, second), first), rtol=0, atol=1e-10)
        assert not torch.allclose(once, warp(warp(images, first), second), atol=1e-3)


@pytest.mark.parametrize("kind", SHIFTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_a_shift_by_whole_pixels_moves_the_picture_and_nothing_else(kind, mode, align_corners):
    height, width = SIZE
    images = torch.rand(1, 2, *SIZE, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    right, down = 2, -1  # each output pixel looks two pixels to the right and one up
    extent = (width - 1, height - 1) if align_corners else (width, height)
    theta = torch.tensor([SHIFTS[kind](2 * right / extent[0], 2 * down / extent[1])], dtype=torch.float64)
    out = sample(images, kind().grid(theta, SIZE, align_corners), mode, align_corners=align_corners)
    wanted = F.pad(images, (0, right, -down, 0))[:, :, :height, right:]
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", [Rotation, Similarity])
def test_with_its_aspect_named_a_wide_image_turns_without_shear(kind, align_corners):
    height, width = SIZE
    aspect = (width - 1) / (height - 1) if align_corners else width / height
    generator = torch.Generator().manual_seed(8)
    theta = torch.rand(10, kind().num_params, generator=generator, dtype=torch.float64) * 2 - 1

    def distances(family):
        """Between all sampling points of a grid, in pixels, relative to those of the target grid."""
        points = normalized_to_pixel(family.grid(theta, SIZE, align_corners), SIZE, align_corners).flatten(1, 2)
        target = normalized_to_pixel(target_grid(SIZE, align_corners, torch.float64), SIZE, align_corners).flatten(0, 1)
        apart = torch.cdist(target, target) > 0
        return (torch.cdist(points, points) / torch.cdist(target, target))[:, apart]

    scale = theta[:, 1:2].exp() if kind is Similarity else torch.ones(10, 1, dtype=torch.float64)
    ratios = distances(kind(aspect))
    torch.testing.assert_close(ratios, scale.expand_as(ratios), rtol=1e-6, atol=0)
    assert not torch.allclose(distances(kind()), scale.expand_as(ratios), rtol=0.05)  # without it, it shears


@pytest.mark.parametrize("kind", [Rotation, Similarity])
def test_a_positive_angle_turns_the_picture_counter_clockwise(kind):
    images = torch.zeros(1, 1, 5, 5)
    images[0, 0, 2, 4] = 1  # right of the centre
    theta = torch.zeros(1, kind().num_params)
    theta[0, 0] = math.pi / 2
    out = sample(images, kind().grid(theta, (5, 5)))
    assert out[0, 0, 0, 2] == pytest.approx(1, abs=1e-5)  # is above it afterwards
    assert out.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("family", "theta"),
    [(Attention(), [2, 0, 0]), (Similarity(), [0, math.log(2), 0, 0]), (Affine(), [2, 0, 0, 0, 2, 0])],
    ids=lambda value: repr(value) if not isinstance(value, list) else "",
)
def test_a_scale_of_two_makes_the_picture_half_as_large(family, theta):
    out = sample(torch.ones(1, 1, 8, 8), family.grid(torch.tensor([theta], dtype=torch.float32), (8, 8)))
    wanted = F.pad(torch.ones(4, 4), (2, 2, 2, 2))
    torch.testing.assert_close(out[0, 0], wanted)


@pytest.mark.parametrize("output", [(1, 1), (3, 12), (12, 3)], ids=str)
def test_any_output_size_and_empty_batches(family, output):
    assert family.grid(some_theta(family, 2, seed=9), output).shape == (2, *output, 2)
    empty = torch.zeros(0, family.num_params)
    assert family.grid(empty, output).shape == (0, *output, 2)
    assert family.inverse(empty).shape == family.compose(empty, empty).shape == empty.shape


def test_theta_of_the_wrong_shape_or_type_is_named(family):
    p, name = family.num_params, type(family).__name__
    for shape in [(2, p + 1), (p,), (2, 2, p), ()]:
        with pytest.raises(ValueError, match=rf"theta of {name} must have shape \(N, {p}\), got"):
            family.grid(torch.zeros(shape), SIZE)
    with pytest.raises(ValueError, match=r"theta must be floating point, got torch\.int64"):
        family.grid(torch.zeros(2, p, dtype=torch.long), SIZE)
    with pytest.raises(ValueError, match=r"theta must be a torch\.Tensor, got list"):
        family.grid([[0.0] * p], SIZE)
    for call in (family.inverse, lambda theta: family.compose(theta, family.identity()[None])):
        with pytest.raises(ValueError, match="theta"):
            call(torch.zeros(2, p + 1))


def test_theta_that_is_not_finite_is_an_error_on_request(family):
    theta = family.identity().repeat(3, 1)
    theta[1, 0] = math.nan
    with pytest.raises(ValueError, match="theta must be finite.* 1 of 3 rows"):
        family.grid(theta, SIZE, check=True)
    grid = family.grid(theta, SIZE)  # unchecked it is let through, and stays with its image
    assert grid[1].isnan().any()
    assert grid[[0, 2]].isfinite().all()


def test_an_aspect_must_be_positive():
    for aspect in (0, -1, math.nan):
        with pytest.raises(ValueError, match="aspect must be a positive number"):
            Rotation(aspect)
