"""Selective memory against attention: the same question asked of two small trained networks, and what each must keep.

`assets/maths/attention.js` is the same in the browser. The capacity of a state is that of "You are the gate"
(`ssmviz.systems.gate`): letters get Delta 1/2, noise gets 0, and one linear read-out is fitted in closed form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssmviz.lessons.block import Answer
from ssmviz.lessons.controls import Choice, Control, Number, Text
from ssmviz.lessons.networks import VOCABULARY, right_answer, tokens_of, trained
from ssmviz.systems import gate
from ssmviz.systems.arrays import Array
from ssmviz.systems.attention import (
    attention_operations,
    cache_bytes,
    hidden_attention,
    scan_operations,
    state_bytes,
    transformer,
)
from ssmviz.systems.block import network

TEXT = "CFA>DBEGCADBFEGACBD>"
CAPACITIES = Path(__file__).parent.parent.parent / "assets" / "lessons" / "capacities.json"
SLOTS = 24  # of the strip behind the capacity
MOST_LETTERS, MOST_STATES = 8, 16
CONTROLS: tuple[Control, ...] = (
    Choice("layer", "Layer of attention", default="2", options=(("1", "first"), ("2", "second"))),
    Number("channel", "Channel of S6 (0: all)", default=0, low=0, high=32, step=1, symbol="C"),
    Number("power", "Context: 2 to the", default=11, low=8, high=20, step=1, more=True, symbol="x"),
    Number("N", "States a channel N", default=4, low=1, high=MOST_STATES, step=1, more=True, symbol="h"),
    Number("letters", "Letters to recall", default=4, low=1, high=MOST_LETTERS, step=1, more=True),
    Number("layers", "Layers of the Transformer", default=32, low=1, high=128, step=1, more=True),
    Number("width", "Width of both", default=2560, low=64, high=16384, step=64, more=True),
    Number("bytes", "Bytes a cached number", default=2, low=1, high=4, step=1, more=True),
    Text("tokens", "Tokens", default=TEXT, alphabet=VOCABULARY, most=24),
)

Values = Mapping[str, Any]


class Answers(NamedTuple):
    """What both networks say after the last token."""

    s6: Answer
    softmax: Answer


def answers(values: Values) -> Answers:
    """The likeliest next token of each network."""
    tokens = tokens_of(values["tokens"])
    logits = (
        network(trained("mamba").parameters, tokens)[0],
        transformer(trained("transformer").parameters, tokens)[0],
    )
    return Answers(*(_answer(row[-1], values["tokens"]) for row in logits))


def _answer(logits: Array, text: str) -> Answer:
    chances = np.exp(logits - logits.max())
    best = int(chances.argmax())
    return Answer(VOCABULARY[best], float(chances[best] / chances.sum()), right_answer(text))


class Hidden(NamedTuple):
    """The hidden attention of S6 on the tokens."""

    alpha: Array  # (D, L, L)
    mismatch: float  # largest |alpha x + D x - y| of all channels and tokens
    read: int  # the token that the last one reads from most, over all channels
    share: float  # of all that it reads


def hidden(values: Values) -> Hidden:
    """Attention matrices of the trained S6 block, checked against its scan."""
    model = trained("mamba")
    block = network(model.parameters, tokens_of(values["tokens"]))[1][0]
    alpha = hidden_attention(block.delta, block.A_bar, block.B, block.C)
    y = np.einsum("dij,jd->id", alpha, block.silu) + model.mixer["D"] * block.silu
    last = abs(alpha[:, -1]).mean(0)
    most = int(last.argmax())
    return Hidden(alpha, float(abs(y - block.y).max()), most, float(last[most] / last.sum()))


def softmax_read(values: Values) -> tuple[int, float]:
    """The token that the last one reads from most in the chosen layer of attention, and its share."""
    layer = transformer(trained("transformer").parameters, tokens_of(values["tokens"]))[1][int(values["layer"]) - 1]
    most = int(layer.alpha[-1].argmax())
    return most, float(layer.alpha[-1, most])


def kept_bytes(values: Values) -> tuple[int, int]:
    """The KV cache of a Transformer after 2^power tokens, and the state of a Mamba of the same width.

    Two Mamba blocks stand against one layer of a Transformer (Mamba, section 3.4), and the state is in 32 bits.
    """
    cached = cache_bytes(
        2 ** values["power"], layers=values["layers"], width=values["width"], bytes_each=values["bytes"]
    )
    return cached, state_bytes(layers=2 * values["layers"], width=values["width"], N=values["N"])


def operations(values: Values) -> tuple[int, int]:
    """Of attention and of the selective scans that stand against it, one layer (two blocks) over the whole context."""
    L, d = 2 ** values["power"], values["width"]
    return attention_operations(L, d), 2 * scan_operations(L, 2 * d, values["N"])


def capacity(letters: int, N: int) -> float:
    """Share of `letters` letters that a state of N numbers a channel gives back, gate painted perfectly."""
    strip = "".join(gate.LETTERS[i * letters // SLOTS] if i * letters % SLOTS < letters else "." for i in range(SLOTS))
    return gate.outcome(strip, gate.Gate(gate.by_kind(strip, letters=0.5, rest=0.0)), N).token


@cache
def capacities() -> tuple[tuple[float, ...], ...]:
    """Rows: 1 to 8 letters; columns: N = 1 to 16. It takes seconds: see `benchmarks.lesson_capacities`."""
    return tuple(tuple(row) for row in json.loads(CAPACITIES.read_text()))


def ladder() -> dict[str, dict[int, float]]:
    """Share of right answers by length, of both networks, as measured when they were trained."""
    return {
        name: {int(L): share for L, share in trained(name).provenance["accuracy"].items()}
        for name in ("mamba", "transformer")
    }


def for_browser(_: Values) -> dict[str, Any]:
    """What is sent: both networks, the capacities and the ladder."""
    return {
        "mamba": trained("mamba").sent,
        "transformer": trained("transformer").sent,
        "vocabulary": VOCABULARY,
        "capacities": capacities(),
        "ladder": ladder(),
        "slots": SLOTS,
        "chance": 1 / gate.CLASSES,
    }


def bytes_words(count: float) -> str:
    """1.5 GB, decimal."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"


def tens(value: float) -> str:
    """LaTeX of 2.1e10."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def price_words(values: Values) -> str:
    """Both sizes in a sentence."""
    cached, state = kept_bytes(values)
    return (
        f"After {2 ** values['power']:,} tokens the cache holds {bytes_words(cached)}, the state {bytes_words(state)}, "
        "as after the first."
    )


def loss_words(values: Values) -> str:
    """What a state of N numbers loses, in a sentence."""
    rows = capacities()
    here = rows[values["letters"] - 1][values["N"] - 1]
    return (
        f"A state of N = {values['N']} gives back {100 * here:.0f} % of {values['letters']} letters, even with a "
        f"perfect gate; of 4 letters N = 4 gives back {100 * rows[3][3]:.0f} %, and N = 8 all."
    )


def move_words(values: Values) -> str:
    """Where the last token reads, here and with the tokens of the page, in a sentence."""
    before, after = hidden(dict(values) | {"tokens": TEXT}), hidden(values)
    return (
        f"With ▶ at token {TEXT.index('>') + 1}, the last token read {100 * before.share:.0f} % from token "
        f"{before.read + 1}; with ▶ at token {values['tokens'].index('>') + 1} it reads {100 * after.share:.0f} % from "
        f"token {after.read + 1}, and says {answers(values).s6.words}. A fixed kernel would read at the same distance."
    )
