"""Files that are damaged, of another kind, or too large: refused in words, in bounded memory."""

import json
import tracemalloc

import pytest

from ssmviz.weights import read, write
from tests.weights.cases import SIZES, framed

FLOATS = {"dtype": "F32", "shape": [2]}
BAD = {
    "nothing": (b"", "begins with 8 bytes, got 0"),
    "four bytes": (b"\x01\0\0\0", "begins with 8 bytes, got 4"),
    "a text": (b"hello, I am no model at all" * 9, "header claims"),
    "a pickle": (b"\x80\x04\x95" + b"." * 99, "Python pickle"),
    "a torch file": (b"PK\x03\x04" + b"." * 99, "zip archive"),
    "an LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    "a huge header": ((2**62).to_bytes(8, "little") + b"{}", "header claims 4,611,686,018,427,387,904 bytes"),
    "a truncated header": (framed(b'{"a": ' + b" " * 99)[:50], "download it again"),
    "no JSON": (framed(b"{" * 50), "no readable JSON"),
    "deep JSON": (framed(b"[" * 200_000), "no readable JSON"),
    "no object": (framed(b"[]"), "map names to tensors"),
    "a name twice": (framed(b'{"a": 1, "a": 2}'), "a name is there twice"),
    "odd metadata": (framed({"__metadata__": {"a": 1}}), "__metadata__"),
    "no offsets": (framed({"a": FLOATS}), "a must have a dtype"),
    "negative offsets": (framed({"a": FLOATS | {"data_offsets": [-8, 0]}}), "a must have a dtype"),
    "a wrong length": (framed({"a": FLOATS | {"data_offsets": [0, 4]}}, b"0" * 4), "a takes 8 bytes"),
    "overlap": (
        framed({"a": FLOATS | {"data_offsets": [0, 8]}, "b": FLOATS | {"data_offsets": [4, 12]}}, b"0" * 12),
        "b overlaps a",
    ),
    "a gap": (framed({"a": FLOATS | {"data_offsets": [4, 12]}}, b"0" * 12), "a does not follow the header"),
    "a cut body": (framed({"a": FLOATS | {"data_offsets": [0, 8]}}, b"0" * 7), "cut off"),
    "a tail": (framed({"a": FLOATS | {"data_offsets": [0, 8]}}, b"0" * 9), "goes on after"),
    "another model": (framed({"a": FLOATS | {"data_offsets": [0, 8]}}, b"0" * 8), "Mamba language model"),
    "300,000 tensors": (
        framed({f"backbone.layers.{i}.norm.weight": FLOATS | {"data_offsets": [0, 0]} for i in range(300_000)}),
        "header claims",
    ),
    "many layers": (framed({
        "backbone.embeddings.weight": FLOATS | {"data_offsets": [0, 8]},
        "backbone.layers.99999.norm.weight": FLOATS | {"data_offsets": [8, 16]},
    }, b"0" * 16), "layers must be numbered"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_refused_in_bounded_memory(kind):
    data, words = BAD[kind]
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024**2


def test_a_header_may_be_as_long_as_a_pickle_begins():
    data = framed(json.dumps({"a": FLOATS | {"data_offsets": [0, 8]}}).encode().ljust(0x0280), b"0" * 8)
    assert data.startswith(b"\x80\x02")
    with pytest.raises(ValueError, match="Mamba language model"):  # read as what it is
        read(data)


def test_every_cut_of_a_file_is_refused(tensors):
    data = write(tensors, "hf")
    for stop in [*range(0, 64), *range(64, len(data), 997), len(data) - 1]:
        with pytest.raises(ValueError, match=r"bytes|header|expected"):
            read(data[:stop])


def test_a_limit_on_bytes_holds_for_files_too(tmp_path, tensors):
    path = tmp_path / "model.safetensors"
    path.write_bytes(write(tensors, "hf"))
    assert read(path, most=path.stat().st_size).sizes == SIZES
    with pytest.raises(ValueError, match="at most 1,000 are opened"):
        read(path, most=1000)
