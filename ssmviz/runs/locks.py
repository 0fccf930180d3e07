"""Kernel file locks: held exactly as long as the process that took them lives.

A pid may be reused and a heartbeat may be late; the kernel drops these when a process ends, however it ends.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 30  # locked bytes cannot be read there, so lock one behind the text

    def _take(fd: int, *, shared: bool) -> bool:
        os.lseek(fd, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(fd: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class FileLock:
    """One lock on one file. The file stays; only the lock says something.

    Args:
        path: the file, made when missing.
        shared: several may hold it at once, and nobody exclusively then (on Windows the first one holds it).
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self.path = path
        self.shared = shared
        self._fd: int | None = None

    def acquire(self, timeout: float = 0.0) -> bool:
        """Take it, waiting at most `timeout` seconds (a looker may hold it for microseconds)."""
        end = time.monotonic() + timeout
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        while not _take(fd, shared=self.shared):
            if time.monotonic() >= end:
                os.close(fd)
                return False
            time.sleep(0.01)
        self._fd = fd
        return True

    def sign(self) -> None:
        """Leave this process's id in the file for `holder`."""
        if self._fd is not None:
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, f"{os.getpid():<20}".encode())

    def release(self) -> None:
        """Give it up."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on `path`."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(fd, shared=False)
    finally:
        os.close(fd)


def holder(path: Path) -> int | None:
    """Process id of who holds and signed the lock, None when it is free."""
    if not is_held(path):
        return None
    try:
        return int(path.read_text().strip() or 0) or None
    except (OSError, ValueError):
        return None
