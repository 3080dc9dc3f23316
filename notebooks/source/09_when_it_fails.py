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
# # 9. When it fails
#
# **A museum of bugs: what does each look like, which check finds it, and how is it mended?**
#
# Afterwards you can
#
# - tell from a picture which of eighteen bugs you have met,
# - write the check that would have found it,
# - read a diagnosis of any net with a transformer, and set a monitor on its training.
#
# *Minutes on a laptop CPU: MINUTES_09 to run, about 60 to read and bet.* What to know before: notebooks [2](02_grid_generator.ipynb),
# [3](03_sampler.ipynb) and [4](04_localization_network.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_09)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %%
import torch
from torch import Tensor

from stn_tutorial.teaching import checks, exhibits, museum

digits, labels = data.test_images[:64].float() / 255, data.test_labels[:64]
exhibits.nearly()

# %% [markdown]
# Left: noise. Middle: what the sampler of a well-read tutorial makes of it under the *identity*, which should change nothing. On digits hardly anybody saw it.
#
# Bugs of spatial transformers are **silent**: no error, a loss that falls, a picture that is nearly right. Most of these come from public bug reports, the others from our own trainings.
#
# In each room: a symptom, a bet (take it before you unfold), the broken lines, a check that fails and says why, the mended lines. `must_fail` and `must_pass` hand on what
# a check says, and stop the notebook if it says the opposite.

# %% [markdown]
# ## Wing A: the sampler
#
# ### Room 1: The last row and column are black

# %%
exhibits.last_row()

# %% [markdown]
# The paper of the F is grey up to its border. **What is wrong?** Count the pixels from one end to the other.
#
# <details><summary>Answer</summary>A row of W pixels is W - 1 steps long. Who scales by W asks the last column for a pixel W, which does not exist.</details>

# %%
from stn_tutorial.teaching.checks.wrong_samplers import bilinear, inside


def scaled_by_width(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """From the normalised square to pixels."""
    return (points + 1) / 2 * torch.tensor([size[1], size[0]])


museum.must_fail(checks.check_sampler(bilinear(to_pixel=scaled_by_width)), "stretched over W pixels")


# %%
def to_pixels(points, size, align_corners):
    """From the normalised square to pixels: centre to centre, or edge to edge."""
    lengths = torch.tensor([size[1], size[0]])
    return (points + 1) / 2 * (lengths - 1) if align_corners else ((points + 1) * lengths - 1) / 2


museum.must_pass(checks.check_sampler(bilinear(to_pixel=to_pixels)))

# %% [markdown]
# ### Room 2: A dark seam along the border

# %%
exhibits.seam()

# %% [markdown]
# Beyond the border the paper should go on; yours is black there. **Which two lines were exchanged?**
#
# <details><summary>Answer</summary>Clip, then weigh. Clipped to the same pixel, both neighbours get weights by the distance to <i>each other</i>: they cancel.</details>


# %%
def cancelling(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """The two neighbours of a point along one axis, each with its weight."""
    left, right = x.floor().clamp(0, length - 1), (x.floor() + 1).clamp(0, length - 1)
    return [(left, right - x), (right, x - left)]


museum.must_fail(checks.check_sampler(bilinear(cancelling)), "clipped corners")


# %%
def weigh_first(x, length):
    """The same, from the unclipped corners; a neighbour outside counts nothing."""
    left, right = x.floor(), x.floor() + 1
    return [(left, (right - x) * inside(left, length)), (right, (x - left) * inside(right, length))]


museum.must_pass(checks.check_sampler(bilinear(weigh_first)))

# %% [markdown]
# ### Room 3: Nearly the identity
#
# Its picture hangs at the door. On noise, pixels differ by up to 0.9; on a smooth picture hardly at all. **What is taken off twice?**
#
# <details><summary>Answer</summary>The one of W - 1. In the original the two lines stand far apart: <code>max_x = W - 1</code>, later <code>(max_x - 1)</code>.</details>


# %%
def two_short(points: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """From the normalised square to pixels."""
    last = torch.tensor([size[1] - 1, size[0] - 1])
    return (points + 1) / 2 * (last - 1)


museum.must_fail(checks.check_sampler(bilinear(to_pixel=two_short)), "one is taken off W twice")

# %%
museum.must_pass(
    checks.check_sampler(bilinear(weigh_first, to_pixels))
)  # room 1's `(lengths - 1)`, and nothing taken off it again

# %% [markdown]
# **Test an identity on noise.** Smooth pictures forgive.
#
# ### Room 4: The picture fades at its edge

# %%
exhibits.fading()

# %% [markdown]
# All ones go in, nothing moves, and the edge comes out at a half, the corner at a quarter. **What do two functions disagree about?**
#
# <details><summary>Answer</summary>What -1 and 1 mean. The grid ends at pixel centres stretched to the edge: its outermost points see half a pixel of nothing.</details>

# %%
from torch.nn import functional as F

from stn_tutorial import diagnose
from stn_tutorial.teaching.exhibits import HandMade


def mixed_corners(images: Tensor, theta: Tensor) -> Tensor:
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    return F.grid_sample(images, grid, align_corners=False)


diagnose(HandMade(mixed_corners), digits)

# %% [markdown]
# That was `diagnose`, a page on the health of any net that samples pictures. It watches one pass: what torch's `affine_grid` and `grid_sample` were given, and what the gradient does. From
# here on we show only what is sick.

# %%
museum.must_fail(diagnose(HandMade(mixed_corners), digits), "True in the grid, False in the sampler")


# %%
def warped_alike(images, theta):
    """The same convention in both."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


museum.must_pass(diagnose(HandMade(warped_alike), digits))

# %% [markdown]
# ## Wing B: theta
#
# ### Room 5: Enlarged before any training

# %%
exhibits.enlarged(digits[0])

# %% [markdown]
# The localiser starts at the identity, (1, 0, 0, 0, 1, 0), and yet the digit is a third larger. **What came between?**
#
# <details><summary>Answer</summary>A tanh, to keep theta small. tanh(1) = 0.76, so the window is three quarters as wide. Life size is out of reach: that takes an infinite input.</details>


# %%
def bounded(images, theta):
    return warped_alike(images, torch.tanh(theta))


museum.must_fail(diagnose(HandMade(bounded), digits), "squashed by a tanh")

# %%
museum.must_pass(diagnose(HandMade(warped_alike), digits))  # without the tanh

# %% [markdown]
# ### Room 6: It turns the other way

# %%
exhibits.against()

# %% [markdown]
# **Where is the wrong sign?**
#
# <details><summary>Answer</summary>Nowhere in the matrix: it turns clockwise what it is given. But it is given the <i>grid</i>. When your window turns clockwise, the world in it turns
# the other way.</details>

# %%
import math


def turned_against(degrees: float) -> Tensor:
    """Affine theta (6,) that turns the picture clockwise."""
    angle = math.radians(degrees)
    return torch.tensor([math.cos(angle), -math.sin(angle), 0.0, math.sin(angle), math.cos(angle), 0.0])


museum.must_fail(checks.check_turn_theta(turned_against), "turns the other way")


# %%
def turned_with(degrees):
    """Affine theta (6,) that turns the picture clockwise: the grid goes the other way."""
    return turned_against(-degrees)


museum.must_pass(checks.check_turn_theta(turned_with))

# %% [markdown]
# ### Room 7: One degree is far too much

# %%
exhibits.far_too_much()

# %% [markdown]
# One degree, and the F is nearly upside down. **By how much did it really turn?**
#
# <details><summary>Answer</summary>By one radian, 57 degrees. Thirty are 4.8 turns.</details>


# %%
def turned_in_degrees(degrees: float) -> Tensor:
    """Affine theta (6,) that turns the picture clockwise."""
    return torch.tensor([math.cos(degrees), math.sin(degrees), 0.0, -math.sin(degrees), math.cos(degrees), 0.0])


museum.must_fail(checks.check_turn_theta(turned_in_degrees), "take radians")


# %%
def turned_in_radians(degrees):
    angle = math.radians(degrees)
    return torch.tensor([math.cos(angle), math.sin(angle), 0.0, -math.sin(angle), math.cos(angle), 0.0])


museum.must_pass(checks.check_turn_theta(turned_in_radians))

# %% [markdown]
# ### Room 8: Fine on square pictures only

# %%
exhibits.sheared()

# %% [markdown]
# The square F turns, the wide one leans over. **What is as wide as it is high, though the picture is not?**
#
# <details><summary>Answer</summary>The normalised square. A unit of x is 30 pixels here, a unit of y 10. Turn pixels, not units.</details>


# %%
def turned_as_square(angle: float, size: tuple[int, int]) -> Tensor:
    """Affine theta (6,) that turns a picture of (H, W)."""
    return torch.tensor([math.cos(angle), -math.sin(angle), 0.0, math.sin(angle), math.cos(angle), 0.0])


museum.must_fail(checks.check_unsheared_theta(turned_as_square), "shears an image that is not square")


# %%
def turned_in_pixels(angle, size):
    aspect = size[1] / size[0]
    return torch.tensor(
        [math.cos(angle), -math.sin(angle) / aspect, 0.0, math.sin(angle) * aspect, math.cos(angle), 0.0],
    )


museum.must_pass(checks.check_unsheared_theta(turned_in_pixels))

# %% [markdown]
# ### Room 9: The picture lies on its side, mirrored

# %%
exhibits.lying()

# %% [markdown]
# **A turn by 90 degrees?** Look at the arms of the F.
#
# <details><summary>Answer</summary>No turn does that: it is mirrored at its diagonal. x and y are swapped. Arrays say [row, column], grids say (x, y).</details>

# %%
from stn_tutorial import target_grid


def rows_for_x(size: tuple[int, int], align_corners: bool) -> Tensor:
    """Target grid (H, W, 2) of the normalised square."""
    rows, columns = target_grid(size, align_corners).unbind(dim=-1)
    return torch.stack([columns, rows], dim=-1)


museum.must_fail(checks.check_target_grid(rows_for_x), "x and y are exchanged")


# %%
def columns_for_x(size, align_corners):
    x, y = target_grid(size, align_corners).unbind(dim=-1)
    return torch.stack([x, y], dim=-1)


museum.must_pass(checks.check_target_grid(columns_for_x))

# %% [markdown]
# ## Wing C: learning
#
# ### Room 10: The output is all black

# %%
exhibits.plateau(digits[:1])

# %% [markdown]
# The loss of a trained classifier for one digit, wherever its window looks. In the middle the digit; on both sides plateaus. **You wake up on a plateau. Which way is down?**
#
# <details><summary>Answer</summary>Nothing tells you. Every sampling point sees black and black beside it, so the slope of the picture, and with it the gradient of theta, is exactly 0.</details>

# %%
from stn_tutorial import pretrained

net = pretrained("mnist-r/st-cnn-affine")
theta_bias = net.transformer.localization[1].last.bias
theta_bias.data[2] += 4.0  # two pictures to the right
museum.must_fail(diagnose(net, digits), "there is no gradient")

# %%
theta_bias.data[2] -= 4.0  # no gradient will do this for you
museum.must_pass(diagnose(net, digits))

# %% [markdown]
# ### Room 11: The loss falls, and theta does not move

# %%
from stn_tutorial.teaching.exhibits import a_moment_of_training


def forgetful(images: Tensor, theta: Tensor) -> Tensor:
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    F.grid_sample(images, grid, align_corners=False)
    return images


torch.manual_seed(0)
net = HandMade(forgetful)
exhibits.unmoved(a_moment_of_training(net, net.localizer, data.train_images, data.train_labels))

# %% [markdown]
# It learns, so what is wrong? **Read the three lines above again: where does the warped picture go?**
#
# <details><summary>Answer</summary>Nowhere. The classifier reads the original and learns very well without a transformer.</details>

# %%
museum.must_fail(diagnose(net, digits), "does not depend on the warped picture")

# %%
museum.must_pass(diagnose(HandMade(warped_alike), digits))  # its last line: return F.grid_sample(...)

# %% [markdown]
# ### Room 12: Nobody notices that nothing is learned

# %%
from stn_tutorial.teaching.exhibits import gradient_norms_of


def cut_off(images: Tensor, theta: Tensor) -> Tensor:
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False).detach()
    return F.grid_sample(images, grid, align_corners=False)


net = HandMade(cut_off)
exhibits.silence(gradient_norms_of(net, digits, labels))

# %% [markdown]
# The warped picture is used this time, and the loss falls as before. **Where does the gradient stop?**
#
# <details><summary>Answer</summary>At <code>.detach()</code>; <code>no_grad</code>, <code>.data</code>, <code>.item()</code> or numpy do the same. (In a healthy net that has not learned yet, only the localiser's <i>last</i> layer has a
# gradient: its weights are zero.)</details>

# %%
museum.must_fail(diagnose(net, digits), "none reaches theta")

# %%
healthy = diagnose(HandMade(warped_alike), digits)
print(next(finding.seen for part in healthy.findings.values() for finding in part if finding.name == "gradient"))
museum.must_pass(healthy)

# %% [markdown]
# ### Room 13: The loss does not move any more
#
# ln 10 = 2.30 is the loss of who knows nothing of ten classes.

# %%
import warnings

from stn_tutorial import Monitor
from stn_tutorial.networks.models import paper_st_cnn


def watched(groups_of):
    """A moment of training with a monitor: what was seen along the steps, and what the monitor said."""
    torch.manual_seed(0)
    net = paper_st_cnn()
    with warnings.catch_warnings(record=True) as said, Monitor(net):
        warnings.simplefilter("always")
        localizer = net.transformer.localization
        along = a_moment_of_training(net, localizer, data.train_images, data.train_labels, groups_of(net))
    return along, [str(warning.message) for warning in said]


def all_alike(net):
    return [{"params": net.parameters(), "lr": 1.0}]


along, said = watched(all_alike)
exhibits.leaving(along)

# %% [markdown]
# **What happened in the first steps?**
#
# <details><summary>Answer</summary>One step too far: the window left the picture (room 10). From then on every gradient of the localiser is exactly 0, and no learning rate brings it
# back.</details>


# %%
def heard(said):
    """What the monitor said, as a verdict."""
    return checks.Verdict("failed" if said else "passed", " ".join(said) or "the monitor has nothing to say.")


museum.must_fail(heard(said), "has died: since step")


# %%
def localizer_slow(net):
    slow = {"params": net.transformer.parameters(), "lr": 0.03}
    return [slow, {"params": net.classifier.parameters(), "lr": 0.3}]


along, said = watched(localizer_slow)
print(f"outside at most {max(along['outside']):.0f} %, loss {along['loss'][0]:.2f} -> {along['loss'][-1]:.2f}")
museum.must_pass(heard(said))

# %% [markdown]
# `Monitor(model)` goes around any training loop; `fit(..., monitor=True)` has it built in. It looks at one number a step, theta's largest gradient, and warns once.
#
# ## Wing D: pictures
#
# ### Room 14: Everything shrinks
#
# The best-known bug of all. The net of the PyTorch tutorial, upright digits, its own recipe (with momentum, which arrives ten times as soon). It normalises *before* the warp and fills
# with 0, which is then a grey.

# %%
from stn_tutorial import Affine, SpatialTransformer
from stn_tutorial.networks.models import tutorial_net
from stn_tutorial.teaching import figures
from stn_tutorial.teaching.exhibits import window_along


def tutorial(fill, padding):
    """The tutorial's net; what it fills with, in raw greys, and the padding of its classifier's convolutions."""
    torch.manual_seed(0)
    net = tutorial_net()
    net.transformer = SpatialTransformer(net.transformer.localization, Affine(), fill=fill)
    if padding:
        net.classifier[1].padding = net.classifier[4].padding = (padding, padding)
        net.classifier[9] = torch.nn.Linear(20 * 7 * 7, 50)
    return net


nets = {"as published: a grey frame": (0.1307, 0), "no frame": (0.0, 0), "no frame, padded": (0.0, 2)}
nets = {name: tutorial(*how) for name, how in nets.items()}
steps = 100 if quick else 500
curves = {name: window_along(net, data.train_images, data.train_labels, steps) for name, net in nets.items()}
figures.lines({name: (range(0, steps + 1, 25), scales) for name, scales in curves.items()}, "step", "scale of the window")

# %% [markdown]
# Above 1 the digit shrinks. **The frame is a bug, and you mend it: does the shrinking stop?** (Normalising *after* the warp is the same net: black is 0 again, and zeros are the background.)
#
# <details><summary>Answer</summary>No. Two bugs, one symptom: it is the convolutions without padding, which look less at the edge than at the middle. A smaller digit suits them. With padding the
# window stays no larger than the picture. (Notebook 7 finds the same on photographs.)</details>

# %%
museum.must_fail(diagnose(nets["as published: a grey frame"], digits), "a frame stands around what is moved")

# %%
museum.must_pass(diagnose(nets["no frame, padded"], digits))

# %% [markdown]
# ### Room 15: Patterns that were never there

# %%
exhibits.stripes()

# %% [markdown]
# Rings around one corner go in; four corners with rings come out. **Where do the other three come from?**
#
# <details><summary>Answer</summary>A bilinear sample looks at four pixels, however far apart the points lie. Here they are four pixels apart and step over a whole ring: aliasing.</details>

# %%
from stn_tutorial.teaching.exhibits import fine_stripes


def reads(size, *before_the_rest):
    """A net that hands on `size` x `size` points of its pictures."""
    return torch.nn.Sequential(SpatialTransformer.for_images((1, 96, 96), Affine(), size=size), *before_the_rest)


rings = fine_stripes().expand(8, -1, -1, -1)
museum.must_fail(diagnose(reads(24), rings), "step over thin strokes")

# %%
averaged = reads(96, torch.nn.AvgPool2d(4))  # 96 points, then means of 4 x 4: 24 again
museum.must_pass(diagnose(averaged, rings))

# %% [markdown]
# ### Room 16: Edges in steps, on large pictures

# %%
exhibits.in_steps()

# %% [markdown]
# Mixed precision makes training faster, and this picture. **How many different numbers has bfloat16 between 0.5 and 1?**
#
# <details><summary>Answer</summary>128. A picture of 512 pixels has as many pixels there: whatever lies between them is rounded away.</details>


# %%
def in_half(images, theta):
    """Warp images (N, C, H, W) by theta (N, 2, 3)."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False).bfloat16()
    return F.grid_sample(images.bfloat16(), grid, align_corners=False).float()


museum.must_fail(diagnose(HandMade(in_half), digits), "the grid is bfloat16")


# %%
def in_full(images, theta):
    """The same: half precision is for the convolutions, not for coordinates."""
    grid = F.affine_grid(theta.float(), list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, align_corners=False)


museum.must_pass(diagnose(HandMade(in_full), digits))

# %% [markdown]
# ### Room 17: The same stroke twice

# %%
exhibits.twice(digits[0])

# %% [markdown]
# **Look at the lattice: where does it cross itself, and what does the output show there?**
#
# <details><summary>Answer</summary>The middle column is looked at three times, once from right to left: the stroke goes there, back, and there again. A thin plate spline bends as it is told, also over itself.</details>

# %%
from stn_tutorial import Diffeomorphic, ThinPlateSpline
from stn_tutorial.networks.localization import FixedTheta
from stn_tutorial.teaching.exhibits import folded_theta

folds = SpatialTransformer(FixedTheta(folded_theta()), ThinPlateSpline())
museum.must_fail(diagnose(folds, digits), "what lies behind a fold is shown twice")

# %%
flows = SpatialTransformer(FixedTheta(folded_theta()), Diffeomorphic(4))  # the same numbers, as velocities of a flow
museum.must_pass(diagnose(flows, digits))

# %% [markdown]
# ### Room 18: A good error, and nothing is turned
#
# A recorded run on digits turned by up to 90 degrees, a thin plate spline, 0.72 % error: as good as the paper's. Above what comes in, below what it hands on.

# %%
exhibits.handed_on_of("mnist-r/st-cnn-tps")

# %% [markdown]
# **Would you have guessed it from the error?**
#
# <details><summary>Answer</summary>No. The classifier behind it reads turned digits by itself. An error does not say what the transformer does: measure the pose.</details>

# %%
from stn_tutorial.training.runs import load_runs


def turns_back(name):
    """Whether a recorded transformer halves the spread of the angle within a class."""
    before, after = (load_runs(name)[0]["pose"][f"mean_{when}_degrees"] for when in ("before", "after"))
    status = "passed" if after < before / 2 else "failed"
    return checks.Verdict(status, f"the angle's spread goes from {before:.1f} to {after:.1f} degrees.")


museum.must_fail(turns_back("mnist-r/st-cnn-tps"), "spread")

# %%
museum.must_pass(turns_back("mnist-r/st-cnn-affine"))  # six numbers instead of 32, all else the same

# %% [markdown]
# ## Find the bug
#
# Two nets with bugs that no room shows. Read, bet, mend.

# %% [markdown]
# ## Exercise 1: fine with one picture
#
# ```python
# theta = self.localizer(images)                                # (N, 6)
# grid = F.affine_grid(theta.view(2, 3, -1).permute(2, 0, 1), ...)   # (N, 2, 3)
# ```
#
# With a batch of one the net works; with sixty-four, every picture tumbles. Write `as_matrices`, with which it works for all.
#
# <details><summary>Hint</summary>For a batch of one it is right. Write down theta of two pictures as 2 rows of 6 numbers. Which of them land in the
# first matrix?</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** What a localiser answers, as matrices, one for each picture.


# %% tags=["solution"]
def as_matrices(theta):
    """Affine theta (N, 6), row by row, as matrices (N, 2, 3); the gradient passes."""
    return theta.reshape(len(theta), 2, 3)


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_as_matrices(as_matrices)

# %% [markdown]
# ## Exercise 2: healthy, and it stays at the identity
#
# ```python
# optimizer = torch.optim.SGD([{"params": net.classifier.parameters(), "lr": lr}])
# ```
#
# `diagnose` finds nothing: the gradient arrives at the localiser. The monitor is content. After an hour theta is still the identity. Write `parameter_groups`: the localiser of
# `net.transformer` at a tenth of `lr`, everything else in the net at `lr`, each parameter once.
#
# <details><summary>Hint</summary>An optimiser moves what it was given, and nothing else. `net.transformer.localization.parameters()` are the localiser's; the others are all the
# rest, whatever they are called.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** Groups for an optimiser: the localiser at a tenth of the rate, all others at the rate itself.


# %% tags=["solution"]
def parameter_groups(net, lr):
    """A list of dicts with "params" and "lr", as torch's optimisers take it, for a net that holds a `transformer`."""
    localizer = list(net.transformer.localization.parameters())
    known = {id(parameter) for parameter in localizer}
    rest = [parameter for parameter in net.parameters() if id(parameter) not in known]
    return [{"params": localizer, "lr": lr / 10}, {"params": rest, "lr": lr}]


# %% tags=["check"]
checks.check_parameter_groups(parameter_groups)

# %% [markdown]
# ## The map of symptoms
#
# From what you see to the room. It is a [page of its own](../docs/symptoms.md), too.

# %%
museum.Map()

# %% [markdown]
# ## What to take away
#
# 1. The bugs of a transformer are silent. An identity on noise, a non-square picture and a batch of two find most of them.
# 2. `diagnose(model, images)` before a long training, and in the middle of it.
# 3. A window that has left the picture never comes back: a slow localiser, and a monitor.
# 4. Two bugs can have one symptom. Mend one thing at a time, and look again.
# 5. A good error says nothing about the pose.
#
# Back to your own net: `from stn_tutorial import diagnose`. Something else is wrong with it? The [map](../docs/symptoms.md) tells where to look.
#
# Next: [10. Speed and scale](10_speed_and_scale.ipynb).
