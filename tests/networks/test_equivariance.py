"""Turned features against features of what was turned: 0 where a net sees single pixels, and where its filters have no direction."""

import pytest
import torch
from torch import nn

from stn_tutorial.networks.equivariance import maps_of, turned, turning_gaps

NOISE = torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def one_layer(weight):
    layer = nn.Conv2d(1, len(weight), weight.shape[-1], padding=weight.shape[-1] // 2, bias=False)
    layer.weight.data = weight
    return nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.Linear(16 * 16 * len(weight), 2))


def test_a_filter_without_a_direction_is_turned_with_the_picture_and_an_edge_is_not():
    round_filter = torch.tensor([[[[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]]])
    edge = torch.tensor([[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
    assert turning_gaps(one_layer(round_filter), NOISE, 90) == pytest.approx([0, 0], abs=1e-5)
    assert turning_gaps(one_layer(edge), NOISE, 90)[1] > 0.8
    assert turning_gaps(one_layer(edge), NOISE, 0) == pytest.approx([0, 0], abs=1e-6)
    together = torch.cat([edge, edge.rot90(1, (2, 3)), edge.rot90(2, (2, 3)), edge.rot90(3, (2, 3))])
    assert turning_gaps(one_layer(together), NOISE, 90)[1] > 0.8  # all directions are there, in another order of channels


def test_a_quarter_turn_exchanges_pixels_exactly():
    torch.testing.assert_close(turned(NOISE, 90), NOISE.rot90(1, (2, 3)), atol=1e-5, rtol=0)


def test_the_maps_are_those_of_the_rectifiers_as_long_as_there_are_maps():
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.ReLU())
    assert [tuple(maps.shape) for maps in maps_of(net, NOISE)] == [(6, 1, 16, 16), (6, 3, 14, 14), (6, 5, 5, 5)]


def test_the_net_is_left_as_it_came_and_one_image_is_refused():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU()).train()
    before = net[0].running_mean.clone()
    turning_gaps(net, NOISE, 30)
    assert net.training and torch.equal(net[0].running_mean, before)
    with pytest.raises(ValueError, match="images must be at least two, got 1"):
        turning_gaps(net, NOISE[:1], 30)
