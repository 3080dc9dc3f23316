"""The nets of the literature are the published ones, and the training options that they need do what they say."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchsummary import summary

from stn_tutorial import Affine
from stn_tutorial.networks import models
from stn_tutorial.networks.watching import find_transformer
from stn_tutorial.training.augmentation import cut_out, flip_and_shift
from stn_tutorial.training.data import from_arrays
from stn_tutorial.training.distortions import DISTORTIONS, Upright
from stn_tutorial.training.experiment import published
from stn_tutorial.training.experiments import EXPERIMENTS
from stn_tutorial.training.recipe import Recipe
from stn_tutorial.training.trainer import Trainer, fit


class Published(nn.Module):
    """The seed's network, written down as its torchsummary table names it."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 7), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(64, 128, 5), nn.MaxPool2d(2), nn.ReLU()
        )
        self.regressor = nn.Sequential(nn.Linear(2048, 256), nn.ReLU(), nn.Linear(256, 6))
        self.first, self.second, self.drop = nn.Conv2d(3, 16, 5), nn.Conv2d(16, 32, 5), nn.Dropout2d()
        self.hidden, self.last = nn.Linear(800, 1024), nn.Linear(1024, 10)

    def forward(self, x):
        theta = self.regressor(self.features(x).flatten(1)).view(-1, 2, 3)
        x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)
        x = F.relu(F.max_pool2d(self.first(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.second(x)), 2))
        x = F.dropout(F.relu(self.hidden(x.flatten(1))), training=self.training)
        return F.log_softmax(self.last(x), dim=1)


TABLE = """
Conv2d-1 [-1, 64, 26, 26] 9,472
MaxPool2d-2 [-1, 64, 13, 13] 0
ReLU-3 [-1, 64, 13, 13] 0
Conv2d-4 [-1, 128, 9, 9] 204,928
MaxPool2d-5 [-1, 128, 4, 4] 0
ReLU-6 [-1, 128, 4, 4] 0
Linear-7 [-1, 256] 524,544
ReLU-8 [-1, 256] 0
Linear-9 [-1, 6] 1,542
Conv2d-10 [-1, 16, 28, 28] 1,216
Conv2d-11 [-1, 32, 10, 10] 12,832
Dropout2d-12 [-1, 32, 10, 10] 0
Linear-13 [-1, 1024] 820,224
Linear-14 [-1, 10] 10,250
"""


def test_the_seed_s_net_is_the_published_one(capsys):
    theirs, ours = Published().eval(), models.seed_net().eval()
    summary(theirs, (3, 32, 32), device="cpu")
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in printed if "[-1" in line] == TABLE.strip().splitlines()
    summary(ours, (3, 32, 32), device="cpu")
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    rows = iter(line.split("-", 1)[0] + line[line.index(" ") :] for line in printed if "[-1" in line)  # without their numbers
    for line in TABLE.strip().splitlines():
        assert line.split("-", 1)[0] + line[line.index(" ") :] in rows  # each of theirs, in their order
    told = (Path(__file__).parents[2] / "notebooks" / "source" / "07_cifar10.py").read_text(encoding="utf-8")
    assert all(f"# {line}\n" in told for line in TABLE.strip().splitlines())  # the notebook shows the published rows, too
    assert models.parameters_of(ours) == 1_585_008
    # the same numbers in the same layers give the same answers, away from the identity too
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert mine.shape == other.shape
            mine.copy_(other)
        images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        assert not torch.allclose(ours.transformer.theta(ours.normalize(images)), Affine().identity(), atol=1e-3)
        assert torch.allclose(F.log_softmax(ours(images), dim=1), theirs(ours.normalize(images)), atol=1e-5)


def test_the_seed_s_rivals_have_the_sizes_they_are_said_to_have():
    assert models.parameters_of(models.seed_net_without_transformer()) == 1_585_008 - 740_486
    assert models.parameters_of(models.seed_net_control()) == pytest.approx(1_585_008, rel=1e-3)
    assert models.parameters_of(models.seed_net(normalize_first=False)) == 1_585_008
    assert models.parameters_of(models.seed_net_shrunk()) == 1_585_008 - 740_486
    padded = EXPERIMENTS["cifar10/window-padded"].build()
    assert models.parameters_of(padded) == pytest.approx(1_585_008, rel=1e-3)
    assert padded(torch.rand(2, 3, 32, 32)).shape == (2, 10)  # nothing is cut off at the edge any more
    assert models.seed_cnn(padding=2)[0](torch.rand(2, 3, 32, 32)).shape == (2, 16, 32, 32)


def test_the_shrunk_net_reads_every_image_smaller_in_a_frame_of_the_mean_colour():
    net = models.seed_net_shrunk(2.0)
    warped = net[1](net[0](torch.ones(2, 3, 32, 32)))
    assert torch.allclose(warped[:, :, 8:24, 8:24], net[0](torch.ones(3, 16, 16)), atol=1e-5)
    assert warped[:, :, :8].abs().max() == warped[..., 24:].abs().max() == 0
    net(torch.rand(2, 3, 32, 32)).sum().backward()  # nothing but the classifier is trained
    assert {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None} == {"2", "5", "10", "13"}


@pytest.mark.parametrize("side", [32, 48])
@pytest.mark.parametrize(
    ("build", "build_control", "most"),
    [(models.compact_net, models.compact_control, 1_585_008), (models.small_net, models.small_control, 1_585_008 // 2)],
)
def test_our_nets_keep_within_the_seed_s_size_and_start_at_the_identity(build, build_control, most, side):
    net, images = build(side=side).eval(), torch.rand(2, 3, side, side)
    assert models.parameters_of(net) <= most
    assert models.parameters_of(build_control()) == pytest.approx(models.parameters_of(net), rel=1e-3)
    assert net(images).shape == build_control().eval()(images).shape == (2, 10)
    if side == 32:
        assert torch.allclose(net.transformer(images), images, atol=1e-6)
    zoomed_out = torch.tensor([[4.0, 0, 0, 0, 4, 0]]).expand(2, -1)
    assert net.transformer.warp(images, zoomed_out).min() > 0  # beyond the border is no black


def test_the_resized_control_hands_on_one_window_and_learns_nothing_more():
    net, images = models.small_resized(), torch.rand(2, 3, 48, 48)
    assert torch.allclose(net[0](images), F.interpolate(images, (32, 32), mode="bilinear"), atol=1e-5)
    assert models.parameters_of(net) == models.parameters_of(models.small_control())
    assert net.eval()(images).shape == (2, 10)


def test_where_the_normalisation_stands_decides_what_comes_in_from_outside():
    images = torch.full((1, 3, 32, 32), 0.9)
    zoomed_out = torch.tensor([[2.0, 0, 0, 0, 2, 0]])
    for first, corner in (
        (True, torch.zeros(3)),
        (False, -torch.tensor(models.CIFAR10_MEAN) / torch.tensor(models.CIFAR10_STD)),
    ):
        net = models.seed_net(normalize_first=first)
        seen = net.transformer.warp(net.normalize(images) if first else images, zoomed_out)
        reaches = seen if first else net.classifier[0](seen)
        assert torch.allclose(reaches[0, :, 0, 0], corner, atol=1e-5)


def test_flips_and_shifts_move_whole_pixels_and_mirror_half_of_the_images():
    image = torch.arange(1, 3 * 12 * 12 + 1, dtype=torch.int64).view(1, 3, 12, 12)
    moved = flip_and_shift(image.expand(2_000, -1, -1, -1), torch.Generator().manual_seed(0), pixels=2)
    wanted = {}
    padded = [F.pad(one, (2, 2, 2, 2)) for one in (image[0], image[0].flip(2))]
    for flipped in (0, 1):
        for down in range(5):
            for right in range(5):
                piece = padded[flipped][:, down : down + 12, right : right + 12]
                wanted[piece.flatten().numpy().tobytes()] = flipped
    found = [wanted[one.flatten().numpy().tobytes()] for one in moved]
    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.05)
    assert len({one.flatten().numpy().tobytes() for one in moved}) == 50


def test_a_recipe_s_flips_shifts_and_cutout_reach_the_net(few_digits):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    seen = []
    net.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    for recipe in (Recipe(augment=True), Recipe(augment=True, shift=3), Recipe(cutout=9)):
        Trainer(net, few_digits, Upright(), recipe, 0, torch.device("cpu")).step(torch.arange(64))
    plain = few_digits.train_images[:64].float() / 255
    either = torch.stack([plain, plain.flip(3)])
    as_it_was = [(images == either).flatten(2).all(dim=2).any(dim=0) for images in seen]
    assert as_it_was[0].all()  # flips alone
    assert as_it_was[1].float().mean() < 0.2
    assert as_it_was[2].float().mean() < 0.2 and not torch.equal(seen[1], seen[2])


def test_a_recipe_s_dropout_takes_the_place_of_the_net_s_own(few_digits):
    def shares_dropped(recipe):
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Unflatten(1, (10, 1, 1)), nn.Dropout2d(0.5), nn.Flatten())
        trainer = Trainer(net, few_digits, Upright(), recipe, 0, torch.device("cpu"))
        with torch.no_grad():
            return (trainer.model.train()(few_digits.train_images.float()) == 0).float().mean().item()

    assert shares_dropped(Recipe()) == pytest.approx(0.5, abs=0.05)
    assert shares_dropped(Recipe(dropout=0.2)) == pytest.approx(0.2, abs=0.05)
    assert shares_dropped(Recipe(dropout=0.0)) == 0
    with pytest.raises(ValueError, match="dropout must be None or a share from 0 to less than 1, got 1"):
        Recipe(dropout=1.0)


def test_sgd_takes_plain_steps_of_a_constant_rate(few_digits):
    recipe = Recipe(epochs=2, batch_size=64, lr=0.01, weight_decay=0.0, optimizer="sgd", augment=True)
    torch.manual_seed(0)
    trainer = Trainer(models.paper_fcn(hidden=8), few_digits, Upright(), recipe, 0, torch.device("cpu"))
    for batch in torch.arange(256).split(64):
        before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
        trainer.step(batch)
        for parameter, old in zip(trainer.model.parameters(), before, strict=True):
            assert torch.allclose(old - parameter, 0.01 * parameter.grad, atol=1e-7)


def test_nesterov_steps_look_ahead_along_the_momentum(few_digits):
    recipe = Recipe(epochs=2, batch_size=64, lr=0.1, weight_decay=0.0, optimizer="nesterov")
    torch.manual_seed(0)
    trainer = Trainer(models.paper_fcn(hidden=8), few_digits, Upright(), recipe, 0, torch.device("cpu"))
    speed = [torch.zeros_like(parameter) for parameter in trainer.model.parameters()]
    rates = []
    for batch in torch.arange(256).split(64):
        before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
        rates.append(trainer.optimizer.param_groups[0]["lr"])
        trainer.step(batch)
        for k, parameter in enumerate(trainer.model.parameters()):
            speed[k] = 0.9 * speed[k] + parameter.grad
            assert torch.allclose(before[k] - parameter, rates[-1] * (parameter.grad + 0.9 * speed[k]), atol=1e-7)
    assert max(rates) > 2 * min(rates)  # one cycle


@pytest.mark.parametrize("optimizer", ["adamw", "nesterov"])
@pytest.mark.parametrize("decay_biases", [True, False])
def test_weight_decay_spares_the_identity_if_asked_to(few_digits, optimizer, decay_biases):
    recipe = Recipe(epochs=2, batch_size=64, lr=1e-3, weight_decay=50.0, optimizer=optimizer, decay_biases=decay_biases)
    trainer = Trainer(models.paper_st_cnn(), few_digits, Upright(), recipe, 0, torch.device("cpu"))
    last = [module for module in trainer.model.transformer.localization.modules() if isinstance(module, torch.nn.Linear)][-1]
    weights = trainer.model.classifier[-1].weight
    length = weights.norm().item()
    trainer.step(torch.arange(64))
    drift = (last.bias - Affine().identity()).abs().max().item()
    assert (drift > 1.5e-3) == decay_biases  # decay moves it by lr * 50 / 25, a gradient's step by lr / 25 at most
    assert weights.norm().item() < length


def test_cut_out_paints_over_one_square_in_the_mean_colour():
    images = torch.randint(0, 256, (500, 3, 12, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    cut = cut_out(images, torch.Generator().manual_seed(1), side=4)
    assert cut.dtype == images.dtype and cut.shape == images.shape
    sizes = set()
    for image, now in zip(images, cut, strict=True):
        mean = image.float().mean(dim=(1, 2)).to(torch.uint8)
        hidden = (now == mean[:, None, None]).all(dim=0)
        rows, columns = hidden.any(dim=1).nonzero()[:, 0], hidden.any(dim=0).nonzero()[:, 0]
        assert hidden[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
        assert torch.equal(now[:, ~hidden], image[:, ~hidden])
        sizes.add((len(rows), len(columns)))
    assert (4, 4) in sizes and max(map(max, sizes)) == 4 and min(map(min, sizes)) == 2  # cut short at the edges
    with pytest.raises(ValueError, match="cutout must be a whole number of at least 0, got -1"):
        Recipe(cutout=-1)


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match="optimizer must be one of 'adamw', 'nesterov', 'sgd', got 'adam'"):
        Recipe(optimizer="adam")


def test_the_published_log_is_whole():
    log = published("cifar10-seed")
    assert [row["epoch"] for row in log] == list(range(1, 51))
    assert min(log, key=lambda row: row["test_error_percent"])["epoch"] == 49
    assert log[48]["test_error_percent"] == 33.32
    assert log[49]["test_error_percent"] == 34.32


CIFAR10 = [name for name in EXPERIMENTS if name.startswith("cifar10")]
# experiments that train the same net on the same images are tried once: what a recipe's options do is tested above
KINDS = {(repr(EXPERIMENTS[name].build()), EXPERIMENTS[name].distortion): name for name in CIFAR10}


@pytest.mark.parametrize("name", KINDS.values())
def test_every_net_for_cifar10_trains(name):
    experiment = EXPERIMENTS[name]
    images = torch.randint(0, 256, (16, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 10
    arrays = {"train_images": images.numpy(), "train_labels": labels.numpy(), "source": "noise"}
    arrays |= {"test_images": images[:8].numpy(), "test_labels": labels[:8].numpy()}
    torch.manual_seed(0)
    recipe = replace(experiment.recipe, epochs=1, batch_size=16)
    distortion, data = DISTORTIONS[experiment.distortion](), from_arrays("cifar10", arrays)
    training = fit(experiment.build(), data, distortion, recipe, device="cpu", progress=False)
    assert training.history[0]["train_loss"] < 6


@pytest.mark.parametrize("name", CIFAR10)
def test_an_experiment_has_a_transformer_unless_its_name_denies_it(name):
    assert (find_transformer(EXPERIMENTS[name].build()) is None) == ("without" in name or "control" in name)
