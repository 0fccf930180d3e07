"""The Mamba block (Gu & Dao 2023, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.layers import conv_step, linear_add, norm_linear
from ssmviz.models.blocks import Convolving, MixerState, Passed, Way
from ssmviz.settings import ModelSettings
from ssmviz.traces import LayerTrace


class Mamba(Convolving):
    """The Mamba block (Gu & Dao 2023, figure 3): in_proj -> x, z; x -> conv -> SiLU -> layer; * SiLU(z) -> out_proj.

    in_proj (2D, d_model; first half x, second half z), conv1d (D, 1, d_conv) causal and depthwise, with bias, out_proj
    (d_model, D). Without the gate in_proj makes x alone, without the convolution SiLU sees x itself.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self.parts = 2 if settings.gate else 1
        super().__init__(settings)

    def through(self, x: Tensor, norm: nn.RMSNorm, state: MixerState | None, way: Way) -> Passed:
        """See `Block.through`; the gate is applied inside the scan."""
        eps = norm.eps or 0.0
        u, *gate, x = norm_linear(x, norm.weight, self.in_proj.weight, parts=self.parts, eps=eps, backend=way.backend)
        past = u if state is None else torch.cat([state.conv, u], dim=1)
        u, *projected = self._convolved(past, past.shape[1] - u.shape[1], way.backend)
        h0 = None if state is None else state.h
        y, h = self.scan(u, gate[0] if gate else None, h0, carry=way.carry, backend=way.backend, projected=projected)
        x = linear_add(y, self.out_proj.weight, x, backend=way.backend)
        return x, MixerState(self.newest(past), h) if way.carry else None

    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """See `Block.step`: the convolution is a dot product with the newest d_conv inputs."""
        x, *gate = self.in_proj(u).chunk(self.parts, dim=-1)
        if self.conv1d is None:
            x, window = F.silu(x), state.conv
        else:
            taps, bias = self.conv1d.weight.squeeze(1), cast(Tensor, self.conv1d.bias)
            x, window = conv_step(state.conv, x, taps, bias, backend=backend)
        y, h = self.recur_gated(x, gate[0], state.h, backend=backend) if gate else self.recur(x, state.h)
        return self.out_proj(y), MixerState(window, h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`; y of the trace is not gated yet."""
        x, *gate = self.in_proj(u).chunk(self.parts, dim=-1)
        padded = F.pad(x, (0, 0, self.memory, 0))
        y, record = self.explain(self._taps([padded[k : k + len(x)] for k in range(self.memory + 1)]))
        return self.out_proj(y * F.silu(gate[0]) if gate else y), record

    def _convolved(self, past: Tensor, before: int, backend: str) -> tuple[Tensor, ...]:
        """SiLU of the convolution of past (batch, before + L, D) at the last L positions; see `Layer.convolve`."""
        if self.conv1d is None:
            return (F.silu(past),)
        taps, bias = self.conv1d.weight.squeeze(1), cast(Tensor, self.conv1d.bias)
        return tuple(part[:, before:] for part in self.convolve(past, taps, bias, backend=backend))

    def _taps(self, inputs: Sequence[Tensor]) -> Tensor:
        """SiLU of the convolution by definition: d_conv inputs (..., D), oldest first, each times its tap."""
        if self.conv1d is None:
            return F.silu(inputs[-1])
        y = torch.stack([x * tap for x, tap in zip(inputs, self.conv1d.weight[:, 0].mT, strict=True)]).sum(0)
        return F.silu(y + cast(Tensor, self.conv1d.bias))
