"""Checks a notebook that a learner hands in: runs it in a kernel of its own, asks every exercise's checker, and writes a report."""

import json
import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.display import publish_display_data
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from ..arguments import check_number, path_of
from ..files import write_atomically
from .checks import EXERCISES, Exercise
from .checks.verdict import NOT_TRIED
from .kernel import ThisInterpreter, socket_options

DONE, NOT_YET, WRONG = "done", "not yet", "wrong"
STATES = {"passed": DONE, NOT_TRIED: NOT_YET, "failed": WRONG}
VERDICT = "application/vnd.stn-tutorial.verdict+json"
START = "import stn_tutorial.teaching.homework"  # the first cell: what takes long at the start is not the learner's time
TIMEOUT, STARTING = 120, 600  # seconds for a cell of the notebook, and for Python and torch to start
MOST_RUNS = 6  # a notebook is begun again without the cell that ended its kernel, so often


@dataclass(frozen=True)
class Answer:
    """What became of one exercise: its name, "done", "not yet" or "wrong", and a sentence."""

    exercise: str
    state: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.exercise:<20} {self.state:<8} {self.sentence if self.state != NOT_YET else ''}".rstrip()


def check_notebook(path: Path | str, timeout: float = TIMEOUT) -> list[Answer]:
    """Run a saved notebook, quick profile, in an empty folder, and say for each exercise of that lesson what became of it.

    A cell that fails, takes longer than `timeout` seconds or ends the kernel spoils no other exercise than its own. It is the
    handed-in code that runs, with your rights. Raises OSError for a file that is not there and ValueError for one that is no
    notebook of the course.
    """
    timeout = check_number("timeout", timeout, "a number of seconds, more than 0", lambda seconds: seconds > 0)
    made = read(path_of("notebook", path))
    lesson = lesson_of(made, path)
    exercises = [exercise for exercise in EXERCISES if exercise.notebook == lesson]
    questions = {1 + len(made.cells) + k: exercise for k, exercise in enumerate(exercises)}
    asked = map(nbformat.v4.new_code_cell, map(question, exercises))
    made.cells = [nbformat.v4.new_code_cell(START), *made.cells, *asked]
    stopped = run(made, timeout)
    return [answer_of(exercise, made.cells, k, stopped) for k, exercise in questions.items()]


def read(path: Path) -> NotebookNode:
    """A notebook without outputs; a ValueError if the file is none."""
    if not path.is_file():
        raise FileNotFoundError(2, f"there is no file {path}")
    try:
        made = nbformat.read(path, as_version=4)
        nbformat.validate(made)
    except Exception as error:  # nbformat has a dozen ways to say so
        raise ValueError(f"{path} is no Jupyter notebook: save it as .ipynb and hand that in") from error
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return made


def lesson_of(made: NotebookNode, path: Path | str) -> int:
    """The number of the lesson whose exercises a notebook defines or checks; a ValueError if it has none of any."""
    code = "\n".join(cell.source for cell in made.cells if cell.cell_type == "code")
    asked = [e for e in EXERCISES if defines(code, e.name) or re.search(rf"\b{e.check.__name__}\(\s*{e.name}\b", code)]
    found = Counter(exercise.notebook for exercise in asked)
    if not found:
        raise ValueError(f"{path} has none of the course's exercises: is it one of the course's notebooks?")
    return found.most_common(1)[0][0]


def defines(code: str, name: str) -> bool:
    """Whether some line of code begins to define a function of this name, or gives the name to something."""
    return re.search(rf"^\s*(?:def\s+{name}\s*\(|{name}\s*=[^=])", code, flags=re.MULTILINE) is not None


def question(exercise: Exercise) -> str:
    """The cell that is added to a notebook for an exercise."""
    return f"import stn_tutorial.teaching.homework as _h; _h.reply({exercise.name!r}, globals())"


def reply(name: str, names: dict) -> None:
    """In the learner's kernel: ask the checker of an exercise, and publish what it says."""
    (exercise,) = (exercise for exercise in EXERCISES if exercise.name == name)
    if callable(names.get(name)):
        verdict = exercise.check(names[name])
        publish_display_data({VERDICT: [STATES[verdict.status], verdict.message]})


def run(made: NotebookNode, timeout: float) -> dict[int, str]:
    """Run a notebook in place; what ended a kernel, by the number of the cell. The others are run again without that cell."""
    stopped: dict[int, str] = {}
    for _ in range(MOST_RUNS):
        before = len(stopped)
        with tempfile.TemporaryDirectory() as sockets, tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(
                made,
                kernel_manager_class=ThisInterpreter,
                config=Config({"ThisInterpreter": socket_options(sockets)}),
                resources={"metadata": {"path": folder}},
                timeout_func=lambda cell: STARTING if cell.source == START else timeout,
                allow_errors=True,
                record_timing=False,
                store_widget_state=False,
                shutdown_kernel="immediate",
            )
            with client.setup_kernel(env=environment()):
                for k, cell in enumerate(made.cells):
                    if k in stopped:
                        continue
                    try:
                        client.execute_cell(cell, k)
                    except CellTimeoutError:
                        stopped[k] = f"did not end within {timeout:g} s: is there a loop without an end?"
                    except DeadKernelError:
                        stopped[k] = "ended Python itself"
                    if k in stopped:
                        break
        if len(stopped) == before:
            break
    return stopped


def environment() -> dict[str, str]:
    """The variables of the learner's kernel: the quick profile, this very package, figures without a window."""
    here = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return os.environ | {"STN_PROFILE": "quick", "PYTHONPATH": path, "MPLBACKEND": "agg"}


def answer_of(exercise: Exercise, cells: list[NotebookNode], k: int, stopped: dict[int, str]) -> Answer:
    """What cell `k`, which asked the exercise's checker, had to say; or why it could not."""
    for output in cells[k].outputs:
        if VERDICT in output.get("data", {}):
            state, sentence = output["data"][VERDICT]
            return Answer(exercise.name, state, one_line(sentence))
    if trouble := trouble_of(k, cells, stopped):
        return Answer(exercise.name, WRONG, f"your function {trouble}")
    own = [n for n, cell in enumerate(cells) if cell.cell_type == "code" and defines(cell.source, exercise.name)]
    for n in own:
        if trouble := trouble_of(n, cells, stopped):
            return Answer(exercise.name, WRONG, f"its cell {trouble}")
    if own:
        return Answer(exercise.name, WRONG, "its checker found no function of this name, or too many cells ended Python")
    return Answer(exercise.name, NOT_YET, f"there is no function `{exercise.name}` in this notebook")


def trouble_of(k: int, cells: list[NotebookNode], stopped: dict[int, str]) -> str:
    """Why cell `k` did not come to its end, in words; or an empty text."""
    errors = [f"raised {o.ename}: {one_line(o.evalue)}" for o in cells[k].outputs if o.output_type == "error"]
    return stopped.get(k) or next(iter(errors), "")


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def gradescope(answers: list[Answer]) -> dict:
    """The answers as Gradescope reads them from results.json: a test for each exercise, one point each."""
    tests = [
        {
            "name": answer.exercise,
            "status": "passed" if answer.state == DONE else "failed",
            "score": float(answer.state == DONE),
            "max_score": 1.0,
            "output": f"{answer.state}: {answer.sentence}" if answer.state != NOT_YET else NOT_TRIED,
            "visibility": "visible",
        }
        for answer in answers
    ]
    states = {answer.exercise: answer.state for answer in answers}
    return {"score": sum(test["score"] for test in tests), "tests": tests, "extra_data": {"states": states}}


def check_and_report(path: str, report: str | None, timeout: float) -> str:
    """Check a notebook, write the machine-readable report if a file is named, and return a line for each exercise."""
    answers = check_notebook(path, timeout)
    if report:
        write_atomically(report, (json.dumps(gradescope(answers), indent=1, ensure_ascii=False) + "\n").encode())
    done = sum(answer.state == DONE for answer in answers)
    return "\n".join([*map(str, answers), f"{done} of {len(answers)} done"])
