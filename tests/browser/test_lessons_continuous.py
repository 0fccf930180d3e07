"""The lessons on continuous systems and discretisation in a real browser: drag, paint, keyboard, touch."""

import pytest
from playwright.sync_api import expect

from tests.browser.stage import STAGE, canvas, drag, fact, spot, value

pytestmark = pytest.mark.browser


def test_a_dragged_pole_forgets_faster_and_is_in_the_address(lesson):
    lesson.open("continuous")
    expect(fact(lesson, "down to 1/e")).to_have_text("4 s")
    drag(lesson, spot(lesson, "poles", -0.25, 1.984), spot(lesson, "poles", -1.0, 3.0))
    expect(fact(lesson, "down to 1/e")).to_have_text("1 s")
    expect(fact(lesson, "poles")).to_contain_text("−1 ± 3i")
    lesson.page.wait_for_url(lambda url: "continuous_b=2" in url and "continuous_k=1" in url)


def test_a_pole_dragged_to_the_axis_becomes_two_real_ones_that_part(lesson):
    lesson.open("continuous", "?continuous_b=2&continuous_k=2")
    drag(lesson, spot(lesson, "poles", -1.0, 1.0), spot(lesson, "poles", -1.0, 0.0))
    expect(fact(lesson, "rings")).to_have_text("not at all")
    drag(lesson, spot(lesson, "poles", -1.0, 0.0), spot(lesson, "poles", -2.5, 0.0))
    poles = lesson.root.evaluate(f"e => {STAGE}.derived.poles.map(([re]) => re).sort()")
    assert poles == pytest.approx([-1.0, -2.5], abs=0.15)


def test_the_arrow_keys_move_a_pole(lesson):
    lesson.open("continuous")
    plane = canvas(lesson, "poles")
    plane.focus()
    plane.press("ArrowLeft")
    lesson.page.wait_for_url(lambda url: "continuous_b=0.6" in url)
    expect(plane).to_have_attribute("aria-label", "poles of A: drag them. pole 1 at −0.3, 1.98; pole 2 at −0.3, −1.98")


def test_a_painted_push_becomes_the_readers_own(lesson):
    lesson.open("continuous")
    drag(lesson, spot(lesson, "input", 6.0, 0.8), spot(lesson, "input", 8.0, 0.8))
    assert value(lesson, "input") == "drawn"
    drawn = value(lesson, "drawing")
    assert drawn[8] == 1  # the kick is kept
    assert drawn[50:63] == pytest.approx([0.8] * 13, abs=0.03)
    lesson.page.wait_for_url(lambda url: "continuous_drawing=" in url)


def test_a_dragged_entry_of_d_opens_the_bypass(lesson):
    lesson.open("continuous")
    circuit = canvas(lesson, "circuit")
    circuit.scroll_into_view_if_needed()
    box = circuit.bounding_box()
    place = lesson.root.evaluate(
        f"e => {{ const v = {STAGE}.views.find(v => v.name === 'circuit'); return v.cellOf('D00'); }}"
    )
    at = (box["x"] + place["x"] + 10, box["y"] + place["y"] + 14)
    drag(lesson, at, (at[0], at[1] - 30))
    assert value(lesson, "D") == pytest.approx(0.5, abs=0.02)
    expect(lesson.root.locator(".view-output .keys")).to_contain_text("C h")


def test_two_pasts_meet_and_stay_together(lesson):
    lesson.open("continuous", "?continuous_twin=1")
    expect(lesson.root.locator(".said")).to_contain_text("from there on the outputs differ by at most")
    apart = lesson.root.evaluate(
        f"""e => {{
          const {{ run, other }} = {STAGE}.derived;
          return [...run.y].map((y, i) => Math.abs(y - other.y[i]));
        }}"""
    )
    assert max(apart[:192]) > 0.05
    assert max(apart[192:]) < 1e-12


def test_a_finger_drags_the_pole_of_the_second_lesson_and_scrolls_elsewhere(phone):
    phone.open("discretisation", "?discretisation_method=euler")
    x, y = spot(phone, "poles", -0.4, 2.0)
    toX, toY = spot(phone, "poles", -2.0, 1.0)
    session = phone.page.context.new_cdp_session(phone.page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": (x + toX) / 2, "y": (y + toY) / 2}]),
        ("touchMove", [{"x": toX, "y": toY}]),
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    phone.page.wait_for_url(lambda url: "discretisation_re=-2" in url)
    expect(fact(phone, "Euler holds up to")).to_have_text("0.8 s")


def test_scenes_show_their_own_pictures_and_theorem_1_its_numbers(lesson):
    lesson.open("discretisation")
    scene = lesson.root.locator("[data-control=scene]")
    scene.get_by_text("Theorem 1").click()
    expect(lesson.root.locator(".view-gate")).to_be_visible()
    expect(lesson.root.locator(".view-curve")).to_be_hidden()
    expect(lesson.root.locator("[data-control=delta]")).to_be_hidden()
    expect(fact(lesson, "released code writes")).to_have_text("0.693")
    gate = canvas(lesson, "gate")
    gate.focus()
    for z in range(1, 5):
        gate.press("Shift+ArrowRight")
        lesson.page.wait_for_url(lambda url, z=z: f"discretisation_z={z}" in url)
    expect(fact(lesson, "released code writes")).to_have_text("4.018")
    expect(fact(lesson, "ZOH writes")).to_have_text("0.982")
    scene.get_by_text("twice as fine").click()
    expect(fact(lesson, "Δ kept")).to_have_text("0.833")
