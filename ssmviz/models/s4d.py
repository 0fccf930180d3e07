"""S4D (Gu, Goel, Gupta & Re 2022), the time-invariant twin of S6: Delta, B and C do not see the input.

y_t = 2 Re sum_n C_n h_t,n + D_skip x_t,  h_t = A_bar h_{t-1} + B_bar x_t, with N complex states a channel, each
standing for a conjugate pair (so never fewer states than S6 with the same N). As A_bar never changes, the whole
is one convolution with K_l = 2 Re sum_n C_n A_bar_n^l B_bar_n: by FFT in training, by recurrence in stepping.

Departures from the released S4D: N counts complex states (there N/2); D starts at 1 as in Mamba (there
normal); dropout, GELU and GLU belong to the block. As there, B is 1, since only the product of B and C matters to a
diagonal system, and B_bar is always zero-order hold: another B_bar would only rescale C. S4D-Real has N real
states and no factor 2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.layers import impulse_response
from ssmviz.models.convolution import causal_convolution, expm1, power, real_product
from ssmviz.models.layer import Diagonal, Discretised, log_uniform_delta
from ssmviz.settings import ModelSettings
from ssmviz.systems.s4d import initial_poles, random_poles


class Powers(NamedTuple):
    """A_bar^l for all l = i s + j < L in two short tables.

    Two tables and a matrix product instead of the (D, N, L) Vandermonde matrix: sqrt(L) / 2 times fewer
    exponentials, yet every power is made of two exponentials, with no error carried from power to power.
    """

    rate: Tensor  # (D, N): delta A
    fine: Tensor  # (D, N, s): A_bar^j
    coarse: Tensor  # (D, N, I): A_bar^(i s)


class S4D(Diagonal):
    """Parameters, named as published: log_dt (D), log_A_real (D, N), A_imag (D, N), C (D, N, 2), D (D).

    The last axis of C holds real and imaginary part. S4D-Real has no A_imag, and C is (D, N).
    """

    how = "fft"
    A_imag: nn.Parameter | None

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N = settings.D, settings.N
        self.is_real = settings.s4d_init == "real"
        learns = settings.learn_poles
        self.log_dt = nn.Parameter(torch.empty(D), requires_grad=settings.learn_dt)
        self.log_A_real = nn.Parameter(torch.empty(D, N), requires_grad=learns)
        imaginary = None if self.is_real else nn.Parameter(torch.empty(D, N), requires_grad=learns)
        self.register_parameter("A_imag", imaginary)
        self.C = nn.Parameter(torch.empty((D, N) if self.is_real else (D, N, 2)))
        self.add_skip()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The poles of `s4d_init`, Delta log-uniform, C normal with variance 1, D = 1."""
        super().reset_parameters()
        self.log_dt.copy_(log_uniform_delta(self.settings).log())
        nn.init.normal_(self.C, std=1.0 if self.is_real else math.sqrt(0.5))
        A = self._initial_poles()  # the last to draw: whatever they are, Delta and C are the same
        # log-space keeps Re A negative under any update
        self.log_A_real.copy_((-A.real).log().expand_as(self.log_A_real))
        if self.A_imag is not None:
            self.A_imag.copy_(A.imag.expand_as(self.A_imag))

    def _initial_poles(self) -> Tensor:
        D, N = self.log_A_real.shape
        if self.settings.s4d_init != "random":
            return torch.as_tensor(initial_poles(self.settings.s4d_init, N))
        return torch.as_tensor(random_poles(torch.randn(D, 2 * N, 2 * N, dtype=torch.float64).numpy()))

    @torch.no_grad()
    def scale_delta(self, factor: float) -> None:
        """See `Layer.scale_delta`."""
        self.log_dt.add_(math.log(factor))

    def A(self) -> Tensor:  # noqa: N802 - the field's own letter
        """(D, N), complex (real for S4D-Real), real part negative."""
        real = -self.log_A_real.exp()
        return real if self.A_imag is None else torch.complex(real, self.A_imag)

    def mix(self, x: Tensor, h0: Tensor | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Tensor | None]:
        """Convolution by FFT, whatever the scan backend; a carried state adds its own decaying answer."""
        L, h = x.shape[1], None
        K = impulse_response(self.log_dt, self.log_A_real, self.A_imag, self.C, self.D, L, backend=backend)
        if K is None or carry or h0 is not None:
            A = self.A()
            powers = self._powers(self.log_dt.exp()[:, None] * A, L)
            B_bar = expm1(powers.rate) / A
            h = self._last_state(powers, B_bar, x, h0) if carry else None
        if K is None:
            K = self._answers(self._read_out() * B_bar, powers, L)
            K = torch.cat([K[:, :1] + self.D[:, None], K[:, 1:]], dim=1)  # D_skip x is an answer at lag 0
        y = causal_convolution(x, K)
        if h0 is not None:  # its first answer comes one step after it
            y = y + self._answers(self._read_out() * powers.rate.exp() * h0, powers, L).mT
        return y, h

    def kernel(self, L: int) -> Tensor:
        """K (D, L), the answer to an impulse, D_skip left out."""
        A = self.A()
        powers = self._powers(self.log_dt.exp()[:, None] * A, L)
        return self._answers(self._read_out() * expm1(powers.rate) / A, powers, L)

    def discretise(self, x: Tensor) -> Discretised:
        """Zero-order hold; the same system at every position, whatever x (..., D) is."""
        A, delta = self.A(), self.log_dt.exp()
        delta_A = delta[:, None] * A
        shape = (*x.shape, A.shape[-1])
        return Discretised(
            delta.expand(x.shape),
            delta_A.exp().expand(shape),
            (expm1(delta_A) / A).expand(shape),
            self._complex_C().expand(shape),
        )

    def read(self, C: Tensor, h: Tensor, x: Tensor) -> Tensor:
        """Every channel reads with its own C (..., D, N)."""
        y = (C * h).sum(-1)
        return (y if self.is_real else 2 * y.real) + self.D * x

    def _complex_C(self) -> Tensor:  # noqa: N802
        return self.C if self.is_real else torch.view_as_complex(self.C)

    def _read_out(self) -> Tensor:
        """What a state counts in y: C, twice where it stands for a conjugate pair."""
        return self.C if self.is_real else 2 * self._complex_C()

    def _powers(self, delta_A: Tensor, L: int) -> Powers:
        s = math.isqrt(L - 1) + 1
        steps = torch.arange(s, device=delta_A.device, dtype=self.log_dt.dtype)
        jumps = s * torch.arange(-(-L // s), device=delta_A.device, dtype=self.log_dt.dtype)
        return Powers(delta_A, power(delta_A, steps), power(delta_A, jumps))

    def _answers(self, weights: Tensor, powers: Powers, L: int) -> Tensor:
        """Re sum_n weights_n A_bar_n^l for l < L: weights (..., D, N) -> (..., D, L)."""
        table = real_product((weights[..., None] * powers.coarse).mT, powers.fine.expand(*weights.shape, -1))
        return table.flatten(-2)[..., :L]

    def _last_state(self, powers: Powers, B_bar: Tensor, x: Tensor, h0: Tensor | None) -> Tensor:
        """h_L = sum_l A_bar^(L-1-l) B_bar x_l + A_bar^L h0, (batch, D, N)."""
        L, s, rows = x.shape[1], powers.fine.shape[-1], powers.coarse.shape[-1]
        newest_first = F.pad(x.flip(1).mT, (0, rows * s - L)).reshape(*x.shape[::2], rows, s)  # (batch, D, I, s)
        inner = newest_first.to(powers.fine.dtype) @ powers.fine.mT  # (batch, D, I, N)
        h = B_bar * (inner.mT * powers.coarse).sum(-1)
        return h if h0 is None else h + (L * powers.rate).exp() * h0
