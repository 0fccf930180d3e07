"""Experiments by id, whether they train here or were recorded elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssmviz.runs.experiment import ExperimentView, Summary
from ssmviz.runs.recording import SUFFIX, Recording, read_recording
from ssmviz.runs.records import ACTIVE, FrameInfo, Metric, Refused, checked_id
from ssmviz.runs.store import Store

__all__ = ["ExperimentView", "Library", "StoredExperiment", "Summary", "as_json"]


class StoredExperiment:
    """A view of an experiment in the store.

    Raises:
        Refused: no UUID.
        KeyError: there is none of this id.
    """

    def __init__(self, store: Store, experiment: str) -> None:
        self.id = store.experiment(experiment).id
        self._store = store

    def summary(self) -> Summary:
        """Its state now; the steps of running runs are exact."""
        store = self._store
        runs = (replace(run, step=store.step(run.id)) if run.state in ACTIVE else run for run in store.runs_of(self.id))
        return Summary(store.experiment(self.id), tuple(runs), store.control(self.id))

    def metrics_since(self, run: str, rowid: int = 0) -> list[Metric]:
        """See `ExperimentView`."""
        return self._store.metrics_since(run, rowid)

    def newest_frame(self, run: str) -> FrameInfo | None:
        """See `ExperimentView`."""
        return self._store.newest_frame(run)

    def frame_steps(self, run: str) -> list[int]:
        """See `ExperimentView`."""
        return self._store.frame_steps(run)

    def frame(self, run: str, step: int) -> bytes | None:
        """See `ExperimentView`."""
        return self._store.frame(run, step)

    def frames_after(self, run: str, step: int) -> Iterator[tuple[int, bytes]]:
        """See `ExperimentView`."""
        return self._store.frames_after(run, step)


class Library:
    """All experiments by id: those of the store, and the recordings in a folder by their names.

    Args:
        store: the store.
        folder: of `*.ssmviz` files; they are read once.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._recordings = {recording.id: recording for recording in _readable(folder)}

    def recordings(self) -> list[Recording]:
        """Those that ship with the app, by name."""
        return list(self._recordings.values())

    def view(self, experiment: str) -> ExperimentView:
        """The experiment of this id or name.

        Raises:
            Refused: neither a UUID nor the name of a recording.
            KeyError: there is none of this id.
        """
        return self._recordings.get(experiment) or StoredExperiment(self._store, experiment)

    def view_of_run(self, run: str) -> ExperimentView:
        """The experiment that a run belongs to.

        Raises:
            Refused: no UUID.
            KeyError: there is none of this id.
        """
        wanted = checked_id(run)
        for recording in self._recordings.values():
            if any(row.id == wanted for row in recording.summary().runs):
                return recording
        return StoredExperiment(self._store, self._store.run(wanted).experiment)


def _readable(folder: Path) -> Iterator[Recording]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(Refused, OSError):  # a damaged file is one recording less
            yield read_recording(path)


def as_json(summary: Summary) -> dict[str, Any]:
    """A summary in words that JSON has."""
    return {
        "experiment": vars(summary.experiment),
        "runs": [
            vars(run) | {"settings": run.settings.model_dump(), "notes": list(run.notes), "steps": run.steps}
            for run in summary.runs
        ],
        "control": vars(summary.control) | {"probe": list(summary.control.probe or ()) or None},
    }
