"""Checks of shapes, dtypes and devices, before any backend sees a tensor."""

from __future__ import annotations

import torch
from torch import Tensor

DISCRETISATIONS = ("euler", "zoh")
ACTIVATIONS = ("silu", None)
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def check_scan(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D_skip: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    h0: Tensor | None,
    b_discretisation: str,
) -> None:
    """Raise what `kernels.selective_scan` promises to raise."""
    if b_discretisation not in DISCRETISATIONS:
        raise ValueError(f"b_discretisation must be one of {DISCRETISATIONS}, got {b_discretisation!r}")
    _check_input(x)
    batch, L, D = x.shape
    if A.ndim != 2 or A.shape[0] != D or A.shape[1] < 1:
        raise ValueError(f"A must be (D={D}, N) with N at least 1, got {tuple(A.shape)}")
    N = A.shape[1]
    sequence = {"delta": (delta, (batch, L, D)), "B": (B, (batch, L, N)), "C": (C, (batch, L, N)), "z": (z, x.shape)}
    for name, (tensor, shape) in sequence.items():
        _check_tensor(name, tensor, tuple(shape), x, (x.dtype,))
    parameters = {
        "A": (A, (D, N)),
        "D_skip": (D_skip, (D,)),
        "delta_bias": (delta_bias, (D,)),
        "h0": (h0, (batch, D, N)),
    }
    for name, (tensor, shape) in parameters.items():
        _check_tensor(name, tensor, shape, x, _parameter_dtypes(x))


def check_conv(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str | None) -> None:
    """Raise what `kernels.causal_conv1d` promises to raise."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {ACTIVATIONS}, got {activation!r}")
    _check_input(x)
    D = x.shape[2]
    if weight.ndim != 2 or weight.shape[0] != D or weight.shape[1] < 1:
        raise ValueError(f"weight must be (D={D}, taps) with at least 1 tap, got {tuple(weight.shape)}")
    _check_tensor("weight", weight, tuple(weight.shape), x, (x.dtype,))
    _check_tensor("bias", bias, (D,), x, (x.dtype,))


def _check_input(x: Tensor) -> None:
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"x must be (batch, L, D), none of them 0, got {tuple(x.shape)}")
    if x.dtype not in DTYPES:
        raise TypeError(f"x must be real floating point ({_names(DTYPES)}), got {_names((x.dtype,))}; convert it")


def _check_tensor(
    name: str, tensor: Tensor | None, shape: tuple[int, ...], x: Tensor, dtypes: tuple[torch.dtype, ...]
) -> None:
    if tensor is None:
        return
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} must be {shape} to go with x {tuple(x.shape)}, got {tuple(tensor.shape)}")
    if tensor.device != x.device:
        raise ValueError(f"{name} must be on {x.device} as x is, got {tensor.device}; move it there")
    if tensor.dtype not in dtypes:
        raise TypeError(f"{name} must be {_names(dtypes)} to go with x, got {_names((tensor.dtype,))}; convert it")


def _parameter_dtypes(x: Tensor) -> tuple[torch.dtype, ...]:
    """Parameters may stay in float32 when the sequence is in half precision."""
    return (x.dtype,) if x.dtype in (torch.float32, torch.float64) else (x.dtype, torch.float32)


def _names(dtypes: tuple[torch.dtype, ...]) -> str:
    return " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
