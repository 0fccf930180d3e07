"""Inside a published Mamba: its numbers on a prompt of tokens, layer by layer, and what it says next.

Run in numpy (`ssmviz.systems.mamba`), in the web server: a prompt through a model of this size takes less time than the
import of torch, and what it may cost is known beforehand (`longest`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssmviz.lessons.controls import Control, Number
from ssmviz.systems import mamba
from ssmviz.systems.arrays import Array
from ssmviz.weights import LAYOUTS, Model, config, of_checkpoint, read, unpublishable, write
from ssmviz.weights.layouts import MAX_LAYERS
from ssmviz.weights.told import alpha, likeliest, reads
from ssmviz.weights.told import prompt_of as checked_prompt

__all__ = ["LAYOUTS", "Model", "config", "of_checkpoint", "read", "unpublishable", "write"]

SHIPPED = Path(__file__).parent.parent.parent / "assets" / "weights" / "tiny-random.safetensors"
MOST_BYTES = 64 * 1024**2  # of a file that is opened by the page
MOST_TOKENS, MOST_MORE = 64, 32  # of a prompt, and after it
MOST_WORK = 2**25  # states of all layers and tokens: about two seconds
MOST_AT_ONCE = 2**22  # states of one layer and all tokens: 32 MiB
ROWS = 64  # channels that a heat map shows
CONTROLS: tuple[Control, ...] = (  # both are chosen in the pictures
    Number("layer", "Layer", default=1, low=1, high=MAX_LAYERS, step=1, hidden=True),
    Number("channel", "Channel (0: all)", default=0, low=0, high=2**20, step=1, hidden=True),
)


@dataclass(frozen=True)
class Reading:
    """A prompt, its greedy continuation, and what every layer made of them. L tokens in all."""

    tokens: tuple[int, ...]
    prompt: int  # how many of them were given
    layers: tuple[mamba.Seen, ...]
    top: tuple[tuple[tuple[int, float], ...], ...]  # after each token the likeliest next ones, with probabilities


def longest(model: Model) -> int:
    """How many tokens may be read: `MOST_TOKENS` and `MOST_MORE`, fewer where the model is large."""
    sizes = model.sizes
    states = sizes.D * max(sizes.N, 8)  # besides its N states a channel keeps a few other numbers a token
    return min(MOST_TOKENS + MOST_MORE, MOST_AT_ONCE // states, MOST_WORK // (states * sizes.n_layers))


def prompt_of(text: str, model: Model) -> tuple[int, ...]:
    """Token ids from what a person has typed, separated by spaces or commas.

    Raises:
        ValueError: no ids of the vocabulary, or too many.
    """
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    return checked_prompt(words, model.sizes.vocab, min(MOST_TOKENS, longest(model)))


def follow(model: Model, prompt: Iterable[int], more: int) -> Reading:
    """Read the prompt, then `more` times the likeliest next token; fewer where `longest` ends it."""
    tokens = list(prompt)
    given = len(tokens)
    steps = [mamba.read(model.tensors, np.array(tokens), mamba.start(model.tensors))]
    for _ in range(min(more, longest(model) - given)):
        tokens.append(int(steps[-1].logits[-1].argmax()))
        steps.append(mamba.read(model.tensors, np.array(tokens[-1:]), steps[-1].states))
    layers = tuple(
        mamba.Seen(*(np.concatenate(parts) for parts in zip(*seen, strict=True)))
        for seen in zip(*(step.layers for step in steps), strict=True)
    )
    top = tuple(likeliest(row) for step in steps for row in step.logits)
    return Reading(tuple(tokens), given, layers, top)


def attention(model: Model, reading: Reading, layer: int, channel: int) -> Array:
    """The hidden attention (L, L) of a layer (from 0): of a channel (from 1), or (0) the mean of |alpha| over all."""
    if channel:
        return np.asarray(alpha(model, reading.layers[layer], layer, slice(channel - 1, channel))[0])
    return reads(model, reading.layers[layer], layer)


def pictures(model: Model, reading: Reading, *, layer: int, channel: int) -> dict[str, Any]:
    """What `assets/lessons/inside.js` draws: of all layers the mean Delta, of the chosen one everything.

    Args:
        model: the model.
        reading: of the prompt by it.
        layer: from 1; one that the model lacks stands for the last.
        channel: from 1, and 0 for all; one that the model lacks stands for all.
    """
    layer, channel = min(layer, len(reading.layers)), channel if channel <= model.sizes.D else 0
    seen = reading.layers[layer - 1]
    shown = np.unique(np.linspace(0, model.sizes.D - 1, min(ROWS, model.sizes.D)).round().astype(int))
    return {
        "tokens": reading.tokens,
        "prompt": reading.prompt,
        "top": [[(token, digits(p)) for token, p in row] for row in reading.top],
        "layer": layer,
        "channel": channel,
        "channels": [int(d) + 1 for d in shown],
        "D": model.sizes.D,
        "deltas": [list(map(digits, one.delta.mean(1))) for one in reading.layers],
        "delta": [list(map(digits, row)) for row in seen.delta[:, shown].T],
        "size": [list(map(digits, row)) for row in seen.size[:, shown].T],
        "attention": [list(map(digits, row)) for row in attention(model, reading, layer - 1, channel)],
    }


def digits(value: float) -> float:
    """Four significant digits: more is not seen, and would have to be sent."""
    return float(f"{value:.4g}")
