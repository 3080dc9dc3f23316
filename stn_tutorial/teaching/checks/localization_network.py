"""Exercise 1 of notebook 4, the start at the identity: its wrong answers and its checker."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...geometry.affine import Affine
from ...geometry.rotation import Rotation
from ...geometry.similarity import Similarity
from ...geometry.translation import Translation
from .verdict import Mistake, Verdict, agree, compare, hint_of, report_errors


def with_layer(weight: Callable, bias: Callable, trainable: bool = True) -> Callable:
    """A `my_start` that sets weight(layer, identity) and bias(layer, identity)."""

    def start(layer: nn.Linear, identity: Tensor) -> nn.Linear:
        layer.weight.data, layer.bias.data = weight(layer, identity), bias(layer, identity)
        return layer.requires_grad_(trainable)

    return start


def in_place_without_no_grad(layer: nn.Linear, identity: Tensor) -> nn.Linear:
    """Parameters are changed while autograd is watching."""
    layer.weight.fill_(0.0)
    layer.bias.copy_(identity)
    return layer


def tensors_for_parameters(layer: nn.Linear, identity: Tensor) -> nn.Linear:
    """Plain tensors are put where parameters belong."""
    layer.weight = torch.zeros_like(layer.weight)
    layer.bias = identity
    return layer


def number_for_weight(layer: nn.Linear, identity: Tensor) -> nn.Linear:
    """A number is put where a parameter belongs."""
    layer.weight = 0
    return layer


def weights_standing(layer: nn.Linear, identity: Tensor) -> nn.Linear:
    """The new weight has inputs first."""
    layer.weight = nn.Parameter(torch.zeros(layer.in_features, layer.out_features))
    layer.bias = nn.Parameter(identity)
    return layer


def random_weight(layer: nn.Linear, identity: Tensor) -> nn.Linear:
    """The weights are drawn anew, the bias is right."""
    nn.init.xavier_uniform_(layer.weight)
    layer.bias.data.copy_(identity)
    return layer


def untouched_weight(layer: nn.Linear, identity: Tensor) -> Tensor:
    return layer.weight.data


def zero_weight(layer: nn.Linear, identity: Tensor) -> Tensor:
    return torch.zeros_like(layer.weight.data)


def identity_bias(layer: nn.Linear, identity: Tensor) -> Tensor:
    return identity.clone()


SMALL = "theta still depends a little on the input: small weights are no zeros. Which weight makes the input irrelevant?"
START_MISTAKES = [
    Mistake(
        "bias only",
        with_layer(untouched_weight, identity_bias),
        "theta still depends on the input: the bias is right, the weights were not touched.",
    ),
    Mistake(
        "weights only",
        with_layer(zero_weight, lambda layer, identity: layer.bias.data),
        "the weights are zero, but the bias was not touched: what does the layer answer then?",
    ),
    Mistake(
        "all zero",
        with_layer(zero_weight, lambda layer, identity: torch.zeros_like(identity)),
        "weights and bias are zero: a theta of zero is no identity; an affine one shrinks the grid to one point.",
    ),
    Mistake(
        "all ones",
        with_layer(zero_weight, lambda layer, identity: torch.ones_like(identity)),
        "the bias is 1 everywhere: the family says what its identity is, take the argument.",
    ),
    Mistake(
        "not in place",
        lambda layer, identity: with_layer(zero_weight, identity_bias)(copy.deepcopy(layer), identity),
        "the layer that was handed in is as it was: change its weight and bias in place, as zero_ and copy_ do; new tensors and new layers "
        "help nobody who holds the old one.",
    ),
    Mistake(
        "added",
        with_layer(zero_weight, lambda layer, identity: layer.bias.data + identity),
        "the identity was added to what the bias was: put it in its place.",
    ),
    Mistake(
        "zeros of the bias, identity in the weights",
        with_layer(lambda layer, identity: identity[:, None].repeat(1, 12), lambda layer, identity: torch.zeros_like(identity)),
        "weights and bias are exchanged: which of the two is multiplied by the input?",
    ),
    Mistake(
        "identity in both",
        with_layer(lambda layer, identity: identity[:, None].repeat(1, 12), identity_bias),
        "the bias is right, the weights hold the identity, too: they are multiplied by the input.",
    ),
    Mistake(
        "multiplied",
        with_layer(zero_weight, lambda layer, identity: layer.bias.data * identity),
        "the bias was multiplied by the identity: put the identity in its place.",
    ),
    Mistake(
        "turned round",
        with_layer(zero_weight, lambda layer, identity: -identity),
        "the bias is the identity with its signs turned round: put it there as it is.",
    ),
    Mistake(
        "bias zero, weights as they were",
        with_layer(untouched_weight, lambda layer, identity: torch.zeros_like(identity)),
        "zero and identity are exchanged: the weights become zero, the bias becomes the identity.",
    ),
    Mistake(
        "an eye in the weights",
        with_layer(lambda layer, identity: torch.eye(*layer.weight.shape), lambda layer, identity: torch.zeros_like(identity)),
        "the weights are an identity *matrix*: wanted is the theta that changes nothing, and it stands in the bias.",
    ),
    Mistake(
        "an eye in the weights, identity in the bias",
        with_layer(lambda layer, identity: torch.eye(*layer.weight.shape), identity_bias),
        "the bias is right, the weights are an identity matrix: then features are added to theta. Which weight makes the input irrelevant?",
    ),
    Mistake(
        "random weights",
        random_weight,
        "the bias is right, the weights are still random: theta depends on the input. Which weight makes the input irrelevant?",
    ),
    Mistake(
        "weights one",
        with_layer(lambda layer, identity: torch.ones_like(layer.weight.data), identity_bias),
        "the bias is right, the weights are 1: then the sum of all features is added. Which weight makes the input irrelevant?",
    ),
    Mistake("weights halved", with_layer(lambda layer, identity: 0.5 * layer.weight.data, identity_bias), SMALL),
    Mistake("weights a hundredth", with_layer(lambda layer, identity: 0.01 * layer.weight.data, identity_bias), SMALL),
    Mistake(
        "tanh of the identity",
        with_layer(zero_weight, lambda layer, identity: identity.tanh()),
        "tanh(1) is no 1: the identity goes into the bias as it is, and nothing squashes it.",
    ),
    Mistake(
        "always affine",
        with_layer(zero_weight, lambda layer, identity: torch.tensor([1.0, 0, 0, 0, 1, 0])[: len(identity)]),
        "that is the affine identity for every family: take the argument.",
    ),
    Mistake(
        "2x2 part first",
        with_layer(zero_weight, lambda layer, identity: torch.tensor([1.0, 0, 0, 1, 0, 0])[: len(identity)]),
        "the bias has its ones in other places than the identity: take the argument as it is.",
    ),
    Mistake(
        "weights of the wrong shape",
        weights_standing,
        "the new weight has its axes exchanged: a linear layer keeps (outputs, inputs). Better fill the one that is there.",
    ),
    Mistake(
        "identity called",
        lambda layer, identity: layer.bias.data.copy_(identity()),
        "`identity` is a tensor already, not the family's method: hand it on without the parentheses.",
    ),
    Mistake(
        "identity as a matrix",
        lambda layer, identity: layer.bias.data.copy_(identity.view(2, 3)),
        "the bias is one row of numbers, shape (P,), and so is `identity`: no view is needed.",
    ),
    Mistake(
        "a number for a weight",
        number_for_weight,
        "a layer's weight must stay a parameter: fill the one that is there, instead of putting a number in its place.",
    ),
    Mistake(
        "eye(2, 3) for every family",
        lambda layer, identity: layer.bias.data.copy_(torch.eye(2, 3).flatten()),
        "torch.eye(2, 3) is the affine identity only: take the argument, other families have other identities.",
    ),
    Mistake(
        "without no_grad",
        in_place_without_no_grad,
        "parameters do not let themselves be changed while autograd is watching: see `torch.no_grad()`.",
    ),
    Mistake(
        "tensors for parameters",
        tensors_for_parameters,
        "a layer's weight must stay a parameter: fill the one that is there, instead of putting a tensor in its place.",
    ),
    Mistake(
        "frozen",
        with_layer(zero_weight, identity_bias, trainable=False),
        "the layer is frozen: with requires_grad off, theta will never leave the identity.",
    ),
]


def features() -> Tensor:
    """Eight inputs of a last layer, (8, 12)."""
    return torch.randn(8, 12, generator=torch.Generator().manual_seed(0))


def started_layer(function: Callable, family) -> nn.Linear:
    """A last layer after `my_start` changed it."""
    torch.manual_seed(0)
    layer = nn.Linear(12, family.num_params)
    function(layer, family.identity().clone())
    return layer


def started_theta(function: Callable) -> Callable:
    """What a layer answers to `features()` after `my_start`, as a function of the family."""
    return lambda family: started_layer(function, family)(features())


def weights_alone_wrong(function: Callable) -> bool:
    """Whether the bias is the identity, and the weights are whatever they are, not zero."""
    try:
        layer = started_layer(function, Affine())
    except Exception:  # whatever a learner's code raises has been reported
        return False
    return agree(layer.bias.detach(), Affine().identity()) and bool(layer.weight.any())


def named_random(verdict: Verdict) -> Verdict:
    """The same verdict with the hint for weights that are not zero in front."""
    return Verdict("failed", f"{hint_of(START_MISTAKES, 'random weights')} ({verdict.message})")


@report_errors
def check_start(function: Callable) -> Verdict:
    """`my_start(layer, identity)`: make a last linear layer answer `identity` for every input, in place, trainable.

    >>> check_start(lambda layer, identity: nn.init.zeros_(layer.weight)).message[:60]
    'the weights are zero, but the bias was not touched: what doe'
    """
    families = (Affine(), Similarity(), Rotation(), Translation())
    mistakes = [Mistake(mistake.name, started_theta(mistake.answer), mistake.hint) for mistake in START_MISTAKES]
    verdict = compare(
        started_theta(function),
        [dict(family=family) for family in families],
        lambda family: family.identity().expand(8, -1),
        mistakes,
    )
    if not verdict.passed:
        known = any(mistake.hint in verdict.message for mistake in mistakes)
        return verdict if known or not weights_alone_wrong(function) else named_random(verdict)
    layer = started_layer(function, Affine())
    if not layer.weight.requires_grad or not layer.bias.requires_grad:
        return Verdict("failed", hint_of(START_MISTAKES, "frozen"))
    return Verdict("passed", f"identity for {len(families)} families, whatever the input, and trainable.")
