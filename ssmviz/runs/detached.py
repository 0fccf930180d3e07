"""A process that outlives the one that starts it, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import ssmviz

PROJECT = Path(ssmviz.__file__).parent.parent


def start_detached(command: list[str]) -> subprocess.Popen[bytes]:
    """In a session of its own: neither Ctrl-C nor the end of the app reaches it."""
    nowhere = subprocess.DEVNULL
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(  # noqa: S603 - fixed words
            command, cwd=PROJECT, stdin=nowhere, stdout=nowhere, stderr=nowhere, creationflags=flags
        )
    return subprocess.Popen(  # noqa: S603 - fixed words
        command, cwd=PROJECT, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    )


def kill_group(pid: int) -> None:
    """End a launcher and all it has started, at once."""
    if sys.platform == "win32":
        os.kill(pid, signal.SIGTERM)  # ends the process there; workers look at the shutdown flag
    else:
        os.killpg(pid, signal.SIGKILL)  # a launcher leads its own group
