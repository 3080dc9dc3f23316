"""All affine maps: the paper's equation 1."""

from torch import Tensor

from .family import Group, LinearFamily


class Affine(Group, LinearFamily):
    """All affine maps. Theta is the paper's 2x3 matrix, row by row, as `torch.nn.functional.affine_grid` takes it.

    >>> family = Affine()
    >>> theta = family.identity()[None]
    >>> tuple(family.grid(theta, (28, 28)).shape)
    (1, 28, 28, 2)
    >>> family.inverse(2 * theta)[0].tolist()
    [0.5, 0.0, 0.0, 0.0, 0.5, 0.0]
    """

    num_params = 6

    def parameters(self) -> dict[str, tuple[float, float]]:
        wide, shift = (-2, 2), (-1, 1)
        return {"a11": wide, "a12": wide, "t_x": shift, "a21": wide, "a22": wide, "t_y": shift}

    def to_matrix(self, theta: Tensor) -> Tensor:
        return theta.view(-1, 2, 3)

    def to_theta(self, matrix: Tensor) -> Tensor:
        return matrix.reshape(-1, 6)
