"""Questions to a trained spatial transformer: do its answers depend on the image, and does it undo the augmentation?"""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from .data import Dataset
from .distortions import shifted
from .localization import FixedTheta
from .training import Recipe, evaluate, find_transformer


def error_with_one_theta(
    model: nn.Module, data: Dataset, theta: Tensor, distortion=None, recipe: Recipe | None = None, device=None
) -> float:
    """Test error in % of a model whose transformer answers `theta`, shape (P,), to every image; the model stays as it is.

    With the mean of its own answers it tells what the differences between those are worth.
    """
    fixed = deepcopy(model)
    find_transformer(fixed).localization = FixedTheta(theta)
    return evaluate(fixed, data, distortion, recipe, device)["error_percent"]


def shift_undone(model: nn.Module, data: Dataset, recipe: Recipe | None = None, device=None, pixels: int = 4) -> float:
    """How much of a shift the first transformer takes back: 1 is all of it, 0 nothing.

    Each test image is moved by up to `pixels` either way, with what the recipe lets in at the edge. The answer is the slope
    of a line fitted to the place where the window's centre looks against the shift, both in pixels.
    """
    recipe, images = recipe or Recipe(), data.test_images
    shift = torch.randint(-pixels, pixels + 1, (len(images), 2), generator=torch.Generator().manual_seed(0))
    moved = shifted(images, shift[:, 0], shift[:, 1], recipe.shift_padding)
    theta = evaluate(model, replace(data, test_images=moved), recipe=recipe, device=device)["theta"]
    side = torch.tensor([images.shape[3], images.shape[2]])
    centre = find_transformer(model).family.map_points(theta, torch.zeros(1, 2))[:, 0] * side / 2
    applied = shift - shift.float().mean(dim=0)
    return float(((centre - centre.mean(dim=0)) * applied).sum() / applied.square().sum())
