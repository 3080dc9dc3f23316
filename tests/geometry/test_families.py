"""The families of transformations: group laws, directions, and what they say to a bad theta."""

import math

import pytest
import torch
from families import EVERY_FAMILY, GROUPS
from torch.nn import functional as F

from stn_tutorial import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    ThinPlateSpline,
    Translation,
    sample,
    target_grid,
)
from stn_tutorial.geometry.coordinates import CORNERS, normalized_to_pixel

SIZE = (6, 9)
SPLINES = [family for family in EVERY_FAMILY if isinstance(family, ThinPlateSpline)]
FLOWS = [Diffeomorphic(iterations=16), Diffeomorphic((3, 5), squarings=5, iterations=16)]  # exact to the last digits
FAMILIES = [*GROUPS, *SPLINES, *FLOWS]
pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")
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
    """Theta of n moderate transformations: float64 (n, P), around the identity. No point falls behind the camera."""
    noise = torch.rand(n, family.num_params, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5
    if isinstance(family, Projective):
        noise[:, 6:] *= 0.4
    return family.identity().double() + noise


def target_points(align_corners: bool = False) -> torch.Tensor:
    """The target grid of SIZE as points: float64 (54, 2)."""
    return target_grid(SIZE, align_corners, torch.float64).view(-1, 2)


def test_identity_changes_nothing(family, align_corners):
    assert family.identity().shape == (family.num_params,)
    grid = family.grid(family.identity().double()[None], SIZE, align_corners)
    torch.testing.assert_close(grid[0], target_grid(SIZE, align_corners, torch.float64), rtol=0, atol=1e-10)
    images = torch.rand(1, 2, *SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(sample(images, grid, align_corners=align_corners), images, rtol=0, atol=1e-10)


def test_points_and_grid_are_one_map(family, align_corners):
    theta = some_theta(family, 20, seed=10)
    points = family.map_points(theta, target_points(align_corners))
    torch.testing.assert_close(points.view(20, *SIZE, 2), family.grid(theta, SIZE, align_corners), rtol=0, atol=1e-12)
    own = torch.rand(20, 5, 2, generator=torch.Generator().manual_seed(11), dtype=torch.float64)  # each image its own points
    torch.testing.assert_close(family.map_points(theta, own)[7:8], family.map_points(theta[7:8], own[7]))


@pytest.mark.parametrize("family", GROUPS, ids=repr)
def test_matrix_and_theta_are_two_names_of_one_thing(family):
    theta = some_theta(family, 50, seed=1)
    torch.testing.assert_close(family.from_matrix(family.matrix(theta)), theta, rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", GROUPS + FLOWS, ids=repr)
def test_the_inverse_leads_back(family, align_corners):
    theta = some_theta(family, 20, seed=2)
    there = family.grid(theta, SIZE, align_corners).flatten(1, 2)
    back = family.map_points(family.inverse(theta), there)
    torch.testing.assert_close(back, target_points(align_corners).expand_as(back), rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", GROUPS, ids=repr)
def test_composition_looks_first_where_first_says(family, align_corners):
    first, second = some_theta(family, 20, seed=3), some_theta(family, 20, seed=4)
    wanted = family.map_points(second, family.map_points(first, target_points(align_corners)))
    composed = family.grid(family.compose(first, second), SIZE, align_corners)
    torch.testing.assert_close(composed.flatten(1, 2), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", GROUPS, ids=repr)
def test_composition_with_the_inverse_is_the_identity(family):
    theta = some_theta(family, 20, seed=5)
    wanted = family.identity().double().expand_as(theta)
    for both in (family.compose(theta, family.inverse(theta)), family.compose(family.inverse(theta), theta)):
        torch.testing.assert_close(both, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("lattice", [4, (3, 5)], ids=str)
def test_flowing_for_one_unit_of_time_and_then_another_is_flowing_for_two(lattice, align_corners):
    # all compositions of flows that a theta can name: those along one velocity field
    once, twice = Diffeomorphic(lattice, squarings=4, iterations=16), Diffeomorphic(lattice, squarings=5, iterations=16)
    theta = some_theta(once, 20, seed=12)
    wanted = once.map_points(theta, once.grid(theta, SIZE, align_corners).flatten(1, 2))
    torch.testing.assert_close(twice.grid(2 * theta, SIZE, align_corners).flatten(1, 2), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", [*GROUPS, *SPLINES, Diffeomorphic((3, 4), squarings=2)], ids=repr)
def test_gradients_are_those_of_finite_differences(family):
    theta = some_theta(family, 2, seed=13).requires_grad_()
    # away from the lines of the flow's lattice, where a bilinear velocity has a kink
    points = (torch.rand(2, 4, 2, generator=torch.Generator().manual_seed(14), dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(family.map_points, (theta, points))
    assert torch.autograd.gradcheck(lambda theta: family.grid(theta, (3, 4)), theta)


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
    assert family.map_points(empty, torch.zeros(4, 2)).shape == (0, 4, 2)
    if family in GROUPS:
        assert family.inverse(empty).shape == family.compose(empty, empty).shape == empty.shape


def test_theta_of_the_wrong_shape_or_type_is_named(family):
    p, name = family.num_params, type(family).__name__
    for shape in [(2, p + 1), (p,), (2, 2, p), ()]:
        with pytest.raises(ValueError, match=rf"theta of {name} must have shape \(N, {p}\), got"):
            family.grid(torch.zeros(shape), SIZE)
    with pytest.raises(ValueError, match=r"theta must be floating point, got torch\.int64"):
        family.grid(torch.zeros(2, p, dtype=torch.long), SIZE)
    with pytest.raises(
        ValueError, match=r"theta must be float32 or float64, half precision misses pixels: got torch\.bfloat16"
    ):
        family.grid(torch.zeros(2, p, dtype=torch.bfloat16), SIZE)
    with pytest.raises(ValueError, match=r"theta must be a torch\.Tensor, got list"):
        family.grid([[0.0] * p], SIZE)
    calls = [lambda theta: family.map_points(theta, torch.zeros(4, 2))]
    if family in GROUPS + FLOWS:
        calls.append(family.inverse)
    if family in GROUPS:
        calls.append(lambda theta: family.compose(theta, family.identity()[None]))
    for call in calls:
        with pytest.raises(ValueError, match=f"(theta|first) of {name} must have shape"):
            call(torch.zeros(2, p + 1))
    for shape in [(4,), (4, 3), (3, 4, 2), (1, 1, 4, 2)]:
        with pytest.raises(ValueError, match=r"points must have shape \(K, 2\) or \(2, K, 2\), got"):
            family.map_points(torch.zeros(2, p), torch.zeros(shape))


def test_autocast_leaves_grids_in_full_precision(family):
    theta = some_theta(family, 2, seed=20).float()
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = family.grid(theta, SIZE), family.map_points(theta, target_points())
    assert torch.equal(under_autocast[0], family.grid(theta, SIZE))
    assert torch.equal(under_autocast[1], family.map_points(theta, target_points()))


def test_theta_that_is_not_finite_is_an_error_on_request(family):
    theta = family.identity().repeat(3, 1)
    theta[1, 0] = math.nan
    with pytest.raises(ValueError, match="theta must be finite.* 1 of 3 rows"):
        family.grid(theta, SIZE, check=True)
    grid = family.grid(theta, SIZE)  # unchecked it is let through, and stays with its image
    assert grid[1].isnan().any()
    assert grid[[0, 2]].isfinite().all()


def test_an_aspect_must_be_positive():
    for aspect in (0, -1, math.nan, math.inf, "2", (28, 28), True, torch.ones(2)):
        for kind in (Rotation, Similarity):
            with pytest.raises(ValueError, match="aspect must be a positive number"):
                kind(aspect)
    assert Rotation(torch.tensor(1.5)).aspect == 1.5


def test_constrained_families_can_have_zero_as_their_identity():
    for family in (Translation(), Attention(log_scale=True), Rotation(), Similarity(), *SPLINES, *FLOWS):
        assert not family.identity().any()


def test_a_logarithm_keeps_the_window_from_turning_inside_out():
    matrix = Attention(log_scale=True).matrix(torch.tensor([[-3.0, 0, 0], [math.log(2), 0, 0]]))
    assert 0 < matrix[0, 0, 0] < 0.1
    assert matrix[1, 0, 0] == pytest.approx(2)


def test_points_behind_the_camera_see_nothing():
    # depth 1 + 2 x: what lies left of x = -0.5 is behind the camera; dividing there would show the picture mirrored
    theta = torch.tensor([[1, 0, 0, 0, 1, 0, 2, 0]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([-1.0, -0.75, -0.5, -0.4999, 0.0, 1.0], dtype=torch.float64)
    points = torch.stack([x, torch.full_like(x, 0.3)], dim=1)
    looked = Projective().map_points(theta, points)[0]
    torch.testing.assert_close(looked[4:], points[4:] / (1 + 2 * points[4:, :1]))
    assert (looked[:4].abs() > 100).any(dim=1).all()  # the fourth is in front, at the horizon: very far away
    images = torch.ones(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    theta = torch.tensor([[1, 0, 0, 0, 1, 0, 4, 0]], dtype=torch.float64, requires_grad=True)  # the horizon at x = -0.25
    for mode in ("bilinear", "bicubic"):
        out = sample(images, Projective().grid(theta, (8, 8)), mode)
        assert not out[..., :3].any() and out[..., 4:].any()
        gradients = torch.autograd.grad(out.sum(), (theta, images))
        assert all(gradient.isfinite().all() for gradient in gradients)


def test_no_projective_theta_gives_anything_but_numbers():
    generator = torch.Generator().manual_seed(15)
    theta = (3 * torch.randn(500, 8, generator=generator)).requires_grad_()
    grid = Projective().grid(theta, (7, 7))
    out = torch.nn.functional.grid_sample(torch.rand(500, 1, 7, 7, generator=generator), grid, align_corners=False)
    out.sum().backward()
    assert grid.isfinite().all() and theta.grad.isfinite().all()


def test_what_a_projective_theta_cannot_say_is_not_a_number():
    # this map sends the point (0.5, 0.2) to (0.65, 0.1), but its inverse has the centre of the output behind the camera
    theta = torch.tensor([[1, 0, 0.8, 0, 1, 0, 2, 0]], dtype=torch.float64)
    looked = Projective().map_points(theta, torch.tensor([[0.5, 0.2]]))
    torch.testing.assert_close(looked[0, 0], torch.tensor([0.65, 0.1], dtype=torch.float64))
    assert Projective().inverse(theta).isnan().all()


def test_four_points_decide_a_projective_map():
    generator = torch.Generator().manual_seed(16)
    corners = torch.tensor(CORNERS, dtype=torch.float64).expand(50, 4, 2)
    moved = corners + 0.3 * (torch.rand(50, 4, 2, generator=generator, dtype=torch.float64) - 0.5)
    theta = Projective().from_points(corners, moved)
    torch.testing.assert_close(Projective().map_points(theta, corners), moved, rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match=r"output and input must have shape \(N, 4, 2\), got \(50, 3, 2\)"):
        Projective().from_points(corners[:, :3], moved[:, :3])


@pytest.mark.parametrize("lattice", [2, 3, 4, (3, 5), 6], ids=str)
def test_a_spline_takes_its_control_points_where_theta_says(lattice):
    family = ThinPlateSpline(lattice)
    theta = some_theta(family, 10, seed=17)
    wanted = family.controls + theta.view(10, -1, 2)
    torch.testing.assert_close(family.map_points(theta, family.controls), wanted, rtol=0, atol=1e-9)
    # a lattice on the corners of an image is sampled by its own grid
    grid = family.grid(theta, family.lattice, align_corners=True)
    torch.testing.assert_close(grid.flatten(1, 2), wanted, rtol=0, atol=1e-9)


def test_the_weights_of_a_spline_satisfy_the_side_conditions():
    # of all splines through the control points this makes the one that bends least (Bookstein, 1989)
    family = ThinPlateSpline(4)
    weights = (family.solution @ some_theta(family, 20, seed=4).view(20, -1, 2))[:, :-3]
    moments = torch.cat([torch.ones(16, 1, dtype=torch.float64), family.controls], dim=1)
    torch.testing.assert_close(moments.T @ weights, torch.zeros(20, 3, 2, dtype=torch.float64), rtol=0, atol=1e-10)


def test_a_spline_whose_points_move_as_one_is_affine():
    # bending costs, and nothing here asks for it: also with regularisation, which must not disturb an affine map
    matrix = torch.tensor([[[1.2, 0.3, 0.1], [-0.2, 0.8, 0.4]]], dtype=torch.float64)
    for family in SPLINES:
        moved = Affine().map_points(matrix.flatten(1), family.controls)
        theta = (moved - family.controls).flatten(1)
        torch.testing.assert_close(family.grid(theta, SIZE), Affine().grid(matrix.flatten(1), SIZE), rtol=0, atol=1e-10)


def test_regularisation_bends_less():
    theta = some_theta(ThinPlateSpline(), 50, seed=18)

    def bending(regularization: float) -> float:
        """Mean square of the second differences of the grid."""
        return (
            ThinPlateSpline(4, regularization).grid(theta, (30, 30), align_corners=True).diff(n=2, dim=1).square().mean().item()
        )

    amounts = [bending(regularization) for regularization in (0.0, 0.01, 0.1, 1.0, 1e6)]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[-1] < 1e-9 * amounts[0]  # in the end only the affine part is left


def test_a_spline_made_in_inference_mode_can_be_trained_with_afterwards():
    family = ThinPlateSpline(3)
    with torch.inference_mode():
        family.grid(torch.zeros(1, 18), SIZE)
    theta = torch.zeros(1, 18, requires_grad=True)
    family.grid(theta, SIZE).sum().backward()
    assert theta.grad.isfinite().all()


@pytest.mark.parametrize("lattice", [1, 0, (1, 4), (4,), 2.5, "4"], ids=str)
def test_a_lattice_that_is_none_is_named(lattice):
    for kind in (ThinPlateSpline, Diffeomorphic):
        with pytest.raises(ValueError, match="lattice must"):
            kind(lattice)


def test_options_out_of_range_are_named():
    for value in (-0.1, math.nan, math.inf, "0.1", None, [0.1], True, torch.ones(2)):
        with pytest.raises(ValueError, match="regularization must be a number of at least 0"):
            ThinPlateSpline(4, value)
    for option, bad in (("squarings", (-1, 13, 2.5, "4", None, True)), ("iterations", (0, 2.5, "3", None, True))):
        for value in bad:
            with pytest.raises(ValueError, match=f"{option} must be a whole number"):
                Diffeomorphic(4, **{option: value})
    for value in (0.5, "log", [True]):
        with pytest.raises(ValueError, match="log_scale must be True or False"):
            Attention(value)


def test_a_thousand_flows_fold_nowhere_where_splines_do():
    # velocities of a third of the picture's width: as control points moved at once they tangle the lattice
    points = target_grid((13, 17), True, torch.float64).view(-1, 2)
    theta = 0.6 * torch.randn(1000, 32, generator=torch.Generator().manual_seed(19), dtype=torch.float64)

    def smallest_determinant(family) -> torch.Tensor:
        """Of each map's Jacobian, by automatic differentiation at every point: (1000,)."""
        smallest = []
        for some in theta.split(250):
            x = points.expand(len(some), -1, 2).clone().requires_grad_()
            out = family.map_points(some, x)
            (dx,) = torch.autograd.grad(out[..., 0].sum(), x, retain_graph=True)
            (dy,) = torch.autograd.grad(out[..., 1].sum(), x)
            smallest.append((dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0]).amin(dim=1))
        return torch.cat(smallest)

    assert (smallest_determinant(Diffeomorphic(4)) > 0).all()
    assert (smallest_determinant(ThinPlateSpline(4)) < 0).double().mean() > 0.5


@pytest.mark.parametrize(("speed", "error", "left_over"), [(0.1, 2e-4, 3e-5), (0.3, 2e-3, 2e-3), (0.6, 1e-2, 4e-2)])
def test_a_flow_is_as_exact_as_it_says(speed, error, left_over):
    points = target_grid((13, 17), True, torch.float64).view(-1, 2)
    theta = speed * torch.randn(64, 32, generator=torch.Generator().manual_seed(20), dtype=torch.float64)
    family, exact = Diffeomorphic(4), Diffeomorphic(4, squarings=9, iterations=2)
    there = family.map_points(theta, points)
    assert (there - exact.map_points(theta, points)).abs().max() < error
    assert (family.map_points(family.inverse(theta), there) - points).abs().max() < left_over
    more = Diffeomorphic(4, iterations=2)  # a second round solves the steps
    there = more.map_points(theta, points)
    assert (more.map_points(more.inverse(theta), there) - points).abs().max() < left_over / 5
