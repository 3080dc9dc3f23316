"""What all checkers share: a verdict, the catalogue's entries, and comparing what a learner wrote with what was wanted."""

import copy
import functools
import html
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..picture import Picture

NOT_TRIED = "not tried yet"
NO_RETURN = "returned None: is a `return` missing at its end?"
TOLERANCE = 1e-4
COMMON_ERRORS = {  # what Python or torch says -> what has probably happened
    "only one element tensors": "the functions of `math` take one number, those of torch take a whole tensor",
    "values to unpack": "a tensor is unpacked along its first dimension, here the batch: `unbind(dim=1)` goes along its second",
    "must match the size of tensor": "two shapes do not fit together: `[:, None]` adds a dimension along which one is repeated",
    "batches of square matrices": "the 2x2 part alone has a determinant, an inverse and eigenvalues",
    "is invalid for input of size": "the numbers do not fill that shape: the last block may be short",
    "'NoneType' object has no attribute 'append'": "`append` changes its list and returns None: do not assign what it returns",
}


@dataclass(frozen=True)
class Verdict:
    """What a checker found: status ("passed", "failed" or "not tried yet"), a message, and perhaps a picture, drawn when asked for.

    >>> verdict = Verdict("failed", "expected 1, got 2")
    >>> verdict
    failed: expected 1, got 2
    >>> verdict.passed
    False
    """

    status: str
    message: str
    draw: Callable[[], Picture] | None = None

    @functools.cached_property
    def picture(self) -> Picture | None:
        return self.draw() if self.draw else None

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def __repr__(self) -> str:
        return self.message if self.status == NOT_TRIED else f"{self.status}: {self.message}"

    def _repr_html_(self) -> str:
        text = html.escape(repr(self))
        return f"<p>{text}</p>{self.picture.html() if self.picture else ''}"


@dataclass(frozen=True)
class Mistake:
    """A well-known wrong answer: a short name, the function that a learner would write, and the hint that it deserves.

    >>> Mistake("other way", lambda x: -x, "it moves the other way").answer(2)
    -2
    """

    name: str
    answer: Callable
    hint: str


def hint_of(mistakes: list[Mistake], name: str) -> str:
    """The hint of the mistake with this name; KeyError if there is none."""
    return {mistake.name: mistake.hint for mistake in mistakes}[name]


def with_also(mistakes: list[Mistake], names: tuple[str, ...], change: Callable, also: str) -> list[Mistake]:
    """Copies of the named mistakes, each with a second mistake on top: `change` of the wrong answer; `also` says what it is."""

    def doubled(mistake: Mistake) -> Mistake:
        return Mistake(
            f"{mistake.name}, and {also}",
            lambda **case: change(mistake.answer(**case)),
            f"two things: {mistake.hint} And {also}.",
        )

    return [doubled(mistake) for mistake in mistakes if mistake.name in names]


def report_errors(check: Callable[[Callable], Verdict]) -> Callable[[Callable], Verdict]:
    """An untouched stub becomes "not tried yet", any other error in what a learner built becomes a verdict."""

    @functools.wraps(check)
    def checked(function: Callable) -> Verdict:
        try:
            return check(function)
        except Exception as error:  # whatever a learner's code raises is an answer to report, never to swallow
            return Verdict(NOT_TRIED, NOT_TRIED) if untouched(error) else Verdict("failed", f"your code {raised(error)}")

    return checked


def untouched(error: Exception) -> bool:
    """Whether an error is that of an exercise's stub; torch's own NotImplementedErrors have something to say."""
    return isinstance(error, NotImplementedError) and not error.args


def raised(error: Exception) -> str:
    """An error in words, with its usual reason if there is one."""
    reason = next((reason for words, reason in COMMON_ERRORS.items() if words in str(error)), "")
    return f"raised {type(error).__name__}: {error}{f' ({reason})' if reason else ''}"


def outcome(function: Callable, case: dict) -> Tensor | str:
    """What a function makes of one case: its answer as a double tensor, or in words what came instead.

    The arguments are copies. The error of an untouched stub passes through.
    """
    try:
        answer = function(**copy.deepcopy(case))
    except Exception as error:  # as in `report_errors`
        if untouched(error):
            raise
        return raised(error)
    if answer is None:
        return NO_RETURN
    numbers = as_tensor(answer)
    return f"returned a {type(answer).__name__} that is no tensor of real numbers" if numbers is None else numbers


def gradients(function: Callable, case: dict, names: tuple[str, ...]) -> Tensor | str:
    """The gradients of a weighted sum of a function's answer by the named arguments, in one row; NaN where none arrives."""
    leaves = {name: case[name].clone().requires_grad_() for name in names}
    nothing = torch.full((sum(leaf.numel() for leaf in leaves.values()),), math.nan)
    try:
        answer = function(**copy.deepcopy({k: v for k, v in case.items() if k not in leaves}), **leaves)
        if not isinstance(answer, Tensor) or not answer.requires_grad:
            return nothing
        weights = torch.arange(answer.numel()).cos().view(answer.shape).to(answer.dtype)
        found = torch.autograd.grad((answer * weights).sum(), list(leaves.values()), allow_unused=True)
    except Exception as error:  # as in `report_errors`
        return raised(error)
    parts = zip(leaves.values(), found, strict=True)
    return torch.cat([(torch.full_like(leaf, math.nan) if g is None else g).flatten() for leaf, g in parts])


def describe(case: dict) -> str:
    """A case in words: large tensors by their shape, long lists by their length, everything else by value."""

    def words(name: str, value) -> str:
        if isinstance(value, Tensor) and value.numel() > 6:
            return f"{name} of shape {tuple(value.shape)}"
        if isinstance(value, list) and len(value) > 6:
            return f"{len(value)} {name}"
        return f"{name}={getattr(value, '__name__', value)}"

    return ", ".join(words(*pair) for pair in case.items())


def as_tensor(answer) -> Tensor | None:
    """A learner's answer as a double tensor, or None if it is no real numbers at all."""
    try:
        numbers = torch.as_tensor(answer).detach()
    except (TypeError, ValueError, RuntimeError):
        return None
    return None if numbers.is_complex() else numbers.double()


def agree(answer: Tensor | str, wanted: Tensor | str) -> bool:
    """Whether two outcomes are the same: the same words but for numbers in them, or the same shape and values."""
    if isinstance(answer, str) or isinstance(wanted, str):
        return isinstance(answer, str) and isinstance(wanted, str) and without_numbers(answer) == without_numbers(wanted)
    # no oracle answers NaN, but some well-known mistakes do
    return answer.shape == wanted.shape and torch.allclose(
        answer.double(), wanted.double(), atol=TOLERANCE, rtol=TOLERANCE, equal_nan=True
    )


def without_numbers(words: str) -> str:
    """An error's words without its numbers: which index was the first one out of bounds is another matter each time."""
    return re.sub(r"-?\d+", "#", words)


def compare(
    function: Callable,
    cases: list[dict],
    oracle: Callable,
    mistakes: list[Mistake],
    draw: Callable[[dict, Tensor, Tensor], Picture] | None = None,
    tidy: Callable[[Tensor], Tensor] = lambda answer: answer,
) -> Verdict:
    """Compare a learner's function with the oracle on all cases; a wrong one is compared with the mistakes to find its hint.

    draw: a picture of a case, what was wanted and what came. tidy: brings answers that are written in different ways to one.
    """

    def observe(function: Callable, case: dict) -> Tensor | str:
        answer = outcome(function, case)
        return answer if isinstance(answer, str) else tidy(answer)

    try:
        answers = [observe(function, case) for case in cases]
    except NotImplementedError:
        return Verdict(NOT_TRIED, NOT_TRIED)
    wanted = [observe(oracle, case) for case in cases]
    wrong = [k for k in range(len(cases)) if not agree(answers[k], wanted[k])]
    if not wrong:
        return Verdict("passed", f"all {len(cases)} cases agree.")
    case, answer, target = cases[wrong[0]], answers[wrong[0]], wanted[wrong[0]]
    found, hint = difference(answer, target, case), named(answers, cases, mistakes, observe)
    if not hint and len(wrong) < len(cases):
        found += f"; {len(cases) - len(wrong)} of {len(cases)} cases agree"
    drawable = draw is not None and not isinstance(answer, str) and answer.shape == target.shape
    picture = functools.partial(draw, case, target, answer) if drawable else None
    return Verdict("failed", f"{hint} ({found})" if hint else found, picture)


def compare_gradients(
    function: Callable, cases: list[dict], oracle: Callable, mistakes: list[Mistake], by: tuple[str, ...]
) -> Verdict:
    """The same for the gradients of a function whose values are right, by the arguments named in `by`."""

    def observe(function: Callable, case: dict) -> Tensor | str:
        return gradients(function, case, by)

    answers = [observe(function, case) for case in cases]
    if all(agree(answer, observe(oracle, case)) for answer, case in zip(answers, cases, strict=True)):
        return Verdict("passed", f"the gradients of {len(cases)} cases agree.")
    hint = named(answers, cases, mistakes, observe)
    error = f" (your function {answers[0]})" if isinstance(answers[0], str) else ""
    return Verdict("failed", f"the values are right, the gradients are not{': ' if hint else ''}{hint}{error}")


def named(answers: list, cases: list[dict], mistakes: list[Mistake], observe: Callable) -> str:
    """The hint of the first mistake that does the same as the learner's function in every case, or ""."""
    for mistake in mistakes:
        if all(agree(answer, observe(mistake.answer, case)) for answer, case in zip(answers, cases, strict=True)):
            return mistake.hint
    return ""


def difference(answer: Tensor | str, wanted: Tensor, case: dict) -> str:
    """What was expected and what came, in one sentence."""
    if answer == NO_RETURN:
        return f"your function {answer}"
    if isinstance(answer, str):
        return f"your function {answer}, for {describe(case)}"
    if answer.shape != wanted.shape:
        return f"expected shape {tuple(wanted.shape)} for {describe(case)}, got {tuple(answer.shape)}"
    gap = (answer - wanted).abs().nan_to_num(nan=math.inf)
    place = () if wanted.dim() == 0 else tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    where = f" at index {', '.join(map(str, place))}" if place else ""
    return f"expected {wanted[place].item():.4f}{where} for {describe(case)}, got {answer[place].item():.4f}"
