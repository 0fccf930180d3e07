"""Attention beside selective scans: softmax attention and its cache, the hidden attention of S6, and what each costs.

Sources: scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), rotary positions (Su et al. 2021, section
3.4), the attention matrices hidden in S6 (Ali, Zimerman & Wolf 2024, arXiv 2403.01590, section 3), Mamba
(arXiv 2312.00752). Symbols of attention: q, k, v of one head (L, d). Symbols of S6: see `ssmviz.systems.block`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ssmviz.systems.arrays import Array
from ssmviz.systems.block import rms_norm

ROTARY_BASE = 10_000.0


def softmax(scores: Array) -> Array:
    """Over the last axis; -inf gives 0."""
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def softmax_weights(q: Array, k: Array) -> Array:
    """The matrix alpha (L, L) = softmax(q k^T / sqrt(d)), causal: row i is what token i takes from tokens j <= i."""
    L, d = q.shape
    scores = q @ k.T / np.sqrt(d)
    return softmax(np.where(np.tri(L, dtype=bool), scores, -np.inf))


def rotate(v: Array, first: int = 0) -> Array:
    """Rotary positions: pair (v_i, v_{i + d/2}) of token t turns by (first + t) base^(-2i/d); v (L, d).

    Raises:
        ValueError: d is odd.
    """
    L, d = v.shape
    if d % 2:
        raise ValueError(f"the width of a head must be even to be turned in pairs, got {d}; make it {d + 1}")
    angle = np.arange(first, first + L)[:, None] * ROTARY_BASE ** (-np.arange(0, d, 2) / d)
    a, b = v[:, : d // 2], v[:, d // 2 :]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=1)


@dataclass
class Cache:
    """Keys and values of all tokens so far: generation without computing them again, one row more each token."""

    keys: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)

    def step(self, q: Array, k: Array, v: Array) -> Array:
        """The newest token's output (d,) from its q, k, v (d,)."""
        self.keys.append(k)
        self.values.append(v)
        weights = softmax(np.stack(self.keys) @ q / np.sqrt(len(q)))
        return np.asarray(weights @ np.stack(self.values))

    @property
    def numbers(self) -> int:
        """Numbers held: 2 d for each token seen."""
        return sum(map(len, self.keys)) + sum(map(len, self.values))


class Attended(NamedTuple):
    """One attention layer on one sequence."""

    q: Array  # (L, d), turned
    k: Array  # (L, d), turned
    v: Array  # (L, d)
    alpha: Array  # (L, L)
    y: Array  # (L, d) alpha v


def transformer(parameters: Mapping[str, Array], tokens: Array) -> tuple[Array, tuple[Attended, ...]]:
    """Logits (L, vocab) of an attention-only Transformer with one head a layer, and every layer.

    Pre-RMSNorm, rotary positions, no bias, no feed-forward layers: `qkv.weight` (3d, d), `out_proj.weight` (d, d).
    """
    u = parameters["embedding.weight"][np.asarray(tokens)]
    layers: list[Attended] = []
    while f"layers.{len(layers)}.norm.weight" in parameters:
        layer = f"layers.{len(layers)}."
        norm = rms_norm(u, parameters[layer + "norm.weight"])
        q, k, v = np.split(norm @ parameters[layer + "mixer.qkv.weight"].T, 3, axis=1)
        q, k = rotate(q), rotate(k)
        alpha = softmax_weights(q, k)
        layers.append(Attended(q, k, v, alpha, alpha @ v))
        u = u + layers[-1].y @ parameters[layer + "mixer.out_proj.weight"].T
    return rms_norm(u, parameters["norm_f.weight"]) @ parameters["lm_head.weight"].T, tuple(layers)


def hidden_attention(delta: Array, A_bar: Array, B: Array, C: Array) -> Array:
    """The (D, L, L) alpha_ij = C_i (prod_{k=j+1..i} A_bar_k) Delta_j B_j: y = alpha x + D x in each channel.

    Unrolling h_i = A_bar_i h_{i-1} + Delta_i B_i x_i (Ali, Zimerman & Wolf 2024, section 3). Unlike softmax attention
    it has no normalisation and may be negative, and every channel has its own.

    Args:
        delta: (L, D).
        A_bar: (L, D, N).
        B: (L, N), with B_bar = Delta B as in the released code.
        C: (L, N).
    """
    L, D, _ = A_bar.shape
    alpha = np.zeros((D, L, L))
    for j in range(L):
        carried = delta[j][:, None] * B[j]  # (D, N): what token j has written, and what is left of it
        for i in range(j, L):
            carried = carried * A_bar[i] if i > j else carried
            alpha[:, i, j] = carried @ C[i]
    return alpha


# What must be kept to say the next token, and what it takes to compute all of them.


def cache_bytes(L: int, *, layers: int, width: int, bytes_each: int = 2) -> int:
    """Keys and values of L tokens: 2 width numbers a layer and token.

    A Transformer of 32 layers and width 2560 (about 2.8 B parameters) in 16 bits: .67 GB at 2048 tokens.
    """
    return 2 * layers * width * bytes_each * L


def state_bytes(*, layers: int, width: int, N: int = 16, expand: int = 2, d_conv: int = 4, bytes_each: int = 4) -> int:
    """The state h and the newest d_conv - 1 inputs of the convolution: the same after 2 tokens as after a million."""
    return layers * expand * width * (N + d_conv - 1) * bytes_each


def attention_operations(L: int, d: int) -> int:
    """Multiplications and additions of q k^T and alpha v in one causal layer: 2 d each for every pair j <= i."""
    return 4 * d * (L * (L + 1) // 2)


def scan_operations(L: int, D: int, N: int) -> int:
    """Of a selective scan, exponentials counted as one.

    For every token, channel and state Delta A, its exp, Delta x B, A_bar h + and C h +; for every token and channel
    Delta x and D x +.
    """
    return L * D * (7 * N + 3)
