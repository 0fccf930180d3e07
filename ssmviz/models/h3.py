"""The H3 block (Fu, Dao et al. 2022, section 3, and algorithm 1): two products around a layer.

y = q * layer(shift(k) * v). The shift is an SSM whose A moves its state on by one place, so what it computes is a
convolution with the d_conv numbers C S^l B, learned here as such, one filter a channel. With S4D inside the block is
H3, with a long convolution (Hyena's filter) it is Hyena of order 2 (Poli et al. 2023, section 3.1), and Mamba's Table 1
puts S6 inside. One head; Hyena's release also convolves q and v shortly.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import causal_conv1d
from kernels.layers import linear_add, norm_linear
from ssmviz.models.blocks import Convolving, MixerState, Passed, Way
from ssmviz.traces import LayerTrace


class H3(Convolving):
    """in_proj (3D, d_model) makes q, k, v; conv1d (D, 1, d_conv) the shift of k; out_proj (d_model, D); D = d_model."""

    parts = 3

    def through(self, x: Tensor, norm: nn.RMSNorm, state: MixerState | None, way: Way) -> Passed:
        """See `Block.through`."""
        eps = norm.eps or 0.0
        q, k, v, x = norm_linear(x, norm.weight, self.in_proj.weight, parts=self.parts, eps=eps, backend=way.backend)
        past = k if state is None else torch.cat([state.conv, k], dim=1)
        shifted = self._shifted(past, way.backend)[:, past.shape[1] - k.shape[1] :]
        y, h = self.scan(shifted * v, None, None if state is None else state.h, carry=way.carry, backend=way.backend)
        x = linear_add(q * y, self.out_proj.weight, x, backend=way.backend)
        return x, MixerState(self.newest(past), h) if way.carry else None

    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """See `Block.step`: the newest d_conv keys are all that the shift remembers."""
        q, k, v = self.in_proj(u).chunk(self.parts, dim=-1)
        past = torch.cat([state.conv, k[:, None]], dim=1)
        y, h = self.recur(self._tapped(past) * v, state.h)
        return self.out_proj(q * y), MixerState(self.newest(past), h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`; y of the trace is not multiplied by q yet."""
        q, k, v = self.in_proj(u).chunk(self.parts, dim=-1)
        padded = F.pad(k, (0, 0, self.memory, 0)).unfold(0, self.memory + 1, 1).mT  # (L, d_conv, D)
        y, record = self.explain(self._tapped(padded) * v)
        return self.out_proj(q * y), record

    def _shifted(self, k: Tensor, backend: str) -> Tensor:
        """The convolution of keys (batch, any, D)."""
        if self.conv1d is None:
            return k
        return causal_conv1d(k, self.conv1d.weight, self.conv1d.bias, activation=None, backend=backend)

    def _tapped(self, window: Tensor) -> Tensor:
        """The same of one window: (batch, d_conv, D), oldest first -> (batch, D)."""
        if self.conv1d is None:
            return window[:, -1]
        return (window * self.conv1d.weight[:, 0].mT).sum(1) + cast(Tensor, self.conv1d.bias)
