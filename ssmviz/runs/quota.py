"""How much one person may use of a machine that belongs to many."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from ssmviz.runs.records import Refused

HOUR = 3600.0
BURST, BURST_SECONDS = 10, 10.0  # starts in a row, however many an hour are allowed
MAX_PEOPLE = 10_000  # that are remembered


@dataclass(frozen=True)
class Quota:
    """Of one person; 0 is no limit.

    Attributes:
        running: runs at work at the same time, paused ones included.
        waiting: runs in the queue.
        kept: experiments, whatever their state.
        per_hour: experiments started or resumed.
        wall_s: seconds after which a run is ended, if its settings do not say less.
        frames: kept of a run.
    """

    running: int = 0
    waiting: int = 0
    kept: int = 0
    per_hour: int = 0
    wall_s: float = 0.0
    frames: int = 0


UNLIMITED = Quota()


class NotNow(Refused):
    """More than one person may have or do now; later it may.

    Args:
        message: for the person.
        seconds: after which it makes sense to try again.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = max(1, math.ceil(seconds))


class Rates:
    """Counts what people ask for, by a clock that nobody sets; forgotten when the server ends.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, person: str, *windows: tuple[int, float]) -> None:
        """Count one more.

        Args:
            person: who asks.
            windows: (at most, in so many seconds), the longest last.

        Raises:
            NotNow: that is too many; this one is not counted.
        """
        now, longest = self._clock(), windows[-1][1]
        with self._lock:
            times = self._times.setdefault(person, deque())
            self._times.move_to_end(person)
            if len(self._times) > MAX_PEOPLE:
                self._times.popitem(last=False)
            while times and times[0] <= now - longest:
                times.popleft()
            for most, seconds in windows:
                recent = [then for then in times if then > now - seconds]
                if len(recent) >= most:
                    wait = recent[-most] + seconds - now
                    raise NotNow(
                        f"that was {len(recent)} times in {_words(seconds)}, one person may do it "
                        f"{most} times; try again in {_words(math.ceil(wait))}",
                        wait,
                    )
            times.append(now)


def windows(per_hour: int) -> tuple[tuple[int, float], ...]:
    """For `Rates.take`: so many an hour, and not all at once."""
    return (min(BURST, per_hour), BURST_SECONDS), (per_hour, HOUR)


def _words(seconds: float) -> str:
    if seconds >= 120:
        return "an hour" if seconds == HOUR else f"{math.ceil(seconds / 60)} minutes"
    return f"{seconds:.0f} s"
