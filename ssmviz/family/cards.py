"""What is said of a layer and of a block. Symbols: L positions, D channels, N states of a channel, H heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Sizes(NamedTuple):
    """What the size of a memory and the number of parameters depend on."""

    D: int  # channels that the layer sees
    N: int  # states of a channel
    heads: int
    L: int  # tokens read so far
    rank: int = 8  # of S6's Delta


class Source(NamedTuple):
    """Where a card's equation is from."""

    paper: str
    where: str
    link: str


@dataclass(frozen=True)
class Memory:
    """What a layer keeps of the past.

    Args:
        words: what it is, in a few words.
        numbers: real numbers that one layer keeps after L tokens (a complex one counts twice).
        formula: the same in LaTeX.
        rows: what a row of the state is; "" where there is no finite state.
        columns: what the numbers of a row are, in the plural.
    """

    words: str
    numbers: Callable[[Sizes], int]
    formula: str
    rows: str = ""
    columns: str = ""


@dataclass(frozen=True)
class Cost:
    """What it costs to read L tokens at once in training, and to add one more; LaTeX, of L alone."""

    time: str
    memory: str
    token: str
    by: str  # how all tokens are read at once, in a few words


@dataclass(frozen=True)
class Card:
    """One layer.

    Args:
        label: its short name.
        words: what it is, for someone who has read one text about Mamba.
        equation: LaTeX.
        parameters: how many the layer has, without the projections of a block.
        fields: the `ModelSettings` that mean something to it, beside those of every network.
        no_delta: why it has no step size to show; "" where it has one for every token.
        no_weights: why there are no weights from token to token to show; "" where there are.
        heads: what has weights of its own, one word.
    """

    name: str
    label: str
    year: int
    words: str
    equation: str
    source: Source
    memory: Memory
    cost: Cost
    parameters: Callable[[Sizes], int]
    fields: tuple[str, ...] = ()
    no_delta: str = ""
    no_weights: str = ""
    heads: str = "head"

    def in_short(self) -> dict[str, str]:
        """What the lab's views say of it."""
        return {
            "label": self.label,
            "memory": self.memory.words,
            "rows": self.memory.rows,
            "columns": self.memory.columns,
            "heads": self.heads,
            "no_delta": self.no_delta,
            "no_weights": self.no_weights,
        }


@dataclass(frozen=True)
class BlockCard:
    """What stands around a layer. Sources and fields as in `Card`."""

    name: str
    label: str
    words: str
    equation: str
    source: Source
    fields: tuple[str, ...] = ()
