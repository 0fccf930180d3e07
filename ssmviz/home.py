"""Where runs, and the data that people bring, live on this machine."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

VARIABLE = "SSMVIZ_HOME"


def default_home() -> Path:
    """$SSMVIZ_HOME, or the platform's directory for a user's data."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "ssmviz"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/ssmviz"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "ssmviz"


def prepare(root: Path | None = None) -> tuple[Path, str]:
    """A directory that can be written to, and a notice for a banner when it is not the wanted one.

    Args:
        root: the wanted directory; `default_home()` when None.
    """
    try:
        wanted = root or default_home()
        _check_writable(wanted)
        return wanted.resolve(), ""
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home directory at all
        fallback = _temporary()
        why = getattr(error, "strerror", None) or str(error)
        where = root or os.environ.get(VARIABLE) or "the user data directory"
        return fallback, (
            f"{where} cannot be written to ({why}). Runs are kept in {fallback} and may be gone after a restart of "
            f"this machine; set {VARIABLE} to a directory of yours to keep them."
        )


def free_bytes(path: Path) -> int:
    """Room left on the disk of `path`."""
    return shutil.disk_usage(path).free


def _check_writable(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        pass


def _temporary() -> Path:
    """The same private directory every time, so that a restarted app finds its runs."""
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    path = Path(tempfile.gettempdir()) / f"ssmviz-runs-{user}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        mine = not hasattr(os, "getuid") or (path.lstat().st_uid == os.getuid() and not path.is_symlink())
        if mine:
            _check_writable(path)
            return path.resolve()
    except OSError:
        pass  # taken by somebody else: a fresh one follows
    return Path(tempfile.mkdtemp(prefix="ssmviz-runs-")).resolve()
