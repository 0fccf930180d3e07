"""Measure what one layer of each kind costs over L: forward and backward in time and memory.

    python -m benchmarks.layer_costs [--out file.json]

One layer of the family on D channels (batch 1, D 256, N 16, 4 heads; on a CPU D 64), whatever block stands around it. A
length at which a layer takes more than `MOST_MS` or too much memory is its last. Writes `assets/layers/<machine>.json`,
which the page of the family draws: {"layers": {name: {"L": [...], "ms": [...], "bytes": [...]}}, ...}.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.scan import duration, machine
from benchmarks.scan_growth import peak
from kernels import warm_up
from ssmviz.models import LAYERS, build
from ssmviz.settings import ModelSettings, TaskSettings

FOLDER = Path(__file__).parent.parent / "assets" / "layers"
LENGTHS = {"cuda": range(7, 17), "cpu": range(6, 13)}  # powers of two
WIDTH = {"cuda": 256, "cpu": 64}
N, HEADS = 16, 4
SECONDS = {"cuda": 0.15, "cpu": 0.3}
MOST_MS = 400.0


def costs(name: str, device: str) -> dict[str, list[float]]:
    """Medians over L of one layer."""
    settings = ModelSettings(layer=name, block="plain", d_model=WIDTH[device], N=N, heads=HEADS)
    layer = build(TaskSettings(), settings, seed=0).layers[0].mixer.to(device)
    found: dict[str, list[float]] = {"L": [], "ms": [], "bytes": []}
    for L in (1 << power for power in LENGTHS[device]):
        x = torch.randn(1, L, settings.D, device=device, requires_grad=True)
        inputs = [x, *(p for p in layer.parameters() if p.requires_grad)]

        def both() -> object:
            y, _ = layer.scan(x, None, None, carry=False, backend="auto")  # noqa: B023
            return torch.autograd.grad(y.sum(), inputs, allow_unused=True)  # noqa: B023

        try:
            ms, size = duration(both, device, SECONDS[device]).median_ms, peak(both, device)
        except torch.OutOfMemoryError:
            break
        for key, value in (("L", L), ("ms", ms), ("bytes", size)):
            found[key].append(value)
        sys.stdout.write(f"{name:18} {L:6} {ms:10.3f} ms {size / 1e6:10.2f} MB\n")
        if ms > MOST_MS:
            break
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file to write, else assets/layers/<machine>.json")
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    warm_up()
    report = {
        "machine": machine(device),
        "software": {"python": platform.python_version(), "torch": importlib.metadata.version("torch")},
        "measured": datetime.now(UTC).date().isoformat(),
        "command": "python -m benchmarks.layer_costs",
        "sizes": {"batch": 1, "D": WIDTH[device], "N": N, "heads": HEADS},
        "layers": {name: costs(name, device) for name in LAYERS},
    }
    path = given.out or FOLDER / f"{re.sub('[^a-z0-9]+', '-', machine(device).lower()).strip('-')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
