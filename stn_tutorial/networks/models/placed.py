"""One transformer in different places of one small net: before it, on its feature maps, with a localiser that shares its layers.

The paper's section 3 says that a transformer may stand anywhere in a net; these nets of equal size let that be compared.
"""

from collections import OrderedDict

from torch import nn

from ...arguments import check_whole
from ...geometry.affine import Affine
from ..habits import check_choice
from ..localization import Localizer
from ..teams import ChainedLocalizer
from ..transformer import SpatialTransformer
from .parts import DIGIT, TransformedNet, normed_relu

PLACES = ("nowhere", "input", "shared", "features")
MAPS = 16  # channels of the feature maps
# filters of the classifier's last two layers with which all nets of one side come nearest to each other in parameters
PLACED_FILTERS = {
    28: {"nowhere": (81, 73), "input": (48, 64), "shared": (49, 65), "features": (49, 65)},
    42: {"nowhere": (81, 86), "input": (48, 64), "shared": (49, 65), "features": (49, 65)},
}


def first_layers() -> nn.Sequential:
    """Two convolutions and a pool: images (N, 1, H, W) -> maps (N, 16, H / 2, W / 2) of the same normalised frame.

    Padding keeps the frame, and a black border stays a black border. There is no batch normalisation: two readers that
    share these layers see images of different statistics.
    """
    return nn.Sequential(nn.Conv2d(1, 8, 5, padding=2), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, MAPS, 3, padding=1), nn.ReLU())


def other_layers(filters: tuple[int, int], side: int = DIGIT // 2) -> list[nn.Module]:
    """Maps (N, 16, side, side) -> logits (N, 10)."""
    (first, second), rest = filters, (side - 2) // 2 - 2
    return [
        nn.Conv2d(MAPS, first, 3, bias=False),
        nn.MaxPool2d(2),
        *normed_relu(first),
        nn.Conv2d(first, second, 3, bias=False),
        *normed_relu(second),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(rest**2 * second, 10),
    ]


def localizer_on_maps(side: int) -> list[nn.Module]:
    """Maps (N, 16, side, side) -> 32 features of them for the last layer of a localiser."""
    rest = side // 2 - 2
    return [nn.MaxPool2d(2), nn.Conv2d(MAPS, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * rest**2, 32), nn.ReLU()]


def placed_net(place: str = "input", side: int = DIGIT, steps: int = 1) -> nn.Sequential:
    """A small classifier of digits with an affine transformer in one place: images (N, 1, side, side) in [0, 1] -> logits (N, 10).

    place: "input", before the net, with a localiser of its own; "shared", the same with a localiser that begins with the
    classifier's first layers; "features", behind these layers, on maps of half the side; "nowhere", the control.
    side: 28 or 42, from which a transformer hands on a digit of 28. steps: how often the localiser looks (`ChainedLocalizer`), for "input".

    Raises ValueError that names the argument for anything else.

    >>> import torch
    >>> placed_net("features")(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    check_choice("place", place, PLACES)
    if side not in PLACED_FILTERS:
        raise ValueError(f"side must be one of {list(PLACED_FILTERS)}, for which the filters were counted, got {side!r}")
    if check_whole("steps", steps, 1) > 1 and place != "input":
        raise ValueError(f"steps must be 1 but for place='input', got {steps} for {place!r}")
    filters, first, family = PLACED_FILTERS[side][place], first_layers(), Affine()
    if place == "nowhere":
        return nn.Sequential(first, *other_layers(filters, side // 2))
    rest = other_layers(filters)
    # what is read from a larger frame is sampled twice as finely and averaged: `parts.in_front` says why
    finer, averaged = (1, []) if side == DIGIT else (2, [nn.AvgPool2d(2)])
    if place == "features":
        localizer = Localizer((MAPS, side // 2, side // 2), nn.Sequential(*localizer_on_maps(side // 2)), 32, family)
        transformer = SpatialTransformer(localizer, family, size=finer * DIGIT // 2, padding_mode="border")
        return nn.Sequential(OrderedDict(first=first, transformer=transformer, rest=nn.Sequential(*averaged, *rest)))
    begins = first if place == "shared" else first_layers()
    localizer = Localizer((1, side, side), nn.Sequential(begins, *localizer_on_maps(side // 2)), 32, family)
    looks = ChainedLocalizer(localizer, family, steps) if steps > 1 else localizer
    transformer = SpatialTransformer(looks, family, size=finer * DIGIT)
    return TransformedNet(transformer, nn.Sequential(*averaged, first, *rest))
