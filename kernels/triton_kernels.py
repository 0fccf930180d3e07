# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Device functions of the selective scan on CUDA; `triton_scan` launches them. The only file that imports triton.

A program owns a few channels of one chunk of one sequence and walks through time in tiles of `T` steps. A tile is
laid out [T, R, N, CL]: `R * CL` channels, the last `CL` on neighbouring lanes, and time inside the thread. So
`tl.associative_scan` over axis 0 lowers to plain multiply-adds without a shuffle, and shifting or flipping time
renames registers.

Names: `_b` and `_l` are strides of the batch and of a row (a step), PN is N rounded up to a power of two, `in_...`
masks what lies inside the tensors, `u = delta A`, `a = exp(u)`.
"""

import triton
import triton.language as tl

INTERPRETED = bool(triton.knobs.runtime.interpret)  # runs on the CPU, step by step, for tests

LOG2E = tl.constexpr(1.4426950408889634)
LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def _compose(a_l, h_l, a_r, h_r):
    """The two steps h -> a h + b, l before r, as one."""
    return a_l * a_r, a_r * h_l + h_r


@triton.jit
def _shift(v_l, before_l, many_l, v_r, before_r, many_r):
    """The element before the last one; `many` is 0 for a single element."""
    return v_r, tl.where(many_r == 0, v_l, before_r), many_r | 1


@triton.jit
def _previous(v):
    """v[t - 1] along axis 0, and 0 at the first t. A scan, so that inside a thread it costs nothing."""
    zero = tl.zeros_like(v)
    _, before, _ = tl.associative_scan((v, zero, zero.to(tl.int32)), 0, _shift)
    return before


@triton.jit
def _sigmoid(v):
    return 1.0 / (1.0 + tl.exp(-v))


@triton.jit
def _softplus(v):
    """log(1 + exp(v)) with full relative precision at both ends."""
    e = tl.exp(-tl.abs(v))
    one_e = 1.0 + e
    # log(1 + e) loses the digits of a small e; the factor repairs what rounding 1 + e took (Kahan)
    log1p = tl.where(one_e == 1.0, e, tl.log(one_e) * (e / (one_e - 1.0)))
    return tl.maximum(v, 0.0) + log1p


@triton.jit
def _phi(u, a):
    """(exp(u) - 1) / u with a = exp(u), u <= 0; the series where the difference cancels."""
    series = 1.0 + u * (1 / 2 + u * (1 / 6 + u * (1 / 24 + u * (1 / 120 + u * (1 / 720 + u * (1 / 5040))))))
    return tl.where(tl.abs(u) < 0.25, series, (a - 1.0) / u)


@triton.jit
def _phi_slope(u, a, phi):
    """Slope of phi: (exp(u) - phi) / u."""
    series = 1 / 2 + u * (1 / 3 + u * (1 / 8 + u * (1 / 30 + u * (1 / 144 + u * (1 / 840 + u * (1 / 5760))))))
    return tl.where(tl.abs(u) < 0.25, series, (a - phi) / u)


@triton.jit
def _load_td(pointer, stride, t, d, mask):
    """[T, R, CL] of a (L, D) matrix whose rows lie `stride` apart."""
    return tl.load(pointer + t[:, None, None] * stride + d[None, :, :], mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _load_tn(pointer, stride, t, n, mask):
    """[T, 1, N, 1] of a (L, N) matrix."""
    tile = tl.load(pointer + t[:, None] * stride + n[None, :], mask=mask, other=0.0).to(tl.float32)
    return tile[:, None, :, None]


@triton.jit
def _channels(R: tl.constexpr, CL: tl.constexpr):
    """[R, CL] channel numbers of this program."""
    return tl.program_id(0) * (R * CL) + tl.arange(0, R)[:, None] * CL + tl.arange(0, CL)[None, :]


@triton.jit
def _over_n(v):
    """[T, R, N, CL] -> [T, R, CL]."""
    return tl.sum(v, axis=2)


@triton.jit
def _over_d(v):
    """[T, R, N, CL] -> [T, N]; the channels inside the thread first, so that fewer values are shuffled."""
    return tl.sum(tl.sum(v, axis=1), axis=2)


@triton.jit
def _step_sizes(delta, stride, t, d, mask, bias, SOFTPLUS: tl.constexpr):
    """Delta of a tile and its raw value; 0 outside the sequence, where a step must leave the state alone."""
    raw = _load_td(delta, stride, t, d, mask) + bias[None, :, :]
    size = raw
    if SOFTPLUS:
        size = _softplus(raw)
    return tl.where(mask, size, 0.0), raw


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
    d, n, i = _channels(R, CL), tl.arange(0, PN), tl.arange(0, T)
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
        x_t = _load_td(x, x_l, i, d, in_td)
        delta_t, _ = _step_sizes(delta, delta_l, i, d, in_td, bias, SOFTPLUS)
        B_t = _load_tn(B, B_l, i, n, in_tn)

        u = delta_t[:, :, None, :] * A_log2[None, :, :, :]
        a = tl.exp2(u)
        b = (delta_t * x_t)[:, :, None, :] * B_t
        if ZOH:
            b *= _phi(u * LN2, a)
        at_start = (i == 0)[:, None, None, None]
        b += tl.where(at_start, a * h[None, :, :, :], 0.0)
        _, h_t = tl.associative_scan((a, b), 0, _compose)

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
            y_t = _over_n(_load_tn(C, C_l, i, n, in_tn) * h_t) + skip[None, :, :] * x_t
            if z is not None:
                z_t = _load_td(z, z_l, i, d, in_td)
                y_t *= z_t * _sigmoid(z_t)
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
    d, n = _channels(R, CL), tl.arange(0, PN)
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
    d, n, i = _channels(R, CL), tl.arange(0, PN), tl.arange(0, T)
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
        delta_t, _ = _step_sizes(delta, delta_l, i, d, in_td, bias, SOFTPLUS)
        dy_t = _load_td(dy, D, i, d, in_td)
        if z is not None:
            z_t = _load_td(z, z_l, i, d, in_td)
            dy_t *= z_t * _sigmoid(z_t)
            z += T * z_l
        running = tl.cumsum(delta_t, axis=0) + sum_delta[None, :, :]
        C_t = _load_tn(C, C_l, i, n, in_t[:, None] & in_n[None, :])
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
    d, n, i = _channels(R, CL), tl.arange(0, PN), tl.arange(0, T)
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
        x_t = _load_td(x, x_l, i, d, in_td)
        delta_t, raw = _step_sizes(delta, delta_l, i, d, in_td, bias, SOFTPLUS)
        dy_t = _load_td(dy, D, i, d, in_td)
        B_t = _load_tn(B, B_l, i, n, in_tn)
        C_t = _load_tn(C, C_l, i, n, in_tn)
        h = tl.load(checkpoints + nd, mask=in_dn, other=0.0)

        # the states again
        u = delta_t[:, :, None, :] * A_log2[None, :, :, :]
        a = tl.exp2(u)
        gain = delta_t[:, :, None, :]
        if ZOH:
            phi = _phi(u * LN2, a)
            gain = gain * phi
        b = gain * x_t[:, :, None, :] * B_t
        entering = tl.where((i == 0)[:, None, None, None], a * h[None, :, :, :], 0.0)
        _, h_t = tl.associative_scan((a, b + entering), 0, _compose)
        kept = a * _previous(h_t) + entering

        # gate
        if z is not None:
            z_t = _load_td(z, z_l, i, d, in_td)
            sigma = _sigmoid(z_t)
            y_t = _over_n(C_t * h_t) + skip[None, :, :] * x_t
            tl.store(dz + td, (dy_t * y_t * sigma * (1.0 + z_t * (1.0 - sigma))).to(dz.dtype.element_ty), mask=in_td)
            dy_t *= z_t * sigma
            z -= T * z_l
            dz -= T * D

        # dh_t = C_t dy_t + a_(t+1) dh_(t+1), backwards in time
        flow = C_t * dy_t[:, :, None, :] + tl.where((i == T - 1)[:, None, None, None], s[None, :, :, :], 0.0)
        a_behind = _previous(tl.flip(a, 0))
        _, dh = tl.associative_scan((a_behind, tl.flip(flow, 0)), 0, _compose)
        dh = tl.flip(dh, 0)
        s = tl.sum(tl.where((i == 0)[:, None, None, None], a * dh, 0.0), axis=0)

        dC_t = _over_d(h_t * dy_t[:, :, None, :])
        dB_t = _over_d(dh * (gain * x_t[:, :, None, :]))
        tl.store(dC + tn, dC_t, mask=in_tn)
        tl.store(dB + tn, dB_t, mask=in_tn)

        du = dh * kept  # u = delta A
        dh_B = dh * B_t
        if ZOH:
            dx_t = _over_n(dh_B * gain)
            ddelta_t = _over_n(dh_B * phi) * x_t
            du += dh_B * (delta_t * x_t)[:, :, None, :] * _phi_slope(u * LN2, a, phi)
        else:
            through = _over_n(dh_B)
            dx_t = through * delta_t
            ddelta_t = through * x_t
        ddelta_t += _over_n(du * A_log2[None, :, :, :]) * LN2
        if SOFTPLUS:
            ddelta_t *= _sigmoid(raw)
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
