"""One frame of a network's inside, packed for the browser: safetensors bytes, at most 128 KiB.

The table of arrays is in `docs/architecture.md`, "Frames". Names: L positions, D channels, N states,
K channels shown one by one, R rows of the heat map.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from safetensors.numpy import save

from ssmviz.traces import Frame, LayerTrace, NetworkTrace

VERSION = "1"
MAX_BYTES = 128 * 1024
MAX_WEIGHTS = 96 * 1024  # bytes of the weights of all layers
MAX_ROWS = 64
HEADER_BYTES = 1024  # more than metadata without the list of channels ever takes
HEADER_BYTES_PER_LAYER = 15 * 96  # one JSON entry per array
PER_CHANNEL = ("delta", "keep", "h", "h_scale", "A", "A_imag", "gain")  # arrays with a row for each channel shown

DTYPES = {"F32": np.float32, "I16": np.int16, "U8": np.uint8, "I8": np.int8}


def pack(frame: Frame, task: str) -> bytes:
    """The frame as one safetensors blob, with the arrays that each layer has.

    Args:
        frame: what `ssmviz.training` yields.
        task: name of the task, for the legend.

    Returns:
        At most `MAX_BYTES` bytes for two layers of 16 states up to about 900 tokens; longer ones keep one channel
        and one row and exceed it.
    """
    trace = frame.trace
    signal = trace.tokens.dtype.kind == "f"
    weights = [dict(_weights(layer.weights, room)) for layer, room in zip(trace.layers, _rooms(trace), strict=True)]
    D, N = max(map(_table, trace.layers), default=(0, 0))
    K, R = budget(
        L=len(trace.tokens),
        D=D,
        N=N,
        layers=len(trace.layers),
        signal=signal,
        diagonal=any(layer.delta is not None for layer in trace.layers),
        weights=sum(array.nbytes for arrays in weights for array in arrays.values()),
    )
    arrays = dict(_read(trace.tokens)) | dict(_said(trace.targets, trace.logits))
    for i, (layer, A) in enumerate(zip(trace.layers, frame.A, strict=True)):
        shown = dict(_layer(layer, A, K, R)) | weights[i]
        if signal and layer.C is not None and layer.h is not None:
            shown["gain"] = _gain(layer.C, layer.h, K)
        arrays |= {f"{i}.{name}": array for name, array in shown.items()}
    metadata = {
        "step": str(frame.step),
        "layers": str(len(trace.layers)),
        "version": VERSION,
        "channels": json.dumps(_spread(D, K).tolist()),
        "complex": json.dumps(
            [i for i, h in enumerate(layer.h for layer in trace.layers) if h is not None and np.iscomplexobj(h)]
        ),
        "task": task,
    }
    return bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata))


def unpack(data: bytes) -> dict[str, Any]:
    """Arrays by name, and the metadata (strings) under `"__metadata__"`.

    Raises:
        ValueError: the bytes are no frame.
    """
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        frame: dict[str, Any] = {"__metadata__": header.pop("__metadata__")}
        for name, entry in header.items():
            start, stop = entry["data_offsets"]
            values = np.frombuffer(data, np.uint8)[8 + size + start : 8 + size + stop]
            frame[name] = values.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected the bytes of a frame, got {len(data)} bytes that are none: {error}") from error
    return frame


def thinned(data: bytes, *, channels: int, rows: int) -> bytes:
    """A smaller frame of the same moment: fewer channels, fewer rows of the heat map, attention's mean over heads.

    Args:
        data: the bytes of a frame.
        channels: how many to show at most, evenly spaced among those that are there.
        rows: of the heat map at most, neighbouring ones averaged.
    """
    frame = unpack(data)
    about = frame.pop("__metadata__")
    shown = json.loads(about["channels"])
    keep = np.unique(np.linspace(0, len(shown) - 1, min(channels, len(shown))).round().astype(int))
    arrays = {}
    for name, array in frame.items():
        kind = name.rpartition(".")[2]
        if kind in PER_CHANNEL:
            array = array[keep]
        elif kind == "heat" and len(array) > rows:
            array = np.rint(_neighbours(array, rows)).astype(np.uint8)
        elif kind == "attention":
            array = array[:1] if array.dtype == np.int8 else np.rint(array.mean(0, keepdims=True)).astype(np.uint8)
        arrays[name] = np.ascontiguousarray(array)
    return bytes(save(arrays, about | {"channels": json.dumps([shown[i] for i in keep])}))


def budget(
    *, L: int, D: int, N: int, layers: int, signal: bool = False, diagonal: bool = True, weights: int = 0
) -> tuple[int, int]:
    """K and R: how many single channels and how many rows of the heat map fit into `MAX_BYTES`.

    Depends on sizes alone, so all frames of one probe length show the same channels.

    Args:
        L: positions.
        D: channels, or rows of the memory; 0 where no layer has any.
        N: numbers of a row.
        layers: of the network.
        signal: whether it reads real numbers.
        diagonal: whether the layers have Delta, A, B and C.
        weights: bytes that the weights of all layers take.
    """
    if not D:
        return 0, 0
    answers = (4 + 4 + 4 if signal else 2 + 2 + 2 + 4) * L + HEADER_BYTES
    room = MAX_BYTES - answers - weights - 4 * N * D * layers * signal

    def fit(rows: int) -> int:
        shared = layers * (HEADER_BYTES_PER_LAYER + rows * L + 12 + diagonal * (4 + 2 * N) * L)
        per_channel = layers * (N * L + 4 + diagonal * (5 * L + 8 * N)) + 5  # 5: its number in the metadata
        return (room - shared) // per_channel

    rows = min(D, MAX_ROWS)
    while rows > 1 and fit(rows) < 1:
        rows = (rows + 1) // 2
    return max(1, min(D, fit(rows))), rows


def _read(tokens: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if tokens.dtype.kind == "f":
        yield "signal", tokens.astype(np.float32)
    else:
        yield "tokens", tokens.astype(np.int16)


def _said(targets: np.ndarray, logits: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if targets.dtype.kind == "f":
        yield "wanted", targets.astype(np.float32)
        yield "said", logits[:, 0].astype(np.float32)
        return
    asked = targets >= 0
    predicted = logits.argmax(-1)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    judged = np.where(asked, targets, predicted)
    yield "targets", np.where(asked, targets, -1).astype(np.int16)
    yield "predicted", predicted.astype(np.int16)
    yield "confidence", np.take_along_axis(p, judged[:, None], -1)[:, 0].astype(np.float32)


def _layer(layer: LayerTrace, A: np.ndarray | None, K: int, rows: int) -> Iterator[tuple[str, np.ndarray]]:
    if layer.delta is not None:
        yield "delta", layer.delta[:, _spread(layer.delta.shape[1], K)].T.astype(np.float32)
        yield "delta_mean", np.exp(np.log(np.maximum(layer.delta, 1e-30)).mean(-1)).astype(np.float32)
    if layer.A_bar is not None:
        yield "keep", _unsigned(_modulus(layer.A_bar[:, _spread(layer.A_bar.shape[1], K)]).mean(-1).T, 1.0)
    if layer.h is not None:
        yield from _memory(layer.h, K, rows)
    if A is not None:
        A = A[_spread(len(A), K)]
        yield "A", A.real.astype(np.float32)
        if np.iscomplexobj(A):
            yield "A_imag", A.imag.astype(np.float32)
    if layer.B_bar is not None and layer.delta is not None:
        yield from _projection("B", layer.B_bar[:, 0] / np.maximum(layer.delta[:, :1], 1e-30))  # B_bar: about delta B
    if layer.C is not None:
        yield from _projection("C", layer.C if layer.C.ndim == 2 else layer.C[:, 0])


def _memory(h: np.ndarray, K: int, rows: int) -> Iterator[tuple[str, np.ndarray]]:
    heat = _heat(h, min(rows, h.shape[1]))
    yield "heat", _unsigned(heat, heat.max())
    yield "heat_max", np.array([heat.max()], np.float32)
    shown = h[:, _spread(h.shape[1], K)].real.transpose(1, 2, 0)  # (K, N, L)
    scale = np.abs(shown).max((1, 2))
    yield "h", _signed(shown, scale[:, None, None])
    yield "h_scale", scale.astype(np.float32)


def _projection(name: str, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    scale = np.abs(values.real).max()
    yield name, _signed(values.real.T, scale)
    yield f"{name}_scale", np.array([scale], np.float32)


def _gain(C: np.ndarray, h: np.ndarray, K: int) -> np.ndarray:
    """What each state adds to y: root mean square over the positions of C_n h_n, with its conjugate; (K, N)."""
    channels = _spread(h.shape[1], K)
    part = (C[:, None] if C.ndim == 2 else C[:, channels]) * h[:, channels]
    part = 2 * part.real if np.iscomplexobj(part) else part
    return np.asarray(np.sqrt((part**2).mean(0)), np.float32)


def _table(layer: LayerTrace) -> tuple[int, int]:
    """Rows that are shown one by one, and the numbers of one: of the memory, else of Delta, else none."""
    if layer.h is not None:
        return layer.h.shape[1], layer.h.shape[2]
    return (0, 0) if layer.delta is None else (layer.delta.shape[1], 1)


def _spread(size: int, K: int) -> np.ndarray:
    """K indices below size, evenly spaced with both ends; all where there are fewer."""
    return np.linspace(0, size - 1, min(K, size)).round().astype(int)


def _heat(h: np.ndarray, rows: int) -> np.ndarray:
    """Root mean square over the states, neighbouring channels averaged: (L, D, N) -> (rows, L)."""
    power = np.einsum("ldn,ldn->dl", h.real, h.real)
    if np.iscomplexobj(h):
        power += np.einsum("ldn,ldn->dl", h.imag, h.imag)
    return _neighbours(np.sqrt(power / h.shape[2]), rows)


def _neighbours(values: np.ndarray, rows: int) -> np.ndarray:
    """Means over neighbouring rows: (D, L) -> (rows, L)."""
    first = np.arange(rows) * len(values) // rows
    width = np.diff(first, append=len(values))
    return np.asarray(np.add.reduceat(values.astype(np.float64), first, axis=0) / width[:, None])


def _rooms(trace: NetworkTrace) -> Iterator[int]:
    """Bytes for the weights of each layer: less where its memory is shown, too."""
    count = sum(layer.weights is not None for layer in trace.layers)
    for layer in trace.layers:
        yield (MAX_WEIGHTS if layer.h is None else MAX_WEIGHTS // 2) // max(1, count)


def _weights(weights: np.ndarray | None, room: int) -> Iterator[tuple[str, np.ndarray]]:
    """Of every head (H, S, S); their mean (the first, if signed) where not all fit, neighbours together where S < L."""
    if weights is None:
        return
    signed = bool(weights.min() < 0 or weights.max() > 1 + 1e-6)
    side = min(weights.shape[-1], math.isqrt(room))
    if len(weights) * side * side > room or side < weights.shape[-1]:
        weights = weights[:1] if signed else weights.mean(0, keepdims=True)
    weights = _together(weights, span=-(-weights.shape[-1] // side))
    if not signed:
        yield "attention", _unsigned(weights, 1.0)
        return
    scale = np.abs(weights).max()
    yield "attention", _signed(weights, scale)
    yield "attention_scale", np.array([scale], np.float32)


def _together(weights: np.ndarray, *, span: int) -> np.ndarray:
    """What `span` neighbours take from as many: means over rows, sums over columns; (H, L, L) to (H, S, S)."""
    if span == 1:
        return weights
    first = np.arange(0, weights.shape[-1], span)
    rows = np.diff(first, append=weights.shape[-1])
    sums = np.add.reduceat(np.add.reduceat(weights, first, axis=1), first, axis=2)
    return np.asarray(sums / rows[:, None])


def _modulus(z: np.ndarray) -> np.ndarray:
    # np.abs of a complex array calls hypot, ten times slower
    modulus: np.ndarray = np.sqrt(z.real**2 + z.imag**2) if np.iscomplexobj(z) else np.abs(z)
    return modulus


def _unsigned(values: np.ndarray, top: float) -> np.ndarray:
    return np.asarray(np.rint(np.clip(_ratio(values, top), 0, 1) * 255), np.uint8)


def _signed(values: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    return np.asarray(np.rint(np.clip(_ratio(values, scale), -1, 1) * 127), np.int8)


def _ratio(values: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):  # a network about to diverge is still shown
        return np.nan_to_num(values / np.maximum(scale, 1e-30), nan=0.0)
