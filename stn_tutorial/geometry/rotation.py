"""Turns about the centre."""

import torch
from torch import Tensor

from .family import LinearFamily, rows


class Rotation(LinearFamily):
    """Turns about the centre. Theta = (angle,) in radians; the grid turns clockwise, the picture counter-clockwise.

    aspect: width / height of the image, (W - 1) / (H - 1) with ``align_corners=True``. Normalised coordinates are square
    whatever the image is, so a plain rotation matrix shears a wide image; with its aspect named, pixels turn as they do
    on paper.
    """

    num_params = 1

    def __init__(self, aspect: float = 1.0):
        if not aspect > 0:
            raise ValueError(f"aspect must be a positive number (width / height), got {aspect!r}")
        self.aspect = float(aspect)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({f'aspect={self.aspect:g}' if self.aspect != 1 else ''})"

    def to_matrix(self, theta: Tensor) -> Tensor:
        cos, sin, zero = torch.cos(theta[:, 0]), torch.sin(theta[:, 0]), torch.zeros_like(theta[:, 0])
        return rows(cos, -sin / self.aspect, zero, sin * self.aspect, cos, zero)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        return torch.atan2(matrix[:, 1, 0] / self.aspect, matrix[:, 0, 0])[:, None]
