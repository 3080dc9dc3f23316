"""The museum of notebook 9: its rooms, checks that must fail, and the map of symptoms, which is docs/symptoms.md, too."""

from dataclasses import dataclass

from ..networks.diagnose import Diagnosis
from .checks.verdict import Verdict

NOTEBOOK = "../notebooks/09_when_it_fails.ipynb"


@dataclass(frozen=True)
class Room:
    """A bug: what one sees, what it is, what to do, and the check that finds it."""

    sees: str  # the room's title
    cause: str
    mend: str
    check: str


ROOMS = [
    Room(
        "The last row and column are black",
        "pixel coordinates scaled by W where W - 1 is the last pixel",
        "`(x + 1) / 2 * (W - 1)` with aligned corners, `((x + 1) * W - 1) / 2` without",
        "the identity must change nothing: `checks.check_sampler`",
    ),
    Room(
        "A dark seam along the border",
        "neighbours clipped into the picture before their weights are computed",
        "weights from the unclipped corners; clip the indices alone",
        "`checks.check_sampler`",
    ),
    Room(
        "Nearly the identity",
        "one is taken off the width twice: `max_x = W - 1`, then `max_x - 1`",
        "compare with `grid_sample` on noise, never on a smooth picture",
        "`checks.check_sampler`",
    ),
    Room(
        "The picture fades at its edge",
        "`align_corners` differs between grid and sampler",
        "pass it to both, always",
        "`diagnose`: align_corners",
    ),
    Room(
        "Enlarged before any training",
        "`tanh` on theta: the identity's 1 becomes 0.76",
        "no bounds on theta; choose a family in which every number is allowed",
        "`diagnose`: theta; `checks.check_plug_in`",
    ),
    Room(
        "It turns the other way",
        "theta maps output to input: the grid turns, the picture goes against it",
        "change the sign of the angle, or take the inverse of the matrix",
        "`checks.check_turn_theta`",
    ),
    Room(
        "One degree is far too much",
        "degrees where radians are expected",
        "`math.radians(degrees)`",
        "`diagnose`: angle; `checks.check_turn_theta`",
    ),
    Room(
        "Fine on square pictures only",
        "a turn of normalised coordinates shears a picture that is not square",
        "`Rotation(aspect=W / H)`, `Similarity(aspect=W / H)`",
        "`diagnose`: angle; `checks.check_unsheared_theta`",
    ),
    Room(
        "The picture lies on its side, mirrored",
        "x and y are swapped in the grid",
        "the last axis of a grid is (x, y); arrays are indexed [row, column]",
        "`diagnose`: angle; `checks.check_target_grid`",
    ),
    Room(
        "The output is all black",
        "the window has left the picture, and there the gradient is exactly 0",
        "start again, the localiser with a tenth of the learning rate",
        "`diagnose`: out of frame",
    ),
    Room(
        "The loss falls, and theta does not move",
        "the warped picture is never used",
        "hand the transformer's output to the next layer",
        "`diagnose`: output",
    ),
    Room(
        "Nobody notices that nothing is learned",
        "theta or the grid is detached: no gradient reaches the localiser",
        "no `detach`, `no_grad`, `.data`, `.item()` or numpy between theta and the sampler",
        "`diagnose`: gradient",
    ),
    Room(
        "The loss does not move any more",
        "the localiser's learning rate is too high: theta leaves the picture in the first steps, for ever",
        "a tenth of the rate for the localiser, or Adam with 0.001",
        "`fit(..., monitor=True)`, `Monitor(model)`",
    ),
    Room(
        "Everything shrinks",
        "convolutions without padding neglect the edge of the picture; a frame of another colour makes it visible",
        "pad the convolutions behind the transformer; fill with the background",
        "`diagnose`: scale, fill",
    ),
    Room(
        "Patterns that were never there",
        "aliasing: sampling points lie further apart than pixels",
        "sample a larger output and average it, or `SpatialTransformer(..., antialias=True)`",
        "`diagnose`: step",
    ),
    Room(
        "Edges in steps, on large pictures",
        "the grid is in half precision",
        "theta and grid in float32, also under autocast",
        "`diagnose`: precision",
    ),
    Room(
        "The same stroke twice",
        "the warp folds",
        "`ThinPlateSpline(regularization=...)`, fewer control points, or `Diffeomorphic`",
        "`diagnose`: folding",
    ),
    Room(
        "A good error, and nothing is turned",
        "the classifier manages without: an error says nothing about the pose",
        "measure the pose; a family of fewer numbers, or the consistency term",
        "`stn_tutorial.training.metrics`: pose_report, stillness",
    ),
]


def verdict_of(checked: Verdict | Diagnosis) -> Verdict:
    """A diagnosis as a verdict: its message is what is sick, and what to do."""
    if isinstance(checked, Verdict):
        return checked
    return Verdict("passed", "nothing sick was found.") if checked.passed else Verdict("failed", checked.message)


def must_fail(checked: Verdict | Diagnosis, word: str) -> Verdict:
    """Hand on the verdict of a check that has failed and names `word`; an AssertionError if it did not.

    >>> must_fail(Verdict("failed", "x and y are exchanged"), "exchanged")
    failed: x and y are exchanged
    """
    verdict = verdict_of(checked)
    assert verdict.status == "failed" and word in verdict.message, f"it should have failed and named {word!r}: {verdict}"
    return verdict


def must_pass(checked: Verdict | Diagnosis) -> Verdict:
    """Hand on the verdict of a check that has passed; an AssertionError with its message if it did not."""
    verdict = verdict_of(checked)
    assert verdict.passed, str(verdict)
    return verdict


def symptoms_table() -> str:
    """The map of symptoms in Markdown: a row a room."""
    rows = [f"| {room.sees} | {room.cause} | {room.mend} | {room.check} | {number} |" for number, room in enumerate(ROOMS, 1)]
    return "\n".join(["| you see | it is | mend it | what finds it | room |", "|---|---|---|---|---:|", *rows])


class Map:
    """The map of symptoms as a notebook shows it."""

    def __repr__(self) -> str:
        return f"a map of {len(ROOMS)} symptoms"

    def _repr_markdown_(self) -> str:
        return symptoms_table()


def page() -> str:
    """docs/symptoms.md."""
    return f"""# My spatial transformer does not work: a map of symptoms

Output all black, everything shrinks, mirrored, the loss does not move, fine on square images only: from what you see to its cause. Each
row is a room of [notebook 9]({NOTEBOOK}), where the bug can be met, and mended. `stn_tutorial.diagnose(model, images)` looks for most of
them in any net that samples pictures, by `SpatialTransformer` or by torch's `grid_sample`; `checks` is `stn_tutorial.teaching.checks`.

{symptoms_table()}

To be warned when a transformer dies, in any training loop:

```python
from stn_tutorial import Monitor

with Monitor(model):
    train(model)
```
"""
