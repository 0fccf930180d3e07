"""Nobody keeps others waiting by a run that does nothing: paused or slowed, it makes room when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable

from ssmviz.runs.records import ACTIVE
from ssmviz.runs.store import Store


class Turns:
    """How long experiments have had a place.

    Args:
        store: whose experiments.
        seconds: that one may keep a place while others wait; 0: for ever.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._since: dict[str, float] = {}

    def over(self) -> list[str]:
        """Experiments that are paused or slowed, had their time, and keep others from theirs."""
        if not self._seconds:
            return []
        now = self._clock()
        active = {row.experiment for row in self._store.runs_in(ACTIVE)}
        self._since = {experiment: self._since.get(experiment, now) for experiment in active}
        old = [experiment for experiment, since in self._since.items() if now - since > self._seconds]
        if not old or not self._store.line().waiting:
            return []
        controls = {experiment: self._store.control(experiment) for experiment in old}
        return [id_ for id_, control in controls.items() if (control.paused or control.speed) and not control.stop]
