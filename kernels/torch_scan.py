"""The selective scan in plain PyTorch, for every device and dtype: no compiler, no autograd graph over time.

Only the recurrence h_t = A_bar_t h_{t-1} + b_t is sequential, and its gradient is the same recurrence backwards in
time. Both run as one fused multiply-add a position. Where a position has little to do, the sequence is cut into
chunks that run side by side from zero states; then the states at their borders are carried from chunk to chunk.

The textbook shortcut h_t = P_t sum_j b_j / P_j with P_t = A_bar_1 ... A_bar_t is not used: P_t underflows after a few
large deltas, and 0 / 0 follows. Here every factor is a product of A_bar, at most 1.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from kernels.arguments import Probe, Problem, Result
from kernels.reference import initial_state, input_weight, output, step_size, wide

# elements of (batch, positions, D, N)
BLOCK = {"cpu": 2**19}  # computed at once: what the cache holds
LARGE_BLOCK = 2**24  # on other devices: what fills them
KEPT = 2**26  # kept for the backward; a longer sequence keeps only the states between blocks, and computes twice
ENOUGH = 2**14  # elements of (batch, D, N) from which one position alone keeps a device busy
SHORT = 32  # positions that are not worth cutting


def scan(p: Problem) -> Result:
    """`kernels.selective_scan` on every device and dtype."""
    L, h = p.x.shape[1], initial_state(p)
    x, delta, B, C = wide(p.x), step_size(p.delta, p.delta_bias, p.delta_softplus), wide(p.B), wide(p.C)
    resets = p.resets()
    length = max(1, BLOCK.get(x.device.type, LARGE_BLOCK) // h.numel())
    recompute = L * h.numel() > KEPT and torch.is_grad_enabled()
    ys, probed = [], []
    for start in range(0, L, length):
        part = slice(start, start + length)
        looked_at = _looked_at(p.probe, start, min(start + length, L))
        inputs = x[:, part], delta[:, part], p.A, _part(B, part), _part(C, part), h, _part(resets, part), p.zoh
        if recompute:
            y, h, states = checkpoint(_block, *inputs, looked_at, use_reentrant=False)
        else:
            y, h, states = _block(*inputs, looked_at)
        ys.append(y)
        probed.append(states)
    y = output(torch.cat(ys, dim=1), x, p.D_skip, p.z)
    return Result(y.to(p.x.dtype), h, _in_order(p.probe, torch.cat(probed, dim=1)))


def _part(v: Tensor | None, part: slice) -> Any:
    """These positions of what has positions; constant B and C (D, N) as they are."""
    return v[:, part] if v is not None and (v.ndim == 3 or v.dtype == torch.bool) else v


def _looked_at(probe: Probe | None, start: int, end: int) -> tuple[Any, Any]:
    """Index of the positions start ... end - 1, and of the channels, whose states are wanted."""
    if probe is None:
        return slice(0), slice(None)
    if probe.channels is not None:
        return slice(None), probe.indices
    return sorted(t - start for t in probe.indices if start <= t < end), slice(None)


def _in_order(probe: Probe | None, states: Tensor) -> Tensor | None:
    """The states at the times that were asked for, which have come in the order of time."""
    if probe is None or probe.times is None:
        return None if probe is None else states
    rank = {t: k for k, t in enumerate(sorted(probe.times))}
    return states[:, [rank[t] for t in probe.times]]


def _block(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    h: Tensor,
    resets: Tensor | None,
    zoh: bool,
    looked_at: tuple[Any, Any],
) -> tuple[Tensor, Tensor, Tensor]:
    """Output and last state of some positions, from the state h before them; and the states to be looked at."""
    B, C = (v if v.ndim == 2 else v[:, :, None, :] for v in (B, C))
    A_bar = torch.exp(delta[..., None] * A)
    if resets is not None:
        A_bar = A_bar.masked_fill(resets[..., None, None], 0.0)
    # euler: the product over (batch, L, D) first is one of the large ones less
    b = input_weight(delta[..., None], A, zoh) * B * x[..., None] if zoh else (delta * x)[..., None] * B
    hs: Tensor = _Recurrence.apply(A_bar, b, h)  # type: ignore[no-untyped-call]
    times, channels = looked_at
    return (hs * C).sum(-1), hs[:, -1], hs.detach()[:, times][:, :, channels]


class _Recurrence(torch.autograd.Function):
    """All states h_t = A_bar_t h_{t-1} + b_t, shape (batch, L, D, N)."""

    @staticmethod
    def forward(ctx: Any, A_bar: Tensor, b: Tensor, h0: Tensor) -> Tensor:
        hs = recurrence(A_bar, b, h0)
        ctx.save_for_backward(A_bar, hs, h0)
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With g_t = grad_h_t + A_bar_{t+1} g_{t+1}: grad_b_t = g_t and grad_A_bar_t = g_t h_{t-1}."""
        A_bar, hs, h0 = ctx.saved_tensors
        later = torch.cat([A_bar[:, 1:], torch.zeros_like(A_bar[:, :1])], dim=1)
        g = recurrence(later, grad_hs, torch.zeros_like(h0), reverse=True)
        before = torch.cat([h0[:, None], hs[:, :-1]], dim=1)
        return g * before, g, g[:, 0] * A_bar[:, 0]


def recurrence(a: Tensor, b: Tensor, h: Tensor, reverse: bool = False) -> Tensor:
    """All h_t = a_t h_{t-1} + b_t (or h_t = a_t h_{t+1} + b_t), t along axis 1."""
    hs = torch.empty_like(b)
    L = b.shape[1]
    chunks = 1 if h.numel() >= ENOUGH or L < SHORT else math.isqrt(L)
    length = L // chunks
    main = slice(L - chunks * length, L) if reverse else slice(0, chunks * length)
    rest = slice(0, L - chunks * length) if reverse else slice(chunks * length, L)
    if chunks == 1:
        return _loop(a, b, h, hs, reverse)

    cut = (len(h), chunks, length, *h.shape[1:])
    a_cut, b_cut = (v[:, main].reshape(cut).transpose(1, 2) for v in (a, b))  # (batch, length, chunks, D, N)
    hs_cut = _loop(a_cut, b_cut, torch.zeros_like(b_cut[:, 0]), torch.empty_like(b_cut), reverse)
    zeros = torch.zeros_like(a_cut)
    decay = _loop(a_cut, zeros, torch.ones_like(b_cut[:, 0]), torch.empty_like(a_cut), reverse)
    end = 0 if reverse else -1
    carried = torch.empty_like(b_cut[:, 0])  # the state that enters each chunk
    for k in reversed(range(chunks)) if reverse else range(chunks):
        carried[:, k] = h
        h = torch.addcmul(hs_cut[:, end, k], decay[:, end, k], h)
    hs_cut = torch.addcmul(hs_cut, decay, carried[:, None])
    hs[:, main] = hs_cut.transpose(1, 2).flatten(1, 2)
    _loop(a[:, rest], b[:, rest], h, hs[:, rest], reverse)
    return hs


def _loop(a: Tensor, b: Tensor, h: Tensor, hs: Tensor, reverse: bool) -> Tensor:
    """One position after the other, written to hs."""
    for t in reversed(range(b.shape[1])) if reverse else range(b.shape[1]):
        h = torch.addcmul(b[:, t], a[:, t], h, out=hs[:, t])
    return hs
