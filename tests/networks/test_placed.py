"""One small net with a transformer in different places: equal sizes, the same start, and who shares what with whom."""

import pytest
import torch

from stn_tutorial.networks.models import parameters_of, placed_net
from stn_tutorial.networks.models.placed import PLACED_FILTERS, PLACES
from stn_tutorial.networks.teams import ChainedLocalizer
from stn_tutorial.networks.watching import find_transformer, thetas_of

PLACED = [*((place, 1) for place in PLACES), ("input", 2), ("input", 3)]


def net_of(place, steps, side=28):
    torch.manual_seed(0)
    return placed_net(place, side, steps)


@pytest.mark.parametrize("side", PLACED_FILTERS)
def test_all_nets_of_a_side_have_one_size(side):
    sizes = [parameters_of(net_of(place, steps, side)) for place, steps in PLACED]
    assert max(sizes) <= 400_000 and max(sizes) / min(sizes) < 1.002


@pytest.mark.parametrize("side", PLACED_FILTERS)
@pytest.mark.parametrize(("place", "steps"), PLACED)
def test_each_net_answers_begins_at_the_identity_and_lets_every_weight_learn(place, steps, side):
    net, images = net_of(place, steps, side), torch.rand(4, 1, side, side)
    with thetas_of(net) as thetas:
        logits = net(images)
    assert logits.shape == (4, 10)
    transformer = find_transformer(net)
    assert (transformer is None) == (place == "nowhere")
    if transformer is not None:
        torch.testing.assert_close(thetas[0], transformer.family.identity().expand(4, -1))
        torch.nn.init.normal_(last_of(transformer).weight, std=0.01)  # at the identity only the last layer has a gradient
    net(images).square().sum().backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def last_of(transformer):
    localization = transformer.localization
    return (localization.localization if isinstance(localization, ChainedLocalizer) else localization).last


def test_the_shared_layers_are_one_module_and_the_others_two():
    shared, alone = net_of("shared", 1), net_of("input", 1)
    assert shared.transformer.localization.features[0] is shared.classifier[0]
    assert alone.transformer.localization.features[0] is not alone.classifier[0]


def test_a_transformer_on_maps_warps_maps_of_the_same_frame():
    net, images = net_of("features", 1).eval(), torch.rand(2, 1, 28, 28)
    quarter = torch.tensor([[0.0, 1, 0, -1, 0, 0]])
    maps = net.first(images)
    torch.testing.assert_close(net.transformer.warp(maps, quarter), maps.rot90(-1, (2, 3)), atol=1e-5, rtol=0)
    assert maps.shape == (2, 16, 14, 14)


def test_two_looks_are_no_more_parameters_and_another_theta():
    once, twice = net_of("input", 1), net_of("input", 2)
    twice.load_state_dict(
        {key.replace("localization.", "localization.localization.", 1): w for key, w in once.state_dict().items()}
    )
    images = torch.rand(2, 1, 28, 28)
    for net in (once, twice):
        torch.nn.init.constant_(last_of(net.transformer).weight, 0.05)
    first, second = (net.eval().theta(images) for net in (once, twice))
    torch.testing.assert_close(twice.transformer.localization.thetas(images)[0], first)
    assert not torch.allclose(first, second, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"place": "middle"}, "place must be one of"),
        ({"side": 32}, r"side must be one of \[28, 42\]"),
        ({"steps": 0}, "steps must be"),
        ({"place": "features", "steps": 2}, "steps must be 1 but for place='input', got 2 for 'features'"),
    ],
)
def test_what_cannot_be_built_is_named(options, words):
    with pytest.raises(ValueError, match=words):
        placed_net(**options)
