"""MNIST and CIFAR-10 as uint8 tensors: from the cache, a download, or, with no network, an offline sample."""

import errno
import hashlib
import io
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

from ..arguments import check_whole, path_of
from ..files import short_reason, write_atomically
from .offline import mnist_sample, shapes_sample

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
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
        if not isinstance(self.classes, (tuple, list)) or not all(isinstance(name, str) for name in self.classes):
            raise ValueError(f"classes must be a tuple of names, got {self.classes!r}")
        for text in ("name", "source", "fingerprint"):
            if not isinstance(getattr(self, text), str):
                raise ValueError(f"{text} must be a text, got {getattr(self, text)!r}")
        for split in ("train", "test"):
            images, labels = getattr(self, f"{split}_images"), getattr(self, f"{split}_labels")
            if kind_of(images) != (torch.uint8, 4) or 0 in images.shape[1:]:
                raise ValueError(f"{split}_images must be uint8 (N, C, H, W), got {in_words(images)}")
            if kind_of(labels) != (torch.int64, 1) or len(labels) != len(images):
                raise ValueError(f"{split}_labels must be int64 ({len(images)},), got {in_words(labels)}")
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
                lowest, highest = int(labels.min()), int(labels.max())
                raise ValueError(f"{split}_labels must lie in 0 to {len(self.classes) - 1}, got {lowest} to {highest}")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            shapes = [in_words(images) for images in (self.test_images, self.train_images)]
            raise ValueError(f"test_images must be as large as train_images, got {shapes[0]} and {shapes[1]}")

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.train_images.shape[1:]))
        return f"Dataset({self.source}: {len(self.train_images)} + {len(self.test_images)} images of {shape})"

    def subset(self, train: int, test: int) -> "Dataset":
        """The first `train` and `test` images, for quick runs; the fingerprint is that of the whole set plus the sizes."""
        train, test = check_whole("train", train, 0), check_whole("test", test, 0)
        return replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
            fingerprint=f"{self.fingerprint}[:{train},:{test}]",
        )


def kind_of(tensor) -> tuple | None:
    """Type and number of axes of a tensor that holds its numbers as an array does; None for anything else."""
    plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided and not tensor.is_meta
    return (tensor.dtype, tensor.dim()) if plain else None


def in_words(value) -> str:
    """A tensor by type and shape, anything else by its type."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    odd = "" if kind_of(value) else f" on {value.device}, {value.layout}"
    return f"{value.dtype} {tuple(value.shape)}{odd}"


def data_root(root: Path | str | None = None) -> Path:
    """Where data sets are kept: `root`, or STN_DATA, or data/ of a checkout, or the user's cache folder.

    `~` is the home folder in all of them. An STN_DATA that is no absolute path starts at the checkout, wherever a notebook
    runs; without a checkout, where Python does. Blanks and quotes around it, which a Windows prompt leaves there, are none of it.
    Raises ValueError where a home folder is needed and there is none, and for what is no path.
    """
    if root is not None:
        return path_of("root", root)
    written = os.environ.get("STN_DATA", "").strip().strip("\"'")
    if "://" in written:
        raise ValueError(f"STN_DATA must be a folder of this computer, got {written!r}")
    checkout = Path(__file__).resolve().parents[2]
    checkout = checkout if (checkout / "pyproject.toml").exists() else None
    try:
        if written:
            return (checkout or Path.cwd()) / Path(written).expanduser()
        if checkout:
            return checkout / "data"
        cache = Path(os.environ.get("XDG_CACHE_HOME", "")).expanduser()
        return (cache if cache.is_absolute() else Path.home() / ".cache") / "stn_tutorial"  # as its specification says
    except RuntimeError as error:  # what pathlib raises
        raise ValueError("there is no home folder to keep data in: set STN_DATA to an absolute path") from error


def load(name: str, root: Path | str | None = None) -> Dataset:
    """Load "mnist" or "cifar10" from the first place that has it.

    Looked at in order: the prepared cache <name>.npz in the data root; torchvision's own files there; torchvision's
    download, which then writes the cache; and, when nothing can be downloaded, an offline sample, announced in a line.

    Raises ValueError for an unknown name and for a damaged cache, which it names; OSError for a data root, or a cache in it, that
    cannot be looked into.

    >>> data = load("mnist")
    >>> data.train_images.shape[1:], data.train_images.dtype
    (torch.Size([1, 28, 28]), torch.uint8)
    """
    check_name(name)
    folder = data_root(root)
    cache = folder / f"{name}.npz"
    if is_there(cache):
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


def check_name(name) -> None:
    """Raise a ValueError unless it is the name of a data set."""
    if not isinstance(name, str) or name not in NAMES:
        raise ValueError(f"name must be one of {tuple(NAMES)}, got {name!r}")


def is_there(cache: Path) -> bool:
    """Whether a prepared cache lies in the data root; an OSError that says why where one cannot look."""
    folder = cache.parent
    try:
        for place in (folder, cache):
            if place.is_symlink() and not place.exists():
                raise FileNotFoundError(errno.ENOENT, f"{place.name} is a link that leads nowhere")
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder: name the one that the data lie in")
        return cache.exists()
    except OSError as error:
        raise OSError(error.errno, f"cannot look into the data root {folder}: {error.strerror}") from error


def from_arrays(name: str, arrays: Mapping[str, np.ndarray]) -> Dataset:
    """Check plain arrays, (N, H, W) or (N, H, W, C) uint8 images, and make tensors of them."""
    if lacking := [key for key in ARRAYS if key not in arrays]:
        raise ValueError(f"it lacks {', '.join(lacking)}")
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
        source=one_line(str(arrays["source"])) if "source" in arrays else f"a prepared {name}.npz of unnamed origin",
        fingerprint=fingerprint(arrays),
    )


def one_line(text: str) -> str:
    """A text without line breaks and without signs that steer a terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


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
