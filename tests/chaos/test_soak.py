"""The soak in small: `benchmarks/soak.py` with thirty sessions is what the promise is measured with."""

import pytest

from benchmarks.soak import MEMORY_LIMIT, Server, lost, soak
from tests.asynchronous import outcome

pytestmark = pytest.mark.slow


def test_a_small_class_loses_no_run_and_sees_no_torn_frame(tmp_path):
    server = Server(tmp_path)
    server.start([])
    try:
        counts = outcome(soak(server, sessions=3, training=1, seconds=5.0))
        missing = lost(tmp_path, counts)
    finally:
        status = server.stop()
    assert counts.errors == []
    assert counts.torn == []
    assert missing == []
    assert counts.started
    assert counts.frames > 0
    assert max(sample.pss for sample in server.samples) < MEMORY_LIMIT
    assert status == 0
