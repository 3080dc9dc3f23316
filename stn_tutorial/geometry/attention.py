"""Isotropic scale and shift: a window that looks where it likes (the paper's equation 2)."""

import torch
from torch import Tensor

from ..arguments import check_flag
from .family import SHIFTS, Group, LinearFamily, rows, scale_of


class Attention(Group, LinearFamily):
    """Isotropic scale and shift, the paper's equation 2. Theta = (s, t_x, t_y); s below 1 zooms in, 1 is life size.

    log_scale: let theta begin with log s instead. Then zero is the identity and s stays positive: the window cannot turn
    inside out while a network learns.

    >>> Attention().matrix(torch.tensor([[0.5, 0.2, 0.0]]))[0, 0].tolist() == torch.tensor([0.5, 0.0, 0.2]).tolist()
    True
    >>> Attention(log_scale=True).identity().tolist()
    [0.0, 0.0, 0.0]
    """

    num_params = 3

    def __init__(self, log_scale: bool = False):
        check_flag("log_scale", log_scale)
        self.log_scale = bool(log_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'log_scale=True' if self.log_scale else ''})"

    def parameters(self) -> dict[str, tuple[float, float]]:
        return ({"log_s": (-1.5, 0.7)} if self.log_scale else {"s": (0.2, 2)}) | SHIFTS

    def description(self) -> dict:
        return super().description() | {"log_scale": self.log_scale}

    def to_matrix(self, theta: Tensor) -> Tensor:
        s, t_x, t_y = theta.unbind(dim=1)
        s = scale_of(s) if self.log_scale else s
        zero = torch.zeros_like(s)
        return rows(s, zero, t_x, zero, s, t_y)

    def to_theta(self, matrix: Tensor) -> Tensor:
        s = matrix[:, 0, 0]
        return torch.stack([s.log() if self.log_scale else s, matrix[:, 0, 2], matrix[:, 1, 2]], dim=1)
