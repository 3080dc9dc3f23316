# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Transformation families
#
# **Attention, similarity, projective, thin plate spline, diffeomorphic: what can each do, what does it keep, and which one does a task want?**
#
# Afterwards you can
#
# - write down each family's map, from theta to sampling grid, and say what it keeps,
# - solve a thin plate spline once, and build a flow that does not fold,
# - read the paper's table 1, and ours beside it, critically.
#
# *Minutes on a laptop CPU: MINUTES_06 to run, about 45 to read and try.* What to know before: notebooks [2](02_grid_generator.ipynb) and [5](05_rotated_mnist.ipynb); what a system of linear equations is.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_06)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %% [markdown]
# ## How much freedom does a family have?
#
# A family is a set of maps, and theta says which one. More numbers in theta mean more freedom, and more that can go wrong. Here is one theta of each
# family, picked by hand, with how many numbers it has.

# %%
import math

import torch
from torch import Tensor

from stn_tutorial import Affine, Attention, Diffeomorphic, Projective, Rotation, Similarity, ThinPlateSpline, Translation
from stn_tutorial.teaching import diagrams, figures, pose_figures

torch.manual_seed(6)
examples = {
    "translation": (Translation(), torch.tensor([0.3, -0.2])),
    "attention": (Attention(), torch.tensor([0.6, 0.2, 0.0])),
    "rotation": (Rotation(), torch.tensor([0.5])),
    "similarity": (Similarity(), torch.tensor([0.5, -0.3, 0.1, 0.1])),
    "affine": (Affine(), torch.tensor([1.0, 0.5, 0.0, -0.1, 0.7, 0.1])),
    "projective": (Projective(), torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.4, 0.2])),
    "thin plate spline": (ThinPlateSpline(), 0.2 * torch.randn(32)),
    "diffeomorphic": (Diffeomorphic(), 0.4 * torch.randn(32)),
}
digit = data.test_images[data.test_labels == 4][0]
figures.warps(digit, {f"{name}: {len(theta)}": (family, theta) for name, (family, theta) in examples.items()})

# %% [markdown]
# Read the lattices row by row. Squares stay squares up to *similarity*. Parallels stay parallel up to *affine*. Straight lines stay straight up to
# *projective*. The last two bend them.
#
# *Attention* chooses a window, a crop: the oldest differentiable way to look at a part of a picture. Spatial transformers generalise differentiable
# attention to any transformation.
#
# | family | theta | matrix |
# |---|---|---|
# | translation | $t_x,t_y$ | $\begin{pmatrix}1&0&t_x\\0&1&t_y\end{pmatrix}$ |
# | attention | $s,t_x,t_y$ | $\begin{pmatrix}s&0&t_x\\0&s&t_y\end{pmatrix}$ |
# | rotation | the angle $\alpha$ | $\begin{pmatrix}\cos\alpha&-\sin\alpha&0\\ \sin\alpha&\cos\alpha&0\end{pmatrix}$ |
# | similarity | $\alpha,\log s,t_x,t_y$ | $\begin{pmatrix}s\cos\alpha&-s\sin\alpha&t_x\\s\sin\alpha&s\cos\alpha&t_y\end{pmatrix}$ |
# | affine | all six | $\begin{pmatrix}\theta_{11}&\theta_{12}&\theta_{13}\\\theta_{21}&\theta_{22}&\theta_{23}\end{pmatrix}$ |

# %% [markdown]
# ## What does a family keep?
#
# An affine map keeps **collinearity**: points on a line stay on a line. It keeps **ratios** along a line, so the midpoint stays the midpoint. And it
# keeps parallels. Here are $A$, $B$ and their midpoint $M$, and a parallel $CD$:

# %%
shapes = {"AMB": torch.tensor([[-0.8, -0.6], [0.0, -0.2], [0.8, 0.2]]), "CD": torch.tensor([[-0.8, 0.1], [0.8, 0.9]])}
family, theta = examples["affine"]
looks = {name: family.map_points(theta[None], points)[0] for name, points in shapes.items()}

a, m, b = looks["AMB"]
print(f"M is off the midpoint of A and B by {float((m - (a + b) / 2).norm()):.1e}")
print("(D - C) / (B - A) is", ((looks["CD"][1] - looks["CD"][0]) / (b - a)).round(decimals=4).tolist(), "in x and y")
diagrams.kept(shapes, looks, "affine")

# %% [markdown]
# A projective map is what a camera does to a plane. It keeps collinearity and **incidence**: a point on two lines stays on both. It does not keep
# ratios. It keeps a ratio of ratios: the **cross-ratio** of four points on a line, $(AC/BC)/(AD/BD)$.


# %%
def cross_ratio(points: Tensor) -> float:
    """Of four points (4, 2) on a line that is not vertical: x alone will do."""
    a, b, c, d = points[:, 0].tolist()
    return (c - a) / (c - b) / ((d - a) / (d - b))


line = torch.tensor([[-0.7, -0.5], [-0.2, -0.25], [0.3, 0.0], [0.8, 0.25]])
shapes = {"ABCD": line, "EBF": torch.tensor([[-0.5, 0.8], [-0.2, -0.25], [-0.05, -0.775]])}
family, theta = examples["projective"]
looks = {name: family.map_points(theta[None], points)[0] for name, points in shapes.items()}

e, b, f = looks["EBF"]
steps = looks["ABCD"].diff(dim=0).norm(dim=1).tolist()
area = float(torch.stack([b - e, f - e]).det().abs()) / 2
print(f"B is still on the line EF: the triangle EBF has an area of {area:.0e}")
print("equal steps AB, BC, CD become", [round(step, 2) for step in steps])
print(f"cross-ratio {cross_ratio(shapes['ABCD']):.4f} before, {cross_ratio(looks['ABCD']):.4f} after")
diagrams.kept(shapes, looks, "projective")

# %% [markdown]
# ## Why is there no tanh on theta?
#
# A network may predict any number. Some scripts therefore squash theta with `tanh`, "to keep it small". But `tanh(1)` is 0.76, so the identity
# becomes a zoom. And the way back to 1 has no end: where `tanh` gives $t$ its slope is $1 - t^2$, and near 1 hardly any gradient is left.
#
# A constraint is better built into what theta *means*: an angle, a logarithm of a scale, a displacement. Every number is allowed, 0 is the identity.

# %% [markdown]
# ## Projective: who stands behind the camera?
#
# Add a third row to the affine matrix and divide by what it gives, the depth:
#
# $$x_s = \frac{a x + b y + c}{g x + h y + 1}, \qquad y_s = \frac{d x + e y + f}{g x + h y + 1}$$
#
# Where the depth is zero lies the horizon. **And beyond it?** Here is a floor of nine digits, seen as by someone who stands on it.

# %%
from stn_tutorial import sample, target_grid

floor = data.test_images[:9].view(3, 3, 28, 28).transpose(1, 2).reshape(1, 1, 84, 84).float() / 255
theta = torch.tensor([[1, 0, 0, 0, 1, 0, 0, 3.0]])  # h = 3: the horizon is at y = -1/3
points = target_grid((84, 84))
divided = points / (3 * points[..., 1:] + 1)
seen = [sample(floor, grid)[0] for grid in (divided[None], Projective().grid(theta, (84, 84)))]
print("the middle of the sky looks at", Projective().map_points(theta, torch.tensor([[0.0, -0.7]])).tolist())
alt = "Digits on a floor; above the horizon strokes upside down if all is divided, and black in this package"
figures.images_in_a_row(seen, ["divided everywhere", "this package"], alt, width=2.9)

# %% [markdown]
# On the left something stands in the sky. It is the part of the floor *behind* the camera, upside down, because a negative depth turns the sign of
# $y$. A camera does not see what is behind it. Here such points look a million units away, at the background, and pass no gradient.

# %% [markdown]
# ## The thin plate spline: solve once, multiply ever after
#
# Put a lattice of control points on the output, 4x4 in the paper. Theta has a displacement for each: where it looks. Between them the map bends as
# little as possible. So it is an affine map plus a bump $r^2 \log r$ around each control point (Bookstein, 1989).
#
# $$f(p) = a_0 + a_x x + a_y y + \sum_k w_k \, U(\lVert p - c_k \rVert), \qquad U(r) = r^2 \log r$$
#
# K control points make K + 3 coefficients, and as many linear equations: at each control point the spline takes the value wanted, and the bumps
# together add no shift and no slope.


# %%
def spline_terms(points: Tensor, controls: Tensor) -> Tensor:
    """At points (..., 2): r^2 log r for each of the K control points (K, 2), then 1, x, y: (..., K + 3)."""
    # r^2 log r = r^2 log(r^2) / 2; the clamp keeps 0 log 0 from being NaN
    squared = (points[..., None, :] - controls).square().sum(dim=-1).clamp(min=1e-30)
    return torch.cat([squared * squared.log() / 2, torch.ones_like(points[..., :1]), points], dim=-1)


def solve_spline(controls: Tensor, regularization: float) -> Tensor:
    """The matrix that turns the values wanted at K control points into the K + 3 coefficients of the spline."""
    k = len(controls)
    system = torch.zeros(k + 3, k + 3, dtype=controls.dtype)
    system[:k] = spline_terms(controls, controls)
    system[k:, :k] = system[:k, k:].T
    system[:k, :k] += regularization * torch.eye(k, dtype=controls.dtype)  # above 0: misses its values, bends less
    return torch.linalg.inv(system)[:, :k]


# %% [markdown]
# The matrix depends on where the control points stand, and not on theta. So it is inverted once. With the terms at all pixels it makes a table: how
# far each pixel follows each control point. Here are three of its sixteen columns, as pictures; white is 1, all the way.

# %%
controls = target_grid((4, 4), align_corners=True, dtype=torch.float64).view(-1, 2)
pixels = target_grid((28, 28), dtype=torch.float64).view(-1, 2)
table = spline_terms(pixels, controls) @ solve_spline(controls, 0.0)
displacements = 0.2 * torch.randn(16, 2, dtype=torch.float64)
grid = (pixels + table @ displacements).view(28, 28, 2)
ours = ThinPlateSpline(4).grid(displacements.view(1, -1), (28, 28))[0]
print("table", tuple(table.shape), "- largest difference from the package", float((grid - ours).abs().max()))
alt = "Bright around each control point, and black at a distance of about one cell of the lattice"
columns = table[:, [0, 1, 5]].T.view(3, 1, 28, 28)
figures.images_in_a_row(columns, ("a corner point", "one of the edge", "an inner one"), alt, width=2.1)

# %% [markdown]
# From here on a grid is one matrix product.
#
# ### Predict 1
#
# Can a thin plate spline turn the picture by 90 degrees *exactly*? And by how much must its corner points move?
#
# <details><summary>Answer</summary>Exactly: control points that move as an affine map does cost no bending. But each corner must travel the whole
# width of the picture, and all sixteen points in step. A small error in one of them bends the picture: freedom has to be learned.</details>

# %%
turn = Rotation().matrix(torch.tensor([[math.pi / 2]], dtype=torch.float64))[0, :, :2]
theta = (controls @ turn.T - controls).view(1, -1)
turned = Rotation().grid(torch.tensor([[math.pi / 2]], dtype=torch.float64), (28, 28))
print(f"off a rotation by {float((ThinPlateSpline(4).grid(theta, (28, 28)) - turned).abs().max()):.0e}")
print("the first corner point moves by", [round(value, 2) for value in theta.view(-1, 2)[0].tolist()])

# %% [markdown]
# ## A family that does not fold
#
# Push one control point past another and a spline lays the picture over itself. A **flow** does not. In it every point drifts for one unit of time,
# as in a river: at each place the water has a velocity, and keeps it. Points that start apart never meet. Theta has the velocities at a lattice.
#
# How does one follow the flow? A *short* flow is easy: $x + v(x) / 2^n$. And to follow a flow twice doubles its time. Start with a tiny step and
# double it $n$ times. A map applied to itself is called its square, so this is **scaling and squaring**.


# %%
def follow(velocity, points, squarings, time=1.0):
    """The flow over some time: the flow over half of it, composed with itself."""
    if squarings == 0:
        return points + time * velocity(points)
    return follow(velocity, follow(velocity, points, squarings - 1, time / 2), squarings - 1, time / 2)


def swirl(p):  # a turn about the centre, by one radian in a unit of time
    return torch.stack([-p[..., 1], p[..., 0]], dim=-1)


for n in (0, 1, 2, 4, 8):
    x, y = follow(swirl, torch.tensor([1.0, 0.0], dtype=torch.float64), n).tolist()
    print(f"{n} squarings: ({x:.4f}, {y:.4f}), distance from the centre {math.hypot(x, y):.4f}")
print(f"exactly:     ({math.cos(1):.4f}, {math.sin(1):.4f})")

# %% [markdown]
# This small version drifts outwards, the less the more squarings there are. (The package's step takes the velocity half-way, which is more exact.)
# Run backwards, the flow undoes itself: the inverse of theta is -theta.
#
# Now the contest: the same numbers as displacements of a spline and as velocities of a flow. **Where is the picture folded over?** Where the
# determinant of the map's four derivatives is negative. Autograd knows them at every point.


# %%
def folded_share(family, theta: Tensor) -> float:
    """Share of the points of a 40x40 grid at which maps fold the picture over."""
    points = target_grid((40, 40)).view(1, -1, 2).repeat(len(theta), 1, 1).requires_grad_()
    x, y = family.map_points(theta, points).unbind(dim=-1)
    (x_by,) = torch.autograd.grad(x.sum(), points, retain_graph=True)
    (y_by,) = torch.autograd.grad(y.sum(), points)
    determinant = x_by[..., 0] * y_by[..., 1] - x_by[..., 1] * y_by[..., 0]
    return float((determinant <= 0).float().mean())


wild = 0.6 * torch.randn(200, 32)
for family in (ThinPlateSpline(4), Diffeomorphic(4)):
    print(f"{type(family).__name__:<16} {100 * folded_share(family, wild):5.2f} % folded, over 200 random thetas")
pushed = torch.eye(32)[10]  # the x of one inner point is 1: beyond its neighbour
figures.warps(digit, {"spline": (ThinPlateSpline(4), pushed), "flow": (Diffeomorphic(4), pushed)})

# %% [markdown]
# In the picture one point alone is pushed to the right. The spline's lattice passes over itself, and a part of the 4 shows twice. The flow presses
# its lattice together and stops short.

# %% [markdown]
# ## Which distortions does the paper ask about?
#
# **R** turns by up to 90 degrees. **RTS** turns by up to 45, scales, and places the digit in a larger frame. **P** is a random projective view. **E**
# bends with a thin plate spline. **TC** hides the digit among clutter. Each tells us the true theta, in a family of its own.

# %%
from stn_tutorial.training.distortions import DISTORTIONS

digits, rows = data.test_images[:6].float() / 255, {}
for name in ("r", "rts", "p", "e", "tc"):
    distortion = DISTORTIONS[name]()
    images, truth = distortion(digits, torch.Generator().manual_seed(1))
    rows[f"{name.upper()}: {images.shape[3]} pixels wide, true theta in {distortion.family}"] = images
figures.images_in_rows(rows)

# %% [markdown]
# ## The paper's table 1, and ours
#
# CNN is a convolutional net, FCN a fully connected one. ST- stands for a spatial transformer in front of it, with its family behind. Rows that end in
# *-still* had the consistency term of notebook 5, and noise on theta.

# %%
from IPython.display import Markdown, display

from stn_tutorial.training.experiments import PAPER_TASKS
from stn_tutorial.training.runs import load_runs
from stn_tutorial.training.tables import mean_and_spread, table

Markdown(table("paper-table-1-cells"))

# %% [markdown]
# Read down a column of ours. A transformer lowers the error of either net, of the fully connected one most. Which family it has matters less.
#
# ### Predict 2
#
# Which of these differences would survive another seed? A gap of several spreads over seeds is a finding, a gap of one is a coin toss. **On which
# task is the gap between CNN and ST-CNN affine widest, counted in spreads?**

# %%
for name in PAPER_TASKS:
    runs = [load_runs(f"mnist-{name}/{net}") for net in ("cnn", "st-cnn-affine")]
    errors = [[run["test_error_percent"] for run in of_net] for of_net in runs]
    (without, one_spread), (with_it, other_spread) = map(mean_and_spread, errors)
    spreads = (without - with_it) / max(one_spread, other_spread)
    print(f"{name.upper():<4} {without:.2f} -> {with_it:.2f}: {spreads:.1f} spreads")

# %% [markdown]
# None is a coin toss: in front of this CNN a transformer pays on all four tasks.
#
# ## Does a family that fits the distortion undo more of it?
#
# E bends with a 4x4 spline, so a 4x4 spline can come near to undoing it. And it can turn, as we saw. What do trained nets do within a class? On turned
# digits (R) see the spread of the angle, before -> after. On bent ones (E) see how far corners stray.

# %%
for name in ("affine", "tps", "tps-still"):
    run = load_runs(f"mnist-r/st-cnn-{name}")[0]
    before, after = run["pose"]["mean_before_degrees"], run["pose"]["mean_after_degrees"]
    print(f"R, {name:<11}{before:.1f} -> {after:.1f}, error {run['test_error_percent']:.2f} %")
nets = {"E, affine": "affine", "E, spline": "tps", "E, deeper net": "tps-plain", "E, with the term": "tps-still"}
poses = {words: load_runs(f"mnist-e/st-cnn-{name}")[0]["pose"] for words, name in nets.items()}
pose_figures.pose_spread(poses, unit="pixels")

# %% [markdown]
# On R the spline's net leaves the digits nearly as they were, and errs on few all the same. On E a spline undoes a little, and an affine map nothing. A loss
# that asks for the digit's name does not ask for straight frames: **a low error is no proof that the pose was undone.** One has to ask for it, and see whether
# it was done. With the consistency term of [notebook 5](05_rotated_mnist.ipynb) a spline takes most of the turn back, and more of the bend; a deeper net without
# the term does not.

# %% [markdown]
# ## Which family for which task?
#
# | the pictures differ by | take | because |
# |---|---|---|
# | place and size of the object | attention | it cannot shear or turn, so it cannot learn to |
# | turn, place and size | similarity | zero is the identity, scale stays positive |
# | a little of everything | affine | the paper's default; the first to try |
# | the view of something flat | projective | mind the horizon |
# | bending: cloth, curved text | thin plate spline | it bends anywhere, by one matrix product |
# | bending, and the inverse matters | diffeomorphic | does not fold |

# %% [markdown]
# ## Play
#
# Drag the same corner in the first three, a little and then far. **What else moves along?** The fourth bends: drag an inner point beyond its
# neighbour. (In a running notebook the last cell then says how much of it is folded.)
#
# <details><summary>What we saw</summary>Similarity: all corners, about a centre that stays. Affine: the opposite corner. Projective: no other
# corner. Spline: everything nearby; it folds where a point has passed its neighbour.</details>

# %%
from stn_tutorial import explore

starts = {Similarity(): [0.3, -0.3, 0, 0], Affine(): [0.8, 0.3, 0, 0, 1.1, 0], Projective(): [0.9, 0, 0, 0, 0.9, 0, -0.2, 0.3]}
starts[ThinPlateSpline(4)] = [0.4 if k in (10, 21) else 0.0 for k in range(32)]
for family, begin in starts.items():
    explorer = explore(digit, family)
    explorer.theta = begin
    display(explorer)

# %%
print(f"{100 * folded_share(explorer.transform, torch.tensor([explorer.theta])):.1f} % of the last one is folded")

# %% [markdown]
# ## Exercise 1: a camera that sees nothing behind it
#
# Write `project`: where do points of the output look? Points whose depth is not positive look at (9, 9), outside any picture.
#
# <details><summary>Hint</summary>Compute numerators and depth first. `torch.where(behind, 1.0, depth)` gives a depth that can be divided by
# everywhere; then replace the points behind.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** Projective thetas (N, 8) and points (K, 2) to the points looked at (N, K, 2); (9, 9) behind the camera. Theta is $(a, b, c, d, e, f,
# g, h)$ of $x_s = (a x + b y + c) / (g x + h y + 1)$ and $y_s = (d x + e y + f) / (g x + h y + 1)$.

# %% tags=["solution"]
import torch


def project(theta: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Where points (K, 2) look under projective thetas (N, 8): (N, K, 2); (9, 9) where the depth is not positive."""
    a, b, c, d, e, f, g, h = theta.T[:, :, None]
    x, y = points.T
    depth = g * x + h * y + 1
    behind = depth <= 0
    safe = torch.where(behind, 1.0, depth)
    looked = torch.stack([(a * x + b * y + c) / safe, (d * x + e * y + f) / safe], dim=-1)
    return torch.where(behind[..., None], 9.0, looked)


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_project(project)

# %% [markdown]
# ## Exercise 2: scaling and squaring without recursion
#
# Write `flow`: the same as `follow` above, in a loop of equal steps.
#
# <details><summary>Hint</summary>The velocity is asked anew at each step, at the place reached so far. How many steps are there with three
# squarings?</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** Follow a velocity field for one unit of time in $2^n$ equal steps, where $n$ is `squarings`. Each step leads from $x$ to $x + v(x) /
# 2^n$, with $v$ taken where the step begins.


# %% tags=["solution"]
def flow(velocity, points: torch.Tensor, squarings: int) -> torch.Tensor:
    """Where points (K, 2) arrive in one unit of time, in 2^squarings equal steps; velocity is a function, (K, 2) -> (K, 2)."""
    steps = 2**squarings
    for _ in range(steps):
        points = points + velocity(points) / steps
    return points


# %% tags=["check"]
checks.check_flow(flow)

# %% [markdown]
# ## What to take away
#
# 1. A family is what theta means. Choose one in which zero is the identity where you can, and never squash theta with tanh.
# 2. Projective maps have a horizon: what lies behind the camera is background, not a mirror image.
# 3. A thin plate spline is solved once per lattice; after that a grid is one matrix product.
# 4. A flow bends and does not fold, as long as its steps are short; its inverse is -theta.
# 5. Compare families by seeds and spread, not by single cells of a table.
#
# Next: [notebook 7](07_cifar10.ipynb), photographs, whose edges are no longer black.
#
# <details><summary>Fine print</summary>
#
# *Table 1.* The paper trained for 640 epochs, with more parameters, and its code is not public; ours have batch normalisation and dropout. Our P may
# be milder. So compare our nets with each other. A cell without ± is a single run. ST-CNN has a tenth more parameters than the CNN; on R a control of
# equal size errs as the CNN does ([results](../docs/results.md)). The nets with the consistency term are deeper. *E* follows the corners of a square
# half as wide: no net can see how the black frame bends. *Scaling and squaring* usually interpolates a stored map; we compose point by point.
#
# </details>
