"""Exercise 2 of notebook 3, the sampler: its checker."""

from collections.abc import Callable
from itertools import product

import torch

from ...geometry.affine import Affine
from ...geometry.sampler import PADDING_MODES
from .drawing import draw_sampled, letters
from .sampler_mistakes import SAMPLER_MISTAKES, right_sampler
from .verdict import Verdict, compare, compare_gradients


def check_sampler(function: Callable) -> Verdict:
    """`my_sampler(images, grid, padding_mode, align_corners)`: bilinear, as torch's grid_sample, gradients included.

    >>> check_sampler(lambda images, grid, padding_mode, align_corners: images[..., :3]).message[:35]
    'expected shape (2, 2, 11, 13) for i'
    """
    thetas = torch.tensor([[1.103, -0.357, 0.101, 0.309, 1.207, -0.053], [-2.311, 1.103, 0.157, 0.907, 2.603, 0.107]])
    cases, smooth = [], []
    for padding_mode, flag in product(PADDING_MODES, (False, True)):
        case = dict(images=letters(2, 2, 14, 12), padding_mode=padding_mode, align_corners=flag)
        cases.append(case | dict(grid=Affine().grid(thetas, (11, 13), False)))
        smooth.append(case | dict(grid=Affine().grid(thetas, (3, 4), False)))  # no point near a whole pixel: there is a kink
    for flag, size in ((False, (8, 4)), (True, (9, 5))):  # all points at whole pixels, exactly
        grid = Affine().grid(Affine().identity().repeat(2, 1), size, flag)
        cases.append(dict(images=letters(2, 2, *size), grid=grid, padding_mode="zeros", align_corners=flag))
    verdict = compare(function, cases, right_sampler, SAMPLER_MISTAKES, draw_sampled)
    if not verdict.passed:
        return verdict
    gradients = compare_gradients(function, smooth, right_sampler, SAMPLER_MISTAKES, ("images", "grid"))
    return Verdict("passed", f"{verdict.message[:-1]}, and so do the gradients.") if gradients.passed else gradients
