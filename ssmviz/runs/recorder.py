"""Writes what a trainer yields into the store, as one attempt of one run.

Used by workers, the command line, and the launcher for workers on other machines.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ssmviz import frames
from ssmviz.runs.records import ACTIVE, MetricKind, RunRow, State
from ssmviz.runs.store import Store
from ssmviz.traces import Checkpoint, Diverged, Evaluation, Event, Finished, Frame, Note, Rung, Started, Step

FLUSH_SECONDS = 0.2
LOSSES = 1000  # steps whose loss is kept one by one; then half of them, a quarter, ... in every doubling
MAX_PENDING = 2000  # rows kept in memory while the disk refuses them
FULL = "the disk is nearly full: training goes on, but no more pictures are kept"


class Recorder:
    """One attempt. Nothing it does fails for want of disk: what cannot be written is left out, and said.

    Args:
        store: the store.
        run: its row, in state "starting", with the attempt that writes.
        resumed: step of the checkpoint it goes on from, None from the start.
    """

    def __init__(self, store: Store, run: RunRow, *, resumed: int | None = None) -> None:
        self.store = store
        self.run = run
        self.step = resumed or 0
        self.checkpoint_step = resumed
        self.taken = 0  # number of the last event, where they come numbered from another machine
        self._resumed = resumed
        self._db = store.rundb(run.id, run.attempt)
        self._progress = store.progress(run.id)
        self._losses: list[tuple[int, float]] = []
        self._rows: list[tuple[MetricKind, int, dict[str, Any]]] = []
        self._flushed = time.monotonic()
        self._seconds = run.seconds
        self._probe_version = run.probe_version
        self._complaint = ""  # about the disk
        self._unsaved: Checkpoint | None = None  # the newest, where the disk refused it

    def take(self, event: Event, *, probe_version: int = 0) -> None:
        """Store one event.

        Raises:
            Fenced: a newer attempt owns the run.
        """
        match event:
            case Step():
                self._take_step(event)
            case Frame():
                self.take_picture(event.step, frames.pack(event, self.run.settings.task.name), probe_version)
            case Checkpoint():
                self._take_checkpoint(event)
            case Started():
                self._take_started(event)
            case Evaluation():
                self._add("evaluation", event)
                self._seconds = event.seconds
                scores = {"token_accuracy": event.token_accuracy, "sequence_accuracy": event.sequence_accuracy}
                self._write(lambda: self._note(**scores))
            case Note():
                self.say(event.text)
            case Rung():
                self._add("rung", event)
            case Diverged():
                self._add("diverged", event)
            case Finished():
                self._seconds = event.seconds
                self._add("finished", event)

    def take_losses(self, losses: Sequence[tuple[int, float]]) -> None:
        """(step, loss) of steps done on another machine, thinned there."""
        self._losses += losses

    def take_picture(self, step: int, data: bytes, probe_version: int) -> None:
        """Store a packed frame."""
        self._write(lambda: self._put(step, data, probe_version))
        if probe_version != self._probe_version:
            self._write(lambda: self._note(probe_version=probe_version))
            self._probe_version = probe_version

    def beat(self) -> None:
        """Say that the run is alive."""
        self._write(lambda: self._progress.write(self.step))

    def say(self, text: str) -> None:
        """A message for people, in the run's history."""
        self._rows.append(("message", self.step, {"text": text}))
        self.flush()

    def flush(self) -> bool:
        """Write what is pending, and see that the run is still ours; whether the disk took it."""
        self._flushed = time.monotonic()
        self._gather_losses()
        if written := self._write(lambda: self._db.append(self._rows, delivered=self.taken)):
            self._rows = []
        del self._rows[:-MAX_PENDING]
        self._write(self._note)
        return written

    def flush_if_pending(self) -> None:
        """Write what is pending, if anything is: a run that waits costs nothing."""
        if self._losses or self._rows:
            self.flush()

    def end(self, state: State, reason: str = "") -> None:
        """Write the rest and the final state.

        Raises:
            sqlite3.OperationalError: the disk takes nothing; to be tried again.
        """
        if self._unsaved is not None:
            self._take_checkpoint(self._unsaved)
        self.flush()
        known = {"step": self.step, "seconds": self._seconds, "checkpoint_step": self.checkpoint_step}
        reason = reason or self._complaint
        self.store.move(self.run.id, state, attempt=self.run.attempt, expect=ACTIVE, reason=reason, **known)

    def _take_started(self, event: Started) -> None:
        self.step = event.step
        self.beat()
        self._db.begin_attempt(self._resumed, asdict(event))
        known = asdict(event) | {"notes": json.dumps(event.notes)}
        moved = self.store.move(self.run.id, "running", attempt=self.run.attempt, expect=ACTIVE, reason="", **known)
        if not moved:
            self._note()  # raises Fenced when it is not ours any more

    def _take_step(self, event: Step) -> None:
        self.step = event.step
        self.beat()
        if event.loss is not None and is_kept(event.step):
            self._losses.append((event.step, event.loss))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def _put(self, step: int, data: bytes, probe_version: int) -> None:
        if not self._db.put_frame(step, data, probe_version):
            self._complain(FULL)

    def _take_checkpoint(self, event: Checkpoint) -> None:
        self._gather_losses()
        if self._write(lambda: self._db.put_checkpoint(event.step, event.data, self._rows, delivered=self.taken)):
            self._rows = []
            self._unsaved = None
            self.checkpoint_step = event.step
            self._write(lambda: self._note(checkpoint_step=event.step))
        else:
            self._unsaved = event

    def _add(self, kind: MetricKind, event: Evaluation | Rung | Diverged | Finished) -> None:
        self._gather_losses()
        self._rows.append((kind, event.step, asdict(event)))
        self.flush()

    def _gather_losses(self) -> None:
        if self._losses:
            steps, losses = zip(*self._losses, strict=True)
            self._rows.append(("steps", steps[-1], {"steps": steps, "losses": losses}))
            self._losses = []

    def _note(self, **columns: Any) -> None:
        self.store.note(self.run.id, self.run.attempt, step=self.step, seconds=self._seconds, **columns)

    def _write(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except (sqlite3.OperationalError, OSError) as error:  # full, read-only, or locked for very long
            self._complain(f"{FULL} ({error})")
            return False
        return True

    def _complain(self, text: str) -> None:
        if not self._complaint:
            self._complaint = text
            self._rows.append(("message", self.step, {"text": text}))
            self._write(lambda: self._note(reason=text))


def is_kept(step: int) -> bool:
    """Whether this step's loss is: every, every second, every fourth ...: few enough points for a screen."""
    return step % (1 << max(0, (2 * step // LOSSES).bit_length() - 1)) == 0
