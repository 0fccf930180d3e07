"""S5 (Smith, Warrington & Linderman 2022): one state for all channels, and a parallel scan in place of the FFT.

h_t = Lambda_bar h_{t-1} + B_bar x_t, y_t = 2 Re(C h_t) + D_skip x_t with B (N, D) and C (D, N): every channel writes to
the N complex states and reads from them, each of which stands for a conjugate pair (section 3). Lambda starts as the
upper half of the normal part of HiPPO-LegS of size 2N, one block of the paper's J; Delta is one number a state.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ssmviz.models.convolution import expm1
from ssmviz.models.layer import Layer, log_uniform_delta
from ssmviz.models.scans import constant_scan
from ssmviz.settings import ModelSettings
from ssmviz.systems.s4d import initial_poles


class S5(Layer):
    """log_dt (N), log_A_real (N), A_imag (N), B (N, D, 2), C (D, N, 2), D (D); the 2 are real and imaginary part."""

    how = "scan of pairs"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N, learns = settings.D, settings.N, settings.learn_poles
        self.log_dt = nn.Parameter(torch.empty(N), requires_grad=settings.learn_dt)
        self.log_A_real = nn.Parameter(torch.empty(N), requires_grad=learns)
        self.A_imag = nn.Parameter(torch.empty(N), requires_grad=learns)
        self.B = nn.Parameter(torch.empty(N, D, 2))
        self.C = nn.Parameter(torch.empty(D, N, 2))
        self.add_skip()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Delta log-uniform, B normal with variance 1 / D, C with variance 1, D = 1.

        A real normal matrix in the basis V of the states, as the paper has it, is a complex normal one: V is unitary.
        """
        super().reset_parameters()
        poles = torch.as_tensor(initial_poles("legs", self.settings.N))
        self.log_dt.copy_(log_uniform_delta(self.settings, self.settings.N).log())
        self.log_A_real.copy_((-poles.real).log())  # log-space keeps Re Lambda negative under any update
        self.A_imag.copy_(poles.imag)
        nn.init.normal_(self.B, std=math.sqrt(0.5 / self.d_inner))
        nn.init.normal_(self.C, std=math.sqrt(0.5))

    @torch.no_grad()
    def scale_delta(self, factor: float) -> None:
        """See `Layer.scale_delta`."""
        self.log_dt.add_(math.log(factor))

    def A(self) -> Tensor:  # noqa: N802 - the field's own letter
        """Lambda (1, N), complex: the one row is the layer's."""
        return torch.complex(-self.log_A_real.exp(), self.A_imag)[None]

    def discretise(self) -> tuple[Tensor, Tensor]:
        """Zero-order hold: Lambda_bar (N), B_bar (N, D), complex."""
        Lambda, delta = self.A()[0], self.log_dt.exp()
        B = torch.view_as_complex(self.B)
        return (delta * Lambda).exp(), (expm1(delta * Lambda) / Lambda)[:, None] * B

    def mix(self, x: Tensor, h0: Tensor | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Tensor]:
        """See `Layer.mix`: one associative scan over the positions."""
        Lambda_bar, B_bar = self.discretise()
        Bx = x.to(B_bar.dtype) @ B_bar.mT
        if h0 is not None:
            Bx = torch.cat([Bx[:, :1] + (Lambda_bar * h0)[:, None], Bx[:, 1:]], dim=1)
        h = constant_scan(Lambda_bar, Bx)
        return self._read(h, x), h[:, -1]

    def recur(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One position: x (batch, D), h (batch, N) complex -> y (batch, D), new h."""
        Lambda_bar, B_bar = self.discretise()
        h = Lambda_bar * h + x.to(B_bar.dtype) @ B_bar.mT
        return self._read(h, x), h

    def initial_h(self, batch: int) -> Tensor:
        """Zeros (batch, N)."""
        A = self.A().detach()
        return A.new_zeros(batch, A.shape[1])

    def table(self, h: Tensor) -> Tensor:
        """See `Layer.table`: the one state, which all channels share."""
        return h[:, None]

    def _read(self, h: Tensor, x: Tensor) -> Tensor:
        """2 Re(C h) + D_skip x for h (..., N), x (..., D)."""
        return 2 * (h @ torch.view_as_complex(self.C).mT).real + self.D * x
