"""The way from one theta to another: one steady motion where the family has one."""

import torch
from torch import Tensor

from ..arguments import check_precise, check_whole
from .family import Family, Group, homogeneous


def logarithm(matrix: Tensor) -> Tensor:
    """The real logarithm of square matrices (N, k, k), float64: square roots until they are near 1, then the series.

    NaN where there is none, as for a reflection: no path of turns and stretches leads there.
    """
    identity, halvings = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device), 12
    for _ in range(halvings):
        root, inverse = matrix, identity.expand_as(matrix)
        for _ in range(20):  # Denman and Beavers (1976): both converge, to the root and to its inverse
            root, inverse = (root + torch.linalg.inv(inverse)) / 2, (inverse + torch.linalg.inv(root)) / 2
        matrix = root
    rest = matrix - identity
    series = rest - rest @ rest / 2 + rest @ rest @ rest / 3 - rest @ rest @ rest @ rest / 4
    return 2**halvings * series


def theta_path(family: Family, start: Tensor, end: Tensor, steps: int, steady: bool = True) -> Tensor:
    """The way from one theta (P,) to another: (steps, P).

    For groups of matrices the way of one steady motion, M(t) = exp(t log(B A^-1)) A: a turn stays a turn all along. For
    families that are no groups, where there is no such motion (a mirror) and with steady=False, theta itself moves evenly.
    steps: 1 or more. Raises ValueError that names the argument.

    >>> from stn_tutorial import Rotation
    >>> theta_path(Rotation(), torch.tensor([0.0]), torch.tensor([1.0]), 3).flatten().round(decimals=4).tolist()
    [0.0, 0.5, 1.0]
    """
    if not isinstance(family, Family):
        raise ValueError(f"family must be a family of transformations, such as Affine(), got {family!r}")
    for name, theta in (("start", start), ("end", end)):
        check_precise(name, theta)
        if theta.shape != (family.num_params,):
            raise ValueError(f"{name} must be one theta of {family}, shape ({family.num_params},), got {tuple(theta.shape)}")
    steps = check_whole("steps", steps, 1)
    share = torch.linspace(0, 1, steps, dtype=torch.float64, device=start.device)[:, None]
    even = start.double() + share * (end.double() - start.double())
    if not steady or not isinstance(family, Group):
        return even.to(start.dtype)
    matrices = family.matrix(torch.stack([start, end]).double())
    ends = homogeneous(matrices)
    try:
        motion = logarithm((ends[1] @ torch.linalg.inv(ends[0]))[None])[0]
        path = family.from_matrix((torch.linalg.matrix_exp(share[:, :, None] * motion) @ ends[0])[:, : matrices.shape[1]])
    except torch.linalg.LinAlgError:
        return even.to(start.dtype)
    # a mirror is never reached: its logarithm is no number
    arrived = torch.allclose(family.matrix(path[-1:])[0], matrices[1], atol=1e-6)
    return (path if arrived else even).to(start.dtype)
