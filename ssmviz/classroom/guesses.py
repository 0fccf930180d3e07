"""Slows whoever tries codes: some wrong guesses a minute are people's, more are a program's."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW = 60.0  # seconds
MOST = 10_000  # guessers remembered; the longest unheard is forgotten first


class Guesses:
    """Wrong guesses of the last minute.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, limits: dict[str, int]) -> int:
        """Seconds until another guess is heard, 0 for at once.

        Args:
            limits: wrong guesses a minute that each of the guesser's names may make.
        """
        now = self._clock()
        with self._lock:
            return max((self._seconds(name, most, now) for name, most in limits.items()), default=0)

    def note(self, limits: dict[str, int]) -> None:
        """A guess was wrong."""
        with self._lock:
            for name, most in limits.items():
                times = self._wrong.pop(name, deque())
                times.append(self._clock())
                while len(times) > most:
                    times.popleft()
                self._wrong[name] = times
            while len(self._wrong) > MOST:
                del self._wrong[next(iter(self._wrong))]

    def _seconds(self, name: str, most: int, now: float) -> int:
        times = self._wrong.get(name, ())
        recent = [at for at in times if now - at < WINDOW]
        return math.ceil(recent[0] + WINDOW - now) if len(recent) >= most else 0
