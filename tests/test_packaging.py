"""The frame: declarations that must agree, what an import costs, which way imports run, and that the README tells the truth."""

import ast
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
from build import fill_readme

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "stn_tutorial"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch"}
# from what knows nothing to what knows all; a module may import those before it
ORDER = (
    "files",
    "grids",
    "transforms",
    "sampler",
    "volumes",
    "localization",
    "transformer",
    "models",
    "distortions",
    "data",
    "metrics",
    "checkpoints",
    "training",
    "probes",
    "experiments",
    "tables",
    "plots",
    "animations",
    "player",
    "explorer",
    "model_explorer",
    "checks",
    "notebook",
    "__main__",
)


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


def test_version_is_the_same_everywhere():
    assert PROJECT["version"] == stn_tutorial.__version__ == metadata("stn-tutorial")["Version"]


def test_no_file_names_a_package_registry():
    address = re.compile(
        rb"https?://[^\s/\"')\]]*(?:pypi|pythonhosted|npmjs|anaconda)|--(?:extra-)?index-url|--find-links|file:///"
    )
    found = {str(path.relative_to(ROOT)): address.findall(path.read_bytes()) for path in tracked() if path != Path(__file__)}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_info_names_versions_device_and_data(python):
    done = python("-m", "stn_tutorial", "info")
    assert done.returncode == 0 and done.stderr == ""
    for name in ("python", "stn-tutorial", "torch", "device", "data root", "mnist", "runs"):
        assert re.search(rf"^ *{name} +\S", done.stdout, flags=re.MULTILINE), name


def test_import_leaves_heavy_packages_alone(python):
    code = "import sys, stn_tutorial; print([name for name in sys.argv[1:] if name in sys.modules])"
    heavy = ("matplotlib", "torchvision", "ipywidgets", "torchsummary", "IPython", "PIL", "mlxtend")
    assert python("-c", code, *heavy).stdout == "[]\n"


def imported_modules(path: Path) -> set[str]:
    """The modules of the package that one of its files imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("stn_tutorial")):
            module = (node.module or "").removeprefix("stn_tutorial").strip(".")
            found |= {module.split(".")[0]} if module else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("stn_tutorial.")}
    return {name for name in found if name != "__version__"}


def test_every_module_has_its_place():
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_imports_run_downwards(name):
    allowed = set(ORDER[: ORDER.index(name)])
    assert imported_modules(PACKAGE / f"{name}.py") <= allowed


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_numbers_are_those_of_runs_and_notebooks():
    assert "<!-- table mnist-r -->" in readme()
    assert fill_readme(readme()) == readme(), "run: python notebooks/build.py readme"


def test_readme_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", readme())
    inside = [link for link in links if not re.match("[a-z]+:", link)]
    assert len(inside) >= 5
    assert [link for link in inside if not (ROOT / link).exists()] == []
