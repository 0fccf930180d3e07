"""S4 (Gu, Goel & Re 2021): HiPPO as diagonal plus low rank, and its kernel without any power of a matrix in L steps.

h' = A h + B x with A = Lambda - P P* in every channel, bilinear in time, y = C h + D_skip x. The kernel's generating
function sum_l K_l z^l, truncated after L terms, is C~ (1 - z A_bar)^-1 B_bar with C~ = C (1 - A_bar^L). At the roots of
unity it is Cauchy sums and, for the low rank, Woodbury's identity; an inverse FFT gives K (algorithm 1).

The N complex states of a channel are halves of conjugate pairs, as in S4D: h stands for (h, conj h), so that
P* h is 2 Re(sum conj(P_n) h_n) and y = 2 Re(C h). They start as HiPPO-LegS of 2N real states, of which S4D's "legs" is
what is left without P.

Departures from the paper: it learns C~ for one length L, here C is learned and C~ computed, so the kernel is right for
every L; Q = P, as in its release, which keeps A stable. Numerator and denominator are multiplied by half of
exp(i theta / 2) (1 + z), z = exp(-i theta), so that no root of unity is an exception and small angles do not cancel.
-Re Lambda is at least `SLOWEST`: near the imaginary axis, where training does move it (A itself stays stable), the
Cauchy sums and Woodbury's correction cancel, and the gradients are off by more than they are (5 times at .001, in
float32; 5 % at .01) or not finite.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ssmviz.models.convolution import causal_convolution
from ssmviz.models.dense import free_answer, krylov, last_state, times_power
from ssmviz.models.layer import Layer, log_uniform_delta
from ssmviz.settings import ModelSettings
from ssmviz.systems.nplr import diagonalise, normal_plus_low_rank

SLOWEST = 1e-2  # HiPPO's is 1/2


class S4(Layer):
    """log_dt (D), log_A_real, A_imag (D, N), P, B, C (D, N, 2), D (D); the 2 are real and imaginary part."""

    how = "cauchy, fft"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N, learns = settings.D, settings.N, settings.learn_poles
        self.log_dt = nn.Parameter(torch.empty(D), requires_grad=settings.learn_dt)
        self.log_A_real = nn.Parameter(torch.empty(D, N), requires_grad=learns)
        self.A_imag = nn.Parameter(torch.empty(D, N), requires_grad=learns)
        self.P = nn.Parameter(torch.empty(D, N, 2), requires_grad=learns)
        self.B = nn.Parameter(torch.empty(D, N, 2))
        self.C = nn.Parameter(torch.empty(D, N, 2))
        self.add_skip()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """A and B of HiPPO-LegS, Delta log-uniform, C normal with variance 1, D = 1."""
        super().reset_parameters()
        N = self.settings.N
        legs = diagonalise(normal_plus_low_rank(2 * N))
        Lambda, P, B = (torch.as_tensor(part[N:]) for part in (legs.Lambda, legs.P[:, 0], legs.B))
        self.log_dt.copy_(log_uniform_delta(self.settings).log())
        self.log_A_real.copy_((-Lambda.real).log())  # log-space keeps Re Lambda negative under any update
        self.A_imag.copy_(Lambda.imag)
        self.P.copy_(torch.view_as_real(P))
        self.B.copy_(torch.view_as_real(B))
        nn.init.normal_(self.C, std=math.sqrt(0.5))

    @torch.no_grad()
    def scale_delta(self, factor: float) -> None:
        """See `Layer.scale_delta`."""
        self.log_dt.add_(math.log(factor))

    def mix(self, x: Tensor, h0: Tensor | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Tensor | None]:
        """See `Layer.mix`; only what is carried needs powers of A_bar."""
        L, h = x.shape[1], None
        y = causal_convolution(x, self.kernel(L)) + self.D * x
        past = None if h0 is None else _numbers(h0)
        if past is not None:
            y = y + free_answer(self.A_bar(), self._reads(), past, L)
        if carry:
            A_bar, B_bar = self.A_bar(), _numbers(self._implicit(self._written()))
            h = _states(last_state(krylov(A_bar, B_bar, L), A_bar, x, past))
        return y, h

    def recur(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One position: x (batch, D), h (batch, D, N) -> y (batch, D), new h, at O(N) a channel (appendix C.2)."""
        h = self._implicit(self._explicit(h) + self._written() * x[..., None])
        return 2 * (torch.view_as_complex(self.C) * h).real.sum(-1) + self.D * x, h

    def initial_h(self, batch: int) -> Tensor:
        """Zeros (batch, D, N), complex."""
        Lambda = self.Lambda().detach()
        return Lambda.new_zeros(batch, *Lambda.shape)

    def table(self, h: Tensor) -> Tensor:
        """See `Layer.table`: a row is a channel."""
        return h

    def Lambda(self) -> Tensor:  # noqa: N802 - the field's own letter
        """(D, N), complex; with P it makes A, whose eigenvalues are others."""
        return torch.complex(-self.log_A_real.exp().clamp(min=SLOWEST), self.A_imag)

    def A_bar(self) -> Tensor:  # noqa: N802 - the field's own letter
        """(D, 2N, 2N), dense: what one step does to the real and imaginary parts of a state."""
        unit = torch.eye(2 * self.settings.N, device=self.C.device, dtype=self.C.dtype)
        return _numbers(self._implicit(self._explicit(_states(unit)[:, None]))).permute(1, 2, 0)

    def kernel(self, L: int) -> Tensor:
        """K (D, L), the answer to an impulse, D_skip left out: the four stages."""
        angle = math.pi / L * torch.arange(L // 2 + 1, device=self.C.device, dtype=self.C.dtype)  # theta / 2
        s, c = angle.sin(), angle.cos()
        C, B, P = self.truncated_C(L), torch.view_as_complex(self.B), torch.view_as_complex(self.P)
        v = torch.stack([C * B, C * P, P.conj() * B, P.conj() * P], -1)
        sums = cauchy(v, self.Lambda(), s / (self.log_dt.exp()[:, None] / 2), c)
        generating = torch.complex(c, s) * woodbury(sums, c)
        K: Tensor = torch.fft.irfft(generating, n=L)  # the system is real: half of the roots are enough
        return K

    def truncated_C(self, L: int) -> Tensor:  # noqa: N802 - the field's own letter
        """C~ = C (1 - A_bar^L), (D, N)."""
        C = self._reads()
        return _states(C - times_power(C, self.A_bar(), L)).conj() / 2

    def _reads(self) -> Tensor:
        """C as it reads the numbers of a state, (D, 2N): y = 2 Re(C h)."""
        return 2 * _numbers(torch.view_as_complex(self.C).conj())

    def _written(self) -> Tensor:
        """Delta B (D, N)."""
        return self.log_dt.exp()[:, None] * torch.view_as_complex(self.B)

    def _explicit(self, h: Tensor) -> Tensor:
        """(1 + Delta/2 A) h for h (..., D, N)."""
        half_delta, P = self.log_dt.exp()[:, None] / 2, torch.view_as_complex(self.P)
        return h + half_delta * (self.Lambda() * h - P * _pairs(P, h))

    def _implicit(self, h: Tensor) -> Tensor:
        """(1 - Delta/2 A)^-1 h: the inverse of diagonal plus rank 1 is diagonal minus rank 1 (Woodbury)."""
        half_delta, P = self.log_dt.exp()[:, None] / 2, torch.view_as_complex(self.P)
        R = 1 / (1 - half_delta * self.Lambda())
        return R * h - half_delta * R * P * _pairs(P, R * h) / (1 + half_delta * _pairs(P, R * P))


def cauchy(v: Tensor, poles: Tensor, s: Tensor, c: Tensor) -> Tensor:
    """sum_n v_n / (i s - c poles_n), and the same of the conjugates: v (D, N, m), poles (D, N), s (D, K), c (K).

    With poles Lambda and z = exp(-i theta), c being cos(theta / 2) and s = 2/Delta sin(theta / 2), it is c^-1 times the
    paper's Cauchy kernel, sum v / (2/Delta (1-z)/(1+z) - Lambda).

    Returns:
        (D, K, m), complex.
    """
    # A pair over its common denominator u - i w, in real numbers: half the work of two complex divisions. Delta stays
    # with s: beside Delta Lambda the squares of squares below would leave float32, and training does find such Delta.
    size, s, c = (poles * poles.conj()).real[:, None], s[..., None], c[:, None]
    u, w = c.square() * size - s.square(), 2 * s * c * poles.real[:, None]
    inverse = (u.square() + w.square()).reciprocal()
    weights = torch.cat([v.real, (v * poles.conj()[..., None]).real], dim=-1)
    upper, lower = torch.complex(u * inverse @ weights, w * inverse @ weights).chunk(2, dim=-1)
    return 2 * (1j * s * upper - c * lower)


def woodbury(sums: Tensor, c: Tensor) -> Tensor:
    """C~ (i s - c A)^-1 B from the four sums of `cauchy` (D, K, 4), s and c as there."""
    k00, k01, k10, k11 = sums.unbind(-1)
    return k00 - c * k01 * k10 / (1 + c * k11)


def _pairs(P: Tensor, h: Tensor) -> Tensor:
    """P* h over conjugate pairs: 2 Re sum_n conj(P_n) h_n, (..., 1)."""
    return 2 * (P.conj() * h).real.sum(-1, keepdim=True)


def _numbers(h: Tensor) -> Tensor:
    """The 2N real numbers of N complex states, (..., N) -> (..., 2N)."""
    return torch.view_as_real(h.resolve_conj()).flatten(-2)


def _states(numbers: Tensor) -> Tensor:
    """The inverse of `_numbers`."""
    return torch.view_as_complex(numbers.reshape(*numbers.shape[:-1], -1, 2).contiguous())
