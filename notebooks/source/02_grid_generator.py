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
# # 2. The grid generator
#
# **How does theta become sampling points, and what does `align_corners` change?**
#
# Afterwards you can
#
# - turn pixel coordinates into normalised ones and back, in both conventions, and say when the two differ,
# - build the grid generator with a loop and with one matrix product, and show that it equals torch's,
# - turn a wide picture without shearing it.
#
# *Minutes on a laptop CPU: MINUTES_02 to run, about 35 to read and try.* What to know before: [notebook 1](01_moving_the_grid.ipynb);
# what a matrix product is.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_02)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %%
from stn_tutorial.teaching import diagrams, figures

diagrams.spatial_transformer(data.train_images[5], "grid generator", label=f"a {int(data.train_labels[5])}")

# %% [markdown]
# The part at hand is drawn strong. The [paper](https://arxiv.org/abs/1506.02025) writes $\mathcal{T}_\theta(G)$ for what it makes:
# $G$ is the regular grid of the output's pixels, and $\mathcal{T}_\theta$ moves each of its points to the place in the input where
# that pixel looks.
#
# ## Where is the pixel in the third row and fourth column?
#
# In *pixel* coordinates it is at $(x, y) = (3, 2)$: we count from 0, and $x$ counts columns. Theta should not depend on how many
# pixels a picture has, so the paper uses *normalised* coordinates: the picture is the square from -1 to 1.
#
# But what exactly is at -1? There are two answers, and both are in use.

# %%
diagrams.pixel_rows({"align_corners=False": (False, False), "align_corners=True": (True, True)})

# %% [markdown]
# A row of four pixels, twice. The dots are their centres, and below each stands its normalised $x$. With `align_corners=False` the
# numbers -1 and 1 are the outer **edges** of the row, and the first centre lies half a pixel inside. With `align_corners=True` they are
# the **centres** of the outermost pixels.
#
# `align_corners=False` treats the picture as an area: W pixels share a width of 2, so a pixel is 2 / W wide. It is the default of torch
# and of this package. Code from before torch 1.3 means the other one: it still runs, and is a little off.

# %% [markdown]
# Here is the conversion for both. Its last line, for $x$: pixel $p$ has its centre $p + 0.5$ pixels from the left edge, which is at -1. So
# it lies at $(p + 0.5) \cdot 2 / W - 1$.

# %%
import torch
from torch import Tensor

from stn_tutorial.arguments import check_matrices, check_size
from stn_tutorial.device import without_autocast
from stn_tutorial.geometry.coordinates import check_coordinates


def pixel_to_normalized(points: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Pixel coordinates (..., 2), last axis (x, y), to normalised ones. size: (H, W)."""
    height, width = check_coordinates(points, size, align_corners)
    lengths = torch.tensor([width, height], dtype=points.dtype, device=points.device)
    if align_corners:
        extent = (lengths - 1).clamp(min=1)
        return torch.where(lengths > 1, points / extent * 2 - 1, torch.zeros_like(points))
    return (points * 2 + 1) / lengths - 1


# %% [markdown]
# `check_coordinates` only makes sure that points are pairs and the size is one of positive integers. The `torch.where` is for pictures that are one
# pixel wide: between one centre and itself there is no distance to divide by. The way back solves for the pixel:


# %%
def normalized_to_pixel(points: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Normalised coordinates (..., 2), last axis (x, y), to pixel coordinates. size: (H, W)."""
    height, width = check_coordinates(points, size, align_corners)
    lengths = torch.tensor([width, height], dtype=points.dtype, device=points.device)
    if align_corners:
        return (points + 1) / 2 * (lengths - 1)
    return ((points + 1) * lengths - 1) / 2


for align_corners in (False, True):
    there = pixel_to_normalized(torch.tensor([3.0, 2.0]), (5, 8), align_corners)
    back = normalized_to_pixel(there, (5, 8), align_corners)
    print(f"align_corners={align_corners}: (3, 2) is {[round(v, 3) for v in there.tolist()]}, and back {back.tolist()}")

# %% [markdown]
# This picture is 5 pixels high and 8 wide. The third of five rows is the middle one, so $y$ is 0 in both conventions. The fourth of
# eight columns is a little left of the middle, and there the two differ.
#
# ### Predict 1
#
# You shift a picture by $t_x = 0.5$ (that is $\theta_{13}$). **By how many pixels does a row of 4 move under each convention?
# And a row of 400?**
#
# <details><summary>Answer</summary>From edge to edge a row of 4 is 4 pixels long, from centre to centre 3; 0.5 is a quarter of that: 1 pixel,
# or 0.75. In a row of 400 it is 100, or 99.75.</details>

# %%
found = []
for width in (4, 400):
    for align_corners in (False, True):
        ends = normalized_to_pixel(torch.tensor([[0.0, 0.0], [0.5, 0.0]]), (width, width), align_corners)
        found.append(f"width {width}, align_corners={align_corners}: {float(ends[1, 0] - ends[0, 0]):.2f} pixels")
figures.Folded("\n".join(found))

# %% [markdown]
# The conventions differ by the same part of a pixel at every width. In a row of 400 one does not see it. In a row of 4 it is a quarter
# of the whole move.
#
# Worse than either convention is a **mixture**: a grid made with one, read by a sampler that means the other. Nobody warns you.

# %%
diagrams.pixel_rows({"a grid of align_corners=True, a sampler of False": (False, True)})

# %% [markdown]
# The outermost points land on the picture's edge, half a pixel beyond the last centre. Half of what they see there is the zeros
# outside. So an all-white picture shows the mistake at once, although theta is the identity:

# %%
from torch.nn import functional as F

white = torch.ones(1, 1, 4, 4)
identity = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
mixed = F.grid_sample(white, F.affine_grid(identity, [1, 1, 4, 4], align_corners=True), align_corners=False)

print(mixed[0, 0])
words = "A white square; then the same with grey edges and dark grey corners"
figures.images_in_a_row([white[0], mixed[0]], ["all white", "mixed conventions"], words, width=2)

# %% [markdown]
# 0.5 along the edges, 0.25 in the corners. **Give the same value to grid and sampler.** With torch's functions always write it; this
# package means False in both unless told otherwise.

# %% [markdown]
# ## Which points does the output ask about?
#
# One point for each output pixel, on the regular grid $G$ that covers the square (the paper's section 3.2). First with a loop:


# %%
def target_grid_loop(size, align_corners=False):
    height, width = size
    grid = torch.zeros(height, width, 2)
    for row in range(height):
        for column in range(width):
            grid[row, column] = pixel_to_normalized(torch.tensor([float(column), float(row)]), size, align_corners)
    return grid


print(target_grid_loop((2, 3)))

# %% [markdown]
# Read it aloud: two rows of three points, each a pair $(x, y)$. In the first row $y$ is always -0.5, and $x$ runs from -0.67
# to 0.67. **The order is a trap:** a picture is indexed `[row, column]`, which is $[y, x]$, but a point is $(x, y)$.
#
# Now without the loop. `meshgrid` makes both index arrays at once.


# %%
def target_grid(
    size: tuple[int, int],
    align_corners: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Normalised coordinates of every output pixel, (H, W, 2), last axis (x, y)."""
    height, width = check_size(size)
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    pixels = torch.stack([x, y], dim=-1).to(dtype)
    return pixel_to_normalized(pixels, size, align_corners)


difference = (target_grid((9, 16)) - target_grid_loop((9, 16))).abs().max()
print("loop and vectorised differ by", float(difference))

# %% [markdown]
# ## From the regular grid to the sampling grid
#
# Theta moves every point $G_i = (x_t, y_t)$. This is the paper's equation 1, once per output pixel:
#
# $$\begin{pmatrix} x_s \\ y_s \end{pmatrix} = \mathcal{T}_\theta(G_i) = \begin{pmatrix} \theta_{11} & \theta_{12} & \theta_{13} \\
# \theta_{21} & \theta_{22} & \theta_{23} \end{pmatrix} \begin{pmatrix} x_t \\ y_t \\ 1 \end{pmatrix}$$
#
# With a loop it is school algebra.


# %%
def affine_grid_loop(theta, size, align_corners=False):
    grid = target_grid(size, align_corners)
    out = torch.zeros_like(grid)
    for row in range(size[0]):
        for column in range(size[1]):
            x_t, y_t = grid[row, column]
            out[row, column, 0] = theta[0, 0] * x_t + theta[0, 1] * y_t + theta[0, 2]
            out[row, column, 1] = theta[1, 0] * x_t + theta[1, 1] * y_t + theta[1, 2]
    return out


# %% [markdown]
# Now all points and all pictures of a batch at once. Call the left 2x2 part of theta $A$. Coordinate $i$ of the point in row $h$ and
# column $w$ is the sum over $j$ of $A_{ij} G_{hwj}$, plus the shift. `einsum` says just that, index by index; its $n$ counts pictures.
# (Half precision would miss pixels: `without_autocast` keeps it out.)


# %%
def affine_grid(theta: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """theta (N, 2, 3) -> sampling grid (N, H, W, 2), last axis (x, y), normalised."""
    check_matrices("theta", theta, 2, 3)
    target = target_grid(size, align_corners, theta.dtype, theta.device)
    linear, translation = theta[:, :, :2], theta[:, :, 2]
    with without_autocast(theta.device):
        return torch.einsum("nij,hwj->nhwi", linear, target) + translation[:, None, None, :]


torch.manual_seed(0)
theta = torch.randn(3, 2, 3)
print("shape:", tuple(affine_grid(theta, (9, 16)).shape))
print("against the loop:", float((affine_grid(theta, (9, 16))[0] - affine_grid_loop(theta[0], (9, 16))).abs().max()))

# %% [markdown]
# Is it also what torch does? `torch.nn.functional.affine_grid` is its grid generator. We compare both conventions, in double
# precision. Most of the pictures are not square: a bug likes to hide where height and width are equal.

# %%
worst = 0.0
for align_corners in (False, True):
    for height, width in ((5, 5), (3, 8), (8, 3), (2, 7)):
        ours = affine_grid(theta.double(), (height, width), align_corners)
        theirs = F.affine_grid(theta.double(), [3, 1, height, width], align_corners=align_corners)
        worst = max(worst, float((ours - theirs).abs().max()))
print(f"largest difference from torch over 8 cases: {worst:.1e}")
assert worst < 1e-12

# %% [markdown]
# The two agree to the last digits. Within the package this function sits behind every family whose theta is a 2x3 matrix.

# %%
from stn_tutorial import Affine

grid = Affine().grid(theta.view(3, 6), (9, 16))
print("the same from the package:", torch.equal(grid, affine_grid(theta, (9, 16))))

# %% [markdown]
# ### Predict 2
#
# `Affine().grid(theta, size)` takes the size of the **output**. **What happens to the sampling points when you ask for an
# output of half the size with the same theta?** Do they shrink into a corner, or spread out?
#
# <details><summary>Answer</summary>They spread out, with steps twice as wide. The outermost point even moves in: each point is the centre of
# a cell, and 4 cells of width 0.5 fill the square just as 8 of width 0.25 do.</details>

# %%
identity, found = Affine().identity()[None], []
for size in ((8, 8), (4, 4)):
    x = Affine().grid(identity, size)[0, 0, :, 0].tolist()
    found.append(f"{size}: x from {x[0]} to {x[-1]} in steps of {x[1] - x[0]}")
figures.Folded("\n".join(found))

# %% [markdown]
# So theta need not know any size. And a transformer can zoom: it looks at a small part, and its output has any size you ask for.

# %% [markdown]
# ## Does a rotation matrix rotate?
#
# Let us turn a picture that is twice as wide as high: a square within it should stay a square.

# %%
import math

from stn_tutorial import Rotation, sample

wide = torch.zeros(1, 32, 64)
wide[0, 8:24, 24:40] = 0.9  # a square of 16 x 16 pixels
wide[0, 8:10, 24:40] = 0.5  # with a grey top edge

turn = torch.tensor([[math.radians(45)]])
plain = sample(wide[None], Rotation(aspect=1).grid(turn, (32, 64)))[0]
words = "A square in a wide picture; turned by the plain matrix it is a slanted, stretched block"
figures.images_in_a_row([wide, plain], ["a square", "turned by 45 degrees?"], words, width=2.6)

# %% [markdown]
# A slanted block, no square. The matrix turned the *normalised* square, in which one unit of $x$ is 32 pixels here and one unit of $y$ is
# 16. On the wide picture that is a turn **and** a distortion.
#
# The cure: go to a space where both axes have the same unit, turn there, and come back. With $a = W / H$ (for
# `align_corners=False`, as everywhere here),
#
# $$\begin{pmatrix} 1/a & 0 \\ 0 & 1 \end{pmatrix} \begin{pmatrix} \cos & -\sin \\ \sin & \cos \end{pmatrix} \begin{pmatrix} a & 0
# \\ 0 & 1 \end{pmatrix} = \begin{pmatrix} \cos & -\sin / a \\ a \sin & \cos \end{pmatrix}$$

# %% [markdown]
# Which of the three acts first? The one that stands next to the point, on the **right**. Read it from right to left:

# %%
to_square = torch.tensor([[2.0, 0.0], [0.0, 1.0]])  # x in units of the height
rotate = Rotation().matrix(turn)[0, :, :2]
from_square = torch.tensor([[0.5, 0.0], [0.0, 1.0]])

frame = torch.tensor([[-0.25, -0.5], [0.25, -0.5], [0.25, 0.5], [-0.25, 0.5]])  # of a square block, normalised
steps = {"normalised": frame}
for name, matrix in (("1. widened", to_square), ("2. turned", rotate), ("3. narrowed", from_square)):
    frame = frame @ matrix.T
    steps[name] = frame
diagrams.polygons(steps)

# %% [markdown]
# Our square is tall in normalised coordinates, because they squeeze the wide picture. Widened it is a square again, and a turn leaves
# it one. The last step squeezes it once more, and on the wide picture it will look like a square that stands on its corner:

# %%
right = sample(wide[None], Rotation(aspect=64 / 32).grid(turn, (32, 64)))[0]

for name, picture in (("plain", plain), ("with aspect", right)):
    rows, columns = torch.nonzero(picture[0] > 0.3, as_tuple=True)
    print(f"{name}: {int(columns.max() - columns.min()) + 1} pixels wide, {int(rows.max() - rows.min()) + 1} high")
words = "The square, turned with the picture's aspect: it stands on its corner and is still a square"
figures.images_in_a_row([right], ["Rotation(aspect=2)"], words, width=2.6)

# %% [markdown]
# Measured, too: a square of side 16 that stands on a corner is 16 times 1.41, so between 22 and 23 pixels, wide and high.

# %% [markdown]
# ## Undo and combine
#
# A turn can be undone by a turn, and two turns are one turn. A family in which this holds is called a *group*. `Similarity`, which
# turns, scales and shifts, is one: `inverse` undoes a theta, `compose` makes one theta of two.
#
# So there are two ways to warp twice: warp the warped picture, or compose the thetas and warp once. Let us go there and back, both ways.

# %%
from stn_tutorial import Similarity

family = Similarity()
theta = torch.tensor([[0.5, 0.3, 0.2, -0.1]], dtype=torch.float64)  # angle, log of the scale, shift
back = family.compose(theta, family.inverse(theta))
print("there and back again:", [abs(round(v, 12)) for v in back[0].tolist()])

digit = data.train_images[5].double() / 255
size = (28, 28)
there = sample(digit[None], family.grid(theta, size))
twice = sample(there, family.grid(family.inverse(theta), size))[0]
once = sample(digit[None], family.grid(back, size))[0]
for words, picture in (("sampled twice: ", twice), ("composed first:", once)):
    print(f"{words} the mean error is {float((picture - digit).abs().mean()):.4f}")
words = "A digit; blurred after two samplings; sharp after the thetas were composed first"
figures.images_in_a_row([digit, twice, once], ["original", "sampled twice", "composed first"], words)

# %% [markdown]
# Composed, nothing is lost. Sampled twice, the digit is blurred: on the way it was shrunk, and the detail lost there does not
# come back. **Compose thetas, not warps.**

# %% [markdown]
# ## Play
#
# A board of six by six pixels, so that you can check the numbers by hand. Set `t_x` to 0.5 and point at an output pixel: the line below
# says where it looks, in pixels of the input. **By how much does the place change when you tick `align_corners`, and why?**
#
# <details><summary>Answer</summary>By a quarter of a pixel, to the left. The picture is 6 pixels long from edge to edge, and 5 from the
# first centre to the last. A normalised 0.5 is a quarter of that: 1.5 pixels, or 1.25. The lattice shrinks as well, because its ends are
# pixel centres then.</details>

# %%
from stn_tutorial import explore

board = torch.arange(36).view(6, 6) * 2 + 180 * torch.eye(2).repeat(3, 3)  # no two of its values are alike
explore(board[None].byte(), Affine())

# %% [markdown]
# ## Exercise 1: the target grid, by yourself
#
# Without looking back, write `my_target_grid`: for an output of size (H, W) the normalised coordinates of every
# pixel, shape (H, W, 2), last axis $(x, y)$, in both conventions. Do it another way than above: `torch.linspace` will do.
#
# <details><summary>Hint</summary>With aligned corners x runs from -1 to 1. Otherwise the first centre is half a pixel inside, at
# -1 + 1 / W. `x.expand(height, width)` repeats a row.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** The target grid for both conventions.

# %% tags=["solution"]
import torch
from torch import Tensor


def my_target_grid(size: tuple[int, int], align_corners: bool) -> Tensor:
    """Normalised coordinates of every output pixel: (H, W, 2), last axis (x, y). H and W are at least 2."""
    height, width = size
    inset_x, inset_y = (0.0, 0.0) if align_corners else (1 / width, 1 / height)
    x = torch.linspace(-1 + inset_x, 1 - inset_x, width)
    y = torch.linspace(-1 + inset_y, 1 - inset_y, height)
    return torch.stack([x[None, :].expand(height, width), y[:, None].expand(height, width)], dim=-1)


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_target_grid(my_target_grid)

# %% [markdown]
# ## Exercise 2: turn without shear
#
# Write affine theta, shape (6,), that turns the grid by `angle` (radians, as the rotation matrix does) on a picture of any
# size without shearing it.
#
# <details><summary>Hint</summary>Which matrix turns, and between which two matrices must it stand? Their product is above.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** Affine theta that turns a picture of size (H, W) without shearing it.

# %% tags=["solution"]
import math


def unsheared_theta(angle: float, size: tuple[int, int]) -> Tensor:
    """Affine theta, shape (6,), that turns the grid by `angle` radians on a picture of size (H, W), without shear."""
    height, width = size
    aspect = width / height
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([cos, -sin / aspect, 0.0, sin * aspect, cos, 0.0])


# %% tags=["check"]
checks.check_unsheared_theta(unsheared_theta)

# %% [markdown]
# ## What to take away
#
# 1. Normalised coordinates make theta independent of the picture's size; a point is $(x, y)$, an array is `[row, column]`.
# 2. `align_corners` says whether 1 is an edge (False) or a centre (True): always write it, the same in grid and sampler.
# 3. The grid generator is one matrix product per picture, and equals torch's `affine_grid` to the last digit.
# 4. Normalised coordinates are square even where the picture is not: a turn needs the aspect.
# 5. Compose thetas, not warps: each sampling blurs.
#
# Next: [3. The sampler](03_sampler.ipynb). We know where to look; most points lie between the pixels. What is there?

# %% [markdown]
# <details><summary>Fine print</summary>
#
# *Aliasing.* When the output has fewer pixels than the part it looks at, neighbouring points lie more than a pixel apart, and what is
# between them is skipped. Fine stripes then turn into other stripes. Blur first, or ask for a larger output.
#
# *One pixel.* With `align_corners=True` a picture that is one pixel wide has its only centre at -1 and at 1. `target_grid` puts it at 0.
#
# </details>
