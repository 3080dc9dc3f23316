"""The spatial transformer inside somebody's net: where it is, and which theta it chooses."""

from contextlib import contextmanager

from torch import Tensor, nn

from .transformer import SpatialTransformer


def find_transformer(model: nn.Module) -> SpatialTransformer | None:
    """The first spatial transformer in a model, wherever it sits."""
    return next((module for module in model.modules() if isinstance(module, SpatialTransformer)), None)


@contextmanager
def thetas_of(model: nn.Module):
    """Collects, in a list, the theta that the first transformer of a model chooses at each forward pass, at least float32."""
    thetas: list[Tensor] = []
    transformer = find_transformer(model)
    if transformer is None:
        yield thetas
        return
    keep = transformer.localization.register_forward_hook(lambda module, inputs, theta: thetas.append(theta.float()))
    try:
        yield thetas
    finally:
        keep.remove()
