"""Blocks: what stands around a state space layer between two points of the residual stream.

A block is combined with a layer by inheritance, so that the parameters of both carry their published flat
names (`mixer.in_proj`, `mixer.x_proj`, `mixer.A_log`, ...).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import causal_conv1d
from ssmviz.models.layer import Layer
from ssmviz.settings import ModelSettings
from ssmviz.traces import LayerTrace

# Departure from Mamba, which divides by sqrt(n_layers): see `EMBEDDING_STD` in network.py.
OUT_PROJ_GAIN = 2.0


class MixerState(NamedTuple):
    """What a block must remember between two calls."""

    conv: Tensor  # (batch, d_conv - 1, D) newest inputs of the convolution; no rows where there is none
    h: Tensor  # (batch, D, N)


class Block(Layer):
    """A layer with its projections: u (batch, L, d_model) -> (batch, L, d_model)."""

    out_proj: nn.Linear

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The linear default, times OUT_PROJ_GAIN for out_proj."""
        super().reset_parameters()
        self.out_proj.weight *= OUT_PROJ_GAIN

    @abstractmethod
    def forward(
        self, u: Tensor, state: MixerState | None = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, MixerState | None]:
        """The fast path; `state` is what came before, and `carry` asks for what to give the next call."""

    @abstractmethod
    def step(self, u: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """One token by recurrence: u (batch, d_model)."""

    @abstractmethod
    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """One sequence u (L, d_model) with everything that happens to it."""

    def initial_state(self, batch: int) -> MixerState:
        """Nothing seen yet."""
        h = self.initial_h(batch)
        return MixerState(self.out_proj.weight.new_zeros(batch, self.memory, self.d_inner), h)

    memory = 0  # inputs that the block looks back at


class Mamba(Block):
    """The Mamba block (Gu & Dao 2023, figure 3): in_proj -> x, z; x -> conv -> SiLU -> layer; * SiLU(z) -> out_proj.

    in_proj (2D, d_model; first half x, second half z), conv1d (D, 1, d_conv) causal and depthwise, with bias, out_proj
    (d_model, D).
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D = settings.D
        self.memory = settings.d_conv - 1
        self.in_proj = nn.Linear(settings.d_model, 2 * D, bias=False)
        self.conv1d = nn.Conv1d(D, D, settings.d_conv, groups=D, padding=self.memory)
        self.out_proj = nn.Linear(D, settings.d_model, bias=False)

    def forward(
        self, u: Tensor, state: MixerState | None = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, MixerState | None]:
        """See `Block.forward`; the gate is applied inside the scan."""
        x, z = self.in_proj(u).chunk(2, dim=-1)
        past = x if state is None else torch.cat([state.conv, x], dim=1)
        x = self._convolve(past, backend)[:, past.shape[1] - x.shape[1] :]
        y, h = self.scan(x, z, None if state is None else state.h, carry=carry, backend=backend)
        return self.out_proj(y), None if h is None else MixerState(self._newest(past), h)

    def step(self, u: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """See `Block.step`: the convolution is a dot product with the newest d_conv inputs."""
        x, z = self.in_proj(u).chunk(2, dim=-1)
        window = torch.cat([state.conv, x[:, None]], dim=1)
        x = self._taps(window.unbind(1))
        y, h = self.recur(x, state.h)
        return self.out_proj(y * F.silu(z)), MixerState(window[:, 1:], h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`; y of the trace is not gated yet."""
        x, z = self.in_proj(u).chunk(2, dim=-1)
        padded = F.pad(x, (0, 0, self.memory, 0))
        x = self._taps([padded[k : k + len(x)] for k in range(self.memory + 1)])
        y, record = self.explain(x)
        return self.out_proj(y * F.silu(z)), record

    def _convolve(self, x: Tensor, backend: str) -> Tensor:
        """SiLU of the causal depthwise convolution: (batch, L, D) -> the same."""
        y: Tensor = causal_conv1d(x, self.conv1d.weight, self.conv1d.bias, activation="silu", backend=backend)
        return y

    def _taps(self, inputs: Sequence[Tensor]) -> Tensor:
        """The same by definition: d_conv inputs (..., D), oldest first, each times its tap."""
        y = torch.stack([x * tap for x, tap in zip(inputs, self.conv1d.weight[:, 0].mT, strict=True)]).sum(0)
        return F.silu(y + cast(Tensor, self.conv1d.bias))

    def _newest(self, past: Tensor) -> Tensor:
        """The last d_conv - 1 inputs, zeros before the first."""
        missing = max(0, self.memory - past.shape[1])
        return F.pad(past, (0, 0, missing, 0))[:, past.shape[1] + missing - self.memory :]


class Plain(Block):
    """No gate, no convolution, no expansion: the layer on the d_model channels themselves, GELU, out_proj.

    The block around S4D in its release, without dropout and without the GLU (which is a gate); out_proj (d_model,
    d_model) without bias.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.out_proj = nn.Linear(settings.D, settings.d_model, bias=False)

    def forward(
        self, u: Tensor, state: MixerState | None = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, MixerState | None]:
        """See `Block.forward`."""
        y, h = self.scan(u, None, None if state is None else state.h, carry=carry, backend=backend)
        return self.out_proj(F.gelu(y)), None if h is None else MixerState(u[:, :0], h)

    def step(self, u: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """See `Block.step`."""
        y, h = self.recur(u, state.h)
        return self.out_proj(F.gelu(y)), MixerState(state.conv, h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`."""
        y, record = self.explain(u)
        return self.out_proj(F.gelu(y)), record
