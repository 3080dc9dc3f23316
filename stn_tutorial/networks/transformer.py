"""The spatial transformer: a localisation network, a family of transformations and a sampler in one module (figure 2)."""

import math
import warnings

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import functional as F

from ..arguments import check_flag, whole_numbers
from ..device import at_least_float32, can_be_asked, without_autocast
from ..geometry.affine import Affine
from ..geometry.antialiasing import with_levels
from ..geometry.family import check_theta
from ..geometry.projective import Projective
from ..geometry.sampler import (
    MODES,
    PADDING_MODES,
    check_images,
    coverage_of,
    fill_per_channel,
    fill_values,
    sample,
    with_background,
)
from ..geometry.volumes import Affine3d, sample_volume
from .graph import as_one_node
from .habits import check_choice, check_fused, check_parts, in_other_units, name_of, refuse_unknown
from .localization import Localizer, SmallMapLocalizationNet

SAMPLERS = ("torch", "scratch", "fused")
OPTIONS = ("localization", "family", "size", "mode", "padding_mode", "align_corners", "fill", "sampler", "antialias", "check")


class SpatialTransformer(nn.Module):
    """Warp each image by a theta that the localisation network reads off it. Goes in front of, or inside, any CNN.

    localization: a module, images (N, C, H, W) -> theta (N, family.num_params).
    family: a family of transformations, such as `Affine()`; a localiser of this package must have been made for the same.
        With `Affine3d` images are volumes (N, C, D, H, W), sizes (D, H, W), and there is no "bicubic".
    size: (H_out, W_out), or one number for both; None keeps the input's size.
    fill: what lies outside the image under "zeros": the value that its background has, a number or one per channel.
        0 is right for raw images; for images normalised by mean and std a black background is -mean / std. With the
        wrong value a frame that is no part of the picture stands wherever a sampling point lies outside. (On MNIST the
        frame alone did not make a network shrink its pictures: notebook 4.)
        A buffer that is saved with the weights, and may be written to; weights that were saved without it keep what is there.
    sampler: "torch" uses `grid_sample`, the well-kept one; "scratch" uses this package's own `sample`; "fused" makes grid and
        picture in one pass, on CUDA GPUs alone: bilinear, with zeros or a fill outside, for families of 2x3 matrices
        (`geometry.fused`). Weights do not depend on it, and `stn.sampler = "torch"` may be set at any time.
    antialias: where theta shrinks the picture, read from a blurred one (`geometry.antialiasing`); for images, not with "bicubic".
    check: raise a ValueError when theta holds NaN or infinity (where torch has compiled or exported the module, a
        RuntimeError). Without it such rows are counted in `nan_thetas`, wherever the module runs as plain PyTorch.

    Theta, the grid and the sampling are float32 also under autocast and in half-precision nets, since half precision would
    move sampling points by whole pixels on a large image; the output has the images' type. Weights remember the family they
    were learned with, and are not loaded into a transformer of another. Raises ValueError that names the argument for
    whatever cannot work, TypeError for an argument that does not exist.

    >>> from stn_tutorial import Affine, LocalizationNet
    >>> transformer = SpatialTransformer(LocalizationNet((1, 28, 28), Affine()), Affine())
    >>> images = torch.rand(8, 1, 28, 28)
    >>> transformer(images).allclose(images, atol=1e-5)  # untrained, it hands on what it gets
    True
    >>> transformer.theta(images).shape
    torch.Size([8, 6])
    """

    def __init__(
        self,
        localization: nn.Module,
        family,
        size: int | tuple[int, ...] | None = None,
        mode: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool = False,
        fill: float | Tensor = 0.0,
        sampler: str = "torch",
        antialias: bool = False,
        check: bool = False,
        **unknown,
    ):
        super().__init__()
        refuse_unknown(unknown, OPTIONS)
        check_parts(localization, family)
        self.dimensions = getattr(family, "dimensions", 2)
        check_choice("mode", mode, MODES if self.dimensions == 2 else MODES[:2])
        check_choice("padding_mode", padding_mode, PADDING_MODES)
        check_choice("sampler", sampler, SAMPLERS)
        check_flag("align_corners", align_corners)
        check_flag("antialias", antialias)
        check_flag("check", check)
        if antialias and (mode == "bicubic" or self.dimensions == 3):
            raise ValueError(f"antialias must be False with mode='bicubic' and for volumes, got {antialias!r}")
        if sampler == "fused":
            check_fused(family, mode, padding_mode, antialias)
        self.localization, self.family = localization, family
        self.size = None if size is None else output_size(size, self.dimensions)
        self.mode, self.padding_mode, self.align_corners = mode, padding_mode, bool(align_corners)
        self.sampler, self.antialias, self.check = sampler, bool(antialias), bool(check)
        self.fill_given = fill_values(fill, padding_mode)
        self.register_buffer("fill", torch.tensor(self.fill_given, dtype=torch.float32))
        self.note_fill()
        self.nan_thetas: int | Tensor = 0  # no buffer: every process counts its own, and nothing of it is saved

    @classmethod
    def for_images(cls, in_shape: tuple[int, ...], family, **options) -> "SpatialTransformer":
        """A transformer with a localiser of its own, `SmallMapLocalizationNet`, for images of one shape.

        in_shape: (C, H, W) of images or feature maps of any size, for volumes (C, D, H, W). family: one, for both parts.
        options: those of the class.

        >>> from stn_tutorial import Affine
        >>> stn = SpatialTransformer.for_images((64, 16, 16), Affine())
        >>> stn(torch.zeros(2, 64, 16, 16)).shape
        torch.Size([2, 64, 16, 16])
        """
        refuse_unknown({name: None for name in options if name not in OPTIONS}, OPTIONS)
        return cls(SmallMapLocalizationNet(in_shape, family), family, **options)

    def __setattr__(self, name, value):
        if name in ("localization", "family"):
            parts = {key: getattr(self, key, None) for key in ("localization", "family")} | {name: value}
            if None not in parts.values():
                check_agreement(**parts)
        super().__setattr__(name, value)

    def theta(self, images: Tensor) -> Tensor:
        """What the localisation network says about each image: (N, C, H, W) -> (N, P), at least float32."""
        check_images(images, self.dimensions)
        return self.chosen(images)

    def warp(self, images: Tensor, theta: Tensor) -> Tensor:
        """Warp images (N, C, H, W) by theta (N, P) -> (N, C, H_out, W_out), of the images' type.

        Theta may also be one for all images, (P,), and matrices: (N, 2, 3) for `Affine`, (N, 3, 4) for `Affine3d`, (N, 3, 3)
        for `Projective`, or one of these without N. It warns of a theta on the CPU that somebody wrote down in degrees or
        pixels. Raises ValueError for images or a theta of the wrong shape, type or device.
        """
        check_images(images, self.dimensions)
        return self.warped(images, one_row_each(theta, self.family, images.shape[0]), ask=True)

    def forward(self, images: Tensor, return_theta: bool = False):
        """Each image warped by its own theta: (N, C, H, W) -> (N, C, H_out, W_out), of the images' type.

        return_theta: answer the pair of them and theta (N, P).
        """
        if isinstance(images, Proxy):
            return as_one_node(self, images, return_theta)
        if not isinstance(return_theta, bool):
            kind = type(return_theta).__name__
            raise ValueError(
                f"return_theta must be True or False, got {kind}; by a theta of your own warps stn.warp(images, theta)"
            )
        check_images(images, self.dimensions)
        theta = self.chosen(images)
        out = self.warped(images, theta)
        if can_be_asked(theta):
            before = torch.as_tensor(self.nan_thetas, device=theta.device)
            self.nan_thetas = before + (~theta.detach().isfinite()).any(dim=1).sum()
        return (out, theta) if return_theta else out

    def chosen(self, images: Tensor) -> Tensor:
        """`theta` for images that have been checked."""
        return at_least_float32(flat(self.localization(images), self.family))

    def warped(self, images: Tensor, theta: Tensor, ask: bool = False) -> Tensor:
        """`warp` for images that have been checked and one row of theta each; ask: whether theta is in the right units."""
        size = images.shape[2:] if self.size is None else self.size
        if torch.jit.is_tracing():
            size = tuple(map(int, size))  # a traced size is a tensor; torch warns that it stays what it is now
        with without_autocast(images.device):
            precise = at_least_float32(images)
            theta = theta.to(precise.dtype) if theta.is_floating_point() else theta  # whole numbers are refused
            check_theta(theta, self.family.num_params, type(self.family).__name__, self.check)
            grid = self.where(theta, size)
            if grid.shape[0] != images.shape[0] or grid.device != images.device:
                raise ValueError(
                    f"theta must have one row for each of {images.shape[0]} images, on their device, {images.device}, "
                    f"got shape {tuple(theta.shape)} on {theta.device}"
                )
            if self.check and torch.compiler.is_compiling():
                torch._assert_async(theta.isfinite().all(), "theta must be finite, got NaN or infinity")
            if (
                ask
                and self.sampler != "fused"
                and theta.device.type == "cpu"
                and not theta.requires_grad
                and can_be_asked(theta)
            ):
                odd = in_other_units(theta, self.family, grid)
                if odd:
                    warnings.warn(odd, stacklevel=3)
            return self.sample(precise, grid).to(images.dtype)

    def where(self, theta: Tensor, size: tuple[int, ...]) -> Tensor:
        """Where a theta (N, P) that has been checked looks: a grid, or for "fused" the matrices, (N, 2, 3)."""
        check_choice("sampler", self.sampler, SAMPLERS)  # it may have been set since
        if self.sampler != "fused":
            return self.family.grid(theta, size, self.align_corners)
        check_fused(self.family, self.mode, self.padding_mode, self.antialias)
        return self.family.matrix(theta)

    def sample(self, images: Tensor, grid: Tensor) -> Tensor:
        """Sample with the sampler, kernel, padding and background that were chosen."""
        out = self.sample_with_zeros(images, grid)
        if self.padding_mode != "zeros":
            self.refuse_idle_fill()
            return out
        if not self.has_fill():
            return out
        inside = self.sample_with_zeros(coverage_of(images), grid)  # grid_sample can only fill with 0
        return with_background(out, inside, fill_per_channel(self.fill, images), images)

    def sample_with_zeros(self, images: Tensor, grid: Tensor) -> Tensor:
        """`sample`, zeros being the background."""
        if self.antialias:
            volume, grid = with_levels(images, grid, self.padding_mode, self.align_corners)
            return self.points_of(volume, grid).squeeze(2)
        return self.points_of(images, grid)

    def points_of(self, images: Tensor, grid: Tensor) -> Tensor:
        """What images, or volumes, are at the points of a grid, zeros being the background."""
        if self.sampler == "fused":
            from ..geometry.fused import warp  # Triton takes a second to import

            return warp(images, grid, images.shape[2:] if self.size is None else self.size, self.align_corners)
        if self.sampler == "scratch":
            sampler = sample if images.dim() == 4 else sample_volume
            return sampler(images, grid, self.mode, self.padding_mode, self.align_corners)
        if self.padding_mode == "zeros":
            return F.grid_sample(images, grid, self.mode, "zeros", self.align_corners)
        # grid_sample kills the process for NaN or infinity under border and reflection (pytorch/pytorch#24823)
        lost = grid.isnan().any(dim=-1)[:, None]
        grid = grid.nan_to_num().clamp(-1e6, 1e6)
        return F.grid_sample(images, grid, self.mode, self.padding_mode, self.align_corners).masked_fill(lost, math.nan)

    def has_fill(self) -> bool:
        """Whether a background is to be added: not where the buffer was 0 when last looked at and nobody wrote to it since."""
        if torch.compiler.is_compiling() or torch.jit.is_tracing() or self.blank is None:
            return True
        buffer, version = self.blank
        return self.fill is not buffer or self.fill._version != version

    def refuse_idle_fill(self) -> None:
        """Raise a ValueError where nothing is filled and somebody wrote a background since it was last looked at."""
        if can_be_asked(self.fill) and self.has_fill():
            fill_values(self.fill, self.padding_mode)
            self.note_fill()

    def note_fill(self) -> None:
        """Remember the buffer if it is 0 now: then it costs nothing."""
        known = can_be_asked(self.fill) and not self.fill.is_inference()
        self.blank = (self.fill, self.fill._version) if known and not bool(self.fill.any()) else None

    def _apply(self, fn, recurse=True):  # what `to`, `half`, `cuda` and others call
        had_none = self.fill.is_meta
        super()._apply(fn, recurse)
        if had_none and not self.fill.is_meta:  # memory for a net made on "meta": weights may be saved without a fill
            self.fill = torch.tensor(self.fill_given, dtype=self.fill.dtype, device=self.fill.device)
        self.note_fill()
        return self

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "made_for"] = spelled(self.family)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        fill, made_for = prefix + "fill", prefix + "made_for"
        kept = torch.tensor(self.fill_given, device="cpu") if self.fill.is_meta else self.fill
        given = state_dict.setdefault(fill, kept)
        if not isinstance(given, Tensor):  # torch says so of this and of all others
            given = kept
        if given.dim() <= 1 and given.shape != self.fill.shape:  # one number here, one per channel there
            self.fill = self.fill.new_empty(given.shape)
        theirs, ours = state_dict.pop(made_for, None), name_of(self.family)
        if isinstance(theirs, Tensor) and not theirs.is_meta and read(theirs) != ours:
            error_msgs.append(f"the weights of {prefix}localization were learned for {read(theirs)}, this one has {ours}")
        everything = (state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        super()._load_from_state_dict(*everything)
        self.note_fill()
        if self.padding_mode != "zeros" and self.blank is None and not given.is_meta and bool(given.any()):
            error_msgs.append(f"{fill} is {given.tolist()}, and under padding_mode={self.padding_mode!r} nothing is filled")

    def extra_repr(self) -> str:
        size = "input's" if self.size is None else self.size
        return (
            f"family={self.family}, size={size}, mode={self.mode!r}, padding_mode={self.padding_mode!r}, "
            f"align_corners={self.align_corners}, fill={self.fill_given if self.fill.is_meta else self.fill.tolist()}, "
            f"sampler={self.sampler!r}" + (", antialias=True" if self.antialias else "")
        )


def check_agreement(localization: nn.Module, family) -> None:
    """Raise a ValueError if the localiser was made for another family."""
    for part in localization.modules():
        if isinstance(part, Localizer) and name_of(part.family) != name_of(family):
            raise ValueError(
                f"family must be the one that the localiser was made for, {name_of(part.family)}, got {name_of(family)}; "
                "SpatialTransformer.for_images makes both from one"
            )


def output_size(size, dimensions: int) -> tuple[int, ...]:
    """A size given as one number or one per axis, whole numbers of any kind, as positive Python integers; or a ValueError."""
    lengths = whole_numbers(size) or whole_numbers([size] * dimensions)
    if len(lengths) != dimensions or min(lengths) < 1:
        axes = "(D, H, W)" if dimensions == 3 else "(H, W)"
        raise ValueError(f"size must be a positive integer or {axes} of positive integers, got {size!r}")
    return lengths


def spelled(family) -> Tensor:
    """The name of a family as a tensor, so that it can be saved with weights; whole numbers that can be averaged."""
    return torch.tensor(list(name_of(family).encode()), dtype=torch.int64, device="cpu")


def read(name: Tensor) -> str:
    """The name that `spelled` wrote, whatever type it was converted to since."""
    return bytes(round(number) % 256 for number in name.flatten().tolist()).decode(errors="replace")


def flat(theta, family):
    """Theta given as matrices, as rows: (N, 2, 3) or (2, 3) become (N, 6) or (6,) for `Affine`; anything else as it came."""
    if not isinstance(theta, Tensor):
        raise ValueError(f"theta must be a torch.Tensor, got {type(theta).__name__}")
    if isinstance(family, (Affine, Affine3d)) and are_matrices(theta, family.dimensions, family.dimensions + 1):
        return theta.flatten(-2)
    if isinstance(family, Projective) and are_matrices(theta, 3, 3):
        return family.from_matrix(theta.view(-1, 3, 3)).view(*theta.shape[:-2], 8)
    return theta


def are_matrices(theta: Tensor, rows: int, columns: int) -> bool:
    """Whether theta is a matrix or a batch of them; asked column first, so that an export does not tie itself to a batch of two."""
    return theta.dim() in (2, 3) and theta.shape[-1] == columns and theta.shape[-2] == rows


def one_row_each(theta, family, count: int) -> Tensor:
    """Theta as a row for each of `count` images, from as many rows or from one for all."""
    theta = flat(theta, family)
    theta = theta[None] if theta.shape == (family.num_params,) else theta
    return theta.expand(count, -1) if theta.shape == (1, family.num_params) else theta
