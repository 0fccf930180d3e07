"""The selective scan as an autograd function over the kernels of `numba_kernels.py` (float32, CPU)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels import numba_kernels
from kernels.numba_kernels import CHUNK
from kernels.numba_runtime import over_batch
from kernels.numba_tensors import arrays, pad, rows, sum_sequences

# Zero-order hold divides by A. This stands in for a smaller one, for which (exp(delta A) - 1) / A is delta anyway.
SMALLEST_A = 1e-20


def scan(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D_skip: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    h0: Tensor | None,
    b_discretisation: str,
) -> tuple[Tensor, Tensor]:
    """(y, h_last) of `kernels.selective_scan`, for float32 tensors on the CPU."""
    zoh = b_discretisation == "zoh"
    y, h_last = _SelectiveScan.apply(x, delta, A, B, C, D_skip, z, delta_bias, delta_softplus, h0, zoh)
    return y, h_last


class _SelectiveScan(torch.autograd.Function):
    """Keeps the inputs, the state every CHUNK positions and y before the gate."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D_skip: Tensor | None,
        z: Tensor | None,
        delta_bias: Tensor | None,
        delta_softplus: bool,
        h0: Tensor | None,
        zoh: bool,
    ) -> tuple[Tensor, Tensor]:
        batch, L, D = x.shape
        N = A.shape[1]
        differentiate = any(ctx.needs_input_grad)
        x, delta, B, C = map(rows, (x, delta, B, C))
        z = x.new_empty(0, 0, 0) if z is None else rows(z)
        A_rows, skip, bias, state = _padded_inputs(A, D_skip, delta_bias, h0, batch)
        y = x.new_empty(batch, L, D)
        before_gate = torch.empty_like(y) if differentiate and z.numel() else x.new_empty(0, 0, 0)
        chunks = -(-L // CHUNK) if differentiate else 0
        kept = x.new_empty(batch, chunks, N, A_rows.shape[1])

        inputs = arrays(x, delta, z, A_rows, B, C, skip, bias)
        outputs = arrays(state, y, before_gate, kept)
        over_batch(lambda b, e: numba_kernels.forward(*inputs, delta_softplus, zoh, *outputs, b, e), batch)
        ctx.save_for_backward(x, delta, z, A_rows, B, C, skip, bias, before_gate, kept)
        ctx.options = delta_softplus, zoh
        ctx.given = D_skip is not None, z.numel() > 0, delta_bias is not None, h0 is not None
        return y, state[:, :, :D].transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_h_last: Tensor) -> tuple[Tensor | None, ...]:
        x, delta, z, A_rows, B, C, skip, bias, before_gate, kept = ctx.saved_tensors
        batch, _, D = x.shape
        N, padded = A_rows.shape
        grad_x, grad_delta, grad_z, grad_B, grad_C = (x.new_empty(v.shape) for v in (x, delta, z, B, C))
        grad_A = x.new_zeros(batch, N, padded)
        grad_skip, grad_bias = x.new_zeros(2, batch, padded)
        grad_state = pad(grad_h_last.transpose(1, 2))

        inputs = arrays(x, delta, z, A_rows, B, C, skip, bias)
        kept_arrays = arrays(before_gate, kept, rows(grad_y))
        gradients = arrays(grad_x, grad_delta, grad_z, grad_A, grad_B, grad_C, grad_skip, grad_bias, grad_state)
        over_batch(lambda b, e: numba_kernels.backward(*inputs, *ctx.options, *kept_arrays, *gradients, b, e), batch)
        has_skip, has_z, has_bias, has_h0 = ctx.given
        return (
            grad_x,
            grad_delta,
            sum_sequences(grad_A)[:, :D].t(),
            grad_B,
            grad_C,
            sum_sequences(grad_skip)[:D] if has_skip else None,
            grad_z if has_z else None,
            sum_sequences(grad_bias)[:D] if has_bias else None,
            None,
            grad_state[:, :, :D].transpose(1, 2) if has_h0 else None,
            None,
        )


def _padded_inputs(
    A: Tensor, D_skip: Tensor | None, delta_bias: Tensor | None, h0: Tensor | None, batch: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A as (N, D), D_skip, delta_bias, and the initial state as (batch, N, D), D padded to whole groups."""
    A_rows = pad(A.t())
    N, padded = A_rows.shape
    A_rows.masked_fill_(A_rows.abs() < SMALLEST_A, -SMALLEST_A)
    skip, bias = (A.new_zeros(padded) if v is None else pad(v) for v in (D_skip, delta_bias))
    state = A.new_zeros(batch, N, padded) if h0 is None else pad(h0.transpose(1, 2))
    return A_rows, skip, bias, state
