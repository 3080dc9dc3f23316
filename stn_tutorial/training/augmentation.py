"""Training images changed at each step: mirrored, shifted, partly painted over."""

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT_PADDINGS = ("zeros", "reflect")  # what may come in at the edge of an image that is shifted


def flip_and_shift(images: Tensor, generator: torch.Generator, pixels: int = 4, padding: str = "zeros") -> Tensor:
    """Training images, each mirrored with probability 1/2 and shifted by up to `pixels` either way.

    images: (N, C, H, W) of any type; numbers are drawn on the generator's device. padding: what comes in at the edge,
    "zeros" or, with "reflect", the picture mirrored there. A strip of zeros tells a spatial transformer how far the image
    was shifted.

    >>> flip_and_shift(torch.rand(8, 3, 32, 32), torch.Generator().manual_seed(0), pixels=4).shape
    torch.Size([8, 3, 32, 32])
    """
    n = len(images)
    flip = torch.rand(n, generator=generator, device=generator.device) < 0.5
    up, left = torch.randint(-pixels, pixels + 1, (2, n), generator=generator, device=generator.device).cpu()
    images = torch.where(flip.to(images.device)[:, None, None, None], images.flip(3), images)
    return shifted(images, -left, -up, padding)


def shifted(images: Tensor, right: Tensor, down: Tensor, padding: str = "zeros") -> Tensor:
    """Images (N, C, H, W), each moved by its own whole numbers of pixels, right (N,) and down (N,), on the CPU; padding as above.

    Raises ValueError for another padding, and for a shift that no mirror image is wide enough for.

    >>> row = torch.tensor([[[[1, 2, 3]]]])
    >>> shifted(row, right=torch.tensor([1]), down=torch.tensor([0])).tolist()
    [[[[0, 1, 2]]]]
    >>> shifted(row, right=torch.tensor([1]), down=torch.tensor([0]), padding="reflect").tolist()
    [[[[2, 1, 2]]]]
    """
    if padding not in SHIFT_PADDINGS:
        raise ValueError(f"padding must be one of {', '.join(map(repr, SHIFT_PADDINGS))}, got {padding!r}")
    n, _, height, width = images.shape
    rows = torch.arange(height, device="cpu") - down[:, None]
    columns = torch.arange(width, device="cpu") - right[:, None]
    if padding == "reflect":
        check_reflected_shift(int(right.abs().max()), width)
        check_reflected_shift(int(down.abs().max()), height)
        rows, columns = mirrored(rows, height), mirrored(columns, width)
    else:
        edge = int(torch.cat([right, down]).abs().max())
        images, rows, columns = F.pad(images, (edge,) * 4), rows + edge, columns + edge
    rows, columns = rows.to(images.device)[:, :, None], columns.to(images.device)[:, None, :]
    return images.permute(0, 2, 3, 1)[torch.arange(n, device=images.device)[:, None, None], rows, columns].permute(0, 3, 1, 2)


def check_reflected_shift(pixels: int, length: int) -> None:
    """Raise a ValueError if images of this height or width are too small to be shifted so far and mirrored at the edge."""
    if pixels >= length:
        raise ValueError(
            f"shift must be less than the images' {length} pixels where they are mirrored at the edge, got {pixels}"
        )


def mirrored(places: Tensor, length: int) -> Tensor:
    """Places along an edge of `length` pixels, those beyond its ends folded back at the last pixel.

    >>> mirrored(torch.tensor([-2, -1, 0, 1, 2, 3, 4]), 3).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    return length - 1 - (length - 1 - places.abs()).abs()


def cut_out(images: Tensor, generator: torch.Generator, side: int = 8) -> Tensor:
    """Training images with a square in each painted over in the image's mean colour; it may reach beyond the edge.

    images: (N, C, H, W) of any type. side: of the square, in pixels. DeVries and Taylor (2017), "cutout".

    >>> image = torch.arange(9.0).view(1, 1, 3, 3)
    >>> cut = cut_out(image, torch.Generator().manual_seed(0), side=1)
    >>> int((cut != image).sum()), float(cut[cut != image])
    (1, 4.0)
    """
    n, _, height, width = images.shape

    def covered(length: int) -> Tensor:
        first = torch.randint(0, length, (n, 1), generator=generator, device=generator.device).to(images.device) - side // 2
        place = torch.arange(length, device=images.device)
        return (place >= first) & (place < first + side)

    hidden = covered(height)[:, None, :, None] & covered(width)[:, None, None, :]
    return torch.where(hidden, images.float().mean(dim=(2, 3), keepdim=True).to(images.dtype), images)
