"""The selective scan behind one function, and the small convolution that stands in front of it in a Mamba block.

One backend a file; README.md derives what they compute and says how to add one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kernels import arguments
from kernels.arguments import Probe, Problem
from kernels.backends import available, load_conv, load_scan, resolve, warm_up
from kernels.reference import step

__all__ = ["Probe", "available", "causal_conv1d", "resolve", "selective_scan", "step", "warm_up"]


def selective_scan(
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
    h0: Tensor | None = None,
    seq_idx: Tensor | None = None,
    b_discretisation: str = "euler",
    return_last_state: bool = False,
    probe: Probe | None = None,
    deterministic: bool | None = None,
    backend: str = "auto",
) -> Tensor | tuple[Any, ...]:
    """Selective scan: the recurrence of S6 (Gu & Dao 2023, Algorithm 2), differentiable in every tensor.

    h_t = exp(delta_t A) h_{t-1} + B_bar_t x_t and y_t = C_t h_t + D_skip x_t, then y * silu(z).

    Args:
        x: (batch, L, D) input.
        delta: (batch, L, D) step size; before `delta_bias` and softplus if these are asked for.
        A: (D, N) real and negative, in the dtype of x or, for half precision, float32; so are D_skip, delta_bias, h0.
        B: (batch, L, N) how the input is written to the state; or (D, N), the same at all positions (an LTI twin).
        C: (batch, L, N) how the state is read; or (D, N).
        D_skip: (D,) feedthrough.
        z: (batch, L, D) gate.
        delta_bias: (D,) added to delta.
        delta_softplus: whether delta becomes log(1 + exp(delta)).
        h0: (batch, D, N) state before the first position, 0 by default.
        seq_idx: (batch, L) integers, the number of the document that a position belongs to, of documents packed one
            after the other: where it changes the state starts again from 0. `h0` belongs to the first document.
        b_discretisation: "euler" (B_bar = delta B, as in Mamba's released code) or "zoh"
            (B_bar = (exp(delta A) - 1) / A B, as in its paper).
        return_last_state: whether to return the state after the last position as well.
        probe: states to return as well: `Probe(channels=[...])` or `Probe(times=[...])`.
        deterministic: whether the same inputs must give the same bits; None follows
            `torch.are_deterministic_algorithms_enabled()`. On the CPU they always do.
        backend: a name from `available()`, or "auto", see `resolve`.

    Returns:
        y (batch, L, D) in the dtype of x; or, in this order, a tuple of y, the last state h_last (batch, D, N) if asked
        for, and the states that a probe looks at, (batch, L, channels, N) or (batch, times, D, N). States are in at
        least float32; those of a probe carry no gradient.

    Raises:
        ValueError: a shape, device or option does not fit, or the backend cannot run on this device or dtype.
        TypeError: a dtype does not fit.
        RuntimeError: the named backend is not usable on this machine.
    """
    zoh = arguments.is_zoh(b_discretisation)
    if deterministic is None:
        deterministic = torch.are_deterministic_algorithms_enabled()
    problem = Problem(
        x, delta, A, B, C, D_skip, z, delta_bias, h0, seq_idx, delta_softplus, zoh, probe, deterministic
    )  # fmt: skip
    name, _ = resolve(backend, x.device, x.dtype)
    y, h_last, probed = load_scan(name)(problem)
    if probed is not None:
        return (y, h_last, probed) if return_last_state else (y, probed)
    return (y, h_last) if return_last_state else y


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, activation: str | None = "silu", backend: str = "auto"
) -> Tensor:
    """Causal convolution of every channel with its own few taps, then SiLU (the conv1d of the Mamba block).

    y[t] = silu(bias + sum_k weight[k] x[t - (taps - 1) + k]), with zeros before the first position.

    Args:
        x: (batch, L, D).
        weight: (D, taps), or (D, 1, taps) as in `torch.nn.Conv1d`; the last tap meets the newest input.
        bias: (D,).
        activation: "silu" or None.
        backend: of the scan beside it: "numba" and "triton" are fused, up to 8 taps; all others are PyTorch's.

    Returns:
        (batch, L, D).

    Raises:
        ValueError: a shape, device or option does not fit.
        TypeError: a dtype does not fit.
    """
    weight = weight.squeeze(1) if weight.ndim == 3 and weight.shape[1] == 1 else weight
    arguments.check_conv(x, weight, bias, activation)
    name, _ = resolve(backend, x.device, x.dtype)
    convolve = load_conv(name, weight.shape[1])
    return convolve(x, weight, bias, silu=activation == "silu")
