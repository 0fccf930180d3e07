"""Measure the selective scan on this machine, as the app's scan lesson shows it.

    python -m benchmarks.scan [--backend auto] [--quick] [--threads 1] [--out file.json]

Times the backend that "auto" chooses, and at small shapes the plain PyTorch ones beside it, forward and both ways,
with softplus, bias, feedthrough and gate. The ceilings (copy; on CUDA with Triton also ex2 and FFMA) are measured in
the same run. Writes `assets/scan/<machine>.json` (`ssmviz/timings.py`) and prints a table.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.scan_measure import Shape, floors, in_graph, problem, sample
from kernels import Probe, available, resolve, selective_scan, warm_up
from ssmviz.timings import Ceilings, Duration, Timing, Timings, save

SHAPES: dict[str, dict[str, Shape]] = {
    "cpu": {
        "lab": (32, 72, 64, 8),
        "short": (16, 64, 64, 16),
        "induction": (8, 256, 128, 16),
        "small": (64, 256, 128, 16),
        "1k": (8, 1024, 128, 16),
        "long, 16k": (1, 16_384, 128, 16),
    },
    "cuda": {
        "induction": (8, 256, 128, 16),
        "small": (64, 256, 128, 16),
        "train": (8, 2048, 2048, 16),
        "selective copying, full size": (64, 4096, 128, 16),
        "train, N=64": (8, 2048, 2048, 64),
        "long, 64k": (1, 65_536, 128, 16),
        "long, 1M": (1, 1 << 20, 128, 16),
    },
}
FORWARD_ONLY = {"long, 1M"}
QUICK = {"lab", "induction", "small", "train"}
SLOW = {"cpu": 1e7, "cuda": 1e8}  # state updates from which plain PyTorch is not timed beside the best
PROBED = 8  # channels, or positions
SECONDS, QUICK_SECONDS = 1.0, 0.2  # of samples for each number
SHORTEST = 2e-3  # seconds of one sample: shorter calls are timed several at once


def duration(work: Callable[[], object], device: str, seconds: float) -> Duration:
    """Time of one call, from samples that are long enough for the clock, for some seconds."""
    for _ in range(3):
        work()
    calls = max(1, round(SHORTEST / max(sample(work, device, 1) / 1e3, 1e-7)))
    samples, until = [], time.perf_counter() + seconds
    while len(samples) < 5 or time.perf_counter() < until:
        samples.append(sample(work, device, calls))
    return Duration(median_ms=statistics.median(samples), best_ms=min(samples))


def measure_ceilings(device: str, seconds: float) -> Ceilings:
    """Copy on every device; ex2 and FFMA where Triton can measure them."""
    if device == "cuda" and importlib.util.find_spec("triton"):
        from benchmarks import gpu_ceilings

        return gpu_ceilings.measured()
    source = torch.randn(1 << 24, device=device)
    target = torch.empty_like(source)
    copied = duration(lambda: target.copy_(source), device, seconds)
    best = copied.best_ms or copied.median_ms
    return Ceilings(copy_bytes=2 * source.nbytes / best * 1e3)


def measure(
    name: str, shape: Shape, backend: str, dtype: torch.dtype, device: str, ceilings: Ceilings, seconds: float
) -> Timing:
    """All numbers of one backend at one shape."""
    inputs = problem(shape, device, dtype)
    scan = functools.partial(selective_scan, delta_softplus=True, backend=backend)
    batch, L, D, N = shape

    def forward(probe: Probe | None = None) -> object:
        with torch.no_grad():
            return scan(**inputs, probe=probe)

    leaves = {k: v.detach().requires_grad_() for k, v in inputs.items()}
    grad_y = torch.randn_like(inputs["x"])

    def both() -> object:
        return torch.autograd.grad(scan(**leaves), list(leaves.values()), grad_y)

    probes = Probe(channels=_evenly(D)), Probe(times=_evenly(L))
    timed = functools.partial(duration, device=device, seconds=seconds)
    by_channel, by_time = (timed(functools.partial(forward, p)) if _accepts(forward, p) else None for p in probes)
    backward = name not in FORWARD_ONLY
    graphs = device == "cuda" and backend == "triton"
    floor, floor_both = floors(shape, inputs["x"].element_size(), ceilings)
    return Timing(
        name=name, batch=batch, L=L, D=D, N=N,
        backend=backend,
        dtype=str(dtype).removeprefix("torch."),
        forward=timed(forward),
        both=timed(both) if backward else None,
        forward_in_graph=timed(in_graph(forward)) if graphs else None,
        both_in_graph=timed(in_graph(both)) if graphs and backward else None,
        forward_floor_ms=floor,
        both_floor_ms=floor_both,
        probe_channels=by_channel,
        probe_times=by_time,
        peak_bytes=_peak(both) if device == "cuda" and backward else None,
        data_bytes=2 * sum(v.nbytes for v in inputs.values()) + 2 * inputs["x"].nbytes,
    )  # fmt: skip


def _evenly(count: int) -> list[int]:
    wanted = min(PROBED, count)
    return [i * count // wanted for i in range(wanted)]


def _accepts(forward: Callable[[Probe], object], probe: Probe) -> bool:
    try:
        forward(probe)
    except ValueError:
        return False
    return True


def _data_bytes(inputs: dict[str, Tensor]) -> int:
    """Of the inputs with all that their memory holds, their gradients, y and its gradient."""
    memory = {v.untyped_storage().data_ptr(): v.untyped_storage().nbytes() for v in inputs.values()}
    return sum(memory.values()) + sum(v.nbytes for v in inputs.values()) + 2 * inputs["x"].nbytes


def _peak(work: Callable[[], object]) -> int:
    """Most memory that was allocated at once, the inputs among it."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def backends(backend: str, shape: Shape, device: str, dtype: torch.dtype) -> list[str]:
    """What is timed: the one asked for, or what "auto" chooses and, where they do not take too long, the others."""
    chosen, _ = resolve(backend, device, dtype)
    batch, L, D, N = shape
    if backend != "auto" or batch * L * D * N > SLOW[device]:
        return [chosen]
    return [chosen, *(name for name in ("torch", "reference") if name != chosen and not available()[name])]


def machine(device: str) -> str:
    """Name of the processor that computes."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name.split('/')[0]}, {os.cpu_count()} cores"


def run(*, backend: str, quick: bool, threads: int) -> Timings:
    """Measure everything."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(threads)
    warm_up()
    seconds = QUICK_SECONDS if quick else SECONDS
    ceilings = measure_ceilings(device, seconds)
    dtypes = (torch.float32, torch.bfloat16) if device == "cuda" else (torch.float32,)
    rows = []
    for name, shape in SHAPES[device].items():
        if quick and name not in QUICK:
            continue
        for dtype in dtypes:
            for one in backends(backend, shape, device, dtype):
                rows.append(measure(name, shape, one, dtype, device, ceilings, seconds))
                sys.stdout.write(line(rows[-1]) + "\n")
                sys.stdout.flush()
                if device == "cuda":
                    torch.cuda.empty_cache()
    software = {"python": platform.python_version(), "torch": torch.__version__}
    software |= {
        name: importlib.metadata.version(name) for name in ("triton", "numba") if importlib.util.find_spec(name)
    }
    return Timings(
        machine=machine(device),
        device=device,
        threads=threads if device == "cpu" else None,
        software=software,
        measured=datetime.now(UTC).date(),
        command=f"python -m benchmarks.scan --backend {backend} --threads {threads}{' --quick' if quick else ''}",
        ceilings=ceilings,
        rows=tuple(rows),
    )


def line(row: Timing) -> str:
    """One row, for people."""
    shown = [f"{d.median_ms:9.3f}" if d else " " * 9 for d in (row.forward, row.both, row.probe_channels)]
    return f"{row.name:28} {row.backend:9} {row.dtype:8} {' '.join(shown)} ms, floor {row.forward_floor_ms:.3f}"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="auto", help="one of kernels.available(), or auto")
    parser.add_argument("--quick", action="store_true", help="fewer shapes, a fifth of the time")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--out", type=Path, help="file to write, else assets/scan/<machine>.json")
    given = parser.parse_args()
    sys.stdout.write("medians in ms: forward, both ways, forward with a probe on 8 channels\n")
    save(run(backend=given.backend, quick=given.quick, threads=given.threads), given.out)


if __name__ == "__main__":
    main()
