"""A kernel of this very Python, whatever kernels are registered on the machine, that needs no network to be talked to."""

import os

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec


def socket_options(folder: str) -> dict:
    """Options for a kernel manager: talk through files in a folder, so that not even a loopback network is needed."""
    return {"transport": "ipc", "ip": os.path.join(folder, "kernel")} if os.name == "posix" else {}


class ThisInterpreter(AsyncKernelManager):
    """Starts kernels with the interpreter that runs this script."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())
