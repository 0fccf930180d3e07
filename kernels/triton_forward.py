# ruff: noqa: ANN001, ANN201 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Forward kernels of the selective scan on CUDA; `triton_scan` launches them, `triton_tiles` explains the layout."""

import triton
import triton.language as tl

from kernels.triton_tiles import LN2, LOG2E, channels, compose, load_td, load_tn, over_n, phi1, sigmoid, step_sizes


@triton.jit(do_not_specialize=["L", "chunk"])
def forward_kernel(
    x, delta, A, B, C, D_skip, z, delta_bias, start, y, end, total, checkpoints,
    L, D, N, chunk,
    x_b, x_l, delta_b, delta_l, B_b, B_l, C_b, C_l, z_b, z_l,
    SOFTPLUS: tl.constexpr, ZOH: tl.constexpr, EMIT: tl.constexpr, EVERY: tl.constexpr,
    T: tl.constexpr, R: tl.constexpr, PN: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """One chunk of one sequence for R * CL channels.

    With EMIT it starts from `start`, writes y, the states before every EVERY-th step (when asked for) and, in the last
    chunk, `end`. Without, it starts from zero and leaves the chunk's own contribution in `end`, its sum of delta in
    `total`.
    """
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
    here = (block_b * chunks + block_c) * D * N

    bias = tl.zeros((R, CL), tl.float32)
    if delta_bias is not None:
        bias = tl.load(delta_bias + d, mask=in_d, other=0.0)
    skip = tl.zeros((R, CL), tl.float32)
    if EMIT and D_skip is not None:
        skip = tl.load(D_skip + d, mask=in_d, other=0.0)
    h = tl.zeros((R, PN, CL), tl.float32)
    if EMIT and start is not None:
        h = tl.load(start + here + dn, mask=in_dn, other=0.0)
    sum_delta = tl.zeros((R, CL), tl.float32)

    x += block_b * x_b + first64 * x_l
    delta += block_b * delta_b + first64 * delta_l
    B += block_b * B_b + first64 * B_l
    if EMIT:
        C += block_b * C_b + first64 * C_l
        y += (block_b * L + first64) * D
    if EMIT and z is not None:
        z += block_b * z_b + first64 * z_l
    if EMIT and checkpoints is not None:
        checkpoints += (block_b * tl.cdiv(L, EVERY) + first64 // EVERY) * D * N
        nd = n[None, :, None] * D + d[:, None, :]

    for k in range(0, tl.cdiv(steps, T)):
        in_t = k * T + i < steps
        in_td = in_t[:, None, None] & in_d[None, :, :]
        in_tn = in_t[:, None] & in_n[None, :]
        x_t = load_td(x, x_l, i, d, in_td)
        delta_t, _ = step_sizes(delta, delta_l, i, d, in_td, bias, SOFTPLUS)
        B_t = load_tn(B, B_l, i, n, in_tn)

        u = delta_t[:, :, None, :] * A_log2[None, :, :, :]
        a = tl.exp2(u)
        b = (delta_t * x_t)[:, :, None, :] * B_t
        if ZOH:
            b *= phi1(u * LN2, a)
        at_start = (i == 0)[:, None, None, None]
        b += tl.where(at_start, a * h[None, :, :, :], 0.0)
        _, h_t = tl.associative_scan((a, b), 0, compose)

        if EMIT and checkpoints is not None:
            # state before step k T + i, for every EVERY-th step: the last state of the tile before, then those inside
            row = (k * T) // EVERY
            if (k * T) % EVERY == 0:
                tl.store(checkpoints + row.to(tl.int64) * D * N + nd, h, mask=in_dn)
            if T > EVERY:
                after = (i + 1)[:, None, None, None]
                inside = (after % EVERY == 0) & (after < T) & (k * T + after < steps)
                at = checkpoints + (row + after // EVERY).to(tl.int64) * D * N + nd[None, :, :, :]
                tl.store(at, h_t, mask=inside & in_dn[None, :, :, :])
        h = tl.sum(tl.where((i == T - 1)[:, None, None, None], h_t, 0.0), axis=0)

        if EMIT:
            y_t = over_n(load_tn(C, C_l, i, n, in_tn) * h_t) + skip[None, :, :] * x_t
            if z is not None:
                z_t = load_td(z, z_l, i, d, in_td)
                y_t *= z_t * sigmoid(z_t)
                z += T * z_l
            tl.store(y + i[:, None, None] * D + d[None, :, :], y_t.to(y.dtype.element_ty), mask=in_td)
            C += T * C_l
            y += T * D
        else:
            sum_delta += tl.sum(delta_t, axis=0)
        x += T * x_l
        delta += T * delta_l
        B += T * B_l

    if EMIT:
        if block_c == chunks - 1:
            tl.store(end + block_b * D * N + dn, h, mask=in_dn)
    else:
        tl.store(end + here + dn, h, mask=in_dn)
        tl.store(total + (block_b * chunks + block_c) * D + d, sum_delta, mask=in_d)


@triton.jit(do_not_specialize=["chunks"])
def combine_kernel(
    A, own, total, initial, chunks, D, N, REVERSE: tl.constexpr, R: tl.constexpr, PN: tl.constexpr, CL: tl.constexpr
):
    """Turn every chunk's own contribution into the state it starts from, in place: s -> exp(A total) s + own."""
    block_b = tl.program_id(1).to(tl.int64)
    d, n = channels(R, CL), tl.arange(0, PN)
    dn = d[:, None, :] * N + n[None, :, None]
    in_dn = (d < D)[:, None, :] & (n < N)[None, :, None]
    A_log2 = tl.load(A + dn, mask=in_dn, other=0.0) * LOG2E
    s = tl.zeros((R, PN, CL), tl.float32)
    if initial is not None:
        s = tl.load(initial + block_b * D * N + dn, mask=in_dn, other=0.0)
    for k in range(0, chunks):
        c = k
        if REVERSE:
            c = chunks - 1 - k
        row = block_b * chunks + c
        added = tl.load(own + row * D * N + dn, mask=in_dn, other=0.0)
        through = tl.load(total + row * D + d, mask=d < D, other=0.0)
        tl.store(own + row * D * N + dn, s, mask=in_dn)
        s = tl.exp2(through[:, None, :] * A_log2) * s + added
