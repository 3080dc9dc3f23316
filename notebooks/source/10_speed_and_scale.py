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
# # 10. Speed and scale
#
# **Where does the time go, what makes it less, and how does a net get into several processes, other programs and a browser?**
#
# Afterwards you can
#
# - time the parts of a net, and say which of them is worth making faster,
# - say what a warp costs and why, and compute the gradient of theta in one pass,
# - train in several processes, export a net, and put it into a page.
#
# *Minutes on a laptop CPU: MINUTES_10 to run, about 40 to read and try.* What to know before: notebooks [3](03_sampler.ipynb) and [5](05_rotated_mnist.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_10)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %% [markdown]
# ## Where does the time go?
#
# The paper's net for turned digits, a batch of 64, each part by itself: forward and backward.

# %%
import torch
from torch import Tensor
from torch.nn import functional as F

from stn_tutorial import Affine
from stn_tutorial.networks.models import paper_st_cnn
from stn_tutorial.teaching import costs, figures

net, images, labels = paper_st_cnn(), data.train_images[:64].float() / 255, data.train_labels[:64]
theta = net.transformer.theta(images).detach().requires_grad_()
grid = Affine().grid(theta, (28, 28)).detach().requires_grad_()
parts = {
    "localiser": lambda: net.transformer.theta(images).sum().backward(),
    "grid": lambda: Affine().grid(theta, (28, 28)).sum().backward(),
    "sampler": lambda: F.grid_sample(images, grid, align_corners=False).sum().backward(),
    "classifier": lambda: F.cross_entropy(net.classifier(images), labels).backward(),
}
taken = costs.milliseconds(parts)
costs.bars(taken, "a training step, part by part")

# %%
warp, step = taken["grid"] + taken["sampler"], sum(taken.values())
print(f"all four {step:.1f} ms, grid and sampler {warp:.1f} ms")
print(f"a warp for nothing would make the step {step / (step - warp):.2f} times as fast")

# %% [markdown]
# Red is the warp itself. It is hard to see beside two ordinary networks.
#
# **Look before you make anything faster.** The last line is all that the best warp of the world could win in this net. Larger pictures, or a smaller classifier, are another
# matter.
#
# ### How to time
#
# One run says little: the first is slow, and other programs disturb. So we warm up, let all take turns, and keep the fastest of each. This is the function of above.


# %%
import math
import time
from collections.abc import Callable


def milliseconds(works: dict[str, Callable[[], object]], seconds: float = 0.5) -> dict[str, float]:
    """How long each piece of work takes: its fastest of at least five rounds in which all take turns, after one that warms up."""
    for work in works.values():
        work()
    fastest, rounds, end = dict.fromkeys(works, math.inf), 0, time.perf_counter() + seconds
    while rounds < 5 or time.perf_counter() < end:
        for name, work in works.items():
            start = time.perf_counter()
            work()
            fastest[name] = min(fastest[name], 1000 * (time.perf_counter() - start))
        rounds += 1
    return fastest


# %% [markdown]
# A GPU works on while Python goes ahead. There, `torch.cuda.synchronize()` belongs before each look at the clock.
#
# ## How does the cost grow?
#
# ### Predict 1
#
# A picture of twice the side has four times the pixels. **By how much does a warp's time grow?** And for very small pictures?
#
# <details><summary>Answer</summary>By about four: each pixel costs the same. Very small pictures all cost about the same, since there the calls themselves take the time, and not the
# pixels.</details>

# %%
from stn_tutorial import sample


def pair(images: Tensor, theta: Tensor) -> Tensor:
    grid = F.affine_grid(theta.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def from_scratch(images, theta):
    return sample(images, Affine().grid(theta, tuple(images.shape[2:])))


def both_ways(warp, side):
    """Forward and backward, eight pictures of one channel; theta and the pictures get a gradient."""
    torch.manual_seed(0)
    images = torch.rand(8, 1, side, side, requires_grad=True)
    theta = (Affine().identity() + 0.1 * torch.randn(8, 6)).requires_grad_()
    return lambda: warp(images, theta).sum().backward()


sides = [8, 16, 32, 64, 128] if quick else [8, 16, 32, 64, 128, 256]
warps = {"from scratch": from_scratch, "torch's two calls": pair, "a copy": lambda images, theta: images.clone()}
rows = [milliseconds({name: both_ways(warp, side) for name, warp in warps.items()}) for side in sides]
curves = {name: [row[name] for row in rows] for name in warps}
costs.growth(curves, [side**2 for side in sides], "pixels of a picture")

# %%
slower = curves["from scratch"][-1] / curves["torch's two calls"][-1]
above = curves["torch's two calls"][-1] / curves["a copy"][-1]
print(
    f"at {sides[-1]} x {sides[-1]}: from scratch is {slower:.1f} times torch's two calls, and those are {above:.1f} times a copy"
)

# %% [markdown]
# Both axes are logarithmic, so a power of the size is a straight line. *Power 1* means: twice the pixels, twice the time. On the left the lines are flat: there you pay
# for calls.
#
# The copy is a floor. It reads each pixel, writes it, and does nothing else.

# %% [markdown]
# ## What does a warp move?
#
# Two calls must hand the grid over: one writes it to memory, the next reads it. A point of the grid is two float32 numbers, 8 bytes. A grey pixel has 4.
#
# ### Predict 2
#
# **For grey pictures, which part of all the bytes belongs to the grid? And for a feature map of 64 channels?**
#
# <details><summary>Answer</summary>Two thirds: 16 bytes of grid, written and read, beside 8 of picture. With 64 channels it is 16 beside 512, 3 in a hundred.</details>

# %%
costs.traffic((1, 3, 16, 64))

# %% [markdown]
# Counted in bytes, a warp that never stores its grid can gain much for few channels, and nearly nothing for many. Does a measurement agree? `benchmarks/growth.py` has recorded the package's
# affine warp, which has a cheaper grid than torch's.

# %%
recorded = costs.measured("growth")["curves"]["channels"]
curves = {name: [row[name] for row in recorded["ms"]] for name in recorded["ms"][0]}
print("ours, as a share of torch's pair:")
for channels, ours, theirs in zip(recorded["sizes"], curves["ours"], curves["torch's pair"]):
    print(f"{channels:>3} channels: {ours / theirs:.2f}")
costs.growth(curves, recorded["sizes"], "channels")

# %% [markdown]
# The two lines come together where the pictures are most of the work.

# %% [markdown]
# ## Exercise 1: theta's gradient in one pass
#
# Nor need the backward pass store anything. Each pixel knows by how much the loss would change if its sampling point moved: two numbers. It looks at
# $(a_{11} x + a_{12} y + t_x,\ a_{21} x + a_{22} y + t_y)$. Theta's six numbers collect what all pixels say. Write `theta_gradient`.
#
# <details><summary>Hint</summary>By the chain rule the derivative by a11 is, at each pixel, the first of its two gradients times x. Then add up over
# all pixels, for each image by itself. `torch.einsum` does both at once.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** From the gradients of all sampling points to that of affine theta.


# %% tags=["solution"]
import torch


def theta_gradient(gradients, points):
    """Gradients of the sampling points (N, H, W, 2), and target points (H, W, 2), last axis (x, y) -> gradient of theta (N, 6)."""
    homogeneous = torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)  # (x, y, 1)
    return torch.einsum("nhwi,hwj->nij", gradients, homogeneous).flatten(1)


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_theta_gradient(theta_gradient)

# %% [markdown]
# ## A fused kernel, line by line
#
# *Fused* means: one program computes the grid and samples, and each point of the grid lives no longer than it takes to read a pixel. Here is ours for GPUs, in Triton. It is Python
# whose variables are blocks of many pixels at once. First: where do these output pixels look?

# %%
from stn_tutorial.geometry import fused

costs.source(fused.looks)

# %% [markdown]
# - `pixel` holds numbers of output pixels, row by row: its remainder is the column, its quotient the row. `target` makes them x and y in [-1, 1].
# - The next two lines are the affine map, six multiplications and four additions. `tl.load` reads one number of theta.
# - `in_pixels` and `neighbour` are `normalized_to_pixel` and `neighbours` of [notebook 3](03_sampler.ipynb).
#
# Nothing was stored. These are the rows of a grid that never exists.

# %%
costs.source(fused.forward_kernel)

# %% [markdown]
# - `program_id` says which image this copy of the program has, and which block of pixels. All of them run at the same time.
# - `here` switches off what lies beyond the last pixel, `within` what lies beyond the border: such loads give 0.
# - The loop reads four neighbours and weighs them. Where to look was found *once* for all channels.
# - `tl.store` is the only writing.
#
# ### And backwards?

# %%
costs.source(fused.backward_kernel, "if for_theta:  # from pixels")

# %% [markdown]
# That is your exercise 1. `along_x` and `along_y` are the two numbers of each pixel, times x, times y and times 1, and added up.
#
# `SpatialTransformer(..., sampler="fused")` uses it on a GPU. It is not the default, since we had no GPU to measure it: one command [does](../docs/gpu.md).
#
# **Does it compute the same?** Triton can run a kernel in numpy, slowly, on any processor. (Where there is no Triton, as on a Mac, a sentence says so.)

# %%
import json

from stn_tutorial.teaching import jobs

script = """
import json, os
os.environ["TRITON_INTERPRET"] = "1"
import torch
from torch.nn import functional as F
from stn_tutorial import Affine
from stn_tutorial.geometry import fused

torch.manual_seed(0)
images, slope = torch.rand(2, 3, 9, 12, requires_grad=True), torch.rand(2, 3, 10, 8)
theta = (Affine().identity() + 0.3 * torch.randn(2, 6)).requires_grad_()
ways = {
    "two calls": lambda: F.grid_sample(images, Affine().grid(theta, (10, 8)), align_corners=False),
    "one kernel": lambda: fused.warp(images, Affine().matrix(theta), (10, 8)),
}
if fused.triton is None:
    print(json.dumps("There is no Triton here: it comes with torch for CUDA on Linux."))
else:
    found = [(out, *torch.autograd.grad(out, (images, theta), slope)) for out in (way() for way in ways.values())]
    print(json.dumps([float((one - other).abs().max()) for one, other in zip(*found)]))
"""
found = json.loads(jobs.run(script))
names = ("output", "gradient of the pictures", "gradient of theta")
print(
    found if isinstance(found, str) else "\n".join(f"{name}: differs by at most {away:.0e}" for name, away in zip(names, found))
)

# %% [markdown]
# ## What did each change buy?
#
# The affine warp by itself, forward and backward on two threads, recorded by `benchmarks/default_warp.py` beside programs of others, so that a tenth says nothing. Below 1 is faster than torch's two calls.

# %%
from IPython.display import Markdown

from stn_tutorial.training.tables import markdown


def ratios(shapes, which):
    """A table of ratios to the first row: what is compared, and a column for each shape (N, C, H, W)."""
    names = list(next(iter(shapes.values())))
    rows = [[name, *(f"{shape[name][which]:.2f}" for shape in shapes.values())] for name in names]
    return Markdown(markdown(("time, as a multiple", *shapes), rows))


ratios(costs.measured("default_warp-cpu")["forward and backward"], "fastest")

# %% [markdown]
# Read a column from below. *Three copies* is all that memory asks for. *From scratch* is notebooks 2 and 3; *compiled* is the same through `torch.compile`, which writes one C++ loop for
# many of its steps. *Ours* is the package's default: torch's sampler, and a grid that is one product of matrices with coordinates it remembers.
#
# Every row is far above the last one: on a CPU, finding four neighbours and weighing them costs much more than moving them. What is won, is won at the grid. The sampler stays.
#
# And the other families, on one thread (`benchmarks/warp.py`)?

# %%
ratios(costs.measured("warp")["shapes"], "ratio")

# %% [markdown]
# "Sampling alone" has its grid already: no other way to make a grid goes below that line. (Shifts and scales do: their windows do not turn, so they read pixels in rows, probably from nearer memory.) A flow
# pays for its many small steps.
#
# ## What does not help?
#
# Four things that one might try. Do they help on this computer?

# %%
batch = torch.rand(16, 8, 64, 64, requires_grad=True)
look = Affine().grid(Affine().identity().expand(16, 6) + 0.05, (64, 64)).requires_grad_()


def sampling(images, grid, **options):
    return lambda: F.grid_sample(images, grid, align_corners=False, **options).float().sum().backward()


tries = {
    "bfloat16": sampling(batch.detach().bfloat16().requires_grad_(), look.detach().bfloat16().requires_grad_()),
    "channels last": sampling(batch.detach().contiguous(memory_format=torch.channels_last).requires_grad_(), look),
    "border in place of zeros": sampling(batch, look, padding_mode="border"),
    "one picture at a time": lambda: [sampling(batch[k : k + 1], look[k : k + 1])() for k in range(16)],
}
taken = milliseconds({"as it is": sampling(batch, look)} | tries)
print(f"as it is: {taken['as it is']:.2f} ms")
for name in tries:
    print(f"{name:<25} {costs.times_as_long(taken[name] / taken['as it is'])}")

# %% [markdown]
# bfloat16 would be wrong even where it helps: a coordinate of 8 binary digits misses its pixel ([notebook 9](09_when_it_fails.ipynb), room 16). What was tried for the flows,
# and built in or not, stands in [the list of what was tried](../docs/tried.md).

# %% [markdown]
# ## How do two processes train one net?
#
# Each has a copy of the net, and takes half of every batch. What must they tell each other? Here is one linear layer and the gradient of its weights for the class 3, as a
# picture.

# %% tags=["thumbnail"]
torch.manual_seed(0)
layer = torch.nn.Linear(784, 10)


def gradient_of(images, labels):
    layer.zero_grad()
    F.cross_entropy(layer(images.flatten(1)), labels).backward()
    return layer.weight.grad[3].view(1, 28, 28).clone()


halves = [gradient_of(images[:32], labels[:32]), gradient_of(images[32:], labels[32:])]
mean, whole = sum(halves) / 2, gradient_of(images, labels)
print(f"mean of the halves and gradient of the whole batch differ by at most {float((mean - whole).abs().max()):.0e}")
shown = [0.5 + g / (4 * whole.std()) for g in (*halves, mean, whole)]
figures.images_in_a_row(shown, ["process 0", "process 1", "their mean", "one process"], width=1.9)

# %% [markdown]
# Each half sees other digits and answers something else. Their mean is what one process would have found. So two processes exchange gradients, once a step, and then take the
# same step. That is all.
#
# ### Predict 3
#
# **A batch of 33 goes to two processes, 16 and 17. Is it still the mean?**
#
# <details><summary>Answer</summary>No. Each gradient is a mean over its own images, so the larger share must weigh more.</details>

# %% [markdown]
# ## Exercise 2: shares of any size
#
# Write `whole_gradient`: the gradient of the mean loss of a whole batch, from those that the processes have found for the mean losses of their shares.
#
# <details><summary>Hint</summary>Turn each mean back into a sum, add the sums, and divide once: by how many images are there in all?</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** One gradient from several, each of them a mean over so many images.


# %% tags=["solution"]
def whole_gradient(gradients, counts):
    """A list of gradients of one shape, and of how many images each is the mean -> the gradient of all images, of that shape."""
    return sum(count * gradient for count, gradient in zip(counts, gradients)) / sum(counts)


# %% tags=["check"]
checks.check_whole_gradient(whole_gradient)

# %% [markdown]
# ## Two processes, for real
#
# The same script, once as `python train.py` and once as `torchrun --nproc-per-node=2 train.py`. Nothing in it asks how many there are, but for `joined` and `first`.

# %%
script = """
import json, torch
from stn_tutorial import fit, load
from stn_tutorial.networks.models import paper_st_fcn
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.processes import first, joined
from stn_tutorial.training.recipe import Recipe

with joined():  # the processes that torchrun has started
    torch.manual_seed(0)
    net, recipe = paper_st_fcn(hidden=64), Recipe(epochs=10, batch_size=64)
    training = fit(net, load("mnist").subset(640, 100), RandomRotation(90), recipe, seed=0, device="cpu", progress=False)
    if first():  # one of them speaks
        print(json.dumps([epoch["train_loss"] for epoch in training.history]))
"""
one = json.loads(jobs.run(script))
print(f"one process:   loss {one[0]:.6f} ... {one[-1]:.6f}")

# %%
if jobs.can_talk():
    two = json.loads(jobs.run(script, processes=2))
    print(f"two processes: loss {two[0]:.6f} ... {two[-1]:.6f}")
    print(f"along 100 steps they differ by at most {max(abs(a - b) / a for a, b in zip(one, two)):.0e} of the loss")
else:
    print("This computer lets no two programs talk to each other, so that two processes cannot train here.")

# %% [markdown]
# ## Are they always that equal?
#
# Three trainings were recorded, 100 steps each, by `benchmarks/scaling.py`: two processes beside one. And one process on *two threads* beside one thread, where nothing differs but
# the order of a sum.

# %%
costs.apart(costs.measured("scaling")["equal"])

# %% [markdown]
# The dashed line is one in a hundred thousand. Two processes stay far below it in the first two panels. In the last one both lines climb above it, side by side. That is no fault of
# the processes: a net with pooling and a warp lets a rounding error grow from step to step, wherever it comes from. In the middle it met the threads.
#
# ## Are two twice as fast?

# %%
weak, killed = costs.measured("scaling")["weak"], costs.measured("killed")
rows = [
    [net, *(f"{found[way]:.0f}" for way in ("one", "two", "threads")), f"{found['efficiency']:.2f}"]
    for net, found in weak.items()
]
Markdown(markdown(("ms of a step", "one process, 128 images", "two, 128 each", "one on two threads, 256", "efficiency"), rows))

# %% [markdown]
# Twice the images in the same time would be an *efficiency* of 1. These were two processes on two cores of one chip, which share its memory; and each draws the distortions of the whole
# batch. Compare with the fourth column before you start a second process on a laptop: threads do nearly as well, with less to set up. Processes are for several GPUs or
# several computers.
#
# **And if one of them dies?** In five random steps one of two processes was killed, and then the same command was given again. Beside it, how far the numbers in the end are from those of a training that was left alone.

# %%
rows = [
    [
        str(row["step"]),
        str(row["epochs_kept"]),
        f"{row['seconds_the_job_lived_on']:.1f}",
        f"{row['difference_of_train_loss']:.0e}",
        f"{row['difference_of_test_error']:.2f}",
    ]
    for row in killed["rows"]
]
header = (
    f"killed in step (of {killed['steps']})",
    "epochs kept",
    "the job ended after s",
    "loss differs by",
    "test error % by",
)
Markdown(markdown(header, rows))

# %% [markdown]
# The job ends by itself and says why. The same command goes on from the last whole epoch.

# %% [markdown]
# ## Out of the door
#
# `export` writes a net to a file that needs neither this package nor its Python. Before it says that it is done, file and net have answered alike on batches of 1, 7 and 64.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from stn_tutorial import export, pretrained
from stn_tutorial.training.distortions import RandomRotation

still = pretrained("mnist-r/st-cnn-affine-still")
turned, _ = RandomRotation(90)(data.test_images[:64].float() / 255, torch.Generator().manual_seed(0))

with TemporaryDirectory() as folder:
    difference = export(still, Path(folder) / "net.pt2", turned)
    program = torch.export.load(Path(folder) / "net.pt2").module()
    kilobytes = (Path(folder) / "net.pt2").stat().st_size / 1000
print(f"net.pt2: {kilobytes:.0f} kB; logits differ by at most {difference:.0e}")
print("a batch of 5 in, out comes", tuple(program(turned[:5]).shape))
answers = program(turned[:8]).argmax(dim=1).tolist()
figures.images_in_a_row(turned[:8], [f"a {k}?" for k in answers], f"Eight turned digits; the exported net says {answers}", 1.0)

# %% [markdown]
# For other programs and languages there is ONNX. It needs three more packages, which this course does not install by itself: `pip install "stn-tutorial[export]"`.

# %%
with TemporaryDirectory() as folder:
    try:
        difference = export(still, Path(folder) / "net.onnx", turned)
        print(f"net.onnx: read by onnxruntime; logits differ by at most {difference:.0e}")
    except ImportError as error:
        print(error)

# %% [markdown]
# Every shipped net has been through it: `benchmarks/export.py` let onnxruntime and torch read all 10,000 test images, the digits turned and bent as each net was trained for.

# %%
nets = costs.measured("export")["nets"]
rows = [[n["name"], f"{n['images']:,}", f"{n['same_class']:,}", f"{n['largest_difference']:.0e}"] for n in nets]
Markdown(markdown(("net", "images", "read alike", "logits differ by at most"), rows))

# %% [markdown]
# ## Play: the net in a browser
#
# A browser needs no file of weights and no server: the net is small enough to stand in the page. In a running notebook, turn the digit by the knob, draw one of your own, and change the
# net. No Python answers you.

# %%
from stn_tutorial.teaching.live import live, live_page

with TemporaryDirectory() as folder:
    live_page(Path(folder) / "live.html")
    print(f"live.html: {(Path(folder) / 'live.html').stat().st_size / 1000:.0f} kB, two nets and eleven digits in it")
live()

# %% [markdown]
# `live_page("live.html")` writes it to keep, or to hand on: it opens from a stick, without a network.

# %% [markdown]
# ## What to take away
#
# 1. Time the parts first. The warp is one of four, and not the largest.
# 2. A warp's time grows with its pixels. For few channels most bytes are the grid's, which need not be stored.
# 3. Processes exchange gradients, weighted by their images. The result is that of one, up to rounding.
# 4. Rounding grows in a net with kinks. Compare with two threads before you suspect a bug.
# 5. Compare an exported net with yours, on real pictures and several batch sizes.
#
# Next: your own net. [Several processes, and a net out of the door](../docs/scale.md) has the commands, the [README](../README.md) the layer.

# %% [markdown]
# <details><summary>Fine print</summary>
#
# The tables were recorded on the computers that their files in `benchmarks/results/` name; the pictures above them are of yours. Batch normalisation looks at a whole batch, and dropout
# draws for one: `fit` adds up the processes' statistics and draws alike in all of them, so that these, too, are as in one process. The fastest run is the right one to compare by; what a
# whole training takes is nearer to the mean.
#
# </details>
