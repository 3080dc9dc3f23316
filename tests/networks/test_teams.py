"""Several transformers on one image, side by side and one look after another: what holds for one holds for the team.

Kinds: the start, order of views, gradients, composition in one sampling, autocast and half precision, compiled, exported,
copied and saved programs, double backward, and bad arguments.
"""

import copy
import pickle

import pytest
import torch
from torch import nn

from stn_tutorial import (
    Affine,
    Attention,
    ChainedLocalizer,
    Diffeomorphic,
    LocalizationNet,
    ParallelTransformers,
    Projective,
    Rotation,
    Similarity,
    SpatialTransformer,
    ThinPlateSpline,
    Translation,
)
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.networks.watching import thetas_of, transformers_of

GROUPS = [Translation(), Attention(), Rotation(), Similarity(), Affine(), Projective()]
CORNERS = torch.tensor([[-0.5, -0.5, 0.5], [0.5, 0.5, 0.5]])[:, [2, 0, 1]]  # windows of half the size in opposite corners


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def awake(net, std=0.05):
    """The same net with localisers that answer something else for each image."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in net.named_parameters():
        if name.endswith("last.weight"):
            nn.init.normal_(parameter, std=std, generator=generator)
    return net.eval()


def pair(stack="channels", **options):
    return awake(ParallelTransformers.for_images((2, 16, 16), Affine(), 2, stack=stack, **options))


def chain(family=None, steps=3, size=16, **options):
    family = family or Affine()
    localizer = SpatialTransformer.for_images((2, size, size), family).localization
    return awake(SpatialTransformer(ChainedLocalizer(localizer, family, steps), family, **options))


TEAMS = {"side by side": pair, "in a batch": lambda **options: pair("batch", **options), "chained": chain}


@pytest.mark.parametrize("stack", ["channels", "batch"])
def test_the_views_of_an_image_stay_together(stack):
    images = noise(3, 2, 16, 16)
    team = ParallelTransformers.for_images((2, 16, 16), Attention(), 2, starts=CORNERS, stack=stack, size=(8, 6)).eval()
    views = team(images).view(3, 2, 2, 8, 6)  # either way: image, window, channel
    for k, transformer in enumerate(team.transformers):
        torch.testing.assert_close(views[:, k], transformer(images))
        torch.testing.assert_close(team.thetas(images)[:, k], CORNERS[k].expand(3, -1))
    assert not torch.allclose(views[:, 0], views[:, 1])


def test_each_window_has_a_localiser_of_its_own_that_learns():
    torch.manual_seed(0)
    team, images = ParallelTransformers.for_images((2, 16, 16), Affine(), 2), noise(4, 2, 16, 16)
    assert list(transformers_of(team)) == ["transformers.0", "transformers.1"]
    torch.testing.assert_close(team(images), torch.cat([images, images], dim=1), atol=1e-5, rtol=0)
    team(images).square().sum().backward()
    for transformer in team.transformers:
        assert transformer.localization.last.weight.grad.abs().max() > 0


@pytest.mark.parametrize("family", GROUPS, ids=repr)
def test_a_chain_of_fixed_steps_is_their_composition_sampled_once(family):
    torch.manual_seed(0)
    step = family.identity() + 0.05 * torch.randn(family.num_params)
    images = noise(2, 1, 12, 12)
    stn = SpatialTransformer(ChainedLocalizer(FixedTheta(step), family, 3), family)
    once = step.expand(2, -1)
    wanted = family.compose(family.compose(once, once), once)
    torch.testing.assert_close(stn.theta(images), wanted)
    torch.testing.assert_close(stn(images), stn.warp(images, wanted))


def test_each_step_looks_at_what_the_steps_before_it_made():
    seen = []

    class Recording(nn.Module):
        def forward(self, images):
            seen.append(images)
            return torch.tensor([[0.4]]).expand(len(images), -1) / len(seen)

    images = noise(2, 1, 12, 12)
    chained = ChainedLocalizer(Recording(), Rotation(), 3)
    thetas = chained.thetas(images)
    plain = SpatialTransformer(FixedTheta(torch.zeros(1)), Rotation())
    assert torch.equal(seen[0], images)
    for theta, look in zip(thetas, seen[1:], strict=False):
        torch.testing.assert_close(look, plain.warp(images, theta))
    torch.testing.assert_close(thetas[-1], torch.full((2, 1), 0.4 + 0.2 + 0.4 / 3))


def test_one_step_is_the_plain_localiser_and_watching_sees_the_composed_theta():
    images, family = noise(4, 1, 28, 28), Affine()
    net = awake(LocalizationNet((1, 28, 28), family))
    torch.testing.assert_close(ChainedLocalizer(net, family, 1)(images), net(images))
    model = nn.Sequential(SpatialTransformer(ChainedLocalizer(net, family, 3), family))
    with thetas_of(model) as thetas:
        model(images)
    torch.testing.assert_close(thetas[0], model[0].theta(images))
    assert list(transformers_of(model)) == ["0"]


def test_every_step_of_a_chain_gives_a_gradient_to_the_localiser_it_shares():
    images, family = noise(4, 2, 16, 16), Affine()
    gradients = []
    for steps in (1, 2):
        stn = chain(family, steps)
        stn(images).square().sum().backward()
        gradients.append(stn.localization.localization.last.weight.grad.clone())
    assert gradients[0].abs().max() > 0 and not torch.allclose(*gradients, rtol=0.1)


@pytest.mark.parametrize("name", TEAMS)
def test_autocast_and_half_precision_move_no_sampling_point(name):
    team, images = TEAMS[name](), noise(2, 2, 16, 16)
    wanted = team(images)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(team(images), wanted, atol=0.1, rtol=0)
        assert getattr(team, "thetas", getattr(team, "theta", None))(images).dtype == torch.float32
    half = copy.deepcopy(team).bfloat16()
    assert half(images.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("name", TEAMS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiles_exports_and_can_be_copied_pickled_and_saved(name, tmp_path):
    team, images = TEAMS[name](), noise(2, 2, 16, 16)
    wanted = team(images).detach()
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(team, backend="eager", fullgraph=True)(images), wanted)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(team, (images,), dynamic_shapes=({0: batch},)).module()
    torch.testing.assert_close(program(images), wanted)
    assert len(program(noise(5, 2, 16, 16))) == len(wanted) * 5 // 2
    for twin in (copy.deepcopy(team), pickle.loads(pickle.dumps(team))):
        assert torch.equal(twin(images), wanted)
    torch.save(team.state_dict(), tmp_path / "weights.pt")
    other = TEAMS[name]()
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other(images), wanted)


@pytest.mark.parametrize("name", ["side by side", "in a batch"])
def test_a_team_has_second_derivatives_with_the_sampler_from_scratch(name):
    team, images = TEAMS[name](sampler="scratch").double(), noise(2, 2, 16, 16).double().requires_grad_()
    (slope,) = torch.autograd.grad(team(images).square().sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert images.grad.isfinite().all() and images.grad.abs().max() > 0


def test_an_empty_batch_goes_through():
    for build in TEAMS.values():
        assert build()(noise(0, 2, 16, 16)).shape[0] == 0


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: ParallelTransformers([]), "transformers must be one SpatialTransformer or more, got none"),
        (lambda: ParallelTransformers([nn.Identity()]), "got Identity"),
        (
            lambda: ParallelTransformers([SpatialTransformer.for_images((1, 9, 9), Affine(), size=s) for s in (4, 5)]),
            "one size",
        ),
        (lambda: pair(stack="rows"), "stack must be one of"),
        (lambda: ParallelTransformers.for_images((1, 9, 9), Affine(), 0), "count must be a positive integer"),
        (
            lambda: ParallelTransformers.for_images((1, 9, 9), Affine(), 2, starts=torch.zeros(2, 3)),
            r"starts must have .*\(2, 6\)",
        ),
        (lambda: ParallelTransformers.for_images((1, 9, 9), Affine(), 2, starts=[0.0]), "starts must have"),
        (
            lambda: ChainedLocalizer(FixedTheta(torch.zeros(32)), ThinPlateSpline()),
            "family must have maps that can be composed",
        ),
        (lambda: ChainedLocalizer(FixedTheta(torch.zeros(32)), Diffeomorphic()), "family must have maps that can be composed"),
        (lambda: ChainedLocalizer(FixedTheta(torch.zeros(1)), Rotation(), 0), "steps must be a positive integer"),
        (lambda: ChainedLocalizer(FixedTheta(torch.zeros(1)), Rotation(), True), "steps must be a positive integer"),
        (lambda: ChainedLocalizer(Rotation(), FixedTheta(torch.zeros(1))), "localization"),
        (lambda: chain()(noise(2, 16, 16)), "images must have shape"),
        (lambda: pair()(noise(2, 16, 16)), "images must have shape"),
    ],
)
def test_a_bad_argument_is_named(build, named):
    with pytest.raises(ValueError, match=named):
        build()
