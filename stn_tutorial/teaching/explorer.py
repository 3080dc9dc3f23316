"""Theta by hand: an explorer whose lattice is dragged and whose warp is computed in the browser (static/)."""

import base64
import textwrap
from collections.abc import Callable

import torch
import traitlets
from torch import Tensor

from ..geometry.affine import Affine
from ..geometry.families import FAMILIES
from ..geometry.family import Family, MatrixFamily
from ..geometry.sampler import MODES, PADDING_MODES
from . import figures
from .browser_widget import LIVE, SCRIPT, BrowserWidget, fragment, one_thread
from .images import as_image, from_bytes, small_enough, to_bytes
from .picture import Picture


def named(thing) -> str:
    """What something is, in a word: a class and a text by themselves, anything else by its class."""
    return repr(thing) if isinstance(thing, (type, str)) else type(thing).__name__


def describe(transform: Family) -> dict:
    """What the browser must know of a family; a ValueError for what is no family of pictures."""
    if not isinstance(transform, Family) or transform.dimensions != 2:
        known = ", ".join(type(make()).__name__ for make in FAMILIES.values())
        raise ValueError(f"transform must be a family of pictures' transformations ({known}), got {named(transform)}")
    return transform.description()


class Explorer(BrowserWidget):
    """The input with the sampling lattice over it, to be dragged, and the output beside it.

    `theta` is a list of P numbers, read and set from Python, observed with `observe`. Each parameter is also a trait of its
    own (`explorer.angle`, `explorer.a11`, `explorer.dx_0`), so that `ipywidgets.jslink` joins it to any slider. `kernel`,
    `padding` and `align_corners` are those of `sample`; a sampler of one's own has its own, and grids without aligned corners.

    Setting theta to another number of values, or to NaN, raises a TraitError.
    """

    family = traitlets.Dict().tag(sync=True)
    image = traitlets.Bytes().tag(sync=True)
    shape = traitlets.List().tag(sync=True)
    theta = traitlets.List(traitlets.CFloat()).tag(sync=True)
    kernel = traitlets.Enum(MODES, "bilinear").tag(sync=True)
    padding = traitlets.Enum(PADDING_MODES, "zeros").tag(sync=True)
    align_corners = traitlets.Bool(False).tag(sync=True)
    remote = traitlets.Bool(False).tag(sync=True)  # whether the output is computed by a sampler in the kernel
    output = traitlets.Bytes().tag(sync=True)

    def __init__(self, image, transform: Family, sampler: Callable[[Tensor, Tensor], Tensor] | None = None):
        family = describe(transform)
        pixels, shape = to_bytes(small_enough(as_image(image)))
        self.transform, self.sampler = transform, sampler
        self.pixels = from_bytes(pixels, shape)
        names = family["names"]
        scalars = {name: traitlets.CFloat(value).tag(sync=True) for name, value in zip(names, family["identity"], strict=True)}
        self.add_traits(**scalars)
        super().__init__(family=family, image=pixels, shape=list(shape), theta=family["identity"], remote=sampler is not None)
        self.observe(self._theta_moved, "theta")
        self.observe(self._parameter_moved, names)
        self._compute()
        self.made = True

    @traitlets.validate("theta")
    def _check_theta(self, proposal):
        values = proposal["value"]
        if len(values) != self.transform.num_params or not all(abs(value) < float("inf") for value in values):
            raise traitlets.TraitError(f"theta must hold {self.transform.num_params} finite numbers, got {values}")
        return values

    def notify_change(self, change) -> None:
        # theta and the parameters that follow from it reach the page in one message: it must never see one without the other
        with self.hold_sync():
            super().notify_change(change)

    def _theta_moved(self, change) -> None:
        for name, value in zip(self.family["names"], self.theta, strict=True):
            setattr(self, name, value)
        self._compute()

    def _parameter_moved(self, change) -> None:
        theta = list(self.theta)
        theta[self.family["names"].index(change["name"])] = change["new"]
        try:
            self.theta = theta
        except traitlets.TraitError:
            setattr(self, change["name"], change["old"])
            raise

    def _compute(self) -> None:
        """Let the learner's sampler make the output; what goes wrong is shown beside it, and then there is no output."""
        self.problem = ""
        if self.sampler is None:
            return
        try:
            self.output = sampled_by(self.sampler, self.pixels, self.transform, self.theta)
        except Exception as error:  # a learner's function may raise anything, and shall see it
            stub = isinstance(error, NotImplementedError) and not error.args
            self.problem = "your sampler is not written yet" if stub else f"{type(error).__name__}: {error}"
            self.output = b""

    def render(self) -> Picture:
        """The explorer as it stands as a still picture, for places without a front end."""
        theta, title = torch.tensor(self.theta, device="cpu"), ""
        if isinstance(self.transform, MatrixFamily):
            rows = self.transform.matrix(theta[None])[0].tolist()
            title = "   ".join("[" + "  ".join(f"{value:+.2f}" for value in row) + "]" for row in rows)
        if self.sampler is not None:
            output = from_bytes(self.output, self.shape) if self.output else torch.ones_like(self.pixels[:1]).float()
            return figures.warp(self.pixels, self.transform, theta, textwrap.fill(self.problem, 70) or title, output=output)
        return figures.warp(self.pixels, self.transform, theta, title, self.padding, self.kernel, self.align_corners)

    def _repr_mimebundle_(self, **options):
        data, metadata = self.render()._repr_mimebundle_()
        if self.sampler is None:
            data[LIVE] = {"widget": "explorer", "state": self.standing()}
        numbers = ", ".join(f"{value:.4g}" for value in self.theta)
        data["text/plain"] = f"explore(image, {self.transform!r}) at theta = [{numbers}]"
        return self.with_stand_in(super()._repr_mimebundle_(**options), data, metadata)

    def standing(self) -> dict:
        """All that an explorer in a page of its own is made from, as values for JSON; a ValueError if it needs a kernel."""
        if self.sampler is not None:
            raise ValueError("to_html needs the warp of the browser: an explorer with a sampler of its own needs a kernel")
        names = ("family", "shape", "theta", "kernel", "padding", "align_corners", "remote", "problem", *self.family["names"])
        return {name: getattr(self, name) for name in names} | {"image": base64.b64encode(self.image).decode()}

    def to_html(self) -> str:
        """One HTML fragment that holds the explorer as it stands, and works with no kernel and no network."""
        return fragment(SCRIPT, self.standing())


def sampled_by(sampler: Callable[[Tensor, Tensor], Tensor], pixels: Tensor, transform: Family, theta: list[float]) -> bytes:
    """What a learner's sampler(images, grid) makes of an image (C, H, W) of bytes; a ValueError that says what is odd about it."""
    images = pixels[None].float() / 255
    with one_thread():
        output = sampler(images, transform.grid(images.new_tensor([theta]), tuple(images.shape[2:])))
    if not isinstance(output, Tensor) or output.shape != images.shape:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"sampler must answer a tensor of shape {tuple(images.shape)}, got {got}")
    bad = int((~torch.isfinite(output)).sum())
    if bad:
        raise ValueError(f"sampler must answer finite values, got NaN or infinity in {bad} of {output.numel()}")
    return (output[0].detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes()


def explore(image, transform: Family | None = None, sampler: Callable[[Tensor, Tensor], Tensor] | None = None) -> Explorer:
    """Move theta by hand: drag the lattice, move sliders, see the warp at once.

    image: a tensor (C, H, W), uint8 or in [0, 1], an array (H, W) or (H, W, 3), a PIL image or the path of one; a feature map
    is shown as the mean over its channels, what is transparent as white, and a large photograph smaller than it is.
    transform: a family, `Affine()` unless told. sampler: a function (images (N, C, H, W), grid (N, H, W, 2)) -> images of your
    own, which then makes the output, in the kernel. Raises ValueError for other images and for what is no such family.

    >>> from stn_tutorial import Rotation, explore
    >>> explorer = explore(torch.rand(1, 28, 28), Rotation())
    >>> explorer.angle = 0.5
    >>> explorer.theta
    [0.5]
    """
    if sampler is not None and not callable(sampler):
        raise ValueError(f"sampler must be a function (images, grid) -> images, got {named(sampler)}")
    return Explorer(image, Affine() if transform is None else transform, sampler)
