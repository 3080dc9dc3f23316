"""Are digits found that nobody pointed at? python benchmarks/colocalization.py

The paper's appendix A.2 (training/colocalization.py): 100 digits of one class in frames of 84x84, alone and among 16 random crops. For each
class and each of two seeds it prints the share of windows whose overlap (intersection over union) with the digit's box is above 0.5, how far
all windows are off together (the median) and each from that, and writes all to
data/runs/mnist-colocalization/measured.json. About 15 seconds a run on one core; 40 runs.
"""

import time

from stn_tutorial import load
from stn_tutorial.geometry.carrying import box_overlap
from stn_tutorial.training.colocalization import CLUTTER, FRAME, colocalize, scenes
from stn_tutorial.training.measured import write_measured

SEEDS = (0, 1)


def measured(digit: int, patches: int, seed: int, data) -> dict:
    """One class found with one seed, which draws the scenes, the net's weights and the batches."""
    drawn, begun = scenes(data, digit, patches, seed=seed), time.perf_counter()
    boxes = colocalize(drawn.images, seed=seed)
    overlap, off = box_overlap(boxes, drawn.boxes), (boxes - drawn.boxes)[:, :2] * FRAME / 2
    together = off.median(dim=0).values
    return {
        "digit": digit,
        "patches": patches,
        "seed": seed,
        "found_percent": 100 * float((overlap > 0.5).float().mean()),
        "off_together_pixels": round(float(together.norm()), 1),
        "off_each_pixels": round(float((off - together).norm(dim=1).median()), 1),
        "mean_overlap": round(float(overlap.mean()), 3),
        "wall_seconds": round(time.perf_counter() - begun, 1),
    }


if __name__ == "__main__":
    data, found = load("mnist"), []
    for seed in SEEDS:
        for digit in range(10):
            for patches in (0, CLUTTER):
                found.append(measured(digit, patches, seed, data))
                print(found[-1], flush=True)
        print(write_measured("mnist-colocalization", found, "python benchmarks/colocalization.py", data))
