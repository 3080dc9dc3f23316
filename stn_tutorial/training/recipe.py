"""How to train: the recipe, and what a device makes of its precision and memory format."""

from dataclasses import dataclass

import torch
from torch import nn

from ..arguments import check_model, check_whole, finite_number
from ..device import has_units_for_bfloat16
from .augmentation import SHIFT_PADDINGS

OPTIMIZERS = ("adamw", "nesterov", "sgd")
COUNTS = {"epochs": 1, "batch_size": 1, "cutout": 0, "shift": 0}  # and the least of each
STRENGTHS = ("lr", "localizer_lr", "weight_decay", "label_smoothing", "theta_noise", "consistency")
SWITCHES = ("augment", "distort_once", "decay_biases", "channels_last")
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


@dataclass(frozen=True)
class Recipe:
    """How to train.

    optimizer: "adamw" or "nesterov" (SGD with Nesterov's momentum 0.9), both with torch's one-cycle schedule: the
    rate rises to `lr`, then falls to nearly zero; or "sgd" for plain steps of a constant rate `lr`. epochs,
    batch_size: counts. lr: the highest learning rate. localizer_lr: the localiser's rate as a multiple of it.
    weight_decay, label_smoothing: strengths. decay_biases: whether the decay pulls biases and batch normalisation
    towards zero too, and with them the identity that the localiser starts from. augment: flip the training images and
    shift them by up to `shift` pixels, `augmentation.flip_and_shift`; shift_padding: what then comes in at the edge,
    "zeros" or "reflect". cutout: side in pixels of a square that is painted over in each of them, 0 for none.
    distort_once: each training image keeps one distortion through all epochs, as in a data set that comes distorted,
    instead of a new one at each step. dropout: the share that every dropout layer of the net drops from now on; None
    leaves the net's own. theta_noise: deviation of noise that is added to the first transformer's theta in training, so that
    the classifier sees an image that stands still from many places. consistency: weight of the consistency term (`consistency_loss`), 0 for none; with it the
    localiser of the first transformer, which must look at the images themselves, sees each image in a second view too. precision: "float32", or "bfloat16" for autocast on a device that has units for it,
    float32 elsewhere (`precision_on`). channels_last: the memory format that convolutions on CPUs and tensor cores
    prefer.

    >>> Recipe(epochs=5, lr=4e-3).batch_size
    128
    >>> Recipe(optimizer="adam")
    Traceback (most recent call last):
    ValueError: optimizer must be one of 'adamw', 'nesterov', 'sgd', got 'adam'
    """

    epochs: int = 10
    batch_size: int = 128
    lr: float = 2e-3
    localizer_lr: float = 1.0
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    precision: str = "float32"
    channels_last: bool = True
    optimizer: str = "adamw"
    augment: bool = False
    distort_once: bool = False
    decay_biases: bool = True
    cutout: int = 0
    shift: int = 0
    shift_padding: str = "zeros"
    dropout: float | None = None
    theta_noise: float = 0.0
    consistency: float = 0.0

    def __post_init__(self):
        for name, least in COUNTS.items():
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least))
        for name in STRENGTHS:
            object.__setattr__(self, name, finite_number(name, getattr(self, name)))
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.label_smoothing >= 1:
            raise ValueError(f"label_smoothing must be a share from 0 to less than 1, got {self.label_smoothing}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be 'float32' or 'bfloat16', got {self.precision!r}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(map(repr, OPTIMIZERS))}, got {self.optimizer!r}")
        if self.shift_padding not in SHIFT_PADDINGS:
            raise ValueError(f"shift_padding must be one of {', '.join(SHIFT_PADDINGS)}, got {self.shift_padding!r}")
        if self.shift and not self.augment:
            raise ValueError(f"shift={self.shift} shifts nothing without augment=True, which flips the images too")
        if self.dropout is not None:
            object.__setattr__(self, "dropout", finite_number("dropout", self.dropout))
            if self.dropout >= 1:
                raise ValueError(f"dropout must be None or a share from 0 to less than 1, got {self.dropout}")


def set_dropout(model: nn.Module, share: float | None) -> None:
    """Let every dropout layer of a model drop this share; None leaves the model's own. A ValueError for a model without any.

    >>> net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Dropout1d(0.5))
    >>> set_dropout(net, 0.1)
    >>> net[1].p
    0.1
    """
    if share is None:
        return
    layers = [module for module in model.modules() if isinstance(module, DROPOUTS)]
    if not layers:
        raise ValueError(f"model must hold a dropout layer for a recipe with dropout={share}, and holds none")
    for layer in layers:
        layer.p = share


def prepare(model: nn.Module, recipe: Recipe, device: torch.device) -> nn.Module:
    """Move a model to the device, in the recipe's memory format. A ValueError for what is no model that can be trained or tested:
    weights that are not there yet (lazy layers, the meta device), or are of another precision than float32.

    >>> model = prepare(nn.Conv2d(1, 4, 3), Recipe(), torch.device("cpu"))
    >>> model.weight.is_contiguous(memory_format=torch.channels_last)
    True
    """
    check_model(model)
    for name, weight in model.named_parameters():
        if nn.parameter.is_lazy(weight) or weight.is_meta:
            why = "show it one batch first, for its lazy layers" if nn.parameter.is_lazy(weight) else "it is on the meta device"
            raise ValueError(f"model must have weights, and {name} has none yet: {why}")
        if weight.is_floating_point() and weight.dtype != torch.float32:
            raise ValueError(f"model must have weights in float32 (model.float() makes them so), got {weight.dtype} in {name}")
    return model.to(device, memory_format=torch.channels_last if recipe.channels_last else torch.contiguous_format)


def precision_on(device: torch.device, recipe: Recipe) -> str:
    """What a recipe is computed in on a device: "bfloat16" if the recipe asks for it and the device is made for it.

    >>> precision_on(torch.device("cpu"), Recipe(precision="float32"))
    'float32'
    """
    return recipe.precision if has_units_for_bfloat16(device) else "float32"


def autocast(recipe: Recipe, device: torch.device):
    """Autocast where the recipe is computed in bfloat16, nothing elsewhere.

    >>> with autocast(Recipe(precision="float32"), torch.device("cpu")):
    ...     nn.Linear(2, 1)(torch.rand(1, 2)).dtype
    torch.float32
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision_on(device, recipe) == "bfloat16")
