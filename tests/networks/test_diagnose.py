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
def test_no_shipped_net_is_accused(name, digits):
    distortion = DISTORTIONS[EXPERIMENTS[name].distortion]()
    raw = digits.test_images[::15][:64].float() / 255
    for seed in range(3):
        found = diagnose(pretrained(name), distortion(raw, torch.Generator().manual_seed(seed))[0])
        assert found.passed, found
