"""The explorer's JavaScript against the package: the same theta means the same grid, the same pixels and the same handles."""

import json
import math
import re
import subprocess
from pathlib import Path

import playwright
import pytest
import torch
from families import EVERY_FAMILY
from torch.nn import functional as F

from stn_tutorial import Projective, Rotation
from stn_tutorial.geometry.coordinates import CORNERS
from stn_tutorial.geometry.lattice import LatticeFamily
from stn_tutorial.geometry.sampler import MODES, PADDING_MODES
from stn_tutorial.teaching.browser_widget import MODULES, SCRIPT, STATIC, as_script

NODE = next((Path(playwright.__file__).parent / "driver").glob("node*"))  # playwright brings one along: nothing else to install
pytestmark = pytest.mark.filterwarnings("ignore:.* turns square pictures and shears others")


def run_node(tmp_path, program: str, given) -> subprocess.CompletedProcess:
    """Print what a JavaScript expression of `given` and of the functions of static/, `stn`, is."""
    (tmp_path / "explorer.mjs").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "given.json").write_text(json.dumps(given))
    (tmp_path / "main.mjs").write_text(
        'import * as stn from "./explorer.mjs";\nimport { readFileSync } from "node:fs";\n'
        f'const given = JSON.parse(readFileSync("given.json"));\nconsole.log(JSON.stringify({program}));\n'
    )
    return subprocess.run([NODE, "main.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=120)


def in_node(tmp_path, program: str, given) -> list:
    """What a JavaScript expression of `given` and of the functions of static/, `stn`, is."""
    done = run_node(tmp_path, program, given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_script_is_made_of_modules_that_say_what_they_are_for():
    for path in STATIC.glob("*.js"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("// ") and lines[0].endswith(".") and len(lines) <= 400, path.name
    for k, name in enumerate(MODULES):
        imported = re.findall(r'from "\./(\w+)\.js"', (STATIC / f"{name}.js").read_text(encoding="utf-8"))
        assert set(imported) <= set(MODULES[:k]), f"{name} needs what comes later"
    assert not re.search(r"^import", SCRIPT, flags=re.MULTILINE)
    assert SCRIPT.isascii() and "</" not in SCRIPT and "<!--" not in SCRIPT  # it may stand in any page, in any encoding
    hostile = {"text": "</script><!--<script>STATE PLACE \u2028é"}
    assert json.loads(as_script(hostile)) == hostile and as_script(hostile).isascii() and "<" not in as_script(hostile)


def test_a_family_that_is_not_known_is_refused_by_name(tmp_path):
    for wrong in ({"kind": "Nonsense"}, {"kind": "toString"}, {"handles": "wheels"}):
        family = Rotation().description() | wrong
        done = run_node(tmp_path, "stn.handlesOf(given, [0])", family)
        assert done.returncode != 0
        assert re.search(r"the family (Nonsense|toString) is not known|handles must be one of .*, got wheels", done.stderr)


def random_theta(family, generator):
    spread = 0.15 if isinstance(family, LatticeFamily) else 0.4
    noise = torch.randn(family.num_params, generator=generator, dtype=torch.float64)
    return (family.identity().double() + spread * noise).tolist()


def test_a_thousand_grids_and_pictures_are_the_package_s(tmp_path):
    generator = torch.Generator().manual_seed(0)
    cases = []
    for k in range(1_000):
        family = EVERY_FAMILY[k % len(EVERY_FAMILY)]
        height, width = torch.randint(1, 9, (2,), generator=generator).tolist()
        channels = 1 + 2 * (k % 2)
        cases.append(
            {
                "family": k % len(EVERY_FAMILY),
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
    found = in_node(tmp_path, program, {"families": [family.description() for family in EVERY_FAMILY], "cases": cases})
    for case, (grid, picture) in zip(cases, found, strict=True):
        family, (height, width, channels), options = EVERY_FAMILY[case["family"]], case["shape"], case["options"]
        theta = torch.tensor([case["theta"]], dtype=torch.float64)
        expected = family.grid(theta, (height, width), options["align"])
        grid = torch.tensor(grid, dtype=torch.float64).view(1, height, width, 2)
        assert torch.allclose(grid, expected, atol=1e-5, rtol=1e-5), case
        image = torch.tensor(case["image"], dtype=torch.float64).view(height, width, channels).permute(2, 0, 1)[None]
        # torch's own sampler at the grid of the browser, so that a tie of "nearest" falls the same way
        wanted = F.grid_sample(image, grid, options["kernel"], options["padding"], options["align"])
        picture = torch.tensor(picture, dtype=torch.float64).view(height, width, channels).permute(2, 0, 1)[None]
        assert torch.allclose(picture, wanted, atol=1e-5), case


@pytest.mark.parametrize("family", EVERY_FAMILY, ids=repr)
def test_a_dragged_handle_lies_where_it_was_dragged_to(tmp_path, family):
    """For places that the family reaches: those to which another theta sends the handle (about the same centre, if it has one)."""
    generator = torch.Generator().manual_seed(1)
    thetas = [family.identity().tolist(), *(random_theta(family, generator) for _ in range(5))]
    goals = [random_theta(family, generator) for _ in thetas]
    shifts = [k for k, name in enumerate(family.parameters()) if name in ("t_x", "t_y")]
    for theta, goal in zip(thetas, goals, strict=True):
        for k in shifts if len(shifts) < family.num_params else ():
            goal[k] = theta[k]
    places = torch.tensor([*CORNERS, [0.0, 0.0]], dtype=torch.float64)
    reached = family.map_points(torch.tensor(goals, dtype=torch.float64), places).tolist()
    anywhere = [0.55, -0.35]  # lattice points and centres go where they please
    program = """given.thetas.map((theta, i) => stn.handlesOf(given.family, theta).map((handle, k) => {
      const to = given.family.handles === "lattice" || k === 4 ? given.anywhere : given.reached[i][k];
      const next = stn.dragged(given.family, theta, k, ...to), far = stn.dragged(given.family, theta, k, 7, -9);
      const lies = next && stn.handlesOf(given.family, next)[k];
      return { at: handle.at, before: [handle.x, handle.y], to, next, far, lies: next && [lies.x, lies.y] };
    }))"""
    given = {"family": family.description(), "thetas": thetas, "reached": reached, "anywhere": anywhere}
    moved = 0
    for theta, handles in zip(thetas, in_node(tmp_path, program, given), strict=True):
        now = torch.tensor([theta], dtype=torch.float64)
        for handle in handles:
            if not isinstance(family, LatticeFamily):  # theirs is what theta says, not where the grid looks
                looks = family.map_points(now, torch.tensor([handle["at"]], dtype=torch.float64))[0, 0]
                assert handle["before"] == pytest.approx(looks.tolist(), rel=1e-6)
            if handle["next"] is None or handle["far"] is None:  # refused: a horizon would cross the frame
                assert isinstance(family, Projective)
            if handle["next"] is not None:
                moved += 1
                assert handle["lies"] == pytest.approx(handle["to"], abs=1e-9)
            if handle["far"] is not None:
                assert len(handle["far"]) == family.num_params and all(map(math.isfinite, handle["far"]))
    assert moved >= 6
