"""Runs of one experiment march together: none leads another by more than LEAD steps."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ssmviz.runs.progress import Progress
from ssmviz.runs.store import Store

LEAD = 10  # steps; enough to hide an evaluation, little enough that a pause leaves both at one step at once
SILENT_SECONDS = 1.0  # without a beat for so long, a twin must prove that it lives


@dataclass
class Twin:
    """Another run, as seen from here."""

    progress: Progress
    step: int = 0  # it had done at least so many when last read
    beats: int = -1
    heard: float = 0.0
    alive: bool = True


class Twins:
    """The other active runs of an experiment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._twins: dict[str, Twin] = {}
        self._mine: set[str] = set()

    def set(self, runs: tuple[str, ...]) -> None:
        """Who they are now."""
        for run in self._twins.keys() - set(runs):
            self._twins.pop(run).progress.close()
        for run in set(runs) - self._twins.keys() - self._mine:
            if self._store.pid(run) == os.getpid():
                self._mine.add(run)  # the command line trains one after the other in one process
            else:
                self._twins[run] = Twin(self._store.progress(run), heard=time.monotonic())

    def are_far_behind(self, step: int) -> bool:
        """Whether a run at `step` must wait. A twin whose process is gone holds nobody up."""
        return any(self._is_far_behind(run, twin, step) for run, twin in self._twins.items())

    def _is_far_behind(self, run: str, twin: Twin, step: int) -> bool:
        if step - twin.step <= LEAD:
            return False
        beat = twin.progress.read()
        twin.step = beat.step
        if step - beat.step <= LEAD:
            return False
        now = time.monotonic()
        if beat.beats != twin.beats:
            twin.beats, twin.heard, twin.alive = beat.beats, now, True
        elif now - twin.heard > SILENT_SECONDS:
            twin.heard, twin.alive = now, self._store.is_alive(run)
        return twin.alive
