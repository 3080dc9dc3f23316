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
# # 7. CIFAR-10
#
# **A published network and its 66 %: is its transformer worth anything on photographs, and why do its pictures shrink?**
#
# Afterwards you can
#
# - reproduce a published training: the network row by row, the log block by block,
# - find out with controls whether a part of a network earns its place,
# - measure what a transformer does to its pictures, and see that it may shrink them,
# - train a small network with a transformer past the published accuracy, in a minute.
#
# *Minutes on a laptop CPU: MINUTES_07 to run, about 40 to read and try.* What to know before: notebooks
# [4](04_localization_network.ipynb) and [5](05_rotated_mnist.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_07)

# %% tags=["setup"]
try:
    import stn_tutorial
except ModuleNotFoundError:  # on Colab: installs this package, and leaves the torch that is there alone
    # %pip install -q --no-deps anywidget psygnal torchsummary INSTALL_LINE
    import stn_tutorial

from stn_tutorial.notebook import start

data, quick = start("cifar10")

# %% [markdown]
# The line above says which pictures this computer has. Every table and curve of *full* trainings below was measured on the copy that is named
# under the table, and is printed from the recorded runs whatever you have here.
#
# ## What did the seed do?
#
# This project grew from one public notebook, [DawnOfTransformers](https://github.com/gokul-pv/DawnOfTransformers): a small CNN for CIFAR-10
# with an affine transformer in front of it, trained for 50 epochs. We call it the *seed*. Here is its network, from our package. The published summary
# has fourteen rows, and all of them are here, in their order. The others hold no parameters of their own: `Normalize`, `Localizer` and
# `SpatialTransformer` are ours, the rest are steps that the original writes as function calls, which a summary does not see.

# %%
from torchsummary import summary

from stn_tutorial import models

summary(models.seed_net(), (3, 32, 32), device="cpu")

# %% [markdown]
# Look where the parameters are: 740,486 of the 1,585,008 sit in the *localiser*. Nearly half of this network does nothing but choose six
# numbers.
#
# Its recipe is plain: 50 epochs of gradient descent in steps of a constant rate 0.01, batches of 64, no momentum, no augmentation. We ran it as it
# stands; the table shows with which seeds so far. Does our training reproduce theirs? Under a constant rate single epochs jump by several points, so compare means of ten
# epochs (exercise 2).

# %%
from IPython.display import Markdown

from stn_tutorial.tables import mean_and_spread, table

Markdown(table("cifar10-seed-blocks"))

# %% [markdown]
# In the first twenty epochs the two logs agree to half a point; later ours lies 0.9 to 1.7 points above theirs. (Our copy of CIFAR-10 is not quite
# theirs: the line under the table names it.) One run cannot say whether that is more than what seeds do. It is near enough to be asked what the published log cannot say: was the
# transformer worth anything? Nobody had trained the network without it.
#
# ### Predict 1
#
# **Take the transformer away, and its 740,486 parameters with it: what happens to the accuracy?** Write down a number
# before you go on.

# %%
Markdown(table("cifar10", nets="seed*"))

# %% [markdown]
# Without the transformer the net is ahead, by three points at the last epoch and by one and a half at the best, and trains in a sixth of the time (each
# run had one core, and other work beside it). It has about half as many parameters. This is one run of the seed's net, whose accuracy jumps by a point or more from one epoch to the next:
# the order is likely, the gap is not known yet. The recorded runs will grow to three seeds; what is not recorded says so.
#
# "Best epoch" is how the seed reported: the luckiest of fifty looks at the test set. We show it and never compare by it.

# %%
from stn_tutorial import plots
from stn_tutorial.experiments import load_runs, published

histories = {"published": published("cifar10-seed")}
for name in ("seed", "seed-without-stn"):
    histories |= {f"{name}, seed {run['seed']}": run["history"] for run in load_runs(f"cifar10/{name}")[:1]}
plots.training_curves(histories)

# %% [markdown]
# For twenty-five epochs all three go nearly the same way; our net with a transformer is even a little ahead at times. From epoch 30 on the nets with a transformer hardly
# improve and their curves are restless, while the net without goes on getting better.
#
# ## Why do the pictures shrink?
#
# The seed's notebook ends with one picture: test images on the left, on the right what the transformer made of them. Here is ours, of the recorded
# run.

# %%
import torch
from torchvision.utils import make_grid

from stn_tutorial import Affine, sample
from stn_tutorial.experiments import load_theta

family, mean_color = Affine(), torch.tensor(models.CIFAR10_MEAN)
run = load_runs("cifar10/seed")[0]
history = load_theta("cifar10/seed", run["seed"])
inputs = history["image"][:32].float() / 255
outputs = sample(inputs, family.grid(history["theta"][-1][:32], (32, 32)), fill=mean_color)
plots.images_in_a_row(
    [make_grid(inputs, pad_value=1), make_grid(outputs, pad_value=1)],
    ["test images", "what the seed's classifier gets"],
    width=4.5,
)

# %% [markdown]
# There it is, in our run as in theirs: nearly every picture stands smaller in a frame of grey, some are squeezed, some turned a little. Look for
# one whose animal was centred or whose ship was enlarged. How did it come about?

# %%
from stn_tutorial import animate_warps

animate_warps(history, family, count=3, classes=data.classes, fill=mean_color)

# %% [markdown]
# It begins early. How far does it go? Take the matrix of theta. The root of its determinant is the *scale* of the window: above 1 the window is larger
# than the image, and the image in it smaller (exercise 1). The share of the window that lies outside the image is what the classifier gets of plain colour.

# %%
from stn_tutorial.metrics import out_of_frame_fraction, scale_of


def window_along(name: str) -> tuple[list, list, list]:
    """The recorded steps of a run, the scale of the window and its share outside the image (in %), mean over 64 images."""
    history = load_theta(name, load_runs(name)[0]["seed"])
    scale = [float(scale_of(family.matrix(theta)).mean()) for theta in history["theta"]]
    outside = [100 * float(out_of_frame_fraction(family.grid(theta, (32, 32))).mean()) for theta in history["theta"]]
    return history["step"].tolist(), scale, outside


steps, scale, outside = window_along("cifar10/seed")
print(f"in the end the window is {scale[-1]:.2f} times as large as the image, and {outside[-1]:.0f} % of it lie outside")
plots.lines({"seed": (steps, scale)}, "training step", "scale of the window")

# %% [markdown]
# The scale jumps up in the first thousand steps and creeps on from there, restlessly. In the end more than a third of what the classifier gets is plain colour.
#
# Why does nothing hold it back? The seed normalises *before* the transformer. The zeros that the sampler fills in are then the mean colour of all
# images, a grey that offends nobody; perhaps shrinking costs little there. And it may bring something: the classifier's convolutions have no padding,
# so that pixels near the edge are looked at less often than those in the middle. What is moved inwards is looked at more. Both are guesses, and the
# runs that test them (the normalisation after the transformer, the border's colours in place of zeros, a slower localiser) are not recorded yet.
#
# ## How fast to the published best?
#
# The best epoch of the published log, picked on the test set, has 66.68 %. Here is a net of a third of its parameters, `small_net`, a transformer in front of
# a few 3x3 convolutions with batch normalisation. It trains live for one epoch, in bfloat16, with the recipe of the recorded run "sprint".

# %%
from stn_tutorial import evaluate, fit
from stn_tutorial.experiments import experiment_called

sprint = experiment_called("cifar10/sprint")
torch.manual_seed(0)
net = sprint.build()
live = fit(net, data, recipe=sprint.recipe, seed=0)
print(
    f"{models.parameters_of(net):,} parameters, {100 - live.history[-1]['test_error_percent']:.2f} % after {live.wall_seconds:.0f} s"
)

# %%
for run in load_runs("cifar10/sprint"):
    print(
        f"recorded, seed {run['seed']}: {100 - run['test_error_percent']:.2f} % after {run['wall_seconds']:.0f} s; {run['data_source']}; {run['device']}"
    )

# %% [markdown]
# One epoch is enough, with each of three seeds. Whether the transformer's warps have a part in it, no control says yet; the rest is a net whose 3x3
# convolutions have batch normalisation and pool early, AdamW with one cycle, and bfloat16. One thing the transformer does give: it hands on 24x24 pixels
# in place of 32x32, and everything behind it has little more than half of the work.
#
# ## Does it know what upright is?
#
# CIFAR-10 comes upright, and so this net has never seen a turned picture. Now we turn the test images, by an angle drawn evenly up to a limit.
#
# ### Predict 2
#
# **What will be left of its accuracy at 90 degrees?** And will the transformer turn the pictures back?
#
# Write down a number, then run the cell.

# %%
from stn_tutorial.distortions import RandomRotation
from stn_tutorial.metrics import pose_report, where_corners_look

for degrees in (0, 30, 60, 90):
    task = RandomRotation(degrees)
    test = evaluate(net, data, task, sprint.recipe)
    before = where_corners_look(task.family, test["pose"])
    after = where_corners_look(task.family, test["pose"], family, test["theta"])
    spread = pose_report(before, after, test["labels"])
    print(
        f"turned by up to {degrees:>2} degrees: {100 - test['error_percent']:.1f} % right; the angle's spread within a class is "
        f"{spread['mean_before_degrees']:.1f} degrees before the transformer, {spread['mean_after_degrees']:.1f} after"
    )

# %% [markdown]
# A turn of up to 30 degrees costs it a quarter of its accuracy, one of up to 90 more than half. The spread of the angle is the same before and after: the transformer has turned
# nothing back. It never had to, and what a transformer was not trained for it does not do: **it does not extrapolate**.
#
# ## What does this notebook show, and what not?
#
# A localiser of 740,486 parameters in front of a small CNN bought nothing in the run that is recorded: the same net without it was ahead, in a sixth of the time. CIFAR-10 is
# centred and upright; there is little to undo. That is no verdict on transformers, it is one on this task. Still to come, as the runs are
# recorded: three seeds of each row, a modern recipe for the same net, CIFAR-10 that comes rotated or scattered, and a larger net.

# %% [markdown]
# ## Play
#
# The net that you trained above. Turn the picture, shrink it, push it aside: the output follows your hand, and the transformer answers. How far can you
# turn a horse until the net sees a frog? Does the lattice turn along?

# %%
from stn_tutorial import explore_model

explore_model(net, data.test_images[:20], classes=data.classes)

# %% [markdown]
# ## Exercise 1: the scale of a window
#
# Write `window_scale`: from affine thetas (N, 6) the scale of the window, 1 for the identity. Turns, shear and shifts must not disturb
# it, and a mirrored window has a size, too.
#
# <details><summary>Hint</summary>The 2x2 part of theta maps the output's square to a parallelogram. By which factor does its area grow? A scale
# is the root of that.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** The scale of the window of each affine theta: the square root of the factor by which its area differs from the output's.

# %% tags=["solution"]
import torch


def window_scale(theta: torch.Tensor) -> torch.Tensor:
    """How large the window of each affine theta (N, 6) is, as a multiple of the output's width: (N,)."""
    a11, a12, _, a21, a22, _ = theta.unbind(dim=1)
    return (a11 * a22 - a12 * a21).abs().sqrt()


# %% tags=["check"]
from stn_tutorial import checks

checks.check_window_scale(window_scale)

# %% [markdown]
# ## Exercise 2: means of blocks
#
# Write `block_means`, with which the seed's log and ours were compared: the mean of each block of `size` values. The last block may be
# shorter than the others.
#
# <details><summary>Hint</summary>`range(0, len(values), size)` gives where the blocks begin, and a slice that reaches beyond the end of a
# list stops there by itself.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** The mean of each block of `size` values; the last block may be shorter.


# %% tags=["solution"]
def block_means(values: list[float], size: int) -> list[float]:
    """The means of consecutive blocks of `size` values each; what is left over at the end makes a shorter block."""
    blocks = [values[start : start + size] for start in range(0, len(values), size)]
    return [sum(block) / len(block) for block in blocks]


# %% tags=["check"]
checks.check_block_means(block_means)

# %% [markdown]
# ## What to take away
#
# 1. Reproduce before you judge: the same summary row by row, the same log block by block.
# 2. Train the net without the part that you want to praise. Here, in one run of the one against two of the other, the transformer cost accuracy
#    and five sixths of the time.
# 3. A transformer may shrink its pictures. Watch the scale of its window and how much of it lies outside.
# 4. A better net with a better recipe passes in one epoch what took fifty; what its transformer has to do with that, only a control could say.
# 5. It does not extrapolate: trained upright, it turns nothing back.
#
# The [README](../README.md) shows how to put the layer into a network of your own, and where it does not help.
