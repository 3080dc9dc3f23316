"""Error on a distorted test set that is the same at every call."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import seed_number
from ..device import device_called
from ..networks.watching import evaluating, thetas_of
from .data import Dataset
from .distortions import Upright
from .recipe import Recipe, autocast, prepare

TEST_SEED = 2015  # the distorted test set is the same for every run


def settled(data, distortion, recipe, device, seed) -> tuple:
    """What `fit` and `evaluate` are told beside the model: (distortion, recipe, device, seed), None being filled in.

    Raises ValueError that names whichever of them is of the wrong kind.
    """
    if not isinstance(data, Dataset):
        raise ValueError(f"data must be a Dataset, such as load answers, got {type(data).__name__}")
    if recipe is not None and not isinstance(recipe, Recipe):
        made = "the class: write Recipe()" if recipe is Recipe else type(recipe).__name__
        raise ValueError(f"recipe must be a Recipe or None, got {made}")
    if isinstance(distortion, type):
        raise ValueError(f"distortion must be an object, got the class: write {distortion.__name__}()")
    if distortion is not None and not callable(distortion):
        raise ValueError(f"distortion must be an object such as RandomRotation(90), got {distortion!r}")
    return distortion or Upright(), recipe or Recipe(), device_called(device), seed_number(seed)


def check_logits(logits, count: int, classes: int) -> Tensor:
    """What a model answered for `count` images, in float32; a ValueError unless it has a row for each and a number for each class."""
    if not isinstance(logits, Tensor):
        raise ValueError(f"model must answer a tensor of logits (N, {classes}), got {type(logits).__name__}")
    if logits.dim() != 2 or len(logits) != count or logits.shape[1] < classes or not logits.is_floating_point():
        got = f"{logits.dtype} {tuple(logits.shape)}"
        raise ValueError(f"model must answer floating point logits (N, {classes}), for {count} images got {got}")
    return logits.float()


def distorted(images: Tensor, distortion, generator: torch.Generator, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """uint8 images (N, C, H, W) on the device -> distorted float images in [0, 1], and their pose (N, P)."""
    answer = distortion(images.float() / 255, generator)
    if not isinstance(answer, tuple) or len(answer) != 2 or not all(isinstance(part, Tensor) for part in answer):
        raise ValueError(f"distortion must answer a pair, the distorted images and their theta, got {type(answer).__name__}")
    images, pose = answer
    return images.contiguous(memory_format=torch.channels_last) if recipe.channels_last else images, pose


def distorted_once(images: Tensor, distortion, seed: int) -> Tensor:
    """uint8 images (N, C, H, W), each with a distortion of its own, as uint8 images again."""
    generator = torch.Generator().manual_seed(seed)
    parts = [distortion(part.float() / 255, generator)[0] for part in images.split(1000)]
    return torch.cat([(part * 255).round().to(torch.uint8) for part in parts])


@torch.no_grad()
def evaluate(
    model: nn.Module,
    data: Dataset,
    distortion=None,
    recipe: Recipe | None = None,
    device: torch.device | str | None = None,
    seed: int = TEST_SEED,
) -> dict:
    """Error on the distorted test set, which is the same at every call unless another seed is named.

    Returns error_percent, loss, labels (N,), prediction (N,), pose (N, P), the true theta of the distortion, and, for a net
    with a `SpatialTransformer` anywhere in it, the first one's theta (N, P); tensors on the CPU. The model is moved to the
    device, in the recipe's memory format, and every module of it left in the mode (training or not) in which it came, also
    after an error. Raises ValueError for an empty test set, for arguments of another kind, and for a model whose answers are no
    logits or whose weights are not in float32.

    >>> from stn_tutorial import load
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    >>> test = evaluate(model, load("mnist").subset(256, 100))
    >>> list(test)
    ['error_percent', 'loss', 'labels', 'prediction', 'pose']
    """
    distortion, recipe, device, seed = settled(data, distortion, recipe, device, seed)
    if not len(data.test_images):
        raise ValueError("data must hold at least one test image, and holds none")
    model = prepare(model, recipe, device)
    generator = torch.Generator().manual_seed(seed)
    logits, poses = [], []
    with evaluating(model), thetas_of(model) as thetas:
        for images in data.test_images.split(1000):
            images, pose = distorted(images.to(device), distortion, generator, recipe)
            with autocast(recipe, device):
                logits.append(check_logits(model(images), len(images), len(data.classes)).cpu())
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
