"""The spatial transformer inside somebody's net: where it is, what it answers, and looking without changing the net."""

import sys
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from ..arguments import check_model
from ..device import at_least_float32
from .transformer import SpatialTransformer, flat


def transformers_of(model: nn.Module) -> dict[str, SpatialTransformer]:
    """Every spatial transformer in a model by its dotted name, in the order in which modules were registered.

    >>> from stn_tutorial import Affine
    >>> net = nn.Sequential(SpatialTransformer.for_images((1, 28, 28), Affine()), nn.Flatten())
    >>> list(transformers_of(net))
    ['0']
    """
    check_model(model)
    return {name: module for name, module in model.named_modules() if isinstance(module, SpatialTransformer)}


def find_transformer(model: nn.Module) -> SpatialTransformer | None:
    """The first spatial transformer in a model, wherever it sits."""
    return next(iter(transformers_of(model).values()), None)


@contextmanager
def thetas_of(model: nn.Module, transformer: SpatialTransformer | None = None, compiled: bool = False):
    """Collects, in a list, the theta that a transformer of a model chooses in each forward pass of the model, at least float32.

    transformer: one of `transformers_of(model)`; None takes the first; anything else is a ValueError. Called several times within
    one pass, it counts with its last theta, so that there is one row for each image. A pass that goes past it adds nothing.
    compiled: let a compiled model run as such; it does not notice that it is being watched, and may add nothing. Otherwise it runs
    as plain PyTorch meanwhile.
    """
    thetas: list[Tensor] = []
    transformer = find_transformer(model) if transformer is None else transformer
    if transformer is None:
        yield thetas
        return
    if not any(part is transformer for part in model.modules()):
        raise ValueError(f"transformer must be one of the model's, {list(transformers_of(model))}, got {transformer!r}")
    last: list[Tensor] = []

    def begin(module, inputs):
        last.clear()

    def keep(module, inputs, theta):
        last[:] = [at_least_float32(flat(theta, transformer.family))]

    def finish(module, inputs, output):
        thetas.extend(last)

    hooks = [
        model.register_forward_pre_hook(begin),
        transformer.localization.register_forward_hook(keep),
        model.register_forward_hook(finish),
    ]
    try:
        with nullcontext() if compiled else uncompiled():
            yield thetas
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def shaken(transformer: SpatialTransformer, deviation: float, generator: torch.Generator, randn=torch.randn):
    """Adds noise to every theta that a transformer's localiser answers: normal, of this deviation, drawn on the generator's device.

    randn: what draws it, called as `torch.randn`. What `thetas_of` collects when it was entered first is theta without the noise.
    """

    def shake(module, inputs, theta):
        return theta + deviation * randn(theta.shape, generator=generator, device=generator.device).to(theta)

    hook = transformer.localization.register_forward_hook(shake)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def outputs_of(transformer: SpatialTransformer):
    """Collects, in a list, what a transformer hands on each time it is called as a module, in float32."""
    if not isinstance(transformer, nn.Module):
        raise ValueError(f"transformer must be a module, got {transformer!r}")
    outputs: list[Tensor] = []
    hook = transformer.register_forward_hook(lambda module, inputs, output: outputs.append(output.float()))
    try:
        with uncompiled():
            yield outputs
    finally:
        hook.remove()


def uncompiled():
    """A context in which compiled modules run as plain PyTorch."""
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


@contextmanager
def evaluating(model: nn.Module):
    """Puts a model in eval mode and every module of it back into the mode in which it came, also after an error."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes.items():
            module.training = training
