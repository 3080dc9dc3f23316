"""Right answers to every exercise, each in another style than the solution: the checkers must let all of them pass."""

import cmath
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from stn_tutorial import Affine, LocalizationNet, SpatialTransformer, sample
from stn_tutorial.networks.localization import FullyConnectedLocalizationNet

# ---- notebook 1


def shift_as_matrix(right, down, size):
    height, width = size
    return torch.tensor([[1, 0, -right / (width / 2)], [0, 1, -down / (height / 2)]])


def shift_as_list(right, down, size):
    return [1, 0, -2 * right / size[1], 0, 1, -2 * down / size[0]]


def shift_from_identity(right, down, size):
    theta = torch.eye(2, 3, dtype=torch.float64)
    theta[:, 2] = -2 * torch.tensor([right, down]) / torch.tensor(size).flip(0)
    return theta


def turn_as_matrix(degrees):
    angle = torch.deg2rad(torch.tensor(-degrees))
    return torch.stack(
        [torch.stack([angle.cos(), -angle.sin(), angle * 0]), torch.stack([angle.sin(), angle.cos(), angle * 0])]
    )


def turn_by_a_complex_number(degrees):
    z = cmath.exp(1j * math.pi * degrees / 180)
    return (z.real, z.imag, 0, -z.imag, z.real, 0)


def turn_in_numpy(degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, sin, 0], [-sin, cos, 0]])


# ---- notebook 2


def grid_in_loops(size, align_corners):
    height, width = size
    grid = torch.zeros(height, width, 2)
    for row, column in itertools.product(range(height), range(width)):
        if align_corners:
            grid[row, column] = torch.tensor([2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1])
        else:
            grid[row, column] = torch.tensor([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1])
    return grid


def grid_by_meshgrid(size, align_corners):
    x, y = (torch.linspace(-1, 1, n, dtype=torch.float64) * (1 if align_corners else (n - 1) / n) for n in (size[1], size[0]))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def grid_by_outer_products(size, align_corners):
    def axis(n):
        return (np.arange(n) * 2 - n + 1) / (n - 1 if align_corners else n)

    return np.stack([np.outer(np.ones(size[0]), axis(size[1])), np.outer(axis(size[0]), np.ones(size[1]))], axis=2)


def unsheared_by_matmul(angle, size):
    half = torch.tensor([size[1] / 2, size[0] / 2]).diag()
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return F.pad(half.inverse() @ turn @ half, (0, 1))


def unsheared_by_einsum(angle, size):
    scale = torch.tensor([float(size[1]), float(size[0])])
    turn = torch.matrix_exp(torch.tensor([[0, -angle], [angle, 0]]))
    return torch.cat([torch.einsum("i,ij,j->ij", 1 / scale, turn, scale), torch.zeros(2, 1)], dim=1).flatten()


def unsheared_by_columns(angle, size):
    columns = []
    for corner in (1 + 0j, 1j):  # turn each unit vector in pixels
        pixels = complex(corner.real * size[1], corner.imag * size[0]) * cmath.exp(1j * angle)
        columns.append([pixels.real / size[1], pixels.imag / size[0]])
    return torch.tensor([*zip(*columns, [0.0, 0.0], strict=True)])


# ---- notebook 3


def to_pixels(grid, size, align_corners):
    lengths = torch.tensor([size[1], size[0]])
    return (grid + 1) / 2 * (lengths - 1) if align_corners else (grid + 1) / 2 * lengths - 0.5


def folded(x, length, padding_mode, align_corners):
    if padding_mode == "reflection":
        low, span = (0, length - 1) if align_corners else (-0.5, length)
        x = low + span - ((x - low) % (2 * span) - span).abs()
    return x if padding_mode == "zeros" else x.clamp(0, length - 1)


def reflect_in_loops(x, length, align_corners):
    low, high = (0, length - 1) if align_corners else (-0.5, length - 0.5)

    def step(value):
        while not low <= value <= high:
            value = 2 * low - value if value < low else 2 * high - value
        return value

    return torch.stack([step(value) for value in x])


def reflect_by_laps(x, length, align_corners):
    low, span = (0.0, length - 1) if align_corners else (-0.5, length)
    lap = torch.div(x.detach() - low, span, rounding_mode="floor")
    rest = x - low - lap * span
    return low + torch.where(lap % 2 == 1, span - rest, rest)


def reflect_by_a_triangle_wave(x, length, align_corners):
    span = length - 1 if align_corners else length
    wave = torch.arccos(torch.cos(torch.pi * (x.double() + (0 if align_corners else 0.5)) / span)) / torch.pi
    return wave * span - (0 if align_corners else 0.5)


def sampler_in_loops(images, grid, padding_mode, align_corners):
    n, _, height, width = images.shape
    points = to_pixels(grid, (height, width), align_corners)
    out = []
    for k, row, column in itertools.product(range(n), range(grid.shape[1]), range(grid.shape[2])):
        x, y = points[k, row, column]
        x, y = folded(x, width, padding_mode, align_corners), folded(y, height, padding_mode, align_corners)
        value = 0 * images[k, :, 0, 0]
        for j, i in itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)):
            if 0 <= j < height and 0 <= i < width:
                value = value + images[k, :, j, i] * (1 - abs(x - i)) * (1 - abs(y - j))
        out.append(value)
    return torch.stack(out).view(n, *grid.shape[1:3], -1).permute(0, 3, 1, 2)


def sampler_by_einsum(images, grid, padding_mode, align_corners):
    height, width = images.shape[2:]
    x, y = to_pixels(grid, (height, width), align_corners).unbind(-1)
    x, y = folded(x, width, padding_mode, align_corners), folded(y, height, padding_mode, align_corners)
    tent_x = (1 - (x[..., None] - torch.arange(width)).abs()).clamp(min=0)
    tent_y = (1 - (y[..., None] - torch.arange(height)).abs()).clamp(min=0)
    return torch.einsum("nchw,nijh,nijw->ncij", images, tent_y, tent_x)


def sampler_of_the_package(images, grid, padding_mode, align_corners):
    return sample(images, grid, padding_mode=padding_mode, align_corners=align_corners)


def shifted(image, t_x, align_corners):
    theta = torch.eye(2, 3, dtype=image.dtype)[None] + torch.stack([t_x * 0, t_x * 0, t_x, t_x * 0, t_x * 0, t_x * 0]).view(
        2, 3
    )
    grid = F.affine_grid(theta, [1, 1, *image.shape], align_corners=align_corners)
    return F.grid_sample(image[None, None], grid, align_corners=align_corners)[0, 0]


def derivative_by_autograd(image, t_x, align_corners):
    return torch.autograd.functional.jacobian(lambda t: shifted(image, t, align_corners), torch.tensor(t_x))


def derivative_by_differences(image, t_x, align_corners):
    t, h = torch.tensor(t_x, dtype=torch.float64), 1e-5
    return (shifted(image.double(), t + h, align_corners) - shifted(image.double(), t - h, align_corners)) / (2 * h)


def derivative_by_slices(image, t_x, align_corners):
    width = image.shape[1]
    factor = (width - 1) / 2 if align_corners else width / 2
    out = torch.zeros_like(image)
    for column in range(width):
        left = math.floor(column + t_x * factor)
        for side, sign in ((left, -1), (left + 1, 1)):
            if 0 <= side < width:
                out[:, column] += sign * image[:, side] * factor
    return out


# ---- notebook 4


def start_by_init(layer, identity):
    nn.init.zeros_(layer.weight)
    layer.bias.data = identity


def start_by_state(layer, identity):
    layer.load_state_dict({"weight": torch.zeros_like(layer.weight), "bias": identity})
    return layer


def start_by_new_parameters(layer, identity):
    layer.weight = nn.Parameter(torch.zeros(len(identity), layer.in_features))
    layer.bias = nn.Parameter(identity.clone())
    return layer


class ByHand(nn.Module):
    """Localiser, grid and sampler in one forward; theta is the identity plus what a small net says."""

    def __init__(self, cnn, in_shape):
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(in_shape), 16), nn.Tanh())
        self.last = nn.Linear(16, 6)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.cnn = cnn

    def forward(self, images):
        theta = torch.eye(2, 3) + self.last(self.features(images)).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=True)
        return self.cnn(F.grid_sample(images, grid, align_corners=True))


def plug_in_unpacked(cnn, in_shape):
    transformer = SpatialTransformer(FullyConnectedLocalizationNet(in_shape, Affine()), Affine(), padding_mode="border")
    return nn.Sequential(transformer, *cnn)


def plug_in_from_scratch(cnn, in_shape):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.localizer, self.classifier = LocalizationNet(in_shape, Affine()), cnn

        def forward(self, images):
            grid = Affine().grid(self.localizer(images), images.shape[2:])
            return self.classifier(sample(images, grid))

    return Net()


# ---- notebook 5


def degrees_by_complex_numbers(theta):
    return torch.complex(theta[:, 0] + theta[:, 4], theta[:, 3] - theta[:, 1]).angle() * 180 / math.pi


def degrees_by_svd(theta):
    u, _, vh = torch.linalg.svd(theta.view(-1, 2, 3)[:, :, :2])
    rotation = u @ vh
    return torch.atan2(rotation[:, 1, 0], rotation[:, 0, 0]).rad2deg()


def degrees_in_loops(theta):
    return [math.degrees(math.atan2(t[3] - t[1], t[0] + t[4])) % 360 for t in theta.tolist()]


def spread_by_complex_numbers(angles):
    length = abs(sum(cmath.exp(1j * math.radians(a)) for a in angles.tolist()) / len(angles))
    return math.degrees(math.sqrt(-2 * math.log(length)))


def spread_by_matmul(angles):
    vectors = torch.stack([angles.deg2rad().cos(), angles.deg2rad().sin()])
    mean = vectors @ torch.full((len(angles),), 1 / len(angles))
    return (-torch.log(mean @ mean)).sqrt() * 180 / torch.pi  # ln R^2 = 2 ln R


def spread_in_numpy(angles):
    mean = np.exp(1j * np.radians(angles.numpy().astype(float))).mean()
    return np.degrees(np.sqrt(-2 * np.log(np.abs(mean))))


# ---- notebook 6


def project_by_matmul(theta, points):
    matrix = torch.cat([theta, torch.ones(len(theta), 1)], dim=1).view(-1, 3, 3)
    mapped = F.pad(points, (0, 1), value=1.0) @ matrix.mT
    looked = mapped[..., :2] / mapped[..., 2:]
    looked[mapped[..., 2] <= 0] = 9
    return looked


def project_by_einsum(theta, points):
    matrix = F.pad(theta, (0, 1), value=1.0).unflatten(1, (3, 3))
    x, y, depth = torch.einsum("nij,kj->ink", matrix, torch.cat([points, torch.ones(len(points), 1)], 1))
    return torch.stack([x / depth, y / depth], -1).masked_fill((depth <= 0)[..., None], 9.0)


def project_in_loops(theta, points):
    def look(t, p):
        (a, b, c, d, e, f, g, h), (x, y) = t, p
        depth = g * x + h * y + 1
        return [9.0, 9.0] if depth <= 0 else [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]

    return [[look(t, p) for p in points.tolist()] for t in theta.tolist()]


def flow_in_place(velocity, points, squarings):
    for _ in range(1 << squarings):
        points += velocity(points) * 0.5**squarings
    return points


def flow_by_squaring(velocity, points, squarings):
    def step(p):
        return p + velocity(p) / 2**squarings

    for _ in range(squarings):
        step = (lambda half: lambda p: half(half(p)))(step)
    return step(points)


def flow_by_time(velocity, points, squarings):
    if squarings == 0:
        return points + velocity(points)
    halved = flow_by_time(lambda p: velocity(p) / 2, points, squarings - 1)
    return flow_by_time(lambda p: velocity(p) / 2, halved, squarings - 1)


# ---- notebook 7


def scale_by_det(theta):
    return torch.linalg.det(theta.unflatten(1, (2, 3))[..., :2]).abs() ** 0.5


def scale_by_singular_values(theta):
    return torch.linalg.svdvals(theta.view(-1, 2, 3)[:, :, :2]).prod(dim=1).sqrt()


def scale_in_loops(theta):
    return np.array([abs(t[0] * t[4] - t[1] * t[3]) ** 0.5 for t in theta.tolist()])


def means_by_split(values, size):
    return torch.stack([block.mean() for block in torch.tensor(values).split(size)])


def means_in_numpy(values, size):
    starts = np.arange(0, len(values), size)
    return np.add.reduceat(values, starts) / np.diff([*starts, len(values)])


def means_in_a_loop(values, size):
    means = []
    while values:
        block, values = values[:size], values[size:]
        means.append(sum(block) / len(block))
    return means


# ---- notebook 9


def matrices_by_unflatten(theta):
    return theta.unflatten(1, (2, 3))


def matrices_in_loops(theta):
    return torch.stack([torch.stack([t[:3], t[3:]]) for t in theta])


def matrices_by_cat(theta):
    return torch.cat([theta[:, None, :3], theta[:, None, 3:]], dim=1)


def groups_by_name(net, lr):
    mine = {name for name, _ in net.named_parameters() if name.startswith("transformer.localization.")}
    return [
        {"params": [p for name, p in net.named_parameters() if (name in mine) == slow], "lr": lr / 10 if slow else lr}
        for slow in (True, False)
    ]


def groups_by_identity(net, lr):
    mine = {id(p) for p in net.transformer.parameters()}
    rest = (p for p in net.parameters() if id(p) not in mine)
    return [{"params": rest}, {"params": net.transformer.parameters(), "lr": 0.1 * lr}]


def groups_one_each(net, lr):
    return [{"params": p, "lr": lr / 10 if "localization" in name else lr} for name, p in net.named_parameters()]


# ---- notebook 8


def again_by_3x3(images, localize, steps):
    bottom = torch.tensor([[[0, 0, 1]]]).to(images).expand(len(images), 1, 3)
    whole = torch.eye(3).to(images).expand(len(images), 3, 3)
    for _ in range(steps):
        grid = F.affine_grid(whole[:, :2], list(images.shape), align_corners=False)
        whole = whole @ torch.cat([localize(F.grid_sample(images, grid, align_corners=False)), bottom], dim=1)
    return whole[:, :2]


def again_by_the_package(images, localize, steps):
    family = Affine()
    theta = localize(images).flatten(1)
    while steps > 1:
        seen = F.grid_sample(images, family.grid(theta, images.shape[2:]), align_corners=False)
        theta, steps = family.compose(localize(seen).flatten(1), theta), steps - 1
    return theta.view(-1, 2, 3)


def again_by_recursion(images, localize, steps):
    if steps == 1:
        return localize(images)
    before = again_by_recursion(images, localize, steps - 1)
    grid = F.affine_grid(before, list(images.shape), align_corners=False)
    new = localize(F.grid_sample(images, grid, align_corners=False))
    turn, shift = before[:, :, :2], before[:, :, 2]
    return torch.cat([turn @ new[:, :, :2], (torch.einsum("nij,nj->ni", turn, new[:, :, 2]) + shift)[:, :, None]], dim=2)


def overlap_in_loops(boxes, others):
    found = []
    for (l1, t1, r1, b1), (l2, t2, r2, b2) in zip(boxes.tolist(), others.tolist(), strict=True):
        common = max(0, min(r1, r2) - max(l1, l2)) * max(0, min(b1, b2) - max(t1, t2))
        found.append(common / ((r1 - l1) * (b1 - t1) + (r2 - l2) * (b2 - t2) - common))
    return found


def overlap_by_relu(boxes, others):
    sides = F.relu(torch.min(boxes, others)[:, 2:] - torch.max(boxes, others)[:, :2])
    both = torch.stack([boxes, others])
    common = sides[:, 0] * sides[:, 1]
    return common / ((both[..., 2] - both[..., 0]) * (both[..., 3] - both[..., 1])).sum(0).sub(common)


def overlap_in_numpy(boxes, others):
    a, b = boxes.numpy(), others.numpy()
    width = np.clip(np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0]), 0, None)
    height = np.clip(np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1]), 0, None)
    area = [(box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b)]
    return width * height / (area[0] + area[1] - width * height)


# ---- notebook 10


def theta_gradient_by_matmul(gradients, points):
    ones = torch.ones(*points.shape[:2], 1)
    target = torch.cat([points, ones], dim=2).view(-1, 3)
    return (gradients.view(len(gradients), -1, 2).mT @ target).reshape(-1, 6)


def theta_gradient_in_loops(gradients, points):
    out = torch.zeros(len(gradients), 6)
    for row in range(points.shape[0]):
        for column in range(points.shape[1]):
            x, y = points[row, column]
            g_x, g_y = gradients[:, row, column].unbind(dim=1)
            out += torch.stack([g_x * x, g_x * y, g_x, g_y * x, g_y * y, g_y], dim=1)
    return out


def theta_gradient_by_autograd(gradients, points):
    theta = torch.zeros(len(gradients), 2, 3, requires_grad=True)
    looks = torch.einsum("nij,hwj->nhwi", theta[:, :, :2], points) + theta[:, None, None, :, 2]
    return torch.autograd.grad((looks * gradients).sum(), theta)[0].flatten(1)


def whole_gradient_in_a_loop(gradients, counts):
    total = torch.zeros_like(gradients[0])
    for gradient, count in zip(gradients, counts, strict=True):
        total += count * gradient
    return total / sum(counts)


def whole_gradient_by_tensordot(gradients, counts):
    return torch.tensordot(torch.tensor(counts, dtype=torch.float32) / sum(counts), torch.stack(gradients), dims=1)


def whole_gradient_image_by_image(gradients, counts):
    return torch.stack([g for g, n in zip(gradients, counts, strict=True) for _ in range(n)]).mean(dim=0)


RIGHT = {
    "shift_theta": [shift_as_matrix, shift_as_list, shift_from_identity],
    "turn_theta": [turn_as_matrix, turn_by_a_complex_number, turn_in_numpy],
    "my_target_grid": [grid_in_loops, grid_by_meshgrid, grid_by_outer_products],
    "unsheared_theta": [unsheared_by_matmul, unsheared_by_einsum, unsheared_by_columns],
    "my_reflect": [reflect_in_loops, reflect_by_laps, reflect_by_a_triangle_wave],
    "my_sampler": [sampler_in_loops, sampler_by_einsum, sampler_of_the_package],
    "derivative_by_t_x": [derivative_by_autograd, derivative_by_differences, derivative_by_slices],
    "my_start": [start_by_init, start_by_state, start_by_new_parameters],
    "plug_in": [ByHand, plug_in_unpacked, plug_in_from_scratch],
    "recovered_degrees": [degrees_by_complex_numbers, degrees_by_svd, degrees_in_loops],
    "spread_degrees": [spread_by_complex_numbers, spread_by_matmul, spread_in_numpy],
    "project": [project_by_matmul, project_by_einsum, project_in_loops],
    "flow": [flow_in_place, flow_by_squaring, flow_by_time],
    "window_scale": [scale_by_det, scale_by_singular_values, scale_in_loops],
    "block_means": [means_by_split, means_in_numpy, means_in_a_loop],
    "look_again": [again_by_3x3, again_by_the_package, again_by_recursion],
    "overlap": [overlap_in_loops, overlap_by_relu, overlap_in_numpy],
    "as_matrices": [matrices_by_unflatten, matrices_in_loops, matrices_by_cat],
    "parameter_groups": [groups_by_name, groups_by_identity, groups_one_each],
    "theta_gradient": [theta_gradient_by_matmul, theta_gradient_in_loops, theta_gradient_by_autograd],
    "whole_gradient": [whole_gradient_in_a_loop, whole_gradient_by_tensordot, whole_gradient_image_by_image],
}
