"""A net out of the door: as an ONNX file or a program of torch.export, for batches of any size, compared with the net before it is written."""

import copy
import importlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ..arguments import check_model, check_tensor, path_of
from ..files import short_reason, write_atomically
from .localization import Localizer
from .watching import transformers_of

ENDINGS = (".onnx", ".pt2")
BATCHES = (1, 7, 64)  # of images: on so many at once, file and net are compared
TOLERANCE = 1e-4
OPSET = 18  # of ONNX; the first with everything that a warp needs is 16


def export(model: nn.Module, file: Path | str, images: Tensor | None = None) -> float:
    """Write a net that takes images to a file that runs without this package, and for batches of any size.

    file: its ending says what is written: ".onnx" for onnxruntime and others (needs the extra `export`), ".pt2" for
    `torch.export.load`. images: (N, C, H, W), what the net is for, such as test images; the answers of file and net are
    compared on them in batches of 1, 7 and 64. None: noise of the shape that the net's first localiser was made for.

    The net is written in evaluation mode and float32, and left as it came. Returns the largest difference found between an
    answer of the file and one of the net. Raises ValueError, and writes nothing, when an answer differs by more than 1e-4 of
    the largest, for another ending, for a net that cannot be exported, and for images that must be named; ImportError that
    says what to install; OSError when the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> from stn_tutorial import Affine, SpatialTransformer
    >>> stn = SpatialTransformer.for_images((1, 8, 8), Affine())
    >>> with TemporaryDirectory() as folder:
    ...     difference = export(stn, Path(folder) / "stn.pt2")
    ...     program = torch.export.load(Path(folder) / "stn.pt2").module()
    >>> difference < 1e-4
    True
    >>> program(torch.rand(5, 1, 8, 8)).shape
    torch.Size([5, 1, 8, 8])
    """
    check_model(model)
    file = path_of("file", file)
    if file.suffix not in ENDINGS:
        raise ValueError(f"file must end in {' or '.join(ENDINGS)}, got {str(file)!r}")
    if file.suffix == ".onnx":
        check_installed()
    frozen = copy.deepcopy(model).to("cpu", torch.float32).eval()
    if images is not None:
        check_tensor("images", images)
    images = noise_for(frozen) if images is None else images.detach().to("cpu", torch.float32)
    if images.dim() < 2 or not len(images):
        raise ValueError(f"images must be a batch of at least one, (N, C, H, W), got shape {tuple(images.shape)}")
    program = exported(frozen, images)
    content = (as_onnx if file.suffix == ".onnx" else as_bytes)(program)
    difference = largest_difference(frozen, runner(content, file.suffix), images)
    write_atomically(file, content)
    return difference


def check_installed() -> None:
    """Raise an ImportError that says what to install unless ONNX files can be written and run."""
    try:
        for name in ("onnx", "onnxruntime", "onnxscript"):
            importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"an ONNX file needs the extra packages of stn-tutorial[export]: {error}") from error


def noise_for(model: nn.Module) -> Tensor:
    """Noise of the shape that the first localiser of a model was made for; a ValueError where none tells its shape."""
    for transformer in transformers_of(model).values():
        for part in transformer.localization.modules():
            if isinstance(part, Localizer):
                return torch.rand(max(BATCHES), *part.in_shape, generator=torch.Generator("cpu").manual_seed(0), device="cpu")
    raise ValueError("images must be named for a model without a localiser of this package: some that the model is for")


@torch.no_grad()
def exported(model: nn.Module, images: Tensor) -> torch.export.ExportedProgram:
    """A model as a program of torch.export that takes batches of any size; a ValueError if it cannot become one."""
    two = images[:1].expand(2, *images.shape[1:]).contiguous()  # a batch of one would be taken for one that is always of one
    try:
        return torch.export.export(model, (two,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    except Exception as error:  # whatever a stranger's forward does that torch cannot follow
        raise ValueError(f"model cannot be exported for batches of any size: {short_reason(error)}") from error


def as_bytes(program: torch.export.ExportedProgram) -> bytes:
    """What `torch.export.load` reads."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No complete tensor found")  # a spline's table is a part of a larger one
        torch.export.save(program, buffer)
    return buffer.getvalue()


def as_onnx(program: torch.export.ExportedProgram) -> bytes:
    """What onnxruntime reads; its input is called "images". A ValueError for what ONNX has no word for."""
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the translation itself does with torch
            torch.onnx.export(program, (), input_names=["images"], opset_version=OPSET, verbose=False).save(buffer)
    except Exception as error:  # of the translator's own kinds
        raise ValueError(f"model cannot be written as ONNX: {short_reason(error)}") from error
    return buffer.getvalue()


def runner(content: bytes, ending: str) -> Callable[[Tensor], list[Tensor]]:
    """A function from images to all that a file's program answers, as onnxruntime or torch run it from the file's bytes."""
    if ending == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        return lambda images: [torch.from_numpy(answer) for answer in session.run(None, {"images": images.numpy()})]
    program = torch.export.load(io.BytesIO(content)).module()
    return lambda images: tree_leaves(program(images))


@torch.no_grad()
def largest_difference(model: nn.Module, run: Callable[[Tensor], list[Tensor]], images: Tensor) -> float:
    """How far the answers of a file's program are from the model's, for batches of every size; a ValueError if too far."""
    largest = 0.0
    for count in BATCHES:
        batch = images[torch.arange(count, device="cpu") % len(images)]
        try:
            found = run(batch)
        except Exception as error:  # onnxruntime has many kinds
            raise ValueError(f"what was exported does not run on a batch of {count}: {short_reason(error)}") from error
        wanted = tree_leaves(model(batch))
        if [answer.shape for answer in found] != [answer.shape for answer in wanted]:
            raise ValueError(f"what was exported answers other shapes than the model on a batch of {count}")
        for ours, theirs in zip(wanted, found, strict=True):
            difference = float((ours.double() - theirs.double()).abs().max())
            if not difference <= TOLERANCE * max(1.0, float(ours.abs().max())):
                raise ValueError(f"what was exported differs from the model by {difference:.2g} on a batch of {count}")
            largest = max(largest, difference)
    return largest
