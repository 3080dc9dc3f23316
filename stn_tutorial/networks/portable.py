"""A trained net as plain numbers, for a program without torch: the browser runs it from them (teaching/static/net.js)."""

import math

import torch
from torch import Tensor, nn

from ..geometry.family import Family
from .localization import FullyConnectedLocalizationNet, Linear, LocalizationNet
from .models.parts import Normalize, TransformedNet

LARGEST = 400_000  # bytes of weights that a page may be asked to carry


def portable(model: nn.Module) -> tuple[dict, bytes]:
    """A `TransformedNet` of one-channel images as a description that goes into JSON, and its weights.

    The description has `side` (H, W of the images), `family`, `size` (H, W of what the transformer hands on), `kernel`, `padding`
    and `align` (of its sampler), `classes` (how many), and two lists of layers, `localizer` and `classifier`. A layer has a
    `kind`: "conv" (with `kernel`, `inputs` and `outputs`; a linear layer is one over the whole map), "relu", or "max" and "mean"
    over squares of `side` pixels. The weights are those of the convolutions in turn: for each a scale and a bias per output,
    float32, then the kernels (outputs, rows, columns, inputs) in float16, all little-endian. Normalisation, batch normalisation
    in its evaluation mode and nothing else is folded into scale and bias, so that float16 weights stay the bits they were.

    Raises ValueError that names what cannot be written so: a module that is not among these, a transformer whose background is
    not 0, weights beyond float16, more than `LARGEST` bytes of them.

    >>> from stn_tutorial import pretrained
    >>> description, weights = portable(pretrained("mnist-r/st-cnn-affine"))
    >>> [layer["kind"] for layer in description["localizer"]]
    ['mean', 'conv', 'max', 'relu', 'conv', 'relu', 'conv', 'relu', 'conv']
    >>> len(weights)
    234424
    """
    if type(model) is not TransformedNet or type(model.classifier) is not nn.Sequential:
        raise ValueError(f"model must be a TransformedNet with a sequential classifier, got {type(model).__name__}")
    transformer = model.transformer
    localizer, side = listed(transformer.localization)
    family = transformer.family
    if not isinstance(family, Family) or family.dimensions != 2 or bool(transformer.fill.any()):
        raise ValueError("model must warp pictures by a family of this package, on a background of 0")
    size = transformer.size or side
    first, second = Layers((1, *side)), Layers((1, *size))
    with torch.no_grad():
        for layers, modules in ((first, localizer), (second, model.classifier)):
            for module in modules:
                layers.add(module)
            layers.finish()
    weights = first.written() + second.written()
    if len(weights) > LARGEST:
        raise ValueError(f"model must have at most {LARGEST} bytes of weights, got {len(weights)}")
    description = {
        "side": list(side),
        "family": family.description(),
        "size": list(size),
        "kernel": transformer.mode,
        "padding": transformer.padding_mode,
        "align": transformer.align_corners,
        "classes": second.shape[0],
        "localizer": first.described(),
        "classifier": second.described(),
    }
    return description, weights


def localizer_bytes(description: dict) -> int:
    """How many of the weights' bytes, the first ones, are the localiser's."""
    layers = [layer for layer in description["localizer"] if layer["kind"] == "conv"]
    return sum(layer["outputs"] * (8 + 2 * layer["inputs"] * math.prod(layer["kernel"])) for layer in layers)


def listed(localization: nn.Module) -> tuple[list[nn.Module], tuple[int, int]]:
    """The layers of a localisation network in turn, and (H, W) of its images; a ValueError for one that is not known here."""
    parts = list(localization) if type(localization) is nn.Sequential else [localization]
    if not parts or type(parts[-1]) not in (LocalizationNet, FullyConnectedLocalizationNet):
        raise ValueError(f"model must have one of this package's localisers for digits, got {localization}")
    last = parts.pop()
    if last.in_shape[0] != 1:
        raise ValueError(f"model must read images of one channel, got in_shape {last.in_shape}")
    return [*parts, *last.features, last.last], last.in_shape[1:]


class Convolution:
    """A convolution on its way: kernels (O, I, H, W) as they are, and what the layers around it make of its outputs."""

    def __init__(self, kernels: Tensor, bias: Tensor | None, gain: float, offset: float):
        self.kernels = kernels.detach().float()
        self.bias = self.kernels.sum(dim=(1, 2, 3)) * offset + (0 if bias is None else bias.float())
        self.scale = torch.full_like(self.bias, gain)

    def then(self, factor: Tensor, shift: Tensor) -> None:
        """Its outputs, times a factor each, plus a shift each."""
        self.scale, self.bias = self.scale * factor, self.bias * factor + shift

    def written(self) -> bytes:
        """Scale, bias, kernels, as `portable` says; a ValueError for what float16 or float32 cannot hold."""
        half = self.kernels.permute(0, 2, 3, 1).half()
        for values in (self.scale, self.bias, half):
            if not bool(values.isfinite().all()):
                raise ValueError("model must have finite weights that float16 can hold")
        parts = [(self.scale, "<f4"), (self.bias, "<f4"), (half, "<f2")]
        return b"".join(values.detach().cpu().contiguous().numpy().astype(kind).tobytes() for values, kind in parts)


class Layers:
    """A chain of layers as it grows. shape: (C, H, W) of what reaches the next."""

    def __init__(self, shape: tuple[int, int, int]):
        self.shape, self.entries, self.flat = shape, [], False
        self.gain, self.offset = 1.0, 0.0  # of a normalisation that waits for the next convolution

    def add(self, module: nn.Module) -> None:
        """Append a module, or fold it into the convolution beside it."""
        ways = {
            Normalize: self.normalize,
            nn.Conv2d: self.convolve,
            nn.Linear: self.join,
            Linear: self.join,
            nn.BatchNorm2d: self.scale,
            nn.MaxPool2d: self.pool,
            nn.AvgPool2d: self.pool,
            nn.ReLU: self.rectify,
            nn.Flatten: self.flatten,
            nn.Dropout: lambda module: None,
        }
        if type(module) not in ways:
            raise refused(module)
        ways[type(module)](module)

    def normalize(self, module: Normalize) -> None:
        if self.convolutions() or module.mean.numel() != 1 or module.std.numel() != 1:
            raise refused(module)
        self.gain, self.offset = 1 / float(module.std), -float(module.mean) / float(module.std)

    def rectify(self, module: nn.ReLU) -> None:
        if not self.convolutions():
            raise refused(module)
        self.entries.append("relu")

    def convolutions(self) -> list[int]:
        """The places of the convolutions among the entries."""
        return [k for k, entry in enumerate(self.entries) if isinstance(entry, Convolution)]

    def convolve(self, module: nn.Conv2d) -> None:
        plain = (module.stride, module.dilation, module.groups) == ((1, 1), (1, 1), 1) and module.padding in (
            0,
            (0, 0),
            "valid",
        )
        if not plain or self.flat or module.in_channels != self.shape[0]:
            raise refused(module)
        self.append(module.weight, module.bias)

    def join(self, module: nn.Linear) -> None:
        if not self.flat or module.in_features != math.prod(self.shape):
            raise refused(module)
        self.append(module.weight.view(-1, *self.shape), module.bias)

    def append(self, kernels: Tensor, bias: Tensor | None) -> None:
        self.entries.append(Convolution(kernels, bias, self.gain, self.offset))
        self.gain, self.offset = 1.0, 0.0
        outputs, _, rows, columns = kernels.shape
        self.shape = (outputs, self.shape[1] - rows + 1, self.shape[2] - columns + 1)

    def scale(self, module: nn.BatchNorm2d) -> None:
        places = self.convolutions()
        if not places or "relu" in self.entries[places[-1] :] or module.running_mean is None:
            raise refused(module)
        factor = 1 / (module.running_var.float() + module.eps).sqrt()
        factor = factor if module.weight is None else factor * module.weight.float()
        if bool((factor < 0).any()) and len(self.entries) > places[-1] + 1:  # the largest becomes the smallest
            raise refused(module)
        shift = -module.running_mean.float() * factor
        self.entries[places[-1]].then(factor, shift if module.bias is None else shift + module.bias.float())

    def pool(self, module: nn.MaxPool2d | nn.AvgPool2d) -> None:
        side, stride = (value if isinstance(value, int) else value[0] for value in (module.kernel_size, module.stride))
        plain = type(module)(side)
        if side != stride or str(module) != str(plain) or module.padding or getattr(module, "divisor_override", None):
            raise refused(module)
        self.entries.append(("max" if isinstance(module, nn.MaxPool2d) else "mean", side))
        channels, height, width = self.shape
        self.shape = (channels, height // side, width // side)

    def flatten(self, module: nn.Flatten) -> None:
        if (module.start_dim, module.end_dim) != (1, -1):
            raise refused(module)
        self.flat = True

    def finish(self) -> None:
        """Raise a ValueError unless the chain ends in a linear layer."""
        if not self.flat or not self.entries or not isinstance(self.entries[-1], Convolution):
            raise ValueError("model must end its localiser and its classifier with a linear layer")

    def described(self) -> list[dict]:
        """The layers as `portable` says."""
        return [describe_layer(entry) for entry in self.entries]

    def written(self) -> bytes:
        """The weights of the layers in turn."""
        return b"".join(entry.written() for entry in self.entries if isinstance(entry, Convolution))


def describe_layer(entry) -> dict:
    """A layer as `portable` says."""
    if isinstance(entry, Convolution):
        outputs, inputs, *kernel = entry.kernels.shape
        return {"kind": "conv", "kernel": kernel, "inputs": inputs, "outputs": outputs}
    return {"kind": "relu"} if entry == "relu" else {"kind": entry[0], "side": entry[1]}


def refused(module: nn.Module) -> ValueError:
    """What to raise for a module that has no place here."""
    return ValueError(f"model must be made of layers that fold into plain convolutions, got {module} where none such can stand")
