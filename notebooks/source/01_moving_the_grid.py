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
# # 1. Moving the grid
#
# **What does a spatial transformer do to a picture, and which way does theta point?**
#
# Afterwards you can
#
# - say what the six numbers of an affine theta do,
# - predict which way a picture moves when theta changes,
# - write theta for a shift by whole pixels and for a turn.
#
# *Minutes on a laptop CPU: MINUTES_01 to run, about 25 to read and try.* What to know before: Python, and that a picture is an
# array of numbers. No machine learning yet.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_01)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %%
from stn_tutorial.teaching import diagrams, figures

digit, name = data.train_images[5], f"a {int(data.train_labels[5])}"
diagrams.spatial_transformer(digit, label=name)

# %% [markdown]
# This is the whole of it: a **spatial transformer** ([Jaderberg and others, 2015](https://arxiv.org/abs/1506.02025)). It looks at
# a picture, decides how to turn, crop, stretch or shift it, and hands on the result. The decision is a few numbers, called **theta**
# ($\theta$). Nobody tells it what upright means: it learns from the classifier's errors alone, along the dashed arrows.

# %% [markdown]
# Each part has a notebook of its own:
#
# | part | its question | notebook |
# |---|---|---|
# | grid generator | given theta, at which points do we read the input? | 2 |
# | sampler | given a point, which value is there? | 3 |
# | localisation network | which theta is right for *this* picture? | 4 |
#
# Today theta is chosen by hand. By you.

# %% [markdown]
# ## Why does a network need help?
#
# To a person these are the same digit. To a network that compares pixels they are not.

# %%
import math

import torch

from stn_tutorial import Affine, Rotation, sample

image = digit.float() / 255  # floating point, 0 is black
angle = torch.tensor([[math.radians(40)]])
turned = sample(image[None], Rotation().grid(angle, (28, 28)))[0]

figures.images_in_a_row([image, turned], [name, "turned by 40 degrees"], f"{name}, and the same picture turned by 40 degrees")

# %% [markdown]
# `grid` is the grid generator: it says where to look. `sample` is the sampler: it reads the picture there.
#
# Two things look odd in that code. Every function here takes a *batch*, a stack of pictures. `image[None]` is a stack of one, and
# the `[0]` at the end takes the picture out again. Theta has one row for each picture: `[[...]]` is one row, here with one number.
#
# Now let us look through the eyes of a convolution, of which a CNN has many. It slides a small pattern over the picture. How strongly
# does the pattern answer, in all?

# %%
from torch.nn import functional as F

pattern = torch.tensor([[[[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]]])  # dark on the left, bright on the right
views = {
    "as it is": image,
    "shifted by 3 pixels": image.roll(3, dims=2),
    "lying": image.rot90(dims=(1, 2)),
    "half as large": sample(image[None], Affine().grid(torch.tensor([[2.0, 0, 0, 0, 2.0, 0]]), (28, 28)))[
        0
    ],  # why 2? see below
}
for words, view in views.items():
    print(f"{words:<20} {F.conv2d(view[None], pattern, padding=1).relu().sum():.1f}")

# %% [markdown]
# The same answer after a shift. That is **invariance**: the answer does not vary with the pose. A CNN has it for small shifts: its
# patterns slide, and pooling forgets where exactly they answered. Nothing turns its patterns or makes them larger. **A CNN is not
# invariant to rotation and scale.** It has to learn each pose from examples, or somebody has to put the picture upright first.

# %% [markdown]
# ## How does one warp a picture?
#
# Two ways come to mind. **Push**: take each input pixel and put it where it belongs in the output. **Pull**: go through the
# *output* pixels and ask each where in the input its value comes from. Let us push a picture to twice its width.

# %%
pushed = torch.full((28, 56), math.nan)  # NaN marks what nobody has written
for row in range(28):
    for column in range(28):
        pushed[row, 2 * column] = image[0, row, column]

print("columns that were never written:", int(pushed.isnan().all(dim=0).sum()), "of 56")
figures.images_in_a_row(
    [pushed.nan_to_num()], ["pushed to twice the width"], f"{name}, wide: every second column is black", width=2.4
)

# %% [markdown]
# Every second column stayed empty. Pulling cannot leave holes, because each output pixel is asked.

# %%
pulled = torch.full((28, 56), math.nan)
for row in range(28):
    for column in range(56):
        pulled[row, column] = image[0, row, column // 2]  # the output pixel says where it looks

print("columns that were never written:", int(pulled.isnan().all(dim=0).sum()), "of 56")
figures.images_in_a_row([pulled], ["pulled to twice the width"], f"{name}, wide, with no gaps between the columns", width=2.4)

# %% [markdown]
# So we pull. That decides the direction of everything that follows: **theta maps output coordinates to input coordinates**.
# It tells every output pixel where to look.

# %% [markdown]
# ## What do the six numbers do?
#
# An affine theta holds six numbers, a 2x3 matrix row by row. The output pixel at $(x_t, y_t)$ looks at $(x_s, y_s)$ in the
# input (the paper's equation 1; *t* for target, *s* for source):
#
# $$\begin{pmatrix} x_s \\ y_s \end{pmatrix} = \begin{pmatrix} \theta_{11} & \theta_{12} & \theta_{13} \\ \theta_{21} &
# \theta_{22} & \theta_{23} \end{pmatrix} \begin{pmatrix} x_t \\ y_t \\ 1 \end{pmatrix}$$
#
# Written out, the first row is $x_s = \theta_{11} x_t + \theta_{12} y_t + \theta_{13}$, and the second makes $y_s$ in the same way.

# %% [markdown]
# Coordinates are *normalised*: the picture is the square from -1 to 1, whatever its size in pixels. $x$ points right, $y$
# points **down**. The *identity* is the theta that leaves everything where it is.

# %%
from stn_tutorial import explore

family = Affine()
print("identity:", family.identity().tolist())
explorer = explore(image, family)
explorer

# %% [markdown]
# On the left is the input, and over it a coarse lattice: where the output looks. Its dot is the output's top left corner, its thick
# edge the output's top. On the right is what the output sees there.
#
# **Take hold of it.** Drag a corner, or the centre of the lattice. When you drag a corner the centre stays, so the opposite corner
# moves the other way. The sliders are the same theta: `a11 a12 t_x` is the first row, so $\theta_{13}$ is `t_x`. *reset* goes
# back to the identity, *undo* one move back, *share* gives theta as Python.
#
# (Only a still picture? Then Python is not running: open the notebook with `make lab` and run the cell.)

# %% [markdown]
# ### Predict 1
#
# Take $\theta_{13}$, the last number of the first row, from 0 to 0.5. **Will the digit in the output move left or right?**
# Decide. Then press *reset* in the explorer, and drag the centre to the right.
#
# <details><summary>Answer</summary>It moves <b>left</b>. The lattice moves right, by a quarter of the picture (0.5 of a square that
# is 2 wide), and what it sees there lies further left in its frame. Walk to the right along a wall of posters: the posters pass you to
# the left.</details>

# %%
theta = torch.tensor([1.0, 0.0, 0.5, 0.0, 1.0, 0.0])
figures.Folded(figures.warp(image, family, theta, "the last number of the first row is 0.5"))

# %% [markdown]
# By how many pixels? The square is 2 wide, so 0.5 is a quarter of it, and a quarter of 28 pixels is 7. We measure it with a slim
# digit, of which the frame cuts nothing off.

# %%
slim = data.train_images[data.train_images[:, 0, :, :9].sum(dim=(1, 2)) == 0][:1].float() / 255  # its 9 left columns are black
moved = sample(slim, family.grid(theta[None], (28, 28)))
centre, moved_centre = (float((p.sum(dim=(0, 1, 2)) * torch.arange(28)).sum() / p.sum()) for p in (slim, moved))

print(f"the digit's centre moved by {abs(moved_centre - centre):.1f} pixels")

# %% [markdown]
# ### Predict 2
#
# Now $\theta_{11} = \theta_{22} = 2$. **Larger or smaller?** Decide, press *reset*, and move the sliders
# `a11` and `a22` to 2.
#
# <details><summary>Answer</summary>Smaller. The lattice reaches twice as far, so more of the world fits into the same frame. With 0.5
# in place of 2 the lattice covers the middle alone: a <b>crop</b>, enlarged.</details>

# %%
large, small = torch.tensor([[2.0, 0.0, 0.0, 0.0, 2.0, 0.0], [0.5, 0.0, 0.0, 0.0, 0.5, 0.0]])
figures.Folded(figures.warps(image, {"2 on the diagonal": (family, large), "0.5: a crop": (family, small)}))

# %% [markdown]
# Beyond the picture there is nothing to see, and the sampler fills in zeros. Here that is the black of the background. Remember that
# black: notebook 4 shows what happens when the background is *not* zero.

# %% [markdown]
# ### Predict 3
#
# A rotation matrix with a positive angle turns the axes from $x$ towards $y$. Here $y$ points down, so on the screen the
# *grid* turns clockwise. **And the picture?**
#
# <details><summary>Answer</summary>It turns counter-clockwise, against its grid.</details>

# %%
cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
theta = torch.tensor([cos, -sin, 0, sin, cos, 0])
figures.Folded(figures.warp(image, family, theta, "a rotation matrix with +30 degrees"))

# %% [markdown]
# Three times the same, and it holds for everything that theta does: **the picture does the opposite of the grid**. People lose
# evenings over this; you just spent a minute.
#
# ## Which number does what?
#
# Here are all six, each moved alone. Look for the two that **shear**: they make a slanted lattice out of a square one.

# %%
alone = {}
for place, name_of_it in enumerate(("a11", "a12", "t_x", "a21", "a22", "t_y")):
    theta_alone = family.identity()
    theta_alone[place] += 0.4
    alone[f"{name_of_it} + 0.4"] = (family, theta_alone)
figures.warps(image, alone, columns=3)

# %% [markdown]
# `a11` and `a22` stretch, `t_x` and `t_y` shift, `a12` and `a21` shear. A turn needs four of them together: the two that stretch, a
# little less than 1, and the two that shear, with opposite signs.

# %% [markdown]
# ## Are six numbers too many?
#
# If one knows that only turns occur, one number is enough: the angle. A **family** of transformations says how many numbers theta has,
# and which matrix they make. Here is the same turn by two of them.

# %%
one_number = Rotation().grid(torch.tensor([[math.radians(30)]]), (28, 28))
six_numbers = family.grid(theta[None], (28, 28))

print("Rotation takes", Rotation().num_params, "number, Affine", family.num_params)
print(f"largest difference between the two grids: {float((one_number - six_numbers).abs().max()):.1e}")

# %% [markdown]
# Fewer numbers can do less damage; more can express more. Most of what follows uses the affine family.

# %% [markdown]
# ## Play
#
# Make the digit **upside down**, **mirrored** and **lying on its side**: once with six numbers, once with the single number of a
# rotation. (Both begin a little off.) Watch the dot and the thick edge. Which of the three can a rotation not do?
#
# <details><summary>Answer</summary>It cannot mirror: no turn takes a left hand to a right one.</details>

# %%
from IPython.display import display

free, turning = explore(image, family), explore(image, Rotation())
free.theta, turning.theta = [1.0, 0.2, 0.0, 0.0, 1.0, 0.0], [0.2]
display(free, turning)

# %% [markdown]
# Now a task for the first of the two: **turn the picture by a quarter turn counter-clockwise**, so that its top points left. Then run
# the next cell. It reads theta where you left it, and says how far the lattice's corners are from where they should be (the picture is
# 2 wide).

# %%
corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
looks = family.map_points(torch.tensor([free.theta]), corners)
wanted = Rotation().map_points(torch.tensor([[math.pi / 2]]), corners)
off = float((looks - wanted).norm(dim=-1).mean())
print(f"the corners are off by {off:.2f} on average:", "there!" if off < 0.1 else "not there yet")

# %% [markdown]
# Theta can also be set from Python. This explorer begins mirrored; set other numbers, run the cell, and see.

# %%
mirrored = explore(image, family)
mirrored.theta = [-1, 0, 0, 0, 1, 0]
mirrored

# %% [markdown]
# How does one get from one theta to another? Here are two ways from the identity to a turn by 120 degrees. First one steady motion.
# Then each of the six numbers moves evenly from its first value to its last.

# %%
from stn_tutorial import animate_theta

far = Rotation().matrix(torch.tensor([[math.radians(120)]])).flatten()
display(animate_theta(image, family, family.identity(), far))
display(animate_theta(image, family, family.identity(), far, steady=False))

# %% [markdown]
# The second is no rotation on its way: the lattice shrinks and the digit swells. **An average of two rotation matrices is no
# rotation.** Keep that in mind for notebook 6, where theta is held to a family.

# %% [markdown]
# ## Exercise 1: shift by whole pixels
#
# Write theta for a *picture* that moves `right` pixels to the right and `down` pixels down. The size is `(H, W)`; the
# normalised square is 2 wide and 2 high.
#
# <details><summary>Hint</summary>One pixel is 2 / W wide in normalised coordinates. And the picture does the opposite of the
# grid.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** Theta for a picture that moves `right` pixels to the right and `down` pixels down.

# %% tags=["solution"]
import torch


def shift_theta(right: float, down: float, size: tuple[int, int]) -> torch.Tensor:
    """Affine theta, shape (6,), that moves the picture by whole pixels; size is (H, W)."""
    height, width = size
    return torch.tensor([1.0, 0.0, -2 * right / width, 0.0, 1.0, -2 * down / height])


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_shift_theta(shift_theta)

# %% [markdown]
# ## Exercise 2: turn the picture clockwise
#
# Write theta that turns the *picture* clockwise on the screen by an angle in degrees.
#
# <details><summary>Hint</summary>The rotation matrix above turned the picture counter-clockwise. `math.radians` turns degrees
# into radians.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** Theta that turns the picture clockwise on the screen.

# %% tags=["solution"]
import math


def turn_theta(degrees: float) -> torch.Tensor:
    """Affine theta, shape (6,), that turns the picture clockwise on the screen by `degrees`."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([cos, sin, 0.0, -sin, cos, 0.0])


# %% tags=["check"]
checks.check_turn_theta(turn_theta)

# %% [markdown]
# ## What to take away
#
# 1. Warping pulls: each output pixel asks where in the input its value comes from.
# 2. Theta maps **output** coordinates to **input** coordinates, both from -1 to 1, with $y$ pointing down.
# 3. The picture does the opposite of the grid: shift right to move left, scale up to shrink.
# 4. An affine theta is a 2x3 matrix: four numbers turn, scale and shear, two shift.
# 5. A family with fewer numbers can do less, good and bad.
#
# Next: [2. The grid generator](02_grid_generator.ipynb), where we build the lattice ourselves and meet the convention that
# breaks code without a sound.

# %% [markdown]
# <details><summary>Elsewhere</summary>
#
# Jaderberg, Simonyan, Zisserman and Kavukcuoglu, <a href="https://arxiv.org/abs/1506.02025">Spatial Transformer Networks</a>, 2015: the paper,
# eight pages. ·
# The <a href="https://docs.pytorch.org/tutorials/intermediate/spatial_transformer_tutorial.html">PyTorch tutorial</a>: one affine
# transformer on upright digits. ·
# Kevin Zakka, <a href="https://kevinzakka.github.io/2017/01/10/stn-part1/">part 1</a> on affine maps and bilinear sampling and
# <a href="https://kevinzakka.github.io/2017/01/18/stn-part2/">part 2</a> on the layer. ·
# Two articles that walk through the paper:
# <a href="https://medium.com/@kushagrabh13/spatial-transformer-networks-ebc3cc1da52d">Spatial Transformer Networks</a> and
# <a href="https://towardsdatascience.com/review-stn-spatial-transformer-network-image-classification-d3cbd98a70aa">Review: STN</a>.
#
# </details>
