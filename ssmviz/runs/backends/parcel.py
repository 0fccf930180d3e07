"""What a worker on another machine sends home, and the bounded buffer in which it waits to be fetched."""

from __future__ import annotations

from dataclasses import dataclass, field

from ssmviz.runs.records import State
from ssmviz.traces import Checkpoint, Diverged, Evaluation, Finished, Note, Rung, Started

MAX_PICTURES = 16  # that wait; the oldest goes first
MAX_EVENTS = 4000
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
    events are kept, and losses are one event.
    """

    def __init__(self) -> None:
        self._items: list[tuple[int, Item]] = []
        self._last = 0
        self._given = 0  # the last number that has left: what has left does not change any more

    def add(self, item: Item) -> None:
        """Keep an event."""
        if isinstance(item, Checkpoint):
            self._items = [entry for entry in self._items if not isinstance(entry[1], Checkpoint)]
        elif isinstance(item, Picture):
            self._drop_first(Picture, MAX_PICTURES)
        self._drop_first((Losses, Note, Evaluation, Rung), MAX_EVENTS)
        self._last += 1
        self._items.append((self._last, item))

    def add_loss(self, step: int, loss: float) -> None:
        """Keep the loss of a step, beside that of the steps before."""
        last = self._items[-1] if self._items else (0, None)
        if isinstance(last[1], Losses) and last[0] > self._given:
            last[1].losses.append((step, loss))
        else:
            self.add(Losses([(step, loss)]))

    def fetch(self, stored: int, taken: int) -> tuple[tuple[int, Item], ...]:
        """What comes after `taken`, as much as is sent at once. What comes up to `stored` is forgotten."""
        self._items = [entry for entry in self._items if entry[0] > stored]
        chosen: list[tuple[int, Item]] = []
        room = MAX_PARCEL
        for number, item in self._items:
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
        return any(number > self._given and not isinstance(item, Losses) for number, item in reversed(self._items))

    def _drop_first(self, kind: type | tuple[type, ...], most: int) -> None:
        found = [entry for entry in self._items if isinstance(entry[1], kind)]
        if len(found) >= most:
            self._items.remove(found[0])
