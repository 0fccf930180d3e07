"""The selective scan as an autograd function over the kernels of `numba_kernels.py` (float32, CPU)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels import numba_kernels
from kernels.arguments import Problem, Result
from kernels.numba_kernels import CHUNK
from kernels.numba_runtime import over_batch
from kernels.numba_tensors import Array, arrays, pad, padded, rows, sum_sequences

# Zero-order hold divides by A. This stands in for a smaller one, for which (exp(delta A) - 1) / A is delta anyway.
SMALLEST_A = 1e-20


def scan(p: Problem) -> Result:
    """`kernels.selective_scan` for float32 tensors on the CPU."""
    if p.seq_idx is not None or p.probe is not None or p.B.ndim == 2 or p.C.ndim == 2:
        raise ValueError("seq_idx, probe and constant B, C are not in the numba backend; use backend='torch'")
    y, h_last = _SelectiveScan.apply(  # type: ignore[no-untyped-call]
        p.x, p.delta, p.A, p.B, p.C, p.D_skip, p.z, p.delta_bias, p.delta_softplus, p.h0, p.zoh
    )
    return Result(y, h_last)


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
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        before_gate = np.empty((batch, L, D) if differentiate and z.numel() else (0, 0, 0), np.float32)
        kept = np.empty((batch, -(-L // CHUNK) if differentiate else 0, N, padded(D)), np.float32)
        state = pad(None if h0 is None else h0.transpose(1, 2), batch, N, D)
        parameters = _at_least(pad(A.t(), N, D)), pad(D_skip, D), pad(delta_bias, D)

        inputs = _order(arrays(x, delta, z, B, C), *parameters)
        y_array = y.numpy()

        def run(first: int, last: int) -> None:
            numba_kernels.forward(*inputs, delta_softplus, zoh, state, y_array, before_gate, kept, first, last)

        over_batch(run, batch)
        ctx.save_for_backward(x, delta, z, B, C)
        ctx.parameters, ctx.kept, ctx.options = parameters, (before_gate, kept), (delta_softplus, zoh)
        ctx.given = D_skip is not None, z.numel() > 0, delta_bias is not None, h0 is not None
        return y, torch.from_numpy(np.ascontiguousarray(state[:, :, :D].transpose(0, 2, 1)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_h_last: Tensor) -> tuple[Tensor | None, ...]:
        x, delta, z, B, C = saved = ctx.saved_tensors
        batch, _, D = x.shape
        N = B.shape[2]
        like = [torch.empty_like(v, memory_format=torch.contiguous_format) for v in (x, delta, z, B, C)]
        grad_x, grad_delta, grad_z, grad_B, grad_C = like
        grad_A = np.zeros((batch, N, padded(D)), np.float32)
        grad_skip, grad_bias = np.zeros((2, batch, padded(D)), np.float32)
        grad_state = pad(grad_h_last.transpose(1, 2), batch, N, D)

        inputs = _order(arrays(*saved), *ctx.parameters)
        known = *ctx.options, *ctx.kept, rows(grad_y).numpy()
        gradients = *_order(arrays(*like), grad_A, grad_skip, grad_bias), grad_state

        def run(first: int, last: int) -> None:
            numba_kernels.backward(*inputs, *known, *gradients, first, last)

        over_batch(run, batch)
        has_skip, has_z, has_bias, has_h0 = ctx.given
        return (
            grad_x,
            grad_delta,
            sum_sequences(grad_A, D).t(),
            grad_B,
            grad_C,
            sum_sequences(grad_skip, D) if has_skip else None,
            grad_z if has_z else None,
            sum_sequences(grad_bias, D) if has_bias else None,
            None,
            torch.from_numpy(grad_state[:, :, :D].transpose(0, 2, 1)) if has_h0 else None,
            None,
        )


def _order(sequences: list[Array], A: Array, D_skip: Array, delta_bias: Array) -> tuple[Array, ...]:
    """The order in which the kernels take x, delta, z, B, C and the parameters, or their gradients."""
    x, delta, z, B, C = sequences
    return x, delta, z, A, B, C, D_skip, delta_bias


def _at_least(A: Array) -> Array:
    """A without zeros: see SMALLEST_A."""
    A[np.abs(A) < SMALLEST_A] = -SMALLEST_A
    return A
