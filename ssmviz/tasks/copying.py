"""Copying: selective copying with the data always in the first n_data slots.

Every token is said exactly L positions after it was read, so one fixed kernel (a delay by L) solves the
task, and a time-invariant system can.
"""

from __future__ import annotations

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.selective_copying import SelectiveCopying


class Copying(SelectiveCopying):
    """Data in slots 0 to n_data - 1, noise up to L, then n_data markers.

    `answer` also accepts data at other positions: a person who moves a token leaves what the network was
    trained on, yet what should be said stays clear.
    """

    def sequences(self, settings: TaskSettings) -> int:
        """Choices of the data tokens; their places are fixed."""
        return int(self.classes(settings) ** settings.n_data)

    def _positions(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> np.ndarray:
        return np.broadcast_to(np.arange(settings.n_data), (n, settings.n_data))
