"""What goes with a picture through a warp: boxes, how far two agree, and the way back. (Points: `family.map_points`.)"""

import torch
from torch import Tensor

from .family import Family


def map_boxes(family: Family, theta: Tensor, boxes: Tensor) -> Tensor:
    """The boxes of the input that hold what boxes of the output show.

    theta: (N, P). boxes: (K, 4) or (N, K, 4), (left, top, right, bottom), normalised. Returns (N, K, 4), the same order: for each
    box the smallest upright one around where its corners look. A bent family may look further at an edge than at its corners.
    To take boxes of the input to the output, give `inverse_of(family, theta)`.

    Raises ValueError for boxes of another shape, and whatever `family.map_points` raises.

    >>> from stn_tutorial import Attention
    >>> map_boxes(Attention(), torch.tensor([[0.5, 0.25, 0.0]]), torch.tensor([[-1.0, -1.0, 1.0, 1.0]])).tolist()
    [[[-0.25, -0.5, 0.75, 0.5]]]
    """
    if not isinstance(boxes, Tensor) or boxes.dim() not in (2, 3) or boxes.shape[-1] != 4:
        got = tuple(boxes.shape) if isinstance(boxes, Tensor) else type(boxes).__name__
        raise ValueError(f"boxes must have shape (K, 4) or (N, K, 4), left, top, right, bottom, got {got}")
    corners = boxes[..., [0, 1, 2, 1, 2, 3, 0, 3]].unflatten(-1, (4, 2))
    mapped = family.map_points(theta, corners.flatten(-3, -2)).unflatten(1, (-1, 4))
    return torch.cat([mapped.amin(dim=2), mapped.amax(dim=2)], dim=-1)


def box_overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes, 0 for those apart, 1 for equal ones: two tensors (..., 4) -> (...).

    A box is (left, top, right, bottom), in any unit. Raises ValueError for boxes of another shape.

    >>> box_overlap(torch.tensor([0.0, 0, 2, 1]), torch.tensor([1.0, 0, 3, 1]))  # one of three squares is common
    tensor(0.3333)
    """
    for name, given in (("boxes", boxes), ("others", others)):
        if not isinstance(given, Tensor) or given.dim() < 1 or given.shape[-1] != 4:
            got = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise ValueError(f"{name} must have shape (..., 4), left, top, right, bottom, got {got}")
    shared = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2])
    common = shared.clamp(min=0).prod(dim=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(dim=-1) for box in (boxes, others)]
    return common / (areas[0] + areas[1] - common)


def inverse_of(family: Family, theta: Tensor) -> Tensor:
    """The theta (N, P) of the same family that undoes theta (N, P), or a ValueError where the family has none."""
    inverse = getattr(family, "inverse", None)
    if inverse is None:
        raise ValueError(f"family must have inverses, such as Affine() or Diffeomorphic(), got {family!r}")
    return inverse(theta)


def unwarp_grid(family: Family, theta: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """The grid that puts a transformer's output back where it was taken from: sample the output with it.

    theta: (N, P), what the output was made with. size: (H, W) of the input. Returns (N, H, W, 2). What the window did not
    show comes out as the sampler's background.

    >>> from stn_tutorial import Rotation, sample
    >>> picture, theta = torch.rand(1, 1, 9, 9), torch.tensor([[torch.pi / 2]])
    >>> turned = sample(picture, Rotation().grid(theta, (9, 9)))
    >>> sample(turned, unwarp_grid(Rotation(), theta, (9, 9))).allclose(picture, atol=1e-4)
    True
    """
    return family.grid(inverse_of(family, theta), size, align_corners)
