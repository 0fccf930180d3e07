"""Wakes the launcher at once: a named pipe where there is one, else the launcher looks every 20 ms."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NAME = "launcher.bell"


class Bell:
    """The launcher's end; wait on `fileno()`."""

    def __init__(self, root: Path) -> None:
        path = root / NAME
        self._fd: int | None = None
        if not hasattr(os, "mkfifo"):
            return
        with suppress(OSError):  # some network drives have no pipes
            if not path.is_fifo():
                path.unlink(missing_ok=True)
                os.mkfifo(path, 0o600)
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # both ends: never at its end of file

    @property
    def works(self) -> bool:
        """Whether there is a pipe to wait on."""
        return self._fd is not None

    def fileno(self) -> int:
        """For select."""
        return -1 if self._fd is None else self._fd

    def quiet(self) -> None:
        """Forget the rings so far."""
        with suppress(BlockingIOError):
            while self._fd is not None and os.read(self._fd, 512):
                pass


def ring(root: Path) -> None:
    """Tell the launcher of `root`, if any, that there is something to do."""
    if hasattr(os, "mkfifo"):
        with suppress(OSError):
            fd = os.open(root / NAME, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(fd, b"!")
            finally:
                os.close(fd)
