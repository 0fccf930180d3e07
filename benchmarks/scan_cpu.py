"""The scan on this CPU beside the same algorithm in C++, with one thread and with two, and how fast it starts.

    python -m benchmarks.scan_cpu [--seconds 3] [--out benchmarks/scan_cpu_<hardware>_<yyyymm>.md]

Ceilings, measured in the same run: the same algorithm in C++ (`scan_cpu.cpp`, -O3 -march=native -ffast-math, OpenMP),
built here if there is a compiler; and the floor, from the multiply-adds per second and the bytes per second that this
machine was measured to do. All versions take turns, so that another load on the machine meets all of them.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numba
import torch
from torch import Tensor

import kernels
from benchmarks.scan import machine
from benchmarks.scan_measure import problem
from kernels.numba_tensors import cut

SHAPES = [  # batch, L, D, N
    (32, 72, 64, 8),
    (16, 64, 64, 16),
    (8, 256, 128, 16),
    (64, 256, 128, 16),
    (8, 1024, 128, 16),
    (1, 16_384, 128, 16),
]
THREADS = (1, 2)
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
SLOW = 1e7  # state updates from which plain PyTorch and the loop are not timed
TURN = 0.03  # seconds

# Multiplications and additions that need the multiplier, per state update: forward, backward with recomputation
MULTIPLIES = 10, 17

START = """
import time, torch
before = time.perf_counter()
import kernels
kernels.warm_up()
x = torch.randn(2, 20, 16, requires_grad=True)
A, B = -torch.ones(16, 4), torch.randn(2, 20, 4)
kernels.selective_scan(x, x, A, B, B, backend="numba").sum().backward()
print(time.perf_counter() - before)
"""

Call = Callable[[], object]


class Times(NamedTuple):
    """Of one call, in ms."""

    best: float
    median: float


def of_backend(backend: str, inputs: dict[str, Tensor], grad_y: Tensor) -> tuple[Call, Call]:
    """(forward, forward and backward) through the public function."""

    def scan() -> Tensor:
        y = kernels.selective_scan(**inputs, delta_softplus=True, backend=backend)
        assert isinstance(y, Tensor)
        return y

    def forward() -> Tensor:
        with torch.no_grad():
            return scan()

    return forward, lambda: torch.autograd.grad(scan(), list(inputs.values()), grad_y)


def of_cpp(library: ctypes.CDLL, inputs: dict[str, Tensor], grad_y: Tensor) -> tuple[Call, Call]:
    """The same work in C++, without autograd around it; fresh outputs each time, as a caller would need."""
    x, B = inputs["x"], inputs["B"]
    (batch, L, D), N = x.shape, B.shape[2]
    width = cut(None, batch, L, D).width
    plain = {name: v.detach().contiguous() for name, v in inputs.items()} | {"A": inputs["A"].detach().t().contiguous()}
    given = [plain[k] for k in ("x", "delta", "z", "A", "B", "C", "D_skip", "delta_bias")]

    def call(name: str, tensors: list[Tensor]) -> None:
        getattr(library, name)(batch, L, D, N, width, *(ctypes.c_void_p(v.data_ptr()) for v in tensors))

    def forward() -> list[Tensor]:
        y, ungated = torch.empty(2, batch, L, D)
        kept = torch.empty(batch, -(-L // 16), N, D)
        call("forward", [*given, y, ungated, kept])
        return [y, ungated, kept]

    def both() -> list[Tensor]:
        y, ungated, kept = forward()
        gradients = [torch.empty(batch, L, D) for _ in range(3)]
        gradients += [torch.zeros(batch, N, D), *torch.empty(2, -(-D // width), batch, L, N)]
        gradients += [torch.zeros(batch, D), torch.zeros(batch, D)]
        call("backward", [*given, ungated, kept, grad_y, *gradients])
        gradients[4:6] = [v[0] if len(v) == 1 else v.sum(0) for v in gradients[4:6]]
        return [y, *gradients]

    y, *found = both()
    expected = kernels.selective_scan(**inputs, delta_softplus=True, backend="numba")
    true = torch.autograd.grad(expected, [inputs[k] for k in ("x", "delta", "z", "B", "C")], grad_y)
    for ours, theirs in zip((expected, *true), (y, *found[:3], *found[4:6]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3 * float(ours.detach().abs().max()))
    return forward, both


def in_turns(functions: dict[str, Call], seconds: float) -> dict[str, Times]:
    """Times of each, taking turns, which last long enough that OpenMP's threads have stopped waiting for more."""
    found: dict[str, list[float]] = {name: [] for name in functions}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, function in functions.items():
            end = time.perf_counter() + TURN
            while (start := time.perf_counter()) < end:
                function()
                found[name].append((time.perf_counter() - start) * 1e3)
    return {name: Times(min(times), statistics.median(times)) for name, times in found.items()}


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


def ceilings(library: ctypes.CDLL, threads: int) -> tuple[float, float]:
    """(vectors of 16 multiply-adds per ns, bytes copied per ns) of all threads: two may share one core's units."""
    rounds = ctypes.c_long(2_000_000)
    source = torch.ones(2**24)
    target = torch.empty_like(source)
    torch.set_num_threads(threads)
    with ThreadPoolExecutor(threads) as pool:

        def multiply_adds() -> None:
            list(pool.map(lambda _: library.multiply_adds(rounds), range(threads)))

        best = {
            k: t.best for k, t in in_turns({"fma": multiply_adds, "copy": lambda: target.copy_(source)}, 2.0).items()
        }
    return 16 * rounds.value * threads / (best["fma"] * 1e6), 2 * source.nbytes / (best["copy"] * 1e6)


def floors(shape: tuple[int, int, int, int], rates: tuple[float, float]) -> tuple[float, float]:
    """Least time in ms of forward, and of forward and backward: arithmetic or memory, whichever takes longer."""
    batch, L, D, N = shape
    updates, element = batch * L * D * N / 16, 4 * batch * L * D
    forward_bytes, backward_bytes = 4 * element + element * N / 16, 8 * element + element * N / 16
    arithmetic = [updates * m / rates[0] / 1e6 for m in MULTIPLIES]
    memory = [b / rates[1] / 1e6 for b in (forward_bytes, backward_bytes)]
    forward, backward = map(max, zip(arithmetic, memory, strict=True))
    return forward, forward + backward


def table(library: ctypes.CDLL | None, threads: int, seconds: float) -> list[str]:
    """Markdown rows for this number of threads."""
    torch.set_num_threads(threads)
    if library:
        library.omp_set_num_threads(threads)
    rates = ceilings(library, threads) if library else None
    lines = [f"{rates[0]:.2f} vectors of 16 multiply-adds per ns, copy {rates[1]:.1f} GB/s.", ""] if rates else []
    lines += [
        "| batch, L, D, N | version | forward: best, median ms | both ways: best, median ms | of C++ | of the floor |",
        "|--|--|--|--|--|--|",
    ]
    for shape in SHAPES:
        inputs = {name: v.requires_grad_() for name, v in problem(shape, "cpu", torch.float32).items()}
        grad_y = torch.randn(shape[:3])
        versions = {"C++": of_cpp(library, inputs, grad_y)} if library else {}
        versions["numba"] = of_backend("numba", inputs, grad_y)
        times = _pairs(versions, seconds)
        if threads == 1 and torch.Size(shape).numel() < SLOW:
            times |= _pairs({name: of_backend(name, inputs, grad_y) for name in ("torch", "reference")}, seconds)
        lines += _rows(shape, times, floors(shape, rates) if rates else None)
    return lines


def _pairs(versions: dict[str, tuple[Call, Call]], seconds: float) -> dict[str, tuple[Times, Times]]:
    flat = in_turns({f"{name} {i}": f for name, pair in versions.items() for i, f in enumerate(pair)}, seconds)
    return {name: (flat[f"{name} 0"], flat[f"{name} 1"]) for name in versions}


def _rows(
    shape: tuple[int, ...], times: dict[str, tuple[Times, Times]], floor: tuple[float, float] | None
) -> list[str]:
    lines = [f"| {', '.join(map(str, shape))} | floor | {floor[0]:.2f} | {floor[1]:.2f} | | |"] if floor else []
    for name, pair in times.items():
        cells = [f"{t.best:.2f}, {t.median:.2f}" for t in pair]
        for bound in (times.get("C++"), floor and [Times(f, f) for f in floor]):
            ratios = zip(pair, bound, strict=True) if bound else ()
            cells.append(" / ".join(f"{ours.best / theirs.best:.2f}" for ours, theirs in ratios))
        lines.append(f"| | {name} | {' | '.join(cells)} |")
    return lines


def starts() -> list[str]:
    """Seconds from `import torch` done to the first gradient, in fresh processes."""
    with tempfile.TemporaryDirectory() as cache:
        cold, *warm = (_start({"XDG_CACHE_HOME": cache}) for _ in range(4))
        cached = sum(p.stat().st_size for p in Path(cache).rglob("*") if p.is_file())
    without = _start({"NUMBA_CACHE_DIR": os.path.join(os.devnull, "nowhere")})
    return [
        f"From torch imported to the first gradient: {min(warm):.2f} s with compiled code in the cache "
        f"({cached / 1e6:.1f} MB), {cold:.1f} s the first time, {without:.1f} s where no cache can be written.",
    ]


def _start(environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", START], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print the report, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of turns for each shape")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, numba {numba.__version__}"
    load, library = os.getloadavg()[0], build()
    report = [
        "# The selective scan on a CPU",
        "",
        f"{machine('cpu')}; {versions}; commit {commit}; `python -m benchmarks.scan_cpu --seconds {args.seconds:g}`;",
        f"load of the machine before the run: {load:.1f}.",
        "",
        "float32, Euler, with softplus, bias, D_skip, gate. Ratios are of the best times, forward / both ways.",
        "The C++ version (-O3 -march=native -ffast-math, OpenMP) has no autograd and no argument checks around it.",
        "",
        *starts(),
    ]
    for threads in THREADS:
        report += ["", f"## {threads} thread{'s' if threads > 1 else ''}", ""]
        report += table(library, threads, args.seconds)
    text = "\n".join([*report, ""])
    if args.out:
        args.out.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
