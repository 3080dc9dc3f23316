"""The monitor: a transformer that dies is named within twenty steps of its death, once, and no other is."""

import warnings

import pytest
import torch
from bench import Cut, NotCalled, Teams, in_front
from torch import nn
from torch.nn import functional as F

from stn_tutorial import Affine, Monitor, Similarity, SpatialTransformer, fit
from stn_tutorial.networks import models
from stn_tutorial.networks.monitor import EVERY, PATIENCE
from stn_tutorial.training.recipe import Recipe

LATEST = 20  # steps after its death


def resnet_with_transformer_in_front(family):
    resnet = pytest.importorskip("torchvision").models.resnet18(num_classes=10)
    return nn.Sequential(SpatialTransformer.for_images((3, 32, 32), family), resnet)


def resnet_with_transformer_inside(family):
    resnet = pytest.importorskip("torchvision").models.resnet18(num_classes=10)
    resnet.layer2 = nn.Sequential(SpatialTransformer.for_images((64, 8, 8), family), *resnet.layer2)
    return resnet


def steps(net, count, shape=(1, 28, 28), lr=0.01, change=lambda step: None, batch=2):
    """Train on noise for so many steps; before each, `change(step)`."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for step in range(1, count + 1):
        change(step)
        optimizer.zero_grad()
        F.cross_entropy(net(torch.rand(batch, *shape)), torch.randint(10, (batch,))).backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("build", "family"), [(resnet_with_transformer_in_front, Affine()), (resnet_with_transformer_inside, Similarity())], ids=str
)
def test_a_transformer_that_leaves_the_picture_is_named_with_its_step(build, family):
    torch.manual_seed(0)
    net, told = build(family), []

    def throw_out(step):
        told.append(bool(monitor.died))
        if step == 4:
            monitor.watched[name].transformer.localization.last.bias.data[2] += 100.0

    with Monitor(net) as monitor:
        name = next(iter(monitor.watched))
        with pytest.warns(UserWarning, match=f"{name}' has died: since step 4 all its sampling points lie outside") as warned:
            steps(net, 4 + PATIENCE + EVERY, (3, 32, 32), 1e-4, throw_out, batch=4)
    assert monitor.died == {name: 4} and len(warned) == 1
    assert told.index(True) <= 4 + LATEST


def test_a_localiser_that_learns_too_fast_is_named_once(few_digits):
    torch.manual_seed(0)
    net = models.paper_st_cnn()
    recipe = Recipe(epochs=6, batch_size=64, lr=1.0, optimizer="sgd")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(net, few_digits, recipe=recipe, progress=False, monitor=True)
    assert len([w for w in caught if "has died: since step" in str(w.message)]) == 1


@pytest.mark.parametrize(
    "build", [Cut, NotCalled, lambda: in_front(Affine(), mode="nearest")], ids=["cut", "unused", "nearest"]
)
def test_a_transformer_that_no_gradient_reaches_is_dead_from_the_first_step(build):
    net = build()
    with Monitor(net), pytest.warns(UserWarning, match="has died: since step 1 "):
        steps(net, 12)


def test_nan_is_named():
    net = in_front(Affine())

    def spoil(step):
        if step == 3:
            net[0].localization.last.bias.data[0] = torch.nan

    with Monitor(net), pytest.warns(UserWarning, match="since step 3 theta is NaN"):
        steps(net, 20, change=spoil)


@pytest.mark.filterwarnings("error")
def test_the_living_the_frozen_and_what_is_no_training_are_not_accused(few_digits):
    torch.manual_seed(0)
    fit(models.paper_st_cnn(), few_digits, recipe=Recipe(epochs=5), progress=False, monitor=True)
    team = Teams()
    with Monitor(team) as monitor:
        steps(team, 20)
    assert list(monitor.watched) == ["left", "right", "behind"] and monitor.steps == 20
    frozen = in_front(Affine())
    frozen[0].requires_grad_(False)
    with Monitor(frozen):
        steps(frozen, 20)
    net = in_front(Affine())
    with Monitor(net) as monitor:
        for _ in range(20):
            net(torch.rand(4, 1, 28, 28))  # without a backward pass
            net.eval()(torch.rand(4, 1, 28, 28))
            net.train()
    assert monitor.steps == 0 and not any(module._forward_hooks for module in net.modules())


def test_the_numbers_of_a_training_are_the_same_with_it(few_digits):
    losses = []
    for monitor in (False, True):
        torch.manual_seed(0)
        net = models.paper_st_cnn()
        losses.append(fit(net, few_digits, recipe=Recipe(epochs=2), progress=False, monitor=monitor).history[-1]["train_loss"])
    assert losses[0] == losses[1]


def test_a_net_without_a_transformer_is_refused():
    with pytest.raises(ValueError, match="model must hold a SpatialTransformer"):
        Monitor(nn.Linear(1, 1))
