"""Memories of the past: LegS, LegT, LagT and Fourier fit a curve to a signal while it streams in; a random A forgets.

`assets/maths/hippo.js` computes the same in the browser. What it is given from here is what it cannot compute: how well
each state remembers, by age, and a random matrix with the best read-out that there is for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import toeplitz

from ssmviz.lessons.controls import Choice, Control, Number, Numbers, Switch
from ssmviz.systems.hippo import MEMORIES, reconstruct, relative_error
from ssmviz.systems.hippo_online import online, random_matrices, tones
from ssmviz.systems.legendre import Array, Memory, delay_decoder, legs, legt, lmu_scale

SECONDS, L = 10.0, 512  # the story, and its samples
POINTS = 64  # that a person draws
MOST = 64  # coefficients
LEVELS = (0.8, -0.6, 0.2, 1.4, -1.2)

WINDOW, CYCLES = 200, 11.4  # samples in a window, and the fastest noise in it
PAST = 800  # samples that count in the memory by age; what is older has left every state
AGES = np.arange(0, WINDOW + 41, 5)  # samples
NOISE = 0.01  # error of a state that is read, relative to its root mean square
SEED = 2  # of the random matrix

DRAWING = tuple(
    round(float(sum(height * np.exp(-(((k - middle) / wide) ** 2)) for height, middle, wide in bumps)), 2)
    for bumps in [((1.3, 13, 6), (-1.1, 34, 4), (0.9, 51, 3))]
    for k in range(POINTS)
)

CONTROLS: tuple[Control, ...] = (
    Choice(
        "measure",
        "Remember",
        default="legs",
        options=(
            ("legs", "all"),
            ("legt", "window"),
            ("lagt", "fading"),
            ("fout", "waves"),
            ("random", "random"),
        ),
        symbol="A",
    ),
    Number("N", "Numbers N", default=32, low=1, high=MOST, step=1, symbol="h"),
    Choice(
        "signal",
        "Signal",
        default="tones",
        options=(("tones", "tones"), ("steps", "steps"), ("drawn", "mine")),
        symbol="x",
    ),
    Number("theta", "Window or time constant θ", default=3.0, low=0.5, high=SECONDS, step=0.1, unit="s", more=True),
    Number("read", "Delay line reads at this share of θ", default=1.0, low=0.0, high=1.0, step=0.01, more=True),
    Switch("fast", "The same story, twice as fast", default=False, more=True),
    Numbers("drawing", "My own signal", default=DRAWING, low=-2.5, high=2.5, places=2, symbol="x"),
)

Values = Mapping[str, Any]


def signal(values: Values) -> Array:
    """The samples, (L,): six sines, five levels, or what was drawn, with straight lines between its points."""
    r = (np.arange(L) + 0.5) / L
    if values["signal"] == "tones":
        return tones(r)
    if values["signal"] == "steps":
        return np.repeat(LEVELS, np.diff(np.ceil(np.linspace(0, L, len(LEVELS) + 1) - 0.5).astype(int)))
    return np.asarray(np.interp(r * POINTS - 0.5, np.arange(POINTS), values["drawing"]), dtype=np.float64)


def seconds(values: Values) -> float:
    """How long the story lasts."""
    return SECONDS / 2 if values["fast"] else SECONDS


def chosen(values: Values) -> Memory:
    """The memory that is shown; for a random matrix, LegT with its A and B replaced: its basis means nothing."""
    return _memory(values["measure"], values["N"], values["theta"])


def _memory(measure: str, N: int, theta: float = 1.0) -> Memory:
    if measure == "random":
        A, B = random_matrices(np.random.default_rng(SEED), N, theta=theta)
        return dataclasses.replace(legt(N, theta=theta), A=A, B=B)
    return MEMORIES[measure](N - 1 if measure == "fout" and N % 2 == 0 else N, theta)


def error(values: Values) -> float:
    """Relative error of the remembered curve at the end of the story, over all that the measure covers.

    A fading memory covers three time constants here. A random matrix is read by the best linear read-out.
    """
    if values["measure"] == "legs":
        return legs_errors(values, (values["N"],)).legs[0]
    memory, now = chosen(values), seconds(values)
    ages = (L - np.arange(L) - 0.5) * now / L
    c = online(memory, signal(values), dt=now / L)[-1]
    if values["measure"] == "random":
        ages, curve = AGES[AGES <= WINDOW] / WINDOW * memory.theta, readout("random", memory.N)[0] @ c
        ages, curve = ages[ages < now], curve[: np.sum(ages < now)]
        f = signal(values)[np.floor((now - ages) * L / now).astype(int).clip(max=L - 1)]
        return off(f, curve)
    seen = ages <= (3 * memory.theta if values["measure"] == "lagt" else memory.horizon(now))
    return off(signal(values)[seen], reconstruct(memory, c, ages[seen], now))


def off(f: Array, curve: Array) -> float:
    """Relative error; 0 where there is nothing to be remembered."""
    return relative_error(f, curve) if np.any(f) else 0.0


class Errors(NamedTuple):
    """Relative errors of LegS at the end of the story, and of the best polynomial with as many coefficients."""

    legs: tuple[float, ...]
    best: tuple[float, ...]

    @property
    def words(self) -> str:
        """For the page."""
        return ", ".join(f"**{value:.2f}**" for value in self.legs)

    @property
    def best_words(self) -> str:
        """For the page."""
        return ", ".join(f"{value:.2f}" for value in self.best)


def legs_errors(values: Values, sizes: tuple[int, ...] = (4, 8, 16, 32, 64)) -> Errors:
    """For the signal. A is lower triangular: the first N coefficients of a larger LegS are those of a smaller one."""
    return _legs_errors(values["signal"], tuple(values["drawing"]), sizes)


@lru_cache(maxsize=256)
def _legs_errors(kind: str, drawing: tuple[float, ...], sizes: tuple[int, ...]) -> Errors:
    f, c = _legs_state(kind, drawing)
    r = (np.arange(L) + 0.5) / L
    mine = [off(f, reconstruct(legs(N), c[:N], 1 - r, 1.0)) for N in sizes]
    best = [off(f, legendre.Legendre.fit(2 * r - 1, f, N - 1)(2 * r - 1)) for N in sizes]
    return Errors(tuple(mine), tuple(best))


@lru_cache(maxsize=32)
def _legs_state(kind: str, drawing: tuple[float, ...]) -> tuple[Array, Array]:
    f = signal({"signal": kind, "drawing": drawing})
    return f, online(legs(MOST), f)[-1]


def delayed(values: Values) -> tuple[Array, Array]:
    """The LMU as a delay line: what it says the signal was `read` windows ago, and what it was (0 before the start)."""
    N, now, f = values["N"], seconds(values), signal(values)
    m = online(legt(N, theta=values["theta"]), f, dt=now / L) * lmu_scale(N)
    late = values["read"] * values["theta"] * L / now  # samples
    was = np.interp(np.arange(L) + 0.5 - late, np.arange(L), f, left=0.0)  # the state is that at a sample's end
    return m @ delay_decoder(N, values["read"]), was


# how well a state remembers, by age


@lru_cache(maxsize=256)
def readout(measure: str, N: int) -> tuple[Array, Array]:
    """The best linear read-out of noise some time ago, and the error that is left.

    The signal is noise of CYCLES cycles a window, every state is read with an error of NOISE times their root mean
    square. The state is linear in the past, h = G f, and f has covariance S, so the best weights for age a are
    `S_a G' (G S G' + v)^-1`; nothing is drawn at random. LegS's window is all of the past, an exponential's its theta.

    Returns:
        weights (ages, N) and relative errors (ages,), 0 remembered to 1 forgotten, at AGES / WINDOW windows.
    """
    memory = _memory(measure, N)
    if memory.scaled:  # the state at the end of a story of one window
        age = (np.arange(WINDOW) + 0.5) / WINDOW
        G = memory.kernel(age, 1.0) / WINDOW
    else:
        impulse = np.eye(1, PAST)[0]
        G = online(memory, impulse, dt=1 / WINDOW).T
    lags = np.arange(max(G.shape[1], AGES[-1] + 1))
    S = toeplitz(np.sinc(2 * CYCLES * lags / WINDOW))
    past = S[AGES, : G.shape[1]] @ G.T
    power = G @ S[: G.shape[1], : G.shape[1]] @ G.T
    noise = NOISE**2 * np.trace(power) / len(power)
    weights = np.linalg.solve(power + noise * np.eye(len(power)), past.T).T
    return weights, np.sqrt(np.clip(1 - (weights * past).sum(1), 0, 1))


class ByAge(NamedTuple):
    """Errors of the best read-out at a tenth of a window, at half and at the whole of it."""

    young: float
    half: float
    old: float

    @property
    def words(self) -> str:
        """For the page."""
        return f"{self.young:.2f} at a tenth of a window, {self.half:.2f} at half, {self.old:.2f} at its end"


def by_age(measure: str, N: int) -> ByAge:
    """The errors of `readout`, at three ages."""
    errors = readout(measure, N)[1]
    young, half, old = np.searchsorted(AGES, [WINDOW // 10, WINDOW // 2, WINDOW])
    return ByAge(float(errors[young]), float(errors[half]), float(errors[old]))


def extra(values: Values) -> dict[str, Any]:
    """For the pictures: errors by age of the chosen memory and a random one, and that one with its best read-out."""
    measure, N = values["measure"], values["N"]
    memory, (weights, lost) = _memory("random", N), readout("random", N)
    return {
        "N": N,
        "ages": (AGES / WINDOW).tolist(),
        "kept": _round(readout("legt" if measure == "random" else measure, N)[1]),
        "lost": _round(lost),
        "random": {"A": _round(memory.A), "B": _round(memory.B), "weights": _round(weights)},
    }


def _round(values: Array) -> Any:
    return np.round(values, 4).tolist()
