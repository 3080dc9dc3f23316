"""Snapshots of a shipped net's localiser: the beginning of its recorded training is repeated, and a few moments of it are kept."""

import torch

from ..networks.snapshots import save_snapshots
from ..networks.weights import card_of
from .data import load
from .distortions import DISTORTIONS
from .experiments import experiment_called
from .recorder import ThetaRecorder
from .runs import load_theta
from .trainer import Trainer, progress_bar

NEAR = (80, 160, 260, 430)  # steps; of those at which theta was recorded the nearest are kept
ROUNDING = 1e-3  # of recorded thetas, which are kept in half precision


class Keeper(ThetaRecorder):
    """Keeps the localiser's weights, too, at some steps; a ValueError if theta is not what was recorded there."""

    def follow(self, recorded: dict[str, torch.Tensor], steps: list[int]) -> None:
        """recorded: a theta history, as in `Training.theta`; steps: of those in it, at which to keep weights."""
        self.recorded = dict(zip(recorded["step"].tolist(), recorded["theta"].float(), strict=True))
        self.kept: dict[int, dict[str, torch.Tensor]] = {step: {} for step in steps}
        self.apart = 0.0

    def record(self, step: int) -> bool:
        answered = super().record(step)
        self.apart = max(self.apart, float((self.thetas[-1] - self.recorded[step]).abs().max()))
        if not self.apart <= ROUNDING:
            raise ValueError(
                f"the repeat is not the recorded training: theta differs by {self.apart:.1e} at step {step}. Another version of "
                "the package or of torch, or another processor, draws or rounds otherwise"
            )
        if step in self.kept:
            state = self.model.transformer.localization.state_dict()
            self.kept[step] = {key: value.detach().clone() for key, value in state.items()}
        return answered


def keep_snapshots(name: str, revision: str | None = None) -> dict:
    """Repeat the beginning of the training that a shipped net came from, and ship its localiser at a few steps; returns their card.

    revision: of this package's code, if what runs is not what the card will ship with. At every recorded step theta is compared
    with the record. Raises ValueError when it is another, for a name that is not shipped, and for a run that is not recorded.
    """
    card = card_of(name)
    experiment, trained = experiment_called(name), card["trained"]
    seed, data, recorded = trained["seed"], load(experiment.data), load_theta(name, trained["seed"])
    steps = sorted({min(recorded["step"].tolist(), key=lambda step, near=near: abs(step - near)) for near in NEAR})
    distortion = DISTORTIONS[experiment.distortion]()
    torch.manual_seed(seed)
    model = experiment.build()
    trainer = Trainer(model, data, distortion, experiment.recipe, seed, torch.device("cpu"))
    trainer.recorder = Keeper(model, data, distortion, experiment.recipe, torch.device("cpu"))
    trainer.recorder.follow(recorded, steps)
    trainer.recorder.record(0)
    epochs = -(-steps[-1] // trainer.steps_per_epoch)
    with progress_bar(epochs * trainer.steps_per_epoch, 0, True) as bar:
        for _ in range(epochs):
            trainer.train_epoch(bar)
    told = {
        "holds": "the localiser alone; the classifier is that of the finished net",
        "total_steps": trainer.total_steps,
        "command": f"python -m stn_tutorial snapshots {name}",
        "revision": revision,
        "trained": {key: trained[key] for key in ("command", "seed", "device", "versions")},
        "data": card["data"],
        "theta_apart_from_the_record": trainer.recorder.apart,
        "weights_of_the_finished_net": card["sha256"],
    }
    return save_snapshots(name, trainer.recorder.kept, told)
