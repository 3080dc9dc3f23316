"""Exercise 2 of notebook 5, the circular spread: its wrong answers and its checker."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...training.metrics import circular_spread
from .rotated_mnist import within_half_a_turn
from .verdict import Mistake, Verdict, compare


def right_spread(angles: Tensor) -> float:
    """What `spread_degrees` is to answer."""
    return math.degrees(circular_spread(angles.double().deg2rad()))


def mean_vector(angles: Tensor) -> Tensor:
    """The mean of the unit vectors of angles in degrees: (2,), its cosine and its sine part."""
    radians = angles.double().deg2rad()
    return torch.stack([radians.cos().mean(), radians.sin().mean()])


def length(angles: Tensor) -> Tensor:
    """R, the length of the mean vector of angles in degrees."""
    return mean_vector(angles).norm()


def direction(angles: Tensor) -> Tensor:
    """The direction of the mean vector of angles in degrees, in degrees."""
    cosine, sine = mean_vector(angles)
    return torch.atan2(sine, cosine).rad2deg()


ORDINARY = "that is the ordinary standard deviation: for it, -179 and 179 degrees lie far apart. Where does it differ most?"
NOT_A_NUMBER = "that is NaN, the root of a negative number: is R a mean, between 0 and 1? And which sign has its logarithm?"
SPREAD_MISTAKES = [
    Mistake("ordinary", lambda angles: angles.double().std(), ORDINARY),
    Mistake("ordinary, of the whole population", lambda angles: angles.double().std(correction=0), ORDINARY),
    Mistake(
        "variance",
        lambda angles: angles.double().var(),
        "that is the ordinary variance: neither its root nor the circle is taken into account.",
    ),
    Mistake(
        "mean distance from the mean",
        lambda angles: (angles.double() - angles.double().mean()).abs().mean(),
        "that is the mean distance from the ordinary mean, which does not know that -179 and 179 degrees are neighbours.",
    ),
    Mistake("radians", lambda angles: math.radians(right_spread(angles)), "that is in radians: convert back to degrees."),
    Mistake(
        "1 - R",
        lambda angles: 1 - length(angles),
        "that is 1 - R, the circular variance, a number between 0 and 1: the spread is made of the logarithm of R.",
    ),
    Mistake(
        "1 - R in degrees",
        lambda angles: (1 - length(angles)).rad2deg(),
        "that is 1 - R, the circular variance, which is no angle: the spread is made of the logarithm of R.",
    ),
    Mistake(
        "R itself",
        length,
        "that is R itself, which is 1 when all angles are equal: the spread is made of its logarithm.",
    ),
    Mistake(
        "angular deviation",
        lambda angles: (2 * (1 - length(angles))).sqrt().rad2deg(),
        "that is the angular deviation, made of 1 - R: near for small spreads only. Here the logarithm of R is wanted.",
    ),
    Mistake(
        "square root forgotten",
        lambda angles: (-2 * length(angles).log()).rad2deg(),
        "the square root is forgotten: what you have is a variance.",
    ),
    Mistake(
        "square root forgotten, radians",
        lambda angles: -2 * length(angles).log(),
        "two things: the square root is forgotten, and what comes out of it is in radians.",
    ),
    Mistake(
        "root of degrees",
        lambda angles: (-2 * length(angles).log()).rad2deg().sqrt(),
        "the root comes last: take it in radians, and convert then.",
    ),
    Mistake(
        "2 forgotten",
        lambda angles: (-length(angles).log()).sqrt().rad2deg(),
        "a factor under the root is missing: all your spreads are too small by the same share.",
    ),
    Mistake(
        "minus forgotten",
        lambda angles: (2 * length(angles).log()).sqrt().rad2deg(),
        NOT_A_NUMBER,
    ),
    Mistake(
        "logarithm of base 10",
        lambda angles: (-2 * length(angles).log10()).sqrt().rad2deg(),
        "that is the logarithm of base 10: the natural one is wanted.",
    ),
    Mistake(
        "R squared",
        lambda angles: (-2 * (length(angles) ** 2).log()).sqrt().rad2deg(),
        "R is the length of the mean vector: your R is the square of it. Is a root missing there?",
    ),
    Mistake(
        "sum for mean",
        lambda angles: (-2 * (len(angles) * length(angles)).log()).sqrt().rad2deg(),
        NOT_A_NUMBER,
    ),
    Mistake(
        "mean of the lengths",
        lambda angles: 0.0,
        "that is 0: each vector has length 1. First the mean of the vectors, then the length of it.",
    ),
    Mistake(
        "cosine only",
        lambda angles: (-2 * mean_vector(angles)[0].abs().log()).sqrt().rad2deg(),
        "your R is made of the cosines only: a vector has a sine, too.",
    ),
    Mistake(
        "degrees in cos and sin",
        lambda angles: math.degrees(circular_spread(angles.double())),
        "cos and sin were given degrees and take radians.",
    ),
    Mistake(
        "degrees in cos and sin, not converted back",
        lambda angles: circular_spread(angles.double()),
        "cos and sin were given degrees and take radians, and what comes out of the root is in radians, too.",
    ),
    Mistake(
        "list of one",
        lambda angles: [right_spread(angles)],
        "the number is right, the shape is not: one plain number is wanted, no list.",
    ),
    Mistake(
        "sum of the two means",
        lambda angles: (-2 * mean_vector(angles).sum().log()).sqrt().rad2deg(),
        "the length of a vector is the root of the sum of its squares, not the sum of its parts.",
    ),
    Mistake(
        "sum of the sizes of the two means",
        lambda angles: (-2 * mean_vector(angles).abs().sum().log()).sqrt().rad2deg(),
        "the length of a vector is the root of the sum of its squares, not the sum of their sizes.",
    ),
    Mistake(
        "sine only",
        lambda angles: (-2 * mean_vector(angles)[1].abs().log()).sqrt().rad2deg(),
        "your R is made of the sines only: a vector has a cosine, too.",
    ),
    Mistake(
        "wrong way at the start",
        lambda angles: math.degrees(circular_spread(angles.double().rad2deg())),
        "the first conversion runs the wrong way: cos and sin take radians, and the angles come in degrees.",
    ),
    Mistake(
        "wrong way at the end",
        lambda angles: math.radians(math.radians(right_spread(angles))),
        "the last conversion runs the wrong way: the root is in radians, and degrees are wanted.",
    ),
    Mistake(
        "times 180",
        lambda angles: 180 * math.radians(right_spread(angles)),
        "180 degrees are pi radians, not one: `rad2deg` or `math.degrees` converts.",
    ),
    Mistake(
        "root of 1 - R",
        lambda angles: (1 - length(angles)).sqrt().rad2deg(),
        "that is made of 1 - R, which is near to minus the logarithm of R for small spreads only; and a 2 is missing.",
    ),
    Mistake(
        "arc cosine of R",
        lambda angles: length(angles).acos().rad2deg(),
        "the arc cosine of R is near for small spreads only: the logarithm of R is wanted.",
    ),
    Mistake(
        "2 divides",
        lambda angles: (-length(angles).log() / 2).sqrt().rad2deg(),
        "the 2 multiplies the logarithm: in your answer it divides.",
    ),
    Mistake(
        "minus outside",
        lambda angles: -right_spread(angles),
        "no spread is negative: the minus belongs under the root.",
    ),
    Mistake(
        "logarithm of base 2",
        lambda angles: (-2 * length(angles).log2()).sqrt().rad2deg(),
        "that is the logarithm of base 2: the natural one is wanted.",
    ),
    Mistake(
        "mean direction",
        lambda angles: direction(angles),
        "that is the mean direction: how far the angles lie around it is asked.",
    ),
    Mistake(
        "ordinary, around the mean direction",
        lambda angles: within_half_a_turn(angles.double() - direction(angles)).std(),
        "the ordinary deviation around the mean direction is near, and not the same for wide spreads: R is wanted.",
    ),
    Mistake(
        "ordinary, from 0 to 360",
        lambda angles: (angles.double() % 360).std(),
        "from 0 to 360 the seam lies elsewhere, at 0, and 1 and 359 degrees lie far apart: think of vectors.",
    ),
    Mistake(
        "range",
        lambda angles: angles.max() - angles.min(),
        "that is the range: the circle is not taken into account, and two angles alone decide it.",
    ),
]


def check_spread_degrees(function: Callable) -> Verdict:
    """`spread_degrees(angles)`: circular standard deviation of angles (N,), in degrees and out in degrees.

    >>> check_spread_degrees(lambda angles: angles.std()).message[:41]
    'that is the ordinary standard deviation: '
    """
    generator = torch.Generator().manual_seed(0)
    middles = ((5, 0), (20, 90), (10, 180), (50, -170))
    cases = [dict(angles=torch.randn(200, generator=generator) * sd + middle) for sd, middle in middles]
    cases = [dict(angles=within_half_a_turn(case["angles"])) for case in cases]
    return compare(function, cases, right_spread, SPREAD_MISTAKES)
