"""The gradients of the selective scan on a CPU. Layouts, chunks and tasks: `numba_tiles.py`; derivation: README.md.

Each chunk, the last one first, starts from the state that the forward kept and computes the chunk's states again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.numba_runtime import inline, kernel
from kernels.numba_tiles import CHUNK, at, constant_of, delta_and_slope, phi_slope, states
from kernels.vector_math import LOG2E, ZERO, exp2_and_less_one, sigmoid
from kernels.vectors import LANES, add_to, fill, load, read, store, totals, write


@inline
def _add_positions(rows: Any, steps: int, total: Any, b: int, n: int, d: int) -> None:
    """total[b, n, d ...] += the sum of the first rows."""
    gathered = load(total, b, n, d)
    for t in range(steps):
        gathered = gathered + load(rows, t, 0)
    store(gathered, total, b, n, d)


@kernel(
    "void(f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:], f4[:], f4[:], b1, b1,"
    " i8[:,:], b1[:,:], f4[:,:,:], f4[:,:,:,:], f4[:,:,:],"
    " f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:,:], f4[:,:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:],"
    " f4[:,:,:], i8, i8, i8)"
)
def backward(
    x: Any,
    delta: Any,
    z: Any,
    A: Any,
    B: Any,
    C: Any,
    B_constant: Any,
    C_constant: Any,
    D_skip: Any,
    delta_bias: Any,
    softplus: bool,
    zoh: bool,
    starts: Any,
    fresh: Any,
    y_before_gate: Any,
    kept: Any,
    grad_y: Any,
    grad_x: Any,
    grad_delta: Any,
    grad_z: Any,
    grad_A: Any,
    grad_B: Any,
    grad_C: Any,
    grad_B_constant: Any,
    grad_C_constant: Any,
    grad_D_skip: Any,
    grad_delta_bias: Any,
    grad_state: Any,
    width: int,
    first: int,
    last: int,
) -> None:
    """Tasks first ... last - 1: fill all gradients.

    grad_state turns from the gradient of the state after into that of the state before. grad_B and grad_C are
    (blocks, batch, L, N), a part for each block of channels. Per sequence, and 0 at first, are grad_A and those of
    constant B and C (batch, N, D), grad_D_skip and grad_delta_bias (batch, D).
    """
    D = x.shape[2]
    N = A.shape[0]
    blocks = (D + width - 1) // width
    x_now, delta_now, dx_now, slope_now, gy_now, gdelta_now, gdx_now, gx_now, A_bar_now = np.empty(
        (9, CHUNK, LANES), np.float32
    )
    h_now = np.empty((CHUNK + 1, LANES), np.float32)  # h_now[t] is the state before position t
    gB_now, gC_now = np.empty((2, CHUNK, LANES), np.float32)  # of one state, not yet summed over the channels
    sums = np.empty((N, 2, CHUNK), np.float32)  # gradients of B and C
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        for chunk in range(fresh.shape[1] - 1, -1, -1):
            start = starts[b, chunk]
            steps = starts[b, chunk + 1] - start
            sums[:] = 0
            for d in range(block * width, min(D, (block + 1) * width), LANES):
                lanes = min(LANES, D - d)
                bias, skip = load(delta_bias, d), load(D_skip, d)
                gskip = load(grad_D_skip, b, d)
                for t in range(steps):
                    x_t = read(lanes, x, b, start + t, d)
                    delta_t, slope = delta_and_slope(read(lanes, delta, b, start + t, d) + bias, softplus)
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
                    B_n, C_n = constant_of(B_constant, n, d), constant_of(C_constant, n, d)
                    g = load(grad_state, b, n, d)
                    gA = fill(ZERO)
                    states(
                        load(kept, b, chunk, n, d), A_n, B, B_n, zoh, b, start, steps, n,
                        x_now, delta_now, dx_now, A_bar_now, h_now,
                    )  # fmt: skip
                    if zoh:
                        inverse = 1.0 / A_n
                        for t in range(steps - 1, -1, -1):
                            gy = load(gy_now, t, 0)
                            delta_t = load(delta_now, t, 0)
                            x_t = load(x_now, t, 0)
                            B_t = at(B, b, start + t, n, B_n)
                            A_bar, less_one = exp2_and_less_one(delta_t * (A_n * LOG2E))
                            phi = less_one * inverse
                            g = g + gy * at(C, b, start + t, n, C_n)
                            store(gy * load(h_now, t + 1, 0), gC_now, t, 0)
                            store(g * phi * x_t, gB_now, t, 0)
                            add_to(g * phi * B_t, gx_now, t, 0)
                            gphi = g * B_t * x_t
                            g = g * A_bar
                            gv = g * load(h_now, t, 0)
                            add_to(gv * A_n + gphi * A_bar, gdelta_now, t, 0)
                            gA = gA + gv * delta_t + gphi * phi_slope(delta_t, A_n, inverse, A_bar, phi)
                    else:
                        for t in range(steps - 1, -1, -1):
                            gy = load(gy_now, t, 0)
                            g = g + gy * at(C, b, start + t, n, C_n)
                            store(gy * load(h_now, t + 1, 0), gC_now, t, 0)
                            store(g * load(dx_now, t, 0), gB_now, t, 0)
                            add_to(g * at(B, b, start + t, n, B_n), gdx_now, t, 0)
                            g = g * load(A_bar_now, t, 0)
                            gv = g * load(h_now, t, 0)
                            add_to(gv * A_n, gdelta_now, t, 0)
                            gA = gA + gv * load(delta_now, t, 0)
                    store(fill(ZERO) if fresh[b, chunk] else g, grad_state, b, n, d)
                    store(load(grad_A, b, n, d) + gA, grad_A, b, n, d)
                    if B.size:
                        store(load(sums, n, 0, 0) + totals(gB_now, 0, 0), sums, n, 0, 0)
                    else:
                        _add_positions(gB_now, steps, grad_B_constant, b, n, d)
                    if C.size:
                        store(load(sums, n, 1, 0) + totals(gC_now, 0, 0), sums, n, 1, 0)
                    else:
                        _add_positions(gC_now, steps, grad_C_constant, b, n, d)
                gbias = load(grad_delta_bias, b, d)
                for t in range(steps):
                    gdx = load(gdx_now, t, 0)
                    gdelta = (load(gdelta_now, t, 0) + gdx * load(x_now, t, 0)) * load(slope_now, t, 0)
                    gbias = gbias + gdelta
                    write(lanes, gdelta, grad_delta, b, start + t, d)
                    write(lanes, load(gx_now, t, 0) + gdx * load(delta_now, t, 0), grad_x, b, start + t, d)
                store(gbias, grad_delta_bias, b, d)
            for t in range(steps):
                if B.size:
                    for n in range(N):
                        grad_B[block, b, start + t, n] = sums[n, 0, t]
                if C.size:
                    for n in range(N):
                        grad_C[block, b, start + t, n] = sums[n, 1, t]
