"""The frame: declarations that must agree, what an import costs, which way imports run, and that the README tells the truth."""

import ast
import pkgutil
import re
import subprocess
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import stn_tutorial
from builder.readme import PAGES, fill_readme
from stn_tutorial.teaching.notebook import OLDEST_TORCH

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "stn_tutorial"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch"}
# from what knows nothing to what knows all; a module may import from its own storey and from those before it
STOREYS = ("arguments", "files", "device", "geometry", "networks", "training", "teaching", "__main__")


def declared() -> dict[str, Requirement]:
    """Every direct dependency in pyproject.toml, extras included, by name."""
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def pinned() -> dict[str, str]:
    """The versions in constraints.txt by name; every other line must be a comment."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    return {canonicalize_name(name): version for name, version in (pin.split("==") for pin in pins)}


def tracked() -> list[Path]:
    """The files of the repository, those that are about to join it included."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_conda_declares_the_same():
    entries = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    lines = [entry for entry in entries if isinstance(entry, str) and entry != "pip"] + [
        entry for entry in pip if entry != "-e ."
    ]
    assert "-e ." in pip
    conda = {CONDA_NAMES.get(found.name, found.name): str(found.specifier) for found in map(Requirement, lines)}
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda == {name: str(requirement.specifier) for name, requirement in declared().items()}


@pytest.mark.parametrize("name", sorted(declared()))
def test_direct_dependencies_are_pinned_within_their_bounds(name):
    assert declared()[name].specifier.contains(pinned()[name])


def test_version_and_authors_are_the_same_everywhere():
    assert PROJECT["version"] == stn_tutorial.__version__ == metadata("stn-tutorial")["Version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]


def test_notebooks_refuse_the_torch_that_pip_would_refuse():
    assert str(declared()["torch"].specifier) == f">={'.'.join(map(str, OLDEST_TORCH))}"


def test_no_file_names_a_package_registry():
    address = re.compile(
        rb"https?://[^\s/\"')\]]*(?:pypi|pythonhosted|npmjs|anaconda)|--(?:extra-)?index-url|--find-links|file:///"
    )
    found = {str(path.relative_to(ROOT)): address.findall(path.read_bytes()) for path in tracked() if path != Path(__file__)}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_info_names_versions_device_and_data(python, root):
    done = python("-m", "stn_tutorial", "info", STN_DATA=root)
    assert done.returncode == 0 and done.stderr == ""
    for name in ("python", "stn-tutorial", "torch", "device", "data root", "mnist", "runs"):
        assert re.search(rf"^ *{name} +\S", done.stdout, flags=re.MULTILINE), name


def test_an_import_leaves_heavy_packages_alone_and_a_star_import_needs_no_widgets(python):
    code = """import sys, stn_tutorial
print([name for name in sys.argv[1:] if name in sys.modules])
sys.modules.update(dict.fromkeys(["ipywidgets", "anywidget", "matplotlib", "IPython"]))  # as if they were not there
from stn_tutorial import *
print(load.__name__, fit.__name__, evaluate.__name__, pretrained.__name__)
"""
    heavy = ("matplotlib", "torchvision", "ipywidgets", "torchsummary", "IPython", "PIL", "mlxtend")
    assert python("-c", code, *heavy).stdout == "[]\nload fit evaluate pretrained\n"


def test_all_public_names_are_listed():
    assert {*stn_tutorial.__all__, *stn_tutorial.LAZY} <= set(dir(stn_tutorial))


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name within it; a storey's own name stands for its `__init__`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path) -> set[str]:
    """The modules of the package that one of its modules imports, at any depth, by dotted name."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = [part for part in package if part][: len([p for p in package if p]) - node.level + 1]
            base = [*above, *(node.module or "").split(".")] if node.module else above
            for alias in node.names:
                longer = ".".join([*base, alias.name])
                found.add(longer if longer in modules() else ".".join(base))
    return found - {"", name}


def test_imports_run_downwards():
    upwards = []
    for name, path in modules().items():
        if name:
            mine = STOREYS.index(name.split(".")[0])
            upwards += [
                f"{name} imports {other}" for other in imports_of(name, path) if STOREYS.index(other.split(".")[0]) > mine
            ]
    assert upwards == []


def test_no_imports_run_in_a_circle():
    left = {name: imports_of(name, path) for name, path in modules().items() if name}
    left = {name: {other for other in others if not name.startswith(f"{other}.")} for name, others in left.items()}
    while left:
        free = {name for name, others in left.items() if not others & left.keys()}
        assert free, f"these import each other: {sorted(left)}"
        left = {name: others for name, others in left.items() if name not in free}


def test_every_package_is_installed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = {".".join(("stn_tutorial", *path.parent.relative_to(PACKAGE).parts)) for path in PACKAGE.rglob("__init__.py")}
    assert {name for name in listed if name.split(".")[-1] not in ("measured", "published", "recorded")} == there


def test_every_module_says_first_what_it_is_for_and_is_short():
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), name
        assert len(text.splitlines()) <= 350, name


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_numbers_of_a_page_are_those_of_runs_and_notebooks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- table " in text
    assert fill_readme(text) == text, "run: python notebooks/build.py readme"


def test_the_door_shows_a_picture_before_any_code_and_the_page_is_short():
    lines = readme().splitlines()
    assert len(lines) <= 150
    picture = next(k for k, line in enumerate(lines) if "docs/figures/door.png" in line)
    assert picture < next(k for k, line in enumerate(lines) if line.startswith("```"))
    assert (ROOT / "docs" / "figures" / "door.png").stat().st_size < 2_000_000
    hardware = readme().split("## Hardware")[1].split("\n## ")[0]
    for word in ("bfloat16", "float32", "cores", "AVX"):  # the fine print stands in one place
        assert readme().count(word) == hardware.count(word), word


def test_readme_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", readme()) + re.findall(r'(?:href|src)="([^"#]+)"', readme())
    inside = [link for link in links if not re.match("[a-z]+:", link)]
    assert len(inside) >= 5
    assert [link for link in inside if not (ROOT / link).exists()] == []


def test_names_of_the_package_in_texts_exist():
    texts = [path for path in tracked() if path.suffix == ".md" or path.parent.name == "source"]
    named = {name for path in texts for name in re.findall(r"`(stn_tutorial(?:\.\w+)+)", path.read_text(encoding="utf-8"))}
    missing = []
    for name in sorted(named - {"stn_tutorial.sampler"}):  # the change log names what has moved
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            missing.append(name)
    assert len(named) > 3 and missing == []
