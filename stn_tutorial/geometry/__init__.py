"""Geometry: where each output pixel looks, and what it finds there. Needs torch alone.

Read in the order in which an image meets them: `coordinates` (pixels and the normalised square), `family` (theta becomes a
sampling grid) and one file a family, `families` (the list of all), `sampler` (points become pixels), `volumes` (the same in
three dimensions), `paths` (the way from one theta to another).
"""

from .affine import Affine
from .attention import Attention
from .coordinates import target_grid
from .diffeomorphic import Diffeomorphic
from .projective import Projective
from .rotation import Rotation
from .sampler import sample, sample_loop
from .similarity import Similarity
from .thin_plate_spline import ThinPlateSpline
from .translation import Translation

__all__ = [
    "Affine",
    "Attention",
    "Diffeomorphic",
    "Projective",
    "Rotation",
    "Similarity",
    "ThinPlateSpline",
    "Translation",
    "sample",
    "sample_loop",
    "target_grid",
]
