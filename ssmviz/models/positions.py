"""How attention-like layers know of order: angles and sizes that grow with the position."""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 10_000.0  # of the wavelengths of positions, 2 pi to 2 pi BASE tokens (Vaswani et al. 2017, section 3.5)
XPOS_GAMMA, XPOS_SCALE = 0.4, 512.0  # Sun et al. 2022 (arXiv 2212.10554), section 3


def turned(heads: Tensor, before: int | Tensor) -> Tensor:
    """Each half pair of features of (batch, H, L, K) turned by the angle of its position (RoFormer, section 3.2.2)."""
    angle = _angles(before, heads.shape[2], heads.shape[3], heads)
    a, b = heads.chunk(2, dim=-1)
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)


def scaled(q: Tensor, k: Tensor, before: int) -> tuple[Tensor, Tensor]:
    """xPos: queries times zeta^(n / 512), keys times zeta^(-n / 512), so a score shrinks by zeta^(distance / 512).

    zeta rises from .29 for the fastest pair of features to 1 for the slowest. Beyond some 35,000 positions the
    factors leave float32.
    """
    half = q.shape[-1] // 2
    zeta = (torch.arange(half, device=q.device, dtype=q.dtype) / half + XPOS_GAMMA) / (1 + XPOS_GAMMA)
    n = torch.arange(before, before + q.shape[2], device=q.device, dtype=q.dtype)
    factor = (zeta.log() * n[:, None] / XPOS_SCALE).exp().repeat(1, 2)
    return q * factor, k / factor


def sines(before: int, L: int, like: Tensor) -> Tensor:
    """Sine and cosine of each angle, (L, D)."""
    angle = _angles(before, L, like.shape[-1], like)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def _angles(before: int | Tensor, L: int, size: int, like: Tensor) -> Tensor:
    """Position times frequency, (L, size / 2): frequencies fall geometrically from 1 to nearly 1 / BASE."""
    frequencies = BASE ** (-torch.arange(0, size, 2, device=like.device, dtype=like.dtype) / size)
    positions = torch.arange(L, device=like.device, dtype=like.dtype) + before
    return positions[:, None] * frequencies
