"""Integrals of exp(s A), also where A is zero or singular and a quotient would lose its digits."""

from __future__ import annotations

import math

import numpy as np

from ssmviz.systems.arrays import Array

SERIES_BELOW = 1.0  # where (phi1(v) - 1) / v would cancel, the Taylor series is used
SERIES_TERMS = 20  # 1 / 22! is far below float64


def phi1(v: Array) -> Array:
    """(exp(v) - 1) / v, and 1 at v = 0."""
    safe = np.where(v == 0, 1, v)
    return np.where(v == 0, 1, np.expm1(safe) / safe)


def phi2(v: Array) -> Array:
    """(exp(v) - 1 - v) / v^2, and 1/2 at v = 0."""
    near = np.abs(v) < SERIES_BELOW
    series = sum(np.where(near, v, 0) ** k / math.factorial(k + 2) for k in range(SERIES_TERMS))
    safe = np.where(near, 1, v)
    return np.where(near, series, (phi1(safe) - 1) / safe)


def with_input(A: Array, B: Array, *, order: int) -> Array:
    """A (N, N) bordered by a chain of integrators that feeds B (N,): (N + order, N + order) (Van Loan 1978).

    Its exponential holds exp(A), then column by column the integrals of exp((1 - s) A) B, of exp((1 - s) A) B s ...
    """
    N = len(A)
    M = np.zeros((N + order, N + order))
    M[:N, :N], M[:N, N] = A, B
    M[range(N, N + order - 1), range(N + 1, N + order)] = 1
    return M
