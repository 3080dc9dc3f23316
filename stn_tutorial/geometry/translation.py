"""Shifts."""

import torch
from torch import Tensor

from .family import SHIFTS, Group, LinearFamily, rows


class Translation(Group, LinearFamily):
    """Shifts. Theta = (t_x, t_y), normalised: 2 is the whole width or height (but for a pixel, if corners are aligned).

    >>> Translation().matrix(torch.tensor([[0.5, 0.0]])).tolist()
    [[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]]
    """

    num_params = 2

    def parameters(self) -> dict[str, tuple[float, float]]:
        return SHIFTS

    def to_matrix(self, theta: Tensor) -> Tensor:
        t_x, t_y = theta.unbind(dim=1)
        zero, one = torch.zeros_like(t_x), torch.ones_like(t_x)
        return rows(one, zero, t_x, zero, one, t_y)

    def to_theta(self, matrix: Tensor) -> Tensor:
        return matrix[:, :, 2]
