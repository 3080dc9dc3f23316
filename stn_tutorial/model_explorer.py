"""A trained net by hand: its input is dragged in the browser, the net answers in the kernel (static/explorer.js)."""

import copy
import math

import torch
import traitlets
from torch import Tensor, nn

from . import plots
from .explorer import BrowserWidget, description, one_thread, to_bytes
from .sampler import sample
from .training import find_transformer, thetas_of
from .transforms import Similarity


def moved(images: Tensor, degrees: float, scale: float, right: float, down: float) -> Tensor:
    """Images (N, C, H, W) turned counter-clockwise, enlarged, and shifted by shares of half their width and height."""
    angle = math.radians(degrees)
    aspect = images.shape[3] / images.shape[2]
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    theta = [angle, -math.log(scale), -cos * right + sin / aspect * down, -sin * aspect * right - cos * down]
    grid = Similarity(aspect).grid(torch.tensor([theta]), tuple(images.shape[2:]))
    return sample(images, grid.to(images).expand(len(images), -1, -1, -1))


class ModelExplorer(BrowserWidget):
    """A picture to be turned, scaled and shifted; where a trained net looks, what it then sees, and what it takes it for.

    `pose` is [degrees, scale, right, down] (as in `moved`), `index` the image; both are read and set from Python. `theta`,
    `probabilities` and `seen` (the net's input, (1, C, H, W)) are the net's answer. The input follows the hand in the
    browser; the answer comes from the kernel, and while that is busy the old lattice stands there pale.

    Setting pose to anything but four finite numbers, the scale above 0, or index to no image, raises a TraitError.
    """

    family = traitlets.Dict().tag(sync=True)
    count = traitlets.Int().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    image = traitlets.Bytes().tag(sync=True)
    shape = traitlets.List().tag(sync=True)
    pose = traitlets.List(traitlets.CFloat()).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answered = traitlets.List().tag(sync=True)  # the index and pose that the answer belongs to
    theta = traitlets.List().tag(sync=True)
    probabilities = traitlets.List().tag(sync=True)
    output = traitlets.Bytes().tag(sync=True)
    output_shape = traitlets.List().tag(sync=True)

    def __init__(self, model: nn.Module, images: Tensor, classes: list[str] | None, degrees: float):
        # a copy: the answers may come from another thread than a training of the model that goes on
        self.model = copy.deepcopy(model).eval()
        self.transformer = find_transformer(self.model)
        self.images = images.float() / 255 if images.dtype == torch.uint8 else images
        pixels, shape = to_bytes(self.images[0])
        family = description(self.transformer.family)
        super().__init__(family=family, count=len(images), image=pixels, shape=list(shape), pose=[degrees, 1.0, 0.0, 0.0])
        wanted = len(self.answer())
        if classes and len(classes) != wanted:
            raise ValueError(f"classes must be {wanted} names, as many as the model tells apart, got {len(classes)}")
        self.classes = classes or [str(k) for k in range(wanted)]
        self.observe(self._moved, ["pose", "index"])

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

    def _moved(self, change) -> None:
        """Let the net answer; what goes wrong is shown beside the picture."""
        self.problem = ""
        try:
            with self.hold_sync():
                self.image = to_bytes(self.images[self.index])[0]
                self.answer()
        except Exception as error:  # a learner's net may raise anything, and the learner shall see it
            self.problem = f"{type(error).__name__}: {error}"

    def answer(self) -> list[float]:
        """Show the net the picture as it lies, and keep what it makes of it; returns the probabilities of the classes."""
        self.seen = moved(self.images[self.index : self.index + 1], *self.pose)
        device, outputs = next(self.model.parameters()).device, []
        keep = self.transformer.register_forward_hook(lambda module, inputs, output: outputs.append(output.float().cpu()))
        try:
            with one_thread(), thetas_of(self.model) as thetas, torch.no_grad():
                logits = self.model(self.seen.to(device))
        finally:
            keep.remove()
        self.warped = outputs[0][0]
        self.output, shape = to_bytes(self.warped)
        self.output_shape, self.theta = list(shape), thetas[0][0].tolist()
        self.probabilities = logits[0].float().softmax(dim=0).tolist()
        self.answered = [self.index, *self.pose]
        return self.probabilities

    def render(self) -> plots.Picture:
        """The explorer as it stands as a still picture, for places without a front end."""
        degrees, scale, right, down = self.pose
        title = (
            f"image {self.index}: {round(degrees):+d} degrees, {scale:.2f} times as large, moved by ({right:+.2f}, {down:+.2f})"
        )
        output, shape = to_bytes(self.warped)
        output = torch.frombuffer(bytearray(output), dtype=torch.uint8).view(shape).permute(2, 0, 1)
        theta, probabilities = torch.tensor(self.theta), torch.tensor(self.probabilities)
        return plots.verdict(self.seen[0], self.transformer.family, theta, output, probabilities, title, self.classes)

    def _repr_mimebundle_(self, **options):
        data, metadata = self.render()._repr_mimebundle_()
        return self.joined(super()._repr_mimebundle_(**options), data, metadata)


def explore_model(model: nn.Module, images: Tensor, classes: list[str] | None = None, degrees: float = 0.0) -> ModelExplorer:
    """Turn, scale and shift the input of a trained net by hand: where it looks, what it sees there, what it takes it for.

    model: a classifier with a `SpatialTransformer` in it, which is copied as it is now; images: (N, C, H, W), uint8 or in [0, 1]. classes: their names,
    numbers unless told. degrees: how far the picture is turned at first. Raises ValueError for a model without a
    transformer or with a family that has no explorer, for images of another shape, and for too few or too many classes.
    """
    if find_transformer(model) is None:
        raise ValueError("model must have a SpatialTransformer in it")
    if images.dim() != 4 or 0 in images.shape:
        raise ValueError(f"images must have shape (N, C, H, W), none of them zero, got {tuple(images.shape)}")
    return ModelExplorer(model, images, classes, degrees)
