"""Which implementations of the scan there are, which are usable here, and which one "auto" means."""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from kernels.arguments import Problem, Result

Scan = Callable[[Problem], Result]

EVERYWHERE = ("cpu", "cuda", "mps", "xpu")
WIDE = (torch.float32, torch.float64)
HALF = (torch.bfloat16, torch.float16)

MAX_TAPS = 8  # of a fused convolution


class Backend(NamedTuple):
    """One file of this package that exports `scan`."""

    module: str  # imported when first used
    devices: tuple[str, ...]
    dtypes: tuple[torch.dtype, ...]  # of x
    conv: str = ""  # exports a fused `causal_conv1d`
    auto: bool = True  # whether "auto" may choose it


# Best first: "auto" takes the first that fits device and dtype and is usable.
BACKENDS = {
    "triton": Backend("kernels.triton_scan", ("cuda",), (torch.float32, *HALF), conv="kernels.triton_conv"),
    "numba": Backend("kernels.numba_scan", ("cpu",), (torch.float32, *HALF), conv="kernels.numba_conv"),
    "torch": Backend("kernels.torch_scan", EVERYWHERE, (*WIDE, *HALF)),
    "reference": Backend("kernels.reference", EVERYWHERE, (*WIDE, *HALF), auto=False),
}

# Plain dictionaries, because torch.compile traces through a look-up, but not into functools.cache.
_resolved: dict[tuple[str, str, torch.dtype], tuple[str, str]] = {}
_loaded: dict[str, Scan] = {}


def available() -> dict[str, str]:
    """Every backend, with "" if it is usable on this machine or else the reason why not."""
    return {name: _problem(name) for name in BACKENDS}


def resolve(backend: str, device: torch.device | str, dtype: torch.dtype = torch.float32) -> tuple[str, str]:
    """What `backend` means for tensors of this device and dtype.

    "auto" is `triton` on CUDA and `numba` on the CPU; `torch` where these do not work (the note says why) and for
    float64, in which they do not compute.

    Returns:
        (name, note): the backend that runs, and "" or what people should know about the choice.

    Raises:
        ValueError: no such backend, or not for this device or dtype.
        RuntimeError: the backend is not usable on this machine.
    """
    case = backend, torch.device(device).type, dtype
    if case not in _resolved:
        _resolved[case] = _resolve(*case)
    return _resolved[case]


def _resolve(name: str, device: str, dtype: torch.dtype) -> tuple[str, str]:
    if name == "auto":
        return _choose(device, dtype)
    if name not in BACKENDS:
        raise ValueError(f"backend must be 'auto' or one of {', '.join(BACKENDS)}, got {name!r}")
    backend = BACKENDS[name]
    if reason := _problem(name):
        raise RuntimeError(f"the {name} backend is not usable here: {reason}; use backend='auto'")
    if dtype not in backend.dtypes:
        raise ValueError(f"the {name} backend does not compute in {dtype}; use backend='torch'")
    if device not in _devices(name):
        raise ValueError(f"the {name} backend runs on {_devices(name)}, got tensors on {device}; use backend='auto'")
    return name, ""


def _choose(device: str, dtype: torch.dtype) -> tuple[str, str]:
    notes = []
    for name, backend in BACKENDS.items():
        if not backend.auto or device not in backend.devices:
            continue
        if dtype not in backend.dtypes:
            notes.append(f"{name} does not compute in {str(dtype).removeprefix('torch.')}")
        elif reason := _problem(name):
            notes.append(f"{name} is not usable here ({reason})")
            warnings.warn(notes[-1], RuntimeWarning, stacklevel=4)  # once: the choice is cached
        else:
            return name, f"The scan runs in plain PyTorch ({name}): {'; '.join(notes)}." if notes else ""
    raise ValueError(f"no scan for {dtype} on {device}; move the tensors to the CPU or to CUDA, as float32")


def _devices(name: str) -> tuple[str, ...]:
    interpreted = name == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
    return ("cpu", "cuda") if interpreted else BACKENDS[name].devices


@functools.cache
def load_conv(name: str, taps: int) -> Callable[..., Tensor]:
    """The convolution that goes with a backend."""
    fused = BACKENDS[name].conv if taps <= MAX_TAPS else ""
    convolve: Callable[..., Tensor] = importlib.import_module(fused or "kernels.conv").causal_conv1d
    return convolve


def load_scan(name: str) -> Scan:
    """The `scan` function of a backend; imports, which may compile."""
    if name not in _loaded:
        _loaded[name] = importlib.import_module(BACKENDS[name].module).scan
    return _loaded[name]


@functools.cache
def _problem(name: str) -> str:
    """Why a backend is not usable on this machine, or ""."""
    devices = [d for d in _devices(name) if d == "cpu" or torch.get_device_module(d).is_available()]
    if not devices:
        return f"needs a {BACKENDS[name].devices[0].upper()} device, and there is none"
    try:
        # what a driver, a compiler or another version of a library can raise is unbounded
        _try_out(load_scan(name), devices[0])
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0][:200]
    return ""


def _try_out(scan: Scan, device: str) -> None:
    """One position of one channel: a missing compiler shows itself only when something runs."""
    one = torch.ones(1, 1, 1, device=device)
    with torch.no_grad():
        y = scan(Problem(one, one, -one[0], one, one)).y
    if abs(float(y) - 1.0) > 1e-3:  # h = delta B x = 1
        raise ArithmeticError(f"a scan of ones gave {float(y):.3g} instead of 1")


def warm_up() -> None:
    """Compile or load the CPU kernels, so that the first training step does not wait. Starts no thread."""
    if not _problem("numba"):
        load_conv("numba", MAX_TAPS)
