"""The nets that run in the browser against torch, on 1,000 real digits: in node, and in Chromium if there is one."""

import base64
import json

import pytest
import torch
from test_explorer_js import in_node
from torch import Tensor, nn

from stn_tutorial import Rotation, ThinPlateSpline, Translation, pretrained, sample
from stn_tutorial.networks import models
from stn_tutorial.networks.localization import LocalizationNet
from stn_tutorial.networks.models.parts import in_front, normed_relu
from stn_tutorial.networks.portable import portable
from stn_tutorial.networks.watching import thetas_of
from stn_tutorial.networks.weights import SHIPPED
from stn_tutorial.teaching.browser_widget import SCRIPT

LIVE = ("mnist-r/st-cnn-affine", "mnist-r/st-cnn-affine-still")
PROGRAM = """(() => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const net = stn.readNet(given.description, bytes(given.weights));
  const values = new Float32Array(bytes(given.images).buffer), [height, width] = given.description.side;
  return Array.from({ length: given.count }, (_, k) => {
    const data = values.subarray(k * height * width, (k + 1) * height * width);
    const { theta, logits } = stn.answer(net, { data, height, width, channels: 1 });
    return [theta, logits];
  });
})()"""


def in_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def asked(net: nn.Module, images: Tensor) -> dict:
    """What PROGRAM wants to know to answer images (N, 1, H, W)."""
    description, weights = portable(net)
    pixels = in_text(images.numpy().astype("<f4").tobytes())
    return {"description": description, "weights": in_text(weights), "images": pixels, "count": len(images)}


def check(net: nn.Module, images: Tensor, answers: list, tolerance: float) -> None:
    """Assert that answers, [theta, logits] each, are those of torch: the same class, logits and theta within a tolerance."""
    with torch.no_grad(), thetas_of(net.eval()) as thetas:
        logits = net(images)
    assert torch.allclose(torch.tensor([theta for theta, _ in answers]), thetas[0], atol=tolerance)
    found = torch.tensor([numbers for _, numbers in answers])
    assert float((found - logits).abs().max()) <= tolerance
    assert torch.equal(found.argmax(dim=1), logits.argmax(dim=1))


@pytest.fixture(scope="module")
def turned(digits) -> Tensor:
    """1,000 real digits, turned by -90 to 90 degrees: (1000, 1, 28, 28) in [0, 1]."""
    images = digits.test_images[:1000].float() / 255
    assert len(images) == 1000
    angles = torch.deg2rad((37.0 * torch.arange(1000)) % 181 - 90)
    return sample(images, Rotation().grid(angles[:, None], (28, 28)))


@pytest.mark.parametrize("name", LIVE)
def test_a_thousand_digits_in_node(tmp_path, turned, name):
    net = pretrained(name)
    check(net, turned, in_node(tmp_path, PROGRAM, asked(net, turned)), tolerance=1e-3)


def test_a_thousand_digits_in_chromium(chromium, turned):
    page = chromium.new_page()
    module = "data:text/javascript;base64," + in_text(SCRIPT.encode())
    for name in LIVE:
        net = pretrained(name)
        run = f"async (given) => {{ const stn = await import({json.dumps(module)}); return {PROGRAM}; }}"
        check(net, turned, page.evaluate(run, asked(net, turned)), tolerance=1e-3)
    page.close()


def of_any_kind() -> dict[str, nn.Module]:
    """Nets with what the live ones lack: untrained, so that every layer of theirs is told apart from a copy."""
    plain = nn.Sequential(
        models.Normalize((0.2,), (0.5,)),
        nn.Conv2d(1, 3, (3, 2)),
        *normed_relu(3),
        nn.AvgPool2d(3),
        nn.Conv2d(3, 5, 1, bias=False),
        nn.BatchNorm2d(5, affine=False),
        nn.Flatten(),
        nn.Linear(360, 7),
        nn.ReLU(),
        nn.Linear(7, 3),
    )
    aligned = in_front(LocalizationNet((1, 28, 28), Translation()), Translation(), 28, plain)
    aligned.transformer.align_corners, aligned.transformer.padding_mode = True, "reflection"
    found = {
        "fully connected": models.paper_st_fcn(Rotation(), hidden=64),
        "spline, 42 pixels": models.paper_st_cnn(ThinPlateSpline(4), 42),
        "aligned corners, odd sides": aligned,
    }
    for net in found.values():
        nn.init.normal_(net.transformer.localization[-1].last.weight, std=0.1)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                if module.affine:
                    nn.init.uniform_(module.weight, 0.5, 2)
                    nn.init.normal_(module.bias)
    return found


def test_every_shipped_net_of_digits_and_every_kind_of_layer(tmp_path):
    torch.manual_seed(0)
    nets = {name: pretrained(name) for name in SHIPPED if not name.startswith("cifar10")} | of_any_kind()
    for name, net in nets.items():
        side = portable(net)[0]["side"]
        images = torch.rand(8, 1, *side)
        exact = name in SHIPPED  # of others, float16 rounds the weights
        check(net, images, in_node(tmp_path, PROGRAM, asked(net, images)), tolerance=1e-3 if exact else 2e-2)


def test_weights_of_another_length_are_refused(tmp_path):
    given = asked(pretrained(LIVE[0]), torch.rand(1, 1, 28, 28))
    program = f"(() => {{ try {{ return {PROGRAM}; }} catch (error) {{ return error.message; }} }})()"
    longer = given | {"weights": in_text(base64.b64decode(given["weights"]) + b"\0\0")}
    assert "the weights must have 234424 bytes" in in_node(tmp_path, program, longer)


def test_a_drawing_becomes_a_picture_as_mnist_has_them(tmp_path):
    """It fills a box of 20 pixels, and its centre of mass lies in the middle, wherever and however large it was drawn."""
    seven = [[[2, 3], [9, 3], [5, 12]]]
    small_and_aside = [[[20 + x / 2, 18 + y / 2] for x, y in seven[0]]]
    two_strokes = [*seven, [[4, 8], [9, 8]]]
    found = in_node(
        tmp_path, "given.map((strokes) => Array.from(stn.pictureOf(strokes)))", [seven, small_and_aside, two_strokes]
    )
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    for pixels in found:
        picture = torch.tensor(pixels).view(28, 28)
        assert picture.max() == 255 and picture.min() == 0
        for axis in (rows, columns):
            assert float((picture * axis).sum() / picture.sum()) == pytest.approx(13.5, abs=0.1)
        assert 19 <= max(len(axis[picture > 127].unique()) for axis in (rows, columns)) <= 21
    assert torch.tensor(found[0]).sub(torch.tensor(found[1])).abs().float().mean() < 2  # the same digit
    dot, nothing = in_node(tmp_path, "given.map((strokes) => Array.from(stn.pictureOf(strokes)))", [[[[3, 3]]], []])
    assert 0 < sum(value > 0 for value in dot) <= 16 and not any(nothing)


def test_a_knob_and_two_fingers_turn_scale_and_move(tmp_path):
    poses = [[0, 1, 0, 0], [170, 0.8, 0.2, -0.1], [-60, 1.4, -0.3, 0.4]]
    program = """given.map((pose) => {
      const out = (x, y) => [14 * x, 14 * y], back = (x, y) => [x / 14, y / 14];
      const centre = out(...pose.slice(2));
      const places = (turn, times) => [0, 2].map((k) => { // two fingers about the picture's centre
        const angle = Math.PI * (k / 2) + turn;
        return [centre[0] + times * 9 * Math.cos(angle), centre[1] + times * 9 * Math.sin(angle)];
      });
      const knob = stn.knobOfPose(pose, 1);
      return {
        stays: stn.poseWithKnob(pose, ...knob, 1),
        right: stn.poseWithKnob(pose, pose[2] + 1, pose[3], 1),
        turned: stn.poseWithFingers(pose, places(0, 1), places(Math.PI / 6, 1.2), out, back),
        moved: stn.poseWithFingers(pose, places(0, 1), places(0, 1).map(([x, y]) => [x + 2.8, y - 1.4]), out, back),
      };
    })"""
    for pose, found in zip(poses, in_node(tmp_path, program, poses), strict=True):
        degrees, scale, *place = pose
        assert found["stays"] == pytest.approx(pose)
        assert found["right"] == pytest.approx([-90, scale, *place])  # clockwise
        turned_by = (degrees - 30 + 180) % 360 - 180  # to the right on the screen is clockwise
        assert found["turned"] == pytest.approx([turned_by, 1.2 * scale, *place])
        assert found["moved"] == pytest.approx([degrees, scale, place[0] + 0.2, place[1] - 0.1])
