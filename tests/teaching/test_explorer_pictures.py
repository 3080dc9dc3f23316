"""Whose pictures an explorer takes, and what it leaves behind. Kinds: tensors, arrays, PIL images, files; damaged files; what is no
picture; transparency, depth, size; a sampler that fails; names that look like mathematics, misspelt names; windows out of all reach; a
page fragment of hostile texts; memory."""

import gc
import os
import subprocess
import sys
import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from families import EVERY_FAMILY
from PIL import Image

from stn_tutorial import Affine, Translation, explore, sample
from stn_tutorial.geometry.family import LinearFamily
from stn_tutorial.teaching import figures
from stn_tutorial.teaching.images import LONGEST

PHOTO = torch.randint(0, 256, (3, 12, 17), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
ARRAY = PHOTO.permute(1, 2, 0).numpy()
PIL = Image.fromarray(ARRAY)
pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")


def shown(picture) -> torch.Tensor:
    return explore(picture).pixels


@pytest.mark.parametrize(
    "picture",
    [
        PHOTO,
        PHOTO.float() / 255,
        PHOTO.double() / 255,
        ARRAY,
        ARRAY / 255,
        ARRAY[::-1][::-1],
        ARRAY.astype(np.float32) / 255,
        PIL,
    ],
    ids=["bytes", "floats", "doubles", "array", "array of doubles", "strided array", "array of floats", "PIL"],
)
def test_one_photograph_in_every_form_is_one_picture(picture):
    assert torch.equal(shown(picture), PHOTO)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff"])
def test_a_picture_may_be_named_by_its_path(tmp_path, ending):
    path = tmp_path / f"my photo ü.{ending}"
    PIL.save(path)
    assert torch.equal(shown(path), PHOTO) and torch.equal(shown(str(path)), PHOTO)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        explore(tmp_path / "nowhere.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"image must be the path of a picture, got .*text\.png"):
        explore(tmp_path / "text.png")


def test_a_photograph_that_was_taken_upright_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter, as telephones say it
    PIL.save(tmp_path / "a.png", exif=exif)
    assert shown(tmp_path / "a.png").shape == (3, 17, 12)


def test_a_damaged_file_is_named_and_every_file_is_closed(tmp_path, monkeypatch):
    large = Image.fromarray(ARRAY.repeat(20, 0).repeat(20, 1))
    for ending in ("png", "jpg"):
        whole = tmp_path / f"whole.{ending}"
        large.save(whole)
        path, content = tmp_path / f"half.{ending}", whole.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a file left open is a ResourceWarning
            with pytest.raises(
                ValueError, match=rf"image must be the path of a whole picture, and '.*half\.{ending}' is damaged"
            ):
                explore(path)
            explore(whole)
        with pytest.raises(ValueError, match="image must be a whole picture, got a damaged one"):
            explore(Image.open(path))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="image must be the path of a whole picture, and .* exceeds limit"):
        explore(tmp_path / "whole.png")
    for path in ("", "a\0b.png", "~nobody-of-that-name/a.png"):
        with pytest.raises(ValueError, match="^image must be a path"):
            explore(path)


def test_a_path_may_start_at_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    PIL.save(tmp_path / "a.png")
    assert torch.equal(shown("~/a.png"), PHOTO)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_transparency_has_the_range_of_the_colours(top):
    seen = np.concatenate([ARRAY, np.full((12, 17, 1), 255, np.uint8)], axis=2) * (top / 255)
    seen[6:, :, 3] = 0
    picture = shown(seen)
    assert (picture[:, 6:] == 255).all() and torch.equal(picture[:, :6], PHOTO[:, :6])


def test_a_name_that_an_explorer_does_not_have_is_refused():
    explorer = explore(PHOTO)
    for name, there in {"mode": "kernel", "padding_mode": "padding", "thetas": ""}.items():
        with pytest.raises(AttributeError, match=f"Explorer has no {name}" + (f": it is called {there} here" if there else "")):
            setattr(explorer, name, 1)
    explorer.padding, explorer.a11 = "border", 2.0
    explorer.close()


def test_a_window_out_of_all_reach_is_drawn_without_a_warning():
    explorer = explore(PHOTO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for theta in ([1e38] * 6, [0.0] * 6, [1e300] * 6):
            explorer.theta = theta
            explorer._repr_mimebundle_()


def test_texts_that_only_look_like_mathematics_are_shown_as_written():
    identity = Affine().identity()
    for text in (r"$\foo$", "$", "5 $ or 6 $", r"a\b", "{"):
        figures.images_in_a_row([PHOTO], [text])
        figures.warps(PHOTO, {text: (Affine(), identity)})
        figures.lines({text: ([1], [1]), "b": ([1], [2])}, "x", "y", text)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_of_pil_is_taken(mode):
    picture = PIL.convert("RGB").convert(mode) if mode != "LAB" else Image.new("LAB", (17, 12))
    assert shown(picture).shape[1:] == (12, 17)


def test_what_is_transparent_is_white_and_nothing_is_averaged_in():
    opacity = np.zeros((12, 17, 1), dtype=np.uint8)
    opacity[:6] = 255
    seen = np.concatenate([ARRAY, opacity], axis=2)
    wanted = PHOTO.clone()
    wanted[:, 6:] = 255
    palette = Image.fromarray(seen).quantize(256)
    forms = [seen, seen / 255, Image.fromarray(seen), torch.from_numpy(seen).permute(2, 0, 1)]
    assert all(torch.equal(shown(form), wanted) for form in forms)
    assert (shown(palette)[:, 6:] == 255).all()
    grey = np.concatenate([ARRAY[:, :, :1], opacity], axis=2)
    for form in (grey, Image.fromarray(grey), torch.from_numpy(grey).permute(2, 0, 1)):
        picture = shown(form)
        assert (picture[:, 6:] == 255).all() and torch.equal(picture[0, :6], PHOTO[0, :6])
    features = torch.rand(4, 5, 6)  # numbers in four channels are a feature map
    assert shown(features).shape == (1, 5, 6)


@pytest.mark.parametrize("form", [np.uint16, np.int32, np.float64], ids=lambda form: form.__name__)
def test_numbers_that_are_no_bytes_go_from_black_to_white(form):
    depth = np.arange(12 * 17).reshape(12, 17).astype(form) * 100
    for picture in (depth, *([Image.fromarray(depth)] if form is not np.float64 else [])):
        values = shown(picture)
        assert values.shape == (1, 12, 17) and values.min() == 0 and values.max() == 255


@pytest.mark.parametrize("form", ["tensor", "array", "PIL"])
def test_a_large_photograph_is_made_smaller_and_that_is_said_once(form, capsys):
    large = PHOTO.repeat_interleave(100, 1).repeat_interleave(100, 2)
    array = large.permute(1, 2, 0).numpy()
    explorer = explore({"tensor": large, "array": array, "PIL": Image.fromarray(array)}[form])
    height, width = explorer.shape[:2]
    assert max(height, width) == LONGEST and abs(width / height - 17 / 12) < 0.01
    assert capsys.readouterr().out.splitlines() == [
        f"The image of 1200 x 1700 pixels is made smaller, {height} x {width}, so that it moves smoothly."
    ]
    assert (explorer.pixels.float().mean(dim=(1, 2)) - PHOTO.float().mean(dim=(1, 2))).abs().max() < 2
    explore(PHOTO)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (PHOTO.permute(1, 2, 0), r"got \(12, 17, 3\): permute\(2, 0, 1\)"),
        (PHOTO[0], r"must have shape \(C, H, W\)"),
        (PHOTO[None], r"must have shape \(C, H, W\)"),
        (PHOTO.numpy(), r"array must have shape \(H, W\) or \(H, W, 3\), got \(3, 12, 17\)"),
        (ARRAY[None], r"array must have shape"),
        (ARRAY[:0], r"array must have shape"),
        (np.array([["a"]]), "array must hold numbers"),
        (ARRAY / np.nan, "image must be finite"),
        (PHOTO[:1].permute(1, 2, 0), r"got \(12, 17, 1\): permute\(2, 0, 1\)"),
        (PHOTO + 1j, "image must be a tensor of real numbers"),
        (PHOTO.float().to_sparse(), "image must be a tensor of real numbers"),
        (PHOTO.to("meta"), "image must be a tensor of real numbers"),
        (ARRAY + 1j, "array must hold numbers, got complex128"),
        (np.ma.masked_array(ARRAY, ARRAY > 100), "must have no masked pixels"),
        (None, "image must be a tensor .*, an array .*, got NoneType"),
        ([[1, 2], [3, 4]], "image must be a tensor .*, got list"),
    ],
)
def test_what_is_no_picture_is_named(picture, message):
    with pytest.raises(ValueError, match=message):
        explore(picture)


# ---- a sampler of one's own that fails


def test_a_sampler_that_starts_to_fail_leaves_no_old_output_beside_the_new_theta():
    def moody(images, grid):
        if grid.max() > 1.5:
            raise RuntimeError(r"lost at $\foo$")
        return sample(images, grid)

    explorer = explore(PHOTO, Translation(), sampler=moody)
    whole = explorer.output
    explorer.theta = [1.0, 0.0]
    assert explorer.output == b"" and explorer.problem == r"RuntimeError: lost at $\foo$"
    _, metadata = explorer._repr_mimebundle_()
    assert "lost at" in metadata["image/png"]["alt"]
    empty = figures.warp(
        explorer.pixels, Translation(), torch.tensor([1.0, 0.0]), explorer.problem, output=torch.ones(1, 12, 17)
    )
    assert explorer.render().png == empty.png
    explorer.theta = [0.0, 0.0]
    assert explorer.output == whole and explorer.problem == ""


# ---- the page fragment


def test_no_text_in_the_data_changes_the_script_of_a_page():
    explorer = explore(PHOTO, Affine())
    before = explorer.to_html().count("<script")
    explorer.problem = "</script><!--<script>STATE PLACE"
    page = explorer.to_html()
    assert page.count("<script") == before == 1 and page.count("</script>") == 1 and "<!--" not in page
    assert page.isascii()


def test_a_page_does_not_depend_on_the_encoding_of_the_locale(tmp_path):
    code = "import torch; from stn_tutorial import explore; print(len(explore(torch.zeros(1, 4, 4)).to_html()))"
    environment = os.environ | {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# ---- memory


@pytest.mark.parametrize("family", EVERY_FAMILY, ids=repr)
def test_a_closed_explorer_is_forgotten(family):
    explorer = explore(PHOTO, family, sampler=sample)
    explorer.theta = [value + 0.1 for value in explorer.theta]
    explorer._repr_mimebundle_()
    gone = weakref.ref(explorer)
    explorer.close()
    del explorer
    gc.collect()
    assert gone() is None


def test_the_script_is_handed_over_as_a_text():
    explorer = explore(PHOTO)
    assert isinstance(type(explorer)._esm, str) or isinstance(explorer._esm, str)
    assert not isinstance(explorer._esm, Path) and "export default { render };" in explorer._esm


# ---- a family of one's own


@pytest.mark.parametrize("family", [Affine, "affine", torch.zeros(6), torch.nn.Identity()], ids=lambda thing: str(type(thing)))
def test_what_is_no_family_and_no_sampler_is_named(family):
    with pytest.raises(ValueError, match="transform must be a family of pictures"):
        explore(PHOTO, family)
    with pytest.raises(ValueError, match="sampler must be a function"):
        explore(PHOTO, Affine(), sampler="bilinear")


def test_a_family_of_ones_own_has_sliders_as_soon_as_it_names_its_numbers():
    class Shear(LinearFamily):
        num_params, handles = 1, "corners"

        def parameters(self):
            return {"shear": (-1, 1)}

        def to_matrix(self, theta):
            top = torch.cat([torch.ones_like(theta), theta, torch.zeros_like(theta)], dim=1)
            return torch.stack([top, torch.tensor([0.0, 1.0, 0.0]).expand_as(top)], dim=1)

    explorer = explore(PHOTO, Shear())
    explorer.shear = 0.5
    assert explorer.theta == [0.5] and explorer.family["kind"] == "Shear"
    assert "Shear()" in explorer.render().alt
