"""A CUDA device that is pretended: fake tensors know their device and refuse to mix two, without a GPU."""

from contextlib import contextmanager

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode


@contextmanager
def pretended_cuda():
    """Fake tensors that may be on "cuda", where cuDNN, which knows no fake ones, is not asked. Forwards only: without a GPU torch has no backward for one."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.backends.cudnn.flags(enabled=False), torch.no_grad():
        yield


def moved(net: nn.Module) -> nn.Module:
    """A net whose weights and buffers are on the pretended device (`to` cannot do that to real ones)."""
    for module in net.modules():
        for name, weight in module._parameters.items():
            module._parameters[name] = None if weight is None else nn.Parameter(weight.detach().to("cuda"))
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else buffer.to("cuda")
    return net


def on_cuda(*shape) -> torch.Tensor:
    return torch.rand(*shape, device="cuda")
