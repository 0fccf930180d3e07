"""One training step on a GPU: correct first, then how long it takes, and where its time goes.

    python -m benchmarks.gpu_step

Rows: the GPU presets, and the plain step of issue and paper (AdamW, the network of the presets). Columns: without a
graph, with it, and with one fused part after the other left to PyTorch.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from kernels import layers, triton_conv_project, triton_ends, triton_linear
from ssmviz.presets import PRESETS
from ssmviz.settings import TrainSettings
from ssmviz.training import flat, graphed
from ssmviz.training.batches import batch
from ssmviz.training.loop import Training

STEPS = 200  # timed
TOLERANCE = 2e-5  # relative, of norms, against float64
GROUPS = {  # of a kernel, by what its name contains
    "conv and projections of S6": ("conv_projection",),
    "projections": ("projection_",),
    "optimiser": ("_norm_kernel", "adamw", "muon", "multi_tensor", "lerp"),
    "norm, head, loss, embedding": ("_loss", "_embedding", "rms_norm", "softmax", "nll", "embedding", "indexSelect"),
    "convolution": ("_activation_kernel", "_input_kernel", "conv"),
    "scan": ("forward_kernel", "backward_kernel", "summary_kernel", "combine_kernel", "scan"),
    "matrix products": ("gemm", "cutlass", "splitK", "cublas", "sgemm"),
    "FFT": ("fft", "vector_fft"),
    "sums of parts": ("reduce_kernel",),
    "copies, zeros": ("copy", "Memset", "Memcpy", "FillFunctor", "CatArray"),
}


def cases() -> Iterator[tuple[str, TrainSettings]]:
    """Name and settings of everything that is timed."""
    for name, preset in PRESETS.items():
        if name.endswith("_gpu"):
            for label, settings in preset.runs:
                sizes = f"batch {settings.optim.batch}, {settings.task.sequence_length} tokens"
                yield f"{name} {label} ({sizes}, {settings.optim.optimiser})", _alone(settings)
                if label == "S6":
                    yield f"{name} {label} ({sizes}, adamw)", _alone(settings, optimiser="adamw")


def _alone(settings: TrainSettings, **optim: Any) -> TrainSettings:
    changed = settings.optim.model_copy(update={"curriculum": False, **optim})
    return settings.model_copy(update={"optim": changed, "device": "cuda"})


# correctness


def check() -> list[str]:
    """The fused parts at the presets' sizes against PyTorch in float64; raises where one is not close."""
    rng = torch.Generator("cuda").manual_seed(0)

    def randn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, device="cuda", dtype=torch.float64)

    lines = ["| part | largest relative error of outputs and gradients |", "|--|--|"]
    for b, L in ((64, 272), (8, 256), (3, 37)):
        x, tokens = randn(b, L, 64), torch.randint(0, 16, (b, L), generator=rng, device="cuda")
        targets = tokens[:, :1].contiguous()
        parts = {
            "norm, in_proj": (layers.norm_linear, (x, randn(64), randn(256, 64) / 8), {"parts": 2, "eps": 1e-5}),
            "out_proj, sum": (layers.linear_add, (randn(b, L, 128), randn(64, 128) / 8, x), {}),
            "conv, SiLU, x_proj, dt_proj": (
                layers.conv_project,
                (randn(b, L, 128), randn(128, 4), randn(128), randn(40, 128) / 8, randn(128, 8) / 8),
                {},
            ),
            "embedding": (layers.embed, (tokens, randn(16, 64)), {}),
            "norm, head, loss": (layers.answer_loss, (x, randn(64), randn(16, 64), targets), {"eps": 1e-5}),
        }
        for name, (function, inputs, options) in parts.items():
            error = _error(function, inputs, options)
            lines.append(f"| {name}, batch {b}, L {L} | {error:.1e} |")
            if not error < TOLERANCE:
                raise ArithmeticError(lines[-1])
    return lines


def _error(function: Callable[..., Any], inputs: tuple[Tensor, ...], options: dict[str, Any]) -> float:
    def results(dtype: torch.dtype, backend: str) -> list[Tensor]:
        leaves = [t.to(dtype).detach().requires_grad_() if t.is_floating_point() else t for t in inputs]
        with patch.object(layers, "_fused", lambda *_: backend == "triton"):
            out = function(*leaves, **options, backend="auto")
        outputs = out if isinstance(out, tuple) else (out,)
        weights = torch.Generator("cuda").manual_seed(1)
        total = torch.zeros((), device="cuda", dtype=dtype)
        for y in outputs:
            total += (y * torch.randn(y.shape, generator=weights, device="cuda", dtype=torch.float64).to(dtype)).sum()
        wanted = [t for t in leaves if t.is_floating_point()]
        return [*(y.detach() for y in outputs), *torch.autograd.grad(total, wanted)]

    pairs = zip(results(torch.float32, "triton"), results(torch.float64, "torch"), strict=True)
    return max(((a.double() - b).norm() / b.norm().clamp_min(1e-30)).item() for a, b in pairs)


def check_update() -> list[str]:
    """Ten steps of the flat update beside ten of PyTorch's optimisers, from the same start and batches."""
    lines = ["| case | largest relative difference of a parameter after 10 steps |", "|--|--|"]
    for name, settings in cases():
        fused = _after(settings, 10)
        with patch.object(flat, "fits", lambda _: False):
            plain = _after(settings, 10)
        with left_to_pytorch("layers"), patch.object(flat, "fits", lambda _: False):
            all_plain = _after(settings, 10)
        worst = [
            max(((a - b).norm() / b.norm()).item() for a, b in zip(fused, c, strict=True)) for c in (plain, all_plain)
        ]
        lines.append(f"| {name} | optimiser {worst[0]:.1e}, everything {worst[1]:.1e} |")
    return lines


def _after(settings: TrainSettings, steps: int) -> list[Tensor]:
    training = Training(settings)
    for k in range(steps):
        training.stepper.step(*batch(settings, k, training.place.device), 1.0)
    return [p.detach().clone() for p in training.network.parameters()]


# time


@contextmanager
def left_to_pytorch(part: str) -> Iterator[None]:
    """Do without one fused part: "layers", "linear", "conv_project", "ends", "update"."""
    modules: dict[str, tuple[Any, str]] = {
        "linear": (triton_linear, "fits"),
        "conv_project": (triton_conv_project, "fits"),
        "ends": (triton_ends, "fits"),
        "update": (flat, "fits"),
        "layers": (layers, "_fused"),
    }
    with patch.object(*modules[part], lambda *_: False):
        yield


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Other products on tensor cores."""
    with (
        patch.object(triton_linear, "PRECISION", name),
        patch.object(triton_conv_project, "PRECISION", name),
        patch.object(triton_ends, "PRECISION", name),
    ):
        yield


def milliseconds(work: Callable[[], object], steps: int = STEPS) -> float:
    """Median over five samples, warmed up."""

    def sample(calls: int) -> float:
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(calls):
            work()
        torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - began) / calls

    sample(5)
    return statistics.median(sample(max(1, steps // 5)) for _ in range(5))


def graph_time(settings: TrainSettings) -> float:
    """Milliseconds of a captured step."""
    work, _ = _step(settings)
    return milliseconds(work)


def _step(settings: TrainSettings) -> tuple[Callable[[], object], Training]:
    training = Training(settings)
    tokens, targets = batch(settings, 0, training.place.device)
    for _ in range(graphed.WARM_STEPS + 2):
        training.stepper.step(tokens, targets, 1.0)
    if training.stepper.news:
        raise RuntimeError(training.stepper.news[0])
    return lambda: training.stepper.step(tokens, targets, 1.0), training


def times(*, variants: bool) -> list[str]:
    """The table of steps."""
    lines = ["| case | ms in a graph | eager | with making the batch | variants |", "|--|--|--|--|--|"]
    for name, settings in cases():
        work, training = _step(settings)
        captured = milliseconds(work)
        tokens, targets = batch(settings, 0, training.place.device)
        eager = milliseconds(lambda: training.stepper.update(tokens, targets), 40)  # noqa: B023
        fed = milliseconds(lambda: training.stepper.step(*batch(settings, 1, training.place.device), 1.0))  # noqa: B023
        cells = list(_variants(settings)) if variants else []
        lines.append(f"| {name} | {captured:.3f} | {eager:.2f} | {fed:.3f} | {', '.join(cells)} |")
    return lines


def _variants(settings: TrainSettings) -> Iterator[str]:
    for part in ("linear", "conv_project", "ends", "update", "layers"):
        with left_to_pytorch(part):
            yield f"{part} by PyTorch {graph_time(settings):.3f}"
    for name in ("tf32", "ieee"):
        try:
            with precision(name):
                yield f"{name} {graph_time(settings):.3f}"
        except Exception as error:  # noqa: BLE001 - a variant that does not compile is a result
            yield f"{name}: {type(error).__name__}"


def anatomy(settings: TrainSettings, replays: int = 20) -> list[str]:
    """Where the time of a captured step goes: kernels by group, then the longest by name."""
    work, _ = _step(settings)
    work()
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(replays):
            work()
        torch.cuda.synchronize()
    groups: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    rows = []
    for event in profile.key_averages():
        spent, count = event.device_time_total / replays, event.count / replays
        if spent > 0:
            rows.append((spent, count, event.key))
            group = groups[_group(event.key)]
            group[0] += spent
            group[1] += count
    total, kernels = sum(r[0] for r in rows), sum(r[1] for r in rows)
    lines = [f"{kernels:.0f} kernels and copies, {total:.0f} us", "", "| group | us | kernels |", "|--|--|--|"]
    lines += [f"| {g} | {us:.1f} | {n:.0f} |" for g, (us, n) in sorted(groups.items(), key=lambda i: -i[1][0])]
    lines += ["", "| us | kernels | name |", "|--|--|--|"]
    lines += [f"| {us:.1f} | {n:.0f} | `{key[:90]}` |" for us, n, key in sorted(rows, reverse=True)[:22]]
    return lines


def _group(name: str) -> str:
    return next((g for g, parts in GROUPS.items() if any(p.lower() in name.lower() for p in parts)), "other")


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", nargs="*", default=["check", "times", "variants", "anatomy"])
    given = arguments.parse_args()
    print(torch.cuda.get_device_name(), torch.__version__, flush=True)
    if "check" in given.what:
        print("\n".join(check()), flush=True)
        print("\n".join(check_update()), flush=True)
    if "times" in given.what:
        print("\n".join(times(variants="variants" in given.what)), flush=True)
    if "anatomy" in given.what:
        for name, settings in cases():
            print(f"\n### {name}\n", "\n".join(anatomy(settings)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
