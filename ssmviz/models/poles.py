"""Initial poles of S4D (Gu, Goel, Gupta & Re 2022, section 4)."""

from __future__ import annotations

import numpy as np


def initial_poles(name: str, N: int) -> np.ndarray:
    """N complex poles (N,) in the upper half plane; the system with their conjugates has 2N states.

    lin: -1/2 + i pi n; inv: -1/2 + i (2N/pi) (2N/(2n+1) - 1); legs: the eigenvalues of the normal part of
    HiPPO-LegS of size 2N; real: -(n+1), without conjugates. (The Mamba paper prints lin without the pi.)

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


def _legs(size: int) -> np.ndarray:
    """LegS + P P^T with P_n = sqrt(n + 1/2) is -1/2 plus a skew matrix: normal, with eigenvalues on one line."""
    n = np.arange(size)
    root = np.sqrt(2 * n + 1)
    skew = -0.5 * np.outer(root, root) * np.sign(n[:, None] - n)
    return -0.5 + 1j * np.linalg.eigvalsh(1j * skew)
