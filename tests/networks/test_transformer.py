"""The module: both samplers, the start at the identity, autocast, NaN, bad input, and the models built on it."""

import copy
import math
import pickle
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stn_tutorial import (
    Affine,
    Attention,
    Diffeomorphic,
    LocalizationNet,
    Projective,
    Rotation,
    Similarity,
    SpatialTransformer,
    ThinPlateSpline,
    Translation,
)
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import FullyConnectedLocalizationNet, start_at_identity

FAMILIES = [Translation(), Attention(), Rotation(), Similarity(), Affine(), Projective(), ThinPlateSpline(), Diffeomorphic()]
PAPER_MODELS = [models.paper_fcn, models.paper_cnn, models.paper_cnn_control, models.paper_st_fcn, models.paper_st_cnn]
TRANSFORMED = [models.paper_st_fcn, models.paper_st_cnn, models.tutorial_net]

every_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)
every_transformed_net = pytest.mark.parametrize("build", TRANSFORMED, ids=lambda build: build.__name__)


class Fixed(nn.Module):
    """A localiser that answers the same theta for every image, and can be trained."""

    def __init__(self, theta):
        super().__init__()
        self.answer = nn.Parameter(torch.tensor(theta))

    def forward(self, images):
        return self.answer.expand(len(images), -1)


TURN = [0.8, -0.5, 0.1, 0.6, 0.9, -0.3]


def random_images(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("align_corners", [False, True], ids=["edges", "align_corners"])
def test_both_samplers_are_one(mode, padding_mode, align_corners):
    images, fill = random_images(2, 3, 9, 12).double(), torch.tensor([0.5, -1.0, 2.0]) if padding_mode == "zeros" else 0.0
    results = []
    for sampler in ("torch", "scratch"):
        options = dict(size=(7, 5), mode=mode, padding_mode=padding_mode, align_corners=align_corners, fill=fill)
        stn = SpatialTransformer(Fixed(TURN), Affine(), sampler=sampler, **options).double()
        leaf = images.clone().requires_grad_()
        out = stn(leaf)
        (out * random_images(2, 3, 7, 5, seed=1)).sum().backward()
        gradient = stn.localization.answer.grad
        results.append((out, leaf.grad, torch.zeros(6).double() if gradient is None else gradient))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_fill_is_the_background(sampler):
    images, fill = random_images(2, 3, 9, 12), torch.tensor([0.5, -1.0, 2.0])
    localizer = Fixed([2.5, 0.3, 0.4, -0.2, 2.5, 0.1])  # looks far out
    out = SpatialTransformer(localizer, Affine(), fill=fill, sampler=sampler)(images)
    moved = SpatialTransformer(localizer, Affine(), sampler=sampler)(images - fill.view(3, 1, 1)) + fill.view(3, 1, 1)
    torch.testing.assert_close(out, moved)
    torch.testing.assert_close(out[0, :, 0, 0], fill)
    one = SpatialTransformer(localizer, Affine(), fill=0.5, sampler=sampler)(images)
    torch.testing.assert_close(one[:, 0], out[:, 0])
    with pytest.raises(ValueError, match=r"fill must be a number or one per channel, shape \(1,\)"):
        SpatialTransformer(localizer, Affine(), fill=fill, sampler=sampler)(images[:, :1])


@every_family
@pytest.mark.parametrize("localizer", [LocalizationNet, FullyConnectedLocalizationNet])
@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_every_localiser_starts_at_the_identity(localizer, family, sampler):
    images = random_images(3, 2, 28, 33)
    for align_corners in (False, True):
        stn = SpatialTransformer(localizer((2, 28, 33), family), family, sampler=sampler, align_corners=align_corners)
        assert torch.equal(stn.theta(images), family.identity().expand(3, -1))
        torch.testing.assert_close(stn(images), images, rtol=0, atol=1e-5)


@every_transformed_net
def test_every_model_starts_as_its_classifier(build):
    torch.manual_seed(0)
    net = build().eval()
    images = random_images(8, 1, 28, 28)
    torch.testing.assert_close(net.transformer(images), images, rtol=0, atol=2e-6)  # float32 rounds the coordinates
    torch.testing.assert_close(net(images), net.classifier(images), rtol=0, atol=1e-5)


@every_transformed_net
def test_the_gradient_reaches_the_localiser(build):
    torch.manual_seed(0)
    net = build()
    localizer = dict(net.transformer.localization.named_parameters())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    images, labels = random_images(16, 1, 28, 28), torch.arange(16) % 10
    moved = []
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        moved.append({name for name, p in localizer.items() if p.grad is not None and p.grad.abs().max() > 0})
        optimizer.step()
    last = set(list(localizer)[-2:])  # weight and bias of the last layer
    assert moved[0] == last  # below it the weights are zero, and let nothing through
    assert moved[1] == set(localizer)


def test_a_localiser_can_only_start_at_its_familys_identity():
    with pytest.raises(ValueError, match=r"layer must be a linear layer with a bias of shape \(6,\)"):
        start_at_identity(nn.Linear(8, 4), Affine().identity())
    with pytest.raises(ValueError, match="bias"):
        start_at_identity(nn.Linear(8, 6, bias=False), Affine().identity())
    with pytest.raises(ValueError, match=r"in_shape must be at least 28 pixels high and wide, got \(1, 28, 20\)"):
        LocalizationNet((1, 28, 20), Affine())


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_autocast_leaves_theta_and_grid_in_float32(sampler):
    seen = []

    class Watched(Affine):
        def grid(self, *arguments, **options):
            seen.append(super().grid(*arguments, **options))
            return seen[-1]

    torch.manual_seed(0)
    localizer = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 6))  # under autocast it answers in bfloat16
    stn = SpatialTransformer(localizer, Watched(), sampler=sampler)
    images = random_images(2, 3, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        assert localizer(images).dtype == torch.bfloat16
        theta = stn.theta(images)
        out = stn(images.bfloat16())  # a feature map under autocast
    assert theta.dtype == seen[0].dtype == torch.float32
    assert torch.equal(seen[0], Affine().grid(theta, (12, 12)))
    assert torch.equal(out, stn.warp(images.bfloat16(), theta))
    out.sum().backward()
    assert localizer[1].weight.grad.abs().max() > 0


def test_the_models_train_under_autocast():
    torch.manual_seed(0)
    net = models.paper_st_cnn()
    with torch.autocast("cpu", torch.bfloat16):
        loss = F.cross_entropy(net(random_images(8, 1, 28, 28)).float(), torch.arange(8))
        assert net.theta(random_images(8, 1, 28, 28)).dtype == torch.float32
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@every_transformed_net
def test_weights_saved_and_loaded_give_the_same_net(build, tmp_path):
    torch.manual_seed(0)
    net, other = build().eval(), build().eval()
    with torch.no_grad():
        for p in net.transformer.parameters():
            p += 0.01
    images = random_images(4, 1, 28, 28)
    assert not torch.equal(net(images), other(images))
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(net(images), other(images))


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_theta_that_is_not_finite(sampler, padding_mode, value):
    class Ill(nn.Module):
        def __init__(self):
            super().__init__()
            self.answer = nn.Parameter(torch.tensor([TURN, [value] * 6, TURN]))

        def forward(self, images):
            return self.answer

    images = random_images(3, 1, 6, 7)
    options = dict(padding_mode=padding_mode, sampler=sampler)
    with pytest.raises(ValueError, match="theta must be finite.* 1 of 3 rows"):
        SpatialTransformer(Ill(), Affine(), check=True, **options)(images)
    stn = SpatialTransformer(Ill(), Affine(), **options)
    out = stn(images)
    stn(images)
    assert int(stn.nan_thetas) == 2
    assert out[[0, 2]].isfinite().all()  # the other images are not touched
    if math.isnan(value):
        assert out[1].isnan().all()  # and the loss will show it
    out.sum().backward()  # torch's grid_sample alone would end the process here


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_bad_input_is_named(sampler):
    stn = SpatialTransformer(Fixed(TURN), Affine(), sampler=sampler)
    images, theta = random_images(2, 3, 9, 12), torch.tensor([TURN, TURN])
    bad_theta = {
        r"theta of Affine must have shape \(N, 6\), got \(2, 4\)": theta[:, :4],
        r"theta of Affine must have shape \(N, 6\), got \(5,\)": theta[0, :5],
        "theta must be floating point, got torch.int64": theta.long(),
        "theta must have one row for each of 2 images": torch.cat([theta, theta]),
        "theta must have one row for each of 2 images, on their device, cpu, .* on meta": theta.to("meta"),
    }
    for message, bad in bad_theta.items():
        with pytest.raises(ValueError, match=message):
            stn.warp(images, bad)
    for call in (stn, stn.theta, lambda images: stn.warp(images, theta)):
        for bad in (images[0], images[:, :, :0], images[None]):
            with pytest.raises(ValueError, match=r"images must have shape \(N, C, H, W\)"):
                call(bad)
        with pytest.raises(ValueError, match="images must be floating point, got torch.uint8"):
            call(images.byte())


def test_a_localiser_that_answers_the_wrong_shape_is_named():
    for localizer in (nn.Flatten(), nn.Flatten(0)):
        with pytest.raises(ValueError, match=r"theta of Affine must have shape \(N, 6\)"):
            SpatialTransformer(localizer, Affine())(random_images(2, 1, 9, 9))


@pytest.mark.parametrize(
    ("option", "bad"),
    [("size", (0, 5)), ("size", 2.5), ("mode", "linear"), ("padding_mode", "wrap"), ("sampler", "numpy")],
)
def test_a_bad_option_is_named(option, bad):
    with pytest.raises(ValueError, match=rf"^{option} must be .*{re.escape(repr(bad))}"):
        SpatialTransformer(Fixed(TURN), Affine(), **{option: bad})


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_size_and_empty_batches(sampler):
    stn = SpatialTransformer(Fixed(TURN), Affine(), size=(4, 15), sampler=sampler)
    assert stn(random_images(2, 3, 9, 12)).shape == (2, 3, 4, 15)
    assert stn(random_images(0, 3, 9, 12)).shape == (0, 3, 4, 15)


@pytest.mark.parametrize("build", [*PAPER_MODELS, models.tutorial_net], ids=lambda build: build.__name__)
def test_every_model_answers_logits_also_for_no_image(build):
    net = build().eval()
    assert net(random_images(5, 1, 28, 28)).shape == (5, 10)
    assert net(random_images(0, 1, 28, 28)).shape == (0, 10)


def test_the_papers_models_keep_to_its_size_and_the_control_is_fair():
    assert max(models.parameters_of(build()) for build in PAPER_MODELS) <= 400_000
    transformed, control = models.parameters_of(models.paper_st_cnn()), models.parameters_of(models.paper_cnn_control())
    assert abs(control - transformed) <= 0.02 * transformed
    assert not any(isinstance(module, SpatialTransformer) for module in models.paper_cnn_control().modules())


@pytest.mark.parametrize("build", [models.paper_cnn, models.paper_st_cnn], ids=lambda build: build.__name__)
def test_torchsummary_prints_the_table(build, capsys):
    summary = pytest.importorskip("torchsummary").summary
    net = build()
    summary(net, (1, 28, 28), device="cpu")
    total = re.search(r"Total params: ([\d,]+)", capsys.readouterr().out)[1]
    assert int(total.replace(",", "")) == models.parameters_of(net)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_net_of_any_precision_keeps_its_type(dtype):
    net = models.paper_st_cnn().to(dtype).eval()
    images = torch.rand(2, 1, 28, 28, dtype=dtype)
    assert net(images).dtype == net.transformer(images).dtype == dtype


def test_half_precision_theta_is_widened_before_the_grid_is_built():
    images = torch.rand(1, 1, 64, 64)
    identity = Affine().identity()[None].bfloat16()
    assert torch.allclose(SpatialTransformer(nn.Identity(), Affine()).warp(images, identity), images, atol=1e-5)


def test_theta_in_double_gives_images_in_their_own_type():
    images = torch.rand(1, 1, 8, 8)
    assert SpatialTransformer(nn.Identity(), Affine()).warp(images, Affine().identity()[None].double()).dtype == torch.float32


@pytest.mark.parametrize("sampler", ["torch", "scratch"])
def test_the_module_can_be_copied_pickled_and_given_any_layout_of_images(sampler, tmp_path):
    stn = SpatialTransformer(Fixed(TURN), Affine(), sampler=sampler, fill=0.3)
    images = random_images(1, 2, 9, 12)
    wanted = stn(images)
    assert torch.equal(copy.deepcopy(stn)(images), wanted)
    assert torch.equal(pickle.loads(pickle.dumps(stn))(images), wanted)
    strided = random_images(1, 2, 12, 9).transpose(2, 3)
    assert torch.allclose(stn(strided), stn(strided.contiguous()))
    assert torch.allclose(stn(images.contiguous(memory_format=torch.channels_last)), wanted)


def test_the_fill_is_a_copy_of_what_was_given():
    mine = torch.tensor([0.5])
    stn = SpatialTransformer(Fixed(TURN), Affine(), fill=mine)
    mine.zero_()
    assert stn.fill.item() == 0.5


def test_exports_with_any_batch_size():
    net = models.paper_st_cnn().eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(net, (torch.rand(2, 1, 28, 28),), dynamic_shapes=({0: batch},))
    images = torch.rand(5, 1, 28, 28)
    assert torch.allclose(program.module()(images), net(images), atol=1e-5)


def test_images_that_the_localiser_was_not_built_for_are_named():
    with pytest.raises(ValueError, match=r"in_shape, \(N, 1, 28, 28\), got \(2, 1, 32, 32\)"):
        models.paper_st_cnn()(torch.rand(2, 1, 32, 32))
