"""The launches behind the scan's operators on CUDA: what is allocated, in which order the kernels run, and how cut."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from kernels.triton_backward import backward_kernel
from kernels.triton_chunks import backward_summary_kernel, combine_kernel
from kernels.triton_forward import forward_kernel
from kernels.triton_plan import LANES, Backward, Forward, Plan, ceil_div, plan, power_of_2
from kernels.triton_tune import backwards, chosen, forwards

SMALL_N = 16
SHARED_BY = (2, 4)  # lanes that hold states of a channel and can share what depends on time and channel alone
SUMMARY_STEPS = 8  # of a tile of the pass before the backward of chunks


@dataclass(frozen=True)
class Inputs:
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
    ) -> Inputs:  # fmt: skip
        """From the operator's arguments."""
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

    def plan(self, *, record: bool) -> Plan:
        """How to cut it; `record` if the forward keeps states for a backward, as the backward says too."""
        plain = not record and self.x.dtype == torch.float32
        return plan(*self.sizes, multiprocessors=_multiprocessors(self.x.device), plain=plain)

    @property
    def kind(self) -> tuple[Hashable, ...]:
        """What the best plan may depend on."""
        given = tuple(t is None for t in (self.D_skip, self.z, self.delta_bias, self.h0, self.seq_idx))
        return self.sizes, self.x.dtype, self.x.device, tuple(self.options.values()), given

    @property
    def unit(self) -> int:
        """A power of two up to 16 that divides the strides of B and C."""
        return math.gcd(16, *(s for t in (self.B, self.C) for s in t.stride()[:2]))

    def aligned(self, *others: Tensor) -> bool:
        """Whether all rows can be loaded 16 elements at a time: then every variant has the layout of `triton_lanes`."""
        rows = (t for t in (self.x, self.delta, self.z, *others) if t is not None)
        return all(n % 16 == 0 for t in rows for n in (t.data_ptr(), *t.stride()[:2]))

    def uneven(self, tile: Forward | Backward) -> bool:
        """Whether part of a tile lies outside the tensors."""
        _, L, D, N = self.sizes
        return bool(L % tile.steps or D % tile.CL or tile.PN != N)

    def widened(self, tile: Forward | Backward) -> Inputs:
        """With B and C in float32: widened once, instead of in every thread that reads them, unless that is sooner."""
        short = tile.W > 1 and tile.PN <= SMALL_N
        return self if short else replace(self, B=self.B.float(), C=self.C.float())


def _rows(t: Tensor | None) -> Any:
    """Neighbouring elements of the last axis must be neighbours in memory; slices of wider rows are welcome."""
    return t if t is None or t.stride(-1) == 1 or t.shape[-1] == 1 else t.contiguous()


def _dense(t: Tensor | None) -> Any:
    return None if t is None else t.detach().to(torch.float32).contiguous()


def probed_shape(sizes: tuple[int, int, int, int], probes: int, by_time: bool) -> tuple[int, ...]:
    """Of the probed states; empty where there is no probe."""
    batch, L, D, N = sizes
    return (0,) if probes == 0 else (batch, probes, D, N) if by_time else (batch, L, probes, N)


def every(N: int) -> int:
    """Steps between two checkpoints."""
    return plan(1, 1, 1, N, multiprocessors=1).backward.T


def forward(
    args: Inputs, slots: Tensor | None, by_time: bool, probes: int, *, record: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y, the last state, checkpoints and probed states."""
    run = functools.partial(_forward_as, args, slots, by_time, probes, record=record)
    return run(chosen(("forward", record, *args.kind), args.plan(record=record), forwards, run))


def _forward_as(
    args: Inputs, slots: Tensor | None, by_time: bool, probes: int, cut: Plan, *, record: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (batch, L, D, N), device = args.sizes, args.x.device
    tile, every = cut.forward, cut.backward.T
    args = args.widened(tile)
    y = torch.empty(args.x.shape, dtype=args.x.dtype, device=device)
    h_last = _floats(batch, D, N, device=device)
    checkpoints = _floats(batch, ceil_div(L, every), N, D, device=device) if record else _floats(0, device=device)
    probed = _floats(*probed_shape(args.sizes, probes, by_time), device=device)
    chunk, chunks = _chunk_length(L, cut.forward_chunks, max(tile.steps, every))
    uneven = args.uneven(tile)

    def launch(*, start: Tensor | None, end: Tensor, total: Tensor | None, emit: bool) -> None:
        seen = emit and slots is not None
        forward_kernel[ceil_div(D, tile.CL), chunks, batch](
            args.x, args.delta, args.A, args.B, args.C, args.D_skip, args.z, args.delta_bias, args.seq_idx,
            start, y, end, total, checkpoints if record and emit else None, probed if seen else None,
            slots if seen else None, L, D, N, chunk, probes, *args.strides,
            **args.options, EMIT=emit, BY_TIME=by_time, EVERY=every, MASKED=uneven, UNIT=args.unit,
            TOGETHER=args.aligned() and not uneven and tile.NL in SHARED_BY, **tile.shape,
        )  # fmt: skip

    start = args.h0
    if chunks > 1:
        start = _floats(batch, chunks, D, N, device=device)
        total = _floats(batch, chunks, D, device=device)
        launch(start=None, end=start, total=total, emit=False)
        _combine(args.A, start, total, args.h0, reverse=False)
    launch(start=start, end=h_last, total=None, emit=True)
    return y, h_last, checkpoints, probed


def backward(args: Inputs, checkpoints: Tensor, dy: Tensor, dh_last: Tensor | None, *, atomic: bool) -> list[Tensor]:
    """Gradients of x, delta, A, B, C, D_skip, z, delta_bias and h0; those of what was not given are empty."""
    run = functools.partial(_backward_as, args, checkpoints, dy, dh_last, atomic=atomic)
    return run(chosen(("backward", atomic, *args.kind), args.plan(record=True), backwards, run))


def _backward_as(
    args: Inputs, checkpoints: Tensor, dy: Tensor, dh_last: Tensor | None, cut: Plan, *, atomic: bool
) -> list[Tensor]:
    (batch, L, D, N), device = args.sizes, args.x.device
    tile = cut.backward
    args = args.widened(tile)
    chunk, chunks = _chunk_length(L, cut.backward_chunks, max(tile.steps, SUMMARY_STEPS))
    blocks = ceil_div(D, tile.CL)
    uneven = args.uneven(tile)

    start = dh_last
    if chunks > 1:
        start = _floats(batch, chunks, D, N, device=device)
        total = _floats(batch, chunks, D, device=device)
        wide = tile.PN <= 16  # a tile of 16 channels, as in the forward
        NL, CL = (2, 16) if wide else (4, 8)
        W = max(1, tile.PN // 16)
        masked = uneven or D % CL > 0 or L % SUMMARY_STEPS > 0
        backward_summary_kernel[ceil_div(D, CL), chunks, batch](
            args.delta, args.A, args.C, args.z, args.delta_bias, args.seq_idx, dy, start, total,
            L, D, N, chunk, *args.strides[2:4], *args.strides[6:],
            SOFTPLUS=args.options["SOFTPLUS"], FIXED_C=args.options["FIXED_C"],
            MASKED=masked, TOGETHER=args.aligned(dy) and not masked and W == 1, STAGES=3, UNIT=args.unit,
            T=SUMMARY_STEPS, PN=tile.PN, NL=NL, CL=CL, num_warps=W,
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
    CL, (T, W) = max(1, LANES // PN), (8, 16) if PN <= LANES else (4, 4)
    combine_kernel[ceil_div(D, CL), batch](
        A, own, total, initial, chunks, D, N, REVERSE=reverse, T=T, W=W, CL=CL, PN=PN, num_warps=W
    )


def _chunk_length(L: int, chunks: int, multiple: int) -> tuple[int, int]:
    """Steps per chunk, a multiple of every tile, and how many chunks that makes."""
    chunk = ceil_div(ceil_div(L, chunks), multiple) * multiple
    return chunk, ceil_div(L, chunk)


@functools.cache
def _multiprocessors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
