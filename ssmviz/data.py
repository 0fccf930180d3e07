"""What people bring to train on, kept under the hash of its content: `data/<sha256>.txt` in the home of the runs.

No name and no path of a person's reaches the disk. The same content is kept once; a file that was changed is not read.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from functools import lru_cache
from pathlib import Path

from ssmviz import home

MAX_BYTES = 4 * 2**20  # of one file
MAX_KEPT = 512 * 2**20  # bytes of all
DIGEST = r"[0-9a-f]{64}"


def decoded(content: bytes) -> str:
    """The text of an uploaded file, every line ended by a line feed.

    Raises:
        ValueError: too large, or no text in UTF-8; the message says what to do.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"a file may have at most {MAX_BYTES:,} bytes, got {len(content):,}; upload a part of it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start:,} is no text in UTF-8; save the file as plain text in UTF-8") from None
    if "\0" in text:
        raise ValueError(f"character {text.index(chr(0)):,} is NUL, so this is no text; save the file as plain text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def keep(text: str) -> str:
    """Keep a text for good; the same one again changes nothing.

    Returns:
        Its digest, the `data` of `TaskSettings`.

    Raises:
        ValueError: there is no more room for data; the message says who can make some.
        OSError: the disk is full or cannot be written to.
    """
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()
    path = _path(digest)
    if path.exists():
        return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    if sum(other.stat().st_size for other in path.parent.iterdir()) + len(content) > MAX_KEPT:
        raise ValueError(
            f"this machine already keeps {MAX_KEPT >> 20} MiB of data, as much as it may; whoever runs it can delete "
            f"old files in {path.parent.name}/ of its home"
        )
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # whole or not at all, whoever else keeps the same
    except BaseException:
        os.unlink(name)
        raise
    return digest


@lru_cache(maxsize=8)
def read(digest: str) -> str:
    """The text kept under a digest.

    Raises:
        ValueError: no digest, nothing kept under it, or no longer the same.
    """
    if not re.fullmatch(DIGEST, digest):
        raise ValueError(f"data are named by 64 digits 0-9a-f, got {digest[:80]!r}")
    try:
        content = _path(digest).read_bytes()
    except OSError:
        raise ValueError(f"the data {digest[:8]} are not on this machine; upload them again") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"the data {digest[:8]} were changed on the disk; upload them again")
    return content.decode()


def _path(digest: str) -> Path:
    return home.prepare()[0] / "data" / f"{digest}.txt"
