"""Writing files so that an interruption or a full disk loses nothing that was finished; and saying why one failed."""

import os
from contextlib import suppress
from pathlib import Path

from .arguments import path_of


def write_atomically(path: Path | str, content: bytes) -> None:
    """Write a file so that it is whole or not there: whatever ends the write, an earlier version survives.

    `~` is the home folder. Raises OSError that names the file, for instance when the disk is full.
    """
    path = path_of("path", path)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # left by a process that was killed; or a link, whose target is not ours to write
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        reason = f"could not write {path}: {error.strerror}; what was there before is intact"
        with suppress(OSError):
            partial.unlink()
        raise OSError(error.errno, reason) from error


def short_reason(error: BaseException) -> str:
    """The last line of an error, where torchvision says why, short enough to stand in a sentence."""
    text = str(error).strip().splitlines()
    return (text[-1] if text else type(error).__name__)[:100].rstrip(" .:")
