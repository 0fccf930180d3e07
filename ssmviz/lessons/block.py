"""The Mamba block, with every tensor of a small trained network: what its parts are for, and what they cost.

The network has one block and has learned induction heads: say what followed ▶ when it was last seen. Switching a part
off here leaves all other weights as they are; `assets/maths/block.js` is the same in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ssmviz.lessons.controls import Choice, Control, Number, Switch, Text
from ssmviz.lessons.networks import LETTERS, TRIGGER, VOCABULARY, right_answer, tokens_of, trained
from ssmviz.settings import TaskSettings
from ssmviz.systems.arrays import Array
from ssmviz.systems.block import Block, Parts, network, parameter_counts
from ssmviz.tasks import TASKS, rng_for

TEXT = "CFA>DBEGCADBFEGACBD>"
NODES = (
    ("u", "residual stream"),
    ("norm", "RMSNorm"),
    ("x", "x, first half"),
    ("z", "z, second half"),
    ("conv", "convolution"),
    ("silu", "SiLU"),
    ("dt", "dt, low rank"),
    ("delta", "Delta"),
    ("A_bar", "A bar"),
    ("B", "B"),
    ("C", "C"),
    ("h", "state h"),
    ("y", "y"),
    ("gated", "y times gate"),
    ("out", "out_proj"),
    ("residual", "sum"),
)
OTHERS = 50  # held-out sequences that stand behind every share of right answers

CONTROLS: tuple[Control, ...] = (
    Switch("conv", "Convolution", default=True, symbol="x"),
    Switch("gate", "Gate", default=True),
    Switch("skip", "Bypass D", default=True),
    Number("rank", "Rank of Δ that is used", default=2, low=0, high=2, step=1, more=True, symbol="delta"),
    Number("shift", "Added to the bias of Δ", default=0.0, low=-8.0, high=8.0, step=0.25, more=True, symbol="delta"),
    Number("morph", "From H3 and MLP to Mamba", default=1.0, low=0.0, high=1.0, step=0.01, more=True),
    Number("d_model", "Width of the model", default=768, low=16, high=4096, step=1, log=True, more=True),
    Number("N", "States a channel N", default=16, low=1, high=256, step=1, log=True, more=True, symbol="h"),
    Number("expand", "Expansion", default=2, low=1, high=4, step=1, more=True),
    Number("dt_rank", "dt_rank (0: width / 16)", default=0, low=0, high=256, step=1, more=True, symbol="delta"),
    Choice("node", "Tensor", default="delta", options=NODES, hidden=True),
    Text("tokens", "Tokens", default=TEXT, alphabet=VOCABULARY, most=24),
)

Values = Mapping[str, Any]


class Answer(NamedTuple):
    """What the network says after the last token."""

    said: str
    chance: float
    right: str  # "" where nothing is asked

    @property
    def words(self) -> str:
        """`D (100 %, right)`."""
        verdict = "" if not self.right else ", right" if self.said == self.right else f", wrong: {self.right} is asked"
        return f"{show(self.said)} ({100 * self.chance:.0f} %{verdict})"


def show(text: str) -> str:
    """Tokens as people see them."""
    return text.replace(TRIGGER, "▶")


def parts(values: Values) -> Parts:
    """What is switched off."""
    return Parts(values["conv"], values["gate"], values["skip"], values["rank"], values["shift"])


def run(values: Values) -> tuple[Array, Block]:
    """Logits (L, vocab) and every tensor of the block."""
    logits, (block,) = network(trained("mamba").parameters, tokens_of(values["tokens"]), parts(values))
    return logits, block


def answer(values: Values) -> Answer:
    """The likeliest next token."""
    last = run(values)[0][-1]
    chances = np.exp(last - last.max())
    best = int(chances.argmax())
    return Answer(VOCABULARY[best], float(chances[best] / chances.sum()), right_answer(values["tokens"]))


@cache
def others(L: int = len(TEXT)) -> tuple[str, ...]:
    """Sequences of the task that training never saw."""
    settings = TaskSettings.model_validate(trained("mamba").provenance["task"]).model_copy(update={"L": L})
    drawn = TASKS[settings.name].sample(settings, rng_for(0, "test", 1), OTHERS)
    return tuple("".join(VOCABULARY[token] for token in row) for row in drawn.tokens)


@cache
def share_right(switched: Parts) -> float:
    """Share of right answers on `others`."""
    parameters = trained("mamba").parameters
    said = [VOCABULARY[network(parameters, tokens_of(text), switched)[0][-1].argmax()] for text in others()]
    return sum(s == right_answer(text) for s, text in zip(said, others(), strict=True)) / OTHERS


def counts(values: Values) -> dict[str, int]:
    """Parameters of each part of one block of the chosen sizes."""
    return parameter_counts(values["d_model"], values["N"], expand=values["expand"], dt_rank=values["dt_rank"])


def for_browser(_: Values) -> dict[str, Any]:
    """What is sent: weights, other sequences, and where they come from."""
    network = trained("mamba")
    return {**network.sent, "vocabulary": VOCABULARY, "others": others(), "provenance": network.words}


class Edit(NamedTuple):
    """One early token is replaced: what moves at the last one."""

    place: int
    before: str
    after: str
    delta: float  # largest change of Delta of the last token
    B: float
    h: float  # largest change of the state, as a share of the largest state

    @property
    def sentence(self) -> str:
        """In words, with the numbers."""
        return (
            f"Token {self.place + 1} was {show(self.before)} and is {show(self.after)} now. At the last token, Δ moves "
            f"by {self.delta:.2g} and B by {self.B:.2g}: not at all. The state h moves by {100 * self.h:.0f} % of its "
            "largest entry: it alone carries the past."
        )


def edit(values: Values) -> Edit:
    """The token that is asked for becomes the next letter of the alphabet."""
    text = values["tokens"]
    place = text.find(TRIGGER) + 1
    letter = text[place]
    other = LETTERS[(LETTERS.find(letter) + 1) % len(LETTERS)]
    _, before = run(values)
    _, after = run(dict(values) | {"tokens": text[:place] + other + text[place + 1 :]})
    moved = [float(abs(getattr(before, name)[-1] - getattr(after, name)[-1]).max()) for name in ("delta", "B", "h")]
    return Edit(place, letter, other, moved[0], moved[1], moved[2] / float(abs(before.h[-1]).max()))


def A_words(values: Values) -> str:  # noqa: N802 - the field's own letter
    """A is one matrix for all tokens; A_bar is not, because Delta is not."""
    _, block = run(values)
    kept = block.A_bar.mean((1, 2))
    t = int(block.delta.mean(1).argmax())
    return (
        f"`A_log` has {trained('mamba').mixer['A_log'].size} numbers and no token index. With it, Δ keeps "
        f"{100 * kept[t]:.0f} % of the state at token {t + 1}, where it is largest, and up to {100 * kept.max():.0f} % "
        "elsewhere."
    )
