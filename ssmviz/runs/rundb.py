"""One run's own file, `runs/<id>/run.db`: who it is, metrics, frames, two checkpoint slots.

Everything about a run that is more than its state lies here, so that deleting a run is deleting a folder, a
damaged file costs one run, and the index can be made again from these files.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ssmviz.home import free_bytes
from ssmviz.runs import records
from ssmviz.runs.connections import Connections, create, transaction
from ssmviz.runs.records import Fenced, FrameInfo, Metric, MetricKind

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, step INTEGER NOT NULL, data TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS frames (
    step INTEGER PRIMARY KEY, seq INTEGER NOT NULL, ordinal INTEGER NOT NULL, probe_version INTEGER NOT NULL,
    size INTEGER NOT NULL, data BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS frames_by_seq ON frames (seq, ordinal, size, probe_version)",
    """CREATE TABLE IF NOT EXISTS checkpoints (
    slot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, step INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL)""",
)
Row = tuple[MetricKind, int, dict[str, Any]]  # kind, step, data
PAGE = 2000  # metrics given out at once
LAST_KINDS = ("rung", "diverged", "finished")  # follow the last step, so a resumed run writes them again


class RunDb:
    """Reads from any thread, writes for one attempt.

    Args:
        path: the file.
        connections: of the store.
        attempt: the fencing token of who writes; None for readers.
        free: bytes left on the disk.
    """

    def __init__(
        self,
        path: Path,
        connections: Connections,
        *,
        attempt: int | None = None,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.path = path
        self.attempt = attempt
        self._connections = connections
        self._free = free

    @classmethod
    def create(cls, path: Path, about: dict[str, Any]) -> None:
        """Make the file of a new run."""
        rows = [(key, json.dumps(value)) for key, value in about.items()]
        create(path, SCHEMA, lambda db: db.executemany("INSERT INTO about VALUES (?, ?)", rows))

    # who it is

    def about(self) -> dict[str, Any]:
        """What was stored by `create` and `describe`."""
        rows = self._db().execute("SELECT key, value FROM about").fetchall()
        return {row["key"]: json.loads(row["value"]) for row in rows}

    def describe(self, **values: Any) -> None:
        """Store values beside the metrics: the index is made of them when it is lost."""
        with transaction(self._db()) as db:
            self._set(db, values)

    # metrics

    def begin_attempt(self, step: int | None, started: dict[str, Any]) -> None:
        """Forget what came after the checkpoint at `step` (None: all of it) and note the new start.

        Readers that hold more than this see the new "started" row and forget the same.
        """
        keep = -1 if step is None else step
        with transaction(self._db()) as db:
            if self.attempt is not None and self._get(db, "attempt", 0) > self.attempt:
                raise Fenced(f"attempt {self.attempt} of {self.path.parent.name} is over")
            self._set(db, {"attempt": self.attempt or 0, "delivered": 0})
            self._cut_losses(db, keep)
            marks = ",".join("?" * len(LAST_KINDS))
            db.execute(f"DELETE FROM metrics WHERE step > ? OR kind IN ({marks})", (keep, *LAST_KINDS))  # noqa: S608
            db.execute("DELETE FROM frames WHERE step > ?", (keep,))
            self._append(db, [("started", max(keep, 0), started)])

    def append(self, rows: Sequence[Row], *, delivered: int = 0) -> None:
        """Add rows (kind, step, data) in one transaction.

        Args:
            rows: to be added.
            delivered: number of the last event in them, where events come numbered from another machine.
        """
        if rows:
            with self._write() as db:
                self._append(db, rows)
                self._note_delivery(db, delivered)

    def delivered(self) -> int:
        """Number of the last event of this attempt that is stored, 0 when none is."""
        db = self._db()
        return self._get(db, "delivered", 0) if self._get(db, "attempt", 0) == self.attempt else 0

    def _note_delivery(self, db: sqlite3.Connection, number: int) -> None:
        if number:
            self._set(db, {"delivered": number})

    def metrics_since(self, rowid: int = 0) -> list[Metric]:
        """At most PAGE rows after `rowid`, in the order they happened."""
        query = "SELECT id, kind, step, data FROM metrics WHERE id > ? ORDER BY id LIMIT ?"
        rows = self._db().execute(query, (rowid, PAGE)).fetchall()
        return [Metric(row["id"], row["kind"], row["step"], json.loads(row["data"])) for row in rows]

    def _append(self, db: sqlite3.Connection, rows: Sequence[Row]) -> None:
        values = [(kind, step, json.dumps(_finite(data))) for kind, step, data in rows]
        db.executemany("INSERT INTO metrics (kind, step, data) VALUES (?, ?, ?)", values)

    def _cut_losses(self, db: sqlite3.Connection, keep: int) -> None:
        for row in db.execute("SELECT id, data FROM metrics WHERE kind = 'steps' AND step > ?", (keep,)).fetchall():
            data = json.loads(row["data"])
            count = sum(step <= keep for step in data["steps"])
            if count:
                left = {"steps": data["steps"][:count], "losses": data["losses"][:count]}
                update = "UPDATE metrics SET step = ?, data = ? WHERE id = ?"
                db.execute(update, (left["steps"][-1], json.dumps(left), row["id"]))

    # frames

    def put_frame(self, step: int, data: bytes, probe_version: int = 0) -> bool:
        """Store a frame, replacing one of the same step; False when the disk is too full for frames.

        The newest frame is always kept. Of the older ones every `stride`-th is: when there are more than
        MAX_FRAMES (or `max_frames` of `about`), or they take more than MAX_FRAME_TOTAL bytes, every other one goes and
        the stride doubles.
        """
        if self._free(self.path.parent) < records.MIN_FREE_FRAMES:
            return False
        with self._write() as db:
            stride = self._get(db, "stride", 1)
            if stride > 1:  # the frame that was newest until now may not be one to keep
                db.execute("DELETE FROM frames WHERE ordinal % ? != 0 AND step != ?", (stride, step))
            seq = db.execute("SELECT coalesce(max(seq), 0) + 1 FROM frames").fetchone()[0]
            seq = max(seq, self._get(db, "frame_seq", 0) + 1)
            old = db.execute("SELECT ordinal FROM frames WHERE step = ?", (step,)).fetchone()
            ordinal = old["ordinal"] if old else self._next_ordinal(db)
            row = (step, seq, ordinal, probe_version, len(data), data)
            db.execute("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?)", row)
            self._set(db, {"frame_seq": seq, "ordinal": max(ordinal, self._get(db, "ordinal", -1))})
            self._thin(db, stride, seq)
        return True

    def newest_frame(self) -> FrameInfo | None:
        """The frame written last."""
        query = "SELECT step, seq, probe_version FROM frames ORDER BY seq DESC LIMIT 1"
        row = self._db().execute(query).fetchone()
        return FrameInfo(row["step"], row["seq"], row["probe_version"]) if row else None

    def frame_steps(self) -> list[int]:
        """Steps of all frames kept, ascending."""
        return [row["step"] for row in self._db().execute("SELECT step FROM frames ORDER BY step").fetchall()]

    def frame(self, step: int) -> bytes | None:
        """The frame of exactly this step."""
        row = self._db().execute("SELECT data FROM frames WHERE step = ?", (step,)).fetchone()
        return row["data"] if row else None

    def frames_after(self, step: int) -> Iterator[tuple[int, bytes]]:
        """(step, frame) of every later frame, ascending; no transaction stays open between two."""
        query = "SELECT step, data FROM frames WHERE step > ? ORDER BY step LIMIT 1"
        while row := self._db().execute(query, (step,)).fetchone():
            step = row["step"]
            yield step, row["data"]

    def _next_ordinal(self, db: sqlite3.Connection) -> int:
        return int(self._get(db, "ordinal", -1)) + 1

    def _thin(self, db: sqlite3.Connection, stride: int, newest: int) -> None:
        query = "SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes FROM frames INDEXED BY frames_by_seq"
        most = self._get(db, "max_frames", 0) or records.MAX_FRAMES
        while True:
            held = db.execute(query).fetchone()
            fits = held["count"] <= most and held["bytes"] <= records.MAX_FRAME_TOTAL
            if fits or held["count"] <= 2:
                return
            stride *= 2
            db.execute("DELETE FROM frames WHERE ordinal % ? != 0 AND seq != ?", (stride, newest))
            self._set(db, {"stride": stride})

    # checkpoints

    def put_checkpoint(self, step: int, data: bytes, rows: Sequence[Row] = (), *, delivered: int = 0) -> None:
        """Store a checkpoint over the older of the two, and with it the metrics up to its step.

        In one transaction: who goes on from it has the whole curve before it.
        """
        with self._write() as db:
            self._append(db, rows)
            self._note_delivery(db, delivered)
            newest = db.execute("SELECT slot, seq FROM checkpoints ORDER BY seq DESC LIMIT 1").fetchone()
            slot, seq = (1 - newest["slot"], newest["seq"] + 1) if newest else (0, 1)
            row = (slot, seq, step, zlib.crc32(data), data)
            db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)", row)

    def checkpoint(self) -> tuple[int, bytes] | None:
        """(step, data) of the newest checkpoint that is whole."""
        for row in self._db().execute("SELECT step, crc, data FROM checkpoints ORDER BY seq DESC").fetchall():
            if zlib.crc32(row["data"]) == row["crc"]:
                return row["step"], row["data"]
        return None

    # plumbing

    def changes(self) -> int:
        """A number that changes when another connection has written: cheap to poll (microseconds)."""
        return int(self._db().execute("PRAGMA data_version").fetchone()[0])

    def _db(self) -> sqlite3.Connection:
        return self._connections.get(self.path)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with transaction(self._db()) as db:
            if self.attempt is not None and self._get(db, "attempt", 0) != self.attempt:
                raise Fenced(f"attempt {self.attempt} of {self.path.parent.name} is over")
            yield db

    def _get(self, db: sqlite3.Connection, key: str, default: int) -> int:
        row = db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return int(json.loads(row["value"])) if row else default

    def _set(self, db: sqlite3.Connection, values: dict[str, Any]) -> None:
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", rows)


def _finite(value: Any) -> Any:
    """Numbers that JSON has no word for become null."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
