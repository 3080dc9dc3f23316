"""Controls around a pure drawing function that answers a `Picture`: what is computed in the kernel moves with its sliders."""

import html
from collections.abc import Callable

import ipywidgets as widgets

from ..training.checkpoints import is_number
from .picture import Picture


class Player(widgets.HBox):
    """Controls beside the picture that `draw` makes of their values.

    draw: called with the controls' values by name, answers a `Picture`. controls: name -> ipywidgets control.
    Without a kernel, on a page or a Git host, the picture as it was last drawn is shown instead.

    >>> import torch
    >>> from stn_tutorial.teaching import figures
    >>> def draw(size):
    ...     return figures.images_in_a_row([torch.rand(1, size, size)], [f"{size} pixels wide"])
    >>> player = Player(draw, {"size": widgets.IntSlider(8, 4, 28)})
    >>> player.controls["size"].value = 16
    >>> player.shown
    <Picture: An image: 16 pixels wide>
    """

    def __init__(self, draw: Callable[..., Picture], controls: dict[str, widgets.ValueWidget]):
        if not callable(draw):
            raise ValueError(f"draw must be a function that answers a Picture, got {draw!r}")
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
            shown = self.draw(**self.values())
            if not isinstance(shown, Picture):
                raise ValueError(f"draw must answer a Picture, got {type(shown).__name__}: is a `return` missing?")
            self.shown = shown
        except Exception as error:
            self.problem.value = f"<b>{type(error).__name__}</b>: {html.escape(str(error))}"
            raise
        self.problem.value = ""
        self.view.value = self.shown.png

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = self.shown._repr_mimebundle_()
        return {**bundle, **data}, metadata


def play(draw: Callable[..., Picture], **ranges) -> Player:
    """Controls for a function that answers a Picture: a slider for (low, high, start), a menu for a list.

    A slider of three integers moves in whole steps.

    >>> import torch
    >>> from stn_tutorial.teaching import figures
    >>> def draw(kind, brightness):
    ...     return figures.images_in_a_row([brightness * torch.ones(1, 8, 8)], [f"{kind}: {brightness:.1f}"])
    >>> play(draw, kind=["grey", "light"], brightness=(0.0, 1.0, 0.5)).shown.alt
    'An image: grey: 0.5'
    """
    return Player(draw, {name: make_control(name, values) for name, values in ranges.items()})


def make_control(name: str, values) -> widgets.ValueWidget:
    """A slider for (low, high, start), a menu for a list of values; a ValueError that names it for anything else.

    >>> make_control("angle", (-90, 90, 0)).max, make_control("mode", ["nearest", "bilinear"]).options
    (90, ('nearest', 'bilinear'))
    """
    if isinstance(values, list) and values:
        return widgets.Dropdown(options=values, description=name)
    numbers = values if isinstance(values, tuple) and all(is_number(value) for value in values) else ()
    if len(numbers) != 3 or not numbers[0] <= numbers[2] <= numbers[1]:
        raise ValueError(f"{name} must be (low, high, start), low <= start <= high, or a list of choices, got {values!r}")
    low, high, start = values
    if all(isinstance(value, int) for value in values):
        return widgets.IntSlider(value=start, min=low, max=high, description=name)
    return widgets.FloatSlider(value=start, min=low, max=high, step=0.01, description=name, readout_format="+.2f")
