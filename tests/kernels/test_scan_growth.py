"""`python -m benchmarks.scan_growth` writes what the scan lesson reads."""

import pytest
import torch

from benchmarks import scan_growth
from ssmviz.lessons.scan_measured import Curve, growths


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
    assert all(len(curve.peak_bytes) == 3 for curve in found.curves)


def test_the_crossover_is_where_the_scan_stays_faster():
    [growth] = growths()[:1]
    curves = [
        Curve(kind="scan", L=(1, 2, 4, 8), ms=(1, 3, 3, 3)),
        Curve(kind="attention", L=(1, 2, 4, 8), ms=(2, 2, 4, 8)),
    ]
    changed = growth.model_copy(update={"curves": tuple(curves)})
    assert changed.crossover() == 4
    assert (
        changed.model_copy(
            update={"curves": (curves[0], curves[1].model_copy(update={"ms": (1, 1, 1, 1)}))}
        ).crossover()
        is None
    )
