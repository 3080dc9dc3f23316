"""What families have in common whose theta holds two numbers for each point of a lattice."""

import torch

from ..arguments import check_size, whole_number
from .coordinates import target_grid
from .family import Family


class LatticeFamily(Family):
    """Families whose theta is (x, y) for each point of a lattice over the output, from -1 to 1, row by row.

    Zero is the identity. lattice: (rows, columns), or one number for both. A subclass names the `letter` of what theta holds.
    """

    letter: str
    handles = "lattice"

    def __init__(self, lattice: int | tuple[int, int]):
        self.lattice = check_lattice(lattice)
        # whatever the default device is, also while a net is made without memory ("meta"), and for training later on
        with torch.device("cpu"), torch.inference_mode(False):
            self.controls = target_grid(self.lattice, align_corners=True, dtype=torch.float64).view(-1, 2)
        self.num_params = 2 * len(self.controls)

    def parameters(self) -> dict[str, tuple[float, float]]:
        return {f"{self.letter}{axis}_{k}": (-1, 1) for k in range(len(self.controls)) for axis in "xy"}

    def description(self) -> dict:
        return super().description() | {"lattice": list(self.lattice), "controls": self.controls.tolist()}


def check_lattice(lattice: int | tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of a lattice of control points given as a pair or as one number; at least 2 each."""
    pair = check_size(lattice if whole_number(lattice) is None else (lattice, lattice), "lattice")
    if min(pair) < 2:
        raise ValueError(f"lattice must have at least 2 rows and 2 columns of control points, got {pair}")
    return pair
