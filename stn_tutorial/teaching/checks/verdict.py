"""What all checkers share: a verdict in words and as a picture, and comparing what a learner wrote with what was wanted."""

import copy
import functools
import html
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ..picture import Picture, panel, picture

NOT_TRIED = "not tried yet"
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Verdict:
    """What a checker found: status ("passed", "failed" or "not tried yet"), a message, and perhaps a picture."""

    status: str
    message: str
    picture: Picture | None = None

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def __repr__(self) -> str:
        return self.message if self.status == NOT_TRIED else f"{self.status}: {self.message}"

    def _repr_html_(self) -> str:
        text = html.escape(repr(self))
        return f"<p>{text}</p>{self.picture.html() if self.picture else ''}"


def attempt(function: Callable, case: dict) -> tuple[object, Verdict | None]:
    """Call the learner's function on one case: its answer, or the verdict if there is none."""
    try:
        answer = function(**{key: copy.deepcopy(value) for key, value in case.items()})
    except NotImplementedError:
        return None, Verdict(NOT_TRIED, NOT_TRIED)
    except Exception as error:  # whatever a learner's code raises is an answer to report, never to swallow
        return None, Verdict("failed", f"your function raised {type(error).__name__}: {error}, for {describe(case)}")
    if answer is None:
        return None, Verdict(NOT_TRIED, NOT_TRIED)
    return answer, None


def report_errors(check: Callable[[Callable], Verdict]) -> Callable[[Callable], Verdict]:
    """For checkers that use what the learner built: an error in it becomes a verdict, as in `attempt`."""

    @functools.wraps(check)
    def checked(function: Callable) -> Verdict:
        try:
            return check(function)
        except NotImplementedError:
            return Verdict(NOT_TRIED, NOT_TRIED)
        except Exception as error:  # whatever a learner's code raises is an answer to report, never to swallow
            return Verdict("failed", f"your code raised {type(error).__name__}: {error}")

    return checked


def describe(case: dict) -> str:
    """A case in words: tensors by their shape, everything else by value."""
    words = (
        f"{k} of shape {tuple(v.shape)}" if isinstance(v, Tensor) and v.numel() > 6 else f"{k}={getattr(v, '__name__', v)}"
        for k, v in case.items()
    )
    return ", ".join(words)


def as_tensor(answer) -> Tensor | None:
    """A learner's answer as a double tensor, or None if it is no numbers at all."""
    try:
        return torch.as_tensor(answer).detach().double()
    except (TypeError, ValueError, RuntimeError):
        return None


def agree(answer, wanted) -> bool:
    """Whether an answer has the wanted shape and values."""
    answer, wanted = as_tensor(answer), as_tensor(wanted)
    return (
        answer is not None
        and answer.shape == wanted.shape
        # no oracle answers NaN, but some well-known mistakes do
        and torch.allclose(answer, wanted, atol=TOLERANCE, rtol=TOLERANCE, equal_nan=True)
    )


def compare(
    function: Callable,
    cases: list[dict],
    oracle: Callable,
    mistakes: dict[str, Callable],
    draw: Callable[[dict, Tensor, Tensor], Picture] | None = None,
) -> Verdict:
    """Compare a learner's function with the oracle on all cases, and a wrong one with well-known mistakes."""
    answers = []
    for case in cases:
        answer, verdict = attempt(function, case)
        if verdict:
            return verdict
        answers.append(answer)
    wanted = [oracle(**case) for case in cases]
    wrong = [k for k in range(len(cases)) if not agree(answers[k], wanted[k])]
    if not wrong:
        return Verdict("passed", f"all {len(cases)} cases agree.")
    first = wrong[0]
    message = difference(answers[first], as_tensor(wanted[first]), cases[first])
    for hint, mistake in mistakes.items():
        if all(agree(answer, mistake(**case)) for answer, case in zip(answers, cases, strict=True)):
            message = f"{hint} ({message})"
            break
    answer = as_tensor(answers[first])
    drawable = draw is not None and answer is not None and answer.shape == as_tensor(wanted[first]).shape
    return Verdict("failed", message, draw(cases[first], as_tensor(wanted[first]), answer) if drawable else None)


def difference(answer, wanted: Tensor, case: dict) -> str:
    """What was expected and what came, in one sentence."""
    answer = as_tensor(answer)
    if answer is None:
        return f"expected numbers of shape {tuple(wanted.shape)} for {describe(case)}, got something that is no tensor"
    if answer.shape != wanted.shape:
        return f"expected shape {tuple(wanted.shape)} for {describe(case)}, got {tuple(answer.shape)}"
    gap = (answer - wanted).abs().nan_to_num(nan=math.inf)
    place = () if wanted.dim() == 0 else tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    where = f" at index {place}" if place else ""
    return f"expected {wanted[place].item():.4f}{where} for {describe(case)}, got {answer[place].item():.4f}"


def letter_f(height: int = 20, width: int = 20) -> Tensor:
    """The letter F, (1, height, width) in [0, 1]: no turn and no mirror leaves it as it is."""
    image = torch.zeros(1, height, width)
    image[0, height // 5 : -height // 5, width // 3 : width // 3 + 2] = 1
    image[0, height // 5 : height // 5 + 2, width // 3 : -width // 4] = 1
    image[0, height // 2 - 1 : height // 2 + 1, width // 3 : -width // 3] = 0.8
    return image


def side_by_side(wanted: Tensor, answer: Tensor, what: str) -> Picture:
    """Two images (H, W), scaled alike: target and yours, with the pixel that differs most marked."""
    low, high = float(wanted.min()), float(wanted.max())
    scale = (high - low) or 1.0
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    axes = figure.subplots(1, 2)
    for a, image, title in zip(axes, (wanted, answer), ("target", "yours"), strict=True):
        panel(a, (image.nan_to_num() - low) / scale, title)
    gap = (wanted - answer).abs().nan_to_num(nan=math.inf)
    row, column = (int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    for a in axes:
        a.plot(column, row, "s", markersize=9, markerfacecolor="none", markeredgecolor="#d1495b", markeredgewidth=2)
    return picture(figure, f"{what}: target and yours; they differ most at row {row}, column {column}.")
