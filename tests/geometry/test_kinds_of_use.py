"""Every family in every setting. Kinds: autocast, export with any batch, other devices, copies and pickles after function transforms,
bounded memory, precision, what is not a tensor, and that each family describes itself."""

import copy
import inspect
import io
import math
import pickle
import warnings

import numpy as np
import pytest
import torch
from families import EVERY_FAMILY, GROUPS, LISTED, VOLUMES, size_for
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

import stn_tutorial
from stn_tutorial import Affine, Attention, Projective, Rotation, Similarity, ThinPlateSpline, sample, sample_loop, target_grid
from stn_tutorial import geometry as public
from stn_tutorial.geometry import coordinates, family, lattice, volumes
from stn_tutorial.geometry.coordinates import normalized_to_pixel
from stn_tutorial.geometry.family import LARGE, Family, MatrixFamily, targets
from stn_tutorial.geometry.remembered import TABLES
from stn_tutorial.geometry.volumes import sample_volume

ALL = [*EVERY_FAMILY, *VOLUMES]
every_family = pytest.mark.parametrize("family", ALL, ids=repr)
listed_family = pytest.mark.parametrize("family", [*LISTED, *VOLUMES], ids=repr)
pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")
SPLINES = [family for family in EVERY_FAMILY if isinstance(family, ThinPlateSpline)]


def some_theta(family, n: int = 3, seed: int = 0) -> torch.Tensor:
    """Moderate transformations (n, P), float32."""
    noise = torch.rand(n, family.num_params, generator=torch.Generator().manual_seed(seed)) - 0.5
    return family.identity() + 0.3 * noise


def some_points(family) -> torch.Tensor:
    return torch.rand(7, family.dimensions, generator=torch.Generator().manual_seed(1)) * 2 - 1


def answers(family, theta, other) -> dict[str, torch.Tensor]:
    """What each public method of a family says."""
    found = {"grid": family.grid(theta, size_for(family)), "map_points": family.map_points(theta, some_points(family))}
    if isinstance(family, MatrixFamily):
        found["matrix"] = family.matrix(theta)
    if hasattr(family, "inverse"):
        found["inverse"] = family.inverse(theta)
    if hasattr(family, "compose"):
        found["compose"] = family.compose(theta, other)
    return found


# ---- each family describes itself


def test_every_family_of_the_package_is_in_the_list():
    def below(kind):
        return {kind, *(found for sub in kind.__subclasses__() for found in below(sub))}

    made = {kind for kind in below(Family) if kind.__module__.startswith("stn_tutorial.geometry")}
    unlisted = made - {type(family) for family in [*LISTED, *VOLUMES]}
    assert unlisted == {Family, MatrixFamily, family.LinearFamily, lattice.LatticeFamily}
    assert {type(family).__name__ for family in LISTED} <= set(public.__all__) & set(stn_tutorial.__all__)


@every_family
def test_a_family_names_its_numbers_once_and_each_range_holds_the_identity(family):
    parameters, identity = family.parameters(), family.identity().tolist()
    assert len(parameters) == len(identity) == family.num_params
    assert all(low <= value <= high for (low, high), value in zip(parameters.values(), identity, strict=True))
    assert family.description()["names"] == list(parameters)
    assert pickle.loads(pickle.dumps(family.description())) == family.description()
    if family.dimensions == 2 and "centre" in family.handles:
        assert {"t_x", "t_y"} <= set(parameters)  # what a dragged centre changes


def test_every_public_name_shows_itself_in_an_example():
    names = [getattr(public, name) for name in public.__all__]
    names += [volumes.Affine3d, volumes.sample_volume, volumes.volume_grid, family.affine_grid, normalized_to_pixel]
    names += [coordinates.pixel_to_normalized]
    assert [thing.__name__ for thing in names if ">>>" not in inspect.getdoc(thing)] == []


# ---- autocast


@every_family
def test_autocast_changes_no_digit(family):
    theta, other = some_theta(family), some_theta(family, seed=1)
    wanted = answers(family, theta, other)
    with torch.autocast("cpu", torch.bfloat16):
        found = answers(family, theta, other)
    for name, answer in wanted.items():
        assert found[name].dtype == torch.float32, name
        assert torch.equal(found[name], answer), name


# ---- export, compilation, tracing


class Warp(nn.Module):
    """Images warped by theta, and points, inverses and compositions beside them, as one program."""

    def __init__(self, family, check=False):
        super().__init__()
        self.family, self.check = family, check
        self.register_buffer("points", some_points(family))

    def forward(self, images, theta):
        size = tuple(images.shape[2:])
        grid = self.family.grid(theta, size, check=self.check)
        warped = (sample_volume if self.family.dimensions == 3 else sample)(images, grid)
        points = self.family.map_points(theta, self.points)
        more = [self.family.inverse(theta)] if hasattr(self.family, "inverse") else []
        return [warped, points, *more]


def some_images(family, n: int) -> torch.Tensor:
    return torch.rand(n, 2, *size_for(family), generator=torch.Generator().manual_seed(2))


@pytest.mark.filterwarnings("ignore")
@listed_family
def test_an_exported_program_takes_any_batch(family):
    dimension = torch.export.Dim("batch", min=1, max=64)
    net = Warp(family, check=True)
    exported = torch.export.export(
        net, (some_images(family, 3), some_theta(family, 3)), dynamic_shapes=({0: dimension}, {0: dimension})
    ).module()
    for n in (2, 7):
        images, theta = some_images(family, n), some_theta(family, n, seed=n)
        for ours, theirs in zip(net(images, theta), exported(images, theta), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@listed_family
def test_a_traced_program_takes_any_batch(family):
    net = Warp(family)
    traced = torch.jit.trace(net, (some_images(family, 3), some_theta(family, 3)), check_trace=False)
    images, theta = some_images(family, 5), some_theta(family, 5)
    for ours, theirs in zip(net(images, theta), traced(images, theta), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", [Affine(), ThinPlateSpline(3)], ids=repr)
def test_a_checked_theta_leaves_no_break_in_a_compiled_program(family):
    torch.compiler.reset()  # another family is no recompilation
    compiled = torch.compile(Warp(family, check=True), backend="eager", fullgraph=True, dynamic=True)
    images, theta = some_images(family, 3), some_theta(family, 3)
    torch.testing.assert_close(compiled(images, theta)[0], Warp(family)(images, theta)[0], rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="theta must be finite"):
        Warp(family, check=True)(images, theta / 0)


# ---- devices


@every_family
def test_without_memory_shapes_come_out_all_the_same(family):
    theta = some_theta(family)
    for name, answer in answers(family, theta.to("meta"), theta.to("meta")).items():
        assert answer.is_meta and answer.shape == answers(family, theta, theta)[name].shape, name


@pytest.mark.parametrize("made_with", ["cpu", "meta"])
@pytest.mark.parametrize("kind", {type(family) for family in ALL}, ids=lambda kind: kind.__name__)
def test_another_default_device_does_not_tear_a_family_apart(kind, made_with):
    theta, other = some_theta(kind()), some_theta(kind(), seed=1)
    wanted = answers(kind(), theta, other)
    points = some_points(kind())
    with torch.device(made_with):
        made = kind()
    with torch.device("meta"):
        description = made.description()
        mapped = made.map_points(theta, points)
        grid = made.grid(theta, size_for(made))
    assert description == kind().description()
    assert torch.equal(mapped, wanted["map_points"]) and torch.equal(grid, wanted["grid"])


# ---- state


def uses(family, theta):
    """Ways in which a family is met that could leave something behind in it."""
    size = size_for(family)
    yield lambda: family.grid(theta, size)
    yield lambda: torch.func.vmap(lambda one: family.grid(one[None], size)[0])(theta)
    yield lambda: torch.func.grad(lambda t: family.grid(t, size).square().sum())(theta)
    yield lambda: torch.func.jacrev(lambda t: family.grid(t, size))(theta)

    def fake():
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            family.grid(mode.from_tensor(theta), size)

    yield fake


def test_what_is_remembered_of_sizes_stays_small_and_serves_learning_afterwards():
    theta = Affine().identity()[None].requires_grad_()
    with torch.inference_mode():
        Affine().grid(theta, (17, 3))
    Affine().grid(theta, (17, 3)).sum().backward()
    assert theta.grad.shape == (1, 6)
    for side in range(20, 20 + 3 * TABLES):
        Affine().grid(theta, (side, side))
    assert len(targets) <= TABLES
    large = (2, LARGE)
    Affine().grid(theta, large)
    assert not any(key[0] == large for key in targets)
    plain = theta.detach()
    with FakeTensorMode() as mode:  # one that lets no real tensor in
        assert Affine().grid(mode.from_tensor(plain), (37, 37)).shape == (1, 37, 37, 2)


@every_family
def test_no_use_of_a_family_spoils_it_for_the_next(family):
    theta = some_theta(family)
    wanted = copy.deepcopy(family).grid(theta, size_for(family))
    for k in range(5):
        fresh = copy.deepcopy(family)
        list(uses(fresh, theta))[k]()
        for again in (fresh, copy.deepcopy(fresh), pickle.loads(pickle.dumps(fresh))):
            torch.testing.assert_close(again.grid(theta, size_for(family)), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", SPLINES, ids=repr)
def test_a_spline_remembers_a_handful_of_sizes_and_saves_none(family):
    spline = copy.deepcopy(family)
    empty = len(pickle.dumps(spline))
    theta = some_theta(spline)
    for side in range(20, 20 + 3 * TABLES):
        spline.grid(theta, (side, side))
    assert len(spline.tables) == TABLES
    assert len(pickle.dumps(spline)) == empty
    buffer = io.BytesIO()
    torch.save(Warp(spline), buffer)
    assert buffer.tell() < 40_000


# ---- precision


@every_family
def test_points_are_exact_to_a_thousandth_of_a_pixel(family):
    theta, points = some_theta(family), some_points(family)
    exact = family.map_points(theta.double(), points.double())
    assert (family.map_points(theta, points) - exact).abs().max() < 1e-3 / 224


def test_a_fine_lattice_is_as_exact_as_a_coarse_one():
    spline = ThinPlateSpline(24)
    theta, points = 0.1 * torch.randn(1, spline.num_params, generator=torch.Generator().manual_seed(3)), some_points(spline)
    exact = spline.map_points(theta.double(), points.double())
    assert (spline.map_points(theta, points) - exact).abs().max() * 112 < 1e-3  # pixels of a picture 224 wide


@pytest.mark.parametrize("padding_mode", ["border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_an_infinite_coordinate_is_a_very_far_one(mode, padding_mode):
    images = torch.rand(1, 2, 4, 5, generator=torch.Generator().manual_seed(4))
    for axis, value in ((0, math.inf), (0, -math.inf), (1, math.inf), (1, -math.inf)):
        grid = torch.zeros(1, 3, 6, 2)
        grid[0, 1, 2, axis] = value
        theirs = F.grid_sample(images, grid.clamp(-1e6, 1e6), mode, padding_mode, align_corners=False)
        torch.testing.assert_close(sample(images, grid, mode, padding_mode), theirs, rtol=0, atol=1e-5)


# ---- arguments


@every_family
def test_what_is_no_tensor_is_named(family):
    theta = some_theta(family)
    for call in (lambda t: family.grid(t, size_for(family)), lambda t: family.map_points(t, some_points(family))):
        with pytest.raises(ValueError, match=r"theta must be a torch\.Tensor, got ndarray"):
            call(theta.numpy())
    with pytest.raises(ValueError, match=r"points must be a torch\.Tensor, got ndarray"):
        family.map_points(theta, some_points(family).numpy())


@pytest.mark.parametrize("sampler", [sample, sample_loop, sample_volume], ids=lambda sampler: sampler.__name__)
def test_samplers_name_the_argument_that_is_no_tensor_or_of_another_shape(sampler):
    d = 3 if sampler is sample_volume else 2
    size, what = (4, 4, 4)[:d], "volumes" if d == 3 else "images"
    images, grid = torch.zeros(2, 1, *size), torch.zeros(2, *size, d)
    sampler(images, grid)
    with pytest.raises(ValueError, match=f"{what} must be a torch.Tensor, got ndarray"):
        sampler(images.numpy(), grid)
    with pytest.raises(ValueError, match="grid must be a torch.Tensor, got ndarray"):
        sampler(images, grid.numpy())
    for wrong in (grid[0], grid[:1], grid[..., :1]):
        with pytest.raises(ValueError, match="grid must h"):
            sampler(images, wrong)


@pytest.mark.parametrize("whole", [np.int64, np.int32, torch.tensor], ids=lambda whole: whole.__name__)
def test_a_size_may_be_in_anybodys_integers(whole):
    for transform in (Affine(), *VOLUMES):
        size, theta = size_for(transform), transform.identity()[None]
        assert torch.equal(transform.grid(theta, [whole(length) for length in size]), transform.grid(theta, size))
    assert target_grid((whole(2), whole(3))).shape == (2, 3, 2)


@pytest.mark.parametrize("kind", [Rotation, Similarity])
def test_a_turn_that_shears_says_so_and_names_aspect(kind):
    theta = torch.zeros(1, kind().num_params)
    with pytest.warns(UserWarning, match=rf"6 x 9 pixels: name their aspect, {kind.__name__}\(aspect="):
        kind().grid(theta, (6, 9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind().grid(theta, (6, 6))
        kind(aspect=1.5).grid(theta, (6, 9))
        kind(aspect=1).grid(theta, (6, 9))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            kind().grid(theta, (6, 9))
    assert len(said) == 1


def test_a_matrix_family_need_not_be_a_group():
    class Stretch(family.LinearFamily):
        """Along one axis and then turned: products of such maps are others. Theta = (log of the stretch, angle)."""

        num_params = 2

        def to_matrix(self, theta):
            zero = torch.zeros_like(theta[:, :1])
            stretch = Attention(log_scale=True).matrix(torch.cat([theta[:, :1], zero, zero], dim=1))
            return Rotation().matrix(theta[:, 1:]) @ family.homogeneous(stretch * torch.tensor([[1.0, 1, 1], [0, 0, 0]]))

    stretch = Stretch()
    assert stretch.identity().tolist() == [0, 0] and not hasattr(stretch, "compose")
    assert stretch.grid(torch.zeros(2, 2), (3, 3)).shape == (2, 3, 3, 2)
    assert all(hasattr(group, "compose") for group in GROUPS) and isinstance(Projective(), family.Group)
