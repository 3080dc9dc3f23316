"""Error on a distorted test set that is the same at every call."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..device import best_device
from ..networks.watching import evaluating, thetas_of
from .data import Dataset
from .distortions import Upright
from .recipe import Recipe, autocast, prepare

TEST_SEED = 2015  # the distorted test set is the same for every run


def distorted(images: Tensor, distortion, generator: torch.Generator, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """uint8 images (N, C, H, W) on the device -> distorted float images in [0, 1], and their pose (N, P)."""
    images, pose = distortion(images.float() / 255, generator)
    return images.contiguous(memory_format=torch.channels_last) if recipe.channels_last else images, pose


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
    device, in the recipe's memory format, and every module of it left in the mode (training or not) in which it came, also
    after an error. Raises ValueError for an empty test set.

    >>> from stn_tutorial import load
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    >>> test = evaluate(model, load("mnist").subset(256, 100))
    >>> list(test)
    ['error_percent', 'loss', 'labels', 'prediction', 'pose']
    """
    distortion, recipe, device = distortion or Upright(), recipe or Recipe(), torch.device(device or best_device())
    if not len(data.test_images):
        raise ValueError("data must hold at least one test image, and holds none")
    model = prepare(model, recipe, device)
    generator = torch.Generator().manual_seed(seed)
    logits, poses = [], []
    with evaluating(model), thetas_of(model) as thetas:
        for images in data.test_images.split(1000):
            images, pose = distorted(images.to(device), distortion, generator, recipe)
            with autocast(recipe, device):
                logits.append(model(images).float().cpu())
            poses.append(pose.cpu())
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
