"""What goes with a picture through a warp: boxes, points, masks, and the way back into the input's frame."""

import pytest
import torch

from stn_tutorial import (
    Affine,
    Attention,
    Diffeomorphic,
    Projective,
    Rotation,
    Similarity,
    ThinPlateSpline,
    Translation,
    sample,
)
from stn_tutorial.geometry.carrying import box_overlap, inverse_of, map_boxes, unwarp_grid

INVERTIBLE = [Translation(), Attention(), Rotation(), Similarity(), Affine(), Projective(), Diffeomorphic()]


def some_theta(family, n=3, size=0.1):
    return family.identity() + size * torch.randn(n, family.num_params, generator=torch.Generator().manual_seed(0))


def blob(side=64):
    """Soft dots around the middle, so that sampling twice blurs little and nothing leaves the frame."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    dots = [((x - a).square() + (y - b).square()).mul(-60).exp() for a, b in ((0, 0), (0.35, 0.1), (-0.2, 0.3))]
    return torch.stack(dots).sum(dim=0).expand(3, 1, -1, -1)


@pytest.mark.parametrize("family", INVERTIBLE, ids=repr)
def test_there_and_back_is_the_picture(family):
    theta, images = some_theta(family), blob()
    out = sample(images, family.grid(theta, (64, 64)))
    back = sample(out, unwarp_grid(family, theta, (64, 64)))
    assert (out - images).abs().max() > 0.2 > 0.08 > (back - images).abs().max()


def test_a_window_is_put_back_where_it_was_taken_from_and_the_rest_is_background():
    images = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) + 1
    theta = torch.tensor([[0.5, 0.25, -0.25]])
    window = sample(images, Attention().grid(theta, (16, 16)))
    back = sample(window, unwarp_grid(Attention(), theta, (32, 32)))[0, 0]
    torch.testing.assert_close(back[5:19, 13:27], images[0, 0, 5:19, 13:27])
    assert back[:3].abs().max() == 0 and back[:, 29:].abs().max() == 0


@pytest.mark.parametrize("family", INVERTIBLE, ids=repr)
def test_boxes_go_where_the_picture_goes(family):
    theta, images = some_theta(family, size=0.05), torch.zeros(3, 1, 64, 64)
    images[..., 24:40, 20:36] = 1
    box = torch.tensor([[20 / 32 - 1, 24 / 32 - 1, 36 / 32 - 1, 40 / 32 - 1]])
    out = sample(images, family.grid(theta, (64, 64)))
    found = map_boxes(family, inverse_of(family, theta), box)[:, 0]
    for picture, (left, top, right, bottom) in zip(out[:, 0] > 0.5, ((found + 1) * 32).tolist(), strict=True):
        rows, columns = picture.any(dim=1).nonzero().flatten(), picture.any(dim=0).nonzero().flatten()
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert max(abs(float(a) - b) for a, b in zip(seen, (left, top, right, bottom), strict=True)) < 1.5


def test_boxes_of_each_image_and_of_all():
    theta, boxes = some_theta(Affine()), torch.tensor([[-0.5, -0.5, 0.5, 0.5], [0.0, 0.0, 0.1, 0.2]])
    of_all = map_boxes(Affine(), theta, boxes)
    assert of_all.shape == (3, 2, 4)
    torch.testing.assert_close(map_boxes(Affine(), theta, boxes.expand(3, 2, 4)), of_all)
    assert (of_all[..., 2:] > of_all[..., :2]).all()


@pytest.mark.parametrize("boxes", [torch.zeros(4), torch.zeros(2, 3), [[0, 0, 1, 1]], torch.zeros(2, 5, 4)], ids=str)
def test_what_are_no_boxes_is_named(boxes):
    with pytest.raises(ValueError, match="boxes must have shape|points must have shape"):
        map_boxes(Affine(), some_theta(Affine()), boxes)


def test_a_family_without_inverses_says_so():
    with pytest.raises(ValueError, match="family must have inverses"):
        unwarp_grid(ThinPlateSpline(), some_theta(ThinPlateSpline()), (8, 8))


def test_the_overlap_of_boxes_is_what_both_cover_over_what_any_covers():
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]])
    others = torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2], [0.5, 0.5, 1.5, 1.5], [2, 2, 3, 3], [1, 0, 2, 1]])
    found = box_overlap(boxes, others)
    torch.testing.assert_close(found, torch.tensor([1 / 7, 1, 1 / 4, 0, 0]))
    torch.testing.assert_close(box_overlap(others, boxes), found)
    assert box_overlap(boxes[:, None], others).shape == (5, 5)
    with pytest.raises(ValueError, match=r"others must have shape \(\.\.\., 4\).*got \(5, 2\)"):
        box_overlap(boxes, others[:, :2])
    with pytest.raises(ValueError, match="boxes must have shape .*got list"):
        box_overlap([0, 0, 1, 1], others)
