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
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from kernels.arguments import Problem, Result
from kernels.triton_backward import backward_kernel, backward_summary_kernel
from kernels.triton_forward import combine_kernel, forward_kernel
from kernels.triton_plan import LANES, MAX_GRID_YZ, Backward, Forward, Plan, ceil_div, plan, power_of_2
from kernels.triton_tiles import INTERPRETED

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
MAX_N = 256
SUMMARY_STEPS = 8  # of a tile of the pass before the backward of chunks


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


def _probed_shape(sizes: tuple[int, int, int, int], probes: int, by_time: bool) -> tuple[int, ...]:
    """Of the probed states; empty where there is no probe."""
    batch, L, D, N = sizes
    return (0,) if probes == 0 else (batch, probes, D, N) if by_time else (batch, L, probes, N)


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
    args = _Inputs.of(x, delta, A, B, C, D_skip, z, delta_bias, h0, seq_idx, softplus, zoh)
    return _forward(args, slots, by_time, probes, record=record)


@_scan.register_fake
def _(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, slots: Tensor | None,
    by_time: bool, probes: int, softplus: bool, zoh: bool, deterministic: bool, record: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    batch, L, D, N = *x.shape, A.shape[1]
    kept = (batch, ceil_div(L, _every(N)), N, D) if record else (0,)
    seen = _probed_shape((batch, L, D, N), probes, by_time)
    h_last, checkpoints, probed = (x.new_empty(s, dtype=torch.float32) for s in ((batch, D, N), kept, seen))
    return x.new_empty(x.shape), h_last, checkpoints, probed


@torch.library.custom_op("ssmviz::selective_scan_backward", mutates_args=())
def _scan_backward(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, checkpoints: Tensor,
    dy: Tensor, dh_last: Tensor | None, softplus: bool, zoh: bool, deterministic: bool,
) -> list[Tensor]:  # fmt: skip
    """Gradients of x, delta, A, B, C, D_skip, z, delta_bias, h0: of x, delta, z in their dtype, all others float32."""
    args = _Inputs.of(x, delta, A, B, C, D_skip, z, delta_bias, h0, seq_idx, softplus, zoh)
    dh_last = None if dh_last is None else dh_last.float().contiguous()
    return _backward(args, checkpoints, dy.contiguous(), dh_last, atomic=not deterministic)


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


@dataclass(frozen=True)
class _Inputs:
    """Arguments as the kernels want them: rows contiguous, parameters and state in float32 and contiguous."""

    x: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D_skip: Tensor | None
    z: Tensor | None
    delta_bias: Tensor | None
    h0: Tensor | None
    seq_idx: Tensor | None
    options: dict[str, bool]  # compile-time arguments of all kernels

    @classmethod
    def of(
        cls, x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None, z: Tensor | None,
        delta_bias: Tensor | None, h0: Tensor | None, seq_idx: Tensor | None, softplus: bool, zoh: bool,
    ) -> _Inputs:  # fmt: skip
        fixed_B, fixed_C = B.ndim == 2, C.ndim == 2
        return cls(
            x=_rows(x),
            delta=_rows(delta),
            A=_dense(A),
            B=_dense(B) if fixed_B else _rows(B),
            C=_dense(C) if fixed_C else _rows(C),
            D_skip=_dense(D_skip),
            z=_rows(z),
            delta_bias=_dense(delta_bias),
            h0=_dense(h0),
            seq_idx=None if seq_idx is None else seq_idx.to(torch.int32).contiguous(),
            options={"SOFTPLUS": softplus, "ZOH": zoh, "FIXED_B": fixed_B, "FIXED_C": fixed_C},
        )

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """batch, L, D, N."""
        return *self.x.shape, self.A.shape[1]

    @property
    def strides(self) -> tuple[int, ...]:
        """Batch and row strides of x, delta, B, C and z."""
        rows = (self.x, self.delta, self.B, self.C, self.x if self.z is None else self.z)
        return tuple(s for t in rows for s in t.stride()[:2])

    @property
    def plan(self) -> Plan:
        return plan(*self.sizes, multiprocessors=_multiprocessors(self.x.device))

    @property
    def unit(self) -> int:
        """A power of two up to 16 that divides the strides of B and C."""
        return math.gcd(16, *(s for t in (self.B, self.C) for s in t.stride()[:2]))

    def uneven(self, tile: Forward | Backward) -> bool:
        """Whether part of a tile lies outside the tensors."""
        _, L, D, N = self.sizes
        return bool(L % tile.steps or D % tile.CL or tile.PN != N)


def _rows(t: Tensor | None) -> Any:
    """Neighbouring elements of the last axis must be neighbours in memory; slices of wider rows are welcome."""
    return t if t is None or t.stride(-1) == 1 or t.shape[-1] == 1 else t.contiguous()


def _dense(t: Tensor | None) -> Any:
    return None if t is None else t.detach().to(torch.float32).contiguous()


def _every(N: int) -> int:
    """Steps between two checkpoints."""
    return plan(1, 1, 1, N, multiprocessors=1).backward.T


def _forward(
    args: _Inputs, slots: Tensor | None, by_time: bool, probes: int, *, record: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (batch, L, D, N), cut, device = args.sizes, args.plan, args.x.device
    tile, every = cut.forward, cut.backward.T
    # half precision is widened once, instead of in every thread that reads it
    args = replace(args, B=args.B.float(), C=args.C.float())
    y = torch.empty(args.x.shape, dtype=args.x.dtype, device=device)
    h_last = _floats(batch, D, N, device=device)
    checkpoints = _floats(batch, ceil_div(L, every), N, D, device=device) if record else _floats(0, device=device)
    probed = _floats(*_probed_shape(args.sizes, probes, by_time), device=device)
    chunk, chunks = _chunk_length(L, cut.forward_chunks, max(tile.steps, every))

    def launch(*, start: Tensor | None, end: Tensor, total: Tensor | None, emit: bool) -> None:
        seen = emit and slots is not None
        forward_kernel[ceil_div(D, tile.CL), chunks, batch](
            args.x, args.delta, args.A, args.B, args.C, args.D_skip, args.z, args.delta_bias, args.seq_idx,
            start, y, end, total, checkpoints if record and emit else None, probed if seen else None,
            slots if seen else None, L, D, N, chunk, probes, *args.strides,
            **args.options, EMIT=emit, BY_TIME=by_time, EVERY=every, MASKED=args.uneven(tile), UNIT=args.unit,
            **tile.shape,
        )  # fmt: skip

    start = args.h0
    if chunks > 1:
        start = _floats(batch, chunks, D, N, device=device)
        total = _floats(batch, chunks, D, device=device)
        launch(start=None, end=start, total=total, emit=False)
        _combine(args.A, start, total, args.h0, reverse=False)
    launch(start=start, end=h_last, total=None, emit=True)
    return y, h_last, checkpoints, probed


def _backward(args: _Inputs, checkpoints: Tensor, dy: Tensor, dh_last: Tensor | None, *, atomic: bool) -> list[Tensor]:
    (batch, L, D, N), cut, device = args.sizes, args.plan, args.x.device
    tile = cut.backward
    chunk, chunks = _chunk_length(L, cut.backward_chunks, max(tile.steps, SUMMARY_STEPS))
    blocks = ceil_div(D, tile.CL)
    uneven = args.uneven(tile)

    start = dh_last
    if chunks > 1:
        start = _floats(batch, chunks, D, N, device=device)
        total = _floats(batch, chunks, D, device=device)
        wide = tile.PN <= 16  # a tile of 16 channels, as in the forward
        NL, CL = (2, 16) if wide else (4, 8)
        backward_summary_kernel[ceil_div(D, CL), chunks, batch](
            args.delta, args.A, args.C, args.z, args.delta_bias, args.seq_idx, dy, start, total,
            L, D, N, chunk, *args.strides[2:4], *args.strides[6:],
            SOFTPLUS=args.options["SOFTPLUS"], FIXED_C=args.options["FIXED_C"],
            MASKED=uneven or D % CL > 0 or L % SUMMARY_STEPS > 0, STAGES=3, UNIT=args.unit,
            T=SUMMARY_STEPS, PN=tile.PN, NL=NL, CL=CL, num_warps=max(1, tile.PN // 16),
        )  # fmt: skip
        _combine(args.A, start, total, dh_last, reverse=True)

    dx, ddelta = (torch.empty(t.shape, dtype=t.dtype, device=device) for t in (args.x, args.delta))
    dz = None if args.z is None else torch.empty(args.z.shape, dtype=args.z.dtype, device=device)
    dh0 = None if args.h0 is None else _floats(batch, D, N, device=device)
    parts = 1 if atomic else batch * chunks
    shape_B, shape_C = (
        (parts, D, N) if t.ndim == 2 else (1 if atomic else blocks, batch, L, N) for t in (args.B, args.C)
    )
    sums = [_floats(*shape, device=device) for shape in (shape_B, shape_C, (parts, D, N))]
    sums += [_floats(0 if t is None else parts, D, device=device) for t in (args.D_skip, args.delta_bias)]
    if atomic:
        torch._foreach_zero_(sums)  # one launch; there is no other name for it
    dB, dC, dA, dD_skip, dbias = sums
    backward_kernel[blocks, chunks, batch](
        args.x, args.delta, args.A, args.B, args.C, args.D_skip, args.z, args.delta_bias, args.seq_idx, checkpoints,
        dy, start, dx, ddelta, dz, dB, dC, dA, dD_skip, dbias, dh0,
        L, D, N, chunk, *args.strides, **args.options, ATOMIC=atomic, MASKED=uneven, UNIT=args.unit, **tile.shape,
    )  # fmt: skip
    dB, dC, dA, dD_skip, dbias = (s[0] if len(s) == 1 else s.sum(0) for s in sums)
    given = (args.D_skip, args.z, args.delta_bias, args.h0)
    optional = [
        _floats(0, device=device) if t is None or gradient is None else gradient
        for t, gradient in zip(given, (dD_skip, dz, dbias, dh0), strict=True)
    ]
    return [dx, ddelta, dA, dB, dC, *optional]


def _floats(*shape: int, device: torch.device) -> Tensor:
    return torch.empty(shape, dtype=torch.float32, device=device)


def _combine(A: Tensor, own: Tensor, total: Tensor, initial: Tensor | None, *, reverse: bool) -> None:
    batch, chunks, D, N = own.shape
    PN = power_of_2(N)
    CL = max(1, LANES // PN)
    combine_kernel[ceil_div(D, CL), batch](
        A, own, total, initial, chunks, D, N, REVERSE=reverse, K=16, CL=CL, PN=PN,
        num_warps=max(1, min(8, PN // LANES)),
    )  # fmt: skip


def _chunk_length(L: int, chunks: int, multiple: int) -> tuple[int, int]:
    """Steps per chunk, a multiple of every tile, and how many chunks that makes."""
    chunk = ceil_div(ceil_div(L, chunks), multiple) * multiple
    return chunk, ceil_div(L, chunk)


@functools.cache
def _multiprocessors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
