"""`index.db`: which experiments and runs there are, their states, and what people ask of them. SQL only."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ssmviz.runs.connections import Connections, create, transaction
from ssmviz.runs.locks import FileLock
from ssmviz.runs.records import Control, ExperimentRow, RunRow, read_settings
from ssmviz.settings import TrainSettings

T = TypeVar("T")

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS experiments (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, key TEXT UNIQUE NOT NULL, title TEXT NOT NULL,
    preset TEXT, created REAL NOT NULL, read_only INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
    shared INTEGER NOT NULL DEFAULT 0, most INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, experiment TEXT NOT NULL,
    position INTEGER NOT NULL, label TEXT NOT NULL, settings TEXT NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '', backend TEXT NOT NULL DEFAULT '',
    parameters INTEGER NOT NULL DEFAULT 0, notes TEXT NOT NULL DEFAULT '[]', seconds REAL NOT NULL DEFAULT 0,
    token_accuracy REAL, sequence_accuracy REAL, checkpoint_step INTEGER, probe_version INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX IF NOT EXISTS runs_by_experiment ON runs (experiment, position)",
    "CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state)",
    """CREATE TABLE IF NOT EXISTS control (
    experiment TEXT PRIMARY KEY, paused INTEGER NOT NULL DEFAULT 0, hold_at INTEGER, speed REAL NOT NULL DEFAULT 0,
    stop INTEGER NOT NULL DEFAULT 0, probe TEXT, probe_version INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS flags (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)
ADDED = {"shared": "INTEGER NOT NULL DEFAULT 0", "most": "INTEGER NOT NULL DEFAULT 0"}  # to experiments, 2026-11
SUMMARY = (  # columns of a run that are kept in its own file too
    *("state", "step", "reason", "device", "backend", "parameters", "notes", "seconds"),
    *("token_accuracy", "sequence_accuracy", "checkpoint_step", "probe_version"),
)


class Index:
    """The file, opened per thread; made again from the runs' own files when it is damaged or gone."""

    def __init__(self, root: Path, connections: Connections) -> None:
        self.root = root
        self.path = root / "index.db"
        self._connections = connections
        if not self.path.exists() or not self._is_sound():
            self.rebuild()
        create(self.path, SCHEMA, _add_columns)

    def all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Rows of a query, read at once."""
        return self._repairing(lambda: self._connect().execute(query, values).fetchall())

    def one(self, query: str, *values: Any) -> sqlite3.Row | None:
        """First row of a query."""
        rows = self.all(query, *values)
        return rows[0] if rows else None

    def change(self, query: str, *values: Any) -> int:
        """Run one statement; the number of rows changed."""
        return self._repairing(lambda: int(self._connect().execute(query, values).rowcount))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements, all or nothing."""
        self.all("SELECT 1 FROM runs LIMIT 1")  # finds damage while it can still be repaired
        with transaction(self._connect()) as db:
            yield db

    def changes(self) -> int:
        """A number that changes when another connection has written: cheap to poll."""
        return int(self._connect().execute("PRAGMA data_version").fetchone()[0])

    def rebuild(self) -> None:
        """Make the file again from `runs/*/run.db`. What people last asked for (control, sharing) starts afresh."""
        lock = FileLock(self.root / "rebuild.lock")
        if not lock.acquire(timeout=10):
            raise TimeoutError(f"{self.path} is being rebuilt by another process; try again")
        try:
            self._connections.drop(self.path)
            if self.path.exists() and self._is_sound():
                return  # somebody else has just done it
            fresh = self.path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            create(fresh, SCHEMA, self._restore_all)
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.replace(f"{self.path}{suffix}", f"{self.path}.damaged{suffix}")
            os.replace(fresh, self.path)
        finally:
            lock.release()

    def _restore_all(self, db: sqlite3.Connection) -> None:
        for about in _abouts(self.root / "runs"):
            _restore(db, about)

    def _connect(self) -> sqlite3.Connection:
        return self._connections.get(self.path)

    def _is_sound(self) -> bool:
        try:
            connection = self._connections.get(self.path)
            connection.execute("SELECT count(*) FROM runs").fetchone()
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False
        finally:
            self._connections.drop(self.path)

    def _repairing(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except FileNotFoundError:
            pass
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # busy, full, or a mistake of ours: no damage
                raise
        self.rebuild()
        return action()


def experiment_row(row: sqlite3.Row) -> ExperimentRow:
    """A row of `experiments`."""
    flags = {"read_only": bool(row["read_only"]), "owner": row["owner"], "shared": bool(row["shared"])}
    return ExperimentRow(row["id"], row["title"], row["preset"], row["created"], **flags)


def run_row(row: sqlite3.Row) -> RunRow:
    """A row of `runs`; one whose settings cannot be read is unreadable."""
    values = {key: row[key] for key in row.keys() if key != "number"}  # noqa: SIM118 - a Row iterates over values
    values["notes"] = tuple(json.loads(row["notes"]))
    try:
        values["settings"] = read_settings(row["settings"])
    except ValidationError:
        values |= {"settings": TrainSettings(), "state": "unreadable", "reason": "its settings cannot be read"}
    return RunRow(**values)


def control_row(row: sqlite3.Row) -> Control:
    """A row of `control`."""
    probe = None if row["probe"] is None else tuple(json.loads(row["probe"]))
    paused, stop = bool(row["paused"]), bool(row["stop"])
    return Control(paused, row["hold_at"], row["speed"], stop, probe, row["probe_version"])


def insert_experiment(db: sqlite3.Connection, experiment: dict[str, Any]) -> None:
    """One row, and its control."""
    names = "id, key, title, preset, created, read_only, owner, most"
    values = [*(experiment[name] for name in names.split(", ")[:-1]), experiment.get("most", 0)]
    db.execute(f"INSERT OR IGNORE INTO experiments ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608
    db.execute("INSERT OR IGNORE INTO control (experiment) VALUES (?)", (experiment["id"],))


def insert_run(db: sqlite3.Connection, run: dict[str, Any]) -> None:
    """One row; keys are column names."""
    marks = ", ".join("?" * len(run))
    db.execute(f"INSERT OR REPLACE INTO runs ({', '.join(run)}) VALUES ({marks})", list(run.values()))  # noqa: S608


def _add_columns(db: sqlite3.Connection) -> None:
    """Bring an index of an earlier version up to date."""
    known = {row["name"] for row in db.execute("PRAGMA table_info(experiments)")}
    for name, kind in ADDED.items():
        if name not in known:
            db.execute(f"ALTER TABLE experiments ADD COLUMN {name} {kind}")


def _abouts(folder: Path) -> Iterator[dict[str, Any]]:
    """What every run says about itself, oldest first; those that cannot be read are left out."""
    found = []
    for path in folder.glob("*/run.db"):
        try:
            with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as db:
                about = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM about")}
            db.close()
            about["run"]["id"], about["experiment"]["created"]
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError):
            continue
        found.append(about)
    # the only order left; it decides where an old run stands in a list, nothing else
    yield from sorted(found, key=lambda about: (about["experiment"]["created"], about["run"]["position"]))


def _restore(db: sqlite3.Connection, about: dict[str, Any]) -> None:
    insert_experiment(db, about["experiment"])
    known = {name: about[name] for name in (*SUMMARY, "attempt") if name in about}
    insert_run(db, about["run"] | known)
