"""The selective scan behind one function, and the small convolution that stands in front of it in a Mamba block.

One backend a file; README.md derives what they compute and says how to add one.
"""

from __future__ import annotations

from torch import Tensor

from kernels import arguments
from kernels.backends import available, load_conv, load_scan, resolve, warm_up

__all__ = ["available", "causal_conv1d", "resolve", "selective_scan", "warm_up"]


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
    b_discretisation: str = "euler",
    return_last_state: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Selective scan: the recurrence of S6 (Gu & Dao 2023, Algorithm 2), differentiable in every tensor.

    h_t = exp(delta_t A) h_{t-1} + B_bar_t x_t and y_t = C_t h_t + D_skip x_t, then y * silu(z).

    Args:
        x: (batch, L, D) input.
        delta: (batch, L, D) step size; before `delta_bias` and softplus if these are asked for.
        A: (D, N) real and negative, in the dtype of x or, for half precision, float32; so are D_skip, delta_bias, h0.
        B: (batch, L, N) how the input is written to the state.
        C: (batch, L, N) how the state is read.
        D_skip: (D,) feedthrough.
        z: (batch, L, D) gate.
        delta_bias: (D,) added to delta.
        delta_softplus: whether delta becomes log(1 + exp(delta)).
        h0: (batch, D, N) state before the first position, 0 by default.
        b_discretisation: "euler" (B_bar = delta B, as in Mamba's released code) or "zoh"
            (B_bar = (exp(delta A) - 1) / A B, as in its paper).
        return_last_state: whether to return the state after the last position as well.
        backend: a name from `available()`, or "auto", see `resolve`.

    Returns:
        y (batch, L, D) in the dtype of x; or (y, h_last) with h_last (batch, D, N) in at least float32.

    Raises:
        ValueError: a shape, device or option does not fit, or the backend cannot run on this device or dtype.
        TypeError: a dtype does not fit.
        RuntimeError: the named backend is not usable on this machine.
    """
    arguments.check_scan(x, delta, A, B, C, D_skip, z, delta_bias, h0, b_discretisation)
    name, _ = resolve(backend, x.device, x.dtype)
    scan = load_scan(name)
    y, h_last = scan(x, delta, A, B, C, D_skip, z, delta_bias, delta_softplus, h0, b_discretisation)
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
