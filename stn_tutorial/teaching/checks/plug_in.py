"""Exercise 2 of notebook 4, a transformer in front of any CNN: its wrong answers and its checker."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from .drawing import letters, side_by_side
from .verdict import NO_RETURN, Mistake, Verdict, agree, hint_of, raised, report_errors, untouched
from .wrong_transformers import OwnTransformer, SharedTheta, Unregistered, Unseen, own, random_start, transformer

MIXED = "grid and sampler mix two conventions, so that even the identity moves the picture: give both the same align_corners."
PLUG_MISTAKES = [
    Mistake("tanh", own(theta=torch.tanh), "tanh on theta squashes the 1 of the identity to 0.76: theta needs no bounds."),
    Mistake("grid by centres, sampler by edges", own(corners=(True, False)), MIXED),
    Mistake("grid by edges, sampler by centres", own(corners=(False, True)), MIXED),
    Mistake(
        "zero theta",
        own(bias=(0.0,) * 6),
        "theta starts at zero, and all points look at one place: which bias is the identity?",
    ),
    Mistake(
        "2x2 part first",
        own(bias=(1.0, 0, 0, 1, 0, 0)),
        "the bias is the identity in another order: theta is row by row, and each row ends with its shift.",
    ),
    Mistake(
        "random start",
        random_start,
        "an untrained transformer should change nothing: does the last layer of the localiser start at the identity?",
    ),
    Mistake(
        "logits changed",
        own(logits=lambda logits: logits.softmax(dim=1)),
        "the CNN sees the right pictures, but its answer is changed afterwards: hand it on as it is, without softmax.",
    ),
    Mistake(
        "more than logits",
        own(logits=lambda logits: (logits, logits)),
        "the model answers more than logits: whoever trains it expects what the CNN answers, and nothing else.",
    ),
    Mistake(
        "no transformer",
        lambda cnn, in_shape: cnn,
        "the model has no parameters besides the CNN's: where is the localisation network?",
    ),
    Mistake(
        "transformer without the CNN",
        lambda cnn, in_shape: transformer(in_shape),
        "the CNN is no part of the model: hand the warped pictures to it.",
    ),
    Mistake(
        "called, not built",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape), cnn)(torch.zeros(2, *in_shape)),
        "that is what a model answers: the model itself is wanted, a torch.nn.Module.",
    ),
    Mistake(
        "class, not model",
        lambda cnn, in_shape: OwnTransformer,
        "that is a class: make an object of it, the model itself is wanted.",
    ),
    Mistake(
        "function, not module",
        lambda cnn, in_shape: lambda images: cnn(transformer(in_shape)(images)),
        "that is a function, whose parameters no optimiser finds: a torch.nn.Module is wanted.",
    ),
    Mistake(
        "wrong order",
        lambda cnn, in_shape: nn.Sequential(cnn, transformer(in_shape)),
        "the transformer got the CNN's answer in place of pictures: which of the two comes first?",
    ),
    Mistake(
        "shape written down",
        lambda cnn, in_shape: nn.Sequential(transformer((1, 28, 28)), cnn),
        "it works for one shape of picture only: hand `in_shape` on to the localiser.",
    ),
    Mistake(
        "CNN unregistered",
        Unregistered,
        "the CNN's parameters are no part of the model: no optimiser will find them. Keep the CNN as an attribute, not in a list.",
    ),
    Mistake(
        "CNN copied",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape), copy.deepcopy(cnn)),
        "the model holds a copy of the CNN: its own parameters would never learn. Use the one that was handed in.",
    ),
    Mistake(
        "CNN frozen",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape), cnn.requires_grad_(False)),
        "the CNN is frozen: transformer and CNN learn together, so leave its requires_grad on.",
    ),
    Mistake(
        "transformer frozen",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape).requires_grad_(False), cnn),
        "the transformer is frozen: with requires_grad off, theta will never leave the identity.",
    ),
    Mistake(
        "answer detached",
        own(logits=lambda logits: logits.detach()),
        "the answer knows no gradient, so that nothing learns: is there a no_grad or detach around the model?",
    ),
    Mistake(
        "CNN sees the original",
        Unseen,
        "the CNN sees the pictures unwarped: is what the transformer answers handed to it?",
    ),
    Mistake(
        "theta detached",
        own(theta=lambda theta: theta.detach()),
        "no gradient reaches the localiser: something on the way cuts it, such as no_grad, detach, .data or numpy.",
    ),
    Mistake(
        "nearest",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape, mode="nearest"), cnn),
        "the gradient of the localiser is zero everywhere: does your sampler round its points? Nearest has no slope.",
    ),
    Mistake(
        "one theta for all",
        lambda cnn, in_shape: SharedTheta(cnn),
        "theta is the same for all pictures: a spatial transformer reads it off each one. Where does yours look at the picture?",
    ),
    Mistake(
        "mean theta of the batch",
        own(theta=lambda theta: theta.mean(0, keepdim=True).expand_as(theta)),
        "what happens to a picture depends on the others of its batch: each picture has a theta of its own.",
    ),
]


@dataclass
class Trial:
    """What a learner built for pictures of one shape, and what came out of it: an answer, or an error in words."""

    cnn: nn.Module
    images: Tensor
    logits: Tensor
    seen: list[Tensor]
    model: object
    answer: object = None

    def see(self, images: Tensor) -> Tensor:
        """What the CNN gets to see of these images."""
        self.seen.clear()
        self.model(images)
        return self.seen[-1]


def trial(function: Callable, in_shape: tuple[int, int, int]) -> Trial:
    """Build a model with a learner's function and show it the letter F, in four poses."""
    torch.manual_seed(0)
    cnn = nn.Sequential(nn.Conv2d(in_shape[0], 4, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    images, seen = letters(4, *in_shape), []
    logits = cnn(images).detach()
    cnn[0].register_forward_pre_hook(lambda layer, arguments: seen.append(arguments[0]))
    try:
        built = Trial(cnn, images, logits, seen, function(cnn, in_shape))
    except Exception as error:  # as in `report_errors`
        if untouched(error):
            raise
        return Trial(cnn, images, logits, seen, None, raised(error))
    if isinstance(built.model, nn.Module):
        try:
            built.answer = built.model.eval()(images)
        except Exception as error:  # as in `report_errors`
            built.answer = raised(error)
    return built


def what_was_built(built: Trial) -> str:
    """The name of the mistake in what was built, before it is used; "" if there is none."""
    if isinstance(built.model, type):
        return "class, not model"
    if not isinstance(built.model, nn.Module):
        return "called, not built" if isinstance(built.model, Tensor) else "function, not module"
    mine, held = list(built.cnn.parameters()), {id(p) for p in built.model.parameters()}
    added = [p for p in built.model.parameters() if all(p is not m for m in mine)]
    if not all(id(p) in held for p in mine):
        if any(torch.equal(p, mine[0]) for p in added):
            return "CNN copied"
        return "CNN unregistered" if built.seen else "transformer without the CNN"
    if not added:
        return "no transformer"
    if not all(p.requires_grad for p in mine):
        return "CNN frozen"
    return "" if any(p.requires_grad for p in added) else "transformer frozen"


def what_it_does(built: Trial) -> str:
    """The name of the mistake in a transformer that starts at the identity, found by shaking its parameters; "" if there is none."""
    mine = {id(p) for p in built.cnn.parameters()}
    added = [p for p in built.model.parameters() if id(p) not in mine]
    first, second = built.images[:1], built.images[1:2]
    moved = slope = looks = alone = False
    for strength in (0.1, 0.3, 1.0):
        with torch.no_grad():
            for p in added:
                p += strength * torch.randn(p.shape) / (p[0].numel() ** 0.5 if p.dim() > 1 else 10)
        seen = built.see(built.images)
        if agree(seen, built.images):
            continue
        moved = True
        if not seen.requires_grad:
            return "theta detached"
        weighted = (seen * torch.arange(seen.numel()).cos().view(seen.shape)).sum()
        trained = [p for p in added if p.requires_grad]
        slope = slope or any(g is not None and g.any() for g in torch.autograd.grad(weighted, trained, allow_unused=True))
        # one theta for all pictures makes a linear map of pictures
        looks = looks or not agree(built.see(first) + built.see(second), built.see(first + second))
        alone = alone or not agree(built.see(first), seen[:1])
    if not moved:
        return "CNN sees the original"
    if not slope:
        return "nearest"
    if not looks:
        return "one theta for all"
    return "mean theta of the batch" if alone else ""


def fault(built: Trial, in_shape: tuple[int, int, int]) -> Verdict | None:
    """The verdict on what a learner built for one shape of picture, None if nothing is wrong with it."""

    def failed(name: str) -> Verdict:
        return Verdict("failed", hint_of(PLUG_MISTAKES, name))

    if isinstance(built.answer, str):
        same = [m for m in PLUG_MISTAKES if trial(m.answer, in_shape).answer == built.answer]
        error = f"your code {built.answer}"
        return Verdict("failed", f"{same[0].hint} ({error})" if same else error)
    if built.model is None:
        return Verdict("failed", f"your function {NO_RETURN}")
    if name := what_was_built(built):
        return failed(name)
    if not isinstance(built.answer, Tensor):
        return failed("more than logits")
    if not built.seen:
        return failed("transformer without the CNN")
    seen = built.seen[-1].detach()
    if seen.shape != built.images.shape:
        return Verdict("failed", f"the CNN got pictures of shape {tuple(seen.shape)}, expected {tuple(built.images.shape)}")
    if not agree(seen, built.images):
        others = {m.name: trial(m.answer, in_shape).seen for m in PLUG_MISTAKES}
        same = [name for name, pictures in others.items() if pictures and agree(seen, pictures[-1])]
        what = "What the CNN sees of a letter F before any training"
        draw = partial(side_by_side, built.images[0, 0], seen[0, 0], what)
        return replace(failed(same[0] if same else "random start"), draw=draw)
    if not agree(built.answer, built.logits):
        return failed("logits changed")
    if not built.answer.requires_grad:
        return failed("answer detached")
    name = what_it_does(built)
    return failed(name) if name else None


@report_errors
def check_plug_in(function: Callable) -> Verdict:
    """`plug_in(cnn, in_shape)`: a model with an affine spatial transformer in front of `cnn`, starting as `cnn` itself.

    >>> check_plug_in(lambda cnn, in_shape: cnn).message[:36]
    'the model has no parameters besides '
    """
    for in_shape in ((1, 28, 28), (3, 32, 40)):
        if verdict := fault(trial(function, in_shape), in_shape):
            return verdict
    return Verdict("passed", "it starts as the CNN itself, looks at each picture, and the gradient reaches its localiser.")
