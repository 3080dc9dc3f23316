"""Turn, isotropic scale and shift."""

import torch
from torch import Tensor

from .family import LOG_SCALE, SHIFTS, TURN, rows, scale_of
from .rotation import Rotation


class Similarity(Rotation):
    """Turn, isotropic scale and shift. Theta = (angle, log_scale, t_x, t_y): zero is the identity.

    The scale enters as its logarithm so that it stays positive whatever a network predicts, and so that halving and
    doubling lie equally far from 0.

    >>> family = Similarity()
    >>> theta = torch.tensor([[0.5, 0.0, 0.1, 0.0]])
    >>> family.compose(theta, family.inverse(theta)).abs().max() < 1e-6
    tensor(True)
    """

    num_params = 4
    handles = "corners and centre"

    def parameters(self) -> dict[str, tuple[float, float]]:
        return TURN | LOG_SCALE | SHIFTS

    def to_matrix(self, theta: Tensor) -> Tensor:
        angle, log_scale, t_x, t_y = theta.unbind(dim=1)
        scale = scale_of(log_scale)
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        return rows(cos, -sin / self.aspect, t_x, sin * self.aspect, cos, t_y)

    def to_theta(self, matrix: Tensor) -> Tensor:
        cos, sin = matrix[:, 0, 0], matrix[:, 1, 0] / self.aspect
        return torch.stack([torch.atan2(sin, cos), torch.hypot(sin, cos).log(), matrix[:, 0, 2], matrix[:, 1, 2]], dim=1)
