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

from kernels.layers import conv_step, linear_add, norm_linear
from ssmviz.models.layer import Layer
from ssmviz.settings import ModelSettings
from ssmviz.traces import LayerTrace

# Departure from Mamba, which divides by sqrt(n_layers): see `EMBEDDING_STD` in ends.py.
OUT_PROJ_GAIN = 2.0


class MixerState(NamedTuple):
    """What a block must remember between two calls."""

    conv: Tensor  # (batch, d_conv - 1, D) newest inputs of the convolution; no rows where there is none
    h: Tensor  # (batch, D, N)


class Block(Layer):
    """A layer with its projections, on the residual stream x: x + block(norm(x)), all (batch, L, d_model)."""

    out_proj: nn.Linear
    memory = 0  # inputs that the block looks back at
    residual = True  # x + block(norm(x)); otherwise block(x)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The linear default, times OUT_PROJ_GAIN for out_proj."""
        super().reset_parameters()
        self.out_proj.weight *= OUT_PROJ_GAIN

    @abstractmethod
    def forward(
        self,
        x: Tensor,
        norm: nn.RMSNorm,
        state: MixerState | None = None,
        *,
        carry: bool = False,
        backend: str = "auto",
    ) -> tuple[Tensor, MixerState | None]:
        """The fast path; `state` is what came before, and `carry` asks for what to give the next call.

        It begins with the norm and ends with the sum, since a GPU does both on its way.
        """

    @abstractmethod
    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """One token by recurrence: the block alone, u = norm(x) (batch, d_model)."""

    @abstractmethod
    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """One sequence u = norm(x) (L, d_model) with everything that happens to it in the block."""

    def initial_state(self, batch: int) -> MixerState:
        """Nothing seen yet."""
        h = self.initial_h(batch)
        return MixerState(h.real.new_zeros(batch, self.memory, self.d_inner), h)


class Mamba(Block):
    """The Mamba block (Gu & Dao 2023, figure 3): in_proj -> x, z; x -> conv -> SiLU -> layer; * SiLU(z) -> out_proj.

    in_proj (2D, d_model; first half x, second half z), conv1d (D, 1, d_conv) causal and depthwise, with bias, out_proj
    (d_model, D). Without the gate in_proj makes x alone, without the convolution SiLU sees x itself.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, taps = settings.D, settings.d_conv
        self.memory = max(0, taps - 1)
        self.parts = 2 if settings.gate else 1
        self.in_proj = nn.Linear(settings.d_model, self.parts * D, bias=False)
        self.conv1d = nn.Conv1d(D, D, taps, groups=D, padding=self.memory) if taps else None
        self.out_proj = nn.Linear(D, settings.d_model, bias=False)

    def forward(
        self,
        x: Tensor,
        norm: nn.RMSNorm,
        state: MixerState | None = None,
        *,
        carry: bool = False,
        backend: str = "auto",
    ) -> tuple[Tensor, MixerState | None]:
        """See `Block.forward`; the gate is applied inside the scan."""
        eps = norm.eps or 0.0
        u, *gate, x = norm_linear(x, norm.weight, self.in_proj.weight, parts=self.parts, eps=eps, backend=backend)
        past = u if state is None else torch.cat([state.conv, u], dim=1)
        u, *projected = self._convolved(past, past.shape[1] - u.shape[1], backend)
        h0 = None if state is None else state.h
        y, h = self.scan(u, gate[0] if gate else None, h0, carry=carry, backend=backend, projected=projected)
        x = linear_add(y, self.out_proj.weight, x, backend=backend)
        return x, None if h is None else MixerState(self._newest(past), h)

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
        self,
        x: Tensor,
        norm: nn.RMSNorm,
        state: MixerState | None = None,
        *,
        carry: bool = False,
        backend: str = "auto",
    ) -> tuple[Tensor, MixerState | None]:
        """See `Block.forward`."""
        y, h = self.scan(norm(x), None, None if state is None else state.h, carry=carry, backend=backend)
        x = linear_add(F.gelu(y), self.out_proj.weight, x, backend=backend)
        return x, None if h is None else MixerState(x[:, :0], h)

    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """See `Block.step`."""
        y, h = self.recur(u, state.h)
        return self.out_proj(F.gelu(y)), MixerState(state.conv, h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`."""
        y, record = self.explain(u)
        return self.out_proj(F.gelu(y)), record


class Linear(Block):
    """The layer and nothing else: no norm, no sum, no gate, no nonlinearity, no projection.

    With S4D the network between its ends is one linear time-invariant system, as in system identification.
    """

    residual = False

    def reset_parameters(self) -> None:
        """Only the layer's own: there is no projection to scale."""
        super(Block, self).reset_parameters()

    def forward(
        self,
        x: Tensor,
        norm: nn.RMSNorm,
        state: MixerState | None = None,
        *,
        carry: bool = False,
        backend: str = "auto",
    ) -> tuple[Tensor, MixerState | None]:
        """See `Block.forward`; `norm` is the identity."""
        y, h = self.scan(x, None, None if state is None else state.h, carry=carry, backend=backend)
        return y, None if h is None else MixerState(x[:, :0], h)

    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """See `Block.step`."""
        y, h = self.recur(u, state.h)
        return y, MixerState(state.conv, h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`."""
        return self.explain(u)
