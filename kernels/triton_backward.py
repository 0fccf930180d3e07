# ruff: noqa: ANN001, ANN201 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Backward kernels of the selective scan on CUDA; `triton_scan` launches them, `triton_tiles` explains the layout."""

import triton
import triton.language as tl

from kernels.triton_tiles import (
    LN2,
    LOG2E,
    channels,
    compose,
    load_td,
    load_tn,
    over_d,
    over_n,
    phi1,
    phi1_slope,
    previous,
    sigmoid,
    step_sizes,
)


@triton.jit(do_not_specialize=["L", "chunk"])
def backward_summary_kernel(
    delta, A, C, z, delta_bias, dy, own, total,
    L, D, N, chunk,
    delta_b, delta_l, C_b, C_l, z_b, z_l,
    SOFTPLUS: tl.constexpr,
    T: tl.constexpr, R: tl.constexpr, PN: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """What one chunk sends back to the state before it when nothing comes from behind, and its sum of delta."""
    block_c, block_b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks = tl.num_programs(1)
    first = block_c * chunk
    steps = tl.minimum(chunk, L - first)
    first64 = first.to(tl.int64)
    d, n, i = channels(R, CL), tl.arange(0, PN), tl.arange(0, T)
    in_d, in_n = d < D, n < N
    dn = d[:, None, :] * N + n[None, :, None]
    in_dn = in_d[:, None, :] & in_n[None, :, None]
    A_log2 = tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E
    bias = tl.zeros((R, CL), tl.float32)
    if delta_bias is not None:
        bias = tl.load(delta_bias + d, mask=in_d, other=0.0)

    # sum over t of (prod over s <= t of a_s) C_t dy_t needs no reverse scan: the decay is exp(A * running sum of delta)
    delta += block_b * delta_b + first64 * delta_l
    C += block_b * C_b + first64 * C_l
    dy += (block_b * L + first64) * D
    if z is not None:
        z += block_b * z_b + first64 * z_l
    s = tl.zeros((R, PN, CL), tl.float32)
    sum_delta = tl.zeros((R, CL), tl.float32)
    for k in range(0, tl.cdiv(steps, T)):
        in_t = k * T + i < steps
        in_td = in_t[:, None, None] & in_d[None, :, :]
        delta_t, _ = step_sizes(delta, delta_l, i, d, in_td, bias, SOFTPLUS)
        dy_t = load_td(dy, D, i, d, in_td)
        if z is not None:
            z_t = load_td(z, z_l, i, d, in_td)
            dy_t *= z_t * sigmoid(z_t)
            z += T * z_l
        running = tl.cumsum(delta_t, axis=0) + sum_delta[None, :, :]
        C_t = load_tn(C, C_l, i, n, in_t[:, None] & in_n[None, :])
        s += tl.sum(tl.exp2(running[:, :, None, :] * A_log2[None, :, :, :]) * (C_t * dy_t[:, :, None, :]), axis=0)
        sum_delta += tl.sum(delta_t, axis=0)
        delta += T * delta_l
        C += T * C_l
        dy += T * D
    row = block_b * chunks + block_c
    tl.store(own + row * D * N + dn, s, mask=in_dn)
    tl.store(total + row * D + d, sum_delta, mask=in_d)


@triton.jit(do_not_specialize=["L", "chunk"])
def backward_kernel(
    x, delta, A, B, C, D_skip, z, delta_bias, checkpoints, dy, start,
    dx, ddelta, dz, dB, dC, dA, dD_skip, ddelta_bias, dh0,
    L, D, N, chunk,
    x_b, x_l, delta_b, delta_l, B_b, B_l, C_b, C_l, z_b, z_l,
    SOFTPLUS: tl.constexpr, ZOH: tl.constexpr,
    T: tl.constexpr, R: tl.constexpr, PN: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """All gradients of one chunk of one sequence for R * CL channels, its tiles from the last to the first.

    The states of a tile are computed again from its checkpoint. `start` is what the steps behind the chunk send back
    to its last state.
    """
    block_d, block_c, block_b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks, batch = tl.num_programs(1), tl.num_programs(2)
    first = block_c * chunk
    steps = tl.minimum(chunk, L - first)
    d, n, i = channels(R, CL), tl.arange(0, PN), tl.arange(0, T)
    in_d, in_n = d < D, n < N
    dn = d[:, None, :] * N + n[None, :, None]
    nd = n[None, :, None] * D + d[:, None, :]
    in_dn = in_d[:, None, :] & in_n[None, :, None]
    A_log2 = tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E
    row = block_b * chunks + block_c

    bias = tl.zeros((R, CL), tl.float32)
    if delta_bias is not None:
        bias = tl.load(delta_bias + d, mask=in_d, other=0.0)
    skip = tl.zeros((R, CL), tl.float32)
    if D_skip is not None:
        skip = tl.load(D_skip + d, mask=in_d, other=0.0)
    s = tl.zeros((R, PN, CL), tl.float32)  # gradient that flows to the last state of the tile from behind
    if start is not None:
        s = tl.load(start + row * D * N + dn, mask=in_dn, other=0.0)
    sum_dA = tl.zeros((R, PN, CL), tl.float32)
    sum_dD = tl.zeros((R, CL), tl.float32)
    sum_dbias = tl.zeros((R, CL), tl.float32)

    tiles = tl.cdiv(steps, T)
    last64 = (first + (tiles - 1) * T).to(tl.int64)  # first step of the last tile
    x += block_b * x_b + last64 * x_l
    delta += block_b * delta_b + last64 * delta_l
    B += block_b * B_b + last64 * B_l
    C += block_b * C_b + last64 * C_l
    dy += (block_b * L + last64) * D
    dx += (block_b * L + last64) * D
    ddelta += (block_b * L + last64) * D
    dB += ((block_d * batch + block_b) * L + last64) * N
    dC += ((block_d * batch + block_b) * L + last64) * N
    checkpoints += (block_b * tl.cdiv(L, T) + last64 // T) * D * N
    if z is not None:
        z += block_b * z_b + last64 * z_l
        dz += (block_b * L + last64) * D

    for k in range(0, tiles):
        in_t = (tiles - 1 - k) * T + i < steps
        in_td = in_t[:, None, None] & in_d[None, :, :]
        in_tn = in_t[:, None] & in_n[None, :]
        td = i[:, None, None] * D + d[None, :, :]
        tn = i[:, None] * N + n[None, :]
        x_t = load_td(x, x_l, i, d, in_td)
        delta_t, raw = step_sizes(delta, delta_l, i, d, in_td, bias, SOFTPLUS)
        dy_t = load_td(dy, D, i, d, in_td)
        B_t = load_tn(B, B_l, i, n, in_tn)
        C_t = load_tn(C, C_l, i, n, in_tn)
        h = tl.load(checkpoints + nd, mask=in_dn, other=0.0)

        # the states again
        u = delta_t[:, :, None, :] * A_log2[None, :, :, :]
        a = tl.exp2(u)
        gain = delta_t[:, :, None, :]
        if ZOH:
            phi = phi1(u * LN2, a)
            gain = gain * phi
        b = gain * x_t[:, :, None, :] * B_t
        entering = tl.where((i == 0)[:, None, None, None], a * h[None, :, :, :], 0.0)
        _, h_t = tl.associative_scan((a, b + entering), 0, compose)
        kept = a * previous(h_t) + entering

        # gate
        if z is not None:
            z_t = load_td(z, z_l, i, d, in_td)
            sigma = sigmoid(z_t)
            y_t = over_n(C_t * h_t) + skip[None, :, :] * x_t
            tl.store(dz + td, (dy_t * y_t * sigma * (1.0 + z_t * (1.0 - sigma))).to(dz.dtype.element_ty), mask=in_td)
            dy_t *= z_t * sigma
            z -= T * z_l
            dz -= T * D

        # dh_t = C_t dy_t + a_(t+1) dh_(t+1), backwards in time
        flow = C_t * dy_t[:, :, None, :] + tl.where((i == T - 1)[:, None, None, None], s[None, :, :, :], 0.0)
        a_behind = previous(tl.flip(a, 0))
        _, dh = tl.associative_scan((a_behind, tl.flip(flow, 0)), 0, compose)
        dh = tl.flip(dh, 0)
        s = tl.sum(tl.where((i == 0)[:, None, None, None], a * dh, 0.0), axis=0)

        dC_t = over_d(h_t * dy_t[:, :, None, :])
        dB_t = over_d(dh * (gain * x_t[:, :, None, :]))
        tl.store(dC + tn, dC_t, mask=in_tn)
        tl.store(dB + tn, dB_t, mask=in_tn)

        du = dh * kept  # u = delta A
        dh_B = dh * B_t
        if ZOH:
            dx_t = over_n(dh_B * gain)
            ddelta_t = over_n(dh_B * phi) * x_t
            du += dh_B * (delta_t * x_t)[:, :, None, :] * phi1_slope(u * LN2, a, phi)
        else:
            through = over_n(dh_B)
            dx_t = through * delta_t
            ddelta_t = through * x_t
        ddelta_t += over_n(du * A_log2[None, :, :, :]) * LN2
        if SOFTPLUS:
            ddelta_t *= sigmoid(raw)
        ddelta_t = tl.where(in_td, ddelta_t, 0.0)
        dx_t += skip[None, :, :] * dy_t
        tl.store(dx + td, dx_t.to(dx.dtype.element_ty), mask=in_td)
        tl.store(ddelta + td, ddelta_t.to(ddelta.dtype.element_ty), mask=in_td)

        sum_dA += tl.sum(du * delta_t[:, :, None, :], axis=0)
        sum_dD += tl.sum(dy_t * x_t, axis=0)
        sum_dbias += tl.sum(ddelta_t, axis=0)
        x -= T * x_l
        delta -= T * delta_l
        B -= T * B_l
        C -= T * C_l
        dy -= T * D
        dx -= T * D
        ddelta -= T * D
        dB -= T * N
        dC -= T * N
        checkpoints -= D * N

    tl.store(dA + row * D * N + dn, sum_dA, mask=in_dn)
    if D_skip is not None:
        tl.store(dD_skip + row * D + d, sum_dD, mask=in_d)
    if delta_bias is not None:
        tl.store(ddelta_bias + row * D + d, sum_dbias, mask=in_d)
    if dh0 is not None and block_c == 0:
        tl.store(dh0 + block_b * D * N + dn, s, mask=in_dn)
