"""HiPPO as normal plus low rank, its unitary diagonalisation, and why nothing simpler will do (S4: arXiv 2111.00396).

HiPPO-LegS has no usable eigenvectors in floats (Lemma 3.2), but A + P P^T is normal, so A = V (Lambda - P P*) V* with a
unitary V (Theorem 1). The matrices A and B are built here from their two parts; `ssmviz.systems.legendre` has them as
printed.
"""

from __future__ import annotations

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


def normal_plus_low_rank(N: int, measure: str = "legs") -> NPLR:
    """HiPPO as normal plus low rank: A = normal - P P^T (S4, appendix C.1).

    legs (rank 1): A_nk = -sqrt((2n+1)(2k+1)) below the diagonal, -(n+1) on it; P_n = sqrt(n + 1/2), B_n = sqrt(2n+1).
    legt (rank 2, window of length 1): A_nk = -sqrt((2n+1)(2k+1)) (-1)^(n-k) above the diagonal, without the sign on and
    below it; P has sqrt(2n+1) at even n in one column, at odd n in the other. Released code halves this A and
    B (a window of length 2).

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


def legs_eigenvectors(N: int) -> np.ndarray:
    """Eigenvectors of HiPPO-LegS in closed form, (N, N), columns of length 1; column j belongs to -(j+1).

    V_ij = (-1)^i binomial(i+j, i-j) sqrt(2i+1) before scaling. S4's Lemma 3.2 prints the binomial alone, which holds
    for the LegS without normalisation and with alternating signs. The binomials reach about 2^(4N/3): hence cond(V).

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
