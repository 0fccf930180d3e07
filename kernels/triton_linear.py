# ruff: noqa: ANN001, ANN201, ANN202, D403 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Projections of narrow networks on CUDA, with what stands around them: RMSNorm before, the residual sum after.

A matrix of a small network fits into a multiprocessor, so one program reads a block of rows once and does everything
with it. The backward makes the gradients of rows and matrix in one pass; each program leaves its part of the
matrix' gradient, and one sum adds the parts in a fixed order.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_rows import (
    PRECISION,
    Tile,
    ceil,
    inverse_rms,
    load_rows,
    multiprocessors,
    padded,
    product,
    store_rows,
    sum_parts,
)

MAX_WIDTH = 128  # of a row, and of a part of the outputs
MAX_MATRIX = 16_384  # elements whose gradient a program holds
FORWARD, FORWARD_FEW = Tile(64, 4), Tile(32, 4)
MANY = 8192  # rows from which programs may be large
BACKWARD = Tile(32, 4, crowd=4)


@triton.jit(do_not_specialize=["rows"])
def projection_forward(
    x, gain, weight, residual, y, rows, eps,
    K: tl.constexpr, PART: tl.constexpr, PARTS: tl.constexpr,
    ROWS: tl.constexpr, PK: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """y (PARTS, rows, PART) = norm(x) (rows, K) times weight (PARTS * PART, K) transposed, plus residual."""
    start = tl.program_id(0).to(tl.int64) * ROWS
    i, k = tl.arange(0, ROWS), tl.arange(0, PK)
    o = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    x_mk = load_rows(x, start, i, k, rows, K, K == PK)
    if gain is not None:
        x_mk *= inverse_rms(x_mk, K, eps)[:, None] * tl.load(gain + k, mask=k < K, other=0.0)[None, :]
    w_ok = load_rows(weight, 0, o, k, PARTS * PART, K, K == PK)
    y_mo = product(x_mk, tl.trans(w_ok), PRECISION)
    if residual is not None:
        y_mo += load_rows(residual, start, i, o, rows, PART, PART % COLUMNS == 0)
    if PART % COLUMNS == 0:  # this program's columns are all of one part
        part, o = (tl.program_id(1) * COLUMNS) // PART, (tl.program_id(1) * COLUMNS) % PART + tl.arange(0, COLUMNS)
        store_rows(y + part.to(tl.int64) * rows * PART, y_mo, start, i, o, rows, PART, True)
    else:
        at = (o // PART)[None, :].to(tl.int64) * rows * PART + (start + i)[:, None] * PART + (o % PART)[None, :]
        tl.store(y + at, y_mo, mask=(i < rows - start)[:, None] & (o < PARTS * PART)[None, :])


@triton.jit
def _times_weight(dn, dy, weight, start, i, k, rows, K: tl.constexpr, PART: tl.constexpr, CUT: tl.constexpr,
                  STAGES: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    """dn + dy (rows, PART) times weight (PART, K), CUT columns at a time: registers are scarce."""
    for first in tl.range(0, PART, CUT, num_stages=STAGES):
        o = first + tl.arange(0, CUT)
        dy_io = load_rows(dy, start, i, o, rows, PART, PART % CUT == 0)
        dn += product(dy_io, load_rows(weight, 0, o, k, PART, K, k.shape[0] == K), PRECISION)
    return dn


@triton.jit
def _row_gradient(
    x, gain, weight, dy, dy_second, dresidual, dx, dgain, rows, eps, first, step,
    K: tl.constexpr, PART: tl.constexpr, PARTS: tl.constexpr,
    ROWS: tl.constexpr, PK: tl.constexpr, CUT: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """dx of every step-th block of rows from `first` on, and what these add to dgain."""
    i, k = tl.arange(0, ROWS), tl.arange(0, PK)
    dg = tl.zeros((PK,), tl.float32)
    for block in tl.range(first, tl.cdiv(rows, ROWS), step, num_stages=1):
        start = block * ROWS
        dn = _times_weight(
            tl.zeros((ROWS, PK), tl.float32), dy, weight, start, i, k, rows, K, PART, CUT, STAGES, PRECISION
        )
        if PARTS == 2:
            dn = _times_weight(dn, dy_second, weight + PART * K, start, i, k, rows, K, PART, CUT, STAGES, PRECISION)
        if gain is not None:
            x_mk = load_rows(x, start, i, k, rows, K, K == PK)
            r = inverse_rms(x_mk, K, eps)[:, None]
            x_mk *= r
            dg += tl.sum(dn * x_mk, axis=0)
            dn *= tl.load(gain + k, mask=k < K, other=0.0)[None, :]
            dn = r * (dn - x_mk * (tl.sum(dn * x_mk, axis=1) / K)[:, None])
        if dresidual is not None:
            dn += load_rows(dresidual, start, i, k, rows, K, K == PK)
        store_rows(dx, dn, start, i, k, rows, K, K == PK)
    if gain is not None:
        tl.store(dgain + k, dg, mask=k < K)


@triton.jit
def _weight_gradient(
    x, gain, dy, dweight, rows, eps, first, step,
    K: tl.constexpr, PART: tl.constexpr,
    ROWS: tl.constexpr, PK: tl.constexpr, PO: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """What every step-th block of rows from `first` on adds to dweight (PART, K)."""
    i, k, o = tl.arange(0, ROWS), tl.arange(0, PK), tl.arange(0, PO)
    dw = tl.zeros((PO, PK), tl.float32)
    for block in tl.range(first, tl.cdiv(rows, ROWS), step, num_stages=STAGES):
        start = block * ROWS
        n_mk = load_rows(x, start, i, k, rows, K, K == PK)
        if gain is not None:
            n_mk *= inverse_rms(n_mk, K, eps)[:, None] * tl.load(gain + k, mask=k < K, other=0.0)[None, :]
        dw += product(tl.trans(load_rows(dy, start, i, o, rows, PART, PART == PO)), n_mk, PRECISION)
    store_rows(dweight, dw, 0, o, k, PART, K, K == PK)


@triton.jit(do_not_specialize=["rows"])
def projection_backward(
    x, gain, weight, dy, dy_second, dresidual, dx, partial, rows, eps,
    K: tl.constexpr, PART: tl.constexpr, PARTS: tl.constexpr,
    ROWS: tl.constexpr, PK: tl.constexpr, PO: tl.constexpr, CUT: tl.constexpr,
    STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Side by side: gradients of rows, and of each part of the matrix. Partial sums (programs, dweight and dgain)."""
    first, step = tl.program_id(0).to(tl.int64), tl.num_programs(0)
    partial += first * (PARTS * PART * K + (0 if gain is None else K))
    if tl.program_id(1) == 0:
        _row_gradient(
            x, gain, weight, dy, dy_second, dresidual, dx, partial + PARTS * PART * K, rows, eps, first, step,
            K, PART, PARTS, ROWS, PK, CUT, STAGES, PRECISION,
        )  # fmt: skip
    elif tl.program_id(1) == 1:
        _weight_gradient(x, gain, dy, partial, rows, eps, first, step, K, PART, ROWS, PK, PO, STAGES, PRECISION)
    else:
        _weight_gradient(
            x, gain, dy_second, partial + PART * K, rows, eps, first, step, K, PART, ROWS, PK, PO, STAGES, PRECISION
        )


def forward(
    x: Tensor, gain: Tensor | None, weight: Tensor, residual: Tensor | None, *, parts: int, eps: float
) -> Tensor:
    """(parts, rows, outputs / parts) of x (rows, K)."""
    (rows, K), outputs = x.shape, weight.shape[0]
    part = outputs // parts
    y = x.new_empty(parts, rows, part)
    tile = FORWARD if rows >= MANY else FORWARD_FEW
    columns = min(padded(outputs), tile.cut)
    projection_forward[ceil(rows, tile.rows), ceil(outputs, columns)](
        x, gain, weight, residual, y, rows, eps,
        K=K, PART=part, PARTS=parts, ROWS=tile.rows, PK=padded(K), COLUMNS=columns, PRECISION=PRECISION,
        num_warps=tile.warps,
    )  # fmt: skip
    return y


def backward(
    x: Tensor, gain: Tensor | None, weight: Tensor, dy: tuple[Tensor, ...], dresidual: Tensor | None, *, eps: float
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients of x (plus dresidual), weight and gain from those of the parts, each (rows, outputs / parts)."""
    (rows, K), outputs = x.shape, weight.shape[0]
    dx, part = torch.empty_like(x), outputs // len(dy)
    tile = BACKWARD
    programs = min(ceil(rows, tile.rows), ceil(tile.crowd * multiprocessors(x.device), 1 + len(dy)))
    partial = x.new_empty(programs, outputs * K + (0 if gain is None else K))
    projection_backward[programs, 1 + len(dy)](
        x, gain, weight, dy[0], dy[-1], dresidual, dx, partial, rows, eps,
        K=K, PART=part, PARTS=len(dy), ROWS=tile.rows, PK=padded(K), PO=padded(part), CUT=min(tile.cut, padded(part)),
        STAGES=tile.stages, PRECISION=PRECISION, num_warps=tile.warps,
    )  # fmt: skip
    total = sum_parts(partial)
    return dx, total[: outputs * K].view(outputs, K), None if gain is None else total[outputs * K :]


class _NormLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, weight: Tensor, parts: int, eps: float) -> tuple[Tensor, ...]:
        rows = x.reshape(-1, x.shape[-1])
        ctx.save_for_backward(rows, gain, weight)
        ctx.eps = eps
        ctx.set_materialize_grads(False)
        y = forward(rows, gain, weight, None, parts=parts, eps=eps)
        return *(part.view(*x.shape[:-1], -1) for part in y), x.view_as(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        rows, gain, weight = ctx.saved_tensors
        *dy, dresidual = grads
        shape = next(g.shape for g in grads if g is not None)[:-1]
        part = weight.shape[0] // len(dy)
        dense = tuple(rows.new_zeros(len(rows), part) if g is None else _rows(g) for g in dy)
        extra = None if dresidual is None else _rows(dresidual)
        dx, dweight, dgain = backward(rows, gain, weight, dense, extra, eps=ctx.eps)
        return dx.view(*shape, -1), dgain, dweight, None, None


class _LinearAdd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, weight: Tensor, residual: Tensor) -> Tensor:
        rows = _rows(y)
        ctx.save_for_backward(rows, weight)
        return forward(rows, None, weight, _rows(residual), parts=1, eps=0.0).view(residual.shape)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows, weight = ctx.saved_tensors
        dy, dweight, _ = backward(rows, None, weight, (_rows(grad),), None, eps=0.0)
        return dy.view(*grad.shape[:-1], -1), dweight, grad


def fits(weight: Tensor, parts: int) -> bool:
    """Whether a program can hold this matrix (outputs, K) and its gradient."""
    outputs, K = weight.shape
    part = outputs // parts
    narrow = max(K, part) <= MAX_WIDTH and parts * padded(part) * padded(K) <= MAX_MATRIX
    return parts <= 2 and narrow and weight.dtype == torch.float32


def norm_linear(x: Tensor, gain: Tensor, weight: Tensor, *, parts: int, eps: float) -> tuple[Tensor, ...]:
    """`kernels.norm_linear` on CUDA for matrices that `fits` accepts."""
    out: tuple[Tensor, ...] = _NormLinear.apply(x.contiguous(), gain, weight.contiguous(), parts, eps)
    return out


def linear_add(y: Tensor, weight: Tensor, residual: Tensor) -> Tensor:
    """`kernels.linear_add` on CUDA for matrices that `fits` accepts."""
    out: Tensor = _LinearAdd.apply(y, weight.contiguous(), residual)
    return out


def _rows(t: Tensor) -> Tensor:
    return t.reshape(-1, t.shape[-1]).contiguous()
