"""The nets of the upper storey, used as any net is: kinds are autocast, half precision, compiled, exported, copied and saved, double backward.

Feature maps and chains (`placed_net`), windows side by side (`addition_net`), volumes (`solid_net`), a search for what pictures share.
"""

import copy
import pickle

import pytest
import torch

from stn_tutorial import SpatialTransformer, ThinPlateSpline, export
from stn_tutorial.networks.models import addition_net, placed_net
from stn_tutorial.networks.watching import thetas_of, transformers_of
from stn_tutorial.training.colocalization import FAMILY, SearchingLocalizer
from stn_tutorial.training.solids import solid_net

DIGIT, FRAME, PAIR, SOLID, SCENE = (1, 28, 28), (1, 42, 42), (2, 42, 42), (1, 24, 24, 24), (1, 84, 84)
NETS = {
    "on the picture": (lambda: placed_net("input"), DIGIT),
    "with shared layers": (lambda: placed_net("shared", 42), FRAME),
    "on feature maps": (lambda: placed_net("features"), DIGIT),
    "on larger feature maps": (lambda: placed_net("features", 42), FRAME),
    "three looks": (lambda: placed_net("input", steps=3), DIGIT),
    "two windows": (lambda: addition_net(2), PAIR),
    "two splines": (lambda: addition_net(2, ThinPlateSpline()), PAIR),
    "volumes": (lambda: solid_net("transformer"), SOLID),
    "a search": (lambda: SpatialTransformer(SearchingLocalizer(0.5), FAMILY, size=56, padding_mode="reflection"), SCENE),
}
every_net = pytest.mark.parametrize("name", NETS)


def awake(name):
    """A net, in evaluation, whose thetas differ from image to image, and noise as its images."""
    build, shape = NETS[name]
    torch.manual_seed(0)
    net = build()
    for key, weight in net.named_parameters():
        if key.endswith(("last.weight", "scores.6.weight")):
            torch.nn.init.normal_(weight, std=0.02)
    return net.eval(), noise(3, *shape)


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@every_net
def test_autocast_and_half_precision_leave_theta_whole(name):
    net, images = awake(name)
    wanted = net(images).detach()
    with torch.autocast("cpu", torch.bfloat16), thetas_of(net) as thetas:
        found = net(images).float()
    assert {theta.dtype for theta in thetas} == {torch.float32}
    assert (found - wanted).abs().mean() < 0.1 * wanted.std()
    half = copy.deepcopy(net).bfloat16()
    assert half(images.bfloat16()).dtype == torch.bfloat16


@every_net
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_exported_copied_and_saved_it_says_the_same(name, tmp_path):
    net, images = awake(name)
    wanted = net(images).detach()
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(net, backend="eager", fullgraph=True)(images), wanted)
    assert export(net, tmp_path / "net.pt2", images) < 1e-4
    program = torch.export.load(tmp_path / "net.pt2").module()
    assert len(program(noise(5, *images.shape[1:]))) == 5
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(twin(images), wanted)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    other, _ = awake(name)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other(images), wanted)


@every_net
def test_it_has_second_derivatives_with_the_sampler_from_scratch(name):
    net, images = awake(name)
    for transformer in transformers_of(net).values():
        transformer.sampler = "scratch"
    net, images = net.double(), images.double().requires_grad_()
    (slope,) = torch.autograd.grad(net(images).square().sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert images.grad.isfinite().all() and images.grad.abs().max() > 0


@every_net
def test_no_image_and_an_image_of_another_shape(name):
    net, images = awake(name)
    assert net(images[:0]).shape == (0, *net(images).shape[1:])
    with pytest.raises(ValueError, match="images must"):
        net(images[0])
