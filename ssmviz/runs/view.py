"""One way to read an experiment, whether it trains here or was recorded elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ssmviz.runs.records import Control, ExperimentRow, FrameInfo, Metric, RunRow
from ssmviz.runs.store import Store


@dataclass(frozen=True)
class Summary:
    """An experiment at one moment."""

    experiment: ExperimentRow
    runs: tuple[RunRow, ...]
    control: Control


class ExperimentView(Protocol):
    """What pages and routes read. `run` is the id of one of its runs."""

    def summary(self) -> Summary:
        """States, settings, labels, control."""

    def metrics_since(self, run: str, rowid: int = 0) -> list[Metric]:
        """Rows after `rowid` in the order they happened; ask again from the last one's rowid."""

    def newest_frame(self, run: str) -> FrameInfo | None:
        """The frame written last; its `seq` tells whether it is new."""

    def frame_steps(self, run: str) -> list[int]:
        """Steps of all frames, ascending."""

    def frame(self, run: str, step: int) -> bytes | None:
        """The frame of exactly this step."""

    def frames_after(self, run: str, step: int) -> Iterator[tuple[int, bytes]]:
        """(step, frame) of every frame after `step` (-1: all), ascending."""


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
        return Summary(store.experiment(self.id), store.runs_of(self.id), store.control(self.id))

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
