"""Brings what a worker on another machine has to tell into the store, each event once. The head's end of `Attempt`."""

from __future__ import annotations

from ssmviz.runs.backends.parcel import Ended, Hold, Item, Losses, Parcel, Picture, Trouble
from ssmviz.runs.entry import ERROR
from ssmviz.runs.recorder import Recorder
from ssmviz.runs.records import RunRow
from ssmviz.runs.store import Store


class Pump:
    """Of one attempt. A pump that is made again goes on after the last event that the last one has stored.

    Args:
        store: where it goes.
        row: the run, with the attempt.
    """

    def __init__(self, store: Store, row: RunRow) -> None:
        self._store = store
        self._row = row
        self._recorder = Recorder(store, row, resumed=row.checkpoint_step)
        self._beats = -1
        self.stored = self._recorder.taken = store.rundb(row.id, row.attempt).delivered()
        self.ended: Ended | None = None

    @property
    def taken(self) -> int:
        """Number of the last event that has arrived."""
        return self._recorder.taken

    def take(self, parcel: Parcel) -> None:
        """Store what has arrived.

        Raises:
            Fenced: a newer attempt owns the run.
            sqlite3.OperationalError: the disk does not take the final state; ask for the parcel again.
        """
        self._recorder.step = parcel.step
        for number, item in parcel.items:
            if number > self.taken:
                self._recorder.taken = number
                self._put(item)
        if parcel.beats != self._beats:
            self._beats = parcel.beats
            self._recorder.beat()
        if self.stored < self.taken and self._recorder.flush():
            self.stored = self.taken
        if self.ended is not None and self.ended.state != "starting":
            self._recorder.end(self.ended.state, self.ended.reason)

    def _put(self, item: Item) -> None:
        match item:
            case Losses():
                self._recorder.take_losses(item.losses)
            case Picture():
                self._recorder.take_picture(item.step, item.data, item.probe_version)
            case Hold():
                self._store.raise_hold(self._row.experiment, item.step)
            case Trouble():
                (self._store.folder(self._row.id) / ERROR).write_text(item.text)
            case Ended():
                self.ended = item
            case _:
                self._recorder.take(item)
