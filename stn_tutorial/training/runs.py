"""Recorded runs: train one and write it down, read what was written.

A run is a folder <runs>/<experiment>/seed-<k>/ with run.json (numbers and how they were got) and, for a net with a
transformer, theta.npz (theta of 64 fixed test images along the training); the images themselves, the same for all runs on a
task, lie once beside its experiments, in pictures.npz.
"""

import io
import json
import platform
import warnings
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ..arguments import seed_number
from ..device import best_device, device_name
from ..files import short_reason, write_atomically
from ..networks.models.parts import parameters_of
from ..networks.watching import find_transformer
from ..networks.weights import load_weights
from .addition import SHOWN, empty_windows, in_pairs, who_follows, window_thetas
from .checkpoints import is_number
from .data import load
from .distortions import DISTORTIONS
from .evaluation import evaluate
from .experiment import Experiment, records, run_folder
from .experiments import experiment_called
from .lock import alone_in
from .metrics import pose_report, stillness, where_corners_look
from .probes import class_from_theta, error_with_one_theta, shift_undone
from .processes import first, from_first, several
from .recorder import check_history
from .trainer import fit

STILLNESS_IMAGES = 500
NEIGHBOURS = 25  # of `class_from_theta`: a run needs twice as many test images
# what theta.npz holds, along the training, and pictures.npz, of the images
ALONG, PICTURED = ("step", "theta", "prediction"), ("image", "label", "pose")
STILL = ("degrees", "pixels")
NUMBER = (int, float)
# what the tables and notebooks read, and what each is
RECORDED = {
    "experiment": str,
    "seed": int,
    "versions": dict,
    "device": str,
    "data_source": str,
    "parameters": int,
    "recipe": dict,
    "epochs": int,
    "wall_seconds": NUMBER,
    "test_error_percent": NUMBER,
    "history": list,
    "pose": dict,
}
PERCENTS = {"test_error_percent", "one_theta_error_percent", "class_from_theta_percent"}
NUMBERS_WITHIN = {"one_theta_error_percent", "class_from_theta_percent", "shift_undone"}  # and these, where they are recorded


def run(experiment: Experiment, seed: int, root: Path | str | None = None, progress: bool = True) -> dict:
    """Train one experiment with one seed and record it; go on where an interrupted call left off.

    A run that is recorded already is only read. Returns the content of run.json; of several processes that train together the
    first one writes it. Raises ValueError when another process is at it, for what is no experiment or no seed, and for too few
    test images; OSError when nothing can be written in its folder.
    """
    if not isinstance(experiment, Experiment):
        raise ValueError(f"experiment must be one of `experiments.EXPERIMENTS`, got {experiment!r}")
    seed = seed_number(seed)
    folder = run_folder(experiment.name, seed, root)
    recorded = (folder / "run.json").exists
    if not from_first(recorded):
        with alone_in(folder) if first() else nullcontext():
            if not from_first(recorded):  # nobody has just finished it
                train_and_record(experiment, seed, folder, progress)
    return from_first(lambda: read_run(folder))


def train_and_record(experiment: Experiment, seed: int, folder: Path, progress: bool) -> None:
    """`run` for what is not recorded yet, in a folder that is ours alone."""
    if several():
        from_first(lambda: load(experiment.data).fingerprint)  # one downloads what is missing before the others look
    data, device = load(experiment.data), best_device()
    if len(data.test_images) < 2 * NEIGHBOURS:  # as what is asked of the trained net needs
        raise ValueError(f"data must hold at least {2 * NEIGHBOURS} test images, got {len(data.test_images)}")
    if experiment.train_images:
        data = data.subset(experiment.train_images, len(data.test_images))
    data = in_pairs(data) if experiment.pairs else data
    distortion = DISTORTIONS[experiment.distortion]()
    torch.manual_seed(seed)
    model = experiment.build()
    training = fit(model, data, distortion, experiment.recipe, seed, device, folder=folder, progress=progress)
    if not first():
        return
    test = evaluate(model, data, distortion, experiment.recipe, device)
    reach = distortion.reach
    before = after = where_corners_look(distortion.family, test["pose"], reach=reach)  # as the pose was, without a transformer
    if "theta" in test:
        after = where_corners_look(distortion.family, test["pose"], find_transformer(model).family, test["theta"], reach)
    record = {
        "experiment": experiment.name,
        "seed": seed,
        "command": f"python -m stn_tutorial train {experiment.name} --seeds {seed}",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "device": device_name(device),
        "data_source": data.source,
        "data_fingerprint": data.fingerprint,
        "parameters": parameters_of(model),
        "recipe": asdict(experiment.recipe),
        "precision": training.precision,  # what this device made of the recipe's
        "epochs": experiment.recipe.epochs,
        "wall_seconds": round(training.wall_seconds, 1),
        "test_error_percent": training.history[-1]["test_error_percent"],
        "history": training.history,
        "pose": pose_report(before, after, test["labels"], reach * data.test_images.shape[-1]),
    }
    if experiment.elsewhere:
        unseen = {name: evaluate(model, data, DISTORTIONS[name](), experiment.recipe, device) for name in experiment.elsewhere}
        record["elsewhere_error_percent"] = {name: test["error_percent"] for name, test in unseen.items()}
    if "theta" in test:
        theta = test["theta"].mean(dim=0)
        record["stillness"] = stillness(model, data.test_images[:STILLNESS_IMAGES].to(device), distortion)
        record["one_theta_error_percent"] = error_with_one_theta(model, data, theta, distortion, experiment.recipe, device)
        record["class_from_theta_percent"] = class_from_theta(test["theta"], test["labels"], NEIGHBOURS)
        if experiment.recipe.shift:
            record["shift_undone"] = shift_undone(model, data, experiment.recipe, device, experiment.recipe.shift)
        if experiment.pairs:
            record["who_follows_pixels"] = who_follows(model, data, distortion, experiment.recipe).tolist()
            record["empty_windows_percent"] = empty_windows(model, data, distortion, experiment.recipe)
            record["window_thetas"] = window_thetas(model, training.theta["image"][:SHOWN].to(device) / 255)
        small = experiment.build()
        load_weights(small, folder / "weights.safetensors")
        half = evaluate(small, data, distortion, experiment.recipe, device)
        record["predictions_changed_by_float16"] = int((half["prediction"] != test["prediction"]).sum())
    if training.theta is not None:
        write_arrays(folder / "theta.npz", {key: training.theta[key] for key in ALONG})
        if not pictures_of(folder).exists():
            write_arrays(pictures_of(folder), {key: training.theta[key] for key in PICTURED})
    write_atomically(folder / "run.json", (json.dumps(record, indent=1) + "\n").encode())
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def pictures_of(folder: Path) -> Path:
    """Where the images lie whose theta a run's folder holds: <runs>/<task>/pictures.npz."""
    return folder.parent.parent / "pictures.npz"


def write_arrays(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write tensors as a compressed npz, floating point in half precision: a hundredth of a pixel, at half the size."""
    buffer = io.BytesIO()
    small = {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}
    np.savez_compressed(buffer, **{key: value.numpy() for key, value in small.items()})
    write_atomically(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, torch.Tensor]:
    """What `write_arrays` wrote, in float32; a ValueError that names the file if it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: torch.from_numpy(file[key]) for key in file.files}
            return {key: value.float() if value.is_floating_point() else value for key, value in arrays.items()}
    except Exception as error:  # a damaged archive can make a reader raise almost anything
        raise ValueError(f"cannot read the recorded theta {path}: {short_reason(error)}") from error


def run_and_report(name: str, seed: int, root: Path | str | None = None, progress: bool = True) -> str:
    """`run` for an experiment given by its name; what came out, in a line."""
    known = (run_folder(name, seed, root) / "run.json").exists()
    record = run(experiment_called(name), seed, root, progress)
    result = f"{record['test_error_percent']:.2f} % error, {record['wall_seconds']:.0f} s"
    return f"{name} seed {seed}: {'recorded already, ' if known else ''}{result}"


def faults_of(record) -> list[str]:
    """What is wrong with a run's record, by name; an empty list if tables and notebooks can read it."""
    if not isinstance(record, dict):
        return [f"a {type(record).__name__} instead of an object"]
    faults = [key for key, kind in RECORDED.items() if not isinstance(record.get(key), kind)]
    faults += [key for key, kind in RECORDED.items() if kind in (int, NUMBER) and not is_number(record.get(key))]
    faults += [key for key in NUMBERS_WITHIN & record.keys() if not is_number(record[key])]
    faults += [key for key in PERCENTS & record.keys() - set(faults) if not 0 <= record[key] <= 100]
    if faults:
        return sorted(set(faults))
    faults += [] if isinstance(record["versions"].get("torch"), str) else ["versions"]
    faults += [] if isinstance(record.get("precision", record["recipe"].get("precision")), str) else ["precision"]
    percents = [
        epoch.get(f"{of}_error_percent") if isinstance(epoch, dict) else None
        for epoch in record["history"]
        for of in ("train", "test")
    ]
    whole = len(record["history"]) == record["epochs"] > 0
    faults += [] if whole and all(is_number(percent) for percent in percents) else ["history"]
    means = [value for key, value in record["pose"].items() if key.startswith("mean_")]
    faults += [] if all(value is None or is_number(value) for value in means) else ["pose"]
    elsewhere = record.get("elsewhere_error_percent", {})
    good = isinstance(elsewhere, dict) and all(is_number(value) for value in elsewhere.values())
    faults += [] if good else ["elsewhere_error_percent"]
    still = record.get("stillness", {"degrees": None, "pixels": None})
    good = isinstance(still, dict) and all(key in still and (still[key] is None or is_number(still[key])) for key in STILL)
    return faults + ([] if good else ["stillness"])


def refuse_constant(name: str):
    """What JSON has no word for, and Python reads: a ValueError."""
    raise ValueError(f"it holds {name}")


def read_run(folder: Path) -> dict:
    """The content of a run's run.json; a ValueError that names the file if it cannot be read, or is none."""
    path = folder / "run.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot read the recorded run {path}: {short_reason(error)}") from error
    if faults := faults_of(record):
        raise ValueError(f"cannot read the recorded run {path}: it lacks, or has as something else, {', '.join(faults)}")
    if path.parts[-4:-1] != (*record["experiment"].split("/"), f"seed-{record['seed']}"):
        raise ValueError(
            f"cannot read the recorded run {path}: it is that of {record['experiment']} with seed {record['seed']}"
        )
    return record


def load_runs(name: str, root: Path | str | None = None) -> list[dict]:
    """All recorded runs of an experiment, by seed; an empty list if there is none, a ValueError for an unknown name.

    What cannot be read is left out, with a warning that names it.
    """
    folder, runs = records(root) / experiment_called(name).name, []
    for path in folder.glob("seed-*/run.json"):
        try:
            runs.append(read_run(path.parent))
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
    return sorted(runs, key=lambda run: run["seed"])


def load_theta(name: str, seed: int = 0, root: Path | str | None = None) -> dict[str, torch.Tensor]:
    """The theta history of a recorded run: a dict of tensors as in `Training.theta`. A ValueError for one that is not whole."""
    path = run_folder(experiment_called(name).name, seed, root) / "theta.npz"
    if not path.exists():
        raise ValueError(f"no theta is recorded for {name!r} with seed {seed}")
    history = read_arrays(path) | read_arrays(pictures_of(path.parent))
    try:
        check_history(history)
    except ValueError as error:
        raise ValueError(f"cannot read the recorded theta {path}: {error}") from error
    return history


def load_floor(root: Path | str | None = None) -> dict:
    """How narrow the angle's spread within a class can get on R, as benchmarks/angle_floor.py recorded it; a ValueError if it did not."""
    path = records(root) / "mnist-r" / "floor.json"
    try:
        floor = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the recorded floor {path}: {short_reason(error)}") from error
    if not isinstance(floor, dict) or not is_number(floor.get("mean_within_class_degrees")):
        raise ValueError(f"cannot read the recorded floor {path}: it lacks mean_within_class_degrees")
    return floor
