"""The lessons on memory and S4 in a real browser: paint, drag, keys, touch, and the numbers that Python finds too."""

import numpy as np
import pytest
from playwright.sync_api import expect

from ssmviz.lessons import memory, structured
from ssmviz.lessons.controls import changed
from tests.browser.stage import STAGE, canvas, drag, fact, spot, value

pytestmark = pytest.mark.browser
MEMORY = {control.name: control.default for control in memory.CONTROLS}
STRUCTURED = {control.name: control.default for control in structured.CONTROLS}


def after(lesson, change, what):
    """Something of the stage once these values are set and drawn."""
    script = f"""async (e, [change]) => {{
      const stage = {STAGE};
      stage.set(change);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return {what};
    }}"""
    return lesson.root.evaluate(script, [change])


def test_a_painted_signal_is_remembered_and_in_the_address(lesson):
    lesson.open("memory")
    expect(fact(lesson, "error of the memory")).to_have_text("0.21")
    drag(lesson, spot(lesson, "signal", 2.0, -1.5), spot(lesson, "signal", 6.0, -1.5))
    assert value(lesson, "signal") == "drawn"
    assert set(value(lesson, "drawing")[14:38]) == {-1.5}
    expect(fact(lesson, "error of the memory")).not_to_have_text("0.21")
    lesson.page.wait_for_url(lambda url: "memory_signal=drawn" in url and "memory_drawing=" in url)


def test_the_arrow_keys_paint_the_signal_and_move_now(lesson):
    lesson.open("memory")
    signal = canvas(lesson, "signal")
    signal.focus()
    signal.press("ArrowUp")
    lesson.page.wait_for_url(lambda url: "memory_signal=drawn" in url)
    measure = canvas(lesson, "measure")
    measure.focus()
    measure.press("Shift+ArrowLeft")
    expect(fact(lesson, "samples seen")).to_have_text("460")


def test_now_is_dragged_back_to_when_less_was_known(lesson):
    lesson.open("memory")
    drag(lesson, spot(lesson, "measure", 10.0, 0.5), spot(lesson, "measure", 2.5, 0.5))
    expect(fact(lesson, "samples seen")).to_have_text("128")
    expect(lesson.root.locator(".said")).to_contain_text("After 2.5 s")


def check_error(lesson, change, *, close):
    found = after(lesson, change, "stage.moment.error")
    assert found == pytest.approx(memory.error(changed(memory.CONTROLS, MEMORY, change)), abs=close)


def test_the_picture_is_off_by_what_python_computes(lesson):
    lesson.open("memory")
    for measure in ("legs", "legt", "lagt", "fout"):
        for N, signal in ((1, "tones"), (8, "steps"), (33, "drawn"), (64, "tones")):
            check_error(lesson, {"measure": measure, "N": N, "signal": signal}, close=1e-6)


def test_a_silent_signal_leaves_the_picture_standing(lesson):
    lesson.open("memory")
    silent = {"signal": "drawn", "drawing": [0] * 64}
    assert after(lesson, silent, "stage.moment.error") == 0
    expect(fact(lesson, "error of the memory")).to_have_text("0.00")


def test_a_random_matrix_is_read_as_python_reads_it(lesson):
    lesson.open("memory", "?memory_measure=random")
    for signal in ("tones", "steps"):
        check_error(lesson, {"measure": "random", "signal": signal}, close=1e-3)  # it is sent with four digits


def test_a_finger_paints_on_a_phone(phone):
    phone.open("memory")
    phone.page.touchscreen.tap(*spot(phone, "signal", 5.0, 2.0))
    phone.page.wait_for_url(lambda url: "memory_signal=drawn" in url)
    assert value(phone, "drawing")[32] == pytest.approx(2, abs=0.05)


def test_a_pole_dragged_across_the_axis_grows(lesson):
    lesson.open("structured")
    expect(fact(lesson, "slowest wave")).to_have_text("139 steps")
    drag(lesson, spot(lesson, "spectrum", -0.5, 2 * np.pi), spot(lesson, "spectrum", 0.5, 2 * np.pi))
    expect(fact(lesson, "slowest wave")).to_have_text("never")
    lesson.page.wait_for_url(lambda url: "structured_moved=0~0~0~0~" in url)


def test_more_states_make_the_eigenvectors_useless_in_the_digits_that_python_finds(lesson):
    lesson.open("structured")
    off = "Math.max(...stage.derived.naive.map((v, l) => Math.abs(v - stage.derived.dense.K[l])))"
    for N, floats in ((8, "float32"), (16, "float32"), (16, "float64")):
        found = after(lesson, {"N": N, "floats": floats}, f"{off} / Math.max(...stage.derived.dense.K.map(Math.abs))")
        assert found == pytest.approx(structured.kernel_errors(N, floats).eigenvectors, rel=1e-3)
    slider = lesson.root.locator("[data-control=N]")
    slider.focus()
    slider.press("End")
    expect(lesson.root.locator(".said")).to_contain_text("useless")
    lesson.page.wait_for_url(lambda url: "structured_N=64" in url)


def test_the_diagonal_kernels_are_pythons(lesson):
    lesson.open("structured")
    for init in ("lin", "inv", "legs", "real"):
        change = {"init": init, "N": 8, "moved": [0.1, 2.0 * (init != "real"), *[0.0] * 62]}
        K = after(lesson, change, "Array.from(stage.derived.diagonal.K)")
        expected = structured.diagonal_kernel(changed(structured.CONTROLS, STRUCTURED, change))
        np.testing.assert_allclose(K, expected, atol=1e-9)


def test_the_costs_are_measured_on_request(lesson):
    lesson.open("structured")
    note = lesson.root.locator(".view-cost .note")
    expect(note).to_have_text("lines: counted")
    lesson.root.locator("[data-action=measure]").click()
    expect(note).to_contain_text("this browser; at L = 256")
