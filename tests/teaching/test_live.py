"""The live page's parts in Python: its digits, what an explorer of shipped nets carries with it, and what is refused."""

import re

import pytest
import torch
from traitlets import TraitError

from stn_tutorial import Affine, LocalizationNet, SpatialTransformer, explore_model, load, pretrained
from stn_tutorial.networks import models
from stn_tutorial.networks.models.parts import TransformedNet
from stn_tutorial.teaching import live as page
from stn_tutorial.teaching.browser_widget import LIVE
from stn_tutorial.teaching.model_explorer import FEW, moved
from stn_tutorial.training.data import data_root


def test_its_digits_are_those_of_mnist_s_test_set():
    if not (data_root() / "mnist.npz").exists():
        pytest.skip("MNIST is not here")
    data = load("mnist")
    assert torch.equal(page.live_digits(), data.test_images[list(page.TEST_INDICES)])
    assert data.test_labels[list(page.TEST_INDICES)].tolist() == [*range(10), 5]


def test_the_still_net_reads_its_digits_wherever_they_lie():
    """As TEST_INDICES says: rightly and turned back to within 20 degrees, but for the last digit."""
    net = pretrained(page.NETS["to stand still"])
    for label, digit in enumerate(page.live_digits()[:10]):
        turned = torch.cat([moved(digit[None].float() / 255, degrees, 1, 0, 0) for degrees in range(-90, 91, 10)])
        with torch.no_grad():
            theta, read = net.theta(turned), net(turned).argmax(dim=1)
        angles = -torch.rad2deg(torch.atan2(theta[:, 3] - theta[:, 1], theta[:, 0] + theta[:, 4]))
        off = angles - angles[9] - torch.arange(-90.0, 91, 10)
        assert bool((read == label).all()) and float((off - 360 * (off / 360).round()).abs().max()) < 20


def test_a_page_carries_two_nets_with_their_snapshots_and_asks_no_other_host(tmp_path):
    page.live_page(tmp_path / "new folder" / "live.html")
    text = (tmp_path / "new folder" / "live.html").read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'`]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"<link|<img|@import|src=|fetch\(|XMLHttpRequest", text)
    assert text.count("<h1") == 1 and '<html lang="en">' in text and "viewport" in text
    assert len(text) < 1_250_000


def test_an_explorer_of_a_shipped_net_becomes_a_page_with_all_it_needs():
    explorer = explore_model(pretrained("mnist-r/st-cnn-affine"), page.live_digits(), [f"kind {k}" for k in range(10)])
    assert len(explorer.nets) == len(explorer.weights) == 1 and len(explorer.pictures) == 11 * 784
    assert explorer._repr_mimebundle_()[0][LIVE] == {"widget": "explorer", "state": explorer.standing()}
    assert explorer.to_html().startswith("<div")
    explorer.close()
    many = explore_model(pretrained("mnist-r/st-cnn-affine"), torch.zeros(FEW + 1, 1, 28, 28))
    assert many.nets and not many.pictures and LIVE not in many._repr_mimebundle_()[0]
    with pytest.raises(ValueError, match=f"at most {FEW} images, got {FEW + 1}"):
        many.to_html()
    many.close()


def test_a_net_that_the_browser_cannot_run_answers_from_the_kernel_alone():
    class Own(models.TransformedNet):
        """A forward pass of its own."""

    own = Own(SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine()), models.paper_cnn())
    explorer = explore_model(own, page.live_digits())
    assert explorer.nets == [] and LIVE not in explorer._repr_mimebundle_()[0]
    with pytest.raises(ValueError, match="nets that the browser can run"):
        explorer.to_html()
    explorer.close()


def test_nets_are_changed_and_drawings_taken_from_python_too():
    nets = {"one": pretrained("mnist-r/st-cnn-affine"), "other": models.paper_st_fcn()}
    explorer = explore_model(nets, page.live_digits(), degrees=30)
    first = explorer.theta
    explorer.net = 1
    assert explorer.theta == Affine().identity().tolist() != first  # untrained
    explorer.net = 0
    assert explorer.theta == first
    drawn = page.live_digits()[7]
    explorer.drawing = drawn.numpy().tobytes()
    assert explorer.probabilities.index(max(explorer.probabilities)) == 7 and "a drawing" in explorer.render().alt
    assert torch.allclose(explorer.seen, moved(drawn[None].float() / 255, 30, 1, 0, 0))
    explorer.drawing = b""
    assert explorer.theta == first and "image 0" in explorer.render().alt
    for name, value in {"net": 2, "drawing": b"abc"}.items():
        with pytest.raises(TraitError, match=f"{name} must"):
            setattr(explorer, name, value)
    explorer.close()


def test_a_training_is_stepped_through_from_python_too_and_lives_in_a_page_if_its_classifier_stays():
    finished, begun, other = models.paper_st_cnn().eval(), models.paper_st_cnn().eval(), models.paper_st_cnn().eval()
    begun.classifier.load_state_dict(finished.classifier.state_dict())
    with torch.no_grad():
        begun.transformer.localization[-1].last.bias.add_(0.3)
    explorer = explore_model({"one": {5: begun, 90: finished}}, page.live_digits())
    assert explorer.steps == [[5, 90]] and explorer.moment == 1 and explorer.theta == Affine().identity().tolist()
    assert len(explorer.localizers[0]) == 1 and len(explorer.localizers[0][0]) < len(explorer.weights[0])
    explorer.moment = 0
    assert explorer.theta == pytest.approx((Affine().identity() + 0.3).tolist())
    assert explorer.standing()["moment"] == 0
    with pytest.raises(TraitError, match=r"moment must lie in \[0, 1\], got 2"):
        explorer.moment = 2
    explorer.close()
    explorer = explore_model({"one": {5: other, 90: finished}}, page.live_digits())  # another classifier: the kernel answers
    assert explorer.nets == [] and explorer.steps == [[5, 90]]
    explorer.close()


def test_what_does_not_fit_together_is_named():
    digits = page.live_digits()
    three = TransformedNet(models.paper_st_cnn().transformer, torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 3)))
    with pytest.raises(ValueError, match=r"equally many classes, got \[10, 3\]"):
        explore_model({"a": models.paper_st_cnn(), "b": three}, digits)
    with pytest.raises(ValueError, match="titles must be one for each of 11 images, got 1"):
        explore_model(models.paper_st_cnn(), digits, titles=["one"])
    with pytest.raises(ValueError, match=r"equally many moments, got \[1, 2\]"):
        explore_model({"a": models.paper_st_cnn(), "b": {0: models.paper_st_cnn(), 1: models.paper_st_cnn()}}, digits)
    for nothing in ({}, {"a": models.paper_cnn()}, {"a": "a net"}, {"a": {}}, {"a": {0: models.paper_cnn()}}):
        with pytest.raises(ValueError, match="model must have a SpatialTransformer"):
            explore_model(nothing, digits)
