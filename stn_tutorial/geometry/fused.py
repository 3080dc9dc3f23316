"""Grid and sampling in one pass on a GPU: a kernel in Triton that never stores the grid, forward and backward.

The usual way writes the grid to memory and reads it again, twice that in the backward pass. Here every output pixel works
out from theta where it looks, and reads there at once: for maps given by 2x3 matrices that is six multiplications.
`SpatialTransformer(..., sampler="fused")` uses it. Triton comes with torch where torch knows CUDA.
"""

import os
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..arguments import check_flag, check_matrices, check_size
from .sampler import check_images

try:
    import triton
    import triton.language as tl
    from triton import jit
except ModuleNotFoundError:  # on Macs, on Windows, and with a torch for CPUs
    triton, tl = None, SimpleNamespace(constexpr=int)

    def jit(kernel):
        """The kernel as it is: without Triton nobody calls it."""
        return kernel


INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # Triton then runs its kernels in numpy, slowly, without a GPU
BLOCK = 256  # output pixels that one program of the kernel looks after


@jit
def target(pixel, length, align_corners: tl.constexpr):
    """The normalised coordinate of output pixels along one axis: `coordinates.pixel_to_normalized`."""
    if align_corners:
        return tl.where(length > 1, 2 * pixel / tl.maximum(length - 1, 1) - 1, 0.0)
    return (2 * pixel + 1) / length - 1


@jit
def in_pixels(x, length, align_corners: tl.constexpr):
    """A normalised coordinate in pixels of the input: `coordinates.normalized_to_pixel`."""
    if align_corners:
        return (x + 1) / 2 * (length - 1)
    return ((x + 1) * length - 1) / 2


@jit
def neighbour(x, length):
    """The pixel before x along one axis, and how far beyond it x lies: 0 to 1. Far outside is just outside; NaN stays."""
    near = tl.minimum(tl.maximum(x, -2.0), length + 1.0)
    before = tl.floor(near)
    return before.to(tl.int32), near - before + 0 * x


@jit
def looks(theta, pixel, height_out, width_out, height, width, align_corners: tl.constexpr):
    """Where output pixels look: their own coordinates, the pixel of the input before, and how far beyond it."""
    kind = theta.dtype.element_ty
    x_t = target((pixel % width_out).to(kind), width_out, align_corners)
    y_t = target((pixel // width_out).to(kind), height_out, align_corners)
    x_s = tl.load(theta) * x_t + tl.load(theta + 1) * y_t + tl.load(theta + 2)
    y_s = tl.load(theta + 3) * x_t + tl.load(theta + 4) * y_t + tl.load(theta + 5)
    x_0, x_part = neighbour(in_pixels(x_s, width, align_corners), width)
    y_0, y_part = neighbour(in_pixels(y_s, height, align_corners), height)
    return x_t, y_t, x_0, y_0, x_part, y_part


@jit
def within(x, y, height, width, here):
    """Whether pixels lie in the input; outside all is zero."""
    return here & (x >= 0) & (x < width) & (y >= 0) & (y < height)


@jit
def forward_kernel(
    images, theta, out, channels, height, width, height_out, width_out, align_corners: tl.constexpr, block: tl.constexpr
):
    """One block of output pixels of one image, all channels: the paper's equations 1 and 5."""
    n = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * block + tl.arange(0, block)
    here = pixel < height_out * width_out
    _, _, x, y, p, q = looks(theta + 6 * n, pixel, height_out, width_out, height, width, align_corners)
    at = y * width + x
    in_00, in_01 = within(x, y, height, width, here), within(x + 1, y, height, width, here)
    in_10, in_11 = within(x, y + 1, height, width, here), within(x + 1, y + 1, height, width, here)
    for c in range(channels):
        plane = images + (n * channels + c) * height * width
        u_00 = tl.load(plane + at, mask=in_00, other=0.0)
        u_01 = tl.load(plane + at + 1, mask=in_01, other=0.0)
        u_10 = tl.load(plane + at + width, mask=in_10, other=0.0)
        u_11 = tl.load(plane + at + width + 1, mask=in_11, other=0.0)
        value = (1 - q) * ((1 - p) * u_00 + p * u_01) + q * ((1 - p) * u_10 + p * u_11)
        tl.store(out + (n * channels + c) * height_out * width_out + pixel, value, mask=here)


@jit
def backward_kernel(
    images, theta, slope, slope_images, slope_theta, channels, height, width, height_out, width_out,
    for_images: tl.constexpr, for_theta: tl.constexpr, align_corners: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """What a block of output pixels adds to the gradients: of its neighbours (equation 6), and by way of x, y of theta (7)."""
    n = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * block + tl.arange(0, block)
    here = pixel < height_out * width_out
    x_t, y_t, x, y, p, q = looks(theta + 6 * n, pixel, height_out, width_out, height, width, align_corners)
    at = y * width + x
    in_00, in_01 = within(x, y, height, width, here), within(x + 1, y, height, width, here)
    in_10, in_11 = within(x, y + 1, height, width, here), within(x + 1, y + 1, height, width, here)
    along_x, along_y = tl.zeros_like(p), tl.zeros_like(q)
    for c in range(channels):
        g = tl.load(slope + (n * channels + c) * height_out * width_out + pixel, mask=here, other=0.0)
        plane = (n * channels + c) * height * width
        if for_images:
            tl.atomic_add(slope_images + plane + at, g * (1 - p) * (1 - q), mask=in_00)
            tl.atomic_add(slope_images + plane + at + 1, g * p * (1 - q), mask=in_01)
            tl.atomic_add(slope_images + plane + at + width, g * (1 - p) * q, mask=in_10)
            tl.atomic_add(slope_images + plane + at + width + 1, g * p * q, mask=in_11)
        if for_theta:
            u_00 = tl.load(images + plane + at, mask=in_00, other=0.0)
            u_01 = tl.load(images + plane + at + 1, mask=in_01, other=0.0)
            u_10 = tl.load(images + plane + at + width, mask=in_10, other=0.0)
            u_11 = tl.load(images + plane + at + width + 1, mask=in_11, other=0.0)
            along_x += g * ((1 - q) * (u_01 - u_00) + q * (u_11 - u_10))
            along_y += g * ((1 - p) * (u_10 - u_00) + p * (u_11 - u_01))
    if for_theta:  # from pixels to normalised units, then equation 1 once more
        if align_corners:
            width, height = width - 1, height - 1
        along_x = tl.where(here, along_x * width / 2, 0.0)
        along_y = tl.where(here, along_y * height / 2, 0.0)
        tl.atomic_add(slope_theta + 6 * n, tl.sum(along_x * x_t, axis=0))
        tl.atomic_add(slope_theta + 6 * n + 1, tl.sum(along_x * y_t, axis=0))
        tl.atomic_add(slope_theta + 6 * n + 2, tl.sum(along_x, axis=0))
        tl.atomic_add(slope_theta + 6 * n + 3, tl.sum(along_y * x_t, axis=0))
        tl.atomic_add(slope_theta + 6 * n + 4, tl.sum(along_y * y_t, axis=0))
        tl.atomic_add(slope_theta + 6 * n + 5, tl.sum(along_y, axis=0))


class Warp(torch.autograd.Function):
    """The two kernels as one operation of torch."""

    @staticmethod
    def forward(ctx, images: Tensor, matrix: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
        images, matrix = images.contiguous(), matrix.contiguous()
        ctx.save_for_backward(images, matrix)
        ctx.size, ctx.align_corners = size, align_corners
        n, channels, height, width = images.shape
        out = images.new_empty(n, channels, *size)
        blocks = (triton.cdiv(size[0] * size[1], BLOCK), n)
        if n:
            with torch.cuda.device_of(images):  # Triton runs on the current GPU
                forward_kernel[blocks](images, matrix, out, channels, height, width, *size, align_corners, BLOCK)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, slope: Tensor):
        images, matrix = ctx.saved_tensors
        n, channels, height, width = images.shape
        found = torch.zeros_like(images), torch.zeros_like(matrix)
        wanted = ctx.needs_input_grad[:2]
        blocks = (triton.cdiv(ctx.size[0] * ctx.size[1], BLOCK), n)
        if n:
            sizes = (channels, height, width, *ctx.size)
            with torch.cuda.device_of(images):
                backward_kernel[blocks](images, matrix, slope.contiguous(), *found, *sizes, *wanted, ctx.align_corners, BLOCK)
        return (*(gradient if wish else None for gradient, wish in zip(found, wanted, strict=True)), None, None)


def warp(images: Tensor, matrix: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """What `affine_grid` and `sample` make of images, bilinear and with zeros outside, without a grid between them.

    images: (N, C, H, W) on a CUDA GPU, float32 or float64. matrix: (N, 2, 3), of the same type, normalised. size: (H, W) of the
    output. Returns (N, C, H_out, W_out). Gradients for both, once; the GPU adds them up in any order, as torch does.

    Raises ValueError for images elsewhere (unless Triton interprets: TRITON_INTERPRET=1, before it is imported), for other shapes
    and types, and where there is no Triton.
    """
    check_images(images)
    check_matrices("matrix", matrix, 2, 3)
    check_flag("align_corners", align_corners)
    if triton is None:
        raise ValueError("sampler='fused' needs triton, which comes with torch for CUDA: write sampler='torch' here")
    if images.device.type != "cuda" and not INTERPRETED:
        raise ValueError(f"images must be on a CUDA GPU for sampler='fused', got {images.device}: write sampler='torch' here")
    if (len(matrix), matrix.dtype, matrix.device) != (len(images), images.dtype, images.device):
        raise ValueError(
            f"matrix must be one for each of {len(images)} images, {images.dtype} on {images.device}, "
            f"got {len(matrix)}, {matrix.dtype} on {matrix.device}"
        )
    return Warp.apply(images, matrix, check_size(size), bool(align_corners))
