# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""What S6 does before its scan, fused on CUDA: convolution, SiLU, and the projections that make Delta, B and C.

u = silu(conv(x)); (dt, B, C) = x_proj u; delta = dt_proj dt (bias and softplus are the scan's). One program keeps a
block of u while it multiplies it. The backward makes the gradient before the activation, computed again, and from that
all others: those of the matrices, summed over all positions, beside that of x, which looks ahead.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_conv import MAX_TAPS, before_activation, shifted
from kernels.triton_rows import (
    PRECISION,
    Tile,
    ceil,
    load_rows,
    multiprocessors,
    padded,
    product,
    store_rows,
    sum_parts,
)
from kernels.triton_tiles import sigmoid

MAX_D = 128
MAX_PROJECTED = 64  # dt_rank + 2N
FORWARD, GRADIENT, WEIGHTS = Tile(16, 4), Tile(32, 4), Tile(32, 4, crowd=2)


@triton.jit(do_not_specialize=["L"])
def conv_projection_forward(
    x, taps, bias, x_proj, dt_proj, u, projected, delta, L, x_b, x_l,
    D: tl.constexpr, R: tl.constexpr, P: tl.constexpr, TAPS: tl.constexpr,
    STEPS: tl.constexpr, PD: tl.constexpr, PP: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """u, delta (batch, L, D) and projected (batch, L, P) = dt (R), B, C of x (batch, L, D)."""
    block_b, start = tl.program_id(1).to(tl.int64), tl.program_id(0) * STEPS
    i, d, p = tl.arange(0, STEPS), tl.arange(0, PD), tl.arange(0, PP)
    b = tl.load(bias + d, mask=d < D, other=0.0)
    u_id = before_activation(x + block_b * x_b, x_l, taps, b, start + i, L, d, d < D, TAPS)
    u_id *= sigmoid(u_id)
    u += block_b * L * D
    store_rows(u, u_id, start, i, d, L, D, D == PD)
    tl.debug_barrier()  # read back, since u would be computed again in the layout of every product
    u_id = load_rows(u, start, i, d, L, D, D == PD)
    p_ip = product(u_id, tl.trans(load_rows(x_proj, 0, p, d, P, D, D == PD)), PRECISION)
    store_rows(projected + block_b * L * P, p_ip, start, i, p, L, P, P == PP)
    # dt stands in the first R columns, and dt_proj has zeros for the others
    delta_id = product(p_ip, tl.trans(load_rows(dt_proj, 0, d, p, D, R, False)), PRECISION)
    store_rows(delta + block_b * L * D, delta_id, start, i, d, L, D, D == PD)


@triton.jit(do_not_specialize=["L"])
def conv_projection_gradient(
    x, taps, bias, x_proj, dt_proj, du, ddelta, dB, dC, g, d_projected, L, x_b, x_l,
    D: tl.constexpr, R: tl.constexpr, N: tl.constexpr, TAPS: tl.constexpr,
    STEPS: tl.constexpr, PD: tl.constexpr, PP: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradients g (batch, L, D) before the activation and d_projected (batch, L, R + 2N)."""
    block_b, start = tl.program_id(1).to(tl.int64), tl.program_id(0) * STEPS
    i, d, p = tl.arange(0, STEPS), tl.arange(0, PD), tl.arange(0, PP)
    P: tl.constexpr = R + 2 * N
    whole = block_b * L * D
    ddelta_id = load_rows(ddelta + whole, start, i, d, L, D, D == PD)
    # the columns of dt; those of B and C have zeros in dt_proj and are filled from dB and dC
    dp = product(ddelta_id, load_rows(dt_proj, 0, d, p, D, R, False), PRECISION)
    at, in_t = (start + i)[:, None] * N + p[None, :] - R, (start + i < L)[:, None]
    of_B, of_C = (p >= R) & (p < R + N), (p >= R + N) & (p < P)
    dp += tl.load(dB + block_b * L * N + at, mask=in_t & of_B[None, :], other=0.0)
    dp += tl.load(dC + block_b * L * N + at - N, mask=in_t & of_C[None, :], other=0.0)
    store_rows(d_projected + block_b * L * P, dp, start, i, p, L, P, P == PP)
    g_id = product(dp, load_rows(x_proj, 0, p, d, P, D, D == PD), PRECISION)
    g_id += load_rows(du + whole, start, i, d, L, D, D == PD)
    b = tl.load(bias + d, mask=d < D, other=0.0)
    v = before_activation(x + block_b * x_b, x_l, taps, b, start + i, L, d, d < D, TAPS)
    sigma = sigmoid(v)
    store_rows(g + whole, g_id * (sigma * (1.0 + v * (1.0 - sigma))), start, i, d, L, D, D == PD)


@triton.jit
def _projection_weights(
    u, projected, ddelta, d_projected, d_dt_proj, d_x_proj, rows, first, step,
    D: tl.constexpr, R: tl.constexpr, P: tl.constexpr,
    STEPS: tl.constexpr, PD: tl.constexpr, PR: tl.constexpr, PP: tl.constexpr,
    STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """What every step-th block of rows adds to the gradients of dt_proj (D, R) and x_proj (P, D)."""
    i, d, r, p = tl.arange(0, STEPS), tl.arange(0, PD), tl.arange(0, PR), tl.arange(0, PP)
    of_dt_proj = tl.zeros((PD, PR), tl.float32)
    of_x_proj = tl.zeros((PP, PD), tl.float32)
    for block in tl.range(first, tl.cdiv(rows, STEPS), step, num_stages=STAGES):
        start = block * STEPS
        d_projected_ip = load_rows(d_projected, start, i, p, rows, P, P == PP)
        of_x_proj += product(tl.trans(d_projected_ip), load_rows(u, start, i, d, rows, D, D == PD), PRECISION)
        dt_ir = tl.where((r < R)[None, :], load_rows(projected, start, i, r, rows, P, False), 0.0)
        of_dt_proj += product(tl.trans(load_rows(ddelta, start, i, d, rows, D, D == PD)), dt_ir, PRECISION)
    store_rows(d_dt_proj, of_dt_proj, 0, d, r, D, R, R == PR)
    store_rows(d_x_proj, of_x_proj, 0, p, d, P, D, D == PD)


@triton.jit
def _conv_gradients(
    x, g, taps, dx, d_taps, d_bias, L, blocks, x_b, x_l, first, step,
    D: tl.constexpr, TAPS: tl.constexpr, STEPS: tl.constexpr, PD: tl.constexpr,
):  # fmt: skip
    """The gradient dx of every step-th block of time, and what it adds to the gradients of taps (D, TAPS) and bias."""
    d, k8 = tl.arange(0, PD), tl.arange(0, 8)
    in_d = d < D
    of_taps = tl.zeros((8, PD), tl.float32)
    of_bias = tl.zeros((PD,), tl.float32)
    per_sequence = tl.cdiv(L, STEPS)
    for block in tl.range(first, blocks, step, num_stages=1):
        block_b = block // per_sequence
        t = (block % per_sequence) * STEPS + tl.arange(0, STEPS)
        rows_x, rows_g = x + block_b * x_b, g + block_b * L * D
        now = shifted(rows_g, D, t, 0, L, d, in_d)
        of_bias += tl.sum(now, axis=0)
        dx_td = tl.zeros((STEPS, PD), tl.float32)
        for k in tl.static_range(TAPS):
            tap = tl.load(taps + d * TAPS + k, mask=in_d, other=0.0)
            dx_td += tap[None, :] * shifted(rows_g, D, t, k + 1 - TAPS, L, d, in_d)
            of_tap = tl.sum(now * shifted(rows_x, x_l, t, TAPS - 1 - k, L, d, in_d), axis=0)
            of_taps += tl.where((k8 == k)[:, None], of_tap[None, :], 0.0)
        at = block_b * L * D + t[:, None] * D + d[None, :]
        tl.store(dx + at, dx_td, mask=(t < L)[:, None] & in_d[None, :])
    tl.store(d_taps + d[None, :] * TAPS + k8[:, None], of_taps, mask=(k8 < TAPS)[:, None] & in_d[None, :])
    tl.store(d_bias + d, of_bias, mask=in_d)


@triton.jit(do_not_specialize=["L", "batch"])
def conv_projection_weights(
    x, u, projected, ddelta, d_projected, g, taps, dx, partial, batch, L, x_b, x_l,
    D: tl.constexpr, R: tl.constexpr, P: tl.constexpr, TAPS: tl.constexpr,
    STEPS: tl.constexpr, PD: tl.constexpr, PR: tl.constexpr, PP: tl.constexpr,
    STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Side by side: gradients of dt_proj and x_proj, and of all that the convolution reads.

    partial (programs, n) holds the taps (D, TAPS), the bias, dt_proj (D, R), and x_proj (P, D), in this order.
    """
    first, step = tl.program_id(0).to(tl.int64), tl.num_programs(0)
    partial += first * (D * (TAPS + 1 + R + P))
    d_dt_proj = partial + D * (TAPS + 1)
    if tl.program_id(1) == 0:
        _projection_weights(
            u, projected, ddelta, d_projected, d_dt_proj, d_dt_proj + D * R, batch * L, first, step,
            D, R, P, STEPS, PD, PR, PP, STAGES, PRECISION,
        )  # fmt: skip
    else:
        blocks = batch * tl.cdiv(L, STEPS)
        _conv_gradients(
            x, g, taps, dx, partial, partial + D * TAPS, L, blocks, x_b, x_l, first, step, D, TAPS, STEPS, PD
        )


class _ConvProject(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, bias: Tensor, x_proj: Tensor, dt_proj: Tensor) -> tuple[Tensor, ...]:
        x = x if x.stride(-1) == 1 else x.contiguous()
        (batch, L, D), R, P = x.shape, dt_proj.shape[1], x_proj.shape[0]
        u, delta = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for _ in range(2))
        projected = x.new_empty(batch, L, P)
        conv_projection_forward[ceil(L, FORWARD.rows), batch](
            x, taps, bias, x_proj, dt_proj, u, projected, delta, L, *x.stride()[:2],
            D=D, R=R, P=P, TAPS=taps.shape[1], STEPS=FORWARD.rows, PD=padded(D), PP=padded(P),
            PRECISION=PRECISION, num_warps=FORWARD.warps,
        )  # fmt: skip
        N = (P - R) // 2
        ctx.save_for_backward(x, taps, bias, x_proj, dt_proj, u, projected)
        return u, delta, projected[..., R : R + N], projected[..., R + N :]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        x, taps, bias, x_proj, dt_proj, u, projected = ctx.saved_tensors
        du, ddelta, dB, dC = (d.contiguous() for d in grads)
        (batch, L, D), R, P, K = x.shape, dt_proj.shape[1], x_proj.shape[0], taps.shape[1]
        g, d_projected, dx = torch.empty_like(u), torch.empty_like(projected), torch.empty_like(u)
        sizes = {"D": D, "R": R, "TAPS": K, "PD": padded(D), "PP": padded(P), "PRECISION": PRECISION}
        conv_projection_gradient[ceil(L, GRADIENT.rows), batch](
            x, taps, bias, x_proj, dt_proj, du, ddelta, dB, dC, g, d_projected, L, *x.stride()[:2],
            N=(P - R) // 2, STEPS=GRADIENT.rows, num_warps=GRADIENT.warps, **sizes,
        )  # fmt: skip
        parts = (K * D, D, D * R, P * D)
        programs = min(ceil(batch * L, WEIGHTS.rows), ceil(WEIGHTS.crowd * multiprocessors(x.device), 2))
        partial = x.new_empty(programs, sum(parts))
        conv_projection_weights[programs, 2](
            x, u, projected, ddelta, d_projected, g, taps, dx, partial, batch, L, *x.stride()[:2],
            P=P, PR=padded(R), STEPS=WEIGHTS.rows, STAGES=WEIGHTS.stages, num_warps=WEIGHTS.warps, **sizes,
        )  # fmt: skip
        d_taps, d_bias, d_dt_proj, d_x_proj = sum_parts(partial).split(parts)
        return dx, d_taps.view(D, K), d_bias, d_x_proj.view(P, D), d_dt_proj.view(D, R)


def fits(taps: Tensor, x_proj: Tensor) -> bool:
    """Whether a program can hold these matrices and their gradients."""
    (D, K), P = taps.shape, x_proj.shape[0]
    return K <= MAX_TAPS and D <= MAX_D and P <= MAX_PROJECTED and x_proj.dtype == torch.float32


def conv_project(
    x: Tensor, taps: Tensor, bias: Tensor, x_proj: Tensor, dt_proj: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`kernels.conv_project` on CUDA for sizes that `fits` accepts."""
    u, delta, B, C = _ConvProject.apply(x, taps.contiguous(), bias, x_proj.contiguous(), dt_proj.contiguous())
    return u, delta, B, C
