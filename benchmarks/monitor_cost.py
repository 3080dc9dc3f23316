"""What does the monitor cost? Training steps with it and without, in turn; prints one table.

    python benchmarks/monitor_cost.py

On a CPU the process's own time is counted, which others on the machine hardly change; on a GPU the wall's.
"""

import statistics
import time
from contextlib import nullcontext

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stn_tutorial import Monitor
from stn_tutorial.device import best_device, device_name
from stn_tutorial.networks import models

ROUNDS, STEPS = 15, 10
NETS = {
    "paper_st_cnn, 64 x 1x28x28": (models.paper_st_cnn, (64, 1, 28, 28)),
    "small_net, 64 x 3x32x32": (models.small_net, (64, 3, 32, 32)),
}


def seconds(model: nn.Module, optimizer, images: torch.Tensor, labels: torch.Tensor, watched: bool) -> float:
    """Ten training steps."""
    clock = time.perf_counter if images.device.type == "cuda" else time.process_time
    with Monitor(model) if watched else nullcontext():
        start = clock()
        for _ in range(STEPS):
            optimizer.zero_grad()
            cross_entropy(model(images), labels).backward()
            optimizer.step()
        if images.device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - start


def main() -> None:
    device = best_device()
    print(f"{device_name(device)}; torch {torch.__version__}; {ROUNDS} rounds of {STEPS} steps each way\n")
    print(
        "| net | step ms | step with the monitor ms | ratio of the medians | ratio of the fastest |\n|---|---:|---:|---:|---:|"
    )
    for name, (build, shape) in NETS.items():
        torch.manual_seed(0)
        model = build().to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        images, labels = torch.rand(shape, device=device), torch.randint(10, shape[:1], device=device)
        for watched in (False, True):  # the first steps prepare their kernels
            seconds(model, optimizer, images, labels, watched)
        times = {False: [], True: []}
        for k in range(ROUNDS):
            for watched in (False, True) if k % 2 else (True, False):
                times[watched].append(1000 / STEPS * seconds(model, optimizer, images, labels, watched))
        plain, with_it = statistics.median(times[False]), statistics.median(times[True])
        print(f"| {name} | {plain:.1f} | {with_it:.1f} | {with_it / plain:.3f} | {min(times[True]) / min(times[False]):.3f} |")


if __name__ == "__main__":
    main()
