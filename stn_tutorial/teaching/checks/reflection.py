"""Exercise 1 of notebook 3, the reflection: its wrong answers and its checker."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from ...geometry.sampler import reflect
from .drawing import draw_walk
from .verdict import Mistake, Verdict, compare, compare_gradients


def mirrors(length: int, align_corners: bool) -> tuple[float, float]:
    """Where the left mirror stands, and how far from it the right one, in pixels."""
    return (0.0, length - 1.0) if align_corners else (-0.5, float(length))


def folded(between: Callable = mirrors, fold: Callable | None = None) -> Callable:
    """A `my_reflect` whose mirrors stand at between(length, align_corners), and that folds by fold(x - left, span), plus left."""

    def answer(x: Tensor, length: int, align_corners: bool) -> Tensor:
        left, span = between(length, align_corners)
        return left + (fold or back_and_forth)(x - left, span)

    return answer


def back_and_forth(distance: Tensor, span: float) -> Tensor:
    """A distance from the left mirror folded into [0, span]."""
    rest = distance.abs() % (2 * span)
    return torch.minimum(rest, 2 * span - rest)


def once(distance: Tensor, span: float) -> Tensor:
    """The first mirror on each side, and none behind it."""
    return torch.where(distance < 0, -distance, torch.where(distance > span, 2 * span - distance, distance))


def lap_by_lap(back_on: int) -> Callable:
    """Folds that run backwards on the laps whose number leaves this rest by 2."""

    def fold(distance: Tensor, span: float) -> Tensor:
        lap, rest = torch.floor(distance.abs().detach() / span), distance.abs() % span
        return torch.where(lap % 2 == back_on, span - rest, rest)

    return fold


def remainder_with_sign(distance: Tensor, span: float) -> Tensor:
    """As `%` is in C, and `fmod` in torch: a negative number leaves a negative rest."""
    rest = distance.fmod(2 * span)
    return torch.minimum(rest, 2 * span - rest)


REFLECT_MISTAKES = [
    Mistake(
        "detached",
        lambda x, length, align_corners: reflect(x.detach(), length, align_corners),
        "something on the way cuts the gradient, such as detach(), .item() or numpy, and theta would never learn from it.",
    ),
    Mistake(
        "nothing done",
        lambda x, length, align_corners: x.clone(),
        "the coordinates come back as they went in: those outside the row must be folded back into it.",
    ),
    Mistake(
        "clipped",
        lambda x, length, align_corners: x.clamp(0, length - 1),
        "that is 'border': the walker stops at the last pixel, instead of turning round.",
    ),
    Mistake(
        "one mirror on each side",
        folded(fold=once),
        "right near the row, wrong further out: behind a mirror stands the image of the other one. How often can it go back and forth?",
    ),
    Mistake(
        "left mirror only",
        folded(fold=lambda distance, span: distance.abs()),
        "left of the row all is right, and on the right nothing turns the walker round: there are two mirrors.",
    ),
    Mistake(
        "right mirror only",
        folded(fold=lambda distance, span: span - (span - distance).abs()),
        "right of the row all is right, and on the left nothing turns the walker round: there are two mirrors.",
    ),
    Mistake(
        "tiles for mirrors",
        folded(fold=lambda distance, span: distance % span),
        "the row is repeated like a tile: in a mirror the walker comes back, and does not begin anew at the other end.",
    ),
    Mistake(
        "every lap forwards",
        folded(fold=lambda distance, span: distance.abs() % span),
        "every lap runs forwards: after an odd number of mirrors the walker comes back.",
    ),
    Mistake(
        "every lap backwards",
        folded(fold=lambda distance, span: span - distance.abs() % span),
        "every lap runs backwards, even the first: a point inside the row stays where it is.",
    ),
    Mistake(
        "even laps backwards",
        folded(fold=lap_by_lap(0)),
        "the laps are exchanged: forwards after an even number of mirrors, backwards after an odd one.",
    ),
    Mistake(
        "repeats after one span",
        folded(fold=lambda distance, span: torch.minimum(distance.abs() % span, span - distance.abs() % span)),
        "the walk repeats too early, so that it turns round in the middle of the row: a round is there *and* back.",
    ),
    Mistake(
        "remainder with a sign",
        folded(fold=remainder_with_sign),
        "on the right all is right, on the left the rest is negative: drop the sign first, or see how % and fmod differ.",
    ),
    Mistake(
        "modulo of the length",
        lambda x, length, align_corners: x % length,
        "x % length repeats the row like a tile: in a mirror the walker comes back, and the mirrors stand half a pixel off.",
    ),
    Mistake(
        "sign dropped, and no more",
        lambda x, length, align_corners: x.abs(),
        "abs is a mirror at 0, and at 0 only: where does the left mirror stand, and what turns the walker round on the right?",
    ),
    Mistake(
        "sign dropped, then clipped",
        lambda x, length, align_corners: x.abs().clamp(0, length - 1),
        "left of the row there is a mirror, on the right the walker stops: there are two mirrors.",
    ),
    Mistake(
        "mirrors at the centres, once",
        lambda x, length, align_corners: folded(lambda n, flag: mirrors(n, True), once)(x, length, align_corners),
        "two things: align_corners is ignored, and behind a mirror stands the image of the other one. How often can it go back and forth?",
    ),
    Mistake(
        "twice, and no more",
        folded(fold=lambda distance, span: once(once(distance, span), span)),
        "right for a mirror or two, wrong further out: the walk has no end, so count the laps or use %.",
    ),
    Mistake(
        "there, and not back",
        folded(fold=lambda distance, span: distance % (2 * span)),
        "the rest of a round is right, but its second half leads out of the row: there the walker comes back.",
    ),
    Mistake(
        "turned round",
        lambda x, length, align_corners: length - 1 - x,
        "that mirrors the whole row, and a point inside it stays where it is.",
    ),
    Mistake(
        "sign changed",
        lambda x, length, align_corners: -x,
        "only the sign is changed: a point inside the row stays where it is.",
    ),
    Mistake(
        "whole pixels first",
        lambda x, length, align_corners: reflect(x.floor(), length, align_corners),
        "the coordinates are rounded to whole pixels: a point keeps its fraction, or the sampler has nothing to weigh.",
    ),
    Mistake(
        "whole pixels last",
        lambda x, length, align_corners: reflect(x, length, align_corners).long(),
        "the coordinates are cut to whole pixels: a point keeps its fraction, or the sampler has nothing to weigh.",
    ),
    Mistake(
        "if of a tensor",
        lambda x, length, align_corners: -x if x < 0 else x,
        "`if` asks one number, and x holds many: torch.where chooses for each.",
    ),
    Mistake(
        "not moved back",
        lambda x, length, align_corners: back_and_forth(
            x - mirrors(length, align_corners)[0], mirrors(length, align_corners)[1]
        ),
        "with False all is half a pixel too far right: you measured from the left mirror, so add its place again at the end.",
    ),
    Mistake(
        "moved the wrong way",
        lambda x, length, align_corners: (
            back_and_forth(x + mirrors(length, align_corners)[0], mirrors(length, align_corners)[1])
            - mirrors(length, align_corners)[0]
        ),
        "the half pixel has the wrong sign: a point's distance from the left mirror is x minus the mirror's place.",
    ),
    Mistake(
        "mirrors exchanged",
        folded(lambda length, flag: mirrors(length, not flag)),
        "the mirrors stand in the wrong place: at the edges with align_corners=False, at the centres with True.",
    ),
    Mistake(
        "always centres",
        folded(lambda length, flag: mirrors(length, True)),
        "align_corners is ignored, the mirrors always stand at the outermost centres: where are they with False?",
    ),
    Mistake(
        "always edges",
        folded(lambda length, flag: mirrors(length, False)),
        "align_corners is ignored, the mirrors always stand at the outer edges: where are they with True?",
    ),
    Mistake(
        "edges from 0 to W",
        folded(lambda length, flag: mirrors(length, True) if flag else (0.0, float(length))),
        "with False your mirrors stand at 0 and W: pixel 0 has its centre at 0, so where is its left edge?",
    ),
    Mistake(
        "edges too near",
        folded(lambda length, flag: mirrors(length, True) if flag else (-0.5, length - 1.0)),
        "with False the distance of the mirrors is wrong: how many pixels wide is the row from edge to edge?",
    ),
    Mistake(
        "centres too far",
        folded(lambda length, flag: (0.0, float(length)) if flag else mirrors(length, False)),
        "with True the distance of the mirrors is wrong: how many steps lie between the first and the last centre?",
    ),
    Mistake(
        "mirrors at -1 and 1",
        folded(lambda length, flag: (-1.0, 2.0)),
        "your mirrors stand at -1 and 1: those are normalised coordinates, and x is in pixels.",
    ),
    Mistake(
        "clipped afterwards",
        lambda x, length, align_corners: reflect(x, length, align_corners).clamp(0, length - 1),
        "nearly: the half pixel between the last centre and the mirror belongs to the row. `pad_coordinates` clips it later.",
    ),
    Mistake(
        "whole pixels",
        lambda x, length, align_corners: reflect(x, length, align_corners).round(),
        "the coordinates are rounded to whole pixels: a point keeps its fraction, or the sampler has nothing to weigh.",
    ),
]


def check_reflect(function: Callable) -> Verdict:
    """`my_reflect(x, length, align_corners)`: pixel coordinates folded back between the mirrors of a row, gradients included.

    >>> check_reflect(lambda x, length, align_corners: x.clamp(0, length - 1)).message[:41]
    "that is 'border': the walker stops at the"
    """
    walk = torch.arange(-17.287, 19.0, 0.6)  # no point at a mirror, where there is a kink
    cases = [dict(x=walk, length=length, align_corners=flag) for length, flag in product((5, 4), (False, True))]
    verdict = compare(function, cases, reflect, REFLECT_MISTAKES, draw_walk)
    if not verdict.passed:
        return verdict
    gradients = compare_gradients(function, cases, reflect, REFLECT_MISTAKES, ("x",))
    return Verdict("passed", f"{verdict.message[:-1]}, and so do the gradients.") if gradients.passed else gradients
