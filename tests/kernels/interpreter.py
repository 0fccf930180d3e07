"""Runs a file of tests in Triton's interpreter, in a process of its own: it must be chosen before triton is imported.

In that process this module is a plugin of pytest: `tl.associative_scan` joins whole slices along its axis, where the
interpreter's own goes through every element in Python. It is the same arithmetic in the same order, a hundred times
sooner; `triton_interpreted.py` holds one against the other.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
needed = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed here")


def run(tests: str) -> None:
    """Fail with what pytest said if a test of the file `tests` fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", __name__, tests]
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def pytest_configure() -> None:
    """Scan by slices."""
    from triton.runtime.interpreter import ScanOps

    ScanOps.by_elements, ScanOps.generic_scan = ScanOps.generic_scan, by_slices


def by_slices(scan: Any, inputs: tuple[Any, ...]) -> list[Any]:
    """In the place of `ScanOps.generic_scan`: an inclusive scan of several tensors along `scan.axis`."""
    types = [tensor.dtype for tensor in inputs]
    rows = [np.moveaxis(tensor.handle.data, scan.axis, 0) for tensor in inputs]
    outputs = [np.empty_like(row) for row in rows]
    so_far = None
    for t in range(len(rows[0])):
        here = [scan.to_tensor(row[t], dtype) for row, dtype in zip(rows, types, strict=True)]
        so_far = here if so_far is None else scan.combine_fn.fn(*so_far, *here)
        so_far = so_far if isinstance(so_far, (tuple, list)) else (so_far,)
        for output, value in zip(outputs, so_far, strict=True):
            output[t] = value.handle.data
    return [scan.to_tensor(np.moveaxis(o, 0, scan.axis), dtype) for o, dtype in zip(outputs, types, strict=True)]
