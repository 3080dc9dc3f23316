"""Where is bfloat16 faster than float32? Training steps of two of our nets in each, in turn; prints one table.

    python benchmarks/precision.py

To see what an older CPU would do, hide what it lacks: ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 (or avx512 and
AVX512_CORE) in front of the command. Takes about a minute, with AVX2 a few.
"""

import statistics
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stn_tutorial.device import best_device, device_name
from stn_tutorial.networks import models

BATCH, ROUNDS = 64, 7
NETS = {
    "small_net, 3x32x32, hands on 24x24": (lambda: models.small_net(handed_on=24), (BATCH, 3, 32, 32)),
    "paper_st_cnn, 1x28x28": (models.paper_st_cnn, (BATCH, 1, 28, 28)),
}


def seconds_of_a_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, bfloat16: bool) -> float:
    """Forward and backward pass on one batch."""
    start = time.perf_counter()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        logits = model(images)
    cross_entropy(logits.float(), labels).backward()
    if images.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    device = best_device()
    print(f"{device_name(device)}; torch {torch.__version__}; batches of {BATCH}\n")
    print("| net | float32 ms | bfloat16 ms | ratio, median of 7 rounds | smallest to largest |\n|---|---:|---:|---:|---:|")
    for name, (build, shape) in NETS.items():
        torch.manual_seed(0)
        model = build().to(device, memory_format=torch.channels_last)
        images = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)
        labels = torch.randint(10, (BATCH,), device=device)
        for bfloat16 in (False, True):  # the first step of each kind prepares its kernels
            seconds_of_a_step(model, images, labels, bfloat16)
        rounds = [[seconds_of_a_step(model, images, labels, bfloat16) for bfloat16 in (False, True)] for _ in range(ROUNDS)]
        plain, half = (1000 * statistics.median(column) for column in zip(*rounds, strict=True))
        ratios = [b / a for a, b in rounds]
        print(
            f"| {name} | {plain:.1f} | {half:.1f} | {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
