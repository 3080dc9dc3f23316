"""Every family in every setting. Kinds: autocast, another default type, export with any batch, other devices, checks where nothing
can be asked, copies and pickles after function transforms, inference mode, threads, bounded memory, precision, arguments of another
type, rank, device or spelling, and that each family describes itself."""

import copy
import inspect
import io
import math
import pickle
import sys
import threading
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from families import EVERY_FAMILY, GROUPS, LISTED, VOLUMES, size_for
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F

import stn_tutorial
from stn_tutorial import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    ThinPlateSpline,
    sample,
    sample_loop,
    target_grid,
)
from stn_tutorial import geometry as public
from stn_tutorial.geometry import coordinates, family, lattice, volumes
from stn_tutorial.geometry.coordinates import normalized_to_pixel
from stn_tutorial.geometry.family import LARGE, Family, MatrixFamily, targets
from stn_tutorial.geometry.paths import theta_path
from stn_tutorial.geometry.pixel_matrix import theta_from_pixels
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


def test_autocast_changes_no_digit_of_what_is_used_beside_families():
    matrix = torch.tensor([[[1.03, 0.2, 30.0], [-0.1, 0.97, -12.0]]])
    corners = torch.tensor([coordinates.CORNERS])

    def found():
        made = ThinPlateSpline(3).solution
        path = theta_path(Affine(), matrix.flatten(), Affine().identity(), 4)
        projective = Projective().from_points(corners, corners * 0.9 + 0.1)
        return [theta_from_pixels(matrix, (224, 224)), family.affine_grid(matrix, (3, 3)), made, path, projective]

    wanted = found()
    with torch.autocast("cpu", torch.bfloat16):
        for ours, theirs in zip(found(), wanted, strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@every_family
def test_the_identity_fits_its_own_grid_whatever_the_default_type(family, dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        identity = type(family)().identity()
        grid = type(family)().grid(identity[None], size_for(family))
    finally:
        torch.set_default_dtype(before)
    assert identity.dtype == grid.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


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


@every_family
def test_a_check_is_passed_over_where_nothing_can_be_asked(family):
    theta, size = some_theta(family), size_for(family)
    wanted = family.grid(theta, size)
    torch.testing.assert_close(torch.func.vmap(lambda t: family.grid(t[None], size, check=True)[0])(theta), wanted)
    assert family.grid(theta.to("meta"), size, check=True).shape == wanted.shape
    traced = make_fx(lambda t: family.grid(t, size, check=True))(theta)
    torch.testing.assert_close(traced(theta), wanted)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert family.grid(mode.from_tensor(theta), size, check=True).shape == wanted.shape


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


@pytest.mark.parametrize("kind", {type(family) for family in ALL}, ids=lambda kind: kind.__name__)
def test_a_family_made_in_inference_mode_can_be_trained_with(kind):
    with torch.inference_mode():
        made = kind()
    theta = some_theta(made).requires_grad_()
    (made.grid(theta, size_for(made)).sum() + made.map_points(theta, some_points(made)).sum()).backward()
    assert theta.grad.isfinite().all()


def test_threads_share_a_spline():
    spline, theta, failed = ThinPlateSpline(3), torch.zeros(1, 18), []

    def use(step):
        try:
            for k in range(100):
                spline.grid(theta, (2 + k * step % (2 * TABLES), 3))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=use, args=(step,)) for step in (1, 5, 7)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failed and len(spline.tables) <= TABLES


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


@pytest.mark.parametrize("transform", [Attention(log_scale=True), Similarity()], ids=repr)
def test_a_scale_that_nobody_can_see_is_still_a_number(transform):
    for value in (1e2, 1e4, 1e20, -1e4, -1e20):
        theta = transform.identity()[None].clone()
        theta[:, transform.num_params - 3] = value
        theta.requires_grad_()
        grid = transform.grid(theta, (5, 5))
        assert grid.isfinite().all()
        assert torch.autograd.grad(grid.square().mean().log1p(), theta)[0].isfinite().all()


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
def test_a_size_and_a_lattice_may_be_in_anybodys_integers(whole):
    for transform in (Affine(), *VOLUMES):
        size, theta = size_for(transform), transform.identity()[None]
        for spelling in ([whole(length) for length in size], np.array(size), torch.tensor(size), torch.Size(size)):
            assert torch.equal(transform.grid(theta, spelling), transform.grid(theta, size))
    assert target_grid((whole(2), whole(3))).shape == (2, 3, 2)
    for kind in (ThinPlateSpline, Diffeomorphic):
        for spelling in (whole(3), (whole(3), 3), np.array([3, 3]), torch.tensor([3, 3])):
            assert kind(spelling).lattice == (3, 3) and all(type(length) is int for length in kind(spelling).lattice)


@pytest.mark.parametrize("size", [5, True, (True, 5), "55", b"55", {5, 6}, (2, 3, 5, 5), (5.0, 5), (math.inf, 5), (10**30, 5)])
def test_what_is_no_size_is_named(size):
    for call in (target_grid, partial(Affine().grid, Affine().identity()[None]), partial(theta_from_pixels, torch.eye(2, 3))):
        with pytest.raises(ValueError, match="^size must be"):
            call(size)
    with pytest.raises(ValueError, match="^output_size must be"):
        theta_from_pixels(torch.eye(2, 3), (5, 5), 5)


@pytest.mark.parametrize("value", ["no", 0.5, [True], "bilinear"])
def test_what_is_no_flag_is_named(value):
    """`sample_loop(images, grid, "bilinear")` looks as if it named a mode."""
    images, grid = torch.zeros(1, 1, 4, 4), target_grid((4, 4))[None]
    theta = Affine().identity()[None]
    for call in (
        partial(sample, images, grid, "bilinear", "zeros"),
        partial(sample_loop, images, grid),
        partial(sample_volume, images[:, None], torch.zeros(1, 1, 1, 1, 3), "bilinear", "zeros"),
        partial(target_grid, (4, 4)),
        partial(volumes.volume_grid, (4, 4, 4)),
        partial(Affine().grid, theta, (4, 4)),
        partial(normalized_to_pixel, grid, (4, 4)),
        partial(coordinates.pixel_to_normalized, grid, (4, 4)),
        partial(theta_from_pixels, torch.eye(2, 3), (4, 4), None),
    ):
        with pytest.raises(ValueError, match="^align_corners must be True or False"):
            call(value)
        call(np.bool_(False))
        call(None)  # torch's other name of False
    with pytest.raises(ValueError, match="^check must be True or False"):
        Affine().grid(theta, (4, 4), check=value)


NO_TENSORS = [np.zeros((1, 3)), [[0.0, 0.0]], None]


@pytest.mark.parametrize("transform", [*GROUPS, *VOLUMES], ids=repr)
def test_thetas_and_matrices_of_another_kind_are_named(transform):
    theta = some_theta(transform)
    for wrong in (*NO_TENSORS, theta[0], theta[:1], theta.half(), theta.double(), theta.to("meta")):
        with pytest.raises(ValueError, match="^second "):
            transform.compose(theta, wrong)
    for wrong in (*NO_TENSORS, theta[0], theta.half(), theta.long()):
        with pytest.raises(ValueError, match="^first "):
            transform.compose(wrong, theta)
    matrix = transform.matrix(theta)
    torch.testing.assert_close(transform.matrix(transform.from_matrix(matrix)), matrix)
    square = torch.eye(3)[None].repeat(2, 1, 1)  # twice nine numbers are three times six
    for wrong in (
        *NO_TENSORS,
        matrix[0],
        matrix[..., :2],
        matrix.half(),
        matrix.long(),
        square if matrix.shape[1] == 2 else theta,
    ):
        with pytest.raises(ValueError, match="^matrix must"):
            transform.from_matrix(wrong)


def test_points_of_another_kind_are_named():
    for wrong in (
        *NO_TENSORS,
        torch.tensor(0.0),
        torch.zeros(4, 3),
        torch.zeros(4, 1),
        torch.zeros(4, 2, dtype=torch.complex64),
    ):
        for convert in (normalized_to_pixel, coordinates.pixel_to_normalized):
            with pytest.raises(ValueError, match="^points must"):
                convert(wrong, (4, 4))
    for wrong in (torch.zeros(4, 2, dtype=torch.complex64), torch.zeros(4, 2, device="meta")):
        with pytest.raises(ValueError, match="^points must"):
            Affine().map_points(Affine().identity()[None], wrong)
    four = torch.tensor([coordinates.CORNERS])
    for output, input in (
        (four.numpy(), four),
        (four, four.tolist()),
        (four.half(), four.half()),
        (four, four.double()),
        (four, four[0]),
    ):
        with pytest.raises(ValueError, match="^(output|input)"):
            Projective().from_points(output, input)
    for wrong in (torch.zeros(1, 6), torch.eye(2, 3), torch.eye(3)[None], torch.eye(2, 3)[None].long(), np.zeros((1, 2, 3))):
        with pytest.raises(ValueError, match="^theta must"):
            family.affine_grid(wrong, (4, 4))


@pytest.mark.parametrize("transform", [Affine(), ThinPlateSpline(3)], ids=repr)
def test_a_path_names_what_it_cannot_go_along(transform):
    theta = transform.identity()
    for wrong in (*NO_TENSORS, theta[None], theta[:-1], theta.long(), theta.half()):
        with pytest.raises(ValueError, match="^start must"):
            theta_path(transform, wrong, theta, 3)
        with pytest.raises(ValueError, match="^end must"):
            theta_path(transform, theta, wrong, 3)
    for steps in (0, -1, 2.5, "3", None):
        with pytest.raises(ValueError, match="^steps must be a whole number of at least 1"):
            theta_path(transform, theta, theta, steps)
    with pytest.raises(ValueError, match="^family must be a family"):
        theta_path(type(transform), theta, theta, 3)


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
