"""Mamba's weights from and to safetensors files, in both published layouts (`layouts`). Strict; without torch.

    model = read(Path("model.safetensors"))
    model.tensors["layers.0.mixer.A_log"]          # float32, by the names of `ssmviz.models.Network`
    Path("other.safetensors").write_bytes(write(model.tensors, "original"))

`python -m ssmviz.weights IN OUT --layout original` does the same.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from safetensors.numpy import load, save

from ssmviz.settings import TrainSettings
from ssmviz.weights.file import read_header
from ssmviz.weights.layouts import (
    DTYPE,
    HEAD,
    LAYOUTS,
    PADDED,
    Header,
    Layout,
    Sizes,
    checked,
    config,
    layout_of,
    published,
)

__all__ = ["LAYOUTS", "Layout", "Model", "Sizes", "config", "of_checkpoint", "read", "unpublishable", "write"]

Array: TypeAlias = np.ndarray
VOCAB = "ssmviz_vocab"  # in the metadata: rows before padding


@dataclass(frozen=True)
class Model:
    """A network of Mamba blocks as published."""

    sizes: Sizes
    tensors: dict[str, Array]  # by our names, float32; the head's is always there
    layout: Layout
    tied: bool  # whether the head is the embedding

    @property
    def parameters(self) -> int:
        """How many numbers, a tied head counted once."""
        return sum(a.size for name, a in self.tensors.items() if not (self.tied and name == HEAD))


def read(source: bytes | Path, *, most: int | None = None) -> Model:
    """Open a file, or its bytes; the tensors are views of them, a file's pages are read when they are used.

    Args:
        source: a path, or the bytes of a file.
        most: bytes that it may have.

    Raises:
        ValueError: not exactly such a model: says which tensor, what was expected, and what to do.
        OSError: the file cannot be read.
    """
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if most is not None and size > most:
        raise ValueError(f"the file has {size:,} bytes, at most {most:,} are opened here; give a smaller model")
    data = memoryview(source if isinstance(source, bytes) else _mapped(source, size))
    entries, metadata, start = read_header(data, size)
    layout = layout_of(entries)
    sizes = checked({name: entry.header for name, entry in entries.items()}, layout)
    tensors = {}
    for name in sizes.shapes():
        if (entry := entries.get(published(name, layout))) is not None:
            count = math.prod(entry.header.shape)
            tensors[name] = np.frombuffer(data, "<f4", count, start + entry.start).reshape(entry.header.shape)
            _finite(tensors[name], published(name, layout))
    vocab = metadata.get(VOCAB, "")
    if vocab.isdecimal() and sizes.vocab - PADDED < int(vocab[:9]) < sizes.vocab:
        sizes = Sizes(**vars(sizes) | {"vocab": int(vocab)})
        for name in {"embedding.weight", HEAD} & tensors.keys():
            tensors[name] = tensors[name][: sizes.vocab]
    tied = _is_tied(tensors)
    return Model(sizes, tensors | ({HEAD: tensors["embedding.weight"]} if tied else {}), layout, tied)


def write(tensors: Mapping[str, Array], layout: Layout) -> bytes:
    """The file's bytes, the same for the same tensors.

    A head that equals the embedding is tied: hf leaves it out, as transformers does, the original repeats it. A head of
    its own is written; the network's `config` must then say that it is not tied. The original's padding rows are zeros,
    so the logits of padding tokens are 0.

    Args:
        tensors: by our names, float32; without `lm_head.weight` the head is tied.
        layout: whose names.

    Raises:
        ValueError: not exactly the tensors of a Mamba model, or a number that is none.
    """
    kept, metadata = dict(tensors), {"format": "pt"}  # what transformers asks for: how matrices are laid out
    vocab = len(kept.get("embedding.weight", ()))
    if layout == "original" and vocab % PADDED:
        metadata[VOCAB] = str(vocab)
        more = ((0, -vocab % PADDED), (0, 0))
        padded = [name for name in ("embedding.weight", HEAD) if name in kept and kept[name].ndim == 2]
        kept |= {name: np.pad(kept[name], more) for name in padded}
    headers = {published(name, layout): Header(_dtype(array), array.shape) for name, array in kept.items()}
    checked(headers, layout)
    for name, array in kept.items():
        _finite(array, published(name, layout))
    if _is_tied(kept):
        kept.pop(HEAD, None)
        kept |= {HEAD: kept["embedding.weight"]} if layout == "original" else {}
    return bytes(save({published(name, layout): np.ascontiguousarray(a) for name, a in kept.items()}, metadata))


def unpublishable(settings: TrainSettings) -> str:
    """Why the published layouts cannot hold the network of a run, or ""."""
    task, model = settings.task, settings.model
    reasons = {
        "its layer is not S6": model.layer != "s6",
        "its block is not Mamba's": model.block != "mamba",
        "it reads a signal, not tokens": task.reads_signal,
        "a part of Mamba's block is switched off": not (model.gate and model.skip and model.d_conv == 4),
        "not all of Delta, B and C are selective": model.selective != "delta B C",
        "B is discretised by zoh, where released code takes euler": model.b_discretisation != "euler",
    }
    return next((words for words, holds in reasons.items() if holds), "")


def of_checkpoint(data: bytes) -> dict[str, Array]:
    """A run's parameters by our names, from the bytes of its checkpoint; the optimiser's are left out."""
    start = "parameter/"
    return {name.removeprefix(start): array for name, array in load(data).items() if name.startswith(start)}


def _mapped(path: Path, size: int) -> mmap.mmap | bytes:
    if size == 0:
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _dtype(array: Array) -> str:
    return DTYPE if array.dtype == np.float32 else str(array.dtype)


def _finite(array: Array, name: str) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), array.shape))
        raise ValueError(f"{name} must hold finite numbers, got {array[place]} at {place}; the training had diverged")


def _is_tied(tensors: Mapping[str, Array]) -> bool:
    head, embedding = tensors.get(HEAD), tensors["embedding.weight"]
    return head is None or bool((np.asarray(head).view(np.uint32) == np.asarray(embedding).view(np.uint32)).all())
