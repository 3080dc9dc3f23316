"""One pass of a net, watched: every place where it samples a picture, by this package's transformer or by one put together by hand."""

from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ..geometry.family import Family
from .transformer import SpatialTransformer, flat
from .watching import evaluating, transformers_of

SAMPLING, GRID = "grid_sample", "affine_grid"
# what torch's two functions are called with by position
ARGUMENTS = {
    SAMPLING: ("input", "grid", "mode", "padding_mode", "align_corners"),
    GRID: ("theta", "size", "align_corners"),
}


@dataclass
class Sampling:
    """What one call of a sampler was given and made of it.

    images: (N, C, H, W), its input. grid: (N, H_out, W_out, 2), normalised. output: (N, C, H_out, W_out). theta: (N, ...) with its
    graph, None where nobody knows it. module: the `SpatialTransformer`, None for one put together by hand. grid_aligned: the
    align_corners with which `affine_grid` made the grid, None where another function made it.
    """

    name: str
    images: Tensor
    grid: Tensor
    output: Tensor
    theta: Tensor | None
    mode: str
    padding_mode: str
    align_corners: bool
    grid_aligned: bool | None
    fill: Tensor
    module: SpatialTransformer | None = None

    @property
    def family(self) -> Family | None:
        return None if self.module is None else self.module.family


class ByHand(TorchFunctionMode):
    """Notes the calls of torch's `affine_grid` and `grid_sample`, except while one of our transformers is at work."""

    def __init__(self, found: list[Sampling]):
        super().__init__()
        self.found, self.ours, self.grids = found, 0, []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func in (F.grid_sample, F.affine_grid) and not self.ours:
            given = dict(zip(ARGUMENTS[func.__name__], args, strict=False)) | kwargs
            if func is F.affine_grid:
                self.grids.append((out, given["theta"], bool(given.get("align_corners"))))
            elif given["input"].dim() == 4:
                self.note(given, out)
        return out

    def note(self, given: dict, out: Tensor) -> None:
        """Keep a call of `grid_sample`, with the `affine_grid` that made its grid."""
        grid = given["grid"]
        made = [entry for entry in self.grids if entry[0] is grid]
        made = made or [entry for entry in self.grids if entry[0].numel() == grid.numel()]  # cast, or turned round
        _, theta, aligned = made[-1] if made else (None, None, None)
        self.found.append(
            Sampling(
                f"{SAMPLING}, call {sum(entry.module is None for entry in self.found) + 1}",
                given["input"],
                grid,
                out,
                theta,
                given.get("mode") or "bilinear",
                given.get("padding_mode") or "zeros",
                bool(given.get("align_corners")),
                aligned,
                torch.zeros(1),
            )
        )


@contextmanager
def samplings_of(model: nn.Module):
    """Collects, in a list, every sampling of pictures that a model does; volumes are passed over."""
    found: list[Sampling] = []
    watch, said, hooks = ByHand(found), {}, []

    def begin(module, inputs):
        watch.ours += 1

    def finish(module, inputs, output, name):
        theta = said.get(module)
        if theta is not None and module.dimensions == 2:
            note(name, module, inputs[0], theta, output[0] if isinstance(output, tuple) else output)
        watch.ours -= 1

    def note(name, module, images, theta, out):
        grid = module.family.grid(flat(theta, module.family).float(), tuple(out.shape[2:]), module.align_corners)
        options = (module.mode, module.padding_mode, module.align_corners, None, module.fill.detach().float().view(-1))
        found.append(Sampling(name, images, grid, out, theta, *options, module))

    for name, module in transformers_of(model).items():
        hooks += [
            module.localization.register_forward_hook(lambda _, __, theta, module=module: said.update({module: theta})),
            module.register_forward_pre_hook(begin),
            module.register_forward_hook(lambda *args, name=name: finish(*args, name or "transformer")),
        ]
    try:
        with watch:
            yield found
    finally:
        for hook in hooks:
            hook.remove()


def observed(model: nn.Module, images: Tensor) -> tuple[list[Sampling], object]:
    """Every sampling in one pass of a model in evaluation mode, and what the model answered, with the graph."""
    with torch.enable_grad(), evaluating(model), samplings_of(model) as found:
        answer = model(images.detach().clone().requires_grad_())
    return found, answer


def tensors_of(answer) -> list[Tensor]:
    """Every floating point tensor in what a model answers: one, or several in tuples, lists and dictionaries."""
    if isinstance(answer, Tensor):
        return [answer] if answer.is_floating_point() else []
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, (tuple, list)) else ()
    return [tensor for part in parts for tensor in tensors_of(part)]
