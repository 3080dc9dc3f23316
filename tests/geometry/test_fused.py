"""The fused kernel: equal to grid and sampler where Triton interprets, and refused with a sentence where it cannot run."""

from pathlib import Path

import pytest
import torch

from stn_tutorial import Affine, Projective, SpatialTransformer, ThinPlateSpline
from stn_tutorial.geometry import fused
from stn_tutorial.geometry.volumes import Affine3d


def test_five_hundred_random_warps_are_those_of_grid_and_sampler(python):
    pytest.importorskip("triton")
    where = {"TRITON_INTERPRET": 1, "PYTHONPATH": Path(__file__).parents[2]}
    done = python(Path(__file__).with_name("fused_cases.py"), timeout=600, **where)
    assert not done.returncode, done.stderr
    cases, exact, single, layer, lost, *none = done.stdout.replace("(", "").replace(")", "").replace(",", "").split()
    assert int(cases) >= 500 and float(exact) < 1e-9 and float(single) < 1e-4 and float(layer) < 1e-5
    assert int(lost) == 4 and none == ["0", "1", "2", "2"]  # NaN is seen, and no images are no error


@pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")
@pytest.mark.skipif(fused.INTERPRETED, reason="Triton interprets: nothing is compiled")
@pytest.mark.parametrize("align_corners", [False, True], ids=["edges", "align_corners"])
def test_both_kernels_compile_for_a_gpu_that_is_not_here(align_corners, tmp_path, monkeypatch):
    triton = pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    target = triton.backends.compiler.GPUTarget("cuda", 80, 32)
    constants = {"align_corners": align_corners, "block": fused.BLOCK, "for_images": True, "for_theta": True}
    sizes = dict.fromkeys(("channels", "height", "width", "height_out", "width_out"), "i32")
    for kernel in (fused.forward_kernel, fused.backward_kernel):
        names = kernel.arg_names
        types = {name: "constexpr" if name in constants else sizes.get(name, "*fp32") for name in names}
        known = {(names.index(name),): value for name, value in constants.items() if name in names}
        assert "ptx" in triton.compile(triton.compiler.ASTSource(kernel, types, known), target=target).asm


def layer(family=None, **options) -> SpatialTransformer:
    return SpatialTransformer.for_images((1, 8, 8), family or Affine(), sampler="fused", **options)


@pytest.mark.skipif(fused.INTERPRETED, reason="Triton interprets: nothing is refused")
def test_without_a_gpu_it_says_what_to_write(monkeypatch):
    images = torch.zeros(2, 1, 8, 8)
    if fused.triton:
        with pytest.raises(
            ValueError, match="images must be on a CUDA GPU for sampler='fused', got cpu: write sampler='torch'"
        ):
            layer()(images)
    monkeypatch.setattr(fused, "triton", None)
    with pytest.raises(ValueError, match="sampler='fused' needs triton, which comes with torch for CUDA"):
        layer()(images)


@pytest.mark.parametrize("family", [Projective(), ThinPlateSpline(), Affine3d()], ids=repr)
def test_families_without_2x3_matrices_are_refused(family):
    with pytest.raises(ValueError, match="family must have 2x3 matrices"):
        SpatialTransformer(torch.nn.Identity(), family, sampler="fused")


@pytest.mark.parametrize("option", [{"mode": "bicubic"}, {"padding_mode": "border"}, {"antialias": True}], ids=str)
def test_what_the_kernel_does_not_know_is_refused_at_once_and_when_it_is_set_later(option):
    with pytest.raises(ValueError, match="sampler='fused' knows mode='bilinear'"):
        layer(**option)
    stn = SpatialTransformer.for_images((1, 8, 8), Affine(), **option)
    stn.sampler = "fused"
    with pytest.raises(ValueError, match="sampler='fused' knows mode='bilinear'"):
        stn(torch.zeros(2, 1, 8, 8))


def test_shapes_types_and_flags_are_named():
    images, matrix = torch.zeros(2, 1, 8, 8), torch.zeros(2, 2, 3)
    for changed in ({"images": images[0]}, {"matrix": matrix[0]}, {"align_corners": "no"}):
        with pytest.raises(ValueError, match=f"^{next(iter(changed))} must"):
            fused.warp(**({"images": images, "matrix": matrix, "size": (8, 8)} | changed))
