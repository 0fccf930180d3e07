"""One linear time-invariant system, two views: a recurrence and a causal convolution.

h_t = A_bar h_{t-1} + B_bar x_t, y_t = C h_t  is  y = K * x  with  K = (C B_bar, C A_bar B_bar, C A_bar^2 B_bar, ...)
(LSSL: Gu et al. 2021, section 3.1; S4: Gu, Goel & Re 2022, eqs. 3 to 5). The papers call input u and state x; here the
input is x and the state h, as everywhere in this project. h before the first input is 0.

A_bar is (N, N), B_bar and C are (N,), x and K are (L,). One input, one output, no
feedthrough: D_skip x is added outside. Everything is float64, or complex128 where the system is complex.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


def recur(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """March: outputs (L,) and states (L, N), one step per input (S4, eq. 3).

    Raises:
        ValueError: shapes do not fit, or a number is not finite.
    """
    A_bar, B_bar, C = _system(A_bar, B_bar, C)
    x = _sequence("x", x)
    h = np.zeros(len(B_bar), dtype=np.result_type(A_bar, B_bar, C, x))
    states = np.empty((len(x), len(h)), dtype=h.dtype)
    for t, x_t in enumerate(x):
        h = A_bar @ h + B_bar * x_t
        states[t] = h
    return states @ C, states


def kernel_by_powers(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, L: int) -> np.ndarray:
    """K (L,) from the Krylov vectors B_bar, A_bar B_bar, ..., one after the other (S4, eq. 5).

    Raises:
        ValueError: shapes do not fit, a number is not finite, or L < 1.
    """
    A_bar, B_bar, C = _system(A_bar, B_bar, C)
    v = B_bar.astype(np.result_type(A_bar, B_bar, C))
    K = np.empty(_length(L), dtype=v.dtype)
    for k in range(L):
        K[k] = C @ v
        v = A_bar @ v
    return K


def kernel_by_squaring(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, L: int) -> np.ndarray:
    """K (L,) with the Krylov matrix doubled: [V_m, A_bar^m V_m] = V_2m, in log2 L steps.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or L < 1.
    """
    A_bar, B_bar, C = _system(A_bar, B_bar, C)
    krylov, power = B_bar[:, None], A_bar
    while krylov.shape[1] < _length(L):
        krylov = np.concatenate([krylov, power @ krylov], axis=1)
        power = power @ power
    return np.asarray(C @ krylov[:, :L])


def kernel_by_diagonalisation(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, L: int) -> np.ndarray:
    """K (L,) from A_bar = V diag(z) V^-1: K_l = sum_n (C V)_n (V^-1 B_bar)_n z_n^l, complex where the system is.

    Exact on paper. In floats the error grows with cond(V): for HiPPO-LegS it is useless from about N = 16 on (S4,
    Lemma 3.2), which is why S4 exists (`ssmviz.systems.s4`).

    Raises:
        ValueError: shapes do not fit, a number is not finite, L < 1, or A_bar is exactly defective.
    """
    A_bar, B_bar, C = _system(A_bar, B_bar, C)
    z, V = np.linalg.eig(A_bar)
    try:
        weights = (C @ V) * np.linalg.solve(V, B_bar)
    except np.linalg.LinAlgError as error:
        raise ValueError("A_bar must be diagonalisable, got a defective matrix; use kernel_by_powers") from error
    K = weights @ z[:, None] ** np.arange(_length(L))
    return K if any(map(np.iscomplexobj, (A_bar, B_bar, C))) else np.asarray(K.real)


def convolve_direct(K: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Slide: y_t = sum_{k <= t} K_k x_{t-k}, (L,), by the definition.

    Raises:
        ValueError: K and x are not sequences of one length, or a number is not finite.
    """
    K, x = _pair(K, x)
    return np.array([K[: t + 1] @ x[t::-1] for t in range(len(x))])


def convolve_fft(K: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The same by FFT, (L,). Zeros up to 2L keep the end of the sequence from wrapping around onto its beginning.

    Raises:
        ValueError: K and x are not sequences of one length, or a number is not finite.
    """
    K, x = _pair(K, x)
    L = len(x)
    if np.iscomplexobj(K) or np.iscomplexobj(x):
        return np.fft.ifft(np.fft.fft(K, 2 * L) * np.fft.fft(x, 2 * L))[:L]
    return np.fft.irfft(np.fft.rfft(K, 2 * L) * np.fft.rfft(x, 2 * L), 2 * L)[:L]


def convolve_circular(K: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The mistake to show, (L,): without the zeros an FFT sums K_k x_{(t-k) mod L} over all k, which is not causal.

    Raises:
        ValueError: K and x are not sequences of one length, or a number is not finite.
    """
    K, x = _pair(K, x)
    y = np.fft.ifft(np.fft.fft(K) * np.fft.fft(x))
    return y if np.iscomplexobj(K) or np.iscomplexobj(x) else np.asarray(y.real)


def terms(K: np.ndarray, x: np.ndarray, t: int) -> np.ndarray:
    """What output t is made of: K_k x_{t-k} for k = 0..t, (t + 1,). Their sum is y_t.

    Raises:
        ValueError: K and x are not sequences of one length, or t is outside 0..L-1.
    """
    K, x = _pair(K, x)
    if not 0 <= t < len(x):
        raise ValueError(f"t must be in 0..{len(x) - 1}, got {t}; choose a position of the sequence")
    return np.asarray(K[: t + 1] * x[t::-1])


def operator_matrix(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray) -> np.ndarray:
    """M (L, L) with y = M x for a diagonal system that may change: M_ts = C_t (prod_{s<r<=t} A_bar_r) B_bar_s.

    Constant A_bar, B_bar, C give one kernel on every diagonal (Toeplitz): a convolution. Where any of them follows the
    token, every row has a kernel of its own, and no convolution computes it (Gu & Dao 2023, section 3.2; the matrix is
    the hidden attention of Ali, Zimerman & Wolf 2024).

    Args:
        A_bar: (L, N), the diagonal at every time.
        B_bar: (L, N).
        C: (L, N).

    Raises:
        ValueError: the three shapes differ or are not (L, N), or a number is not finite.
    """
    A_bar, B_bar, C = (np.asarray(M) for M in (A_bar, B_bar, C))
    if A_bar.ndim != 2 or not A_bar.shape == B_bar.shape == C.shape or A_bar.size == 0:
        raise ValueError(
            f"A_bar, B_bar and C must all be (L, N), got {A_bar.shape}, {B_bar.shape}, {C.shape}; "
            "repeat what is constant with np.broadcast_to"
        )
    _finite(A_bar=A_bar, B_bar=B_bar, C=C)
    L, N = A_bar.shape
    M = np.zeros((L, L), dtype=np.result_type(A_bar, B_bar, C))
    reach = np.zeros((L, N), dtype=M.dtype)  # row s: what time s has left in the state
    for t in range(L):
        reach[:t] *= A_bar[t]
        reach[t] = B_bar[t]
        M[t, : t + 1] = reach[: t + 1] @ C[t]
    return M


class Cost(NamedTuple):
    """What one sequence of one channel costs: multiplications, the longest chain of them, and numbers held at once."""

    multiplications: int
    depth: int
    memory: int


def costs(L: int, N: int) -> dict[str, Cost]:
    """The cost of each view for a dense system of N states and L inputs, counted in real multiplications.

    recurrence: L (N^2 + 2N), one step after the other, N numbers held: the view to generate in; 3 L N where A_bar is
    diagonal. kernel: by powers L (N^2 + N); by squaring N^2 (2^m - 1) + m N^3 + L N with m = ceil(log2 L), in depth
    2m + 1. convolution, the view to train in: direct L (L + 1) / 2, all at once; by FFT 3 (n/2) log2 n + n complex
    products of 4 real ones, n the first power of two from 2L. These count the textbook definitions; the leading orders
    are those of S4, table 1: recurrence L N^2, FFT L log L.

    Raises:
        ValueError: L or N < 1.
    """
    L, N = _length(L), _length(N, "N")
    doublings = (L - 1).bit_length()
    n = 2 << doublings  # power of two, at least 2L
    log_n = n.bit_length() - 1
    fft = 4 * (3 * (n // 2) * log_n + n)
    squaring = N * N * ((1 << doublings) - 1) + doublings * N**3 + L * N
    return {
        "recurrence": Cost(L * (N * N + 2 * N), L + 1, N),
        "diagonal": Cost(3 * L * N, L + 1, N),
        "kernel by powers": Cost(L * (N * N + N), L, N + L),
        "kernel by squaring": Cost(squaring, 2 * doublings + 1, N * L + N * N),
        "direct convolution": Cost(L * (L + 1) // 2, 1, 2 * L),
        "FFT convolution": Cost(fft, 2 * log_n + 1, 4 * n),
    }


def _system(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    A_bar, B_bar, C = np.asarray(A_bar), np.asarray(B_bar), np.asarray(C)
    N = B_bar.size
    if N == 0 or A_bar.shape != (N, N) or B_bar.shape != (N,) or C.shape != (N,):
        raise ValueError(
            f"A_bar must be (N, N), B_bar and C (N,), got {A_bar.shape}, {B_bar.shape}, {C.shape}; "
            "drop axes of length 1 with [:, 0] or [0]"
        )
    _finite(A_bar=A_bar, B_bar=B_bar, C=C)
    return A_bar, B_bar, C


def _sequence(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{name} must be (L,) with L >= 1, got {values.shape}; give one channel of one sequence")
    _finite(**{name: values})
    return values


def _pair(K: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    K, x = _sequence("K", K), _sequence("x", x)
    if K.shape != x.shape:
        raise ValueError(f"K and x must have one length, got {len(K)} and {len(x)}; compute K for L = {len(x)}")
    return K, x


def _length(value: int, name: str = "L") -> int:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}; choose a positive whole number")
    return value


def _finite(**arrays: np.ndarray) -> None:
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got nan or infinity; check the system it comes from")
