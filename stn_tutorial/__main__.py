"""The command line: python -m stn_tutorial info · data · train · ship · snapshots · export · table · check · bundle."""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from .arguments import seed_number
from .device import best_device, device_name
from .networks.snapshots import NAMES as SNAPPED
from .networks.weights import SHIPPED
from .training.data import NAMES, check_name, data_root, is_there, load
from .training.experiment import records, runs_root
from .training.experiments import EXPERIMENTS, matching
from .training.exported import export_shipped
from .training.processes import first, joined, several
from .training.runs import run_and_report
from .training.shipping import ship
from .training.snapshots import keep_snapshots
from .training.tables import TABLES, table

PACKAGES = ("stn-tutorial", "torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "jupyterlab", "torchsummary")


def info() -> None:
    """Print versions, device, data root and what is in it: the text to paste into a bug report."""
    print(f"python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = "not installed"
        print(f"{name:<12} {version}")
    print(f"device       {device_name(best_device())}")
    root = data_root()
    print(f"data root    {root}{' (from STN_DATA)' if os.environ.get('STN_DATA') else ''}")
    for name in NAMES:
        print(f"  {name:<10} {cached(name, root)}")
    recorded = sum(1 for _ in runs_root().glob("*/*/seed-*/run.json"))
    print(f"runs         {recorded} recorded")


def cached(name: str, root: Path) -> str:
    """One line about a prepared cache, readable or not."""
    try:
        if not is_there(root / f"{name}.npz"):
            return "no prepared cache"
        data = load(name)
    except (ValueError, OSError) as error:
        return getattr(error, "strerror", None) or str(error)
    return f"{data!r}, fingerprint {data.fingerprint[:12]}"


def train(patterns: list[str], seeds: list[int], root: str | None, at_once: int) -> None:
    """Work through what is not yet recorded, seed by seed; an interrupted run goes on where it was."""
    if at_once < 1:
        raise ValueError(f"--at-once must be at least 1, got {at_once}")
    root, seeds = records(root), [seed_number(seed) for seed in seeds]  # before hours are spent
    names = list({experiment.name: None for pattern in patterns for experiment in matching(pattern)})
    jobs = [(name, seed) for seed in seeds for name in names]
    if at_once == 1 or several():
        for name, seed in jobs:
            say(f"{name} seed {seed}")
            say(run_and_report(name, seed, root, progress=True))
        return
    threads = max(1, torch.get_num_threads() // at_once)  # trainings that fight for cores are slower than ones that share them
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, spawn, torch.set_num_threads, (threads,)) as pool:
        futures = [pool.submit(run_and_report, name, seed, root, progress=False) for name, seed in jobs]
        for future in as_completed(futures):
            print(future.result(), flush=True)


def export_and_report(name: str, file: str) -> str:
    """Export a shipped net; what came out, in a line. A ValueError if file and net read any test image differently."""
    found = export_shipped(name, file)
    same, images = found["same_class"], found["images"]
    line = f"{file}: {found['bytes'] / 1000:.0f} kB, batches of any size; reads {same} of {images} test images as the net does"
    if same < images:
        raise ValueError(line)
    return f"{line}; logits differ by at most {found['largest_difference']:.1e}"


def say(line: str) -> None:
    """Print a line; of several processes that train together, the first one does."""
    if first():
        print(line, flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m stn_tutorial", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help=info.__doc__)
    command = commands.add_parser("data", help="load data sets (downloading what is missing) and say where they come from")
    command.add_argument(
        "names", nargs="*", default=list(NAMES), metavar="NAME", help=f"{' or '.join(NAMES)}; both unless told"
    )
    command = commands.add_parser("train", help=train.__doc__)
    command.add_argument("patterns", nargs="+", metavar="PATTERN", help=f"for instance 'mnist-r/*'; {', '.join(EXPERIMENTS)}")
    command.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    command.add_argument("--root", help="where to record (default: data/runs)")
    command.add_argument(
        "--at-once",
        type=int,
        default=4 if best_device().type == "cuda" else 1,
        help="trainings that share the device, each in a process of its own (default: %(default)s here; small nets leave most of a "
        "GPU idle; on a CPU they also share the cores, and each takes longer for it)",
    )
    command = commands.add_parser("ship", help="put the weights of a recorded run into the package, with a card")
    command.add_argument("name", metavar="NAME", help="for instance mnist-r/st-cnn-affine-still")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--root", help="where the run is recorded (default: data/runs)")
    command = commands.add_parser(
        "snapshots", help="repeat the beginning of a shipped net's training, and ship its localiser along the way"
    )
    command.add_argument("name", metavar="NAME", help=f"for instance {' or '.join(SNAPPED)}")
    command.add_argument("--revision", help="of the package's code, where an older one runs: newer code may draw otherwise")
    command = commands.add_parser("export", help="write a shipped net to a file for other programs, and try it on test images")
    command.add_argument("name", metavar="NAME", help=" or ".join(SHIPPED))
    command.add_argument("file", metavar="FILE", help="its ending says what it becomes: .onnx or .pt2 (torch.export)")
    command = commands.add_parser("table", help="print a table made from the recorded runs")
    command.add_argument("name", help=" or ".join(TABLES))
    command = commands.add_parser("check", help="a line for each exercise of a notebook that a learner has saved")
    command.add_argument("notebook", metavar="NOTEBOOK", help="its code is run, with your rights")
    command.add_argument("--json", metavar="FILE", help="write the same as Gradescope's results.json, too")
    command.add_argument("--timeout", type=float, default=120, metavar="SECONDS", help="for a cell (default: %(default)s)")
    command = commands.add_parser(
        "bundle", help="fill a folder with all that a room without network needs; goes on where it was"
    )
    command.add_argument("folder", metavar="DIR", help="on a stick, for instance; about 3.5 GB for Linux, 1 GB for others")
    command.add_argument("--platform", metavar="KIND", help="linux-x86_64, linux-aarch64, windows-x86_64 or macos-arm64")
    command.add_argument("--python-version", metavar="3.NN", help="of the room's Python (default: that of this one)")
    command.add_argument("--data", nargs="*", default=list(NAMES), metavar="NAME", help="data sets to put in (default: both)")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # tables have signs that not every locale knows
            stream.reconfigure(encoding="utf-8", errors="replace")
    args = parser.parse_args(arguments)
    try:
        if args.command == "info":
            info()
        elif args.command == "data":
            for name in args.names:
                check_name(name)
            for name in args.names:
                print(load(name))
        elif args.command == "train":
            with joined():
                train(args.patterns, args.seeds, args.root, args.at_once)
        elif args.command == "ship":
            print(json.dumps(ship(args.name, args.seed, args.root)["measured"], indent=1))
        elif args.command == "snapshots":
            print(json.dumps(keep_snapshots(args.name, args.revision), indent=1))
        elif args.command == "export":
            print(export_and_report(args.name, args.file))
        elif args.command == "check":
            from .teaching.homework import check_and_report  # this alone needs what runs notebooks

            print(check_and_report(args.notebook, args.json, args.timeout))
        elif args.command == "bundle":
            from .teaching.bundle import make_bundle
            from .teaching.wheels import Target, this_platform

            python = args.python_version or f"{sys.version_info.major}.{sys.version_info.minor}"
            print(make_bundle(args.folder, Target(args.platform or this_platform(), python), args.data))
        else:
            print(table(args.name))
        print(end="", flush=True)
    except BrokenPipeError:  # who reads has seen enough, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(
            "stopped; a training that was under way goes on from its last whole epoch when it is started again, a bundle where it was"
        )
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
