"""Arithmetic of time-invariant diagonal systems: powers of poles, and causal convolution by FFT."""

from __future__ import annotations

from typing import Any

import torch
from scipy.fft import next_fast_len
from torch import Tensor


class CausalConvolution(torch.autograd.Function):
    """y_t = sum_s K_s x_{t-s}: x (batch, L, D), K (D, L) -> (batch, L, D), by FFT of length >= 2L - 1.

    With its own backward, since that of rfft is a complex transform of twice the work: the gradients are
    correlations, products with the conjugates of spectra that the forward has already made.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, K: Tensor) -> Tensor:
        """Multiply the spectra, zero-padded so that nothing wraps around."""
        L = x.shape[1]
        ctx.n = next_fast_len(2 * L - 1, real=True)
        x_f, K_f = torch.fft.rfft(x.mT, n=ctx.n), torch.fft.rfft(K, n=ctx.n)
        ctx.save_for_backward(x_f, K_f)
        y: Tensor = torch.fft.irfft(x_f * K_f, n=ctx.n)[..., :L].mT.contiguous()
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor]:
        """Correlate the gradient of y with K (for x) and with x (for K)."""
        x_f, K_f = ctx.saved_tensors
        L = grads[0].shape[1]
        g_f = torch.fft.rfft(grads[0].mT, n=ctx.n)
        grad_x = torch.fft.irfft(g_f * K_f.conj(), n=ctx.n)[..., :L].mT.contiguous()
        grad_K = torch.fft.irfft((g_f * x_f.conj()).sum(0), n=ctx.n)[..., :L]
        return grad_x, grad_K


def causal_convolution(x: Tensor, K: Tensor) -> Tensor:
    """y_t = sum_s K_s x_{t-s}: x (batch, L, D), K (D, L) -> (batch, L, D)."""
    y: Tensor = CausalConvolution.apply(x, K)  # type: ignore[no-untyped-call]
    return y


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
    return torch.complex(torch.expm1(a) * b.cos() - 2 * (b / 2).sin().square(), a.exp() * b.sin())
