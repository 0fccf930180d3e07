"""Synthetic audio: chirps, frequency modulation and struck resonators, mixed; say the next sample at every position.

Samples are what 256 mu-law levels leave of a sound (the curve of ITU-T G.711 in its continuous form, as models of raw
audio read it); they are read and asked as amplitudes, so that the error is that of the sound itself. A sound is a sum
of oscillations, sampled evenly, with nothing in it to be left out: what complex states of constant Delta are made for,
and where S6 does worse (Gu & Dao 2023, "Real vs. Complex" and "No Free Lunch: Continuous-Discrete Spectrum").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Regression, checked_signal
from ssmviz.tasks.task import Batch, Sizes

RATE = 8000  # samples a second
MU, LEVELS = 255, 256
LOWEST, OCTAVES = 100.0, 5  # Hz, and how far up
SWEEP = -0.25, 0.25  # octaves in SPAN
SPAN = 0.032  # s
DEPTH, WOBBLE = (0.5, 3.0), (20.0, 120.0)  # of frequency modulation: radians and Hz
NOTES = 2  # resonators an octave: an instrument has the same ones for ever
STRIKES, RINGING = (20.0, 80.0), 0.02  # of resonators: Hz, and s until 1/e is left
LOUDNESS = 0.3, 1.0
MOST = 8  # sounds at once


class Audio(Regression):
    """`n_data` sounds of random kinds at once. Every position is asked."""

    sizes = Sizes(L="Samples $L$", n_data="Sounds at once")
    reads, says, span = "sound", "next sample", 1.0

    def check(self, settings: TaskSettings) -> None:
        """A mixture has a bound."""
        if settings.n_data > MOST:
            raise ValueError(f"n_data must be at most {MOST} sounds at once, got {settings.n_data}; lower n_data")
        super().check(settings)

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2 to 4 L samples."""
        return [settings.L // 2, *(settings.L * 2**k for k in range(3))]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The sample that follows each; nobody knows which follows the last: NaN.

        Raises:
            ValueError: not a signal of this task.
        """
        rows = checked_signal(settings, tokens)
        later = np.pad(rows[:, 1:], ((0, 0), (0, 1)), constant_values=np.nan)
        return later.astype(np.float32).reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """New sounds."""
        t = np.arange(settings.L + 1) / RATE
        sounds = draw(rng, n * settings.n_data, t).reshape(n, settings.n_data, -1)
        loudness = rng.uniform(*LOUDNESS, (n, settings.n_data, 1))
        heard = amplitude(level((loudness * sounds).sum(1) / loudness.sum(1)))
        return Batch(np.ascontiguousarray(heard[:, :-1]), np.ascontiguousarray(heard[:, 1:]))

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """With the duration of one sample."""
        return super().about(settings) | {"step": 1 / RATE, "unit": "s"}


def draw(rng: np.random.Generator, n: int, t: np.ndarray) -> np.ndarray:
    """So many sounds at the times t (T,) in seconds, each of one of the `KINDS`: (n, T), in -1..1."""
    kind = rng.integers(0, len(KINDS), n)
    sounds = np.empty((n, len(t)))
    for k, make in enumerate(KINDS):
        rows = np.flatnonzero(kind == k)
        frequency = LOWEST * 2 ** rng.uniform(0, OCTAVES, (len(rows), 1))
        sounds[rows] = make(rng, frequency, rng.uniform(0, 1, (len(rows), 1)), t)
    return sounds


def chirp(rng: np.random.Generator, frequency: np.ndarray, phase: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A frequency (n, 1) that rises or falls exponentially, begun again after each SPAN."""
    rate = np.log(2) * rng.uniform(*SWEEP, frequency.shape) / SPAN  # 0 with probability 0
    periods = frequency * np.expm1(rate * (t % SPAN)) / rate
    return np.asarray(np.sin(2 * np.pi * (periods + phase)))


def modulated(rng: np.random.Generator, frequency: np.ndarray, phase: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A frequency (n, 1) that swings about its mean."""
    depth, wobble = rng.uniform(*DEPTH, frequency.shape), rng.uniform(*WOBBLE, frequency.shape)
    return np.asarray(np.sin(2 * np.pi * (frequency * t + phase) + depth * np.sin(2 * np.pi * wobble * t)))


def struck(rng: np.random.Generator, frequency: np.ndarray, phase: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The resonator below frequency (n, 1), struck again and again."""
    strikes = rng.uniform(*STRIKES, frequency.shape)
    since = (t * strikes + phase) % 1 / strikes
    note = LOWEST * 2 ** (np.floor(NOTES * np.log2(frequency / LOWEST)) / NOTES)
    return np.asarray(np.exp(-since / RINGING) * np.sin(2 * np.pi * note * since))


KINDS = (chirp, modulated, struck, struck)  # half of all sounds are notes of an instrument


def level(x: np.ndarray) -> np.ndarray:
    """mu-law: amplitudes -1..1 to whole levels 0..LEVELS - 1, fine about 0 and coarse far from it."""
    y = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    return np.asarray(np.rint((y + 1) / 2 * (LEVELS - 1)), dtype=np.int64)


def amplitude(levels: np.ndarray) -> np.ndarray:
    """What levels stand for, float32."""
    y = 2 * np.asarray(levels) / (LEVELS - 1) - 1
    return np.asarray(np.sign(y) * np.expm1(np.abs(y) * np.log1p(MU)) / MU, dtype=np.float32)
