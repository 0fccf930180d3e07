"""The tensors of a file as float32, converted when they are asked for: of a large model one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np

from ssmviz.weights.file import Entry

Array: TypeAlias = np.ndarray
PIECE = 1 << 20  # numbers that are looked at together


class Tensors(Mapping[str, Array]):
    """By name, float32. Of F32 a view of the file, of F16 and BF16 a fresh array at every call; both convert exactly.

    Args:
        data: the whole file.
        entries: by the names under which they are asked for.
    """

    def __init__(self, data: memoryview, entries: Mapping[str, Entry]) -> None:
        self._data = data
        self._entries = entries

    def __getitem__(self, name: str) -> Array:
        entry = self._entries[name]
        return self._numbers(entry, 0, math.prod(entry.header.shape)).reshape(entry.header.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def pieces(self, name: str) -> Iterator[Array]:
        """All its numbers, flat, a few MB at a time."""
        entry = self._entries[name]
        count = math.prod(entry.header.shape)
        for start in range(0, count, PIECE):
            yield self._numbers(entry, start, min(PIECE, count - start))

    def _numbers(self, entry: Entry, first: int, count: int) -> Array:
        """`count` numbers from the `first` on."""

        def stored(kind: str) -> Array:
            return np.frombuffer(self._data, kind, count, entry.start + first * np.dtype(kind).itemsize)

        if entry.header.dtype == "BF16":  # the upper half of a float32
            return (stored("<u2").astype("<u4") << 16).view("<f4")
        return stored("<f2").astype("<f4") if entry.header.dtype == "F16" else stored("<f4")
