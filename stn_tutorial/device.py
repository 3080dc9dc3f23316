"""What a device can do, and full precision where half of it would miss pixels: for every storey."""

from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import Parameter


def without_autocast(device: torch.device):
    """Full precision for what follows, also under autocast: half of it would round coordinates by parts of a pixel."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def at_least_float32(tensor: Tensor) -> Tensor:
    """Half precision becomes float32, everything else stays."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def can_be_asked(tensor: Tensor) -> bool:
    """Whether a tensor's numbers may be looked at and kept.

    Not while torch compiles, exports, traces or transforms, nor on "meta".
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or torch._C._are_functorch_transforms_active():
        return False
    if torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None:  # make_fx
        return False
    return type(tensor) in (Tensor, Parameter) and not tensor.is_meta


def best_device() -> torch.device:
    """A CUDA GPU where there is one, otherwise the CPU (Apple's MPS lacks parts of grid_sample)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_called(device: torch.device | str | int | None) -> torch.device:
    """A device by its name, the best one for None; a ValueError unless it is there and can compute.

    >>> device_called("cpu")
    device(type='cpu')
    """
    try:
        found = best_device() if device is None else torch.device(device)
        torch.zeros(1, device=found).item()
    except (RuntimeError, TypeError, AssertionError) as error:  # no such name; no such device; a torch made without it
        reason = str(error).strip().splitlines()[0][:120]
        raise ValueError(f"device must be one that is here, such as 'cpu', got {device!r}: {reason}") from error
    return found


def has_units_for_bfloat16(device: torch.device) -> bool:
    """Whether a device computes bfloat16 in units made for it: a CPU with AMX or AVX512-BF16, an NVIDIA GPU since Ampere.

    Where it has none, bfloat16 is slower than float32: a training step up to three times on a CPU with plain AVX-512, up to
    ten times on one with AVX2 (benchmarks/README.md).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    units = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(units.get("amx_bf16") or units.get("avx512_bf16"))


def device_name(device: torch.device) -> str:
    """The device in words a reader can compare his own with."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = torch.cpu.get_capabilities()
    units = [name for key, name in (("avx512_bf16", "BF16"), ("amx_bf16", "AMX")) if capabilities.get(key)]
    return ", ".join([f"CPU, {torch.get_num_threads()} threads", torch.backends.cpu.get_cpu_capability(), *units])
