"""Runs notebooks with this very Python, and keeps of the outputs what a reader needs."""

import json
import math
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from stn_tutorial.teaching.browser_widget import LIVE
from stn_tutorial.teaching.kernel import ThisInterpreter, socket_options
from stn_tutorial.teaching.notebook import profile
from stn_tutorial.training.data import NAMES, load

from . import sources
from .sources import METADATA, REPOSITORY

CELL_TIMEOUT = 1800  # seconds
WIDGET, PNG = "application/vnd.jupyter.widget-view+json", "image/png"


def execute(made: NotebookNode, folder: Path) -> str | None:
    """Run a notebook in place, in the given folder, and tidy it. Returns what stopped it, or None."""
    number = 0

    def remember(cell: NotebookNode, cell_index: int) -> None:
        nonlocal number
        number = cell_index + 1

    options = {"timeout": CELL_TIMEOUT, "record_timing": False, "store_widget_state": False, "on_cell_start": remember}
    stopped = None
    with tempfile.TemporaryDirectory() as sockets:
        client = NotebookClient(
            made,
            kernel_manager_class=ThisInterpreter,
            config=Config({"ThisInterpreter": socket_options(sockets)}),
            resources={"metadata": {"path": str(folder)}},
            **options,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            stopped = f"cell {number}: {error.ename}: {error.evalue}"
        except CellTimeoutError:
            stopped = f"cell {number}: not finished after {CELL_TIMEOUT} s"
        except DeadKernelError:
            stopped = f"cell {number}: the kernel died"
    tidy(made)
    return stopped


def execute_student(made: NotebookNode, name: str) -> str | None:
    """Run a student notebook and write the minutes that it took into its header, where the source has MINUTES_NN."""
    start = time.perf_counter()
    stopped = execute(made, sources.NOTEBOOKS)
    minutes = str(math.ceil((time.perf_counter() - start) / 60))
    if profile() != "full":
        minutes += f" ({profile()} profile)"
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(f"MINUTES_{name[:2]}", minutes)
    return stopped


def tidy(made: NotebookNode) -> None:
    """Keep of an executed notebook what a reader needs and what does not change from run to run."""
    made.metadata = nbformat.from_dict(METADATA)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = merge_streams(cell.outputs)
            for output in cell.outputs:
                if WIDGET in output.get("data", {}):  # a widget needs a kernel: its picture, or its words, stand in for it
                    kinds = (LIVE, PNG, "text/plain")
                    output.data = NotebookNode({kind: output.data[kind] for kind in kinds if kind in output.data})


def merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of printed text, and show a progress bar only in its last state."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    for output in merged:
        if output.output_type == "stream":
            output.text = "\n".join(last_state(line) for line in output.text.split("\n"))
    return [output for output in merged if output.output_type != "stream" or output.text.strip()]


def last_state(line: str) -> str:
    """What a terminal shows of a line that was written over after each carriage return."""
    states = [state for state in line.split("\r") if state.strip()]
    return states[-1].rstrip() if states else ""


def complaints(made: NotebookNode) -> list[str]:
    """What must not be in a committed notebook: text on standard error, and paths of the machine that built it."""
    machine = [str(path) for path in (REPOSITORY, Path.home(), tempfile.gettempdir()) if len(str(path)) > 1]
    starts = [re.escape(start) + r"(?!\w)" for start in machine] + ["/home/", "/Users/", "/tmp/", r"[A-Z]:\\+Users\\"]
    path = re.compile(rf"(?:{'|'.join(starts)})[^\s\"']*")
    found = []
    for number, cell in enumerate(made.cells, 1):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {number} wrote to standard error: {output.text.strip().splitlines()[0]}")
            hit = path.search(output_text(output))
            if hit:
                found.append(f"cell {number} shows a path of this machine: {hit.group()}")
    return found


def output_text(output: NotebookNode) -> str:
    """The readable part of an output: everything but encoded pictures."""
    data = {kind: value for kind, value in output.get("data", {}).items() if kind not in (PNG, "image/jpeg", "image/gif")}
    return json.dumps([output.get("text"), data, output.get("metadata")], ensure_ascii=False)


def say_data() -> str:
    """Print which data the notebooks will run on, and the profile. Returns the data as a sentence.

    What is not on this computer yet is fetched here, before the first notebook needs it.
    """
    line = f"Data: {'; '.join(load(name).source for name in NAMES)}."
    print(f"{line}\nProfile: {profile()}", flush=True)
    return line


def report(failed: list[str]) -> int:
    """Name what failed; the exit status."""
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
