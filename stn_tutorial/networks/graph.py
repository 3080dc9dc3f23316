"""torch.fx draws the graph of a net: what looks at its arguments becomes one node, as torch's own layers are."""

from torch import nn
from torch.fx import Proxy


def as_one_node(module: nn.Module, images: Proxy, *more) -> Proxy:
    """The node that stands for a call of `module` in the graph that is being drawn; ValueError where there is no net around it."""
    if images.tracer.root is module:
        raise ValueError(f"torch.fx draws a net around {type(module).__name__}, not it alone: write nn.Sequential(module)")
    return images.tracer.create_proxy("call_module", images.tracer.path_of_module(module), (images, *more), {})
