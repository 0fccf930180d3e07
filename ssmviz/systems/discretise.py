"""From seconds to tokens: h_t = A_bar h_{t-1} + B_bar x_t, y_t = C h_t + D x_t, one token lasting Delta seconds.

Token t is what the input is during its Delta seconds, and h_t the state at their end. C and D stay as they are, as in
HiPPO, S4 and Mamba. (`scipy.signal.cont2discrete` reads the state at the beginning, and changes C and D under bilinear,
gbt, backward_diff and foh: its A and B are the same, its C and D are not.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmviz.systems.arrays import Array, Complex, Real, frozen, seconds, vector
from ssmviz.systems.continuous import Diagonal, Response, System, advance, input_integrals, read, start

Method = Literal["euler", "backward", "bilinear", "zoh", "foh", "released"]
WriteRule = Literal["zoh", "euler"]  # how B becomes B_bar while A goes through exp
METHODS: tuple[Method, ...] = get_args(Method)
ALPHA: dict[str, float] = {"euler": 0.0, "bilinear": 0.5, "backward": 1.0}  # members of the GBT family


@dataclass(frozen=True, eq=False)
class Discrete:
    """A system in tokens: h_t = A_bar h_{t-1} + B_bar x_t + B_before x_{t-1}.

    A_bar has the shape of A, (N, N) or (N,); B_bar and B_before are (N,). Only the first-order hold looks at x_{t-1};
    for every other method B_before is 0. `system` gives C and D.
    """

    system: System
    delta: float
    A_bar: Array
    B_bar: Array
    B_before: Array

    def run(self, x: ArrayLike, h0: ArrayLike | None = None) -> Response:
        """The recurrence, token by token.

        Args:
            x: (L,) tokens. Before the first, x is 0.
            h0: (N,) state before the first token; none is zero.

        Returns:
            t (L,), the end of each token in seconds; h (L, N); y (L,). Where the method is unstable these grow to inf
            and nan, which is the lesson and not an error.

        Raises:
            ValueError: x or h0 does not fit.
        """
        x, system = vector("x", x), self.system
        before = start(system, h0)
        h = np.empty((len(x), system.N), self.A_bar.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(len(x)):
                h[t] = before = advance(self.A_bar, before) + self.B_bar * x[t] + self.B_before * (x[t - 1] if t else 0)
            y = read(system, h) + system.D * x
        return Response(self.delta * np.arange(1, len(x) + 1), h, y)


def discretise(system: System, delta: float, method: Method) -> Discrete:
    """The system as a recurrence over tokens of `delta` seconds.

    euler, backward, bilinear: members of the generalised bilinear transform, see `gbt`.
    zoh: the input is constant during a token (Mamba, Gu & Dao 2023, equation 4): exact for such an input.
    foh: the input goes in a straight line from the token before: exact for such an input.
    released: A as in zoh, but B_bar = Delta B as in Mamba's released code. To first order in Delta the same.

    Args:
        system: dense or diagonal; a diagonal one stays diagonal.
        delta: seconds a token, at least 0. At 0 the state is kept as it is.
        method: one of `METHODS`.

    Raises:
        ValueError: delta or method does not fit, or a pole of an unstable system falls on 1 / (alpha delta).
    """
    check_method(method)
    if method in ALPHA:
        return gbt(system, delta, alpha=ALPHA[method])
    delta = seconds("delta", delta, zero=True)
    A_bar, whole, late = input_integrals(system, delta)
    if method == "zoh":
        return Discrete(system, delta, A_bar, whole, np.zeros_like(whole))
    if method == "foh":
        return Discrete(system, delta, A_bar, late, whole - late)
    return Discrete(system, delta, A_bar, delta * system.B, np.zeros_like(whole))


def gbt(system: System, delta: float, *, alpha: float) -> Discrete:
    """Generalised bilinear transform (Zhang, Chen & Chen 2009; LSSL, Gu et al. 2021, equation 3).

    A_bar = (I - alpha Delta A)^-1 (I + (1 - alpha) Delta A), B_bar = (I - alpha Delta A)^-1 Delta B.
    alpha = 0 is forward Euler, 1/2 bilinear (trapezoid, Tustin), 1 backward Euler.

    Raises:
        ValueError: alpha is outside [0, 1], delta is negative, or I - alpha Delta A is singular.
    """
    delta, alpha = seconds("delta", delta, zero=True), _alpha(alpha)
    zero = np.zeros_like(system.B)
    if isinstance(system, Diagonal):
        ahead = 1 - alpha * delta * system.A
        if (ahead == 0).any():
            raise ValueError(_singular(delta, alpha))
        return Discrete(system, delta, (1 + (1 - alpha) * delta * system.A) / ahead, delta * system.B / ahead, zero)
    eye = np.eye(system.N)
    right = np.column_stack([eye + (1 - alpha) * delta * system.A, delta * system.B])
    try:
        solved = np.linalg.solve(eye - alpha * delta * system.A, right)
    except np.linalg.LinAlgError:
        raise ValueError(_singular(delta, alpha)) from None
    return Discrete(system, delta, solved[:, :-1], solved[:, -1], zero)


def pole_map(poles: ArrayLike, delta: float, method: Method | float) -> Complex:
    """Where each pole of the s-plane falls on the z-plane: the eigenvalues of A_bar.

    Args:
        poles: any shape, complex, in radians a second.
        delta: seconds a token, at least 0.
        method: one of `METHODS`, or the alpha of `gbt`.

    Returns:
        z, of the shape of poles; inf where the transform has its own pole. Inside the unit circle a mode dies out, and
        |z| is the share of it that one token leaves.

    Raises:
        ValueError: a pole is not finite, or delta or method does not fit.
    """
    v = seconds("delta", delta, zero=True) * frozen("poles", poles, paired=True)
    alpha = _alpha_of(method)
    if alpha is None:
        return np.exp(v)
    ahead = 1 - alpha * v
    away = ahead == 0
    return np.where(away, complex(math.inf), (1 + (1 - alpha) * v) / np.where(away, 1, ahead))


def stability_region(re: ArrayLike, im: ArrayLike, method: Method | float) -> NDArray[np.bool_]:
    """Where a mode dies out: |z| < 1 over the plane of Delta lambda.

    Args:
        re: (W,) real parts of Delta lambda, without unit.
        im: (H,) imaginary parts.
        method: one of `METHODS`, or the alpha of `gbt`.

    Returns:
        (H, W). The true answer, which zoh, foh, bilinear and "released" give, is the left half.
    """
    v = vector("re", re)[None, :] + 1j * vector("im", im)[:, None]
    with np.errstate(over="ignore"):
        return np.asarray(np.abs(pole_map(v, 1.0, method)) < 1)


def largest_stable_delta(poles: ArrayLike, method: Method | float) -> float:
    """The Delta in seconds from which on a mode no longer dies out; inf where every Delta will do.

    |z| < 1 is 2 Re(lambda) + (1 - 2 alpha) Delta |lambda|^2 < 0; for Euler and a real pole Delta < 2 / |lambda|.

    Raises:
        ValueError: a pole is not in the left half-plane (no Delta is stable), or method does not fit.
    """
    rates = frozen("poles", poles, paired=True).ravel()
    if not rates.size or not (rates.real < 0).all():
        raise ValueError("poles must lie left of the imaginary axis, got others or none; the system itself is unstable")
    alpha = _alpha_of(method)
    if alpha is None or alpha >= 0.5:
        return math.inf
    return float((-2 * rates.real / ((1 - 2 * alpha) * np.abs(rates) ** 2)).min())


def gated(x: ArrayLike, z: ArrayLike) -> Real:
    """A gated recurrence, h_t = (1 - g_t) h_{t-1} + g_t x_t with g = sigmoid(z) (Mamba, Theorem 1), h_{-1} = 0.

    Args:
        x: (L,) input.
        z: (L,) what the gate is computed from: Linear(x) in the theorem.

    Returns:
        h (L,).

    Raises:
        ValueError: x and z are not both (L,) finite numbers.
    """
    x, z = _pair(x, z)
    g = sigmoid(z)
    return _march(1 - g, g, x)


def selective(x: ArrayLike, z: ArrayLike, rule: WriteRule = "zoh") -> Real:
    """The selective SSM of Theorem 1: N = 1, A = -1, B = 1, Delta = softplus(z), arguments as for `gated`.

    With zero-order hold (equation 4) it is `gated`, exactly: exp(-Delta) = 1 - sigmoid(z). With "euler", as in the
    released code, it writes Delta x instead of sigmoid(z) x and the theorem is false.
    """
    x, z = _pair(x, z)
    return _march(np.exp(-softplus(z)), write_gate(z, rule), x)


def write_gate(z: ArrayLike, rule: WriteRule = "zoh") -> Real:
    """B_bar of the system of Theorem 1, of the shape of z: 1 - exp(-Delta) (zoh) or Delta (euler), Delta = softplus(z).

    Raises:
        ValueError: unknown rule, or z is not finite.
    """
    if rule not in get_args(WriteRule):
        raise ValueError(f'rule must be "zoh" or "euler", got {rule!r}')
    delta = softplus(frozen("z", z))
    return -np.expm1(-delta) if rule == "zoh" else delta


def softplus(z: Real) -> Real:
    """log(1 + exp(z)), without overflow."""
    return np.asarray(np.logaddexp(0, z))


def sigmoid(z: Real) -> Real:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def check_method(method: object) -> None:
    """Refuses what is none of `METHODS`.

    Raises:
        ValueError: unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")


def _alpha_of(method: Method | float) -> float | None:
    """Alpha of the GBT, or None where A goes through exp."""
    if isinstance(method, str):
        check_method(method)
        return ALPHA.get(method)
    return _alpha(method)


def _alpha(alpha: float) -> float:
    if not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie in [0, 1] (0 Euler, 1/2 bilinear, 1 backward), got {alpha!r}")
    return float(alpha)


def _singular(delta: float, alpha: float) -> str:
    return f"I - alpha delta A must be invertible, got alpha={alpha}, delta={delta}; A grows: choose a smaller delta"


def _pair(x: ArrayLike, z: ArrayLike) -> tuple[Real, Real]:
    x, z = vector("x", x), vector("z", z)
    if x.shape != z.shape:
        raise ValueError(f"x and z must have one length, got {len(x)} and {len(z)}; give one z a token")
    return x, z


def _march(keep: Real, write: Real, x: Real) -> Real:
    h = np.empty_like(x)
    state = 0.0
    for t in range(len(x)):
        h[t] = state = keep[t] * state + write[t] * x[t]
    return h
