"""Digits that nobody points at: scenes with true boxes, a localiser that treats all places alike, the hinge, windows that keep their size."""

import pytest
import torch

from stn_tutorial.geometry.carrying import box_overlap
from stn_tutorial.training.colocalization import SearchingLocalizer, colocalize, hinge, scenes, search
from stn_tutorial.training.distortions import TranslatedCluttered


@pytest.fixture(scope="module")
def digits(digits):
    return digits.subset(1500, 10)


@pytest.mark.parametrize("patches", [0, 16])
def test_a_scene_holds_its_digit_in_its_box(digits, patches):
    drawn = scenes(digits, digit=3, patches=patches, count=20)
    assert drawn.images.shape == (20, 1, 84, 84) and drawn.boxes.shape == (20, 4)
    corners = ((drawn.boxes + 1) * 42).round().long()
    of_class = digits.train_images[digits.train_labels == 3][:20].float() / 255
    for image, (left, top, right, bottom), digit in zip(drawn.images, corners.tolist(), of_class, strict=True):
        assert (right - left, bottom - top) == (28, 28)
        inside = image[:, top:bottom, left:right]
        assert (inside >= digit - 1e-3).all()  # clutter may lie over it
        outside = image.sum() - inside.sum()
        assert (outside > 1) == bool(patches)


def test_too_few_digits_of_a_class_are_named(digits):
    with pytest.raises(ValueError, match="data must hold 1000 training images of class 3, got"):
        scenes(digits, digit=3, count=1000)


def test_clutter_is_as_it_was_and_may_be_more_in_a_larger_frame():
    assert (
        repr(TranslatedCluttered()) == "TranslatedCluttered()"
        and repr(TranslatedCluttered(84, 16)) == "TranslatedCluttered(84, 16)"
    )
    with pytest.raises(ValueError, match="patches must be"):
        TranslatedCluttered(84, -1)


def test_the_search_begins_in_the_middle_and_goes_with_what_it_likes():
    localizer, image = SearchingLocalizer(0.5).eval(), torch.zeros(1, 1, 84, 84)
    image[..., 40:48, 32:40] = 1
    torch.testing.assert_close(localizer(image), torch.tensor([[0.5, 0, 0]]))
    torch.nn.init.normal_(localizer.scores[-1].weight, generator=torch.Generator().manual_seed(1))
    moved = localizer.scores(image.roll((8, 16), (2, 3)))
    torch.testing.assert_close(moved, localizer.scores(image).roll((2, 4), (2, 3)))  # a place is known by what is there
    assert localizer(image)[0, 0] == 0.5 and localizer(image)[0, 1:].any()


def test_the_hinge_wants_windows_alike_and_unlike_what_is_elsewhere():
    same, apart = torch.zeros(4, 3), 2 * torch.eye(4)[:, :3]
    assert hinge(same, torch.ones(4, 3)) == 0  # alike, and three away from elsewhere
    assert hinge(same, same) == 1  # nothing is won
    assert hinge(apart, torch.zeros(4, 3)) > 1
    features = torch.rand(5, 3, requires_grad=True)
    hinge(features, torch.rand(5, 3)).backward()
    assert features.grad.any()


def test_windows_narrow_to_the_size_of_a_digit(digits):
    drawn = scenes(digits, digit=1, patches=0, count=12)
    boxes = colocalize(drawn.images, looks=2, steps=3, starts=2)
    torch.testing.assert_close((boxes[:, 2:] - boxes[:, :2]), torch.full((12, 2), 2 / 3), atol=1e-4, rtol=0)
    assert box_overlap(boxes, boxes).allclose(torch.ones(12))
    assert torch.equal(boxes, colocalize(drawn.images, looks=2, steps=3, starts=2))
    with pytest.raises(ValueError, match="starts must be"):
        colocalize(drawn.images, starts=0)


def test_a_search_lowers_its_loss(digits):
    drawn, localizer = scenes(digits, digit=3, patches=0, count=40), SearchingLocalizer()
    before = search(localizer, drawn.images, [0.8], 1e-9, seed=0)
    assert search(localizer, drawn.images, [0.8] * 25, 1e-2, seed=0) < before
    assert not localizer.training
