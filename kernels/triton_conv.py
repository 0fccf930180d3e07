# ruff: noqa: ANN001, ANN202 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Causal depthwise convolution with SiLU on CUDA, fused: every value is read once and written once.

PyTorch's convolution wants channels before positions and saves what the activation needs, so it moves six times the
memory. Here the backward computes the few inputs of the activation again.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

STEPS, CHANNELS, WARPS = 32, 64, 4  # tile of one program
MAX_TAPS = 8
MAX_BATCH = 65_535  # CUDA's limit on the third grid axis


@triton.jit
def _sigmoid(v):
    return 1.0 / (1.0 + tl.exp(-v))


@triton.jit
def _shifted(x, x_l, t, back, L, d, in_d):
    """Rows x[t - back], zero outside the sequence: [STEPS, CHANNELS]."""
    row = t - back
    inside = ((row >= 0) & (row < L))[:, None] & in_d[None, :]
    return tl.load(x + row[:, None] * x_l + d[None, :], mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _before_activation(x, x_l, weight, b, t, L, d, in_d, TAPS: tl.constexpr):
    """Bias + sum over k of weight[k] x[t - (TAPS - 1) + k]."""
    y = tl.zeros((t.shape[0], d.shape[0]), tl.float32) + b[None, :]
    for k in tl.static_range(TAPS):
        tap = tl.load(weight + d * TAPS + k, mask=in_d, other=0.0).to(tl.float32)
        y += tap[None, :] * _shifted(x, x_l, t, TAPS - 1 - k, L, d, in_d)
    return y


@triton.jit(do_not_specialize=["L"])
def _forward_kernel(
    x, weight, bias, y, L, D, x_b, x_l,
    SILU: tl.constexpr, TAPS: tl.constexpr, STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    block_b = tl.program_id(2).to(tl.int64)
    t = tl.program_id(1) * STEPS + tl.arange(0, STEPS)
    d = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    in_d = d < D
    b = tl.zeros((CHANNELS,), tl.float32)
    if bias is not None:
        b = tl.load(bias + d, mask=in_d, other=0.0).to(tl.float32)
    out = _before_activation(x + block_b * x_b, x_l, weight, b, t, L, d, in_d, TAPS)
    if SILU:
        out *= _sigmoid(out)
    at = y + block_b * L * D + t[:, None] * D + d[None, :]
    tl.store(at, out.to(y.dtype.element_ty), mask=(t < L)[:, None] & in_d[None, :])


@triton.jit
def _through_activation(x, x_l, weight, b, dy, t, L, D, d, in_d, SILU: tl.constexpr, TAPS: tl.constexpr):
    """Gradient before the activation at steps t, zero outside the sequence."""
    g = tl.load(dy + t[:, None] * D + d[None, :], mask=(t < L)[:, None] & in_d[None, :], other=0.0).to(tl.float32)
    if SILU:
        v = _before_activation(x, x_l, weight, b, t, L, d, in_d, TAPS)
        sigma = _sigmoid(v)
        g *= sigma * (1.0 + v * (1.0 - sigma))
    return g


@triton.jit(do_not_specialize=["L"])
def _backward_kernel(
    x, weight, bias, dy, dx, partial, L, D, x_b, x_l,
    SILU: tl.constexpr, TAPS: tl.constexpr, STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Gradient dx of a tile, and its part of the gradients of taps and bias: partial (programs, D, TAPS + 1)."""
    block_b = tl.program_id(2).to(tl.int64)
    t = tl.program_id(1) * STEPS + tl.arange(0, STEPS)
    d = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    in_d = d < D
    b = tl.zeros((CHANNELS,), tl.float32)
    if bias is not None:
        b = tl.load(bias + d, mask=in_d, other=0.0).to(tl.float32)
    x += block_b * x_b
    dy += block_b * L * D
    at = partial + (block_b * tl.num_programs(1) + tl.program_id(1)) * D * (TAPS + 1) + d * (TAPS + 1)
    out = tl.zeros((STEPS, CHANNELS), tl.float32)
    for k in tl.static_range(TAPS):
        ahead = TAPS - 1 - k  # x[t] meets tap k at the step t + ahead
        tap = tl.load(weight + d * TAPS + k, mask=in_d, other=0.0).to(tl.float32)
        g = _through_activation(x, x_l, weight, b, dy, t + ahead, L, D, d, in_d, SILU, TAPS)
        out += tap[None, :] * g
        # each program counts the products of its own x, so that none is counted twice
        x_t = _shifted(x, x_l, t, 0, L, d, in_d)
        tl.store(at + k, tl.sum(x_t * g, axis=0), mask=in_d)
        if ahead == 0:
            tl.store(at + TAPS, tl.sum(g, axis=0), mask=in_d)
    inside = (t < L)[:, None] & in_d[None, :]
    tl.store(dx + block_b * L * D + t[:, None] * D + d[None, :], out.to(dx.dtype.element_ty), mask=inside)


class _Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool) -> Tensor:
        x = x if x.stride(-1) == 1 else x.contiguous()
        weight = weight.contiguous()
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        _forward_kernel[_grid(x)](x, weight, bias, y, x.shape[1], x.shape[2], *x.stride()[:2], **_shape(weight, silu))
        ctx.save_for_backward(x, weight, bias)
        ctx.silu = silu
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        (_, L, D), taps, grid = x.shape, weight.shape[1], _grid(x)
        dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        partial = torch.empty(grid[1] * grid[2], D, taps + 1, dtype=torch.float32, device=x.device)
        _backward_kernel[grid](
            x, weight, bias, dy.contiguous(), dx, partial, L, D, *x.stride()[:2], **_shape(weight, ctx.silu)
        )
        total = partial.sum(0)
        return dx, total[:, :taps].to(weight.dtype), None if bias is None else total[:, taps].to(bias.dtype), None


def _grid(x: Tensor) -> tuple[int, int, int]:
    batch, L, D = x.shape
    return -(-D // CHANNELS), -(-L // STEPS), batch


def _shape(weight: Tensor, silu: bool) -> dict[str, Any]:
    return {"SILU": silu, "TAPS": weight.shape[1], "STEPS": STEPS, "CHANNELS": CHANNELS, "num_warps": WARPS}


def causal_conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool) -> Tensor:
    """`kernels.causal_conv1d` for x (batch, L, D) on CUDA and weight (D, taps), at most `MAX_TAPS` taps."""
    if weight.shape[1] > MAX_TAPS or len(x) > MAX_BATCH:
        raise ValueError(
            f"at most {MAX_TAPS} taps and {MAX_BATCH} sequences fit here, got {weight.shape[1]} and {len(x)}"
        )
    y: Tensor = _Conv.apply(x, weight, bias, silu)
    return y
