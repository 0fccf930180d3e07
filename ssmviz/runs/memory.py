"""Whether the kernel has killed a process of this machine or container for want of memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

COUNTERS = (  # of this container, in both versions of the kernel's groups; of the machine
    Path("/sys/fs/cgroup/memory.events"),
    Path("/sys/fs/cgroup/memory/memory.oom_control"),
    Path("/proc/vmstat"),
)


def kills() -> int:
    """Processes killed so far; a number that has grown explains a worker that ended with SIGKILL."""
    total = 0
    for path in COUNTERS:
        with suppress(OSError, ValueError):
            lines = (line.split() for line in path.read_text().splitlines())
            total += sum(int(line[1]) for line in lines if line[0] == "oom_kill")
    return total
