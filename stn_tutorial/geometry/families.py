"""The list of all families, by the names that experiments use: explorers, notebooks and tests walk it.

Each is made as a net wants it: zero is attention's identity, and a flow takes fewer steps than it does by default.
"""

from .affine import Affine
from .attention import Attention
from .diffeomorphic import Diffeomorphic
from .projective import Projective
from .rotation import Rotation
from .similarity import Similarity
from .thin_plate_spline import ThinPlateSpline
from .translation import Translation

FAMILIES = {
    "translation": Translation,
    "attention": lambda: Attention(log_scale=True),
    "rotation": Rotation,
    "similarity": Similarity,
    "affine": Affine,
    "projective": Projective,
    "tps": ThinPlateSpline,
    "diffeomorphic": lambda: Diffeomorphic(squarings=3, iterations=2),
}
