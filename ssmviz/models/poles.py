"""Initial poles of S4D (Gu, Goel, Gupta & Re 2022, section 4)."""

from __future__ import annotations

import numpy as np


def initial_poles(name: str, N: int) -> np.ndarray:
    """N complex poles (N,) in the upper half plane; the system with their conjugates has 2N states.

    lin: -1/2 + i pi n; inv: -1/2 + i (2N/pi) (2N/(2n+1) - 1); legs: the eigenvalues of the normal part of
    HiPPO-LegS of size 2N; real: -(n+1), without conjugates. (The Mamba paper prints lin without the pi.)
    What `random` is depends on a draw: `random_poles`.

    Raises:
        ValueError: unknown name.
    """
    n = np.arange(N)
    if name == "lin":
        return -0.5 + 1j * np.pi * n
    if name == "inv":
        return -0.5 + 1j * (2 * N / np.pi) * (2 * N / (2 * n + 1) - 1)
    if name == "legs":
        return _legs(2 * N)[N:]
    if name == "real":
        return -(n + 1.0) + 0j
    raise ValueError(f"s4d_init must be lin, inv, legs or real, got {name!r}; choose one of those")


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


def _legs(size: int) -> np.ndarray:
    """LegS + P P^T with P_n = sqrt(n + 1/2) is -1/2 plus a skew matrix: normal, with eigenvalues on one line."""
    n = np.arange(size)
    root = np.sqrt(2 * n + 1)
    skew = -0.5 * np.outer(root, root) * np.sign(n[:, None] - n)
    return -0.5 + 1j * np.linalg.eigvalsh(1j * skew)
