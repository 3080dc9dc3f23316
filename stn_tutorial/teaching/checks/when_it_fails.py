"""Exercises of notebook 9, two nets with a bug: their wrong answers and their checkers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...geometry.affine import Affine
from ...networks.localization import FullyConnectedLocalizationNet
from ...networks.transformer import SpatialTransformer
from .verdict import Mistake, Verdict, compare, compare_gradients


def right_matrices(theta: Tensor) -> Tensor:
    """What `as_matrices` is to answer."""
    return theta.view(-1, 2, 3)


MIXED = "the numbers of different pictures are mixed: the batch is the first axis of what the localiser answers, and must stay the first."
MATRICES_MISTAKES = [
    Mistake("batch last", lambda theta: theta.view(2, 3, -1).permute(2, 0, 1), MIXED),
    Mistake("batch in the middle", lambda theta: theta.view(2, -1, 3).transpose(0, 1), MIXED),
    Mistake("six rows", lambda theta: theta.view(6, -1).T.reshape(-1, 2, 3), MIXED),
    Mistake(
        "column by column",
        lambda theta: theta.view(-1, 3, 2).mT,
        "theta is read column by column: its six numbers go row by row, (a11, a12, t_x) first.",
    ),
    Mistake(
        "three by two",
        lambda theta: theta.view(-1, 3, 2),
        "those are three rows of two: a matrix that maps (x, y, 1) to (x, y) has two rows of three.",
    ),
    Mistake(
        "2x2 part first",
        lambda theta: torch.cat([theta[:, :4].view(-1, 2, 2), theta[:, 4:, None]], dim=2),
        "the shift is taken from the end of theta: row by row, each row of the matrix ends with its own shift.",
    ),
    Mistake(
        "first theta for all",
        lambda theta: theta[:1].view(1, 2, 3).expand(len(theta), 2, 3),
        "every picture gets the theta of the first one: each has its own.",
    ),
    Mistake(
        "mean theta",
        lambda theta: theta.mean(dim=0).view(1, 2, 3).expand(len(theta), 2, 3),
        "every picture gets the mean theta of its batch: what happens to one must not depend on the others.",
    ),
    Mistake(
        "first picture only",
        lambda theta: theta[0].view(2, 3),
        "that is the matrix of the first picture alone: one for each is wanted, (N, 2, 3).",
    ),
    Mistake(
        "batch reversed",
        lambda theta: right_matrices(theta).flip(0),
        "the matrices are right, and in the wrong order: the first picture gets the theta of the last.",
    ),
    Mistake(
        "rows exchanged",
        lambda theta: right_matrices(theta).flip(1),
        "the two rows are exchanged: the first one makes x, the second y.",
    ),
    Mistake(
        "three rows",
        lambda theta: torch.cat([right_matrices(theta), torch.tensor([[[0.0, 0, 1]]]).expand(len(theta), 1, 3)], dim=1),
        "those are 3x3 matrices: theta is the first two rows, the last one is always 0 0 1.",
    ),
    Mistake(
        "not reshaped",
        lambda theta: theta,
        "theta came back as it was, (N, 6): matrices (N, 2, 3) are wanted.",
    ),
    Mistake(
        "shift left out",
        lambda theta: right_matrices(theta)[:, :, :2],
        "the last column is gone: it is the shift.",
    ),
    Mistake(
        "detached",
        lambda theta: right_matrices(theta.detach()),
        "no gradient reaches theta: detach, .data, .item() or a new tensor cut it.",
    ),
]


def check_as_matrices(function: Callable) -> Verdict:
    """`as_matrices(theta)`: what a localiser answers, (N, 6), as matrices (N, 2, 3).

    >>> check_as_matrices(lambda theta: theta.view(2, 3, -1).permute(2, 0, 1)).message[:49]
    'the numbers of different pictures are mixed: the '
    """
    generator = torch.Generator().manual_seed(0)
    cases = [dict(theta=torch.randn(n, 6, generator=generator)) for n in (1, 2, 3, 5)]
    verdict = compare(function, cases, right_matrices, MATRICES_MISTAKES)
    if not verdict.passed:
        return verdict
    gradients = compare_gradients(function, cases, right_matrices, MATRICES_MISTAKES, ("theta",))
    return verdict if gradients.passed else gradients


class TwoHeads(nn.Module):
    """A net for the second exercise: a transformer, a classifier, and a second head beside it."""

    def __init__(self):
        super().__init__()
        self.transformer = SpatialTransformer(FullyConnectedLocalizationNet((1, 4, 4), Affine(), hidden=4, depth=2), Affine())
        self.classifier, self.confidence = nn.Linear(16, 3), nn.Linear(16, 1)

    def __repr__(self) -> str:
        return "a net of transformer, classifier and confidence"


def localizer_and_rest(net: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters of the transformer's localiser, and all others."""
    mine = list(net.transformer.localization.parameters())
    return mine, [p for p in net.parameters() if all(p is not m for m in mine)]


def grouped(localizer: float, rest: float) -> Callable:
    """A `parameter_groups` with these multiples of the rate."""

    def groups(net: nn.Module, lr: float) -> list[dict]:
        mine, others = localizer_and_rest(net)
        return [{"params": mine, "lr": localizer * lr}, {"params": others, "lr": rest * lr}]

    return groups


right_groups = grouped(0.1, 1.0)


def rates_of(function: Callable) -> Callable:
    """What an optimiser makes of a function's groups: for each parameter of the net how often it is there, and its rate."""

    def rates(net: nn.Module, lr: float) -> Tensor | None:
        groups = function(net, lr)
        if groups is None:
            return None
        groups = [group if isinstance(group, dict) else {"params": [group]} for group in groups]
        table = torch.zeros(len(list(net.parameters())), 2)
        for group in groups:
            held = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
            for k, parameter in enumerate(net.parameters()):
                times = sum(parameter is one for one in held)
                table[k] += torch.tensor([times, times * group.get("lr", lr)])
        return table

    return rates


def of_parts(choose: Callable) -> Callable:
    """A `parameter_groups` whose localiser's and other parameters are thinned out by `choose(mine, others)`."""

    def groups(net: nn.Module, lr: float) -> list[dict]:
        mine, others = choose(*localizer_and_rest(net))
        return [{"params": mine, "lr": lr / 10}, {"params": others, "lr": lr}]

    return groups


GROUPS_MISTAKES = [
    Mistake(
        "classifier alone",
        lambda net, lr: [{"params": net.classifier.parameters(), "lr": lr}],
        "the localiser is in no group: its gradient arrives, and no step is ever taken with it.",
    ),
    Mistake(
        "localiser left out",
        of_parts(lambda mine, others: ([], others)),
        "the localiser is missing, so that theta stays where it began: which part of the net chooses it?",
    ),
    Mistake(
        "a head left out",
        lambda net, lr: [
            {"params": net.transformer.parameters(), "lr": lr / 10},
            {"params": net.classifier.parameters(), "lr": lr},
        ],
        "a part of the net is in no group: take all parameters that are not the localiser's, not the parts you can name.",
    ),
    Mistake(
        "localiser alone",
        of_parts(lambda mine, others: (mine, [])),
        "only the localiser learns: what reads the picture must learn, too.",
    ),
    Mistake(
        "localiser twice",
        lambda net, lr: [
            {"params": net.transformer.parameters(), "lr": lr / 10},
            {"params": net.parameters(), "lr": lr},
        ],
        "the localiser's parameters stand in both groups: an optimiser refuses that. The second group is for the others.",
    ),
    Mistake("all alike", grouped(1.0, 1.0), "all learn at the same rate: the localiser is to have a tenth of it."),
    Mistake("all slow", grouped(0.1, 0.1), "all learn at a tenth of the rate: only the localiser is to be that slow."),
    Mistake("rates exchanged", grouped(1.0, 0.1), "the rates are exchanged: the localiser is to be the slow one."),
    Mistake("ten times", grouped(10.0, 1.0), "the localiser learns ten times as fast: a tenth of the rate is wanted."),
    Mistake("a hundredth", grouped(0.01, 1.0), "the localiser has a hundredth of the rate: a tenth is wanted."),
    Mistake(
        "frozen",
        grouped(0.0, 1.0),
        "the localiser's rate is 0: its gradient arrives, and no step is taken with it.",
    ),
    Mistake(
        "rates written down",
        lambda net, lr: grouped(0.1 / lr, 1.0 / lr)(net, lr),
        "lr is not used: the groups' rates are lr / 10 and lr, whatever it is.",
    ),
    Mistake(
        "last layer only",
        of_parts(lambda mine, others: (mine[-2:], others)),
        "only the last layer of the localiser is there: the layers below it look at the picture, and must learn as well.",
    ),
    Mistake(
        "weights only",
        of_parts(lambda mine, others: ([p for p in mine if p.dim() > 1], [p for p in others if p.dim() > 1])),
        "the biases are missing: `named_parameters` that end in 'weight' are not all.",
    ),
]


def check_parameter_groups(function: Callable) -> Verdict:
    """`parameter_groups(net, lr)`: groups for an optimiser, the localiser with a tenth of the rate, each parameter once.

    >>> check_parameter_groups(lambda net, lr: net.parameters()).message[:31]
    'all learn at the same rate: the'
    """
    torch.manual_seed(0)
    cases = [dict(net=TwoHeads(), lr=lr) for lr in (0.1, 0.02)]
    mistakes = [Mistake(m.name, rates_of(m.answer), m.hint) for m in GROUPS_MISTAKES]
    return compare(rates_of(function), cases, rates_of(right_groups), mistakes)
