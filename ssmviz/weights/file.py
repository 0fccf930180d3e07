"""The header of a safetensors file, read with nothing taken on trust: the file may come from a stranger.

A safetensors file is 8 bytes (length of the header, little-endian), a JSON header (name -> dtype, shape, data_offsets),
and the bytes of the tensors, one after the other. Nothing in it is run or unpickled.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from ssmviz.weights.layouts import Header

MAX_HEADER = 1024**2  # bytes: 512 layers of Mamba take 600 kB
ITEM_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
FOREIGN = {  # how files of other kinds begin
    b"PK": "a zip archive (a PyTorch .bin or .pt file)",
    b"\x80": "a Python pickle",
    b"\x1f\x8b": "a gzip archive",
    b"GGUF": "a GGUF file",
    b"\x93NUMPY": "a numpy file",
    b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself",
}


class Entry(NamedTuple):
    """One tensor and where its bytes lie, counted from the end of the header."""

    header: Header
    start: int
    stop: int


def read_header(head: memoryview, size: int) -> tuple[dict[str, Entry], dict[str, str], int]:
    """Every tensor by name, the metadata, and where the tensors' bytes begin.

    Args:
        head: the whole file, or at least its first 8 bytes and header.
        size: of the file in bytes.

    Raises:
        ValueError: no safetensors file, damaged, or with a header beyond `MAX_HEADER`.
    """
    start = 8 + _header_size(head, size)
    header = _json(bytes(head[8:start]))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("__metadata__ of the header must be words by name; the file is damaged")
    entries = {name: _entry(name, given) for name, given in header.items()}
    _side_by_side(entries, size - start)
    return entries, metadata, start


def _header_size(head: memoryview, size: int) -> int:
    if size < 8:
        raise ValueError(f"a safetensors file begins with 8 bytes, got {size} in all; download it again")
    length = int.from_bytes(head[:8], "little")
    kind = next((words for mark, words in FOREIGN.items() if bytes(head[:32]).startswith(mark)), "")
    if kind and 8 + length > min(size, MAX_HEADER):  # a length, too, may begin like a pickle
        raise ValueError(f"expected a safetensors file, got {kind}; give the model's .safetensors file instead")
    if length > MAX_HEADER:
        raise ValueError(
            f"the header claims {length:,} bytes, at most {MAX_HEADER:,} are read; this is no safetensors file of a "
            "Mamba model, or it is damaged"
        )
    if 8 + length > size:
        raise ValueError(f"the header claims {length:,} bytes, the file ends after {size - 8:,}; download it again")
    return length


def _json(text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            raise ValueError("a name is there twice")
        return names

    try:
        header = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"the header is no readable JSON ({str(error)[:80]}); this is no whole safetensors file"
        ) from None
    if not isinstance(header, dict):
        raise ValueError("the header must map names to tensors; this is no safetensors file")
    return header


def _entry(name: str, given: Any) -> Entry:
    try:
        dtype, shape, (start, stop) = given["dtype"], given["shape"], given["data_offsets"]
        whole = all(type(n) is int and 0 <= n < 2**40 for n in (*shape, start, stop))
        if not whole or not isinstance(dtype, str) or len(given) != 3 or len(shape) > 8:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{name[:80]} must have a dtype, a shape and two data_offsets in the header, got {str(given)[:80]}; "
            "the file is damaged"
        ) from None
    wanted = ITEM_BYTES.get(dtype, 0) * math.prod(shape)
    if dtype in ITEM_BYTES and stop - start != wanted:
        raise ValueError(
            f"{name[:80]} takes {wanted:,} bytes as {dtype} {tuple(shape)}, its data_offsets give {stop - start:,}; "
            "the file is damaged"
        )
    return Entry(Header(dtype, tuple(shape)), start, stop)


def _side_by_side(entries: dict[str, Entry], room: int) -> None:
    """Tensors follow each other without gap or overlap, and fill the file."""
    end, before = 0, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: item[1][1:]):
        if entry.start != end or entry.stop < entry.start:
            fault = "overlaps" if entry.start < end else "does not follow"
            raise ValueError(
                f"{name[:80]} {fault} {before[:80]}: it begins at byte {entry.start:,}, expected {end:,}; "
                "the file is damaged"
            )
        end, before = entry.stop, name
    if end != room:
        fault = "is cut off" if end > room else "goes on after its last tensor"
        raise ValueError(f"the file {fault}: its tensors take {end:,} bytes, it has {room:,}; download it again")
