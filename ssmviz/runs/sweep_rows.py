"""The sweeps of a store: one row each in `sweeps.db`, and their runs, which are ordinary experiments. SQL only.

They have a file of their own, since `index.db` is made again from the runs when it is damaged, and runs know no sweep.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from ssmviz.runs.connections import Connections, create, transaction
from ssmviz.runs.grid import Cell, Grid, Hole, fill
from ssmviz.runs.index import Index
from ssmviz.runs.quota import UNLIMITED, Quota
from ssmviz.runs.records import LIVE, Refused, checked_id, cut, read_settings

T = TypeVar("T")
SweepState = Literal["running", "paused", "stopped", "done"]
OPEN: tuple[SweepState, ...] = ("running", "paused")
MAX_OPEN = 4  # sweeps of one person that are not over
KEY = "sweep:"  # how the keys of their experiments begin: "sweep:<id>:<number of the cell>"
SCHEMA = """CREATE TABLE IF NOT EXISTS sweeps (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL, title TEXT NOT NULL,
    grid TEXT NOT NULL, cells TEXT NOT NULL, holes TEXT NOT NULL, runs INTEGER NOT NULL, most INTEGER NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'running', begun INTEGER NOT NULL DEFAULT 0)"""
_RUNS = "runs r JOIN experiments e ON e.id = r.experiment"
_CELLS = "e.key >= ? AND e.key < ?"  # of one sweep; an index answers


@dataclass(frozen=True)
class SweepRow:
    """One sweep."""

    id: str
    owner: str
    title: str
    created: float  # wall clock, to be shown; nothing is ordered by it
    state: SweepState
    begun: int  # cells that became experiments: those with a smaller number
    runs: int  # cells in all
    most: int  # runs of its owner that may be at work at the same time; 0: any number
    grid: Grid


@dataclass(frozen=True)
class Plan:
    """The places of a sweep, which never change: a (row, column, seed, steps) for every cell, and the holes."""

    places: tuple[tuple[int, int, int, int], ...]
    holes: tuple[Hole, ...]


@dataclass(frozen=True)
class CellRow:
    """The run that a cell became."""

    number: int
    experiment: str
    run: str
    state: str
    step: int
    attempt: int
    reason: str
    seconds: float


class SweepRows:
    """The part of the store that knows of sweeps."""

    root: Path
    _index: Index
    _connections: Connections

    def create_sweep(self, grid: Grid, *, owner: str = "", title: str = "", quota: Quota = UNLIMITED) -> SweepRow:
        """Begin a sweep; the one that already trains this grid for this person when there is one.

        Raises:
            Refused: nothing of it can be trained, or it is more than this person may use.
            ValidationError: the preset cannot be changed so.
        """
        cells, holes = fill(grid)
        if not cells:
            raise Refused(f"nothing of this grid can be trained: {holes[0].why}")
        trained = [cell.settings.model_dump() for cell in cells]
        for settings in trained if quota.wall_s else ():
            settings["wall_limit_s"] = min(settings["wall_limit_s"], quota.wall_s)
        values = {
            "id": str(uuid.uuid4()),
            "owner": owner,
            "title": cut(title) or _title(grid),
            "grid": grid.model_dump_json(),
            "cells": json.dumps([vars(cell) | {"settings": s} for cell, s in zip(cells, trained, strict=True)]),
            "holes": json.dumps([vars(hole) for hole in holes]),
            "runs": len(cells),
            "most": quota.running,
            "created": time.time(),
        }
        create(self._file, (SCHEMA,))
        with transaction(self._connections.get(self._file)) as db:
            known = db.execute("SELECT id, grid, state, runs FROM sweeps WHERE owner = ?", (owner,)).fetchall()
            unfinished = [row for row in known if row["state"] in OPEN]
            same = next((row["id"] for row in unfinished if row["grid"] == values["grid"]), None)
            if same is None:
                _check(len(cells), len(unfinished), sum(row["runs"] for row in known), quota)
                names, marks = ", ".join(values), ", ".join("?" * len(values))
                db.execute(f"INSERT INTO sweeps ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608
        return self.sweep(same or str(values["id"]))

    def sweep(self, sweep: str) -> SweepRow:
        """One sweep.

        Raises:
            Refused: no UUID.
            KeyError: there is none of this id.
        """
        found = self._sweeps("WHERE id = ?", checked_id(sweep))
        if not found:
            raise KeyError(f"there is no sweep {sweep}; it may have been deleted")
        return found[0]

    def sweeps(self, limit: int = 50) -> list[SweepRow]:
        """The newest sweeps, newest first."""
        return self._sweeps("ORDER BY number DESC LIMIT ?", limit)

    def sweeps_in(self, *states: SweepState) -> list[SweepRow]:
        """Sweeps in one of these states, oldest first."""
        return self._sweeps(f"WHERE state IN ({', '.join('?' * len(states))}) ORDER BY number", *states)

    def plan(self, sweep: str) -> Plan:
        """Its places."""
        row = self._one("SELECT cells, holes FROM sweeps WHERE id = ?", sweep)
        if row is None:
            raise KeyError(f"there is no sweep {sweep}; it may have been deleted")
        cells = json.loads(row["cells"])
        places = ((c["row"], c["column"], c["seed"], c["settings"]["optim"]["steps"]) for c in cells)
        return Plan(tuple(places), tuple(Hole(**hole) for hole in json.loads(row["holes"])))

    def cell(self, sweep: str, number: int) -> Cell:
        """What a cell trains."""
        query = "SELECT json_extract(cells, '$[' || ? || ']') AS cell FROM sweeps WHERE id = ?"
        row = self._one(query, number, sweep)
        if row is None or row["cell"] is None:
            raise KeyError(f"sweep {sweep} has no cell {number}")
        cell = json.loads(row["cell"])
        return Cell(**cell | {"settings": read_settings(json.dumps(cell["settings"]))})

    def cell_rows(self, sweep: str) -> list[CellRow]:
        """The runs of its cells that have begun and were not deleted, by number."""
        columns = "e.key, e.id AS experiment, r.id AS run, r.state, r.step, r.attempt, r.reason, r.seconds"
        query = f"SELECT {columns} FROM {_RUNS} WHERE {_CELLS}"  # noqa: S608
        rows = self._index.all(query, *_keys(sweep))
        cells = [CellRow(int(row["key"].rpartition(":")[2]), *tuple(row)[1:]) for row in rows]
        return sorted(cells, key=lambda cell: cell.number)

    def live_cells(self) -> dict[str, int]:
        """Runs in the queue or at work of every sweep that has any."""
        columns = "substr(e.key, ?, 36) AS sweep, count(*) AS count"
        query = f"SELECT {columns} FROM {_RUNS} WHERE r.state IN ({_marks(LIVE)}) AND e.key LIKE ? GROUP BY 1"  # noqa: S608
        return {row["sweep"]: row["count"] for row in self._index.all(query, len(KEY) + 1, *LIVE, f"{KEY}%")}

    def interrupted_cells(self, sweep: str) -> list[str]:
        """Runs that ended because the app was closed."""
        query = f"SELECT r.id FROM {_RUNS} WHERE r.state = 'interrupted' AND {_CELLS} ORDER BY r.number"  # noqa: S608
        return [row["id"] for row in self._index.all(query, *_keys(sweep))]

    def finished(self, limit: int) -> list[tuple[str, float, int]]:
        """(settings as JSON, seconds of training, steps) of the newest runs that came to their end."""
        query = "SELECT settings, seconds, step FROM runs WHERE state = 'done' AND seconds > 0 AND step > 0"
        return [tuple(row) for row in self._index.all(f"{query} ORDER BY number DESC LIMIT ?", limit)]

    def cell_began(self, sweep: str, number: int) -> bool:
        """Count a cell as begun; False where the sweep has been paused, stopped or deleted, or was faster."""
        query = "UPDATE sweeps SET begun = begun + 1 WHERE id = ? AND begun = ? AND state = 'running'"
        return self._change(query, sweep, number) == 1

    def move_sweep(self, sweep: str, state: SweepState, *, expect: Sequence[SweepState]) -> bool:
        """Give a sweep a new state, if it still is in an expected one."""
        query = f"UPDATE sweeps SET state = ? WHERE id = ? AND state IN ({_marks(expect)})"  # noqa: S608
        return self._change(query, state, sweep, *expect) == 1

    def forget_sweep(self, sweep: str) -> None:
        """Delete its row; its experiments stay."""
        self._change("DELETE FROM sweeps WHERE id = ?", sweep)

    @property
    def _file(self) -> Path:
        return self.root / "sweeps.db"

    def _sweeps(self, clause: str, *values: object) -> list[SweepRow]:
        query = f"SELECT id, owner, title, created, state, begun, runs, most, grid FROM sweeps {clause}"  # noqa: S608
        return [sweep for row in self._all(query, *values) if (sweep := _row(row))]

    def _one(self, query: str, *values: object) -> sqlite3.Row | None:
        rows = self._all(query, *values)
        return rows[0] if rows else None

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        nothing: list[sqlite3.Row] = []
        return self._ask(lambda db: db.execute(query, values).fetchall(), nothing)

    def _change(self, query: str, *values: object) -> int:
        return self._ask(lambda db: int(db.execute(query, values).rowcount), 0)

    def _ask(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What the file answers. There is none before the first sweep; a damaged one is laid aside: its runs stay."""
        try:
            return action(self._connections.get(self._file))
        except FileNotFoundError:
            return otherwise
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # busy, full, or a mistake of ours: no damage
                raise
        self._connections.drop(self._file)
        os.replace(self._file, self._file.with_suffix(".damaged"))
        return otherwise


def _row(row: sqlite3.Row) -> SweepRow | None:
    """None for one of another version, whose grid means nothing here."""
    values = dict(zip(row.keys(), tuple(row), strict=True))
    try:
        return SweepRow(**values | {"grid": Grid.model_validate_json(row["grid"])})
    except ValidationError:
        return None


def _check(runs: int, unfinished: int, kept: int, quota: Quota) -> None:
    """Whether one person may have another sweep."""
    if unfinished >= MAX_OPEN:
        raise Refused(f"{MAX_OPEN} of your sweeps are not over; stop or delete one first")
    if quota.kept and kept + runs > quota.kept:
        raise Refused(f"this sweep has {runs} runs and your others {kept}, together at most {quota.kept}; delete some")


def _title(grid: Grid) -> str:
    return f"{grid.rows.kind.label} by {grid.columns.kind.label}: {grid.preset.replace('_', ' ')}"


def _keys(sweep: str) -> tuple[str, str]:
    """Between which the keys of its experiments lie: ';' comes after ':'."""
    return f"{KEY}{sweep}:", f"{KEY}{sweep};"


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
