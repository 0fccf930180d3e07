"""The log of a classroom."""

import io
import logging

import pytest

from ssmviz.live import logs


@pytest.fixture
def log(monkeypatch):
    log = logging.getLogger("ssmviz")
    before = log.handlers[:], log.level, log.propagate
    log.handlers = []
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logs.to_standard_error()
    logs.to_standard_error()
    yield written
    log.handlers, log.level, log.propagate = before


def test_who_did_what_is_one_line_with_the_time(log):
    logging.getLogger("ssmviz.audit").info("%s %s %s", "4f1c22aa", "started", "an experiment")
    line = log.getvalue()
    assert line.count("\n") == 1
    assert line.endswith("Z INFO ssmviz.audit 4f1c22aa started an experiment\n")


def test_nobody_can_write_a_line_of_their_own(log):
    logging.getLogger("ssmviz.live").warning("refused %s", "x\n2026-11-22T10:00Z INFO ssmviz.audit forged\x1b[2J")
    assert log.getvalue().count("\n") == 1
    assert "\x1b" not in log.getvalue()


def test_a_fault_has_its_traceback(log):
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("ssmviz.live").exception("failed")
    assert "ZeroDivisionError" in log.getvalue()
