# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles these functions; it has its own types
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Backward kernels of the selective scan on CUDA; `triton_scan` launches them, `triton_tiles` explains the layout."""

import triton
import triton.language as tl

from kernels.triton_lanes import scatter_over_channels, scatter_over_states
from kernels.triton_tiles import (
    LN2,
    LOG2E,
    at_time,
    compose_with_previous,
    exp2,
    forget,
    load,
    load_states,
    multiple,
    phi1,
    phi1_slope,
    sigmoid,
    softplus,
    spread,
    store,
)


@triton.jit
def _wide(x, delta, dy, z):
    return x.to(tl.float32), delta.to(tl.float32), dy.to(tl.float32), z.to(tl.float32)


@triton.jit
def _fetch(x, delta, dy, z, x_l, delta_l, z_l, D, t, d, mask):
    """x, delta, dy and z (if there is none, dy) at times t of channels d, as they are in memory."""
    x_t = tl.load(x + t * x_l + d, mask=mask, other=0.0)
    delta_t = tl.load(delta + t * delta_l + d, mask=mask, other=0.0)
    dy_t = tl.load(dy + t * D + d, mask=mask, other=0.0)
    z_t = dy_t
    if z is not None:
        z_t = tl.load(z + t * z_l + d, mask=mask, other=0.0)
    return x_t, delta_t, dy_t, z_t


@triton.jit(do_not_specialize=["L", "chunk"])
def backward_kernel(
    x, delta, A, B, C, D_skip, z, delta_bias, seq_idx, checkpoints, dy, start,
    dx, ddelta, dz, dB, dC, dA, dD_skip, ddelta_bias, dh0,
    L, D, N, chunk,
    x_b, x_l, delta_b, delta_l, B_b, B_l, C_b, C_l, z_b, z_l,
    SOFTPLUS: tl.constexpr, ZOH: tl.constexpr, FIXED_B: tl.constexpr, FIXED_C: tl.constexpr,
    ATOMIC: tl.constexpr, MASKED: tl.constexpr, STAGES: tl.constexpr, UNIT: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, SPLIT_N: tl.constexpr, PN: tl.constexpr,
):  # fmt: skip
    """All gradients of one chunk of one sequence for 8 channels, its tiles from the last to the first.

    The states of a tile are computed again from the checkpoint before it. `start` is what the steps behind the chunk
    send back to its last state. The warps of a program share its states (SPLIT_N) or the times of a tile of T * W.
    Sums over channels, batch and chunks are added to one buffer (ATOMIC) or written apart and summed later.
    """
    NL: tl.constexpr = 4
    CL: tl.constexpr = 8
    WN: tl.constexpr = W if SPLIT_N else 1
    WT: tl.constexpr = 1 if SPLIT_N else W
    NR: tl.constexpr = PN // (NL * WN)
    TW: tl.constexpr = T * WT
    HALF: tl.constexpr = x.dtype.element_ty != tl.float32
    block_d, block_c, block_b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks, batch = tl.num_programs(1), tl.num_programs(2)
    first = block_c * chunk
    steps = tl.minimum(chunk, L - first)
    row = block_b * chunks + block_c
    i, w, n_lane, lane = tl.arange(0, T), tl.arange(0, W), tl.arange(0, NL), tl.arange(0, CL)
    if SPLIT_N:
        w_t, w_n = w * 0, w * (NR * NL)
    else:
        w_t, w_n = (W - 1 - w) * T, w * 0  # the later times on the first warps: a scan over warps runs back in time
    t = i[:, None] + w_t[None, :]  # [T, W]
    n = tl.arange(0, NR)[:, None, None] + w_n[None, :, None] + n_lane[None, None, :] * NR  # [NR, W, NL]
    t1 = (tl.arange(0, T // NL) * NL)[:, None, None, None] + w_t[None, :, None, None] + n_lane[None, None, :, None]
    # time and state of which a lane holds the sum over channels, [G, W, NL, CL]
    value = (tl.arange(0, T * NR // 8) * 8)[:, None, None, None] + lane[None, None, None, :]
    t_sum = value // NR + w_t[None, :, None, None]
    n_sum = value % NR + w_n[None, :, None, None] + (n_lane * NR)[None, None, :, None]
    d = block_d * CL + lane
    d1 = d[None, None, None, :]
    in_d, in_d1, in_n = d < D, d1 < D, n < N
    dn = d1 * N + n[:, :, :, None]
    in_dn = in_d1 & in_n[:, :, :, None]
    first_warp = (w == 0)[None, :, None, None]

    A_log2 = tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E  # [NR, W, NL, CL]
    s = tl.zeros((NR, W, NL, CL), tl.float32)  # gradient that flows to the last state of the tile from behind
    if start is not None:
        s = load_states(start + row * D * N, block_d * CL, 0, NR * NL if SPLIT_N else 0, D, N, NR, W, NL, CL)
    bias = tl.zeros((1, 1, 1, CL), tl.float32)
    if delta_bias is not None:
        bias = tl.load(delta_bias + d1, mask=in_d1, other=0.0)
    skip = tl.zeros((1, 1, 1, CL), tl.float32)
    if D_skip is not None:
        skip = tl.load(D_skip + d1, mask=in_d1, other=0.0)
    sum_dA = tl.zeros((NR, W, NL, CL), tl.float32)
    sum_dB = tl.zeros((NR, W, NL, CL), tl.float32)
    sum_dC = tl.zeros((NR, W, NL, CL), tl.float32)
    sum_dD = tl.zeros((W, NL, CL), tl.float32)
    sum_dbias = tl.zeros((W, NL, CL), tl.float32)

    tiles = tl.cdiv(steps, TW)
    last64 = (first + (tiles - 1) * TW).to(tl.int64)  # first step of the last tile
    x += block_b * x_b + last64 * x_l
    delta += block_b * delta_b + last64 * delta_l
    dy += (block_b * L + last64) * D
    dx += (block_b * L + last64) * D
    ddelta += (block_b * L + last64) * D
    sums = (block_b * L + last64) * N
    if not ATOMIC:
        sums += block_d * batch * L.to(tl.int64) * N
    B_b, B_l, C_b, C_l = multiple(B_b, UNIT), multiple(B_l, UNIT), multiple(C_b, UNIT), multiple(C_l, UNIT)
    if FIXED_B:
        B_t = tl.load(B + dn, mask=in_dn, other=0.0)[None, :, :, :, :]
    else:
        B += block_b * B_b + last64 * B_l
        dB += sums
    if FIXED_C:
        C_t = tl.load(C + dn, mask=in_dn, other=0.0)[None, :, :, :, :]
    else:
        C += block_b * C_b + last64 * C_l
        dC += sums
    checkpoints += (block_b * tl.cdiv(L, T) + last64 // T) * D * N
    if z is not None:
        z += block_b * z_b + last64 * z_l
        dz += (block_b * L + last64) * D
    if seq_idx is not None:
        seq_idx += block_b * L

    # What comes with time and channel is fetched a tile ahead; half precision two, and widened a tile ahead: widened in
    # the tile of its use, it would be on all lanes that hold a state, and all that follows from it, softplus too.
    tile_t = (tiles - 1) * TW
    coming = _wide(*_fetch(x, delta, dy, z, x_l, delta_l, z_l, D, t1, d1, (tile_t + t1 < steps) & in_d1))
    if HALF:
        x -= TW * x_l
        delta -= TW * delta_l
        dy -= TW * D
        if z is not None:
            z -= TW * z_l
        arriving = _fetch(x, delta, dy, z, x_l, delta_l, z_l, D, t1, d1, (tile_t - TW + t1 >= 0) & in_d1)
    for k in tl.range(0, tiles, num_stages=STAGES):
        x_t, raw, dout, z_t = coming
        tile_t = (tiles - 1 - k) * TW
        x -= TW * x_l
        delta -= TW * delta_l
        dy -= TW * D
        if z is not None:
            z -= TW * z_l
        if HALF:
            coming = _wide(*arriving)
            arriving = _fetch(x, delta, dy, z, x_l, delta_l, z_l, D, t1, d1, (tile_t - 2 * TW + t1 >= 0) & in_d1)
        else:
            coming = _fetch(x, delta, dy, z, x_l, delta_l, z_l, D, t1, d1, (tile_t - TW + t1 >= 0) & in_d1)

        in_t1 = tile_t + t1 < steps
        in_td = in_t1 & in_d1
        in_tn = (tile_t + t < steps)[:, None, :, None] & in_n[None, :, :, :]
        if not FIXED_B:
            B_t = load(B + t[:, None, :, None] * B_l + n[None, :, :, :], in_tn, MASKED)[:, :, :, :, None]
            B -= TW * B_l
        if not FIXED_C:
            C_t = load(C + t[:, None, :, None] * C_l + n[None, :, :, :], in_tn, MASKED)[:, :, :, :, None]
            C -= TW * C_l
        in_h = (tile_t + w_t < steps)[None, :, None, None] & in_dn
        h = load(checkpoints + (w_t // T)[None, :, None, None] * D * N + n[:, :, :, None] * D + d1, in_h, MASKED)
        checkpoints -= WT * D * N

        # one value a lane, then its copies on every lane that holds a state of the channel
        raw += bias
        delta_t = raw
        if SOFTPLUS:
            delta_t = softplus(raw)
        if MASKED:
            delta_t = tl.where(in_td, delta_t, 0.0)
        dy_t = dout
        if z is not None:
            sigma = sigmoid(z_t)
            dy_t = dout * (z_t * sigma)
        size = spread(delta_t, T, W, CL)
        written = spread(delta_t * x_t, T, W, CL)
        read = spread(dy_t, T, W, CL)
        decayed = size
        if seq_idx is not None:
            decayed = spread(forget(delta_t, seq_idx, first + tile_t + t1, in_t1), T, W, CL)

        # the states again
        u = decayed * A_log2[None, :, :, :, :]
        a = exp2(u)
        b = written * B_t
        if ZOH:
            v = size * A_log2[None, :, :, :, :] * LN2
            exp_v = a
            if seq_idx is not None:
                exp_v = exp2(size * A_log2[None, :, :, :, :])
            phi = phi1(v, exp_v)
            b = b * phi
        h_t = tl.zeros((T, NR, W, NL, CL), tl.float32)
        kept = h_t  # a_t h_(t-1)
        for j in tl.static_range(T):
            here = (i == j)[:, None, None, None, None]
            kept_j = at_time(a, j, T) * h
            h = kept_j + at_time(b, j, T)
            kept = tl.where(here, kept_j[None, :, :, :, :], kept)
            h_t = tl.where(here, h[None, :, :, :, :], h_t)
        if z is not None:
            y_n = tl.sum(C_t * h_t, axis=1)

        # dh_t = C_t dy_t + a_(t+1) dh_(t+1), backwards in time
        flow = C_t * read
        dh = tl.zeros((T, NR, W, NL, CL), tl.float32)
        g = tl.zeros((NR, W, NL, CL), tl.float32)
        if WT == 1:
            g += s
        else:
            through = dh
            p = g + 1.0
        for j in tl.static_range(T):
            here = (i == T - 1 - j)[:, None, None, None, None]
            a_j = at_time(a, T - 1 - j, T)
            g += at_time(flow, T - 1 - j, T)
            dh = tl.where(here, g[None, :, :, :, :], dh)
            g *= a_j
            if WT > 1:
                through = tl.where(here, p[None, :, :, :, :], through)
                p *= a_j
        if WT == 1:
            s = g
        else:
            one = tl.full((NR, W, NL, CL), 1.0, tl.float32)
            zero = tl.zeros((NR, W, NL, CL), tl.float32)
            a_w, s_w, a_before, s_before = tl.associative_scan((p, g, one, zero), 1, compose_with_previous)
            dh += through * (s_before + a_before * s)[None, :, :, :, :]
            earliest = (w == W - 1)[None, :, None, None]
            s = tl.broadcast_to(tl.sum(tl.where(earliest, a_w * s + s_w, 0.0), axis=1)[:, None, :, :], (NR, W, NL, CL))

        dC_t = h_t * read
        dB_t = dh * written
        du = dh * kept  # u = delta A
        dh_B = dh * B_t
        if ZOH:
            dB_t *= phi
            by_b = tl.sum(dh_B * phi, axis=1)
            du += dh_B * written * phi1_slope(v, exp_v, phi)
        else:
            by_b = tl.sum(dh_B, axis=1)
        by_u = scatter_over_states(tl.sum(du * A_log2[None, :, :, :, :], axis=1)) * LN2
        by_b = scatter_over_states(by_b)
        sum_dA += tl.sum(du * size, axis=0)
        in_sum = (tile_t + t_sum < steps) & (n_sum < N)
        if FIXED_B:
            sum_dB += tl.sum(dB_t, axis=0)
        elif ATOMIC:
            tl.atomic_add(dB + t_sum * N + n_sum, scatter_over_channels(dB_t), mask=in_sum, sem="relaxed")
        else:
            tl.store(dB + t_sum * N + n_sum, scatter_over_channels(dB_t), mask=in_sum)
        if FIXED_C:
            sum_dC += tl.sum(dC_t, axis=0)
        elif ATOMIC:
            tl.atomic_add(dC + t_sum * N + n_sum, scatter_over_channels(dC_t), mask=in_sum, sem="relaxed")
        else:
            tl.store(dC + t_sum * N + n_sum, scatter_over_channels(dC_t), mask=in_sum)
        if not FIXED_B:
            dB -= TW * N
        if not FIXED_C:
            dC -= TW * N

        # of all states
        if WN > 1:
            by_b, by_u = tl.split(tl.sum(tl.join(by_b, by_u), axis=1))
            by_b = tl.broadcast_to(by_b[:, None, :, :], (T // NL, W, NL, CL))
            by_u = tl.broadcast_to(by_u[:, None, :, :], (T // NL, W, NL, CL))
        dx_t = by_b * delta_t + skip * dy_t
        ddelta_t = by_b * x_t + by_u
        if SOFTPLUS:
            ddelta_t *= sigmoid(raw)
        if MASKED:
            ddelta_t = tl.where(in_td, ddelta_t, 0.0)
        td = t1 * D + d1
        out = in_td
        if WN > 1:
            out = in_td & first_warp
        store(dx + td, dx_t, out, MASKED or WN > 1)
        store(ddelta + td, ddelta_t, out, MASKED or WN > 1)
        if z is not None:
            y_t = scatter_over_states(y_n)
            if WN > 1:
                y_t = tl.broadcast_to(tl.sum(y_t, axis=1)[:, None, :, :], (T // NL, W, NL, CL))
            y_t += skip * x_t
            store(dz + td, dout * y_t * sigma * (1.0 + z_t * (1.0 - sigma)), out, MASKED or WN > 1)
            dz -= TW * D
        if D_skip is not None:
            sum_dD += tl.sum(dy_t * x_t, axis=0)
        if delta_bias is not None:
            sum_dbias += tl.sum(ddelta_t, axis=0)
        dx -= TW * D
        ddelta -= TW * D

    if WN > 1:
        own_dn = in_dn
        sum_dD = tl.where(first_warp, sum_dD[None, :, :, :], 0.0)
        sum_dbias = tl.where(first_warp, sum_dbias[None, :, :, :], 0.0)
    else:
        own_dn = in_dn & first_warp
        sum_dD, sum_dbias = sum_dD[None, :, :, :], sum_dbias[None, :, :, :]
        sum_dA = tl.broadcast_to(tl.sum(sum_dA, axis=1)[:, None, :, :], (NR, W, NL, CL))
        sum_dB = tl.broadcast_to(tl.sum(sum_dB, axis=1)[:, None, :, :], (NR, W, NL, CL))
        sum_dC = tl.broadcast_to(tl.sum(sum_dC, axis=1)[:, None, :, :], (NR, W, NL, CL))
    sum_dD = tl.sum(tl.sum(tl.sum(sum_dD, axis=0), axis=0), axis=0)
    sum_dbias = tl.sum(tl.sum(tl.sum(sum_dbias, axis=0), axis=0), axis=0)
    if ATOMIC:
        tl.atomic_add(dA + dn, sum_dA, mask=own_dn, sem="relaxed")
        if FIXED_B:
            tl.atomic_add(dB + dn, sum_dB, mask=own_dn, sem="relaxed")
        if FIXED_C:
            tl.atomic_add(dC + dn, sum_dC, mask=own_dn, sem="relaxed")
        if D_skip is not None:
            tl.atomic_add(dD_skip + d, sum_dD, mask=in_d, sem="relaxed")
        if delta_bias is not None:
            tl.atomic_add(ddelta_bias + d, sum_dbias, mask=in_d, sem="relaxed")
    else:
        tl.store(dA + row * D * N + dn, sum_dA, mask=own_dn)
        if FIXED_B:
            tl.store(dB + row * D * N + dn, sum_dB, mask=own_dn)
        if FIXED_C:
            tl.store(dC + row * D * N + dn, sum_dC, mask=own_dn)
        if D_skip is not None:
            tl.store(dD_skip + row * D + d, sum_dD, mask=in_d)
        if delta_bias is not None:
            tl.store(ddelta_bias + row * D + d, sum_dbias, mask=in_d)
    if dh0 is not None and block_c == 0:
        tl.store(dh0 + block_b * D * N + dn, s, mask=own_dn)
