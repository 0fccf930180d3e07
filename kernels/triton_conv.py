# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Causal depthwise convolution with SiLU on CUDA, fused: every value is read once and written once.

PyTorch's convolution wants channels before positions and saves what the activation needs, so it moves six times the
memory. Here the backward computes the inputs of the activation again.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_rows import sum_parts
from kernels.triton_tiles import sigmoid

STEPS, CHANNELS, WARPS = 32, 64, 4  # tile of one program
MAX_TAPS = 8
MAX_BATCH = 65_535  # CUDA's limit on the third grid axis


@triton.jit
def shifted(x, x_l, t, back, L, d, in_d):
    """Rows x[t - back], zero outside the sequence: [STEPS, CHANNELS]."""
    row = t - back
    inside = ((row >= 0) & (row < L))[:, None] & in_d[None, :]
    return tl.load(x + row[:, None] * x_l + d[None, :], mask=inside, other=0.0).to(tl.float32)


@triton.jit
def before_activation(x, x_l, weight, b, t, L, d, in_d, TAPS: tl.constexpr):
    """Bias + sum over k of weight[k] x[t - (TAPS - 1) + k]."""
    y = tl.zeros((t.shape[0], d.shape[0]), tl.float32) + b[None, :]
    for k in tl.static_range(TAPS):
        tap = tl.load(weight + d * TAPS + k, mask=in_d, other=0.0).to(tl.float32)
        y += tap[None, :] * shifted(x, x_l, t, TAPS - 1 - k, L, d, in_d)
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
    out = before_activation(x + block_b * x_b, x_l, weight, b, t, L, d, in_d, TAPS)
    if SILU:
        out *= sigmoid(out)
    at = y + block_b * L * D + t[:, None] * D + d[None, :]
    tl.store(at, out.to(y.dtype.element_ty), mask=(t < L)[:, None] & in_d[None, :])


@triton.jit(do_not_specialize=["L"])
def _activation_kernel(
    x, weight, bias, dy, g, partial, L, D, x_b, x_l,
    SILU: tl.constexpr, TAPS: tl.constexpr, STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Gradient g before the activation, and this tile's part of those of taps (D, TAPS) and bias (D), side by side."""
    block_b = tl.program_id(2).to(tl.int64)
    t = tl.program_id(1) * STEPS + tl.arange(0, STEPS)
    d = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    in_d = d < D
    inside = (t < L)[:, None] & in_d[None, :]
    x += block_b * x_b
    here = block_b * L * D + t[:, None] * D + d[None, :]
    g_t = tl.load(dy + here, mask=inside, other=0.0).to(tl.float32)
    if SILU:
        b = tl.zeros((CHANNELS,), tl.float32)
        if bias is not None:
            b = tl.load(bias + d, mask=in_d, other=0.0).to(tl.float32)
        v = before_activation(x, x_l, weight, b, t, L, d, in_d, TAPS)
        sigma = sigmoid(v)
        g_t *= sigma * (1.0 + v * (1.0 - sigma))
    tl.store(g + here, g_t, mask=inside)
    part = partial + (block_b * tl.num_programs(1) + tl.program_id(1)) * (TAPS + 1) * D
    for k in tl.static_range(TAPS):
        tl.store(part + d * TAPS + k, tl.sum(g_t * shifted(x, x_l, t, TAPS - 1 - k, L, d, in_d), axis=0), mask=in_d)
    tl.store(part + TAPS * D + d, tl.sum(g_t, axis=0), mask=in_d)


@triton.jit(do_not_specialize=["L"])
def _input_kernel(g, weight, dx, L, D, TAPS: tl.constexpr, STEPS: tl.constexpr, CHANNELS: tl.constexpr):
    """Gradient dx: x[t] met tap k at the step t + TAPS - 1 - k."""
    block_b = tl.program_id(2).to(tl.int64)
    t = tl.program_id(1) * STEPS + tl.arange(0, STEPS)
    d = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    in_d = d < D
    g += block_b * L * D
    out = tl.zeros((STEPS, CHANNELS), tl.float32)
    for k in tl.static_range(TAPS):
        tap = tl.load(weight + d * TAPS + k, mask=in_d, other=0.0).to(tl.float32)
        out += tap[None, :] * shifted(g, D, t, k + 1 - TAPS, L, d, in_d)
    inside = (t < L)[:, None] & in_d[None, :]
    tl.store(dx + block_b * L * D + t[:, None] * D + d[None, :], out.to(dx.dtype.element_ty), mask=inside)


class _Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool) -> Tensor:
        x = x if x.stride(-1) == 1 else x.contiguous()
        weight = weight.contiguous()
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        _forward_kernel[_grid(x)](
            x, weight, bias, y, x.shape[1], x.shape[2], *x.stride()[:2], **_shape(weight), SILU=silu
        )
        ctx.save_for_backward(x, weight, bias)
        ctx.silu = silu
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        (_, L, D), taps, grid = x.shape, weight.shape[1], _grid(x)
        g = torch.empty(x.shape, dtype=torch.float32, device=x.device)
        partial = torch.empty(grid[1] * grid[2], (taps + 1) * D, dtype=torch.float32, device=x.device)
        _activation_kernel[grid](
            x, weight, bias, dy.contiguous(), g, partial, L, D, *x.stride()[:2], **_shape(weight), SILU=ctx.silu
        )
        dweight, dbias = sum_parts(partial).split((taps * D, D))
        dx = input_gradient(g, weight).to(x.dtype)
        return dx, dweight.view(D, taps).to(weight.dtype), None if bias is None else dbias.to(bias.dtype), None


def input_gradient(g: Tensor, weight: Tensor) -> Tensor:
    """The gradient of x from that before the activation, g (batch, L, D), dense."""
    dx = torch.empty_like(g)
    _input_kernel[_grid(g)](g, weight, dx, g.shape[1], g.shape[2], **_shape(weight))
    return dx


def _grid(x: Tensor) -> tuple[int, int, int]:
    batch, L, D = x.shape
    return -(-D // CHANNELS), -(-L // STEPS), batch


def _shape(weight: Tensor) -> dict[str, Any]:
    return {"TAPS": weight.shape[1], "STEPS": STEPS, "CHANNELS": CHANNELS, "num_warps": WARPS}


def causal_conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool) -> Tensor:
    """`kernels.causal_conv1d` for x (batch, L, D) on CUDA and weight (D, taps), at most `MAX_TAPS` taps."""
    if weight.shape[1] > MAX_TAPS or len(x) > MAX_BATCH:
        raise ValueError(
            f"at most {MAX_TAPS} taps and {MAX_BATCH} sequences fit here, got {weight.shape[1]} and {len(x)}"
        )
    y: Tensor = _Conv.apply(x, weight, bias, silu)
    return y
