"""The exercise checkers: right answers of every style pass, stubs are "not tried yet", each well-known mistake gets its own hint."""

import ast
import doctest
import importlib
import math
import pkgutil
import re
from pathlib import Path

import jupytext
import pytest
import torch
from right_answers import RIGHT
from torch import nn

from stn_tutorial import Affine, LocalizationNet, SpatialTransformer
from stn_tutorial.teaching import checks
from stn_tutorial.teaching.checks import EXERCISES

SOURCES = {int(path.name[:2]): path for path in (Path(__file__).parents[2] / "notebooks" / "source").glob("[0-9]*.py")}
BY_NAME = {exercise.name: exercise for exercise in EXERCISES}
MISTAKES = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes]
ANSWERS = [(exercise, answer) for exercise in EXERCISES for answer in RIGHT[exercise.name]]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=list(BY_NAME))


def cells_of(path: Path) -> list:
    return jupytext.read(path).cells


def solutions_of(path: Path) -> dict:
    """The functions in the cells tagged as solutions, by name; they may use what the notebook defines and imports."""
    cells = [cell for cell in cells_of(path) if cell.cell_type == "code"]
    trees = [(ast.parse(c.source), c) for c in cells if "setup" not in c.metadata.get("tags", [])]
    wanted = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    namespace: dict = {}
    body = [node for tree, _ in trees for node in tree.body if isinstance(node, wanted)]
    exec(compile(ast.Module(body, []), str(path), "exec"), namespace)
    solved = [tree for tree, c in trees if "solution" in c.metadata.get("tags", [])]
    return {node.name: namespace[node.name] for tree in solved for node in tree.body if isinstance(node, ast.FunctionDef)}


SOLUTIONS = {number: solutions_of(path) for number, path in SOURCES.items()}


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_list_of_exercises_is_that_of_the_notebooks():
    for number, solutions in SOLUTIONS.items():
        assert solutions, f"notebook {number} has no exercise"
        assert set(solutions) == {exercise.name for exercise in EXERCISES if exercise.notebook == number}
    assert {exercise.notebook for exercise in EXERCISES} <= set(SOLUTIONS)


@each_exercise
def test_the_notebook_calls_the_checker_and_folds_the_hint(exercise):
    cells = cells_of(SOURCES[exercise.notebook])
    calls = [cell.source for cell in cells if "check" in cell.metadata.get("tags", [])]
    assert any(f"checks.{exercise.check.__name__}({exercise.name})" in call for call in calls)
    assert getattr(checks, exercise.check.__name__) is exercise.check and exercise.check.__name__ in checks.__all__
    text = one_line("\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))
    assert f"<summary>Hint</summary>{exercise.hint}</details>" in text, "the list and the notebook give different hints"


@each_exercise
def test_the_solution_passes(exercise):
    verdict = exercise.check(SOLUTIONS[exercise.notebook][exercise.name])
    assert verdict.passed, verdict


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize(("exercise", "answer"), ANSWERS, ids=[answer.__name__ for _, answer in ANSWERS])
def test_a_right_answer_in_another_style_passes(exercise, answer):
    verdict = exercise.check(answer)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES, ids=[f"{e.name}-{m.name}" for e, m in MISTAKES])
def test_a_known_mistake_fails_and_is_named(exercise, mistake):
    verdict = exercise.check(mistake.answer)
    assert verdict.status == "failed"
    assert mistake.hint in verdict.message


@each_exercise
def test_the_catalogue_is_long_and_its_hints_are_short(exercise):
    names = [mistake.name for mistake in exercise.mistakes]
    assert len(names) >= 10 and len(set(names)) == len(names)
    for mistake in exercise.mistakes:
        assert 20 < len(mistake.hint) < 260, mistake.hint
        assert exercise.wrong(mistake.name) is mistake.answer


@each_exercise
def test_three_right_styles_are_tried(exercise):
    assert len(RIGHT[exercise.name]) >= 3


@each_exercise
def test_an_untouched_stub_is_not_tried_yet(exercise):
    def stub(*args, **kwargs):
        raise NotImplementedError

    verdict = exercise.check(stub)
    assert repr(verdict) == "not tried yet" and not verdict.passed
    assert "not tried yet" in verdict._repr_html_()


@each_exercise
def test_a_missing_return_is_named(exercise):
    verdict = exercise.check(lambda *args, **kwargs: None)
    assert verdict.status == "failed"
    if exercise.name != "my_start":  # works in place, and need not return anything
        assert "`return` missing" in verdict.message


@each_exercise
def test_an_exception_of_the_learner_is_reported_not_raised(exercise):
    def broken(*args, **kwargs):
        return [][1]

    verdict = exercise.check(broken)
    assert verdict.status == "failed" and "IndexError" in verdict.message


def unpacks(theta):
    a11, a12, _, a21, a22, _ = theta
    return torch.atan2(a21 - a12, a11 + a22)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda theta: math.atan2(theta[:, 3], theta[:, 0]), "the functions of `math` take one number"),
        (unpacks, "first dimension"),
        (lambda theta: theta[:, 0] + theta[0], "two shapes do not fit together"),
        (lambda theta: torch.linalg.det(theta.view(-1, 2, 3)), "the 2x2 part alone"),
        (lambda theta: theta.view(5, -1), "do not fill that shape"),
        (lambda theta: [].append(theta).append(theta), "do not assign what it returns"),
    ],
    ids=["math", "unpacked", "broadcast", "square", "view", "append"],
)
def test_a_common_error_is_told_with_its_usual_reason(answer, reason):
    verdict = checks.check_recovered_degrees(answer)
    assert verdict.status == "failed" and reason in verdict.message


def test_a_long_list_is_told_by_its_length():
    message = checks.check_block_means(lambda values, size: [0.0] * -(-len(values) // size)).message
    assert "50 values, size=10" in message and len(message) < 120


def test_what_torch_has_not_implemented_is_an_error_and_no_stub():
    def unsupported(degrees):
        raise NotImplementedError("not implemented for 'Long'")

    assert "Long" in checks.check_turn_theta(unsupported).message


def test_a_mistake_nobody_foresaw_is_described_by_what_was_expected():
    verdict = checks.check_turn_theta(lambda degrees: torch.zeros(6))
    assert "expected 0.8660" in verdict.message and "degrees=30.0" in verdict.message
    verdict = checks.check_turn_theta(lambda degrees: torch.zeros(7))
    assert "expected shape (6,)" in verdict.message
    assert "returned a str" in checks.check_turn_theta(lambda degrees: "thirty").message
    assert "no tensor of real numbers" in checks.check_turn_theta(lambda degrees: torch.zeros(6) * 1j).message


def test_it_is_said_how_many_cases_agree():
    right = SOLUTIONS[1]["turn_theta"]
    verdict = checks.check_turn_theta(lambda degrees: right(degrees) + (0.1 if degrees == 10 else 0))
    assert "degrees=10.0" in verdict.message and "3 of 4 cases agree" in verdict.message


def test_nan_is_wrong():
    assert not checks.check_spread_degrees(lambda angles: math.nan).passed
    sampler = SOLUTIONS[3]["my_sampler"]
    assert not checks.check_sampler(lambda **case: sampler(**case) * math.nan).passed
    assert checks.check_turn_theta(lambda degrees: torch.full((6,), math.nan)).picture.png


@pytest.mark.parametrize("name", ["turn_theta", "my_target_grid", "my_sampler", "derivative_by_t_x", "plug_in"])
def test_a_wrong_answer_is_drawn_beside_the_target(name):
    verdict = BY_NAME[name].check(BY_NAME[name].mistakes[0].answer)
    assert verdict.picture.png.startswith(b"\x89PNG") and "target and yours" in verdict.picture.alt
    assert "<img alt=" in verdict._repr_html_()


def test_x_and_y_exchanged_are_visible_in_what_is_drawn():
    for name in ("my_sampler", "my_target_grid", "shift_theta"):
        _, wanted, answer = BY_NAME[name].check(BY_NAME[name].wrong("x and y exchanged")).draw.args
        assert (wanted - answer).abs().max() > 0.1


def test_a_learner_who_changes_the_arguments_in_place_does_not_fool_the_checker():
    def vandal(images, grid, padding_mode, align_corners):
        out = SOLUTIONS[3]["my_sampler"](images, grid, padding_mode, align_corners)
        images.zero_()
        grid.zero_()
        return out + 1

    assert not checks.check_sampler(vandal).passed


@pytest.mark.parametrize(
    ("sampler", "reason"),
    [
        (
            lambda images, grid, p, a: RIGHT["my_sampler"][2](images, torch.tensor(grid.tolist()), p, a),
            "no gradient reaches the grid",
        ),
        (lambda images, grid, p, a: torch.from_numpy(RIGHT["my_sampler"][2](images, grid, p, a).numpy()), "numpy"),
        (lambda images, grid, p, a: RIGHT["my_sampler"][2](images.data, grid.data, p, a), "no gradient flows"),
    ],
    ids=["numbers", "numpy", "data"],
)
def test_a_sampler_without_gradient_does_not_pass(sampler, reason):
    verdict = checks.check_sampler(
        lambda images, grid, padding_mode, align_corners: sampler(images, grid, padding_mode, align_corners)
    )
    assert (
        verdict.status == "failed"
        and "the values are right, the gradients are not: " in verdict.message
        and reason in verdict.message
    )


class ConstantLocalizer(nn.Module):
    """Looks at the pictures and forgets what it saw."""

    def __init__(self):
        super().__init__()
        self.theta, self.layer = nn.Parameter(torch.eye(2, 3).flatten()), nn.Linear(1, 6)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, images):
        return self.theta + self.layer(torch.ones(len(images), 1))


class Cut(nn.Module):
    """A transformer under no_grad, before a CNN that learns."""

    def __init__(self, cnn, in_shape):
        super().__init__()
        self.transformer, self.cnn = SpatialTransformer(LocalizationNet(in_shape, Affine()), Affine()), cnn

    def forward(self, images):
        with torch.no_grad():
            warped = self.transformer(images)
        return self.cnn(warped)


@pytest.mark.parametrize(
    ("plug_in", "reason"),
    [
        (
            lambda cnn, in_shape: nn.Sequential(SpatialTransformer(ConstantLocalizer(), Affine()), cnn),
            "the same for all pictures",
        ),
        (Cut, "no gradient reaches the localiser"),
        (lambda cnn, in_shape: [cnn], "is wanted"),
        (lambda cnn, in_shape: nn.Sequential(nn.Unflatten(5, (1, 1)), cnn, nn.Linear(3, 3)), "raised"),
    ],
    ids=["constant", "no-grad", "list", "error"],
)
def test_what_a_learner_built_may_fail_when_it_is_used(plug_in, reason):
    verdict = checks.check_plug_in(plug_in)
    assert verdict.status == "failed" and reason in verdict.message


def test_a_layer_that_lost_its_bias_is_a_verdict():
    def lose(layer, identity):
        layer.bias = None

    assert checks.check_start(lose).status == "failed"


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(checks.__path__)])
def test_the_examples_in_the_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(f"{checks.__name__}.{name}"))
    assert result.failed == 0
