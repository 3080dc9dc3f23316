"""All wheels that an installation needs, for this kind of computer or another: each on record once it is there, so that a stop loses none."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from ..files import write_atomically

PARTIAL = ".partial-"
LATE = 99  # the patch release of a target's Python is not known: some wheels want 3.11.5, and pip reads 3.11 as 3.11.0
AT_ONCE = 4  # pip spends more time on starting than on most wheels


def linux(machine: str) -> tuple[list[str], dict[str, str]]:
    """The tags of wheels for a Linux of 2018 or later (glibc 2.28), and what requirements may ask about it."""
    tags = [*(f"manylinux_2_{minor}_{machine}" for minor in range(28, 16, -1)), f"manylinux2014_{machine}"]
    tags += [f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    return tags, {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": machine}


PLATFORMS = {
    "linux-x86_64": linux("x86_64"),
    "linux-aarch64": linux("aarch64"),
    "windows-x86_64": (
        ["win_amd64"],
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    ),
    "macos-arm64": (
        ["macosx_14_0_arm64"],
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    ),
}


@dataclass(frozen=True)
class Target:
    """The computers that wheels are for: one of PLATFORMS, and a Python's version. Raises ValueError for another of either.

    >>> Target("linux-x86_64", "3.12").name
    'linux-x86_64-python-3.12'
    """

    platform: str
    python: str

    def __post_init__(self):
        if self.platform not in PLATFORMS:
            raise ValueError(f"platform must be one of {', '.join(PLATFORMS)}, got {self.platform!r}")
        parts = self.python.split(".")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts) or (int(parts[0]), int(parts[1])) < (3, 11):
            raise ValueError(f"python version must be 3.11 or later, as 3.12, got {self.python!r}")

    @property
    def name(self) -> str:
        return f"{self.platform}-python-{self.python}"

    @property
    def options(self) -> list[str]:
        """What pip is told of it."""
        tags = [f"--platform={tag}" for tag in PLATFORMS[self.platform][0]]
        return [*tags, f"--python-version={self.python}.{LATE}", "--implementation=cp", "--only-binary=:all:"]

    @property
    def environment(self) -> dict[str, str]:
        """What the markers of requirements are evaluated with."""
        python = {"python_version": self.python, "python_full_version": f"{self.python}.{LATE}", "platform_release": ""}
        return default_environment() | python | PLATFORMS[self.platform][1]


def this_platform() -> str:
    """The name of this computer's kind, or "" if PLATFORMS has it not."""
    system = platform.system().lower().replace("darwin", "macos")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    return f"{system}-{machine}" if f"{system}-{machine}" in PLATFORMS else ""


def collect(
    roots: list[str], pins: dict[str, str], target: Target, folder: Path, say: Callable[[str], None] = print
) -> list[str]:
    """Bring the wheels that the requirements `roots` need, and what those need, into a folder; returns their file names.

    pins: versions by canonical name, for what has one. What <folder>/<target>.json names is there already and is not fetched again.
    Raises ValueError for what cannot be had, with pip's reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{PARTIAL}*"):  # by a process that was killed
        shutil.rmtree(left)
    listing = folder / f"{target.name}.json"
    there = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    there = {line: name for line, name in there.items() if (folder / name).is_file()}
    lock = threading.Lock()

    def bring(line: str) -> None:
        name = fetch(line, target, folder)
        with lock:  # each is on record as soon as it is there
            there[line] = name
            write_atomically(listing, json.dumps(there, indent=1, sort_keys=True).encode())
            say(f"{name}  {(folder / name).stat().st_size / 1e6:.1f} MB")

    chosen: dict[str, str] = {}  # requirement lines by name
    asked: set[tuple[str, str]] = set()
    wanted = [Requirement(root) for root in roots]
    while wanted:
        for requirement in wanted:
            name = canonicalize_name(requirement.name)
            chosen.setdefault(name, f"{name}=={pins[name]}" if name in pins else f"{name}{requirement.specifier}")
        several(bring, [line for line in chosen.values() if line not in there])
        needed = []
        for requirement in wanted:
            name = canonicalize_name(requirement.name)
            wheel = there[chosen[name]]
            version = parse_wheel_filename(wheel)[1]
            if not requirement.specifier.contains(version, prereleases=True):
                raise ValueError(f"{requirement} is needed, and {name} {version} was chosen before")
            for extra in {"", *requirement.extras} - {extra for known, extra in asked if known == name}:
                asked.add((name, extra))
                needed += needs(folder / wheel, extra, target)
        wanted = needed
    return sorted(there[line] for line in chosen.values())


def several(work: Callable[[str], None], lines: list[str]) -> None:
    """Do the work for all lines, AT_ONCE at a time; after an error, or an interruption, no further one is begun."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for future in as_completed([pool.submit(work, line) for line in lines]):
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def fetch(line: str, target: Target, folder: Path) -> str:
    """Download the wheel of one requirement into a folder, by pip and pip's own settings; whole or not at all. Returns its name."""
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder) as partial:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*command, *target.options, "--dest", partial, line], capture_output=True, text=True)
        found = sorted(Path(partial).glob("*.whl"))
        if done.returncode or not found:
            said = [text for text in done.stderr.splitlines() if text.startswith("ERROR")] or [f"pip said {done.returncode}"]
            reason = said[-1].removeprefix("ERROR: ")
            raise ValueError(f"{line} for {target.name}: {reason}. What was fetched is kept: run the same command again")
        os.replace(found[0], folder / found[0].name)
        return found[0].name


def needs(wheel: Path, extra: str, target: Target) -> list[Requirement]:
    """What a wheel asks for on the target, with one of its extras or with "" for none."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(file.read(name).decode())
    environment, found = target.environment | {"extra": extra}, []
    for line in metadata.get_all("Requires-Dist", []):
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise ValueError(f"{wheel.name} asks for {line!r}, which is no requirement") from error
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found.append(requirement)
    return found
