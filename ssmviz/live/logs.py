"""The log of a server for many people: one line an event on standard error, for journald or a container.

`ssmviz.audit` says who did what to which experiment. People are digests that mean nothing outside this server; no
name, address, cookie or key is ever given to a logger.
"""

from __future__ import annotations

import logging
import sys
import time

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class Lines(logging.Formatter):
    """In UTC; what somebody sent cannot pretend to be another line."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line without a traceback, which may have several."""
        return "".join(c if c.isprintable() else "?" for c in super().formatMessage(record))


def to_standard_error() -> None:
    """Show everything that the package logs from INFO on; twice is once."""
    log = logging.getLogger("ssmviz")
    if not any(isinstance(handler.formatter, Lines) for handler in log.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines(FORMAT))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
