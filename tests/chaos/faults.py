"""What goes wrong inside a worker: called before every step, with real limits of the kernel where there are any."""

import os
import sys
from pathlib import Path

import numpy as np

if sys.platform != "win32":
    import resource

MEBIBYTE = 2**20
MEMORY = Path("/sys/fs/cgroup/memory")  # version 1
UNIFIED = Path("/sys/fs/cgroup")


def allocate_more_than_allowed():
    """A real MemoryError: this process may map no more than it has."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + 64 * MEBIBYTE, hard))
    np.ones(128 * MEBIBYTE)


def be_killed_by_the_kernel():
    """The kernel's own killer: this process in a group with less memory than it takes."""
    group = memory_group(f"ssmviz-{os.getpid()}")
    (group / MEMBERS).write_text(str(os.getpid()))
    np.ones(32 * MEBIBYTE)


def fill_the_disk(*, full=True):
    """No file may grow any more: what SQLite hears then is an error of the kernel. Or there is room again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096 if full else hard, hard))


MEMBERS = "cgroup.procs"


def memory_group(name):
    """A group of processes that may use 64 MiB in all.

    Raises:
        OSError: not permitted here.
    """
    root, limit = (MEMORY, "memory.limit_in_bytes") if MEMORY.is_dir() else (UNIFIED, "memory.max")
    group = root / name
    group.mkdir()
    try:
        (group / limit).write_text(str(64 * MEBIBYTE))
    except OSError:
        group.rmdir()
        raise
    return group
