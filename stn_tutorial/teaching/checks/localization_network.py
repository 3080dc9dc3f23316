"""Checkers of notebook 4."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ...geometry.affine import Affine
from ...geometry.rotation import Rotation
from ...geometry.similarity import Similarity
from ...geometry.translation import Translation
from .verdict import NOT_TRIED, Verdict, agree, report_errors


@report_errors
def check_start(function: Callable) -> Verdict:
    """`my_start(layer, identity)`: make a last linear layer answer `identity` for every input, in place, trainable."""
    generator = torch.Generator().manual_seed(0)
    families = (Affine(), Similarity(), Rotation(), Translation())
    for family in families:
        layer, identity = nn.Linear(12, family.num_params), family.identity()
        weight_before = layer.weight.detach().clone()
        function(layer, identity.clone())
        features = torch.randn(8, 12, generator=generator)
        theta = layer(features)
        if not layer.weight.requires_grad or not layer.bias.requires_grad:
            return Verdict("failed", "the layer is frozen: keep requires_grad, or theta will never leave the identity")
        if not agree(layer.bias, identity):
            hint = (
                ": a theta of zero shrinks the grid to one point" if isinstance(family, Affine) and not layer.bias.any() else ""
            )
            return Verdict("failed", f"expected the bias {identity.tolist()} for {family}, got {layer.bias.tolist()}{hint}")
        if not agree(theta, identity.expand(8, -1)):
            same = ", which were not touched" if torch.equal(layer.weight, weight_before) else ""
            return Verdict("failed", f"theta still depends on the input: the weights{same} must be zero for {family}")
        layer(features).square().sum().backward()
        if family.identity().any() and not layer.weight.grad.any():
            return Verdict("failed", f"no gradient reaches the weights for {family}")
    return Verdict("passed", f"identity for {len(families)} families, whatever the input, and trainable.")


@report_errors
def check_plug_in(function: Callable) -> Verdict:
    """`plug_in(cnn, in_shape)`: a model with an affine spatial transformer in front of `cnn`, starting as `cnn` itself."""
    for in_shape in ((1, 28, 28), (3, 32, 40)):
        torch.manual_seed(0)
        cnn = nn.Sequential(nn.Conv2d(in_shape[0], 4, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
        images = torch.rand(4, *in_shape)
        logits = cnn(images).detach()
        model = function(cnn, in_shape)
        if model is None:
            return Verdict(NOT_TRIED, NOT_TRIED)
        if not isinstance(model, nn.Module):
            return Verdict("failed", f"expected a torch.nn.Module, got {type(model).__name__}")
        mine = {id(p) for p in cnn.parameters()}
        added = [p for p in model.parameters() if id(p) not in mine]
        if not added:
            return Verdict("failed", "the model has no parameters besides the CNN's: it needs a localisation network")
        answer = model(images)
        if not agree(answer, logits):
            gap = (answer - logits).abs().max().item() if answer.shape == logits.shape else math.nan
            hint = "does the last layer of the localiser start at the identity?"
            return Verdict(
                "failed", f"an untrained transformer should change nothing, but logits move by {gap:.3f} for {in_shape}: {hint}"
            )
        F.cross_entropy(answer, torch.arange(4) % 3).backward()
        if not any(p.grad is not None and p.grad.any() for p in added):
            return Verdict("failed", "no gradient reaches the localiser: is the warped image what the CNN sees?")
    return Verdict("passed", "it starts as the CNN itself, and the gradient reaches the localiser.")
