"""Networks: who chooses theta, and the layer that goes into any CNN. Needs geometry.

`localization` (it looks at the picture and chooses theta), `transformer` (localiser, grid and sampler in one module), `watching`
(the transformer inside somebody's net), `models` (nets of the literature and ours), `weights` (saved, loaded, shipped).
"""

from .localization import LocalizationNet
from .transformer import SpatialTransformer

__all__ = ["LocalizationNet", "SpatialTransformer"]
