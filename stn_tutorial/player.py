"""Controls around a pure drawing function that answers a `Picture`: what is computed in the kernel moves with its sliders."""

import html
import math
from collections.abc import Callable

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from . import plots
from .sampler import sample
from .training import find_transformer, thetas_of
from .transforms import Similarity


class Player(widgets.HBox):
    """Controls beside the picture that `draw` makes of their values.

    draw: called with the controls' values by name, answers a `plots.Picture`. controls: name -> ipywidgets control.
    Without a kernel, on a page or a Git host, the picture as it was last drawn is shown instead.
    """

    def __init__(self, draw: Callable[..., plots.Picture], controls: dict[str, widgets.ValueWidget]):
        self.draw, self.controls = draw, controls
        self.problem = widgets.HTML()
        self.view = widgets.Image(format="png", layout=widgets.Layout(max_width="660px", object_fit="contain"))
        reset = widgets.Button(description="reset", tooltip="back to where it began")
        start = {name: control.value for name, control in controls.items()}
        reset.on_click(lambda _: self.set(**start))
        for control in controls.values():
            control.observe(self.redraw, "value")
        self.paused = False
        column = widgets.Layout(flex="0 0 auto", width="320px")  # wide enough for the read-outs, however large the picture
        super().__init__([widgets.VBox([*controls.values(), reset, self.problem], layout=column), self.view])
        self.redraw()

    def values(self) -> dict:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values) -> None:
        """Move several controls and draw once."""
        unknown = set(values) - set(self.controls)
        if unknown:
            raise ValueError(f"values must be named {tuple(self.controls)}, got {sorted(unknown)}")
        self.paused = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self.paused = False
        self.redraw()

    def redraw(self, change=None) -> None:
        """Draw for the controls as they stand; an error of `draw` is shown beside them, and raised."""
        if self.paused:
            return
        try:
            self.shown = self.draw(**self.values())
        except Exception as error:
            self.problem.value = f"<b>{type(error).__name__}</b>: {html.escape(str(error))}"
            raise
        self.problem.value = ""
        self.view.value = self.shown.png

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = self.shown._repr_mimebundle_()
        return {**bundle, **data}, metadata


def play(draw: Callable[..., plots.Picture], **ranges) -> Player:
    """Controls for a function that answers a Picture: a slider for (low, high, start), a menu for a list.

    A slider of three integers moves in whole steps.
    """
    return Player(draw, {name: make_control(name, values) for name, values in ranges.items()})


def make_control(name: str, values) -> widgets.ValueWidget:
    """A slider for (low, high, start), a menu for a list of values."""
    if isinstance(values, list):
        return widgets.Dropdown(options=values, description=name)
    low, high, start = values
    if all(isinstance(value, int) for value in values):
        return widgets.IntSlider(value=start, min=low, max=high, description=name)
    return widgets.FloatSlider(value=start, min=low, max=high, step=0.01, description=name, readout_format="+.2f")


def moved(images: Tensor, degrees: float, scale: float, right: float, down: float) -> Tensor:
    """Images (N, C, H, W) turned counter-clockwise, enlarged, and shifted by shares of half their width and height."""
    angle = math.radians(degrees)
    aspect = images.shape[3] / images.shape[2]
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    theta = [angle, -math.log(scale), -cos * right + sin / aspect * down, -sin * aspect * right - cos * down]
    grid = Similarity(aspect).grid(torch.tensor([theta]), tuple(images.shape[2:]))
    return sample(images, grid.to(images).expand(len(images), -1, -1, -1))


def explore_model(model: nn.Module, images: Tensor) -> Player:
    """Turn, scale and shift the input of a trained net by hand: where it looks, what it sees there, what it takes it for.

    model: a classifier with a `SpatialTransformer` in it; images: (N, C, H, W), uint8 or in [0, 1]. Raises ValueError for
    a model without a transformer and images of another shape.
    """
    transformer = find_transformer(model)
    if transformer is None:
        raise ValueError("model must have a SpatialTransformer in it")
    if images.dim() != 4 or 0 in images.shape:
        raise ValueError(f"images must have shape (N, C, H, W), none of them zero, got {tuple(images.shape)}")
    images = images.float() / 255 if images.dtype == torch.uint8 else images

    def draw(image: int, degrees: float, scale: float, right: float, down: float) -> plots.Picture:
        seen = moved(images[image : image + 1], degrees, scale, right, down)
        outputs, training = [], model.training
        keep = transformer.register_forward_hook(lambda module, inputs, output: outputs.append(output.float().cpu()))
        try:
            with thetas_of(model) as thetas, torch.no_grad():
                probabilities = model.eval()(seen.to(next(model.parameters()).device)).float().softmax(dim=1)[0].cpu()
        finally:
            keep.remove()
            model.train(training)
        output = outputs[0][0] if outputs[0].shape[1] in (1, 3) else outputs[0][0].mean(dim=0, keepdim=True)
        title = f"image {image}: {degrees:+.0f} degrees, {scale:.2f} times as large, moved by ({right:+.2f}, {down:+.2f})"
        return plots.verdict(seen[0], transformer.family, thetas[0][0], output, probabilities, title)

    ranges = {"degrees": (-180.0, 180.0, 60.0), "scale": (0.4, 2.0, 1.0), "right": (-1.0, 1.0, 0.0), "down": (-1.0, 1.0, 0.0)}
    return play(draw, image=(0, len(images) - 1, 0), **ranges)
