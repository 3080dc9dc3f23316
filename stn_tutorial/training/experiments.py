"""The list of named, reproducible trainings."""

import fnmatch
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn

from ..geometry.families import FAMILIES
from ..networks import models
from ..networks.models.deep import deep_cnn_control, deep_st_cnn
from ..networks.models.paper import paper_cnn, paper_cnn_control, paper_fcn, paper_st_cnn, paper_st_fcn
from .experiment import Experiment
from .recipe import Recipe

# error in per cent as published: Jaderberg and others (2015), table 1, and for TC appendix A.4
PAPER_ERRORS = {
    "fcn": {"r": 2.1, "rts": 5.2, "p": 3.1, "e": 3.2},
    "cnn": {"r": 1.2, "rts": 0.8, "p": 1.5, "e": 1.4, "tc": 3.5},
    "st-fcn-affine": {"r": 1.2, "rts": 0.8, "p": 1.5, "e": 2.7},
    "st-fcn-projective": {"r": 1.3, "rts": 0.9, "p": 1.4, "e": 2.6},
    "st-fcn-tps": {"r": 1.1, "rts": 0.8, "p": 1.4, "e": 2.4},
    "st-cnn-affine": {"r": 0.7, "rts": 0.5, "p": 0.8, "e": 1.2, "tc": 1.7},
    "st-cnn-projective": {"r": 0.8, "rts": 0.6, "p": 0.8, "e": 1.3},
    "st-cnn-tps": {"r": 0.7, "rts": 0.5, "p": 0.8, "e": 1.1},
}
SIDES = {"r": 28, "rts": 42, "p": 28, "e": 28, "tc": 60, "r360": 28}
PAPER_TASKS = ("r", "rts", "p", "e")  # the columns of table 1
TRAIN_IMAGES = {"r360": 50_000}  # as many as the rivals had who published a figure for a full turn
# outside the paper's table: the family that fits the task, or one with nothing but shifts, or one that does not fold
OTHER_FAMILIES = {"r": ["rotation"], "rts": ["similarity"], "p": [], "e": ["diffeomorphic"], "tc": ["attention", "translation"]}
CNN_RECIPE = Recipe(batch_size=256, lr=4e-3, weight_decay=0.1, precision="bfloat16")
FCN_RECIPE = Recipe(batch_size=256, lr=2e-3, precision="bfloat16")
CNN_EPOCHS = {"r": 70, "rts": 50, "p": 40, "e": 40, "tc": 20}
FCN_EPOCHS = {"r": 250, "rts": 100, "p": 100, "e": 100}
# hidden units by side of the image: ST-FCN stays below 400,000 parameters, and FCN, its control, has as many as affine ST-FCN
FCN_HIDDEN, ST_FCN_HIDDEN = {28: 339, 42: 196}, {28: 320, 42: 300}


def st_experiment(
    task: str, net: str, family: str, build: Callable[..., nn.Module], recipe: Recipe, suffix: str = ""
) -> Experiment:
    """The experiment mnist-<task>/<net>-<family><suffix>, for a net that is built as build(family, side)."""
    paper, name = PAPER_ERRORS.get(f"{net}-{family}", {}).get(task), f"mnist-{task}/{net}-{family}{suffix}"
    images = TRAIN_IMAGES.get(task)
    return Experiment(name, lambda: build(FAMILIES[family](), SIDES[task]), recipe, "mnist", task, paper, train_images=images)


def experiments_of(task: str) -> list[Experiment]:
    """All experiments on one of the paper's tasks, in the order of its table; the fully connected nets skip TC."""
    side, recipe = SIDES[task], replace(CNN_RECIPE, epochs=CNN_EPOCHS[task])
    families = ["affine"] if task == "tc" else ["affine", "projective", "tps"]
    found = []
    if task in PAPER_ERRORS["fcn"]:
        published, fcn_recipe = PAPER_ERRORS["fcn"][task], replace(FCN_RECIPE, epochs=FCN_EPOCHS[task])
        found.append(
            Experiment(f"mnist-{task}/fcn", lambda: paper_fcn(side, FCN_HIDDEN[side]), fcn_recipe, "mnist", task, published)
        )
        build = partial(paper_st_fcn, hidden=ST_FCN_HIDDEN[side])
        found += [st_experiment(task, "st-fcn", family, build, fcn_recipe) for family in families]
    found.append(Experiment(f"mnist-{task}/cnn", lambda: paper_cnn(side), recipe, "mnist", task, PAPER_ERRORS["cnn"][task]))
    found.append(Experiment(f"mnist-{task}/cnn-control", lambda: paper_cnn_control(side), recipe, "mnist", task))
    found += [st_experiment(task, "st-cnn", family, paper_st_cnn, recipe) for family in families + OTHER_FAMILIES[task]]
    return found


# nets of today on the paper's tasks: with the consistency term and noise on theta ("-still"), without them ("-plain"), and a control
# without a transformer, all of one size and by one recipe
DEEP_EPOCHS = {"r": 40, "rts": 32, "p": 24, "e": 24, "r360": 32}
DEEP_RECIPE = Recipe(batch_size=256, lr=4e-3, weight_decay=0.1, label_smoothing=0.1, precision="bfloat16")
STILL_FAMILIES = {task: ["affine", "projective", "tps", *OTHER_FAMILIES[task]] for task in PAPER_TASKS} | {"r360": ["rotation"]}

PLAIN_FAMILY = {"r": "affine", "rts": "similarity", "p": "projective", "e": "tps", "r360": "rotation"}  # also without the term


def deep_experiments(task: str) -> list[Experiment]:
    """The deep nets on one task: a still transformer of each family, one plain, the control; on R also the two parts of "still"."""
    side, plain = SIDES[task], replace(DEEP_RECIPE, epochs=DEEP_EPOCHS[task])
    still = replace(plain, consistency=1.0, theta_noise=0.08)
    control = partial(deep_cnn_control, side)
    found = [Experiment(f"mnist-{task}/cnn-plain", control, plain, "mnist", task, train_images=TRAIN_IMAGES.get(task))]
    for family in STILL_FAMILIES[task]:
        found.append(st_experiment(task, "st-cnn", family, deep_st_cnn, still, "-still"))
    found.append(st_experiment(task, "st-cnn", PLAIN_FAMILY[task], deep_st_cnn, plain, "-plain"))
    if task == "r":  # what the term does alone, and the noise alone
        parts = {"-consistent": replace(still, theta_noise=0.0), "-shaken": replace(still, consistency=0.0)}
        for suffix, recipe in parts.items():
            found.append(st_experiment(task, "st-cnn", PLAIN_FAMILY[task], deep_st_cnn, recipe, suffix))
    return found


# CIFAR-10: the recipe of gokul-pv/DawnOfTransformers, and one of today for the very same nets
SEED_RECIPE = Recipe(epochs=50, batch_size=64, lr=0.01, weight_decay=0.0, optimizer="sgd")
WINDOW_RECIPE = replace(SEED_RECIPE, epochs=5, precision="bfloat16")  # the windows grow in the first epochs
TODAY = Recipe(weight_decay=0.05, decay_biases=False, label_smoothing=0.1, precision="bfloat16")
# the published net drops half of its features in training, under which it learns too little: docs/tried.md
MODERN_RECIPE = replace(TODAY, epochs=50, batch_size=128, lr=2e-3, augment=True, shift=4, dropout=0.0)
COMPACT_RECIPE = replace(
    TODAY,
    epochs=45,
    batch_size=256,
    optimizer="nesterov",
    lr=0.4,
    weight_decay=1e-3,
    localizer_lr=0.01,
    augment=True,
    shift=4,
    shift_padding="reflect",
    cutout=12,
)
SMALL_RECIPE = replace(TODAY, epochs=10, batch_size=256, lr=4e-3)


def cifar10_experiments() -> list[Experiment]:
    """The published net by its recipe and by one of today; that recipe with one thing changed; and nets of our own.

    Each has rivals: the same net without its transformer, and a control of equal size.
    """
    found = []
    nets = {
        "": models.seed_net,
        "-without-stn": models.seed_net_without_transformer,
        "-control": models.seed_net_control,
    }
    for recipe_name, recipe, of_recipe in (
        ("seed", SEED_RECIPE, nets | {"-shrunk": models.seed_net_shrunk}),
        ("modern", MODERN_RECIPE, nets),
    ):
        for suffix, build in of_recipe.items():
            found.append(Experiment(f"cifar10/{recipe_name}{suffix}", build, recipe, "cifar10", "upright"))
    framed = {  # what may make a window grow: the colour of the frame, its being one, the edge that the classifier neglects
        "window": models.seed_net,
        "window-black": partial(models.seed_net, normalize_first=False),
        "window-border": partial(models.seed_net, padding_mode="border"),
        "window-padded": partial(models.seed_net, hidden=403, padding=2),  # about as many parameters
    }
    for name, build in framed.items():
        found.append(Experiment(f"cifar10/{name}", build, WINDOW_RECIPE, "cifar10", "upright"))
    reflected = replace(MODERN_RECIPE, shift_padding="reflect")
    for suffix in ("", "-without-stn"):
        found.append(Experiment(f"cifar10/modern-reflected{suffix}", nets[suffix], reflected, "cifar10", "upright"))
    for name, build in {"compact": models.compact_net, "compact-control": models.compact_control}.items():
        found.append(Experiment(f"cifar10/{name}", build, COMPACT_RECIPE, "cifar10", "upright", elsewhere=("r",)))
    sprint = replace(SMALL_RECIPE, epochs=1, batch_size=64, lr=3e-3)
    hasty_net = partial(models.small_net, handed_on=24)  # the transformer hands on a little over half of the pixels
    return [*found, Experiment("cifar10/sprint", hasty_net, sprint, "cifar10", "upright")]


def distorted_cifar10_experiments() -> list[Experiment]:
    """CIFAR-10 that comes rotated (R), or turned, scaled and shifted on 48x48 (RTS): three arms, and the two means together.

    With the transformer; without it, with as many parameters; without it, and each image distorted anew in each epoch. None of
    them flips or shifts the images besides: that would distort those anew which are to keep their distortion.
    """
    found = []
    for task, (distortion, side) in {"r": ("r", 32), "rts": ("rts48", 48)}.items():
        nets = {"small": partial(models.small_net, side=side), "small-control": models.small_control}
        for name, build in nets.items():
            for suffix, once in {"": True, "-augmented": False}.items():
                recipe = replace(SMALL_RECIPE, distort_once=once)
                found.append(Experiment(f"cifar10-{task}/{name}{suffix}", build, recipe, "cifar10", distortion))
    # the consistency term, where the pose of each view is known and where only the extra turn of the second one is
    for suffix, once in {"-still": True, "-augmented-still": False}.items():
        recipe = replace(SMALL_RECIPE, distort_once=once, consistency=1.0)
        found.append(Experiment(f"cifar10-r/small{suffix}", models.small_net, recipe, "cifar10", "r"))
    recipe = replace(SMALL_RECIPE, distort_once=True)  # on R a transformer hands on all pixels: there is nothing to resize
    return [*found, Experiment("cifar10-rts/small-resized", models.small_resized, recipe, "cifar10", "rts48")]


def addition_experiments() -> list[Experiment]:
    """The sum of two digits (appendix A.1): two windows side by side, one, and none, and a CNN, with as many parameters."""
    recipe = replace(DEEP_RECIPE, label_smoothing=0.0, epochs=40, localizer_lr=0.3)
    nets = {
        "two-affine": (partial(models.addition_net, 2, FAMILIES["affine"]()), 9.0),
        "two-tps": (partial(models.addition_net, 2, FAMILIES["tps"]()), 5.8),
        "one-affine": (partial(models.addition_net, 1, FAMILIES["affine"]()), 18.5),
        "fcn": (partial(models.addition_net, 0), 47.7),
        "cnn": (models.addition_cnn, 14.7),
    }
    return [
        Experiment(f"mnist-addition/{name}", build, recipe, "mnist", "rts-each", paper, pairs=True)
        for name, (build, paper) in nets.items()
    ]


PLACED_EPOCHS = 6  # so that a run takes about three minutes on one core: the order of the nets is asked for, not the best error


def placed_experiments() -> list[Experiment]:
    """A transformer in different places of one small net, or one that looks two and three times, on R and RTS."""
    recipe = replace(DEEP_RECIPE, epochs=PLACED_EPOCHS)
    nets = {place: partial(models.placed_net, place) for place in ("nowhere", "input", "shared", "features")}
    nets |= {f"chained-{steps}": partial(models.placed_net, "input", steps=steps) for steps in (2, 3)}
    return [
        Experiment(f"mnist-{task}-placed/{name}", partial(build, side=SIDES[task]), recipe, "mnist", task)
        for task in ("r", "rts")
        for name, build in nets.items()
    ]


EXPERIMENTS = {experiment.name: experiment for task in (*PAPER_TASKS, "tc") for experiment in experiments_of(task)}
EXPERIMENTS |= {experiment.name: experiment for task in DEEP_EPOCHS for experiment in deep_experiments(task)}
EXPERIMENTS |= {experiment.name: experiment for experiment in cifar10_experiments() + distorted_cifar10_experiments()}
EXPERIMENTS |= {experiment.name: experiment for experiment in addition_experiments() + placed_experiments()}


def matching(pattern: str) -> list[Experiment]:
    """The experiments whose name matches a pattern such as 'mnist-r/*'; a ValueError if there is none."""
    names = EXPERIMENTS if isinstance(pattern, str) else {}
    found = [experiment for name, experiment in names.items() if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise ValueError(f"no experiment is called {pattern!r}; there are: {', '.join(EXPERIMENTS)}")
    return found


def experiment_called(name: str) -> Experiment:
    """The experiment of this very name; a ValueError if there is none."""
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise ValueError(f"no experiment is called {name!r}; there are: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
