# ruff: noqa: ANN001, ANN202 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""The end of a training step on CUDA: clipping, AdamW and Muon for all parameters, in three launches.

Parameters, gradients and moments lie in flat buffers; nothing waits for the host, so it can be captured. A Muon matrix
is orthogonalised by one program that never lets it leave the multiprocessor. Its products are those of float16 with
sums in float32: no number in them is large, and the result of five turns is only about orthogonal anyway.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_rows import ceil, padded

BLOCK, WARPS = 1024, 4  # of the elementwise kernels
MUON_WARPS = 8
MAX_SIDES = (64, 256)  # of a matrix, shorter and longer, that one program orthogonalises


@triton.jit
def _norm_kernel(gradient, partial, step, size, count, BLOCK: tl.constexpr, PC: tl.constexpr):
    """This block's part of the squared norm; the first program adds 1 to every step of `step` (count,)."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    g = tl.load(gradient + i, mask=i < size, other=0.0)
    tl.store(partial + tl.program_id(0), tl.sum(g * g))
    if tl.program_id(0) == 0:
        c = tl.arange(0, PC)
        tl.store(step + c, tl.load(step + c, mask=c < count, other=0.0) + 1.0, mask=c < count)


@triton.jit
def _norm(partial, blocks, PB: tl.constexpr):
    i = tl.arange(0, PB)
    return tl.sqrt_rn(tl.sum(tl.load(partial + i, mask=i < blocks, other=0.0)))


@triton.jit
def _factor(norm, clip):
    """As `torch.nn.utils.clip_grad_norm_` has it."""
    return tl.minimum(clip / (norm + 1e-6), 1.0)


@triton.jit
def _adamw_kernel(
    parameter, gradient, first, second, partial, step, lr, loss, loss_now, norm_now, loss_sum, good, steps,
    begin, end_decayed, end, blocks, clip, decay, beta_first, beta_second, eps, limit,
    BLOCK: tl.constexpr, PB: tl.constexpr,
):  # fmt: skip
    """AdamW (Loshchilov & Hutter 2019) on [begin, end), decaying up to end_decayed; the first program takes notes."""
    norm = _norm(partial, blocks, PB)
    rate, count = tl.load(lr), tl.load(step)
    i = begin + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < end
    g = tl.load(gradient + i, mask=inside, other=0.0) * _factor(norm, clip)
    p = tl.load(parameter + i, mask=inside, other=0.0)
    m = tl.load(first + i, mask=inside, other=0.0)
    v = tl.load(second + i, mask=inside, other=0.0)
    p *= 1.0 - tl.where(i < end_decayed, rate * decay, 0.0)
    m += (1.0 - beta_first) * (g - m)
    v += (1.0 - beta_second) * (g * g - v)
    unbiased_first = 1.0 - tl.exp(count * tl.log(beta_first))
    unbiased_second = 1.0 - tl.exp(count * tl.log(beta_second))
    p -= rate / unbiased_first * m / (tl.sqrt_rn(v) / tl.sqrt_rn(unbiased_second) + eps)
    tl.store(parameter + i, p, mask=inside)
    tl.store(first + i, m, mask=inside)
    tl.store(second + i, v, mask=inside)
    if tl.program_id(0) == 0:
        value = tl.load(loss)
        so_far, done = tl.load(good), tl.load(steps)
        fine = (norm < float("inf")) & (value < limit)  # no number is not less than anything
        tl.store(loss_now, value)
        tl.store(norm_now, norm)
        tl.store(loss_sum, tl.load(loss_sum) + value)
        tl.store(good, so_far + tl.where(fine & (so_far == done), 1, 0))
        tl.store(steps, done + 1)


@triton.jit
def _read(matrix, rows, columns, PS: tl.constexpr, PL: tl.constexpr):
    """[PS, PL] of a matrix, a tall one as its transpose; neighbours in memory are read by neighbouring threads."""
    short, long = tl.arange(0, PS), tl.arange(0, PL)
    if rows > columns:
        v = tl.trans(_load(matrix, long[:, None], short[None, :], rows, columns))
    else:
        v = _load(matrix, short[:, None], long[None, :], rows, columns)
    return v


@triton.jit
def _load(matrix, i, j, rows, columns):
    return tl.load(matrix + i * columns + j, mask=(i < rows) & (j < columns), other=0.0)


@triton.jit
def _write(matrix, v, rows, columns, PS: tl.constexpr, PL: tl.constexpr):
    """The inverse of `_read`."""
    short, long = tl.arange(0, PS), tl.arange(0, PL)
    if rows > columns:
        _store(matrix, tl.trans(v), long[:, None], short[None, :], rows, columns)
    else:
        _store(matrix, v, short[:, None], long[None, :], rows, columns)


@triton.jit
def _store(matrix, v, i, j, rows, columns):
    tl.store(matrix + i * columns + j, v, mask=(i < rows) & (j < columns))


@triton.jit
def _muon_kernel(
    parameter, gradient, momentum, table, partial, lr, blocks, clip, decay, mass, a, b, c,
    TURNS: tl.constexpr, PS: tl.constexpr, PL: tl.constexpr, PB: tl.constexpr,
):  # fmt: skip
    """One matrix: momentum, orthogonalised by Newton-Schulz, subtracted. table: offset, rows, columns of each."""
    matrix = tl.program_id(0) * 3
    offset, rows, columns = tl.load(table + matrix), tl.load(table + matrix + 1), tl.load(table + matrix + 2)
    g = _read(gradient + offset, rows, columns, PS, PL) * _factor(_norm(partial, blocks, PB), clip)
    m = _read(momentum + offset, rows, columns, PS, PL)
    m += (1.0 - mass) * (g - m)
    _write(momentum + offset, m, rows, columns, PS, PL)
    x = g + mass * (m - g)
    x /= tl.maximum(tl.sqrt_rn(tl.sum(x * x)), 1e-7)
    for _ in tl.range(TURNS, num_stages=1):
        x16 = x.to(tl.float16)
        s = tl.dot(x16, tl.trans(x16))
        s16 = s.to(tl.float16)
        s = b * s + c * tl.dot(s16, s16)
        x = a * x + tl.dot(s.to(tl.float16), x16)
    rate = tl.load(lr)
    scale = tl.sqrt_rn(tl.maximum(1.0, rows.to(tl.float32) / columns))
    p = _read(parameter + offset, rows, columns, PS, PL) * (1.0 - rate * decay)
    _write(parameter + offset, p - rate * scale * x, rows, columns, PS, PL)


def count_and_norm(gradient: Tensor, partial: Tensor, step: Tensor) -> None:
    """Add 1 to all of `step`, and leave the parts of the gradient's squared norm in `partial` (blocks(size),)."""
    size, count = gradient.numel(), step.numel()
    _norm_kernel[partial.numel(),](
        gradient, partial, step, size, count, BLOCK=BLOCK, PC=padded(count), num_warps=WARPS
    )  # fmt: skip


def blocks(size: int) -> int:
    """Parts of the norm of `size` numbers."""
    return ceil(size, BLOCK)


def adamw(
    flat: tuple[Tensor, Tensor, Tensor, Tensor], partial: Tensor, step: Tensor, lr: Tensor, loss: Tensor,
    notes: tuple[Tensor, ...],
    *, span: tuple[int, int, int], clip: float, decay: float, betas: tuple[float, float], eps: float, limit: float,
) -> None:  # fmt: skip
    """Update parameters from gradients and both moments (`flat`, in this order), and note how the step went.

    Args:
        flat: parameters, gradients, first and second moments, of one layout.
        partial: from `count_and_norm`.
        step: (n,) float32, all of them this step's number from 1.
        lr: () float32.
        loss: () of this step.
        notes: (), newest loss, newest norm, sum of losses (float64), good steps in a row and steps (int64).
        span: where AdamW's parameters begin, where those that decay end, and where all end.
        clip: largest norm of the gradient.
        decay: weight decay.
        betas: of the moments.
        eps: added to the root of the second moment.
        limit: loss beyond which a step is not good.
    """
    begin, end_decayed, end = span
    count = partial.numel()
    _adamw_kernel[max(1, blocks(end - begin)),](
        *flat, partial, step, lr, loss, *notes, begin, end_decayed, end, count, clip, decay, *betas, eps, limit,
        BLOCK=BLOCK, PB=padded(count), num_warps=WARPS,
    )  # fmt: skip


def muon(
    parameter: Tensor, gradient: Tensor, momentum: Tensor, table: Tensor, partial: Tensor, lr: Tensor,
    *, sides: tuple[int, int], clip: float, decay: float, mass: float,
    polynomial: tuple[float, float, float], turns: int,
) -> None:  # fmt: skip
    """Update the matrices of `table` (int32, rows of offset, rows, columns) in flat buffers.

    `sides` are the largest shorter and longer side among them, at most `MAX_SIDES`; the rest as in `adamw`.
    """
    count = partial.numel()
    _muon_kernel[len(table),](
        parameter, gradient, momentum, table, partial, lr, count, clip, decay, mass, *polynomial,
        TURNS=turns, PS=padded(sides[0]), PL=padded(sides[1]), PB=padded(count), num_warps=MUON_WARPS,
    )  # fmt: skip
