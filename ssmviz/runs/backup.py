"""The whole store as one file, also while runs train: `python -m ssmviz.runs.backup save FILE` and `restore FILE`.

Every database is copied by SQLite itself, so that each is whole, whoever writes to it. What was under way is
`interrupted` in the copy: in the restored store it can be resumed from its newest checkpoint.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import ssmviz
from ssmviz import home
from ssmviz.runs.records import LIVE, Refused

MANIFEST = "manifest.json"
INDEX = "index.db"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PART = re.compile(rf"[a-z][a-z0-9_]{{0,40}}\.(db|key)|runs/{UUID}/run\.db|data/[0-9a-f]{{64}}\.txt")
LARGEST_MANIFEST = 64 * 1024**2
CHUNK = 1024**2
LEFT_OUT = "it was under way when the backup was made; it goes on from its last checkpoint"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a backup holds, by path."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    format: int = Field(1, ge=1, le=1)
    version: str
    created: float
    parts: dict[str, _Part]


def save(root: Path, target: Path) -> Manifest:
    """Copy the store at `root` into one compressed file, whole or not at all, readable by its owner alone.

    Needs room for the file and, for a moment, for the largest database.

    Raises:
        Refused: there is no store at `root`, or `target` exists.
    """
    if not (root / INDEX).is_file():
        raise Refused(f"there is no store in {root}; name its directory with --root or {home.VARIABLE}")
    if target.exists():
        raise Refused(f"{target} exists; choose another name, a backup is never written over")
    target.parent.mkdir(parents=True, exist_ok=True)
    parts: dict[str, _Part] = {}
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
        whole = Path(scratch) / "whole.tar.gz"
        with tarfile.open(whole, "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as archive:
            for name, path in _copies(root, Path(scratch)):
                parts[name] = _Part(size=path.stat().st_size, sha256=_digest(path))
                archive.add(path, name, recursive=False, filter=_nobody)
            manifest = Manifest(version=ssmviz.__version__, created=time.time(), parts=parts)
            about = Path(scratch) / MANIFEST
            about.write_text(manifest.model_dump_json(indent=1))
            archive.add(about, MANIFEST, filter=_nobody)
        whole.chmod(0o600)
        with whole.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(whole, target)
    return manifest


def _copies(root: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) of everything to keep; a file is there until the next one is asked for.

    The index is copied first and given out last: every run it names is in the backup by then, or taken out of it.
    """
    index = scratch / INDEX
    _copy_database(root / INDEX, index)
    for run in _runs(index):
        name = f"runs/{run}/run.db"
        yield from _copied(root, name, scratch)
        if not (root / name).exists():
            _forget(index, run)
    for path in sorted((root / "data").glob("*.txt")):
        if PART.fullmatch(name := f"data/{path.name}"):
            yield name, path
    for path in sorted(root.glob("*.key")):  # without them nobody would find their own runs again
        if PART.fullmatch(path.name):
            yield path.name, path
    for path in sorted(root.glob("*.db")):
        if path.name != INDEX and PART.fullmatch(path.name):
            yield from _copied(root, path.name, scratch)
    _settle(index)
    yield INDEX, index


def _copied(root: Path, name: str, scratch: Path) -> Iterator[tuple[str, Path]]:
    copy = scratch / "copy.db"
    try:
        _copy_database(root / name, copy)
    except FileNotFoundError:  # deleted since the index was copied
        return
    except sqlite3.DatabaseError:  # damaged: as it is, so that its run stays what it was, unreadable
        shutil.copyfile(root / name, copy)
    yield name, copy
    copy.unlink()


def _copy_database(source: Path, copy: Path) -> None:
    """One moment of a database, in one file, while others write."""
    if not source.exists():
        raise FileNotFoundError(source)
    copy.unlink(missing_ok=True)
    with closing(_open(source, "ro")) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10.0)


def _runs(index: Path) -> list[str]:
    with closing(_open(index, "ro")) as db:
        return [row[0] for row in db.execute("SELECT id FROM runs ORDER BY number")]


def _forget(index: Path, run: str) -> None:
    """It was deleted while the backup was made."""
    with closing(_open(index, "rw")) as db, db:
        db.execute("DELETE FROM runs WHERE id = ?", (run,))
        for table, column in (("experiments", "id"), ("control", "experiment")):
            db.execute(f"DELETE FROM {table} WHERE {column} NOT IN (SELECT experiment FROM runs)")  # noqa: S608


def _settle(index: Path) -> None:
    """Nobody works on the copy, and nobody has asked it to end."""
    with closing(_open(index, "rw")) as db, db:
        marks = ", ".join("?" * len(LIVE))
        change = f"UPDATE runs SET state = 'interrupted', failures = 0, reason = ? WHERE state IN ({marks})"  # noqa: S608
        db.execute(change, (LEFT_OUT, *LIVE))
        db.execute("DELETE FROM flags")


def restore(source: Path, root: Path) -> Manifest:
    """Unpack a backup into an empty or new directory. Every byte is checked before the first one counts.

    Raises:
        Refused: the directory is not empty, or the file is no whole backup; then nothing has changed.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise Refused(f"{root} is not empty; a backup is restored into an empty or new directory only")
    existed = root.exists()
    root.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=root, prefix=".restoring-"))
    try:
        manifest = _unpack(source, staging)
        for path in sorted(staging.iterdir(), key=lambda path: path.name == INDEX):  # with the index it is a store
            os.replace(path, root / path.name)
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        shutil.rmtree(staging)
        if not existed:
            root.rmdir()
        raise Refused(f"{source} cannot be restored: {error}") from None
    staging.rmdir()
    return manifest


def _unpack(source: Path, target: Path) -> Manifest:
    found: dict[str, _Part] = {}
    manifest = None
    with tarfile.open(source, "r|gz") as archive:  # a stream: each part is read once
        for entry in archive:
            if manifest is not None or entry.name in found:
                raise ValueError(f"{entry.name[:80]!r} stands where nothing should")
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise ValueError(f"{entry.name[:80]!r} is no file")
            if entry.name == MANIFEST:
                manifest = _manifest(content)
            elif PART.fullmatch(entry.name):
                found[entry.name] = _write(content, target / entry.name)
            else:
                raise ValueError(f"{entry.name[:80]!r} belongs to no store")
    if manifest is None:
        raise ValueError("its end is missing")
    wrong = sorted(name for name in manifest.parts.keys() | found.keys() if manifest.parts.get(name) != found.get(name))
    if wrong or INDEX not in found:
        raise ValueError(f"{wrong[0] if wrong else INDEX} is damaged or missing")
    return manifest


def _manifest(content: IO[bytes]) -> Manifest:
    try:
        return Manifest.model_validate_json(content.read(LARGEST_MANIFEST))
    except ValidationError:
        raise ValueError(f"{MANIFEST} says nothing that this version of ssmviz understands") from None


def _write(content: IO[bytes], path: Path) -> _Part:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := content.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return _Part(size=size, sha256=digest.hexdigest())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the name of whoever made it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def main(arguments: Sequence[str]) -> int:
    """Save or restore, and say in one sentence what happened."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.runs.backup", description=__doc__)
    parser.add_argument("what", choices=("save", "restore"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--root", type=Path, default=None, help=f"directory of the store; {home.VARIABLE} when absent")
    options = parser.parse_args(arguments)
    root = options.root or home.default_home()
    try:
        manifest = save(root, options.file) if options.what == "save" else restore(options.file, root)
    except Refused as refusal:
        sys.stderr.write(f"ssmviz: {refusal}\n")
        return 1
    runs = sum(name.startswith("runs/") for name in manifest.parts)
    verb, where = ("saved", options.file) if options.what == "save" else ("restored", root)
    sys.stdout.write(json.dumps({verb: str(where), "runs": runs, "version": manifest.version}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
