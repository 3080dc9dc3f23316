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

# %% [markdown]
# ## What do we want?
#
# Here is a digit, and the same digit as a camera may see it. To a person it is the same digit. To a network that compares
# pixels it is not.

# %%
import math

import torch

from stn_tutorial import Affine, Rotation, sample
from stn_tutorial.teaching import figures

digit = data.train_images[5]  # uint8, (1, 28, 28)
image = digit.float() / 255  # floating point, 0 is black
turned = sample(image[None], Rotation().grid(torch.tensor([[math.radians(40)]]), (28, 28)))[0]

figures.images_in_a_row([image, turned], [f"a {int(data.train_labels[5])}", "turned by 40 degrees"])

# %% [markdown]
# A **spatial transformer** (Jaderberg and others, 2015) is a small module that looks at such a picture, decides how to turn,
# shift or stretch it, and hands on the result. It learns to do so without ever being told what upright means.
#
# It has three parts, and each has a notebook of its own:
#
# | part | its question | notebook |
# |---|---|---|
# | grid generator | given theta, at which points do we read the input? | 2 |
# | sampler | given a point, which value is there? | 3 |
# | localisation network | which theta is right for *this* picture? | 4 |
#
# Today theta is chosen by hand. By you.

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
figures.images_in_a_row([pushed.nan_to_num()], ["pushed to twice the width"], width=2.4)

# %% [markdown]
# Every second column stayed empty: nobody pushed anything there. Pulling cannot leave holes, because each output pixel is
# asked.

# %%
pulled = torch.full((28, 56), math.nan)
for row in range(28):
    for column in range(56):
        pulled[row, column] = image[0, row, column // 2]  # the output pixel says where it looks

print("columns that were never written:", int(pulled.isnan().all(dim=0).sum()), "of 56")
figures.images_in_a_row([pulled], ["pulled to twice the width"], width=2.4)

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
# Coordinates are *normalised*: the picture is the square from -1 to 1, whatever its size in pixels; $x$ points right and $y$
# points **down**. The identity leaves everything where it is.

# %%
from stn_tutorial import explore

family = Affine()
print("identity:", family.identity().tolist())
explorer = explore(image, family)
explorer

# %% [markdown]
# On the left the input, with a coarse lattice over it: where the output looks. On the right what it sees there. With the
# identity the lattice covers the picture exactly.
#
# **Take hold of it.** Drag a corner, or the centre; the filled corner is the output's top left. When you drag a corner the centre stays, so the
# opposite corner moves the other way. The six sliders and the matrix below them are the same theta: `a11 a12 t_x` is the
# first row, `a21 a22 t_y` the second, so $\theta_{13}$ is `t_x`. *reset* goes back to the identity, *undo* one move back, *share* gives
# theta as a line of Python. Leave the menus *kernel* and *padding* and the box *align_corners* for notebooks 2 and 3. (If you see only a
# still picture, Python is not running: open the notebook with `make lab` and run the cell.)

# %% [markdown]
# ### Predict 1
#
# Take $\theta_{13}$, the last number of the first row, from 0 to 0.5. **Will the digit in the output move left or right?**
# Decide. Then press *reset* in the explorer, and drag the centre to the right. Then run the next cell.

# %%
theta = torch.tensor([1.0, 0.0, 0.5, 0.0, 1.0, 0.0])
figures.warp(image, family, theta, "the last number of the first row is 0.5")

# %% [markdown]
# It moved **left**. The *lattice* moved right, by a quarter of the picture (0.5 of a square that is 2 wide), and what it sees
# there lies further left in its frame. Walk to the right along a wall of posters: the posters pass you to the left.

# %%
centre_before = float((image[0].sum(dim=0) * torch.arange(28)).sum() / image.sum())
shifted = sample(image[None], family.grid(theta[None], (28, 28)))[0]
centre_after = float((shifted[0].sum(dim=0) * torch.arange(28)).sum() / shifted.sum())
print(
    f"centre of the digit: column {centre_before:.1f} before, {centre_after:.1f} after, a move of {centre_after - centre_before:+.1f} pixels"
)

# %% [markdown]
# To the left, then. We expected 7 pixels, a quarter of 28. The digit's left tip was cut off by the frame, which pulls the
# centre of what remains half a pixel to the right.

# %% [markdown]
# ### Predict 2
#
# Now $\theta_{11} = \theta_{22} = 2$. **Larger or smaller?** Decide, press *reset*, and move the sliders
# `a11` and `a22` to 2 (the lattice then reaches beyond the pane, on every side). Then run the cell.

# %%
figures.warp(image, family, torch.tensor([2.0, 0.0, 0.0, 0.0, 2.0, 0.0]), "both diagonal numbers are 2")

# %% [markdown]
# Smaller: the lattice reaches twice as far, so more of the world fits into the same frame. Beyond the picture there is
# nothing to see, and the sampler fills in zeros, which here is the black of the background. Remember that black: notebook 4
# shows what happens when the background is *not* zero.

# %% [markdown]
# ## Which way does it turn?
#
# A rotation matrix with a positive angle turns the axes from $x$ towards $y$. Here $y$ points down, so on the screen the
# *grid* turns clockwise. And the picture? Decide, press *reset*, and turn the lattice by hand first: drag
# the top left corner clockwise, then the top right corner by the same angle. The other two come along.

# %%
angle = math.radians(30)
theta = torch.tensor([math.cos(angle), -math.sin(angle), 0, math.sin(angle), math.cos(angle), 0])
figures.warp(image, family, theta, "a rotation matrix with +30 degrees")

# %% [markdown]
# The picture turns counter-clockwise, against its grid. That is the third time, and it holds for everything that theta does:
# **the picture does the opposite of the grid**. People lose evenings over this; you just spent a minute.

# %% [markdown]
# ## Are six numbers too many?
#
# If one knows that only turns occur, one number is enough. A **family** of transformations says how few numbers become a
# matrix. The package has five of them that are linear; here is the same turn by two of them.

# %%
one_number = torch.tensor([[angle]])
print("Rotation takes", Rotation().num_params, "number, Affine", Affine().num_params)
print(
    "largest difference between the two grids:",
    float((Rotation().grid(one_number, (28, 28)) - family.grid(theta[None], (28, 28))).abs().max()),
)

# %% [markdown]
# The two agree. Fewer numbers can do less damage; more can express more. Most of what follows uses the affine family.

# %% [markdown]
# ## Play
#
# Make the digit **upside down**, **mirrored** and **lying on its side**: once with six numbers, once with the single number of a
# rotation. Which of the three can a rotation not do?

# %%
from IPython.display import display

free, turning = explore(image, family), explore(image, Rotation())
display(free, turning)

# %% [markdown]
# It cannot mirror: no turn takes a left hand to a right one. Now a task for the first of the two: **turn the picture by a quarter turn
# counter-clockwise**, so that its top points left. The next cell reads theta where you left it, and says how far the lattice's corners are from
# where they should be, in normalised units (the picture is 2 wide). Run it again after each try.

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
# How does one get from one theta to another? From the identity to a turn by 120 degrees, all six numbers change. First
# as one steady motion, then so that each number moves evenly from its first value to its last.

# %%
from stn_tutorial import animate_theta

far = Rotation().matrix(torch.tensor([[math.radians(120)]])).flatten()
display(animate_theta(image, family, family.identity(), far))
display(animate_theta(image, family, family.identity(), far, steady=False))

# %% [markdown]
# Evenly moved numbers do not stay a rotation: on its way the lattice shrinks and the digit swells. Numbers of theta are not angles; an average
# of two rotation matrices is no rotation. Keep that in mind when a family is to be *constrained* (notebook 6).

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
