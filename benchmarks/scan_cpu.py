"""The scan on this CPU: every backend, and the ceilings measured in the same run.

    python -m benchmarks.scan_cpu [--threads 1] [--out benchmarks/scan_cpu_<hardware>_<yyyymm>.md]

Ceilings: the same algorithm in C++ (`scan_cpu.cpp`, -O3 -march=native -ffast-math, OpenMP), built here if there is a
compiler; and the floor, from the multiply-adds per second and the bytes per second that this machine was measured to
do. All versions take turns, so that another load on the machine meets all of them; times are the best of all turns.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import torch
from torch import Tensor

import kernels

SHAPES = [(32, 72, 64, 8), (16, 64, 64, 16), (8, 256, 128, 16), (64, 256, 128, 16)]  # batch, L, D, N
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
SLOW = 2e7  # state updates from which plain PyTorch and the loop are not timed

# Multiplications and additions that need the multiplier, per state update: forward, backward with recomputation
MULTIPLIES = 10, 17
SECONDS = 2.0  # of turns per shape


def problem(batch: int, L: int, D: int, N: int) -> dict[str, Tensor]:
    """What an S6 layer sees after initialisation, roughly."""
    torch.manual_seed(0)
    r = torch.randn
    A = -torch.arange(1.0, N + 1).repeat(D, 1)
    values = [r(batch, L, D), r(batch, L, D) - 3, A, r(batch, L, N), r(batch, L, N), r(D), r(batch, L, D), 0.1 * r(D)]
    names = ["x", "delta", "A", "B", "C", "D_skip", "z", "delta_bias"]
    return {name: v.requires_grad_() for name, v in zip(names, values, strict=True)}


def of_backend(
    backend: str, inputs: dict[str, Tensor], grad_y: Tensor
) -> tuple[Callable[[], None], Callable[[], None]]:
    """(forward, forward and backward) through the public function."""

    def scan() -> Tensor:
        y = kernels.selective_scan(**inputs, delta_softplus=True, backend=backend)
        assert isinstance(y, Tensor)
        return y

    def forward() -> None:
        with torch.no_grad():
            scan()

    def both() -> None:
        torch.autograd.grad(scan(), list(inputs.values()), grad_y)

    return forward, both


def of_cpp(
    library: ctypes.CDLL, inputs: dict[str, Tensor], grad_y: Tensor
) -> tuple[Callable[[], None], Callable[[], None]]:
    """The same work in C++, without autograd around it; fresh outputs each time, as a caller would need."""
    x, B = inputs["x"], inputs["B"]
    (batch, L, D), N = x.shape, B.shape[2]
    plain = {name: v.detach() for name, v in inputs.items()} | {"A": inputs["A"].detach().t().contiguous()}
    given = [plain[k] for k in ("x", "delta", "z", "A", "B", "C", "D_skip", "delta_bias")]

    def call(name: str, tensors: list[Tensor]) -> None:
        getattr(library, name)(batch, L, D, N, *(ctypes.c_void_p(v.data_ptr()) for v in tensors))

    def forward() -> list[Tensor]:
        y, ungated = torch.empty(2, batch, L, D)
        kept = torch.empty(batch, -(-L // 16), N, D)
        call("forward", [*given, y, ungated, kept])
        return [y, ungated, kept]

    def both() -> list[Tensor]:
        y, ungated, kept = forward()
        gradients = [torch.empty_like(x) for _ in range(3)]
        gradients += [torch.zeros(batch, N, D), torch.empty_like(B), torch.empty_like(B)]
        gradients += [torch.zeros(batch, D), torch.zeros(batch, D)]
        call("backward", [*given, ungated, kept, grad_y, *gradients])
        return [y, *gradients]

    y, *found = both()
    expected = kernels.selective_scan(**inputs, delta_softplus=True, backend="numba")
    true = torch.autograd.grad(expected, [inputs[k] for k in ("x", "delta", "z", "B", "C")], grad_y)
    for ours, theirs in zip((expected, *true), (y, *found[:3], *found[4:6]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3 * float(ours.detach().abs().max()))
    return forward, both


def best_of_turns(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Shortest time of each in ms."""
    best = dict.fromkeys(functions, float("inf"))
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            best[name] = min(best[name], (time.perf_counter() - start) * 1e3)
    return best


def build() -> ctypes.CDLL | None:
    """The C++ ceiling, or None without a compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    target = Path(tempfile.mkdtemp()) / "ceiling.so"
    source = Path(__file__).with_suffix(".cpp")
    subprocess.run([compiler, *FLAGS, "-o", str(target), str(source)], check=True)
    library = ctypes.CDLL(str(target))
    library.multiply_adds.restype = ctypes.c_float
    shutil.rmtree(target.parent)
    return library


def ceilings(library: ctypes.CDLL) -> tuple[float, float]:
    """(vectors of 16 multiply-adds per ns, bytes copied per ns), one thread."""
    rounds = 2_000_000
    fma = best_of_turns({"fma": lambda: library.multiply_adds(ctypes.c_long(rounds))})["fma"]
    source = torch.ones(2**24)
    target = torch.empty_like(source)
    copy = best_of_turns({"copy": lambda: target.copy_(source)})["copy"]
    return 16 * rounds / (fma * 1e6), 2 * source.nbytes / (copy * 1e6)


def floors(shape: tuple[int, int, int, int], rates: tuple[float, float], threads: int) -> tuple[float, float]:
    """Least time in ms of forward, and of forward and backward: arithmetic or memory, whichever takes longer."""
    batch, L, D, N = shape
    updates, element = batch * L * D * N / 16, 4 * batch * L * D
    forward_bytes, backward_bytes = 4 * element + element * N / 16, 8 * element + element * N / 16
    arithmetic = [updates * m / rates[0] / threads / 1e6 for m in MULTIPLIES]
    memory = [b / rates[1] / 1e6 for b in (forward_bytes, backward_bytes)]
    forward, backward = map(max, zip(arithmetic, memory, strict=True))
    return forward, forward + backward


def table(library: ctypes.CDLL | None, threads: int) -> list[str]:
    """Markdown rows."""
    rates = ceilings(library) if library else None
    lines = [
        "| batch, L, D, N | version | forward ms | forward + backward ms | of C++ | of the floor |",
        "|--|--|--|--|--|--|",
    ]
    for shape in SHAPES:
        inputs = problem(*shape)
        grad_y = torch.randn(shape[:3])
        small = shape[0] * shape[1] * shape[2] * shape[3] < SLOW
        names = ["numba", *(["torch", "reference"] if small else [])]
        versions: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            name: of_backend(name, inputs, grad_y) for name in names
        }
        if library:
            versions["C++"] = of_cpp(library, inputs, grad_y)
        fast = {
            f"{name} {i}": f for name, pair in versions.items() if name in ("numba", "C++") for i, f in enumerate(pair)
        }
        slow = {
            f"{name} {i}": f
            for name, pair in versions.items()
            if name not in ("numba", "C++")
            for i, f in enumerate(pair)
        }
        times = best_of_turns(fast) | best_of_turns(slow)
        if rates:
            floor = floors(shape, rates, threads)
            lines.append(f"| {', '.join(map(str, shape))} | floor | {floor[0]:.2f} | {floor[1]:.2f} | | |")
        for name in ["C++", *names] if library else names:
            forward, both = times[f"{name} 0"], times[f"{name} 1"]
            ratio = f"{forward / times['C++ 0']:.2f} / {both / times['C++ 1']:.2f}" if library else ""
            of_floor = f"{forward / floor[0]:.1f} / {both / floor[1]:.1f}" if rates else ""
            lines.append(f"| | {name} | {forward:.2f} | {both:.2f} | {ratio} | {of_floor} |")
    if rates:
        fma, copy = rates
        lines += ["", f"Measured on one core: {fma:.2f} vectors of 16 multiply-adds per ns, copy {copy:.1f} GB/s."]
    return lines


def hardware() -> str:
    """Name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if cpuinfo.exists()
        else []
    )
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def main() -> None:
    """Print the report, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)  # of the C++ version, read when it is loaded
    torch.set_num_threads(args.threads)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, numba {numba.__version__}"
    report = [
        f"# The selective scan on a CPU, {args.threads} thread{'s' if args.threads > 1 else ''}",
        "",
        f"{hardware()}; {versions}; commit {commit}; `python -m benchmarks.scan_cpu --threads {args.threads}`;",
        f"load of the machine before the run: {os.getloadavg()[0]:.1f}.",
        "",
        "Best of all turns, float32, Euler, with softplus, bias, D_skip, gate. Ratios: forward / forward + backward.",
        "The C++ version (-O3 -march=native -ffast-math, OpenMP) has no autograd and no argument checks around it.",
        "",
        *table(build(), args.threads),
        "",
    ]
    if args.out:
        args.out.write_text("\n".join(report))
    else:
        sys.stdout.write("\n".join(report))


if __name__ == "__main__":
    main()
