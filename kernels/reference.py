"""The selective scan as it is written: one loop over time. Ground truth in float64."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import Problem, Result, check_step, is_zoh


def scan(p: Problem) -> Result:
    """`kernels.selective_scan` on every device, in float32 or, for float64 tensors, float64.

    Mamba (Gu & Dao 2023), Algorithm 2 with equations 2a, 2b and 4. The paper discretises B by zero-order hold; its
    released code, and here "euler", takes B_bar = delta B.
    """
    x, delta = wide(p.x), step_size(p.delta, p.delta_bias, p.delta_softplus)
    B, C = wide(p.B), wide(p.C)
    resets = p.resets()

    h = initial_state(p)
    ys, probed = [], []
    for t in range(x.shape[1]):
        if resets is not None:
            h = torch.where(resets[:, t, None, None], 0.0, h)
        h = recur(h, x[:, t], delta[:, t], p.A, _at(B, t), p.zoh)
        ys.append((h * _at(C, t)).sum(-1))
        if p.probe is not None and p.probe.channels is not None:
            probed.append(h.detach()[:, p.probe.channels])
        elif p.probe is not None:
            probed.append(h.detach() if t in p.probe.indices else h.new_empty(0))
    y = output(torch.stack(ys, dim=1), x, p.D_skip, p.z)
    if p.probe is not None and p.probe.times is not None:
        probed = [probed[t] for t in p.probe.times]
    return Result(y.to(p.x.dtype), h, torch.stack(probed, dim=1) if probed else None)


def step(
    h: Tensor,
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D_skip: Tensor | None = None,
    z: Tensor | None = None,
    *,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    b_discretisation: str = "euler",
) -> tuple[Tensor, Tensor]:
    """One position of `kernels.selective_scan`, for generation: constant work and memory a token.

    Args:
        h: (batch, D, N) state before, as `selective_scan(..., return_last_state=True)` returns it.
        x: (batch, D) input.
        delta: (batch, D) step size; before `delta_bias` and softplus if these are asked for.
        A: (D, N) real and negative.
        B: (batch, N) how the input is written; (1, D, N) where it is constant.
        C: (batch, N) how the state is read; (1, D, N) where it is constant.
        D_skip: (D,) feedthrough.
        z: (batch, D) gate.
        delta_bias: (D,) added to delta.
        delta_softplus: whether delta becomes log(1 + exp(delta)).
        b_discretisation: "euler" or "zoh".

    Returns:
        (y, h): (batch, D) in the dtype of x, and the state after, (batch, D, N) in at least float32.

    Raises:
        ValueError: a shape, device or option does not fit.
        TypeError: a dtype does not fit.
    """
    zoh = is_zoh(b_discretisation)
    check_step(h, x, delta, A, B, C, D_skip, z, delta_bias)
    B, C = (wide(v) if v.ndim == 3 else wide(v)[:, None] for v in (B, C))
    h = recur(wide(h), wide(x), step_size(delta, delta_bias, delta_softplus), A, B, zoh)
    return output((h * C).sum(-1), wide(x), D_skip, z).to(x.dtype), h


def recur(h: Tensor, x: Tensor, delta: Tensor, A: Tensor, B: Tensor, zoh: bool) -> Tensor:
    """The state after (batch, D, N), from h before, x, delta (batch, D), A (D, N) and B (batch or 1, D or 1, N)."""
    A_bar = torch.exp(delta[..., None] * A)
    B_bar = input_weight(delta[..., None], A, zoh) * B
    return A_bar * h + B_bar * x[..., None]


def step_size(delta: Tensor, bias: Tensor | None, softplus: bool) -> Tensor:
    """Delta as the recurrence takes it."""
    delta = wide(delta)
    if bias is not None:
        delta = delta + bias
    return F.softplus(delta) if softplus else delta


def output(y: Tensor, x: Tensor, D_skip: Tensor | None, z: Tensor | None) -> Tensor:
    """From what is read of the state to what leaves: feedthrough and gate."""
    if D_skip is not None:
        y = y + D_skip * x
    return y if z is None else y * F.silu(wide(z))


def initial_state(p: Problem) -> Tensor:
    """(batch, D, N) before the first position."""
    batch, _, D, N = p.sizes
    return wide(p.x).new_zeros(batch, D, N) if p.h0 is None else wide(p.h0)


def wide(tensor: Tensor) -> Tensor:
    """At least float32: a state in bfloat16 forgets what is smaller than 1/256 of it."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def input_weight(delta: Tensor, A: Tensor, zoh: bool) -> Tensor:
    """B_bar / B: delta (Euler), or the integral of exp(s A) for s from 0 to delta (zero-order hold)."""
    return delta * phi(delta * A) if zoh else delta


def phi(v: Tensor) -> Tensor:
    """(exp(v) - 1) / v, by its series where v is so small that the gradient of the quotient would cancel."""
    small = v.abs() < 1e-2
    series = 1 + v / 2 * (1 + v / 3 * (1 + v / 4 * (1 + v / 5 * (1 + v / 6 * (1 + v / 7)))))
    safe = torch.where(small, 1.0, v)  # so that no gradient is 0 / 0
    return torch.where(small, series, torch.expm1(safe) / safe)


def _at(v: Tensor, t: int) -> Tensor:
    """B or C at one position, (batch, 1, N), or the constant (D, N)."""
    return v if v.ndim == 2 else v[:, t, None, :]
