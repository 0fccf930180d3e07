"""Linear recurrences by associative scan in plain PyTorch: log2 L passes over all positions (Hillis & Steele 1986)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def associative_scan(a: Tensor, b: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t from h_0 = 0, for a and b (batch, L, ...); (a, b) o (c, d) = (ca, cb + d).

    After the pass of span s each pair stands for the last 2s positions.
    """
    L, span = b.shape[1], 1
    while span < L:
        b = torch.cat([b[:, :span], b[:, span:] + a[:, span:] * b[:, :-span]], dim=1)
        if 2 * span < L:
            a = torch.cat([a[:, :span], a[:, span:] * a[:, :-span]], dim=1)
        span *= 2
    return b


def constant_scan(a: Tensor, b: Tensor) -> Tensor:
    """The same where a (...) is the same at every position: only its squares are needed."""
    L, span = b.shape[1], 1
    while span < L:
        b = b + a * F.pad(b, (0, 0) * (b.ndim - 2) + (span, 0))[:, :L]
        a, span = a * a, 2 * span
    return b
