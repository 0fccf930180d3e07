"""Mamba with its state carried from call to call: a prompt at once, then one token at a time.

The same network as `block.network`, which keeps every tensor; here each h is gone after its token. Parameters by their
published names (`ssmviz.systems.block`): the residual stream and the products with large matrices are in their float
type, the recurrence in float64. Sizes: L tokens, D channels, N states a channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ssmviz.systems.arrays import Array
from ssmviz.systems.block import Parameters, causal_conv, discretise, rms_norm, silu


class State(NamedTuple):
    """All that a block remembers, whatever it has read."""

    conv: Array  # (d_conv - 1, D) newest inputs of the convolution
    h: Array  # (D, N)


class Seen(NamedTuple):
    """What a block made of L tokens."""

    delta: Array  # (L, D)
    B: Array  # (L, N)
    C: Array  # (L, N)
    size: Array  # (L, D) root mean square of h over N


class Step(NamedTuple):
    """What the network made of L tokens."""

    logits: Array  # (L, vocab)
    layers: tuple[Any, ...]  # what was kept of each layer, `Seen` unless something else was asked for
    states: tuple[State, ...]  # to go on from


def start(parameters: Parameters) -> tuple[State, ...]:
    """Nothing read yet: zeros for every layer."""
    states: list[State] = []
    while (A_log := parameters.get(f"layers.{len(states)}.mixer.A_log")) is not None:
        D, _, taps = parameters[f"layers.{len(states)}.mixer.conv1d.weight"].shape
        states.append(State(np.zeros((taps - 1, D)), np.zeros(A_log.shape)))
    return tuple(states)


def _all(_: int, seen: Seen) -> Seen:
    return seen


def read(
    parameters: Parameters, tokens: Array, states: tuple[State, ...], *, keep: Callable[[int, Seen], Any] = _all
) -> Step:
    """The network on the next tokens (L,) from the states that the tokens before have left.

    Parameters are asked for one layer after the other, so they may be converted, or come from a disk, as they are.

    Args:
        parameters: by their published names.
        tokens: (L,) numbers below the vocabulary.
        states: one a layer; see `start`.
        keep: what to keep of layer i, counted from 0; all that was seen takes 16 D L bytes a layer.

    Raises:
        ValueError: a token outside the vocabulary, or none.
    """
    E, tokens = parameters["embedding.weight"], np.asarray(tokens)
    if not tokens.size or tokens.min() < 0 or tokens.max() >= len(E):
        raise ValueError(f"tokens must be one or more numbers in 0..{len(E) - 1}, got {tokens.tolist()}"[:200])
    u = E[tokens]
    del E  # it may be a copy of its own
    layers, after = [], []
    for i, state in enumerate(states):
        layer = f"layers.{i}."
        own = {k.removeprefix(layer + "mixer."): parameters[k] for k in parameters if k.startswith(layer + "mixer.")}
        out, seen, new = block(own, rms_norm(u, parameters[layer + "norm.weight"]), state)
        u = u + out
        layers.append(keep(i, seen))
        after.append(new)
    logits = rms_norm(u, parameters["norm_f.weight"]) @ parameters["lm_head.weight"].T
    return Step(logits, tuple(layers), tuple(after))


def block(parameters: Parameters, norm: Array, state: State) -> tuple[Array, Seen, State]:
    """One block on norm (L, d_model), the normed residual stream: what it adds to the stream, (L, d_model)."""
    W_in, W_out = parameters["in_proj.weight"], parameters["out_proj.weight"]
    x, z = np.split(norm @ W_in.T, 2, axis=1)
    past = np.concatenate([state.conv, x])
    conv = causal_conv(past, parameters["conv1d.weight"][:, 0], parameters["conv1d.bias"])[len(state.conv) :]
    seen = silu(conv)
    _, delta, A_bar, B, C = discretise(parameters, seen)
    h, y, size = state.h, np.empty(seen.shape), np.empty(seen.shape)
    for t in range(len(seen)):
        h = A_bar[t] * h + (delta[t] * seen[t])[:, None] * B[t]
        y[t], size[t] = h @ C[t], np.sqrt((h * h).mean(-1))
    gated = (y + parameters["D"] * seen) * silu(z)
    return gated.astype(W_out.dtype) @ W_out.T, Seen(delta, B, C, size), State(past[len(x) :], h)
