"""How long until a shipped net has answered its first image, once torch is imported? python benchmarks/load_time.py"""

import time

import torch

from stn_tutorial import pretrained
from stn_tutorial.networks.export import noise_for
from stn_tutorial.networks.weights import SHIPPED

if __name__ == "__main__":
    print("| net | milliseconds |\n|---|---:|")
    for name in SHIPPED:
        image = noise_for(pretrained(name))[:1]
        start = time.perf_counter()
        with torch.no_grad():
            pretrained(name)(image)
        print(f"| {name} | {1000 * (time.perf_counter() - start):.0f} |")
