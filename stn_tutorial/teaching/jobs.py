"""Scripts that a notebook starts in processes of their own: one, or several that torchrun starts and that train together."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 1200  # after which a script is given up


def torchrun(processes: int) -> list[str]:
    """What stands before a script's name so that Python runs it in so many processes; nothing for one.

    >>> torchrun(1), torchrun(2)[:2]
    ([], ['-m', 'torch.distributed.run'])
    """
    if processes == 1:
        return []
    return ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={processes}"]


def can_talk() -> bool:
    """Whether processes of this computer reach one another: they do so by its own address, which hardly any computer lacks."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
            return True
    except OSError:
        return False


def run(script: str, processes: int = 1) -> str:
    """Run a Python script on the CPU, one thread for each of so many processes; the last line that it printed.

    Raises ChildProcessError with the script's own last words when it fails, subprocess.TimeoutExpired after twenty minutes.

    >>> run("print(6 * 7)")
    '42'
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.py"
        file.write_text(script, encoding="utf-8")
        alone = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, *torchrun(processes), str(file)],
            env=os.environ | alone,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
        )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["nothing was said"]
    if done.returncode:
        raise ChildProcessError(f"the script failed in {processes} process{'es' * (processes > 1)}: {lines[-1]}")
    return lines[-1]
