"""The file of timings that benchmarks write and the scan lesson reads."""

import json
from datetime import date

import pytest
from pydantic import ValidationError

from ssmviz.timings import Ceilings, Duration, Timing, Timings, load, load_all, save

ROW = Timing(
    name="train",
    batch=8,
    L=2048,
    D=2048,
    N=16,
    backend="triton",
    dtype="float32",
    forward=Duration(median_ms=0.3, best_ms=0.2),
    forward_floor_ms=0.1,
    both_floor_ms=0.3,
)


def timings(**changes):
    given = {
        "machine": "NVIDIA H200",
        "device": "cuda",
        "software": {"torch": "2.13.0"},
        "measured": date(2026, 11, 22),
        "command": "python -m benchmarks.scan",
        "ceilings": Ceilings(copy_bytes=4e12),
        "rows": (ROW,),
    }
    return Timings(**given | changes)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    path = save(timings(), tmp_path / "one.json")
    assert load(path) == timings()
    save(timings(machine="AMD EPYC, 2 cores", device="cpu"), tmp_path / "two.json")
    assert [t.device for t in load_all(tmp_path)] == ["cuda", "cpu"]


def test_the_file_is_named_after_the_machine():
    assert timings(machine="AMD EPYC (Genoa), 2 cores").file_name == "amd-epyc-genoa-2-cores.json"


def test_a_machine_is_not_a_path():
    with pytest.raises(ValidationError):
        timings(machine="/home/someone")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version: Input should be 1; measure again"),
        ({"rows": [{"name": "train"}]}, "rows.0.batch: Field required"),
        ({"ceilings": {"copy_bytes": -1}}, "ceilings.copy_bytes"),
        ({"host": "somewhere"}, "host: Extra inputs are not permitted"),
    ],
)
def test_another_file_is_refused_with_what_is_wrong(change, message, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(json.loads(timings().model_dump_json()) | change))
    with pytest.raises(ValueError, match=f"other.json is no file of timings: {message}"):
        load(path)


def test_every_committed_file_is_readable():
    for found in load_all():
        assert found.rows
