"""The explorer's JavaScript against the package: the same theta means the same grid, the same pixels and the same handles."""

import json
import math
import subprocess

import pytest
import torch
from playwright._impl._driver import compute_driver_executable  # playwright brings a node along: nothing else to install
from torch.nn import functional as F

from stn_tutorial import Affine, Attention, Diffeomorphic, Projective, Rotation, Similarity, ThinPlateSpline, Translation
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.teaching.browser_widget import JAVASCRIPT
from stn_tutorial.teaching.explorer import description

FAMILIES = [
    Translation(),
    Attention(),
    Attention(log_scale=True),
    Rotation(),
    Rotation(aspect=1.4),
    Similarity(),
    Affine(),
    Projective(),
    ThinPlateSpline(3),
    ThinPlateSpline((4, 5), regularization=0.1),
    Diffeomorphic(3),
    Diffeomorphic((4, 3), squarings=2, iterations=2),
]


def in_node(tmp_path, program: str, given) -> list:
    """What a JavaScript expression of `given` and the explorer's functions is."""
    (tmp_path / "explorer.mjs").write_text(JAVASCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "given.json").write_text(json.dumps(given))
    (tmp_path / "main.mjs").write_text(
        'import * as stn from "./explorer.mjs";\nimport { readFileSync } from "node:fs";\n'
        f'const given = JSON.parse(readFileSync("given.json"));\nconsole.log(JSON.stringify({program}));\n'
    )
    node = compute_driver_executable()[0]
    done = subprocess.run([node, "main.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def random_theta(family, generator):
    spread = 0.15 if isinstance(family, ThinPlateSpline | Diffeomorphic) else 0.4
    noise = torch.randn(family.num_params, generator=generator, dtype=torch.float64)
    return (family.identity().double() + spread * noise).tolist()


def test_a_thousand_grids_and_pictures_are_the_package_s(tmp_path):
    generator = torch.Generator().manual_seed(0)
    cases = []
    for k in range(1_000):
        family = FAMILIES[k % len(FAMILIES)]
        height, width = torch.randint(1, 9, (2,), generator=generator).tolist()
        channels = 1 + 2 * (k % 2)
        cases.append(
            {
                "family": k % len(FAMILIES),
                "theta": random_theta(family, generator),
                "image": torch.rand(height, width, channels, generator=generator, dtype=torch.float64).flatten().tolist(),
                "shape": [height, width, channels],
                "options": {
                    "kernel": MODES[k // 2 % 3],
                    "padding": PADDING_MODES[k // 6 % 3],
                    "align": bool(torch.rand(1, generator=generator) < 0.5),
                },
            }
        )
    program = """given.cases.map(({ family, theta, image, shape, options }) => {
      const [height, width, channels] = shape;
      const grid = stn.makeGrid(given.families[family], theta, height, width, options.align);
      return [Array.from(grid), Array.from(stn.sample({ data: image, height, width, channels }, grid, options))];
    })"""
    found = in_node(tmp_path, program, {"families": [description(family) for family in FAMILIES], "cases": cases})
    for case, (grid, picture) in zip(cases, found, strict=True):
        family, (height, width, channels), options = FAMILIES[case["family"]], case["shape"], case["options"]
        theta = torch.tensor([case["theta"]], dtype=torch.float64)
        expected = family.grid(theta, (height, width), options["align"])
        grid = torch.tensor(grid, dtype=torch.float64).view(1, height, width, 2)
        assert torch.allclose(grid, expected, atol=1e-5, rtol=1e-5), case
        image = torch.tensor(case["image"], dtype=torch.float64).view(height, width, channels).permute(2, 0, 1)[None]
        # torch's own sampler at the grid of the browser, so that a tie of "nearest" falls the same way
        wanted = F.grid_sample(image, grid, options["kernel"], options["padding"], options["align"])
        picture = torch.tensor(picture, dtype=torch.float64).view(height, width, channels).permute(2, 0, 1)[None]
        assert torch.allclose(picture, wanted, atol=1e-5), case


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_a_dragged_handle_lies_where_it_was_dragged_to(tmp_path, family):
    """As far as the family can: a rotation only turns, and attention only scales."""
    generator = torch.Generator().manual_seed(1)
    thetas = [family.identity().tolist(), *(random_theta(family, generator) for _ in range(5))]
    to = [0.55, -0.35]
    program = """given.thetas.map((theta) => stn.handlesOf(given.family, theta).map((handle, k) => {
      const next = stn.dragged(given.family, theta, k, ...given.to);
      return [handle.at, [handle.x, handle.y], next, next && [stn.handlesOf(given.family, next)[k]].map(({ x, y }) => [x, y])[0]];
    }))"""
    found = in_node(tmp_path, program, {"family": description(family), "thetas": thetas, "to": to})
    moved = 0
    for theta, handles in zip(thetas, found, strict=True):
        now = torch.tensor([theta], dtype=torch.float64)
        for at, before, after, lies in handles:
            if not isinstance(family, ThinPlateSpline | Diffeomorphic):  # theirs is what theta says, not where the grid looks
                looks = family.map_points(now, torch.tensor([at], dtype=torch.float64))[0, 0]
                assert before == pytest.approx(looks.tolist(), rel=1e-6)
            if after is None:  # refused: a horizon would cross the frame
                assert isinstance(family, Projective)
                continue
            moved += 1
            if type(family) is Rotation:
                ratio = math.atan2(lies[1], lies[0] * family.aspect), math.atan2(to[1], to[0] * family.aspect)
                assert math.cos(ratio[0] - ratio[1]) == pytest.approx(1)
            elif isinstance(family, Attention) and at != [0, 0]:
                assert all(math.isfinite(value) for value in after)
            else:
                assert lies == pytest.approx(to, abs=1e-9)
    assert moved >= 6
