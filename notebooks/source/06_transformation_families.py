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
# **Attention, similarity, projective, thin plate spline, diffeomorphic: what can each do, what does it cost, and which one does a
# task want?**
#
# Afterwards you can
#
# - write down each family's map, from theta to sampling grid, and say what it keeps,
# - solve a thin plate spline once and turn it into one matrix product, and build a flow that does not fold,
# - read the paper's table 1, and ours beside it, critically.
#
# *Minutes on a laptop CPU: MINUTES_06 to run, about 45 to read and try.* What to know before: notebooks
# [2](02_grid_generator.ipynb) and [5](05_rotated_mnist.ipynb); what a system of linear equations is.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_06)

# %% tags=["setup"]
try:
    import stn_tutorial
except ModuleNotFoundError:  # on Colab: installs this package, and leaves the torch that is there alone
    # %pip install -q --no-deps anywidget psygnal torchsummary INSTALL_LINE
    import stn_tutorial

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %% [markdown]
# ## How much freedom does a family have?
#
# A family is a set of maps, and theta says which one. More numbers in theta mean more freedom, and more that can go wrong. Here
# is one theta of each family, picked by hand.

# %%
import math

import torch
from torch import Tensor

from stn_tutorial import Affine, Attention, Diffeomorphic, Projective, Rotation, Similarity, ThinPlateSpline, Translation
from stn_tutorial.teaching import diagrams, figures

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
figures.warps(digit, examples)

# %%
for name, (family, _) in examples.items():
    print(f"{name:<18} {family.num_params:>2} parameters")

# %% [markdown]
# Read the lattices from left to right, and from top to bottom. Squares stay squares up to *similarity*. Parallels stay parallel up to
# *affine*. Straight lines stay straight up to *projective*. The last two bend them.
#
# *Attention* chooses a window, a crop: the oldest differentiable way to look at a part of a picture. Spatial transformers generalise
# differentiable attention to any transformation.

# %% [markdown]
# What theta holds, and the matrix it stands for (projective, spline and flow get a section each):
#
# | family | theta | matrix |
# |---|---|---|
# | translation | $t_x,t_y$ | $\begin{pmatrix}1&0&t_x\\0&1&t_y\end{pmatrix}$ |
# | attention | $s,t_x,t_y$ | $\begin{pmatrix}s&0&t_x\\0&s&t_y\end{pmatrix}$ |
# | rotation | the angle $\alpha$ | $\begin{pmatrix}\cos\alpha&-\sin\alpha&0\\ \sin\alpha&\cos\alpha&0\end{pmatrix}$ |
# | similarity | $\alpha,\log s,t_x,t_y$ | $\begin{pmatrix}s\cos\alpha&-s\sin\alpha&t_x\\s\sin\alpha&s\cos\alpha&t_y\end{pmatrix}$ |
# | affine | all six | $\begin{pmatrix}\theta_{11}&\theta_{12}&\theta_{13}\\\theta_{21}&\theta_{22}&\theta_{23}\end{pmatrix}$ |
#
# (`Attention(log_scale=True)` holds $\log s$ in place of $s$.)

# %% [markdown]
# ## What does a family keep?
#
# An affine map keeps **collinearity**: points on a line stay on a line. It keeps **ratios** along a line: the midpoint stays the midpoint.
# And it keeps parallels. Here are $A$, $B$ and their midpoint $M$, and a parallel $CD$:

# %%
shapes = {"AMB": torch.tensor([[-0.8, -0.6], [0.0, -0.2], [0.8, 0.2]]), "CD": torch.tensor([[-0.8, 0.1], [0.8, 0.9]])}
family, theta = examples["affine"]
looks = {name: family.map_points(theta[None], points)[0] for name, points in shapes.items()}

a, m, b = looks["AMB"]
print(f"M is off the midpoint of A and B by {float((m - (a + b) / 2).norm()):.1e}")
diagrams.kept(shapes, looks, "affine")

# %% [markdown]
# A projective map is what a camera does to a plane. It keeps collinearity and **incidence**: a point on two lines stays on both. It does
# not keep ratios, but a ratio of ratios, the **cross-ratio** of four points on a line: $(AC/BC)/(AD/BD)$.


# %%
def cross_ratio(points: Tensor) -> float:
    """Of four points (4, 2) on a line that is not vertical: x alone will do."""
    a, b, c, d = points[:, 0].tolist()
    return (c - a) / (c - b) / ((d - a) / (d - b))


shapes = {
    "ABCD": torch.tensor([[-0.9, -0.6], [-0.3, -0.3], [0.3, 0.0], [0.9, 0.3]]),
    "EBF": torch.tensor([[-0.5, 0.8], [-0.3, -0.3], [-0.2, -0.85]]),
}
family, theta = examples["projective"]
looks = {name: family.map_points(theta[None], points)[0] for name, points in shapes.items()}

steps = looks["ABCD"].diff(dim=0).norm(dim=1).tolist()
print("equal steps AB, BC, CD become", [round(step, 2) for step in steps])
print(f"cross-ratio before {cross_ratio(shapes['ABCD']):.4f}, after {cross_ratio(looks['ABCD']):.4f}")
diagrams.kept(shapes, looks, "projective")

# %% [markdown]
# ## Why is there no tanh on theta?
#
# A network may predict any number. Some scripts therefore squash theta with `tanh`, "to keep it small". What becomes of the identity?

# %%
print("tanh(identity)  ", [round(value, 2) for value in Affine().identity().tanh().tolist()])
for value in (1, 3, 6):
    print(f"tanh({value}) = {math.tanh(value):.6f}, slope {1 - math.tanh(value) ** 2:.6f}")

# %% [markdown]
# Such a transformer starts with a zoom. The nearer it comes to life size, the less gradient is left to get there, and it never arrives.
# A constraint is better built into what theta *means*: an angle, the logarithm of a scale, a displacement, a
# velocity. Then every number is allowed, and zero is the identity:

# %%
for family in (Translation(), Attention(log_scale=True), Rotation(), Similarity(), ThinPlateSpline(), Diffeomorphic()):
    print(f"{type(family).__name__:<16} is the identity at zero: {not family.identity().any()}")

# %% [markdown]
# ## Projective: who stands behind the camera?
#
# Add a third row to the affine matrix and divide by what it gives, the depth:
#
# $$x_s = \frac{a x + b y + c}{g x + h y + 1}, \qquad y_s = \frac{d x + e y + f}{g x + h y + 1}$$
#
# Where the depth is zero lies the horizon. **And beyond it?**

# %%
theta = torch.tensor([[1, 0, 0, 0, 1, 0, 4.0, 0]])  # g = 4
for x in (1.0, 0.0, -0.2, -0.5, -1.0):
    depth = 4 * x + 1
    u, v = Projective().map_points(theta, torch.tensor([[x, 0.4]]))[0, 0].tolist()
    print(
        f"({x:+.1f}, 0.4), depth {depth:+.1f}: divided ({x / depth:+.2f}, {0.4 / depth:+.2f}), this package ({u:+.2f}, {v:+.2f})"
    )

# %% [markdown]
# Beyond the horizon, plain division comes back into the picture from the other side, with the sign of $y$ turned: the picture would
# appear once more, upside down. A camera does not see what is behind it. Here such points look a million units away, at the
# background, and pass no gradient.

# %% [markdown]
# ## The thin plate spline: solve once, multiply ever after
#
# Put a lattice of control points on the output, 4x4 in the paper, and say for each where it looks: theta is a displacement for
# each. Between them the map shall bend as little as possible. Bookstein (1989) showed what that is: a sum of one bump
# $r^2 \log r$ around each control point, and an affine map.
#
# $$f(p) = a_0 + a_x x + a_y y + \sum_k w_k \, U(\lVert p - c_k \rVert), \qquad U(r) = r^2 \log r$$


# %%
def spline_terms(points: Tensor, controls: Tensor) -> Tensor:
    """What a thin plate spline is a sum of, at points (..., 2): r^2 log r for each of K control points, then 1, x, y.

    controls: (K, 2). Returns (..., K + 3).
    """
    # r^2 log r = r^2 log(r^2) / 2; the clamp keeps 0 log 0 from being NaN
    squared = (points[..., None, :] - controls).square().sum(dim=-1).clamp(min=1e-30)
    return torch.cat([squared * squared.log() / 2, torch.ones_like(points[..., :1]), points], dim=-1)


# %% [markdown]
# The K + 3 coefficients follow from K + 3 linear equations: at each control point the spline takes the value wanted, and the
# weights satisfy $\sum_k w_k = 0$ and $\sum_k w_k c_k = 0$: together the bumps add no push and no tilt of their own.


# %%
def solve_spline(controls: Tensor, regularization: float) -> Tensor:
    """The matrix that turns the values wanted at K control points into the K + 3 coefficients of the spline."""
    k = len(controls)
    system = torch.zeros(k + 3, k + 3, dtype=controls.dtype)
    system[:k] = spline_terms(controls, controls)
    system[k:, :k] = system[:k, k:].T
    system[:k, :k] += regularization * torch.eye(k, dtype=controls.dtype)
    return torch.linalg.inv(system)[:, :k]


# %% [markdown]
# The matrix depends on where the control points stand, and not on theta. So it is inverted once, and with the terms at all pixels
# it makes a table: how far each pixel follows each control point.

# %%
from stn_tutorial import target_grid

controls = target_grid((4, 4), align_corners=True, dtype=torch.float64).view(-1, 2)
pixels = target_grid((28, 28), dtype=torch.float64).view(-1, 2)
table = spline_terms(pixels, controls) @ solve_spline(controls, 0.0)
displacements = 0.2 * torch.randn(16, 2, dtype=torch.float64)
grid = (pixels + table @ displacements).view(28, 28, 2)
ours = ThinPlateSpline(4).grid(displacements.view(1, -1), (28, 28))[0]
print("table:", tuple(table.shape), " largest difference from the package:", float((grid - ours).abs().max()))
print("each pixel's row sums to 1, up to", float((table.sum(dim=1) - 1).abs().max()))

# %% [markdown]
# A grid is one matrix product. (Each row sums to 1: if all control points move by the same amount, so does every pixel.)
#
# With noise in theta a spline wriggles. `regularization` adds to the diagonal of the system: the larger it is, the less the spline bends,
# and the further it misses the displacements. At 100 little more than an affine map remains.

# %%
bend = 0.25 * torch.randn(32)
figures.warps(digit, {f"regularization {r:g}": (ThinPlateSpline(4, r), bend) for r in (0.0, 0.1, 1.0, 100.0)})

# %% [markdown]
# ### Predict 1
#
# Can a thin plate spline turn the picture by 90 degrees *exactly*? And by how much must its corner points move?
#
# <details><summary>Answer</summary>Exactly: control points that move as an affine map does cost no bending. But each corner must travel the
# whole width of the picture, and all sixteen points in step. A small error in one of them bends the picture: freedom has to be
# learned.</details>

# %%
turn = Rotation().matrix(torch.tensor([[math.pi / 2]], dtype=torch.float64))[0, :, :2]
theta = (controls @ turn.T - controls).view(1, -1)
turned = Rotation().grid(torch.tensor([[math.pi / 2]], dtype=torch.float64), (28, 28))
print("difference:", float((ThinPlateSpline(4).grid(theta, (28, 28)) - turned).abs().max()))
print("the corner points move by", [round(value, 2) for value in theta.view(-1, 2)[0].tolist()])

# %% [markdown]
# ## A family that does not fold
#
# Push one control point past another and a spline lays the picture over itself. A **flow** does not: every point drifts along a
# velocity field that stands still, for one unit of time, and two points that start apart never meet. Theta holds the velocities at
# a lattice of points.
#
# How does one follow the flow? A *short* flow is easy: $x + v(x) / 2^n$. And following a flow twice doubles its time. Start with
# a tiny step and square it $n$ times: **scaling and squaring**.


# %%
def follow(velocity, points, squarings, time=1.0):
    """The flow over some time: the flow over half of it, composed with itself."""
    if squarings == 0:
        return points + time * velocity(points)
    return follow(velocity, follow(velocity, points, squarings - 1, time / 2), squarings - 1, time / 2)


def swirl(p):
    """Velocities of a turn about the centre, by one radian in a unit of time."""
    return torch.stack([-p[..., 1], p[..., 0]], dim=-1)


start_point = torch.tensor([1.0, 0.0], dtype=torch.float64)
for n in (0, 1, 2, 4, 8):
    x, y = follow(swirl, start_point, n).tolist()
    print(f"{n} squarings: ({x:.4f}, {y:.4f}), distance from the centre {math.hypot(x, y):.4f}")
print(f"exactly:     ({math.cos(1):.4f}, {math.sin(1):.4f})")

# %% [markdown]
# The steps of this small version drift outwards, the less the more squarings there are.
#
# The package's step takes the velocity half-way, and can then be run backwards: the inverse of theta is simply -theta. Half-way
# depends on where the step ends, so each step is found in a few rounds, `iterations`.

# %%
theta = 0.5 * torch.randn(1, 32, dtype=torch.float64)
for rounds in (1, 3, 16):
    family = Diffeomorphic(iterations=rounds)
    there = family.map_points(theta, pixels)
    back = family.map_points(family.inverse(theta), there)
    print(f"there and back again, {rounds:>2} rounds: off by {float((back - pixels).abs().max()):.1e} at most")

# %% [markdown]
# Now the contest: the same numbers as displacements of a spline and as velocities of a flow. **Where is the picture turned
# over?** Where the determinant of the map's Jacobian is negative; autograd knows it at every point.


# %%
def folded_share(family, theta: Tensor) -> float:
    """Share of the points of a 40x40 grid at which maps turn the picture over."""
    points = target_grid((40, 40)).view(1, -1, 2).repeat(len(theta), 1, 1).requires_grad_()
    x, y = family.map_points(theta, points).unbind(dim=-1)
    (x_by,) = torch.autograd.grad(x.sum(), points, retain_graph=True)
    (y_by,) = torch.autograd.grad(y.sum(), points)
    determinant = x_by[..., 0] * y_by[..., 1] - x_by[..., 1] * y_by[..., 0]
    return float((determinant <= 0).float().mean())


wild = 0.6 * torch.randn(200, 32)
for family in (ThinPlateSpline(4), Diffeomorphic(4)):
    print(f"{type(family).__name__:<16} {100 * folded_share(family, wild):.2f} % of the picture folded over 200 random thetas")
figures.warps(digit, {"spline": (ThinPlateSpline(4), wild[0]), "flow": (Diffeomorphic(4), wild[0])})

# %% [markdown]
# ## Which distortions does the paper ask about?
#
# **R** turns by up to 90 degrees. **RTS** turns by up to 45, scales, and places the digit in a larger frame. **P** is a
# random projective view. **E** bends with a thin plate spline. **TC** hides the digit among clutter. Each one tells us
# the true theta, in a family of its own.

# %%
from stn_tutorial.training.distortions import DISTORTIONS

digits, rows = data.test_images[:6].float() / 255, []
for name in ("r", "rts", "p", "e", "tc"):
    distortion = DISTORTIONS[name]()
    images, truth = distortion(digits, torch.Generator().manual_seed(1))
    print(f"{name.upper():<4} {tuple(images.shape[2:])} pixels, true theta in {distortion.family}, {truth.shape[1]} numbers")
    margin = (60 - images.shape[2]) // 2
    rows.append(torch.cat(list(torch.nn.functional.pad(images, (margin,) * 4, value=0.35)[:, 0]), dim=1))
words = "Six test digits in columns; from top to bottom distorted by R, RTS, P, E and TC, each in its own frame size."
figures.images_in_a_row([torch.cat(rows)[None]], ["from the top: R, RTS, P, E, TC"], alt=words, width=6)

# %% [markdown]
# ## The paper's table 1, and ours
#
# Every number of ours is printed from the recorded runs. The two rows *without* a transformer tell how hard a task is.

# %%
from IPython.display import Markdown

from stn_tutorial.training.experiments import EXPERIMENTS, FAMILIES, PAPER_TASKS
from stn_tutorial.training.runs import load_runs, load_theta
from stn_tutorial.training.tables import mean_and_spread, table

Markdown(table("paper-table-1-cells"))

# %% [markdown]
# ### Predict 2
#
# Which of these differences would survive another seed? Only where a cell has several seeds can we know. **On which task is the gap between
# ST-CNN affine and the CNN widest, measured by what seeds do?**
#
# <details><summary>How to read the answer</summary>A ratio well above 2 is a finding; around 1 it is a coin toss. The control is the CNN with
# as many parameters as ST-CNN.</details>

# %%
for name in PAPER_TASKS:
    ours = [run["test_error_percent"] for run in load_runs(f"mnist-{name}/st-cnn-affine")]
    for rival in ("cnn", "cnn-control"):
        theirs = [run["test_error_percent"] for run in load_runs(f"mnist-{name}/{rival}")]
        if min(len(ours), len(theirs)) < 2:
            continue
        (mean, spread), (their_mean, their_spread) = mean_and_spread(ours), mean_and_spread(theirs)
        ratio = (their_mean - mean) / max(spread, their_spread)
        print(
            f"{name.upper():<4} {rival:<12} {their_mean:.2f}, ST-CNN {mean:.2f}: the gap is {ratio:.1f} times the larger spread"
        )

# %% [markdown]
# ## Does a family that fits the distortion undo more of it?
#
# E bends with a 4x4 spline, so a 4x4 spline can come near to undoing it. How far does the picture stray within a class, before
# the transformer and after it?

# %%
reports = {}
for name in ("affine", "tps", "diffeomorphic"):
    for run in load_runs(f"mnist-e/st-cnn-{name}")[:1]:
        reports[f"{name}, error {run['test_error_percent']:.2f} %"] = run["pose"]
figures.pose_spread(reports, unit="pixels")

# %% [markdown]
# Hardly: the bars before and after differ by little, whatever the family. A loss that asks for the digit's name does not ask for straight
# frames. Where a classifier copes with a bent digit, nothing presses the transformer to unbend it.
#
# The clearest case is a spline on turned digits:

# %%
for name in ("affine", "tps"):
    for run in load_runs(f"mnist-r/st-cnn-{name}")[:1]:
        before, after = run["pose"]["mean_before_degrees"], run["pose"]["mean_after_degrees"]
        print(f"R, {name:<7} spread of the angle {before:.1f} -> {after:.1f} degrees, error {run['test_error_percent']:.2f} %")

# %% [markdown]
# The spline's net leaves the digits turned as they were, and still errs on fewer than the CNN without a transformer. It bends them in some
# other way that helps its classifier. **A low error is no proof that the pose was undone.** To have it undone one has to ask for it:
# [notebook 5](05_rotated_mnist.ipynb) does.

# %% [markdown]
# ## And where does it not pay?
#
# TC, a digit among clutter in a frame of 60x60, is the paper's showcase: there ST-CNN makes half the errors of a CNN. Ours, beside a
# control with as many parameters:

# %%
for name in ("cnn-control", "st-cnn-affine", "st-cnn-attention"):
    for run in load_runs(f"mnist-tc/{name}")[:1]:
        minutes, off = run["wall_seconds"] / 60, run["pose"]["mean_after_pixels"]
        print(f"{name:<17} error {run['test_error_percent']:.2f} %, {minutes:.0f} minutes, corners stray by {off:.1f} pixels")

# %% [markdown]
# The transformer finds the digit: the corners come to rest. Yet the control, which has none, is not behind.
# What the transformer gives here is time. It hands the classifier 28x28 pixels in place of 60x60, so the training took less than half
# the control's minutes.

# %% [markdown]
# ## How do they learn?
#
# The recorded runs hold theta of 64 test digits along the training. One animation for each family that is recorded: the lattice
# over the input, and what the classifier gets.

# %%
from IPython.display import display

from stn_tutorial import animate_warps

for name, make in FAMILIES.items():
    found = [e for e in EXPERIMENTS if e.endswith(f"/st-cnn-{name}") and load_runs(e)]
    if found:
        print(f"{name}, from {found[0]}:")
        seed = load_runs(found[0])[0]["seed"]
        display(animate_warps(load_theta(found[0], seed), make(), count=2, every=2))

# %% [markdown]
# ## Which family for which task?
#
# | the pictures differ by | take | because |
# |---|---|---|
# | place and size of the object | attention | it cannot shear or turn, so it cannot learn to |
# | turn, place and size | similarity | zero is the identity, scale stays positive |
# | a little of everything | affine | the paper's default; the first to try |
# | the view of something flat | projective | mind the horizon |
# | bending: cloth, curved text | thin plate spline | free and cheap; needs a regulariser or much data |
# | bending, and the inverse matters | diffeomorphic | does not fold; many look-ups for a grid |
#
# A family cannot undo what it cannot express.

# %% [markdown]
# ## Play
#
# One explorer per family, from 1 number to 8. Drag the same corner in each: what else moves along?

# %%
from stn_tutorial import explore

for name in ("rotation", "translation", "attention", "similarity", "affine", "projective"):
    family, theta = examples[name]
    explorer = explore(digit, family)
    explorer.theta = theta.tolist()
    display(explorer)

# %% [markdown]
# Translation: everything, equally. Rotation, attention and similarity: all corners, about a centre that stays. Affine: the opposite corner.
# Projective: no other corner.
#
# And now bend. In both explorers the same inner point begins moved beyond its neighbour. Drag it further, and its neighbours. (In the
# flow a handle is the tip of a velocity, an arrow that starts at the control point. The lattice shows where the points are after one unit of
# time, so handle and lattice need not meet.)

# %%
spline_explorer, flow_explorer = explore(digit, ThinPlateSpline(4)), explore(digit, Diffeomorphic(4))
for explorer in (spline_explorer, flow_explorer):
    explorer.theta = [1.0 if k == 10 else 0.0 for k in range(32)]  # d_x, or v_x, of the point in row 2, column 2
display(spline_explorer, flow_explorer)

# %% [markdown]
# How much of the picture is folded, where you left them? Run this again after dragging.

# %%
for name, explorer in {"spline": spline_explorer, "flow": flow_explorer}.items():
    print(f"{name}: {100 * folded_share(explorer.transform, torch.tensor([explorer.theta])):.1f} % folded")

# %% [markdown]
# The spline folds as soon as one point passes its neighbour; the flow stays at nothing as long as its steps are short (with extreme
# velocities it needs more `squarings`).

# %% [markdown]
# ## Exercise 1: a camera that sees nothing behind it
#
# Write `project`: where do points of the output look under projective thetas? Theta is $(a, b, c, d, e, f, g, h)$ of the two formulas
# above. Points whose depth is not positive look at (9, 9), outside any picture.
#
# <details><summary>Hint</summary>Compute numerators and depth first. `torch.where(behind, 1.0, depth)` gives a depth that can be
# divided by everywhere; then replace the points behind.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** Projective thetas (N, 8) and points (K, 2) to the points looked at (N, K, 2); (9, 9) behind the camera. Theta is
# $(a, b, c, d, e, f, g, h)$ of $x_s = (a x + b y + c) / (g x + h y + 1)$ and $y_s = (d x + e y + f) / (g x + h y + 1)$.

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
# Write `flow`: follow a velocity field for one unit of time. Make $2^n$ equal steps, each $x + v(x) / 2^n$ with $v$ taken where the
# step begins; $n$ is `squarings`.
#
# <details><summary>Hint</summary>The velocity is asked anew at each step, at the place reached so far. How many steps are there with
# three squarings?</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** Follow a velocity field for one unit of time in 2^squarings equal steps, each $x + v(x) / 2^n$ with $v$ taken where the
# step begins.


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
# 1. A family is what theta means. Where you can, choose one in which zero is the identity; start affine and projective at theirs; never
#    squash theta with tanh.
# 2. Projective maps have a horizon: what lies behind the camera is background, not a mirror image.
# 3. A thin plate spline is solved once per lattice; after that a grid is one matrix product.
# 4. A flow bends and does not fold, as long as its steps are short; its inverse is -theta.
# 5. Compare families by seeds and spread, not by single cells of a table.
#
# Next: [notebook 7](07_cifar10.ipynb), photographs, whose edges are no longer black.

# %% [markdown]
# <details><summary>Fine print</summary>
#
# *Table 1.* The paper's code is not public, and its recipes leave room. Its nets were trained for 640 epochs and have more parameters; ours
# have batch normalisation and dropout. Our P may be milder than the paper's: on it our nets without a transformer make fewer errors, on RTS
# more. So compare our nets with each other. A cell without ± is a single run.
#
# *E.* The corners followed there are those of a square half as wide: no net can see how the black frame bends.
#
# *Scaling and squaring* usually stores the map on a grid and interpolates it with itself, with a little blur each time. We compose point by
# point, which is the same as $2^n$ equal steps.
#
# </details>
