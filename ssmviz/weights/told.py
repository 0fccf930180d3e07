"""What a model makes of a prompt, in words for a terminal: what the page on weights shows, of a model of any size.

Layer by layer from the file: in memory are one layer's matrices, or the embedding, and what that layer made of the
tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ssmviz.systems import mamba
from ssmviz.systems.attention import hidden_attention
from ssmviz.weights import Model
from ssmviz.weights.tensors import Array

MOST_TOKENS = 256  # given and added together
TOGETHER = 64  # channels whose hidden attention is computed together
TOP = 5
BARS = "▁▂▃▄▅▆▇█"


class Layer(NamedTuple):
    """Of one layer, a number a token."""

    delta: Array  # mean over the channels
    size: Array  # the same of the state's root mean square
    reads: Array  # what the last token reads of each: mean of |alpha| over the channels


def prompt_of(words: Sequence[str], vocab: int, most: int) -> tuple[int, ...]:
    """Token ids from words.

    Raises:
        ValueError: no ids of the vocabulary, or too many.
    """
    odd = next((w for w in words if not re.fullmatch(r"\d{1,9}", w, re.ASCII) or int(w) >= vocab), None)
    if odd is not None or not words:
        raise ValueError(
            f"a prompt is token ids, whole numbers from 0 to {vocab - 1}, such as 3 1 4; "
            f"got {(odd or '')[:20] or 'nothing'!r}"
        )
    if len(words) > most:
        raise ValueError(f"a prompt may have {most} tokens with this model, got {len(words)}; leave some out")
    return tuple(map(int, words))


def told(model: Model, prompt: Sequence[int], more: int, *, progress: Callable[[str], None]) -> Iterator[str]:
    """Lines on a prompt and `more` tokens after it, each the likeliest.

    Args:
        model: read with `mapped`, where it is large.
        prompt: token ids.
        more: how many to add.
        progress: is told what is being read.
    """
    tokens = list(prompt)
    step = mamba.read(model.tensors, np.array(tokens), mamba.start(model.tensors), keep=_nothing)
    for k in range(more):
        progress(f"token {k + 1} of {more}")
        tokens.append(int(step.logits[-1].argmax()))
        step = mamba.read(model.tensors, np.array(tokens[-1:]), step.states, keep=_nothing)

    def keep(i: int, seen: mamba.Seen) -> Layer:
        progress(f"layer {i + 1} of {model.sizes.n_layers}")
        return Layer(seen.delta.mean(1), seen.size.mean(1), reads(model, seen, i)[-1])

    whole = mamba.read(model.tensors, np.array(tokens), mamba.start(model.tensors), keep=keep)
    yield "position, token: the likeliest next ones"
    for t, (token, row) in enumerate(zip(tokens, whole.logits, strict=True)):
        added = "+" if t >= len(prompt) else " "
        chances = ", ".join(f"{next_} ({100 * chance:.1f} %)" for next_, chance in likeliest(row))
        yield f"{t:4}{added} {token:6}: {chances}"
    low, high = min(x.delta.min() for x in whole.layers), max(x.delta.max() for x in whole.layers)
    yield f"\nDelta of every token, mean over channels: {BARS[0]} {low:.3g} to {BARS[-1]} {high:.3g}, logarithmic"
    for i, layer in enumerate(whole.layers):
        yield f"layer {i + 1:3} {bars(layer.delta, low, high)} longest at {int(layer.delta.argmax())}"
    yield "\nhidden attention, mean of |alpha| over channels: what the last token reads most; size of the state then"
    for i, layer in enumerate(whole.layers):
        last = layer.reads / max(layer.reads.sum(), 1e-30)
        best = ", ".join(f"{j} ({100 * last[j]:.0f} %)" for j in np.argsort(-last, kind="stable")[:3])
        yield f"layer {i + 1:3} {best}; |h| {layer.size[-1]:.3g}"


def likeliest(logits: Array) -> tuple[tuple[int, float], ...]:
    """The `TOP` likeliest tokens of logits (vocab,) and their probabilities, the likeliest first."""
    most = min(TOP, len(logits))
    best = sorted(np.argpartition(-logits, most - 1)[:most], key=lambda i: (-logits[i], i))
    chances = np.exp(logits - logits.max())
    return tuple((int(i), float(chances[i] / chances.sum())) for i in best)


def alpha(model: Model, seen: mamba.Seen, layer: int, channels: slice) -> Array:
    """The hidden attention of some channels of a layer (from 0), (channels, L, L)."""
    A, delta = -np.exp(model.tensors[f"layers.{layer}.mixer.A_log"][channels].astype(float)), seen.delta[:, channels]
    return hidden_attention(delta, np.exp(delta[..., None] * A), seen.B, seen.C)


def reads(model: Model, seen: mamba.Seen, layer: int) -> Array:
    """The mean of |alpha| over all channels, (L, L)."""
    D = model.sizes.D
    parts = (np.abs(alpha(model, seen, layer, slice(d, d + TOGETHER))).sum(0) for d in range(0, D, TOGETHER))
    return np.asarray(sum(parts) / D)


def bars(values: Iterable[float], low: float, high: float) -> str:
    """One bar a value, logarithmic between `low` and `high`."""
    span = np.log(high / low) or 1.0
    return "".join(BARS[round((len(BARS) - 1) * np.log(value / low) / span)] for value in values)


def _nothing(_: int, __: mamba.Seen) -> None:
    return None
