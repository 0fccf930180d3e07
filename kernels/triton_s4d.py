# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""The convolution kernel of S4D on CUDA: from its parameters in one launch, and all their gradients in another.

K_l = weight Re sum_n C_n B_bar_n exp(l r_n), with r = delta A and B_bar = (exp(r) - 1) / A (zero-order hold). PyTorch
makes it of some two hundred elementwise operations on (D, N), each of which takes less time than its launch.

The gradient: with S_n = sum_l dK_l exp(l r_n) and T_n = sum_l l dK_l exp(l r_n), a change of the parameters changes the
loss by weight times the real part of sum_n (S B_bar dC + Q dr - S C B_bar / A dA), Q = S C exp(r) / A + C B_bar T.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_rows import ceil
from kernels.triton_tiles import phi1

FORWARD, BACKWARD = 32, 128  # lags of a tile
WARPS = 4


@triton.jit
def _times(a, a_i, b, b_i):
    """The product of two complex numbers."""
    return a * b - a_i * b_i, a * b_i + a_i * b


@triton.jit
def _system(log_dt, log_A, A_imag, C, d, n, N: tl.constexpr):
    """Of channel d: delta, then pairs of real and imaginary part (N,): A, r, exp(r), B_bar, C."""
    at, in_n = d * N + n, n < N
    dt = tl.exp(tl.load(log_dt + d))
    A = -tl.exp(tl.load(log_A + at, mask=in_n, other=0.0))
    if A_imag is None:
        A_i = tl.zeros_like(A)
        c, c_i = tl.load(C + at, mask=in_n, other=0.0), A_i
    else:
        A_i = tl.load(A_imag + at, mask=in_n, other=0.0)
        c = tl.load(C + 2 * at, mask=in_n, other=0.0)
        c_i = tl.load(C + 2 * at + 1, mask=in_n, other=0.0)
    r, r_i = dt * A, dt * A_i
    size = tl.exp(r)
    half = tl.sin(0.5 * r_i)
    # exp(r) - 1 without cancellation at small r
    less_one = r * phi1(r, size) * tl.cos(r_i) - 2.0 * half * half
    less_one_i = size * tl.sin(r_i)
    square = A * A + A_i * A_i
    B_bar, B_bar_i = _times(less_one, less_one_i, A / square, -A_i / square)
    return dt, A, A_i, r, r_i, size * tl.cos(r_i), less_one_i, B_bar, B_bar_i, c, c_i


@triton.jit
def _powers(r, r_i, lag):
    """Real and imaginary part of exp(l r): [N, lags]."""
    size, angle = tl.exp(r[:, None] * lag[None, :]), r_i[:, None] * lag[None, :]
    return size * tl.cos(angle), size * tl.sin(angle)


@triton.jit(do_not_specialize=["L"])
def s4d_kernel_forward(
    log_dt, log_A, A_imag, C, D_skip, K, L, weight, N: tl.constexpr, PN: tl.constexpr, BLOCK: tl.constexpr
):
    """One block of lags of one channel of K (D, L); D_skip is an answer at lag 0."""
    d, n = tl.program_id(0), tl.arange(0, PN)
    l = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)  # noqa: E741 - the lag
    _, _, _, r, r_i, _, _, B_bar, B_bar_i, c, c_i = _system(log_dt, log_A, A_imag, C, d, n, N)
    w, w_i = _times(B_bar, B_bar_i, c, c_i)
    power, power_i = _powers(r, r_i, l.to(tl.float32))
    answer = weight * tl.sum(w[:, None] * power - w_i[:, None] * power_i, axis=0)
    answer += tl.where(l == 0, tl.load(D_skip + d), 0.0)
    tl.store(K + d * L + l, answer, mask=l < L)


@triton.jit(do_not_specialize=["L"])
def s4d_kernel_backward(
    log_dt, log_A, A_imag, C, dK, d_log_dt, d_log_A, d_A_imag, d_C, d_skip, L, weight,
    N: tl.constexpr, PN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """All gradients of one channel from dK (D, L)."""
    d, n = tl.program_id(0), tl.arange(0, PN)
    dt, A, A_i, r, r_i, e, e_i, B_bar, B_bar_i, c, c_i = _system(log_dt, log_A, A_imag, C, d, n, N)
    S, S_i = tl.zeros_like(A), tl.zeros_like(A)
    T, T_i = tl.zeros_like(A), tl.zeros_like(A)
    for block in tl.range(0, tl.cdiv(L, BLOCK), num_stages=1):
        l = block * BLOCK + tl.arange(0, BLOCK)  # noqa: E741 - the lag
        lag = l.to(tl.float32)
        power, power_i = _powers(r, r_i, lag)
        g = weight * tl.load(dK + d * L + l, mask=l < L, other=0.0)[None, :]
        S += tl.sum(g * power, axis=1)
        S_i += tl.sum(g * power_i, axis=1)
        T += tl.sum(g * lag[None, :] * power, axis=1)
        T_i += tl.sum(g * lag[None, :] * power_i, axis=1)
    square = A * A + A_i * A_i
    SC, SC_i = _times(S, S_i, c, c_i)
    SC, SC_i = _times(SC, SC_i, A / square, -A_i / square)  # S C / A
    Q, Q_i = _times(SC, SC_i, e, e_i)
    w, w_i = _times(B_bar, B_bar_i, c, c_i)
    wT, wT_i = _times(w, w_i, T, T_i)
    Q, Q_i = Q + wT, Q_i + wT_i
    SCB, SCB_i = _times(SC, SC_i, B_bar, B_bar_i)
    dA, dA_i = Q * dt - SCB, Q_i * dt - SCB_i
    dC, dC_i = _times(S, S_i, B_bar, B_bar_i)
    at, in_n = d * N + n, n < N
    tl.store(d_log_dt + d, dt * tl.sum(tl.where(in_n, Q * A - Q_i * A_i, 0.0)))
    tl.store(d_log_A + at, dA * A, mask=in_n)
    if A_imag is None:
        tl.store(d_C + at, dC, mask=in_n)
    else:
        tl.store(d_A_imag + at, -dA_i, mask=in_n)
        tl.store(d_C + 2 * at, dC, mask=in_n)
        tl.store(d_C + 2 * at + 1, -dC_i, mask=in_n)
    tl.store(d_skip + d, tl.load(dK + d * L))


class _ImpulseResponse(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, log_dt: Tensor, log_A: Tensor, A_imag: Tensor | None, C: Tensor, D_skip: Tensor, L: int
    ) -> Tensor:
        D = len(log_dt)
        K = log_dt.new_empty(D, L)
        parameters = log_dt, log_A, A_imag, C
        s4d_kernel_forward[D, ceil(L, FORWARD)](*parameters, D_skip, K, L, BLOCK=FORWARD, **_sizes(log_A, A_imag))
        ctx.save_for_backward(*parameters)
        return K

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dK: Tensor) -> tuple[Tensor | None, ...]:
        parameters = ctx.saved_tensors
        log_dt, log_A, A_imag, _ = parameters
        gradients = tuple(None if p is None else torch.empty_like(p) for p in parameters)
        d_skip = torch.empty_like(log_dt)
        dK = dK.contiguous()
        s4d_kernel_backward[len(dK),](
            *parameters, dK, *gradients, d_skip, dK.shape[1], BLOCK=BACKWARD, **_sizes(log_A, A_imag)
        )
        return *gradients, d_skip, None


def _sizes(log_A: Tensor, A_imag: Tensor | None) -> dict[str, Any]:
    N = log_A.shape[1]
    # a complex state stands for a conjugate pair
    weight = 1.0 if A_imag is None else 2.0
    return {"weight": weight, "N": N, "PN": triton.next_power_of_2(N), "num_warps": WARPS}


def impulse_response(
    log_dt: Tensor, log_A_real: Tensor, A_imag: Tensor | None, C: Tensor, D_skip: Tensor, L: int
) -> Tensor:
    """K (D, L), D_skip at lag 0 included, with gradients for all parameters.

    Args:
        log_dt: (D,) logarithm of Delta.
        log_A_real: (D, N), A = -exp(log_A_real) + i A_imag.
        A_imag: (D, N), or None for a real system.
        C: (D, N, 2) real and imaginary part, or (D, N) for a real system.
        D_skip: (D,).
        L: lags, at least 1.
    """
    parameters = (log_dt, log_A_real, A_imag, C, D_skip)
    K: Tensor = _ImpulseResponse.apply(*(None if p is None else p.contiguous() for p in parameters), L)
    return K
