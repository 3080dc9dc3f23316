"""Pose recovered against pose applied: the distortion is ours, so the truth is known and the claim can be measured."""

import math
import statistics

import torch
from torch import Tensor, nn

from ..arguments import check_whole
from ..geometry.coordinates import CORNERS
from ..geometry.family import Family, multiply
from ..networks.watching import evaluating, find_transformer, thetas_of

BEYOND = 1000  # half widths: a corner that looks further away has no angle to speak of


def rotation_angle(matrix: Tensor) -> Tensor:
    """Angle of the rotation nearest to each 2x3 matrix (its polar factor): (N, 2, 3) -> (N,), radians in (-pi, pi].

    Scale, shear and shift do not disturb it. Meant for matrices that do not mirror (positive determinant).

    >>> from stn_tutorial import Rotation
    >>> rotation_angle(2 * Rotation().matrix(torch.tensor([[0.5]])))  # twice as large, turned all the same
    tensor([0.5000])
    """
    return torch.atan2(matrix[:, 1, 0] - matrix[:, 0, 1], matrix[:, 0, 0] + matrix[:, 1, 1])


def circular_spread(angles: Tensor) -> float:
    """Circular standard deviation in radians: sqrt(-2 ln R), R the length of the mean of the unit vectors.

    angles: (N,), radians. 0 when all agree, about the ordinary standard deviation when it is small; -179 and 179
    degrees are near to each other, as they should be.

    >>> round(circular_spread(torch.tensor([-0.1, 0.1])), 3)
    0.1
    >>> round(circular_spread(torch.tensor([math.pi - 0.1, 0.1 - math.pi])), 3)
    0.1
    """
    if angles.numel() == 0:
        raise ValueError("angles must not be empty")
    if not bool(angles.isfinite().all()):
        raise ValueError("angles must be finite, got NaN or infinity")
    angles = angles.double()
    length = torch.hypot(angles.cos().mean(), angles.sin().mean())
    return math.sqrt(max(0.0, -2 * math.log(max(float(length), 1e-300))))


def residual_angle(pose: Tensor, matrix: Tensor) -> Tensor:
    """Angle that is left after the transformer: that of the whole way from output to undistorted image, in radians.

    pose: (N, 2, 3), the distortion applied. matrix: (N, 2, 3), the transformer's theta. Returns (N,).

    >>> from stn_tutorial import Rotation
    >>> turned, turned_back = (Rotation().matrix(torch.tensor([[angle]])) for angle in (0.5, -0.4))
    >>> residual_angle(turned, turned_back)
    tensor([0.1000])
    """
    return rotation_angle(multiply(pose, matrix))


def out_of_frame_fraction(grid: Tensor) -> Tensor:
    """Share of the sampling points that lie outside the image: (N, H, W, 2) -> (N,), each from 0 to 1; NaN is outside.

    When all of them lie outside by more than half a pixel, a bilinear output with zeros around it is blank and no gradient
    flows back to theta.

    >>> from stn_tutorial import Translation
    >>> out_of_frame_fraction(Translation().grid(torch.tensor([[1.0, 0.0]]), (4, 4)))  # half of the frame to the right
    tensor([0.5000])
    """
    if not isinstance(grid, Tensor) or grid.dim() not in (4, 5) or grid.shape[-1] != grid.dim() - 2:
        got = tuple(grid.shape) if isinstance(grid, Tensor) else type(grid).__name__
        raise ValueError(f"grid must be a tensor (N, H, W, 2), or (N, D, H, W, 3) of volumes, got {got}")
    outside = ~(grid.abs() <= 1).all(dim=-1)
    return outside.flatten(1).float().mean(dim=1)


def scale_of(matrix: Tensor) -> Tensor:
    """How many times as large as the output its window into the input is: the root of the determinant, (..., 2, 3) -> (...).

    Below 1 the transformer zooms in, above 1 the picture shrinks.

    >>> scale_of(torch.tensor([[2.0, 0, 0], [0, 2, 0]]))
    tensor(2.)
    """
    return (matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]).abs().sqrt()


def where_corners_look(
    applied: Family, pose: Tensor, family: Family | None = None, theta: Tensor | None = None, reach: float = 1.0
) -> Tensor:
    """Where, in the undistorted image, the corners of what the classifier gets look: (N, 4, 2), normalised.

    applied, pose: the family of the distortion and its theta (N, P). family, theta: those of the transformer in front of
    the classifier, or None where there is none. reach: 1 for the frame's own corners, less for those of a square within it.
    They go round: top left, top right, bottom right, bottom left.

    >>> from stn_tutorial import Translation
    >>> where_corners_look(Translation(), torch.tensor([[0.5, 0.0]])).tolist()
    [[[-0.5, -1.0], [1.5, -1.0], [1.5, 1.0], [-0.5, 1.0]]]
    """
    corners = reach * torch.tensor(CORNERS, dtype=pose.dtype, device=pose.device)
    return where_points_look(corners, applied, pose, family, theta)


def where_points_look(
    points: Tensor, applied: Family, pose: Tensor, family: Family | None = None, theta: Tensor | None = None
) -> Tensor:
    """Where, in the undistorted image, points (K, 2) of what the classifier gets look: (N, K, 2); see `where_corners_look`."""
    return applied.map_points(pose, points if family is None else family.map_points(theta, points))


def corner_angle(corners: Tensor) -> Tensor:
    """Angle of the rotation that brings the frame's corners nearest to these (N, 4, 2): (N,), radians in (-pi, pi].

    >>> from stn_tutorial import Rotation
    >>> corner_angle(where_corners_look(Rotation(), torch.tensor([[0.5]])))
    tensor([0.5000])
    """
    x, y = (corners - corners.mean(dim=1, keepdim=True)).unbind(dim=-1)  # a shift turns nothing
    frame_x, frame_y = torch.tensor(CORNERS, dtype=corners.dtype, device=corners.device).unbind(dim=-1)
    return torch.atan2((frame_x * y - frame_y * x).sum(dim=1), (frame_x * x + frame_y * y).sum(dim=1))


def corner_displacement(corners: Tensor) -> float:
    """How far the corners (N, 4, 2) of images of one class stray from their typical place, over the typical zoom.

    The typical place is the median of each corner; the result is the median over the images of the mean over the corners,
    as a share of the typical window: 2 is its width. A network is free to choose a pose and a zoom for each class, so both
    are taken out: the window's width is the square root of the area that the corners typically enclose. The medians keep
    the few corners that look beyond a horizon from counting for more than one each. Raises ValueError for no images.

    >>> from stn_tutorial import Translation
    >>> round(corner_displacement(where_corners_look(Translation(), torch.tensor([[-0.5, 0], [0, 0], [0.5, 0]]))), 3)
    0.5
    """
    if len(corners) == 0:
        raise ValueError("corners must hold at least one image")
    following = corners.roll(-1, dims=1)
    area = (corners[..., 0] * following[..., 1] - corners[..., 1] * following[..., 0]).sum(dim=1).abs() / 2
    strayed = (corners - corners.median(dim=0).values).norm(dim=-1).mean(dim=1)
    return float(strayed.median() / (area.median() / 4).sqrt())


def pose_report(before: Tensor, after: Tensor, labels: Tensor, side: float = 28) -> dict:
    """How widely the pose is spread within a class, before and after the transformer.

    before, after: (N, 4, 2) as `where_corners_look` answers them. labels: (N,). side: how many pixels the typical window is
    called wide. Images of which a corner looks beyond a horizon are left out of the angle. Within each class, because a
    network is free to choose a different canonical pose for each. Returns, for `before` and `after`, the circular spread of
    the angle in degrees and the displacement of the corners in pixels, each as a list by class (None for a class without
    images, or all of whose images are left out) and as their mean. Raises ValueError for no images and for other shapes.

    >>> from stn_tutorial import Rotation
    >>> pose = torch.tensor([[-0.5], [0.5], [-0.1], [0.1]])
    >>> before = where_corners_look(Rotation(), pose)
    >>> after = where_corners_look(Rotation(), pose, Rotation(), -pose)  # a transformer that turns each image upright
    >>> report = pose_report(before, after, labels=torch.tensor([0, 0, 1, 1]))
    >>> [round(degrees) for degrees in report["before_degrees"] + report["after_degrees"]]
    [29, 6, 0, 0]
    """
    if not len(labels) or not before.shape == after.shape == (len(labels), 4, 2):
        shapes = [tuple(tensor.shape) for tensor in (before, after, labels)]
        raise ValueError(f"before and after must be (N, 4, 2), one for each of at least one label, got {shapes}")
    report = {}
    for name, corners in (("before", before), ("after", after)):
        classes = [corners[labels == k] for k in range(int(labels.max()) + 1)]
        seen = [some[(some.abs() < BEYOND).flatten(1).all(dim=1)] for some in classes]
        angles = [math.degrees(circular_spread(corner_angle(some))) if len(some) else None for some in seen]
        pixels = [side / 2 * corner_displacement(some) if len(some) else None for some in classes]
        for unit, values in (("degrees", angles), ("pixels", pixels)):
            report[f"{name}_{unit}"] = [None if value is None else round(value, 3) for value in values]
            known = [value for value in values if value is not None]
            report[f"mean_{name}_{unit}"] = round(statistics.fmean(known), 3) if known else None
    return report


@torch.no_grad()
def stillness(model: nn.Module, images: Tensor, distortion, poses: int = 24, seed: int = 2016) -> dict[str, float]:
    """How still one picture stands behind the transformer while its input is turned, scaled or bent.

    model: a net with a `SpatialTransformer`, on the images' device. images: undistorted, (N, C, H, H), uint8. distortion:
    draws `poses` poses of each. Of one image's outputs the angle's circular spread and how far the corners stray
    (`corner_displacement`) are measured: 0 is a picture that does not move. Within one class the angle cannot do that,
    since people write at different slants; of one picture it can.

    Returns degrees and pixels, medians over the images (a pixel is one of the undistorted image; None where no image has two
    poses within reach), and images and poses, their counts. The model is left as it came. Raises ValueError for a model without
    a transformer, for images of another kind and for fewer than two poses.

    >>> from stn_tutorial import Affine, LocalizationNet, SpatialTransformer
    >>> from stn_tutorial.training.distortions import RandomRotation
    >>> untrained = SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine())
    >>> images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    >>> stillness(untrained, images, RandomRotation(90))["degrees"] > 30  # what comes in turned goes out turned
    True
    """
    transformer = find_transformer(model)
    if transformer is None:
        raise ValueError("model must hold a SpatialTransformer, and holds none")
    poses = check_whole("poses", poses, least=2)
    if not isinstance(images, Tensor) or images.dtype != torch.uint8 or images.dim() != 4 or not len(images):
        got = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be uint8 (N, C, H, H), at least one, got {got}")
    generator = torch.Generator().manual_seed(seed)
    degrees, pixels = [], []
    for image in images:
        views, pose = distortion(image.float().expand(poses, *image.shape) / 255, generator)
        with evaluating(model), thetas_of(model) as thetas:
            model(views)
        if not thetas:
            raise ValueError("model must call its first SpatialTransformer, and goes past it")
        corners = where_corners_look(distortion.family, pose, transformer.family, thetas[0], distortion.reach)
        corners = corners[(corners.abs() < BEYOND).flatten(1).all(dim=1)]
        if len(corners) > 1:
            degrees.append(math.degrees(circular_spread(corner_angle(corners))))
            pixels.append(distortion.reach * images.shape[-1] / 2 * corner_displacement(corners))
    return {
        "degrees": round(statistics.median(degrees), 3) if degrees else None,
        "pixels": round(statistics.median(pixels), 3) if pixels else None,
        "images": len(images),
        "poses": poses,
    }
