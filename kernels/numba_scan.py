"""The selective scan as an autograd function over numba's kernels (CPU)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels import numba_backward, numba_forward
from kernels.arguments import Probe, Problem, Result
from kernels.numba_runtime import over_tasks
from kernels.numba_tensors import Array, Cut, arrays, cut, pad, padded, rows, sum_blocks, sum_sequences

# Zero-order hold divides by A. This stands in for a smaller one, for which (exp(delta A) - 1) / A is delta anyway.
SMALLEST_A = 1e-20


def scan(p: Problem) -> Result:
    """`kernels.selective_scan` on the CPU, in float32 whatever the precision of what comes and goes."""
    tensors = (
        None if v is None else v.float() for v in (p.x, p.delta, p.A, p.B, p.C, p.D_skip, p.z, p.delta_bias, p.h0)
    )
    batch, L, D, _ = p.sizes
    options = _Options(p.delta_softplus, p.zoh, cut(p.resets(), batch, L, D), p.probe)
    y, h_last, probed = _SelectiveScan.apply(*tensors, options)  # type: ignore[no-untyped-call]
    return Result(y.to(p.x.dtype), h_last, probed)


class _Options(NamedTuple):
    softplus: bool
    zoh: bool
    cut: Cut
    probe: Probe | None


class _SelectiveScan(torch.autograd.Function):
    """Keeps the inputs, the state before every chunk and y before the gate."""

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
        h0: Tensor | None,
        options: _Options,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        batch, L, D = x.shape
        N = A.shape[1]
        starts, fresh, width = options.cut
        differentiate = any(ctx.needs_input_grad)
        sequences = tuple(map(rows, (x, delta, _or_none(z), _per_token(B), _per_token(C))))
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        before_gate = np.empty((batch, L, D) if differentiate and z is not None else (0, 0, 0), np.float32)
        keep = differentiate or options.probe is not None
        kept = np.empty((batch, fresh.shape[1] if keep else 0, N, padded(D)), np.float32)
        state = pad(None if h0 is None else h0.transpose(1, 2), batch, N, D)
        parameters = (
            _at_least(pad(A.t(), N, D)), _constant(B, N, D), _constant(C, N, D), pad(D_skip, D), pad(delta_bias, D),
        )  # fmt: skip
        given = *_order(arrays(*sequences), parameters), options.softplus, options.zoh, starts, fresh
        y_array = y.numpy()

        def run(first: int, last: int) -> None:
            numba_forward.forward(*given, state, y_array, before_gate, kept, width, first, last)

        over_tasks(run, options.cut.tasks(batch, D), batch * L * D * N)
        probed = _probe(options, sequences, parameters, kept)
        h_last = torch.from_numpy(np.ascontiguousarray(state[:, :, :D].transpose(0, 2, 1)))
        ctx.save_for_backward(*sequences)
        ctx.parameters, ctx.kept, ctx.options = parameters, (before_gate, kept), options
        ctx.given = D_skip is not None, z is not None, delta_bias is not None, h0 is not None
        if probed is not None:
            ctx.mark_non_differentiable(probed)
        return y, h_last, probed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_h_last: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
        x, delta, z, B, C = saved = ctx.saved_tensors
        A, B_constant, C_constant, *_ = ctx.parameters
        batch, _, D = x.shape
        N = len(A)
        softplus, zoh, (starts, fresh, width), _ = ctx.options
        blocks = -(-D // width)
        like = [torch.empty_like(v, memory_format=torch.contiguous_format) for v in (x, delta, z)]
        grad_B, grad_C = (np.empty((blocks, *v.shape), np.float32) for v in (B, C))
        grad_A = np.zeros((batch, N, padded(D)), np.float32)
        grad_B_constant, grad_C_constant = (
            np.zeros_like(grad_A) if v.size else np.zeros((0, 0, 0), np.float32) for v in (B_constant, C_constant)
        )
        grad_skip, grad_bias = np.zeros((2, batch, padded(D)), np.float32)
        grad_state = pad(grad_h_last.transpose(1, 2), batch, N, D)

        given = *_order(arrays(*saved), ctx.parameters), softplus, zoh, starts, fresh
        known = *ctx.kept, rows(grad_y).numpy()
        gradients = (
            *arrays(*like), grad_A, grad_B, grad_C, grad_B_constant, grad_C_constant, grad_skip, grad_bias, grad_state,
        )  # fmt: skip

        def run(first: int, last: int) -> None:
            numba_backward.backward(*given, *known, *gradients, width, first, last)

        over_tasks(run, batch * blocks, x.numel() * N)
        grad_x, grad_delta, grad_z = like
        has_skip, has_z, has_bias, has_h0 = ctx.given
        return (
            grad_x,
            grad_delta,
            sum_sequences(grad_A, D).t(),
            sum_sequences(grad_B_constant, D).t() if B_constant.size else sum_blocks(grad_B),
            sum_sequences(grad_C_constant, D).t() if C_constant.size else sum_blocks(grad_C),
            sum_sequences(grad_skip, D) if has_skip else None,
            grad_z if has_z else None,
            sum_sequences(grad_bias, D) if has_bias else None,
            torch.from_numpy(grad_state[:, :, :D].transpose(0, 2, 1)) if has_h0 else None,
            None,
        )


def _probe(
    options: _Options, sequences: tuple[Tensor, ...], parameters: tuple[Array, ...], kept: Array
) -> Tensor | None:
    """The states that are asked for."""
    if options.probe is None:
        return None
    from kernels.numba_probe import probe  # compiles a kernel that most never need

    x, delta, _, B, _ = arrays(*sequences)
    A, B_constant, _, _, delta_bias = parameters
    batch, L, D = x.shape
    N, wanted, by_time = len(A), options.probe.indices, options.probe.times is not None
    shape = (batch, len(wanted), D, N) if by_time else (batch, L, len(wanted), N)
    probed = torch.empty(shape)
    slots = np.full(L if by_time else padded(D), -1, np.int64)
    slots[list(wanted)] = np.arange(len(wanted))
    starts, _, width = options.cut
    given = x, delta, A, B, B_constant, delta_bias, options.softplus, options.zoh, starts, kept
    target = probed.numpy()

    def run(first: int, last: int) -> None:
        probe(*given, slots, by_time, target, width, first, last)

    over_tasks(run, options.cut.tasks(batch, D), batch * L * D * N)
    return probed


def _order(sequences: list[Array], parameters: tuple[Array, ...]) -> tuple[Array, ...]:
    """The order in which the kernels take the arguments."""
    x, delta, z, B, C = sequences
    A, *others = parameters
    return x, delta, z, A, B, C, *others


def _or_none(tensor: Tensor | None) -> Tensor:
    return torch.empty(0, 0, 0) if tensor is None else tensor


def _per_token(v: Tensor) -> Tensor:
    return v if v.ndim == 3 else v.new_empty(0, 0, 0)


def _constant(v: Tensor, N: int, D: int) -> Array:
    return pad(v.t(), N, D) if v.ndim == 2 else np.empty((0, 0), np.float32)


def _at_least(A: Array) -> Array:
    """A without zeros: see SMALLEST_A."""
    A[np.abs(A) < SMALLEST_A] = -SMALLEST_A
    return A
