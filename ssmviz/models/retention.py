"""RetNet's retention (Sun et al. 2023) and linear attention (Katharopoulos et al. 2020): attention without a softmax.

Both remember one matrix a head, S = sum over the past of decay * k v', which is read with q. Sizes: H heads with K
features of keys and V of values each; L positions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.models.attention import joined, parted
from ssmviz.models.layer import Layer
from ssmviz.models.positions import turned
from ssmviz.models.scans import constant_scan
from ssmviz.settings import ModelSettings

CHUNK = 64  # positions that see one another as in attention; those before come through S
EPS = 1e-6


class Retained(NamedTuple):
    """What both remember."""

    S: Tensor  # (batch, H, K, V)
    t: Tensor  # () int, positions so far


def parallel(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor) -> Tensor:
    """(Q K' * M) V with M_ij = gamma^(i - j) for j <= i: RetNet, eq. 5. q, k (batch, H, L, K), v (batch, H, L, V)."""
    return (q @ k.mT * decays(gamma, q.shape[2])) @ v


def recurrent(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """One position, S = gamma S + k v', y = q S: RetNet, eq. 6. q, k (batch, H, K), v (batch, H, V)."""
    S = gamma[:, None, None] * S + k[..., None] * v[..., None, :]
    return (q[..., None, :] @ S)[..., 0, :], S


def chunked(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """`parallel` inside chunks, `recurrent` from chunk to chunk: RetNet, eq. 7. Time and memory linear in L."""
    whole = q.shape[2] - q.shape[2] % CHUNK
    ys = []
    for part, size in ((slice(0, whole), CHUNK), (slice(whole, None), q.shape[2] - whole)):
        if size and q[:, :, part].shape[2]:
            y, S = _chunks(q[:, :, part], k[:, :, part], v[:, :, part], gamma, S, size)
            ys.append(y)
    return torch.cat(ys, dim=2), S


def _chunks(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, S: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """All chunks of one size at once; from chunk to chunk an associative scan over their ends."""
    q, k, v = (torch.unflatten(part, 2, (-1, size)) for part in (q, k, v))  # (batch, H, chunks, size, K)
    steps = torch.arange(1, size + 1, device=q.device, dtype=q.dtype)
    before = (gamma[:, None] ** steps)[:, None, :, None]  # what is left of S at each position
    after = (gamma[:, None] ** (size - steps))[:, None, :, None]  # what is left of each position at the end
    new = (k * after).mT @ v  # what a chunk adds, (batch, H, chunks, K, V)
    over = before[:, :, -1:]  # a whole chunk
    new = torch.cat([new[:, :, :1] + over * S[:, :, None], new[:, :, 1:]], dim=2)
    ends = constant_scan(over[:, 0], new.movedim(2, 1)).movedim(1, 2)
    y = (q @ k.mT * decays(gamma, size)[:, None]) @ v
    y = y + before * (q @ torch.cat([S[:, :, None], ends[:, :, :-1]], dim=2))
    return y.flatten(2, 3), ends[:, :, -1]


def decays(gamma: Tensor, L: int) -> Tensor:
    """M (H, L, L): gamma^(i - j) for j <= i, 0 above."""
    distance = torch.arange(L, device=gamma.device)[:, None] - torch.arange(L, device=gamma.device)
    return torch.where(distance >= 0, gamma[:, None, None] ** distance.clamp(min=0), 0.0)


class LinearAttention(Layer):
    """y = phi(q) S / (phi(q) z) with S = sum phi(k) v', z = sum phi(k), phi = elu + 1 (eq. 16 to 20 of the paper).

    qkv_proj (3D, D). z is kept as one more feature of the values, which is always 1.
    """

    how = "linear attention"
    gamma: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.qkv_proj = nn.Linear(settings.D, 3 * settings.D, bias=False)
        self.register_buffer("gamma", torch.ones(settings.heads), persistent=False)

    def mix(self, x: Tensor, h0: Retained | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Retained]:
        """See `Layer.mix`."""
        S, t = self.initial_h(len(x)) if h0 is None else h0
        y, S = chunked(*self._project(x), self.gamma, S)
        return joined(_normalised(y)), Retained(S, t + x.shape[1])

    def recur(self, x: Tensor, h: Retained) -> tuple[Tensor, Retained]:
        """See `Layer.recur`."""
        q, k, v = (part[:, :, 0] for part in self._project(x[:, None]))
        y, S = recurrent(q, k, v, self.gamma, h.S)
        return _normalised(y).flatten(1), Retained(S, h.t + 1)

    def initial_h(self, batch: int) -> Retained:
        """Nothing retained."""
        K = self.d_inner // self.settings.heads
        return _nothing(self.qkv_proj.weight, (batch, self.settings.heads, K, K + 1))

    def table(self, h: Retained) -> Tensor:
        """See `Layer.table`: a row is a feature of the keys, its numbers those of the values; z is the last."""
        return h.S.flatten(1, 2)

    def weights(self, x: Tensor) -> Tensor:
        """See `Layer.weights`: each row sums to 1."""
        q, k, _ = self._project(x[None])
        scores = (q @ k.mT).tril()[0]
        return scores / (scores.sum(-1, keepdim=True) + EPS)

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (parted(part, self.settings.heads) for part in self.qkv_proj(x).chunk(3, dim=-1))
        return F.elu(q) + 1, F.elu(k) + 1, F.pad(v, (0, 1), value=1.0)


class RetNet(Layer):
    """Multi-scale retention (section 2.2): gamma_h = 1 - 2^(-5-h), queries and keys turned by their position.

    qkv_proj (3D, D), g_proj (D, D) the gate. y = SiLU(g) * norm(retention), the norm over each head by itself and
    without parameters, as in the release.
    """

    how = "retention"
    gamma: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.qkv_proj = nn.Linear(settings.D, 3 * settings.D, bias=False)
        self.g_proj = nn.Linear(settings.D, settings.D, bias=False)
        self.register_buffer("gamma", 1 - 2.0 ** (-5 - torch.arange(settings.heads)), persistent=False)

    def mix(self, x: Tensor, h0: Retained | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Retained]:
        """See `Layer.mix`."""
        S, t = self.initial_h(len(x)) if h0 is None else h0
        y, S = chunked(*self._project(x, t), self.gamma, S)
        return self._gated(joined(_head_norm(y)), x), Retained(S, t + x.shape[1])

    def recur(self, x: Tensor, h: Retained) -> tuple[Tensor, Retained]:
        """See `Layer.recur`."""
        q, k, v = (part[:, :, 0] for part in self._project(x[:, None], h.t))
        y, S = recurrent(q, k, v, self.gamma, h.S)
        return self._gated(_head_norm(y).flatten(1), x), Retained(S, h.t + 1)

    def initial_h(self, batch: int) -> Retained:
        """Nothing retained."""
        K = self.d_inner // self.settings.heads
        return _nothing(self.qkv_proj.weight, (batch, self.settings.heads, K, K))

    def table(self, h: Retained) -> Tensor:
        """See `Layer.table`: a row is a feature of the keys, its numbers those of the values."""
        return h.S.flatten(1, 2)

    def weights(self, x: Tensor) -> Tensor:
        """See `Layer.weights`: before the norm, of either sign."""
        q, k, _ = self._project(x[None], 0)
        return (q @ k.mT * decays(self.gamma, len(x)))[0]

    def _project(self, x: Tensor, before: int | Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (parted(part, self.settings.heads) for part in self.qkv_proj(x).chunk(3, dim=-1))
        return turned(q, before), turned(k, before) / k.shape[-1] ** 0.5, v

    def _gated(self, y: Tensor, x: Tensor) -> Tensor:
        return F.silu(self.g_proj(x)) * y


def _head_norm(y: Tensor) -> Tensor:
    return F.rms_norm(y, y.shape[-1:], eps=EPS)


def _normalised(y: Tensor) -> Tensor:
    """Values over the sum of their weights, which is the last feature."""
    return y[..., :-1] / (y[..., -1:] + EPS)


def _nothing(like: Tensor, shape: tuple[int, ...]) -> Retained:
    return Retained(like.new_zeros(shape), torch.zeros((), dtype=torch.int64, device=like.device))
