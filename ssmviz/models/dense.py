"""Arithmetic of time-invariant dense systems: powers of A_bar, which every channel has of its own.

Shapes: A_bar (D, n, n); vectors (D, n), or (batch, D, n), of n real numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor


def krylov(A_bar: Tensor, v: Tensor, L: int) -> Tensor:
    """(v, A_bar v, ..., A_bar^(L-1) v) side by side, (D, n, L), for v (D, n), by doubling: log2 L products."""
    columns = v[..., None]
    while (known := columns.shape[-1]) < L:
        columns = torch.cat([columns, A_bar @ columns[..., : L - known]], dim=-1)
        A_bar = A_bar @ A_bar
    return columns


def times_power(v: Tensor, A_bar: Tensor, L: int) -> Tensor:
    """The rows v A_bar^L of v (..., D, n), by repeated squaring."""
    while L:
        if L % 2:
            v = torch.einsum("...dn,dnm->...dm", v, A_bar)
        A_bar, L = A_bar @ A_bar, L // 2
    return v


def last_state(columns: Tensor, A_bar: Tensor, x: Tensor, h0: Tensor | None) -> Tensor:
    """h_L = sum_l A_bar^(L-1-l) B_bar x_l + A_bar^L h0, (batch, D, n), for columns = krylov(A_bar, B_bar, L)."""
    h = torch.einsum("dnl,bld->bdn", columns, x.flip(1))
    return h if h0 is None else h + times_power(h0, A_bar.mT, x.shape[1])


def free_answer(A_bar: Tensor, C: Tensor, h0: Tensor, L: int) -> Tensor:
    """What h0 (batch, D, n) still says when no input comes: C A_bar^(l+1) h0 for l < L, (batch, L, D); C (D, n)."""
    return torch.einsum("dnl,bdn->bld", krylov(A_bar.mT, times_power(C, A_bar, 1), L), h0)
