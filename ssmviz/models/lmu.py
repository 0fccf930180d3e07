"""The Legendre memory unit (Voelker, Kajic & Eliasmith 2019): a linear memory of a window, inside a nonlinear cell.

u_t = e_x x_t + e_h h_{t-1} + e_m m_{t-1}, m_t = A_bar m_{t-1} + B_bar u_t, h_t = tanh(W_x x_t + W_h h_{t-1} + W_m m_t),
and y = h. m are the coefficients of the newest `window` tokens of u in N Legendre polynomials; A_bar, B_bar hold
theta m' = A m + B u over one token (zero-order hold) and are not learned. As h is not linear in what was before, only
a loop over the tokens computes it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmviz.models.layer import Layer
from ssmviz.settings import ModelSettings
from ssmviz.systems.continuous import StateSpace
from ssmviz.systems.discretise import discretise
from ssmviz.systems.legendre import lmu_matrices


class Unit(NamedTuple):
    """What the LMU remembers."""

    h: Tensor  # (batch, D)
    m: Tensor  # (batch, N)


class LMU(Layer):
    """e_x (D), e_h (D), e_m (N); W_x, W_h (D, D) and W_m (D, N) without biases."""

    how = "loop over tokens"
    dt: Tensor  # of a position, in tokens
    A_bar: Tensor  # float64 until it is used
    B_bar: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N = settings.D, settings.N
        self.e_x, self.e_h = nn.Parameter(torch.empty(D)), nn.Parameter(torch.empty(D))
        self.e_m = nn.Parameter(torch.empty(N))
        self.W_x, self.W_h = (nn.Linear(D, D, bias=False) for _ in range(2))
        self.W_m = nn.Linear(N, D, bias=False)
        for name, shape in (("dt", ()), ("A_bar", (N, N)), ("B_bar", (N,))):
            self.register_buffer(name, torch.empty(shape, dtype=torch.float64))
        self._discretise(1.0)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """As in the paper: e_x and e_h uniform with variance 1 / D, e_m zero, W normal (Glorot & Bengio 2010)."""
        super().reset_parameters()
        for encoder in (self.e_x, self.e_h):
            nn.init.uniform_(encoder, -math.sqrt(3 / self.d_inner), math.sqrt(3 / self.d_inner))
        nn.init.zeros_(self.e_m)
        for linear in (self.W_x, self.W_h, self.W_m):
            nn.init.xavier_normal_(linear.weight)

    @torch.no_grad()
    def scale_delta(self, factor: float) -> None:
        """See `Layer.scale_delta`: the window is as long as before in time, and so shorter or longer in positions."""
        self._discretise(factor * self.dt.item())

    def mix(self, x: Tensor, h0: Unit | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Unit]:
        """See `Layer.mix`: one matrix for all that (h, m) adds to the next; what x adds is known before."""
        unit = self.initial_h(len(x)) if h0 is None else h0
        A_bar, B_bar, D = self.A_bar.to(x.dtype), self.B_bar.to(x.dtype), self.d_inner
        from_h, from_m = torch.outer(self.e_h, B_bar), A_bar.mT + torch.outer(self.e_m, B_bar)
        to_m = torch.cat([from_h, from_m])  # (D + N, N)
        to_h = torch.cat([self.W_h.weight.mT, torch.zeros_like(self.W_m.weight.mT)]) + self.W_m(to_m)
        new_m = (x @ self.e_x)[..., None] * B_bar
        step, new = torch.cat([to_h, to_m], dim=1), torch.cat([self.W_x(x) + self.W_m(new_m), new_m], dim=-1)
        both, ys = torch.cat([unit.h, unit.m], dim=1), []
        for new_t in new.unbind(1):
            both = torch.addmm(new_t, both, step)
            ys.append(both[:, :D].tanh())
            both = torch.cat([ys[-1], both[:, D:]], dim=1)
        return torch.stack(ys, dim=1), Unit(both[:, :D], both[:, D:])

    def recur(self, x: Tensor, h: Unit) -> tuple[Tensor, Unit]:
        """See `Layer.recur`: the equations as they stand."""
        u = x @ self.e_x + h.h @ self.e_h + h.m @ self.e_m  # (batch,)
        m = h.m @ self.A_bar.to(x.dtype).mT + u[:, None] * self.B_bar.to(x.dtype)
        y = (self.W_x(x) + self.W_h(h.h) + self.W_m(m)).tanh()
        return y, Unit(y, m)

    def initial_h(self, batch: int) -> Unit:
        """Zeros."""
        return Unit(self.e_h.new_zeros(batch, self.d_inner), self.e_m.new_zeros(batch, self.settings.N))

    def table(self, h: Unit) -> Tensor:
        """See `Layer.table`: the one window, in Legendre coefficients."""
        return h.m[:, None]

    @torch.no_grad()
    def _discretise(self, dt: float) -> None:
        """Hold the input for dt tokens."""
        N = self.settings.N
        memory = StateSpace(*lmu_matrices(N, theta=self.settings.window), np.zeros(N))
        system = discretise(memory, dt, "zoh")
        for buffer, value in ((self.dt, dt), (self.A_bar, system.A_bar), (self.B_bar, system.B_bar)):
            buffer.copy_(torch.as_tensor(value))
