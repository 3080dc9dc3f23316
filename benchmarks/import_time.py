"""What does `import stn_tutorial` cost beside `import torch`? Both in turn, in fresh interpreters; prints one table.

    python benchmarks/import_time.py [runs]

The goal is a ratio of at most 1.20.
"""

import statistics
import subprocess
import sys
import time


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main(runs: int = 9) -> None:
    statements = ("import torch", "import stn_tutorial")
    for statement in statements:  # once unmeasured, so that both find their files in memory
        seconds(statement)
    pairs = [tuple(seconds(statement) for statement in statements) for _ in range(runs)]
    ratios = [ours / torch for torch, ours in pairs]
    print("| statement | median s |\n|---|---:|")
    for k, statement in enumerate(statements):
        print(f"| {statement} | {statistics.median(pair[k] for pair in pairs):.2f} |")
    print(
        f"\nratio, pair by pair: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f} over {runs} pairs"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
