"""Ends a process that hangs: calls of a library that wait for a machine which will never answer."""

from __future__ import annotations

import logging
import os
import threading
import time

LOOK_SECONDS = 1.0

log = logging.getLogger("ssmviz.launcher")


class Watchdog:
    """Once begun, wants to hear from its process.

    Args:
        seconds: of silence after which the process is ended. The app starts another launcher then.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._heard: float | None = None

    def hear(self) -> None:
        """All is well now."""
        begun = self._heard is not None
        self._heard = time.monotonic()
        if not begun:
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while not self._is_silent():
            time.sleep(LOOK_SECONDS)
        log.error("the cluster has been silent for %.0f s: this launcher ends, the next one looks again", self._seconds)
        self._end()

    def _is_silent(self) -> bool:
        return self._heard is not None and time.monotonic() - self._heard > self._seconds

    def _end(self) -> None:
        os._exit(69)  # sysexits.h: EX_UNAVAILABLE
