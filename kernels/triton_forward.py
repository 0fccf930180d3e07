# ruff: noqa: ANN001, ANN201, ANN202, RUF005, SIM102, SIM108 - Triton compiles these functions; it has its own types and a part of Python
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="assignment, var-annotated"
"""Forward kernels of the selective scan on CUDA; `triton_scan` launches them, `triton_tiles` explains the layout."""

import triton
import triton.language as tl

from kernels.triton_lanes import softplus_together
from kernels.triton_tiles import (
    LN2,
    LOG2E,
    at_time,
    compose,
    exp2,
    forget,
    load,
    load_states,
    multiple,
    phi1,
    sigmoid,
    softplus,
    store,
)


@triton.jit
def _from_all(v, W: tl.constexpr):
    """[NR, W, NL, CL] -> [NR, from W, to W, NL, CL]: every warp gets what all warps have."""
    return tl.broadcast_to(v[:, :, None, :, :], (v.shape[0], W, W, v.shape[2], v.shape[3]))


@triton.jit
def _of_warp(v, j, W: tl.constexpr):
    """What comes from warp j, which lies in registers."""
    return tl.sum(tl.where((tl.arange(0, W) == j)[None, :, None, None, None], v, 0.0), axis=1)


@triton.jit(do_not_specialize=["L", "chunk", "probes"])
def forward_kernel(
    x, delta, A, B, C, D_skip, z, delta_bias, seq_idx, start, y, end, total, checkpoints, probed, slots,
    L, D, N, chunk, probes,
    x_b, x_l, delta_b, delta_l, B_b, B_l, C_b, C_l, z_b, z_l,
    SOFTPLUS: tl.constexpr, ZOH: tl.constexpr, FIXED_B: tl.constexpr, FIXED_C: tl.constexpr, EMIT: tl.constexpr,
    BY_TIME: tl.constexpr, EVERY: tl.constexpr, MASKED: tl.constexpr, TOGETHER: tl.constexpr,
    STAGES: tl.constexpr, UNIT: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, Q: tl.constexpr, PN: tl.constexpr, NL: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """One chunk of one sequence for CL channels, in tiles of T * W steps; the states in Q blocks, one after the other.

    With EMIT it starts from `start`, writes y, the states before every EVERY-th step (when asked for), the probed
    states (slots: the place of each time (BY_TIME) or channel among `probes`, or -1) and, in the last chunk, `end`.
    Without, it starts from zero and leaves the chunk's own contribution in `end`, its sum of delta in `total`.
    """
    NR: tl.constexpr = PN // (NL * Q)
    TW: tl.constexpr = T * W
    block_c, block_b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks = tl.num_programs(1)
    first = block_c * chunk
    steps = tl.minimum(chunk, L - first)
    first64 = first.to(tl.int64)
    here = (block_b * chunks + block_c) * D * N
    i, w = tl.arange(0, T), tl.arange(0, W)
    t = i[:, None] + w[None, :] * T  # [T, W]
    d = tl.program_id(0) * CL + tl.arange(0, CL)
    in_d = d < D
    n_0 = tl.arange(0, NR)[:, None] + tl.arange(0, NL)[None, :] * NR  # [NR, NL]

    bias = tl.zeros((CL,), tl.float32)
    if delta_bias is not None:
        bias = tl.load(delta_bias + d, mask=in_d, other=0.0)
    skip = tl.zeros((CL,), tl.float32)
    if EMIT and D_skip is not None:
        skip = tl.load(D_skip + d, mask=in_d, other=0.0)
    sum_delta = tl.zeros((T, 1, W, NL, CL), tl.float32)
    x += block_b * x_b + first64 * x_l
    delta += block_b * delta_b + first64 * delta_l
    B_b, B_l, C_b, C_l = multiple(B_b, UNIT), multiple(B_l, UNIT), multiple(C_b, UNIT), multiple(C_l, UNIT)
    if not FIXED_B:
        B += block_b * B_b + first64 * B_l
    if EMIT:
        y += (block_b * L + first64) * D
        if not FIXED_C:
            C += block_b * C_b + first64 * C_l
        if z is not None:
            z += block_b * z_b + first64 * z_l
        if checkpoints is not None:
            checkpoints += block_b * tl.cdiv(L, EVERY) * D * N
        if probed is not None:
            probed += block_b * probes * N * (D if BY_TIME else L)
    if seq_idx is not None:
        seq_idx += block_b * L

    A_log2, h_all, B_all, C_all = (), (), (), ()
    for q in tl.static_range(Q):
        n = n_0 + q * (NR * NL)
        dn = d[None, None, :] * N + n[:, :, None]
        in_dn = in_d[None, None, :] & (n < N)[:, :, None]
        A_log2 = A_log2 + (tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E,)
        h = tl.zeros((NR, NL, CL), tl.float32)
        if EMIT and start is not None:
            h = load_states(start + here, tl.program_id(0) * CL, q * (NR * NL), 0, D, N, NR, 1, NL, CL)
            h = tl.reshape(h, [NR, NL, CL])
        h_all = h_all + (h,)
        if FIXED_B:
            B_all = B_all + (tl.load(B + dn, mask=in_dn, other=0.0)[None, :, None, :, :],)
        if EMIT and FIXED_C:
            C_all = C_all + (tl.load(C + dn, mask=in_dn, other=0.0)[None, :, None, :, :],)
        if EMIT and checkpoints is not None:
            if block_c == 0:
                tl.store(checkpoints + n[:, :, None] * D + d[None, None, :], h, mask=in_dn)

    for k in tl.range(0, tl.cdiv(steps, TW), num_stages=STAGES):
        in_t = k * TW + t < steps
        in_td = in_t[:, :, None] & in_d[None, None, :]
        x_t = load(x + t[:, :, None] * x_l + d[None, None, :], in_td, MASKED)
        delta_t = load(delta + t[:, :, None] * delta_l + d[None, None, :], in_td, MASKED) + bias[None, None, :]
        if SOFTPLUS and not TOGETHER:
            delta_t = softplus(delta_t)
        delta_t = tl.broadcast_to(delta_t[:, :, None, :], (T, W, NL, CL))
        if SOFTPLUS and TOGETHER:
            delta_t = softplus_together(delta_t)
        if MASKED:
            delta_t = tl.where(in_td[:, :, None, :], delta_t, 0.0)
        written = (delta_t * x_t[:, :, None, :])[:, None, :, :, :]
        size = delta_t[:, None, :, :, :]
        decayed = size
        if seq_idx is not None:
            starts = forget(delta_t, seq_idx, first + k * TW + t[:, :, None, None], in_t[:, :, None, None])
            decayed = starts[:, None, :, :, :]
        y_t = tl.zeros((T, W, CL), tl.float32)
        h_new = ()
        for q in tl.static_range(Q):
            n = n_0 + q * (NR * NL)
            in_tn = in_t[:, None, :, None] & (n < N)[None, :, None, :]
            tn = t[:, None, :, None], n[None, :, None, :]
            if FIXED_B:
                B_t = B_all[q]
            else:
                B_t = load(B + tn[0] * B_l + tn[1], in_tn, MASKED)[:, :, :, :, None]
            u = decayed * A_log2[q][None, :, None, :, :]
            a = exp2(u)
            b = written * B_t
            if ZOH:
                if seq_idx is None:
                    b *= phi1(u * LN2, a)
                else:
                    v = size * A_log2[q][None, :, None, :, :]
                    b *= phi1(v * LN2, exp2(v))
            if W == 1:
                entering = a * h_all[q][None, :, None, :, :]
                b += tl.where((i == 0)[:, None, None, None, None], entering, 0.0)
                _, h_t = tl.associative_scan((a, b), 0, compose)
                h = tl.sum(at_time(h_t, T - 1, T), axis=1)
            else:
                # every warp from a state of zero, then what the warps before it send
                through, h_t = tl.associative_scan((a, b), 0, compose)
                a_warps, h_warps = _from_all(at_time(through, T - 1, T), W), _from_all(at_time(h_t, T - 1, T), W)
                h = tl.broadcast_to(h_all[q][:, None, :, :], (NR, W, NL, CL))
                entering = h
                for j in tl.static_range(W):
                    h = _of_warp(a_warps, j, W) * h + _of_warp(h_warps, j, W)
                    entering = tl.where((w > j)[None, :, None, None], h, entering)
                h_t += through * entering[None, :, :, :, :]
                h = tl.sum(tl.where((w == 0)[None, :, None, None], h, 0.0), axis=1)
            h_new = h_new + (h,)

            if EMIT:
                if FIXED_C:
                    C_t = C_all[q]
                else:
                    C_t = load(C + tn[0] * C_l + tn[1], in_tn, MASKED)[:, :, :, :, None]
                y_t += tl.sum(tl.sum(C_t * h_t, axis=1), axis=2)
                state = d[None, None, None, :] * N + n[:, None, :, None]
                nd = n[:, None, :, None] * D + d[None, None, None, :]
                in_state = in_d[None, None, None, :] & (n < N)[:, None, :, None]
                if checkpoints is not None:
                    for j in tl.static_range((T + EVERY - 1) // EVERY):
                        after = min((j + 1) * EVERY, T)
                        t_j = first + k * TW + w * T + after  # the state before this step
                        due = (t_j <= first + steps) & (t_j < L) & (t_j % EVERY == 0)
                        at = checkpoints + (t_j // EVERY).to(tl.int64)[None, :, None, None] * (D * N) + nd
                        tl.store(at, at_time(h_t, after - 1, T), mask=due[None, :, None, None] & in_state)
                if probed is not None and BY_TIME:
                    for j in tl.static_range(T):
                        t_j = k * TW + w * T + j
                        slot = tl.load(slots + first + t_j, mask=t_j < steps, other=-1)[None, :, None, None]
                        at = probed + slot.to(tl.int64) * (D * N) + state
                        tl.store(at, at_time(h_t, j, T), mask=(slot >= 0) & in_state)
                if probed is not None and not BY_TIME:
                    slot = tl.load(slots + d, mask=in_d, other=-1)
                    if tl.max(slot, axis=0) >= 0:
                        for j in tl.static_range(T):
                            t_j = k * TW + w * T + j
                            row = (first + t_j).to(tl.int64)[None, :, None, None] * probes + slot[None, None, None, :]
                            seen = (t_j < steps)[None, :, None, None] & (slot >= 0)[None, None, None, :] & in_state
                            tl.store(probed + row * N + n[:, None, :, None], at_time(h_t, j, T), mask=seen)
        h_all = h_new

        if EMIT:
            y_t += skip[None, None, :] * x_t
            if z is not None:
                z_t = load(z + t[:, :, None] * z_l + d[None, None, :], in_td, MASKED)
                y_t *= z_t * sigmoid(z_t)
                z += TW * z_l
            store(y + t[:, :, None] * D + d[None, None, :], y_t, in_td, MASKED)
            if not FIXED_C:
                C += TW * C_l
            y += TW * D
        else:
            sum_delta += decayed
        x += TW * x_l
        delta += TW * delta_l
        if not FIXED_B:
            B += TW * B_l

    for q in tl.static_range(Q):
        n = n_0 + q * (NR * NL)
        dn = d[None, None, :] * N + n[:, :, None]
        in_dn = in_d[None, None, :] & (n < N)[:, :, None]
        if EMIT:
            if block_c == chunks - 1:
                tl.store(end + block_b * D * N + dn, h_all[q], mask=in_dn)
        else:
            tl.store(end + here + dn, h_all[q], mask=in_dn)
    if not EMIT:
        sum_delta = tl.sum(tl.sum(tl.sum(tl.sum(sum_delta, axis=0), axis=0), axis=0), axis=0) / NL
        tl.store(total + (block_b * chunks + block_c) * D + d, sum_delta, mask=in_d)
