"""One layer seen twice: a state that marches through the tokens, and a kernel that slides over them.

The system is one conjugate pair of poles, read as the real part: h_t = z^Delta_t h_{t-1} + Delta_t x_t, y_t = Re h_t,
with z = r exp(i theta) (B_bar = Delta as in Mamba's released code). With Delta = 1 everywhere it is a convolution with
K_k = r^k cos(k theta); a Delta that follows the token leaves no single kernel.
`assets/maths/convolution.js` is the same in the browser.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ssmviz.lessons.controls import Control, Number, Numbers, Switch
from ssmviz.systems.arrays import Complex, Real
from ssmviz.systems.convolution import convolve_direct, costs, kernel_by_powers, operator_matrix

L = 24
X = tuple({3: 1.0, 8: 0.7, 9: 0.7, 10: 0.7, 16: -0.9}.get(t, 0.0) for t in range(L))
DELTA = tuple(1.6 if x_t else 0.2 for x_t in X)  # lasts where something is there

CONTROLS: tuple[Control, ...] = (
    Switch("selective", "Selective: a Δ for every token", default=False, symbol="delta"),
    Number("shift", "Shift the input by", default=5, low=0, high=12, step=1, unit="tokens", symbol="x"),
    Switch("follow", "Its Δ are shifted, too", default=False, symbol="delta"),
    Number("r", "Kept a token r", default=0.85, low=0.05, high=1.02, step=0.01, more=True, symbol="A"),
    Number("theta", "Turned a token θ", default=40, low=0, high=180, step=1, unit="°", more=True, symbol="A"),
    Number("states", "Cost: states N", default=16, low=1, high=256, step=1, more=True),
    Number("tokens", "Cost: tokens L = 2^", default=12, low=4, high=20, step=1, more=True),
    Numbers("x", "Input", default=X, low=-1.0, high=1.0, places=2, symbol="x"),
    Numbers("delta", "Delta", default=DELTA, low=0.0, high=3.0, places=2, symbol="delta"),
)

Values = Mapping[str, Any]


def pole(values: Values) -> complex:
    """z, what one token of Delta = 1 does to the state."""
    return cmath.rect(values["r"], math.radians(values["theta"]))


def delta(values: Values) -> Real:
    """Delta (L,): 1 everywhere without selection."""
    return np.array(values["delta"]) if values["selective"] else np.ones(L)


def input_of(values: Values) -> Real:
    """The input x (L,)."""
    return np.array(values["x"])


def march(values: Values, *, x: Real | None = None, steps: Real | None = None) -> tuple[Real, Complex]:
    """Outputs y (L,) and states h (L,), token by token."""
    x = input_of(values) if x is None else x
    steps = delta(values) if steps is None else steps
    A_bar = pole(values) ** steps
    h, state = np.empty(L, np.complex128), 0j
    for t in range(L):
        h[t] = state = A_bar[t] * state + steps[t] * x[t]
    return h.real, h


def kernel(values: Values) -> Real:
    """K (L,) of the system whose Delta is 1 everywhere."""
    one = np.ones(1)
    return kernel_by_powers(np.array([[pole(values)]]), one, one, L).real


def slide(values: Values) -> Real:
    """The output y (L,) as the convolution with that one kernel."""
    return convolve_direct(kernel(values), input_of(values))


def difference(values: Values) -> float:
    """Largest difference of the two outputs: rounding alone without selection, a wrong answer with it."""
    return float(np.abs(march(values)[0] - slide(values)).max())


def matrix(values: Values) -> Real:
    """M (L, L) with y = M x. Row t, read from the diagonal to the left, is the kernel of output t."""
    steps = delta(values)[:, None]
    return operator_matrix(pole(values) ** steps, steps, np.ones((L, 1))).real


def kernels(values: Values, *, tolerance: float = 1e-9) -> int:
    """How many kernels the outputs need: 1, and 1 for each output whose kernel is not that of the one before."""
    M = matrix(values)
    same = [np.abs(M[t, 1 : t + 1] - M[t - 1, :t]).max() < tolerance for t in range(1, L)]
    return 1 + same.count(False)


def late(values: Values, u: Real, fill: float = 0.0) -> Real:
    """What is given (L,), moved to later tokens by the shift."""
    by = values["shift"]
    return np.concatenate([np.full(by, fill), u[: L - by]])


def shift_error(values: Values) -> float:
    """Largest difference of the shifted input's output from the shifted output, over the largest output.

    The Delta stay where they are, as if another channel set them, or are shifted with the input (`follow`).
    """
    steps = delta(values)
    moved = late(values, steps, 1.0) if values["follow"] else steps
    y = march(values)[0]
    y_late = march(values, x=late(values, input_of(values)), steps=moved)[0]
    return float(np.abs(y_late - late(values, y)).max() / (np.abs(y).max() or 1.0))


def work(values: Values) -> dict[str, tuple[int, int]]:
    """(multiplications, longest chain of them) of a channel with N diagonal states over L tokens.

    The kernel of the convolution is counted, too: L N, all at once.
    """
    tokens, N = 1 << values["tokens"], values["states"]
    counted = costs(tokens, N)
    views = {
        "recurrence": counted["diagonal"],
        "direct convolution": counted["direct convolution"],
        "FFT convolution": counted["FFT convolution"],
    }
    kernel_work = {"recurrence": 0, "direct convolution": tokens * N, "FFT convolution": tokens * N}
    return {name: (cost.multiplications + kernel_work[name], cost.depth) for name, cost in views.items()}


def scientific(value: float) -> str:
    """For LaTeX: 3.3 times a power of ten; 2.40 where no power of ten is needed."""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{value:.2f}"
    exponent = math.floor(math.log10(abs(value)))
    return rf"{value / 10**exponent:.1f} \cdot 10^{{{exponent}}}"
