"""Networks: who chooses theta, and the layer that goes into any CNN. Needs geometry.

`habits` (what other libraries call things), `graph` (one node under torch.fx), `localization` (it looks at the picture and
chooses theta), `transformer` (localiser, grid and sampler in one module), `teams` (several of them side by side, or one look
after another), `watching` (the transformer inside somebody's net), `observing` (all that is sampled in one pass), `vital_signs` (what
a grid says of its window), `diagnose` (a page on a net's health), `monitor` (a warning when a transformer dies), `models` (nets of
the literature and ours), `equivariance` (turned features, or features of what was turned), `weights` (saved, loaded, shipped), `snapshots`
(what a shipped net was along its training), `export` (files for other programs), `portable` (a net as plain numbers, for the browser).
"""

from .localization import LocalizationNet, SmallMapLocalizationNet
from .teams import ChainedLocalizer, ParallelTransformers
from .transformer import SpatialTransformer

__all__ = ["ChainedLocalizer", "LocalizationNet", "ParallelTransformers", "SmallMapLocalizationNet", "SpatialTransformer"]
