"""Memories of Legendre polynomials: LegS (all of the past), LegT and LMU (a window), and the delay that LMU is.

Every memory of `ssmviz.systems` follows `c' = A c + B f` with A as it stands there, so A is stable. The HiPPO paper
writes `c' = -A c + B f`: its A is minus ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Matrices = tuple[Array, Array]
Curves = Callable[[Array, float], Array]  # (ages, now) -> (N, ages)


@dataclass(frozen=True, eq=False)
class Memory:
    """A measure on the past, its basis, and the ODE of the coefficients.

    Attributes:
        name: as in `hippo.MEMORIES`.
        A: (N, N), per second; of log time when `scaled`.
        B: (N,), likewise.
        theta: window or time constant in seconds (LegS: without meaning, 1).
        scaled: the ODE is `c' = (A c + B f) / t` (LegS) in place of `c' = A c + B f`.
        bounded: nothing older than theta counts.
        basis: (ages, now) -> (N, ages), draws the past from c.
        kernel: (ages, now) -> (N, ages), per second: what the past is multiplied with to give c.
        density: (ages, now) -> (ages,), per second: the measure.
    """

    name: str
    A: Array
    B: Array
    theta: float
    scaled: bool
    bounded: bool
    basis: Curves
    kernel: Curves
    density: Curves

    @property
    def N(self) -> int:  # noqa: N802 - the field's name
        """Number of coefficients."""
        return len(self.B)

    def horizon(self, now: float) -> float:
        """The oldest age in seconds that is projected: the window, or all since time 0."""
        return min(self.theta, now) if self.bounded else now


def check_size(N: int) -> int:
    """N, when it is a possible number of coefficients.

    Raises:
        ValueError: N is no whole number of at least 1.
    """
    if isinstance(N, bool) or not isinstance(N, (int, np.integer)) or N < 1:
        raise ValueError(f"N must be a whole number of coefficients, at least 1, got {N!r}; choose 1 to 64")
    return int(N)


def check_positive(value: float, name: str) -> float:
    """The value, when it is finite and above 0.

    Raises:
        ValueError: it is not.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be finite and above 0, got {value}; give a duration in seconds")
    return float(value)


def shifted_legendre(N: int, r: npt.ArrayLike) -> Array:
    """P_n(2r - 1): orthogonal on [0, 1] with norm 1 / sqrt(2n+1), P_n = 1 at r = 1 and (-1)^n at r = 0.

    Args:
        N: number of polynomials, n = 0 .. N-1.
        r: places, any shape; [0, 1] is the interval of orthogonality.

    Returns:
        (N, *r.shape).

    Raises:
        ValueError: N is below 1.
    """
    x = 2 * np.asarray(r, dtype=np.float64) - 1
    P = np.ones((check_size(N), *x.shape))
    if N > 1:
        P[1] = x
    for n in range(1, N - 1):
        P[n + 1] = ((2 * n + 1) * x * P[n] - n * P[n - 1]) / (n + 1)
    return P


def legs_matrices(N: int) -> Matrices:
    """LegS, the whole past weighed evenly: `c' = (A c + B f) / t` (Gu et al. 2020, arXiv 2008.07669, Theorem 2).

    A_nk = -sqrt((2n+1)(2k+1)) for n > k, -(n+1) on the diagonal, 0 above; B_n = sqrt(2n+1).

    Returns:
        A (N, N) and B (N,), without unit: the equation's time is log t.

    Raises:
        ValueError: N is below 1.
    """
    n = np.arange(check_size(N), dtype=np.float64)
    B = np.sqrt(2 * n + 1)
    return -np.tril(np.outer(B, B), -1) - np.diag(n + 1), B


def legt_matrices(N: int, *, theta: float = 1.0) -> Matrices:
    """LegT, a window of theta seconds, orthonormal (Gu et al. 2020, arXiv 2008.07669, appendix D.1).

    A_nk = -sqrt((2n+1)(2k+1)) / theta times 1 for n >= k and (-1)^(n-k) for n < k; B_n = sqrt(2n+1) / theta.
    Published code that halves both has a window of theta = 2.

    Returns:
        A (N, N) and B (N,), per second.

    Raises:
        ValueError: N is below 1, or theta is not above 0.
    """
    n = np.arange(check_size(N))
    B = np.sqrt(2.0 * n + 1)
    sign = np.where(n[:, None] >= n, 1.0, (-1.0) ** (n[:, None] + n))
    theta = check_positive(theta, "theta")
    return -np.outer(B, B) * sign / theta, B / theta


def lmu_matrices(N: int, *, theta: float = 1.0) -> Matrices:
    """The LMU's memory cell: `theta m' = A m + B u` (Voelker et al. 2019, NeurIPS), here divided by theta.

    a_ij = (2i+1) times -1 for i < j and (-1)^(i-j+1) else; b_i = (2i+1) (-1)^i. The same operator as LegT in another
    scale: `m = S c` with S = `lmu_scale`, so A_lmu = S A_legt S^-1 and B_lmu = S B_legt.

    Returns:
        A (N, N) and B (N,), per second.

    Raises:
        ValueError: N is below 1, or theta is not above 0.
    """
    i = np.arange(check_size(N))
    sign = np.where(i[:, None] < i, -1.0, (-1.0) ** (i[:, None] - i + 1))
    theta = check_positive(theta, "theta")
    return (2 * i[:, None] + 1) * sign / theta, (2 * i + 1) * (-1.0) ** i / theta


def lmu_scale(N: int) -> Array:
    """S_n = (-1)^n sqrt(2n+1), from LegT's coefficients to the LMU's: m_n = S_n c_n; shape (N,).

    Raises:
        ValueError: N is below 1.
    """
    n = np.arange(check_size(N))
    return np.asarray((-1.0) ** n * np.sqrt(2.0 * n + 1), dtype=np.float64)


def delay_decoder(N: int, r: npt.ArrayLike) -> Array:
    """Read-out of the past of an LMU: `u(t - r theta) = sum_n P_n(2r - 1) m_n(t)`, approximately.

    Args:
        N: number of coefficients.
        r: age as a share of the window, 0 (now) to 1 (the full delay theta), any shape.

    Returns:
        (N, *r.shape); Voelker et al. 2019, NeurIPS, the equation of the shifted Legendre polynomials.

    Raises:
        ValueError: N is below 1, or an age lies outside the window.
    """
    r = np.asarray(r, dtype=np.float64)
    if not np.all((r >= 0) & (r <= 1)):
        raise ValueError(f"r must lie in 0 .. 1, got {r.min()} .. {r.max()}; divide the age by the window theta")
    return shifted_legendre(N, r)


def pade_delay(N: int) -> Matrices:
    """The Padé approximant [N-1/N] of exp(-s), which is the LMU's transfer function read at r = 1.

    For a window of theta seconds put s theta in the place of s.

    Returns:
        Numerator (N,) and denominator (N+1,), highest power first as `numpy.polyval` wants them, last entries 1.

    Raises:
        ValueError: N is below 1 or above 60, where the coefficients leave what floats can hold.
    """
    if check_size(N) > 60:
        raise ValueError(f"N must be at most 60 for coefficients in floats, got {N}; use `lmu_matrices` instead")
    return _pade_terms(N - 1, N, -1), _pade_terms(N, N - 1, 1)


def _pade_terms(degree: int, other: int, sign: int) -> Array:
    """Closed form (m+n-i)! m! / ((m+n)! i! (m-i)!) (sign s)^i, in exact integers until the last division."""
    total = math.factorial(degree + other)
    return np.array(
        [sign**i * (math.comb(degree, i) * math.factorial(degree + other - i)) / total for i in range(degree, -1, -1)]
    )


def legs_step(N: int, ratio: npt.ArrayLike) -> Matrices:
    """One exact step of LegS from time t to t / ratio, the input held: `c_new = A_bar c + B_bar f`.

    A_bar = exp(A log(1 / ratio)) is the projection of the old curve, squeezed into the first `ratio` of the new past.
    Gauss's rule with N nodes integrates that product of polynomials exactly, where a matrix exponential loses digits.

    Args:
        N: number of coefficients.
        ratio: old time over new time, 0 (the first sample) to 1, any shape.

    Returns:
        A_bar (*ratio.shape, N, N) and B_bar (*ratio.shape, N).

    Raises:
        ValueError: N is below 1, or a ratio lies outside [0, 1].
    """
    ratio = np.asarray(ratio, dtype=np.float64)[..., None]
    if not np.all((ratio >= 0) & (ratio <= 1)):
        raise ValueError(f"ratio must lie in 0 .. 1, got {ratio.min()} .. {ratio.max()}; it is old time over new time")
    nodes, weights = np.polynomial.legendre.leggauss(check_size(N))
    x, w = (nodes + 1) / 2, weights / 2
    norm = np.sqrt(2.0 * np.arange(N) + 1)
    old, squeezed, added = (
        norm[:, None] * np.moveaxis(shifted_legendre(N, place), 0, -2)
        for place in (x, ratio * x, ratio + (1 - ratio) * x)
    )
    return ratio[..., None] * ((squeezed * w) @ old.T), (1 - ratio) * (added @ w)


def window_density(theta: float) -> Curves:
    """The even measure on the last theta seconds."""
    return lambda age, now: np.where(age <= theta, 1 / theta, 0.0)


def legs(N: int) -> Memory:
    """All of the past, evenly: measure 1/t on [0, t] (Gu et al. 2020, Theorem 2); `ValueError` for N below 1."""
    A, B = legs_matrices(N)

    def basis(age: Array, now: float) -> Array:
        return B[:, None] * shifted_legendre(N, 1 - age / now)

    return Memory(
        "legs",
        A,
        B,
        1.0,
        True,
        False,
        basis,
        lambda age, now: basis(age, now) / now,
        lambda age, now: np.where(age <= now, 1 / now, 0.0),
    )


def legt(N: int, *, theta: float = 1.0) -> Memory:
    """A window of theta seconds, orthonormal Legendre (appendix D.1); `ValueError` as for `legt_matrices`."""
    A, B = legt_matrices(N, theta=theta)

    def basis(age: Array, now: float) -> Array:
        return B[:, None] * theta * shifted_legendre(N, 1 - age / theta)

    return Memory(
        "legt", A, B, theta, False, True, basis, lambda age, now: basis(age, now) / theta, window_density(theta)
    )


def lmu(N: int, *, theta: float = 1.0) -> Memory:
    """The same window in the scale of the LMU (Voelker et al. 2019); `ValueError` as for `lmu_matrices`."""
    A, B = lmu_matrices(N, theta=theta)
    squares = lmu_scale(N)[:, None] ** 2

    def basis(age: Array, now: float) -> Array:
        return shifted_legendre(N, age / theta)

    return Memory(
        "lmu",
        A,
        B,
        theta,
        False,
        True,
        basis,
        lambda age, now: squares * basis(age, now) / theta,
        window_density(theta),
    )
