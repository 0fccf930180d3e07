"""Selective scan on CUDA: fused Triton kernels, forward and backward with recomputation, as PyTorch operators.

Forward keeps the state before every few steps; the backward computes the states between them again. Where batch and
channels alone cannot fill the device, the sequence is cut into chunks: one pass leaves what each chunk adds to a state
and how much it lets through (exp(A sum delta)), one combines these, one emits.

Sums over channels (dB, dC) and over batch and chunks (dA, dD_skip, ddelta_bias) are added up in memory in whatever
order the programs finish, or, where `deterministic`, go through partial buffers: the same bits each time, for more
memory and a little more time.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from kernels.arguments import Problem, Result
from kernels.triton_launch import Inputs, backward, every, forward, probed_shape
from kernels.triton_plan import MAX_GRID_YZ, ceil_div
from kernels.triton_tiles import INTERPRETED

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
MAX_N = 256


def scan(p: Problem) -> Result:
    """Selective scan with its own backward (Gu & Dao 2023, algorithm 2; recomputation as in section 3.3.2).

    Raises:
        ValueError: a size, device or option that the kernels do not take; `Problem` has checked the shapes.
        TypeError: a dtype that they do not take.
    """
    _check(p.x, p.A)
    tensors = (p.x, p.delta, p.A, p.B, p.C, p.D_skip, p.z, p.delta_bias, p.h0)
    record = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    slots, by_time, probes = _slots(p)
    y, h_last, _, probed = _scan(
        *tensors, p.seq_idx, slots, by_time, probes, p.delta_softplus, p.zoh, p.deterministic, record
    )
    return Result(y, h_last, None if p.probe is None else probed)


def _check(x: Tensor, A: Tensor) -> None:
    """What this backend asks beyond `kernels.selective_scan`."""
    if not 1 <= A.shape[1] <= MAX_N:
        raise ValueError(f"N must be in 1..{MAX_N} on the triton backend, got {A.shape[1]}; use backend='torch'")
    if len(x) > MAX_GRID_YZ:
        raise ValueError(f"batch must be at most {MAX_GRID_YZ} on the triton backend, got {len(x)}; split it")
    if x.device.type != "cuda" and not INTERPRETED.value:
        raise ValueError(f"the triton backend needs CUDA tensors, got x on {x.device}; use backend='auto'")
    if x.dtype not in DTYPES:
        raise TypeError(f"x must be float32, bfloat16 or float16 on the triton backend, got {x.dtype}")


def _slots(p: Problem) -> tuple[Tensor | None, bool, int]:
    """The place of every time or channel among the probed ones, or -1; whether they are times; how many there are."""
    if p.probe is None:
        return None, False, 0
    _, L, D, _ = p.sizes
    by_time, indices = p.probe.times is not None, p.probe.indices
    return _places(indices, L if by_time else D, p.x.device), by_time, len(indices)


@functools.lru_cache(maxsize=64)
def _places(indices: tuple[int, ...], size: int, device: torch.device) -> Tensor:
    """Kept, because sending them to the device takes longer than a small scan."""
    places = torch.full((size,), -1, dtype=torch.int32)
    places[list(indices)] = torch.arange(len(indices), dtype=torch.int32)
    return places.to(device)


@torch.library.custom_op("ssmviz::selective_scan", mutates_args=())
def _scan(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, slots: Tensor | None,
    by_time: bool, probes: int, softplus: bool, zoh: bool, deterministic: bool, record: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """y, h_last, checkpoints (batch, L / every, N, D) and the probed states; the last two empty where not asked for."""
    args = Inputs.of(x, delta, A, B, C, D_skip, z, delta_bias, h0, seq_idx, softplus, zoh)
    return forward(args, slots, by_time, probes, record=record)


@_scan.register_fake
def _(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, slots: Tensor | None,
    by_time: bool, probes: int, softplus: bool, zoh: bool, deterministic: bool, record: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    batch, L, D, N = *x.shape, A.shape[1]
    kept = (batch, ceil_div(L, every(N)), N, D) if record else (0,)
    seen = probed_shape((batch, L, D, N), probes, by_time)
    h_last, checkpoints, probed = (x.new_empty(s, dtype=torch.float32) for s in ((batch, D, N), kept, seen))
    return x.new_empty(x.shape), h_last, checkpoints, probed


@torch.library.custom_op("ssmviz::selective_scan_backward", mutates_args=())
def _scan_backward(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, checkpoints: Tensor,
    dy: Tensor, dh_last: Tensor | None, softplus: bool, zoh: bool, deterministic: bool,
) -> list[Tensor]:  # fmt: skip
    """Gradients of x, delta, A, B, C, D_skip, z, delta_bias, h0: of x, delta, z in their dtype, all others float32."""
    args = Inputs.of(x, delta, A, B, C, D_skip, z, delta_bias, h0, seq_idx, softplus, zoh)
    dh_last = None if dh_last is None else dh_last.float().contiguous()
    return backward(args, checkpoints, dy.contiguous(), dh_last, atomic=not deterministic)


@_scan_backward.register_fake
def _(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, checkpoints: Tensor,
    dy: Tensor, dh_last: Tensor | None, softplus: bool, zoh: bool, deterministic: bool,
) -> list[Tensor]:  # fmt: skip
    rows = [None if t is None else t.dtype for t in (x, delta, z)]
    tensors = (x, delta, A, B, C, D_skip, z, delta_bias, h0)
    dtypes = (rows[0], rows[1], *(torch.float32,) * 4, rows[2], torch.float32, torch.float32)
    return [
        x.new_empty(0, dtype=torch.float32) if t is None else x.new_empty(t.shape, dtype=dtype)
        for t, dtype in zip(tensors, dtypes, strict=True)
    ]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, _, _, _, softplus, zoh, deterministic, _ = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*tensors, output[2])
    ctx.options = softplus, zoh, deterministic


def _differentiate(ctx: Any, dy: Tensor | None, dh_last: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
    *tensors, checkpoints = ctx.saved_tensors
    dy = torch.zeros_like(tensors[0]) if dy is None else dy
    grads = _scan_backward(*tensors, checkpoints, dy, dh_last, *ctx.options)
    typed = (
        g.to(t.dtype) if need and t is not None else None
        for g, t, need in zip(grads, tensors, ctx.needs_input_grad, strict=False)
    )
    return *typed, *(None,) * 8


_scan.register_autograd(_differentiate, setup_context=_setup)
