"""Windows that shrink the picture: no stripes out of nothing, a gradient that sees further, and the plain sampler as it was.

Kinds: where nothing shrinks, what a shrunk texture comes out as, slopes, options, fill, derivatives, programs, bad arguments.
"""

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial import Affine, Attention, SpatialTransformer, target_grid
from stn_tutorial.geometry.antialiasing import LEVELS, blurred, shrinking, with_levels
from stn_tutorial.networks.localization import FixedTheta

CHECKERS = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float()[None, None]


def window(scale, size=None, **options):
    """A transformer whose window is `scale` times as wide as the picture's middle."""
    return SpatialTransformer(FixedTheta(torch.tensor([scale, 0.0, 0.0])), Attention(), size=size, **options)


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_where_nothing_shrinks_it_is_the_plain_sampler(sampler, padding_mode, align_corners, mode):
    options = dict(sampler=sampler, padding_mode=padding_mode, align_corners=align_corners, mode=mode)
    images = noise(2, 3, 13, 10)
    for scale in (1.0, 0.37):
        plain, smooth = window(scale, **options), window(scale, antialias=True, **options)
        torch.testing.assert_close(smooth(images), plain(images), atol=2e-5, rtol=0)


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
@pytest.mark.parametrize("times", [2, 4, 8])
def test_a_fine_texture_becomes_grey_and_not_stripes(sampler, times):
    side = 32 // times  # of a window half as wide as the picture, a little less so that it keeps no step with the texture
    plain = window(0.47, size=(side, side), sampler=sampler)(CHECKERS)
    smooth = window(0.47, size=(side, side), sampler=sampler, antialias=True)(CHECKERS)
    assert (smooth - 0.5).abs().max() < 0.06
    assert (plain - 0.5).abs().max() > 0.15


def test_the_mean_of_a_shrunk_picture_is_kept():
    images = F.pad(noise(1, 1, 32, 32), (48, 48, 48, 48))
    for times in (2, 4, 8):
        out = window(1.0, size=(128 // times, 128 // times), antialias=True)(images)
        torch.testing.assert_close(out.sum() * times**2, images.sum(), rtol=0.02, atol=0)


def test_shrinking_is_counted_in_pixels_along_the_longer_way():
    grid = target_grid((5, 7))[None]
    assert torch.allclose(shrinking(grid, (20, 14)), torch.tensor(4.0))
    assert torch.allclose(shrinking(grid, (17, 13), align_corners=False).amax(), torch.tensor(17 / 5))
    assert torch.allclose(shrinking(target_grid((5, 7), True)[None], (17, 7), align_corners=True), torch.tensor(4.0))
    assert torch.equal(shrinking(target_grid((1, 1))[None], (9, 9)), torch.ones(1, 1, 1))
    assert torch.allclose(shrinking(target_grid((1, 3))[None], (9, 9)), torch.tensor(3.0))


@pytest.mark.parametrize("level", range(LEVELS))
def test_each_level_blurs_twice_as_wide_and_loses_no_light(level):
    dot = torch.zeros(1, 1, 101, 101)
    dot[..., 50, 50] = 1
    slice_ = blurred(dot)[0, 0, level]
    place = torch.arange(101.0) - 50
    torch.testing.assert_close(slice_.sum(), torch.tensor(1.0))
    torch.testing.assert_close((slice_.sum(dim=0) * place**2).sum(), torch.tensor((4.0**level - 1) / 4), rtol=0.04, atol=0.05)


def test_a_far_digit_still_pulls_at_theta():
    blob = torch.zeros(1, 1, 64, 64)
    blob[..., 30:34, 44:48] = 1
    target = torch.zeros(1, 1, 8, 8)
    target[..., 3:5, 3:5] = 1
    slopes = []
    for antialias in (False, True):
        stn = window(1.0, size=(8, 8), antialias=antialias)
        theta = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
        (stn.warp(blob, theta) - target).square().sum().backward()
        slopes.append(theta.grad[0, 1].item())
    assert slopes[1] < -0.2 and abs(slopes[0]) < 0.01  # only the smooth one knows that the blob is to the right


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_fill_is_the_background_here_too(sampler):
    images = torch.full((1, 2, 24, 24), 0.3)
    out = window(3.0, antialias=True, fill=0.3, sampler=sampler)(images)
    torch.testing.assert_close(out, images, atol=1e-5, rtol=0)


def test_derivatives_of_both_orders():
    stn = window(2.3, size=(6, 6), antialias=True, sampler="scratch").double()
    images = noise(1, 1, 12, 12).double().requires_grad_()
    theta = torch.tensor([[2.3, 0.05, -0.02]], dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u: stn.warp(u, theta), (images,))
    (slope,) = torch.autograd.grad(stn.warp(images, theta).square().sum(), theta, create_graph=True)
    slope.sum().backward()
    assert images.grad.isfinite().all() and theta.grad.abs().max() > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiles_exports_and_works_in_half_precision():
    stn, images = SpatialTransformer.for_images((2, 16, 16), Affine(), size=(4, 4), antialias=True).eval(), noise(3, 2, 16, 16)
    wanted = stn(images).detach()
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(stn, backend="eager", fullgraph=True)(images), wanted)
    program = torch.export.export(stn, (images,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},)).module()
    torch.testing.assert_close(program(images), wanted)
    assert program(noise(5, 2, 16, 16)).shape == (5, 2, 4, 4)
    assert stn(noise(0, 2, 16, 16)).shape == (0, 2, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(stn(images), wanted, atol=0.02, rtol=0)
    assert stn.bfloat16()(images.bfloat16()).dtype == torch.bfloat16


def test_bicubic_and_volumes_are_refused():
    from stn_tutorial.geometry.volumes import Affine3d

    with pytest.raises(ValueError, match="antialias must be False"):
        window(1.0, antialias=True, mode="bicubic")
    with pytest.raises(ValueError, match="antialias must be False"):
        SpatialTransformer(FixedTheta(torch.zeros(12)), Affine3d(), antialias=True)


def test_more_levels_than_the_picture_has_pixels():
    volume, grid = with_levels(noise(1, 1, 2, 3), target_grid((1, 1))[None], levels=1)
    assert volume.shape == (1, 1, 1, 2, 3) and grid.shape == (1, 1, 1, 1, 3)
    assert window(4.0, antialias=True)(noise(1, 1, 2, 3)).isfinite().all()
