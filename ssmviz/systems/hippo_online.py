"""The memories of `ssmviz.systems.hippo` at work: the recurrence, sample by sample, and how well it remembers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Literal

import numpy as np
import numpy.typing as npt

from ssmviz.systems.continuous import StateSpace
from ssmviz.systems.discretise import discretise as in_tokens
from ssmviz.systems.legendre import Array, Matrices, Memory, check_positive, legs_step, legt_matrices

Method = Literal["zoh", "bilinear", "euler", "backward"]

CHUNK = 64  # steps made at once: few calls, and a few MB at N = 64
ALPHA: dict[Method, float] = {"euler": 0.0, "bilinear": 0.5, "backward": 1.0}  # weight of the new end of a step

# cycles over the past, share of the energy: a spectrum that takes 4 to 64 polynomials to follow
TONES = ((0.6, 0.47), (2.5, 0.23), (4.0, 0.07), (9.0, 0.18), (15.0, 0.0475), (60.0, 0.0025))


def tones(r: npt.ArrayLike) -> Array:
    """The lesson's signal, a sum of six sines of energy 1 in all, at r = time / length (0 .. 1); any shape, kept.

    Frequencies and energies were chosen so that the error of LegS falls as N grows over the whole range of the lesson:
    they illustrate, they confirm nothing.
    """
    r = np.asarray(r, dtype=np.float64)[..., None]
    cycles, energy = np.array(TONES).T
    return np.asarray(np.sin(2 * np.pi * cycles * r) @ np.sqrt(2 * energy))


def online(memory: Memory, f: npt.ArrayLike, *, dt: float = 1.0, method: Method = "zoh") -> Array:
    """The coefficients after every sample, by the ODE alone, from c = 0.

    Sample k lasts from k dt to (k+1) dt. "zoh" is exact for an input held like that. LegS knows no dt: its step from k
    to k+1 depends on k alone, and its first one is exact in every method, since 1/t has no value at 0.

    Args:
        memory: from `legs`, `legt`, `lmu`, `lagt`, `fourier`.
        f: (L,) samples.
        dt: seconds per sample; LegS does not use it.
        method: "zoh", "bilinear", "euler" or "backward".

    Returns:
        c (L, N): row k is the state at (k+1) dt. Euler is unstable for large N: LegS with N = 64
        exceeds what float32 can hold, there inf and then NaN.

    Raises:
        ValueError: f is not a non-empty line of finite samples, dt is not above 0, or the method is unknown.
    """
    f = np.asarray(f, dtype=np.float64)
    if f.ndim != 1 or not len(f) or not np.isfinite(f).all():
        raise ValueError(f"f must be (L,) finite samples, got shape {f.shape}; pass one channel without NaN")
    if method != "zoh" and method not in ALPHA:
        raise ValueError(f"method must be one of zoh, {', '.join(ALPHA)}, got {method!r}")
    dt = check_positive(dt, "dt")
    c = np.zeros((len(f) + 1, memory.N))
    steps = _scaled_steps(memory, len(f), method) if memory.scaled else repeat(discretise(memory, dt, method))
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (sample, (A_bar, B_bar)) in enumerate(zip(f, steps, strict=False)):  # a fixed step repeats for ever
            c[k + 1] = A_bar @ c[k] + B_bar * sample
    return c[1:]


def discretise(memory: Memory, dt: float, method: Method) -> Matrices:
    """A_bar (N, N), B_bar (N,) of a window or fading memory."""
    step = in_tokens(StateSpace(memory.A, memory.B, np.zeros(memory.N)), dt, method)
    return step.A_bar, step.B_bar


def _scaled_steps(memory: Memory, L: int, method: Method) -> Iterator[Matrices]:
    """LegS from time k to k+1; GBT weighs 1/t at the new end by alpha (Gu et al. 2020, appendix B.3)."""
    if method != "zoh":
        yield legs_step(memory.N, 0.0)
    eye = np.eye(memory.N)
    for start in range(0 if method == "zoh" else 1, L, CHUNK):
        k = np.arange(start, min(start + CHUNK, L), dtype=np.float64)
        if method == "zoh":
            yield from zip(*legs_step(memory.N, k / (k + 1)), strict=True)
            continue
        new, old = (ALPHA[method] / (k + 1))[:, None, None], ((1 - ALPHA[method]) / k)[:, None, None]
        right = np.concatenate([eye + old * memory.A, (new + old) * memory.B[:, None]], axis=2)
        solved = np.linalg.solve(eye - new * memory.A, right)
        yield from zip(solved[:, :, :-1], solved[:, :, -1], strict=True)


def random_matrices(rng: np.random.Generator, N: int, *, theta: float = 1.0) -> Matrices:
    """The counterexample: a random stable A that means nothing, as large as LegT's and no quicker to forget.

    A is Gaussian with LegT's Frobenius norm, shifted until its slowest mode fades as exp(-t / theta); B is Gaussian.

    Returns:
        A (N, N) and B (N,), per second.

    Raises:
        ValueError: N is below 1, or theta is not above 0.
    """
    size = np.linalg.norm(legt_matrices(N, theta=theta)[0])
    G = rng.standard_normal((N, N))
    A = G * size / np.linalg.norm(G)
    return A - (np.linalg.eigvals(A).real.max() + 1 / theta) * np.eye(N), rng.standard_normal(N) / theta


def memory_by_age(states: npt.ArrayLike, f: npt.ArrayLike, ages: npt.ArrayLike, *, noise: float = 0.01) -> Array:
    """How much of the past a state still holds: error of the best linear read-out of f some samples ago.

    Args:
        states: (L, N), row k after sample k.
        f: (L,) the signal; random, or its past is no secret.
        ages: (K,) whole numbers of samples, 0 is the newest.
        noise: error of every read state, relative to the root mean square of all of them. Without it, digits that no
            network could use count as memory.

    Returns:
        (K,) relative errors, 0 remembered to 1 forgotten: the expected one, over all k at least max(ages).

    Raises:
        ValueError: shapes differ, an age or the noise is out of range, or fewer than 2 N samples are left to fit.
    """
    S, f, ages = np.asarray(states, dtype=np.float64), np.asarray(f, dtype=np.float64), np.asarray(ages)
    if S.ndim != 2 or f.shape != S.shape[:1] or ages.ndim != 1 or not ages.size or ages.min() < 0:
        raise ValueError(f"give states (L, N), f (L,) and ages (K,) of at least 0, got {S.shape}, {f.shape}, {ages}")
    if not 0 < noise < 1:
        raise ValueError(f"noise must lie between 0 and 1, got {noise}; 0.01 is one per cent")
    first = int(ages.max())
    if len(f) - first < 2 * S.shape[1]:
        raise ValueError(f"{len(f) - first} samples are too few to fit N={S.shape[1]}; give a longer signal")
    past = np.stack([f[first - age : len(f) - age] for age in ages.astype(int)], axis=1)
    S = S[first:]
    # noise of variance v in every state costs v |d|^2 per sample, as a ridge does
    ridge = np.full(S.shape[1], noise * np.sqrt(np.mean(S**2) * len(S)))
    stacked, target = np.r_[S, np.diag(ridge)], np.r_[past, np.zeros((S.shape[1], len(ages)))]
    missed = target - stacked @ np.linalg.lstsq(stacked, target, rcond=None)[0]
    return np.asarray(np.linalg.norm(missed, axis=0) / np.linalg.norm(past, axis=0))
