"""What the widgets drawn in the browser share: the script, an image as bytes, an error shown beside them, a still picture in their place."""

import json
import re
import secrets
from contextlib import contextmanager
from pathlib import Path

import anywidget
import torch
import traitlets

STATIC = Path(__file__).parent / "static"
LIVE = "application/vnd.stn-live+json"  # in a notebook: what brings a widget to life in a page that was made from it
# each may import from those before it: they become one script, in this order
MODULES = (
    *("warp", "lattices", "families", "net", "handles", "page", "style", "inspector", "explorer"),
    *("hands", "pad", "picks", "moments", "model", "main"),
)


def joined(modules: tuple[str, ...] = MODULES) -> str:
    """The modules of static/ as the text of one script, their imports from one another taken out."""
    texts = [(STATIC / f"{name}.js").read_text(encoding="utf-8") for name in modules]
    return "\n".join(re.sub(r'^import \{[^}]*\} from "\./\w+\.js";\n', "", text, flags=re.MULTILINE) for text in texts)


# A text and not a path: anywidget watches a path, and what watches it would keep every widget alive for ever.
SCRIPT = joined()


def as_script(value) -> str:
    """A value as JSON that may stand within a <script> element, whatever the texts in it look like."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def fragment(script: str, state: dict) -> str:
    """An HTML fragment that holds a widget as it stands and works with no kernel and no network; it may be pasted anywhere, twice.

    script: what the widget hands to anywidget, with a function `render({model, el})`. state: what its model is asked for.
    """
    place = f"stn-{secrets.token_hex(4)}"
    text = f"{script}\n{joined(('alone',))}\ndrawAlone(render, {as_script(place)}, {as_script(state)});\n"
    return f'<div class="{place}"></div>\n<script type="module">\n{text}</script>\n'


@contextmanager
def one_thread():
    """Compute on one thread: for a single image, waking other threads costs more than they save."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class BrowserWidget(anywidget.AnyWidget):
    """What the widgets drawn in the browser share: an error is shown beside them, a still picture stands in for them."""

    _esm = SCRIPT
    made = False  # from then on it takes no new names
    problem = traitlets.Unicode().tag(sync=True)

    def __setattr__(self, name: str, value) -> None:
        if self.made and not name.startswith("_") and not hasattr(self, name):  # a misspelt name would do nothing, in silence
            called = {"mode": "kernel", "padding_mode": "padding"}.get(name)
            raise AttributeError(f"{type(self).__name__} has no {name}" + (f": it is called {called} here" if called else ""))
        super().__setattr__(name, value)

    def set_state(self, sync_data) -> None:
        """What the browser sends; the error of a callback is shown beside the widget as well as raised."""
        try:
            super().set_state(sync_data)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
            raise

    @staticmethod
    def with_stand_in(shown, data: dict, metadata: dict) -> tuple[dict, dict]:
        """The mime bundle of a widget, and that of its stand-in."""
        bundle, more = shown if isinstance(shown, tuple) else (shown, {})
        return {**(bundle or {}), **data}, {**more, **metadata}
