"""S4 (Gu, Goel & Re 2022, arXiv 2111.00396): HiPPO as normal plus low rank, and its kernel in four stages.

HiPPO-LegS has no usable eigenvectors in floats (Lemma 3.2), but A + P P^T is normal, so A = V (Lambda - P P*) V* with a
unitary V (Theorem 1). The kernel then comes from (1) its generating function at the roots of unity, where powers become
an inverse, (2) Cauchy sums, the inverse of the diagonal part, (3) the Woodbury correction for the low rank, and (4) an
inverse FFT. Discretisation is bilinear. Input x, state h, where the paper has u and x. Here Q = P throughout.

Departure from the paper: Algorithm 1 divides by 1 + z, which fails at z = -1 for even L. Both sides are multiplied by
1 + z here, so that no root is an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import NamedTuple

import numpy as np


class NPLR(NamedTuple):
    """A = normal - P P^T: normal (N, N) and P (N, r) real, B (N,). normal is a multiple of 1 plus a skew matrix."""

    normal: np.ndarray
    P: np.ndarray
    B: np.ndarray

    @property
    def A(self) -> np.ndarray:  # noqa: N802 - the field's own letter
        """(N, N), the HiPPO matrix, to rounding: what is exactly 0 above the diagonal of LegS is about 1e-15 here."""
        return np.asarray(self.normal - self.P @ self.P.T)


class DPLR(NamedTuple):
    """The same in the basis V: A = V (diag(Lambda) - P P*) V*. Lambda, B (N,), P (N, r), V (N, N), all complex."""

    Lambda: np.ndarray
    P: np.ndarray
    B: np.ndarray
    V: np.ndarray


class Stages(NamedTuple):
    """Every intermediate of the S4 kernel, (L,) unless stated, named as in Algorithm 1. z are the roots, K is real."""

    C_tilde: np.ndarray  # (N,)
    z: np.ndarray
    k00: np.ndarray
    k01: np.ndarray  # (L, r)
    k11: np.ndarray  # (L, r, r)
    k10: np.ndarray  # (L, r)
    correction: np.ndarray
    K_hat: np.ndarray
    K: np.ndarray


def normal_plus_low_rank(N: int, measure: str = "legs") -> NPLR:
    """HiPPO as normal plus low rank: A = normal - P P^T (S4, appendix C.1).

    legs (rank 1): A_nk = -sqrt((2n+1)(2k+1)) below the diagonal, -(n+1) on it; P_n = sqrt(n + 1/2), B_n = sqrt(2n+1).
    legt (rank 2, window of length 1): A_nk = -sqrt((2n+1)(2k+1)) (-1)^(n-k) above the diagonal, without the sign on and
    below it; P has sqrt(2n+1) at even n in one column, at odd n in the other. Released code halves this A (a
    window of length 2).

    Raises:
        ValueError: N < 1, or unknown measure.
    """
    if N < 1:
        raise ValueError(f"N must be at least 1, got {N}; choose a positive number of states")
    n = np.arange(N)
    B = np.sqrt(2 * n + 1)
    sign = np.sign(n - n[:, None])  # +1 above the diagonal
    if measure == "legs":
        return NPLR(0.5 * np.outer(B, B) * sign - 0.5 * np.eye(N), np.sqrt(n + 0.5)[:, None], B)
    if measure == "legt":
        odd = (n + n[:, None]) % 2
        columns = B[:, None] * (n[:, None] % 2 == np.arange(2))
        return NPLR(np.outer(B, B) * sign * odd, columns, B)
    raise ValueError(f"measure must be legs or legt, got {measure!r}; choose one of those")


def diagonalise(system: NPLR) -> DPLR:
    """Diagonal plus low rank, by the eigenvectors of a Hermitian matrix: V is unitary, so nothing is amplified.

    Lambda is in order of its imaginary part. C of the original basis becomes C V.

    Raises:
        ValueError: shapes do not fit, or normal is not a multiple of 1 plus a skew matrix.
    """
    S, P, B = system
    N = len(B)
    if S.shape != (N, N) or P.ndim != 2 or len(P) != N:
        raise ValueError(
            f"normal must be (N, N), P (N, r), B (N,), got {S.shape}, {P.shape}, {B.shape}; check the shapes"
        )
    centre = np.trace(S) / N
    skew = S - centre * np.eye(N)
    if np.abs(skew + skew.T).max() > 1e-12 * np.abs(S).max():
        raise ValueError("normal must be a multiple of 1 plus a skew matrix, got another; use normal_plus_low_rank")
    frequency, V = np.linalg.eigh(-1j * skew)
    back = V.conj().T
    return DPLR(centre + 1j * frequency, back @ P, back @ B, V)


def bilinear(system: DPLR, delta: float) -> tuple[np.ndarray, np.ndarray]:
    """A_bar (N, N) and B_bar (N,) of the bilinear rule in the basis V, without a dense inverse (S4, appendix C.2).

    A_bar = (1 - delta/2 A)^-1 (1 + delta/2 A), B_bar = (1 - delta/2 A)^-1 delta B.

    Raises:
        ValueError: delta is not a positive number.
    """
    forward, backward = _halves(system, delta)
    return backward(forward(np.eye(len(system.B), dtype=complex))), backward(system.B[:, None])[:, 0] * delta


def recur_dplr(system: DPLR, C: np.ndarray, delta: float, x: np.ndarray) -> np.ndarray:
    """Step mode: outputs (L,) of x (L,), at O(N r) per step, no (N, N) matrix anywhere (S4, appendix C.2).

    Args:
        system: of a real A and B.
        C: (N,), real, in the original basis.
        delta: step, in units of time.
        x: (L,), real.

    Raises:
        ValueError: shapes do not fit, or delta is not a positive number.
    """
    forward, backward = _halves(system, delta)
    C_V, B = _output(system, C), system.B[:, None]
    y = np.empty(len(x))
    h = np.zeros_like(B)
    for t, x_t in enumerate(x):
        h = backward(forward(h) + delta * B * x_t)
        y[t] = (C_V @ h[:, 0]).real
    return y


def roots_of_unity(L: int) -> np.ndarray:
    """z_k = exp(-2 pi i k / L), (L,): where the generating function is evaluated, in the order of numpy's FFT.

    Raises:
        ValueError: L < 1.
    """
    if L < 1:
        raise ValueError(f"L must be at least 1, got {L}; choose a positive length")
    return np.asarray(np.exp(-2j * np.pi * np.arange(L) / L))


def truncated_output(A_bar: np.ndarray, C: np.ndarray, L: int) -> np.ndarray:
    """C_tilde = C (1 - A_bar^L), (N,): cuts the infinite generating function after L terms (S4, appendix C.3).

    S4 learns C_tilde itself and so never computes this power.
    """
    return np.asarray(C - C @ np.linalg.matrix_power(A_bar, L))


def generating_function(A_bar: np.ndarray, B_bar: np.ndarray, C_tilde: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Stage 1, dense: K_hat(z) = C_tilde (1 - z A_bar)^-1 B_bar at every z, (L,) complex (S4, appendix C.3).

    One N x N solve per root: the answer that stages 2 and 3 reach without a matrix.
    """
    system = np.eye(len(B_bar)) - z[:, None, None] * A_bar
    return np.asarray(
        np.linalg.solve(system, np.broadcast_to(B_bar, (len(z), len(B_bar)))[..., None])[..., 0] @ C_tilde
    )


def cauchy(v: np.ndarray, w: np.ndarray, Lambda: np.ndarray, delta: float, z: np.ndarray) -> np.ndarray:
    """Stage 2, the Cauchy kernel: sum_n v_n w_n / (2/delta (1 - z) - (1 + z) Lambda_n) at every z.

    (1 + z) times it is the paper's sum v w / (omega - Lambda) with omega = 2/delta (1-z)/(1+z) (S4, Algorithm 1).

    Args:
        v: (..., N), broadcast against w.
        w: (..., N).
        Lambda: (N,), real parts at most 0.
        delta: step, in units of time.
        z: (L,), on the unit circle.

    Returns:
        (L, ...), complex.
    """
    resolvent = 1 / ((2 / delta) * (1 - z)[:, None] - (1 + z)[:, None] * Lambda)
    return np.asarray(np.moveaxis((v * w) @ resolvent.T, -1, 0))


def woodbury(k01: np.ndarray, k11: np.ndarray, k10: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Stage 3, what the low rank takes away: (1+z) k01 (1 + (1+z) k11)^-1 k10, (L,) (S4, Algorithm 1).

    Args:
        k01: (L, r).
        k11: (L, r, r).
        k10: (L, r).
        z: (L,).
    """
    step = (1 + z)[:, None, None]
    solved = np.linalg.solve(np.eye(k11.shape[-1]) + step * k11, k10[..., None])[..., 0]
    return np.asarray((1 + z) * (k01 * solved).sum(-1))


def inverse_fft(K_hat: np.ndarray) -> np.ndarray:
    """Stage 4: the kernel (L,) from its generating function at the L roots of unity; real, as the system is."""
    return np.asarray(np.fft.ifft(K_hat).real)


def stages(system: DPLR, C: np.ndarray, delta: float, L: int) -> Stages:
    """The S4 kernel K = (C B_bar, C A_bar B_bar, ...), with all that stands between (S4, Algorithm 1).

    Args:
        system: of a real A and B.
        C: (N,), real, in the original basis.
        delta: step, in units of time.
        L: length.

    Raises:
        ValueError: C has another shape, delta is not a positive number, L < 1, or a pole of the normal part lies on a
            root of unity, where stage 2 divides by 0 (LegT with odd N has the pole 0, on z = 1).
    """
    Lambda, P, B, _ = system
    z = roots_of_unity(L)
    distance = np.abs((1 - z)[:, None] - (1 + z)[:, None] * (delta / 2 * Lambda)).min()
    if distance < 1e-12:
        raise ValueError(
            f"no pole may lie on a root of unity, got one {distance:.0e} away; choose an even N or another delta"
        )
    C_tilde = truncated_output(bilinear(system, delta)[0], _output(system, C), L)
    columns, rows = P.T, P.T.conj()  # of P and of P*
    k00 = cauchy(C_tilde, B, Lambda, delta, z)
    k01 = cauchy(C_tilde, columns, Lambda, delta, z)
    k11 = cauchy(rows[:, None], columns, Lambda, delta, z)
    k10 = cauchy(rows, B, Lambda, delta, z)
    correction = woodbury(k01, k11, k10, z)
    K_hat = 2 * (k00 - correction)
    return Stages(C_tilde, z, k00, k01, k11, k10, correction, K_hat, inverse_fft(K_hat))


def legs_eigenvectors(N: int) -> np.ndarray:
    """Eigenvectors of HiPPO-LegS in closed form, (N, N), columns of length 1; column j belongs to -(j+1).

    V_ij = (-1)^i binomial(i+j, i-j) sqrt(2i+1). S4's Lemma 3.2 prints the binomial alone, which holds for the LegS
    without normalisation and with alternating signs. Entries reach 2^(4N/3), hence the condition number.

    Raises:
        ValueError: N < 1.
    """
    if N < 1:
        raise ValueError(f"N must be at least 1, got {N}; choose a positive number of states")
    V = np.array([[(-1.0) ** i * comb(i + j, i - j) if i >= j else 0.0 for j in range(N)] for i in range(N)])
    V *= np.sqrt(2 * np.arange(N) + 1)[:, None]
    return np.asarray(V / np.linalg.norm(V, axis=0))


def condition(N: int) -> tuple[float, float]:
    """cond(V) of the eigenvectors that LAPACK finds for HiPPO-LegS, and for its normal part (1: V is unitary).

    Diagonalisation may cost a relative error of cond(V) * 1e-16, and cond(V) is 7.7e4, 8.3e10, 1.3e19 at N = 8, 16, 32:
    nothing is left at 32, not even the digits of this number.

    Raises:
        ValueError: N < 1.
    """
    system = normal_plus_low_rank(N)
    naive = np.linalg.eig(np.tril(system.A))[1]  # exactly triangular: eigenvectors this sensitive see any rounding
    return float(np.linalg.cond(naive)), float(np.linalg.cond(diagonalise(system).V))


Half = Callable[[np.ndarray], np.ndarray]


def _halves(system: DPLR, delta: float) -> tuple[Half, Half]:
    """Two maps of h (N, m), each O(N r m): (1 + delta/2 A) h and (1 - delta/2 A)^-1 h."""
    if not (np.isfinite(delta) and delta > 0):
        raise ValueError(f"delta must be a positive number, got {delta}; choose a step such as 1 / L")
    Lambda, P, _, _ = system
    P_star = P.conj().T
    D = 1 / (1 - delta / 2 * Lambda)[:, None]
    DP = D * P
    # Woodbury: the inverse of a diagonal plus rank r is a diagonal minus rank r
    correction = np.linalg.solve(2 / delta * np.eye(P.shape[1]) + P_star @ DP, P_star * D.T)

    def forward(h: np.ndarray) -> np.ndarray:
        return np.asarray(h + delta / 2 * (Lambda[:, None] * h - P @ (P_star @ h)))

    def backward(h: np.ndarray) -> np.ndarray:
        return np.asarray(D * h - DP @ (correction @ h))

    return forward, backward


def _output(system: DPLR, C: np.ndarray) -> np.ndarray:
    """C of the original basis, in the basis V."""
    C = np.asarray(C)
    if C.shape != system.B.shape:
        raise ValueError(f"C must be (N,) = {system.B.shape}, got {C.shape}; give one output per state")
    return np.asarray(C @ system.V)
