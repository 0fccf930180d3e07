# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""What S6 does before its scan, fused on CUDA: convolution, SiLU, and the projections that make Delta, B and C.

u = silu(conv(x)); (dt, B, C) = x_proj u; delta = dt_proj dt (bias and softplus are the scan's). One program keeps a
block of u in registers while it multiplies it, so x is read once. The backward computes u again and gives all gradients
in two passes: over blocks of time, and the convolution's own, which looks ahead.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels import triton_conv
from kernels.triton_conv import MAX_TAPS, before_activation, shifted
from kernels.triton_linear import PRECISION, ceil, load_rows, multiprocessors, padded, product
from kernels.triton_tiles import sigmoid

MAX_D = 128
MAX_PROJECTED = 64  # dt_rank + 2N
STEPS = 16
WARPS = 8


@triton.jit(do_not_specialize=["L"])
def conv_projection_forward(
    x, taps, bias, x_proj, dt_proj, u, projected, delta, L, x_b, x_l,
    D: tl.constexpr, R: tl.constexpr, P: tl.constexpr, TAPS: tl.constexpr,
    STEPS: tl.constexpr, PD: tl.constexpr, PP: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """u, delta (batch, L, D) and projected (batch, L, P) = dt (R), B, C of x (batch, L, D)."""
    block_b = tl.program_id(1).to(tl.int64)
    t = tl.program_id(0) * STEPS + tl.arange(0, STEPS)
    d, p = tl.arange(0, PD), tl.arange(0, PP)
    b = tl.load(bias + d, mask=d < D, other=0.0)
    u_td = before_activation(x + block_b * x_b, x_l, taps, b, t, L, d, d < D, TAPS)
    u_td *= sigmoid(u_td)
    inside = (t < L)[:, None] & (d < D)[None, :]
    m = block_b * L + t
    tl.store(u + m[:, None] * D + d[None, :], u_td, mask=inside)
    tl.debug_barrier()  # read back, since u would be computed again in the layout of every product
    u_td = tl.load(u + m[:, None] * D + d[None, :], mask=inside, other=0.0)
    p_tp = product(u_td, tl.trans(load_rows(x_proj, p, d, P, D)), PRECISION)
    tl.store(projected + m[:, None] * P + p[None, :], p_tp, mask=(t < L)[:, None] & (p < P)[None, :])
    # dt stands in the first R columns, and dt_proj has zeros for the others
    delta_td = product(p_tp, tl.trans(load_rows(dt_proj, d, p, D, R)), PRECISION)
    tl.store(delta + m[:, None] * D + d[None, :], delta_td, mask=inside)


@triton.jit(do_not_specialize=["L", "blocks"])
def conv_projection_backward(
    x, taps, bias, x_proj, dt_proj, projected, du, ddelta, dB, dC, g, partial, L, blocks, x_b, x_l,
    D: tl.constexpr, R: tl.constexpr, N: tl.constexpr, TAPS: tl.constexpr,
    STEPS: tl.constexpr, PD: tl.constexpr, PR: tl.constexpr, PN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient g before the activation, and this program's part of those of taps, bias, dt_proj and x_proj.

    partial (programs, n) holds the taps (D, TAPS), the bias, dt_proj (D, R), and x_proj (R + 2N, D), in this order.
    """
    d, r, n = tl.arange(0, PD), tl.arange(0, PR), tl.arange(0, PN)
    in_d = d < D
    partial += tl.program_id(0) * (D * (TAPS + 1 + 2 * R + 2 * N))
    b = tl.load(bias + d, mask=in_d, other=0.0)
    d_taps = tl.zeros((8, PD), tl.float32)
    d_bias = tl.zeros((PD,), tl.float32)
    d_dt_proj = tl.zeros((PD, PR), tl.float32)
    d_proj_dt = tl.zeros((PR, PD), tl.float32)
    d_proj_B = tl.zeros((PN, PD), tl.float32)
    d_proj_C = tl.zeros((PN, PD), tl.float32)
    per_sequence = tl.cdiv(L, STEPS)
    for block in tl.range(tl.program_id(0).to(tl.int64), blocks, tl.num_programs(0), num_stages=1):
        block_b = block // per_sequence
        t = (block % per_sequence) * STEPS + tl.arange(0, STEPS)
        m = tl.where(t < L, block_b * L + t, -1)
        in_t = t < L
        rows_x = x + block_b * x_b
        ddelta_td = _load(ddelta, m, d, in_t, D)
        dt_tr = tl.load(
            projected + m[:, None] * (R + 2 * N) + r[None, :], mask=in_t[:, None] & (r < R)[None, :], other=0.0
        )
        d_dt_proj += product(tl.trans(ddelta_td), dt_tr, PRECISION)
        d_dt = product(ddelta_td, load_rows(dt_proj, d, r, D, R), PRECISION)

        v = before_activation(rows_x, x_l, taps, b, t, L, d, in_d, TAPS)
        sigma = sigmoid(v)
        u_td = tl.where(in_t[:, None], v * sigma, 0.0)
        dB_tn, dC_tn = _load(dB, m, n, in_t, N), _load(dC, m, n, in_t, N)
        d_proj_dt += product(tl.trans(d_dt), u_td, PRECISION)
        d_proj_B += product(tl.trans(dB_tn), u_td, PRECISION)
        d_proj_C += product(tl.trans(dC_tn), u_td, PRECISION)
        g_td = _load(du, m, d, in_t, D)
        g_td += product(d_dt, load_rows(x_proj, r, d, R, D), PRECISION)
        g_td += product(dB_tn, load_rows(x_proj + R * D, n, d, N, D), PRECISION)
        g_td += product(dC_tn, load_rows(x_proj + (R + N) * D, n, d, N, D), PRECISION)
        g_td *= sigma * (1.0 + v * (1.0 - sigma))
        tl.store(g + m[:, None] * D + d[None, :], g_td, mask=in_t[:, None] & in_d[None, :])
        d_bias += tl.sum(g_td, axis=0)
        for k in tl.static_range(TAPS):
            of_tap = tl.sum(g_td * shifted(rows_x, x_l, t, TAPS - 1 - k, L, d, in_d), axis=0)
            d_taps += tl.where((tl.arange(0, 8) == k)[:, None], of_tap[None, :], 0.0)
    k = tl.arange(0, 8)
    tl.store(partial + d[None, :] * TAPS + k[:, None], d_taps, mask=(k < TAPS)[:, None] & in_d[None, :])
    tl.store(partial + TAPS * D + d, d_bias, mask=in_d)
    partial += (TAPS + 1) * D
    tl.store(partial + d[:, None] * R + r[None, :], d_dt_proj, mask=in_d[:, None] & (r < R)[None, :])
    partial += D * R
    tl.store(partial + r[:, None] * D + d[None, :], d_proj_dt, mask=(r < R)[:, None] & in_d[None, :])
    partial += R * D
    at, inside = n[:, None] * D + d[None, :], (n < N)[:, None] & in_d[None, :]
    tl.store(partial + at, d_proj_B, mask=inside)
    tl.store(partial + N * D + at, d_proj_C, mask=inside)


@triton.jit
def _load(matrix, m, k, in_m, width: tl.constexpr):
    return tl.load(matrix + m[:, None] * width + k[None, :], mask=in_m[:, None] & (k < width)[None, :], other=0.0)


class _ConvProject(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, bias: Tensor, x_proj: Tensor, dt_proj: Tensor) -> tuple[Tensor, ...]:
        x = x if x.stride(-1) == 1 else x.contiguous()
        (batch, L, D), R, P = x.shape, dt_proj.shape[1], x_proj.shape[0]
        u, delta = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for _ in range(2))
        projected = x.new_empty(batch, L, P)
        conv_projection_forward[ceil(L, STEPS), batch](
            x, taps, bias, x_proj, dt_proj, u, projected, delta, L, *x.stride()[:2],
            D=D, R=R, P=P, TAPS=taps.shape[1], STEPS=STEPS, PD=padded(D), PP=padded(P),
            PRECISION=PRECISION, num_warps=WARPS,
        )  # fmt: skip
        N = (P - R) // 2
        ctx.save_for_backward(x, taps, bias, x_proj, dt_proj, projected)
        return u, delta, projected[..., R : R + N], projected[..., R + N :]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        x, taps, bias, x_proj, dt_proj, projected = ctx.saved_tensors
        (batch, L, D), R, P, K = x.shape, dt_proj.shape[1], x_proj.shape[0], taps.shape[1]
        N, blocks = (P - R) // 2, batch * ceil(L, STEPS)
        programs = min(blocks, 2 * multiprocessors(x.device))
        g = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        sizes = (K * D, D, D * R, P * D)
        partial = x.new_empty(programs, sum(sizes))
        conv_projection_backward[programs,](
            x, taps, bias, x_proj, dt_proj, projected, *(d.contiguous() for d in grads), g, partial, L, blocks,
            *x.stride()[:2],
            D=D, R=R, N=N, TAPS=K, STEPS=STEPS, PD=padded(D), PR=padded(R), PN=padded(N),
            PRECISION=PRECISION, num_warps=WARPS,
        )  # fmt: skip
        d_taps, d_bias, d_dt_proj, d_x_proj = partial.sum(0).split(sizes)
        dx = triton_conv.input_gradient(g, taps)
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
