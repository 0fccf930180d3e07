"""The selective scan on a CPU, forward and backward, sixteen channels at a time.

Order of the loops: sequence b, chunk of CHUNK positions, group of LANES channels d, state n, position t. What a
group needs during a chunk stays in the innermost cache, the state of one (group, n) in a register. The backward
starts each chunk, the last one first, from the state kept by the forward and computes the chunk's states again.
Derivation: README.md.

Every sequence is computed by itself and in a fixed order, so results do not depend on the number of threads.

Layouts: x, delta, z, y (batch, L, D) and B, C (batch, L, N) lie in any way whose last axis is contiguous. A, D_skip,
delta_bias, all states and all partial sums are padded with zeros to whole groups of channels, which come last:
A (N, D), states (batch, N, D), kept (batch, chunks, N, D). An array that is not needed has size 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.numba_runtime import inline, kernel
from kernels.vector_math import LOG2E, ONE, ZERO, exp2, exp2_and_less_one, sigmoid, softplus_and_slope
from kernels.vectors import LANES, add_to, fill, load, read, spread, store, totals, where_less, write

CHUNK = 16  # positions between two kept states; as many as `totals` sums at once
HALF = np.float32(0.5)


@inline
def _delta_and_slope(raw: Any, softplus: bool) -> tuple[Any, Any]:
    """Delta, and its derivative with respect to what came in."""
    return softplus_and_slope(raw) if softplus else (raw, fill(ONE))


@inline
def _phi_slope(delta: Any, A: Any, inverse: Any, A_bar: Any, phi: Any) -> Any:
    """Derivative by A of phi = (exp(delta A) - 1) / A: (delta A_bar - phi) / A, by its series where that cancels.

    All arguments are vectors; inverse is 1 / A.
    """
    v = delta * A
    series = (1 / 144) + v * ((1 / 840) + v * ((1 / 5760) + v * (1 / 45360)))
    series = (1 / 2) + v * ((1 / 3) + v * ((1 / 8) + v * ((1 / 30) + v * series)))
    magnitude = where_less(v, fill(ZERO), 0.0 - v, v)
    return where_less(magnitude, fill(HALF), delta * delta * series, (delta * A_bar - phi) * inverse)


@kernel(
    "void(f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:,:], f4[:,:,:], f4[:], f4[:], b1, b1,"
    " f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:,:], i8, i8)"
)
def forward(
    x: Any,
    delta: Any,
    z: Any,
    A: Any,
    B: Any,
    C: Any,
    D_skip: Any,
    delta_bias: Any,
    softplus: bool,
    zoh: bool,
    state: Any,
    y: Any,
    y_before_gate: Any,
    kept: Any,
    first: int,
    last: int,
) -> None:
    """Sequences first ... last - 1: fill y, y_before_gate and kept; turn the state before into the state after."""
    L, D = x.shape[1:]
    N = A.shape[0]
    x_now, delta_now, dx_now, y_now = np.empty((4, CHUNK, LANES), np.float32)
    for b in range(first, last):
        for chunk in range((L + CHUNK - 1) // CHUNK):
            start = chunk * CHUNK
            steps = min(CHUNK, L - start)
            for d in range(0, D, LANES):
                lanes = min(LANES, D - d)
                bias, skip = load(delta_bias, d), load(D_skip, d)
                for t in range(steps):
                    x_t = read(lanes, x, b, start + t, d)
                    delta_t, _ = _delta_and_slope(read(lanes, delta, b, start + t, d) + bias, softplus)
                    store(x_t, x_now, t, 0)
                    store(delta_t, delta_now, t, 0)
                    store(delta_t * x_t, dx_now, t, 0)
                    store(skip * x_t, y_now, t, 0)
                for n in range(N):
                    h = load(state, b, n, d)
                    A_n = load(A, n, d)
                    if kept.size:
                        store(h, kept, b, chunk, n, d)
                    if zoh:
                        inverse = 1.0 / A_n
                        for t in range(steps):
                            A_bar, less_one = exp2_and_less_one(load(delta_now, t, 0) * (A_n * LOG2E))
                            h = A_bar * h + less_one * inverse * load(x_now, t, 0) * spread(B, b, start + t, n)
                            add_to(spread(C, b, start + t, n) * h, y_now, t, 0)
                    else:
                        for t in range(steps):
                            A_bar = exp2(load(delta_now, t, 0) * (A_n * LOG2E))
                            h = A_bar * h + load(dx_now, t, 0) * spread(B, b, start + t, n)
                            add_to(spread(C, b, start + t, n) * h, y_now, t, 0)
                    store(h, state, b, n, d)
                for t in range(steps):
                    y_t = load(y_now, t, 0)
                    if z.size:
                        if y_before_gate.size:
                            write(lanes, y_t, y_before_gate, b, start + t, d)
                        z_t = read(lanes, z, b, start + t, d)
                        y_t = y_t * (z_t * sigmoid(z_t))
                    write(lanes, y_t, y, b, start + t, d)


@kernel(
    "void(f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:,:], f4[:,:,:], f4[:], f4[:], b1, b1,"
    " f4[:,:,:], f4[:,:,:,:], f4[:,:,:],"
    " f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:], f4[:,:,:], i8, i8)"
)
def backward(
    x: Any,
    delta: Any,
    z: Any,
    A: Any,
    B: Any,
    C: Any,
    D_skip: Any,
    delta_bias: Any,
    softplus: bool,
    zoh: bool,
    y_before_gate: Any,
    kept: Any,
    grad_y: Any,
    grad_x: Any,
    grad_delta: Any,
    grad_z: Any,
    grad_A: Any,
    grad_B: Any,
    grad_C: Any,
    grad_D_skip: Any,
    grad_delta_bias: Any,
    grad_state: Any,
    first: int,
    last: int,
) -> None:
    """Sequences first ... last - 1: fill all gradients.

    grad_state turns from the gradient of the state after into that of the state before. grad_A (batch, N, D),
    grad_D_skip and grad_delta_bias (batch, D) are per sequence and must start at 0.
    """
    L, D = x.shape[1:]
    N = A.shape[0]
    x_now, delta_now, dx_now, slope_now, gy_now, gdelta_now, gdx_now, gx_now, A_bar_now = np.empty(
        (9, CHUNK, LANES), np.float32
    )
    h_now = np.empty((CHUNK + 1, LANES), np.float32)  # h_now[t] is the state before position t
    # gradients of B and C per lane, summed over the groups; kept side by side, as equal low address bits would
    # make the processor take a load from one for a load of what was just stored to the other
    gBC_now = np.empty((N * 2 * CHUNK, LANES), np.float32)
    sums = np.empty((1, LANES), np.float32)
    for b in range(first, last):
        for chunk in range((L + CHUNK - 1) // CHUNK - 1, -1, -1):
            start = chunk * CHUNK
            steps = min(CHUNK, L - start)
            gBC_now[:] = 0
            for d in range(0, D, LANES):
                lanes = min(LANES, D - d)
                bias, skip = load(delta_bias, d), load(D_skip, d)
                gskip = load(grad_D_skip, b, d)
                for t in range(steps):
                    x_t = read(lanes, x, b, start + t, d)
                    delta_t, slope = _delta_and_slope(read(lanes, delta, b, start + t, d) + bias, softplus)
                    gy = read(lanes, grad_y, b, start + t, d)
                    if z.size:
                        z_t = read(lanes, z, b, start + t, d)
                        sigma = sigmoid(z_t)
                        y_t = read(lanes, y_before_gate, b, start + t, d)
                        write(lanes, gy * y_t * sigma * (1.0 + z_t * (1.0 - sigma)), grad_z, b, start + t, d)
                        gy = gy * (z_t * sigma)
                    gskip = gskip + gy * x_t
                    store(x_t, x_now, t, 0)
                    store(delta_t, delta_now, t, 0)
                    store(delta_t * x_t, dx_now, t, 0)
                    store(slope, slope_now, t, 0)
                    store(gy, gy_now, t, 0)
                    store(gy * skip, gx_now, t, 0)
                    store(fill(ZERO), gdelta_now, t, 0)
                    store(fill(ZERO), gdx_now, t, 0)
                store(gskip, grad_D_skip, b, d)
                for n in range(N):
                    A_n = load(A, n, d)
                    h = load(kept, b, chunk, n, d)
                    g = load(grad_state, b, n, d)
                    gA = fill(ZERO)
                    row_B, row_C = (2 * n) * CHUNK, (2 * n + 1) * CHUNK
                    store(h, h_now, 0, 0)
                    if zoh:
                        inverse = 1.0 / A_n
                        for t in range(steps):
                            A_bar, less_one = exp2_and_less_one(load(delta_now, t, 0) * (A_n * LOG2E))
                            h = A_bar * h + less_one * inverse * load(x_now, t, 0) * spread(B, b, start + t, n)
                            store(h, h_now, t + 1, 0)
                        for t in range(steps - 1, -1, -1):
                            gy = load(gy_now, t, 0)
                            delta_t = load(delta_now, t, 0)
                            x_t = load(x_now, t, 0)
                            B_t = spread(B, b, start + t, n)
                            A_bar, less_one = exp2_and_less_one(delta_t * (A_n * LOG2E))
                            phi = less_one * inverse
                            g = g + gy * spread(C, b, start + t, n)
                            add_to(gy * load(h_now, t + 1, 0), gBC_now, row_C + t, 0)
                            add_to(g * phi * x_t, gBC_now, row_B + t, 0)
                            add_to(g * phi * B_t, gx_now, t, 0)
                            gphi = g * B_t * x_t
                            g = g * A_bar
                            gv = g * load(h_now, t, 0)
                            add_to(gv * A_n + gphi * A_bar, gdelta_now, t, 0)
                            gA = gA + gv * delta_t + gphi * _phi_slope(delta_t, A_n, inverse, A_bar, phi)
                    else:
                        for t in range(steps):
                            A_bar = exp2(load(delta_now, t, 0) * (A_n * LOG2E))
                            h = A_bar * h + load(dx_now, t, 0) * spread(B, b, start + t, n)
                            store(A_bar, A_bar_now, t, 0)
                            store(h, h_now, t + 1, 0)
                        for t in range(steps - 1, -1, -1):
                            gy = load(gy_now, t, 0)
                            g = g + gy * spread(C, b, start + t, n)
                            add_to(gy * load(h_now, t + 1, 0), gBC_now, row_C + t, 0)
                            add_to(g * load(dx_now, t, 0), gBC_now, row_B + t, 0)
                            add_to(g * spread(B, b, start + t, n), gdx_now, t, 0)
                            g = g * load(A_bar_now, t, 0)
                            gv = g * load(h_now, t, 0)
                            add_to(gv * A_n, gdelta_now, t, 0)
                            gA = gA + gv * load(delta_now, t, 0)
                    store(g, grad_state, b, n, d)
                    store(load(grad_A, b, n, d) + gA, grad_A, b, n, d)
                gbias = load(grad_delta_bias, b, d)
                for t in range(steps):
                    gdx = load(gdx_now, t, 0)
                    gdelta = (load(gdelta_now, t, 0) + gdx * load(x_now, t, 0)) * load(slope_now, t, 0)
                    gbias = gbias + gdelta
                    write(lanes, gdelta, grad_delta, b, start + t, d)
                    write(lanes, load(gx_now, t, 0) + gdx * load(delta_now, t, 0), grad_x, b, start + t, d)
                store(gbias, grad_delta_bias, b, d)
            for n in range(N):
                store(totals(gBC_now, 2 * n * CHUNK, 0), sums, 0, 0)
                for t in range(steps):
                    grad_B[b, start + t, n] = sums[0, t]
                store(totals(gBC_now, (2 * n + 1) * CHUNK, 0), sums, 0, 0)
                for t in range(steps):
                    grad_C[b, start + t, n] = sums[0, t]
