"""Habits from other libraries: every row of docs/coming-from.md is run, against the library itself where it is installed.

Kinds: other coordinates and directions, other names of arguments, other names of values, other objects, other orders, other types
of pictures; degrees and pixels where radians and normalised numbers are meant.
"""

import math
import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stn_tutorial import Affine, Projective, Rotation, Similarity, SpatialTransformer
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.pixel_matrix import theta_from_pixels
from stn_tutorial.geometry.volumes import Affine3d
from stn_tutorial.networks.habits import ARGUMENTS, VALUES
from stn_tutorial.networks.localization import LocalizationNet, SmallMapLocalizationNet

PAGE = (Path(__file__).parents[2] / "docs" / "coming-from.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
H, W = 20, 30
TESTED = {}


def row(beginning):
    """Marks a test as the one of the row whose first cell begins so."""

    def keep(test):
        TESTED[beginning] = test
        return test

    return keep


def test_every_row_of_the_page_is_tested():
    assert len(ROWS) > 15
    for there, _ in ROWS:
        assert sum(there.startswith(beginning) for beginning in TESTED) == 1, there
    assert len(TESTED) == len(ROWS)


def transformer(family, **options):
    return SpatialTransformer(nn.Identity(), family, **options)


def pictures(count=2):
    """Smooth ones, so that half a rounding error of a coordinate does not show."""
    noise = torch.rand(count, 3, H, W, generator=torch.Generator().manual_seed(0))
    return F.avg_pool2d(noise, 5, stride=1, padding=2)


def agree(ours, theirs, atol=1e-4, rim=0):
    inner = (..., slice(rim, ours.shape[-2] - rim), slice(rim, ours.shape[-1] - rim))
    torch.testing.assert_close(ours[inner], theirs[inner], rtol=0, atol=atol)


@row("`kornia.geometry.warp_affine")
@pytest.mark.parametrize("align_corners", [False, True])
def test_a_matrix_in_pixels(align_corners):
    warp_affine = pytest.importorskip("kornia.geometry").warp_affine
    matrix = torch.tensor([[[0.9, -0.3, 4.0], [0.2, 1.1, -3.0]], [[1.0, 0, 5], [0, 1, 2]]])
    for size in ((H, W), (12, 17)):
        # kornia normalises as align_corners=True does, whatever it is told
        theirs = warp_affine(pictures(), matrix, size, align_corners=True)
        theta = theta_from_pixels(matrix, (H, W), size, align_corners)
        agree(transformer(Affine(), size=size, align_corners=align_corners).warp(pictures(), theta), theirs)
    assert torch.equal(theta_from_pixels(matrix[1], (H, W)), theta_from_pixels(matrix[1:], (H, W)))
    for bad in (matrix[:, :, :2], matrix.long(), matrix.half(), torch.eye(3), matrix.numpy(), [[1, 0, 0], [0, 1, 0]]):
        with pytest.raises(ValueError, match="matrix must (be|have)"):
            theta_from_pixels(bad, (H, W))


@row("`rotate(images, degrees)`")
def test_degrees():
    ours = transformer(Rotation(aspect=W / H)).warp(pictures(), torch.tensor([math.radians(30)]))
    functional = pytest.importorskip("torchvision.transforms.functional")
    agree(ours, functional.rotate(pictures(), 30, functional.InterpolationMode.BILINEAR), rim=6)
    kornia = pytest.importorskip("kornia.geometry")
    agree(ours, kornia.rotate(pictures(), torch.tensor([30.0, 30.0])), rim=6)


@row("`torchvision.transforms.functional.affine")
def test_turn_shift_and_scale():
    functional = pytest.importorskip("torchvision.transforms.functional")
    degrees, right, down, scale = 20, 3, -2, 1.3
    theirs = functional.affine(pictures(), degrees, [right, down], scale, [0.0], functional.InterpolationMode.BILINEAR)
    family = Similarity(aspect=W / H)
    theta = torch.tensor([[math.radians(degrees), math.log(scale), 2 * right / W, 2 * down / H]])
    agree(transformer(family).warp(pictures(), family.inverse(theta)), theirs, rim=2)


@row("`kornia.geometry.homography_warp")
def test_homographies():
    homography_warp = pytest.importorskip("kornia.geometry.transform").homography_warp
    matrices = torch.eye(3) + 0.1 * torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(1))
    theirs = homography_warp(pictures(), matrices, (H, W), align_corners=True, normalized_coordinates=True)
    agree(transformer(Projective(), align_corners=True).warp(pictures(), matrices), theirs)


@row("`torchvision.transforms.functional.perspective")
def test_four_corners():
    functional = pytest.importorskip("torchvision.transforms.functional")
    start, end = [[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]], [[3, 2], [W - 4, 1], [W - 1, H - 3], [1, H - 2]]
    theirs = functional.perspective(pictures(), start, end, functional.InterpolationMode.BILINEAR)
    family = Projective()
    starts, ends = (torch.tensor([points]) * 2 / torch.tensor([W, H]) - 1 for points in (start, end))
    agree(transformer(family).warp(pictures(), family.from_points(ends, starts)), theirs, rim=2)


@row("`torch.nn.functional.affine_grid(theta, shape)`")
def test_torch_itself():
    theta = torch.eye(2, 3) + 0.2 * torch.rand(2, 2, 3, generator=torch.Generator().manual_seed(1))
    theirs = F.grid_sample(pictures(), F.affine_grid(theta, (2, 3, H, W), align_corners=False), align_corners=False)
    agree(transformer(Affine()).warp(pictures(), theta), theirs, atol=1e-5)


@row("`affine_grid(theta, shape)`, theta `(N, 3, 4)`")
def test_volumes():
    theta = torch.eye(3, 4) + 0.2 * torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(1))
    volumes = F.avg_pool3d(torch.rand(2, 1, 8, 9, 10, generator=torch.Generator().manual_seed(2)), 3, 1, 1)
    theirs = F.grid_sample(volumes, F.affine_grid(theta, volumes.shape, align_corners=False), align_corners=False)
    ours = transformer(Affine3d()).warp(volumes, theta)
    agree(ours, theirs, atol=1e-5)


def test_volumes_beside_monai():
    layers = pytest.importorskip("monai.networks.layers")
    theta = torch.eye(3, 4)[None] + 0.2
    volumes = torch.rand(1, 1, 8, 9, 10, generator=torch.Generator().manual_seed(2))
    theirs = layers.AffineTransform(normalized=True, reverse_indexing=False, padding_mode="zeros", align_corners=False)
    agree(transformer(Affine3d()).warp(volumes, theta), theirs(volumes, theta), atol=1e-5)


@row("`align_corners=True`")
def test_the_default_of_align_corners():
    assert transformer(Affine()).align_corners is False


def says(wanted, error=ValueError, match=None, **options):
    """Whether what was asked for is answered with what is to be written."""
    with pytest.raises(error, match=match) as told:
        transformer(Affine(), **options)
    assert wanted in str(told.value)


@row("`interpolation=`")
@row("`fill_value=`")
@row("`padding=`")
@row("`dsize=`")
def test_other_names_of_arguments():
    on_the_page = set(re.findall(r"`(\w+)=`", " ".join(there for there, _ in ROWS)))
    assert on_the_page <= set(ARGUMENTS)
    for there, here in ARGUMENTS.items():
        says(f"it is called {here} here", TypeError, f"no argument '{there}'", **{there: 1})
        with pytest.raises(TypeError, match=f"it is called {here} here"):
            SpatialTransformer.for_images((1, 28, 28), Affine(), **{there: 1})
    says("it has localization, family, size, mode", TypeError, colour=1)


@row("`InterpolationMode.BILINEAR`")
def test_modes_of_torchvision():
    modes = pytest.importorskip("torchvision.transforms").InterpolationMode
    for mode in (modes.NEAREST, modes.BILINEAR, modes.BICUBIC):
        says(f"write mode={mode.value!r}", mode=mode)


@row('`"linear"`')
@row('`"constant"`')
def test_other_names_of_values():
    on_the_page = set(re.findall(r'`"([\w-]+)"`', " ".join(there for there, _ in ROWS))) - set(FAMILIES)
    assert on_the_page <= {there for values in VALUES.values() for there in values}
    for name, values in VALUES.items():
        for there, here in values.items():
            says(f"write {name}={here!r}", match=f"{name} must be one of", **{name: there})
        for nonsense in ("wrong", 2, None, ["bilinear"]):
            says("must be one of", match=f"{name} must be one of", **{name: nonsense})


@row('`"affine"` or `Affine`')
def test_a_class_or_a_name_instead_of_a_family():
    for localizer in (LocalizationNet, SmallMapLocalizationNet):
        for name, make in FAMILIES.items():
            for call in (transformer, partial(localizer, (1, 28, 28))):
                with pytest.raises(ValueError, match=f"family must be an object, got the name '{name}': ") as told:
                    call(name)
                assert f"write {make()!r}" in str(told.value)
                with pytest.raises(ValueError, match=f"family must be an object, got the class: write {type(make()).__name__}"):
                    call(type(make()))
                for nonsense in (6, None, torch.eye(2, 3)):
                    with pytest.raises(ValueError, match="family must be a family of transformations, such as Affine()"):
                        call(nonsense)
                with pytest.raises(ValueError, match="got the name 'homography'"):
                    call("homography")


@row("`SpatialTransformer(family, localization)`")
def test_the_two_parts_in_the_other_order():
    for make in FAMILIES.values():
        with pytest.raises(ValueError, match=r"SpatialTransformer\(localization, family\)"):
            SpatialTransformer(make(), nn.Identity())
    with pytest.raises(ValueError, match=r"the class: write LocalizationNet\(...\)"):
        SpatialTransformer(LocalizationNet, Affine())
    for nonsense in (lambda images: images, None, 3):
        with pytest.raises(ValueError, match="localization must be a torch.nn.Module"):
            SpatialTransformer(nonsense, Affine())


@row("a mask of labels")
def test_masks():
    theta = Rotation().identity()
    for kind in (torch.uint8, torch.int64, torch.int32, torch.bool):
        mask = (pictures() > 0.5).to(kind)
        stn = transformer(Rotation(), mode="nearest")
        with pytest.raises(ValueError, match=r"images must be floating point, .* mask.float\(\) with mode='nearest'"):
            stn.warp(mask, theta)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # these pictures are not square
            assert torch.equal(stn.warp(mask.float(), theta).to(kind), mask)


@row("a numpy array or a PIL image")
def test_pictures_of_other_kinds():
    stn = transformer(Affine())
    image = pytest.importorskip("PIL.Image").fromarray(np.zeros((H, W, 3), np.uint8))
    for picture, kind in ((np.zeros((1, 3, H, W)), "ndarray"), (image, "Image"), ([[1.0]], "list"), (None, "NoneType")):
        for call in (stn, stn.theta, lambda images: stn.warp(images, Affine().identity())):
            with pytest.raises(ValueError, match=f"images must be a torch.Tensor, got {kind}"):
                call(picture)
    functional = pytest.importorskip("torchvision.transforms.functional")
    assert stn.warp(functional.to_tensor(image)[None], Affine().identity()).shape == (1, 3, H, W)


@pytest.mark.filterwarnings("error")
def test_degrees_and_pixels_are_noticed_and_nothing_else_is():
    square = pictures()[..., :H]
    for family in (Rotation(), Similarity()):
        theta = family.identity()
        theta[0] = 30
        with pytest.raises(UserWarning, match=r"an angle of 30, and angles are in radians: write math.radians\(...\)"):
            transformer(family).warp(square, theta)
        theta[0] = math.radians(-300)
        transformer(family).warp(square, theta)
    in_pixels = torch.tensor([[1.0, 0, 12], [0, 1, -8]])
    with pytest.raises(UserWarning, match="theta looks past the image in 2 of 2 rows: .*theta_from_pixels"):
        transformer(Affine()).warp(square, in_pixels)
    homography = torch.eye(3)
    homography[0, 2] = 12
    with pytest.raises(UserWarning, match="theta looks past the image in 1 of 1 rows"):
        transformer(Projective()).warp(square[:1], homography)
    for make in FAMILIES.values():  # nor is a net told anything, whatever it chooses
        family = make()
        theta = family.identity() + 50
        stn = SpatialTransformer.for_images((3, H, H), family)
        with torch.no_grad():
            stn.localization.last.bias.copy_(theta)
        stn(square)
        transformer(family).warp(square, family.identity().requires_grad_() * 1)
