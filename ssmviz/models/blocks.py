"""Blocks: what stands around a layer between two points of the residual stream.

A block is combined with a layer by inheritance, so that the parameters of both carry their published flat
names (`mixer.in_proj`, `mixer.x_proj`, `mixer.A_log`, ...). The Mamba block and H3's have files of their own.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.layers import linear_add
from ssmviz.models.layer import Layer, Memory
from ssmviz.settings import ModelSettings
from ssmviz.traces import LayerTrace

# Departure from Mamba, which divides by sqrt(n_layers): see `EMBEDDING_STD` in ends.py.
OUT_PROJ_GAIN = 2.0


class MixerState(NamedTuple):
    """What a block must remember between two calls."""

    conv: Tensor  # (batch, d_conv - 1, D) newest inputs of the convolution; no rows where there is none
    h: Memory  # of the layer


class Way(NamedTuple):
    """How a sequence goes through a block."""

    carry: bool  # whether the next call is to be given what this one remembers
    backend: str  # of the scan and of what stands around it


Passed: TypeAlias = tuple[Tensor, MixerState | None]  # the stream (batch, L, d_model), and what to go on from


class Block(Layer):
    """A layer with its projections, on the residual stream x: x + block(norm(x)), all (batch, L, d_model)."""

    out_proj: nn.Linear
    memory = 0  # inputs that the block looks back at
    residual = True  # x + block(norm(x)); otherwise block(x)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The linear default, times OUT_PROJ_GAIN for out_proj."""
        super().reset_parameters()
        if self.residual:
            self.out_proj.weight *= OUT_PROJ_GAIN

    @abstractmethod
    def through(self, x: Tensor, norm: nn.RMSNorm, state: MixerState | None, way: Way) -> Passed:
        """The fast path from x to x + block(norm(x)); `state` is what came before.

        It begins with the norm and ends with the sum, since a GPU does both on its way.
        """

    def forward(
        self,
        x: Tensor,
        norm: nn.RMSNorm,
        state: MixerState | None = None,
        *,
        carry: bool = False,
        backend: str = "auto",
    ) -> Passed:
        """See `through`; `carry` asks for what to give the next call."""
        return self.through(x, norm, state, Way(carry, backend))

    @abstractmethod
    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """One token by recurrence: the block alone, u = norm(x) (batch, d_model)."""

    @abstractmethod
    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """One sequence u = norm(x) (L, d_model) with everything that happens to it in the block."""

    def initial_state(self, batch: int) -> MixerState:
        """Nothing seen yet."""
        like = next(self.parameters())
        return MixerState(like.new_zeros(batch, self.memory, self.d_inner), self.initial_h(batch))


class Convolving(Block):
    """A block that makes `parts` things of D channels of its input, and convolves one of them shortly.

    in_proj (parts D, d_model), conv1d (D, 1, d_conv) causal and depthwise, with bias, out_proj (d_model, D).
    """

    parts: int

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, taps = settings.D, settings.d_conv
        self.memory = max(0, taps - 1)
        self.in_proj = nn.Linear(settings.d_model, self.parts * D, bias=False)
        self.conv1d = nn.Conv1d(D, D, taps, groups=D, padding=self.memory) if taps else None
        self.out_proj = nn.Linear(D, settings.d_model, bias=False)

    def newest(self, past: Tensor) -> Tensor:
        """The last `memory` inputs of the convolution, zeros before the first: past (batch, any, D)."""
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

    def activation(self, y: Tensor) -> Tensor:
        """What stands between the layer and out_proj."""
        return F.gelu(y)

    def through(self, x: Tensor, norm: nn.RMSNorm, state: MixerState | None, way: Way) -> Passed:
        """See `Block.through`."""
        y, h = self.scan(norm(x), None, None if state is None else state.h, carry=way.carry, backend=way.backend)
        x = linear_add(self.activation(y), self.out_proj.weight, x, backend=way.backend)
        return x, MixerState(x[:, :0], h) if way.carry else None

    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """See `Block.step`."""
        y, h = self.recur(u, state.h)
        return self.out_proj(self.activation(y)), MixerState(state.conv, h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`."""
        y, record = self.explain(u)
        return self.out_proj(self.activation(y)), record


class Transformer(Plain):
    """The first half of a Transformer block: the layer, then out_proj; the second half is `SwiGLU`.

    With attention this is Transformer++ (Mamba's baseline; Gu & Dao 2023, section 4); RetNet and RWKV are built the
    same way around other layers.
    """

    def activation(self, y: Tensor) -> Tensor:
        """None: attention-like layers bring their own."""
        return y


class Linear(Block):
    """The layer and nothing else: no norm, no sum, no gate, no nonlinearity, no projection.

    With S4D the network between its ends is one linear time-invariant system, as in system identification.
    """

    residual = False

    def through(self, x: Tensor, norm: nn.RMSNorm, state: MixerState | None, way: Way) -> Passed:
        """See `Block.through`; `norm` is the identity."""
        y, h = self.scan(x, None, None if state is None else state.h, carry=way.carry, backend=way.backend)
        return y, MixerState(x[:, :0], h) if way.carry else None

    def step(self, u: Tensor, state: MixerState, *, backend: str = "auto") -> tuple[Tensor, MixerState]:
        """See `Block.step`."""
        y, h = self.recur(u, state.h)
        return y, MixerState(state.conv, h)

    def trace(self, u: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Block.trace`."""
        return self.explain(u)
