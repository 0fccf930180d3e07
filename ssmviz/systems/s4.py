"""The kernel of S4 in four stages, and its step mode (Gu, Goel & Re 2022, arXiv 2111.00396).

With A = V (Lambda - P P*) V* (`ssmviz.systems.nplr`), the kernel comes from (1) its generating function at the roots of
unity, where powers become an inverse, (2) Cauchy sums, the inverse of the diagonal part, (3) the Woodbury correction
for the low rank, and (4) an inverse FFT. Discretisation is bilinear. Input x, state h, where the paper has u and x.

Departures from the paper: Q = P throughout, which HiPPO allows. Algorithm 1 divides by 1 + z, which fails at z = -1 for
even L; both sides are multiplied by 1 + z here, so that no root is an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ssmviz.systems.nplr import DPLR


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
        ValueError: C is not (N,), x is not (L,), or delta is not a positive number.
    """
    if np.ndim(x) != 1:
        raise ValueError(f"x must be (L,), got {np.shape(x)}; give one channel of one sequence")
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

    Raises:
        ValueError: A_bar is not (N, N), C is not (N,), or L < 1.
    """
    if np.shape(A_bar) != 2 * np.shape(C) or L < 1:
        raise ValueError(
            f"A_bar must be (N, N), C (N,), L >= 1, got {np.shape(A_bar)}, {np.shape(C)}, {L}; check these"
        )
    return np.asarray(C - C @ np.linalg.matrix_power(A_bar, L))


def generating_function(A_bar: np.ndarray, B_bar: np.ndarray, C_tilde: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Stage 1, dense: K_hat(z) = C_tilde (1 - z A_bar)^-1 B_bar at every z, (L,) complex (S4, appendix C.3).

    One N x N solve per root: the answer that stages 2 and 3 reach without a matrix.

    Raises:
        ValueError: A_bar is not (N, N), or B_bar and C_tilde are not (N,).
    """
    shapes = np.shape(A_bar), np.shape(B_bar), np.shape(C_tilde)
    if not shapes[0] == 2 * shapes[1] == 2 * shapes[2]:
        raise ValueError(f"A_bar, B_bar, C_tilde must be (N, N), (N,), (N,), got {shapes}; check these")
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

    Raises:
        ValueError: v or w do not end in N, delta is not a positive number, or a pole lies on a root of unity, where the
            sum is infinite (LegT with odd N has the pole 0, on z = 1).
    """
    if not np.shape(v)[-1:] == np.shape(w)[-1:] == np.shape(Lambda):
        raise ValueError(
            f"v and w must be (..., {len(Lambda)}), got {np.shape(v)} and {np.shape(w)}; one entry per pole"
        )
    distance = (1 - z)[:, None] - (1 + z)[:, None] * (_positive(delta) / 2 * Lambda)
    if (np.abs(distance) < 1e-12).any():
        raise ValueError("no pole may lie on a root of unity, got one that does; choose an even N or another delta")
    resolvent = delta / 2 / distance
    return np.asarray(np.moveaxis((v * w) @ resolvent.T, -1, 0))


def woodbury(k01: np.ndarray, k11: np.ndarray, k10: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Stage 3, what the low rank takes away: (1+z) k01 (1 + (1+z) k11)^-1 k10, (L,) (S4, Algorithm 1).

    Args:
        k01: (L, r).
        k11: (L, r, r).
        k10: (L, r).
        z: (L,).

    Raises:
        ValueError: the shapes do not fit.
    """
    L, r = np.shape(k01)
    if np.shape(k11) != (L, r, r) or np.shape(k10) != (L, r) or np.shape(z) != (L,):
        shapes = np.shape(k11), np.shape(k10), np.shape(z)
        raise ValueError(f"k11, k10, z must be {(L, r, r), (L, r), (L,)}, got {shapes}; take them from cauchy")
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
        ValueError: as `bilinear`, `roots_of_unity` and `cauchy` do, or C is not (N,).
    """
    C_V, z = _output(system, C), roots_of_unity(L)
    return stages_of(system, truncated_output(bilinear(system, delta)[0], C_V, L), delta, z)


def stages_of(system: DPLR, C_tilde: np.ndarray, delta: float, z: np.ndarray) -> Stages:
    """The same from C_tilde (N,) in the basis V, at the roots z (L,): what S4 runs in training, no (N, N) matrix in it.

    Raises:
        ValueError: as `cauchy` does.
    """
    Lambda, P, B, _ = system
    left, right = np.vstack([C_tilde, P.T.conj()]), np.vstack([B, P.T])
    k = cauchy(left[:, None], right, Lambda, delta, z)  # (L, 1 + r, 1 + r)
    k00, k01, k10, k11 = k[:, 0, 0], k[:, 0, 1:], k[:, 1:, 0], k[:, 1:, 1:]
    correction = woodbury(k01, k11, k10, z)
    K_hat = 2 * (k00 - correction)
    return Stages(C_tilde, z, k00, k01, k11, k10, correction, K_hat, inverse_fft(K_hat))


Half = Callable[[np.ndarray], np.ndarray]


def _halves(system: DPLR, delta: float) -> tuple[Half, Half]:
    """Two maps of h (N, m), each O(N r m): (1 + delta/2 A) h and (1 - delta/2 A)^-1 h."""
    delta = _positive(delta)
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


def _positive(delta: float) -> float:
    if not (np.isfinite(delta) and delta > 0):
        raise ValueError(f"delta must be a positive number, got {delta}; choose a step such as 1 / L")
    return delta
