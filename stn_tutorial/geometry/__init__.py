"""Geometry: where each output pixel looks, and what it finds there. Needs torch alone.

Read in the order in which an image meets them: `coordinates` (pixels and the normalised square), `family` (theta becomes a
sampling grid; `remembered` keeps what only the size decides), one file a family (those with a lattice of control points share
`lattice`) and `families` (the list of all), `sampler` (points become pixels), `antialiasing` (for windows that shrink the
picture), `volumes` (the same in three dimensions), `fused` (grid and sampler in one pass on a GPU, in Triton). Beside them `carrying` (boxes, and the way back into the input's frame),
`paths` (the way from one theta to another) and `pixel_matrix` (other libraries' matrices as theta).
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
