"""What people ask of running experiments, and how workers hear of it: one row each in `index.db`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ssmviz.runs.index import Index, control_row, run_row
from ssmviz.runs.records import ACTIVE, Control, RunRow, checked_id

SHUTDOWN = "shutdown"


@dataclass(frozen=True)
class Watch:
    """All a worker must know from outside, in one look."""

    control: Control
    attempt: int  # of its run; another number means that it is not wanted any more
    twins: tuple[str, ...]  # ids of the other runs of the experiment that run or are about to
    shutdown: bool


class Steering:
    """The part of the store that steers."""

    _index: Index

    def control(self, experiment: str) -> Control:
        """What people last asked of an experiment."""
        row = self._index.one("SELECT * FROM control WHERE experiment = ?", checked_id(experiment))
        return control_row(row) if row else Control()

    def update_control(self, experiment: str, **values: Any) -> None:
        """Change some fields of `Control`. A new `probe` raises `probe_version` by itself."""
        if "probe" in values:
            probe = values.pop("probe")
            query = "UPDATE control SET probe = ?, probe_version = probe_version + 1 WHERE experiment = ?"
            self._index.change(query, None if probe is None else json.dumps([int(t) for t in probe]), experiment)
        if values:
            names = ", ".join(f"{name} = ?" for name in values)
            query = f"UPDATE control SET {names} WHERE experiment = ?"  # noqa: S608
            self._index.change(query, *values.values(), experiment)

    def raise_hold(self, experiment: str, step: int) -> None:
        """A worker is past the step where it should hold: its twin comes there too."""
        self._index.change("UPDATE control SET hold_at = max(hold_at, ?) WHERE experiment = ?", step, experiment)

    def watch(self, experiment: str, run: str) -> Watch:
        """What a worker must know; one look costs about 50 microseconds."""
        query = (
            "SELECT c.*, r.id AS run, r.attempt AS attempt, r.state AS state,"
            " (SELECT value FROM flags WHERE key = 'shutdown') AS shutdown"
            " FROM control c JOIN runs r ON r.experiment = c.experiment WHERE c.experiment = ?"
        )
        rows = self._index.all(query, experiment)
        mine = next((row for row in rows if row["run"] == run), None)
        if mine is None:
            return Watch(Control(stop=True), -1, (), False)
        twins = tuple(row["run"] for row in rows if row["run"] != run and row["state"] in ACTIVE)
        return Watch(control_row(mine), mine["attempt"], twins, bool(mine["shutdown"]))

    def hold_one_further(self, experiment: str, step: int) -> None:
        """Pause where the furthest run is (`step`), or one step after where it is to pause already."""
        query = "UPDATE control SET paused = 1, hold_at = max(coalesce(hold_at, 0), ?) + 1 WHERE experiment = ?"
        self._index.change(query, step, experiment)

    def set_shutdown(self, wanted: bool) -> None:
        """Ask launcher and workers to save and leave, or take it back."""
        self._set_flags({SHUTDOWN: int(wanted)})

    def is_shutdown(self) -> bool:
        """Whether all work is to end."""
        row = self._index.one("SELECT value FROM flags WHERE key = ?", SHUTDOWN)
        return bool(row and row["value"])

    def probes_waiting(self) -> list[RunRow]:
        """Runs at rest whose people changed the probe since the newest frame, with weights to answer from."""
        query = (
            "SELECT r.* FROM runs r JOIN control c ON c.experiment = r.experiment"
            " JOIN experiments e ON e.id = r.experiment WHERE c.probe_version > r.probe_version AND e.read_only = 0"
            " AND r.checkpoint_step IS NOT NULL AND r.state NOT IN ('queued', 'starting', 'running', 'unreadable')"
        )
        return [run_row(row) for row in self._index.all(query)]

    def _set_flags(self, values: dict[str, int]) -> None:
        for key, value in values.items():
            self._index.change("INSERT OR REPLACE INTO flags VALUES (?, ?)", key, value)
