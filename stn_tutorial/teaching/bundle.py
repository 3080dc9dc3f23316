"""A folder with all that a room without network needs: the wheels, the data, the course, and a script that installs them."""

import filecmp
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from ..arguments import path_of
from ..files import write_atomically
from ..training.data import MEGABYTES, NAMES, data_root
from . import room
from .wheels import Target, collect

CHECKOUT = Path(__file__).resolve().parents[2]
LEFT_OUT = {".git", ".venv", "build", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache"}
DATA = {"README.md", "published", "runs"}  # of data/; everything else there is a data set, or somebody's own
NOT_SHARED = {"checkpoint.pt", "weights.safetensors"}  # of trainings under way
README = """\
# The course, for a room without a network

Here lie the course with its data, and wheels of all it needs for: KINDS.
On each computer, with a Python of that kind, from wherever this folder is (a stick, a share that may only be read):

    python3 install.py FOLDER

copies the course into FOLDER and installs it there, without a network. Then, in FOLDER, `make lab` opens the notebooks and
`make walkthrough` runs them all; without make:

    .venv/bin/python -m jupyterlab notebooks               (on Windows .venv\\Scripts\\python)

SITE
"""
SITE = {
    True: "To read without installing anything: open course/build/site/index.html in a browser.",
    False: "There is no site to read: `make site` builds it, before the bundle is made.",
}


def make_bundle(folder: Path | str, target: Target, data: list[str], checkout: Path = CHECKOUT) -> str:
    """Make a bundle in a folder, or go on with one; what is finished stays. Returns what it holds, in a line.

    data: names of the data sets to put in, which must lie in the data root. Wheels of several targets may lie in one bundle. Raises
    ValueError without a checkout, for a data set that is not here, and for a wheel that cannot be had.
    """
    folder = path_of("folder", folder).resolve()
    if not (checkout / "pyproject.toml").exists():
        raise ValueError("a bundle is made from a copy of the project's repository, and this is an installed package")
    sets = {name: data_root() / f"{name}.npz" for name in data}
    check_data(sets)
    course = folder / "course"
    for source in course_files(checkout, folder):
        copy(source, course / source.relative_to(checkout))
    for name, source in sets.items():
        copy(source, course / "data" / f"{name}.npz")
    site = (course / "build" / "site" / "index.html").exists()
    shutil.copyfile(room.__file__, folder / "install.py")
    roots, pins = requirements(checkout)
    wheels = collect(roots, pins, target, folder / "wheels", say=lambda line: print(line, flush=True))
    kinds = ", ".join(sorted(path.stem for path in (folder / "wheels").glob("*.json")))
    write_atomically(folder / "README.md", README.replace("KINDS", kinds).replace("SITE", SITE[site]).encode())
    megabytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return (
        f"{folder}: {len(wheels)} wheels for {target.name}, data: {', '.join(data) or 'the offline sample'}, "
        f"{'with' if site else 'without'} the site; {megabytes:,.0f} MB. Its README.md says how to install it."
    )


def check_data(sets: dict[str, Path]) -> None:
    """Raise a ValueError that says what to do unless all data sets are here."""
    for name, path in sets.items():
        if name not in NAMES:
            raise ValueError(f"data must be of {', '.join(NAMES)}, got {name!r}")
        if not path.exists():
            raise ValueError(
                f"there is no {path}: `python -m stn_tutorial data {name}` fetches it, about {MEGABYTES[name]} MB; or name the "
                "data sets to put in, as in `--data mnist`; without any (`--data`) the notebooks run on the offline sample"
            )


def course_files(checkout: Path, bundle: Path) -> Iterator[Path]:
    """The files of the project, and those of its site if it was built; nothing that a machine made, no data sets."""
    for place, folders, files in os.walk(checkout):
        here = Path(place)
        if here == checkout / "data":
            folders[:], files = [name for name in folders if name in DATA], [name for name in files if name in DATA]
        folders[:] = [
            name for name in folders if name not in LEFT_OUT and not name.endswith(".egg-info") and here / name != bundle
        ]
        yield from (here / name for name in files if name not in NOT_SHARED and not name.endswith(".partial"))
    yield from (path for path in (checkout / "build" / "site").rglob("*") if path.is_file())


def copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all, unless the same one is there: of equal size and time."""
    if target.exists() and filecmp.cmp(source, target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    shutil.copy2(source, partial)
    os.replace(partial, target)


def requirements(checkout: Path) -> tuple[list[str], dict[str, str]]:
    """What an installation of the course asks for, what builds it included; and the versions it was tested with, by name."""
    declared = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    project, extras = declared["project"], room.EXTRAS.split(",")
    roots = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    lines = (checkout / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return [*declared["build-system"]["requires"], *roots], {canonicalize_name(name): pin for name, pin in pins.items()}
