"""What every state space layer offers: a fast scan over a sequence, and its discretised system for explaining.

Glossary (Gu & Dao 2023): x input, h state, y output, delta step size, A, B, C the system, A_bar, B_bar the
discretised one, D_skip the feedthrough (its parameter keeps the published name `D`).
Sizes: D channels, N states a channel, L positions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import causal_conv1d
from ssmviz.settings import ModelSettings
from ssmviz.traces import LayerTrace

DELTA_FLOOR = 1e-4  # smallest initial Delta, as in the released code


class Discretised(NamedTuple):
    """The system at each of the leading positions (...): h' = A_bar h + B_bar x."""

    delta: Tensor  # (..., D)
    A_bar: Tensor  # (..., D, N)
    B_bar: Tensor  # (..., D, N)
    C: Tensor  # (..., N), or (..., D, N) where every channel has its own


class Layer(nn.Module, ABC):
    """A diagonal state space layer on D channels; blocks (`blocks.py`) put projections around it."""

    delta_penalty = 0.0  # times the mean Delta in the loss, where Delta depends on the input
    D: Tensor  # (D,) feedthrough: a parameter, or zeros that stay

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.d_inner = settings.D

    def add_skip(self) -> None:
        """Register D."""
        if self.settings.skip:
            self.D = nn.Parameter(torch.empty(self.d_inner))
        else:
            self.register_buffer("D", torch.zeros(self.d_inner), persistent=False)

    def reset_parameters(self) -> None:
        """Set the parameters that are this module's own (children have set theirs before): D = 1."""
        if self.settings.skip:
            nn.init.ones_(self.D)

    def convolve(self, x: Tensor, taps: Tensor, bias: Tensor, *, backend: str) -> tuple[Tensor, ...]:
        """SiLU of the causal convolution of x (batch, L, D) with taps (D, d_conv), and `projected` for `scan`."""
        return (causal_conv1d(x, taps, bias, activation="silu", backend=backend),)

    @abstractmethod
    def scan(
        self,
        x: Tensor,
        z: Tensor | None,
        h0: Tensor | None,
        *,
        carry: bool,
        backend: str,
        projected: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor | None]:
        """The whole sequence, fast: x, z (batch, L, D), h0 (batch, D, N) -> y (batch, L, D) and, to carry, h_L.

        y contains D_skip x and, when z is given, the gate: y * silu(z). `projected` is what `convolve` has already
        made of x.
        """

    @abstractmethod
    def discretise(self, x: Tensor) -> Discretised:
        """The system that the inputs x (..., D) make, by definition and in full."""

    @abstractmethod
    def read(self, C: Tensor, h: Tensor, x: Tensor) -> Tensor:
        """The output y = C h + D_skip x for h (..., D, N), x (..., D)."""

    @abstractmethod
    def A(self) -> Tensor:  # noqa: N802 - the field's own letter
        """The continuous system's diagonal, (D, N), real part negative."""

    @abstractmethod
    def scale_delta(self, factor: float) -> None:
        """Multiply every Delta by `factor`, whatever the input: the same system for another step of time."""

    def initial_h(self, batch: int) -> Tensor:
        """The state before the first token: zeros (batch, D, N)."""
        A = self.A().detach()
        return A.new_zeros(batch, *A.shape)

    def recur(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One position: x (batch, D), h (batch, D, N) -> y (batch, D), new h."""
        system = self.discretise(x)
        h = system.A_bar * h + system.B_bar * x[..., None]
        return self.read(system.C, h, x), h

    def recur_gated(self, x: Tensor, z: Tensor, h: Tensor, *, backend: str) -> tuple[Tensor, Tensor]:
        """The same with the gate z (batch, D): y * silu(z), new h."""
        y, h = self.recur(x, h)
        return y * F.silu(z), h

    def explain(self, x: Tensor) -> tuple[Tensor, LayerTrace]:
        """The recurrence written out for one sequence x (L, D): y (L, D) and everything on the way to it."""
        delta, A_bar, B_bar, C = (part.detach().cpu() for part in self.discretise(x))
        Bx = B_bar * x.detach().cpu()[..., None]
        h = torch.empty_like(Bx)
        state = torch.zeros_like(Bx[0])
        for t in range(len(h)):
            state = A_bar[t] * state + Bx[t]
            h[t] = state
        y = self.read(C.to(x.device), h.to(x.device), x)
        return y, LayerTrace(*(part.detach().cpu().numpy() for part in (x, delta, A_bar, B_bar, C, h, y)))


def log_uniform_delta(settings: ModelSettings) -> Tensor:
    """Initial Delta per channel (D,): log-uniform on [dt_min, dt_max], never below `DELTA_FLOOR`.

    The paper says uniform; every published code base draws log-uniformly, and so does this.
    """
    low, high = torch.tensor([settings.dt_min, settings.dt_max], dtype=torch.float64).log()
    delta: Tensor = (low + torch.rand(settings.D, dtype=torch.float64) * (high - low)).exp()
    return delta.clamp(min=DELTA_FLOOR).float()
