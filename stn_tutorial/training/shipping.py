"""Put the weights of a recorded run into the package, with a card that says what the net does."""

import hashlib
import json
import statistics
from pathlib import Path

from ..files import write_atomically
from ..networks.watching import find_transformer
from ..networks.weights import FOLDER, SHIPPED, load_weights, stem
from .data import load
from .distortions import DISTORTIONS, Upright
from .evaluation import evaluate
from .experiment import run_folder
from .experiments import experiment_called
from .metrics import pose_report, stillness, where_corners_look
from .runs import STILLNESS_IMAGES, load_runs, read_run

CARD_SEEDS = (
    7001,
    7002,
    7003,
)  # of the test distortions: no training and no choice has seen these poses (the digits they have)
FAILS = {
    "mnist-r": "on digits turned by more than 90 degrees, which it never saw, and on pictures that are no single digits",
    "mnist-rts": "on digits turned by more than 45 degrees, smaller than 0.7 or larger than 1.2 times their size",
    "mnist-e": "on digits bent further than the task bends them, and on turned ones",
    "mnist-tc": "on turned or scaled digits, and on frames with more clutter than six small patches",
    "cifar10": "on a third of the test photographs; its transformer shrinks every picture, and a net of its size without one reads better",
}


def ship(name: str, seed: int, root: Path | None = None, folder: Path = FOLDER) -> dict:
    """Write weights and card of a recorded run into `folder`, the package's own unless told; returns the card.

    What the card says of the net is measured on the weights as they ship, in half precision, on test distortions of three
    seeds that nothing else uses. Raises ValueError for a net that the package does not list, for a run without weights, and
    where the data set at hand is not the run's.
    """
    if name not in SHIPPED:
        raise ValueError(f"name must be one of {', '.join(map(repr, SHIPPED))}, got {name!r}")
    experiment, source = experiment_called(name), run_folder(name, seed, root)
    run, model = read_run(source), SHIPPED[name]()
    if load(experiment.data).fingerprint != run["data_fingerprint"]:
        raise ValueError(f"the data set at hand must be the one of the run, {run['data_source']!r}: its card is measured on it")
    load_weights(model, source / "weights.safetensors")
    content = (source / "weights.safetensors").read_bytes()
    card = {
        "name": name,
        "parameters": run["parameters"],
        "trained": {key: run[key] for key in ("command", "seed", "recipe", "precision", "epochs", "device", "versions")},
        "data": {key: run[key] for key in ("data_source", "data_fingerprint")} | {"distortion": experiment.distortion},
        "error_percent_of_recorded_seeds": {str(r["seed"]): r["test_error_percent"] for r in load_runs(name)},
        "measured": measured(model, experiment, CARD_SEEDS),
        "predictions_changed_by_float16": run.get("predictions_changed_by_float16"),
        "fails": FAILS[name.split("/")[0]],
        "licence": "MIT",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_atomically(folder / f"{stem(name)}.safetensors", content)
    write_atomically(folder / f"{stem(name)}.json", (json.dumps(card, indent=1) + "\n").encode())
    return card


def measured(model, experiment, seeds: tuple[int, ...]) -> dict:
    """Error in %, spread of the angle within a class in degrees, and stillness, means over test distortions of some seeds.

    Of pictures that come upright, the error alone.
    """
    data, distortion = load(experiment.data), DISTORTIONS[experiment.distortion]()
    if isinstance(distortion, Upright):
        return {"error_percent": round(evaluate(model, data, distortion, experiment.recipe)["error_percent"], 3)}
    transformer, errors, within, still = find_transformer(model), [], [], []
    for seed in seeds:
        test = evaluate(model, data, distortion, experiment.recipe, seed=seed)
        look = where_corners_look(distortion.family, test["pose"], transformer.family, test["theta"], distortion.reach)
        errors.append(test["error_percent"])
        within.append(pose_report(look, look, test["labels"])["mean_after_degrees"])
        images = data.test_images[STILLNESS_IMAGES : 2 * STILLNESS_IMAGES]  # not those of the recorded runs
        still.append(stillness(model, images.to(next(model.parameters()).device), distortion, seed=seed))
    return {
        "test_seeds": list(seeds),
        "error_percent": round(statistics.fmean(errors), 3),
        "within_class_degrees": round(statistics.fmean(within), 2),
        "one_picture_degrees": round(statistics.fmean(each["degrees"] for each in still), 2),
        "one_picture_pixels": round(statistics.fmean(each["pixels"] for each in still), 3),
    }
