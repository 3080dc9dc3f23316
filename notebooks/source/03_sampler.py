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
# # 3. The sampler
#
# **How does a point become a pixel, and how does a gradient come back?**
#
# Afterwards you can
#
# - compute by hand what a bilinear sample is made of,
# - derive the paper's equations 6 and 7, and check them against autograd,
# - say which kernels a transformer can learn with, and what each padding does,
# - write the reflection, and a sampler that equals torch's.
#
# *Minutes on a laptop CPU: MINUTES_03 to run, about 45 to read and try.* What to know before: [notebook 2](02_grid_generator.ipynb);
# what a derivative is and the chain rule.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_03)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %%
from stn_tutorial.teaching import diagrams, figures

diagrams.spatial_transformer(data.train_images[5], "sampler", label=f"a {int(data.train_labels[5])}")

# %% [markdown]
# ## What is there between the pixels?
#
# The grid says where to look. The **sampler** says what is there. Here is a picture of 2 by 3 pixels, and a point at
# $(x, y) = (1.25, 0.6)$ in pixels. Nothing is stored there. What should we say?

# %%
import math

import torch
from torch import Tensor

from stn_tutorial.geometry.coordinates import normalized_to_pixel, pixel_to_normalized
from stn_tutorial.geometry.sampler import check_images_and_grid

image = torch.tensor([[10.0, 20.0, 60.0], [30.0, 40.0, 80.0]])
x, y = 1.25, 0.6
diagrams.bilinear(image, x, y)

# %% [markdown]
# *Nearest* takes the closest pixel, 40, and jumps when another one becomes closest. *Bilinear* puts a box as large as a pixel around
# the point, as in the drawing. Each pixel counts by its share of the box. When the point moves a little, the shares change a little:
# nothing jumps.
#
# A share is width times height, and both shrink with the distance. As one sum over all pixels $U_{nm}$, in row $n$ and column $m$
# (equation 5 of the [paper](https://arxiv.org/abs/1506.02025)):
#
# $$V = \sum_n \sum_m U_{nm} \; \max(0, 1 - |x - m|) \; \max(0, 1 - |y - n|)$$

# %%
value = 0.0
for n in range(2):
    for m in range(3):
        weight = max(0, 1 - abs(x - m)) * max(0, 1 - abs(y - n))
        if weight > 0:
            print(f"pixel (x={m}, y={n}) holds {image[n, m]:.0f} and weighs {weight:.2f}")
        value += weight * image[n, m].item()
print(f"sum: {value:.1f}")

# %% [markdown]
# The weights of the drawing. They add up to 1.
#
# Now for every output pixel of every picture: a loop that visits only those four neighbours. It is slow and it is the definition.
# Everything after it is for speed.


# %%
def sample_loop(images: Tensor, grid: Tensor, align_corners: bool = False) -> Tensor:
    """images (N, C, H, W), grid (N, H_out, W_out, 2) -> (N, C, H_out, W_out); outside the image are zeros."""
    check_images_and_grid(images, grid, finite=True)
    n, c, height, width = images.shape
    out = torch.zeros(n, c, *grid.shape[1:3], dtype=images.dtype, device=images.device)
    for i in range(n):
        for row in range(grid.shape[1]):
            for column in range(grid.shape[2]):
                x, y = normalized_to_pixel(grid[i, row, column], (height, width), align_corners).tolist()
                for y_n in (math.floor(y), math.floor(y) + 1):
                    for x_n in (math.floor(x), math.floor(x) + 1):
                        if 0 <= y_n < height and 0 <= x_n < width:
                            weight = (1 - abs(x - x_n)) * (1 - abs(y - y_n))
                            out[i, :, row, column] += weight * images[i, :, y_n, x_n]
    return out


# %% [markdown]
# Does torch's sampler agree?

# %%
from torch.nn import functional as F

torch.manual_seed(0)
images, grid = torch.rand(2, 3, 5, 7), torch.rand(2, 4, 6, 2) * 3 - 1.5  # some points lie outside
difference = (sample_loop(images, grid) - F.grid_sample(images, grid, align_corners=False)).abs().max()
print(f"largest difference from torch.nn.functional.grid_sample: {difference:.1e}")

# %% [markdown]
# ### Predict 1
#
# The loop weighs first, and then skips a neighbour that does not exist. Some well-known code does it the other way round: it clips both
# neighbours into the picture first. Then it weighs each by the distance to the *other* one.
#
# Take a point on the left edge, at x = -0.5. It should see half of the border pixel. **What does that code see?**
#
# <details><summary>Answer</summary>Nothing. The two neighbours have become one, and their weights cancel. So weights come from the
# <b>unclipped</b> neighbours.</details>

# %%
x, border_pixel = -0.5, 1.0
correct = (1 - abs(x - 0)) * border_pixel  # the other neighbour, x_n = -1, does not exist and counts as 0
left, right = max(math.floor(x), 0), max(math.floor(x) + 1, 0)  # clipped first: both are 0 now
clipped = (right - x) * border_pixel + (x - left) * border_pixel
figures.Folded(f"correct: {correct}, clipped first: {clipped}")

# %% [markdown]
# ## How does one do it for all pixels at once?
#
# Each axis has its own neighbours and weights. So write down, for *one* axis, which pixels a point is made of. A third kernel joins the
# two: *bicubic*, a smooth curve through four pixels. (You may skip its formula, `cubic_weight`.)


# %%
def cubic_weight(distance: Tensor, a: float = -0.75) -> Tensor:
    """Cubic convolution kernel at a distance in pixels, 0 to 2."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return torch.where(distance <= 1, near, far)


def neighbours(x: Tensor, mode: str) -> list[tuple[Tensor, Tensor]]:
    """The pixels that a point along one axis is made of, as pairs (pixel, weight); the weights sum to 1."""
    if mode == "nearest":
        return [(x.detach().round(), torch.ones_like(x))]
    left = x.detach().floor()
    t = x - left
    if mode == "bilinear":
        return [(left, 1 - t), (left + 1, t)]
    return [(left + k, cubic_weight((t - k).abs())) for k in (-1, 0, 1, 2)]


for mode in ("nearest", "bilinear", "bicubic"):
    pairs = neighbours(torch.tensor(1.25), mode)
    print(f"{mode}:", ", ".join(f"pixel {int(pixel)} weighs {float(weight):+.3f}" for pixel, weight in pairs))

# %% [markdown]
# One, two or four neighbours. The curve of weight against distance is the *kernel*. Here are the three, and below each its slope:

# %%
diagrams.kernels()

# %% [markdown]
# The tent's slope is 1, then -1: remember it, theta will learn from it. The bicubic weights can be negative: edges stay sharp, and values
# may leave the range of the picture. (`detach` in the code: *which* pixels are the neighbours changes in jumps, and a jump has no slope.)
#
# The same small piece of a digit, enlarged by each:

# %%
from stn_tutorial import Affine, sample

digit = data.train_images[5].float() / 255
piece = digit[:, 8:20, 8:20]
fine = Affine().grid(Affine().identity()[None], (120, 120))
enlarged = [sample(piece[None], fine, mode)[0] for mode in ("nearest", "bilinear", "bicubic")]
words = "A piece of a digit, enlarged: blocks with nearest, soft edges with bilinear, sharper ones with bicubic"
figures.images_in_a_row(enlarged, ["nearest", "bilinear", "bicubic"], words, width=2.1)

# %% [markdown]
# So much for the weights. Next, the pixels. `gather` reads many places of a flattened picture at once: the pixel in row $y$ and
# column $x$ is number $y W + x$. Where there is no pixel, `fill` stands.


# %%
def pixel_values(images: Tensor, x: Tensor, y: Tensor, fill: Tensor) -> Tensor:
    """images (N, C, H, W) at whole x, y (N, H_out, W_out) -> (N, C, H_out, W_out); where there is no pixel, fill (C,)."""
    n, c, height, width = images.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = torch.where(inside, y, 0).long() * width + torch.where(inside, x, 0).long()  # NaN is not inside
    values = images.flatten(2).gather(2, index.flatten(1)[:, None].expand(n, c, -1)).view(n, c, *x.shape[1:])
    return torch.where(inside[:, None], values, fill.view(1, -1, 1, 1))


# %% [markdown]
# By hand, on 2 by 2 pixels and two points. The first, $(0.25, 0.5)$, lies among all four: its weights are $0.75 \cdot 0.5$ and
# $0.25 \cdot 0.5$, twice each. The second, $(1, 0)$, sits on the pixel that holds 20. Its other neighbours weigh 0, and those in
# column 2 do not even exist. One line for each neighbour, both points at once:

# %%
two_by_two = torch.tensor([[[[10.0, 20.0], [30.0, 40.0]]]])
x, y = torch.tensor([[[0.25, 1.0]]]), torch.tensor([[[0.5, 0.0]]])

total = 0
for y_n, weight_y in neighbours(y, "bilinear"):
    for x_n, weight_x in neighbours(x, "bilinear"):
        values, weights = pixel_values(two_by_two, x_n, y_n, torch.zeros(1)), weight_y * weight_x
        print(f"values {values.flatten().tolist()}, weights {weights.flatten().tolist()}")
        total = total + weights * values
print("sums:", total[0, 0, 0].tolist())

# %% [markdown]
# $0.375 \cdot 10 + 0.125 \cdot 20 + 0.375 \cdot 30 + 0.125 \cdot 40 = 22.5$, and 20. As a function:


# %%
def bilinear_sampler(images, grid, align_corners=False):
    """The heart of the package's `sample`, with bilinear weights and zeros outside."""
    x, y = normalized_to_pixel(grid, images.shape[2:], align_corners).unbind(dim=-1)
    zeros = torch.zeros(images.shape[1])
    out = 0
    for y_n, weight_y in neighbours(y, "bilinear"):
        for x_n, weight_x in neighbours(x, "bilinear"):
            out = out + (weight_y * weight_x)[:, None] * pixel_values(images, x_n, y_n, zeros)
    return out


print("against the loop:", f"{float((bilinear_sampler(images, grid) - sample_loop(images, grid)).abs().max()):.1e}")

# %% [markdown]
# Four terms, each a whole batch at once. How much does that save?

# %%
import time

big_images, big_grid = torch.rand(1, 1, 28, 28), torch.rand(1, 28, 28, 2) * 2 - 1
seconds = {}
for name, function in (("loop", sample_loop), ("vectorised", bilinear_sampler)):
    begin = time.perf_counter()
    function(big_images, big_grid)
    seconds[name] = time.perf_counter() - begin
print(f"one digit: the loop takes {seconds['loop'] / seconds['vectorised']:.0f} times as long as the vectorised sampler")

# %% [markdown]
# ## What lies outside?
#
# Nothing, so somebody has to decide. Three answers are usual. *Zeros*: neighbours outside count as 0, or as a background of
# your choice. *Border*: the coordinate is clipped, so the last pixel goes on for ever. *Reflection*: the picture is mirrored.
#
# The piece of the digit again, whose strokes run into its border. What does a zoomed-out view show around it?

# %%
out_of_frame = Affine().grid(torch.tensor([[2.0, 0, 0.5, 0, 2.0, 0]]), (56, 56))
shown = [sample(piece[None], out_of_frame, padding_mode=padding)[0] for padding in ("zeros", "border", "reflection")]
shown.append(sample(piece[None], out_of_frame, fill=0.4)[0])
words = "The piece, smaller: on black; its edges drawn out; mirrored on all sides; on grey"
figures.images_in_a_row(shown, ["zeros", "border", "reflection", "fill=0.4"], words)

# %% [markdown]
# The last one is zeros with 0.4 in place of 0, and one sees at once where the picture ends. A network sees it too. When
# images are normalised (mean subtracted), black is no longer 0, and a sampler that fills with 0 paints a grey frame. The
# cure is `fill`: **fill with the background of what you sample.**
#
# Border and reflection only move coordinates. Border is a clip:


# %%
def clip(x: Tensor, length: int) -> Tensor:
    """Clip pixel coordinates to [0, length - 1]; where it clips, the gradient is zero."""
    inside = (x > 0) & (x < length - 1)
    return torch.where(inside, x, x.detach().clamp(0, length - 1))


# %% [markdown]
# Reflection is yours to write, in exercise 1. Two mirrors face each other, at the centres of the outermost pixels with
# `align_corners=True`, at their outer edges with False. A walker who has passed an even number of mirrors sees the picture as it is, after
# an odd number mirrored. **With which of the two conventions does the walker meet the last pixel twice in a row?**
#
# <details><summary>Answer</summary>With mirrors at the edges: …2, 3, 3, 2… Mirrors at the centres give …2, 3, 2…</details>

# %%
from stn_tutorial.geometry.sampler import reflect

walk = torch.arange(-3.0, 7.0)
paths = {
    "a walk along a row of 4:": walk,
    "border:": clip(walk, 4),
    "reflection at centres:": reflect(walk, 4, align_corners=True),
    "reflection at edges:": clip(reflect(walk, 4, align_corners=False), 4),
}
figures.Folded("\n".join(f"{name:<25}{path.int().tolist()}" for name, path in paths.items()))

# %% [markdown]
# ## How does theta learn? The gradients, by hand
#
# Training needs two derivatives of $V = \sum_n \sum_m U_{nm} \, k(x - m) \, k(y - n)$ with the tent
# $k(d) = \max(0, 1 - |d|)$.
#
# **With respect to the pixels** (equation 6): $V$ is linear in $U$, so the derivative is the weight itself,
#
# $$\frac{\partial V}{\partial U_{nm}} = \max(0, 1 - |x - m|) \, \max(0, 1 - |y - n|).$$

# %% [markdown]
# **With respect to the point** (equation 7): only $k(x - m)$ depends on $x$, and its slope is that of the tent. As $x$ grows, a
# neighbour to the right gains weight and one to the left loses as much:
#
# $$\frac{\partial V}{\partial x} = \sum_n \sum_m U_{nm} \, \max(0, 1 - |y - n|) \begin{cases} +1 & x < m \le x + 1 \\ -1 & x - 1 < m \le x \\ 0 &
# \text{otherwise} \end{cases}$$
#
# In words: *the slope of the picture under the point*. In code, for many points of one image:


# %%
def bilinear_gradient(image: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value of bilinear samples of an image (H, W) at x, y (P,), in pixels, and its derivatives along x and along y."""
    height, width = image.shape
    value, along_x, along_y = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)
    for y_n in (y.floor(), y.floor() + 1):
        for x_n in (x.floor(), x.floor() + 1):
            inside = (x_n >= 0) & (x_n < width) & (y_n >= 0) & (y_n < height)
            u = image[y_n.clamp(0, height - 1).long(), x_n.clamp(0, width - 1).long()] * inside
            weight_x, weight_y = 1 - (x - x_n).abs(), 1 - (y - y_n).abs()
            value = value + u * weight_x * weight_y
            along_x = along_x + u * weight_y * torch.where(x_n > x, 1.0, -1.0)
            along_y = along_y + u * weight_x * torch.where(y_n > y, 1.0, -1.0)
    return value, along_x, along_y


slope = bilinear_gradient(image, torch.tensor([1.25]), torch.tensor([0.6]))
print("at (1.25, 0.6): value {:.1f}, slope along x {:.1f}, along y {:.1f}".format(*tuple(float(v) for v in slope)))

# %% [markdown]
# Check it against the drawing at the top. From 20 to 60 and from 40 to 80 the picture climbs by 40 per pixel along $x$. Downwards it climbs
# by 20.
#
# Now against autograd, on random points, some of them outside. Autograd differentiates by *normalised* coordinates. With
# `align_corners=False` one normalised unit is $W / 2$ pixels along $x$ and $H / 2$ along $y$.

# %%
torch.manual_seed(1)
picture = torch.rand(6, 9, dtype=torch.float64, requires_grad=True)
points = (torch.rand(200, 2, dtype=torch.float64) * 2.4 - 1.2).requires_grad_()
values = sample(picture[None, None], points[None, None])[0, 0, 0]
by_picture, by_points = torch.autograd.grad(values.sum(), (picture, points))

x, y = normalized_to_pixel(points.detach(), (6, 9)).unbind(-1)
ours, along_x, along_y = bilinear_gradient(picture.detach(), x, y)
weights = torch.zeros(6, 9, dtype=torch.float64)  # equation 6, summed over the 200 points
for n in range(6):
    for m in range(9):
        weights[n, m] = ((1 - (x - m).abs()).clamp(min=0) * (1 - (y - n).abs()).clamp(min=0)).sum()

print(f"value:                 {float((ours - values.detach()).abs().max()):.1e}")
print(f"equation 6, by pixels: {float((weights - by_picture).abs().max()):.1e}")
print(f"equation 7, by points: {float((torch.stack([along_x * 9 / 2, along_y * 6 / 2], -1) - by_points).abs().max()):.1e}")

# %% [markdown]
# All three agree to the last digits. The rest is the chain rule: from the points to theta, and from theta to the network that chooses
# it (notebook 4).

# %% [markdown]
# ### Predict 2
#
# **Which of the three kernels gives theta a gradient, and which does not?** Look at the slopes of the kernels above.
#
# <details><summary>Answer</summary>Nearest gives none: it is a staircase, flat wherever it does not jump, and theta has nothing to learn
# from. Bilinear and bicubic give one.</details>

# %%
from stn_tutorial import Translation

family, found = Translation(), []
for mode in ("nearest", "bilinear", "bicubic"):
    theta = torch.tensor([[0.1, 0.05]], requires_grad=True)
    out = sample(digit[None], family.grid(theta, (28, 28)), mode=mode)
    loss = (out * torch.linspace(0, 1, 28)).sum()  # a loss that cares in which column the digit is
    gradient = (
        f"{torch.autograd.grad(loss, theta)[0][0, 0]:.1f}" if loss.requires_grad else "none, autograd finds no path to theta"
    )
    found.append(f"{mode}: the gradient by t_x is {gradient}")
figures.Folded("\n".join(found))

# %% [markdown]
# That is why transformers sample bilinearly.
#
# How far does that slope reach? Let us drag the digit across itself and look at the squared error, the simplest loss that
# wants the shift back to 0.

# %%
shifts = torch.linspace(-1.2, 1.2, 97)
moved = sample(digit.expand(97, 1, 28, 28), family.grid(torch.stack([shifts, torch.zeros(97)], 1), (28, 28)))
error = ((moved - digit) ** 2).mean(dim=(1, 2, 3))
pixels = shifts * 14
figures.lines({"squared error": (pixels.tolist(), error.tolist())}, "shift in pixels", "squared error")

# %% [markdown]
# **The basin of the bilinear gradient is narrow.** Only the inner part of the valley is steep. Further out the curve climbs slowly, with
# bumps in which a step can get caught, and at the far ends it leads *away*. From far off theta does not find home by this slope alone.
#
# And once the grid has left the picture?

# %%
theta = torch.tensor([[3.0, 0.0]], requires_grad=True)  # the grid looks one and a half pictures to the right
out = sample(digit[None], family.grid(theta, (28, 28)))
out.sum().backward()
print("largest output value:", float(out.max().detach()), " gradient:", theta.grad.tolist())

# %% [markdown]
# Black output, no gradient, no way back. That is one reason why transformers start at the identity.

# %% [markdown]
# ## The package's sampler
#
# `stn_tutorial.sample` puts these pieces together: three kernels, three paddings, a fill value, both conventions, any output
# size. Does it equal torch's sampler everywhere? We compare values and gradients, by image and by grid, in 36 cases.

# %%
from itertools import product

worst = 0.0
torch.manual_seed(2)
for mode, padding, align_corners, size in product(
    ("nearest", "bilinear", "bicubic"), ("zeros", "border", "reflection"), (False, True), ((4, 7), (5, 5))
):
    U = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    G = (torch.rand(2, 3, 8, 2, dtype=torch.float64) * 3 - 1.5).requires_grad_()
    ours, theirs = sample(U, G, mode, padding, align_corners), F.grid_sample(U, G, mode, padding, align_corners)
    worst = max(worst, float((ours - theirs).detach().abs().max()))
    wanted = (U,) if mode == "nearest" else (U, G)
    for a, b in zip(torch.autograd.grad(ours.sum(), wanted), torch.autograd.grad(theirs.sum(), wanted)):
        worst = max(worst, float((a - b).abs().max()))
print(f"largest difference, values and gradients, over 36 cases: {worst:.1e}")
assert worst < 1e-12

# %% [markdown]
# It does. From here on networks are trained with torch's own sampler, which is maintained by many. You know what is in it.

# %% [markdown]
# ## Play
#
# Drag a corner inwards to zoom in, and point at the output. **Of how many input pixels is an output pixel made?** Change the *kernel* and
# look again. Then drag the centre until the lattice lies half outside, and change the *padding*.
#
# <details><summary>Answer</summary>Nearest: one. Bilinear: four, whose weights sum to 1. Bicubic: sixteen, of which the four largest are
# listed; as some are negative, those four may sum to more than 1. Outside, zeros shows black, border draws the outermost pixels out,
# reflection mirrors.</details>

# %%
from stn_tutorial import Attention, explore

explorer = explore(piece, Attention())
explorer.theta = [1.4, 0.3, 0.0]
explorer

# %% [markdown]
# ## Exercise 1: between two mirrors
#
# Write `my_reflect`, which folds pixel coordinates back into a row of `length` pixels. The mirrors stand at the outer edges, -0.5 and
# `length - 0.5`, or with `align_corners=True` at the centres, 0 and `length - 1`. However far out a point lies, it comes back.
#
# <details><summary>Hint</summary>Measure from the left mirror, and drop the sign: both sides of a mirror look the same. After twice the
# distance of the mirrors everything repeats, and % leaves the rest. On the second half of such a round the walker comes back.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** Coordinates folded back into a row of pixels, as between two mirrors.

# %% tags=["solution"]
import torch
from torch import Tensor


def my_reflect(x: Tensor, length: int, align_corners: bool) -> Tensor:
    """Fold pixel coordinates x, of any shape, back between the two mirrors of a row of `length` pixels, at least 2."""
    left, span = (0.0, length - 1) if align_corners else (-0.5, length)
    rest = (x - left).abs() % (2 * span)
    return left + torch.minimum(rest, 2 * span - rest)


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_reflect(my_reflect)

# %% [markdown]
# ## Exercise 2: your own sampler
#
# Write a bilinear sampler for all three paddings and both conventions, through which the gradient flows. You may use
# `normalized_to_pixel`, and `pad_coordinates`, which clips or reflects as `padding_mode` says. Leave `neighbours` and `pixel_values`
# alone, and see how short it gets with plain indexing.
#
# <details><summary>Hint</summary>x and y have shape (N, H_out, W_out). For each of the four neighbours: is it inside? Its weight,
# from the unclipped corner; its value, images[n, :, y, x] with clipped indices, times inside. With n = torch.arange(N)[:, None,
# None] the channels come last: permute at the end.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** A bilinear sampler for every padding and both conventions, through which the gradient flows.

# %% tags=["solution"]
from stn_tutorial.geometry.coordinates import normalized_to_pixel
from stn_tutorial.geometry.sampler import pad_coordinates


def my_sampler(images: Tensor, grid: Tensor, padding_mode: str, align_corners: bool) -> Tensor:
    """Bilinear: images (N, C, H, W), grid (N, H_out, W_out, 2) -> (N, C, H_out, W_out)."""
    n, c, height, width = images.shape
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(dim=-1)
    x = pad_coordinates(x, width, padding_mode, align_corners)
    y = pad_coordinates(y, height, padding_mode, align_corners)
    batch = torch.arange(n)[:, None, None]
    out = torch.zeros(n, *grid.shape[1:3], c, dtype=images.dtype)
    for y_n in (y.floor(), y.floor() + 1):
        for x_n in (x.floor(), x.floor() + 1):
            inside = (x_n >= 0) & (x_n < width) & (y_n >= 0) & (y_n < height)
            weight = (1 - (x - x_n).abs()) * (1 - (y - y_n).abs()) * inside
            row, column = y_n.clamp(0, height - 1).long(), x_n.clamp(0, width - 1).long()
            out += weight[..., None] * images.permute(0, 2, 3, 1)[batch, row, column]
    return out.permute(0, 3, 1, 2)


# %% tags=["check"]
checks.check_sampler(my_sampler)

# %% [markdown]
# Now look through it: the output of this explorer is made by your sampler. If something is wrong with it, you see it there. (`explore`
# calls a sampler with images and grid only, so the other two arguments are fixed here.)

# %%
explore(piece, Attention(), sampler=lambda images, grid: my_sampler(images, grid, "zeros", False))

# %% [markdown]
# ## Exercise 3: the gradient of a shift
#
# A picture (H, W) is shifted by theta $= (t_x, 0)$; the output has the same size. Write the derivative of every output pixel
# with respect to $t_x$, by hand. `bilinear_gradient` gives the slope per *pixel*, but theta is *normalised*.
#
# <details><summary>Hint</summary>By the chain rule dV / dt_x = dV / dx times dx / dt_x. When t_x grows by 1, by how many pixels
# does the point move? Look at what normalized_to_pixel does under each convention.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 3.** The derivative of a shifted picture with respect to the shift.

# %% tags=["solution"]
from stn_tutorial import Translation
from stn_tutorial.geometry.sampler import bilinear_gradient


def derivative_by_t_x(image: Tensor, t_x: float, align_corners: bool) -> Tensor:
    """d output / d t_x for an image (H, W) warped by a translation (t_x, 0): (H, W)."""
    height, width = image.shape
    grid = Translation().grid(torch.tensor([[t_x, 0.0]]), (height, width), align_corners)[0]
    x, y = normalized_to_pixel(grid, (height, width), align_corners).unbind(dim=-1)
    per_pixel = bilinear_gradient(image, x.flatten(), y.flatten())[1].view(height, width)
    return per_pixel * ((width - 1) / 2 if align_corners else width / 2)


# %% tags=["check"]
checks.check_derivative_by_t_x(derivative_by_t_x)

# %% [markdown]
# ## What to take away
#
# 1. A sample is a weighted sum of neighbours; the weights come from the distance to the neighbours as they are, unclipped.
# 2. The gradient by the pixels is the weight (equation 6); by the point it is the slope of the picture there (equation 7).
# 3. Nearest has no slope. Bilinear's comes from the next pixels only, so it leads home only from near by. Outside there is none.
# 4. Fill with the background of what you sample.
# 5. Our sampler equals torch's to the last digits, in values and in gradients.
#
# Next: [4. The localisation network](04_localization_network.ipynb). Theta can be learned. By whom?

# %% [markdown]
# <details><summary>Fine print</summary>
#
# *The kink.* Exactly on a pixel the tent has no derivative. There the paper counts that pixel alone, with +1; we, like torch, take the
# slope towards the next pixel on the right.
#
# *Second derivatives.* `sample` is made of differentiable pieces, so it can be differentiated twice; torch's `grid_sample` long could
# not. Along one axis a bilinear surface is straight: `d2 V / dx dx` is 0. It is twisted: `d2 V / dx dy` is not.
#
# *The rest of the chain.* In normalised coordinates the point depends on theta through one matrix product, so
# $\partial x_s / \partial \theta_{11} = x_t$, and so on. Theta depends on the weights of the network that chooses it.
#
# </details>
