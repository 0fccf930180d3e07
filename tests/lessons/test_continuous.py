"""The numbers that the page on continuous systems states."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from ssmviz.lessons import continuous as lesson
from ssmviz.lessons.controls import changed

SNIPPET = Path(__file__).parents[2] / "assets" / "snippets" / "continuous.py"
DEFAULT = {control.name: control.default for control in lesson.CONTROLS}
CASES = (
    {},
    {"input": "step", "b": 5.0},
    {"input": "sine", "omega": 1.3, "m": 2.5, "D": 0.4},
    {"input": "drawn", "write": -0.7, "c1": 0.3, "c2": 1.2},
    {"k": -0.5, "b": -0.2},
    {"k": 0.0, "b": 0.0},
)
every_case = pytest.mark.parametrize("change", CASES, ids=lambda change: ", ".join(change) or "default")


def values(**change):
    return changed(lesson.CONTROLS, DEFAULT, change)


@every_case
def test_the_response_is_that_of_lsim(change):
    now = values(**change)
    s, got = lesson.system(now), lesson.run(now)
    x = np.append(lesson.held_input(now), lesson.held_input(now)[-1])
    _, y, h = signal.lsim((s.A, s.B[:, None], s.C[None], [[s.D]]), x, got.t, interp=False)
    np.testing.assert_allclose(got.y, y, atol=1e-9 * (1 + np.abs(y).max()))
    np.testing.assert_allclose(got.h, h, atol=1e-9 * (1 + np.abs(h).max()))


@pytest.mark.parametrize("poles", [(-0.25 + 2j, -0.25 - 2j), (-2.0, -0.5), (0.3 + 1j, 0.3 - 1j), (-1.0, 0.4)])
def test_any_conjugate_or_real_pair_of_poles_has_one_spring(poles):
    b, k = lesson.spring(*poles, m=1.5)
    got = lesson.pair(DEFAULT | {"b": b, "k": k, "m": 1.5})
    np.testing.assert_allclose(sorted(got, key=abs), sorted(poles, key=abs), atol=1e-9)


def test_the_default_forgets_in_four_seconds_and_rings_every_3_17():
    memory = lesson.longest(values())
    assert memory.time_constant == pytest.approx(4.0)
    assert 1 / memory.frequency == pytest.approx(3.17, abs=0.01)
    assert lesson.kept(values()) == pytest.approx(math.exp(-0.25))


def test_left_is_sooner_and_up_is_not():
    near, left, up = (lesson.kept(values(b=b, k=k)) for b, k in ((0.5, 4.0), (1.0, 4.0), (0.5, 16.06)))
    assert left < near == up


def test_without_a_damper_nothing_is_forgotten():
    assert lesson.kept(values(b=0.0)) == 1
    y = lesson.run(values(b=0.0)).y
    assert np.abs(y[-26:]).max() == pytest.approx(np.abs(y).max(), rel=0.01)


def test_d_is_a_bypass_exactly():
    x = np.append(lesson.held_input(values()), 0)
    apart = lesson.run(values(D=0.5)).y - lesson.run(values()).y
    np.testing.assert_allclose(apart, 0.5 * x, atol=1e-15)  # a difference of two floats
    silent = lesson.run(values(c1=0.0, c2=0.0, D=1.0)).y
    np.testing.assert_array_equal(silent, x)


@every_case
def test_two_pasts_with_one_state_have_one_future(change):
    now = values(**change, twin=True)
    past, K = lesson.another_past(now), round(now["now"] / lesson.HOLD)
    given, other = lesson.run(now), lesson.run(now, x=past)
    scale = 1 + np.abs(given.h).max()
    assert np.abs(past[:K] - lesson.held_input(now)[:K]).max() > 0.05
    assert np.abs(other.h[1:K] - given.h[1:K]).max() > 0.01
    np.testing.assert_allclose(other.h[K:], given.h[K:], atol=1e-10 * scale)
    np.testing.assert_allclose(other.y[K:], given.y[K:], atol=1e-10 * scale)


def test_no_other_past_leads_there_with_less_effort():
    now = values(twin=True)
    past, K = lesson.another_past(now)[:48], 48
    reach = lesson.reachable(lesson.system(now), K)
    detour = np.random.default_rng(0).normal(size=K)
    detour -= np.linalg.pinv(reach) @ (reach @ detour)  # moves nothing at the end
    np.testing.assert_allclose(
        lesson.run(now, x=np.append(past + detour, np.zeros(48))).h[K], lesson.run(now).h[K], atol=1e-10
    )
    assert np.linalg.norm(past + detour) > np.linalg.norm(past)


def test_where_nothing_is_written_the_past_is_the_given_one():
    now = values(write=0.0, twin=True)
    np.testing.assert_array_equal(lesson.another_past(now), lesson.held_input(now))


def test_a_sine_in_the_springs_rhythm_is_collected_and_another_is_not():
    most = [np.abs(lesson.run(values(input="sine", omega=w, b=0.1)).y).max() for w in (1.0, 2.0, 4.0)]
    assert most[1] > 2 * most[0]
    assert most[1] > 4 * most[2]


def test_gradient_descent_finds_the_poles():
    fit = lesson.learn_spring(values(), b=1.5, k=9.0)
    assert (fit.b, fit.k) == pytest.approx((0.5, 4.0), rel=1e-3)
    assert fit.last_error < 1e-9 < 1e-3 < fit.first_error
    assert fit.end == pytest.approx(lesson.pair(values())[0], abs=1e-3)
    assert "−0.75 ± 2.90i" in fit.sentence
    assert "−0.25 ± 1.98i" in fit.sentence


def test_words_of_poles_and_memory():
    assert lesson.words(-0.25 + 1.984j) == "-0.25 + 1.98i"
    assert lesson.words(-2 + 0j) == "-2"
    assert "never forgets" in lesson.longest(values(b=0.0)).sentence
    assert "does not ring" in lesson.longest(values(b=6.0)).sentence
    assert lesson.matrices(values(b=0.0))["A"] == r"\begin{pmatrix}0 & 1 \\ -4 & 0\end{pmatrix}"


def test_the_snippet_computes_the_pages_figure(capsys):
    got, page = runpy.run_path(str(SNIPPET)), lesson.run(values())
    np.testing.assert_allclose(got["h"], page.h, atol=1e-12)
    np.testing.assert_allclose(got["y"], page.y, atol=1e-12)
    np.testing.assert_allclose(sorted(got["poles"], key=np.imag)[::-1], lesson.pair(values()), atol=1e-12)
    assert "4.0 s" in capsys.readouterr().out
    assert len(SNIPPET.read_text().splitlines()) < 40
