"""What a claim is: a sentence of a paper, its printed numbers, and the places where ours stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Topic = Literal["recall", "speed and memory", "time and memory", "scale"]
Status = Literal["measured", "in part", "computed in a lesson", "not run here"]


@dataclass(frozen=True)
class Paper:
    """One publication."""

    name: str  # as people call it
    cited: str
    address: str


@dataclass(frozen=True)
class Measured:
    """One of our numbers, with everything that is needed to make it again."""

    text: str  # as it is shown
    hardware: str
    date: str
    command: str
    file: str  # of the repository
    settings: str = ""  # in words, where the file says them
    detail: str = ""  # what is this number's own: learning rate, seeds
    small: bool = False  # of a miniature
    seeds: int = 0  # of a mean; 0 where the text lists them or there are none


class Ours(Protocol):
    """A place in a committed file."""

    @property
    def command(self) -> str:
        """What fills it."""

    def find(self) -> Measured | None:
        """What stands there; None as long as it was not run."""


Cell = str | Ours | None  # printed in the paper, ours, or nothing


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Papers' numbers beside ours."""

    columns: tuple[str, ...]  # the first one is of the labels
    rows: tuple[Row, ...]

    def ours(self) -> list[Ours]:
        """Every place that ours are read from."""
        return [cell for row in self.rows for cell in row.cells if cell is not None and not isinstance(cell, str)]


@dataclass(frozen=True)
class Claim:
    """One claim.

    Args:
        id: `?claim=` of its link.
        topic: what it is about.
        title: what people call it.
        sentence: what the paper says, short.
        paper: that says it.
        where: section or table.
        table: the numbers; none where there is nothing to count.
        differs: how ours is not the paper's, in words.
        reason: why something, or everything, was not run here; empty where all was.
        lesson: page on which it is computed while one watches.
        plot: what is drawn of it, "ladder" or "growth".
    """

    id: str
    topic: Topic
    title: str
    sentence: str
    paper: Paper
    where: str
    table: Table | None = None
    differs: str = ""
    reason: str = ""
    lesson: str = ""
    plot: Literal["", "ladder", "growth"] = ""

    @property
    def found(self) -> list[Measured]:
        """Ours, as far as they were run."""
        return [found for ours in self.places if (found := ours.find()) is not None]

    @property
    def places(self) -> list[Ours]:
        """Where ours stand, or will."""
        return self.table.ours() if self.table else []

    @property
    def status(self) -> Status:
        """How much of it was answered here."""
        found = self.found
        if found:
            full = len(found) == len(self.places) and not any(m.small for m in found) and not self.reason
            return "measured" if full else "in part"
        return "computed in a lesson" if self.lesson else "not run here"
