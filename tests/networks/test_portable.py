"""A net as plain numbers: what folds into them, and what is refused by name. That they compute the same: tests/teaching/test_net_js.py."""

import pytest
import torch
from torch import nn

from stn_tutorial import Affine, LocalizationNet, SpatialTransformer, pretrained
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.networks.models.parts import Normalize, TransformedNet
from stn_tutorial.networks.portable import portable


def net_of(*layers: nn.Module, **options) -> TransformedNet:
    """A transformer in front of layers; images (1, 28, 28)."""
    return TransformedNet(
        SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine(), **options), nn.Sequential(*layers)
    )


def upside_down() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(2)
    nn.init.constant_(norm.weight, -1.0)
    return norm


ENDS = nn.Flatten(), nn.Linear(784, 3)
REFUSED = {
    "TransformedNet": nn.Sequential(nn.Flatten(), nn.Linear(784, 3)),
    "sequential classifier": TransformedNet(net_of(*ENDS).transformer, nn.Linear(784, 3)),
    "localisers for digits": TransformedNet(
        SpatialTransformer(FixedTheta(Affine().identity()), Affine()), nn.Sequential(*ENDS)
    ),
    "one channel": TransformedNet(
        SpatialTransformer(LocalizationNet((3, 28, 28), Affine()), Affine()), nn.Sequential(nn.Flatten(), nn.Linear(2352, 3))
    ),
    "background of 0": net_of(*ENDS, fill=0.5),
    "got Tanh": net_of(nn.Flatten(), nn.Tanh(), nn.Linear(784, 3)),
    "got ReLU": net_of(nn.ReLU(), *ENDS),
    "stride=\\(2, 2\\)": net_of(nn.Conv2d(1, 1, 3, stride=2), nn.Flatten(), nn.Linear(169, 3)),
    "padding=\\(1, 1\\)": net_of(nn.Conv2d(1, 1, 3, padding=1), *ENDS),
    "got MaxPool2d": net_of(nn.MaxPool2d(3, stride=2), nn.Flatten(), nn.Linear(169, 3)),
    "ceil_mode=True": net_of(nn.MaxPool2d(3, ceil_mode=True), nn.Flatten(), nn.Linear(100, 3)),
    "got Flatten": net_of(nn.Flatten(2), nn.Linear(784, 3)),
    "got Linear": net_of(nn.Linear(28, 3), nn.Flatten()),
    "got BatchNorm2d": net_of(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1352, 3)),
    "got Normalize": net_of(nn.Conv2d(1, 2, 3), Normalize(), nn.Flatten(), nn.Linear(1352, 3)),
    "end its localiser": net_of(nn.Conv2d(1, 2, 28)),
    "bytes of weights": net_of(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 3)),
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_cannot_be_written_as_plain_convolutions_is_refused_by_name(named):
    with pytest.raises(ValueError, match=named):
        portable(REFUSED[named])


def test_a_negative_scale_is_refused_behind_a_pool_alone():
    """The largest of four values becomes the smallest."""
    ends = nn.Flatten(), nn.Linear(338, 3)
    with pytest.raises(ValueError, match="got BatchNorm2d"):
        portable(net_of(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), upside_down(), *ends))
    portable(net_of(nn.Conv2d(1, 2, 3), upside_down(), nn.MaxPool2d(2), *ends))


def test_weights_beyond_float16_are_refused():
    net = net_of(*ENDS)
    with torch.no_grad():
        net.classifier[1].weight[0, 0] = 1e6
    with pytest.raises(ValueError, match="float16 can hold"):
        portable(net)
    net.classifier[1].weight.data.zero_()
    net.classifier[1].bias.data.fill_(torch.nan)
    with pytest.raises(ValueError, match="finite weights"):
        portable(net)


def test_the_live_page_s_nets_have_at_most_300_kilobytes_of_weights():
    for name in ("mnist-r/st-cnn-affine", "mnist-r/st-cnn-affine-still"):
        description, weights = portable(pretrained(name))
        assert len(weights) <= 300_000
        assert description["side"] == description["size"] == [28, 28] and description["classes"] == 10


def test_a_net_is_left_as_it_was():
    net = models.deep_st_cnn().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    portable(net)
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
