"""A wall clock that jumps: Python imports this by itself where it stands on the path (`test_damage.py`)."""

import os
import time
from pathlib import Path

if path := os.environ.get("SSMVIZ_TEST_CLOCK"):
    _time, _time_ns = time.time, time.time_ns

    def _jump() -> float:
        try:
            return float(Path(path).read_text())
        except (OSError, ValueError):
            return 0.0

    time.time = lambda: _time() + _jump()
    time.time_ns = lambda: _time_ns() + int(1e9 * _jump())
