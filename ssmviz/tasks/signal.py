"""What tasks on real-valued signals share: one real number is read at each position."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.task import IGNORED, SHORTEST, Kind, Task

LEVELS = 256  # a signal that a person draws comes as whole numbers 0 to LEVELS - 1
SILENCE = LEVELS // 2  # the level that means 0


class SignalTask(Task):
    """A task whose inputs are (n, T) float32.

    Signals are drawn from continuous distributions by the streams of `rng_for`, which never meet: no test signal is
    ever trained on. (Digits, of which there is a fixed number, are split by hand.)
    """

    reads_signal = True
    reads: str  # what the input is called
    says: str  # what is asked
    span: float  # levels of a drawn signal stand for -span .. span

    @abstractmethod
    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """Class -> (label, "data"); nothing where real numbers are asked."""

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """For pictures: what is read and said, and the range of a signal that a person draws.

        A task adds what it has: `step` (duration of one position) and `unit`, the true `poles`; the `width` of a
        scanned picture, the `order` in which its pixels are read (else row by row), and its `inks` (else -1 and 1).
        """
        return {"reads": self.reads, "says": self.says, "span": self.span}

    def drawn(self, levels: np.ndarray) -> np.ndarray:
        """A signal that a person has drawn: whole numbers 0 .. LEVELS - 1 to real ones, `SILENCE` to 0."""
        return ((np.asarray(levels) - SILENCE) * (self.span / (SILENCE - 1))).astype(np.float32)


def checked_signal(settings: TaskSettings, signal: np.ndarray, *, length: int | None = None) -> np.ndarray:
    """Signals as (n, T) float64, after the checks that all tasks share.

    Raises:
        ValueError: wrong shape, not finite, too short or too long (or not of `length`, when that is given).
    """
    rows = np.atleast_2d(np.asarray(signal, dtype=np.float64))
    low, high = (SHORTEST, 2 * settings.L + 64) if length is None else (length, length)
    if rows.ndim != 2 or not low <= rows.shape[1] <= high:
        raise ValueError(f"a signal must be (T,) or (n, T) with T in {low}..{high}, got {np.shape(signal)}")
    if not np.isfinite(rows).all():
        raise ValueError("a signal must be of finite numbers, got inf or NaN; draw it again")
    return rows


def class_at_end(signal: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Targets of the shape of `signal`: one class (n,) a signal, asked at its last position."""
    targets = np.full(np.atleast_2d(signal).shape, IGNORED, dtype=np.int64)
    targets[:, -1] = classes
    return targets.reshape(np.shape(signal))
