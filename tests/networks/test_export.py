"""Export: files that run elsewhere. Kinds: every family, both samplers, batches of one and of many, both endings, nets that cannot."""

import re

import pytest
import torch
from torch import nn

import stn_tutorial
from stn_tutorial import Affine, SpatialTransformer, export, pretrained
from stn_tutorial.__main__ import main
from stn_tutorial.geometry.families import FAMILIES
from stn_tutorial.networks import export as exporting
from stn_tutorial.networks.weights import SHIPPED
from stn_tutorial.training import data, offline

# an export takes seconds, and the sampler from scratch is the same for all families
with_both_samplers = pytest.mark.parametrize(
    ("name", "sampler"), [*((name, "torch") for name in FAMILIES), ("affine", "scratch"), ("tps", "scratch")]
)
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:FutureWarning")


def noise(*shape) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def awake(stn: nn.Module) -> nn.Module:
    """A transformer whose theta depends on the image."""
    torch.manual_seed(0)
    nn.init.normal_(stn.localization.last.weight, std=0.1)
    return stn.eval()


def transformer(name: str, **options) -> SpatialTransformer:
    return awake(SpatialTransformer.for_images((1, 10, 10), FAMILIES[name](), **options))


def run_onnx(file, images: torch.Tensor) -> torch.Tensor:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


@with_both_samplers
def test_a_program_of_every_family_takes_any_batch(name, sampler, tmp_path):
    stn = transformer(name, sampler=sampler)
    assert export(stn, tmp_path / "stn.pt2") < 1e-5
    program = torch.export.load(tmp_path / "stn.pt2").module()
    for count in (1, 7, 64):
        torch.testing.assert_close(program(noise(count, 1, 10, 10)), stn(noise(count, 1, 10, 10)), rtol=1e-5, atol=1e-5)


@with_both_samplers
def test_onnxruntime_runs_every_family_on_any_batch(name, sampler, tmp_path):
    pytest.importorskip("onnxruntime")
    stn = transformer(name, sampler=sampler, fill=0.3)
    assert export(stn, tmp_path / "stn.onnx") < 1e-4
    for count in (1, 7, 64):
        images = noise(count, 1, 10, 10)
        torch.testing.assert_close(run_onnx(tmp_path / "stn.onnx", images), stn(images), rtol=1e-4, atol=1e-4)


@with_both_samplers
def test_a_trace_takes_any_batch_and_keeps_the_size_that_it_saw(name, sampler):
    stn = transformer(name, sampler=sampler)  # size=None: the input's
    traced = torch.jit.trace(stn, noise(3, 1, 10, 10))
    for count in (1, 7, 64):
        torch.testing.assert_close(traced(noise(count, 1, 10, 10)), stn(noise(count, 1, 10, 10)), rtol=1e-5, atol=1e-5)


def test_the_net_stays_as_it_came(tmp_path):
    net = SpatialTransformer.for_images((1, 8, 8), Affine()).double().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    assert stn_tutorial.export is export
    export(net, str(tmp_path / "net.pt2"))
    assert net.training and all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    program = torch.export.load(tmp_path / "net.pt2").module()
    assert program(torch.zeros(3, 1, 8, 8)).dtype == torch.float32


class Answering(nn.Module):
    """A net of somebody else's: what it does with images is told as a function."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return self.answer(self, images)


def test_a_net_that_answers_several_things(tmp_path):
    stn = transformer("affine")
    net = Answering(lambda self, images: {"seen": stn(images), "theta": stn.theta(images)})
    assert export(net, tmp_path / "net.pt2", noise(5, 1, 10, 10)) < 1e-5
    found = torch.export.load(tmp_path / "net.pt2").module()(noise(9, 1, 10, 10))
    assert found["theta"].shape == (9, 6) and found["seen"].shape == (9, 1, 10, 10)


REFUSED = {
    "file must end in .onnx or .pt2": (lambda: transformer("affine"), "net.pt", None),
    "images must be named for a model without a localiser": (lambda: nn.Linear(3, 2), "net.pt2", None),
    "images must be a batch of at least one": (lambda: nn.Linear(3, 2), "net.pt2", torch.zeros(0, 3)),
    "cannot be exported for batches of any size": (
        lambda: Answering(lambda self, images: images.reshape(2, -1)[:, :1] if len(images) == 2 else images),
        "net.pt2",
        noise(4, 3),
    ),
    "differs from the model by 1 on a batch of 1": (
        lambda: Answering(lambda self, images: images + float(torch.compiler.is_compiling())),
        "net.pt2",
        noise(4, 3),
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_exported_leaves_no_file(reason, tmp_path):
    build, name, images = REFUSED[reason]
    (tmp_path / name).write_bytes(b"the one before")
    with pytest.raises(ValueError, match=re.escape(reason)):
        export(build(), tmp_path / name, images)
    assert (tmp_path / name).read_bytes() == b"the one before"


def test_what_is_lacking_for_onnx_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"stn-tutorial\[export\]"):
        export(transformer("affine"), tmp_path / "net.onnx")
    with pytest.raises(SystemExit, match=r"error: .*stn-tutorial\[export\]"):
        main(["export", next(iter(SHIPPED)), str(tmp_path / "net.onnx")])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_net_from_the_command_line(name, root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STN_DATA", str(root))
    data.write_cache(root / "cifar10.npz", offline.shapes_sample(60, 100))
    main(["export", name, str(tmp_path / "net.pt2")])
    assert re.search(r"net.pt2: .* 100 of 100 test images", capsys.readouterr().out)
    net, program = pretrained(name), torch.export.load(tmp_path / "net.pt2").module()
    images = noise(7, *exporting.noise_for(net).shape[1:])
    torch.testing.assert_close(program(images), net(images), rtol=1e-4, atol=1e-4)


def test_a_shipped_net_in_onnxruntime(root, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("STN_DATA", str(root))
    main(["export", "mnist-r/st-cnn-affine-still", str(tmp_path / "net.onnx")])
    assert "reads 100 of 100 test images" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["mnist-r/st-cnn", "net.pt2"], ["mnist-r/st-cnn-affine", "net.txt"]])
def test_the_command_line_refuses_in_a_sentence(arguments, root, tmp_path, monkeypatch):
    monkeypatch.setenv("STN_DATA", str(root))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"error: (name must be one of|file must end in)"):
        main(["export", *arguments])
    assert list(tmp_path.glob("net*")) == []
