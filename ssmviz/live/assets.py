"""The files that pictures are drawn with, answered from memory under an address that names their content."""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import cache
from pathlib import Path

FOLDERS = ("canvas", "lessons", "live", "maths", "room", "sweep")
ROOT = Path(__file__).parent.parent.parent / "assets"
TYPES = {".js": "text/javascript", ".css": "text/css"}


@cache
def assets() -> dict[str, tuple[bytes, str]]:
    """Content and type of every file, by its path: "live/lab.js"."""
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).iterdir() if path.suffix in TYPES)
    return {path.relative_to(ROOT).as_posix(): (path.read_bytes(), TYPES[path.suffix]) for path in files}


@cache
def assets_version() -> str:
    """Changes when any of the files does."""
    digest = hashlib.sha256()
    for name, (content, _) in assets().items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:12]


def assets_path(base: str) -> str:
    """Where browsers find them: "/api/assets/0123456789ab/"."""
    return f"{base}/api/assets/{assets_version()}/"


def style(*names: str) -> str:
    """The named style sheets, one after the other."""
    return "\n".join(assets()[name][0].decode() for name in names)


@cache
def modules_of(name: str) -> tuple[str, ...]:
    """A module and all that it imports, by their paths: what a browser must fetch before it can run it."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        found[here] = None
        imports = re.findall(r'^(?:import|export)[^;"]*?"(\.{1,2}/[^"]+)"', assets()[here][0].decode(), re.MULTILINE)
        waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(here), other)) for other in imports]
    return tuple(found)
