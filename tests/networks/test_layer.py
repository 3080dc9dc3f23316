"""The layer in other people's nets, by kinds: each is walked over all families, samplers, modes and paddings that it concerns.

Sizes of every type. Theta in every shape, one for all images, and handed out. One family for both parts, in weights too.
Feature maps of any size, and volumes. A fill that is saved, loaded, written to, huge or infinite. torch.func, deepcopy and pickle
after it. Export, tracing, compilation, checks inside them. Devices: meta, a default device. torch.fx. A ResNet-18 with two.
"""

import copy
import io
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stn_tutorial import Affine, Attention, Projective, Rotation, SpatialTransformer, ThinPlateSpline, sample
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.geometry.volumes import Affine3d, sample_volume
from stn_tutorial.networks.localization import FullyConnectedLocalizationNet, LocalizationNet, SmallMapLocalizationNet
from stn_tutorial.networks.watching import find_transformer, thetas_of, transformers_of

SAMPLERS = ("torch", "scratch")
pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")  # the pictures here are not square
every_family = pytest.mark.parametrize("name", FAMILIES)
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS)


class Says(nn.Module):
    """A localiser that answers the same theta (P,) for every image, and can be trained."""

    def __init__(self, theta):
        super().__init__()
        self.answer = nn.Parameter(torch.as_tensor(theta, dtype=torch.float32).clone())

    def forward(self, images):
        return self.answer.expand(len(images), -1)


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def some_theta(family, count=1, seed=1):
    """Theta (count, P) away from the identity, the images still in sight."""
    return family.identity() + 0.3 * (noise(count, family.num_params, seed=seed) - 0.5)


@pytest.mark.parametrize(
    "size",
    [(16, 16), [16, 16], 16, np.int64(16), (np.int32(16), 16), torch.Size([16, 16]), np.array([16, 16]), torch.tensor(16)],
)
def test_whole_numbers_of_any_type_are_a_size(size):
    stn = SpatialTransformer(Says(Affine().identity()), Affine(), size=size)
    assert stn.size == (16, 16) and all(type(length) is int for length in stn.size)
    assert stn(noise(2, 3, 9, 12)).shape == (2, 3, 16, 16)
    assert "size=(16, 16)" in repr(stn)


@pytest.mark.parametrize("size", [0, -1, 2.5, (16.0, 16), True, "16", (16,), (16, 16, 16), np.float32(16), (0, 5), {}])
def test_what_is_no_size_is_named(size):
    with pytest.raises(ValueError, match="^size must be a positive integer or \\(H, W\\) of positive integers, got "):
        SpatialTransformer(Says(Affine().identity()), Affine(), size=size)


@every_family
@every_sampler
def test_one_theta_serves_all_images_and_is_handed_out(name, sampler):
    family = FAMILIES[name]()
    theta, images = some_theta(family), noise(3, 2, 9, 12)
    stn = SpatialTransformer(Says(theta[0]), family, sampler=sampler, check=True)
    wanted = stn.warp(images, theta.repeat(3, 1))
    for same in (theta, theta[0]):
        assert torch.equal(stn.warp(images, same), wanted)
    assert torch.equal(stn(images), wanted)
    out, told = stn(images, return_theta=True)
    assert torch.equal(out, wanted) and torch.equal(told, theta.expand(3, -1))
    assert stn(images[:0]).shape == (0, 2, 9, 12)
    with pytest.raises(ValueError, match="theta must have one row for each of 3 images"):
        stn.warp(images, theta.repeat(2, 1))


@pytest.mark.parametrize("family", [Affine(), Projective(), Affine3d()], ids=repr)
def test_theta_may_come_as_matrices_from_the_hand_and_from_a_localiser(family):
    theta = some_theta(family, 2)
    matrices = family.matrix(theta)
    images = noise(2, 1, *(7, 9, 11)[-family.dimensions :])

    class Matrices(nn.Module):
        def forward(self, images):
            return matrices

    stn = SpatialTransformer(Matrices(), family)
    wanted = stn.warp(images, theta)
    torch.testing.assert_close(stn.warp(images, matrices), wanted)
    torch.testing.assert_close(stn.warp(images[:1], matrices[0]), wanted[:1])
    out, told = stn(images, return_theta=True)
    torch.testing.assert_close(out, wanted)
    assert told.shape == stn.theta(images).shape == theta.shape
    with thetas_of(stn) as thetas:
        stn(images)
    torch.testing.assert_close(thetas[0], theta)


@pytest.mark.parametrize("localizer", [LocalizationNet, FullyConnectedLocalizationNet, SmallMapLocalizationNet])
def test_one_family_for_both_parts_or_a_sentence(localizer):
    pairs = [(Attention(log_scale=True), Attention()), (Rotation(2), Rotation()), (ThinPlateSpline(3), ThinPlateSpline(4))]
    names = list(FAMILIES)
    pairs += [(FAMILIES[a](), FAMILIES[b]()) for a, b in zip(names, names[1:] + names[:1], strict=True)]
    for theirs, ours in pairs:
        for inside in (lambda net: net, nn.Sequential):
            with pytest.raises(ValueError, match="^family must be the one that the localiser was made for, ") as error:
                SpatialTransformer(inside(localizer((1, 28, 28), theirs)), ours)
            assert repr(theirs) in str(error.value) and repr(ours) in str(error.value)
    for name in FAMILIES:  # two objects of one kind are one family
        SpatialTransformer(localizer((1, 28, 28), FAMILIES[name]()), FAMILIES[name]())


def test_weights_are_loaded_into_their_own_family_only():
    made = {name: SpatialTransformer.for_images((2, 8, 8), make()) for name, make in FAMILIES.items()}
    made["attention, s itself"] = SpatialTransformer.for_images((2, 8, 8), Attention())
    for name, stn in made.items():
        for other, target in made.items():
            if other == name:
                target.load_state_dict(stn.state_dict())
                continue
            with pytest.raises(RuntimeError, match=r"the weights of 0\.localization were learned for") as error:
                nn.Sequential(target).load_state_dict(nn.Sequential(stn).state_dict())
            assert repr(stn.family) in str(error.value)


@every_family
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64), (64, 16, 16), (8, 8, 8), (5, 3, 100), (2, 1, 1), (1, 65, 7)])
def test_a_transformer_for_maps_of_any_size_starts_at_the_identity_and_learns(name, shape):
    family = FAMILIES[name]()
    torch.manual_seed(0)
    stn = SpatialTransformer.for_images(shape, family, padding_mode="border")
    images = noise(2, *shape)
    torch.testing.assert_close(stn(images), images, rtol=0, atol=1e-4)
    assert torch.equal(stn.theta(images[:1] if shape[1] > 1 else images)[:1], family.identity()[None])
    stn.theta(images).sum().backward()
    assert stn.localization.last.weight.grad.abs().max() > 0
    assert any(isinstance(part, nn.BatchNorm2d) for part in stn.modules())


def test_a_localiser_that_maps_are_too_small_for_says_what_to_use():
    with pytest.raises(ValueError, match=r"SpatialTransformer.for_images\(\(64, 16, 16\), family\)"):
        LocalizationNet((64, 16, 16), Affine())
    for bad in ((28, 28), 28, (1, 28.0, 28), (1, 0, 28), "abc", (1, 1, 28, 28)):
        for localizer in (LocalizationNet, FullyConnectedLocalizationNet, SmallMapLocalizationNet):
            with pytest.raises(ValueError, match=r"in_shape must be the shape of one image, \(C, H, W\)"):
                localizer(bad, Affine())
    assert LocalizationNet(np.array([1, 28, 28]), Affine())(noise(1, 1, 28, 28)).shape == (1, 6)


@every_sampler
@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_volumes_go_through_the_module(sampler, mode, padding_mode):
    options = dict(mode=mode, padding_mode=padding_mode, sampler=sampler, size=(4, 5, np.int64(6)))
    stn = SpatialTransformer.for_images((2, 7, 9, 8), Affine3d(), **options)
    volumes, theta = noise(3, 2, 7, 9, 8), some_theta(Affine3d(), 3)
    wanted = sample_volume(volumes, Affine3d().grid(theta, (4, 5, 6)), mode, padding_mode)
    torch.testing.assert_close(stn.warp(volumes, theta), wanted)
    assert stn(volumes).shape == (3, 2, 4, 5, 6)
    if padding_mode == "zeros":
        filled = SpatialTransformer(stn.localization, Affine3d(), fill=[1.0, -2.0], **options).warp(volumes, theta)
        torch.testing.assert_close(
            filled, sample_volume(volumes, Affine3d().grid(theta, (4, 5, 6)), mode, fill=torch.tensor([1, -2.0]))
        )


def test_volumes_and_images_are_told_apart():
    stn = SpatialTransformer.for_images((2, 7, 9, 8), Affine3d(), size=4)
    assert stn.size == (4, 4, 4)
    with pytest.raises(ValueError, match=r"images must have shape \(N, C, D, H, W\)"):
        stn(noise(3, 2, 9, 8))
    with pytest.raises(ValueError, match=r"size must be a positive integer or \(D, H, W\)"):
        SpatialTransformer(stn.localization, Affine3d(), size=(4, 4))
    with pytest.raises(ValueError, match=r"mode must be one of \('nearest', 'bilinear'\)"):
        SpatialTransformer(stn.localization, Affine3d(), mode="bicubic")


FILLS = [0.5, -1e6, -1e9, 1e30, math.inf, -math.inf, math.nan]


@every_sampler
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("align_corners", [False, True])
def test_a_fill_of_any_size_leaves_the_picture_alone(sampler, mode, fill, align_corners):
    images = noise(2, 3, 28, 28)
    options = dict(mode=mode, sampler=sampler, align_corners=align_corners)
    for theta in (Affine().identity(), torch.tensor([0.5, 0.1, 0, -0.1, 0.5, 0]), torch.tensor([3.0, 0, 0, 0, 3, 0])):
        empty, filled = (SpatialTransformer(Says(theta), Affine(), fill=value, **options) for value in (0.0, fill))
        plain, seen = empty(images), filled(images)
        ones = empty(torch.ones(2, 3, 28, 28))
        inside, outside = (ones - 1).abs() < 1e-5, ones == 0
        assert torch.equal(seen[inside], plain[inside])
        assert bool(inside.any()) and bool(outside.any()) == (theta[0] > 1)
        torch.testing.assert_close(seen[outside], torch.full_like(seen[outside], fill), equal_nan=True)
        if mode != "nearest":  # which has none
            seen[inside].sum().backward()
            assert filled.localization.answer.grad.isfinite().all()  # not spoilt by what lies outside


@every_sampler
@pytest.mark.parametrize("mode", MODES)
def test_a_fill_weighs_as_much_as_what_is_missing(sampler, mode):
    images, theta = noise(2, 3, 9, 12).double(), torch.tensor([2.5, 0.3, 0.4, -0.2, 2.5, 0.1])
    fill = torch.tensor([0.5, -1e6, 1e9])
    stn = SpatialTransformer(Says(theta), Affine(), mode=mode, sampler=sampler, fill=fill).double()
    wanted = sample(images, Affine().grid(stn.theta(images), (9, 12)), mode, fill=fill)
    torch.testing.assert_close(stn(images), wanted, rtol=1e-9, atol=1e-9)
    if mode != "nearest":  # which has no gradient
        (ours,), (theirs,) = (torch.autograd.grad(out.sum(), stn.localization.answer) for out in (stn(images), wanted))
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def far_out(fill, **options):
    return SpatialTransformer(Says([2.5, 0, 0, 0, 2.5, 0]), Affine(), fill=fill, **options)


WRITTEN = {
    "fill_": lambda stn: stn.fill.fill_(0.5),
    "copy_": lambda stn: stn.fill.copy_(torch.tensor(0.5)),
    "assigned": lambda stn: setattr(stn, "fill", torch.tensor(0.5)),
    "loaded": lambda stn: stn.load_state_dict(far_out(0.5).state_dict()),
    "loaded and assigned": lambda stn: stn.load_state_dict(far_out(0.5).state_dict(), assign=True),
    "loaded, one per channel": lambda stn: stn.load_state_dict(far_out([0.5, 0.5]).state_dict()),
    "moved, then fill_": lambda stn: stn.double().float().fill.fill_(0.5),
}
CARRIED = {
    "as it is": lambda stn: stn,
    "deepcopy": copy.deepcopy,
    "pickle": lambda stn: pickle.loads(pickle.dumps(stn)),
    "moved": lambda stn: stn.double().float(),
    "traced": lambda stn: torch.jit.trace(stn, noise(1, 2, 9, 9)),
}


@every_sampler
@pytest.mark.parametrize("write", WRITTEN)
@pytest.mark.parametrize("carry", CARRIED)
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:FutureWarning")
def test_a_fill_that_is_written_after_the_module_was_made_counts(sampler, write, carry):
    images = noise(1, 2, 9, 9)
    for first in (0.0, 0.7):
        stn = far_out(first, sampler=sampler)
        stn(images)
        WRITTEN[write](stn)
        out = CARRIED[carry](stn)(images)
        torch.testing.assert_close(out, far_out(0.5, sampler=sampler)(images))


def test_a_compiled_module_notices_a_fill_that_is_written_later():
    images = noise(1, 2, 9, 9)
    for write in WRITTEN.values():
        torch._dynamo.reset()
        stn = far_out(0.0)
        compiled = torch.compile(stn, backend="eager", fullgraph=True)
        assert compiled(images)[0, 0, 0, 0] == 0
        write(stn)
        assert compiled(images)[0, 0, 0, 0] == 0.5


@pytest.mark.parametrize("assign", [False, True])
def test_weights_that_were_saved_without_a_fill_keep_the_one_that_is_there(assign):
    for fill in (0.0, 0.5, [0.5, -1.0]):
        stn = far_out(fill)
        wanted, state = stn(noise(1, 2, 9, 9)), stn.state_dict()
        assert set(state) == {"fill", "made_for", "localization.answer"}
        old = {"localization.answer": state["localization.answer"].clone()}
        stn.load_state_dict(old, assign=assign)
        assert torch.equal(stn(noise(1, 2, 9, 9)), wanted)
        with torch.device("meta"):
            shell = far_out(fill)
        shell.load_state_dict(old, assign=True)  # how large nets are loaded
        assert torch.equal(shell(noise(1, 2, 9, 9)), wanted)


@pytest.mark.parametrize("padding_mode", PADDING_MODES[1:])
def test_a_fill_where_nothing_is_filled_is_refused(padding_mode):
    with pytest.raises(ValueError, match=f"fill must be 0 under padding_mode='{padding_mode}'"):
        far_out(0.5, padding_mode=padding_mode)
    with pytest.raises(RuntimeError, match="nothing is filled"):
        far_out(0.0, padding_mode=padding_mode).load_state_dict(far_out(0.5).state_dict())
    far_out(0.0, padding_mode=padding_mode).load_state_dict(far_out(0.0).state_dict())


@pytest.mark.parametrize("fill", ["black", None, [[0.5]], [], 1j, (0.5, "x")])
def test_what_is_no_fill_is_named(fill):
    with pytest.raises(ValueError, match="^fill must be a number or one per channel"):
        far_out(fill)


@every_family
@every_sampler
def test_torch_func_leaves_the_module_usable(name, sampler):
    family = FAMILIES[name]()
    stn = SpatialTransformer(Says(some_theta(family)[0]), family, sampler=sampler)
    images = noise(3, 1, 6, 7)
    wanted, weights = stn(images), dict(stn.named_parameters())

    def loss(weights, images):
        return torch.func.functional_call(stn, weights, (images,)).square().mean()

    one_by_one = torch.func.vmap(lambda image: stn(image[None])[0])(images)
    torch.testing.assert_close(one_by_one, wanted)
    torch.func.grad(loss)(weights, images)
    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, images[:, None])
    assert each["localization.answer"].shape == (3, family.num_params)
    torch.func.jacrev(loss)(weights, images)
    with torch.no_grad():
        for again in (stn, copy.deepcopy(stn), pickle.loads(pickle.dumps(stn))):
            assert torch.equal(again(images), wanted)
            assert int(again.nan_thetas) == 0
    torch.save(stn.state_dict(), io.BytesIO())
    torch.func.functional_call(stn, stn.state_dict(), (images,))
    models = [copy.deepcopy(stn) for _ in range(2)]
    parameters, buffers = torch.func.stack_module_state(models)
    ensemble = torch.func.vmap(lambda p, b: torch.func.functional_call(stn, (p, b), (images,)))(parameters, buffers)
    torch.testing.assert_close(ensemble[1], wanted)


def test_nan_thetas_are_counted_and_no_part_of_what_is_saved_or_sent_round():
    stn = SpatialTransformer(Says(torch.full((6,), math.nan)), Affine())
    for _ in range(2):
        stn(noise(3, 1, 5, 5))
    assert int(stn.nan_thetas) == int(copy.deepcopy(stn).nan_thetas) == 6
    assert not any("nan" in name for name, _ in (*stn.named_buffers(), *stn.state_dict().items()))


@pytest.fixture
def autocast_left_as_it_was():
    """A compiled program that stops within autocast leaves it entered, and its cache of cast weights grows stale; eager code does not."""
    yield
    depth = torch.autocast_increment_nesting()
    for _ in range(depth):
        torch.autocast_decrement_nesting()
    torch.clear_autocast_cache()


@pytest.mark.usefixtures("autocast_left_as_it_was")
@pytest.mark.parametrize(("name", "sampler"), [*((name, "torch") for name in FAMILIES), ("affine", "scratch")])
def test_compiles_as_one_graph_and_checks_theta_there_too(name, sampler):
    family = FAMILIES[name]()
    stn = SpatialTransformer(Says(some_theta(family)[0]), family, sampler=sampler, fill=0.3, check=True)
    images = noise(2, 1, 6, 7)
    torch._dynamo.reset()
    compiled = torch.compile(stn, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), stn(images))
    with torch.no_grad():
        stn.localization.answer.fill_(math.nan)
    with pytest.raises(ValueError, match="theta must be finite"):
        stn(images)
    with pytest.raises(RuntimeError, match="theta must be finite"):
        compiled(images)


EXPORTED = [("torch", None, "zeros"), ("scratch", None, "zeros"), ("torch", (4, 5), "border"), ("scratch", 5, "reflection")]


@pytest.mark.parametrize(("sampler", "size", "padding_mode"), EXPORTED)
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:FutureWarning")
def test_exports_and_traces(sampler, size, padding_mode):
    stn = SpatialTransformer.for_images(
        (1, 9, 8), Affine(), size=size, padding_mode=padding_mode, sampler=sampler, check=True
    ).eval()
    nn.init.normal_(stn.localization.last.weight, std=0.1)
    images = noise(3, 1, 9, 8)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(stn, (noise(2, 1, 9, 8),), dynamic_shapes=({0: batch},))
    for module in (program.module(), torch.jit.trace(stn, images[:2])):
        torch.testing.assert_close(module(images), stn(images))
        assert module(images).dtype == torch.float32


@every_family
def test_lives_on_the_meta_device_and_under_a_default_device(name):
    for context in (torch.device("meta"), torch.device("cpu")):
        with context:
            stn = SpatialTransformer.for_images((1, 28, 28), FAMILIES[name](), fill=0.5)
            other = SpatialTransformer(LocalizationNet((1, 28, 28), stn.family), stn.family)
        assert {tensor.device for tensor in (*stn.parameters(), *stn.buffers())} == {context}
        repr(stn), copy.deepcopy(stn)
        for net in (stn, other):
            out, theta = net(torch.zeros(2, 1, 28, 28, device=context), return_theta=True)
            assert out.shape == (2, 1, 28, 28) and out.device == theta.device == context
        real = SpatialTransformer.for_images((1, 28, 28), FAMILIES[name](), fill=0.5)
        stn.to_empty(device="cpu").load_state_dict(real.state_dict())
        images = noise(2, 1, 28, 28)
        assert torch.equal(stn.eval()(images), real.eval()(images))


class Net(nn.Module):
    """A transformer on a feature map within somebody's forward."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.stn = SpatialTransformer.for_images((4, 12, 12), Affine(), fill=0.1)
        self.head = nn.Linear(4 * 144, 10)

    def forward(self, images):
        features = F.relu(self.stem(images))
        return self.head(torch.flatten(self.stn(features), 1))


def test_torch_fx_and_feature_extraction_see_one_node():
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    net, images = Net().eval(), noise(2, 1, 12, 12)
    traced = torch.fx.symbolic_trace(net)
    assert torch.equal(traced(images), net(images))
    assert [node.target for node in traced.graph.nodes if node.op == "call_module"] == ["stem", "stn", "head"]
    assert "stn" in get_graph_node_names(net)[1]
    features = create_feature_extractor(net, ["stn", "head"])(images)
    assert features["stn"].shape == (2, 4, 12, 12) and torch.equal(features["head"], net(images))

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.stn = net.stn

        def forward(self, features):
            out, theta = self.stn(features, return_theta=True)
            return out.mean() + theta.sum()

    features = noise(2, 4, 12, 12)
    assert torch.equal(torch.fx.symbolic_trace(Both())(features), Both()(features))


class Twice(nn.Module):
    """Two transformers; the second is called twice, one may be left out."""

    def __init__(self, skip=False):
        super().__init__()
        self.first = SpatialTransformer.for_images((1, 8, 8), Affine())
        self.second = SpatialTransformer.for_images((1, 8, 8), Attention())
        self.skip = skip

    def forward(self, images):
        images = images if self.skip else self.first(images)
        return self.second(self.second(images) + 1)


def test_every_transformer_is_found_and_each_gives_one_row_for_an_image():
    net, images = Twice().eval(), noise(5, 1, 8, 8)
    assert list(transformers_of(net)) == ["first", "second"] and find_transformer(net) is net.first
    nn.init.normal_(net.second.localization.last.weight, std=0.1)
    with thetas_of(net) as of_first, thetas_of(net, net.second) as of_second:
        net(images)
        net(images[:3])
    assert [len(theta) for theta in of_first] == [len(theta) for theta in of_second] == [5, 3]
    torch.testing.assert_close(of_second[0], net.second.theta(net.second(net.first(images)) + 1))  # the last call's
    net.skip = True
    with thetas_of(net) as none:
        net(images)
    assert none == []
    assert transformers_of(nn.Linear(2, 2)) == {}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_resnet_with_an_affine_transformer_and_a_spline_in_front_and_before_layer2(tmp_path):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)

    def build():
        net = models.resnet18(weights=None, num_classes=5)
        front, inside = dict(fill=[-1.0, 0, 1]), dict(check=True)
        for place, shape, options in (("conv1", (3, 32, 32), front), ("layer2", (64, 8, 8), inside)):
            both = [SpatialTransformer.for_images(shape, family, **options) for family in (Affine(), ThinPlateSpline())]
            setattr(net, place, nn.Sequential(*both, getattr(net, place)))
        return net

    net, images = build(), noise(2, 3, 32, 32)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)  # a faster one can lose the picture at once, untrained as the net is
    for _ in range(2):  # what lies below a last layer gets its gradient one step later
        optimizer.zero_grad()
        F.cross_entropy(net(images), torch.tensor([1, 3])).backward()
        optimizer.step()
    assert list(transformers_of(net)) == ["conv1.0", "conv1.1", "layer2.0", "layer2.1"]
    for stn in transformers_of(net).values():
        assert all(p.grad.abs().max() > 0 for p in stn.localization.last.parameters())
        assert not torch.equal(stn.localization.last.bias, stn.family.identity())
    net.eval()
    wanted = net(images).detach()
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(net, backend="eager", fullgraph=True)(images), wanted)
    assert torch.equal(copy.deepcopy(net)(images), wanted)
    assert torch.equal(pickle.loads(pickle.dumps(net))(images), wanted)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    other = build().eval()
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other(images), wanted)
    torch.save(net, tmp_path / "net.pt")
    assert torch.equal(torch.load(tmp_path / "net.pt", weights_only=False)(images), wanted)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(net, (images,), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    exported, more = torch.export.load(tmp_path / "net.pt2").module(), noise(3, 3, 32, 32, seed=1)
    torch.testing.assert_close(exported(more), net(more), rtol=1e-4, atol=1e-4)
    assert torch.equal(torch.fx.symbolic_trace(net)(images), wanted)
