"""Is the package's affine warp as fast as the machine allows? On two threads of a CPU, or on a GPU.

    python benchmarks/default_warp.py [--device cuda] [--threads 2] [--rounds 20] [--no-compile]

Beside torch's `affine_grid` and `grid_sample`, forward and backward with gradients for images and theta: what `SpatialTransformer` does
by default, the sampler from scratch, as it is and compiled, and the floor: reading and writing the pictures three times, as two passes
must (images in and out; the slope in; images in, their slope out) and nothing else. On a GPU the fused kernel, too. Then
forward alone, beside OpenCV's `warpAffine` and `remap` where it is installed (extra `benchmarks`; pictures and maps lie ready in its own
layout). All are checked to agree first, then timed in turn by the
clock on the wall; what counts is the fastest of the rounds, since others may work on the machine. Writes benchmarks/results/default_warp-DEVICE.json.
"""

import argparse
from collections.abc import Callable

import torch
from timing import SHAPES, in_turn, learned, print_table, record, smooth, wall
from torch import Tensor, nn
from warp import PAIR, in_pixels, pair

from stn_tutorial import Affine, SpatialTransformer, sample
from stn_tutorial.geometry.coordinates import normalized_to_pixel


def scratch(images: Tensor, theta: Tensor) -> Tensor:
    """Grid and sampler from scratch, as notebooks 2 and 3 write them."""
    return sample(images, Affine().grid(theta, tuple(images.shape[2:])))


def layer(sampler: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The module's warp by a theta that is there already."""
    return SpatialTransformer(nn.Identity(), Affine(), sampler=sampler).warp


def warps(device: str, compiled: bool) -> dict[str, Callable]:
    """Everything that is compared, the affine pair first."""
    found = {PAIR: pair, "ours": layer("torch"), "from scratch": scratch}
    if compiled:
        found["from scratch, compiled"] = torch.compile(scratch, dynamic=False)
    if device != "cpu":
        found["fused"] = layer("fused")
    return found


def three_copies(images: Tensor) -> Callable[[], object]:
    """What the memory alone takes for a forward and a backward pass."""
    into = torch.empty_like(images)
    return lambda: [into.copy_(images) for _ in range(3)]


def opencvs(images: Tensor, theta: Tensor, threads: int) -> dict[str, Callable[[], list]]:
    """OpenCV's warps of a batch, picture by picture and four channels at a time, as it wants them; nothing where it is missing."""
    try:
        import cv2
    except ModuleNotFoundError:
        return {}
    cv2.setNumThreads(threads)
    size = tuple(images.shape[2:])
    matrices = in_pixels(theta.view(-1, 2, 3), size)[:, :2].numpy()
    maps = normalized_to_pixel(Affine().grid(theta, size), size).numpy()
    parts = [[part.permute(1, 2, 0).contiguous().numpy() for part in image.split(4)] for image in images]
    linear, backwards = cv2.INTER_LINEAR, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return {
        "OpenCV's warpAffine": lambda: [
            cv2.warpAffine(part, matrix, size[::-1], flags=backwards)
            for several, matrix in zip(parts, matrices, strict=True)
            for part in several
        ],
        "OpenCV's remap": lambda: [
            cv2.remap(part, where, None, linear) for several, where in zip(parts, maps, strict=True) for part in several
        ],
    }


def check(images: Tensor, theta: Tensor, compared: dict[str, Callable], others: dict[str, Callable]) -> None:
    """Stop unless all agree: torch's to rounding, OpenCV's, which rounds coordinates to parts of a pixel, to a hundredth."""
    wanted = pair(images, theta)
    for warp in compared.values():
        torch.testing.assert_close(warp(images, theta), wanted, rtol=0, atol=1e-4)
    for call in others.values():
        planes = [torch.from_numpy(part).reshape(*images.shape[2:], -1).permute(2, 0, 1) for part in call()]
        torch.testing.assert_close(torch.cat(planes).view_as(wanted), wanted, rtol=0, atol=1e-2)


def measure(shape: tuple[int, ...], options: argparse.Namespace) -> tuple[dict, dict]:
    """Forward and backward; forward alone."""
    torch.compiler.reset()  # each shape is compiled for itself
    images = smooth(*shape, device=options.device)
    theta = (Affine().identity() + 0.05 * torch.randn(shape[0], 6)).to(options.device)
    compared = warps(options.device, not options.no_compile)
    others = opencvs(images, theta, options.threads) if options.device == "cpu" else {}
    check(images, theta, compared, others)
    clock = wall(options.device)
    both = {name: learned(warp, images, theta) for name, warp in compared.items()}
    both["three copies of the pictures"] = three_copies(images)
    learning = in_turn(both, options.rounds, clock)
    with torch.no_grad():
        forward = {name: (lambda warp=warp: warp(images, theta)) for name, warp in compared.items()}
        into = torch.empty_like(images)
        forward |= others | {"one copy of the pictures": lambda: into.copy_(images)}
        return learning, in_turn(forward, options.rounds, clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--no-compile", action="store_true", help="where there is no compiler, or no time for it")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    found = {"x".join(map(str, shape)): measure(shape, options) for shape in SHAPES}
    tables = {"forward and backward": {}, "forward": {}}
    for shape, parts in found.items():
        for table, part in zip(tables.values(), parts, strict=True):
            table[shape] = part
    for title, table in tables.items():
        print(f"{title}:\n")
        print_table(table, "{fastest:.2f}")
    record(f"default_warp-{options.device}", options.device, rounds=options.rounds, **tables)


if __name__ == "__main__":
    main()
