"""Say in plain words when the app's port is taken: `python -m ssmviz.port 8501`."""

from __future__ import annotations

import socket
import sys


def problem(port: str, *, command: str = "make run") -> str | None:
    """Why the app cannot listen on `port`, or None when it can; `command` is what to try with another one."""
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        return f"PORT must be a number from 1 to 65535, got {port[:40]!r}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", int(port)))
        except OSError as error:
            return f"port {port} cannot be used ({error.strerror}); stop what runs there, or: {command} PORT={_free()}"
    return None


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    message = problem(sys.argv[1] if len(sys.argv) > 1 else "8501")
    if message:
        sys.stderr.write(f"ssmviz: {message}\n")
        raise SystemExit(1)
