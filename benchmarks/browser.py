"""What benchmarks in a browser share: the app as `make run` starts it, rows of a table, the memory of a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]


def start(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The app as `make run` starts it."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"SSMVIZ_HOME": str(home)}, stdout=subprocess.DEVNULL)
    url = f"http://localhost:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return app, url
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the app did not start within 30 s; start it by hand to see why: make run")


def row(name: str, values: Sequence[float] | np.ndarray) -> str:
    """One line of a table: name, how often, p50, p95."""
    return f"| {name} | {len(values)} | {np.percentile(values, 50):.0f} | {np.percentile(values, 95):.0f} |"


def memory(pid: int) -> str:
    """Of one process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = {
        line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM"))
    }
    return f"Memory of the app's process: {kib['VmRSS'] // 1024} MB, at most {kib['VmHWM'] // 1024} MB."
