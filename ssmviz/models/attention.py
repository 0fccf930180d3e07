"""Causal softmax attention with a cache of keys and values. Sizes: L positions, H heads of size K, H K = D."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.models.layer import Layer
from ssmviz.models.positions import scaled, sines, turned
from ssmviz.settings import ModelSettings


class KeysValues(NamedTuple):
    """What attention must remember: keys and values of every token so far, each (batch, H, t, K)."""

    keys: Tensor
    values: Tensor


class Attention(Layer):
    """y_i = sum_j softmax_j(q_i k_j / sqrt(K)) v_j over j <= i; qkv_proj (3D, D) makes queries, keys, values.

    Positions: "rope" turns queries and keys by angles that grow with the position (Su et al. 2021, RoFormer), so that
    only distances count; "xpos" also weakens each feature with distance (Sun et al. 2022); "absolute" adds sines of
    the position to what queries and keys are made of; "none" leaves the causal mask as the only sign of order.
    """

    how = "softmax"
    pairs = True

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.qkv_proj = nn.Linear(settings.D, 3 * settings.D, bias=False)

    def mix(self, x: Tensor, h0: KeysValues | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, KeysValues]:
        """See `Layer.mix`; what is remembered grows with the sequence."""
        before = 0 if h0 is None else h0.keys.shape[2]
        q, k, v = self._project(x, before)
        if h0 is not None:
            k, v = torch.cat([h0.keys, k], dim=2), torch.cat([h0.values, v], dim=2)
        L = q.shape[2]
        if before:  # row i sees what came before and itself
            seen = torch.ones(L, before + L, dtype=torch.bool, device=x.device).tril(before)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return joined(y), KeysValues(k, v)

    def recur(self, x: Tensor, h: KeysValues) -> tuple[Tensor, KeysValues]:
        """See `Layer.recur`: work and memory of a token grow with all that came before it."""
        y, h = self.mix(x[:, None], h, carry=True)
        return y[:, 0], h

    def weights(self, x: Tensor) -> Tensor:
        """See `Layer.weights`, by definition: each row sums to 1."""
        q, k, _ = self._project(x[None], 0)
        later = torch.ones(len(x), len(x), dtype=torch.bool, device=x.device).triu(1)
        return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(later, -math.inf).softmax(-1)[0]

    def initial_h(self, batch: int) -> KeysValues:
        """No keys, no values."""
        H = self.settings.heads
        empty = self.qkv_proj.weight.new_zeros(batch, H, 0, self.settings.D // H)
        return KeysValues(empty, empty)

    def _project(self, x: Tensor, before: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys, values (batch, H, L, K) of x (batch, L, D) at positions from `before`."""
        L, D, kind = x.shape[1], x.shape[2], self.settings.positions
        if kind == "absolute":
            w_qk, w_v = torch.split(self.qkv_proj.weight, [2 * D, D])
            q, k = F.linear(x + sines(before, L, x), w_qk).chunk(2, dim=-1)
            v = F.linear(x, w_v)
        else:
            q, k, v = self.qkv_proj(x).chunk(3, dim=-1)
        q, k, v = (parted(part, self.settings.heads) for part in (q, k, v))
        if kind in ("rope", "xpos"):
            q, k = turned(q, before), turned(k, before)
        return (*scaled(q, k, before), v) if kind == "xpos" else (q, k, v)


def parted(x: Tensor, heads: int) -> Tensor:
    """(batch, L, H K) -> (batch, H, L, K)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def joined(heads: Tensor) -> Tensor:
    """(batch, H, L, K) -> (batch, L, H K)."""
    return heads.transpose(1, 2).flatten(-2)
