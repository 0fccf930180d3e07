"""Small runs on a Ray cluster against the embedded backend, on the same machine.

    python -m benchmarks.cluster [--runs 8] [--gpu] [--out FILE]

Both backends get as many places: the machine's processors, on a GPU four runs a GPU. Measured are the time from the
submit to the first loss in the store (one run at a time, after a first one), runs a minute when `--runs` wait
at once, and memory (PSS) while nothing runs: launcher and fork server, for Ray its own processes too. With `--gpu`
also: five runs for four places of one GPU (when does the fifth start, what do the four take), and one run that asks
for more memory than its share while three others train.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ssmviz.runs.backends import VARIABLES
from ssmviz.runs.client import Client
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.locks import holder
from ssmviz.runs.records import ACTIVE, LIVE
from ssmviz.runs.store import Store
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings

GREEDY = "benchmarks.cluster:train"
HUNGRY = 13  # a seed that takes memory for no reason
HUNGRY_GIB = 60
STORE_BYTES = 80 * 1024**2  # Ray's object store: a parcel is at most a few MB
RUNS_PER_GPU = 4
PATIENCE = 150.0


def train(settings: TrainSettings, checkpoint: bytes | None = None):
    """The real trainer; one seed first takes HUNGRY_GIB of the GPU, piece by piece."""
    from ssmviz.training.loop import train as real

    if settings.seed != HUNGRY:
        yield from real(settings, checkpoint)
        return
    import torch

    kept = [torch.empty(2**28, device="cuda") for _ in range(HUNGRY_GIB)]  # 1 GiB each
    raise RuntimeError(f"{len(kept)} GiB were given although the share is smaller")


def small(seed: int, *, gpu: bool, steps: int) -> TrainSettings:
    """What every backend trains."""
    task = TaskSettings(L=32, n_data=4) if not gpu else TaskSettings()
    model = ModelSettings(d_model=16, N=4) if not gpu else ModelSettings()
    every = {"eval_every": max(25, steps // 8), "checkpoint_every": max(25, steps // 4)}
    device = "cuda" if gpu else "cpu"
    return TrainSettings(task=task, model=model, optim=OptimSettings(steps=steps), seed=seed, device=device, **every)


@contextmanager
def cluster(*, gpus: int, cpus: int) -> Iterator[subprocess.Popen[bytes]]:
    """A Ray head that computes, with a token and without dashboard."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ[VARIABLES["address"]] = f"127.0.0.1:{port}"
    os.environ[VARIABLES["runs_per_gpu"]] = str(RUNS_PER_GPU)
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    command += ["--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false"]
    command += [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--object-store-memory={STORE_BYTES}"]
    with tempfile.TemporaryFile() as log:
        head = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield head
        except BaseException:
            log.seek(0)
            print(log.read().decode()[-2000:])
            raise
        finally:
            below = tree(head.pid)
            head.terminate()
            with suppress(subprocess.TimeoutExpired):
                head.wait(10)
            for pid in below:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            del os.environ[VARIABLES["address"]]


class Bench:
    """An app without pages, on one backend."""

    def __init__(self, backend: str, *, gpu: bool, slots: int, trainer: str = TRAINER) -> None:
        os.environ[VARIABLES["backend"]] = backend
        self.gpu = gpu
        self._folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self._folder.name))
        self.client = Client(self.store, trainer=trainer, at_once=slots if backend == "embedded" else 0)
        self.client.attach()
        self._seed = 1000

    def close(self) -> None:
        """End all of it."""
        log = self.store.root / "launcher.log"
        if any(run.state == "failed" for run in self.store.runs_in(("failed",))):
            print(log.read_text()[-2000:])
        self.client.shutdown(timeout=10.0)
        self.store.close()
        self._folder.cleanup()

    def submit(self, steps: int, *, seed: int | None = None) -> str:
        """The id of a new run."""
        self._seed += 1
        settings = small(self._seed if seed is None else seed, gpu=self.gpu, steps=steps)
        row = self.client.start_experiment(f"run {self._seed}", [("run", settings)])
        return self.store.runs_of(row.id)[0].id

    def wait(self, *runs: str) -> list[Any]:
        """Their rows, once all have ended."""
        return [self.until(lambda run=run: (row := self.store.run(run)).state not in LIVE and row) for run in runs]

    def until(self, condition: Any) -> Any:
        """The first true value of `condition()`."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            if time.monotonic() > end:
                raise SystemExit(f"waited {PATIENCE:.0f} s in vain: {(self.store.root / 'launcher.log').read_text()}")
            time.sleep(0.005)
        return value

    def first_loss(self) -> float:
        """Seconds from the submit of a run to its first loss in the store."""
        began = time.monotonic()
        run = self.submit(60)
        self.until(lambda: any(metric.kind in ("steps", "evaluation") for metric in self.store.metrics_since(run)))
        seconds = time.monotonic() - began
        self.wait(run)
        return seconds

    def throughput(self, runs: int, steps: int) -> dict[str, Any]:
        """Runs a minute, all submitted at once."""
        began = time.monotonic()
        submitted = [self.submit(steps) for _ in range(runs)]
        rows = self.wait(*submitted)
        seconds = time.monotonic() - began
        states = sorted({row.state for row in rows})
        return {"runs": runs, "steps": steps, "seconds": round(seconds, 2), "per_minute": 60 * runs / seconds} | {
            "states": states,
            "device": rows[0].device,
            "scan": rows[0].backend,
        }

    def memory(self) -> int:
        """MB of launcher and fork server."""
        launcher = holder(self.store.root / "launcher.lock") or 0
        return sum(map(pss, tree(launcher)))


def measured(backend: str, options: argparse.Namespace, head: subprocess.Popen[bytes] | None) -> dict[str, Any]:
    """All figures of one backend."""
    steps = options.steps
    bench = Bench(backend, gpu=options.gpu, slots=options.slots)
    try:
        cold = bench.first_loss()
        warm = [bench.first_loss() for _ in range(options.rounds)]
        result = {"backend": backend, "slots": options.slots, "first_loss_cold_s": round(cold, 2)}
        result |= {"first_loss_s": round(statistics.median(warm), 2), "first_loss_all_s": [round(s, 2) for s in warm]}
        result["memory_mb"] = bench.memory() + (sum(map(pss, tree(head.pid))) if head else 0)
        result["launcher_mb"] = bench.memory()
        result |= bench.throughput(options.runs, steps)
        if head and options.gpu:
            result["sharing"] = sharing(bench, 2 * steps)
    finally:
        bench.close()
    if head and options.gpu:
        bench = Bench(backend, gpu=True, slots=options.slots, trainer=GREEDY)
        try:
            result["greedy"] = greedy(bench, 4 * steps)
        finally:
            bench.close()
    return result


def sharing(bench: Bench, steps: int) -> dict[str, Any]:
    """Five runs for four places."""
    began = time.monotonic()
    runs = [bench.submit(steps) for _ in range(RUNS_PER_GPU + 1)]
    first_seen: dict[str, float] = {}
    ended: dict[str, float] = {}
    most, used = 0, 0
    while len(ended) < len(runs):
        active = [row.id for row in bench.store.runs_in(ACTIVE)]
        most = max(most, len(active))
        for run in active:
            first_seen.setdefault(run, time.monotonic() - began)
        for run in runs:
            if run not in ended and bench.store.run(run).state not in LIVE:
                ended[run] = time.monotonic() - began
        used = max(used, gpu_memory()) if len(active) == RUNS_PER_GPU else used
        if time.monotonic() - began > PATIENCE:
            raise SystemExit("five runs did not end")
        time.sleep(0.05)
    rows = [bench.store.run(run) for run in runs]
    return {
        "most_at_once": most,
        "fifth_started_s": round(max(first_seen.values()), 2),
        "first_ended_s": round(min(ended.values()), 2),
        "all_ended_s": round(max(ended.values()), 2),
        "states": [row.state for row in rows],
        "devices": sorted({row.device for row in rows}),
        "steps_per_s": [round(row.step / row.seconds) for row in rows],
        "gpu_memory_of_four_mib": used,
    }


def greedy(bench: Bench, steps: int) -> dict[str, Any]:
    """One run asks for HUNGRY_GIB while three train."""
    others = [bench.submit(steps) for _ in range(RUNS_PER_GPU - 1)]
    bench.until(lambda: all(bench.store.step(run) > 0 for run in others))
    (row,) = bench.wait(bench.submit(steps, seed=HUNGRY))
    still = [bench.store.run(run).state for run in others]
    return {"asked_gib": HUNGRY_GIB, "state": row.state, "reason": row.reason, "attempts": row.attempt} | {
        "others_then": still,
        "others_in_the_end": [each.state for each in bench.wait(*others)],
    }


def gpu_memory() -> int:
    """MiB in use on the first GPU."""
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"]
    with suppress(OSError, ValueError):
        return int(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()[0])
    return 0


def tree(pid: int) -> list[int]:
    """A process and all below it (Linux)."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found = [pid] if Path(f"/proc/{pid}").exists() else []
    for each in found:
        found += parents.get(each, [])
    return found


def pss(pid: int) -> int:
    """MB of one process, what it shares divided by those who share it."""
    with suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))) // 1024
    return 0


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="runs whose first loss is waited for")
    parser.add_argument("--steps", type=int, help="of each of them")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--only", choices=("embedded", "ray"))
    parser.add_argument("--out", type=Path, help="JSON")
    options = parser.parse_args()
    options.steps = options.steps or (2000 if options.gpu else 100)
    cpus = os.cpu_count() or 1
    options.slots = RUNS_PER_GPU if options.gpu else max(2, cpus)
    results: dict[str, Any] = {"python": platform.python_version(), "cpus": cpus, "load": os.getloadavg()[0]}
    for backend in ("embedded", "ray"):
        if options.only in (None, backend):
            if backend == "ray":
                with cluster(gpus=int(options.gpu), cpus=options.slots) as head:
                    results[backend] = measured(backend, options, head)
            else:
                results[backend] = measured(backend, options, None)
            print(json.dumps(results[backend], indent=1), flush=True)
            if options.out:
                options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
