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


class Regression(SignalTask):
    """A real number is asked at every position."""

    says_signal = True

    def classes(self, settings: TaskSettings) -> int:
        """Real numbers are asked."""
        return 0

    def chance(self, settings: TaskSettings) -> None:
        """Nothing to guess among."""

    def answers(self, settings: TaskSettings) -> int:
        """Every position."""
        return settings.L

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """Nothing has a class."""
        return {}


class Picture(SignalTask):
    """Square pictures, read pixel by pixel, row by row; a class is asked at the last."""

    def answers(self, settings: TaskSettings) -> int:
        """Only the last position is asked."""
        return 1

    def at_length(self, settings: TaskSettings, L: int) -> TaskSettings:
        """The same with pictures of L pixels.

        Raises:
            ValueError: no length of a picture.
        """
        return TaskSettings.model_validate(settings.model_dump() | {"L": L})

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """A picture has one size."""
        return []

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """With the width of the picture that is scanned."""
        return super().about(settings) | {"width": round(settings.L**0.5)}


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
