"""A delay line: say what the signal was `n_data` positions ago, at every position.

A pure delay has no finite state space system of its own; a band-limited signal can be kept in a few states all the same
(Voelker, Kajic & Eliasmith 2019, section 2: the Legendre Memory Unit is the best such system of its order).
"""

from __future__ import annotations

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Regression, checked_signal
from ssmviz.tasks.task import Batch, Sizes

WAVES = 16
CUTOFF = 0.1  # highest frequency, in periods a position


class Delay(Regression):
    """Smooth random waves of mean square 1; before the first position the signal was 0."""

    sizes = Sizes(n_data="Positions of delay")
    reads, says, span = "signal", "signal, delayed", 3.0

    def check(self, settings: TaskSettings) -> None:
        """The delay must end within the sequence."""
        if 2 * settings.n_data > settings.L:
            raise ValueError(
                f"n_data must be at most L/2={settings.L // 2}, got {settings.n_data}; lower it or raise L"
            )
        super().check(settings)

    def shortest(self, settings: TaskSettings) -> int:
        """Something must come out."""
        return 2 * settings.n_data

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L to 8 L: a delay line works for ever."""
        return [settings.L * 2**k for k in range(4)]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """Any signal(s), `n_data` positions later.

        Raises:
            ValueError: not a signal of this task.
        """
        rows = checked_signal(settings, tokens).astype(np.float32)
        return delayed(rows, settings.n_data).reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """New waves for every signal."""
        frequency, phase = rng.uniform(0, CUTOFF, (n, WAVES, 1)), rng.uniform(0, 1, (n, WAVES, 1))
        waves = np.sin(2 * np.pi * (frequency * np.arange(settings.L) + phase))
        signal = (np.sqrt(2 / WAVES) * waves.sum(1)).astype(np.float32)
        return Batch(signal, delayed(signal, settings.n_data))


def delayed(signal: np.ndarray, k: int) -> np.ndarray:
    """(n, T) -> (n, T): k zeros, then the signal."""
    return np.pad(signal, ((0, 0), (k, 0)))[:, : signal.shape[1]]
