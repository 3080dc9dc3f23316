"""How does the cost of a warp grow? Curves over pixels, channels, batch and control points, with the exponent that fits.

    python benchmarks/growth.py

Forward and backward, gradients for images and theta, processor time of one thread, the least of 5 rounds. Beside each curve the
floor: three copies of the pictures, which is what two passes must read and write. An exponent of 1 says that twice as much
takes twice as long; it is fitted to the logarithms of the larger half of the curve. Prints one table; writes benchmarks/results/growth.json.
"""

import math
import time

import torch
from default_warp import three_copies
from timing import in_turn, learned, record, smooth
from warp import ours, pair

from stn_tutorial import Affine, Diffeomorphic, ThinPlateSpline

# what grows -> its values, and the shape that belongs to one
SHAPES = {
    "side": ((14, 28, 56, 112, 224), lambda side: (16, 3, side, side)),
    "channels": ((1, 2, 4, 8, 16, 32, 64), lambda channels: (16, channels, 28, 28)),
    "batch": ((1, 4, 16, 64, 256), lambda batch: (batch, 3, 28, 28)),
}
LATTICES = (2, 3, 4, 6, 8, 12)
SPLINE_SHAPE = (16, 3, 56, 56)


def times(calls: dict) -> dict[str, float]:
    """The least milliseconds of each call."""
    return {name: row["least_ms"] for name, row in in_turn(calls, 5, time.process_time).items()}


def warp_times(shape: tuple[int, ...]) -> dict[str, float]:
    """The affine pair, our affine warp, and the floor."""
    images, theta = smooth(*shape), Affine().identity() + 0.05 * torch.randn(shape[0], 6)
    calls = {"torch's pair": learned(pair, images, theta), "ours": learned(ours(Affine()), images, theta)}
    return times(calls | {"floor": three_copies(images)})


def lattice_times(side: int) -> dict[str, float]:
    """A spline and a flow of side x side control points, and the floor."""
    images, families = smooth(*SPLINE_SHAPE), {"spline": ThinPlateSpline(side), "flow": Diffeomorphic(side)}
    calls = {
        name: learned(ours(family), images, 0.05 * torch.randn(len(images), family.num_params))
        for name, family in families.items()
    }
    return times(calls | {"floor": three_copies(images)})


def exponent(sizes: list[float], taken: list[float]) -> float:
    """The slope of log time over log size, by least squares, in the larger half."""
    half = len(sizes) // 2
    x, y = ([math.log(value) for value in values[half:]] for values in (sizes, taken))
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - middle_x) ** 2 for a in x)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    curves = {}
    for what, (values, shape_of) in SHAPES.items():
        sizes = [value**2 if what == "side" else value for value in values]
        curves["pixels" if what == "side" else what] = (sizes, [warp_times(shape_of(value)) for value in values])
    curves["control points"] = ([side**2 for side in LATTICES], [lattice_times(side) for side in LATTICES])
    print("| what grows | from | to | warp | ms at first | ms at last | exponent |\n|---|---:|---:|---|---:|---:|---:|")
    for what, (sizes, rows) in curves.items():
        for name in rows[0]:
            taken = [row[name] for row in rows]
            fitted = exponent(sizes, taken)
            print(f"| {what} | {sizes[0]} | {sizes[-1]} | {name} | {taken[0]:.3f} | {taken[-1]:.2f} | {fitted:.2f} |")
    record("growth", "cpu", curves={what: {"sizes": sizes, "ms": rows} for what, (sizes, rows) in curves.items()})


if __name__ == "__main__":
    main()
