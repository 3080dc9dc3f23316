"""Distorted MNIST, made on the device a batch at a time; each distortion returns the true transformation beside the images.

The tasks are those of the paper's section 4.1 and appendices A.1 and A.4: R, RTS, P, E, TC and two digits at once.
"""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from ..arguments import check_whole, finite_number
from ..geometry.affine import Affine
from ..geometry.attention import Attention
from ..geometry.coordinates import CORNERS
from ..geometry.family import Family
from ..geometry.projective import Projective
from ..geometry.rotation import Rotation
from ..geometry.similarity import Similarity
from ..geometry.thin_plate_spline import ThinPlateSpline


class Distortion:
    """What all distortions share: draw theta of `family`, one row an image, and warp with it.

    Calling it with images (N, C, H, H), floating point, black background, and a generator returns the distorted images
    and theta (N, P): the transformation applied, which maps output to input coordinates. The numbers are drawn on the
    generator's device, so that one seed gives one test set everywhere. Images that are not square are a ValueError.

    size: (H, W) of what comes out, or None for the size of what goes in. reach: how far from the centre the four points lie
    by which `metrics.where_corners_look` tells the pose.
    """

    family: Family
    size: tuple[int, int] | None = None
    reach = 1.0  # the pose is told by the frame's corners

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        """Theta (n, P) of n random distortions of images that are `side` pixels wide."""
        raise NotImplementedError

    def __call__(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if not isinstance(images, Tensor) or not images.is_floating_point():
            got = images.dtype if isinstance(images, Tensor) else type(images).__name__
            raise ValueError(f"images must be a tensor in [0, 1], floating point, got {got}")
        if images.dim() != 4 or images.shape[2] != images.shape[3]:
            raise ValueError(f"images must be square, (N, C, H, H), got {tuple(images.shape)}")
        if not isinstance(generator, torch.Generator):
            raise ValueError(f"generator must be a torch.Generator, got {type(generator).__name__}")
        theta = self.draw(len(images), images.shape[2], generator).to(images.device)
        grid = self.family.grid(theta, self.size or tuple(images.shape[2:])).to(images.dtype)
        return F.grid_sample(images, grid, align_corners=False), theta


def evenly(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers drawn evenly from [low, high), on the generator's device.

    >>> numbers = evenly(2.0, 3.0, (100,), torch.Generator().manual_seed(0))
    >>> bool((numbers >= 2).all() and (numbers < 3).all())
    True
    """
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def normally(deviation: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers drawn from a normal distribution around 0, on the generator's device.

    >>> normally(2.0, (3, 1), torch.Generator().manual_seed(0)).shape
    torch.Size([3, 1])
    """
    return deviation * torch.randn(shape, generator=generator, device=generator.device)


class Upright(Distortion):
    """No distortion: the images as they are, and the identity as affine theta.

    >>> images, theta = Upright()(torch.rand(1, 1, 28, 28), torch.Generator())
    >>> theta.tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """

    family = Affine()

    def __call__(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        with images.device:
            return images, self.family.identity().expand(len(images), -1)


class RandomRotation(Distortion):
    """R: each image turned by an angle drawn evenly from [-degrees, degrees]. Theta = (angle,) in radians.

    A positive angle turns the sampling grid clockwise, and so the picture counter-clockwise.

    >>> turned, theta = RandomRotation(90)(torch.rand(5, 1, 28, 28), torch.Generator().manual_seed(0))
    >>> theta.shape, bool((theta.rad2deg().abs() <= 90).all())
    (torch.Size([5, 1]), True)
    """

    family = Rotation()

    def __init__(self, degrees: float = 90.0):
        if finite_number("degrees", degrees) > 180:
            raise ValueError(f"degrees must lie in [0, 180], got {degrees!r}")
        self.degrees = float(degrees)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.degrees:g})"

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        draw = torch.rand(n, 1, generator=generator, device=generator.device)
        return (draw * 2 - 1) * math.radians(self.degrees)


class RandomSimilarity(Distortion):
    """RTS: turned by up to 45 degrees, scaled by 0.7 to 1.2, placed at random in a larger frame. Theta as in `Similarity`.

    side: of the frame in pixels, at least 1.2 times the image's. The frame holds the whole scaled image before it is turned;
    the corners that turning pushes out are lost.

    >>> moved, theta = RandomSimilarity(42)(torch.rand(5, 1, 28, 28), torch.Generator().manual_seed(0))
    >>> moved.shape, theta.shape
    (torch.Size([5, 1, 42, 42]), torch.Size([5, 4]))
    """

    family = Similarity()

    def __init__(self, side: int = 42):
        self.size = (check_whole("side", side, least=1),) * 2

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size[0]})"

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        if 1.2 * side > self.size[0]:
            raise ValueError(f"side must be at least 1.2 times the image's, {1.2 * side:g} pixels, got {self.size[0]}")
        angle = evenly(-math.pi / 4, math.pi / 4, (n,), generator)
        scale = evenly(0.7, 1.2, (n,), generator)
        room = (self.size[0] - scale * side) / 2  # how far the centre may move, in pixels
        x, y = evenly(-1, 1, (2, n), generator) * room / (scale * side / 2)
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([angle, (self.size[0] / side / scale).log(), sin * y - cos * x, -sin * x - cos * y], dim=1)


class RandomProjection(Distortion):
    """P: scaled by 0.75 to 1, then each corner stretched by a normal draw of 5 pixels' deviation. Theta as in `Projective`.

    A corner is stretched along its ray from the centre, outwards or inwards. docs/tried.md says why not sideways too.

    >>> tilted, theta = RandomProjection()(torch.rand(5, 1, 28, 28), torch.Generator().manual_seed(0))
    >>> tilted.shape, theta.shape
    (torch.Size([5, 1, 28, 28]), torch.Size([5, 8]))
    """

    family = Projective()

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        corners = torch.tensor(CORNERS, device=generator.device).expand(n, 4, 2)
        scale = evenly(0.75, 1, (n, 1, 1), generator)
        stretch = normally(5 / (side / 2 * math.sqrt(2)), (n, 4, 1), generator)  # in shares of the ray from centre to corner
        moved = (scale + stretch) * corners
        return self.family.from_points(moved.double(), corners.double()).float()


class RandomElastic(Distortion):
    """E: scaled by 0.75 to 1 and bent by a thin plate spline, whose 4x4 control points move by a normal draw of 1.5 pixels.

    >>> bent, theta = RandomElastic()(torch.rand(5, 1, 28, 28), torch.Generator().manual_seed(0))
    >>> bent.shape, theta.shape
    (torch.Size([5, 1, 28, 28]), torch.Size([5, 32]))
    """

    family = ThinPlateSpline(4)
    reach = 0.5  # the frame's corners are bent background here, which no net can see: the pose is told half-way there

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        controls = self.family.controls.float().to(generator.device)
        scale = evenly(0.75, 1, (n, 1, 1), generator)
        moved = controls + normally(1.5 / (side / 2), (n, len(controls), 2), generator)
        return (moved / scale - controls).flatten(1)


class TranslatedCluttered(Distortion):
    """TC: the image somewhere in a frame of 60x60, among six 6x6 patches cut from other images of the batch.

    Theta as in `Attention`: where the image lies. Patches and image are joined by their maximum. side: of the frame in pixels.
    patches: how many, 0 for none.

    >>> cluttered, theta = TranslatedCluttered()(torch.rand(5, 1, 28, 28), torch.Generator().manual_seed(0))
    >>> cluttered.shape, theta.shape
    (torch.Size([5, 1, 60, 60]), torch.Size([5, 3]))
    """

    family = Attention()
    patch = 6

    def __init__(self, side: int = 60, patches: int = 6):
        self.size, self.patches = (check_whole("side", side, least=self.patch),) * 2, check_whole("patches", patches, least=0)

    def __repr__(self) -> str:
        told = "" if (self.size[0], self.patches) == (60, 6) else f"{self.size[0]}, {self.patches}"
        return f"{type(self).__name__}({told})"

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        free = self.size[0] - side
        corner = torch.randint(0, free + 1, (2, n), generator=generator, device=generator.device)  # whole pixels: no blur
        x, y = (free / 2 - corner) / (side / 2)
        return torch.stack([torch.full_like(x, self.size[0] / side), x, y], dim=1)

    def __call__(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if not self.patch <= images.shape[-1] <= self.size[0]:
            raise ValueError(f"images must be {self.patch} to {self.size[0]} pixels wide, got {tuple(images.shape)}")
        frames, theta = super().__call__(images, generator)
        n, c, side, _ = images.shape

        def whole(low: int, high: int) -> Tensor:
            shape = (n, self.patches, 1, 1)
            return torch.randint(low, high, shape, generator=generator, device=generator.device).to(images.device)

        step = torch.arange(self.patch, device=images.device)
        down, right = step.view(1, 1, -1, 1), step.view(1, 1, 1, -1)
        other = (torch.arange(n, device=images.device).view(-1, 1, 1, 1) + whole(1, max(2, n))) % n
        cut = images[other, :, whole(0, side - self.patch + 1) + down, whole(0, side - self.patch + 1) + right]
        place = (whole(0, self.size[0] - self.patch + 1) + down) * self.size[1]
        place = place + whole(0, self.size[1] - self.patch + 1) + right
        index = place.flatten(1)[:, None].expand(n, c, -1)
        cut = cut.flatten(1, 3).transpose(1, 2)
        return frames.flatten(2).scatter_reduce(2, index, cut, "amax").view_as(frames), theta


class EachAlone(Distortion):
    """Each channel distorted by itself, by another distortion.

    each: the distortion of one channel. told: of which channel theta is answered, counted from 0; the images are the same.

    >>> images, theta = EachAlone(RandomSimilarity(42))(torch.rand(5, 2, 28, 28), torch.Generator().manual_seed(0))
    >>> images.shape, theta.shape
    (torch.Size([5, 2, 42, 42]), torch.Size([5, 4]))
    """

    def __init__(self, each: Distortion, told: int = 0):
        self.each, self.told = each, told
        self.family, self.size, self.reach = each.family, each.size, each.reach

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.each})"

    def __call__(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        parts = [self.each(channel, generator) for channel in images.split(1, dim=1)]
        if not 0 <= self.told < len(parts):
            raise ValueError(f"told must be a channel of {len(parts)}, got {self.told!r}")
        return torch.cat([part for part, _ in parts], dim=1), parts[self.told][1]


DISTORTIONS = {
    "upright": Upright,
    "r": RandomRotation,
    "r360": partial(RandomRotation, 180.0),
    "rts": RandomSimilarity,
    "rts-each": lambda: EachAlone(RandomSimilarity()),
    "rts48": partial(RandomSimilarity, 48),
    "p": RandomProjection,
    "e": RandomElastic,
    "tc": TranslatedCluttered,
}
