"""A monitor for any training loop: it warns, once, when a spatial transformer has died, and says since which step."""

import warnings

import torch
from torch import Tensor, nn

from .observing import tensors_of
from .transformer import SpatialTransformer, flat
from .watching import transformers_of

PATIENCE = 5  # steps without any gradient, one after the other: then it is dead
EVERY = 5  # steps between two looks at the numbers, for which a GPU must be waited for


class Monitor:
    """Watches the gradients that reach theta while a model is trained; a training step is a forward and a backward pass.

    model: any net with a `SpatialTransformer` in it. A transformer is dead once `PATIENCE` steps in a row brought it a gradient of
    exactly 0, none at all, or NaN; that is told within ten steps, in one warning for each. `died` has the name of each dead
    transformer and the step, counted from 1, since which it is. `close()` takes the hooks off again; so does the end of a
    `with` block.

    >>> from stn_tutorial import Affine
    >>> net = nn.Sequential(SpatialTransformer.for_images((1, 28, 28), Affine()), nn.Flatten(), nn.Linear(784, 10))
    >>> with Monitor(net) as monitor:
    ...     for _ in range(3):
    ...         net(torch.rand(4, 1, 28, 28)).sum().backward()
    >>> monitor.steps, monitor.died
    (3, {})
    """

    def __init__(self, model: nn.Module):
        self.watched = {name or "transformer": Pulse(module) for name, module in transformers_of(model).items()}
        if not self.watched:
            raise ValueError("model must hold a SpatialTransformer to be watched, and holds none")
        self.steps, self.died, self.counted = 0, {}, True
        self.hooks = [model.register_forward_pre_hook(self.begin), model.register_forward_hook(self.answered)]
        for pulse in self.watched.values():
            self.hooks.append(pulse.transformer.localization.register_forward_hook(pulse.listen))

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Look a last time, and take all hooks off."""
        self.finish_step()
        self.look()
        for hook in self.hooks:
            hook.remove()

    def begin(self, model, inputs) -> None:
        """A new pass: what the last one brought is complete now."""
        if self.finish_step() and self.steps % EVERY == 0:
            self.look()

    def finish_step(self) -> bool:
        """Close the books on a step if one is open; whether it was."""
        open_step, self.counted = not self.counted, True
        if open_step:
            for pulse in self.watched.values():
                pulse.end_of_step()
        return open_step

    def answered(self, model, inputs, answer) -> None:
        """Have the answer say when its gradient comes: then this pass was a step of a training."""
        if model.training and not torch.compiler.is_compiling():
            for tensor in tensors_of(answer):
                if tensor.requires_grad:
                    tensor.register_hook(self.step)
                    return

    def step(self, gradient: Tensor) -> None:
        if self.counted:
            self.steps, self.counted = self.steps + 1, False

    def look(self) -> None:
        """Read the gradients of the steps since the last look, and warn of what has died."""
        for name, pulse in self.watched.items():
            pulse.read()
            if pulse.silent >= PATIENCE and name not in self.died:
                self.died[name] = pulse.steps - pulse.silent + 1
                warnings.warn(
                    f"the transformer {name!r} has died: since step {self.died[name]} {pulse.cause()}, so that its localiser learns "
                    "nothing; start again with a lower learning rate for it, and see stn_tutorial.diagnose(model, images)",
                    stacklevel=2,
                )


class Pulse:
    """What reached one transformer's theta in each step: its largest gradient."""

    def __init__(self, transformer: SpatialTransformer):
        self.transformer = transformer
        self.theta: Tensor | None = None  # of the last pass
        self.largest: Tensor | None = None  # of the gradients in this step
        self.unread: list[Tensor | None] = []  # the same of the steps since the last look
        self.steps = self.silent = 0  # how many were looked at; how many of the last ones brought nothing

    def listen(self, localization, inputs, theta: Tensor) -> None:
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            self.theta = theta.detach()
            if theta.requires_grad:
                theta.register_hook(self.arrived)

    def arrived(self, gradient: Tensor) -> None:
        self.largest = gradient.detach().abs().amax()

    def end_of_step(self) -> None:
        self.unread.append(self.largest)
        self.largest = None

    def read(self) -> None:
        """Look at the steps since the last look. A localiser that is frozen waits for nothing, and is never silent."""
        learns = any(p.requires_grad for p in self.transformer.localization.parameters())
        for largest in self.unread:
            alive = not learns or (largest is not None and 0 < float(largest) < torch.inf)
            self.steps, self.silent = self.steps + 1, 0 if alive else self.silent + 1
        self.unread.clear()

    def cause(self) -> str:
        """Why no gradient came, as far as theta tells, in a few words."""
        if self.theta is None:
            return "it is not called"
        theta = flat(self.theta.float(), self.transformer.family)
        if not bool(theta.isfinite().all()):
            return "theta is NaN or infinite"
        grid = self.transformer.family.grid(theta, (16,) * self.transformer.dimensions, self.transformer.align_corners)
        outside = (grid.abs() > 1).any(dim=-1).float().mean()
        if outside > 0.99:
            return "all its sampling points lie outside the picture"
        return f"no gradient reaches its theta ({100 * outside:.0f} % of its sampling points lie outside the picture)"
