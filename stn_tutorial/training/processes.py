"""One training in several processes, started by torchrun: what each computes of a batch, and who writes.

    torchrun --nproc-per-node=2 -m stn_tutorial train mnist-r/st-cnn-affine --seeds 0

All processes draw the same numbers, for whole batches: order, distortions, dropout. Each computes its share of a batch, and what depends on the
whole batch, its gradient and the statistics of batch normalisation, is added up. So the result is that of one process, up to rounding,
whatever their number, and a training may go on with another one. Nothing here does anything where there is one process.
"""

import inspect
import os
import signal
import threading
from contextlib import contextmanager
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from ..networks.watching import transformers_of

MASKING = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
# what torch calls, before and since 2.15, the copying of buffers at each step
BUFFERS = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")
    if name in inspect.signature(DistributedDataParallel.__init__).parameters
)
OTHERS_LOST = (
    "another process of this training was lost or told to stop, and it ends here; the same command goes on from the last "
    "finished epoch, also with another number of processes"
)


def several() -> bool:
    """Whether this process is one of several that train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def first() -> bool:
    """Whether this process is the one that tests, writes and speaks: the first of several, or the only one."""
    return not several() or dist.get_rank() == 0


@contextmanager
def joined():
    """Join the processes that torchrun started, if it did, and leave them at the end.

    Raises ConnectionError with a sentence when one of them is lost.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) < 2:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    listens = threading.current_thread() is threading.main_thread()  # no other may
    usual = signal.signal(signal.SIGTERM, ended) if listens else None
    try:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error).lower():
            ended()
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if listens:
        signal.signal(signal.SIGTERM, usual)


def ended(*_) -> None:
    """End this process with a sentence since others ended; torchrun, which may ask for the same at any moment, waits for it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise ConnectionError(OTHERS_LOST)


def from_first(make):
    """What the first process makes, for all of them: anything that can be pickled."""
    if not several():
        return make()
    box = [make() if first() else None]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def summed(tensor: Tensor) -> Tensor:
    """The sum of every process's tensor, in all of them."""
    if not several():
        return tensor
    total = tensor.detach().clone()
    dist.all_reduce(total)
    return total


class SharedSum(torch.autograd.Function):
    """`summed` with a gradient: whatever depends on the sum depends on every process's part of it."""

    @staticmethod
    def forward(ctx, tensor: Tensor) -> Tensor:
        return summed(tensor)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return summed(gradient.contiguous())


class Team:
    """A model as the processes train it together. Call it as the model; `mine` says which images of a batch are this process's.

    Raises ValueError for a model with layers that cannot be shared.
    """

    def __init__(self, model: nn.Module):
        self.model, self.whole, self.mine = model, 0, slice(None)
        self.together = several()
        if not self.together:
            return
        odd = [
            type(module).__name__ for module in model.modules() if isinstance(module, (nn.AlphaDropout, nn.FeatureAlphaDropout))
        ]
        if odd:
            raise ValueError(f"model must have no {odd[0]} where several processes train it")
        self.counted = {transformer: int(transformer.nan_thetas) for transformer in transformers_of(model).values()}
        self.parallel = DistributedDataParallel(model, **{BUFFERS: False})  # what a model keeps of batches is alike in all
        for transformer in transformers_of(model).values():
            transformer.note_fill()  # the first process's background has just been copied to the others

    def take(self, count: int) -> slice:
        """This process's share of a batch of so many images; remembers both."""
        if self.together:
            rank, size = dist.get_rank(), dist.get_world_size()
            if count < size:
                raise ValueError(f"a batch must hold an image for each of {size} processes, got {count}")
            self.whole, self.mine = count, slice(rank * count // size, (rank + 1) * count // size)
        return self.mine

    def __call__(self, images: Tensor) -> Tensor:
        return self.parallel(images) if self.together else self.model(images)

    def of_all(self, mean: Tensor) -> Tensor:
        """A mean over this process's images as its part of the mean over the whole batch: the parts add up to it."""
        return mean * ((self.mine.stop - self.mine.start) / self.whole) if self.together else mean

    def backward(self, loss: Tensor) -> None:
        """The gradient of the sum of all processes' losses, in every process."""
        (loss * dist.get_world_size() if self.together else loss).backward()  # the processes' gradients are averaged

    @contextmanager
    def whole_batches(self):
        """Within it, layers of the model that look at a whole batch do so, though each process computes a share."""
        layers = [module for module in self.model.modules() if isinstance(module, (_BatchNorm, *MASKING)) and self.together]
        for layer in layers:
            layer.forward = partial(normalized if isinstance(layer, _BatchNorm) else self.masked, layer)
        try:
            yield
        finally:
            for layer in layers:
                del layer.forward

    def masked(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Dropout as in one process: the mask of the whole batch, and of it this process's share."""
        if not layer.training or layer.p == 0:
            return x
        ones = x.new_ones(self.rows(len(x)), *x.shape[1:]).contiguous(memory_format=layout_of(x))
        return x * self.share_of(type(layer).forward(layer, ones))

    def randn(self, shape, **options) -> Tensor:
        """`torch.randn` for what belongs to this process's images: drawn as in one process, for the whole batch."""
        if not self.together:
            return torch.randn(shape, **options)
        return self.share_of(torch.randn(self.rows(shape[0]), *shape[1:], **options))

    def rows(self, count: int) -> int:
        """How many rows the whole batch has of what has so many here: one or more for each image."""
        return count // (self.mine.stop - self.mine.start) * self.whole

    def share_of(self, rows: Tensor) -> Tensor:
        """This process's share of the whole batch's rows, those of one image being next to each other."""
        each = len(rows) // self.whole
        return rows[self.mine.start * each : self.mine.stop * each]

    def collect(self) -> None:
        """Give the first process what all have counted, `nan_thetas` of each transformer, and the others nothing."""
        for transformer, before in self.counted.items() if self.together else ():
            new = summed(torch.as_tensor(transformer.nan_thetas, device=next(self.model.parameters()).device) - before)
            transformer.nan_thetas = before + new if first() else before


def layout_of(x: Tensor) -> torch.memory_format:
    """In which order a tensor's numbers lie, and are drawn."""
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def normalized(layer: _BatchNorm, x: Tensor) -> Tensor:
    """Batch normalisation by the mean and variance of the whole batch, and running statistics as in one process."""
    if not layer.training:
        return type(layer).forward(layer, x)
    axes, shape = [0, *range(2, x.dim())], (1, -1, *(1,) * (x.dim() - 2))
    precise = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    sums = SharedSum.apply(torch.cat([precise.sum(axes), precise.new_full((1,), x.numel() / x.shape[1])]))
    mean, count = sums[:-1] / sums[-1], sums[-1].detach()
    away = precise - mean.view(shape)
    variance = SharedSum.apply(away.square().sum(axes)) / count
    if layer.track_running_stats:
        with torch.no_grad():
            layer.num_batches_tracked += 1
            share = 1 / layer.num_batches_tracked if layer.momentum is None else layer.momentum
            layer.running_mean += share * (mean - layer.running_mean)
            layer.running_var += share * (variance * count / (count - 1) - layer.running_var)
    out = away * torch.rsqrt(variance + layer.eps).view(shape)
    if layer.affine:
        out = out * layer.weight.view(shape) + layer.bias.view(shape)
    return out.to(x.dtype)
