"""Selective scan on CUDA: fused Triton kernels, forward and backward with recomputation.

Forward keeps the state at every tile border of the backward; the backward computes the states between them again.
Where batch and channels alone cannot fill the device, the sequence is cut into chunks: one pass leaves what each chunk
adds to a state and how much it lets through (exp(A sum delta)), one combines these, one emits.

Sums over channels (dB, dC) and over batch and chunks (dA, dD_skip, ddelta_bias) go through partial buffers, never
through atomics: the same inputs give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kernels.arguments import Problem, Result
from kernels.triton_backward import backward_kernel, backward_summary_kernel
from kernels.triton_forward import combine_kernel, forward_kernel
from kernels.triton_tiles import INTERPRETED

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
MAX_N = 256
MAX_GRID_YZ = 65_535  # CUDA's limit on the second and third grid axis
WARPS_WANTED = 8  # per multiprocessor; fewer cannot hide the latency of memory
CROWDED = 12  # blocks of 8 channels per multiprocessor from which programs may be large


def _ceil(a: int, b: int) -> int:
    return -(-a // b)


def _power_of_2(n: int) -> int:
    """The smallest power of two that is at least n."""
    return 1 << (n - 1).bit_length()


@dataclass(frozen=True)
class Tile:
    """Shape of a program: T steps, R * CL channels, all PN >= N states, on `warps` warps."""

    T: int
    R: int
    CL: int
    PN: int
    warps: int

    def blocks(self, D: int) -> int:
        """Programs over D channels."""
        return _ceil(D, self.R * self.CL)

    @property
    def shape(self) -> dict[str, int]:
        """The kernels' compile-time arguments."""
        return {"T": self.T, "R": self.R, "PN": self.PN, "CL": self.CL, "num_warps": self.warps}


@dataclass(frozen=True)
class Plan:
    """How one problem is cut."""

    forward: Tile
    backward: Tile
    forward_chunks: int
    backward_chunks: int


def plan(batch: int, L: int, D: int, N: int, *, multiprocessors: int) -> Plan:
    """Fixed choices, the best measured on an H200; nothing is tried at run time, so that no learner waits for a search.

    Few sequences and channels: small programs, so that there are more of them, and longer tiles where even that does
    not suffice but a second pass would cost more. Many: programs that do more with every value loaded.
    """
    PN = _power_of_2(N)
    crowded = batch * D >= 8 * CROWDED * multiprocessors
    wide = crowded and PN <= 16
    backward = _tile(T=8 if PN <= 16 else 4, R=2 if wide else 1, CL=8, PN=PN, D=D, values=64 if wide else 32)
    forward = _tile(T=8, R=1, CL=16 if wide else 8, PN=PN, D=D, values=64)
    chunks = _chunks(forward, batch, L, D, multiprocessors)
    if chunks == 1 and not crowded and PN <= 16:
        forward = _tile(T=16, R=1, CL=8, PN=PN, D=D, values=64)
    return Plan(forward, backward, chunks, _chunks(backward, batch, L, D, multiprocessors))


def _tile(*, T: int, R: int, CL: int, PN: int, D: int, values: int) -> Tile:
    """About `values` values a thread: more warps as N grows, more channels on the lanes when N is tiny."""
    CL = min(max(CL, 32 // PN), max(_power_of_2(D), 1))
    R = max(1, min(R, _power_of_2(_ceil(D, CL))))
    warps = max(1, min(8, T * R * CL * PN // (32 * values)))
    return Tile(T, R, CL, PN, warps)


def _chunks(tile: Tile, batch: int, L: int, D: int, multiprocessors: int) -> int:
    """Pieces of the sequence that run side by side; a second pass pays only where the device would idle."""
    warps = batch * tile.blocks(D) * tile.warps
    wanted = WARPS_WANTED * multiprocessors
    return max(1, min(wanted // warps, L // (4 * tile.T), MAX_GRID_YZ))


def scan(p: Problem) -> Result:
    """Selective scan with its own backward (Gu & Dao 2023, algorithm 2; recomputation as in section 3.3.2).

    Raises:
        ValueError: a size, device or option that the kernels do not take; `Problem` has checked the shapes.
        TypeError: a dtype that they do not take.
    """
    if p.seq_idx is not None or p.probe is not None or p.B.ndim == 2 or p.C.ndim == 2:
        raise ValueError("seq_idx, probe and constant B, C are not in the triton backend; use backend='torch'")
    _check(p.x, p.A)
    tensors = (p.x, p.delta, p.A, p.B, p.C, p.D_skip, p.z, p.delta_bias, p.h0)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        y, h_last = _Scan.apply(*tensors, p.delta_softplus, p.zoh)  # type: ignore[no-untyped-call]
    else:
        y, h_last, _ = _forward(_prepare(*tensors), p.delta_softplus, p.zoh, record=False)
    return Result(y, h_last)


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

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """batch, L, D, N."""
        return *self.x.shape, self.A.shape[1]

    @property
    def strides(self) -> tuple[int, ...]:
        """Batch and row strides of x, delta, B, C and z."""
        rows = (self.x, self.delta, self.B, self.C, self.x if self.z is None else self.z)
        return tuple(s for t in rows for s in t.stride()[:2])

    def plan(self) -> Plan:
        return plan(*self.sizes, multiprocessors=_multiprocessors(self.x.device))


def _prepare(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
    D_skip: Tensor | None, z: Tensor | None, delta_bias: Tensor | None, h0: Tensor | None,
) -> _Inputs:  # fmt: skip
    return _Inputs(
        x=_rows(x),
        delta=_rows(delta),
        A=_dense(A),
        B=_rows(B),
        C=_rows(C),
        D_skip=_dense(D_skip),
        z=_rows(z),
        delta_bias=_dense(delta_bias),
        h0=_dense(h0),
    )


def _rows(t: Tensor | None) -> Any:
    """Neighbouring elements of the last axis must be neighbours in memory; slices of wider rows are welcome."""
    return t if t is None or t.stride(-1) == 1 or t.shape[-1] == 1 else t.contiguous()


def _dense(t: Tensor | None) -> Any:
    return None if t is None else t.detach().to(torch.float32).contiguous()


def _forward(args: _Inputs, softplus: bool, zoh: bool, *, record: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state, and (to `record`) the states at the backward's tile borders, (batch, tiles, N, D)."""
    (batch, L, D, N), cut = args.sizes, args.plan()
    tile, every = cut.forward, cut.backward.T
    y = torch.empty(args.x.shape, dtype=args.x.dtype, device=args.x.device)
    h_last = _floats(batch, D, N, device=args.x.device)
    checkpoints = _floats(batch, _ceil(L, every), N, D, device=args.x.device) if record else None
    chunk, chunks = _chunk_length(L, cut.forward_chunks, max(tile.T, every))

    def launch(*, start: Tensor | None, end: Tensor, total: Tensor | None, emit: bool) -> None:
        forward_kernel[tile.blocks(D), chunks, batch](
            args.x, args.delta, args.A, args.B, args.C if emit else None, args.D_skip, args.z, args.delta_bias,
            start, y, end, total, checkpoints if emit else None, L, D, N, chunk, *args.strides,
            SOFTPLUS=softplus, ZOH=zoh, EMIT=emit, EVERY=every, **tile.shape,
        )  # fmt: skip

    start = args.h0
    if chunks > 1:
        start = _floats(batch, chunks, D, N, device=args.x.device)
        total = _floats(batch, chunks, D, device=args.x.device)
        launch(start=None, end=start, total=total, emit=False)
        _combine(args.A, start, total, args.h0, reverse=False)
    launch(start=start, end=h_last, total=None, emit=True)
    return y, h_last, checkpoints


def _backward(
    args: _Inputs, softplus: bool, zoh: bool, checkpoints: Tensor, dy: Tensor, dh_last: Tensor | None
) -> tuple[Tensor | None, ...]:
    """Gradients of x, delta, A, B, C, D_skip, z, delta_bias, h0 in float32 or the dtype of the input."""
    (batch, L, D, N), cut = args.sizes, args.plan()
    tile = cut.backward
    chunk, chunks = _chunk_length(L, cut.backward_chunks, tile.T)
    blocks = tile.blocks(D)

    start = dh_last
    if chunks > 1:
        start = _floats(batch, chunks, D, N, device=args.x.device)
        total = _floats(batch, chunks, D, device=args.x.device)
        backward_summary_kernel[blocks, chunks, batch](
            args.delta, args.A, args.C, args.z, args.delta_bias, dy, start, total,
            L, D, N, chunk, *args.strides[2:4], *args.strides[6:], SOFTPLUS=softplus, **tile.shape,
        )  # fmt: skip
        _combine(args.A, start, total, dh_last, reverse=True)

    dx, ddelta = (torch.empty(t.shape, dtype=t.dtype, device=t.device) for t in (args.x, args.delta))
    dz = None if args.z is None else torch.empty(args.z.shape, dtype=args.z.dtype, device=args.z.device)
    dBC = _floats(2, blocks, batch, L, N, device=args.x.device)
    dA = _floats(batch * chunks, D, N, device=args.x.device)
    dD_skip = None if args.D_skip is None else _floats(batch * chunks, D, device=args.x.device)
    dbias = None if args.delta_bias is None else _floats(batch * chunks, D, device=args.x.device)
    dh0 = None if args.h0 is None else _floats(batch, D, N, device=args.x.device)
    backward_kernel[blocks, chunks, batch](
        args.x, args.delta, args.A, args.B, args.C, args.D_skip, args.z, args.delta_bias, checkpoints, dy, start,
        dx, ddelta, dz, dBC[0], dBC[1], dA, dD_skip, dbias, dh0,
        L, D, N, chunk, *args.strides, SOFTPLUS=softplus, ZOH=zoh, **tile.shape,
    )  # fmt: skip
    dB, dC = dBC[:, 0] if blocks == 1 else dBC.sum(1)
    return dx, ddelta, dA.sum(0), dB, dC, _sum(dD_skip), dz, _sum(dbias), dh0


def _floats(*shape: int, device: torch.device) -> Tensor:
    return torch.empty(shape, dtype=torch.float32, device=device)


def _sum(partial: Tensor | None) -> Tensor | None:
    return None if partial is None else partial.sum(0)


def _combine(A: Tensor, own: Tensor, total: Tensor, initial: Tensor | None, *, reverse: bool) -> None:
    batch, chunks, D, N = own.shape
    tile = _tile(T=1, R=1, CL=16, PN=_power_of_2(N), D=D, values=64)
    shape = {"R": tile.R, "PN": tile.PN, "CL": tile.CL, "num_warps": tile.warps}
    combine_kernel[tile.blocks(D), batch](A, own, total, initial, chunks, D, N, REVERSE=reverse, **shape)


def _chunk_length(L: int, chunks: int, multiple: int) -> tuple[int, int]:
    """Steps per chunk, a multiple of every tile, and how many chunks that makes."""
    chunk = _ceil(_ceil(L, chunks), multiple) * multiple
    return chunk, _ceil(L, chunk)


def _multiprocessors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor]:
        *tensors, softplus, zoh = arguments
        ctx.set_materialize_grads(False)
        ctx.options = softplus, zoh
        y, h_last, checkpoints = _forward(_prepare(*tensors), softplus, zoh, record=True)
        ctx.save_for_backward(checkpoints, *tensors)
        return y, h_last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor | None, dh_last: Tensor | None) -> tuple[Tensor | None, ...]:
        checkpoints, *tensors = ctx.saved_tensors
        args = _prepare(*tensors)
        dy = torch.zeros_like(args.x, memory_format=torch.contiguous_format) if dy is None else dy.contiguous()
        softplus, zoh = ctx.options
        grads = _backward(args, softplus, zoh, checkpoints, dy, _dense(dh_last))
        wanted = ctx.needs_input_grad
        typed = (
            g.to(t.dtype) if need and g is not None else None
            for g, t, need in zip(grads, tensors, wanted, strict=False)
        )
        return *typed, None, None


def _check(x: Tensor, A: Tensor) -> None:
    """What this backend asks beyond `kernels.selective_scan`."""
    if not 1 <= A.shape[1] <= MAX_N:
        raise ValueError(f"N must be in 1..{MAX_N} on the triton backend, got {A.shape[1]}; use backend='torch'")
    if len(x) > MAX_GRID_YZ:
        raise ValueError(f"batch must be at most {MAX_GRID_YZ} on the triton backend, got {len(x)}; split it")
    if x.device.type != "cuda" and not INTERPRETED:
        raise ValueError(f"the triton backend needs CUDA tensors, got x on {x.device}; use backend='auto'")
    if x.dtype not in DTYPES:
        raise TypeError(f"x must be float32, bfloat16 or float16 on the triton backend, got {x.dtype}")
