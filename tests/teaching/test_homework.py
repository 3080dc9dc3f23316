"""What a learner hands in: solved, not begun, wrong, broken in every way; each exercise gets its own line all the same."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from builder import sources
from stn_tutorial.__main__ import main
from stn_tutorial.teaching import homework
from stn_tutorial.teaching.checks import EXERCISES
from stn_tutorial.teaching.homework import Answer, check_notebook


def solved(number: int) -> list[str]:
    """The solutions of a lesson, as a learner would have them in the notebook."""
    (name,) = sources.source_names([f"{number:02d}"])
    cells = sources.read_source(name).cells
    return [cell.source for cell in cells if {"solution", "check"} & set(sources.tags(cell))]


@pytest.fixture
def check(tmp_path):
    """Check a notebook of these cells: {exercise: answer}."""

    def check(*cells: str) -> dict[str, Answer]:
        path = tmp_path / "handed in.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
        return {answer.exercise: answer for answer in check_notebook(path)}

    return check


def test_a_solved_notebook_is_done_and_its_report_is_what_gradescope_reads(check):
    found = check(*solved(1))
    assert {name: answer.state for name, answer in found.items()} == {"shift_theta": "done", "turn_theta": "done"}
    report = json.loads(json.dumps(homework.gradescope(list(found.values()))))
    assert report["score"] == 2 and report["score"] <= sum(test["max_score"] for test in report["tests"])
    assert [(test["name"], test["status"], test["score"]) for test in report["tests"]] == [
        ("shift_theta", "passed", 1.0),
        ("turn_theta", "passed", 1.0),
    ]


def test_one_wrong_one_not_begun_one_broken_and_trouble_elsewhere_in_the_notebook(check):
    broken = "def my_reflect(x, length, align_corners)\n    return x"
    wrong = "def my_sampler(images, grid, padding_mode, align_corners):\n    print(1)\n    return images\nassert QUICK"
    stub = "def derivative_by_t_x(**case):\n    raise NotImplementedError  # your turn"
    found = check("import os\nQUICK = os.environ['STN_PROFILE'] == 'quick'\n1 / 0", broken, wrong, stub)
    assert found["my_reflect"].sentence.startswith("its cell raised SyntaxError")
    assert found["my_sampler"].state == "wrong" and "expected shape" in found["my_sampler"].sentence
    assert str(found["derivative_by_t_x"]) == "derivative_by_t_x    not yet"


def test_what_ends_python_or_never_ends_is_left_out_and_everything_else_runs():
    cells = ["x = 1", "import os; os._exit(1)", "while True: pass", "open('left behind', 'w').close(); print(x, os.listdir())"]
    made = new_notebook(cells=[new_code_cell(cell) for cell in ["import os", *cells]])
    stopped = homework.run(made, timeout=3)
    assert stopped == {2: "ended Python itself", 3: "did not end within 3 s: is there a loop without an end?"}
    assert made.cells[4].outputs[0].text == "1 ['left behind']\n"  # in an empty folder of its own


@pytest.mark.parametrize(
    ("stopped", "errors", "state", "words"),
    [
        ({}, {}, "wrong", "found no function"),
        ({1: "ended Python itself"}, {}, "wrong", "your function ended Python itself"),
        ({0: "ended Python itself"}, {}, "wrong", "its cell ended Python itself"),
        ({}, {0: ("SyntaxError", "expected ':'\n(line 1)")}, "wrong", "its cell raised SyntaxError: expected ':' (line 1)"),
        ({}, {1: ("SystemExit", "3")}, "wrong", "your function raised SystemExit: 3"),
        ({}, {0: None}, "not yet", "there is no function `shift_theta`"),
    ],
)
def test_why_a_checker_could_not_be_asked_is_said(stopped, errors, state, words):
    cells = [new_code_cell("def shift_theta(right, down, size)"), new_code_cell(homework.question(EXERCISES[0]))]
    for k, error in errors.items():
        if error is None:
            cells[k].source = "print(1)"
        else:
            cells[k].outputs = [new_output("error", ename=error[0], evalue=error[1])]
    answer = homework.answer_of(EXERCISES[0], cells, 1, stopped)
    assert answer.state == state and words in answer.sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no file"),
        ("print(1)", "is no Jupyter notebook"),
        (nbformat.writes(new_notebook(cells=[new_code_cell("print(1)")])), "has none of the course's exercises"),
    ],
)
def test_a_file_that_is_none_of_the_courses_notebooks_is_refused_in_a_sentence(tmp_path, content, words):
    path = tmp_path / "essay.ipynb"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"error: .*{words}"):
        main(["check", str(path)])


@pytest.mark.parametrize("name", sources.source_names())
def test_each_lesson_is_known_by_its_exercises(name):
    made = sources.student_version(sources.read_source(name))
    assert homework.lesson_of(made, name) == int(name[:2])
    code = "\n".join(cell.source for cell in made.cells if cell.cell_type == "code")
    assert {e.name for e in EXERCISES if homework.defines(code, e.name)} == {
        e.name for e in EXERCISES if e.notebook == int(name[:2])
    }


def test_the_command_prints_a_line_each_and_writes_the_report(tmp_path, monkeypatch, capsys):
    answers = [Answer("a", "done", "all agree."), Answer("b", "wrong", "it turns the other way")]
    monkeypatch.setattr(homework, "check_notebook", lambda path, timeout: answers)
    main(["check", "x.ipynb", "--json", str(tmp_path / "results.json")])
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in printed] == [["a", "done"], ["b", "wrong"], ["1", "of"]]
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert written["score"] == 1 and written["tests"][1]["output"] == "wrong: it turns the other way"
