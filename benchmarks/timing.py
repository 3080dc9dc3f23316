"""What benchmarks of warps share: pictures, calls timed in turn, one table, one file of results."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from stn_tutorial.device import device_name

RESULTS = Path(__file__).parent / "results"
SHAPES = ((64, 1, 28, 28), (64, 3, 32, 32), (16, 3, 224, 224), (16, 64, 56, 56))
SECONDS = 0.01  # that one measurement of a round takes, or one call if that is longer


def smooth(*shape: int, device: str = "cpu") -> Tensor:
    """Random pictures (N, C, H, W), smooth, as pictures are."""
    return F.avg_pool2d(torch.rand(*shape[:2], shape[2] + 4, shape[3] + 4), 5, stride=1).to(device)


def learned(warp: Callable, images: Tensor, theta: Tensor) -> Callable[[], object]:
    """A call that warps and asks for the gradients of images and theta."""
    images, theta = images.clone().requires_grad_(), theta.clone().requires_grad_()
    weights = torch.rand_like(warp(images, theta))
    return lambda: torch.autograd.grad((warp(images, theta) * weights).sum(), (images, theta))


def wall(device: str = "cpu") -> Callable[[], float]:
    """The clock on the wall; on a GPU when its work is done."""

    def now() -> float:
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    return now


def seconds(call: Callable[[], object], clock: Callable[[], float], times: int = 1) -> float:
    """How long a call takes, the mean of so many."""
    start = clock()
    for _ in range(times):
        call()
    return (clock() - start) / times


def in_turn(calls: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    """For each call its milliseconds and its ratio to the first one: medians over the rounds, with the ratio's extremes.

    And "fastest", its shortest time over that of the first: what is left of a clock on the wall where others work beside it.
    """
    for call in calls.values():
        call()  # once unmeasured
    times = {name: max(1, round(SECONDS / seconds(call, clock))) for name, call in calls.items()}
    taken = [{name: seconds(call, clock, times[name]) for name, call in calls.items()} for _ in range(rounds)]
    first, found = next(iter(calls)), {}
    for name in calls:
        ratios, own = [row[name] / row[first] for row in taken], [row[name] for row in taken]
        found[name] = {
            "ms": 1000 * statistics.median(own),
            "least_ms": 1000 * min(own),
            "ratio": statistics.median(ratios),
            "least": min(ratios),
            "most": max(ratios),
            "fastest": min(own) / min(row[first] for row in taken),
        }
    return found


def print_table(found: dict[str, dict[str, dict[str, float]]], cell: str = "{ratio:.2f} ({least:.2f} to {most:.2f})") -> None:
    """One row a call, one column a shape: ratios to the first call, and what it takes itself."""
    columns = list(found.values())
    first = next(iter(columns[0]))
    print(f"| ratio to {first} | {' | '.join(found)} |\n|---|{'---:|' * len(found)}")
    print(f"| {first}, ms | {' | '.join('{least_ms:.2f}'.format(**rows[first]) for rows in columns)} |")
    for name in list(columns[0])[1:]:
        print(f"| {name} | {' | '.join(cell.format(**rows[name]) for rows in columns)} |")
    print()


def record(name: str, device: str, **found) -> None:
    """Write benchmarks/results/NAME.json: where it was measured, and what was found."""
    RESULTS.mkdir(exist_ok=True)
    where = {"device": device_name(torch.device(device)), "torch": torch.__version__}
    (RESULTS / f"{name}.json").write_text(json.dumps(where | found, indent=1) + "\n")
