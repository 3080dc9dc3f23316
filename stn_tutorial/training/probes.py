"""Questions to a trained spatial transformer: what are its answers worth, do they tell the class, does it undo a shift?"""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..arguments import check_whole
from ..networks.localization import FixedTheta
from ..networks.watching import find_transformer
from .augmentation import shifted
from .data import Dataset
from .evaluation import evaluate
from .recipe import Recipe


def error_with_one_theta(
    model: nn.Module, data: Dataset, theta: Tensor, distortion=None, recipe: Recipe | None = None, device=None
) -> float:
    """Test error in % of a model whose transformer answers `theta`, shape (P,), to every image; the model stays as it is.

    With the mean of its own answers it tells what the differences between those are worth. Raises ValueError for a model without a
    transformer and for a theta that is no tensor.
    """
    if find_transformer(model) is None:
        raise ValueError("model must hold a SpatialTransformer, and holds none")
    if not isinstance(theta, Tensor):
        raise ValueError(f"theta must be a torch.Tensor, got {type(theta).__name__}")
    fixed = deepcopy(model)
    find_transformer(fixed).localization = FixedTheta(theta)
    return evaluate(fixed, data, distortion, recipe, device)["error_percent"]


def class_from_theta(theta: Tensor, labels: Tensor, neighbours: int = 25) -> float:
    """How well the class can be told from theta (N, P) alone, without the image: accuracy in %.

    The first half of the images votes on the second: each asks its nearest thetas, every number in units of its spread.
    Chance is the share of the commonest class. Raises ValueError for fewer than twice as many images as neighbours, and for a theta
    that is not finite.
    """
    neighbours = check_whole("neighbours", neighbours, least=1)
    if len(labels) != len(theta) or not bool(theta.isfinite().all()):
        raise ValueError(f"theta must be finite, with one of {len(labels)} labels for each row, got shape {tuple(theta.shape)}")
    half = len(theta) // 2
    if half < neighbours:
        raise ValueError(f"theta must have at least {2 * neighbours} rows for {neighbours} neighbours, got {len(theta)}")
    units = theta / theta.std(dim=0).clamp(min=1e-6)
    nearest = torch.cdist(units[half:], units[:half]).topk(neighbours, largest=False).indices
    votes = one_hot(labels[:half][nearest]).sum(dim=1)
    return 100 * float((votes.argmax(dim=1) == labels[half:]).float().mean())


def shift_undone(model: nn.Module, data: Dataset, recipe: Recipe | None = None, device=None, pixels: int = 4) -> float:
    """How much of a shift the first transformer takes back: 1 is all of it, 0 nothing.

    Each test image is moved by up to `pixels` either way, with what the recipe lets in at the edge. The answer is the slope
    of a line fitted to the place where the window's centre looks against the shift, both in pixels. Raises ValueError for a
    model whose first transformer is not asked.
    """
    pixels = check_whole("pixels", pixels, least=1)
    recipe, images = recipe or Recipe(), data.test_images
    with torch.device("cpu"):
        shift = torch.randint(-pixels, pixels + 1, (len(images), 2), generator=torch.Generator().manual_seed(0))
        side, centre = torch.tensor([images.shape[3], images.shape[2]]), torch.zeros(1, 2)
    moved = shifted(images, shift[:, 0], shift[:, 1], recipe.shift_padding)
    test = evaluate(model, replace(data, test_images=moved), recipe=recipe, device=device)
    if "theta" not in test:
        raise ValueError("model must call a SpatialTransformer, and calls none")
    centre = find_transformer(model).family.map_points(test["theta"], centre)[:, 0] * side / 2
    applied = shift - shift.float().mean(dim=0)
    return float(((centre - centre.mean(dim=0)) * applied).sum() / applied.square().sum())
