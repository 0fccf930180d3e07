"""The Mamba block with every tensor on the way kept (Gu & Dao 2023, section 3.4 and figure 3).

in_proj -> x, z;  x -> conv1d -> SiLU -> S6 (Algorithm 2);  y * SiLU(z) -> out_proj;  RMSNorm before, residual around.
Parameters keep their published names and shapes: `in_proj.weight` (2D, d_model; first half x, second half z),
`conv1d.weight` (D, 1, d_conv), `conv1d.bias`, `x_proj.weight` (dt_rank + 2N, D; split dt, B, C), `dt_proj.weight`
(D, dt_rank), `dt_proj.bias`, `A_log` (D, N), `D` (D,), `out_proj.weight` (d_model, D).
Sizes: L tokens, d_model width of the residual stream, D = expand d_model channels, N states a channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssmviz.systems.arrays import Array

Parameters = Mapping[str, Array]
EPS = 1e-5  # of the RMSNorm


@dataclass(frozen=True)
class Parts:
    """What is switched off, or turned, in a trained block."""

    conv: bool = True  # off: x_t alone, without its neighbours before it
    gate: bool = True  # off: y goes on as it is
    skip: bool = True  # off: D = 0
    rank: int | None = None  # how many of dt_proj's columns are used, strongest first; 0: Delta = softplus(bias)
    shift: float = 0.0  # added to dt_proj.bias


WHOLE = Parts()


@dataclass(frozen=True)
class Block:
    """Every tensor of one block on one sequence."""

    u: Array  # (L, d_model) the residual stream that comes in
    norm: Array  # (L, d_model)
    x: Array  # (L, D) first half of in_proj
    z: Array  # (L, D) second half
    conv: Array  # (L, D)
    silu: Array  # (L, D) what S6 sees
    dt: Array  # (L, dt_rank)
    delta: Array  # (L, D)
    B: Array  # (L, N)
    C: Array  # (L, N)
    A_bar: Array  # (L, D, N) what is kept
    h: Array  # (L, D, N)
    y: Array  # (L, D), D x included
    gated: Array  # (L, D)
    out: Array  # (L, d_model)
    residual: Array  # (L, d_model) u + out


def silu(x: Array) -> Array:
    """The product x sigma(x), also called swish; finite for every x."""
    return np.asarray(x * 0.5 * (1 + np.tanh(x / 2)))


def softplus(x: Array) -> Array:
    """log(1 + e^x), the tau_Delta of the paper; exact at both ends."""
    return np.logaddexp(0.0, x)


def rms_norm(x: Array, gain: Array) -> Array:
    """Root mean square norm: x / sqrt(mean x^2 + eps) * gain over the last axis (Zhang & Sennrich 2019)."""
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * gain)


def causal_conv(x: Array, taps: Array, bias: Array) -> Array:
    """c_t = bias + sum_k taps[:, k] x_{t - (d_conv - 1) + k}: depthwise, zeros before the first token.

    Args:
        x: (L, D).
        taps: (D, d_conv), the newest token's last.
        bias: (D,).
    """
    K = taps.shape[1]
    padded = np.concatenate([np.zeros((K - 1, x.shape[1])), x])
    return np.asarray(bias + sum(padded[k : k + len(x)] * taps[:, k] for k in range(K)))


def strongest_first(W: Array) -> Array:
    """The same product W @ dt, its columns ordered by their norm: indices (dt_rank,)."""
    return np.argsort(-np.linalg.norm(W, axis=0), kind="stable")


def discretise(parameters: Parameters, x: Array, parts: Parts = WHOLE) -> tuple[Array, Array, Array, Array, Array]:
    """Returns dt (L, R), Delta (L, D), A_bar (L, D, N), B (L, N) and C (L, N) of x (L, D), the input of S6.

    Delta = softplus(dt_proj dt + bias), A_bar = exp(Delta A). B_bar is Delta B, as in the released code.
    """
    W_dt, N = parameters["dt_proj.weight"], parameters["A_log"].shape[1]
    R = W_dt.shape[1]
    projected = x @ parameters["x_proj.weight"].T
    dt, B, C = projected[:, :R], projected[:, R : R + N], projected[:, R + N :]
    used = strongest_first(W_dt)[: R if parts.rank is None else parts.rank]
    delta = softplus(dt[:, used] @ W_dt[:, used].T + parameters["dt_proj.bias"] + parts.shift)
    return dt, delta, np.exp(-delta[..., None] * np.exp(parameters["A_log"])), B, C


def scan(A_bar: Array, Bx: Array) -> Array:
    """h_t = A_bar_t h_{t-1} + Bx_t from h = 0, both (L, D, N)."""
    h, states = np.zeros(Bx.shape[1:]), np.empty(Bx.shape)
    for t in range(len(Bx)):
        h = A_bar[t] * h + Bx[t]
        states[t] = h
    return states


def mamba_block(parameters: Parameters, u: Array, gain: Array, parts: Parts = WHOLE) -> Block:
    """The block on u (L, d_model) with its norm's gain (d_model,), everything kept.

    Raises:
        ValueError: u is not (L, d_model).
    """
    W_in, taps = parameters["in_proj.weight"], parameters["conv1d.weight"][:, 0]
    if np.ndim(u) != 2 or u.shape[1] != W_in.shape[1]:
        raise ValueError(f"u must be (L, d_model={W_in.shape[1]}), got {np.shape(u)}; give one sequence")
    norm = rms_norm(u, gain)
    x, z = np.split(norm @ W_in.T, 2, axis=1)
    conv = causal_conv(x, taps, parameters["conv1d.bias"]) if parts.conv else x
    seen = silu(conv)
    dt, delta, A_bar, B, C = discretise(parameters, seen, parts)
    h = scan(A_bar, (delta * seen)[..., None] * B[:, None])
    y = (h * C[:, None]).sum(-1) + (parameters["D"] * seen if parts.skip else 0.0)
    gated = y * silu(z) if parts.gate else y
    out = gated @ parameters["out_proj.weight"].T
    return Block(u, norm, x, z, conv, seen, dt, delta, B, C, A_bar, h, y, gated, out, u + out)


def network(parameters: Parameters, tokens: Array, parts: Parts = WHOLE) -> tuple[Array, tuple[Block, ...]]:
    """Logits (L, vocab) of tokens (L,), and every block: embedding, pre-norm blocks, norm, head.

    Raises:
        ValueError: a token outside the vocabulary.
    """
    E = parameters["embedding.weight"]
    tokens = np.asarray(tokens)
    if tokens.min() < 0 or tokens.max() >= len(E):
        raise ValueError(f"tokens must lie in 0..{len(E) - 1}, got {tokens.min()} to {tokens.max()}")
    u = E[tokens]
    blocks: list[Block] = []
    while f"layers.{len(blocks)}.norm.weight" in parameters:
        layer = f"layers.{len(blocks)}."
        own = {k.removeprefix(layer + "mixer."): v for k, v in parameters.items() if k.startswith(layer + "mixer.")}
        blocks.append(mamba_block(own, u, parameters[layer + "norm.weight"], parts))
        u = blocks[-1].residual
    return rms_norm(u, parameters["norm_f.weight"]) @ parameters["lm_head.weight"].T, tuple(blocks)


def parameter_counts(d_model: int, N: int, *, expand: int = 2, dt_rank: int = 0, d_conv: int = 4) -> dict[str, int]:
    """Parameters of every part of one block, norm included; dt_rank 0 stands for ceil(d_model / 16).

    Raises:
        ValueError: a size below 1.
    """
    if min(d_model, N, expand, d_conv) < 1 or dt_rank < 0:
        raise ValueError(f"sizes must be at least 1, got d_model={d_model}, N={N}, expand={expand}, dt_rank={dt_rank}")
    D, R = expand * d_model, dt_rank or -(-d_model // 16)
    return {
        "in_proj": 2 * D * d_model,
        "conv1d": D * d_conv + D,
        "x_proj": (R + 2 * N) * D,
        "dt_proj": D * R + D,
        "A_log": D * N,
        "D": D,
        "out_proj": d_model * D,
        "norm": d_model,
    }
