"""LSSL (Gu et al. 2021): a dense HiPPO matrix a channel, as a recurrence and as one long convolution.

h' = A h + B x, y = C h + D_skip x, discretised by the generalised bilinear transform (equation 3). As nothing depends
on the input, y = K * x with K = (C B_bar, C A_bar B_bar, ...), the Krylov function.

A and B stay HiPPO-LegS, as in the paper's LSSL-fixed, which does not learn Delta either (`learn_dt` off); the full LSSL
also learns A among matrices of its kind. Departures: one output a channel, so C is (D, N) and no projection of several
outputs follows; Delta log-uniform.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ssmviz.models.convolution import causal_convolution
from ssmviz.models.dense import free_answer, krylov, last_state
from ssmviz.models.layer import Layer, log_uniform_delta
from ssmviz.settings import ModelSettings
from ssmviz.systems.legendre import legs_matrices

ALPHA = 0.5  # of the transform: 0 forward Euler, 1/2 bilinear, 1 backward Euler


class LSSL(Layer):
    """log_dt (D), C (D, N), D (D); A (N, N) and B (N,) are fixed and the same for every channel."""

    how = "krylov, fft"
    hippo: Tensor  # (N, N + 1): A and, beside it, B; float64 until it is used

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N = settings.D, settings.N
        self.log_dt = nn.Parameter(torch.empty(D), requires_grad=settings.learn_dt)
        self.C = nn.Parameter(torch.empty(D, N))
        self.register_buffer("hippo", torch.as_tensor(np.column_stack(legs_matrices(N))), persistent=False)
        self.add_skip()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Delta log-uniform, C normal with variance 1, D = 1."""
        super().reset_parameters()
        self.log_dt.copy_(log_uniform_delta(self.settings).log())
        nn.init.normal_(self.C)

    @torch.no_grad()
    def scale_delta(self, factor: float) -> None:
        """See `Layer.scale_delta`."""
        self.log_dt.add_(math.log(factor))

    def discretise(self) -> tuple[Tensor, Tensor]:
        """A_bar (D, N, N), B_bar (D, N): (I - alpha Delta A)^-1 times I + (1 - alpha) Delta A and Delta B."""
        A, B = torch.split(self.hippo.to(self.log_dt.dtype), [self.settings.N, 1], dim=1)
        delta, one = self.log_dt.exp()[:, None, None], torch.eye(len(B), device=A.device, dtype=A.dtype)
        right = torch.cat([one + (1 - ALPHA) * delta * A, delta * B], dim=-1)
        # LegS is lower triangular, so no general inverse is needed
        solved = torch.linalg.solve_triangular(one - ALPHA * delta * A, right, upper=False)
        return solved[..., :-1], solved[..., -1]

    def kernel(self, L: int) -> Tensor:
        """K (D, L), the answer to an impulse, D_skip left out."""
        return self._read(krylov(*self.discretise(), L))

    def mix(self, x: Tensor, h0: Tensor | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Tensor | None]:
        """See `Layer.mix`."""
        A_bar, B_bar = self.discretise()
        columns = krylov(A_bar, B_bar, x.shape[1])
        y = causal_convolution(x, self._read(columns)) + self.D * x
        if h0 is not None:
            y = y + free_answer(A_bar, self.C, h0, x.shape[1])
        return y, last_state(columns, A_bar, x, h0) if carry else None

    def recur(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One position: x (batch, D), h (batch, D, N) -> y (batch, D), new h."""
        A_bar, B_bar = self.discretise()
        h = torch.einsum("dnm,bdm->bdn", A_bar, h) + B_bar * x[..., None]
        return (self.C * h).sum(-1) + self.D * x, h

    def initial_h(self, batch: int) -> Tensor:
        """Zeros (batch, D, N)."""
        return self.C.new_zeros(batch, *self.C.shape)

    def table(self, h: Tensor) -> Tensor:
        """See `Layer.table`: a row is a channel."""
        return h

    def _read(self, columns: Tensor) -> Tensor:
        """C times each of the columns (D, N, L), (D, L)."""
        return (self.C[:, None] @ columns)[:, 0]
