"""Installs the course from this folder, without a network: python3 install.py FOLDER. It lies beside course/ and wheels/."""

import shutil
import subprocess
import sys
from pathlib import Path

EXTRAS = "notebooks,site,offline"


def install(bundle: Path, folder: Path) -> Path:
    """Copy the course into a folder, make its .venv and fill it from the wheels. Returns the Python to start it with.

    An installation that was interrupted goes on; files of the course that are there already stay as they are.
    """
    course = bundle / "course"
    for source in sorted(course.rglob("*")):
        target = folder / source.relative_to(course)
        if source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    environment = folder / ".venv"
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run([sys.executable, "-m", "venv", str(environment)], "no virtual environment could be made (on Debian: python3-venv)")
    pip = [str(python), "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-index"]
    wheels, constraints = str(bundle / "wheels"), str(folder / "constraints.txt")
    kinds = ", ".join(sorted(path.stem for path in (bundle / "wheels").glob("*.json")))
    mine = f"this is Python {sys.version_info.major}.{sys.version_info.minor} on {sys.platform}"
    why = f"pip found no fitting wheels: they are for {kinds}, and {mine}"
    run([*pip, "-f", wheels, "-c", constraints, "-e", f"{folder}[{EXTRAS}]"], why)
    (environment / ".installed").touch()  # what the Makefile asks for
    return python


def run(command: list[str], failure: str) -> None:
    """Run a command; the program ends with a sentence if it fails."""
    if subprocess.run(command).returncode:
        sys.exit(f"error: {failure}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python3 install.py FOLDER    (a folder of your own that the course is copied to)")
    started = install(Path(__file__).resolve().parent, Path(sys.argv[1]).expanduser().resolve())
    print(f"The course is in {sys.argv[1]}. There, `make lab` opens the notebooks; without make:")
    print(f"  {started} -m jupyterlab notebooks")
