"""The layer in hands that do more with it than call it. Kinds: half-precision nets, weights that were cast, averaged or saved without a
part, memory that comes later ("meta"), layers that are swapped or quantised, attributes set later, watching what is compiled, torch.fx,
arguments of localisers, nets and weights."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from stn_tutorial import Affine, Attention, Rotation, SpatialTransformer, ThinPlateSpline
from stn_tutorial.geometry.volumes import Affine3d
from stn_tutorial.networks import models, weights
from stn_tutorial.networks.localization import (
    FixedTheta,
    FullyConnectedLocalizationNet,
    LocalizationNet,
    SmallMapLocalizationNet,
    start_at_identity,
)
from stn_tutorial.networks.watching import find_transformer, outputs_of, thetas_of

SHAPE = (3, 8, 8)
IMAGES = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))


def transformer(family=None, moved=True, **options):
    """A small transformer, away from the identity, in evaluation mode."""
    torch.manual_seed(0)
    stn = SpatialTransformer.for_images(SHAPE, family or Affine(), **options).eval()
    if moved:
        nn.init.normal_(stn.localization.last.weight, std=0.03)
    return stn


# ---- half precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("family", [Affine(), ThinPlateSpline()], ids=repr)
def test_a_half_precision_net_does_not_round_its_theta(dtype, family):
    half = transformer(family).to(dtype)
    full = copy.deepcopy(half.localization.last).float()  # the same weights
    features = half.localization.features(IMAGES.to(dtype))
    assert torch.equal(half.theta(IMAGES.to(dtype)), full(features.float()))
    assert half(IMAGES.to(dtype)).dtype == dtype
    half(IMAGES.to(dtype)).float().sum().backward()
    assert half.localization.last.weight.grad.abs().max() > 0


# ---- weights


CASTS = {
    "half": torch.Tensor.half,
    "bfloat16": torch.Tensor.bfloat16,
    "double": torch.Tensor.double,
    "mean of three": lambda value: (value + value + value) / 3,
    "moving mean": lambda value: 0.9999 * value + 0.0001 * value,
}


@pytest.mark.parametrize("cast", CASTS.values(), ids=CASTS)
def test_weights_know_their_family_after_any_arithmetic(cast):
    state = {key: cast(value) for key, value in transformer(fill=0.5).state_dict().items()}
    stn = transformer(moved=False, fill=0.1)
    stn.load_state_dict(state)
    torch.testing.assert_close(stn(IMAGES), transformer(fill=0.5)(IMAGES), rtol=0, atol=0.05)
    with pytest.raises(RuntimeError, match=r"were learned for Affine\(\), this one has Rotation\(\)"):
        transformer(Rotation()).load_state_dict(state)


def test_a_moving_mean_written_into_the_state_cannot_spell_another_family():
    stn, mean = transformer(), transformer()
    for value in mean.state_dict().values():
        value.copy_(0.9 * value)
    transformer().load_state_dict(mean.state_dict())
    average = torch.optim.swa_utils.AveragedModel(stn, use_buffers=True)
    average.update_parameters(stn)
    transformer().load_state_dict(average.module.state_dict())


def test_arrays_in_the_place_of_weights_are_named_by_torch():
    state = {key: value.numpy() for key, value in transformer().state_dict().items()}
    with pytest.raises(RuntimeError, match=r"received <class 'numpy\.ndarray'>"):
        transformer().load_state_dict(state)


def test_a_net_that_gets_its_memory_later_has_its_fill_its_name_and_its_start():
    with torch.device("meta"):
        stn = transformer(fill=[0.5, 0.25, 0.0])
    stn = stn.to_empty(device="cpu").eval()
    for tensor in (*stn.parameters(), *stn.localization.buffers()):
        tensor.data.fill_(7)
    for module in stn.modules():  # how nets that were made without memory are started
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    assert torch.equal(stn.theta(IMAGES), Affine().identity().expand(2, -1))
    assert stn.fill.tolist() == [0.5, 0.25, 0.0]
    transformer(fill=0.0).load_state_dict(stn.state_dict())


@pytest.mark.parametrize("context", ["meta", "cpu"])
def test_a_shipped_net_is_on_the_cpu_whatever_the_default_device(context):
    with torch.device(context):
        net = weights.pretrained("mnist-r/st-cnn-affine-still")
    assert {tensor.device.type for tensor in net.state_dict().values()} == {"cpu"}
    assert net(torch.rand(1, 1, 28, 28)).isfinite().all()


@pytest.mark.parametrize("value", [1e5, -1e30])
def test_a_weight_that_float16_cannot_hold_is_saved_as_it_is(tmp_path, value):
    net, twin = nn.Linear(2, 2), nn.Linear(2, 2)
    nn.init.constant_(net.weight, value)
    weights.save_weights(net, str(tmp_path / "net.safetensors"))  # a path may be text
    weights.load_weights(twin, str(tmp_path / "net.safetensors"))
    assert torch.equal(twin.weight, net.weight)


@pytest.mark.parametrize("name", ["mnist", None, 3, ["mnist-r/st-cnn-affine"]])
def test_what_is_no_shipped_net_is_named(name):
    with pytest.raises(ValueError, match="^name must be one of "):
        weights.pretrained(name)


# ---- layers and attributes that are changed


def test_parts_may_be_swapped_for_others_of_the_same_family_only():
    stn = transformer(Attention())
    stn.localization = transformer(Attention()).localization
    for name, value in (("family", Attention(log_scale=True)), ("localization", transformer(Affine()).localization)):
        with pytest.raises(ValueError, match="^family must be the one that the localiser was made for"):
            setattr(stn, name, value)
    assert repr(stn.family) == "Attention()"
    free = SpatialTransformer(FixedTheta(Attention().identity()), Attention())
    free.family = Rotation()
    with pytest.raises(RuntimeError, match=r"learned for Rotation\(\)"):
        SpatialTransformer(FixedTheta(Attention().identity()), Attention()).load_state_dict(free.state_dict())


def test_layers_of_a_localiser_may_be_quantised_pruned_and_reparametrised():
    with pytest.warns(DeprecationWarning):
        quantised = torch.ao.quantization.quantize_dynamic(transformer(), {nn.Linear})
    torch.testing.assert_close(quantised(IMAGES), transformer()(IMAGES), rtol=0, atol=0.05)
    stn = transformer()
    prune.l1_unstructured(stn.localization.last, "weight", 1.0)
    assert torch.equal(stn.theta(IMAGES), Affine().identity().expand(2, -1))
    stn = transformer()
    nn.utils.parametrizations.weight_norm(stn.localization.last)
    torch.testing.assert_close(stn(IMAGES), transformer()(IMAGES))


def test_options_that_are_set_later_are_looked_at():
    for name, value, message in (
        ("sampler", "numpy", "sampler must be"),
        ("mode", "linear", "mode"),
        ("size", 5, "size must be"),
    ):
        stn = transformer()
        setattr(stn, name, value)
        with pytest.raises(ValueError, match=message):
            stn(IMAGES)
    stn = transformer(fill=0.5)
    stn.padding_mode = "border"
    with pytest.raises(ValueError, match="fill must be 0 under padding_mode='border'"):
        stn(IMAGES)
    stn.fill.zero_()
    wanted = stn(IMAGES)
    stn.fill.fill_(0.5)
    with pytest.raises(ValueError, match="fill must be 0 under padding_mode='border'"):
        stn(IMAGES)
    stn.fill.zero_()
    assert torch.equal(stn(IMAGES), wanted)


def test_a_background_can_be_learned():
    stn = SpatialTransformer(FixedTheta(torch.tensor([2.5, 0, 0, 0, 2.5, 0])), Affine())
    stn.fill = nn.Parameter(torch.zeros(3))
    stn(IMAGES).sum().backward()
    assert (stn.fill.grad > 0).all()
    with torch.no_grad():
        stn.fill += torch.tensor([1.0, 2, 3])
    assert stn(IMAGES)[0, :, 0, 0].tolist() == [1, 2, 3]


# ---- watching and torch.fx


@pytest.mark.parametrize("way", ["function", "method"])
def test_a_compiled_net_can_be_watched(way):
    torch.compiler.reset()
    net = nn.Sequential(transformer())
    if way == "function":
        net = torch.compile(net, backend="eager")
    else:
        net.compile(backend="eager")
    net(IMAGES)  # compiled before anybody looks
    with thetas_of(net) as thetas, outputs_of(find_transformer(net)) as outputs:
        net(IMAGES)
    assert len(thetas) == len(outputs) == 1
    torch.testing.assert_close(thetas[0], transformer().theta(IMAGES))


def test_what_is_no_transformer_of_the_model_is_named():
    net = nn.Sequential(transformer())
    for other in ("0", transformer()):
        with pytest.raises(ValueError, match=r"transformer must be one of the model's, \['0'\]"), thetas_of(net, other):
            pass
    with pytest.raises(ValueError, match="transformer must be a module"), outputs_of(None):
        pass


def test_torch_fx_draws_a_localiser_and_says_what_it_wants_around_a_transformer():
    net = LocalizationNet((1, 28, 28), Affine())
    nn.init.normal_(net.last.weight)
    images = torch.rand(2, 1, 28, 28)
    for module in (net, nn.Sequential(net)):
        assert torch.equal(torch.fx.symbolic_trace(module)(images), net(images))
    with pytest.raises(ValueError, match=r"write nn\.Sequential\(module\)"):
        torch.fx.symbolic_trace(transformer())


# ---- arguments


@pytest.mark.parametrize("name", ["align_corners", "check"])
@pytest.mark.parametrize("value", ["no", 0.5, [True]])
def test_what_is_no_flag_is_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be True or False"):
        transformer(**{name: value})


def test_a_theta_handed_to_forward_is_told_where_it_belongs():
    for theta in (Affine().identity(), Affine().identity().expand(2, -1), "yes"):
        with pytest.raises(ValueError, match=r"return_theta must be True or False, .* stn\.warp\(images, theta\)"):
            transformer()(IMAGES, theta)


def test_an_angle_for_each_image_is_answered_with_its_own_shape():
    with pytest.raises(ValueError, match=r"theta of Rotation must have shape \(N, 1\), got \(2,\)"):
        SpatialTransformer(nn.Identity(), Rotation()).warp(IMAGES, torch.zeros(2))


@pytest.mark.parametrize("value", [0, -1, 2.5, "8", None, True])
def test_what_is_no_count_is_named(value):
    for localizer, names in (
        (LocalizationNet, ("filters", "hidden")),
        (SmallMapLocalizationNet, ("filters", "hidden")),
        (FullyConnectedLocalizationNet, ("hidden", *(["depth"] if value != 0 else []))),
    ):
        for name in names:
            with pytest.raises(ValueError, match=f"^{name} must be a whole number"):
                localizer((1, 28, 28), Affine(), **{name: value})


def test_a_localiser_alone_names_what_it_cannot_look_at():
    for localizer in (LocalizationNet, FullyConnectedLocalizationNet, SmallMapLocalizationNet):
        net = localizer((1, 28, 28), Affine())
        for wrong in (np.zeros((2, 1, 28, 28)), None, torch.zeros(1, 28, 28), torch.zeros(2, 1, 28, 28, dtype=torch.uint8)):
            with pytest.raises(ValueError, match="^images must"):
                net(wrong)
    for wrong in ([0.0], np.zeros(1), torch.zeros(1, 1), torch.zeros(1, dtype=torch.long), None):
        with pytest.raises(ValueError, match="^theta must"):
            FixedTheta(wrong)
    for layer in (nn.ReLU(), nn.Sequential(nn.Linear(3, 6))):
        with pytest.raises(ValueError, match="^layer must be a linear layer"):
            start_at_identity(layer, Affine().identity())


def test_a_family_of_volumes_is_told_which_localiser_looks_at_them():
    for shape in ((1, 28, 28), (1, 28, 28, 28)):
        with pytest.raises(ValueError, match="for volumes there is SmallMapLocalizationNet"):
            LocalizationNet(shape, Affine3d())
    with pytest.raises(ValueError, match=r"\(C, D, H, W\)"):
        FullyConnectedLocalizationNet((1, 4, 4), Affine3d())
    volumes = torch.rand(2, 1, 4, 4, 4)
    stn = SpatialTransformer(FullyConnectedLocalizationNet((1, 4, 4, 4), Affine3d()), Affine3d())
    torch.testing.assert_close(stn(volumes), volumes)


class Strange:
    """Somebody's family: what the transformer asks of one, and no more."""

    num_params = 6

    def grid(self, theta, size, align_corners=False):
        return Affine().grid(theta, size, align_corners)


def test_a_family_of_somebodys_own_works_and_is_asked_for_what_a_localiser_needs():
    theta = torch.tensor([0.9, 0.1, 0.0, -0.1, 0.9, 0.0])
    ours, theirs = (SpatialTransformer(FixedTheta(theta), family, check=True) for family in (Affine(), Strange()))
    assert torch.equal(theirs(IMAGES), ours(IMAGES))
    with pytest.raises(ValueError, match=r"family must have an identity\(\)"):
        LocalizationNet((1, 28, 28), Strange())


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("side", partial(models.paper_cnn, 20)),
        ("side", partial(models.paper_cnn, 28.5)),
        ("side", partial(models.paper_cnn_control, 30)),
        ("side", partial(models.deep_cnn, 10)),
        ("side", partial(models.deep_cnn_control, 30)),
        ("side", partial(models.paper_fcn, 0)),
        ("side", partial(models.compact_net, side=20)),
        ("padding", partial(models.seed_net, padding=-1)),
        ("scale", partial(models.seed_net_shrunk, 0)),
        ("std", partial(models.Normalize, (0.1,), (0.0,))),
        ("std", partial(models.Normalize, (0.1, 0.2), (0.3,))),
    ],
)
def test_a_net_names_what_it_cannot_be_built_for(name, build):
    with pytest.raises(ValueError, match=f"^{name} must"):
        build()


def test_grey_pictures_are_not_taken_for_coloured_ones():
    for net, channels in ((models.seed_net(), 1), (models.compact_net().eval(), 1), (models.paper_cnn(), 3)):
        with pytest.raises(ValueError, match=r"^images must have (the localiser's in_shape|[13] channels)"):
            net(torch.rand(2, channels, 32, 32))
