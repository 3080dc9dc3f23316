"""What README and docs/results.md say of notebooks and runs, between their marks: <!-- notebooks -->, <!-- table NAME -->, <!-- end -->."""

import re

import nbformat

from stn_tutorial.files import write_atomically
from stn_tutorial.training.tables import table

from . import sources
from .thumbnails import thumbnail_path, write_thumbnails

MINUTES = r"[Mm]inutes on a laptop CPU: (\d+)"


def notebooks_table() -> str:
    """The list of the notebooks in Markdown, with the minutes that their headers name."""
    lines = ["| | notebook, and the question it answers | minutes on a laptop CPU |", "|---|---|---:|"]
    for lesson in sources.lessons():
        address = f"{sources.NOTEBOOKS.name}/{lesson.name}.ipynb"
        picture = thumbnail_path(lesson.name).relative_to(sources.REPOSITORY).as_posix()
        shown = f'<a href="{address}"><img src="{picture}" width="130" alt="A figure of notebook {lesson.title}"></a>'
        lines.append(
            f"| {shown} | **[{lesson.title}]({address})**<br>{lesson.question} | {header_minutes(lesson.name) or '-'} |"
        )
    return "\n".join(lines)


def header_minutes(name: str) -> str | None:
    """The minutes that the header of a written notebook names."""
    path = sources.NOTEBOOKS / f"{name}.ipynb"
    found = re.search(MINUTES, nbformat.read(path, 4).cells[0].source) if path.exists() else None
    return found[1] if found else None


def fill_readme(text: str) -> str:
    """A page with the list of the notebooks and the tables of the recorded runs between their marks."""
    marks = re.compile(r"(<!-- (notebooks|table (\S+)) -->\n).*?(<!-- end -->)", flags=re.DOTALL)

    def filled(found: re.Match) -> str:
        content = notebooks_table() if found[2] == "notebooks" else table(found[3]).strip()
        return f"{found[1]}\n{content}\n\n{found[4]}"

    return marks.sub(filled, text)


PAGES = ("README.md", "docs/results.md")


def build_readme() -> int:
    """Write README.md and docs/results.md anew in those places, and the small pictures of the notebooks."""
    write_thumbnails()
    for page in PAGES:
        path = sources.REPOSITORY / page
        write_atomically(path, fill_readme(path.read_text(encoding="utf-8")).encode())
    return 0
