"""SQLite connections, one per thread and file, never inside an open transaction between two calls."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

KEPT = 8  # open files per thread; the longest unused is closed first
KEPT_BY_MAIN = 128  # the server's loop looks at the runs of a whole class thirty times a second
BUSY_SECONDS = 5.0


class Connections:
    """Gives every thread its own connection to a file, and a new one when the file was replaced."""

    def __init__(self) -> None:
        self._local = threading.local()

    def get(self, path: Path) -> sqlite3.Connection:
        """A connection in autocommit mode.

        Raises:
            FileNotFoundError: there is no such file (create it with `create`).
        """
        kept = self._kept()
        identity = _identity(path)
        entry = kept.get(path)
        if entry is not None and entry[0] == identity:
            kept.move_to_end(path)
            return entry[1]
        self.drop(path)
        for deleted in [other for other in kept if not other.exists()]:
            self.drop(deleted)  # an open file keeps its room on the disk
        connection = _open(path, "rw")
        kept[path] = (identity, connection)
        if len(kept) > (KEPT_BY_MAIN if threading.current_thread() is threading.main_thread() else KEPT):
            kept.popitem(last=False)[1][1].close()
        return connection

    def drop(self, path: Path) -> None:
        """Close this thread's connection to `path`."""
        entry = self._kept().pop(path, None)
        if entry is not None:
            entry[1].close()

    def close(self) -> None:
        """Close all connections of this thread."""
        for path in list(self._kept()):
            self.drop(path)

    def _kept(self) -> OrderedDict[Path, tuple[tuple[int, int], sqlite3.Connection]]:
        if not hasattr(self._local, "kept"):
            self._local.kept = OrderedDict()
        kept: OrderedDict[Path, tuple[tuple[int, int], sqlite3.Connection]] = self._local.kept
        return kept


def create(path: Path, schema: Sequence[str], fill: Callable[[sqlite3.Connection], object] | None = None) -> None:
    """Make a database, or leave an existing one as it is.

    Args:
        path: of the file.
        schema: statements.
        fill: writes the first rows, in the same transaction.
    """
    connection = _open(path, "rwc")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        with transaction(connection):
            for statement in schema:
                connection.execute(statement)
            if fill is not None:
                fill(connection)
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing; the write lock is taken at once, so that two writers cannot deadlock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        if connection.in_transaction:  # a full disk rolls back by itself
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
