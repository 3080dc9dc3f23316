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
# # 8. Feature maps and teams
#
# **Must a transformer stand before the net, work alone, and look only once?**
#
# Afterwards you can
#
# - put a transformer on feature maps, and say what it cannot do there,
# - let one look again, and several work side by side,
# - find what a hundred pictures have in common, without a label,
# - turn volumes, and shrink pictures without stepping over them.
#
# *Minutes on a laptop CPU: MINUTES_08 to run, about 45 to read and try.* What to know before: notebooks [4](04_localization_network.ipynb) and
# [5](05_rotated_mnist.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_08)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %% [markdown]
# ## On feature maps
#
# A transformer takes any map with channels, not only pictures. So it may stand in the middle of a net. Is that as good as before it? Let us turn a 7
# by 90 degrees, in two ways. Above, we take its feature maps and turn *them*. Below, we turn the 7 and take *its* feature maps.

# %%
from stn_tutorial import pretrained
from stn_tutorial.teaching import team_figures

still = pretrained("mnist-r/st-cnn-affine-still")
seven = data.test_images[int((data.test_labels == 7).nonzero()[0])]
team_figures.turned_maps(still.classifier, seven)

# %% [markdown]
# The pictures agree, the maps do not. Look at one column. What lit up for the long stroke above lights up for the short one below, or not at all.
#
# A map answers to strokes of *its* direction. Turned, it is still a map of strokes that **had** that direction. A transformer moves features about. It
# cannot make one feature out of another.
#
# ### Predict 1
#
# That was the first layer. **Do later layers, which see more of the picture, agree better?**

# %%
from stn_tutorial.networks.equivariance import turning_gaps
from stn_tutorial.teaching import figures

images = data.test_images[:100].float() / 255
gaps = {f"turned by {angle}°": turning_gaps(still.classifier, images, angle) for angle in (10, 30, 90)}
chart = {name: (range(len(gap)), gap) for name, gap in gaps.items()}
figures.Folded(figures.lines(chart, "convolutions behind the picture", "how far apart"), "Show all layers")

# %% [markdown]
# 0 is the same; 1 is as far apart as the maps of two different digits. By 90 degrees every layer is about that far apart. No pixel is blurred there: a
# quarter turn only exchanges them. By 10 degrees the maps are apart by a quarter to two fifths of that.
#
# So whether a transformer turns the picture or the maps is not the same. Does it matter for the error? A table below asks six nets.
#
# ## How is it plugged in?
#
# Any net, any layer. Here before the second block of a ResNet-18 for photographs:

# %%
import torch
from torchvision.models import resnet18

from stn_tutorial import Affine, SpatialTransformer

net, photographs = resnet18().eval(), torch.rand(2, 3, 224, 224)
with torch.no_grad():
    before = net(photographs)
    net.layer2 = torch.nn.Sequential(SpatialTransformer.for_images((64, 56, 56), Affine()), net.layer2)
    print(before.allclose(net(photographs), atol=1e-3))

# %% [markdown]
# `for_images` makes a localiser for maps of that shape. It starts at the identity, so the net says what it said before.
#
# There is a place between. The transformer turns the *picture*, and its localiser begins with the classifier's own **first layers**. It costs fewer
# parameters, and what is warped is still the picture. Both parts hold the same module:

# %%
from stn_tutorial.networks.models import placed_net

shared = placed_net("shared")
localizer, classifier = shared.transformer.localization, shared.classifier
print(localizer.features[0] is classifier[0])

# %% [markdown]
# ## Look again
#
# Whoever hangs a picture looks, turns it, steps back, and looks again. A localiser can do that, too: it is shown what it has just straightened. Each
# time it says what is *left*. The two maps are joined, and the **original** is warped once, so nothing is blurred twice.
#
# The net of notebook 5 that was trained as the paper trains looked once. We do not train it. We only let it look again:

# %%
from stn_tutorial import ChainedLocalizer, evaluate
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.metrics import stillness

task, some = RandomRotation(90), data.subset(0, 1000)
for steps in (1, 2, 3):
    net = pretrained("mnist-r/st-cnn-affine")
    net.transformer.localization = ChainedLocalizer(net.transformer.localization, Affine(), steps)
    found = stillness(net, data.test_images[:40], task)
    print(f"{steps} looks: {found['degrees']:4.1f}°, {evaluate(net, some, task)['error_percent']:.1f} % error")

# %% [markdown]
# The degrees are how far one digit still turns while its input turns: the digit stands stiller with each look.
#
# And the error *rises*. The classifier was trained on what one look leaves. It has never seen digits as this chain hands them on. A team is trained
# together, or its parts do not fit: below is a table of nets that were.

# %% [markdown]
# ## Exercise 1: join the looks
#
# Write the loop. `localize(images)` answers matrices (N, 2, 3). The first look gives the first map. Each further look sees the images warped by the map
# so far, and its answer is joined to it. What comes back is the whole way, from the last output to the original.
#
# <details><summary>Hint</summary>An output pixel asks the newest map first: it leads into the picture that was warped by the map before. As 3x3
# matrices, with the row 0 0 1 below each, the whole way is old @ new.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** The theta of a localiser that looks several times.

# %% tags=["solution"]
import torch
from torch.nn import functional as F


def look_again(images, localize, steps):
    """The composed theta (N, 2, 3) after so many looks of `localize`: images (N, C, H, W) -> (N, 2, 3)."""
    theta = localize(images)
    for _ in range(steps - 1):
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        new = localize(F.grid_sample(images, grid, align_corners=False))
        turn, shift = theta[:, :, :2] @ new[:, :, :2], theta[:, :, :2] @ new[:, :, 2:] + theta[:, :, 2:]
        theta = torch.cat([turn, shift], dim=2)
    return theta


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_look_again(look_again)

# %% [markdown]
# ## Six nets of one size
#
# Where should it stand, then, and how often should it look? One small net, six ways, six epochs each, with equal numbers of parameters for a task. "One
# picture °" and "px" say how far one digit still moves behind the transformer. ± is the spread over three seeds.

# %%
from IPython.display import Markdown

from stn_tutorial.training.tables import table

Markdown(table("mnist-placed"))

# %% [markdown]
# Which differences count? Those that are larger than both spreads together. The next cell compares each net with the one that looks once. What is not in its
# list, the table does not show.

# %%
from stn_tutorial.training.team_tables import placed_findings

print(placed_findings())

# %% [markdown]
# Read it aloud. **Trained together, a second look pays**: fewer errors in both tasks, and a digit that moves less. So does a third. The price stands in the last
# column.
#
# On R the feature maps are the worse place. On RTS they are read as well, and their window moves more. To share the first layers costs nothing that we see.
#
# <details><summary>What to keep in mind</summary>
#
# - Under R the frame never leaves the middle; under RTS it does, too.
# - The stillness of a transformer on maps is that of its *window*. The features in it are those of a turned digit all the same.
# - Six epochs are few. The nets that come with the package had up to 70.
# - A second look costs another pass through the localiser.
#
# </details>
#
# ## Side by side
#
# Two digits, each turned, scaled and shifted by itself, each in a channel of its own. The class is their **sum**: the paper's MNIST addition.

# %%
from stn_tutorial.training.addition import in_pairs
from stn_tutorial.training.distortions import DISTORTIONS

pairs = in_pairs(data.subset(0, 6))
both, _ = DISTORTIONS["rts-each"]()(pairs.test_images / 255, torch.Generator().manual_seed(0))
sums = [f"sum {int(label)}" for label in pairs.test_labels]
figures.images_in_rows({"channel 1": both[:, :1], "channel 2": both[:, 1:]}, sums)

# %% [markdown]
# ### Predict 2
#
# One window cannot straighten both digits: they are turned by different angles. Two windows could. **What will tell them which digit is whose?**
#
# <details><summary>Answer</summary>Nothing. Both see both channels. If they share the work, they have found out by themselves.</details>

# %%
from stn_tutorial import ParallelTransformers

pair = ParallelTransformers.for_images((2, 42, 42), Affine(), 2, size=28)
pair(both).shape  # two views of two channels

# %% [markdown]
# Behind them stands a fully connected net, as in the paper. It does not cope with digits that lie about: somebody must straighten them. Here are eight
# pairs of test digits, digit 1 in red, digit 2 in blue, and below them what each window of a trained net hands on.

# %% tags=["thumbnail"]
team_figures.seen(data)

# %% [markdown]
# Look at one colour at a time, along a row. One window has the red digits upright in its middle, the other the blue ones. Nobody told them to.
#
# When did they agree on that? A window that follows a digit keeps its corners in their place on it, however the digit is turned: it strays from it by
# few pixels. Here is window 1 along its training:

# %%
team_figures.followed(data)

# %% [markdown]
# At first it belongs to neither digit. Then it takes to one, and from the other it strays *more* than a window that never moves. What does the team gain by that?

# %%
Markdown(table("mnist-addition"))

# %% [markdown]
# "Strays from its digit" is the mean over windows and seeds, for the digit that a window follows more closely; beside it the other digit. All nets are of one
# size. `fcn` has no window, and `cnn` has convolutions in place of windows.
#
# So the team pays for a classifier that needs it. Convolutions cope with digits that lie about, and do not.
#
# <details><summary>What to keep in mind</summary>
#
# - The paper's errors are those of its own nets and of a far longer training.
# - With convolutions *behind* two windows, the windows stayed where they were ([what was tried](../docs/tried.md)). A net that reads well without help does
#   not teach its helpers. A low error says nothing about them: look at what they see.
#
# </details>

# %% [markdown]
# ## What do these pictures have in common?
#
# A hundred pictures. In each of them, somewhere, is a 3, among sixteen crops of other digits. We do not say where, nor what. A localiser is to find what they
# **share**.

# %%
from stn_tutorial.training.colocalization import colocalize, scenes

drawn = scenes(data, digit=3, count=50 if quick else 100)
figures.images_in_rows(
    {"in each of them is a 3": drawn.images[:6]}, alt="Six dark frames, in each a 3 and sixteen small patches."
)

# %% [markdown]
# The paper's loss is a **hinge**. The contents of any two windows should be alike; the contents of a random crop of the same picture should be
# different, by a margin. "Alike" is judged by a classifier of digits, which is frozen.
#
# <details><summary>What is given, and what is not</summary>
#
# The classifier knows digits, as the paper's does. The windows narrow to 28 pixels by a schedule: their size is given. Which class it is, and where it
# stands, is not.
#
# </details>

# %%
few = {"looks": 5, "steps": 5, "starts": 2}
windows = colocalize(drawn.images, **(few if quick else {}))
team_figures.boxed(drawn.images[:6], {"the digit": drawn.boxes[:6], "found": windows[:6]})

# %% [markdown]
# ## Exercise 2: how well do two boxes agree?
#
# A window counts as right if its overlap with the digit's box is above one half. The overlap is the area that both cover, divided by the area that one
# of them or both cover. Boxes apart have 0, equal boxes 1.
#
# <details><summary>Hint</summary>The common part begins at the larger of the two lefts and ends at the smaller of the two rights. It may have no width
# at all: `clamp(min=0)`. The union is the sum of the areas less what was counted twice.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** Intersection over union, for pairs of boxes.

# %% tags=["solution"]
import torch


def overlap(boxes, others):
    """Intersection over union of pairs of boxes (left, top, right, bottom): (N, 4) and (N, 4) -> (N,)."""
    start, end = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    common = (end - start).clamp(min=0).prod(dim=1)
    areas = [(box[:, 2:] - box[:, :2]).prod(dim=1) for box in (boxes, others)]
    return common / (areas[0] + areas[1] - common)


# %% tags=["check"]
checks.check_overlap(overlap)

# %%
from stn_tutorial.geometry.carrying import box_overlap

right = box_overlap(windows, drawn.boxes) > 0.5
print(f"{100 * right.float().mean():.0f} % of these windows are right")
Markdown(table("mnist-colocalization"))

# %% [markdown]
# That is all ten classes, two seeds each. "All off by" is how far the windows of a class are off *together*, in clutter; beside it how far each is off from that.
# Nothing in the loss asks for the middle. It asks for likeness, and windows that are all off by the same few pixels are as much alike.
#
# A search may end elsewhere. So it was begun three times for each class and seed, and the one with the least loss was kept.

# %% [markdown]
# ## In three dimensions
#
# Give a digit some thickness, and turn it in space. What a camera sees is its shadow. What the shadow has lost, no turn of the shadow brings back. The
# volume can be turned before the shadow falls, by a 3-D affine map of twelve numbers.

# %%
from stn_tutorial.training.solids import solid_net

volumes = torch.rand(2, 1, 24, 24, 24)
solid = solid_net("transformer")
solid.transformer(volumes).shape, solid.transformer.theta(volumes).shape

# %%
from stn_tutorial.training.measured import load_measured

theta = next((row["theta"] for row in load_measured("mnist-solids") if "theta" in row), None)
team_figures.shadows(data, theta)

# %%
Markdown(table("mnist-solids"))

# %% [markdown]
# Three nets of equal size. "Shadow" reads the projection as it falls. "Volume" reads the volume with 3-D convolutions, which is no projection at all: it
# tells whether turning is needed, or merely seeing.
#
# ## Small windows
#
# A window that shrinks the picture by four looks at one pixel of every four. Bilinear sampling steps over the others (notebook 9 has a room for that). With
# `antialias=True` the transformer reads from a picture that is blurred as much as its window shrinks it.
#
# A window 24 pixels wide hands on 24, 12, 8 or 6 pixels. How far is that from what a good camera sees?

# %%
from stn_tutorial.training.basin import framed, sampling_error, share_found

digits, scales, kinds = framed(data, 16 if quick else 64), range(1, 5), {"plain": False, "antialias": True}
errors = {name: [sampling_error(digits, scale, on) for scale in scales] for name, on in kinds.items()}
figures.lines({name: (scales, error) for name, error in errors.items()}, "the window shrinks by", "error, share of white")

# %% [markdown]
# ### Predict 3
#
# Now the window starts off its digit, and follows the gradient. From farther away it must see the digit at all. **Does shrinking help it or harm it?**

# %%
far = range(0, 21, 2)
found = {
    f"{name}, {scale}": share_found(digits, scale, on, far) for scale in (1, 4) for name, on in kinds.items() if on or scale > 1
}
found = {("both, 1" if name.endswith("1") else name): share for name, share in found.items()}
chart = figures.lines({name: (far, share) for name, share in found.items()}, "starts off by, pixels", "share that arrives")
figures.Folded(chart, "Show who arrives")

# %% [markdown]
# Sampled plainly, the small window has the narrower **basin**: its gradient comes from single pixels. Blurred, it has the wider one: it feels the digit from
# afar, and arrives from twice as far as a window that does not shrink.
#
# The plain sampler stays the default. Where nothing is shrunk the two are the same, and blurring costs time.

# %%
basins = {
    name: [
        max([d for d, share in zip(far, share_found(digits, scale, on, far)) if share >= 0.5], default=0) for scale in scales
    ]
    for name, on in kinds.items()
}
figures.lines({name: (scales, reach) for name, reach in basins.items()}, "the window shrinks by", "half arrive from, pixels")

# %% [markdown]
# ## What goes with the picture
#
# A box, a mask or a key point of the output has its place in the input: the same theta says where. And the output can be put back.

# %%
from stn_tutorial import sample
from stn_tutorial.geometry.carrying import map_boxes, unwarp_grid

finder = pretrained("mnist-rts/st-cnn-similarity-still").transformer
view, _ = DISTORTIONS["rts"]()(seven[None] / 255, torch.Generator().manual_seed(3))
with torch.no_grad():
    output, theta = finder(view, return_theta=True)
box = torch.tensor([[-0.7, -0.7, 0.6, 0.9]])  # around the output's 7
in_view = map_boxes(finder.family, theta, box)[0]
back = sample(output, unwarp_grid(finder.family, theta, (42, 42)))
places = torch.cat([in_view, box, box * torch.nan])
team_figures.boxed([view[0], output[0], back[0]], {"the box": places}, ["input", "output", "put back"])

# %% [markdown]
# In the middle a box around the 7, as a net for RTS hands it on. On the left the upright box of the input that holds it. On the right the output put back:
# sampled twice, and a little blurred.
#
# ## What to take away
#
# 1. A transformer on feature maps moves features. It does not turn them into others.
# 2. Looking again makes a digit stand stiller; a classifier must be trained with it.
# 3. Windows side by side may share the work. Measure which follows what.
# 4. What pictures share can be found without labels, where something judges what is alike.
# 5. A window that shrinks should read from a blurred picture.
#
# Next: [9. When it fails](09_when_it_fails.ipynb).
