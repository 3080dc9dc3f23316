"""How narrow can the angle's spread within a class get? A localiser that is told the true angle: python benchmarks/angle_floor.py

Digits are turned by up to 90 degrees, and a localiser of the paper's size learns to turn them back, with the angle as its teacher.
What stays is what cannot be known: people write at different slants. Prints the spread over the seeds and writes it to
data/runs/mnist-r/floor.json. About three minutes on one core.
"""

import json
import statistics

import torch

from stn_tutorial import Affine, LocalizationNet, load
from stn_tutorial.device import device_name
from stn_tutorial.files import write_atomically
from stn_tutorial.geometry.coordinates import CORNERS
from stn_tutorial.networks.models import Normalize, parameters_of
from stn_tutorial.training.consistency import consistency_loss
from stn_tutorial.training.distortions import RandomRotation
from stn_tutorial.training.experiment import runs_root
from stn_tutorial.training.metrics import pose_report, where_corners_look

EPOCHS, BATCH, SEEDS = 8, 256, (0, 1, 2)


def spread_of(seed: int, data) -> float:
    """Mean over classes of the circular spread of what is left of the angle, in degrees, after a training with one seed."""
    torch.manual_seed(seed)
    task, family, generator = RandomRotation(90), Affine(), torch.Generator().manual_seed(seed)
    net = torch.nn.Sequential(Normalize(), LocalizationNet((1, 28, 28), family))
    steps, frame = EPOCHS * (len(data.train_images) // BATCH), torch.tensor(CORNERS).expand(BATCH, 4, 2)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps, pct_start=0.2)
    for _ in range(steps):
        chosen = torch.randint(len(data.train_images), (BATCH,), generator=generator)
        images, pose = task(data.train_images[chosen].float() / 255, generator)
        loss = consistency_loss(where_corners_look(task.family, pose, family, net(images)), frame)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        images, pose = task(data.test_images.float() / 255, torch.Generator().manual_seed(2016))
        corners = where_corners_look(task.family, pose, family, net.eval()(images))
    print(f"seed {seed}: {pose_report(corners, corners, data.test_labels)['mean_after_degrees']:.2f} degrees", flush=True)
    return pose_report(corners, corners, data.test_labels)["mean_after_degrees"]


if __name__ == "__main__":
    data = load("mnist")
    spreads = [spread_of(seed, data) for seed in SEEDS]
    record = {
        "command": "python benchmarks/angle_floor.py",
        "seeds": SEEDS,
        "within_class_degrees": spreads,
        "mean_within_class_degrees": round(statistics.fmean(spreads), 2),
        "epochs": EPOCHS,
        "parameters": parameters_of(LocalizationNet((1, 28, 28), Affine())),
        "device": device_name(torch.device("cpu")),
        "versions": {"torch": torch.__version__},
        "data_source": data.source,
        "data_fingerprint": data.fingerprint,
    }
    write_atomically(runs_root() / "mnist-r" / "floor.json", (json.dumps(record, indent=1) + "\n").encode())
