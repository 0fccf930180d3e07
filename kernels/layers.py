"""What stands around the scan in a small network: plain PyTorch, and where a Triton kernel fuses it, that.

Every function reads as the composition that it is; on CUDA, at widths that one program can hold, the same mathematics
runs in one or two kernels (files `triton_linear`, `triton_conv_project`, `triton_ends`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import reference
from kernels.backends import load_conv, resolve


def norm_linear(
    x: Tensor, gain: Tensor, weight: Tensor, *, parts: int, eps: float, backend: str = "auto"
) -> tuple[Tensor, ...]:
    """RMSNorm, then a projection cut into equal parts.

    Args:
        x: (..., K) the residual stream.
        gain: (K,) of the norm.
        weight: (parts * D, K).
        parts: how many outputs.
        eps: of the norm.
        backend: of the scan beside it, see `kernels.resolve`.

    Returns:
        The parts, each (..., D), and x itself: who goes on with that x lets both gradients be added on the way.
    """
    if _fused(backend, x):
        from kernels import triton_linear

        if triton_linear.fits(weight, parts):
            return triton_linear.norm_linear(x, gain, weight, parts=parts, eps=eps)
    return *F.linear(F.rms_norm(x, gain.shape, gain, eps), weight).chunk(parts, dim=-1), x


def linear_add(y: Tensor, weight: Tensor, residual: Tensor, *, backend: str = "auto") -> Tensor:
    """The sum residual + weight y: y (..., D), weight (K, D), residual (..., K)."""
    if _fused(backend, y):
        from kernels import triton_linear

        if triton_linear.fits(weight, 1):
            return triton_linear.linear_add(y, weight, residual)
    return residual + F.linear(y, weight)


def conv_project(
    x: Tensor, taps: Tensor, bias: Tensor, x_proj: Tensor, dt_proj: Tensor, *, backend: str = "auto"
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Causal convolution with SiLU, and what S6 makes of its output u.

    Args:
        x: (batch, L, D).
        taps: (D, taps) of the convolution, the last one meets the newest input.
        bias: (D,) of the convolution.
        x_proj: (R + 2N, D), rows of dt, B and C.
        dt_proj: (D, R).
        backend: of the scan beside it, see `kernels.resolve`.

    Returns:
        u (batch, L, D), Delta before bias and softplus (batch, L, D), B and C (batch, L, N).
    """
    if _fused(backend, x):
        from kernels import triton_conv_project

        if triton_conv_project.fits(taps, x_proj):
            return triton_conv_project.conv_project(x, taps, bias, x_proj, dt_proj)
    u = load_conv(resolve(backend, x.device, x.dtype)[0], taps.shape[1])(x, taps, bias, silu=True)
    return u, *project(u, x_proj, dt_proj)


def project(u: Tensor, x_proj: Tensor, dt_proj: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """From u (..., D): Delta before bias and softplus (..., D), B (..., N), C (..., N)."""
    R = dt_proj.shape[1]
    N = (x_proj.shape[0] - R) // 2
    dt, B, C = torch.split(F.linear(u, x_proj), [R, N, N], dim=-1)
    return F.linear(dt, dt_proj), B, C


def embed(tokens: Tensor, weight: Tensor, *, backend: str = "auto") -> Tensor:
    """Row tokens of weight (vocab, K): (...) -> (..., K)."""
    if _fused(backend, weight):
        from kernels import triton_ends

        if triton_ends.fits(weight):
            return triton_ends.embed(tokens, weight)
    return F.embedding(tokens, weight)


def answer_loss(x: Tensor, gain: Tensor, head: Tensor, targets: Tensor, *, eps: float, backend: str = "auto") -> Tensor:
    """Mean cross-entropy of the last k positions: RMSNorm, head, softmax.

    Args:
        x: (batch, L, K) the residual stream.
        gain: (K,) of the norm.
        head: (vocab, K).
        targets: (batch, k) tokens that should be said at the last k positions, every one of them asked.
        eps: of the norm.
        backend: of the scan beside it, see `kernels.resolve`.
    """
    if _fused(backend, x):
        from kernels import triton_ends

        if triton_ends.fits(head):
            return triton_ends.answer_loss(x, gain, head, targets, eps=eps)
    asked = F.rms_norm(x[:, -targets.shape[1] :], gain.shape, gain, eps)
    return F.cross_entropy(F.linear(asked, head).flatten(0, 1), targets.flatten())


def conv_step(window: Tensor, x: Tensor, taps: Tensor, bias: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """SiLU of the convolution at one new position, for generation.

    Args:
        window: (batch, taps - 1, D) newest inputs, oldest first.
        x: (batch, D) the new one.
        taps: (D, taps).
        bias: (D,).
        backend: of the scan beside it, see `kernels.resolve`.

    Returns:
        u (batch, D) and the window moved on.
    """
    if _fused(backend, x) and not torch.is_grad_enabled():
        from kernels import triton_step

        return triton_step.conv_step(window, x, taps, bias)
    window = torch.cat([window, x[:, None]], dim=1)
    return F.silu((window * taps.mT).sum(1) + bias), window[:, 1:]


def scan_step(
    h: Tensor, x: Tensor, delta: Tensor, A_log: Tensor, B: Tensor, C: Tensor, D_skip: Tensor, z: Tensor, bias: Tensor,
    *, b_discretisation: str, backend: str = "auto",
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`kernels.step` as S6 in a Mamba block calls it: softplus, bias, D_skip, gate, and A = -exp(A_log).

    Returns:
        y (batch, D) and the new state (batch, D, N).
    """
    if _fused(backend, x) and not torch.is_grad_enabled():
        from kernels import triton_step

        return triton_step.scan_step(h, x, delta, A_log, B, C, D_skip, z, bias, zoh=b_discretisation == "zoh")
    A = -A_log.exp()
    return reference.step(
        h, x, delta, A, B, C, D_skip, z, delta_bias=bias, delta_softplus=True, b_discretisation=b_discretisation
    )


def impulse_response(
    log_dt: Tensor, log_A_real: Tensor, A_imag: Tensor | None, C: Tensor, D_skip: Tensor, L: int, *, backend: str
) -> Tensor | None:
    """The convolution kernel of S4D (D, L), fused (see `triton_s4d`); None where that does not run."""
    if not _fused(backend, log_dt):
        return None
    from kernels import triton_s4d

    return triton_s4d.impulse_response(log_dt, log_A_real, A_imag, C, D_skip, L)


def _fused(backend: str, x: Tensor) -> bool:
    return resolve(backend, x.device, x.dtype)[0] == "triton"
