"""A Transformer block, the opponent of the Mamba block: causal softmax attention, then a gated feed-forward part.

As in Transformer++ (Mamba's baseline; Gu & Dao 2023, section 4): RMSNorm before each part, rotary positions, SwiGLU, no
biases. The two parts are two residual layers of the network. Sizes: L positions, H heads of size K, H K = d_model.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.layers import linear_add
from ssmviz.models.blocks import OUT_PROJ_GAIN, Mamba
from ssmviz.models.s6 import S6
from ssmviz.settings import ModelSettings

BASE = 10_000.0  # of the wavelengths of positions, 2 pi to 2 pi BASE tokens (Vaswani et al. 2017, section 3.5)


class KeysValues(NamedTuple):
    """What attention must remember: keys and values of every token so far, each (batch, H, t, K)."""

    keys: Tensor
    values: Tensor


class Sublayer(nn.Module, ABC):
    """Half of a Transformer block, with the interface of `blocks.Block`."""

    residual = True
    delta_penalty = 0.0  # of no effect: there is no Delta
    out_proj: nn.Linear

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """As for the Mamba block."""
        self.out_proj.weight *= OUT_PROJ_GAIN

    @abstractmethod
    def forward(
        self, x: Tensor, norm: nn.RMSNorm, state: Any = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, Any]:
        """See `blocks.Block.forward`."""

    @abstractmethod
    def step(self, u: Tensor, state: Any, *, backend: str = "auto") -> tuple[Tensor, Any]:
        """See `blocks.Block.step`."""

    @abstractmethod
    def trace(self, u: Tensor) -> tuple[Tensor, np.ndarray | None]:
        """One sequence u = norm(x) (L, d_model): the output and, of attention, the weights (H, L, L)."""

    @abstractmethod
    def initial_state(self, batch: int) -> Any:
        """Nothing seen yet."""

    def scale_delta(self, factor: float) -> None:
        """Of no effect: attention counts tokens and knows no time."""


class Attention(Sublayer):
    """Causal softmax attention: in_proj (3 d_model, d_model) makes queries, keys, values; out_proj (d_model, d_model).

    y_i = sum_j softmax_j(q_i k_j / sqrt(K)) v_j over j <= i. Positions: "rope" turns queries and keys by angles that
    grow with the position (Su et al. 2021, RoFormer), so that only distances count; "absolute" adds sines of the
    position to what queries and keys are made of; "none" leaves the causal mask as the only sign of order.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        d = settings.d_model
        self.in_proj = nn.Linear(d, 3 * d, bias=False)
        self.out_proj = nn.Linear(d, d, bias=False)

    def forward(
        self,
        x: Tensor,
        norm: nn.RMSNorm,
        state: KeysValues | None = None,
        *,
        carry: bool = False,
        backend: str = "auto",
    ) -> tuple[Tensor, KeysValues | None]:
        """See `blocks.Block.forward`; `state` grows with the sequence."""
        y, state = self._attend(norm(x), state)
        return linear_add(y, self.out_proj.weight, x, backend=backend), state if carry else None

    def step(self, u: Tensor, state: KeysValues, *, backend: str = "auto") -> tuple[Tensor, KeysValues]:
        """See `blocks.Block.step`: work and memory of a token grow with all that came before it."""
        y, state = self._attend(u[:, None], state)
        out: Tensor = self.out_proj(y[:, 0])
        return out, state

    def trace(self, u: Tensor) -> tuple[Tensor, np.ndarray]:
        """See `Sublayer.trace`, by definition."""
        q, k, v = self._project(u[None], 0)
        later = torch.ones(len(u), len(u), dtype=torch.bool, device=u.device).triu(1)
        weights = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(later, -math.inf).softmax(-1)
        out: Tensor = self.out_proj(_joined(weights @ v)[0])
        return out, weights[0].cpu().numpy()

    def initial_state(self, batch: int) -> KeysValues:
        """No keys, no values."""
        H = self.settings.heads
        empty = self.out_proj.weight.new_zeros(batch, H, 0, self.settings.d_model // H)
        return KeysValues(empty, empty)

    def _attend(self, u: Tensor, past: KeysValues | None) -> tuple[Tensor, KeysValues]:
        """Answers (batch, L, d_model) to u (batch, L, d_model), and all keys and values."""
        before = 0 if past is None else past.keys.shape[2]
        q, k, v = self._project(u, before)
        if past is not None:
            k, v = torch.cat([past.keys, k], dim=2), torch.cat([past.values, v], dim=2)
        L = q.shape[2]
        if before:  # row i sees what came before and itself
            seen = torch.ones(L, before + L, dtype=torch.bool, device=u.device).tril(before)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return _joined(y), KeysValues(k, v)

    def _project(self, u: Tensor, before: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys, values (batch, H, L, K) of the tokens u (batch, L, d_model) at positions from `before`."""
        L, d, H = u.shape[1], u.shape[2], self.settings.heads
        if self.settings.positions == "absolute":
            w_qk, w_v = torch.split(self.in_proj.weight, [2 * d, d])
            q, k = F.linear(u + _sines(before, L, u), w_qk).chunk(2, dim=-1)
            v = F.linear(u, w_v)
        else:
            q, k, v = self.in_proj(u).chunk(3, dim=-1)
        q, k, v = (part.reshape(*part.shape[:2], H, d // H).transpose(1, 2) for part in (q, k, v))
        if self.settings.positions == "rope":
            q, k = _turned(q, before), _turned(k, before)
        return q, k, v


class SwiGLU(Sublayer):
    """out_proj(SiLU(a) * b) with a, b = in_proj(u): in_proj (2 m, d_model), out_proj (d_model, m) (Shazeer 2020).

    The width m is what gives the whole Transformer block as many parameters as the Mamba block of the same settings.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        m = width(settings)
        self.in_proj = nn.Linear(settings.d_model, 2 * m, bias=False)
        self.out_proj = nn.Linear(m, settings.d_model, bias=False)

    def forward(
        self, x: Tensor, norm: nn.RMSNorm, state: tuple[()] | None = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, tuple[()] | None]:
        """See `blocks.Block.forward`."""
        return linear_add(self._gated(norm(x)), self.out_proj.weight, x, backend=backend), () if carry else None

    def step(self, u: Tensor, state: tuple[()], *, backend: str = "auto") -> tuple[Tensor, tuple[()]]:
        """See `blocks.Block.step`: every token by itself."""
        out: Tensor = self.out_proj(self._gated(u))
        return out, ()

    def trace(self, u: Tensor) -> tuple[Tensor, None]:
        """See `Sublayer.trace`."""
        out: Tensor = self.out_proj(self._gated(u))
        return out, None

    def initial_state(self, batch: int) -> tuple[()]:
        """There is nothing to remember."""
        return ()

    def _gated(self, u: Tensor) -> Tensor:
        a, b = self.in_proj(u).chunk(2, dim=-1)
        gated: Tensor = F.silu(a) * b
        return gated


def width(settings: ModelSettings) -> int:
    """Inner width of the feed-forward part: both blocks have equal parameters, to within half of 3 d_model."""
    d = settings.d_model
    with torch.device("meta"):  # counts without making
        mamba = type("MambaS6", (Mamba, S6), {})(settings.model_copy(update={"layer": "s6", "block": "mamba"}))
    target: int = sum(p.numel() for p in mamba.parameters()) + d  # its norm
    return max(1, round((target - 4 * d * d - 2 * d) / (3 * d)))


def _joined(heads: Tensor) -> Tensor:
    """(batch, H, L, K) -> (batch, L, H K)."""
    return heads.transpose(1, 2).flatten(-2)


def _angles(before: int, L: int, size: int, like: Tensor) -> Tensor:
    """Position times frequency, (L, size / 2): frequencies fall geometrically from 1 to nearly 1 / BASE."""
    frequencies = BASE ** (-torch.arange(0, size, 2, device=like.device, dtype=like.dtype) / size)
    positions = torch.arange(before, before + L, device=like.device, dtype=like.dtype)
    return positions[:, None] * frequencies


def _turned(heads: Tensor, before: int) -> Tensor:
    """Each half pair of features of (batch, H, L, K) turned by the angle of its position (RoFormer, section 3.2.2)."""
    angle = _angles(before, heads.shape[2], heads.shape[3], heads)
    a, b = heads.chunk(2, dim=-1)
    turned: Tensor = torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)
    return turned


def _sines(before: int, L: int, like: Tensor) -> Tensor:
    """Sine and cosine of each angle, (L, d_model)."""
    angle = _angles(before, L, like.shape[-1], like)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
