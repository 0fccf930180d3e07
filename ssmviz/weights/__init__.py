"""Mamba's weights from and to safetensors files, in both published layouts (`layouts`). Strict; without torch.

    model = read(Path("model.safetensors"))
    model.tensors["layers.0.mixer.A_log"]          # float32, by the names of `ssmviz.models.Network`
    Path("other.safetensors").write_bytes(write(model.tensors, "original"))

`python -m ssmviz.weights IN OUT --layout original` does the same.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from ssmviz.settings import TrainSettings
from ssmviz.weights.file import Entry, read_header
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
from ssmviz.weights.tensors import Array, Tensors

__all__ = ["LAYOUTS", "Layout", "Model", "Sizes", "config", "of_checkpoint", "read", "unpublishable", "write"]

VOCAB = "ssmviz_vocab"  # in the metadata: rows before padding


@dataclass(frozen=True)
class Model:
    """A network of Mamba blocks as published."""

    sizes: Sizes
    tensors: Mapping[str, Array]  # by our names, float32; the head's is always there
    layout: Layout
    tied: bool  # whether the head is the embedding
    stored: str = DTYPE  # as what; "BF16, F32" where there are several kinds

    @property
    def parameters(self) -> int:
        """How many numbers, a tied head counted once."""
        return sum(math.prod(shape) for name, shape in self.sizes.shapes().items() if not (self.tied and name == HEAD))

    @property
    def note(self) -> str:
        """What people should know of how it is stored; "" of float32."""
        return "" if self.stored == DTYPE else f"stored as {self.stored}, read as float32"


def read(source: bytes | Path, *, most: int | None = None, mapped: bool = False) -> Model:
    """Open a file, or its bytes. F32 tensors are views of them, a file's pages are read when they are used.

    Args:
        source: a path, or the bytes of a file.
        most: bytes that it may have, as a file and as float32.
        mapped: convert F16 and BF16 anew whenever a tensor is asked for, and keep none: for models of any size.

    Raises:
        ValueError: not exactly such a model: says which tensor, what was expected, and what to do.
        OSError: the file cannot be read.
    """
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if most is not None and size > most:
        raise ValueError(f"the file has {size:,} bytes, {_too_many(most)}")
    data = memoryview(source if isinstance(source, bytes) else _mapped(source, size))
    entries, metadata, start = read_header(data, size)
    layout = layout_of(entries)
    sizes = checked({name: entry.header for name, entry in entries.items()}, layout)
    if most is not None and (whole := 4 * sum(math.prod(entry.header.shape) for entry in entries.values())) > most:
        raise ValueError(f"its tensors have {whole:,} bytes as float32, {_too_many(most)}")
    names = {name: entries[p] for name in sizes.shapes() if (p := published(name, layout)) in entries}
    found = {name: entry._replace(start=start + entry.start) for name, entry in names.items()}
    tensors = Tensors(data, found)
    for name, entry in found.items():
        _finite(tensors.pieces(name), entry.header.shape, published(name, layout))
    sizes = replace(sizes, vocab=_unpadded(metadata.get(VOCAB, ""), sizes.vocab))
    found |= {name: _first_rows(found[name], sizes.vocab) for name in {"embedding.weight", HEAD} & found.keys()}
    tied = HEAD not in found or _same(tensors.pieces(HEAD), tensors.pieces("embedding.weight"))
    stored = ", ".join(sorted({entry.header.dtype for entry in found.values()}))
    if tied:
        found[HEAD] = found["embedding.weight"]
    if mapped:
        return Model(sizes, tensors, layout, tied, stored)
    ready = dict(tensors)
    return Model(sizes, ready | ({HEAD: ready["embedding.weight"]} if tied else {}), layout, tied, stored)


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
        _finite([array.ravel()], array.shape, published(name, layout))
    if HEAD not in kept or _same([kept[HEAD].ravel()], [kept["embedding.weight"].ravel()]):
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


def _too_many(most: int) -> str:
    return f"at most {most:,} are opened here; give a smaller model, or run it by python -m ssmviz.weights IN --prompt"


def _unpadded(note: str, rows: int) -> int:
    """Rows of the embedding before padding, as the metadata say; all where they do not."""
    return int(note) if note.isdecimal() and rows - PADDED < int(note[:9]) < rows else rows


def _first_rows(entry: Entry, count: int) -> Entry:
    return entry._replace(header=entry.header._replace(shape=(count, *entry.header.shape[1:])))


def _finite(pieces: Iterable[Array], shape: tuple[int, ...], name: str) -> None:
    before = 0
    for piece in pieces:
        if (bad := ~np.isfinite(piece)).any():
            at = int(bad.argmax())
            place = tuple(int(i) for i in np.unravel_index(before + at, shape))
            raise ValueError(f"{name} must hold finite numbers, got {piece[at]} at {place}; the training had diverged")
        before += len(piece)


def _same(ones: Iterable[Array], others: Iterable[Array]) -> bool:
    """Bit for bit; pieces of equal lengths."""
    pairs = zip(ones, others, strict=True)
    return all(bool((one.view(np.uint32) == other.view(np.uint32)).all()) for one, other in pairs)
