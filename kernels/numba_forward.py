"""The selective scan on a CPU, forward, sixteen channels at a time. Layouts, chunks and tasks: `numba_tiles.py`.

Order of the loops: sequence b, chunk of positions, group of LANES channels d, state n, position t. What a group needs
during a chunk stays in the innermost cache, the state of one (group, n) in a register. Derivation: README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.numba_runtime import kernel
from kernels.numba_tiles import CHUNK, at, constant_of, delta_and_slope
from kernels.vector_math import LOG2E, ZERO, exp2, exp2_and_less_one, sigmoid
from kernels.vectors import LANES, add_to, fill, load, read, store, write


@kernel(
    "void(f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:], f4[:], f4[:], b1, b1,"
    " i8[:,:], b1[:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:,:,:], i8, i8, i8)"
)
def forward(
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
    state: Any,
    y: Any,
    y_before_gate: Any,
    kept: Any,
    width: int,
    first: int,
    last: int,
) -> None:
    """Tasks first ... last - 1: fill y, y_before_gate and kept; turn the state before into the state after."""
    D = x.shape[2]
    N = A.shape[0]
    blocks = (D + width - 1) // width
    x_now, delta_now, dx_now, y_now = np.empty((4, CHUNK, LANES), np.float32)
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        for chunk in range(fresh.shape[1]):
            start = starts[b, chunk]
            steps = starts[b, chunk + 1] - start
            for d in range(block * width, min(D, (block + 1) * width), LANES):
                lanes = min(LANES, D - d)
                bias, skip = load(delta_bias, d), load(D_skip, d)
                for t in range(steps):
                    x_t = read(lanes, x, b, start + t, d)
                    delta_t, _ = delta_and_slope(read(lanes, delta, b, start + t, d) + bias, softplus)
                    store(x_t, x_now, t, 0)
                    store(delta_t, delta_now, t, 0)
                    store(delta_t * x_t, dx_now, t, 0)
                    store(skip * x_t, y_now, t, 0)
                for n in range(N):
                    h = fill(ZERO) if fresh[b, chunk] else load(state, b, n, d)
                    A_n = load(A, n, d)
                    B_n, C_n = constant_of(B_constant, n, d), constant_of(C_constant, n, d)
                    if kept.size:
                        store(h, kept, b, chunk, n, d)
                    if zoh:
                        inverse = 1.0 / A_n
                        for t in range(steps):
                            A_bar, less_one = exp2_and_less_one(load(delta_now, t, 0) * (A_n * LOG2E))
                            h = A_bar * h + less_one * inverse * load(x_now, t, 0) * at(B, b, start + t, n, B_n)
                            add_to(at(C, b, start + t, n, C_n) * h, y_now, t, 0)
                    else:
                        for t in range(steps):
                            A_bar = exp2(load(delta_now, t, 0) * (A_n * LOG2E))
                            h = A_bar * h + load(dx_now, t, 0) * at(B, b, start + t, n, B_n)
                            add_to(at(C, b, start + t, n, C_n) * h, y_now, t, 0)
                    store(h, state, b, n, d)
                for t in range(steps):
                    y_t = load(y_now, t, 0)
                    if z.size:
                        if y_before_gate.size:
                            write(lanes, y_t, y_before_gate, b, start + t, d)
                        z_t = read(lanes, z, b, start + t, d)
                        y_t = y_t * (z_t * sigmoid(z_t))
                    write(lanes, y_t, y, b, start + t, d)
