"""The selective scan as it is written: one loop over time. Ground truth in float64."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def scan(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D_skip: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    h0: Tensor | None,
    b_discretisation: str,
) -> tuple[Tensor, Tensor]:
    """(y, h_last) of `kernels.selective_scan`, on every device, in float32 or, for float64 tensors, float64.

    Mamba (Gu & Dao 2023), Algorithm 2 with equations 2a, 2b and 4. The paper discretises B by zero-order hold; its
    released code, and here "euler", takes B_bar = delta B.
    """
    dtype, x = x.dtype, wide(x)
    delta, B, C = wide(delta), wide(B), wide(C)
    if delta_bias is not None:
        delta = delta + delta_bias
    if delta_softplus:
        delta = F.softplus(delta)

    h = x.new_zeros(x.shape[0], *A.shape) if h0 is None else wide(h0)
    ys = []
    for t in range(x.shape[1]):
        A_bar = torch.exp(delta[:, t, :, None] * A)
        B_bar = input_weight(delta[:, t, :, None], A, b_discretisation) * B[:, t, None, :]
        h = A_bar * h + B_bar * x[:, t, :, None]
        ys.append((h * C[:, t, None, :]).sum(-1))
    y = torch.stack(ys, dim=1)

    if D_skip is not None:
        y = y + D_skip * x
    if z is not None:
        y = y * F.silu(wide(z))
    return y.to(dtype), h


def wide(tensor: Tensor) -> Tensor:
    """At least float32: a state in bfloat16 forgets what is smaller than 1/256 of it."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def input_weight(delta: Tensor, A: Tensor, b_discretisation: str) -> Tensor:
    """B_bar / B: delta (Euler), or the integral of exp(s A) for s from 0 to delta (zero-order hold)."""
    return delta if b_discretisation == "euler" else delta * phi(delta * A)


def phi(v: Tensor) -> Tensor:
    """(exp(v) - 1) / v, by its series where v is so small that the gradient of the quotient would cancel."""
    small = v.abs() < 1e-2
    series = 1 + v / 2 * (1 + v / 3 * (1 + v / 4 * (1 + v / 5 * (1 + v / 6 * (1 + v / 7)))))
    safe = torch.where(small, 1.0, v)  # so that no gradient is 0 / 0
    return torch.where(small, series, torch.expm1(safe) / safe)
