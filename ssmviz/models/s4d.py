"""S4D (Gu, Goel, Gupta & Re 2022), the time-invariant twin of S6: Delta, B and C do not see the input.

y_t = 2 Re sum_n C_n h_t,n + D_skip x_t,  h_t = A_bar h_{t-1} + B_bar x_t, with N complex states a channel, each
standing for a conjugate pair (so never fewer states than S6 with the same N). As A_bar never changes, the whole
is one convolution with K_l = 2 Re sum_n C_n A_bar_n^l B_bar_n: by FFT in training, by recurrence in stepping.

Departures from the released S4D: N counts complex states (there N/2); D starts at 1 as in Mamba (there
normal); the reference's dropout, GELU and GLU belong to the block. As there, B is 1, since only the product of B
and C matters to a diagonal system, and B_bar is always zero-order hold. S4D-Real has real states and no factor 2.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor, nn

from ssmviz.models.layer import Discretised, Layer, log_uniform_delta
from ssmviz.settings import ModelSettings


class S4D(Layer):
    """Parameters, named as published: log_dt (D), log_A_real (D, N), A_imag (D, N), C (D, N, 2), D (D).

    The last axis of C holds real and imaginary part. S4D-Real has no A_imag, and C is (D, N).
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        D, N = settings.D, settings.N
        self.is_real = settings.s4d_init == "real"
        self.log_dt = nn.Parameter(torch.empty(D))
        self.log_A_real = nn.Parameter(torch.empty(D, N))
        self.register_parameter("A_imag", None if self.is_real else nn.Parameter(torch.empty(D, N)))
        self.C = nn.Parameter(torch.empty((D, N) if self.is_real else (D, N, 2)))
        self.D = nn.Parameter(torch.empty(D))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The poles of `s4d_init`, Delta log-uniform, C normal with variance 1, D = 1."""
        super().reset_parameters()
        A = torch.as_tensor(initial_poles(self.settings.s4d_init, self.settings.N))
        self.log_dt.copy_(log_uniform_delta(self.settings).log())
        self.log_A_real.copy_((-A.real).log().expand_as(self.log_A_real))
        if self.A_imag is not None:
            self.A_imag.copy_(A.imag.expand_as(self.A_imag))
        nn.init.normal_(self.C, std=1.0 if self.is_real else math.sqrt(0.5))
        self.D.fill_(1.0)

    def A(self) -> Tensor:  # noqa: N802 - the field's own letter
        """(D, N), complex (real for S4D-Real), real part negative."""
        real = -self.log_A_real.exp()
        return real if self.A_imag is None else torch.complex(real, self.A_imag)

    def scan(
        self, x: Tensor, z: Tensor | None, h0: Tensor | None, *, carry: bool, backend: str
    ) -> tuple[Tensor, Tensor | None]:
        """Convolution by FFT, whatever the scan backend; a carried state adds its own decaying answer."""
        L = x.shape[1]
        basis = self._powers(L)
        K = self._kernel(basis, L)
        K = torch.cat([K[:, :1] + self.D[:, None], K[:, 1:]], dim=1)  # D_skip x is the kernel's answer at lag 0
        y = cast(Tensor, CausalConvolution.apply(x, K))
        h = None
        if h0 is not None:
            y = y + self._response(basis, h0, L)
        if carry:
            h = self._last_state(basis, x, h0)
        return (y if z is None else y * F.silu(z)), h

    def kernel(self, L: int) -> Tensor:
        """K (D, L): the answer to an impulse, D_skip left out."""
        return self._kernel(self._powers(L), L)

    def discretise(self, x: Tensor) -> Discretised:
        """Zero-order hold; the same system at every position, whatever x (..., D) is."""
        C = self.C if self.is_real else torch.view_as_complex(self.C)
        delta = self.log_dt.exp()
        A_bar = (delta[:, None] * self.A()).exp()
        shape = (*x.shape, A_bar.shape[-1])
        return Discretised(delta.expand(x.shape), A_bar.expand(shape), self._B_bar().expand(shape), C.expand(shape))

    def read(self, C: Tensor, h: Tensor, x: Tensor) -> Tensor:
        """Every channel reads with its own C (..., D, N)."""
        y = (C * h).sum(-1)
        return (y if self.is_real else 2 * y.real) + self.D * x

    def _B_bar(self) -> Tensor:  # noqa: N802
        """(exp(Delta A) - 1) / A for B = 1, (D, N)."""
        A = self.A()
        delta_A = self.log_dt.exp()[:, None] * A
        return expm1(delta_A) / A

    def _powers(self, L: int) -> tuple[Tensor, Tensor]:
        """A_bar^l for l = i s + j < L, as fine (D, N, s) powers j and coarse (D, N, I) powers i s.

        Two short tables and one matrix product instead of the (D, N, L) Vandermonde matrix: sqrt(L) times
        fewer exponentials, and every power is still one exponential, with no error carried from power to power.
        """
        s = math.isqrt(L - 1) + 1
        delta_A = self.log_dt.exp()[:, None] * self.A()
        steps = torch.arange(s, device=delta_A.device, dtype=self.log_dt.dtype)
        coarse = s * torch.arange(-(-L // s), device=delta_A.device, dtype=self.log_dt.dtype)
        return power(delta_A, steps), power(delta_A, coarse)

    def _weights(self) -> Tensor:
        """C B_bar (D, N), times 2 where a state stands for a conjugate pair."""
        return self.C * self._B_bar() if self.is_real else 2 * torch.view_as_complex(self.C) * self._B_bar()

    def _kernel(self, basis: tuple[Tensor, Tensor], L: int) -> Tensor:
        fine, coarse = basis
        K = real_product((self._weights()[..., None] * coarse).mT, fine)  # (D, I, s)
        return K.flatten(-2)[:, :L]

    def _response(self, basis: tuple[Tensor, Tensor], h0: Tensor, L: int) -> Tensor:
        """What h0 (batch, D, N) alone makes of the next L outputs: (batch, L, D)."""
        fine, coarse = basis
        weights = self.C if self.is_real else 2 * torch.view_as_complex(self.C)
        first = weights * (self.log_dt.exp()[:, None] * self.A()).exp() * h0  # l = 0 sees A_bar^1 h0
        y = real_product((first[..., None] * coarse).mT, fine)  # (batch, D, I, s)
        return y.flatten(-2)[..., :L].mT

    def _last_state(self, basis: tuple[Tensor, Tensor], x: Tensor, h0: Tensor | None) -> Tensor:
        """h_L = sum_l A_bar^(L-1-l) B_bar x_l + A_bar^L h0, (batch, D, N)."""
        fine, coarse = basis
        L, s, blocks = x.shape[1], fine.shape[-1], coarse.shape[-1]
        newest_first = F.pad(x.flip(1).mT, (0, blocks * s - L)).unflatten(-1, (blocks, s))  # (batch, D, I, s)
        inner = newest_first.to(fine.dtype) @ fine.mT  # (batch, D, I, N)
        h = self._B_bar() * (inner.mT * coarse).sum(-1)
        if h0 is not None:
            h = h + (L * self.log_dt.exp()[:, None] * self.A()).exp() * h0
        return h


class CausalConvolution(torch.autograd.Function):
    """y_t = sum_s K_s x_{t-s}: x (batch, L, D), K (D, L) -> (batch, L, D), by FFT of length >= 2L - 1.

    With its own backward, since that of rfft is a complex transform of twice the work: the gradients are
    correlations, products with the conjugate spectra that the forward has already made.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, K: Tensor) -> Tensor:
        """Multiply the spectra, zero-padded so that nothing wraps around."""
        L = x.shape[1]
        ctx.n = next_fast_len(2 * L - 1, real=True)
        x_f, K_f = torch.fft.rfft(x.mT, n=ctx.n), torch.fft.rfft(K, n=ctx.n)
        ctx.save_for_backward(x_f, K_f)
        return torch.fft.irfft(x_f * K_f, n=ctx.n)[..., :L].mT.contiguous()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Correlate the gradient of y with K (for x) and with x (for K)."""
        x_f, K_f = ctx.saved_tensors
        L = grad.shape[1]
        g_f = torch.fft.rfft(grad.mT, n=ctx.n)
        grad_x = torch.fft.irfft(g_f * K_f.conj(), n=ctx.n)[..., :L].mT.contiguous()
        grad_K = torch.fft.irfft((g_f * x_f.conj()).sum(0), n=ctx.n)[..., :L]
        return grad_x, grad_K


def power(delta_A: Tensor, exponents: Tensor) -> Tensor:
    """exp(delta_A l): (D, N) and (s,) -> (D, N, s)."""
    if not delta_A.is_complex():
        return (delta_A[..., None] * exponents).exp()
    # in real arithmetic: vectorised on a CPU, where the complex exponential is not, with a cheaper gradient
    size, angle = (delta_A.real[..., None] * exponents).exp(), delta_A.imag[..., None] * exponents
    return torch.complex(size * angle.cos(), size * angle.sin())


def real_product(P: Tensor, Q: Tensor) -> Tensor:
    """Re(P Q) of two batches of matrices, in half the multiplications of the complex product."""
    if not P.is_complex():
        return P @ Q
    return torch.cat([P.real, -P.imag], dim=-1) @ torch.cat([Q.real, Q.imag], dim=-2)


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1 without cancellation at small x, for complex x too (where torch has none)."""
    if not x.is_complex():
        return torch.expm1(x)
    a, b = x.real, x.imag
    return torch.complex(torch.expm1(a) * b.cos() - 2 * (b / 2).sin() ** 2, a.exp() * b.sin())


def initial_poles(name: str, N: int) -> np.ndarray:
    """The N poles of S4D (section 4), upper half plane; the full system with conjugates has 2N.

    lin: -1/2 + i pi n; inv: -1/2 + i (2N/pi) (2N/(2n+1) - 1); legs: the eigenvalues of the normal part of HiPPO-LegS
    of size 2N; real: -(n+1).

    Raises:
        ValueError: unknown name.
    """
    n = np.arange(N)
    if name == "lin":
        return -0.5 + 1j * np.pi * n
    if name == "inv":
        return -0.5 + 1j * (2 * N / np.pi) * (2 * N / (2 * n + 1) - 1)
    if name == "legs":
        return _legs_poles(N)
    if name == "real":
        return -(n + 1.0) + 0j
    raise ValueError(f"s4d_init must be lin, inv, legs or real, got {name!r}; choose one of those")


def _legs_poles(N: int) -> np.ndarray:
    """LegS = normal part - P P^T with P_n = sqrt(n + 1/2); the normal part is -1/2 plus a skew matrix."""
    root = np.sqrt(2 * np.arange(2 * N) + 1)
    skew = -0.5 * np.outer(root, root) * np.sign(np.subtract.outer(np.arange(2 * N), np.arange(2 * N)))
    return -0.5 + 1j * np.linalg.eigvalsh(1j * skew)[N:]
