"""What a worker on another machine sends home, and the bounded buffer in which it waits to be fetched."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile

from ssmviz.runs.records import State
from ssmviz.traces import Checkpoint, Diverged, Evaluation, Finished, Note, Rung, Started

MAX_PICTURES = 16  # that wait; the oldest goes first
MAX_EVENTS = 4000  # that wait, pictures included
MAX_PARCEL = 4 * 1024**2  # bytes of pictures and checkpoints fetched at once, when there is more than one


@dataclass(frozen=True)
class Losses:
    """Of steps since the last event, thinned."""

    losses: list[tuple[int, float]] = field(default_factory=list)  # (step, loss)


@dataclass(frozen=True)
class Picture:
    """A frame, packed where it was made."""

    step: int
    data: bytes
    probe_version: int


@dataclass(frozen=True)
class Hold:
    """The worker had gone on when a pause was asked for: its twins come to this step, too."""

    step: int


@dataclass(frozen=True)
class Trouble:
    """The traceback of what a trainer raised."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The last event of an attempt; "starting" when another attempt may do better."""

    state: State
    reason: str


MANY = (Losses, Note, Evaluation, Rung)  # of these, the first go when there are too many
Item = Losses | Picture | Hold | Trouble | Ended | Started | Note | Evaluation | Checkpoint | Rung | Diverged | Finished


@dataclass(frozen=True)
class Parcel:
    """All that is new of one attempt."""

    step: int  # steps done
    beats: int  # grows while the worker lives and gets on
    steered: int  # version of what people asked for that it has heard last
    items: tuple[tuple[int, Item], ...]  # numbered from 1, ascending


class Buffer:
    """Events by number, each kept until it is known to be stored.

    It stays small when nobody fetches: only the newest checkpoint, the newest MAX_PICTURES pictures and MAX_EVENTS
    events in all are kept, and losses are one event.
    """

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}  # ascending
        self._pictures: deque[int] = deque()
        self._checkpoint = 0
        self._last = 0
        self._given = 0  # the last number that has left: what has left does not change any more

    def add(self, item: Item) -> None:
        """Keep an event."""
        self._last += 1
        self._items[self._last] = item
        if isinstance(item, Checkpoint):
            self._items.pop(self._checkpoint, None)
            self._checkpoint = self._last
        elif isinstance(item, Picture):
            self._pictures.append(self._last)
            if len(self._pictures) > MAX_PICTURES:
                self._items.pop(self._pictures.popleft(), None)
        if len(self._items) > MAX_EVENTS:
            del self._items[next(number for number, item in self._items.items() if isinstance(item, MANY))]

    def add_loss(self, step: int, loss: float) -> None:
        """Keep the loss of a step, beside that of the steps before."""
        last = self._items.get(self._last)
        if isinstance(last, Losses) and self._last > self._given:
            last.losses.append((step, loss))
        else:
            self.add(Losses([(step, loss)]))

    def fetch(self, stored: int, taken: int) -> tuple[tuple[int, Item], ...]:
        """What comes after `taken`, as much as is sent at once. What comes up to `stored` is forgotten."""
        for number in [number for number in self._items if number <= stored]:
            del self._items[number]
        chosen: list[tuple[int, Item]] = []
        room = MAX_PARCEL
        for number, item in self._items.items():
            if number <= taken:
                continue
            room -= len(item.data) if isinstance(item, Picture | Checkpoint) else 0
            if room < 0 and chosen:
                break
            chosen.append((number, item))
        self._given = max(self._given, chosen[-1][0] if chosen else 0)
        return tuple(chosen)

    def has_news(self) -> bool:
        """Whether something waits that people should see soon: anything but losses."""
        new = takewhile(lambda entry: entry[0] > self._given, reversed(self._items.items()))
        return any(not isinstance(item, Losses) for _, item in new)
