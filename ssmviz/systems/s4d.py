"""S4D (Gu, Goel, Gupta & Re 2022, arXiv 2206.11893): S4 without the low rank; its kernel is a Vandermonde sum.

K_l = 2 Re sum_n C_n B_bar_n A_bar_n^l over N complex states, each standing for a conjugate pair (2N real states);
S4D-Real has N real states and no factor 2. Input x, state h. Lambda, B and C are (N,), x and K (L,).
"""

from __future__ import annotations

import numpy as np

from ssmviz.systems.nplr import diagonalise, normal_plus_low_rank

INITS = ("lin", "inv", "legs", "real")
RULES = ("zoh", "bilinear")


def initial_poles(init: str, N: int) -> np.ndarray:
    """N poles (N,), complex, in rising order of frequency but for inv, which falls (S4D, section 4).

    lin: -1/2 + i pi n (the Mamba paper prints it without the pi). inv: -1/2 + i (2N/pi) (2N/(2n+1) - 1). legs: the
    upper half of Lambda in HiPPO-LegS = V (Lambda - P P*) V* of size 2N. real: -(n+1), the eigenvalues of HiPPO-LegS
    itself, which stand without conjugates. The paper counts real states: its N is 2N here.

    Raises:
        ValueError: unknown init, or N < 1.
    """
    if N < 1:
        raise ValueError(f"N must be at least 1, got {N}; choose a positive number of states")
    n = np.arange(N)
    if init == "lin":
        return np.asarray(-0.5 + 1j * np.pi * n)
    if init == "inv":
        return np.asarray(-0.5 + 1j * (2 * N / np.pi) * (2 * N / (2 * n + 1) - 1))
    if init == "legs":
        return legs_diagonal(N)[0]
    if init == "real":
        return -(n + 1.0) + 0j
    raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}; choose one of those")


def random_poles(G: np.ndarray) -> np.ndarray:
    """Poles of random systems, (D, N) complex, from D matrices G (D, 2N, 2N) of normal numbers.

    The eigenvalues of a random A as large as HiPPO-LegS of size 2N (equal Frobenius norms), shifted until the slowest
    decays like LegS's poles here, at 1/2. A dense A in its eigenvectors is this diagonal one, so nothing is lost. Of
    each conjugate pair the pole with positive imaginary part is kept; pairs of real poles count as one of them.
    """
    size = G.shape[-1]
    n = np.arange(size)
    hippo = np.tril(np.sqrt(np.outer(2 * n + 1, 2 * n + 1)), -1) + np.diag(n + 1.0)
    poles = np.linalg.eigvals(G * (np.linalg.norm(hippo) / size))
    poles -= poles.real.max(-1, keepdims=True) + 0.5
    order = np.argsort(-poles.imag, axis=-1)[:, : size // 2]
    return np.take_along_axis(poles, order, -1)


def legs_diagonal(N: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HiPPO-LegS of size 2N with its low rank dropped, as N conjugate pairs: Lambda (N,), B (N,), V (2N, N).

    h' = (A + P P^T) h + B/2 x tends to h' = A h + B x as N grows (S4D, Theorem 3), so B is V* B / 2 here, and a real
    C (2N,) of the LegS basis becomes C V. The limit is one of responses: the answer to a step is 2 % off with 16 real
    states, 0.04 % with 256, while the impulse response keeps a ripple of undiminished height that only gets finer.

    Raises:
        ValueError: N < 1.
    """
    system = diagonalise(normal_plus_low_rank(2 * N))
    return system.Lambda[N:], system.B[N:] / 2, system.V[:, N:]


def discretise(Lambda: np.ndarray, B: np.ndarray, delta: float, rule: str = "zoh") -> tuple[np.ndarray, np.ndarray]:
    """A_bar (N,) and B_bar (N,) of a diagonal system (S4D, section 3.1).

    zoh: exp(delta Lambda), (exp(delta Lambda) - 1) / Lambda * B. bilinear: (1 + z)/(1 - z), delta/(1 - z) * B with
    z = delta Lambda / 2.

    Args:
        Lambda: (N,), real parts negative.
        B: (N,).
        delta: step, in units of time.
        rule: zoh or bilinear.

    Raises:
        ValueError: shapes differ, a pole is not in the left half plane, delta is not positive, or unknown rule.
    """
    Lambda, B = np.asarray(Lambda), np.asarray(B)
    if Lambda.ndim != 1 or Lambda.shape != B.shape:
        raise ValueError(f"Lambda and B must both be (N,), got {Lambda.shape} and {B.shape}; give one B per pole")
    if not (Lambda.real < 0).all():
        raise ValueError(f"Lambda must have negative real parts, got {Lambda.real.max()}; move that pole to the left")
    if not (np.isfinite(delta) and delta > 0):
        raise ValueError(f"delta must be a positive number, got {delta}; choose a step such as 1 / L")
    if rule == "zoh":
        return np.exp(delta * Lambda), np.expm1(delta * Lambda) / Lambda * B
    if rule == "bilinear":
        z = delta * Lambda / 2
        return (1 + z) / (1 - z), delta / (1 - z) * B
    raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}; choose one of those")


def vandermonde(A_bar: np.ndarray, L: int) -> np.ndarray:
    """A_bar_n^l, (N, L): every row one pole's response, the picture behind the kernel (S4D, section 3.2).

    Raises:
        ValueError: L < 1.
    """
    if L < 1:
        raise ValueError(f"L must be at least 1, got {L}; choose a positive length")
    return np.asarray(A_bar[:, None] ** np.arange(L))


def kernel(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, L: int, *, conjugates: bool = True) -> np.ndarray:
    """K_l = 2 Re sum_n C_n B_bar_n A_bar_n^l, (L,) real; without conjugates (S4D-Real) not doubled.

    Raises:
        ValueError: the shapes are not (N,), or L < 1.
    """
    weights = _weights(A_bar, B_bar, C, conjugates=conjugates)
    return np.asarray((weights @ vandermonde(A_bar, L)).real)


def recur(
    A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, x: np.ndarray, *, conjugates: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (L,) real and states (L, N) of h_t = A_bar h_{t-1} + B_bar x_t, y_t = 2 Re C h_t, from h = 0.

    Raises:
        ValueError: the shapes are not (N,), or x is not (L,).
    """
    _weights(A_bar, B_bar, C, conjugates=conjugates)
    if np.ndim(x) != 1:
        raise ValueError(f"x must be (L,), got {np.shape(x)}; give one channel of one sequence")
    h = np.zeros(len(A_bar), dtype=complex)
    states = np.empty((len(x), len(h)), dtype=complex)
    for t, x_t in enumerate(x):
        h = A_bar * h + B_bar * x_t
        states[t] = h
    return (2 if conjugates else 1) * (states @ C).real, states


def _weights(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, *, conjugates: bool) -> np.ndarray:
    if np.ndim(A_bar) != 1 or not np.shape(A_bar) == np.shape(B_bar) == np.shape(C):
        raise ValueError(
            f"A_bar, B_bar and C must all be (N,), got {np.shape(A_bar)}, {np.shape(B_bar)}, {np.shape(C)}; "
            "give one number per state"
        )
    return np.asarray((2 if conjugates else 1) * np.asarray(C) * np.asarray(B_bar))
