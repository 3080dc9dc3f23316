"""The notebooks of the repository: executed, with outputs, and their solutions beside them."""

import time

import nbformat

from stn_tutorial.files import write_atomically

from . import sources
from .execution import complaints, execute, execute_student, report, say_data
from .sources import SOURCE_ERRORS, read_source, solutions_version, source_names, student_version


def build_notebooks(wanted: list[str]) -> int:
    """Write the executed notebooks and their solutions; one that fails keeps its old files. Returns the exit status."""
    say_data()
    names, failed, folder = source_names(wanted), [], sources.NOTEBOOKS / "solutions"
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ... ", end="", flush=True)
        start, problems = time.perf_counter(), []
        try:
            source = read_source(name)
            student, solved = student_version(source), solutions_version(source, name)
            stopped = {"notebook": execute_student(student, name), "solutions": execute(solved, folder)}
            for which, made in (("notebook", student), ("solutions", solved)):
                found = [stopped[which]] * bool(stopped[which]) + complaints(made)
                problems += [f"{which}, {problem}" for problem in found]
        except SOURCE_ERRORS as error:
            problems.append(f"source: {error}")
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
        if problems:
            failed.append(name)
            print("\n".join(f"      not written: {problem}" for problem in problems), flush=True)
            continue
        for path, made in ((sources.NOTEBOOKS / f"{name}.ipynb", student), (folder / f"{name}.ipynb", solved)):
            write_atomically(path, (nbformat.writes(made) + "\n").encode())
    return report(failed)
