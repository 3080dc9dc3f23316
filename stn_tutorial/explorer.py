"""Move things by hand: controls around a pure drawing function that answers a `Picture`."""

from collections.abc import Callable

import ipywidgets as widgets
import torch
from torch import Tensor

from . import plots
from .transforms import Affine, Attention, Projective, Rotation, Similarity, Translation

# name: (smallest, largest) of each parameter, in the order of theta
RANGES = {
    Translation: {"t_x": (-1, 1), "t_y": (-1, 1)},
    Attention: {"s": (0.2, 2), "t_x": (-1, 1), "t_y": (-1, 1)},
    Rotation: {"angle": (-3.15, 3.15)},
    Similarity: {"angle": (-3.15, 3.15), "log_scale": (-1.5, 1.5), "t_x": (-1, 1), "t_y": (-1, 1)},
    Affine: {"a11": (-2, 2), "a12": (-2, 2), "t_x": (-1, 1), "a21": (-2, 2), "a22": (-2, 2), "t_y": (-1, 1)},
}
RANGES[Projective] = RANGES[Affine] | {"g": (-1, 1), "h": (-1, 1)}


def ranges_of(transform) -> dict[str, tuple[float, float]]:
    """The range of each parameter of a family, by name, in the order of theta; a ValueError for one without sliders."""
    if type(transform) not in RANGES:
        raise ValueError(f"transform must be one of {[family.__name__ for family in RANGES]}, got {transform!r}")
    if isinstance(transform, Attention) and transform.log_scale:
        return {"log_s": (-1.5, 0.7), "t_x": (-1, 1), "t_y": (-1, 1)}
    return RANGES[type(transform)]


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
        for name, value in values.items():
            self.controls[name].value = value
        self.paused = False
        self.redraw()

    def redraw(self, change=None) -> None:
        """Draw for the controls as they stand; an error of `draw` is shown beside them, and raised."""
        if self.paused:
            return
        try:
            self.shown = self.draw(**self.values())
        except Exception as error:
            self.problem.value = f"<b>{type(error).__name__}</b>: {error}"
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


def render(image: Tensor, transform, theta: list[float], padding_mode: str = "zeros") -> plots.Picture:
    """What the explorer shows for a theta: the lattice over the input, the output beside it, the matrix above."""
    numbers = transform.matrix(torch.tensor([theta], dtype=torch.float64))[0]
    title = "   ".join("[" + "  ".join(f"{value:+.2f}" for value in row) + "]" for row in numbers.tolist())
    return plots.warp(image, transform, torch.tensor(theta, dtype=torch.float32), title, padding_mode)


class Explorer(Player):
    """Sliders for a family's theta; `explorer.theta` reads and sets it from Python."""

    def __init__(self, image: Tensor, transform):
        ranges = ranges_of(transform)
        if image.dim() != 3:
            raise ValueError(f"image must have shape (C, H, W), got {tuple(image.shape)}")
        self.parameters = tuple(ranges)
        starts = zip(ranges.items(), transform.identity().tolist(), strict=True)
        controls = {name: make_control(name, (float(low), high, value)) for (name, (low, high)), value in starts}
        controls["padding"] = make_control("padding", ["zeros", "border", "reflection"])

        def draw(padding: str, **theta: float) -> plots.Picture:
            return render(image, transform, [theta[name] for name in self.parameters], padding)

        super().__init__(draw, controls)

    @property
    def theta(self) -> list[float]:
        """The parameters as they stand, in the family's order."""
        return [self.controls[name].value for name in self.parameters]

    @theta.setter
    def theta(self, values) -> None:
        values = [float(value) for value in values]
        if len(values) != len(self.parameters):
            raise ValueError(f"theta must hold {len(self.parameters)} numbers, got {len(values)}")
        self.set(**dict(zip(self.parameters, values, strict=True)))


def explore(image: Tensor, transform=None) -> Explorer:
    """Sliders that move theta, and the warp they make. image: (C, H, W), uint8 or in [0, 1]; transform: `Affine()`."""
    return Explorer(image, transform or Affine())
