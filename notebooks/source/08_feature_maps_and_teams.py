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
# [5](05_rotated_mnist.ipynb); from [6](06_transformation_families.ipynb) the splines and the task RTS.
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
# The pictures agree, the maps do not. Look at a map in which one stroke is bright, such as map 19. Above, the long stroke lights up; below, the short one.
#
# This map answers to steep strokes. In the upright 7 the steep stroke is the long one, in the turned 7 the short one. Turned, it is still a map of strokes
# that **had** that direction. A transformer moves features about. It cannot make one feature out of another.
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
# 0 is the same; 1 is as far apart as the maps of two different pictures. For a quarter turn the answer is no: every layer is near 1. That is no blur, for
# a quarter turn only exchanges pixels. For 10 and 30 degrees the last layer agrees somewhat better than the first, and does not agree.
#
# So to turn the picture and to turn its maps is not the same. Does it matter for the error? A table below asks six nets.
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
# There is a place between. The transformer turns the *picture*, and its localiser begins with the classifier's own **first layers**. It saves
# the localiser layers of its own, and what is warped is still the picture. Both parts hold the same module:

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
# The net of notebook 5 that was trained as the paper trains looked once. We do not train it. We only let it look again. **Will the digit stand stiller? Will
# the net err less?**

# %% tags=["thumbnail"]
from stn_tutorial import ChainedLocalizer
from stn_tutorial.teaching import pose_figures

looks = {}
for steps in (1, 2, 3):
    net = pretrained("mnist-r/st-cnn-affine")
    net.transformer.localization = ChainedLocalizer(net.transformer.localization, Affine(), steps)
    looks[f"{steps} look{'s' * (steps > 1)}"] = net
pose_figures.one_digit_turned(looks, seven)

# %% [markdown]
# This 7 stands stiller with each look. That is one digit. Now for forty, and the error on a thousand:

# %%
from stn_tutorial import evaluate
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.metrics import stillness

task, some = RandomRotation(90), data.subset(0, 1000)
for name, net in looks.items():
    found = stillness(net, data.test_images[:40], task)
    print(f"{name:<8} one digit turns by {found['degrees']:4.1f}°, error {evaluate(net, some, task)['error_percent']:.1f} %")

# %% [markdown]
# Stiller, and the error *rises*. Why? We guess: the classifier was trained on what **one** look leaves, and has never seen digits as this chain hands them
# on. If so, they should be trained together. A table below has nets that were.

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
# Where should it stand, then, and how often should it look? One small net, six ways, six epochs each. What a localiser costs, the classifier has less: all
# nets of a task have equal numbers of parameters.
#
# R turns a digit by up to 90 degrees. RTS turns it by up to 45, scales it and puts it somewhere in a larger frame. How far does a digit move behind a window
# that never does?

# %%
from stn_tutorial.training.distortions import DISTORTIONS

for name, side in {"r": 28, "rts": 42}.items():
    found = stillness(placed_net("input", side), data.test_images[:100], DISTORTIONS[name]())  # untrained: the identity
    print(f"{name.upper():<4} {found['degrees']:.0f}°, {found['pixels']:.0f} px")

# %% [markdown]
# These are the numbers to compare with. In the table, "one picture °" and "px" say how far one digit still moves behind the trained transformers. ± is the spread over
# three seeds.

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
# Read it aloud. **Trained together, looking again pays**: with two or three looks there are fewer errors in both tasks than with one, and the digit moves less.
# The price stands in the last column.
#
# On the feature maps the window hardly turns. On R it is the worse place, on RTS the errors are as few. To share the first layers costs nothing that we see.
#
# <details><summary>What to keep in mind</summary>
#
# - Whether the third look adds to the second, three seeds do not show.
# - Why the window on maps hardly turns, the table does not show. That turned maps are of little use is our guess.
# - On RTS a digit is shifted and scaled as well. Moving features can undo a shift.
# - Six epochs are few. The nets that come with the package had up to 70.
#
# </details>
#
# ## Side by side
#
# Two digits, each turned, scaled and shifted by itself, each in a channel of its own. The class is their **sum**: the paper's MNIST addition.

# %%
from stn_tutorial.training.addition import in_pairs

pairs = in_pairs(data.subset(0, 6))
both, _ = DISTORTIONS["rts-each"]()(pairs.test_images / 255, torch.Generator().manual_seed(0))
sums = [f"sum {int(label)}" for label in pairs.test_labels]
figures.images_in_rows({"channel 1": both[:, :1], "channel 2": both[:, 1:]}, sums)

# %% [markdown]
# ### Predict 2
#
# One window cannot straighten both digits: they are turned by different angles. Two windows could. **What will tell them which digit is whose?**
#
# <details><summary>Answer</summary>No label does: a sum is the same whichever digit comes first. Both windows see both channels, and both
# start at the identity. Only their random weights differ.</details>

# %%
from stn_tutorial import ParallelTransformers

pair = ParallelTransformers.for_images((2, 42, 42), Affine(), 2, size=28)
pair(both).shape  # two views of two channels

# %% [markdown]
# Behind them stands a fully connected net, as in the paper. It does not cope well with digits that lie about: somebody must straighten them. Here are eight
# test pairs, digit 1 and digit 2 in rows of their own, as they come and in each window of a trained net.

# %%
team_figures.seen()

# %% [markdown]
# Go down the rows of digit 1. Window 1 brings it near its middle and to one size; in window 2 it lies about. With digit 2 it is the other way round. Nobody
# told them to.
#
# When did they agree on that? The closer a window follows a digit, the less it strays from it. At step 0 no window moves: that is the number to compare
# with. Here is window 1 along its training:

# %%
team_figures.followed(data)

# %% [markdown]
# At first it belongs to neither digit. Then it takes to digit 1, and from the other it strays *more* than a window that never moves. What does the team gain by that?

# %%
Markdown(table("mnist-addition"))

# %% [markdown]
# "Strays from its digit" is the mean over windows and seeds, for the digit that a window follows more closely; beside it the other digit. All nets are of one
# size. `fcn` has no window; `cnn` has convolutions in place of windows; `two-tps` has windows that bend.
#
# **One window cannot serve two digits; two windows share them**, and err on a third as many. Each of the three affine nets found the division of labour by
# itself.
#
# But the CNN, without any window, errs on fewer still. The team pays for the fully connected reader, which needs it. (One seed means one run.)
#
# <details><summary>What to keep in mind</summary>
#
# - The paper's errors are those of its own nets and of a far longer training.
# - Five pixels are not still. A window may choose another pose for each class, and the measure runs over all of them. Digits 1 and 2 begin at different
#   heights in the chart because it follows 64 pairs. Of a window that bends, the corners say little.
# - We also tried convolutions *behind* two windows. In single trials the windows stayed where they were ([what was tried](../docs/tried.md)). We guess that
#   such a net does not need them. So a low error says nothing of windows: look at what they see.
#
# </details>

# %% [markdown]
# ## What do these pictures have in common?
#
# A hundred pictures. In each of them, somewhere, is a 3, among sixteen small crops of digits. We do not say where, nor what. A localiser is to find what they
# **share**.

# %%
from stn_tutorial.training.colocalization import colocalize, scenes

drawn = scenes(data, digit=3, count=50 if quick else 100)
figures.images_in_rows(
    {"in each of them is a 3": drawn.images[:6]}, alt="Six dark frames, in each a 3 and sixteen small patches."
)

# %% [markdown]
# A classifier that was trained before turns each crop into features. It is frozen: it learns nothing here. Two crops are alike if their features are near,
# by the squared distance d. For windows i and j of two pictures, and a crop r of picture i at a random place, the paper's loss is a **hinge**:
#
# $$\max(0,\; d(i, j) - d(i, r) + 1)$$
#
# It is zero once the two windows are nearer to each other than to the random crop, by a **margin** of 1.
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
# That is all ten classes; the numbers of a cell are those of two seeds. Most searches find two thirds of the digits or more, and some next to none: they end
# elsewhere. Each was begun three times, and the one with the least loss was kept, which asks no box.
#
# "All off by" is how far the windows of a class are off *together*, in clutter; beside it how far each is off from that. Nothing in the loss asks for the
# middle. It asks for likeness, and windows that are all off by the same few pixels are as much alike.

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

theta = next((row["theta"] for row in load_measured("mnist-solids", data=data) if "theta" in row), None)
team_figures.shadows(data, theta)

# %%
Markdown(table("mnist-solids"))

# %% [markdown]
# Three nets of equal size. "Shadow" reads the projection as it falls. "Volume" sees the whole volume, with 3-D convolutions, and casts no shadow: if it reads
# as well as the transformer, it was enough to see, and no turning was needed.
#
# It does not. With this size and this training the transformer has the fewest errors, and seeing everything helps least.

# %% [markdown]
# ## Small windows
#
# A window that shrinks the picture by four has one sampling point for every four pixels of a row. Bilinear sampling reads the two pixels beside the point and
# steps over the others (notebook 9 has a room for that). The transformer can read from a picture that is blurred as much as its window shrinks it:

# %%
SpatialTransformer.for_images((1, 72, 72), Affine(), size=6, antialias=True)(torch.rand(1, 1, 72, 72)).shape

# %% [markdown]
# Here is a window 24 pixels wide, which hands on 24, 12, 8 or 6 pixels. A good camera would make each of them the *mean* of all that it covers. How far from that
# are we?

# %%
from stn_tutorial.training.basin import framed, sampling_error, share_found

digits, scales, kinds = framed(data, 16 if quick else 64), range(1, 5), {"plain": False, "antialias": True}
errors = {name: [sampling_error(digits, scale, on) for scale in scales] for name, on in kinds.items()}
figures.lines({name: (scales, error) for name, error in errors.items()}, "the window shrinks by", "error, share of white")

# %% [markdown]
# Where nothing is shrunk the two are the same. The more a window shrinks, the more the blur gains: by four, it halves the error.
#
# ### Predict 3
#
# Now each window starts some pixels beside its digit. It moves along the gradient of one loss, the squared difference between what it shows and what the camera
# sees at the right place. It *arrives* if it ends within a pixel of that. **Does a window that shrinks arrive from farther away, or from less far?**

# %%
far = range(0, 21, 2)
arrived = {(name, scale): share_found(digits, scale, on, far) for name, on in kinds.items() for scale in scales}
shown = {"both, by 1": ("plain", 1), "plain, by 4": ("plain", 4), "antialias, by 4": ("antialias", 4)}
chart = figures.lines({name: (far, arrived[key]) for name, key in shown.items()}, "starts off by, pixels", "share that arrives")
figures.Folded(chart, "Show who arrives")

# %% [markdown]
# From how far do at least half of them arrive? That distance is the **basin** of a window.


# %%
def basin(shares):
    return max((start for start, share in zip(far, shares) if share >= 0.5), default=0)


basins = {name: (scales, [basin(arrived[name, scale]) for scale in scales]) for name in kinds}
figures.lines(basins, "the window shrinks by", "half arrive from, pixels")

# %% [markdown]
# Sampled plainly, a window that shrinks has the narrower basin: its gradient comes from single pixels. Blurred, it has the wider one, up to twice that of a window
# that does not shrink: it feels the digit from afar.
#
# Blurring is something to ask for. The plain sampler stays the default.

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
