"""HiPPO: a state that holds the coefficients of the past in a basis, kept up to date by an ODE.

A memory is one table row: matrices A and B, a basis, and the kernel that projects on it. By age s (seconds ago)
`c_n(t) = integral of f(t - s) kernel_n(s) ds` and `f(t - s) = sum_n c_n basis_n(s)`, approximately. `project` computes
the integral, `hippo_online.online` runs the ODE, and neither knows of the other. Gu et al. 2020, arXiv 2008.07669.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import binom, eval_genlaguerre, gamma, gammaln

from ssmviz.systems.legendre import (
    Array,
    Memory,
    check_positive,
    check_size,
    legs,
    legt,
    lmu,
    window_density,
)


def lagt(N: int, *, theta: float = 1.0, alpha: float = 0.0, beta: float = 1.0) -> Memory:
    """An exponential fading of the past, generalised Laguerre (Gu et al. 2020, appendix D.2).

    Measure s^-alpha exp(-beta s) at s = age / theta, scaled to mass 1. A has -(1 + beta) / 2 on its diagonal and, for
    alpha = 0, -1 below. beta = 1 is the paper's LagT (diagonal 1). Published code with diagonal 1/2 is beta = 0:
    Laguerre functions under the even measure, whose mass is infinite and stays as it is.

    Args:
        N: number of coefficients.
        theta: time constant in seconds.
        alpha: power of the measure, -1 < alpha < 1.
        beta: rate of fading, at least 0; with beta = 0, alpha must be 0.

    Returns:
        The memory, orthonormal under its measure.

    Raises:
        ValueError: an argument outside these bounds.
    """
    theta = check_positive(theta, "theta")
    if not (-1 < alpha < 1 and beta >= 0 and np.isfinite(beta)) or (beta == 0 and alpha != 0):
        raise ValueError(
            f"LagT needs -1 < alpha < 1 and beta > 0 (or alpha = beta = 0), got alpha={alpha}, beta={beta}; "
            "take alpha=0, beta=1 for the paper's"
        )
    n = np.arange(check_size(N))
    norm = np.exp((gammaln(n + alpha + 1) - gammaln(n + 1)) / 2)
    root_mass = np.sqrt(beta ** (1 - alpha) / gamma(1 - alpha)) if beta else 1.0
    A = (-np.tril(np.ones((N, N)), -1) - np.eye(N) * (1 + beta) / 2) * norm / norm[:, None]
    B = root_mass * binom(n + alpha, n) / norm

    def laguerre(age: Array) -> Array:
        return np.asarray(eval_genlaguerre(n[:, None], alpha, age / theta) / norm[:, None])

    def density(age: Array, now: float) -> Array:
        s = age / theta
        return np.asarray(root_mass**2 * s**-alpha * np.exp(-beta * s) / theta)

    return Memory(
        "lagt",
        A / theta,
        B / theta,
        theta,
        False,
        False,
        lambda age, now: laguerre(age) / root_mass * (age / theta) ** alpha * np.exp((beta - 1) * age / theta / 2),
        lambda age, now: laguerre(age) * root_mass * np.exp(-(1 + beta) * age / theta / 2) / theta,
        density,
    )


def fourier(N: int, *, theta: float = 1.0, decay: bool = False) -> Memory:
    """Sines and cosines of a window: FouT, or FouD with `decay` (Gu et al. 2022, arXiv 2206.12037).

    Basis 1, sqrt2 cos(2 pi k s), sqrt2 sin(2 pi k s) at s = age / theta. The value that leaves the window has to be
    read from the state. At the jump between the window's ends a Fourier series gives the mean of both: FouT allows for
    that (A = R - 2 b b', B = 2 b with b the basis now, R the rotations). FouD takes the mean for the value
    (A = R - b b', B = b): nothing leaves at once, older windows count 2/3, 2/9, 2/27 ... as N grows.

    Args:
        N: number of coefficients, odd: a constant and pairs.
        theta: window in seconds.
        decay: FouD instead of FouT.

    Returns:
        The memory. FouD's coefficients are of the windows laid over each other, so its basis repeats every theta.

    Raises:
        ValueError: N is even or below 1, or theta is not above 0.
    """
    if check_size(N) % 2 == 0:
        raise ValueError(f"N must be odd (a constant, then pairs of cosine and sine), got {N}; take {N - 1} or {N + 1}")
    theta = check_positive(theta, "theta")
    k = np.arange(1, (N + 1) // 2)
    b = np.r_[1.0, np.tile([np.sqrt(2), 0.0], len(k))]
    rotation = np.zeros((N, N))
    rotation[2 * k, 2 * k - 1], rotation[2 * k - 1, 2 * k] = 2 * np.pi * k, -2 * np.pi * k
    gain = 1.0 if decay else 2.0

    def basis(age: Array, now: float) -> Array:
        angle = 2 * np.pi * k[:, None] * age / theta
        pairs = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.concatenate([np.ones((1, len(age))), pairs.reshape(N - 1, len(age))])

    def fading(age: Array, now: float) -> Array:
        return 2 / 3 ** (np.floor(age / theta) + 1) / theta

    density = fading if decay else window_density(theta)
    return Memory(
        "foud" if decay else "fout",
        (rotation - gain * np.outer(b, b)) / theta,
        gain * b / theta,
        theta,
        False,
        not decay,
        basis,
        lambda age, now: basis(age, now) * density(age, now),
        density,
    )


MEMORIES: dict[str, Callable[[int, float], Memory]] = {
    "legs": lambda N, theta: legs(N),
    "legt": lambda N, theta: legt(N, theta=theta),
    "lmu": lambda N, theta: lmu(N, theta=theta),
    "lagt": lambda N, theta: lagt(N, theta=theta),
    "fout": lambda N, theta: fourier(N, theta=theta),
    "foud": lambda N, theta: fourier(N, theta=theta, decay=True),
}


def project(
    memory: Memory, f: Callable[[Array], npt.ArrayLike], now: float, *, breaks: npt.ArrayLike = (), panels: int = 64
) -> Array:
    """The coefficients of the past by quadrature: Gauss's rule with N + 8 nodes on each panel.

    Args:
        memory: from `legs`, `legt`, `lmu`, `lagt`, `fourier`.
        f: the signal, times in seconds (any 1-d array) -> values; asked only for 0 <= time <= now.
        now: t in seconds, above 0.
        breaks: times where f jumps; panels end there.
        panels: further panels, evenly over what is remembered.

    Returns:
        c (N,).

    Raises:
        ValueError: now is not above 0, or there is no panel.
    """
    oldest = memory.horizon(check_positive(now, "now"))
    if panels < 1:
        raise ValueError(f"panels must be at least 1, got {panels}; 64 serves smooth signals")
    cuts = now - np.asarray(breaks, dtype=np.float64)
    cuts = np.union1d(np.linspace(0, oldest, panels + 1), cuts[(cuts > 0) & (cuts < oldest)])
    nodes, weights = np.polynomial.legendre.leggauss(memory.N + 8)
    half = np.diff(cuts)[:, None] / 2
    age = (cuts[:-1, None] + half * (1 + nodes)).ravel()
    return memory.kernel(age, now) @ ((half * weights).ravel() * np.asarray(f(now - age), dtype=np.float64))


def reconstruct(memory: Memory, c: npt.ArrayLike, age: npt.ArrayLike, now: float) -> Array:
    """The remembered curve `f(now - age) = sum_n c_n basis_n(age)`.

    Args:
        memory: whose coefficients they are.
        c: (..., N).
        age: (ages,) in seconds, 0 is now.
        now: t in seconds, above 0.

    Returns:
        (..., ages).

    Raises:
        ValueError: c does not end in N coefficients, or now is not above 0.
    """
    c, age = np.asarray(c, dtype=np.float64), np.asarray(age, dtype=np.float64)
    if c.shape[-1:] != (memory.N,):
        raise ValueError(f"c must end in N={memory.N} coefficients, got shape {c.shape}; pass rows of `online`")
    return np.asarray(c @ memory.basis(age, check_positive(now, "now")))


def relative_error(f: npt.ArrayLike, approximation: npt.ArrayLike) -> float:
    """|f - approximation| / |f| in the 2-norm, without unit; `ValueError` where f is 0 everywhere."""
    f = np.asarray(f, dtype=np.float64)
    if not np.any(f):
        raise ValueError("f is 0 everywhere, so no error is relative to it; give a signal that is not")
    return float(np.linalg.norm(f - np.asarray(approximation)) / np.linalg.norm(f))
