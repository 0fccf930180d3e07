"""`python -m benchmarks.scan` writes what the app reads."""

import pytest
import torch

from benchmarks import scan, scan_measure
from ssmviz.timings import Ceilings, load, save


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(scan, "SHAPES", {"cpu": {"tiny": (1, 8, 16, 2), "long": (1, 9, 16, 2)}})
    monkeypatch.setattr(scan, "QUICK", {"tiny"})
    monkeypatch.setattr(scan, "SECONDS", 0.0)
    monkeypatch.setattr(scan, "QUICK_SECONDS", 0.0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_measurement_names_every_usable_backend_and_is_read_again(tiny, tmp_path):
    before = torch.get_num_threads()
    found = scan.run(backend="auto", quick=False, threads=1)
    torch.set_num_threads(before)
    assert {(r.name, r.backend) for r in found.rows} == {
        (name, backend) for name in ("tiny", "long") for backend in ("numba", "torch", "reference")
    }
    assert all(r.both and r.probe_channels and r.probe_times for r in found.rows)
    assert load(save(found, tmp_path / found.file_name)) == found


def test_a_quick_measurement_of_one_backend_is_one_row(tiny):
    before = torch.get_num_threads()
    found = scan.run(backend="torch", quick=True, threads=1)
    torch.set_num_threads(before)
    assert [(r.name, r.backend) for r in found.rows] == [("tiny", "torch")]
    assert found.command == "python -m benchmarks.scan --backend torch --threads 1 --quick"


def test_a_floor_is_the_slowest_of_bytes_exponentials_and_arithmetic():
    shape, rows = (2, 3, 5, 7), 2 * 3 * 5
    moved = (4 * rows + 2 * 2 * 3 * 7) * 4
    bytes_alone = scan_measure.floors(shape, 4, Ceilings(copy_bytes=1e3))
    assert bytes_alone[0] == pytest.approx(moved)
    bare = scan_measure.floors(shape, 4, Ceilings(copy_bytes=1e3), gate=False)
    assert bare == pytest.approx((moved - 4 * rows, bytes_alone[1] - 12 * rows))
    by_ex2 = scan_measure.floors(shape, 4, Ceilings(copy_bytes=1e12, ex2=1e3, ffma=1e12))
    assert by_ex2 == pytest.approx((rows * 7, 2 * rows * 7))
    by_ffma = scan_measure.floors(shape, 4, Ceilings(copy_bytes=1e12, ex2=1e12, ffma=1e3))
    assert by_ffma == pytest.approx((4 * rows * 7, 16 * rows * 7))
