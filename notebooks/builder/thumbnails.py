"""A small picture of each notebook for the README: the first figure that it shows, or that of the cell tagged `thumbnail`."""

import base64
import io

import nbformat
from nbformat import NotebookNode
from PIL import Image

from stn_tutorial.files import write_atomically

from . import sources

WIDTH, HEIGHT = 260, 150  # twice what the README shows, for dense screens


def thumbnail_path(name: str):
    """Where the small picture of a notebook lies."""
    return sources.REPOSITORY / "docs" / "figures" / f"{name}.png"


def first_figure(made: NotebookNode) -> Image.Image:
    """The figure that stands for a written notebook; a ValueError if it shows none."""
    cells = [cell for cell in made.cells if cell.cell_type == "code"]
    cells.sort(key=lambda cell: "thumbnail" not in cell.metadata.get("tags", []))  # a stable sort: the others keep their order
    for cell in cells:
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                return Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("RGB")
    raise ValueError("the notebook shows no figure")


def shrunk(figure: Image.Image) -> bytes:
    """The left of a figure, as much as fills a card of WIDTH x HEIGHT, as a PNG: of a long row the first pictures, large enough to see."""
    wide = min(figure.width, round(figure.height * WIDTH / HEIGHT))
    figure = figure.crop((0, 0, wide, figure.height))
    figure.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    card = Image.new("RGB", (WIDTH, HEIGHT), "white")
    card.paste(figure, ((WIDTH - figure.width) // 2, (HEIGHT - figure.height) // 2))
    buffer = io.BytesIO()
    card.quantize(64).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def write_thumbnails() -> None:
    """Write the small picture of every written notebook."""
    for lesson in sources.lessons():
        path = sources.NOTEBOOKS / f"{lesson.name}.ipynb"
        if path.exists():
            write_atomically(thumbnail_path(lesson.name), shrunk(first_figure(nbformat.read(path, 4))))
