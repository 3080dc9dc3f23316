"""Wrong answers to exercise 2 of notebook 4, a transformer in front of any CNN."""

import copy

import torch
from torch import nn

from ...geometry.affine import Affine
from ...geometry.rotation import Rotation
from ...networks.localization import LocalizationNet
from .verdict import Mistake
from .wrong_transformers import (
    OwnTransformer,
    SharedTheta,
    Silent,
    Unregistered,
    Unseen,
    Unwarped,
    own,
    random_start,
    transformer,
)

MIXED = "grid and sampler mix two conventions, so that even the identity moves the picture: give both the same align_corners."


def dropped(in_shape: tuple[int, int, int]) -> nn.Module:
    """An affine transformer with dropout behind its localiser."""
    made = transformer(in_shape)
    made.localization = nn.Sequential(made.localization, nn.Dropout(0.5))
    return made


PLUG_MISTAKES = [
    Mistake("tanh", own(theta=torch.tanh), "tanh on theta squashes the 1 of the identity to 0.76: theta needs no bounds."),
    Mistake("grid by centres, sampler by edges", own(corners=(True, False)), MIXED),
    Mistake("grid by edges, sampler by centres", own(corners=(False, True)), MIXED),
    Mistake(
        "sigmoid",
        own(theta=torch.sigmoid),
        "sigmoid on theta lets only numbers between 0 and 1 through: theta needs no bounds.",
    ),
    Mistake(
        "identity added to the identity",
        own(theta=lambda theta: theta + torch.eye(2, 3).flatten()),
        "the identity is there twice: the localiser starts at it, and it was added once more.",
    ),
    Mistake(
        "theta made small",
        own(theta=lambda theta: 0.1 * theta),
        "theta is multiplied by a small number, and so is the 1 of the identity: it needs no factor.",
    ),
    Mistake(
        "theta read by columns",
        own(theta=lambda theta: theta.view(-1, 3, 2).mT.flatten(1)),
        "theta is read column by column: it is a 2x3 matrix row by row, view(-1, 2, 3).",
    ),
    Mistake(
        "zero theta",
        own(bias=(0.0,) * 6),
        "theta starts at zero, and all points look at one place: which bias is the identity?",
    ),
    Mistake(
        "2x2 part first",
        own(bias=(1.0, 0, 0, 1, 0, 0)),
        "the bias is the identity in another order: theta is row by row, and each row ends with its shift.",
    ),
    Mistake(
        "random start",
        random_start,
        "an untrained transformer should change nothing: does the last layer of the localiser start at the identity?",
    ),
    Mistake(
        "logits changed",
        own(logits=lambda logits: logits.softmax(dim=1)),
        "the CNN sees the right pictures, but its answer is changed afterwards: hand it on as it is, without softmax.",
    ),
    Mistake(
        "more than logits",
        own(logits=lambda logits: (logits, logits)),
        "the model answers more than logits: whoever trains it expects what the CNN answers, and nothing else.",
    ),
    Mistake(
        "picture added",
        lambda cnn, in_shape: Unwarped(cnn, in_shape, lambda images, warped: images + warped),
        "the CNN sees the warped picture and the original on top of each other: the warped one alone is wanted.",
    ),
    Mistake(
        "pictures changed",
        own(warped=lambda warped: (warped - 0.1307) / 0.3081),
        "the pictures' values were changed on the way, as by normalising them: the CNN expects those it knows.",
    ),
    Mistake(
        "CNN asked twice",
        lambda cnn, in_shape: Unwarped(cnn, in_shape),
        "the CNN is asked twice, for the original, too: hand it the warped pictures alone.",
    ),
    Mistake(
        "theta to the CNN",
        lambda cnn, in_shape: nn.Sequential(LocalizationNet(in_shape, Affine()), cnn),
        "the CNN gets theta in place of pictures: between them belong grid and sampler, as in SpatialTransformer(localiser, family).",
    ),
    Mistake(
        "another family",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape, family=Rotation(aspect=1)), cnn),
        "that is a transformer of another family: an affine one is wanted.",
    ),
    Mistake(
        "dropout on theta",
        lambda cnn, in_shape: nn.Sequential(dropped(in_shape), cnn),
        "in training mode the pictures jump although nothing is learned yet: is there dropout behind the last layer of the localiser?",
    ),
    Mistake(
        "nothing returned",
        Silent,
        "the model answers None: is a `return` missing at the end of its forward?",
    ),
    Mistake(
        "no transformer",
        lambda cnn, in_shape: cnn,
        "the model has no parameters besides the CNN's: where is the localisation network?",
    ),
    Mistake(
        "transformer without the CNN",
        lambda cnn, in_shape: transformer(in_shape),
        "the CNN is no part of the model: hand the warped pictures to it.",
    ),
    Mistake(
        "called, not built",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape), cnn)(torch.zeros(2, *in_shape)),
        "that is what a model answers: the model itself is wanted, a torch.nn.Module.",
    ),
    Mistake(
        "class, not model",
        lambda cnn, in_shape: OwnTransformer,
        "that is a class: make an object of it, the model itself is wanted.",
    ),
    Mistake(
        "list, not model",
        lambda cnn, in_shape: [transformer(in_shape), cnn],
        "those are the parts: nn.Sequential makes one torch.nn.Module of them, and a model is wanted.",
    ),
    Mistake(
        "ModuleList",
        lambda cnn, in_shape: nn.ModuleList([transformer(in_shape), cnn]),
        "a ModuleList keeps its parts and does not call them: nn.Sequential does.",
    ),
    Mistake(
        "function, not module",
        lambda cnn, in_shape: lambda images: cnn(transformer(in_shape)(images)),
        "that is a function, whose parameters no optimiser finds: a torch.nn.Module is wanted.",
    ),
    Mistake(
        "wrong order",
        lambda cnn, in_shape: nn.Sequential(cnn, transformer(in_shape)),
        "the transformer got the CNN's answer in place of pictures: which of the two comes first?",
    ),
    Mistake(
        "shape written down",
        lambda cnn, in_shape: nn.Sequential(transformer((1, 28, 28)), cnn),
        "it works for one shape of picture only: hand `in_shape` on to the localiser.",
    ),
    Mistake(
        "CNN unregistered",
        Unregistered,
        "the CNN's parameters are no part of the model: no optimiser will find them. Keep the CNN as an attribute, not in a list.",
    ),
    Mistake(
        "CNN copied",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape), copy.deepcopy(cnn)),
        "the model holds a copy of the CNN: its own parameters would never learn. Use the one that was handed in.",
    ),
    Mistake(
        "CNN frozen",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape), cnn.requires_grad_(False)),
        "the CNN is frozen: transformer and CNN learn together, so leave its requires_grad on.",
    ),
    Mistake(
        "transformer frozen",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape).requires_grad_(False), cnn),
        "the transformer is frozen: with requires_grad off, theta will never leave the identity.",
    ),
    Mistake(
        "answer detached",
        own(logits=lambda logits: logits.detach()),
        "the answer knows no gradient, so that nothing learns: is there a no_grad or detach around the model?",
    ),
    Mistake(
        "CNN sees the original",
        Unseen,
        "the CNN sees the pictures unwarped: is what the transformer answers handed to it?",
    ),
    Mistake(
        "theta detached",
        own(theta=lambda theta: theta.detach()),
        "no gradient reaches the localiser: something on the way cuts it, such as no_grad, detach, .data or numpy.",
    ),
    Mistake(
        "nearest",
        lambda cnn, in_shape: nn.Sequential(transformer(in_shape, mode="nearest"), cnn),
        "the gradient of the localiser is zero everywhere: does your sampler round its points? Nearest has no slope.",
    ),
    Mistake(
        "one theta for all",
        lambda cnn, in_shape: SharedTheta(cnn),
        "theta is the same for all pictures: a spatial transformer reads it off each one. Where does yours look at the picture?",
    ),
    Mistake(
        "mean theta of the batch",
        own(theta=lambda theta: theta.mean(0, keepdim=True).expand_as(theta)),
        "what happens to a picture depends on the others of its batch: each picture has a theta of its own.",
    ),
    Mistake(
        "theta of the first picture",
        own(theta=lambda theta: theta[:1].expand_as(theta)),
        "every picture is warped by the theta of the first one: each picture has a theta of its own.",
    ),
]
