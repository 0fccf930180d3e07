# ruff: noqa: ANN001, ANN201 - Triton compiles these functions; it has its own types
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Chunks of a long sequence on CUDA: what each sends to the next, and back, and what each starts from.

The forward of a chunk from a state of zero is `forward_kernel` without EMIT.
"""

import triton
import triton.language as tl

from kernels.triton_lanes import silu_together, softplus_together
from kernels.triton_tiles import LOG2E, compose_with_previous, exp2, forget, load, multiple, sigmoid, softplus


@triton.jit(do_not_specialize=["L", "chunk"])
def backward_summary_kernel(
    delta, A, C, z, delta_bias, seq_idx, dy, own, total,
    L, D, N, chunk,
    delta_b, delta_l, C_b, C_l, z_b, z_l,
    SOFTPLUS: tl.constexpr, FIXED_C: tl.constexpr, MASKED: tl.constexpr, TOGETHER: tl.constexpr,
    STAGES: tl.constexpr, UNIT: tl.constexpr,
    T: tl.constexpr, PN: tl.constexpr, NL: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """What one chunk sends back to the state before it when nothing comes from behind; its sum of delta."""
    NR: tl.constexpr = PN // NL
    block_c, block_b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks = tl.num_programs(1)
    first = block_c * chunk
    steps = tl.minimum(chunk, L - first)
    first64 = first.to(tl.int64)
    d, i = tl.program_id(0) * CL + tl.arange(0, CL), tl.arange(0, T)
    n = tl.arange(0, NR)[:, None] + tl.arange(0, NL)[None, :] * NR
    in_d, in_n = d < D, n < N
    dn = d[None, None, :] * N + n[:, :, None]
    in_dn = in_d[None, None, :] & in_n[:, :, None]
    A_log2 = tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E
    bias = tl.zeros((CL,), tl.float32)
    if delta_bias is not None:
        bias = tl.load(delta_bias + d, mask=in_d, other=0.0)
    if FIXED_C:
        C_t = tl.load(C + dn, mask=in_dn, other=0.0)[None, :, :, :]
    else:
        C_b, C_l = multiple(C_b, UNIT), multiple(C_l, UNIT)
        C += block_b * C_b + first64 * C_l
    delta += block_b * delta_b + first64 * delta_l
    dy += (block_b * L + first64) * D
    if z is not None:
        z += block_b * z_b + first64 * z_l
    if seq_idx is not None:
        seq_idx += block_b * L

    # sum over t of (prod over s <= t of a_s) C_t dy_t needs no reverse scan: the decay is exp(A * running sum of delta)
    s = tl.zeros((NR, NL, CL), tl.float32)
    sum_delta = tl.zeros((1, NL, CL), tl.float32)
    for k in tl.range(0, tl.cdiv(steps, T), num_stages=STAGES):
        in_t = k * T + i < steps
        in_td = in_t[:, None] & in_d[None, :]
        delta_t = load(delta + i[:, None] * delta_l + d[None, :], in_td, MASKED) + bias[None, :]
        delta_t = tl.broadcast_to(delta_t[:, None, None, :], (T, 1, NL, CL))
        if SOFTPLUS:
            delta_t = softplus_together(delta_t) if TOGETHER else softplus(delta_t)
        if MASKED:
            delta_t = tl.where(in_td[:, None, None, :], delta_t, 0.0)
        if seq_idx is not None:
            delta_t = forget(delta_t, seq_idx, first + k * T + i[:, None, None, None], in_t[:, None, None, None])
        dy_t = load(dy + i[:, None] * D + d[None, :], in_td, MASKED)[:, None, None, :]
        if z is not None:
            z_t = load(z + i[:, None] * z_l + d[None, :], in_td, MASKED)
            z_t = tl.broadcast_to(z_t[:, None, None, :], (T, 1, NL, CL))
            dy_t *= silu_together(z_t) if TOGETHER else z_t * sigmoid(z_t)
            z += T * z_l
        running = tl.cumsum(delta_t, axis=0) + sum_delta[None, :, :, :]
        if not FIXED_C:
            in_tn = in_t[:, None, None] & in_n[None, :, :]
            C_t = load(C + i[:, None, None] * C_l + n[None, :, :], in_tn, MASKED)[:, :, :, None]
            C += T * C_l
        decay = exp2(running * A_log2[None, :, :, :])
        s += tl.sum(decay * (C_t * dy_t), axis=0)
        sum_delta += tl.sum(delta_t, axis=0)
        delta += T * delta_l
        dy += T * D
    row = block_b * chunks + block_c
    tl.store(own + row * D * N + dn, s, mask=in_dn)
    tl.store(total + row * D + d, tl.sum(tl.sum(sum_delta, axis=0), axis=0) / NL, mask=in_d)


@triton.jit(do_not_specialize=["chunks"])
def combine_kernel(
    A, own, total, initial, chunks, D, N,
    REVERSE: tl.constexpr, T: tl.constexpr, W: tl.constexpr, CL: tl.constexpr, PN: tl.constexpr,
):  # fmt: skip
    """Turn every chunk's own contribution into the state it starts from, in place: s -> exp(A total) s + own.

    From the last chunk to the first with REVERSE; T * W chunks at once, T in the registers of each of W warps.
    """
    block_b = tl.program_id(1).to(tl.int64)
    d, n = tl.program_id(0) * CL + tl.arange(0, CL), tl.arange(0, PN)
    in_dn = (d < D)[:, None] & (n < N)[None, :]
    dn = d[:, None] * N + n[None, :]
    A_log2 = tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E
    s = tl.zeros((CL, PN), tl.float32)
    if initial is not None:
        s = tl.load(initial + block_b * D * N + dn, mask=in_dn, other=0.0)
    i, w = tl.arange(0, T), tl.arange(0, W)
    last_i, last_w = (i == T - 1)[:, None, None, None], (w == W - 1)[:, None, None]
    for k in range(0, tl.cdiv(chunks, T * W)):
        c = (k * W + w)[None, :] * T + i[:, None]
        row = block_b * chunks + (chunks - 1 - c if REVERSE else c)
        here = own + row[:, :, None, None] * D * N + dn[None, None, :, :]
        in_c = (c < chunks)[:, :, None, None]
        h = tl.load(here, mask=in_c & in_dn[None, None, :, :], other=0.0)
        sum_delta = tl.load(total + row[:, :, None, None] * D + d[:, None], mask=in_c & (d < D)[:, None], other=0.0)
        a = exp2(sum_delta * A_log2[None, None, :, :])
        # every warp from a state of zero, then what the warps before it send
        one, zero = tl.full((T, W, CL, PN), 1.0, tl.float32), tl.zeros((T, W, CL, PN), tl.float32)
        a, h, a_before, h_before = tl.associative_scan((a, h, one, zero), 0, compose_with_previous)
        a, h = tl.sum(tl.where(last_i, a, 0.0), axis=0), tl.sum(tl.where(last_i, h, 0.0), axis=0)
        one, zero = tl.full((W, CL, PN), 1.0, tl.float32), tl.zeros((W, CL, PN), tl.float32)
        a, h, a_warps, h_warps = tl.associative_scan((a, h, one, zero), 0, compose_with_previous)
        start = h_before + a_before * (h_warps + a_warps * s[None, :, :])[None, :, :, :]
        tl.store(here, start, mask=in_c & in_dn[None, None, :, :])
        s = tl.sum(tl.where(last_w, a * s[None, :, :] + h, 0.0), axis=0)
