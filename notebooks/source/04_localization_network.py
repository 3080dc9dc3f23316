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
# # 4. The localisation network
#
# **Who chooses theta, and how does the whole plug into any CNN?**
#
# Afterwards you can
#
# - build a localisation network that starts at the identity, and say why it must,
# - assemble localiser, grid generator and sampler into one module of a dozen lines,
# - put it in front of any CNN, and prove by numbers that the gradient reaches the localiser,
# - recognise the frame that a wrong fill paints, and test whether it shrinks pictures.
#
# *Minutes on a laptop CPU: MINUTES_04 to run, about 30 to read and try.* What to know before: notebooks
# [2](02_grid_generator.ipynb) and [3](03_sampler.ipynb); how to write and train a small `nn.Module`.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](COLAB_04)

# %% tags=["setup"]
# INSTALL

from stn_tutorial.teaching.notebook import start

data, quick = start()

# %%
from stn_tutorial.teaching import diagrams, figures

diagrams.spatial_transformer(data.train_images[5], "localisation network", label=f"a {int(data.train_labels[5])}")

# %% [markdown]
# ## Who looks at the picture?
#
# So far theta was yours. In a spatial transformer a small network looks at the picture and says theta: the **localisation
# network**, or localiser. It may be any network whose last layer has as many outputs as the family has parameters.
#
# Here is the [paper](https://arxiv.org/abs/1506.02025)'s, for digits of 28 by 28 pixels. It halves the picture; then come two convolutions
# with a pool between them, and one hidden layer.

# %%
import torch
from torch import Tensor, nn

from stn_tutorial import Affine, sample
from stn_tutorial.networks.models.parts import Normalize


def localizer(outputs: int) -> nn.Sequential:
    return nn.Sequential(
        Normalize(),  # the localiser sees normalised pictures
        nn.AvgPool2d(2),
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(20, 20, 5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(20, 20),
        nn.ReLU(),
        nn.Linear(20, outputs),
    )


images = data.test_images[:6].float() / 255
torch.manual_seed(0)
network = localizer(Affine().num_params)
print("pictures", tuple(images.shape), "-> theta", tuple(network(images).shape))

# %% [markdown]
# ### Predict 1
#
# Its weights are random still. **What will the first picture look like when it is warped by this theta?**
#
# <details><summary>Answer</summary>A random theta lies near zero, and a theta of zero makes the whole grid <b>one point</b>. The output is a
# tiny piece of the picture, hugely enlarged.</details>

# %%
theta = network(images).detach()
print([round(v, 2) for v in theta[0].tolist()])
figures.Folded(figures.warp(images[0], Affine(), theta[0], "theta from random weights"))

# %% [markdown]
# **So let the transformer change nothing at the start: the last layer's weights are zero, its bias is the identity's theta.** From a random
# theta no classifier can tell digits apart, and its loss says little about where to look.


# %%
def start_at_identity(layer: nn.Linear, identity: Tensor) -> None:
    """Make a last layer answer `identity`, shape (P,), for every input, and leave it trainable."""
    if getattr(layer, "bias", None) is None or layer.bias.shape != identity.shape:
        raise ValueError(f"layer must be a linear layer with a bias of shape {tuple(identity.shape)}, got {layer}")
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(identity)


start_at_identity(network[-1], Affine().identity())
print("theta of two different pictures:", network(images)[:2].tolist())

# %% [markdown]
# Zero weights, and it can still learn? Yes: the gradient of a weight is the *input* of the layer times what comes back from above,
# and neither is zero. You will see it below. (Do not squash theta with `tanh` afterwards: `tanh(1)` is not 1.)

# %% [markdown]
# ## Assemble
#
# Three parts, one line each. This is all there is to a spatial transformer:


# %%
class MyTransformer(nn.Module):
    def __init__(self, localization: nn.Module, family):
        super().__init__()
        self.localization, self.family = localization, family

    def forward(self, images: Tensor) -> Tensor:
        theta = self.localization(images)  # who chooses: (N, P)
        grid = self.family.grid(theta, images.shape[2:])  # where to look: (N, H, W, 2)
        return sample(images, grid)  # what is there: (N, C, H, W)


mine = MyTransformer(network, Affine())
print("changes nothing at the start:", bool(torch.allclose(mine(images), images, atol=1e-6)))

# %% [markdown]
# The package's `SpatialTransformer` is the same three lines, with what daily use asks for: a choice of sampler, kernel and
# padding, an output size, a background value, a check for NaNs. Does it give the same pictures?

# %%
from stn_tutorial import SpatialTransformer

packaged = SpatialTransformer(network, Affine())
scratch = SpatialTransformer(network, Affine(), sampler="scratch")
with torch.no_grad():
    network[-1].bias += torch.tensor([0.1, -0.3, 0.05, 0.2, -0.1, 0.1])  # away from the identity, so that it shows
    print("mine against the package's:          ", f"{float((mine(images) - packaged(images)).abs().max()):.1e}")
    print("from scratch against torch's sampler:", f"{float((scratch(images) - packaged(images)).abs().max()):.1e}")
start_at_identity(network[-1], Affine().identity())

# %% [markdown]
# ## Plug it in
#
# Pictures in, pictures out: so it fits any CNN. It goes in front, or between two layers, where the pictures are feature maps. Here is the
# paper's CNN for digits, without a transformer and with one.

# %%
from stn_tutorial.networks.models.paper import paper_cnn, paper_st_cnn
from stn_tutorial.networks.models.parts import parameters_of

cnn, st_cnn = paper_cnn(), paper_st_cnn()
print(f"CNN alone: {parameters_of(cnn):>8,} parameters, pictures {tuple(images.shape)} -> {tuple(cnn(images).shape)}")
print(f"ST-CNN:    {parameters_of(st_cnn):>8,} parameters, pictures {tuple(images.shape)} -> {tuple(st_cnn(images).shape)}")
for name, part in st_cnn.named_children():
    print(f"  its {name:<12} {parameters_of(part):>8,}")

# %% [markdown]
# A tenth more, and all of it is the localiser's: grid and sampler are pure arithmetic, without parameters. The warped pictures have the
# shape of the given ones, so nothing after them had to change. (`torchsummary.summary(st_cnn, (1, 28, 28), device="cpu")` lists every
# layer.)

# %% [markdown]
# ## Does the gradient arrive?
#
# The only teacher is the classifier's loss, at the far end. On its way to the localiser the gradient passes the CNN, the sampler
# (equation 7, [notebook 3](03_sampler.ipynb)) and the grid.

# %%
diagrams.spatial_transformer(data.train_images[5], "gradient", label=f"a {int(data.train_labels[5])}")

# %% [markdown]
# Let us send one batch of turned digits through and look.

# %%
from torch.nn import functional as F

from stn_tutorial.training.distortions import RandomRotation

torch.manual_seed(0)
net = paper_st_cnn()
turned, pose = RandomRotation(90)(data.train_images[:256].float() / 255, torch.Generator().manual_seed(0))
labels = data.train_labels[:256]


def gradient_norms(net: nn.Module) -> dict[str, float]:
    """Norm of the gradient of each layer with weights in the localiser, and of the whole classifier."""
    net.zero_grad()
    F.cross_entropy(net(turned), labels).backward()
    layers = {name: m for name, m in net.transformer.localization.named_modules() if hasattr(m, "weight")}
    norms = {f"localiser {name}": float(layer.weight.grad.norm()) for name, layer in layers.items()}
    whole = torch.cat([p.grad.flatten() for p in net.classifier.parameters()])
    return norms | {"classifier, all": float(whole.norm())}


first = gradient_norms(net)
for name, norm in first.items():
    print(f"{name:<24} {norm:.5f}{'  exactly zero' if norm == 0 else ''}")

# %% [markdown]
# ### Predict 2
#
# The last layer has a gradient; the layers below it have **exactly zero**. A bug? **What will the second step show?**
#
# <details><summary>Answer</summary>No bug. The zero weights of the last layer let nothing through to the layers below, but they have a gradient
# themselves. After one step they are no longer zero, and the whole localiser learns.</details>

# %%
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
optimizer.step()
second = gradient_norms(net)
figures.Folded("\n".join(f"{name:<24} {first[name]:.5f} -> {second[name]:.5f}" for name in first))

# %% [markdown]
# Is it zero in *your* last layer, too? Then the classifier does not get the warped picture, or the layer is frozen, or the sampler has no
# slope. (Nearest has none, and neither has a grid outside the picture.)

# %% [markdown]
# ## What can go wrong: a frame that is no part of the picture
#
# Many scripts normalise the pictures *before* the transformer. The
# [PyTorch tutorial](https://docs.pytorch.org/tutorials/intermediate/spatial_transformer_tutorial.html) does: from each pixel it takes the
# mean of all, 0.1307, and divides by 0.3081. Then black is no longer 0, but its sampler still fills with 0. What does that do to a
# window that is larger than the picture?

# %%
zoom_out = Affine().grid(torch.tensor([[1.5, 0, 0, 0, 1.5, 0]]), (28, 28))
normalized, background = Normalize()(images[:1]), float(Normalize()(torch.zeros(1, 1, 1, 1)))
wrong, right = sample(normalized, zoom_out), sample(normalized, zoom_out, fill=background)

print(f"normalised, black is {background:.3f}")
print(
    f"corner of the output: {float(wrong[0, 0, 0, 0]):.3f} with fill 0, {float(right[0, 0, 0, 0]):.3f} with fill={background:.3f}"
)
span = normalized.max() - normalized.min()
shown = [((picture[0] - normalized.min()) / span).clamp(min=0).sqrt() for picture in (wrong, right)]  # a root lightens greys
words = "A small digit within a grey frame; the same digit on black alone"
figures.images_in_a_row(shown, ["fill 0: a frame", "fill the background"], words, width=2)

# %% [markdown]
# A grey frame. It is no part of the digit, and it changes with theta. There are two cures. Normalise *after* the warp, as all models here
# do: then the sampler works on raw pictures, whose background is 0. Or pass `fill=` the background's value.
#
# Users of that tutorial saw their pictures [shrink](https://github.com/pytorch/tutorials/issues/1117). **Does the frame do it?** We train
# its net twice from the same start. The second time there is no frame, and nothing else is different. (To fill normalised pictures
# with 0 is to fill raw ones with their mean, 0.1307.)

# %%
from stn_tutorial.networks.models.tutorial import tutorial_net
from stn_tutorial.training.metrics import scale_of


def scales_along(fill: float, steps: int) -> list[float]:
    """Mean side of the window that the net looks at, relative to the picture, every 20 steps of a training."""
    torch.manual_seed(0)
    net, scales = tutorial_net(), []
    net.transformer = SpatialTransformer(net.transformer.localization, Affine(), fill=fill)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for step in range(steps + 1):
        batch = torch.randint(len(data.train_images), (64,))
        digits = data.train_images[batch].float() / 255
        if step % 20 == 0:
            theta = net.theta(data.test_images[:500].float() / 255).detach()
            scales.append(float(scale_of(Affine().matrix(theta)).mean()))
        optimizer.zero_grad()
        F.cross_entropy(net(digits), data.train_labels[batch]).backward()
        optimizer.step()
    return scales


print(f"the tutorial's net has {parameters_of(tutorial_net()):,} parameters")

# %%
steps = 60 if quick else 600
along = list(range(0, steps + 1, 20))
fills = {"a frame: fill with the mean": 0.1307, "no frame: fill with black": 0.0}
curves = {name: (along, scales_along(fill, steps)) for name, fill in fills.items()}
figures.lines(curves, "step", "scale of the window")

# %% [markdown]
# **The frame does not do it.** Above 1 a picture is shrunk, below 1 enlarged, and the two curves go the same way: whatever the scale does,
# it does with a frame and without. (The quick profile stops before the pictures shrink.) [Notebook 7](07_cifar10.ipynb) tests another
# cause: convolutions without padding look less at the edge of a picture than at its middle.
#
# Fill with the background all the same. A frame is one more thing that a classifier has to learn to ignore.

# %% [markdown]
# ## What else to watch
#
# Two numbers tell that a training goes wrong. The first: how many thetas hold NaN or infinity? `SpatialTransformer` counts them, and with
# `check=True` it stops with an error. The second: how much of the grid lies outside the picture?

# %%
from stn_tutorial.training.metrics import out_of_frame_fraction


class Broken(nn.Module):
    def forward(self, images):
        return torch.full((len(images), 6), float("nan"))


broken = SpatialTransformer(Broken(), Affine())
broken(images)
print("rows of theta with NaN so far:", int(broken.nan_thetas))
try:
    SpatialTransformer(Broken(), Affine(), check=True)(images)
except ValueError as error:
    print("with check=True:", error)

for scale in (1.0, 1.5, 2.0):
    fraction = float(out_of_frame_fraction(Affine().grid(torch.tensor([[scale, 0, 0, 0, scale, 0]]), (28, 28)))[0])
    print(f"scale {scale}: {100 * fraction:.0f} % of the sampling points lie outside the picture")

# %% [markdown]
# Some of it is normal: a turn alone puts the corners outside. When the share climbs towards 100 %, the transformer is on its way
# out of the picture, where there is no gradient. A lower learning rate for the localiser is the usual cure.

# %% [markdown]
# ## Play
#
# A window that only scales and shifts is **attention**: the network looks at a part of the picture. This attention is differentiable, so
# it can be learned. **Spatial transformers generalise differentiable attention to any transformation.**
#
# Move the window, and the size of the output, which need not be the input's. What does a classifier behind it get to see?

# %%
from stn_tutorial import Attention, play


def draw(s, t_x, t_y, output_size):
    window = Attention().grid(torch.tensor([[s, t_x, t_y]]), (output_size, output_size))
    output = sample(images[:1], window)[0]
    titles = ["input, 28 x 28", f"output, {output_size} x {output_size}"]
    return figures.images_in_a_row([images[0], output], titles, width=2.6)


play(draw, s=(0.1, 2.0, 0.6), t_x=(-1.0, 1.0, 0.0), t_y=(-1.0, 1.0, 0.0), output_size=(4, 56, 14))

# %% [markdown]
# ## Exercise 1: start at the identity
#
# Without looking back, write `my_start`, which changes a last layer in place so that it answers `identity` whatever its input, and can still be
# trained.
#
# <details><summary>Hint</summary>The output is weight times input plus bias. Which weight makes the input irrelevant? Change them
# under `torch.no_grad()`.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 1.** Let a last layer start at the identity, in place, trainable.

# %% tags=["solution"]
import torch
from torch import Tensor, nn


def my_start(layer: nn.Linear, identity: Tensor) -> nn.Linear:
    """Make the layer answer `identity`, shape (P,), for every input; returns the same layer."""
    with torch.no_grad():
        layer.weight.fill_(0.0)
        layer.bias.copy_(identity)
    return layer


# %% tags=["check"]
from stn_tutorial.teaching import checks

checks.check_start(my_start)

# %% [markdown]
# ## Exercise 2: plug it into any CNN
#
# Write `plug_in(cnn, in_shape)`: a model that warps pictures of shape `in_shape` = (C, H, W) by an affine transformer and hands
# them to `cnn`. Untrained it must answer exactly what `cnn` answers. `LocalizationNet(in_shape, family)` from the package is a
# localiser that starts at the identity; or build your own.
#
# <details><summary>Hint</summary>`nn.Sequential(transformer, cnn)`.</details>

# %% [markdown] tags=["exercise-text"]
# **Exercise 2.** An affine transformer in front of any CNN.

# %% tags=["solution"]
from stn_tutorial import Affine, LocalizationNet, SpatialTransformer


def plug_in(cnn: nn.Module, in_shape: tuple[int, int, int]) -> nn.Module:
    """A model with a spatial transformer in front of `cnn`; untrained, it answers what `cnn` answers."""
    transformer = SpatialTransformer(LocalizationNet(in_shape, Affine()), Affine())
    return nn.Sequential(transformer, cnn)


# %% tags=["check"]
checks.check_plug_in(plug_in)

# %% [markdown]
# ## What to take away
#
# 1. The localisation network is any small network that answers theta; all that is learned sits in it.
# 2. Start at the identity: zero weights and the identity's bias in the last layer, no `tanh`.
# 3. Pictures in, pictures out: the module goes in front of any CNN, and its test is a gradient that is not zero.
# 4. Normalise after the warp, or fill with the background: a frame is no part of the picture. (Shrinking has another cause.)
# 5. Watch NaNs and the share of sampling points that lie outside.
#
# Next: [5. Rotated MNIST](05_rotated_mnist.ipynb). Everything is assembled. Does it learn to turn digits upright, and is it
# worth its parameters?
