"""Theta of a few test images, kept along a training."""

import torch
from torch import Tensor, nn

from ..networks.watching import evaluating, find_transformer, thetas_of
from .data import Dataset
from .evaluation import TEST_SEED, distorted
from .recipe import Recipe, autocast

RECORDED_IMAGES = 64


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
    def record(self, step: int) -> bool:
        """Keep theta as it is now; False if the model goes past its transformer, and there is nothing to keep."""
        with evaluating(self.model), thetas_of(self.model) as thetas, autocast(self.recipe, self.device):
            logits = self.model(self.images)
        if thetas:
            self.steps.append(step)
            self.thetas.append(thetas[0].detach().cpu().clone())  # it may be a view of a weight, which changes
            self.predictions.append(logits.argmax(dim=1).cpu())
        return bool(thetas)

    def state(self) -> dict:
        return {"steps": self.steps, "thetas": self.thetas, "predictions": self.predictions}

    def load_state(self, state: dict) -> None:
        """Go back to where `state` was taken; a ValueError if its parts do not belong together."""
        steps, thetas, predictions = state["steps"], state["thetas"], state["predictions"]
        if not len(steps) == len(thetas) == len(predictions) or not all(isinstance(step, int) for step in steps):
            raise ValueError("a recorder must have one theta and one prediction for each step")
        count, wide = len(self.labels), find_transformer(self.model).family.num_params
        for kept, shape in ((thetas, (count, wide)), (predictions, (count,))):
            if not all(isinstance(tensor, Tensor) and tensor.shape == shape for tensor in kept):
                raise ValueError(f"a recorder must keep tensors of shape {shape}")
        self.steps, self.thetas, self.predictions = steps, thetas, predictions

    def result(self) -> dict[str, Tensor] | None:
        """All that was kept, as in `Training.theta`; None if nothing was."""
        if not self.steps:
            return None
        return {
            "step": torch.tensor(self.steps, device="cpu"),
            "theta": torch.stack(self.thetas),
            "prediction": torch.stack(self.predictions),
            "pose": self.pose.cpu(),
            "image": (self.images.cpu().contiguous() * 255).round().to(torch.uint8),
            "label": self.labels,
        }


def check_history(history) -> None:
    """Raise a ValueError that says what is odd unless it is a theta history as `Training.theta` has it, of at least one step."""
    wanted = {"step": 1, "theta": 3, "prediction": 2, "image": 4, "label": 1}  # and the axes of each
    if not isinstance(history, dict):
        raise ValueError(f"history must be a dict of tensors, as fit and load_theta answer it, got {type(history).__name__}")
    for key, axes in wanted.items():
        tensor = history.get(key)
        if not isinstance(tensor, Tensor) or tensor.dim() != axes or 0 in tensor.shape:
            got = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ValueError(f"history must have {key} with {axes} axes, none of them empty, got {got}")
    steps, count = history["theta"].shape[:2]
    if len(history["step"]) != steps or history["prediction"].shape != (steps, count):
        raise ValueError(f"history must have a step and {count} predictions for each of {steps} thetas")
    if len(history["image"]) != count or len(history["label"]) != count or history["image"].dtype != torch.uint8:
        raise ValueError(f"history must have a label and an image of bytes for each of {count} thetas of a step")
    if any(history[key].is_floating_point() for key in ("step", "prediction", "label")):
        raise ValueError("history must have steps, predictions and labels in whole numbers")
