"""The diagrams: every part can be lit, the numbers written into them are those of the package, and all of it reads in grey."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from stn_tutorial import Affine, Projective, Rotation
from stn_tutorial.teaching import diagrams, figures

DIGIT = torch.zeros(1, 28, 28)
DIGIT[0, 6:22, 12:15] = 1
DIGIT[0, 6:9, 12:20] = 1


def grey(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"), dtype=float)


def test_each_part_of_the_whole_can_be_lit_and_shows_it_without_colour():
    seen = [grey(diagrams.spatial_transformer(DIGIT, part)) for part in (None, *diagrams.PARTS)]
    for a in range(len(seen)):
        for b in range(a):
            assert seen[a].shape == seen[b].shape and (np.abs(seen[a] - seen[b]) > 40).sum() > 100


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="highlight must be one of.*'sampler'.*'resampler'"):
        diagrams.spatial_transformer(DIGIT, "resampler")


def test_the_whole_is_a_vector_graphic_that_does_not_change_from_run_to_run(tmp_path):
    first, second = (diagrams.spatial_transformer(DIGIT, "sampler") for _ in range(2))
    assert first.svg == second.svg
    first.save(tmp_path / "whole.svg")
    assert ElementTree.parse(tmp_path / "whole.svg").getroot().tag.endswith("svg")
    first.save(tmp_path / "whole.png")
    assert (tmp_path / "whole.png").read_bytes() == first.png
    assert "localisation network" in first.alt and first.alt.endswith("Sampler is drawn strong.")


def test_a_row_of_pixels_says_where_the_ends_and_the_points_are():
    alt = diagrams.pixel_rows({"edges": (False, False), "centres": (True, True), "mixed": (False, True)}).alt
    assert "edges: -1 and 1 at pixel -0.5 and 3.5, points at 0, 1, 2, 3" in alt
    assert "centres: -1 and 1 at pixel 0 and 3, points at 0, 1, 2, 3" in alt
    assert "mixed: -1 and 1 at pixel -0.5 and 3.5, points at -0.5, 0.83, 2.2, 3.5" in alt


def test_the_box_lies_by_its_weight_in_each_of_four_pixels():
    image = torch.tensor([[10.0, 20.0, 60.0], [30.0, 40.0, 80.0]])
    alt = diagrams.bilinear(image, 1.25, 0.6).alt
    for value, weight in ((20, 0.3), (60, 0.1), (40, 0.45), (80, 0.15)):
        assert f"{value} weighs {weight:.2f}" in alt
    assert "10 weighs" not in alt
    assert "40 weighs 1.00" in diagrams.bilinear(image, 1.0, 1.0).alt


def test_kernels_and_what_families_keep_are_described():
    points = {"AMB": torch.tensor([[-0.8, -0.4], [0.0, 0.0], [0.8, 0.4]])}
    looks = {name: Projective().map_points(torch.tensor([[1, 0, 0, 0, 1, 0, 0.4, 0.2]]), p)[0] for name, p in points.items()}
    assert "AMB" in diagrams.kept(points, looks, "a view").alt
    assert "tent" in diagrams.kernels().alt


def test_a_lattice_tells_upside_down_mirrored_and_lying_apart():
    """The same square each time: without a marked corner and edge all four would be one picture."""
    turn = Rotation().matrix(torch.tensor([[torch.pi / 2], [torch.pi]]))
    ways = [Affine().identity(), torch.tensor([-1.0, 0, 0, 0, 1, 0]), *turn.flatten(1)]
    seen = []
    for theta in ways:
        figure = Figure(figsize=(2, 2), dpi=100)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(-2, 30), ylim=(30, -2))
        figures.add_lattice(axes, Affine(), theta, (28, 28))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        seen.append(np.asarray(Image.open(buffer).convert("L"), dtype=float))
    for a in range(len(seen)):
        for b in range(a):
            assert (np.abs(seen[a] - seen[b]) > 40).sum() > 50, (a, b)


def test_the_marked_corner_moves_with_the_lattice():
    axes = Figure().subplots()
    lattice = figures.add_lattice(axes, Affine(), Affine().identity(), (28, 28))
    lattice.set_segments(figures.lattice_lines(Affine(), torch.tensor([-1.0, 0, 0, 0, 1, 0]), (28, 28)))
    assert lattice.corner.get_xydata().tolist() == [[27.5, -0.5]]


def test_a_folded_picture_is_closed_until_opened_and_keeps_its_words():
    shown = figures.images_in_a_row([DIGIT], ["a digit"], alt="a digit, upright and alone")
    html = figures.Folded(shown, "Show")._repr_html_()
    assert html.startswith("<details><summary>Show</summary>") and 'alt="a digit, upright and alone"' in html


def test_folded_text_is_closed_too_and_is_text():
    html = figures.Folded("1 < 2\n3 pixels")._repr_html_()
    assert html.startswith("<details><summary>Show what happens</summary><pre>") and "1 &lt; 2\n3 pixels</pre>" in html


def test_a_chart_says_where_its_lines_turn():
    valley = figures.lines({"error": ([-1, 0, 2], [0.5, 0.25, 0.75])}, "shift", "error")
    assert valley.alt == "error against shift. error: from 0.5 to 0.75, lowest 0.25 at 0."


def test_titles_are_as_large_as_they_fit(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "picture", lambda figure, alt: drawn.append(figure))
    figures.images_in_a_row([DIGIT] * 4, ["zeros", "border", "fill", "none"])
    figures.images_in_a_row([DIGIT] * 2, ["a title that is rather long", "short"])
    large, small = ({axes.title.get_fontsize() for axes in figure.axes} for figure in drawn)
    assert large == {12.5} and small == {10}
