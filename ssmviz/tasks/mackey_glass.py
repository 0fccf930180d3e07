"""Mackey-Glass: a chaotic signal, of which to say what it will be `n_data` positions later.

x'(t) = BETA x(t - DELAY) / (1 + x(t - DELAY)^POWER) - GAMMA x(t) (Mackey & Glass 1977), one position a unit of time.
Within one DELAY the first term is known from before, so that the equation is linear there: it is integrated one such
stretch at a time (the method of steps), the integral over each small step by a cubic through four known values.
"""

from __future__ import annotations

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Regression, checked_signal
from ssmviz.tasks.task import Batch, Sizes

BETA, GAMMA, POWER, DELAY = 0.2, 0.1, 10, 17
FINE = 10  # steps of integration a unit of time
PAST = DELAY * FINE + 2  # values that integration starts from
BURN_IN = 170  # units until the signal is on the attractor, whatever came before
CENTRE, SCALE = 0.93, 0.22  # mean and standard deviation on the attractor: what is read has 0 and 1


class MackeyGlass(Regression):
    """Every position is asked. Each signal begins at a random moment of a random past."""

    sizes = Sizes(n_data="Positions ahead")
    reads, says, span = "signal", "signal, later", 3.0

    def check(self, settings: TaskSettings) -> None:
        """The equation must be able to tell."""
        if self.shortest(settings) > settings.L:
            raise ValueError(
                f"L must be at least {DELAY + 2}, to see one delay of the equation, got {settings.L}; raise L"
            )
        super().check(settings)

    def shortest(self, settings: TaskSettings) -> int:
        """Who has seen this many positions can tell the rest."""
        return DELAY + 2

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L to 8 L of the same motion."""
        return [settings.L * 2**k for k in range(4)]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """What follows: read off the signal(s) as far as they go, then integrated on from their last DELAY units.

        Raises:
            ValueError: not a signal of this task.
        """
        rows = checked_signal(settings, tokens) * SCALE + CENTRE
        if rows.shape[1] < self.shortest(settings):
            raise ValueError(f"a signal must have {DELAY + 2} positions or more, got {rows.shape[1]}; take more")
        past = between(rows[:, -DELAY - 2 :])[:, -PAST:]
        ahead = integrate(past, settings.n_data)[:, FINE - 1 :: FINE]
        whole = np.concatenate([rows, ahead], axis=1)[:, settings.n_data :]
        return _scaled(whole).reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """A past of one random wave, then the equation."""
        t = np.arange(PAST) / FINE
        frequency, phase = rng.uniform(0, 0.1, (n, 1)), rng.uniform(0, 1, (n, 1))
        past = CENTRE + rng.uniform(0.1, 0.5, (n, 1)) * np.sin(2 * np.pi * (frequency * t + phase))
        motion = integrate(past, BURN_IN + settings.L + settings.n_data)[:, BURN_IN * FINE + FINE - 1 :: FINE]
        motion = _scaled(motion)
        return Batch(np.ascontiguousarray(motion[:, : settings.L]), np.ascontiguousarray(motion[:, settings.n_data :]))


def integrate(past: np.ndarray, units: int) -> np.ndarray:
    """Go on from the past, 1/FINE apart: (n, PAST) -> (n, units FINE), what comes after it.

    (e^(GAMMA t) x)' = e^(GAMMA t) push(t), and push, a function of what x was a DELAY ago, is known for that long.
    """
    h, lag, n = 1 / FINE, DELAY * FINE, len(past)
    x = np.concatenate([past, np.empty((n, units * FINE))], axis=1)
    now = PAST - 1  # x is known up to here
    while now + 1 < x.shape[1]:
        size = min(lag - 1, x.shape[1] - 1 - now)
        old = x[:, now - lag - 1 : now - lag + size + 2]
        growth = np.exp(GAMMA * h * np.arange(-1, size + 2))
        g = growth * BETA * old / (1 + old**POWER)
        gained = h / 24 * (13 * (g[:, 1:-2] + g[:, 2:-1]) - g[:, :-3] - g[:, 3:])
        x[:, now + 1 : now + 1 + size] = (x[:, now : now + 1] + gained.cumsum(1)) / growth[2:-1]
        now += size
    return x[:, PAST:]


def between(samples: np.ndarray) -> np.ndarray:
    """The signal at FINE times the rate: (n, k) -> (n, (k - 1) FINE + 1), by a spline through the samples."""
    from scipy.interpolate import make_interp_spline  # only who asks for an answer waits for it

    t = np.arange(samples.shape[1])
    return np.asarray(make_interp_spline(t, samples, k=5, axis=1)(np.arange((len(t) - 1) * FINE + 1) / FINE))


def _scaled(x: np.ndarray) -> np.ndarray:
    return ((x - CENTRE) / SCALE).astype(np.float32)
