"""Turns about the centre."""

import warnings

import torch
from torch import Tensor

from ..arguments import check_number
from .family import TURN, Group, LinearFamily, rows


class Rotation(Group, LinearFamily):
    """Turns about the centre. Theta = (angle,) in radians; the grid turns clockwise, the picture counter-clockwise.

    aspect: width / height of the image, (W - 1) / (H - 1) with ``align_corners=True``. Normalised coordinates are square
    whatever the image is, so a plain rotation matrix shears a wide image; with its aspect named, pixels turn as they do
    on paper. 1 unless told, and then a grid that is not square comes with a warning.

    >>> [round(number, 3) for number in Rotation().matrix(torch.tensor([[0.5]]))[0, 0].tolist()]
    [0.878, -0.479, 0.0]
    >>> Rotation(aspect=16 / 9).num_params
    1
    """

    num_params = 1
    handles = "corners"

    def __init__(self, aspect: float | None = None):
        self.told = aspect is not None
        wanted = "a positive number (width / height)"
        self.aspect = check_number("aspect", aspect, wanted, lambda number: number > 0) if self.told else 1.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({f'aspect={self.aspect:g}' if self.told else ''})"

    def parameters(self) -> dict[str, tuple[float, float]]:
        return TURN

    def description(self) -> dict:
        return super().description() | {"aspect": self.aspect}

    def to_grid(self, theta: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        if not self.told and not torch.compiler.is_compiling() and size[0] != size[1]:
            name, (height, width) = type(self).__name__, size
            warnings.warn(
                f"{self} turns square pictures and shears others, here {height} x {width} pixels: "
                f"name their aspect, {name}(aspect=width / height), or say that it is meant, {name}(aspect=1)",
                stacklevel=3,
            )
        return super().to_grid(theta, size, align_corners)

    def to_matrix(self, theta: Tensor) -> Tensor:
        cos, sin, zero = torch.cos(theta[:, 0]), torch.sin(theta[:, 0]), torch.zeros_like(theta[:, 0])
        return rows(cos, -sin / self.aspect, zero, sin * self.aspect, cos, zero)

    def to_theta(self, matrix: Tensor) -> Tensor:
        return torch.atan2(matrix[:, 1, 0] / self.aspect, matrix[:, 0, 0])[:, None]
