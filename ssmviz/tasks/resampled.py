"""Resampled tones: which tone is in a signal of one second? Trained at one step, tested at others.

The signal is a function of continuous time: a tone of random phase and loudness, and noise of smooth random waves.
L samples are read, so Delta of one sample is 1/L seconds. A continuous-time system, discretised anew for another
step, is the same system; one whose Delta stays believes that time runs at another speed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import SignalTask, checked_signal, class_at_end
from ssmviz.tasks.task import Batch, Kind, Sizes, Trial

LOWEST = 2.0  # Hz
APART = 2**0.5  # ratio of neighbouring tones: twice the step moves a tone by two classes
NOISES = 8  # waves
NOISE = 0.3  # standard deviation; a tone's is 0.35 to 0.7
SHORTEST = 16  # samples
FOLLOWS, STAYS = "Δ follows the step", "Δ as trained"


class Resampled(SignalTask):
    """vocab tones, `LOWEST * APART^c` Hz; asked at the end of the second."""

    sizes = Sizes(L="Samples $L$")
    reads, says, span = "signal", "tone", 2.0

    def shortest(self, settings: TaskSettings) -> int:
        """Fewer samples than this are no tone."""
        return SHORTEST

    def classes(self, settings: TaskSettings) -> int:
        """Tones."""
        return settings.vocab

    def answers(self, settings: TaskSettings) -> int:
        """Only the last position is asked."""
        return 1

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2 to 4 L samples of the same second, where the highest tone has two samples a period."""
        lengths = (settings.L // 2, settings.L, 2 * settings.L, 4 * settings.L)
        return [L for L in lengths if max(SHORTEST, 2 * tones(settings)[-1]) < L]

    def trials(self, settings: TaskSettings, device: str) -> list[Trial]:
        """Every sampling rate twice: with Delta following the step, and with Delta as it was trained."""
        lengths = self.ladder(settings, device)
        return [Trial(L, pace, label) for L in lengths for label, pace in ((FOLLOWS, settings.L / L), (STAYS, 1.0))]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The tone that explains most of the signal(s), by least squares.

        Raises:
            ValueError: not a signal of this task.
        """
        rows = checked_signal(settings, tokens)
        T = rows.shape[1]
        angle = 2 * np.pi * tones(settings)[:, None] * np.arange(T) / T
        waves = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=-1)  # (classes, T, 3)
        Q = np.linalg.qr(waves)[0]
        explained = (np.einsum("ctk,nt->nck", Q, rows) ** 2).sum(-1)
        return class_at_end(tokens, explained.argmax(1))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """The same draw at another L is the same signals, sampled otherwise."""
        t = np.arange(settings.L) / settings.L
        classes = rng.integers(0, settings.vocab, n)
        loudness, phase = rng.uniform(0.5, 1.0, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
        tone = loudness * np.sin(2 * np.pi * tones(settings)[classes][:, None] * t + phase)
        highest = 2 * tones(settings)[-1]
        frequency, shift = rng.uniform(0, highest, (n, NOISES, 1)), rng.uniform(0, 2 * np.pi, (n, NOISES, 1))
        noise = NOISE * np.sqrt(2 / NOISES) * np.sin(2 * np.pi * frequency * t + shift).sum(1)
        signal = (tone + noise).astype(np.float32)
        return Batch(signal, class_at_end(signal, classes))

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """Tones by their frequency."""
        return {c: (f"{f:.3g} Hz", "data") for c, f in enumerate(tones(settings))}

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """With the duration of one sample."""
        return super().about(settings) | {"step": 1 / settings.L, "unit": "s"}


def tones(settings: TaskSettings) -> np.ndarray:
    """Frequencies of the classes in Hz, ascending: (vocab,)."""
    return LOWEST * APART ** np.arange(settings.vocab)
