"""The families that tests walk: all of the package's list, with options that change what they are, and those of volumes."""

from stn_tutorial import Attention, Diffeomorphic, Rotation, Similarity, ThinPlateSpline
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.geometry.family import Group
from stn_tutorial.geometry.volumes import Affine3d

LISTED = [make() for make in FAMILIES.values()]
VARIANTS = [
    Attention(),
    Rotation(aspect=1.5),
    Similarity(aspect=1.5),
    ThinPlateSpline((3, 5), regularization=0.1),
    Diffeomorphic((3, 4), squarings=2),
]
EVERY_FAMILY = [*LISTED, *VARIANTS]  # of pictures
VOLUMES = [Affine3d()]
GROUPS = [family for family in EVERY_FAMILY if isinstance(family, Group)]


def size_for(family) -> tuple[int, ...]:
    """A small size for which a family makes a grid."""
    return (5, 5, 5)[: family.dimensions]
