"""The exercise checkers: every solution passes, every stub is "not tried yet", every known mistake gets its own hint."""

import ast
import math
from pathlib import Path

import jupytext
import pytest
import torch
from torch import nn

from stn_tutorial import Affine, LocalizationNet, Rotation, SpatialTransformer
from stn_tutorial.geometry.coordinates import normalized_to_pixel
from stn_tutorial.geometry.sampler import pad_coordinates
from stn_tutorial.teaching import checks
from stn_tutorial.training.metrics import circular_spread, rotation_angle

SOURCES = sorted((Path(__file__).parents[2] / "notebooks" / "source").glob("[0-9]*.py"))
EXERCISES = {
    "shift_theta": checks.check_shift_theta,
    "turn_theta": checks.check_turn_theta,
    "my_target_grid": checks.check_target_grid,
    "unsheared_theta": checks.check_unsheared_theta,
    "my_sampler": checks.check_sampler,
    "derivative_by_t_x": checks.check_derivative_by_t_x,
    "my_start": checks.check_start,
    "plug_in": checks.check_plug_in,
    "recovered_degrees": checks.check_recovered_degrees,
    "spread_degrees": checks.check_spread_degrees,
    "project": checks.check_project,
    "flow": checks.check_flow,
    "window_scale": checks.check_window_scale,
    "block_means": checks.check_block_means,
}


def functions_of(path: Path) -> tuple[dict, dict]:
    """The functions that a notebook's source defines and imports, and its solutions, by name."""
    cells = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    trees = [(ast.parse(c.source), c) for c in cells if "setup" not in c.metadata.get("tags", [])]
    wanted = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    namespace: dict = {}
    body = [node for tree, _ in trees for node in tree.body if isinstance(node, wanted)]
    exec(compile(ast.Module(body, []), str(path), "exec"), namespace)
    solved = {
        node.name
        for tree, c in trees
        if "solution" in c.metadata.get("tags", [])
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    return namespace, {name: namespace[name] for name in solved}


SOLUTIONS = {name: function for path in SOURCES for name, function in functions_of(path)[1].items()}


def test_each_notebook_has_two_exercises_with_a_checker():
    assert set(SOLUTIONS) == set(EXERCISES)
    for path in SOURCES:
        assert len(functions_of(path)[1]) == 2, path.name


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_passes(name):
    verdict = EXERCISES[name](SOLUTIONS[name])
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", EXERCISES)
def test_an_untouched_stub_is_not_tried_yet(name):
    def stub(*args, **kwargs):
        raise NotImplementedError

    verdict = EXERCISES[name](stub)
    assert repr(verdict) == "not tried yet" and not verdict.passed
    assert "not tried yet" in verdict._repr_html_()


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exception_of_the_learner_is_reported_not_raised(name):
    def broken(*args, **kwargs):
        return [][1]

    verdict = EXERCISES[name](broken)
    assert verdict.status == "failed" and "IndexError" in verdict.message


def theta(a11, a12, t_x, a21, a22, t_y):
    return torch.tensor([a11, a12, t_x, a21, a22, t_y])


def turn(angle, sign=1):
    cos, sin = math.cos(angle), math.sin(angle)
    return theta(cos, -sign * sin, 0.0, sign * sin, cos, 0.0)


def weights_after_clipping(images, grid, padding_mode, align_corners):
    height, width = images.shape[2:]
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(-1)
    x, y = (pad_coordinates(c, n, padding_mode, align_corners) for c, n in ((x, width), (y, height)))
    out = 0
    for dy in (0, 1):
        for dx in (0, 1):
            x_n, y_n = (x.floor() + dx).clamp(0, width - 1), (y.floor() + dy).clamp(0, height - 1)
            weight = (1 - (x - x_n).abs()).clamp(min=0) * (1 - (y - y_n).abs()).clamp(min=0)
            value = torch.stack([image[:, r.long(), c.long()] for image, r, c in zip(images, y_n, x_n, strict=True)])
            out = out + weight[:, None] * value
    return out


def weights_of_opposite_corners(images, grid, padding_mode, align_corners):
    height, width = images.shape[2:]
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(-1)
    x, y = (pad_coordinates(c, n, padding_mode, align_corners) for c, n in ((x, width), (y, height)))
    x0, x1 = x.floor().clamp(0, width - 1), (x.floor() + 1).clamp(0, width - 1)
    y0, y1 = y.floor().clamp(0, height - 1), (y.floor() + 1).clamp(0, height - 1)
    batch = torch.arange(len(images))[:, None, None]
    channels_last = images.permute(0, 2, 3, 1)
    out = 0
    for row, column, weight in (
        (y0, x0, (x1 - x) * (y1 - y)),
        (y1, x0, (x1 - x) * (y - y0)),
        (y0, x1, (x - x0) * (y1 - y)),
        (y1, x1, (x - x0) * (y - y0)),
    ):
        out = out + weight[..., None] * channels_last[batch, row.long(), column.long()]
    return out.permute(0, 3, 1, 2)


def frozen(layer, identity):
    layer.weight.data.zero_()
    layer.bias.data.copy_(identity)
    layer.requires_grad_(False)


def bias_only(layer, identity):
    layer.bias.data.copy_(identity)


def all_zero(layer, identity):
    layer.weight.data.zero_()
    layer.bias.data.zero_()


class Ignores(nn.Module):
    """A transformer whose output the CNN never sees."""

    def __init__(self, cnn, in_shape):
        super().__init__()
        self.transformer = SpatialTransformer(LocalizationNet(in_shape, Affine()), Affine())
        self.cnn = cnn

    def forward(self, images):
        self.transformer(images)
        return self.cnn(images)


def random_start(cnn, in_shape):
    localizer = LocalizationNet(in_shape, Affine())
    localizer.last.reset_parameters()
    return nn.Sequential(SpatialTransformer(localizer, Affine()), cnn)


torch_grid = torch.nn.functional.affine_grid
torch_sample = torch.nn.functional.grid_sample
EYE = torch.eye(2, 3)[None]


def homogeneous(theta, points):
    """Numerators (N, K, 2) and depth (N, K, 1) of projective maps."""
    matrix = torch.cat([theta, torch.ones(len(theta), 1)], dim=1).view(-1, 3, 3)
    mapped = nn.functional.pad(points, (0, 1), value=1.0) @ matrix.mT
    return mapped[..., :2], mapped[..., 2:]


def unseen(theta, points, looked):
    """(9, 9) where the depth is not positive."""
    return torch.where(homogeneous(theta, points)[1] <= 0, 9.0, looked)


def euler(velocity, points, steps, length):
    """Steps of a fixed length along a velocity field."""
    for _ in range(steps):
        points = points + length * velocity(points)
    return points


def determinant(theta):
    return torch.linalg.det(theta.view(-1, 2, 3)[:, :, :2])


def in_blocks(values, size, reduce):
    return [reduce(values[start : start + size]) for start in range(0, len(values), size)]


MISTAKES = [
    ("shift_theta", lambda right, down, size: theta(1, 0, 2 * right / size[1], 0, 1, 2 * down / size[0]), "the other way"),
    ("shift_theta", lambda right, down, size: theta(1, 0, -right / size[1], 0, 1, -down / size[0]), "2 / W"),
    ("shift_theta", lambda right, down, size: theta(1, 0, -2 * right / size[0], 0, 1, -2 * down / size[1]), "exchanged"),
    ("turn_theta", lambda degrees: turn(math.radians(degrees)), "the other way"),
    ("turn_theta", lambda degrees: turn(-degrees), "radians"),
    (
        "my_target_grid",
        lambda size, align_corners: torch_grid(EYE, [1, 1, *size], align_corners=align_corners)[0].flip(-1),
        "exchanged",
    ),
    (
        "my_target_grid",
        lambda size, align_corners: torch_grid(EYE, [1, 1, *size], align_corners=True)[0],
        "align_corners is ignored",
    ),
    (
        "my_target_grid",
        lambda size, align_corners: torch_grid(EYE, [1, 1, *size[::-1]], align_corners=align_corners)[0],
        "height and width",
    ),
    ("unsheared_theta", lambda angle, size: turn(angle), "plain rotation"),
    (
        "unsheared_theta",
        lambda angle, size: Affine().from_matrix(Rotation(size[0] / size[1]).matrix(torch.tensor([[angle]])))[0],
        "upside down",
    ),
    ("my_sampler", weights_after_clipping, "unclipped"),
    ("my_sampler", weights_of_opposite_corners, "cancel at the border"),
    (
        "my_sampler",
        lambda images, grid, padding_mode, align_corners: torch_sample(
            images, grid.flip(-1), "bilinear", padding_mode, align_corners
        ),
        "exchanged",
    ),
    (
        "my_sampler",
        lambda images, grid, padding_mode, align_corners: torch_sample(images, grid, "bilinear", padding_mode, True),
        "align_corners is ignored",
    ),
    (
        "derivative_by_t_x",
        lambda image, t_x, align_corners: SOLUTIONS["derivative_by_t_x"](image, t_x, align_corners) * 2,
        "twice too large",
    ),
    (
        "derivative_by_t_x",
        lambda image, t_x, align_corners: (
            SOLUTIONS["derivative_by_t_x"](image, t_x, align_corners) * 2 / (image.shape[1] - align_corners)
        ),
        "chain rule",
    ),
    ("my_start", bias_only, "weights, which were not touched"),
    ("my_start", all_zero, "one point"),
    ("my_start", frozen, "frozen"),
    ("plug_in", random_start, "start at the identity"),
    ("plug_in", lambda cnn, in_shape: Ignores(cnn, in_shape), "no gradient"),
    ("plug_in", lambda cnn, in_shape: cnn, "no parameters"),
    ("recovered_degrees", lambda theta: rotation_angle(theta.view(-1, 2, 3)), "radians"),
    ("recovered_degrees", lambda theta: theta[:, 0].clamp(-1, 1).acos().rad2deg(), "arc cosine"),
    ("recovered_degrees", lambda theta: -rotation_angle(theta.view(-1, 2, 3)).rad2deg(), "sign"),
    ("spread_degrees", lambda angles: float(angles.std()), "ordinary standard deviation"),
    ("spread_degrees", lambda angles: circular_spread(angles.deg2rad()), "radians"),
    ("project", lambda theta, points: homogeneous(theta, points)[0] / homogeneous(theta, points)[1], "upside down"),
    ("project", lambda theta, points: unseen(theta, points, homogeneous(theta, points)[0]), "not divided"),
    ("project", lambda theta, points: homogeneous(theta, points)[0] / homogeneous(theta, points)[1].abs(), "not positive"),
    ("flow", lambda velocity, points, squarings: points + velocity(points), "single step"),
    ("flow", lambda velocity, points, squarings: euler(velocity, points, 2**squarings, 1.0), "too far"),
    ("flow", lambda velocity, points, squarings: euler(velocity, points, 2**squarings, -(2.0**-squarings)), "backwards"),
    (
        "flow",
        lambda velocity, points, squarings: euler(velocity, points, max(1, squarings), 1 / max(1, squarings)),
        "2^squarings",
    ),
    ("window_scale", lambda theta: determinant(theta).abs(), "square root"),
    ("window_scale", lambda theta: determinant(theta).abs() ** -0.5, "inverse"),
    ("window_scale", lambda theta: determinant(theta).sqrt(), "mirrored"),
    ("window_scale", lambda theta: (theta[:, 0] + theta[:, 4]) / 2, "diagonal"),
    ("window_scale", lambda theta: torch.linalg.det(theta[:, :4].view(-1, 2, 2)).abs().sqrt(), "expected"),
    ("block_means", lambda values, size: [v for v in values[::size]], "expected"),
    ("block_means", lambda values, size: in_blocks(values, size, max), "best of each block"),
    ("block_means", lambda values, size: in_blocks(values, size, lambda block: sum(block) / size), "fewer values"),
    ("block_means", lambda values, size: torch.tensor(values)[: len(values) // size * size].view(-1, size).mean(1), "dropped"),
    ("block_means", lambda values, size: torch.tensor(values).unfold(0, size, 1).mean(1), "moving average"),
]


@pytest.mark.parametrize(("name", "wrong", "hint"), MISTAKES, ids=[f"{name}-{hint}" for name, _, hint in MISTAKES])
def test_a_known_mistake_is_named(name, wrong, hint):
    verdict = EXERCISES[name](wrong)
    assert verdict.status == "failed"
    assert hint in verdict.message


def test_every_checker_is_tried_with_at_least_two_mistakes():
    for name in EXERCISES:
        assert sum(1 for mistake in MISTAKES if mistake[0] == name) >= 2, name


def test_a_mistake_nobody_foresaw_is_described_by_what_was_expected():
    verdict = checks.check_turn_theta(lambda degrees: torch.zeros(6))
    assert "expected 0.8660" in verdict.message and "degrees=30.0" in verdict.message
    verdict = checks.check_turn_theta(lambda degrees: torch.zeros(2, 3))
    assert "expected shape (6,)" in verdict.message
    assert "no tensor" in checks.check_turn_theta(lambda degrees: "thirty").message


def test_nan_is_wrong():
    assert not checks.check_spread_degrees(lambda angles: math.nan).passed
    assert not checks.check_sampler(
        lambda images, grid, padding_mode, align_corners: torch_sample(images, grid, align_corners=False) * math.nan
    ).passed


@pytest.mark.parametrize("name", ["turn_theta", "my_target_grid", "my_sampler"])
def test_a_wrong_answer_is_drawn_beside_the_target(name):
    wrong = next(function for other, function, _ in MISTAKES if other == name)
    verdict = EXERCISES[name](wrong)
    assert verdict.picture.png.startswith(b"\x89PNG") and "target and yours" in verdict.picture.alt
    assert "<img alt=" in verdict._repr_html_()


def test_a_learner_who_changes_the_arguments_in_place_does_not_fool_the_checker():
    def vandal(images, grid, padding_mode, align_corners):
        out = torch_sample(images, grid, "bilinear", padding_mode, align_corners)
        images.zero_()
        grid.zero_()
        return out + 1

    assert not checks.check_sampler(vandal).passed


@pytest.mark.parametrize(
    ("plug_in", "reason"),
    [
        (
            lambda cnn, in_shape: nn.Sequential(SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine()), cnn),
            "in_shape",
        ),
        (
            lambda cnn, in_shape: nn.Sequential(cnn, SpatialTransformer(LocalizationNet(in_shape, Affine()), Affine())),
            "images must",
        ),
        (lambda cnn, in_shape: cnn(torch.rand(1, *in_shape)), "expected a torch.nn.Module, got Tensor"),
    ],
    ids=["shape-hard-coded", "wrong-order", "no-module"],
)
def test_what_a_learner_built_may_fail_when_it_is_used(plug_in, reason):
    verdict = checks.check_plug_in(plug_in)
    assert verdict.status == "failed" and reason in verdict.message


def test_a_layer_that_lost_its_bias_is_a_verdict():
    def lose(layer, identity):
        layer.bias = None

    assert checks.check_start(lose).status == "failed"
