"""Exercise 2 of notebook 4, a transformer in front of any CNN: its checker."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from ...geometry.affine import Affine
from ...networks.transformer import SpatialTransformer
from .drawing import letters, side_by_side
from .plug_in_mistakes import PLUG_MISTAKES
from .verdict import NO_RETURN, Verdict, agree, hint_of, raised, report_errors, untouched


@dataclass
class Trial:
    """What a learner built for pictures of one shape, and what came out of it: an answer, or an error in words."""

    cnn: nn.Module
    images: Tensor
    logits: Tensor
    seen: list[Tensor]
    model: object
    answer: object = None
    times: int = 0  # that the CNN was asked

    def see(self, images: Tensor) -> Tensor:
        """What the CNN gets to see of these images."""
        self.seen.clear()
        self.model(images)
        return self.seen[-1]

    def see_in_training(self, images: Tensor) -> Tensor:
        """The same in training mode."""
        self.model.train()
        try:
            return self.see(images)
        finally:
            self.model.eval()


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
            built.times = len(seen)
        except Exception as error:  # as in `report_errors`
            built.answer = raised(error)
    return built


def what_was_built(built: Trial) -> str:
    """The name of the mistake in what was built, before it is used; "" if there is none."""
    if isinstance(built.model, type):
        return "class, not model"
    if not isinstance(built.model, nn.Module):
        if isinstance(built.model, list | tuple):
            return "list, not model"
        return "called, not built" if isinstance(built.model, Tensor) else "function, not module"
    mine, held = list(built.cnn.parameters()), {id(p) for p in built.model.parameters()}
    added = [p for p in built.model.parameters() if all(p is not m for m in mine)]
    if not all(id(p) in held for p in mine):
        if any(torch.equal(p, mine[0]) for p in added):
            return "CNN copied"
        return "CNN unregistered" if built.seen else "transformer without the CNN"
    if not added:
        return "no transformer"
    transformers = [part for part in built.model.modules() if isinstance(part, SpatialTransformer)]
    if any(not isinstance(part.family, Affine) for part in transformers):
        return "another family"
    if not all(p.requires_grad for p in mine):
        return "CNN frozen"
    return "" if any(p.requires_grad for p in added) else "transformer frozen"


def what_it_does(built: Trial) -> str:
    """The name of the mistake in a transformer that starts at the identity, found by shaking its parameters; "" if there is none."""
    mine = {id(p) for p in built.cnn.parameters()}
    added = [p for p in built.model.parameters() if id(p) not in mine]
    first, second = built.images[:1], built.images[1:2]
    moved = slope = looks = first_changes = second_changes = False
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
        first_changes = first_changes or not agree(built.see(first), seen[:1])
        second_changes = second_changes or not agree(built.see(second), seen[1:2])
    if not moved:
        return "CNN sees the original"
    if not slope:
        return "nearest"
    if not looks:
        return "one theta for all"
    if first_changes:
        return "mean theta of the batch"
    return "theta of the first picture" if second_changes else ""


def fault(built: Trial, in_shape: tuple[int, int, int]) -> Verdict | None:
    """The verdict on what a learner built for one shape of picture, None if nothing is wrong with it."""

    def failed(name: str) -> Verdict:
        return Verdict("failed", hint_of(PLUG_MISTAKES, name))

    if isinstance(built.answer, str):
        answers = {m.hint: trial(m.answer, in_shape).answer for m in PLUG_MISTAKES}
        same = [hint for hint, answer in answers.items() if isinstance(answer, str) and agree(answer, built.answer)]
        error = f"your code {built.answer}"
        return Verdict("failed", f"{same[0]} ({error})" if same else error)
    if built.model is None:
        return Verdict("failed", f"your function {NO_RETURN}")
    if name := what_was_built(built):
        return failed(name)
    if built.answer is None:
        return failed("nothing returned")
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
    if built.times > 1:
        return failed("CNN asked twice")
    if not agree(built.answer, built.logits):
        return failed("logits changed")
    if not agree(built.see_in_training(built.images), built.images):
        return failed("dropout on theta")
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
