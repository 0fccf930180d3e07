"""S4: a matrix that has eigenvectors on paper and none in floats, its way around them, and the diagonal that remained.

`assets/maths/s4.js` computes the same in the browser, but for what is given from here: what LAPACK finds, the errors in
both kinds of floats, and the training of a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

import numpy as np

from ssmviz.lessons.controls import Choice, Control, Number, Numbers, Switch
from ssmviz.systems import s4, s4d
from ssmviz.systems.nplr import DPLR, condition, diagonalise, normal_plus_low_rank

L = 256  # length of every kernel
MOST = 64  # states
SIZES = tuple(range(2, 42, 2))  # for the curves over N
MOVABLE = 32  # poles that can be dragged

CONTROLS: tuple[Control, ...] = (
    Number("N", "States, N", default=12, low=2, high=MOST, step=2, symbol="h"),
    Choice(
        "floats",
        "Arithmetic",
        default="float32",
        options=(("float32", "float32, as networks train"), ("float64", "float64")),
    ),
    Choice(
        "init",
        "Diagonal start",
        default="lin",
        options=(("lin", "Lin"), ("inv", "Inv"), ("legs", "LegS"), ("real", "Real")),
        symbol="A",
    ),
    Number("delta", "Step Δ", default=0.01, low=0.001, high=0.1, log=True, symbol="delta", more=True),
    Number("seed", "Read-out C, drawn number", default=0, low=0, high=9, step=1, symbol="C", more=True),
    Switch("trained", "Poles after training on a delay", default=False, symbol="A", more=True),
    Numbers("moved", "Poles moved by", default=(0.0,) * (2 * MOVABLE), low=-1500.0, high=1500.0, places=2, symbol="A"),
)

Values = Mapping[str, Any]


def output(N: int, seed: int = 0) -> np.ndarray:
    """C (N,), normal: drawn once for the largest N, so that a smaller one reads the first states alike."""
    return np.random.default_rng(seed).standard_normal(MOST)[:N]


# HiPPO-LegS, three ways


def dense_kernel(N: int, delta: float, C: np.ndarray) -> np.ndarray:
    """K_l = C A_bar^l B_bar, (L,), by the bilinear rule and one product after another: the truth."""
    half = delta / 2 * np.tril(normal_plus_low_rank(N).A)
    eye = np.eye(N)
    A_bar = np.linalg.solve(eye - half, eye + half)
    h = np.linalg.solve(eye - half, delta * normal_plus_low_rank(N).B)
    K = np.empty(L)
    for k in range(L):
        K[k] = C @ h
        h = A_bar @ h
    return K


def eigenvector_kernel(N: int, delta: float, C: np.ndarray, floats: str = "float64") -> np.ndarray:
    """The same (L,) through A = V diag(-1, ..., -N) V^-1: C V and V^-1 B, then N scalar systems.

    V is taken in closed form (S4, Lemma 3.2, in the scale of LegS) and rounded once; every operation after that is in
    `floats` and in the order of `assets/maths/s4.js`, so that both come to the same digits, wrong ones too.
    """
    kind = np.dtype(floats).type
    signed = np.array([[(-1.0) ** i * comb(i + j, i - j) if i >= j else 0.0 for j in range(N)] for i in range(N)])
    V = (signed * np.sqrt(2 * np.arange(N) + 1)[:, None]).astype(kind)
    B, C, half = np.sqrt(2 * np.arange(N) + 1).astype(kind), np.asarray(C, dtype=kind), delta / 2
    written = B.copy()  # V^-1 B: V is lower triangular
    for j in range(N):
        written[j] /= V[j, j]
        written[j + 1 :] -= V[j + 1 :, j] * written[j]
    K = np.zeros(L, dtype=kind)
    for j in range(N):
        read = kind(0)  # C V
        for n in range(j, N):
            read += C[n] * V[n, j]
        z = float(kind(-(j + 1) * half))
        steps = np.full(L, kind((1 + z) / (1 - z)))
        steps[0] = written[j] * read * kind(delta / (1 - z))
        K += np.multiply.accumulate(steps)
    return K.astype(np.float64)


def s4_kernel(N: int, delta: float, C: np.ndarray, floats: str = "float64") -> np.ndarray:
    """The same (L,) by the four stages; in float32, what a network would hold is rounded before the first of them."""
    system = diagonalise(normal_plus_low_rank(N))
    C_tilde = s4.truncated_output(s4.bilinear(system, delta)[0], C @ system.V, L)
    kind = np.complex64 if floats == "float32" else np.complex128
    rounded = DPLR(*(np.asarray(m, dtype=kind) for m in system))
    return s4.stages_of(rounded, C_tilde.astype(kind), delta, s4.roots_of_unity(L).astype(kind)).K.astype(np.float64)


def relative(K: np.ndarray, truth: np.ndarray) -> float:
    """Largest error over the largest value of the truth; infinite where K is no number."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(K - truth).max() / np.abs(truth).max()
    return float(off) if np.isfinite(off) else float("inf")


class Error(NamedTuple):
    """Relative errors of a kernel, without unit."""

    eigenvectors: float
    s4: float

    @property
    def words(self) -> str:
        """The first of them, for the page."""
        return f"{self.eigenvectors:.1e}" if np.isfinite(self.eigenvectors) else "more than floats can hold"


@lru_cache(maxsize=512)
def kernel_errors(N: int, floats: str, delta: float = 0.01, seed: int = 0) -> Error:
    """How far both ways are from the dense answer."""
    C = output(N, seed)
    truth = dense_kernel(N, delta, C)
    with np.errstate(invalid="ignore", over="ignore"):
        naive = eigenvector_kernel(N, delta, C, floats)
    return Error(relative(naive, truth), relative(s4_kernel(N, delta, C, floats), truth))


class StageErrors(NamedTuple):
    """Largest absolute difference of each stage from the dense answer, and the largest value of that answer."""

    generating_function: float
    cauchy: float
    woodbury: float
    inverse_fft: float
    size: float


@lru_cache(maxsize=64)
def stage_errors(N: int, delta: float = 0.01, seed: int = 0) -> StageErrors:
    """Every stage of S4 against dense matrices, in float64, at all L roots of unity.

    Stage 1: C_tilde (1 - z A_bar)^-1 B_bar against the sum of K_l z^l. Stage 2: the Cauchy sum against an N x N solve
    with the normal part. Stage 3: with the correction, against stage 1. Stage 4: against the recurrence.
    """
    C, nplr = output(N, seed), normal_plus_low_rank(N)
    system = diagonalise(nplr)
    done = s4.stages(system, C, delta, L)
    K = dense_kernel(N, delta, C)
    K_hat = np.fft.fft(K)
    A_bar, B_bar = s4.bilinear(system, delta)
    z = done.z[:, None, None]
    C_tilde = (done.C_tilde @ system.V.conj().T).real
    normal = 2 / delta * (1 - z) * np.eye(N) - (1 + z) * nplr.normal
    solved = np.linalg.solve(normal, np.broadcast_to(nplr.B, (L, N))[..., None])[..., 0] @ C_tilde
    first = s4.generating_function(A_bar, B_bar, done.C_tilde, done.z)
    gaps = (first - K_hat, done.k00 - solved, done.K_hat - first, done.K - K, K_hat)
    one, two, three, four, size = (float(np.abs(gap).max()) for gap in gaps)
    return StageErrors(one, two, three, four, size)


class Cost(NamedTuple):
    """Complex multiplications for one kernel of length L."""

    inverses: float
    powers: float
    stages: float


def cost(N: int, length: int) -> Cost:
    """An N x N elimination at every root; N^3 / 3 to start and one N x N product per step; four Cauchy sums and an FFT.

    A Cauchy sum needs a reciprocal per pole and root, shared by all four, and two multiplications for each.
    """
    return Cost(
        length * (N**3 / 3 + N**2),
        N**3 / 3 + length * N**2,
        length * (9 * N + 6) + length / 2 * np.log2(length),
    )


# S4D


def diagonal_kernel(values: Values) -> np.ndarray:
    """K (L,) of the chosen start, its poles where they were dragged to; zero-order hold, B = 1 (LegS: V* B / 2)."""
    init, N = values["init"], values["N"]
    n = N if init == "real" else N // 2
    B = s4d.legs_diagonal(n)[1] if init == "legs" else np.ones(n)
    if init == "legs":
        B = np.abs(B)  # its phase depends on how V is turned, and C is drawn at random
    poles = s4d.initial_poles(init, n)
    moved = np.reshape(values["moved"], (-1, 2))[:n]
    poles[: len(moved)] += moved[:, 0] + 1j * moved[:, 1]
    A_bar = np.exp(values["delta"] * poles)
    B_bar = np.where(poles == 0, values["delta"], (A_bar - 1) / np.where(poles == 0, 1, poles)) * B
    return s4d.kernel(A_bar, B_bar, output(n, values["seed"]), L, conjugates=init != "real")


class Learned(NamedTuple):
    """Poles (n,) before and after training, the kernel (L,) that came out, and its relative error before and after."""

    start: np.ndarray
    end: np.ndarray
    K: np.ndarray
    first_error: float
    last_error: float

    @property
    def moved(self) -> float:
        """Mean distance that a pole has moved."""
        return float(np.abs(self.end - self.start).mean())


def delay() -> np.ndarray:
    """The kernel that is to be learned, (L,): what came half a sequence ago, a bump some 8 steps to either side."""
    return np.asarray(np.exp(-(((np.arange(L) - L / 2) / 8) ** 2)))


@lru_cache(maxsize=32)
def learn(init: str, N: int, *, steps: int = 300, rate: float = 0.03) -> Learned:
    """Trains poles and read-out of an S4D kernel towards a delay, from the start `init` with N real states.

    A = -exp(a) + i w and C learn together by Adam (Kingma & Ba 2015) on the mean square error, derivatives in closed
    form. Delta is 0.01. S4D-Real has no w and a real C.
    """
    paired = init != "real"
    poles = s4d.initial_poles(init, N // 2 if paired else N)
    C = np.zeros(len(poles), dtype=complex)
    theta = np.concatenate([np.log(-poles.real), poles.imag, C.real, C.imag])
    free = np.repeat([True, paired, True, paired], len(poles))
    wanted, times = delay(), 0.01 * np.arange(L)

    def forward(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a, w, re, im = np.split(theta, 4)
        modes = np.exp((-np.exp(a) + 1j * w)[:, None] * times)
        C = re + 1j * im
        return (C[:, None] * modes).sum(0).real, modes, C

    def slope(theta: np.ndarray) -> np.ndarray:
        K, modes, C = forward(theta)
        off = 2 * (K - wanted) / L
        felt = modes * off  # sums, not matrix products: small ones are slowed down by BLAS's threads
        by_C, by_pole = felt.sum(1), C * (felt * times).sum(1)
        by_a = by_pole.real * -np.exp(theta[: len(C)])
        return np.concatenate([by_a, -by_pole.imag, by_C.real, -by_C.imag])

    first, second, begin = np.zeros_like(theta), np.zeros_like(theta), theta
    for step in range(1, steps + 1):
        g = slope(theta) * free
        first, second = 0.9 * first + 0.1 * g, 0.99 * second + 0.01 * g**2
        theta = theta - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-12)
    (K0, *_), (K, *_) = forward(begin), forward(theta)
    a, w, *_ = np.split(theta, 4)
    size = np.linalg.norm(wanted)
    errors = (float(np.linalg.norm(k - wanted) / size) for k in (K0, K))
    return Learned(poles, -np.exp(a) + 1j * w, K, *errors)


# for the pictures


@lru_cache(maxsize=1)
def curves() -> dict[str, list[float | None]]:
    """What depends on N alone: cond(V) and the errors of both ways in both kinds of floats."""
    table: dict[str, list[float | None]] = {"sizes": list(SIZES)}
    for i, name in enumerate(("condition", "normal")):
        table[name] = [condition(N)[i] for N in SIZES]
    for floats in ("float32", "float64"):
        errors = [kernel_errors(N, floats) for N in SIZES]
        table[f"eigenvectors_{floats}"] = [e.eigenvectors if np.isfinite(e.eigenvectors) else None for e in errors]
        table[f"s4_{floats}"] = [e.s4 for e in errors]
    return table


def extra(values: Values) -> dict[str, Any]:
    """For the pictures: the curves over N, the drawn C, and the poles after training where they are shown."""
    found: dict[str, Any] = {**curves(), "C": output(MOST, values["seed"]).tolist()}
    if values["trained"]:
        got = learn(values["init"], values["N"])
        found["learned"] = {
            "init": values["init"],
            "re": got.end.real.tolist(),
            "im": got.end.imag.tolist(),
            "K": np.round(got.K, 4).tolist(),
            "wanted": np.round(delay(), 4).tolist(),
            "error": got.last_error,
        }
    return found
