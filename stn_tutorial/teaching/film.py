"""Films: pictures that play, pause and step in the browser (static/film.js), with an APNG where there is no front end."""

import base64
import io
from functools import cached_property
from pathlib import Path

import anywidget
import ipywidgets as widgets
import traitlets
from PIL import Image, ImageSequence, UnidentifiedImageError

from ..arguments import check_whole, path_of
from ..files import write_atomically
from .browser_widget import LIVE, fragment, joined

SCRIPT = joined(("film",))  # a text, as in browser_widget
SPEEDS = {"slow": 167, "normal": 83, "fast": 42}  # milliseconds from one frame to the next


def check_sizes(frames: list[bytes]) -> None:
    """Raise a ValueError unless the frames are pictures of one size.

    >>> check_sizes([b"a PNG"])
    Traceback (most recent call last):
    ValueError: frames must be PNGs as bytes, and one of them is none
    """
    sizes = set()
    for frame in set(frames):
        try:
            with Image.open(io.BytesIO(frame), formats=("PNG",)) as page:
                sizes.add(page.size)
        except UnidentifiedImageError as error:
            raise ValueError("frames must be PNGs as bytes, and one of them is none") from error
    if len(sizes) > 1:
        raise ValueError(
            f"frames must be of one size, got {', '.join(f'{width} x {height}' for width, height in sorted(sizes))}"
        )


class FilmView(anywidget.AnyWidget):
    """The part of a film that film.js draws: the picture of the present frame, step buttons, a menu of speeds.

    `pictures` are PNGs, `order` says which of them each frame shows.

    >>> FilmView(pictures=[b"a PNG"], order=[0, 0], captions=["here", "and still here"]).frame
    0
    """

    _esm = SCRIPT
    pictures = traitlets.List(traitlets.Bytes()).tag(sync=True)
    order = traitlets.List(traitlets.Int()).tag(sync=True)
    captions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    rest = traitlets.Int(0).tag(sync=True)
    speeds = traitlets.Dict(SPEEDS).tag(sync=True)
    interval = traitlets.Int(SPEEDS["normal"]).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)


class Film(widgets.VBox):
    """Pictures one after another, with `ipywidgets.Play`, a slider, single steps and a menu of speeds.

    frames: PNG bytes of one size, one for each frame; equal ones are kept once. captions: a few words for each frame.
    alt: what the film shows. rest: for how many frames the last picture stays before an animation begins anew; a film that
    rests is played once, and again and again only when Play's loop button is pressed.

    Whatever happens while it plays happens in the browser, so that it stays smooth while the kernel works. `play`, `slider`
    and `view` are its parts, `png` is the film as an APNG. Raises ValueError for no frames, for frames that are no PNGs of one
    size, and unless there is one caption for each.

    >>> import torch
    >>> from stn_tutorial import Rotation, animate_theta
    >>> film = animate_theta(torch.rand(1, 28, 28), Rotation(), torch.tensor([0.0]), torch.tensor([1.0]), frames=6)
    >>> len(film.captions), film.slider.max, film.png[1:4]
    (6, 5, b'PNG')
    """

    def __init__(self, frames: list[bytes], captions: list[str], alt: str, rest: int = 0):
        if not isinstance(frames, (list, tuple)) or not all(isinstance(frame, bytes) for frame in frames):
            raise ValueError(f"frames must be a list of PNGs as bytes, got {type(frames).__name__}")
        if not frames or len(frames) != len(captions):
            raise ValueError(f"captions must be one for each frame, at least one, got {len(captions)} for {len(frames)} frames")
        check_sizes(frames)
        captions, rest = [str(caption) for caption in captions], check_whole("rest", rest, least=0)
        self.frames, self.captions, self.alt, self.rest = list(frames), list(captions), alt, rest
        pictures, last = list(dict.fromkeys(frames)), len(frames) - 1
        place = {picture: k for k, picture in enumerate(pictures)}
        order = [place[frame] for frame in frames]
        self.view = FilmView(pictures=pictures, order=order, captions=self.captions, alt=alt, rest=rest)
        self.play = widgets.Play(min=0, max=last, value=0, interval=SPEEDS["normal"], repeat=rest == 0)
        wide = widgets.Layout(width="300px")
        self.slider = widgets.IntSlider(min=0, max=last, value=0, readout=False, layout=wide)
        self.row = widgets.HBox([self.play, self.slider])
        joints = [("playing", "playing"), ("value", "frame"), ("interval", "interval")]
        self.links = [widgets.jslink((self.play, ours), (self.view, theirs)) for ours, theirs in joints]
        self.links.append(widgets.jslink((self.play, "value"), (self.slider, "value")))
        super().__init__([self.view, self.row])

    @classmethod
    def from_png(cls, png: bytes, captions: list[str], alt: str, rest: int = 0) -> "Film":
        """The film whose APNG this is. Raises ValueError unless it has a caption for each frame.

        >>> import torch
        >>> from stn_tutorial import Rotation, animate_theta
        >>> film = animate_theta(torch.rand(1, 28, 28), Rotation(), torch.tensor([0.0]), torch.tensor([1.0]), frames=6)
        >>> again = Film.from_png(film.png, film.captions, film.alt)
        >>> len(again.frames)
        6
        """
        frames = []
        for page in ImageSequence.Iterator(Image.open(io.BytesIO(png))):
            buffer = io.BytesIO()
            page.save(buffer, "PNG")
            # equal frames were joined to one that lasts longer; where all are equal, nothing is said of time
            lasts = page.info.get("duration", SPEEDS["normal"] * (len(captions) + rest))
            frames += [buffer.getvalue()] * round(lasts / SPEEDS["normal"])
        return cls(frames[: len(frames) - rest], captions, alt, rest)

    def __repr__(self) -> str:
        return f"<Film: {self.alt}>"

    @cached_property
    def png(self) -> bytes:
        """The film as an endless APNG, which every browser plays and no viewer drops."""
        pages = [Image.open(io.BytesIO(frame)) for frame in self.frames]
        milliseconds = [SPEEDS["normal"]] * (len(pages) - 1) + [SPEEDS["normal"] * (1 + self.rest)]
        buffer = io.BytesIO()
        pages[0].save(buffer, "PNG", save_all=True, append_images=pages[1:], duration=milliseconds, loop=0, optimize=True)
        return buffer.getvalue()

    def to_html(self) -> str:
        """One HTML fragment that plays the film with no kernel and no network; paused where the reader wants no motion."""
        names = ("order", "captions", "alt", "rest", "speeds", "interval", "frame")
        pictures = [base64.b64encode(picture).decode() for picture in self.view.pictures]
        state = {name: getattr(self.view, name) for name in names} | {"pictures": pictures, "playing": False, "alone": True}
        return fragment(SCRIPT, state)

    def save(self, path: str | Path) -> None:
        """Write the APNG to a name that ends in .png, a page that plays it to one in .html; a ValueError for another ending."""
        path = path_of("path", path)
        makers = {
            ".png": lambda: self.png,
            ".html": lambda: f"<!doctype html>\n<meta charset='utf-8'>\n{self.to_html()}".encode(),
        }
        if path.suffix not in makers:
            raise ValueError(f"path must end in {' or '.join(makers)}, got {str(path)!r}")
        write_atomically(path, makers[path.suffix]())

    def close(self) -> None:
        """Take the film and all its parts down."""
        if self.comm is None:  # it is closed already, or was never made
            return
        parts = (self.view, self.play, self.slider, self.row)
        for part in (*self.links, self.play.style, self.slider.style, *(part.layout for part in parts), *parts, self.layout):
            part.close()
        super().close()

    def _repr_mimebundle_(self, **options):
        data = dict(super()._repr_mimebundle_(**options))
        data["image/png"] = base64.b64encode(self.png).decode()
        data[LIVE] = {"widget": "film", "state": {"captions": self.captions, "alt": self.alt, "rest": self.rest}}
        data["text/plain"] = repr(self)
        return data, {"image/png": {"alt": self.alt}}
