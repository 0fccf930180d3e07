"""What every layer offers: a whole sequence, fast; one position after another; and its inside, for explaining.

Glossary (Gu & Dao 2023): x input, h state, y output, delta step size, A, B, C the system, A_bar, B_bar the
discretised one, D_skip the feedthrough (its parameter keeps the published name `D`).
Sizes: D channels, N states a channel, L positions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import causal_conv1d
from ssmviz.settings import ModelSettings
from ssmviz.traces import LayerTrace

DELTA_FLOOR = 1e-4  # smallest initial Delta, as in the released code

# What a layer remembers between two positions: one tensor or a tuple of tensors, each with the batch first.
Memory = Any


class Discretised(NamedTuple):
    """The system at each of the leading positions (...): h' = A_bar h + B_bar x."""

    delta: Tensor  # (..., D)
    A_bar: Tensor  # (..., D, N)
    B_bar: Tensor  # (..., D, N)
    C: Tensor  # (..., N), or (..., D, N) where every channel has its own


class Layer(nn.Module, ABC):
    """What mixes the positions of D channels; blocks (`blocks.py`) put projections around it."""

    how = ""  # said to people of a layer that does without the selective scan: what it computes with instead
    pairs = False  # whether its work grows with the square of the length
    delta_penalty = 0.0  # times the mean Delta in the loss, where Delta depends on the input
    D: Tensor  # (D,) feedthrough, of layers that have one: a parameter, or zeros that stay

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.d_inner = settings.D

    def add_skip(self) -> None:
        """Register D."""
        if self.settings.skip:
            self.D = nn.Parameter(torch.ones(self.d_inner))
        else:
            self.register_buffer("D", torch.zeros(self.d_inner), persistent=False)

    def reset_parameters(self) -> None:
        """Set the parameters that are this module's own (children have set theirs before): D = 1."""
        if isinstance(getattr(self, "D", None), nn.Parameter):
            nn.init.ones_(self.D)

    def convolve(self, x: Tensor, taps: Tensor, bias: Tensor, *, backend: str) -> tuple[Tensor, ...]:
        """SiLU of the causal convolution of x (batch, L, D) with taps (D, d_conv), and `projected` for `scan`."""
        return (causal_conv1d(x, taps, bias, activation="silu", backend=backend),)

    def scan(
        self,
        x: Tensor,
        z: Tensor | None,
        h0: Memory,
        *,
        carry: bool,
        backend: str,
        projected: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Memory]:
        """The whole sequence, fast: x, z (batch, L, D), h0 (None: nothing seen) -> y (batch, L, D) and, to carry, h_L.

        When z is given, y is gated: y * silu(z). `projected` is what `convolve` has already made of x.
        """
        y, h = self.mix(x, h0, carry=carry, backend=backend)
        return (y if z is None else y * F.silu(z)), h

    @abstractmethod
    def mix(self, x: Tensor, h0: Memory, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Memory]:
        """`scan` without a gate; h_L may be None where `carry` does not ask for it."""

    @abstractmethod
    def recur(self, x: Tensor, h: Memory) -> tuple[Tensor, Memory]:
        """One position: x (batch, D), what is remembered -> y (batch, D), what is remembered then."""

    def recur_gated(self, x: Tensor, z: Tensor, h: Memory, *, backend: str) -> tuple[Tensor, Memory]:
        """The same with the gate z (batch, D): y * silu(z), new h."""
        y, h = self.recur(x, h)
        return y * F.silu(z), h

    @abstractmethod
    def initial_h(self, batch: int) -> Memory:
        """What is remembered before the first token."""

    def table(self, h: Memory) -> Tensor | None:
        """What is remembered as a table to look at, (batch, R, N); None where it grows with the sequence."""
        return None

    def weights(self, x: Tensor) -> Tensor | None:
        """What each position takes from every one before it, (heads, L, L) for x (L, D); None: see `explain`."""
        return None

    def explain(self, x: Tensor) -> tuple[Tensor, LayerTrace]:
        """The recurrence written out for one sequence x (L, D): y (L, D) and what is remembered on the way to it."""
        h, ys, tables = self.initial_h(1), [], []
        for x_t in x[:, None]:
            y, h = self.recur(x_t, h)
            ys.append(y)
            tables.append(self.table(h))
        weights, shown = self.weights(x), [t for t in tables if t is not None]
        y = torch.cat(ys)
        return y, LayerTrace(
            x=_array(x),
            delta=None,
            A_bar=None,
            B_bar=None,
            C=None,
            h=_array(torch.cat(shown)) if shown else None,
            y=_array(y),
            weights=None if weights is None else _array(weights),
        )

    def A(self) -> Tensor | None:  # noqa: N802 - the field's own letter
        """The continuous system's diagonal, (D, N), real part negative; None where there is none."""
        return None

    def scale_delta(self, factor: float) -> None:
        """Multiply every Delta by `factor`: the same system for another step of time; of no effect without Delta."""


class Diagonal(Layer):
    """A diagonal state space layer: h (batch, D, N), every state by itself."""

    @abstractmethod
    def discretise(self, x: Tensor) -> Discretised:
        """The system that the inputs x (..., D) make, by definition and in full."""

    @abstractmethod
    def read(self, C: Tensor, h: Tensor, x: Tensor) -> Tensor:
        """The output y = C h + D_skip x for h (..., D, N), x (..., D)."""

    @abstractmethod
    def A(self) -> Tensor:  # noqa: N802 - the field's own letter
        """See `Layer.A`."""

    def initial_h(self, batch: int) -> Tensor:
        """The state before the first token: zeros (batch, D, N)."""
        A = self.A().detach()
        return A.new_zeros(batch, *A.shape)

    def table(self, h: Tensor) -> Tensor:
        """See `Layer.table`: a row is a channel."""
        return h

    def recur(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One position: x (batch, D), h (batch, D, N) -> y (batch, D), new h."""
        system = self.discretise(x)
        h = system.A_bar * h + system.B_bar * x[..., None]
        return self.read(system.C, h, x), h

    def explain(self, x: Tensor) -> tuple[Tensor, LayerTrace]:
        """See `Layer.explain`, with the discretised system of every position."""
        delta, A_bar, B_bar, C = (part.detach().cpu() for part in self.discretise(x))
        Bx = B_bar * x.detach().cpu()[..., None]
        h = torch.empty_like(Bx)
        state = torch.zeros_like(Bx[0])
        for t in range(len(h)):
            state = A_bar[t] * state + Bx[t]
            h[t] = state
        y = self.read(C.to(x.device), h.to(x.device), x)
        return y, LayerTrace(*(_array(part) for part in (x, delta, A_bar, B_bar, C, h, y)))


def log_uniform_delta(settings: ModelSettings, size: int | None = None) -> Tensor:
    """Initial Delta per channel (D,): log-uniform on [dt_min, dt_max], never below `DELTA_FLOOR`.

    The paper says uniform; every published code base draws log-uniformly, and so does this.
    """
    low, high = torch.tensor([settings.dt_min, settings.dt_max], dtype=torch.float64).log()
    count = settings.D if size is None else size
    delta: Tensor = (low + torch.rand(count, dtype=torch.float64) * (high - low)).exp()
    return delta.clamp(min=DELTA_FLOOR).float()


def _array(part: Tensor) -> np.ndarray:
    return part.detach().cpu().numpy()
