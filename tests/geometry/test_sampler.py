"""The sampler: torch's values and gradients over thousands of cases, and what torch cannot do."""

import itertools
import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from stn_tutorial import Affine, sample, sample_loop, target_grid
from stn_tutorial.geometry.coordinates import normalized_to_pixel, pixel_to_normalized
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES, bilinear_gradient
from stn_tutorial.geometry.volumes import sample_volume

SIZES = [  # of the image and of the output
    ((5, 7), (4, 6)),
    ((6, 3), (1, 1)),
    ((8, 8), (16, 11)),
    ((1, 4), (3, 5)),
    ((4, 1), (2, 2)),
    ((1, 1), (2, 3)),
]
REACHES = {"inside": 1, "edge": 1.5, "outside": 20, "far": 1000, "pixel centres": None}
REPEATS = 4
pytestmark = pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid")  # torch's remark on axes of size 1
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
CASES = list(itertools.product(MODES, PADDING_MODES, (False, True), SIZES, REACHES, range(REPEATS)))

both_conventions = pytest.mark.parametrize("align_corners", [False, True], ids=["edges", "align_corners"])
every_mode = pytest.mark.parametrize("mode", MODES)
every_padding = pytest.mark.parametrize("padding_mode", PADDING_MODES)
smooth_modes = pytest.mark.parametrize("mode", ["bilinear", "bicubic"])


def random_grid(reach, size, output, align_corners, generator, n=2) -> torch.Tensor:
    """Sampling points evenly spread over `reach` times the image, or on pixel centres and half way between them."""
    shape = (n, *output, 2)
    if reach is None:
        pixels = torch.randint(-8, 2 * max(size) + 8, shape, generator=generator).double() / 2
        return pixel_to_normalized(pixels, size, align_corners)
    return reach * (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1)


def random_images(size, generator, n=2, channels=2) -> torch.Tensor:
    return torch.rand(n, channels, *size, generator=generator, dtype=torch.float64)


def assert_agree(ours, wanted, tolerance, case):
    """Equal to the tolerance, relative where many terms were summed and the numbers are large."""
    scale = max(1.0, wanted.abs().max().item())
    gap = (ours - wanted).abs().max().item()
    assert gap <= tolerance * scale, f"{case}: {gap:.1e} apart, values up to {scale:.1f}"


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])
def test_values_and_gradients_are_torchs_in_thousands_of_cases(dtype):
    for seed, case in enumerate(CASES):
        mode, padding_mode, align_corners, (size, output), reach, _ = case
        generator = torch.Generator().manual_seed(seed)
        images = random_images(size, generator).to(dtype).requires_grad_()
        grid = random_grid(REACHES[reach], size, output, align_corners, generator).to(dtype).requires_grad_()
        out, wanted = (f(images, grid, mode, padding_mode, align_corners) for f in (sample, F.grid_sample))
        assert_agree(out, wanted, TOLERANCE[dtype], case)

        weight = torch.randn(out.shape, generator=generator, dtype=torch.float64).to(dtype)
        ours = torch.autograd.grad((out * weight).sum(), (images, grid), allow_unused=True)
        theirs = torch.autograd.grad((wanted * weight).sum(), (images, grid))
        assert_agree(ours[0], theirs[0], TOLERANCE[dtype], case)
        if mode == "nearest":
            assert ours[1] is None
        else:
            assert_agree(ours[1] if ours[1] is not None else torch.zeros_like(grid), theirs[1], TOLERANCE[dtype], case)


def test_at_least_two_thousand_cases_are_compared_in_either_precision():
    assert len(CASES) >= 2000


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])
@every_padding
@both_conventions
def test_grid_and_sampler_together_have_torchs_gradient_of_theta(dtype, padding_mode, align_corners):
    for seed, mode, (size, output) in itertools.product(range(3), ("bilinear", "bicubic"), SIZES[:3]):
        generator = torch.Generator().manual_seed(seed)
        images = random_images(size, generator).to(dtype)
        theta = Affine().identity().double() + torch.randn(2, 6, generator=generator, dtype=torch.float64) / 2
        theta = theta.to(dtype).requires_grad_()
        out = sample(images, Affine().grid(theta, output, align_corners), mode, padding_mode, align_corners)
        grid = F.affine_grid(theta.view(-1, 2, 3), [2, 2, *output], align_corners=align_corners)
        wanted = F.grid_sample(images, grid, mode, padding_mode, align_corners)
        assert_agree(out, wanted, TOLERANCE[dtype], (seed, mode, size, output))
        weight = torch.randn(out.shape, generator=generator, dtype=torch.float64).to(dtype)
        gradients = [torch.autograd.grad((result * weight).sum(), theta)[0] for result in (out, wanted)]
        assert_agree(*gradients, TOLERANCE[dtype], (seed, mode, size, output))


@smooth_modes
@every_padding
@both_conventions
def test_differentiable_twice_for_images_and_theta(mode, padding_mode, align_corners):
    generator = torch.Generator().manual_seed(5)
    images = random_images((3, 4), generator, n=1).requires_grad_()
    noise = torch.rand(1, 6, generator=generator, dtype=torch.float64) - 0.5
    theta = (1.2 * Affine().identity().double() + noise / 2).requires_grad_()

    def warp(images, theta):
        return sample(images, Affine().grid(theta, (2, 3), align_corners), mode, padding_mode, align_corners)

    assert gradcheck(warp, (images, theta))
    assert gradgradcheck(warp, (images, theta))


@both_conventions
def test_the_loop_is_the_same_function(align_corners):
    for size, output in SIZES:
        generator = torch.Generator().manual_seed(6)
        images = random_images(size, generator)
        grid = random_grid(1.3, size, output, align_corners, generator)
        wanted = sample(images, grid, align_corners=align_corners)
        torch.testing.assert_close(sample_loop(images, grid, align_corners), wanted, rtol=0, atol=1e-12)


def gradient_points(size):
    """Points in pixels, in the image and around it, none where the bilinear sample has a kink."""
    generator = torch.Generator().manual_seed(7)
    whole = torch.stack([torch.randint(-3, length + 2, (200,), generator=generator) for length in (size[1], size[0])])
    return whole + 0.1 + 0.8 * torch.rand(2, 200, generator=generator, dtype=torch.float64)


@both_conventions
def test_the_papers_gradient_is_autograds(align_corners):
    size = height, width = 5, 8
    image = random_images(size, torch.Generator().manual_seed(8), n=1, channels=1)
    x, y = gradient_points(size)
    x[:20], y[:20] = x[:20].floor(), y[:20].floor()  # at a kink both take the slope to the right
    grid = pixel_to_normalized(torch.stack([x, y], dim=-1), size, align_corners)[None, None].requires_grad_()
    # a rounding error to the left of a pixel centre would take the slope to the left
    exact = (normalized_to_pixel(grid[0, 0], size, align_corners) == torch.stack([x, y], dim=-1)).all(dim=-1)
    keep = exact | (torch.arange(len(x)) >= 20)
    assert keep[:20].sum() >= 5
    out = sample(image, grid, align_corners=align_corners)
    (gradient,) = torch.autograd.grad(out.sum(), grid)
    # one normalised unit is half the extent of the image in pixels
    per_pixel = gradient[0, 0] / (torch.tensor([width - 1, height - 1] if align_corners else [width, height]) / 2)
    value, along_x, along_y = bilinear_gradient(image[0, 0], x, y)
    torch.testing.assert_close(value, out[0, 0, 0], rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.stack([along_x, along_y], dim=-1)[keep], per_pixel[keep], rtol=0, atol=1e-12)


def test_the_papers_gradient_is_the_slope():
    size, step = (5, 8), 1e-4
    image = random_images(size, torch.Generator().manual_seed(9), n=1, channels=1)[0, 0]
    x, y = gradient_points(size)
    _, along_x, along_y = bilinear_gradient(image, x, y)
    slope_x = (bilinear_gradient(image, x + step, y)[0] - bilinear_gradient(image, x - step, y)[0]) / (2 * step)
    slope_y = (bilinear_gradient(image, x, y + step)[0] - bilinear_gradient(image, x, y - step)[0]) / (2 * step)
    torch.testing.assert_close(along_x, slope_x, rtol=0, atol=1e-9)
    torch.testing.assert_close(along_y, slope_y, rtol=0, atol=1e-9)


@every_mode
@both_conventions
def test_fill_is_what_lies_outside(mode, align_corners):
    generator = torch.Generator().manual_seed(10)
    images = random_images((5, 7), generator, channels=3)
    grid = random_grid(2, (5, 7), (6, 4), align_corners, generator)
    fill = torch.tensor([0.3, -1.5, 7.0], dtype=torch.float64)
    moved = sample(images - fill.view(3, 1, 1), grid, mode, align_corners=align_corners) + fill.view(3, 1, 1)
    torch.testing.assert_close(sample(images, grid, mode, align_corners=align_corners, fill=fill), moved, rtol=0, atol=1e-12)
    alone = sample(images, grid, mode, align_corners=align_corners, fill=0.3)
    torch.testing.assert_close(alone[:, 0], moved[:, 0], rtol=0, atol=1e-12)  # one number serves all channels
    far = sample(images, torch.full_like(grid, 50), mode, align_corners=align_corners, fill=fill)
    assert torch.equal(far[0, :, 0, 0], fill)


@every_mode
@every_padding
@both_conventions
def test_the_target_grid_gives_the_image_back(mode, padding_mode, align_corners):
    for size in ((5, 7), (1, 6), (1, 1)):
        images = random_images(size, torch.Generator().manual_seed(11))
        grid = target_grid(size, align_corners, torch.float64).expand(2, *size, 2)
        out = sample(images, grid, mode, padding_mode, align_corners)
        torch.testing.assert_close(out, images, rtol=0, atol=1e-12)


@every_mode
def test_any_output_size_up_and_down(mode):
    images = torch.full((2, 1, 5, 7), 0.25)
    for output in ((1, 1), (1, 30), (64, 3), (50, 70)):
        grid = target_grid(output).expand(2, *output, 2)
        out = sample(images, grid, mode, padding_mode="border")
        torch.testing.assert_close(out, torch.full((2, 1, *output), 0.25))  # a flat picture stays flat


@every_mode
@every_padding
def test_an_empty_batch_stays_empty(mode, padding_mode):
    images, grid = torch.zeros(0, 3, 5, 7, requires_grad=True), torch.zeros(0, 4, 6, 2, requires_grad=True)
    out = sample(images, grid, mode, padding_mode)
    assert out.shape == (0, 3, 4, 6)
    out.sum().backward()
    assert images.grad.shape == images.shape
    assert sample_loop(images.detach(), grid.detach()).shape == out.shape


@every_mode
@every_padding
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e30], ids=str)
def test_a_wild_coordinate_spoils_its_own_pixel_only(mode, padding_mode, value):
    generator = torch.Generator().manual_seed(12)
    images = random_images((4, 5), generator).float().requires_grad_()
    tame = random_grid(1, (4, 5), (3, 6), False, generator).float()
    wild = tame.clone()
    wild[0, 1, 2, 0] = value
    wild.requires_grad_()
    out, wanted = sample(images, wild, mode, padding_mode), sample(images, tame, mode, padding_mode)
    others = torch.ones(3, 6, dtype=torch.bool)
    others[1, 2] = False
    torch.testing.assert_close(out[0][:, others], wanted[0][:, others])
    torch.testing.assert_close(out[1], wanted[1])
    if padding_mode == "zeros":  # torch's values, NaN included; elsewhere torch may end the process, so it is not asked
        theirs = F.grid_sample(images, wild, mode, padding_mode, align_corners=False)
        torch.testing.assert_close(out, theirs, equal_nan=True)
    elif padding_mode == "border" and math.isfinite(value):
        torch.testing.assert_close(out, F.grid_sample(images, wild, mode, padding_mode, align_corners=False))
    elif math.isfinite(value):
        assert out.isfinite().all()  # so far away rounding decides which pixel a mirror shows
    out.nansum().backward()  # must not crash either
    assert images.grad.shape == images.shape


@every_mode
@both_conventions
@pytest.mark.parametrize("fill", [-1e9, 1e30, math.inf, -math.inf, math.nan])
def test_a_background_of_any_size_leaves_the_picture_alone(mode, align_corners, fill):
    images = random_images((14, 9), torch.Generator().manual_seed(13)).float()
    grid = target_grid((14, 9), align_corners).expand(2, -1, -1, -1)
    out = sample(images, grid, mode, align_corners=align_corners, fill=fill)
    torch.testing.assert_close(out, images, rtol=0, atol=1e-5)
    torch.testing.assert_close(sample(images, grid + 9, mode, fill=fill), torch.full_like(images, fill), equal_nan=True)
    if mode != "bicubic":
        volumes, points = images[..., None], F.pad(grid, (1, 0))[:, :, :, None]  # one voxel along x
        out = sample_volume(volumes, points, mode, align_corners=align_corners, fill=fill)
        torch.testing.assert_close(out, volumes, rtol=0, atol=1e-5)


@pytest.mark.parametrize("padding_mode", PADDING_MODES[1:])
def test_a_background_where_nothing_is_filled_is_named(padding_mode):
    for sampler, d in ((sample, 2), (sample_volume, 3)):
        images, grid = torch.zeros(1, 2, *(3, 3, 3)[:d]), torch.zeros(1, *(3, 3, 3)[:d], d)
        for fill in (0.5, [0.5, 0.5], torch.ones(2)):
            with pytest.raises(ValueError, match=f"fill must be 0 under padding_mode='{padding_mode}'"):
                sampler(images, grid, padding_mode=padding_mode, fill=fill)
        sampler(images, grid, padding_mode=padding_mode, fill=torch.zeros(2))


def test_half_precision_is_refused_where_it_would_miss_pixels():
    images, grid = torch.rand(1, 1, 2, 3000), target_grid((2, 3000))[None]
    for dtype in (torch.float16, torch.bfloat16):
        for sampler in (sample, sample_loop):
            with pytest.raises(ValueError, match="images must be float32 or float64, half precision misses pixels"):
                sampler(images.to(dtype), grid.to(dtype))
        with pytest.raises(ValueError, match="volumes must be float32 or float64, half precision misses pixels"):
            sample_volume(images[:, None].to(dtype), torch.zeros(1, 1, 1, 1, 3, dtype=dtype))


BAD_ARGUMENTS = {
    r"images must have shape \(N, C, H, W\)": [
        dict(images=torch.zeros(3, 5, 7)),
        dict(images=torch.zeros(2, 3, 0, 7)),
        dict(images=torch.zeros(2, 0, 5, 7)),
    ],
    "images must be floating point, got torch.uint8": [dict(images=torch.zeros(2, 3, 5, 7, dtype=torch.uint8))],
    "images must be floating point, got torch.float8": [dict(images=torch.zeros(2, 3, 5, 7).to(torch.float8_e4m3fn))],
    "images must be dense": [dict(images=torch.zeros(2, 3, 5, 7).to_sparse())],
    "fill must be a number or one per channel, shape .C,., got": [
        dict(fill=fill) for fill in ("black", "0.5", None, 1j, {}, [[1.0]], [])
    ],
    r"grid must have shape \(N, H_out, W_out, 2\)": [
        dict(grid=torch.zeros(4, 6, 2)),
        dict(grid=torch.zeros(2, 4, 6, 3)),
        dict(grid=torch.zeros(2, 0, 6, 2)),
    ],
    "grid must hold one grid per image: 2 images, got 3 grids": [dict(grid=torch.zeros(3, 4, 6, 2))],
    "grid must have the type of the images, torch.float32, got torch.float64": [
        dict(grid=torch.zeros(2, 4, 6, 2, dtype=torch.float64))
    ],
    "grid must be on the device of the images, cpu, got meta": [dict(grid=torch.zeros(2, 4, 6, 2, device="meta"))],
    "mode must be one of .*'nearest', 'bilinear', 'bicubic'.*, got 'linear'": [dict(mode="linear")],
    "padding_mode must be one of .*, got 'wrap'": [dict(padding_mode="wrap")],
    r"fill must be a number or one per channel, shape \(3,\), got shape \(2,\)": [dict(fill=torch.zeros(2))],
}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_loop_names_a_grid_that_is_not_finite(value):
    grid = target_grid((3, 3))[None].repeat(2, 1, 1, 1)
    grid[1, 0, 2, 0] = value
    with pytest.raises(ValueError, match="grid must be finite, got NaN or infinity at 1 points"):
        sample_loop(torch.zeros(2, 1, 3, 3), grid)


@pytest.mark.parametrize(("message", "arguments"), [(m, a) for m, cases in BAD_ARGUMENTS.items() for a in cases])
def test_a_bad_argument_is_named(message, arguments):
    good = {"images": torch.zeros(2, 3, 5, 7), "grid": torch.zeros(2, 4, 6, 2)}
    sample(**good)
    with pytest.raises(ValueError, match=message):
        sample(**(good | arguments))
