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
# **A published network and its 66 %: is its transformer worth anything on photographs, and what does it do to them?**
#
# Afterwards you can
#
# - tell whether a published training is reproduced,
# - measure what a transformer does to its pictures, and find the cause,
# - judge a part of a network by controls of equal size,
# - say for which photographs a transformer pays.
#
# *Minutes on a laptop CPU: MINUTES_07 to run, about 40 to read and try.* What to know before: notebooks
# [4](04_localization_network.ipynb) and [5](05_rotated_mnist.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_07)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start("cifar10")

# %% [markdown]
# ## What happened to these pictures?

# %%
import torch

from stn_tutorial.networks import models
from stn_tutorial.teaching import run_figures

mean_color = torch.tensor(models.CIFAR10_MEAN)
run_figures.handed_on({"what the seed's classifier gets": "cifar10/seed"}, fill=mean_color)

# %% [markdown]
# This project grew from one public notebook, [DawnOfTransformers](https://github.com/gokul-pv/DawnOfTransformers): a small CNN for CIFAR-10, with an affine
# transformer in front of it. We call it the **seed**. It ends with such a picture: most photographs come out smaller, in a frame of grey. Nobody had asked for
# that.
#
# Four questions:
#
# 1. Is the seed reproduced?
# 2. What did its transformer do to the pictures, and why?
# 3. What is it worth, against controls of equal size?
# 4. Where does a transformer pay on photographs?
#
# The answers come from long trainings that were recorded once. They are read from `data/runs/`, whatever data this computer has.

# %% [markdown]
# ## Is the seed reproduced?
#
# First the network. These are the layers that hold parameters, as our package builds them:

# %%
net = models.seed_net()
for name, part in net.named_children():
    print(f"{name}: {models.parameters_of(part):,} parameters")
    for layer in part.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            print(f"    {type(layer).__name__:<8}{models.parameters_of(layer):>9,}")

# %% [markdown]
# The published summary has the same eight layers, and as many parameters in each.
#
# <details><summary>The published summary</summary>
#
# ```text
# Conv2d-1 [-1, 64, 26, 26] 9,472
# MaxPool2d-2 [-1, 64, 13, 13] 0
# ReLU-3 [-1, 64, 13, 13] 0
# Conv2d-4 [-1, 128, 9, 9] 204,928
# MaxPool2d-5 [-1, 128, 4, 4] 0
# ReLU-6 [-1, 128, 4, 4] 0
# Linear-7 [-1, 256] 524,544
# ReLU-8 [-1, 256] 0
# Linear-9 [-1, 6] 1,542
# Conv2d-10 [-1, 16, 28, 28] 1,216
# Conv2d-11 [-1, 32, 10, 10] 12,832
# Dropout2d-12 [-1, 32, 10, 10] 0
# Linear-13 [-1, 1024] 820,224
# Linear-14 [-1, 10] 10,250
# ```
#
# </details>

# %% [markdown]
# Look where the parameters are. Nearly half of this network is its *localiser*, which does nothing but choose six numbers.
#
# Then the training. Its recipe is plain: 50 epochs at a constant learning rate, no augmentation. We ran it with several random seeds. At a constant
# rate the accuracy jumps from epoch to epoch, so compare means of ten epochs (exercise 2).

# %%
run_figures.published_and_ours("cifar10-seed", "cifar10/seed")

# %% [markdown]
# **The seed is reproduced**: block by block we stay within two points of it. (Thin lines are epochs, thick steps are means of ten. A number says by
# how many points ours is ahead.)
#
# The published 66.68 % is the best of fifty looks at the test set. From here on we compare *last* epochs.

# %% [markdown]
# ## What did its transformer do to the pictures?
#
# Watch it along the training. The part of the input that a transformer reads, drawn as a lattice, is its **window**.

# %%
from stn_tutorial import Affine, animate_warps
from stn_tutorial.training.data import CIFAR10_CLASSES
from stn_tutorial.training.runs import load_runs, load_theta

family, history = Affine(), load_theta("cifar10/seed")
animate_warps(history, family, count=3, classes=CIFAR10_CLASSES, fill=mean_color)

# %% [markdown]
# The windows grow beyond the image, so the image in them shrinks. How far? The **scale** of a window says how many times as wide as the image it
# is. Above 1, the picture comes out smaller (exercise 1).

# %%
from stn_tutorial.training.metrics import out_of_frame_fraction, scale_of

theta = history["theta"][-1]  # of 64 test images
scales, outside = scale_of(family.matrix(theta)), out_of_frame_fraction(family.grid(theta, (32, 32)))
print(f"scale {scales.mean():.2f} on average, from {scales.min():.2f} to {scales.max():.2f}")
print(f"{100 * outside.mean():.0f} % of the output is plain colour")

# %% [markdown]
# A net that was trained so comes with the package. What does a diagnosis say of it?

# %%
from stn_tutorial import diagnose, pretrained

print(diagnose(pretrained("cifar10/seed"), data.test_images[:64].float() / 255))

# %% [markdown]
# The scale alone is sick. The gradient arrives, theta moves, and most of each window still lies on its picture.

# %% [markdown]
# ### Predict 1
#
# Why would it shrink them? The classifier begins with a 5x5 convolution, without padding: a kernel that slides over the picture and never leaves it.
# **In how many of its positions does the kernel cover a pixel in the middle? In how many the pixel in a corner?**
#
# <details><summary>Answer</summary>
#
# 25 and 1. The kernel must lie within the picture, so only its own corner ever covers the picture's corner.
#
# </details>

# %%
from torch.nn.functional import conv_transpose2d

from stn_tutorial.teaching import figures


def covered(padding: int) -> torch.Tensor:
    """In how many of its positions a 5x5 kernel covers each pixel of a 32x32 picture: (1, 32, 32)."""
    side = 32 - 4 + 2 * padding  # of the convolution's output: one position a pixel
    return conv_transpose2d(torch.ones(1, 1, side, side), torch.ones(1, 1, 5, 5), padding=padding)[0]


titles = [f"padding {padding}: corner {int(covered(padding)[0, 0, 0])}, middle 25" for padding in (0, 2)]
alt = f"Squares that are white in the middle and darker to the edge. {'; '.join(titles)}."
shown = figures.images_in_a_row([covered(padding) / 25 for padding in (0, 2)], titles, alt, width=2.8)
figures.Folded(shown, "Show how often each pixel is covered")

# %% [markdown]
# White is covered in 25 positions, black in hardly any. The classifier neglects the edge, and its second convolution does so again. A transformer
# that shrinks the picture moves the edge to where the classifier looks.
#
# That is a guess so far. The test: the same net with one change, a padding of two pixels in both convolutions. (Its hidden layer is smaller, so that
# the sizes are equal.) Each was trained with three seeds, for the five epochs in which most of the growing happens.

# %%
run_figures.window_scales({"as published": "cifar10/window", "with padding": "cifar10/window-padded"})

# %% [markdown]
# **One cause, one mend.** With padding the window stays about as large as the image, in each run. In this net it is the neglected edge that makes
# the transformer shrink its pictures. The mended net also reads more: compare the two accuracies in the legend.
#
# (We changed the frame's colour, too. It is not the cause: [results](../docs/results.md).)

# %% [markdown]
# ## What is it worth?
#
# The published log cannot say. It has no **control**: a net without the part that one wants to praise. Here are three.
#
# - *No transformer*: the classifier alone.
# - *One fixed window*: no localiser. Every picture is shown through the same window, of scale 1.25.
# - *Equal size*: no transformer. The localiser's parameters went into twice as many filters.
#
# ### Predict 2
#
# **Put the published net and its three controls in order, the best first.** Write it down.

# %%
upright = {
    "the published net": "cifar10/seed",
    "no transformer": "cifar10/seed-without-stn",
    "one fixed window": "cifar10/seed-shrunk",
    "equal size": "cifar10/seed-control",
}
figures.Folded(run_figures.accuracies({"the published recipe, 50 epochs": upright}), "Show the order")

# %% [markdown]
# A dot is a run, and the bar is their mean. Round dots have a transformer that learns. Hollow ones have fewer parameters than the published net.
#
# **The published net comes last.** Without its transformer, and with about half of the parameters, it reads more. With as many parameters and no
# transformer it reads far more.
#
# The fixed window is a surprise: it shrinks every picture, and beats the net without one. So shrinking alone does not hurt here. What hurts must be
# what differs from picture to picture, or how that is learned.
#
# Nothing in this figure speaks for the transformer. By a recipe of today it is no better: [results](../docs/results.md).

# %% [markdown]
# ## Where does a transformer pay on photographs?
#
# CIFAR-10 comes upright: there is little to undo. So turn the photographs by up to 90 degrees either way: task **R** of notebook 5. On top is what
# comes in, below what a trained transformer hands on. Does it turn anything back?

# %%
run_figures.handed_on({"what its transformer hands on": "cifar10-r/small-augmented"})

# %% [markdown]
# Now the accuracies. A small net with a transformer stands against a control of equal size. In task **RTS** the photographs are turned by up to 45
# degrees, scaled, and put anywhere in a frame of 48x48.
#
# There are two kinds of training data. Some come distorted: *one pose each*, for ever. Others we distort ourselves: *a new pose each time* that a
# photograph is seen. And on R there are nets *with the term*: the consistency term of notebook 5.

# %%
r, rts = "cifar10-r/small", "cifar10-rts/small"
groups = {
    "R, one pose each": {"transformer": r, "with the term": f"{r}-still", "control": f"{r}-control"},
    "R, a new pose each time": {
        "transformer": f"{r}-augmented",
        "with the term": f"{r}-augmented-still",
        "control": f"{r}-control-augmented",
    },
    "RTS, one pose each": {"transformer": rts, "control": f"{rts}-control", "control, resized": f"{rts}-resized"},
    "RTS, a new pose each time": {"transformer": f"{rts}-augmented", "control": f"{rts}-control-augmented"},
}
run_figures.accuracies(groups)

# %%
from statistics import fmean

for group, nets in groups.items():
    print(group)
    for words, name in nets.items():
        poses = [run["pose"] for run in load_runs(name)]
        if poses and "control" not in words:
            before, after = (fmean(pose[f"mean_{when}_degrees"] for pose in poses) for when in ("before", "after"))
            one = [f"{run['stillness']['degrees']:.1f}°" for run in load_runs(name) if "stillness" in run]
            print(f"    {words:<14}{before:.1f}° -> {after:.1f}°{', one ' * bool(one)}{', '.join(one)}")

# %% [markdown]
# Printed is the angle's spread within a class, before the transformer and after it, as the mean over runs. "One" is that of a single photograph in many poses, run
# by run.
#
# **On R the transformer turns nothing back, as long as class labels are its only teacher.** And it is level with its control. With the
# term a single photograph turns less than it was turned, in one run more so than in the other. Accuracy falls all the same. Standing stiller does not help to
# tell these classes apart.

# %% [markdown]
# **On RTS it pays where the photographs come distorted.** It hands on 32x32 pixels of 48x48, fewer than half. Yet it reads no less than the control,
# which gets all of them and takes [twice as long](../docs/results.md). Plain resizing to as few pixels costs points.
#
# A new pose each time brings more than a transformer does. With it the control is level on R, and ahead on RTS.
#
# So: distort the training photographs anew first. Think of a transformer where things stand anywhere in a large frame.

# %% [markdown]
# ## Train one yourself
#
# Here is that small net, a third of the published one in size, on the data named at the top. One epoch, live. (Its transformer hands on 24x24 pixels,
# to save time.)

# %%
from stn_tutorial import evaluate, fit
from stn_tutorial.training.experiments import experiment_called
from stn_tutorial.training.probes import error_with_one_theta

sprint = experiment_called("cifar10/sprint")
torch.manual_seed(0)
net = sprint.build()
live = fit(net, data, recipe=sprint.recipe, seed=0)
theta = evaluate(net, data, recipe=sprint.recipe)["theta"].mean(dim=0)
one_for_all = error_with_one_theta(net, data, theta, recipe=sprint.recipe)
print(f"yours    {100 - live.history[-1]['test_error_percent']:.1f} % right")
print(f"yours    {100 - one_for_all:.1f} %, one theta for all")
for run in load_runs("cifar10/sprint"):
    print(f"recorded {100 - run['test_error_percent']:.1f} %")

# %% [markdown]
# One epoch passes the best of the seed's fifty, in each recorded run. (In the quick profile yours sees a few pictures once, and has hardly begun to
# learn.)
#
# Is that the transformer's merit? The second line asks: every test picture gets the same theta, the mean of all. If that changes next to nothing, the
# transformer's own answers are worth nothing here. (Whether it helped while training, only a control could say.)
#
# ## Play
#
# Your net, in a running notebook. Turn the picture, shrink it, push it aside. **How far can you turn it until the net sees something else?** Does the
# lattice turn along?

# %%
from stn_tutorial import explore_model

explore_model(net, data.test_images[:20], classes=data.classes)

# %% [markdown]
# ## Exercise 1: the scale of a window
#
# Write `window_scale`. The identity has the scale 1. Turns, shear and shifts must not disturb it, and a mirrored window has a size, too.
#
# <details><summary>Hint</summary>The 2x2 part of theta maps the output's square to a parallelogram. By which factor does its area grow? A scale
# is the root of that.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** The scale of the window of each affine theta (N, 6): the square root of the factor by which its area differs from the output's.

# %% tags=["solution"]
import torch


def window_scale(theta: torch.Tensor) -> torch.Tensor:
    """How large the window of each affine theta (N, 6) is, as a multiple of the output's width: (N,)."""
    a11, a12, _, a21, a22, _ = theta.unbind(dim=1)
    return (a11 * a22 - a12 * a21).abs().sqrt()


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_window_scale(window_scale)

# %% [markdown]
# ## Exercise 2: means of blocks
#
# Write `block_means`, with which the seed's log and ours were compared.
#
# <details><summary>Hint</summary>`range(0, len(values), size)` gives where the blocks begin, and a slice that reaches beyond the end of a
# list stops there by itself.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** The mean of each block of `size` values. The last block may be shorter than the others.


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
# 1. Reproduce before you judge: the same layers, the same log block by block.
# 2. Train the net without the part that you want to praise, and one of equal size.
# 3. Watch the scale of the window. This transformer shrank its pictures for a classifier that neglects the edge; padding stopped it.
# 4. Give every picture the same theta, and see what the transformer's own answers are worth.
# 5. Distort the training pictures anew first. A transformer paid where photographs came distorted, anywhere in a large frame.
#
# The [README](../README.md) shows the layer in a network of your own.
# Next: [8. Feature maps and teams](08_feature_maps_and_teams.ipynb).

# %% [markdown]
# <details><summary>Fine print</summary>
#
# The recorded runs saw a copy of CIFAR-10 whose images were encoded again as JPEG; on the original the accuracies may differ. Two equal runs are one
# dot. The live net is computed in bfloat16 where the computer has units for it, and then rounds otherwise than yours may. If the setup names an
# offline sample, it trains on drawn shapes, and you play with those; all other pictures are recorded photographs. The neglected edge need not be the
# only reason: the small net pads all convolutions but one, and its window grows a little.
#
# </details>
