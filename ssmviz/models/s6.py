"""S6, the selective state space layer (Gu & Dao 2023, Algorithm 2): Delta, B and C are functions of the input.

Each of the three can be made a learned constant instead (`ModelSettings.selective`), as in the paper's Table 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import selective_scan
from kernels.layers import conv_project, project, scan_step
from ssmviz.models.layer import Diagonal, Discretised, log_uniform_delta
from ssmviz.settings import ModelSettings


class DeltaPenalty(torch.autograd.Function):
    """Delta before bias and softplus as it is; backward adds the gradient of penalty * mean(Delta).

    A layer that waits, Delta near 0, forgets nothing and writes nothing. The lengths of a training ask for no more
    waiting than they need; the penalty goes on asking, so that memory outlasts them.
    """

    @staticmethod
    def forward(ctx: Any, delta_raw: Tensor, bias: Tensor, penalty: float) -> Tensor:
        """The identity."""
        ctx.save_for_backward(delta_raw, bias)
        ctx.penalty = penalty
        return delta_raw.view_as(delta_raw)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor, None]:
        """The slope of softplus is the logistic function."""
        delta_raw, bias = ctx.saved_tensors
        slope = torch.sigmoid_(delta_raw + bias).mul_(ctx.penalty / delta_raw.numel())
        return slope + grads[0], slope.sum((0, 1)), None


class S6(Diagonal):
    """Parameters, named as published: x_proj (dt_rank + 2N, D), dt_proj (D, dt_rank) + bias, A_log (D, N), D (D).

    A = -exp(A_log) is real and does not depend on the input; A_bar = exp(Delta A) does, through Delta.
    What is not selective has no rows in x_proj: Delta is softplus(dt_bias), dt_bias (D), and B, C are (D, N), one of
    each a channel, as in S4D. They start as there: B = 1, C normal with variance 1.
    """

    B: Tensor | None
    C: Tensor | None
    dt_bias: Tensor | None

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N = settings.D, settings.N
        self.dt_rank = rank = settings.dt_rank or math.ceil(settings.d_model / 16)
        chosen = settings.selective.split()
        self.rows = [size * (name in chosen) for name, size in (("delta", rank), ("B", N), ("C", N))]  # of x_proj
        self.x_proj = nn.Linear(D, sum(self.rows), bias=False) if any(self.rows) else None
        self.dt_proj = nn.Linear(rank, D) if self.rows[0] else None
        self.register_parameter("dt_bias", None if self.rows[0] else nn.Parameter(torch.empty(D)))
        self.register_parameter("B", None if self.rows[1] else nn.Parameter(torch.empty(D, N)))
        self.register_parameter("C", None if self.rows[2] else nn.Parameter(torch.empty(D, N)))
        self.A_log = nn.Parameter(torch.empty(D, N))
        self.add_skip()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """A = -(1..N) (S4D-Real), and Delta log-uniform at zero input; rows of B and C times `bc_scale`."""
        super().reset_parameters()
        # log-space keeps A negative under any update
        self.A_log.copy_(torch.arange(1, self.settings.N + 1).log().expand_as(self.A_log))
        delta = log_uniform_delta(self.settings)
        self.delta_bias.copy_(delta + (-torch.expm1(-delta)).log())  # the inverse of softplus
        if self.dt_proj is not None:
            nn.init.uniform_(self.dt_proj.weight, -(self.dt_rank**-0.5), self.dt_rank**-0.5)
        if self.x_proj is not None:
            self.x_proj.weight[self.rows[0] :] *= self.settings.bc_scale
        if self.B is not None:
            nn.init.ones_(self.B)
        if self.C is not None:
            nn.init.normal_(self.C)

    @torch.no_grad()
    def scale_delta(self, factor: float) -> None:
        """See `Layer.scale_delta`: Delta A and Delta B are scaled through A and C, since Delta is a softplus."""
        self.A_log.add_(math.log(factor))
        if self.C is not None:
            self.C.mul_(factor)
        elif self.x_proj is not None:
            self.x_proj.weight[-self.settings.N :].mul_(factor)

    @property
    def delta_bias(self) -> Tensor:
        """(D,), added to Delta before softplus."""
        return cast(Tensor, self.dt_bias if self.dt_proj is None else self.dt_proj.bias)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From x (..., D): Delta before bias and softplus (..., D), B and C (..., N), or (D, N) where constant."""
        if self.x_proj is None:
            return torch.zeros_like(x), cast(Tensor, self.B), cast(Tensor, self.C)
        if self.dt_proj is not None and all(self.rows):
            return project(x, self.x_proj.weight, self.dt_proj.weight)
        dt, B, C = torch.split(self.x_proj(x), self.rows, dim=-1)
        delta_raw = torch.zeros_like(x) if self.dt_proj is None else F.linear(dt, self.dt_proj.weight)
        return delta_raw, B if self.B is None else self.B, C if self.C is None else self.C

    def convolve(self, x: Tensor, taps: Tensor, bias: Tensor, *, backend: str) -> tuple[Tensor, ...]:
        """See `Layer.convolve`; a GPU multiplies what it has just convolved."""
        if self.x_proj is None or self.dt_proj is None or not all(self.rows):
            return super().convolve(x, taps, bias, backend=backend)
        return conv_project(x, taps, bias, self.x_proj.weight, self.dt_proj.weight, backend=backend)

    def mix(self, x: Tensor, h0: Tensor | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Tensor | None]:
        """See `Layer.mix`."""
        return self.scan(x, None, h0, carry=carry, backend=backend)

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
        """One call of the selective scan, which adds bias, softplus, D_skip and the gate on its way."""
        delta_raw, B, C = projected or self.project(x)
        if self.delta_penalty and self.dt_proj is not None:
            delta_raw = DeltaPenalty.apply(delta_raw, self.dt_proj.bias, self.delta_penalty)  # type: ignore[no-untyped-call]
        out = selective_scan(
            x,
            delta_raw,
            self.A(),
            B,
            C,
            self.D,
            z,
            delta_bias=self.delta_bias,
            delta_softplus=True,
            h0=h0,
            b_discretisation=self.settings.b_discretisation,
            return_last_state=carry,
            backend=backend,
        )
        return out if isinstance(out, tuple) else (out, None)

    def recur_gated(self, x: Tensor, z: Tensor, h: Tensor, *, backend: str) -> tuple[Tensor, Tensor]:
        """See `Layer.recur_gated`; a GPU does it in one kernel."""
        if not all(self.rows):
            return super().recur_gated(x, z, h, backend=backend)
        delta_raw, B, C = self.project(x)
        system, bias = (self.A_log, B, C, self.D, z), self.delta_bias
        how = self.settings.b_discretisation
        return scan_step(h, x, delta_raw, *system, bias, b_discretisation=how, backend=backend)

    def discretise(self, x: Tensor) -> Discretised:
        """Zero-order hold for A (eq. 4); B by the setting: zoh as in the paper, euler as in the released code."""
        delta_raw, B, C = self.project(x)
        delta = F.softplus(delta_raw + self.delta_bias)
        A = self.A()
        delta_A = delta[..., None] * A
        B = B[..., None, :] if self.B is None else B
        B_bar = (torch.expm1(delta_A) / A if self.settings.b_discretisation == "zoh" else delta[..., None]) * B
        return Discretised(delta, delta_A.exp(), B_bar, C if self.C is None else C.expand(*x.shape, -1))

    def read(self, C: Tensor, h: Tensor, x: Tensor) -> Tensor:
        """All channels read with the same C (..., N); where it is constant, each with its own (..., D, N)."""
        return (h * (C[..., None, :] if self.C is None else C)).sum(-1) + self.D * x

    def A(self) -> Tensor:  # noqa: N802 - the field's own letter
        """(D, N), real, negative."""
        return -self.A_log.exp()
