"""From seconds to tokens: six step rules on one signal, what happens when it is sampled anew, and Theorem 1.

Token t lasts from t Delta to (t + 1) Delta, its number is the signal at its end, and h_t the state there.
`assets/maths/discretise.js` is the same in the browser.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ssmviz.lessons.controls import Choice, Control, Number, Numbers
from ssmviz.systems.arrays import Array, Complex, Real
from ssmviz.systems.continuous import Diagonal, poles
from ssmviz.systems.discretise import (
    Method,
    discretise,
    gated,
    largest_stable_delta,
    pole_map,
    selective,
    sigmoid,
    softplus,
    write_gate,
)
from ssmviz.systems.exponentials import phi1

SECONDS = 8.0
MEASURED_AT = 4.0  # seconds after which errors of different Delta are compared
STEPS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # tokens in which those seconds are taken
OPEN = {3: 3.0, 7: 0.0, 10: 4.0, 14: 1.0, 17: 2.0}  # z of the tokens that are let in at first
GATES = tuple(OPEN.get(t, -4.0) for t in range(24))
NAMES: dict[str, str] = {
    "euler": "Euler",
    "backward": "backward",
    "bilinear": "bilinear",
    "zoh": "ZOH",
    "foh": "FOH",
    "released": "released code",
}
REAL_POLES = {"mamba": 16, "legs": 64}

CONTROLS: tuple[Control, ...] = (
    Choice(
        "scene",
        "Look at",
        default="curve",
        options=(("curve", "six rules"), ("resample", "twice as fine"), ("gate", "Theorem 1")),
    ),
    Number("delta", "Δ", default=0.25, low=0.01, high=1.0, log=True, unit="s", symbol="delta"),
    Choice("method", "Rule", default="zoh", options=tuple(NAMES.items()), symbol="B"),
    Choice(
        "system",
        "Poles",
        default="pair",
        options=(("pair", "a pair: drag it"), ("mamba", "−1 … −16 (Mamba)"), ("legs", "−1 … −64 (LegS)")),
        more=True,
        symbol="A",
    ),
    Choice("input", "Signal", default="step", options=(("step", "step"), ("sine", "sine")), more=True, symbol="x"),
    Number("omega", "Sine: radians a second", default=1.5, low=0.2, high=6.0, step=0.01, more=True, symbol="x"),
    Number("re", "Re λ", default=-0.4, low=-4.0, high=0.5, step=0.01, hidden=True, symbol="A"),
    Number("im", "Im λ", default=2.0, low=0.0, high=6.0, step=0.01, hidden=True, symbol="A"),
    Number("z", "z", default=0.0, low=-6.0, high=6.0, step=0.01, hidden=True),
    Numbers("gates", "z of each token", default=GATES, low=-6.0, high=6.0, places=2),
)

Values = Mapping[str, Any]


def system(values: Values) -> Diagonal:
    """A pair of poles, or real ones at -1 ... -N; every pole answers a constant 1 with 1 in the end.

    A pair: B = 1, C = -lambda / 2, so that y = 2 Re(C h) goes to 1, and to one real pole as the pair meets the axis.
    Real poles: the mean of N leaky averages, the poles of HiPPO-LegS and of Mamba's first A.
    """
    if values["system"] == "pair":
        pole = complex(values["re"], values["im"])
        return Diagonal(np.array([pole]), np.ones(1), np.array([-pole / 2]))
    rates = np.arange(1.0, REAL_POLES[values["system"]] + 1)
    return Diagonal(-rates, np.ones_like(rates), rates / len(rates))


def signal(values: Values, t: Real) -> Real:
    """The input x(t) from t = 0 on."""
    return np.ones_like(t) if values["input"] == "step" else np.sin(values["omega"] * t)


def exact(values: Values, t: Real) -> Real:
    """y(t), by the closed form of each pole.

    A step: h = t phi1(lambda t). e^(i w t): h = (e^(i w t) - e^(lambda t)) / (i w - lambda), of which the sine is the
    imaginary part: (h(w) - h(-w)) / 2i.
    """
    now = system(values)
    A, t = now.A.astype(complex), t[:, None]
    h: Array
    if values["input"] == "step":
        h = t * phi1(t * A)
    else:
        omega = values["omega"]
        h = (_turning(A, omega, t) - _turning(A, -omega, t)) / 2j
    return np.asarray((2 if np.iscomplexobj(now.A) else 1) * (h @ now.C).real)


def _turning(A: Complex, omega: float, t: Real) -> Complex:
    """The answer of each pole to e^(i omega t), also where i omega meets the pole."""
    return np.asarray(np.exp(1j * omega * t) * t * phi1((A - 1j * omega) * t))


class Tokens(NamedTuple):
    """A run in tokens: the end of each in seconds (L,), its number (L,), the output there (L,)."""

    t: Real
    x: Real
    y: Real


def tokens(values: Values, method: Method, *, delta: float, spacing: float, seconds: float = SECONDS) -> Tokens:
    """The recurrence on the signal sampled every `spacing` seconds by a model that believes a token lasts `delta`."""
    t = spacing * np.arange(1, round(seconds / spacing) + 1)
    x = signal(values, t)
    return Tokens(t, x, discretise(system(values), delta, method).run(x).y)


def error(values: Values, method: Method, steps: int) -> float:
    """Largest distance to the curve over the first `MEASURED_AT` seconds, taken in so many tokens."""
    delta = MEASURED_AT / steps
    got = tokens(values, method, delta=delta, spacing=delta, seconds=MEASURED_AT)
    return float(np.abs(got.y - exact(values, got.t)).max())


def order(values: Values, method: Method) -> float:
    """The p where the error falls as Delta^p, from the last two of `STEPS`; inf where there is no error to speak of."""
    coarse, fine = (error(values, method, steps) for steps in STEPS[-2:])
    return math.inf if fine < 1e-12 else math.log(coarse / fine) / math.log(STEPS[-1] / STEPS[-2])


class Resampled(NamedTuple):
    """Largest distance to the curve: as trained; twice as many tokens with Delta halved; with Delta kept."""

    trained: float
    halved: float
    kept: float


def resample(values: Values) -> Resampled:
    """The same signal, twice as many tokens."""
    delta, method = values["delta"], values["method"]

    def apart(believed: float, spacing: float) -> float:
        got = tokens(values, method, delta=believed, spacing=spacing)
        return float(np.abs(got.y - exact(values, got.t)).max())

    return Resampled(apart(delta, delta), apart(delta / 2, delta / 2), apart(delta, delta / 2))


def kept(values: Values) -> float:
    """|z|, the share of the slowest mode that one token leaves, under the chosen rule."""
    return float(np.abs(pole_map(poles(system(values)), values["delta"], values["method"])).max())


def euler_limit(values: Values) -> float:
    """The Delta in seconds from which on Euler's rule grows; 0 where the system itself does not die out."""
    rates = poles(system(values))
    return largest_stable_delta(rates, "euler") if (rates.real < 0).all() else 0.0


class Theorem(NamedTuple):
    """Theorem 1 at one z: the gate of an RNN, and what the selective SSM with A = -1, B = 1 writes."""

    gate: float  # sigmoid(z)
    delta: float  # softplus(z)
    zoh: float  # 1 - exp(-delta)
    released: float  # delta


def theorem(z: float) -> Theorem:
    """Its four numbers."""
    at = np.array(z)
    return Theorem(*(float(value) for value in (sigmoid(at), softplus(at), write_gate(at), write_gate(at, "euler"))))


def gate_input(length: int) -> Real:
    """The tokens x (L,) that the painted gates let in."""
    return np.asarray(np.cos(0.9 * np.arange(length)))


def gate_errors(values: Values) -> tuple[float, float]:
    """Largest distance of the selective SSM's state to the gated RNN's, with ZOH and as in the released code."""
    z = np.array(values["gates"])
    x = gate_input(len(z))
    wanted = gated(x, z)
    zoh, released = (float(np.abs(selective(x, z, rule) - wanted).max()) for rule in ("zoh", "euler"))
    return zoh, released


@cache
def released_difference(*, L: int = 256, D: int = 64, N: int = 16, seed: int = 0) -> float:
    """How far the output of a random S6 moves when B is discretised as in the released code, relative to ZOH.

    A = -1 ... -N in each of D channels, Delta log-uniform on [0.001, 0.1] (Mamba's first values), B, C and x
    normal; the root mean square of the difference over that of the ZOH output.
    """
    rng = np.random.default_rng(seed)
    A = -np.arange(1.0, N + 1)
    delta = np.exp(rng.uniform(np.log(1e-3), np.log(0.1), (D, 1)))
    x, B, C = rng.normal(size=(L, D, 1)), rng.normal(size=(L, 1, N)), rng.normal(size=(L, N))
    A_bar = np.exp(delta * A)

    def output(write: Real) -> Real:
        h, y = np.zeros((D, N)), np.empty((L, D))
        for t in range(L):
            h = A_bar * h + write * B[t] * x[t]
            y[t] = h @ C[t]
        return y

    paper, code = output(np.expm1(delta * A) / A), output(delta * np.ones(N))
    return float(np.linalg.norm(code - paper) / np.linalg.norm(paper))
