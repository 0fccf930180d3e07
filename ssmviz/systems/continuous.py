"""Continuous state space models: h' = A h + B x, y = C h + D x, with one input and one output.

Exact answers only: wherever time passes, it does so through the matrix exponential. What a step rule makes of the same
system is in `ssmviz.systems.discretise`. Time is in seconds, poles and angular frequencies in radians a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm

from ssmviz.systems.arrays import Array, Complex, Real, frozen, seconds, vector
from ssmviz.systems.exponentials import phi1, phi2, with_input

Hold = Literal["constant", "linear"]


@dataclass(frozen=True, eq=False)
class StateSpace:
    """A dense real system: A (N, N), B (N,), C (N,), D a number (LSSL, Gu et al. 2021, equations 1 and 2).

    Lists are taken too; what is kept are read-only float64 copies.

    Raises:
        ValueError: a shape does not fit, or an entry is not a finite real number.
    """

    A: Real
    B: Real
    C: Real
    D: float = 0.0

    def __post_init__(self) -> None:
        A = frozen("A", self.A)
        if A.ndim != 2 or A.shape[0] != A.shape[1] or not A.size:
            raise ValueError(f"A must be square, (N, N) with N >= 1, got {A.shape}; use Diagonal for a list of poles")
        _keep(self, A, {"B": frozen("B", self.B), "C": frozen("C", self.C)}, self.D)

    @property
    def N(self) -> int:  # noqa: N802 - the field's own letter
        """Number of real states."""
        return len(self.A)


@dataclass(frozen=True, eq=False)
class Diagonal:
    """A diagonal system: A, B, C (N,), D a number (S4D, Gu, Goel, Gupta & Re 2022, section 3).

    Where any of A, B, C is complex, all are, and each state stands for itself and its conjugate: y = 2 Re(C h) + D x.
    Where all are real: y = C h + D x. What is kept are read-only copies, float64 or complex128.

    Raises:
        ValueError: a shape does not fit, or an entry is not finite.
    """

    A: Array
    B: Array
    C: Array
    D: float = 0.0

    def __post_init__(self) -> None:
        paired = any(np.iscomplexobj(np.asarray(v)) for v in (self.A, self.B, self.C))
        A, B, C = (frozen(name, getattr(self, name), paired=paired) for name in "ABC")
        if A.ndim != 1 or not A.size:
            raise ValueError(f"A must be the poles, (N,) with N >= 1, got {A.shape}; use StateSpace for a matrix")
        _keep(self, A, {"B": B, "C": C}, self.D)

    @property
    def N(self) -> int:  # noqa: N802 - the field's own letter
        """Number of states as they are kept; a complex one stands for two real ones."""
        return len(self.A)

    def dense(self) -> StateSpace:
        """The same system with real matrices: N states, or 2N (real parts, then imaginary parts) where complex."""
        if not np.iscomplexobj(self.A):
            return StateSpace(np.diag(self.A), self.B, self.C, self.D)
        decay, turn = np.diag(self.A.real), np.diag(self.A.imag)
        B = np.concatenate([self.B.real, self.B.imag])
        C = 2 * np.concatenate([self.C.real, -self.C.imag])
        return StateSpace(np.block([[decay, -turn], [turn, decay]]), B, C, self.D)


System: TypeAlias = StateSpace | Diagonal


class Response(NamedTuple):
    """Time (T,) in seconds, state (T, N) and output (T,)."""

    t: Real
    h: Array
    y: Real


class Mode(NamedTuple):
    """What one pole does on its own."""

    time_constant: float  # seconds until 1/e is left; inf where nothing is forgotten
    frequency: float  # turns a second
    damping: float  # 1: no ringing, 0: rings for ever, negative: grows; nan for a pole at 0


def mass_spring_damper(*, mass: float = 1.0, spring: float = 1.0, damper: float = 0.2) -> StateSpace:
    """A mass on a spring: m q'' + b q' + k q = x, with h = (q, q') and y = q.

    Args:
        mass: m in kg, above 0.
        spring: k in N/m, at least 0.
        damper: b in N s/m, at least 0.

    Raises:
        ValueError: a number is out of its range.
    """
    if not (math.isfinite(mass) and mass > 0):
        raise ValueError(f"mass must be finite and above 0 kg, got {mass}")
    for name, value in (("spring", spring), ("damper", damper)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and at least 0, got {value}; energy is not put in by it")
    A = [[0.0, 1.0], [-spring / mass, -damper / mass]]
    return StateSpace(np.array(A), np.array([0.0, 1.0 / mass]), np.array([1.0, 0.0]))


def poles(system: System) -> Complex:
    """The eigenvalues of A, (N,), or (2N,) with the conjugates of a complex `Diagonal`."""
    if isinstance(system, StateSpace):
        return np.linalg.eigvals(system.A).astype(np.complex128)
    paired = np.iscomplexobj(system.A)
    return np.concatenate([system.A, system.A.conj()]) if paired else system.A.astype(np.complex128)


def is_stable(system: System) -> bool:
    """Whether every state dies out without input: Re < 0 for every pole."""
    return bool((poles(system).real < 0).all())


def mode(pole: complex) -> Mode:
    """Forgetting and ringing of exp(pole t), from the place of the pole alone."""
    pole = complex(pole)
    return Mode(
        time_constant=-1 / pole.real if pole.real < 0 else math.inf,
        frequency=abs(pole.imag) / (2 * math.pi),
        damping=-pole.real / abs(pole) if pole else math.nan,
    )


def impulse_response(system: System, t: ArrayLike) -> Real:
    """K(t) = C exp(A t) B (T,), the kernel of y = K * x + D x; the impulse D delta(t) itself is left out.

    Args:
        system: dense or diagonal.
        t: (T,) times in seconds, at least 0, in any order.

    Raises:
        ValueError: t has another shape, is negative or not finite.
    """
    return read(system, free_response(system, system.B, t))


def step_response(system: System, t: ArrayLike) -> Real:
    """y(t) (T,) to x = 1 from t = 0 on, D included; exact for a singular A too. `t` as for `impulse_response`."""
    times = _times(t)
    if isinstance(system, Diagonal):
        v = times[:, None] * system.A
        return read(system, times[:, None] * phi1(v) * system.B) + system.D
    N = system.N
    grown = expm(times[:, None, None] * with_input(system.A, system.B, order=1))
    return read(system, grown[:, :N, N]) + system.D


def free_response(system: System, h0: ArrayLike, t: ArrayLike) -> Array:
    """h(t) = exp(A t) h0, (T, N): the state on its own, for the phase portrait. `t` as for `impulse_response`.

    Raises:
        ValueError: h0 is not (N,), or t does not fit.
    """
    first, times = start(system, h0), _times(t)
    if isinstance(system, Diagonal):
        return np.asarray(np.exp(times[:, None] * system.A) * first)
    return np.asarray(expm(times[:, None, None] * system.A) @ first)


def response(
    system: System, x: ArrayLike, dt: float, *, hold: Hold = "constant", h0: ArrayLike | None = None
) -> Response:
    """What a sampled input does, with no error of discretisation.

    Args:
        system: dense or diagonal.
        x: (T,) input at t = 0, dt, 2 dt ...
        dt: seconds between two samples, above 0.
        hold: the input between two samples: "constant" keeps x[k] until the next, "linear" draws a line.
        h0: (N,) state at t = 0; none is zero.

    Returns:
        t (T,), h (T, N) and y (T,) at the times of the samples; h[0] is h0.

    Raises:
        ValueError: x or h0 does not fit, dt is not above 0, or hold is unknown.
    """
    x, dt = vector("x", x), seconds("dt", dt)
    if hold not in ("constant", "linear"):
        raise ValueError(f'hold must be "constant" or "linear", got {hold!r}')
    A_bar, whole, late = input_integrals(system, dt)
    B_before, B_now = (whole - late, late) if hold == "linear" else (whole, np.zeros_like(whole))

    h = np.empty((len(x), system.N), system.A.dtype)
    h[0] = start(system, h0)
    for k in range(1, len(x)):
        h[k] = advance(A_bar, h[k - 1]) + B_before * x[k - 1] + B_now * x[k]
    return Response(dt * np.arange(len(x)), h, read(system, h) + system.D * x)


def frequency_response(system: System, omega: ArrayLike) -> Complex:
    """C (i omega - A)^-1 B + D (W,): gain and phase for a sine of each angular frequency.

    Args:
        system: dense or diagonal.
        omega: (W,) in radians a second.

    Raises:
        ValueError: omega has another shape, is not finite, or meets a pole on the imaginary axis.
    """
    s = 1j * vector("omega", omega)
    if isinstance(system, StateSpace):
        try:
            solved = np.linalg.solve(s[:, None, None] * np.eye(system.N) - system.A, system.B[:, None])
        except np.linalg.LinAlgError:
            raise ValueError("omega must not meet a pole, where the gain is infinite; move it a little") from None
        return np.asarray(solved[..., 0] @ system.C + system.D)
    gains, paired = system.C * system.B, np.iscomplexobj(system.A)
    if np.isin(s, poles(system)).any():
        raise ValueError("omega must not meet a pole, where the gain is infinite; move it a little")
    out = (gains / (s[:, None] - system.A)).sum(-1) + system.D
    return np.asarray(out + (gains.conj() / (s[:, None] - system.A.conj())).sum(-1) if paired else out)


def read(system: System, h: Array) -> Real:
    """C h for states (..., N); 2 Re(C h) for a complex `Diagonal`, whose states stand for pairs."""
    out = h @ system.C
    return np.asarray(2 * out.real if np.iscomplexobj(out) else out)


def advance(A_bar: Array, h: Array) -> Array:
    """A_bar h for A_bar (N, N), or (N,) where it is diagonal."""
    return np.asarray(A_bar @ h if A_bar.ndim == 2 else A_bar * h)


def input_integrals(system: System, delta: float) -> tuple[Array, Array, Array]:
    """What a step of delta seconds does to the state, and to inputs of shape 1 and s / delta over it.

    Returns:
        exp(delta A), of the shape of A; the integral of exp((delta - s) A) B for s from 0 to delta, (N,); the same with
        the factor s / delta, (N,).
    """
    if isinstance(system, Diagonal):
        v = delta * system.A
        return np.exp(v), delta * phi1(v) * system.B, delta * phi2(v) * system.B
    N = system.N
    grown = expm(with_input(delta * system.A, delta * system.B, order=2))
    return grown[:N, :N], grown[:N, N], grown[:N, N + 1]


def start(system: System, h0: ArrayLike | None) -> Array:
    """The first state, (N,); none is zero.

    Raises:
        ValueError: h0 is not (N,) finite numbers, or is complex where the system is real.
    """
    state = frozen("h0", np.zeros(system.N) if h0 is None else h0, paired=np.iscomplexobj(system.A))
    if state.shape != (system.N,):
        raise ValueError(f"h0 must be (N,) = ({system.N},), got {state.shape}; give one number a state")
    return state


def _keep(system: System, A: Array, sides: dict[str, Array], D: float) -> None:
    for name, value in sides.items():
        if value.shape != (len(A),):
            raise ValueError(f"{name} must be (N,) = ({len(A)},) as A is {A.shape}, got {value.shape}; flatten it")
    if np.ndim(D) or np.iscomplexobj(D) or not math.isfinite(D):
        raise ValueError(f"D must be one finite real number, got {D!r}; there is one input and one output")
    for name, field in {"A": A, **sides, "D": float(D)}.items():
        object.__setattr__(system, name, field)


def _times(t: ArrayLike) -> Real:
    times = vector("t", t)
    if (times < 0).any():
        raise ValueError(f"t must be at least 0 s, got {times.min()}; nothing has happened before 0")
    return times
