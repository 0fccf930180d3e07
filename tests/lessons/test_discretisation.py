"""The numbers that the page on discretisation states."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from ssmviz.lessons import discretisation as lesson
from ssmviz.lessons.controls import changed
from ssmviz.systems.continuous import poles
from ssmviz.systems.hippo import legs

SNIPPET = Path(__file__).parents[2] / "assets" / "snippets" / "discretisation.py"
DEFAULT = {control.name: control.default for control in lesson.CONTROLS}
CASES = (
    {},
    {"input": "sine"},
    {"system": "mamba", "delta": 0.05},
    {"system": "legs", "input": "sine", "delta": 0.02},
    {"re": -2.0, "im": 0.0, "delta": 0.5},
    {"input": "sine", "omega": 2.0, "re": -0.01, "im": 2.0},
)
every_case = pytest.mark.parametrize("change", CASES, ids=lambda change: ", ".join(change) or "default")


def values(**change):
    return changed(lesson.CONTROLS, DEFAULT, change)


def orders(**change):
    return {method: lesson.order(values(**change), method) for method in lesson.NAMES}


@every_case
def test_the_curve_is_that_of_lsim(change):
    now = values(**change)
    s = lesson.system(now)
    s = s.dense()
    t = np.linspace(0, 8, 16_001)
    _, y, _ = signal.lsim((s.A, s.B[:, None], s.C[None], [[0.0]]), lesson.signal(now, t), t)
    np.testing.assert_allclose(lesson.exact(now, t[::500]), y[::500], atol=1e-6)


@pytest.mark.parametrize("change", [{}, {"system": "mamba"}, {"system": "legs"}, {"im": 0.0}])
def test_every_system_answers_a_step_with_1_in_the_end(change):
    assert lesson.exact(values(**change), np.array([60.0]))[0] == pytest.approx(1.0, abs=1e-9)


def test_euler_leaves_the_disc_past_two_over_lambda_031_for_legs_64():
    assert f"{lesson.euler_limit(values(system='legs')):.3f}" == "0.031"
    assert lesson.euler_limit(values(system="mamba")) == 2 / 16
    np.testing.assert_allclose(
        sorted(np.linalg.eigvals(legs(64).A).real), sorted(poles(lesson.system(values(system="legs"))).real)
    )


def test_the_default_is_just_past_what_euler_bears():
    now = values(method="euler")
    assert 0.19 < lesson.euler_limit(now) < now["delta"]
    assert lesson.kept(now) > 1 > lesson.kept(values())
    assert lesson.kept(values()) == pytest.approx(math.exp(-0.4 * 0.25))


def test_an_unstable_system_has_no_delta_for_euler():
    assert lesson.euler_limit(values(re=0.2)) == 0


def test_zoh_is_exact_on_a_step_and_only_it():
    found = orders()
    assert found.pop("zoh") == math.inf
    assert lesson.error(values(), "zoh", 8) < 1e-14
    assert found == pytest.approx({"euler": 1, "backward": 1, "bilinear": 2, "foh": 1, "released": 1}, abs=0.05)


def test_on_a_signal_that_moves_only_foh_is_of_second_order():
    found = orders(input="sine")
    assert found == pytest.approx({m: 2 if m == "foh" else 1 for m in lesson.NAMES}, abs=0.05)


@pytest.mark.parametrize("change", [{}, {"input": "sine", "delta": 0.1}, {"system": "mamba"}])
def test_twice_as_many_tokens_need_half_the_delta(change):
    got = lesson.resample(values(**change))
    assert got.halved <= got.trained + 1e-12
    assert got.kept > 1.3 * got.trained
    assert got.kept > 0.05


def test_the_resampled_default_is_right_to_1e_15_or_wrong_by_0_83():
    got = lesson.resample(values())
    assert max(got.trained, got.halved) < 1e-14
    assert got.kept == pytest.approx(0.83, abs=0.005)


@pytest.mark.parametrize(("z", "gate", "released"), [(0.0, "0.500", "0.693"), (4.0, "0.982", "4.018")])
def test_theorem_1_at_the_quoted_places(z, gate, released):
    got = lesson.theorem(z)
    assert (f"{got.gate:.3f}", f"{got.zoh:.3f}", f"{got.released:.3f}") == (gate, gate, released)
    assert got.zoh == pytest.approx(got.gate, abs=1e-16)


def test_theorem_1_on_the_painted_gates_is_true_with_zoh_and_false_as_released():
    zoh, released = lesson.gate_errors(values())
    assert zoh < 1e-15
    assert released > 1


def test_released_code_moves_a_random_s6_by_a_fifth():
    found = [lesson.released_difference(seed=seed) for seed in range(3)]
    assert found == pytest.approx([0.2] * 3, abs=0.03)


def test_the_snippet_computes_the_pages_figure(capsys):
    got, now = runpy.run_path(str(SNIPPET)), values()
    for method, y in got["outputs"].items():
        np.testing.assert_allclose(y, lesson.tokens(now, method, delta=0.25, spacing=0.25).y, atol=1e-12)
    assert set(got["outputs"]) == set(lesson.NAMES)
    np.testing.assert_allclose(got["exact"], lesson.exact(now, got["t"]), atol=1e-12)
    assert "zoh" in capsys.readouterr().out
    assert len(SNIPPET.read_text().splitlines()) < 40
