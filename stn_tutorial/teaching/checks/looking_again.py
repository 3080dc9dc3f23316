"""Exercise 1 of notebook 8, looking again: its wrong answers and its checker."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ...geometry.affine import Affine
from .drawing import draw_theta, letters
from .verdict import Mistake, Verdict, compare, compare_gradients

FAMILY = Affine()


def warped(images: Tensor, theta: Tensor) -> Tensor:
    """Images (N, C, H, W) under affine theta (N, 2, 3), as the exercise's `warp` does it."""
    return F.grid_sample(images, F.affine_grid(theta, list(images.shape), align_corners=False), align_corners=False)


def chained(first: Tensor, then: Tensor) -> Tensor:
    """The map that looks through `first` at what `then` shows, (N, 2, 3) each: the matrix product of the two, last row aside."""
    return torch.cat([first[..., :2] @ then[..., :2], first[..., :2] @ then[..., 2:] + first[..., 2:]], dim=-1)


def right_theta(images: Tensor, localize: Callable, steps: int) -> Tensor:
    """What `look_again` is to answer."""
    theta = localize(images)
    for _ in range(steps - 1):
        theta = chained(theta, localize(warped(images, theta)))
    return theta


def looks(join: Callable, again: Callable = warped, start: int = 1) -> Callable:
    """A `look_again` that joins the theta so far with the next one by `join`, and shows the localiser `again(images, theta)`."""

    def look_again(images: Tensor, localize: Callable, steps: int) -> Tensor:
        theta = localize(images)
        for _ in range(steps - start):
            theta = join(theta, localize(again(images, theta)))
        return theta

    return look_again


def repeatedly(images: Tensor, localize: Callable, steps: int) -> Tensor:
    """A `look_again` that warps what it has warped."""
    theta = found = localize(images)
    for _ in range(steps - 1):
        images = warped(images, found)
        found = localize(images)
        theta = chained(theta, found)
    return theta


def whole(theta: Tensor) -> Tensor:
    """Matrices (N, 2, 3) as (N, 3, 3)."""
    return torch.cat([theta, torch.tensor([[[0.0, 0, 1]]]).to(theta).expand(len(theta), 1, 3)], dim=1)


AGAIN_MISTAKES = [
    Mistake(
        "other order",
        looks(lambda theta, found: chained(found, theta)),
        "the two maps are joined in the other order: the last output's pixel asks the newest map first, and the oldest one last.",
    ),
    Mistake(
        "last theta alone",
        looks(lambda theta, found: found),
        "only the last theta comes back: it says how to turn what was warped already, and the original wants the whole way.",
    ),
    Mistake(
        "first theta alone",
        lambda images, localize, steps: localize(images),
        "the localiser is asked once: for steps above 1 it looks again at what the theta so far shows.",
    ),
    Mistake(
        "added",
        looks(lambda theta, found: theta + found),
        "the two thetas are added: two maps, one after the other, are a product of their 3x3 matrices.",
    ),
    Mistake(
        "added, less the identity",
        looks(lambda theta, found: theta + found - torch.eye(2, 3)),
        "adding what differs from the identity is nearly right for small maps only: maps are multiplied, as 3x3 matrices.",
    ),
    Mistake(
        "entry by entry",
        looks(lambda theta, found: theta * found),
        "the matrices are multiplied entry by entry: `@` is the product of matrices.",
    ),
    Mistake(
        "mean",
        looks(lambda theta, found: (theta + found) / 2),
        "the mean of two maps is not one after the other: multiply their 3x3 matrices.",
    ),
    Mistake(
        "shifts added",
        looks(lambda theta, found: torch.cat([theta[..., :2] @ found[..., :2], theta[..., 2:] + found[..., 2:]], dim=-1)),
        "the 2x2 parts are right, the shifts are not: the newer shift is turned by the older map before the two are added.",
    ),
    Mistake(
        "newer shift forgotten",
        looks(lambda theta, found: torch.cat([theta[..., :2] @ found[..., :2], theta[..., 2:]], dim=-1)),
        "the shift of the newer map is lost: the last column of the product of the 3x3 matrices holds both.",
    ),
    Mistake(
        "the original again",
        looks(chained, lambda images, theta: images),
        "the localiser is shown the original each time, and says the same again: show it what the theta so far makes of it.",
    ),
    Mistake(
        "one step too many",
        looks(chained, start=0),
        "it looks once too often: steps counts all looks, the first one too.",
    ),
    Mistake(
        "one step too few",
        looks(chained, start=2),
        "it looks once too seldom: with steps=2 the localiser is asked twice.",
    ),
    Mistake(
        "warped again and again",
        repeatedly,
        "what was warped is warped again: each time the picture becomes more blurred. Warp the original by the whole theta.",
    ),
    Mistake(
        "inverse in between",
        looks(lambda theta, found: chained(torch.linalg.inv(whole(theta))[:, :2], found)),
        "the theta so far is inverted: both maps lead from output to input, and nothing is to be turned round.",
    ),
    Mistake(
        "three rows",
        lambda images, localize, steps: whole(right_theta(images, localize, steps)),
        "those are 3x3 matrices: a theta is their first two rows, (N, 2, 3).",
    ),
    Mistake(
        "warped picture",
        lambda images, localize, steps: warped(images, right_theta(images, localize, steps)),
        "that is the warped picture: theta alone is wanted, (N, 2, 3).",
    ),
    Mistake(
        "detached",
        lambda images, localize, steps: right_theta(images, localize, steps).detach(),
        "no gradient reaches the pictures: detach, .data or no_grad cut it, and the localiser would learn nothing.",
    ),
]


def leaning(images: Tensor) -> Tensor:
    """A stand-in for a localiser, (N, 1, H, W) -> (N, 2, 3): a map that depends on where the picture's light lies."""
    height, width = images.shape[-2:]
    y, x = torch.linspace(-1, 1, height).to(images), torch.linspace(-1, 1, width).to(images)
    light = images.sum(dim=(1, 2, 3))
    right = (images.sum(dim=(1, 2)) * x).sum(dim=1) / light
    down = (images.sum(dim=(1, 3)) * y).sum(dim=1) / light
    rows = [0.9 + right, 0.4 + down, 0.5 * right + 0.1, -0.3 - down, 0.8 + 0.5 * right, 0.4 * down - 0.2]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def draw_first(case: dict, wanted: Tensor, answer: Tensor):
    """The letter F under the first theta of each."""
    return draw_theta({}, wanted[0].flatten(), answer[0].flatten())


def check_look_again(function: Callable) -> Verdict:
    """`look_again(images, localize, steps)`: the composed theta (N, 2, 3) of a localiser that looks several times.

    >>> check_look_again(lambda images, localize, steps: localize(images)).message[:30]
    'the localiser is asked once: f'
    """
    images = letters(3, 1, 16, 20).double()
    cases = [dict(images=images[:n], localize=leaning, steps=steps) for n, steps in ((1, 2), (3, 1), (3, 2), (2, 3))]
    verdict = compare(function, cases, right_theta, AGAIN_MISTAKES, draw_first)
    if not verdict.passed:
        return verdict
    learned = compare_gradients(function, cases[2:3], right_theta, AGAIN_MISTAKES, ("images",))
    return verdict if learned.passed else learned
