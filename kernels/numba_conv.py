"""Causal depthwise convolution and SiLU in one pass on the CPU, in float32, with its own backward.

Sixteen channels at a time; the backward walks back in time, computes the sum before SiLU again instead of keeping
it, and holds the gradients of the last few sums in a ring.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.backends import MAX_TAPS
from kernels.numba_runtime import inline, kernel, over_tasks
from kernels.numba_tensors import arrays, pad, rows, sum_sequences
from kernels.vector_math import ZERO, sigmoid
from kernels.vectors import LANES, add_to, fill, load, read, store, write


def causal_conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool) -> Tensor:
    """`kernels.causal_conv1d` with weight (D, taps), at most MAX_TAPS of them."""
    tensors = (None if v is None else v.float() for v in (x, weight, bias))
    y: Tensor = _CausalConv.apply(*tensors, silu)  # type: ignore[no-untyped-call]
    return y.to(x.dtype)


class _CausalConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool) -> Tensor:
        D, taps = weight.shape
        x = rows(x)
        parameters = pad(weight.t(), taps, D), pad(bias, D)
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        x_array, y_array = arrays(x, y)
        over_tasks(
            lambda first, last: _forward(x_array, *parameters, silu, y_array, first, last), len(x), x.numel() * taps
        )
        ctx.save_for_backward(x)
        ctx.parameters, ctx.silu, ctx.has_bias = parameters, silu, bias is not None
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        batch, _, D = x.shape
        taps, offset = ctx.parameters
        grad_x = torch.empty_like(x, memory_format=torch.contiguous_format)
        partial = np.zeros((batch, *taps.shape), np.float32), np.zeros((batch, *offset.shape), np.float32)
        x_array, *gradients = arrays(x, rows(grad_y), grad_x)
        over_tasks(
            lambda first, last: _backward(x_array, taps, offset, ctx.silu, *gradients, *partial, first, last),
            batch,
            x.numel() * len(taps),
        )
        grad_weight, grad_bias = sum_sequences(partial[0], D).t(), sum_sequences(partial[1], D)
        return grad_x, grad_weight, grad_bias if ctx.has_bias else None, None


@inline
def _sum(lanes: int, x: Any, taps: Any, offset: Any, b: int, t: int, d: int) -> Any:
    """The sum before SiLU, offset + sum_k taps[k] x[t - (count - 1) + k], of LANES channels."""
    oldest = t - (len(taps) - 1)
    total = load(offset, d)
    for k in range(max(0, -oldest), len(taps)):
        total = total + load(taps, k, d) * read(lanes, x, b, oldest + k, d)
    return total


@kernel("void(f4[:,:,:], f4[:,:], f4[:], b1, f4[:,:,:], i8, i8)")
def _forward(x: Any, taps: Any, offset: Any, silu: bool, y: Any, first: int, last: int) -> None:
    L, D = x.shape[1:]
    for b in range(first, last):
        for d in range(0, D, LANES):
            lanes = min(LANES, D - d)
            for t in range(L):
                u = _sum(lanes, x, taps, offset, b, t, d)
                if silu:
                    u = u * sigmoid(u)
                write(lanes, u, y, b, t, d)


@kernel("void(f4[:,:,:], f4[:,:], f4[:], b1, f4[:,:,:], f4[:,:,:], f4[:,:,:], f4[:,:], i8, i8)")
def _backward(
    x: Any,
    taps: Any,
    offset: Any,
    silu: bool,
    grad_y: Any,
    grad_x: Any,
    grad_taps: Any,
    grad_offset: Any,
    first: int,
    last: int,
) -> None:
    """grad_taps (batch, taps, D) and grad_offset (batch, D) are per sequence and must start at 0."""
    L, D = x.shape[1:]
    count = len(taps)
    ring = np.empty((MAX_TAPS, LANES), np.float32)  # gradient of the sum at t, in row t % MAX_TAPS
    gtaps = np.empty((MAX_TAPS, LANES), np.float32)
    for b in range(first, last):
        for d in range(0, D, LANES):
            lanes = min(LANES, D - d)
            ring[:] = 0
            gtaps[:] = 0
            goffset = fill(ZERO)
            for t in range(L - 1, -1, -1):
                g = read(lanes, grad_y, b, t, d)
                if silu:
                    u = _sum(lanes, x, taps, offset, b, t, d)
                    sigma = sigmoid(u)
                    g = g * sigma * (1.0 + u * (1.0 - sigma))
                goffset = goffset + g
                store(g, ring, t % MAX_TAPS, 0)
                oldest = t - (count - 1)
                for k in range(max(0, -oldest), count):
                    add_to(g * read(lanes, x, b, oldest + k, d), gtaps, k, 0)
                gx = fill(ZERO)  # x[t] went into the sums at t ... t + count - 1; those past the end are still 0
                for k in range(count):
                    gx = gx + load(taps, k, d) * load(ring, (t + count - 1 - k) % MAX_TAPS, 0)
                write(lanes, gx, grad_x, b, t, d)
            store(goffset, grad_offset, b, d)
            for k in range(count):
                store(load(gtaps, k, 0), grad_taps, b, k, d)
