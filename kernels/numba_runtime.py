"""How the numba kernels are compiled, cached and spread over threads."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import torch

MAX_THREADS = 64
PARTS = 4  # of the work, for every thread
WORTH_A_THREAD = 2**18  # state updates, about a tenth of a millisecond; handing over less takes as long as doing it


def inline(function: Callable[..., Any]) -> Any:
    """Compile for use inside kernels, always inlined."""
    return numba.njit(forceinline=True)(function)


def kernel(signature: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile for exactly one signature, or load from the cache; runs without the GIL.

    One explicit signature (arrays of any strides) means one compilation, however the caller's tensors lie in memory.
    """

    def compile_now(function: Callable[..., None]) -> Callable[..., None]:
        dispatcher = numba.njit(nogil=True)(function)
        try:
            with _cache_directory():
                dispatcher.enable_caching()
            dispatcher.compile(signature)
        # no place for a cache, or one that is full, damaged or of another version: what numba then raises is unbounded
        except Exception:  # noqa: BLE001
            dispatcher = numba.njit(nogil=True)(function)
            dispatcher.compile(signature)
        dispatcher.disable_compile()
        compiled: Callable[..., None] = dispatcher
        return compiled

    return compile_now


@contextlib.contextmanager
def _cache_directory() -> Iterator[None]:
    """Point numba's cache at a directory of ours, named after the sources that decide the machine code.

    Numba itself notices another CPU, another numba and an edit of the kernel's own file, but not an edit of what
    the kernel calls. OSError where there is no place for it.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    place = Path(before) if before else next((p for p in _places() if _is_ours(p)), None)
    if place is None:
        raise OSError("there is no place for a cache")
    folder = place / f"kernels-{_digest()}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):  # where we cannot write numba takes __pycache__, which outlives an edit
        config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    relevant = [p for p in sources if p.name.startswith(("numba_", "vector"))]
    return hashlib.sha256(b"".join(p.read_bytes() for p in relevant)).hexdigest()[:16]


def _places() -> Iterator[Path]:
    """Where a cache may live, best first: the user's cache directory, then a private temporary one."""
    with contextlib.suppress(RuntimeError):  # no home directory
        default = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / default) / "ssmviz"
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir()) / f"ssmviz-{user}"


def _is_ours(place: Path) -> bool:
    """Whether we can write there and, as a cache holds code, nobody else can."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.lstat()
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError:
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of one process, started as they are needed: they do not survive a fork, so a child has its own."""
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="selective-scan")


def over_tasks(run: Callable[[int, int], None], tasks: int, updates: int) -> None:
    """Call `run(first, last)` on contiguous parts of the tasks, on at most `torch.get_num_threads()` threads.

    Each thread, the calling one among them, takes the next part when it has finished one, so that nobody waits for a
    core that is busy with something else. With one thread no other is started.

    Args:
        run: computes tasks first ... last - 1.
        tasks: how many there are.
        updates: of a state, or what takes as long, in all of them.
    """
    threads = max(1, min(torch.get_num_threads(), tasks, updates // WORTH_A_THREAD, MAX_THREADS))
    if threads == 1:
        return run(0, tasks)
    parts = min(tasks, PARTS * threads)
    bounds = itertools.pairwise([tasks * i // parts for i in range(parts + 1)])
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                part = next(bounds, None)
            if part is None:
                return
            run(*part)

    helpers = [_pool(os.getpid()).submit(work) for _ in range(threads - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():  # one that found no free core yet has nothing left to do
            helper.result()
