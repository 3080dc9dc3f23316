"""Matrices in pixels, as OpenCV and kornia write them, as theta of an affine family."""

import torch
from torch import Tensor

from ..arguments import check_flag, check_precise, check_size
from ..device import without_autocast
from .family import invert, multiply


def theta_from_pixels(
    matrix: Tensor, size: tuple[int, int], output_size: tuple[int, int] | None = None, align_corners: bool = False
) -> Tensor:
    """Theta of `Affine` that does what OpenCV's and kornia's `warp_affine` do with a matrix.

    matrix: (2, 3) or (N, 2, 3), floating point, in pixels; it says where a pixel of the *input* goes, (0, 0) is the centre of
    the top left one. size, output_size: (H, W) of input and output; None: the same. Returns (N, 6): theta is normalised and
    says where a pixel of the *output* looks. Raises ValueError for a matrix of another shape or type.

    >>> five_to_the_right = torch.tensor([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0]])
    >>> theta_from_pixels(five_to_the_right, (20, 40)).tolist()
    [[1.0, 0.0, -0.25, 0.0, 1.0, 0.0]]
    """
    check_precise("matrix", matrix)
    matrix = matrix[None] if matrix.dim() == 2 else matrix
    if matrix.dim() != 3 or matrix.shape[1:] != (2, 3):
        raise ValueError(f"matrix must have shape (2, 3) or (N, 2, 3), got {tuple(matrix.shape)}")
    size, output_size = check_size(size), check_size(size if output_size is None else output_size, "output_size")
    check_flag("align_corners", align_corners)
    with without_autocast(matrix.device):
        to_pixels = normalization(output_size, align_corners, matrix)  # output, normalised -> output, pixels
        from_pixels = invert(normalization(size, align_corners, matrix))  # input, pixels -> input, normalised
        return multiply(from_pixels, multiply(invert(matrix), to_pixels)).flatten(1)


def normalization(size: tuple[int, int], align_corners: bool, like: Tensor) -> Tensor:
    """The map from normalised coordinates to pixels as a matrix (1, 2, 3)."""
    middle = [(size[1] - 1) / 2, (size[0] - 1) / 2]
    half = middle if align_corners else [size[1] / 2, size[0] / 2]
    rows = [[max(half[0], 1e-6), 0.0, middle[0]], [0.0, max(half[1], 1e-6), middle[1]]]  # a lone pixel has no extent
    return torch.tensor([rows], dtype=like.dtype, device=like.device)
