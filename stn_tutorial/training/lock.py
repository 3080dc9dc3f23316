"""A run's folder belongs to one process at a time, and is tried before hours are spent on what goes into it."""

import errno
import os
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

held: dict[Path, tuple[int, int]] = {}  # folders that are worked in, and by which thread of which process: a fork inherits them


@contextmanager
def alone_in(folder: Path):
    """Keeps a folder, which is made if need be, for this thread of this process; whatever ends the process sets it free.

    Raises ValueError when another works there, and OSError when nothing can be written there. Where a file system knows no
    locks (some network drives), only the second is noticed.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with alone_in(Path(folder)) as mine:
    ...         mine == Path(folder).resolve()
    True
    """
    try:
        folder = Path(folder).resolve()
    except RuntimeError as error:  # what pathlib raises
        raise OSError(errno.ELOOP, f"cannot write to the folder {folder}: it is a link that leads to itself") from error
    mine = os.getpid(), threading.get_ident()
    if held.get(folder) == mine:  # a recorded run keeps the folder, and so does the training in it
        yield folder
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(error.errno, f"cannot write to the folder {folder}: {error.strerror}") from error
    in_use = f"another process is training in {folder}: wait until it is done, or choose another folder"
    if folder in held and held[folder][0] == os.getpid():  # another thread of this process
        raise ValueError(in_use)
    try:
        handle = lock(folder)
    except BlockingIOError as error:
        raise ValueError(in_use) from error
    held[folder] = mine
    try:
        yield folder
    finally:
        del held[folder]
        if handle is not None and os.getpid() == mine[0]:  # and not a fork of it
            unlock(handle)


def lock(folder: Path) -> int | None:
    """Lock a folder and return the open file that holds the lock; None where there are no locks. BlockingIOError if it is taken."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return lock_on_windows(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # a file system without locks
        os.close(handle)
        return None
    return handle


def unlock(handle: int) -> None:
    """Give a locked folder back, also where a process that was forked meanwhile still has it open."""
    with suppress(ModuleNotFoundError):  # Windows
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def lock_on_windows(folder: Path) -> int:
    """`lock` by a hidden file beside the folder, since a folder itself cannot be opened there."""
    import msvcrt

    path = folder.with_name(f".{folder.name}.lock")
    with suppress(OSError):
        path.unlink()  # possible only if nobody has it open
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        os.close(handle)
        raise BlockingIOError from error
    return handle
