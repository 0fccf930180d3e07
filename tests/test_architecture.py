"""Data flows in one direction: the table of docs/architecture.md against the real imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = {"traces", "settings", "family"}  # may be imported by everyone

SHOWN = {
    "claims",
    "classroom",
    "live",
    "runs",
    "frames",
    "tasks",
    "presets",
    "figures",
    "systems",
    "timings",
    "lessons",
}

# layer -> what it may import of ours, beside itself and SHARED
MAY_IMPORT: dict[str, set[str]] = {
    "traces": set(),
    "family": set(),
    "settings": {"tasks"},  # inside its methods: the task itself knows what its sizes may be
    "port": set(),
    "timings": set(),
    "weights": {"systems"},
    "kernels": set(),
    "systems": set(),
    "home": set(),
    "serve": {"classroom", "home", "port"},
    "data": {"home"},
    "tasks": {"data"},
    "presets": {"tasks"},
    "models": {"kernels", "systems"},
    "frames": set(),
    "training": {"kernels", "tasks", "models", "presets", "frames", "runs"},
    "runs": {"home", "tasks", "frames", "presets", "training", "kernels"},
    "classroom": {"home", "runs"},
    "live": {"classroom", "runs", "frames", "tasks", "presets"},
    "figures": {"tasks", "timings"},
    "lessons": {"systems", "tasks", "frames", "runs", "timings", "weights"},
    "claims": {"lessons"},
    "widgets": SHOWN | {"data"},
    "pages": SHOWN | {"widgets"},
    "app": {"classroom", "live", "runs", "widgets"},
}
STREAMLIT = {"app", "pages", "widgets"}
TORCH = {"kernels", "models", "training"}
TORCH_FILES = {"ssmviz/runs/preload.py", "ssmviz/runs/worker.py"}  # what runs in a worker


def layer_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "ssmviz" and len(parts) > 1 else parts[0]


def sources() -> list[Path]:
    found = [ROOT / "app.py"]
    for folder in ("ssmviz", "kernels", "pages"):
        found += sorted((ROOT / folder).rglob("*.py"))
    return [p for p in found if p.exists() and p != ROOT / "ssmviz/__init__.py"]


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports anywhere, type-checking blocks included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] == "ssmviz":
        return parts[1] if len(parts) > 1 else None
    return parts[0] if parts[0] in {"kernels", "pages", "app"} else None


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    layer = layer_of(path)
    assert layer in MAY_IMPORT, f"new layer {layer!r}: add its row here and in docs/architecture.md"
    used = {ours(name) for name in imports(path)} - {None, layer, "__version__"}
    forbidden = used - MAY_IMPORT[layer] - SHARED
    assert not forbidden, f"{layer} must not import {sorted(forbidden)}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_streamlit_torch_and_triton_stay_in_their_layers(path):
    layer, relative = layer_of(path), path.relative_to(ROOT).as_posix()
    roots = {name.split(".")[0] for name in imports(path)}
    assert "streamlit" not in roots or layer in STREAMLIT
    assert "torch" not in roots or layer in TORCH or relative in TORCH_FILES
    assert "triton" not in roots or relative.startswith("kernels/")


def test_the_web_server_side_never_loads_torch():
    code = (
        "import sys, ssmviz.settings, ssmviz.presets, ssmviz.tasks, ssmviz.frames, ssmviz.runs.client, ssmviz.live;"
        "assert 'torch' not in sys.modules and 'numba' not in sys.modules, 'torch or numba is loaded'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_layer_is_named_in_the_architecture():
    text = (ROOT / "docs/architecture.md").read_text()
    missing = {layer_of(p) for p in sources()} - {w.strip("`|,./()->") for w in text.replace(".", " ").split()}
    assert not missing
