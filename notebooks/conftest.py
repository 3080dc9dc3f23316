"""Notebooks under test: their kernels talk through files, so that they run without any network, not even a loopback."""

import functools
import tempfile

import nbval.kernel

from stn_tutorial.teaching.kernel import socket_options

SOCKETS = tempfile.TemporaryDirectory()
nbval.kernel.KernelManager = functools.partial(nbval.kernel.KernelManager, **socket_options(SOCKETS.name))
