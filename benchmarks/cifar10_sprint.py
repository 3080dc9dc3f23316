"""How long to the seed's best accuracy? Our sprint, and the seed's recipe in full, one after the other; prints one table.

    python benchmarks/cifar10_sprint.py FOLDER

The seed's notebook reports 66.68 % at best, picked among 50 epochs on the test set. The sprint must pass that at its last epoch, in at
most 1/60 of the time that the seed's recipe takes for its 50 epochs. The runs are left in FOLDER, in the layout of data/runs; the
seconds are those of training and of the test after each epoch. Takes about half an hour on two CPU cores.
"""

import sys
from pathlib import Path

from stn_tutorial.training.experiment import published
from stn_tutorial.training.experiments import experiment_called
from stn_tutorial.training.runs import run

SEEDS = (0, 1, 2)


def main(folder: str) -> None:
    root = Path(folder)
    wanted = 100 - min(epoch["test_error_percent"] for epoch in published("cifar10-seed"))
    sprints = [run(experiment_called("cifar10/sprint"), seed, root, progress=False) for seed in SEEDS]
    slow = run(experiment_called("cifar10/seed"), 0, root, progress=False)
    print("| run | accuracy % | seconds | share of the seed's time |\n|---|---:|---:|---:|")
    for record in [slow, *sprints]:
        accuracy, share = 100 - record["test_error_percent"], slow["wall_seconds"] / record["wall_seconds"]
        print(
            f"| {record['experiment']} seed {record['seed']} | {accuracy:.2f} | {record['wall_seconds']:.1f} | 1/{share:.0f} |"
        )
    passed = sum(100 - record["test_error_percent"] > wanted for record in sprints)
    print(f"\n{passed} of {len(sprints)} sprints pass {wanted:.2f} %; {slow['data_source']}; {slow['device']}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
