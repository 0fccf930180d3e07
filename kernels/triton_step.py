# ruff: noqa: ANN001, ANN202 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""One token of generation on CUDA: the convolution of a Mamba block, and the recurrence of S6, a kernel each.

In PyTorch a token costs some thirty elementwise kernels a layer, all of them shorter than their launch.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton_rows import ceil
from kernels.triton_tiles import phi1, sigmoid, softplus

CHANNELS, WARPS = 128, 2  # of a program of the convolution
STATES = 1024  # of a program of the recurrence


@triton.jit
def _conv_step_kernel(window, x, taps, bias, y, after, D, x_b, TAPS: tl.constexpr, CHANNELS: tl.constexpr):
    """SiLU of the convolution at the newest position, and the window (TAPS - 1, D) moved on by it."""
    b = tl.program_id(0).to(tl.int64)
    d = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    in_d = d < D
    at = b * (TAPS - 1) * D + d
    newest = tl.load(x + b * x_b + d, mask=in_d, other=0.0)
    v = tl.load(bias + d, mask=in_d, other=0.0) + newest * tl.load(taps + d * TAPS + TAPS - 1, mask=in_d, other=0.0)
    for k in tl.static_range(TAPS - 1):
        x_k = tl.load(window + at + k * D, mask=in_d, other=0.0)
        v += x_k * tl.load(taps + d * TAPS + k, mask=in_d, other=0.0)
        if k > 0:
            tl.store(after + at + (k - 1) * D, x_k, mask=in_d)
    if TAPS > 1:
        tl.store(after + at + (TAPS - 2) * D, newest, mask=in_d)
    tl.store(y + b * D + d, v * sigmoid(v), mask=in_d)


@triton.jit
def _scan_step_kernel(
    h, x, delta, A_log, B, C, D_skip, z, bias, y, after, D, N, B_b, C_b, z_b,
    ZOH: tl.constexpr, CHANNELS: tl.constexpr, PN: tl.constexpr,
):  # fmt: skip
    """One step of CHANNELS channels of one sequence; A = -exp(A_log)."""
    b = tl.program_id(0).to(tl.int64)
    d, n = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS), tl.arange(0, PN)
    in_d, in_n = d < D, n < N
    dn, in_dn = d[:, None] * N + n[None, :], in_d[:, None] & in_n[None, :]
    x_d = tl.load(x + b * D + d, mask=in_d, other=0.0)
    delta_d = softplus(tl.load(delta + b * D + d, mask=in_d, other=0.0) + tl.load(bias + d, mask=in_d, other=0.0))
    u = -delta_d[:, None] * tl.exp(tl.load(A_log + dn, mask=in_dn, other=0.0))
    A_bar = tl.exp(u)
    weight = delta_d[:, None]
    if ZOH:
        weight *= phi1(u, A_bar)
    B_n = tl.load(B + b * B_b + n, mask=in_n, other=0.0)
    C_n = tl.load(C + b * C_b + n, mask=in_n, other=0.0)
    state = A_bar * tl.load(h + b * D * N + dn, mask=in_dn, other=0.0) + weight * B_n[None, :] * x_d[:, None]
    tl.store(after + b * D * N + dn, state, mask=in_dn)
    y_d = tl.sum(state * C_n[None, :], axis=1) + tl.load(D_skip + d, mask=in_d, other=0.0) * x_d
    z_d = tl.load(z + b * z_b + d, mask=in_d, other=0.0)
    tl.store(y + b * D + d, y_d * z_d * sigmoid(z_d), mask=in_d)


def conv_step(window: Tensor, x: Tensor, taps: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """`kernels.layers.conv_step` on CUDA."""
    (batch, D), K = x.shape, taps.shape[1]
    y, after = x.new_empty(batch, D), torch.empty_like(window, memory_format=torch.contiguous_format)
    _conv_step_kernel[batch, ceil(D, CHANNELS)](
        window.contiguous(), x, taps.contiguous(), bias, y, after, D, x.stride(0),
        TAPS=K, CHANNELS=CHANNELS, num_warps=WARPS,
    )  # fmt: skip
    return y, after


def scan_step(
    h: Tensor, x: Tensor, delta: Tensor, A_log: Tensor, B: Tensor, C: Tensor, D_skip: Tensor, z: Tensor, bias: Tensor,
    *, zoh: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`kernels.layers.scan_step` on CUDA."""
    (batch, D), N = x.shape, A_log.shape[1]
    PN = triton.next_power_of_2(N)
    channels = max(1, STATES // PN)
    y, after = x.new_empty(batch, D), torch.empty_like(h, memory_format=torch.contiguous_format)
    _scan_step_kernel[batch, ceil(D, channels)](
        h.contiguous(), x.contiguous(), delta.contiguous(), A_log, B, C, D_skip, z, bias, y, after, D, N,
        B.stride(0), C.stride(0), z.stride(0), ZOH=zoh, CHANNELS=channels, PN=PN, num_warps=4,
    )  # fmt: skip
    return y, after
