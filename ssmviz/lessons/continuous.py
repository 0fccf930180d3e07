"""The continuous state space model: a mass on a spring, pushed by what people draw.

The picture's system is the spring's: h = (position q, speed q'), A = [[0, 1], [-k/m, -b/m]], B = (0, write/m). Wherever
a pole is dragged to, there is one k and one b for it; both may be negative, which no real spring and damper are.
`assets/maths/continuous.js` is the same in the browser.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ssmviz.lessons.controls import Choice, Control, Number, Numbers, Switch
from ssmviz.systems.arrays import Real
from ssmviz.systems.continuous import Response, StateSpace, input_integrals, mode, poles, response

HELD = 96  # values of the input, each held for HOLD seconds
HOLD = 0.125
SECONDS = HELD * HOLD
KICK, STEP = (8, 12), 8  # first and last held value of the kick; where the step comes
DRAWING = tuple(1.0 if 4 <= k < 16 else -1.0 if 40 <= k < 46 else 0.0 for k in range(HELD))

CONTROLS: tuple[Control, ...] = (
    Choice(
        "input",
        "Push",
        default="kick",
        options=(("kick", "kick"), ("step", "step"), ("sine", "sine"), ("drawn", "my own")),
        symbol="x",
    ),
    Number("b", "Damper", default=0.5, low=-1.2, high=8.0, step=0.01, symbol="A"),
    Number("k", "Spring", default=4.0, low=-2.0, high=30.0, step=0.01, symbol="A"),
    Number("D", "Bypass D", default=0.0, low=-1.0, high=1.0, step=0.01, more=True),
    Number("m", "Mass m", default=1.0, low=0.2, high=5.0, step=0.01, more=True, unit="kg"),
    Number("omega", "Sine: radians a second", default=2.0, low=0.2, high=6.0, step=0.01, more=True, symbol="x"),
    Number("write", "Push written with", default=1.0, low=-2.0, high=2.0, step=0.01, more=True, symbol="B"),
    Number("c1", "Position read with", default=1.0, low=-2.0, high=2.0, step=0.01, more=True, symbol="C"),
    Number("c2", "Speed read with", default=0.0, low=-2.0, high=2.0, step=0.01, more=True, symbol="C"),
    Switch("twin", "Another past, the same state", default=False, more=True, symbol="h"),
    Number("now", "The moment they share", default=6.0, low=1.0, high=11.0, step=0.125, more=True, unit="s"),
    Numbers("drawing", "My own push", default=DRAWING, low=-1.0, high=1.0, places=2, symbol="x"),
)

Values = Mapping[str, Any]


def system(values: Values) -> StateSpace:
    """The spring that the controls describe."""
    m = values["m"]
    A = [[0.0, 1.0], [-values["k"] / m, -values["b"] / m]]
    B, C = [0.0, values["write"] / m], [values["c1"], values["c2"]]
    return StateSpace(np.array(A), np.array(B), np.array(C), values["D"])


def spring(first: complex, second: complex, *, m: float = 1.0) -> tuple[float, float]:
    """Damper b in N s/m and spring k in N/m that put the poles of a mass m there (a conjugate pair, or two real ones).

    s^2 + (b/m) s + k/m = (s - first)(s - second).
    """
    return -m * (first + second).real, m * (first * second).real


def pair(values: Values) -> tuple[complex, complex]:
    """The two poles, the upper or the right one first."""
    first, second = sorted(poles(system(values)), key=lambda p: (p.imag, p.real), reverse=True)
    return complex(first), complex(second)


def held_input(values: Values) -> Real:
    """The input x, (HELD,) values of HOLD seconds each."""
    kind, k = values["input"], np.arange(HELD)
    if kind == "kick":
        return np.where((k >= KICK[0]) & (k < KICK[1]), 1.0, 0.0)
    if kind == "step":
        return np.where(k >= STEP, 1.0, 0.0)
    if kind == "sine":
        return np.asarray(np.sin(values["omega"] * HOLD * (k + 0.5)))
    return np.array(values["drawing"])


def run(values: Values, *, x: Real | None = None) -> Response:
    """The exact response of the spring at rest to held values (HELD,), at HELD + 1 times from 0 on."""
    x = held_input(values) if x is None else x
    return response(system(values), np.append(x, x[-1]), HOLD)


class Memory(NamedTuple):
    """What is remembered for longest: the mode of the pole that is furthest right."""

    time_constant: float  # seconds until 1/e is left; inf where nothing is forgotten
    frequency: float  # turns a second

    @property
    def sentence(self) -> str:
        """In words."""
        rings = f"rings every {1 / self.frequency:.3g} s" if self.frequency else "does not ring"
        if math.isinf(self.time_constant):
            return f"Now the state never forgets, and {rings}."
        return f"Now 1/e of the state is left after {self.time_constant:.3g} s, and it {rings}."


def longest(values: Values) -> Memory:
    """The slower of the two modes."""
    slow = mode(max(pair(values), key=lambda p: p.real))
    return Memory(slow.time_constant, slow.frequency)


def kept(values: Values, seconds: float = 1.0) -> float:
    """Share of the slowest mode that is left after some seconds: exp(Re(pole) seconds)."""
    return math.exp(max(p.real for p in pair(values)) * seconds)


def another_past(values: Values) -> Real:
    """The weakest input (HELD,) that leads to the same state at `now`, and goes on as the given one.

    With R = (A_bar^(K-1) B_bar, ..., B_bar), h_K = R x: the solution of least norm is R^T (R R^T)^-1 h_K, the
    minimum-energy control of the textbooks. Where nothing is written, there is no other past: the given one.
    """
    x, K = held_input(values), round(values["now"] / HOLD)
    if not values["write"]:
        return x
    target = run(values).h[K]
    reach = reachable(system(values), K)
    past = reach.T @ np.linalg.solve(reach @ reach.T, target)
    return np.concatenate([past, x[K:]])


def reachable(spring: StateSpace, K: int) -> Real:
    """R (N, K): what each of K held values has become in the state when all are over."""
    A_bar, B_bar, _ = input_integrals(spring, HOLD)
    columns = [B_bar]
    for _ in range(K - 1):
        columns.append(A_bar @ columns[-1])
    return np.stack(columns[::-1], axis=1)


class Fit(NamedTuple):
    """Gradient descent on b and k until the response is that of an unknown spring."""

    b: float
    k: float
    first_error: float  # mean square before, and after
    last_error: float
    steps: int
    start: complex  # upper pole before, and after
    end: complex

    @property
    def sentence(self) -> str:
        """In words, with the numbers."""
        return (
            f"Just now, {self.steps} steps of gradient descent on the output alone took the poles of A from "
            f"{plain(self.start)} to {plain(self.end)}; the mean square error fell from {self.first_error:.2g} to "
            f"{self.last_error:.1g}. The pictures show the spring that was to be found."
        )


def learn_spring(wanted: Values, *, b: float, k: float, steps: int = 200, rate: float = 0.05) -> Fit:
    """Learns the poles from a response: A is trained as every weight is.

    Adam (Kingma & Ba 2015) on log b and log k; derivatives by central differences.

    Args:
        wanted: the values of the spring whose response is to be met.
        b: where the damper starts, above 0.
        k: where the spring starts, above 0.
        steps: updates.
        rate: of Adam.
    """
    target = run(wanted).y

    def spring_at(theta: Real) -> dict[str, Any]:
        return dict(wanted) | {"b": math.exp(theta[0]), "k": math.exp(theta[1])}

    def error(theta: Real) -> float:
        return float(np.mean((run(spring_at(theta)).y - target) ** 2))

    theta = begin = np.log([b, k])
    first, second = np.zeros(2), np.zeros(2)
    for step in range(1, steps + 1):
        slope = np.array([error(theta + e) - error(theta - e) for e in np.eye(2) * 1e-4]) / 2e-4
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        theta = theta - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-12)
    b, k = np.exp(theta)
    ends = [pair(spring_at(end))[0] for end in (begin, theta)]
    return Fit(float(b), float(k), error(begin), error(theta), steps, *ends)


def matrices(values: Values) -> dict[str, str]:
    """A, B, C and D as LaTeX."""
    now = system(values)

    def rows(matrix: Real) -> str:
        lines = (" & ".join(f"{number + 0.0:.3g}" for number in row) for row in matrix)
        return r"\begin{pmatrix}" + r" \\ ".join(lines) + r"\end{pmatrix}"

    return {"A": rows(now.A), "B": rows(now.B[:, None]), "C": rows(now.C[None]), "D": f"{now.D:.3g}"}


def words(pole: complex) -> str:
    """A pole as LaTeX: "-0.25 + 1.98i"."""
    if abs(pole.imag) < 1e-9:
        return f"{pole.real:.3g}"
    return f"{pole.real:.3g} {'+' if pole.imag > 0 else '-'} {abs(pole.imag):.3g}i"


def plain(pole: complex) -> str:
    """A pole and its mirror image in words: "−0.25 ± 1.98i"."""
    re = f"{pole.real:.2f}".replace("-", "−")
    return f"{re} ± {abs(pole.imag):.2f}i" if abs(pole.imag) > 1e-9 else re
