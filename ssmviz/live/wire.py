"""Bytes and text as they travel to the browser; the format is described in `ssmviz.live`."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator
from typing import Any

ALIGN = 8  # so that typed arrays can be laid over a frame without copying
PREFIX = struct.Struct("<II")


def to_json(value: Any) -> str:
    """Compact JSON in which a number that is not finite is null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def live_frame(index: int, step: int, frame: bytes) -> bytes:
    """One binary message of the socket: the newest frame of run `index`."""
    return PREFIX.pack(index, step) + frame


def history(frames: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """Length-prefixed (step, frame) pairs, each starting at a multiple of `ALIGN` bytes."""
    for step, frame in frames:
        yield PREFIX.pack(len(frame), step) + frame + b"\0" * (-len(frame) % ALIGN)
