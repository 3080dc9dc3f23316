"""The consistency term: two views of one image shall be handed on alike."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..geometry.coordinates import CORNERS
from ..geometry.family import Family
from ..geometry.lattice import LatticeFamily


def telling_points(family: Family) -> Tensor:
    """Points (K, 2) of the output that tell what a map of a family does: the control points where it has some, else the corners.

    A spline's corners could turn back alone, and fold the picture between them.
    """
    return family.controls if isinstance(family, LatticeFamily) else torch.tensor(CORNERS, device="cpu")


def consistency_loss(first: Tensor, second: Tensor, delta: float = 0.5) -> Tensor:
    """How far two views of one image are from being handed on alike: a Huber loss, a scalar.

    first, second: where some points of the two outputs look in the undistorted image, (N, K, 2) each, as
    `metrics.where_points_look` says. Punished is the root mean square distance of the points, by its square up to
    `delta` (0.25 is an eighth of the image's width) and linearly beyond. Needs no upright pose: only how two views differ.
    A point beyond a horizon counts as four half widths away. Not in the paper.
    """
    gap = (first.clamp(-4, 4) - second.clamp(-4, 4)).square().sum(dim=-1).mean(dim=-1)
    distance = gap.clamp_min(1e-9).sqrt()  # the root has no slope at 0
    return F.huber_loss(distance, torch.zeros_like(distance), delta=delta)
