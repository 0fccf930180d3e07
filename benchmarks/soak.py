"""A class at work: many visitors at one rerun a second each, a third of them training, on one server.

    python -m benchmarks.soak --sessions 30 --minutes 10 --training 10

The server is started as `make serve` starts it. Visitors speak Streamlit's own protocol; who
trains presses Train, watches the run over the live socket, and presses Train again when it has ended; every frame is
unpacked and checked. Visitors, server and trainings share the machine's cores. Latency is from the request to "script
finished"; memory is that of the server's process alone (PSS; trainings are processes of their own).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.soak_session import Counts, Session
from ssmviz.runs.records import LIVE
from ssmviz.runs.store import Store

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
P95_LIMIT = 0.5  # seconds
MEMORY_LIMIT = 500.0  # MB
FLAT = 1.0  # MB a minute, over the second half: less is flat
DONE_SECONDS = 240.0  # for what is still queued when the time is over
SMALL = "lab_L=24&lab_vocab=6&lab_data=3&lab_layers=1&lab_d=16&lab_N=4&lab_batch=8&lab_steps=200&lab_eval=50"
PAGES = ("/selection", "/memory", "/two_views", "/continuous", "/", "/lab")  # of those who do not train
CLASSROOM = 'title = "Soak"\nsubmits_per_hour = 1000\nexperiments_per_person = 1000\n'


class Sample(NamedTuple):
    """One look at the server and at the machine; times in seconds."""

    when: float
    pss: float  # MB
    rss: float
    server: float  # processor time that the server's process has had so far
    visitors: float  # and this one
    busy: float  # and everybody on this machine


@dataclass
class Server:
    """The app, in a directory of its own."""

    home: Path
    port: int = 0
    samples: list[Sample] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def start(self, arguments: list[str]) -> None:
        """Start it and wait until it answers."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        classroom = self.home / "classroom.toml"
        classroom.write_text(CLASSROOM)
        where = ["--address", "127.0.0.1", "--hosts", "127.0.0.1", "--port", str(self.port)]
        command = [sys.executable, "-m", "ssmviz.serve", *where, "--classroom", str(classroom), *arguments]
        with (self.home / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | {"SSMVIZ_HOME": str(self.home)}, stdout=log, stderr=log
            )
        while not self._answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {(self.home / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def sample(self) -> None:
        """Note how much memory and how much of the processor it has."""
        if self.process is not None:
            times = (spent(f"/proc/{self.process.pid}/stat"), time.process_time(), busy())
            self.samples.append(Sample(time.monotonic(), *memory(self.process.pid), *times))

    def stop(self) -> int:
        """End it as a service manager does; its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=5) as a:
            return a.status == 200
        return False


def memory(pid: int) -> tuple[float, float]:
    """(PSS, RSS) of a process in MB."""
    rows = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(rows[name].split()[0]) / 1024 for name in ("Pss", "Rss"))  # type: ignore[return-value]


def spent(path: str) -> float:
    """Processor time in seconds, of all threads."""
    fields = Path(path).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy() -> float:
    """Processor time that anybody on this machine has had, in seconds."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


async def visit(session: Session, end: float, rng: random.Random) -> None:
    """The whole page once a second, as letting go of a lesson's control does; begun at a moment of its own."""
    await asyncio.sleep(rng.random())
    due = time.monotonic()
    while due < end:
        await session.rerun()
        due = max(due + 1.0, time.monotonic())  # who waits longer than a second asks no more often for it
        await asyncio.sleep(due - time.monotonic())


async def train(session: Session, end: float, counts: Counts, rng: random.Random) -> None:
    """Press Train, watch to the end, press Train again; meanwhile change a setting under More once a second."""
    watching: asyncio.Task[bool] | None = None
    await asyncio.sleep(rng.random())
    due = time.monotonic()
    while due < end:
        if watching is None or watching.done():
            if watching is not None and not watching.result():
                counts.errors.append(f"the live socket of {session.experiment} ended before it had settled")
            await session.rerun("Train")
            if any("Nothing was started" in text for text in session.alerts):
                counts.refused += 1
            elif session.experiment:
                counts.started[session.experiment] = session
                watching = asyncio.create_task(session.watch(session.experiment))
        else:
            await session.change("lab_eval", rng.choice((40, 50)))
        due = max(due + 1.0, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
    if watching is not None:
        await asyncio.wait_for(watching, DONE_SECONDS)


async def sampling(server: Server) -> None:
    """Once a second until cancelled."""
    while True:
        await asyncio.to_thread(server.sample)
        await asyncio.sleep(1)


async def soak(server: Server, *, sessions: int, training: int, seconds: float) -> Counts:
    """Everybody at once."""
    counts, rng = Counts(), random.Random(0)
    trainers = [Session(server.port, "/lab", f"{SMALL}&lab_seed={i}", counts) for i in range(training)]
    readers = [Session(server.port, PAGES[i % len(PAGES)], "", counts) for i in range(sessions - training)]
    for visitor in (*trainers, *readers):
        await visitor.open()
    watch = asyncio.create_task(sampling(server))
    end = time.monotonic() + seconds
    work = [train(s, end, counts, random.Random(rng.random())) for s in trainers]
    work += [visit(s, end, random.Random(rng.random())) for s in readers]
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            counts.errors.append(f"{type(result).__name__}: {result}"[:300])
    watch.cancel()
    for visitor in (*trainers, *readers):
        await visitor.close()
    return counts


def lost(home: Path, counts: Counts) -> list[str]:
    """Experiments that were started and are not done, or are not there; waits for those that still train."""
    store, end = Store(home, fixed=True), time.monotonic() + DONE_SECONDS
    missing = []
    for experiment in counts.started:
        while (rows := store.runs_of(experiment)) and any(row.state in LIVE for row in rows):
            if time.monotonic() > end:
                break
            time.sleep(0.1)
        states = [f"{row.state} {row.reason}".strip() for row in rows]
        if not states or set(states) != {"done"}:
            missing.append(f"{experiment}: {states or 'gone'}")
    store.close()
    return missing


def report(server: Server, counts: Counts, missing: list[str], options: argparse.Namespace) -> dict[str, object]:
    """All figures, and whether each promise holds."""
    took = np.array([seconds for _, seconds in counts.reruns])
    when, pss, rss, *times = np.array(server.samples).T
    cores = [round(float((t[-1] - t[0]) / (when[-1] - when[0])), 2) for t in times]
    half = when >= (when[0] + when[-1]) / 2
    slope = float(np.polyfit(when[half] / 60, pss[half], 1)[0]) if half.sum() > 2 else 0.0
    p50, p95, p99 = (float(np.percentile(took, q)) for q in (50, 95, 99))
    rate = len(took) / options.minutes / 60 / options.sessions
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": options.machine or platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "command": " ".join(["python -m benchmarks.soak", *sys.argv[1:]]),
        "sessions": options.sessions,
        "training": options.training,
        "minutes": options.minutes,
        "load_before": round(options.load, 2),
        "reruns": len(took),
        "reruns_per_second_and_session": round(rate, 3),
        "rerun_ms": {"p50": round(1e3 * p50, 1), "p95": round(1e3 * p95, 1), "p99": round(1e3 * p99, 1)},
        "rerun_ms_max": round(1e3 * float(took.max()), 1),
        "open_ms": {"p50": round(1e3 * float(np.median(counts.opened))), "max": round(1e3 * max(counts.opened))},
        "cores_used": dict(zip(("server", "visitors", "machine"), cores, strict=True)),
        "pss_mb": {
            "first": round(float(pss[0]), 1),
            "last": round(float(pss[-1]), 1),
            "max": round(float(pss.max()), 1),
        },
        "rss_mb_max": round(float(rss.max()), 1),
        "pss_mb_per_minute": round(slope, 3),
        "experiments": len(counts.started),
        "refused": counts.refused,
        "lost": missing,
        "frames": counts.frames,
        "torn": counts.torn[:20],
        "errors": counts.errors[:20],
        "promises": {
            f"p95 of a rerun under {1e3 * P95_LIMIT:.0f} ms": p95 < P95_LIMIT,
            f"memory of the server under {MEMORY_LIMIT:.0f} MB": float(pss.max()) < MEMORY_LIMIT,
            f"memory flat (under {FLAT} MB a minute)": slope < FLAT,
            "no run lost": bool(counts.started) and not missing,
            "no frame torn": counts.frames > 0 and not counts.torn,
            "no error": not counts.errors,
        },
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def main(arguments: list[str]) -> int:
    """Run the soak, print and write its figures; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--training", type=int, default=10, help="how many of the sessions train")
    parser.add_argument("--machine", default="", help="for the name of the file of results; none is written without it")
    parser.add_argument("server", nargs="*", help="more arguments for Streamlit, after --")
    options = parser.parse_args(arguments)
    options.load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ssmviz-soak-") as folder:
        server = Server(Path(folder))
        server.start(options.server)
        try:
            task = soak(server, sessions=options.sessions, training=options.training, seconds=60 * options.minutes)
            counts = asyncio.run(task)
            missing = lost(server.home, counts)
        finally:
            status = server.stop()
        if status:
            counts.errors.append(f"the server ended with status {status}")
    result = report(server, counts, missing, options)
    if options.machine:
        path = RESULTS / f"soak_{options.machine}_{datetime.now(UTC):%Y%m}.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({name: value for name, value in result.items() if name != "promises"}, indent=1))
    for promise, kept in result["promises"].items():  # type: ignore[attr-defined]
        print(f"{'kept  ' if kept else 'BROKEN'}  {promise}")
    return 0 if all(result["promises"].values()) else 1  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
