"""Reports at irregular times: a sensor is heard of now and then; say its moving average over time.

A number x from 0 to 1 reports that the sensor stands at 2 x - 1 from now on; a negative number -d is a pause of d time
constants. The average y forgets with time, not with positions: y' = u - y, so over a pause y becomes
e^(-d) y + (1 - e^(-d)) u. That is the zero-order hold of the simplest system, A = -1 and B = 1, with Delta = d: a layer
whose Delta is a function of its input can be it (Gu & Dao 2023, Theorem 1), one whose Delta is a constant cannot.
"""

from __future__ import annotations

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Regression, checked_signal
from ssmviz.tasks.task import Batch, Sizes

MEAN_PAUSE = 0.3  # time constants, exponentially distributed: reports come at random
LONGEST_PAUSE = 2.0  # time constants


class Irregular(Regression):
    """Reports and pauses take turns. Every position is asked; sensor and average stand at 0 before the first report."""

    sizes = Sizes()
    reads, says, span = "report (≥ 0) or pause (< 0)", "moving average", LONGEST_PAUSE

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L to 8 L: an average needs no more memory for more of them."""
        return [settings.L * 2**k for k in range(4)]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The average after any reports and pauses.

        Raises:
            ValueError: not a signal of this task.
        """
        rows = checked_signal(settings, tokens)
        return average(rows).astype(np.float32).reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Values are uniform and new each time."""
        signal = rng.uniform(0, 1, (n, settings.L))
        pauses = signal[:, 1::2]
        pauses[:] = -np.minimum(rng.exponential(MEAN_PAUSE, pauses.shape), LONGEST_PAUSE)
        signal = signal.astype(np.float32)
        return Batch(signal, average(signal.astype(np.float64)).astype(np.float32))


def average(signal: np.ndarray) -> np.ndarray:
    """The moving average after each position: (n, T) reports and pauses -> (n, T)."""
    value, y, out = np.zeros(len(signal)), np.zeros(len(signal)), np.empty_like(signal)
    for t, x in enumerate(signal.T):
        value = np.where(x >= 0, 2 * x - 1, value)
        kept = np.exp(np.minimum(x, 0))  # of the past
        y = kept * y + (1 - kept) * value
        out[:, t] = y
    return out
