"""A lock that ends with its process: of a run folder it means "a trainer lives", of a home "a supervisor watches".

A process id can be taken by another program, a state in a table can be stale; the operating system's lock cannot.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path


class Busy(Exception):
    """Somebody else holds the lock."""


@contextlib.contextmanager
def hold(path: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold an operating-system lock on a file; it ends with the process, however the process ends.

    Raises Busy when another process (or another `hold` in this one) has it for longer than `wait_seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait_seconds
    with path.open("a+b") as file:
        while not _try_lock(file.fileno()):
            if time.monotonic() >= until:
                raise Busy(str(path.name))
            time.sleep(0.02)
        yield


def alive(folder: Path) -> bool:
    """Whether a trainer holds this run's lock right now."""
    try:
        with hold(Path(folder) / "lock"):
            return False
    except Busy:
        return True


if os.name == "nt":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        except OSError:
            return False
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            return False
