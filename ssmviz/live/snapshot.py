"""An experiment as the browser knows it, kept up to date by asking the store for what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ssmviz.family import LAYERS
from ssmviz.live.series import Series, empty
from ssmviz.runs.fair import Place
from ssmviz.runs.records import LIVE, RunRow
from ssmviz.runs.store import Store
from ssmviz.runs.view import ExperimentView, Summary
from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS

QUEUE_SECONDS = 0.5  # that everybody's place in the queue may be old

Places = Mapping[str, Place]  # by experiment


class Queue:
    """Everybody's place, read once for all who wait.

    Args:
        store: whose queue.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._seen: tuple[float, Places] = (-QUEUE_SECONDS, {})

    def __call__(self) -> Places:
        """Not older than `QUEUE_SECONDS`."""
        now = self._clock()
        if now - self._seen[0] >= QUEUE_SECONDS:
            self._seen = now, self._store.line().standing()
        return self._seen[1]


class FollowedRun:
    """One run: its scalars, its series and where reading goes on."""

    def __init__(self, run: str) -> None:
        self.id = run
        self.scalars: dict[str, Any] = {}
        self.series = Series()
        self.frames: list[int] = []
        self.messages: tuple[str, ...] = ()
        self._rowid = 0
        self._seq = -1  # of the newest frame seen
        self._shown = -1  # of the newest frame given out

    def poll(self, view: ExperimentView, row: RunRow, place: Place | None) -> dict[str, Any] | None:
        """What changed, None if nothing."""
        grown = self._read_metrics(view)
        scalars = _scalars(row, place, self.messages)
        steps = self._read_frames(view)
        if grown is None and steps is None and scalars == self.scalars:
            return None
        self.scalars = scalars
        return scalars | (grown or empty() | {"truncate": None}) | (steps or {"frames": [], "frames_all": False})

    def new_frame(self, view: ExperimentView) -> tuple[int, bytes] | None:
        """(step, frame) when there is a newer one than was given out."""
        if self._seq == self._shown:
            return None
        info = view.newest_frame(self.id)
        data = view.frame(self.id, info.step) if info else None
        if info is None or data is None:
            return None
        self._shown = info.seq
        return info.step, data

    def _read_metrics(self, view: ExperimentView) -> dict[str, Any] | None:
        metrics, rowid = [], self._rowid
        while page := view.metrics_since(self.id, rowid):
            metrics += page
            rowid = page[-1].rowid
        self._rowid = rowid
        self.messages += tuple(str(m.data["text"]) for m in metrics if m.kind == "message")
        return self.series.fold(metrics)

    def _read_frames(self, view: ExperimentView) -> dict[str, Any] | None:
        info = view.newest_frame(self.id)
        if info is None or info.seq == self._seq:
            return None
        self._seq = info.seq
        before, self.frames = self.frames, view.frame_steps(self.id)
        grown = self.frames[: len(before)] == before
        return {"frames": self.frames[len(before) :] if grown else self.frames, "frames_all": not grown}


class Snapshot:
    """Everything about one experiment so far, and what is new since the last look.

    Args:
        view: where it is read from.
        queue: the places of the experiments that wait.
    """

    def __init__(self, view: ExperimentView, queue: Callable[[], Places] = dict) -> None:
        self._view = view
        self._queue = queue
        self._summary = view.summary()
        self._control: dict[str, Any] = _control(self._summary)
        self._runs = [FollowedRun(row.id) for row in self._summary.runs]
        self.poll()

    @property
    def settled(self) -> bool:
        """Nothing will change by itself any more."""
        return _is_settled(self._summary)

    @property
    def shared(self) -> bool:
        """Everybody of a class may look at it."""
        return self._summary.experiment.shared

    def hello(self) -> dict[str, Any]:
        """The experiment of the wire format, series included."""
        pairs = zip(self._summary.runs, self._runs, strict=True)
        runs = [_fixed(row) | run.scalars | run.series.columns | {"frames": run.frames} for row, run in pairs]
        return about(self._summary) | {"control": self._control, "settled": self.settled, "runs": runs}

    def poll(self) -> dict[str, Any] | None:
        """What changed since the last look, None if nothing.

        Raises:
            KeyError: the experiment was deleted.
        """
        was_settled = self.settled
        self._summary = self._view.summary()
        waits = any(row.state == "queued" for row in self._summary.runs)
        place = self._queue().get(self._summary.experiment.id) if waits else None
        control, before = _control(self._summary), self._control
        self._control = control
        changes = [
            {"index": index} | change
            for index, (row, run) in enumerate(zip(self._summary.runs, self._runs, strict=True))
            if (change := run.poll(self._view, row, place)) is not None
        ]
        if not changes and control == before and was_settled == self.settled:
            return None
        return {"settled": self.settled, "control": control, "runs": changes}

    def new_frames(self) -> list[tuple[int, int, bytes]]:
        """(index of the run, step, frame) of the newest frames that were not given out yet."""
        found = [(index, run.new_frame(self._view)) for index, run in enumerate(self._runs)]
        return [(index, *frame) for index, frame in found if frame is not None]


def about(summary: Summary) -> dict[str, Any]:
    """What never changes about an experiment."""
    experiment = summary.experiment
    task = summary.runs[0].settings.task if summary.runs else TaskSettings()
    teacher = TASKS[task.name]
    words = teacher.describe(task)
    return {
        "id": experiment.id,
        "title": experiment.title,
        "recorded": experiment.read_only,
        "created": experiment.created,
        "task": task.model_dump(),
        "vocabulary": [{"label": words[t][0], "kind": words[t][1]} for t in sorted(words)],
        "editable": list(teacher.editable),
        "answers": teacher.answers(task),
        "chance": teacher.chance(task),
        "signal": (teacher.about(task) or None) if task.reads_signal else None,
        "operators": teacher.about(task).get("operators"),
    }


def in_short(summary: Summary) -> dict[str, Any]:
    """One line of the list of experiments."""
    runs = [
        _fixed(row)
        | _scalars(row, None, ())
        | {
            "token_accuracy": row.token_accuracy,
            "sequence_accuracy": row.sequence_accuracy,
            "seconds": row.seconds,
        }
        for row in summary.runs
    ]
    return about(summary) | {"settled": _is_settled(summary), "control": _control(summary), "runs": runs}


def _fixed(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "label": row.label,
        "steps": row.steps,
        "settings": row.settings.model_dump(),
        "card": LAYERS[row.settings.model.layer].in_short(),
    }


def _scalars(row: RunRow, place: Place | None, messages: tuple[str, ...]) -> dict[str, Any]:
    waits = place if row.state == "queued" else None
    return {
        "state": row.state,
        "error": row.reason,
        "step": row.step,
        "attempt": row.attempt,
        "queue": waits.number if waits else None,
        "waits": str(waits) if waits else "",
        "device": row.device,
        "backend": row.backend,
        "parameters": row.parameters,
        "notes": [*row.notes, *messages],
    }


def _control(summary: Summary) -> dict[str, Any]:
    control = summary.control
    return {
        "paused": control.paused,
        "hold_at": control.hold_at,
        "speed": control.speed,
        "probe": None if control.probe is None else list(control.probe),
        "probe_version": control.probe_version,
    }


def _is_settled(summary: Summary) -> bool:
    """No run lives, and no run at rest still owes a picture of an edited probe."""
    owing = any(
        row.checkpoint_step is not None and summary.control.probe_version > row.probe_version for row in summary.runs
    )
    return not any(row.state in LIVE for row in summary.runs) and (summary.experiment.read_only or not owing)
