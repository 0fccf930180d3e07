"""A checkpoint is safetensors bytes: named tensors, and one JSON text of counters. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ssmviz.settings import TrainSettings

FORMAT = "ssmviz checkpoint 1"
COUNTERS = ("step", "since", "seconds", "loss_sum", "loss", "grad_norm")


def dump(tensors: Mapping[str, Tensor], settings: TrainSettings, counters: Mapping[str, float]) -> bytes:
    """All that is needed to go on bit for bit.

    Args:
        tensors: parameters and optimiser state by name.
        settings: of the run; loading compares task and model.
        counters: the numbers named in `COUNTERS`; JSON keeps every bit of a float.
    """
    metadata = {"format": FORMAT, "settings": settings.model_dump_json(), "counters": json.dumps(dict(counters))}
    on_host = {name: t.detach().to("cpu").contiguous() for name, t in tensors.items()}
    return bytes(save_tensors(on_host, metadata))


def restore(data: bytes, tensors: Mapping[str, Tensor], settings: TrainSettings) -> dict[str, float]:
    """Write a checkpoint's values into `tensors` and return its counters.

    Raises:
        ValueError: not a checkpoint, of another task or network, or with values that are no numbers.
            Nothing has been written then.
    """
    saved, metadata = _read(data)
    _compare_settings(metadata, settings)
    _compare_tensors(saved, tensors)
    counters = _counters(metadata, settings.optim.steps)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(saved[name])
    return counters


def _read(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        saved = load_tensors(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"expected a checkpoint in safetensors format, got {len(data)} other bytes: {error}") from None
    if metadata.get("format") != FORMAT:
        raise ValueError(f"expected a file of the format {FORMAT!r}, got {metadata.get('format')!r}")
    return saved, metadata


def _counters(metadata: Mapping[str, str], steps: int) -> dict[str, float]:
    counters = _json(metadata, "counters")
    if counters.keys() != set(COUNTERS) or not all(
        isinstance(v, int | float) and isfinite(v) for v in counters.values()
    ):
        raise ValueError(f"counters must be numbers for {COUNTERS}, got {counters!r}; take an earlier checkpoint"[:300])
    if not 0 <= counters["step"] <= steps:
        raise ValueError(f"the checkpoint is of step {counters['step']}, the settings say {steps} steps; raise steps")
    return counters


def _json(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(metadata[key])
        value.keys()
    except (KeyError, ValueError, AttributeError):
        raise ValueError(f"the checkpoint has no readable {key}; take an earlier one") from None
    return value


def _compare_settings(metadata: Mapping[str, str], settings: TrainSettings) -> None:
    saved = _json(metadata, "settings")
    ours = settings.model_dump(mode="json")
    for part in ("task", "model"):
        for field, value in ours[part].items():
            default = type(getattr(settings, part)).model_fields[field].default  # of a field newer than the checkpoint
            if (theirs := saved.get(part, {}).get(field, default)) != value:
                raise ValueError(
                    f"the checkpoint is of a run with {part}.{field}={theirs!r}, "
                    f"the settings say {value!r}; go on with the checkpoint's own settings"
                )


def _compare_tensors(saved: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> None:
    if saved.keys() != ours.keys():
        missing, extra = sorted(ours.keys() - saved.keys()), sorted(saved.keys() - ours.keys())
        raise ValueError(f"the checkpoint lacks {missing[:3]} and has {extra[:3]} too many; was the optimiser changed?")
    for name, tensor in ours.items():
        got = saved[name]
        if got.shape != tensor.shape or got.dtype != tensor.dtype:
            raise ValueError(
                f"{name} must be {tensor.dtype} {tuple(tensor.shape)}, got {got.dtype} {tuple(got.shape)} "
                f"in the checkpoint"
            )
        if not torch.isfinite(got).all():
            raise ValueError(f"{name} has values that are no numbers; take an earlier checkpoint")
