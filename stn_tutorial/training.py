"""Training that lives on the device: `fit` and `evaluate`, checkpoints that resume bit for bit, a recorder of theta."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .checkpoints import load_checkpoint, save_checkpoint
from .data import Dataset
from .distortions import SHIFT_PADDINGS, Upright, cut_out, flip_and_shift
from .metrics import where_corners_look
from .transformer import SpatialTransformer, find_transformer, thetas_of
from .transforms import Family
from .weights import save_weights

TEST_SEED = 2015  # the distorted test set is the same for every run
RECORDED_IMAGES = 64
OPTIMIZERS = ("adamw", "nesterov", "sgd")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    optimizer: "adamw" or "nesterov" (SGD with Nesterov's momentum 0.9), both with torch's one-cycle schedule: the rate
    rises to `lr`, then falls to nearly zero; or "sgd" for plain steps of a constant rate `lr`. epochs, batch_size: counts.
    lr: the highest learning rate. localizer_lr: the localiser's rate as a multiple of it. weight_decay, label_smoothing:
    strengths. decay_biases: whether the decay pulls biases and batch normalisation towards zero too, and with them the
    identity that the localiser starts from. augment: flip the training images and shift them by up to `shift` pixels,
    `distortions.flip_and_shift`; shift_padding: what then comes in at the edge, "zeros" or "reflect". cutout: side in
    pixels of a square that is painted over in each of them, 0 for none. distort_once: each training image keeps one
    distortion through all epochs, as in a data set that comes distorted, instead of a new one at each step. dropout: the
    share that every dropout layer of the net drops from now on; None leaves the net's own. consistency: weight of the
    consistency term (`consistency_loss`), 0 for none; with it each image of a batch is shown in two views. precision:
    "float32", or "bfloat16" for autocast on a device that has units for it, float32 elsewhere (`precision_on`).
    channels_last: the memory format that convolutions on CPUs and tensor cores prefer.
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
    consistency: float = 0.0

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"epochs and batch_size must be at least 1, got {self.epochs} and {self.batch_size}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be 'float32' or 'bfloat16', got {self.precision!r}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(map(repr, OPTIMIZERS))}, got {self.optimizer!r}")
        if self.consistency < 0:
            raise ValueError(f"consistency must not be negative, got {self.consistency}")
        if self.cutout < 0 or self.shift < 0:
            raise ValueError(f"cutout and shift must not be negative, got {self.cutout} and {self.shift}")
        if self.shift_padding not in SHIFT_PADDINGS:
            raise ValueError(f"shift_padding must be one of {', '.join(SHIFT_PADDINGS)}, got {self.shift_padding!r}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be None or a share from 0 to less than 1, got {self.dropout}")


@dataclass
class Training:
    """What `fit` returns: the epochs' numbers and, for a net with a transformer, its theta along the way.

    history: one dict an epoch (epoch, train_loss, train_error_percent, test_loss, test_error_percent, seconds).
    theta: None, or a dict of tensors: step (T,), theta (T, 64, P), prediction (T, 64), and
        of the 64 test images image (64, C, H, W) uint8 as the net sees them, label (64,) and pose (64, P), the true theta of
        the distortion.
    precision: what it was computed in, "float32" or "bfloat16".
    """

    history: list[dict]
    theta: dict[str, Tensor] | None
    wall_seconds: float
    precision: str


def best_device() -> torch.device:
    """A CUDA GPU where there is one, otherwise the CPU (Apple's MPS lacks parts of grid_sample)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def prepare(model: nn.Module, recipe: Recipe, device: torch.device) -> nn.Module:
    """Move a model to the device, in the recipe's memory format."""
    return model.to(device, memory_format=torch.channels_last if recipe.channels_last else torch.contiguous_format)


def has_units_for_bfloat16(device: torch.device) -> bool:
    """Whether a device computes bfloat16 in units made for it: a CPU with AMX or AVX512-BF16, an NVIDIA GPU since Ampere.

    Where it has none, bfloat16 is slower than float32: a training step up to three times on a CPU with plain AVX-512, up to
    ten times on one with AVX2 (benchmarks/README.md).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    units = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(units.get("amx_bf16") or units.get("avx512_bf16"))


def precision_on(device: torch.device, recipe: Recipe) -> str:
    """What a recipe is computed in on a device: "bfloat16" if the recipe asks for it and the device is made for it."""
    return recipe.precision if has_units_for_bfloat16(device) else "float32"


def autocast(recipe: Recipe, device: torch.device):
    """Autocast where the recipe is computed in bfloat16, nothing elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision_on(device, recipe) == "bfloat16")


def distorted(images: Tensor, distortion, generator: torch.Generator, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """uint8 images (N, C, H, W) on the device -> distorted float images in [0, 1], and their pose (N, P)."""
    images, pose = distortion(images.float() / 255, generator)
    return images.contiguous(memory_format=torch.channels_last) if recipe.channels_last else images, pose


def distorted_once(images: Tensor, distortion, seed: int) -> Tensor:
    """uint8 images (N, C, H, W), each with a distortion of its own, as uint8 images again."""
    generator = torch.Generator().manual_seed(seed)
    parts = [distortion(part.float() / 255, generator)[0] for part in images.split(1000)]
    return torch.cat([(part * 255).round().to(torch.uint8) for part in parts])


def consistency_loss(first: Tensor, second: Tensor, delta: float = 0.5) -> Tensor:
    """How far two views of one image are from being handed on alike: a Huber loss, a scalar.

    first, second: where the corners of the two outputs look in the undistorted image, (N, 4, 2) each, as
    `metrics.where_corners_look` says. Punished is the root mean square distance of the four corners, by its square up to
    `delta` (0.25 is an eighth of the image's width) and linearly beyond. Needs no upright pose: only how two views differ.
    A corner beyond a horizon counts as four half widths away. Not in the paper.
    """
    gap = (first.clamp(-4, 4) - second.clamp(-4, 4)).square().sum(dim=-1).mean(dim=-1)
    distance = gap.clamp_min(1e-9).sqrt()  # the root has no slope at 0
    return F.huber_loss(distance, torch.zeros_like(distance), delta=delta)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    data: Dataset,
    distortion=None,
    recipe: Recipe | None = None,
    device: torch.device | None = None,
    seed: int = TEST_SEED,
) -> dict:
    """Error on the distorted test set, which is the same at every call unless another seed is named.

    Returns error_percent, loss, labels (N,), prediction (N,), pose (N, P), the true theta of the distortion, and, for a net
    with a `SpatialTransformer` anywhere in it, the first one's theta (N, P); tensors on the CPU. The model is moved to the
    device, in the recipe's memory format, and left in the mode (training or not) in which it came.
    """
    distortion, recipe, device = distortion or Upright(), recipe or Recipe(), torch.device(device or best_device())
    model = prepare(model, recipe, device)
    was_training = model.training
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    logits, poses = [], []
    with thetas_of(model) as thetas:
        for images in data.test_images.split(1000):
            images, pose = distorted(images.to(device), distortion, generator, recipe)
            with autocast(recipe, device):
                logits.append(model(images).float().cpu())
            poses.append(pose.cpu())
    model.train(was_training)
    logits, labels = torch.cat(logits), data.test_labels.cpu()
    prediction = logits.argmax(dim=1)
    result = {
        "error_percent": 100 * int((prediction != labels).sum()) / len(labels),
        "loss": F.cross_entropy(logits, labels).item(),
        "labels": labels,
        "prediction": prediction,
        "pose": torch.cat(poses),
    }
    return result | ({"theta": torch.cat(thetas).cpu()} if thetas else {})


def recording_steps(total: int, frames: int = 60) -> set[int]:
    """Steps at which theta is recorded: dense at first, when most happens, then at growing intervals."""
    return {0, total} | {round(total ** (k / (frames - 1))) for k in range(frames)}


class ThetaRecorder:
    """Keeps theta and the prediction for the first test images, always distorted in the same way."""

    def __init__(self, model: nn.Module, data: Dataset, distortion, recipe: Recipe, device: torch.device):
        generator = torch.Generator().manual_seed(TEST_SEED)
        self.labels = data.test_labels[:RECORDED_IMAGES].cpu()
        self.images, self.pose = distorted(data.test_images[:RECORDED_IMAGES].to(device), distortion, generator, recipe)
        self.model, self.recipe, self.device = model, recipe, device
        self.steps: list[int] = []
        self.thetas: list[Tensor] = []
        self.predictions: list[Tensor] = []

    @torch.no_grad()
    def record(self, step: int) -> None:
        self.model.eval()
        with thetas_of(self.model) as thetas, autocast(self.recipe, self.device):
            logits = self.model(self.images)
        self.model.train()
        self.steps.append(step)
        self.thetas += [theta.cpu() for theta in thetas]
        self.predictions.append(logits.argmax(dim=1).cpu())

    def state(self) -> dict:
        return {"steps": self.steps, "thetas": self.thetas, "predictions": self.predictions}

    def load_state(self, state: dict) -> None:
        self.steps, self.thetas, self.predictions = state["steps"], state["thetas"], state["predictions"]

    def result(self) -> dict[str, Tensor]:
        return {
            "step": torch.tensor(self.steps),
            "theta": torch.stack(self.thetas),
            "prediction": torch.stack(self.predictions),
            "pose": self.pose.cpu(),
            "image": (self.images.cpu().contiguous() * 255).round().to(torch.uint8),
            "label": self.labels,
        }


class Trainer:
    """One training as it goes: the model and everything else that a checkpoint must hold to resume it bit for bit."""

    def __init__(self, model: nn.Module, data: Dataset, distortion, recipe: Recipe, seed: int, device: torch.device):
        self.model, self.data = prepare(model, recipe, device), data
        if recipe.dropout is not None:
            for module in model.modules():
                if isinstance(module, (nn.Dropout, nn.Dropout2d)):
                    module.p = recipe.dropout
        self.distortion, self.recipe, self.device = distortion, recipe, device
        self.images, self.labels = data.train_images.to(device), data.train_labels.to(device)
        self.train_distortion = distortion
        if recipe.distort_once:
            self.images, self.train_distortion = distorted_once(self.images, distortion, seed), Upright()
        self.steps_per_epoch = len(self.images) // recipe.batch_size
        self.total_steps = self.steps_per_epoch * recipe.epochs
        self.optimizer, self.schedule = self.make_optimizer()
        self.generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # for dropout
        self.recorder = ThetaRecorder(model, data, distortion, recipe, device) if find_transformer(model) else None
        self.record_at = recording_steps(self.total_steps)
        self.history: list[dict] = []
        self.seconds = 0.0

    def make_optimizer(self):
        """The recipe's optimiser and its schedule; rate and decay of a parameter depend on where it is and what it is."""
        recipe = self.recipe
        transformers = [module for module in self.model.modules() if isinstance(module, SpatialTransformer)]
        in_localizer = {id(parameter) for t in transformers for parameter in t.localization.parameters()}
        members: dict[tuple[float, float], list[nn.Parameter]] = {}
        for parameter in self.model.parameters():
            rate = recipe.lr * (recipe.localizer_lr if id(parameter) in in_localizer else 1)
            decay = recipe.weight_decay if recipe.decay_biases or parameter.dim() > 1 else 0.0
            members.setdefault((rate, decay), []).append(parameter)
        groups = [{"params": of_group, "lr": rate, "weight_decay": decay} for (rate, decay), of_group in members.items()]
        if recipe.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups)
            return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
        if recipe.optimizer == "nesterov":
            optimizer = torch.optim.SGD(groups, momentum=0.9, nesterov=True)
        else:
            optimizer = torch.optim.AdamW(groups, fused=True)
        highest = [group["lr"] for group in groups]
        rise = 0.2 if self.total_steps != 5 else 0.4  # OneCycleLR divides by zero when the rise is exactly one step
        one_cycle = torch.optim.lr_scheduler.OneCycleLR
        return optimizer, one_cycle(
            optimizer, highest, self.total_steps, pct_start=rise, cycle_momentum=recipe.optimizer == "adamw"
        )

    def state(self) -> dict:
        """Everything that decides how the training goes on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.get_state(),
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "recorder": self.recorder.state() if self.recorder else None,
            "history": self.history,
            "seconds": self.seconds,
        }

    def load_state(self, state: dict) -> None:
        """Go back to where `state` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)
        if self.recorder:
            self.recorder.load_state(state["recorder"])
        self.history, self.seconds = state["history"], state["seconds"]

    def views(self, images: Tensor) -> tuple[Tensor, list[tuple[Family, Tensor]]]:
        """What the model sees of a batch (N, C, H, W): one view of each image, or two, (2N, ...), with the consistency term.

        Beside them the family and the true theta of each view. Of data that come distorted nobody knows the pose: the first
        view is the image as it comes, known as the identity, and the second is made from it.
        """
        distortions = [self.train_distortion] + ([self.distortion] if self.recipe.consistency else [])
        seen = [distorted(images, distortion, self.generator, self.recipe) for distortion in distortions]
        poses = [(distortion.family, pose) for distortion, (_, pose) in zip(distortions, seen, strict=True)]
        return torch.cat([view for view, _ in seen]), poses

    def step(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """One step on the images with these indices: the loss and the share of wrong answers, still on the device."""
        images, recipe = self.images[batch], self.recipe
        if recipe.augment:
            images = flip_and_shift(images, self.generator, recipe.shift, recipe.shift_padding)
        if recipe.cutout:
            images = cut_out(images, self.generator, recipe.cutout)
        inputs, poses = self.views(images)
        targets = self.labels[batch].repeat(len(poses))
        with autocast(recipe, self.device), thetas_of(self.model) as thetas:
            logits = self.model(inputs).float()
        loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        if recipe.consistency:
            family, thetas_of_views = find_transformer(self.model).family, thetas[0].chunk(2)
            corners = [
                where_corners_look(*pose, family, theta, self.distortion.reach)
                for pose, theta in zip(poses, thetas_of_views, strict=True)
            ]
            loss = loss + recipe.consistency * consistency_loss(*corners)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.detach(), (logits.detach().argmax(dim=1) != targets).float().mean()

    def train_epoch(self, bar) -> None:
        """The training images once, in a new order (what fills no batch is left out); then the test set, and a new row."""
        start, size, epoch = time.perf_counter(), self.recipe.batch_size, len(self.history) + 1
        self.model.train()
        loss_sum, wrong = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        order = torch.randperm(len(self.images), generator=self.generator).to(self.device)
        for i in range(self.steps_per_epoch):
            loss, mistakes = self.step(order[i * size : (i + 1) * size])
            loss_sum += loss
            wrong += mistakes
            done = (epoch - 1) * self.steps_per_epoch + i + 1
            if self.recorder and done in self.record_at:
                self.recorder.record(done)
            bar.update(1)
            if i % 25 == 24 or i + 1 == self.steps_per_epoch:  # reading a number off a GPU waits for it: not at every step
                mean, accuracy = loss_sum.item() / (i + 1), 100 - 100 * wrong.item() / (i + 1)
                bar.set_postfix_str(f"epoch {epoch}/{self.recipe.epochs}, loss {mean:.3f}, accuracy {accuracy:.2f} %")
        if not torch.isfinite(loss_sum):
            raise ValueError(f"the loss is not finite in epoch {epoch}: recipe.lr = {self.recipe.lr} is probably too high")
        test = evaluate(self.model, self.data, self.distortion, self.recipe, self.device)
        row = {
            "epoch": epoch,
            "train_loss": loss_sum.item() / self.steps_per_epoch,
            "train_error_percent": 100 * wrong.item() / self.steps_per_epoch,
            "test_loss": test["loss"],
            "test_error_percent": test["error_percent"],
            "seconds": time.perf_counter() - start,
        }
        self.history.append(row)
        self.seconds += row["seconds"]


def fit(
    model: nn.Module,
    data: Dataset,
    distortion=None,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    folder: Path | str | None = None,
    progress: bool = True,
    on_epoch: Callable[[list[dict]], None] | None = None,
) -> Training:
    """Train `model` in place and return what happened.

    The data set lives on the device as uint8; every batch is distorted anew there. With a `folder` a checkpoint of
    everything (weights, optimiser, schedule, random states, recorded theta) is written after each epoch, and the next
    call with the same arguments goes on from it: on the CPU one seed gives one result, bit for bit, interrupted or not.
    (A distortion of your own needs a `__repr__` that says what it does: by it a checkpoint is recognised.) The seed
    governs order, distortion and dropout; seed torch yourself before you build the model.

    progress: a bar with loss, accuracy and the time left. on_epoch: called with the history after each epoch, for
    instance `plots.LiveCurves()`.

    Raises ValueError for a data set smaller than a batch, for a checkpoint of another training or a damaged one, and
    when the loss is not finite; OSError when a checkpoint cannot be written, after which the one before is intact.
    """
    distortion, recipe, device = distortion or Upright(), recipe or Recipe(), torch.device(device or best_device())
    if recipe.consistency and find_transformer(model) is None:
        raise ValueError("model must hold a SpatialTransformer for a recipe with consistency, and holds none")
    if len(data.train_images) < recipe.batch_size:
        raise ValueError(f"data must hold at least one batch of {recipe.batch_size} images, got {len(data.train_images)}")
    trainer, precision = Trainer(model, data, distortion, recipe, seed, device), precision_on(device, recipe)
    checkpoint = path = None
    if folder is not None:
        path = Path(folder) / "checkpoint.pt"
        identity = asdict(recipe) | {"seed": seed, "data": data.fingerprint, "device": device.type, "precision": precision}
        identity |= {"distortion": repr(distortion), "model": repr(model)}
        checkpoint = load_checkpoint(path, identity)
    if checkpoint:
        try:
            trainer.load_state(checkpoint)
        except RuntimeError as error:
            raise ValueError(f"folder holds the checkpoint of another model: {path} does not fit this one") from error
    elif trainer.recorder:
        trainer.recorder.record(0)
    with progress_bar(trainer.total_steps, len(trainer.history) * trainer.steps_per_epoch, progress) as bar:
        while len(trainer.history) < recipe.epochs:
            trainer.train_epoch(bar)
            if path:
                save_checkpoint(path, identity, trainer.state())
            if on_epoch:
                on_epoch(trainer.history)
    if folder is not None:
        save_weights(model, Path(folder) / "weights.safetensors")
    theta = trainer.recorder.result() if trainer.recorder else None
    return Training(trainer.history, theta, trainer.seconds, precision)


def progress_bar(total: int, done: int, visible: bool):
    """A text bar on standard output: it reads the same in a terminal, a notebook and a log."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        initial=done,
        disable=not visible,
        file=sys.stdout,
        mininterval=1.0,
        ncols=120,
        bar_format="{percentage:3.0f}% |{bar:24}| {elapsed} < {remaining} {postfix}",
    )
