"""States of the selective scan on a CPU, computed again from those that the forward kept: only where a probe looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.numba_runtime import inline, kernel
from kernels.numba_tiles import CHUNK, constant_of, delta_and_slope, states
from kernels.vectors import LANES, load, read, store


@inline
def _looked_at(slots: Any, start: int, end: int, seen: Any) -> int:
    """Write those of start ... end - 1 that have a slot to `seen`, counted from start; how many there are."""
    count = 0
    for i in range(start, end):
        if slots[i] >= 0:
            seen[count] = i - start
            count += 1
    return count


@kernel(
    "void(f4[:,:,:], f4[:,:,:], f4[:,:], f4[:,:,:], f4[:,:], f4[:], b1, b1, i8[:,:], f4[:,:,:,:],"
    " i8[:], b1, f4[:,:,:,:], i8, i8, i8)"
)
def probe(
    x: Any,
    delta: Any,
    A: Any,
    B: Any,
    B_constant: Any,
    delta_bias: Any,
    softplus: bool,
    zoh: bool,
    starts: Any,
    kept: Any,
    slots: Any,
    by_time: bool,
    probed: Any,
    width: int,
    first: int,
    last: int,
) -> None:
    """Tasks first ... last - 1: fill probed, (batch, times, D, N) if `by_time` or else (batch, L, channels, N).

    slots: the place in `probed` of every time (L), or of every channel (D, padded); -1 where nobody looks.
    """
    D = x.shape[2]
    N = A.shape[0]
    blocks = (D + width - 1) // width
    x_now, delta_now, dx_now, A_bar_now = np.empty((4, CHUNK, LANES), np.float32)
    h_now = np.empty((CHUNK + 1, LANES), np.float32)
    seen = np.empty(LANES, np.int64)  # the positions of this chunk, or lanes of this group, that are looked at
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        for chunk in range(starts.shape[1] - 1):
            start, end = starts[b, chunk], starts[b, chunk + 1]
            count = _looked_at(slots, start, end, seen) if by_time else 0
            if by_time and not count:
                continue
            for d in range(block * width, min(D, (block + 1) * width), LANES):
                lanes = min(LANES, D - d)
                if not by_time:
                    count = _looked_at(slots, d, d + lanes, seen)
                    if not count:
                        continue
                bias = load(delta_bias, d)
                for t in range(end - start):
                    x_t = read(lanes, x, b, start + t, d)
                    delta_t, _ = delta_and_slope(read(lanes, delta, b, start + t, d) + bias, softplus)
                    store(x_t, x_now, t, 0)
                    store(delta_t, delta_now, t, 0)
                    store(delta_t * x_t, dx_now, t, 0)
                for n in range(N):
                    states(
                        load(kept, b, chunk, n, d), load(A, n, d), B, constant_of(B_constant, n, d), zoh,
                        b, start, end - start, n, x_now, delta_now, dx_now, A_bar_now, h_now,
                    )  # fmt: skip
                    for i in range(count):
                        if by_time:
                            for lane in range(lanes):
                                probed[b, slots[start + seen[i]], d + lane, n] = h_now[seen[i] + 1, lane]
                        else:
                            for t in range(end - start):
                                probed[b, start + t, slots[d + seen[i]], n] = h_now[t + 1, seen[i]]
