"""One attempt on whatever machine it runs: trains in a thread, and keeps what it has to tell until it is fetched.

It never touches the store. Nothing here knows of Ray, whose actor this is.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import ssmviz
from ssmviz import frames
from ssmviz.runs import worker
from ssmviz.runs.backends.parcel import Buffer, Ended, Hold, Item, Parcel, Picture, Trouble
from ssmviz.runs.driver import Driver, March
from ssmviz.runs.recorder import is_kept
from ssmviz.runs.records import Fenced, RunRow
from ssmviz.runs.steering import Watch
from ssmviz.traces import Event, Frame, Step

SILENT_SECONDS = 600.0  # nobody has fetched anything for so long: it saves, and ends
FETCH_SECONDS = 0.2  # until losses are sent although nothing else is new


class Attempt:
    """See the module.

    Args:
        row: the run, with the attempt that this is.
        saved: (step, checkpoint) to go on from.
        trainer: "module:function".
        watch: what people ask for now.
        twins: who marches with it.
        share: of the GPU's memory; None to leave it alone.
        version: of ssmviz where it was ordered.

    Raises:
        RuntimeError: another version of ssmviz is installed here.
    """

    def __init__(
        self,
        row: RunRow,
        saved: tuple[int, bytes] | None,
        trainer: str,
        watch: Watch,
        twins: March,
        share: float | None,
        version: str,
    ) -> None:
        if version != ssmviz.__version__:
            here = f"{os.uname().nodename} has ssmviz {ssmviz.__version__}"
            raise RuntimeError(f"{here}, the head {version}: install the same version on every node")
        self._outlet = Outlet(row, watch, step=saved[0] if saved else 0)
        data = saved[1] if saved else None
        arguments = (row, data, trainer, twins, share)
        threading.Thread(target=self._work, args=arguments, name="training", daemon=True).start()

    def exchange(self, stored: int, taken: int, seconds: float = FETCH_SECONDS) -> Parcel:
        """What is new, as soon as there is something that people should see, at the latest after `seconds`.

        Args:
            stored: number of the last event that is stored and may be forgotten.
            taken: number of the last event that has been fetched.
            seconds: to wait.
        """
        return self._outlet.exchange(stored, taken, seconds)

    def steer(self, version: int, watch: Watch) -> None:
        """Hear what people ask for. Calls may overtake each other: the highest version counts."""
        self._outlet.steer(version, watch)

    def reached(self, step: int, seconds: float) -> int:
        """Steps done, as soon as there are `step`, at the latest after `seconds`."""
        return self._outlet.reached(step, seconds)

    def place(self) -> tuple[str, int]:
        """(host name, process id) where it runs."""
        return os.uname().nodename, os.getpid()

    def _work(self, row: RunRow, saved: bytes | None, trainer: str, twins: March, share: float | None) -> None:
        outlet = self._outlet
        worker.be_modest()
        worker.limit_threads(row.settings.threads)
        driver = Driver(outlet, row, outlet, twins, outlet.is_forgotten)

        def explain(text: str) -> None:
            outlet.add(Trouble(text))

        with suppress(Fenced):  # the head has started a newer attempt, and ends this one
            outlet.add(Ended(*worker.driven(driver, row, saved, trainer, explain, gpu_share=share)))
        outlet.wait_until_forgotten()
        self._leave()

    def _leave(self) -> None:
        os._exit(0)  # nobody fetches it: the machine is free for others


class Outlet:
    """What a driver talks to in place of the store; the other end is the head's.

    Args:
        row: the run.
        watch: what people ask for now.
        step: it starts from.
    """

    def __init__(self, row: RunRow, watch: Watch, *, step: int = 0) -> None:
        self.step = step
        self._row = row
        self._watch = watch
        self._steered = 0
        self._beats = 0
        self._buffer = Buffer()
        self._changed = threading.Condition()
        self._waited_for: dict[int, int] = {}  # by thread of a twin: the step it waits for
        self._heard = time.monotonic()

    # the driver's end

    def take(self, event: Event, *, probe_version: int = 0) -> None:
        """See `driver.Sink`."""
        if isinstance(event, Frame):
            self.add(Picture(event.step, frames.pack(event, self._row.settings.task.name), probe_version))
        elif isinstance(event, Step):
            self._take_step(event)
        else:
            self.step = event.step
            self.add(event)

    def beat(self) -> None:
        """See `driver.Sink`."""
        self._beats += 1

    def flush_if_pending(self) -> None:
        """See `driver.Sink`: everything is fetched anyway."""

    def watch(self, experiment: str, run: str) -> Watch:
        """See `driver.Wishes`."""
        return self._watch

    def raise_hold(self, experiment: str, step: int) -> None:
        """See `driver.Wishes`."""
        self.add(Hold(step))

    def add(self, item: Item) -> None:
        """Something that the head must hear."""
        with self._changed:
            self._buffer.add(item)
            self._changed.notify_all()

    def is_forgotten(self) -> bool:
        """Whether the head has not asked for very long."""
        return time.monotonic() - self._heard > SILENT_SECONDS

    def wait_until_forgotten(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """The head ends a process whose last word it has stored; this is for a head that does not come back."""
        self._heard = time.monotonic()
        while not self.is_forgotten():
            sleep(1.0)

    def _take_step(self, event: Step) -> None:
        self.step = event.step
        self._beats += 1
        with self._changed:
            if event.loss is not None and is_kept(event.step):
                self._buffer.add_loss(event.step, event.loss)
            if any(step <= event.step for step in self._waited_for.values()):
                self._changed.notify_all()

    # the head's end, and the twins'

    def exchange(self, stored: int, taken: int, seconds: float) -> Parcel:
        """See `Attempt.exchange`."""
        self._heard = time.monotonic()
        with self._changed:
            self._changed.wait_for(self._buffer.has_news, timeout=seconds)
            return Parcel(self.step, self._beats, self._steered, self._buffer.fetch(stored, taken))

    def steer(self, version: int, watch: Watch) -> None:
        """See `Attempt.steer`."""
        with self._changed:
            if version > self._steered:
                self._steered, self._watch = version, watch

    def reached(self, step: int, seconds: float) -> int:
        """See `Attempt.reached`."""
        me = threading.get_ident()
        with self._changed:
            self._waited_for[me] = step
            self._changed.wait_for(lambda: self.step >= step, timeout=seconds)
            del self._waited_for[me]
            return self.step
