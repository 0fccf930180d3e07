# ruff: noqa: ANN001, ANN202, D403 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""The two ends of a small network on CUDA: the gradient of the embedding, and norm, head and cross-entropy in one.

The usual gradient of a lookup sorts all tokens; here a block of them meets its rows as a product with ones and zeros.
The loss needs the last few positions only: one program takes a block of answers from the residual stream to the loss,
and back, where logits are computed again instead of kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_rows import PRECISION, ceil, inverse_rms, load_rows, multiprocessors, padded, product, sum_parts

MAX_WIDTH = 128
MAX_VOCAB = 64
ROWS, WARPS = 32, 4
FEWER = 16  # answers of one program


@triton.jit(do_not_specialize=["rows"])
def _embedding_kernel(
    tokens, dx, partial, rows,
    V: tl.constexpr, K: tl.constexpr, ROWS: tl.constexpr, PV: tl.constexpr, PK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """This program's part of the gradient of the embedding (V, K)."""
    i, v, k = tl.arange(0, ROWS), tl.arange(0, PV), tl.arange(0, PK)
    total = tl.zeros((PV, PK), tl.float32)
    for block in tl.range(tl.program_id(0).to(tl.int64), tl.cdiv(rows, ROWS), tl.num_programs(0), num_stages=1):
        start = block * ROWS
        token = tl.load(tokens + start + i, mask=i < rows - start, other=-1).to(tl.int32)
        is_v = (v[:, None] == token[None, :]).to(tl.float32)
        total += product(is_v, load_rows(dx, start, i, k, rows, K, K == PK), PRECISION)
    partial += tl.program_id(0) * V * K
    tl.store(partial + v[:, None] * K + k[None, :], total, mask=(v < V)[:, None] & (k < K)[None, :])


@triton.jit
def _answer(x, gain, head, targets, r, answers, L, eps, asked: tl.constexpr,
            V: tl.constexpr, K: tl.constexpr, PV: tl.constexpr, PK: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    """Of answers r: where they stand in x, x normalised and its factor, minus the log-probabilities, the targets."""
    k, v = tl.arange(0, PK), tl.arange(0, PV)
    m = (r // asked).to(tl.int64) * L + L - asked + r % asked
    x_rk = tl.load(x + m[:, None] * K + k[None, :], mask=(r < answers)[:, None] & (k < K)[None, :], other=0.0)
    scale = inverse_rms(x_rk, K, eps)
    x_rk *= scale[:, None]
    g_k = tl.load(gain + k, mask=k < K, other=0.0)
    logits = product(x_rk * g_k[None, :], tl.trans(load_rows(head, 0, v, k, V, K, K == PK)), PRECISION)
    logits = tl.where((v < V)[None, :], logits, -float("inf"))
    logits -= tl.max(logits, axis=1)[:, None]
    surprise = tl.log(tl.sum(tl.exp(logits), axis=1))[:, None] - logits
    target = tl.load(targets + r, mask=r < answers, other=-1).to(tl.int32)
    return m, x_rk, scale, surprise, v[None, :] == target[:, None]


@triton.jit(do_not_specialize=["answers", "L"])
def _loss_kernel(
    x, gain, head, targets, partial, answers, L, eps, asked: tl.constexpr,
    V: tl.constexpr, K: tl.constexpr, ROWS: tl.constexpr, PV: tl.constexpr, PK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """This program's part of the mean cross-entropy."""
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    _, _, _, surprise, is_target = _answer(x, gain, head, targets, r, answers, L, eps, asked, V, K, PV, PK, PRECISION)
    tl.store(partial + tl.program_id(0), tl.sum(tl.where(is_target, surprise, 0.0)) / answers)


@triton.jit(do_not_specialize=["answers", "L"])
def _loss_gradient_kernel(
    x, gain, head, targets, dloss, dx, partial, answers, L, eps, asked: tl.constexpr,
    V: tl.constexpr, K: tl.constexpr, ROWS: tl.constexpr, PV: tl.constexpr, PK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """dx where an answer stands, and this program's part of the gradients of head (V, K) and gain (K)."""
    k, v = tl.arange(0, PK), tl.arange(0, PV)
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    m, x_rk, scale, surprise, is_target = _answer(
        x, gain, head, targets, r, answers, L, eps, asked, V, K, PV, PK, PRECISION
    )
    g_k = tl.load(gain + k, mask=k < K, other=0.0)
    d_logits = (tl.exp(-surprise) - is_target.to(tl.float32)) * (tl.load(dloss) / answers)
    d_logits = tl.where((r < answers)[:, None] & (v < V)[None, :], d_logits, 0.0)
    d_head = product(tl.trans(d_logits), x_rk * g_k[None, :], PRECISION)
    dn = product(d_logits, load_rows(head, 0, v, k, V, K, K == PK), PRECISION)
    partial += tl.program_id(0) * (V + 1) * K
    tl.store(partial + v[:, None] * K + k[None, :], d_head, mask=(v < V)[:, None] & (k < K)[None, :])
    tl.store(partial + V * K + k, tl.sum(dn * x_rk, axis=0), mask=k < K)
    dn *= g_k[None, :]
    dn = scale[:, None] * (dn - x_rk * (tl.sum(dn * x_rk, axis=1) / K)[:, None])
    tl.store(dx + m[:, None] * K + k[None, :], dn, mask=(r < answers)[:, None] & (k < K)[None, :])


class _Embed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(tokens)
        ctx.shape = weight.shape
        return F.embedding(tokens, weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dx: Tensor) -> tuple[None, Tensor]:
        (tokens,), (V, K) = ctx.saved_tensors, ctx.shape
        rows = tokens.numel()
        programs = min(ceil(rows, ROWS), 2 * multiprocessors(dx.device))
        partial = dx.new_empty(programs, V, K)
        _embedding_kernel[programs,](
            tokens.contiguous(), dx.contiguous(), partial, rows,
            V=V, K=K, ROWS=ROWS, PV=padded(V), PK=padded(K), PRECISION=PRECISION, num_warps=WARPS,
        )  # fmt: skip
        return None, sum_parts(partial)


class _AnswerLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, head: Tensor, targets: Tensor, eps: float) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, gain, head, targets)
        ctx.eps = eps
        programs = ceil(targets.numel(), FEWER)
        partial = x.new_empty(programs)
        _loss_kernel[programs,](x, gain, head, targets, partial, **_sizes(x, head, targets, eps))
        return partial.sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, head, targets = ctx.saved_tensors
        (V, K), programs = head.shape, ceil(targets.numel(), FEWER)
        dx = torch.zeros_like(x)
        partial = x.new_empty(programs, V + 1, K)
        _loss_gradient_kernel[programs,](
            x, gain, head, targets, dloss, dx, partial, **_sizes(x, head, targets, ctx.eps)
        )
        total = sum_parts(partial)
        return dx, total[V], total[:V], None, None


def _sizes(x: Tensor, head: Tensor, targets: Tensor, eps: float) -> dict[str, Any]:
    V, K = head.shape
    return {
        "answers": targets.numel(), "L": x.shape[1], "eps": eps, "asked": targets.shape[1], "V": V, "K": K,
        "ROWS": FEWER, "PV": padded(V), "PK": padded(K), "PRECISION": PRECISION, "num_warps": WARPS,
    }  # fmt: skip


def fits(weight: Tensor) -> bool:
    """Whether a program can hold an embedding or head (vocab, width) and its gradient."""
    return weight.shape[0] <= MAX_VOCAB and weight.shape[1] <= MAX_WIDTH and weight.dtype == torch.float32


def embed(tokens: Tensor, weight: Tensor) -> Tensor:
    """`kernels.embed` on CUDA for sizes that `fits` accepts."""
    x: Tensor = _Embed.apply(tokens, weight)
    return x


def answer_loss(x: Tensor, gain: Tensor, head: Tensor, targets: Tensor, *, eps: float) -> Tensor:
    """`kernels.answer_loss` on CUDA for sizes that `fits` accepts."""
    loss: Tensor = _AnswerLoss.apply(x, gain, head.contiguous(), targets.contiguous(), eps)
    return loss
