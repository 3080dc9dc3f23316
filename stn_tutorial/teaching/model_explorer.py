"""A trained net by hand: its input is moved in the browser, where the net runs if it can, and otherwise in the kernel (static/)."""

import base64
import copy
import itertools
import math

import torch
import traitlets
from torch import Tensor, nn

from ..files import short_reason
from ..geometry.sampler import sample
from ..geometry.similarity import Similarity
from ..networks.portable import localizer_bytes, portable
from ..networks.watching import find_transformer, outputs_of, thetas_of
from . import figures
from .browser_widget import LIVE, SCRIPT, BrowserWidget, fragment, one_thread
from .explorer import describe
from .images import as_the_model_has_it, check_batch, from_bytes, names_of_classes, to_bytes
from .picture import Picture, in_unit_range

FEW = 100  # images of which the page gets all at once


def moved(images: Tensor, degrees: float, scale: float, right: float, down: float) -> Tensor:
    """Images (N, C, H, W) turned counter-clockwise, enlarged, and shifted by shares of half their width and height."""
    angle = math.radians(degrees)
    aspect = images.shape[3] / images.shape[2]
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    theta = [angle, -math.log(scale), -cos * right + sin / aspect * down, -sin * aspect * right - cos * down]
    grid = Similarity(aspect).grid(torch.tensor([theta], device=images.device), tuple(images.shape[2:]))
    return sample(images, grid.to(images).expand(len(images), -1, -1, -1))


def in_text(content: bytes) -> str:
    """Bytes in base64, for JSON."""
    return base64.b64encode(content).decode()


def frozen_copy(model: nn.Module) -> nn.Module:
    """A copy of a model that no training changes: the answers may come from another thread than a training that goes on."""
    # what a module has kept of a forward pass hangs on a graph, and a graph cannot be copied
    kept = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Tensor)]
    memo = {id(value): value.detach().clone() for value in kept if not value.is_leaf}
    try:
        return copy.deepcopy(model, memo).eval()
    except Exception as error:  # whatever a part of it raises that cannot be copied
        raise ValueError(f"model must be one that can be copied, copy.deepcopy(model): {short_reason(error)}") from error


def in_browser(trainings: list[list[nn.Module]], shape: tuple[int, ...]) -> tuple[list[dict], list[bytes], list[list[bytes]]]:
    """What the browser needs to run nets on images (C, H, W) by itself; nothing unless it can run all.

    trainings: of each net what it was at moments of its training, the finished one last. Returns descriptions and weights of the
    finished nets, and of each the weights of its earlier localisers, in front of the same classifier.
    """
    nothing, nets, weights, earlier = ([], [], []), [], [], []
    for moments in trainings:
        try:
            found = [portable(model) for model in moments]
        except ValueError:
            return nothing
        description, finished = found[-1]
        split = localizer_bytes(description)
        if [1, *description["side"]] != list(shape):
            return nothing
        if any(other != description or every[split:] != finished[split:] for other, every in found):
            return nothing
        nets.append(description)
        weights.append(finished)
        earlier.append([every[:split] for _, every in found[:-1]])
    return nets, weights, earlier


class ModelExplorer(BrowserWidget):
    """A picture to be turned, scaled and shifted; where a trained net looks, what it then sees, and what it takes it for.

    `pose` is [degrees, scale, right, down] (as in `moved`), `index` the image, `net` which of the nets, `moment` which of the moments
    of its training (their steps are in `steps`; the last is the finished net); they are read and set from Python. `drawing` holds the pixels of a picture that was drawn in the browser in an image's place, or nothing. `theta`,
    `probabilities` and `seen` (the net's input, (1, C, H, W)) are the net's answer, from the kernel. A net of this package's
    digits runs in the browser as well (`nets`, `weights`), which then waits for nobody; the answer of another comes from the
    kernel, and while that is busy the old lattice stands there pale.

    Setting pose to anything but four finite numbers, the scale above 0, index to no image, net to no net, moment to none, or
    drawing to another number of pixels raises a TraitError.
    """

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    nets = traitlets.List(traitlets.Dict()).tag(sync=True)
    weights = traitlets.List(traitlets.Bytes()).tag(sync=True)
    net = traitlets.Int(0).tag(sync=True)
    localizers = traitlets.List(traitlets.List(traitlets.Bytes())).tag(sync=True)  # of each net, at its earlier moments
    steps = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    moment = traitlets.Int(0).tag(sync=True)
    family = traitlets.Dict().tag(sync=True)
    align_corners = traitlets.Bool().tag(sync=True)
    count = traitlets.Int().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    pictures = traitlets.Bytes().tag(sync=True)  # of all images, if they are few
    image = traitlets.Bytes().tag(sync=True)
    drawing = traitlets.CBytes().tag(sync=True)
    shape = traitlets.List().tag(sync=True)
    start = traitlets.List().tag(sync=True)
    pose = traitlets.List(traitlets.CFloat()).tag(sync=True)
    swing = traitlets.Bool(False).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answered = traitlets.List().tag(sync=True)  # the net, moment, index and pose that the answer belongs to
    theta = traitlets.List().tag(sync=True)
    probabilities = traitlets.List().tag(sync=True)
    output = traitlets.Bytes().tag(sync=True)
    output_shape = traitlets.List().tag(sync=True)

    def __init__(
        self,
        trainings: dict[str, dict[int, nn.Module]],
        images: Tensor,
        classes: list[str] | None,
        degrees: float,
        titles: list[str],
    ):
        self.trainings = [[frozen_copy(model) for model in moments.values()] for moments in trainings.values()]
        self.images, last = images, len(self.trainings[0]) - 1
        self.choose(0, last)
        pixels, shape = to_bytes(self.images[0])
        start = [float(degrees), 1.0, 0.0, 0.0]
        nets, weights, localizers = in_browser(self.trainings, images.shape[1:])
        few = bool(nets) and len(images) <= FEW
        super().__init__(
            names=list(trainings),
            nets=nets,
            weights=weights,
            localizers=localizers,
            steps=[list(moments) for moments in trainings.values()],
            moment=last,
            family=describe(self.transformer.family),
            align_corners=self.transformer.align_corners,
            count=len(images),
            titles=titles,
            pictures=b"".join(to_bytes(image)[0] for image in images) if few else b"",
            image=pixels,
            shape=list(shape),
            start=start,
            pose=start,
        )
        try:
            told = []
            for k, moment in reversed(list(itertools.product(range(len(trainings)), range(last + 1)))):  # the first net last
                self.choose(k, moment)
                told.append(len(self.answer()))
            self.choose(0, last)
            self.answer()
            wanted = told[-1]
            if len(set(told)) > 1:
                raise ValueError(f"model must hold nets that tell apart equally many classes, got {told[::-1]}")
            if classes and len(classes) != wanted:
                raise ValueError(f"classes must be {wanted} names, as many as the model tells apart, got {len(classes)}")
        except Exception:
            self.close()
            raise
        self.classes = classes or [str(k) for k in range(wanted)]
        self.observe(self._moved, ["pose", "index", "net", "moment", "drawing"])

    def choose(self, k: int, moment: int) -> None:
        """Take the k-th net, as it was at a moment of its training."""
        self.model = self.trainings[k][moment]
        self.transformer = find_transformer(self.model)

    @traitlets.validate("pose")
    def _check_pose(self, proposal):
        pose = proposal["value"]
        if len(pose) != 4 or not all(abs(value) < float("inf") for value in pose) or pose[1] <= 0:
            raise traitlets.TraitError(f"pose must be four finite numbers (degrees, scale above 0, right, down), got {pose}")
        return pose

    @traitlets.validate("index")
    def _check_index(self, proposal):
        if not 0 <= proposal["value"] < self.count:
            raise traitlets.TraitError(f"index must lie in [0, {self.count - 1}], got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("net")
    def _check_net(self, proposal):
        if not 0 <= proposal["value"] < len(self.names):
            raise traitlets.TraitError(f"net must lie in [0, {len(self.names) - 1}], got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("moment")
    def _check_moment(self, proposal):
        if not 0 <= proposal["value"] < len(self.steps[0]):
            raise traitlets.TraitError(f"moment must lie in [0, {len(self.steps[0]) - 1}], got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("drawing")
    def _check_drawing(self, proposal):
        if len(proposal["value"]) not in (0, math.prod(self.shape)):
            raise traitlets.TraitError(f"drawing must have {math.prod(self.shape)} bytes or none, got {len(proposal['value'])}")
        return proposal["value"]

    def _moved(self, change) -> None:
        """Let the net answer; what goes wrong is shown beside the picture."""
        self.problem = ""
        try:
            with self.hold_sync():
                if change["name"] in ("net", "moment"):
                    self.choose(self.net, self.moment)
                    self.family = describe(self.transformer.family)
                    self.align_corners = self.transformer.align_corners
                self.image = to_bytes(self.images[self.index])[0]
                self.answer()
        except Exception as error:  # a learner's net may raise anything, and the learner shall see it
            self.problem = f"{type(error).__name__}: {error}"

    def answer(self) -> list[float]:
        """Show the net the picture as it lies, and keep what it makes of it; returns the probabilities of the classes."""
        drawn = from_bytes(self.drawing, self.shape)[None] if self.drawing else None
        image = self.images[self.index : self.index + 1] if drawn is None else drawn
        seen = moved(in_unit_range(image).float(), *self.pose)
        with one_thread(), torch.no_grad(), thetas_of(self.model) as thetas, outputs_of(self.transformer) as outputs:
            logits = self.model(as_the_model_has_it(seen, self.model))
        if not isinstance(logits, Tensor) or logits.dim() != 2 or logits.shape[0] != 1 or logits.shape[1] < 2:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(f"model must answer logits (N, classes) of two classes or more, for one image got {got}")
        if not outputs or not thetas:
            raise ValueError("model must call its first SpatialTransformer as a module, as in stn(images), and not in parts")
        probabilities = logits[0].float().softmax(dim=0).cpu()
        for name, values in (("theta", thetas[0]), ("the transformer's output", outputs[0]), ("logits", probabilities)):
            if not bool(torch.isfinite(values).all()):
                raise ValueError(f"model must answer finite values, got NaN or infinity in {name}")
        output, shape = to_bytes(outputs[0][0])
        self.seen, self.output, self.output_shape = seen.cpu(), output, list(shape)
        self.theta, self.probabilities = thetas[0][0].tolist(), probabilities.tolist()
        self.answered = [self.net, self.moment, self.index, *self.pose]
        return self.probabilities

    def render(self) -> Picture:
        """The net's last answer as a still picture, for places without a front end."""
        _, _, index, degrees, scale, right, down = self.answered
        title = f"{'a drawing' if self.drawing else f'image {index}'}: {round(degrees):+d} degrees, {scale:.2f} times as large, moved by ({right:+.2f}, {down:+.2f})"
        output, seen = from_bytes(self.output, self.output_shape), from_bytes(*to_bytes(self.seen[0]))
        theta, probabilities = (torch.tensor(numbers, device="cpu") for numbers in (self.theta, self.probabilities))
        family, align = self.transformer.family, self.align_corners
        return figures.verdict(seen, family, theta, output, probabilities, title, self.classes, align)

    def _repr_mimebundle_(self, **options):
        data, metadata = self.render()._repr_mimebundle_()
        if self.nets and self.pictures:
            data[LIVE] = {"widget": "explorer", "state": self.standing()}
        return self.with_stand_in(super()._repr_mimebundle_(**options), data, metadata)

    def standing(self) -> dict:
        """All that an explorer in a page of its own is made from, as values for JSON; a ValueError if it needs a kernel."""
        if not self.nets:
            raise ValueError("to_html needs nets that the browser can run: networks.portable says which")
        if not self.pictures:
            raise ValueError(f"to_html needs at most {FEW} images, got {self.count}")
        names = (
            *(
                "names",
                "nets",
                "net",
                "steps",
                "moment",
                "family",
                "align_corners",
                "count",
                "index",
                "titles",
                "shape",
                "start",
            ),
            *("pose", "swing", "classes", "output_shape", "problem"),
        )
        state = {name: getattr(self, name) for name in names}
        state |= {name: in_text(getattr(self, name)) for name in ("pictures", "drawing")}
        state |= {"localizers": [[in_text(weights) for weights in earlier] for earlier in self.localizers]}
        return state | {"weights": [in_text(weights) for weights in self.weights]}

    def to_html(self) -> str:
        """One HTML fragment that holds the explorer as it stands, and works with no kernel and no network.

        Raises ValueError for a net that the browser cannot run, and for more images than a page can be asked to carry.
        """
        return fragment(SCRIPT, self.standing())


def explore_model(
    model: nn.Module | dict[str, nn.Module | dict[int, nn.Module]],
    images: Tensor,
    classes: list[str] | None = None,
    degrees: float = 0.0,
    titles: list[str] | None = None,
) -> ModelExplorer:
    """Turn, scale and shift the input of a trained net by hand: where it looks, what it sees there, what it takes it for.

    model: a classifier with a `SpatialTransformer` in it, which is copied as it is now, or several by their names, to change
    between; in place of a net a training may stand, {step: the net as it was then}, the finished net last (`networks.snapshots` has
    those of shipped nets), to step through. images: (N, C, H, W), uint8 or in [0, 1]. classes: their names, numbers unless told. degrees: how far the picture is
    turned at first. titles: what each image is, in a few words. A shipped net, or another `TransformedNet` of digits, runs in the
    browser: it answers at once, and `to_html()` needs no kernel. Raises ValueError for a model without a transformer or
    with a family that has no explorer, for images of another shape, for too few or too many classes or titles, for nets
    that answer differently many classes, and for trainings with differently many moments.

    >>> from stn_tutorial import load, pretrained
    >>> explorer = explore_model(pretrained("mnist-r/st-cnn-affine-still"), load("mnist").test_images[:3], degrees=40)
    >>> len(explorer.probabilities)
    10
    """
    models = model if isinstance(model, dict) else {"the net": model}
    trainings = {name: net if isinstance(net, dict) else {0: net} for name, net in models.items()}
    nets = [net for moments in trainings.values() for net in moments.values()]
    if not nets or any(not isinstance(net, nn.Module) or find_transformer(net) is None for net in nets):
        raise ValueError("model must have a SpatialTransformer in it")
    told = [len(moments) for moments in trainings.values()]
    if len(set(told)) > 1:
        raise ValueError(f"model must hold trainings with equally many moments, got {told}")
    check_batch(images)
    classes = None if classes is None else names_of_classes(classes, 0)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles must be one for each of {len(images)} images, got {len(titles)}")
    titles = titles or ([f"image {k}" for k in range(len(images))] if len(images) <= FEW else [])
    return ModelExplorer(trainings, images, classes, degrees, titles)
