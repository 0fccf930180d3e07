"""The numbers of the lesson on the scan."""

from __future__ import annotations

import json
import runpy

import numpy as np
import pytest

from ssmviz.lessons import scan as lesson
from ssmviz.lessons import scan_measured as measured
from ssmviz.lessons.scan import CONTROLS
from ssmviz.systems.scan import loop
from ssmviz.timings import load_all
from tests.pages.conftest import ROOT

START = {control.name: control.default for control in CONTROLS}
FUSED = START | {"fused": True, "recompute": True}


def test_h_alone_is_a_gigabyte_and_what_goes_in_and_out_a_fifth_of_it():
    assert lesson.words(lesson.sizes(START)["h"]) == "1.07 GB"
    assert lesson.words(lesson.moved(FUSED, "forward")) == "0.203 GB"


def test_three_kernels_move_thirty_times_the_bytes_of_one():
    assert lesson.moved(START, "forward") / lesson.moved(FUSED, "forward") == pytest.approx(32.7, abs=0.1)


def test_what_one_kernel_moves_is_inputs_and_outputs():
    """Three numbers forward and five backward for each channel and token, and B, C and their gradients."""
    rows, columns = 8 * 2048 * 1024 * 4, 8 * 2048 * 16 * 4
    small = 1024 * 16 * 4
    assert lesson.moved(FUSED, "forward") == 3 * rows + 2 * columns + small
    assert lesson.moved(FUSED, "backward") == 5 * rows + 4 * columns + 2 * small


def test_recomputing_keeps_nothing_and_not_recomputing_keeps_h():
    assert lesson.kept(FUSED) == 0
    assert lesson.kept(FUSED | {"recompute": False}) == lesson.sizes(START)["h"]
    assert lesson.kept(START) == 3 * lesson.sizes(START)["h"]


def test_recomputing_in_one_kernel_moves_fewer_bytes_and_in_three_more():
    def both(values):
        return lesson.moved(values, "forward") + lesson.moved(values, "backward")

    assert both(FUSED) < both(FUSED | {"recompute": False})
    assert both(START | {"recompute": True}) > both(START)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_no_kernel_reads_what_was_never_written(fused, recompute):
    there = {"x", "Δ", "A", "B", "C", "dy"}
    for move in lesson.traffic(START | {"fused": fused, "recompute": recompute}):
        if move.way == "out":
            there.add(move.tensor)
        assert move.tensor in there, move
    assert {"dx", "dΔ", "dA", "dB", "dC"} <= there


def test_half_precision_moves_half():
    assert 2 * lesson.moved(START | {"size": "2"}, "forward") == lesson.moved(START, "forward")


@pytest.mark.parametrize(("L", "levels"), [(2, 1), (8, 3), (2048, 11), (2049, 12), (65536, 16)])
def test_levels_are_doublings(L, levels):
    assert lesson.levels(L) == levels


@pytest.mark.parametrize("method", ["hillis_steele", "blelloch"])
def test_the_tree_that_is_drawn_is_the_loop(method):
    values = START | {"method": method}
    np.testing.assert_allclose(lesson.scan(values).h, loop(values["a"], values["b"]), atol=1e-12)


def test_running_products_break_at_step_113_in_single_and_at_913_in_double_precision():
    assert lesson.breaks_at(START) == 113
    assert lesson.breaks_at(START, np.float64) == 913
    assert lesson.breaks_at(START | {"keep": 0.99}) is None


def test_what_was_measured_reaches_the_browser():
    got = json.loads(json.dumps(measured.for_browser()))
    assert [machine["machine"] for machine in got["machines"]] == [timings.machine for timings in load_all()]
    for machine in got["machines"]:
        assert machine["measured"]
        assert machine["rows"]
        assert all(row["forward"] > 0 for row in machine["rows"])
    assert measured.CLAIM in got["said"][0]


def test_a_measured_speed_up_names_its_machine_and_day():
    [timings] = [one for one in load_all() if measured.speedups(one)][:1]
    assert timings.machine in measured.speedup_words()
    assert timings.measured.isoformat() in measured.speedup_words()
    assert all(ratio > 1 for ratio in measured.speedups(timings).values())


def test_the_snippet_scans_as_the_loop_does(capsys):
    got = runpy.run_path(str(ROOT / "assets" / "snippets" / "scan.py"))
    np.testing.assert_allclose(got["h"], loop(got["a"], got["b"]), atol=1e-12)
    assert got["levels"] == 11
    assert got["broken"] == lesson.breaks_at(START)
    assert "11 levels for 2048 steps" in capsys.readouterr().out


def test_the_scan_grows_as_the_length_and_attention_as_its_square():
    [slopes, *_] = [{curve.kind: curve.slope for curve in growth.curves} for growth in measured.growths()]
    assert slopes["scan"] == pytest.approx(1.0, abs=0.15)
    assert slopes["attention"] == pytest.approx(2.0, abs=0.2)
    assert 1.0 < slopes["convolution"] < 1.3  # L log L


def test_one_kernel_was_measured_to_take_less_memory_than_the_states_alone():
    [growth, *_] = measured.growths()
    batch, L, D, N = growth.shape
    peaks = {way.backend: way.peak_bytes for way in growth.ways}
    assert peaks["triton"] < 4 * batch * L * D * N < peaks["torch"] < peaks["reference"]


def test_what_was_measured_is_said_with_its_machine():
    for growth in measured.growths():
        assert f"on {growth.machine} ({growth.measured.isoformat()})" in measured.growth_words()
