"""The diagnosis on a bench of nets whose health is known, and the monitor on transformers that die."""

import pytest
import torch
from bench import HEALTHY, IMAGES, SICK

from stn_tutorial import diagnose, pretrained
from stn_tutorial.networks.weights import SHIPPED
from stn_tutorial.training.distortions import DISTORTIONS
from stn_tutorial.training.experiments import EXPERIMENTS


@pytest.fixture(scope="module")
def images(digits):
    return digits.test_images[::60][:16].float() / 255


def shown(name, images):
    return IMAGES.get(name, lambda digits: digits)(images)


@pytest.mark.filterwarnings("ignore:.*aspect")
@pytest.mark.parametrize("name", SICK)
def test_a_sick_net_is_named(name, images):
    kind, make = SICK[name]
    torch.manual_seed(0)
    found = diagnose(make(), shown(name, images))
    assert kind in found.sick and not found.passed
    assert len(found.sick) <= 2, found
    for finding in (f for part in found.findings.values() for f in part if f.sick):
        assert len(finding.advice) > 20 and finding.advice in found.message


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_net_is_not_accused(name, images):
    torch.manual_seed(0)
    found = diagnose(HEALTHY[name](), shown(name, images))
    assert found.passed, found


@pytest.mark.parametrize("name", SHIPPED)
def test_of_the_shipped_nets_the_published_one_alone_is_accused_of_its_window(name, digits, shapes):
    """It is healthy by no measure: notebook 7 is about the window that shrinks its pictures."""
    distortion = DISTORTIONS[EXPERIMENTS[name].distortion]()
    images = shapes.test_images[:64] if name.startswith("cifar10") else digits.test_images[::15][:64]
    for seed in range(3):
        found = diagnose(pretrained(name), distortion(images.float() / 255, torch.Generator().manual_seed(seed))[0])
        assert list(found.sick) == (["scale"] if name == "cifar10/seed" else []), found


def test_each_call_has_a_page_and_the_net_is_left_as_it_came(images):
    torch.manual_seed(0)
    net = HEALTHY["chained"]().train()
    found = diagnose(net, images)
    assert [title.rpartition(", ")[2] for title in found.findings] == ["16 images of 28x28", "call 2"]
    assert net.training and not any(module._forward_hooks for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_loss_of_ones_own_is_asked(images):
    net = HEALTHY["paper"]()
    assert diagnose(net, images, loss=lambda logits: logits.logsumexp(dim=1).sum()).passed
    assert "gradient" in diagnose(net, images, loss=lambda logits: logits.detach().sum()).sick


def test_a_net_that_samples_nothing_and_images_that_are_none_are_refused(images):
    with pytest.raises(ValueError, match="model must sample pictures"):
        diagnose(torch.nn.Flatten(), images)
    with pytest.raises(ValueError, match="images must"):
        diagnose(HEALTHY["paper"](), images[0])


@pytest.mark.filterwarnings("ignore:.*aspect")
def test_numbers_of_the_page_are_right(images):
    torch.manual_seed(0)
    (page,) = diagnose(SICK["turn in a wide frame"][1](), shown("turn in a wide frame", images)).findings.values()
    assert {"range", "out of frame", "scale", "angle", "theta", "folding", "step", "fill", "align_corners"} <= {
        f.name for f in page
    }
    turned = HEALTHY["turned far, radians"]()
    (page,) = diagnose(turned, images).findings.values()
    said = {finding.name: finding.seen for finding in page}
    angles = turned[0].theta(images)[:, 0].rad2deg()
    assert said["scale"].startswith("1.00 on average, spread 0.00")
    assert said["angle"] == f"{angles.mean():.0f} degrees on average, spread {angles.std(correction=0):.0f} degrees"
