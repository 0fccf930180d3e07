"""RWKV-4's time mixing (Peng et al. 2023, section 3.1): a mean over the past as the ratio of two diagonal SSMs.

wkv_t = (sum_i<t e^(-(t-1-i) w + k_i) v_i + e^(u + k_t) v_t) / (the same without v), y = sigmoid(r) * wkv.
Numerator and denominator are SSMs with the pole e^-w and inputs e^k v and e^k. As e^k overflows, both are kept divided
by e^m, m the largest exponent that is in them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.models.layer import Layer
from ssmviz.models.scans import associative_scan
from ssmviz.settings import ModelSettings

SHOWN = 4  # channels whose weights are shown


class Averages(NamedTuple):
    """What RWKV remembers, each (batch, D)."""

    x: Tensor  # the newest input, for the token shift
    num: Tensor  # numerator and denominator, divided by e^m
    den: Tensor
    m: Tensor


class RWKV(Layer):
    """time_decay (D), w = e^time_decay; time_first (D), u; time_mix_k, _v, _r (D); key, value, receptance (D, D).

    Initial values: decays from slow to fast over the channels and mixes rising with them, as in the release but for its
    dependence on the depth.
    """

    how = "scan of pairs"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D = settings.D
        self.time_decay, self.time_first = nn.Parameter(torch.empty(D)), nn.Parameter(torch.empty(D))
        self.time_mix_k, self.time_mix_v, self.time_mix_r = (nn.Parameter(torch.empty(D)) for _ in range(3))
        self.key, self.value, self.receptance = (nn.Linear(D, D, bias=False) for _ in range(3))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """See the class."""
        super().reset_parameters()
        ramp = torch.linspace(0, 1, self.d_inner)
        self.time_decay.copy_(-5 + 8 * ramp**0.7)
        self.time_first.fill_(torch.tensor(0.3).log())
        for mix, exponent in ((self.time_mix_k, 1.0), (self.time_mix_v, 1.0), (self.time_mix_r, 0.5)):
            mix.copy_(ramp**exponent)

    def mix(self, x: Tensor, h0: Averages | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Averages]:
        """See `Layer.mix`: numerator and denominator by one associative scan each."""
        h0 = self.initial_h(len(x)) if h0 is None else h0
        r, k, v = self._project(x, torch.cat([h0.x[:, None], x[:, :-1]], dim=1))
        w = self.time_decay.exp()
        # m_t = max(m_{t-1} - w, k_t) in closed form: the largest of k_i - (t - i) w
        t = torch.arange(x.shape[1] + 1, device=x.device, dtype=x.dtype)[:, None]
        m = (torch.cat([h0.m[:, None], k], dim=1).detach() + t * w.detach()).cummax(1).values - t * w.detach()
        keep = (m[:, :-1] - m[:, 1:] - w).exp()  # at most 1
        new = (k - m[:, 1:]).exp()
        num = _scanned(keep, new * v, h0.num)  # (batch, 1 + L, D), h0 first
        den = _scanned(keep, new, h0.den)
        y = torch.sigmoid(r) * self._answer(k, v, num[:, :-1], den[:, :-1], m[:, :-1])
        return y, Averages(x[:, -1], num[:, -1], den[:, -1], m[:, -1])

    def recur(self, x: Tensor, h: Averages) -> tuple[Tensor, Averages]:
        """See `Layer.recur`: appendix D of the paper."""
        r, k, v = self._project(x, h.x)
        w = self.time_decay.exp()
        y = torch.sigmoid(r) * self._answer(k, v, h.num, h.den, h.m)
        m = torch.maximum(h.m - w, k).detach()
        keep, new = (h.m - w - m).exp(), (k - m).exp()
        return y, Averages(x, keep * h.num + new * v, keep * h.den + new, m)

    def initial_h(self, batch: int) -> Averages:
        """Nothing averaged."""
        nothing = self.time_decay.new_zeros(batch, self.d_inner)
        return Averages(nothing, nothing, nothing, nothing - 1e4)

    def table(self, h: Averages) -> Tensor:
        """See `Layer.table`: numerator and denominator of each channel, times e^m."""
        return torch.stack([h.num, h.den], dim=-1) * h.m.clamp(max=60).exp()[..., None]

    def weights(self, x: Tensor) -> Tensor:
        """See `Layer.weights`, by definition, of `SHOWN` channels; each row sums to 1."""
        _, k, _ = self._project(x, torch.cat([torch.zeros_like(x[:1]), x[:-1]]))
        some = torch.linspace(0, self.d_inner - 1, min(SHOWN, self.d_inner)).round().long().to(x.device)
        w, u, k = self.time_decay.exp()[some], self.time_first[some], k[:, some]
        t = torch.arange(len(x), device=x.device)
        distance = (t[:, None] - t - 1)[..., None]  # (L, L, 1), -1 on the diagonal
        exponent = torch.where(distance < 0, u + k, k - distance * w)
        return exponent.masked_fill((distance < -1), -torch.inf).softmax(1).permute(2, 0, 1)

    def _project(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """r, k, v of inputs mixed with the ones before them (eq. 11 to 13)."""
        mixed = (before + mix * (x - before) for mix in (self.time_mix_r, self.time_mix_k, self.time_mix_v))
        r, k, v = (linear(u) for linear, u in zip((self.receptance, self.key, self.value), mixed, strict=True))
        return r, k, v

    def _answer(self, k: Tensor, v: Tensor, num: Tensor, den: Tensor, m: Tensor) -> Tensor:
        """The mean of the past and of the newest value, which counts e^(u + k)."""
        now = self.time_first + k
        top = torch.maximum(m, now).detach()
        past, new = (m - top).exp(), (now - top).exp()
        return (past * num + new * v) / (past * den + new)


def _scanned(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t from h_0 on: a, b (batch, L, D), h0 (batch, D) -> (batch, 1 + L, D)."""
    return associative_scan(F.pad(a, (0, 0, 1, 0)), torch.cat([h0[:, None], b], dim=1))
