"""`python -m benchmarks.scan_growth` writes what the scan lesson reads."""

import pytest
import torch

from benchmarks import scan_growth
from ssmviz.lessons.scan_measured import growths


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(scan_growth, "SHAPES", {"cpu": (1, 16, 64, 4)})
    monkeypatch.setattr(scan_growth, "LENGTHS", {"cpu": range(3, 6)})
    monkeypatch.setattr(scan_growth, "WIDTHS", {"cpu": (1, 64)})
    monkeypatch.setattr(scan_growth, "SECONDS", 0.0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_measurement_of_growth_is_read_again(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["scan_growth", "--out", str(tmp_path / "here.json")])
    scan_growth.main()
    [found] = growths(tmp_path)
    assert found.shape == (1, 16, 64, 4)
    assert [way.backend for way in found.ways] == ["numba", "torch", "reference"]
    assert all(way.peak_bytes >= 16 * 64 * 4 for way in found.ways)  # y alone
    assert [curve.kind for curve in found.curves] == ["scan", "convolution", "attention"]
    assert all(curve.L == (8, 16, 32) for curve in found.curves)
