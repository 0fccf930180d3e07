"""Measure what the scan lesson says about fusion and growth: memory and time with and without, and slopes over L.

    python -m benchmarks.scan_growth [--out file.json]

Times the selective scan of the lesson (8, 2048, 1024, 16) as one kernel and in plain PyTorch, with the most memory that
both ways take; and the scan, a convolution by FFT and causal softmax attention over growing L, forward. On CUDA
it is the sweep of Mamba's figure 8: batch 1, D 1024, N 16, bfloat16 (the FFT in float32), L from 2^9 to 2^19.
Writes `assets/growth/<machine>.json` (`ssmviz/lessons/scan_measured.py`).
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.scan import Shape, duration, in_graph, machine, problem
from kernels import available, resolve, selective_scan, warm_up
from ssmviz.lessons.scan_measured import FOLDER, Curve, Growth, Way

SHAPES: dict[str, Shape] = {"cuda": (8, 2048, 1024, 16), "cpu": (2, 512, 128, 16)}
LENGTHS = {"cuda": range(9, 20), "cpu": range(8, 13)}  # powers of two
WIDTHS: dict[str, tuple[int, int]] = {"cuda": (1, 1024), "cpu": (1, 128)}  # batch, D of the curves
DTYPES = {"cuda": torch.bfloat16, "cpu": torch.float32}
HEAD, N = 64, 16
SECONDS = 0.5


def way(backend: str, shape: Shape, device: str) -> Way:
    """One backend at one shape."""
    inputs = problem(shape, device, torch.float32)
    leaves = {k: v.detach().requires_grad_() for k, v in inputs.items()}
    scan = functools.partial(selective_scan, delta_softplus=True, backend=backend)
    grad_y = torch.randn_like(inputs["x"])

    def forward() -> object:
        with torch.no_grad():
            return scan(**inputs)

    def both() -> object:
        return torch.autograd.grad(scan(**leaves), list(leaves.values()), grad_y)

    return Way(
        backend=backend,
        forward_ms=duration(forward, device, SECONDS).median_ms,
        both_ms=duration(both, device, SECONDS).median_ms,
        peak_bytes=peak(both, device),
    )


def peak(work: Callable[[], object], device: str) -> int:
    """Most memory at once beside what lay there before; on the CPU by PyTorch's own account of its tensors."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        work()
    held = most = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def curve(kind: str, device: str) -> Curve:
    """Forward time and memory over L."""
    lengths = [1 << power for power in LENGTHS[device]]
    batch, D = WIDTHS[device]
    times, sizes = [], []
    for L in lengths:
        work = WORKS[kind]((batch, L, D, N), device)
        with torch.no_grad():
            # the shortest would measure how fast Python launches kernels
            timed = in_graph(work) if device == "cuda" else work
            times.append(duration(timed, device, SECONDS).median_ms)
            sizes.append(peak(work, device))
        sys.stdout.write(f"{kind:12} {L:6} {times[-1]:10.4f} ms {sizes[-1] / 1e6:10.1f} MB\n")
    return Curve(kind=kind, L=tuple(lengths), ms=tuple(times), peak_bytes=tuple(sizes))


def scanning(shape: Shape, device: str) -> Callable[[], Tensor]:
    """The selective scan as one kernel: O(batch L D N)."""
    backend, _ = resolve("auto", device, DTYPES[device])
    return functools.partial(
        selective_scan, **problem(shape, device, DTYPES[device]), delta_softplus=True, backend=backend
    )


def convolving(shape: Shape, device: str) -> Callable[[], Tensor]:
    """A causal convolution by FFT, in float32: O(batch L D log L)."""
    batch, L, D, _ = shape
    x, K = torch.randn(batch, D, L, device=device), torch.randn(D, L, device=device)
    return lambda: torch.fft.irfft(torch.fft.rfft(x, 2 * L) * torch.fft.rfft(K, 2 * L), 2 * L)[..., :L]


def attending(shape: Shape, device: str) -> Callable[[], Tensor]:
    """Causal softmax attention as PyTorch does it best: O(batch L^2 D)."""
    batch, L, D, _ = shape
    q, k, v = torch.randn(3, batch, D // HEAD, L, HEAD, device=device, dtype=DTYPES[device])
    return lambda: scaled_dot_product_attention(q, k, v, is_causal=True)


WORKS = {"scan": scanning, "convolution": convolving, "attention": attending}


def run() -> Growth:
    """Measure everything on this machine."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    warm_up()
    shape = SHAPES[device]
    chosen, _ = resolve("auto", device, torch.float32)
    others = [name for name in ("torch", "reference") if name != chosen and not available()[name]]
    ways = []
    for backend in (chosen, *others):
        ways.append(way(backend, shape, device))
        sys.stdout.write(f"{ways[-1]}\n")
    return Growth(
        machine=machine(device),
        software={"python": platform.python_version(), "torch": importlib.metadata.version("torch")},
        measured=datetime.now(UTC).date(),
        command="python -m benchmarks.scan_growth",
        shape=shape,
        ways=tuple(ways),
        curves=tuple(curve(kind, device) for kind in WORKS),
    )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file to write, else assets/growth/<machine>.json")
    given = parser.parse_args()
    found = run()
    path = given.out or FOLDER / f"{re.sub('[^a-z0-9]+', '-', found.machine.lower()).strip('-')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main()
