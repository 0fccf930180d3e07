"""What the kernels of the scan share: sixteen channels (a group) over a few positions (a chunk).

Layouts: x, delta, z, y (batch, L, D) and B, C (batch, L, N) lie in any way whose last axis is contiguous. A, D_skip,
delta_bias, constant B and C, all states and all partial sums are padded with zeros to whole groups of channels, which
come last: A, B, C (N, D), states (batch, N, D), kept (batch, chunks, N, D). An array that is not needed has size 0:
of B and of C there is either the one with a row for every position or the constant one.

Chunks: `starts` (batch, chunks + 1) holds where each begins, and last where it ends, CHUNK positions at most and never
across the border of two documents; `fresh` (batch, chunks) whether a document begins there, with a state of zero.

Tasks: task i is sequence i // blocks and block i % blocks of `width` channels. A task is computed by itself and in a
fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.numba_runtime import inline
from kernels.vector_math import LOG2E, ONE, ZERO, exp2, exp2_and_less_one, softplus_and_slope
from kernels.vectors import fill, load, spread, store, where_less

CHUNK = 16  # positions between two kept states; as many as `totals` sums at once
HALF = np.float32(0.5)


@inline
def delta_and_slope(raw: Any, softplus: bool) -> tuple[Any, Any]:
    """Delta, and its derivative with respect to what came in."""
    return softplus_and_slope(raw) if softplus else (raw, fill(ONE))


@inline
def at(rows: Any, b: int, t: int, n: int, constant: Any) -> Any:
    """B or C of one state at position t: the same for all channels, or the same at all positions."""
    return spread(rows, b, t, n) if rows.size else constant


@inline
def constant_of(matrix: Any, n: int, d: int) -> Any:
    """The constant B or C of one state and group, if there is one."""
    return load(matrix, n, d) if matrix.size else fill(ZERO)


@inline
def states(
    h: Any, A: Any, B: Any, B_constant: Any, zoh: bool, b: int, start: int, steps: int, n: int,
    x_now: Any, delta_now: Any, dx_now: Any, A_bar_now: Any, h_now: Any,
) -> None:  # fmt: skip
    """Fill h_now with the states before, at [0], and after each position, and (Euler) A_bar_now, of one state."""
    store(h, h_now, 0, 0)
    if zoh:
        inverse = 1.0 / A
        for t in range(steps):
            A_bar, less_one = exp2_and_less_one(load(delta_now, t, 0) * (A * LOG2E))
            h = A_bar * h + less_one * inverse * load(x_now, t, 0) * at(B, b, start + t, n, B_constant)
            store(h, h_now, t + 1, 0)
    else:
        for t in range(steps):
            A_bar = exp2(load(delta_now, t, 0) * (A * LOG2E))
            h = A_bar * h + load(dx_now, t, 0) * at(B, b, start + t, n, B_constant)
            store(A_bar, A_bar_now, t, 0)
            store(h, h_now, t + 1, 0)


@inline
def phi_slope(delta: Any, A: Any, inverse: Any, A_bar: Any, phi: Any) -> Any:
    """Derivative by A of phi = (exp(delta A) - 1) / A: (delta A_bar - phi) / A, by its series where that cancels.

    All arguments are vectors; inverse is 1 / A.
    """
    v = delta * A
    series = (1 / 144) + v * ((1 / 840) + v * ((1 / 5760) + v * (1 / 45360)))
    series = (1 / 2) + v * ((1 / 3) + v * ((1 / 8) + v * ((1 / 30) + v * series)))
    magnitude = where_less(v, fill(ZERO), 0.0 - v, v)
    return where_less(magnitude, fill(HALF), delta * delta * series, (delta * A_bar - phi) * inverse)
