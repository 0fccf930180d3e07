"""The only thing that pages, launcher and workers share: `index.db` and one folder per run.

Every method opens what it needs in the calling thread and closes its transaction before it returns.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ssmviz import home
from ssmviz.runs import records
from ssmviz.runs.connections import Connections
from ssmviz.runs.files import RunFiles
from ssmviz.runs.index import (
    SUMMARY,
    Index,
    experiment_row,
    insert_experiment,
    insert_run,
    run_row,
)
from ssmviz.runs.quota import UNLIMITED, Quota
from ssmviz.runs.records import (
    ACTIVE,
    ExperimentRow,
    Fenced,
    Refused,
    RunRow,
    State,
    checked_id,
    cut,
)
from ssmviz.runs.rundb import RunDb
from ssmviz.runs.steering import Steering
from ssmviz.runs.sweep_rows import SweepRows
from ssmviz.runs.waiting import Queue
from ssmviz.settings import TrainSettings


class Store(RunFiles, Steering, Queue, SweepRows):
    """See the module.

    Args:
        root: directory of the store; `home.default_home()` when None, a temporary one when that cannot be
            written to (`notice` then says so, for a banner).
        free: bytes left on the disk of a path.
        fixed: exactly this root, whatever state its disk is in: for launcher and workers of a store in use.
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        free: Callable[[Path], int] = home.free_bytes,
        fixed: bool = False,
    ) -> None:
        wanted = None if root is None else Path(root)
        path, self.notice = (wanted, "") if fixed and wanted is not None else home.prepare(wanted)
        super().__init__(path, Connections(), free)
        (self.root / "runs").mkdir(exist_ok=True)
        self._index = Index(self.root, self._connections)

    # experiments

    def create_experiment(
        self,
        key: str,
        title: str,
        runs: Sequence[tuple[str, TrainSettings]],
        *,
        preset: str | None = None,
        owner: str = "",
        state: State = "queued",
        read_only: bool = False,
        quota: Quota = UNLIMITED,
    ) -> ExperimentRow:
        """Queue an experiment; the one that already has this key when there is one (double click, two tabs).

        Args:
            key: chosen by who asks; two requests with one key are one request.
            title: cut to 80 characters.
            runs: (label, settings), in the order they are shown.
            preset: name of the preset it came from.
            owner: for the fair queue.
            state: "queued" for the launcher; "starting" when the caller trains by itself, "done" for imports.
            read_only: not to be run.
            quota: of the owner.

        Raises:
            Refused: no runs, too many, too many waiting or kept, or no room on the disk.
        """
        if known := self._index.one("SELECT * FROM experiments WHERE key = ?", key):
            return experiment_row(known)
        self._check_disk(len(runs))
        self.check_queue(owner, len(runs), quota)
        self.check_kept(owner, quota)
        experiment = {
            "id": str(uuid.uuid4()),
            "key": key,
            "title": cut(title) or "Untitled",
            "preset": preset,
            "created": time.time(),
            "read_only": int(read_only),
            "owner": owner,
            "most": quota.running,
        }
        rows = [self._new_run(experiment, i, run, state, quota.frames) for i, run in enumerate(runs)]
        entered = False
        try:
            with self._index.transaction() as db:
                known = db.execute("SELECT * FROM experiments WHERE key = ?", (key,)).fetchone()
                if known is None:
                    self.check_queue(owner, len(runs), quota)  # again: nobody else can write now
                    insert_experiment(db, experiment)
                    for row in rows:
                        insert_run(db, row)
            entered = known is None
        finally:
            if not entered:  # another tab was faster by less than a moment, or took the last place
                for row in rows:
                    shutil.rmtree(self.folder(row["id"]), ignore_errors=True)
        return experiment_row(known) if known else self.experiment(str(experiment["id"]))

    def experiment(self, experiment: str) -> ExperimentRow:
        """One experiment.

        Raises:
            Refused: no UUID.
            KeyError: there is none of this id.
        """
        row = self._index.one("SELECT * FROM experiments WHERE id = ?", checked_id(experiment))
        if row is None:
            raise KeyError(f"there is no experiment {experiment}; it may have been deleted")
        return experiment_row(row)

    def experiments(self, limit: int = 50, *, seen_by: str | None = None) -> list[ExperimentRow]:
        """The newest experiments, newest first: all of them, or those of an owner and those that are shared.

        Cells of sweeps are left out: their sweep leads to them.
        """
        chosen = "WHERE (?1 IS NULL OR owner = ?1 OR shared) AND key NOT LIKE 'sweep:%'"
        query = f"SELECT * FROM experiments {chosen} ORDER BY number DESC LIMIT ?2"  # noqa: S608
        return [experiment_row(row) for row in self._index.all(query, seen_by, limit)]

    def share(self, experiment: str, on: bool = True) -> None:
        """Let everybody look at an experiment, or its owner and presenters alone again.

        Raises:
            Refused: no UUID.
            KeyError: there is none of this id.
        """
        if self._index.change("UPDATE experiments SET shared = ? WHERE id = ?", int(on), checked_id(experiment)) != 1:
            raise KeyError(f"there is no experiment {experiment}; it may have been deleted")

    def keys_like(self, prefix: str) -> list[tuple[str, str]]:
        """(key, id) of the experiments whose key starts with `prefix`, oldest first."""
        query = "SELECT key, id FROM experiments WHERE substr(key, 1, ?) = ? ORDER BY number"
        return [(row["key"], row["id"]) for row in self._index.all(query, len(prefix), prefix)]

    def delete_experiment(self, experiment: str, *, timeout: float = 2.0) -> None:
        """Stop its runs, then remove everything about it. A worker that does not stop in time is killed."""
        runs = self.runs_of(experiment)
        self.update_control(experiment, stop=True)
        self.cancel_queued(experiment)
        for run in runs:
            if run.state not in ACTIVE:
                self.kill(run.id)  # one that only answers probes has nothing to save
        end = time.monotonic() + timeout
        self._wait_for_end(runs, end)
        for run in runs:
            self.kill(run.id)
        self._wait_for_end(runs, end + 1.0)
        with self._index.transaction() as db:
            for table, column in (("experiments", "id"), ("runs", "experiment"), ("control", "experiment")):
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (experiment,))  # noqa: S608
        for run in runs:
            self._connections.drop(self.folder(run.id) / "run.db")
            _remove(self.folder(run.id))

    def _wait_for_end(self, runs: Sequence[RunRow], end: float) -> None:
        while any(self.is_alive(run.id) for run in runs) and time.monotonic() < end:
            time.sleep(0.01)

    # runs

    def runs_of(self, experiment: str) -> tuple[RunRow, ...]:
        """Runs of an experiment, in order."""
        query = "SELECT * FROM runs WHERE experiment = ? ORDER BY position"
        return tuple(run_row(row) for row in self._index.all(query, checked_id(experiment)))

    def run(self, run: str) -> RunRow:
        """One run.

        Raises:
            Refused: no UUID.
            KeyError: there is none of this id.
        """
        row = self._index.one("SELECT * FROM runs WHERE id = ?", checked_id(run))
        if row is None:
            raise KeyError(f"there is no run {run}; it may have been deleted")
        return run_row(row)

    def runs_in(self, states: Sequence[State]) -> list[RunRow]:
        """Runs in one of these states, in the order they were asked for."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT * FROM runs WHERE state IN ({marks}) ORDER BY number"  # noqa: S608
        return [run_row(row) for row in self._index.all(query, *states)]

    def claim(self, run: str) -> int | None:
        """Take a queued run: its new attempt number, None when somebody else was faster."""
        with self._index.transaction() as db:
            change = "state = 'starting', attempt = attempt + 1, reason = ''"
            if db.execute(f"UPDATE runs SET {change} WHERE id = ? AND state = 'queued'", (run,)).rowcount != 1:  # noqa: S608
                return None
            return int(db.execute("SELECT attempt FROM runs WHERE id = ?", (run,)).fetchone()["attempt"])

    def move(self, run: str, state: State, *, attempt: int, expect: Sequence[State] = ACTIVE, **columns: Any) -> bool:
        """Give a run a new state, if it still is in an expected one and `attempt` is still its attempt."""
        columns = {"state": state} | columns
        names = ", ".join(f"{name} = ?" for name in columns)
        marks = ", ".join("?" * len(expect))
        query = f"UPDATE runs SET {names} WHERE id = ? AND attempt = ? AND state IN ({marks})"  # noqa: S608
        moved = self._index.change(query, *columns.values(), run, attempt, *expect) == 1
        if moved:
            self._mirror(run)
        return moved

    def note(self, run: str, attempt: int, **columns: Any) -> None:
        """Update columns of a running run.

        Raises:
            Fenced: it is not this attempt's any more.
        """
        names = ", ".join(f"{name} = ?" for name in columns)
        query = f"UPDATE runs SET {names} WHERE id = ? AND attempt = ?"  # noqa: S608
        if self._index.change(query, *columns.values(), run, attempt) != 1:
            raise Fenced(f"attempt {attempt} of run {run} is over")

    def cancel_queued(self, experiment: str) -> None:
        """Runs that did not start yet never will."""
        self._index.change("UPDATE runs SET state = 'cancelled' WHERE experiment = ? AND state = 'queued'", experiment)

    def requeue(self, run: str, *, expect: Sequence[State]) -> bool:
        """Put a run back into the queue; it goes on from its checkpoint."""
        marks = ", ".join("?" * len(expect))
        query = f"UPDATE runs SET state = 'queued', failures = 0, reason = '' WHERE id = ? AND state IN ({marks})"  # noqa: S608
        return self._index.change(query, run, *expect) == 1

    def mark_unreadable(self, run: str, reason: str) -> None:
        """Its file is damaged: it can be deleted, nothing else."""
        text = f"its file cannot be read ({reason}); delete the experiment and train it again"
        self._index.change("UPDATE runs SET state = 'unreadable', reason = ? WHERE id = ?", text, run)

    def changes(self, run: str | None = None) -> int:
        """A number that changes, for this thread, when somebody else has written: to the index, or about one run."""
        return self._index.changes() if run is None else super().changes(run)

    def close(self) -> None:
        """Close this thread's files."""
        self._connections.close()

    def _check_disk(self, runs: int) -> None:
        if not 1 <= runs <= records.MAX_RUNS:
            raise Refused(f"an experiment has 1 to {records.MAX_RUNS} runs, got {runs}")
        if self._free(self.root) < records.MIN_FREE_RUN:
            need = records.MIN_FREE_RUN // 10**6
            raise Refused(f"the disk of {self.root} is nearly full (less than {need} MB left); delete old experiments")

    def _new_run(
        self, experiment: dict[str, Any], position: int, asked: tuple[str, TrainSettings], state: State, frames: int
    ) -> dict[str, Any]:
        label, settings = asked
        run = {
            "id": str(uuid.uuid4()),
            "experiment": experiment["id"],
            "position": position,
            "label": cut(label),
            "settings": settings.model_dump_json(),
        }
        self.folder(run["id"]).mkdir(parents=True)
        attempt = int(state == "starting")  # who trains by itself is the first attempt
        about = {"experiment": experiment, "run": run, "state": state, "attempt": attempt, "max_frames": frames}
        RunDb.create(self.folder(run["id"]) / "run.db", about)
        return run | {"state": state, "attempt": attempt}

    def _mirror(self, run: str) -> None:
        """Copy what the index knows of a run into its own file."""
        row = self._index.one(f"SELECT {', '.join(SUMMARY)} FROM runs WHERE id = ?", run)  # noqa: S608
        if row is not None:
            with suppress(sqlite3.Error, FileNotFoundError):  # the index is what counts
                self.rundb(run).describe(**{name: row[name] for name in SUMMARY})


def _remove(folder: Path) -> None:
    """Delete a folder that another process may be closing its files in."""
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.02)
