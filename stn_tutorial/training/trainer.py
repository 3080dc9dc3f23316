"""`fit`: a training that lives on the device, and goes on bit for bit where it was interrupted."""

import math
import sys
import time
import warnings
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import check_model, path_of
from ..files import short_reason
from ..networks.monitor import Monitor
from ..networks.watching import find_transformer, shaken, thetas_of, transformers_of
from ..networks.weights import save_weights
from .augmentation import check_reflected_shift, cut_out, flip_and_shift
from .checkpoints import check_state, load_checkpoint, save_checkpoint
from .consistency import consistency_loss, telling_points
from .data import Dataset
from .distortions import Upright
from .evaluation import check_logits, distorted, distorted_once, evaluate, settled
from .lock import alone_in
from .metrics import where_points_look
from .processes import Team, first, from_first, summed
from .recipe import Recipe, autocast, precision_on, prepare, set_dropout
from .recorder import ThetaRecorder, recording_steps

SOUND = 1e6  # a localiser's weight beyond it has been blown up by its training


@dataclass
class Training:
    """What `fit` returns: the epochs' numbers and, for a net with a transformer, its theta along the way.

    history: one dict an epoch (epoch, train_loss, train_error_percent, test_loss, test_error_percent, seconds).
    theta: None where no transformer answers, or a dict of tensors: step (T,), theta (T, 64, P), prediction (T, 64), and
        of the 64 test images image (64, C, H, W) uint8 as the net sees them, label (64,) and pose (64, P), the true theta of
        the distortion.
    precision: what it was computed in, "float32" or "bfloat16".
    """

    history: list[dict]
    theta: dict[str, Tensor] | None
    wall_seconds: float
    precision: str


class Trainer:
    """One training as it goes: the model and everything else that a checkpoint must hold to resume it bit for bit."""

    def __init__(self, model: nn.Module, data: Dataset, distortion, recipe: Recipe, seed: int, device: torch.device):
        self.model, self.data = prepare(model, recipe, device), data
        set_dropout(model, recipe.dropout)
        self.distortion, self.recipe, self.device = distortion, recipe, device
        self.images, self.labels = data.train_images.to(device), data.train_labels.to(device)
        self.train_distortion = distortion
        if recipe.distort_once:
            self.images, self.train_distortion = distorted_once(self.images, distortion, seed), Upright()
        self.steps_per_epoch = len(self.images) // recipe.batch_size
        self.total_steps = self.steps_per_epoch * recipe.epochs
        localizers = [transformer.localization for transformer in transformers_of(model).values()]
        self.localizer_weights = [parameter for localizer in localizers for parameter in localizer.parameters()]
        self.ill_thetas = torch.zeros((), dtype=torch.long, device=device)  # not finite although the weights were sound
        self.optimizer, self.schedule = self.make_optimizer()
        self.team = Team(model)
        self.generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # for dropout
        self.recorder = ThetaRecorder(model, data, distortion, recipe, device) if find_transformer(model) and first() else None
        self.record_at = recording_steps(self.total_steps)
        self.history: list[dict] = []
        self.seconds = 0.0

    def make_optimizer(self):
        """The recipe's optimiser and its schedule; rate and decay of a parameter depend on where it is and what it is."""
        recipe = self.recipe
        in_localizer = {id(parameter) for parameter in self.localizer_weights}
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
        shapes = [weight.shape for group in self.optimizer.param_groups for weight in group["params"]]
        check_state(state, self.state(), shapes, len(state["history"]) * self.steps_per_epoch)
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

    def step(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """One step on the images with these indices: the loss and the share of wrong answers, still on the device.

        Of several processes each answers its part; they add up.
        """
        images, recipe, mine = self.images[batch], self.recipe, self.team.take(len(batch))
        if recipe.augment:
            images = flip_and_shift(images, self.generator, recipe.shift, recipe.shift_padding)
        if recipe.cutout:
            images = cut_out(images, self.generator, recipe.cutout)
        sound = self.weights_are_sound()
        inputs, pose = (part[mine] for part in distorted(images, self.train_distortion, self.generator, recipe))
        targets, hooked = self.labels[batch][mine], bool(recipe.consistency or recipe.theta_noise)
        with autocast(recipe, self.device), thetas_of(self.model, compiled=not hooked) as thetas, self.noise():
            logits = check_logits(self.team(inputs), len(inputs), len(self.data.classes))
        if thetas:
            self.ill_thetas += sound * (~thetas[0].detach().isfinite()).any(dim=1).sum()
        loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        if recipe.consistency:
            if not thetas:
                raise ValueError("model must call its first SpatialTransformer for a recipe with consistency, and goes past it")
            loss = loss + recipe.consistency * self.inconsistency(images, pose, thetas[0])
        loss = self.team.of_all(loss)
        self.optimizer.zero_grad(set_to_none=True)
        self.team.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        return loss.detach(), self.team.of_all((logits.detach().argmax(dim=1) != targets).float().mean())

    def noise(self):
        """A context in which the first transformer's theta is shaken, if the recipe says so."""
        deviation = self.recipe.theta_noise
        if not deviation:
            return nullcontext()
        return shaken(find_transformer(self.model), deviation, self.generator, self.team.randn)

    def inconsistency(self, images: Tensor, pose: Tensor, theta: Tensor) -> Tensor:
        """The consistency term: how differently the localiser treats a second view of a batch (N, C, H, W), a scalar.

        pose, theta: of the first view, (N, P) each, or of several processes this one's share. Of the second only theta is wanted,
        so the classifier need not see it. Of data that come distorted nobody knows the pose: there the first view is the
        image as it comes, known as the identity, and the second is made from it.
        """
        transformer = find_transformer(self.model)
        points = self.distortion.reach * telling_points(transformer.family).to(pose)
        second, its_pose = (part[self.team.mine] for part in distorted(images, self.distortion, self.generator, self.recipe))
        with autocast(self.recipe, self.device):
            its_theta = transformer.theta(second)
        first_look = where_points_look(points, self.train_distortion.family, pose, transformer.family, theta)
        second_look = where_points_look(points, self.distortion.family, its_pose, transformer.family, its_theta)
        return consistency_loss(first_look, second_look)

    def weights_are_sound(self) -> Tensor:
        """Whether all weights of the localisers are numbers of ordinary size, still on the device: bool, a scalar."""
        sound = [weight.detach().abs().max() < SOUND for weight in self.localizer_weights if weight.numel()]
        return torch.stack(sound).all() if sound else torch.ones((), dtype=torch.bool, device=self.device)

    def train_epoch(self, bar) -> None:
        """The training images once, in a new order (what fills no batch is left out); then the test set, and a new row."""
        start, size, epoch = time.perf_counter(), self.recipe.batch_size, len(self.history) + 1
        if not self.model.training:  # in a model that trains, what somebody froze stays frozen
            self.model.train()
        loss_sum, wrong = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        order = torch.randperm(len(self.images), generator=self.generator, device="cpu").to(self.device)
        for i in range(self.steps_per_epoch):
            loss, mistakes = self.step(order[i * size : (i + 1) * size])
            loss_sum += loss
            wrong += mistakes
            if epoch == 1 and i == 0:
                self.check_loss(summed(loss).item(), epoch, before_any_step=True)
            done = (epoch - 1) * self.steps_per_epoch + i + 1
            if self.recorder and done in self.record_at:
                self.recorder.record(done)
            bar.update(1)
            if i % 25 == 24 or i + 1 == self.steps_per_epoch:  # reading a number off a GPU waits for it: not at every step
                so_far, mistaken = summed(torch.stack([loss_sum, wrong])).tolist()
                mean, accuracy = so_far / (i + 1), 100 - 100 * mistaken / (i + 1)
                bar.set_postfix_str(f"epoch {epoch}/{self.recipe.epochs}, loss {mean:.3f}, accuracy {accuracy:.2f} %")
        self.check_loss(so_far, epoch)
        test = from_first(self.tested)
        self.check_loss(test["loss"], epoch)  # the last step may be the one that blows up
        row = {
            "epoch": epoch,
            "train_loss": mean,
            "train_error_percent": 100 * mistaken / self.steps_per_epoch,
            "test_loss": test["loss"],
            "test_error_percent": test["error_percent"],
            "seconds": time.perf_counter() - start,
        }
        self.history.append(row)
        self.seconds += row["seconds"]

    def tested(self) -> dict[str, float]:
        """Loss and error in % on the test set."""
        test = evaluate(self.model, self.data, self.distortion, self.recipe, self.device)
        return {"loss": test["loss"], "error_percent": test["error_percent"]}

    def check_loss(self, loss: float, epoch: int, before_any_step: bool = False) -> None:
        """Raise a ValueError that says what to look at if a loss is not finite."""
        if math.isfinite(loss):
            return
        if ill := int(summed(self.ill_thetas)):
            raise ValueError(
                f"the loss is not finite in epoch {epoch}: theta was NaN or infinite for {ill} images while the localiser's "
                "weights were of ordinary size, so the localiser or the family makes it so; check=True stops there"
            )
        if before_any_step:
            raise ValueError("the loss is not finite before the first step: the model as it was given answers NaN or infinity")
        raise ValueError(f"the loss is not finite in epoch {epoch}: recipe.lr = {self.recipe.lr} is probably too high")


def check_before(model: nn.Module, data: Dataset, recipe: Recipe) -> None:
    """Raise a ValueError for what would fail once the training is under way."""
    check_model(model)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("model must have weights that can be trained, and all of its are frozen, or it has none")
    for need in ("consistency", "theta_noise"):
        if getattr(recipe, need) and find_transformer(model) is None:
            raise ValueError(f"model must hold a SpatialTransformer for a recipe with {need}, and holds none")
    if len(data.train_images) < recipe.batch_size:
        raise ValueError(f"data must hold at least one batch of {recipe.batch_size} images, got {len(data.train_images)}")
    if not len(data.test_images):
        raise ValueError("data must hold at least one test image, and holds none")
    side = min(data.train_images.shape[2:])
    if recipe.cutout > side:
        raise ValueError(f"cutout must be at most the images' {side} pixels, got {recipe.cutout}")
    if recipe.shift_padding == "reflect":
        check_reflected_shift(recipe.shift, side)


def fit(
    model: nn.Module,
    data: Dataset,
    distortion=None,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    folder: Path | str | None = None,
    progress: bool = True,
    monitor: bool = False,
) -> Training:
    """Train `model` in place and return what happened.

    The data set lives on the device as uint8; every batch is distorted anew there. With a `folder` a checkpoint of
    everything (weights, optimiser, schedule, random states, recorded theta) is written after each epoch, and the next
    call with the same arguments goes on from it: on the CPU, with one number of threads, one seed gives one
    result, bit for bit, interrupted or not.
    (A distortion of your own needs a `__repr__` that says what it does: by it a checkpoint is recognised.) The seed
    governs order, distortion and dropout; seed torch yourself before you build the model.

    progress: a bar with loss, accuracy and the time left. monitor: warn once when the model's transformer has died (`Monitor`).

    Raises ValueError for arguments of another kind, for a model whose weights are frozen or not in float32 or whose answers are no
    logits, for a data set smaller than a batch or without test images, for a folder in which another process
    trains, for a checkpoint of another training or a damaged one, and when the loss is not finite; OSError when the folder or
    a checkpoint cannot be written, after which the one before is intact.

    >>> from stn_tutorial import load
    >>> data = load("mnist").subset(256, 100)
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    >>> training = fit(model, data, recipe=Recipe(epochs=2), progress=False)
    >>> [epoch["epoch"] for epoch in training.history]
    [1, 2]
    """
    distortion, recipe, device, seed = settled(data, distortion, recipe, device, seed)
    check_before(model, data, recipe)
    watch = Monitor(model) if monitor and first() else nullcontext()
    # one place from here on, even if the model should change the working directory
    folder = None if folder is None else path_of("folder", folder)
    with nullcontext(folder) if folder is None or not first() else alone_in(folder) as folder, watch:
        trainer = Trainer(model, data, distortion, recipe, seed, device)
        return go_on(trainer, seed, folder, progress)


def go_on(trainer: Trainer, seed: int, folder: Path | None, progress: bool) -> Training:
    """Train from the folder's checkpoint, or from the beginning, to the end."""
    model, distortion, recipe, device = trainer.model, trainer.distortion, trainer.recipe, trainer.device
    checkpoint, path, precision = None, None, precision_on(device, recipe)
    if folder is not None:
        path, data = folder / "checkpoint.pt", trainer.data
        identity = asdict(recipe) | {"seed": seed, "data": data.fingerprint, "device": device.type, "precision": precision}
        identity |= {"distortion": repr(distortion), "model": repr(model)}
        checkpoint = from_first(lambda: load_checkpoint(path, identity))
    if checkpoint:
        try:
            trainer.load_state(checkpoint)
        except (RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(
                f"folder holds the checkpoint of another model: {path} does not fit this one ({short_reason(error)}); choose "
                "another folder, or delete the file to start again"
            ) from error
    elif trainer.recorder and not trainer.recorder.record(0):
        warnings.warn(
            "model goes past its first SpatialTransformer: of what it does not call no theta is recorded", stacklevel=3
        )
    with progress_bar(trainer.total_steps, len(trainer.history) * trainer.steps_per_epoch, progress and first()) as bar:
        while len(trainer.history) < recipe.epochs:
            with trainer.team.whole_batches():
                trainer.train_epoch(bar)
            if path and first():
                save_checkpoint(path, identity, trainer.state())
    trainer.team.collect()
    if folder is not None and first():
        save_weights(model, folder / "weights.safetensors")
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
