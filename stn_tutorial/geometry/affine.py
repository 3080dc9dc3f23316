"""All affine maps: the paper's equation 1."""

from torch import Tensor

from .family import LinearFamily


class Affine(LinearFamily):
    """All affine maps. Theta is the paper's 2x3 matrix, row by row, as `torch.nn.functional.affine_grid` takes it."""

    num_params = 6

    def to_matrix(self, theta: Tensor) -> Tensor:
        return theta.view(-1, 2, 3)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        return matrix.reshape(-1, 6)
