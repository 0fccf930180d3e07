"""Masses on springs: from the force on the first mass, say its position. Which system it is, nobody tells.

`n_data` equal masses stand in a row between two walls, a spring between all neighbours, each mass with a damper:
m p'' + b p' + k T p = (force, 0, ..., 0) with T = tridiag(-1, 2, -1). T's eigenvalues 4 sin^2(j pi / (2 n + 2)) make n
modes, each a conjugate pair of poles, the roots of m s^2 + b s + k t_j. A linear state space layer of n complex states
can be this very system, so it can be found from force and position alone (system identification).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Regression, checked_signal
from ssmviz.tasks.task import Batch, Sizes

MAX_MASSES = 4
MASS = 1.0  # kg
SPRING = 8.0  # N/m
DAMPER = 0.8  # N s/m
STEP = 0.1  # s that one position lasts; the force is constant meanwhile
FORCE = 20.0  # N, standard deviation: the position is then about a metre


class MassSpring(Regression):
    """L positions of STEP seconds, every one asked; the system is at rest before the first."""

    sizes = Sizes(n_data="Masses")
    reads, says, span = "force (N)", "position (m)", 2.5 * FORCE

    def check(self, settings: TaskSettings) -> None:
        """Each mass is a pair of poles to find, and more than `MAX_MASSES` are not found in a minute."""
        if settings.n_data > MAX_MASSES:
            raise ValueError(f"n_data must be at most {MAX_MASSES} masses, got {settings.n_data}; lower n_data")
        super().check(settings)

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2 to 8 L: who has found the system predicts it for ever."""
        return [settings.L // 2, *(settings.L * 2**k for k in range(4))]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The positions under any force(s), float32 of the same shape.

        Raises:
            ValueError: not a signal of this task.
        """
        force = checked_signal(settings, tokens)
        return positions(settings, force).astype(np.float32).reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Forces that are new, and normally distributed, at every position."""
        force = (FORCE * rng.standard_normal((n, settings.L))).astype(np.float32)
        return Batch(force, positions(settings, force).astype(np.float32))

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """With the duration of a position and the true poles."""
        true = [[float(p.real), float(p.imag)] for p in poles(settings)]
        return super().about(settings) | {"step": STEP, "unit": "s", "poles": true}


def poles(settings: TaskSettings) -> np.ndarray:
    """The true poles in the upper half plane, slowest first: (n_data,) complex, in 1/s."""
    half = DAMPER / (2 * MASS)
    return -half + 1j * np.sqrt(SPRING * _eigenvalues(settings.n_data) / MASS - half**2)


def kernel(settings: TaskSettings, L: int) -> np.ndarray:
    """Position at the end of step l after a force of 1 N during step 0: (L,), exact for a force constant in a step.

    Mode j answers a force with phi_j^2 / (m (s - lambda)(s - lambda*)): residue 1 / (2 i Im lambda) at lambda.
    """
    n = settings.n_data
    j = np.arange(1, n + 1)
    phi = np.sqrt(2 / (n + 1)) * np.sin(j * np.pi / (n + 1))  # of the first mass
    pole = poles(settings)
    residue = phi**2 / (MASS * 2j * pole.imag)
    first = residue * np.expm1(STEP * pole) / pole
    return np.asarray(2 * (first[:, None] * np.exp(STEP * pole[:, None] * np.arange(L))).real.sum(0))


def positions(settings: TaskSettings, force: np.ndarray) -> np.ndarray:
    """Of the first mass at the end of every step: force (n, T) -> (n, T)."""
    T = force.shape[1]
    spectrum = np.fft.rfft(force.astype(np.float64), 2 * T) * np.fft.rfft(kernel(settings, T), 2 * T)
    return np.asarray(np.fft.irfft(spectrum, 2 * T)[:, :T])


def _eigenvalues(n: int) -> np.ndarray:
    """Of tridiag(-1, 2, -1), ascending."""
    return np.asarray(4 * np.sin(np.arange(1, n + 1) * np.pi / (2 * n + 2)) ** 2)
