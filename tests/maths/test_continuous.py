"""The spring in the browser is the spring in Python."""

import math

import numpy as np
import pytest

from ssmviz.lessons import continuous as lesson
from ssmviz.systems.continuous import input_integrals, mode
from tests.lessons.test_continuous import CASES, values

every_case = pytest.mark.parametrize("change", CASES, ids=lambda change: ", ".join(change) or "default")
SYSTEM = "(m, v) => m.massSpring({ ...v, C: [v.c1, v.c2] })"


def plain(now):
    return {name: list(v) if isinstance(v, tuple) else v for name, v in now.items()}


@every_case
def test_matrices_are_those_of_python(js, change):
    now, got = lesson.system(values(**change)), js("continuous.js", SYSTEM, plain(values(**change)))
    for name in "ABCD":
        np.testing.assert_allclose(got[name], getattr(now, name), atol=1e-15)


@every_case
def test_states_and_output_are_those_of_python(js, change):
    now = values(**change)
    wanted, x = lesson.run(now), lesson.held_input(now)
    script = (
        f"(m, v, x) => {{ const s = ({SYSTEM})(m, v); const h = m.states(s, x, 0.125); return [h, m.read(s.C, h)]; }}"
    )
    h, y = js("continuous.js", script, plain(now), x)
    scale = np.abs(wanted.h).max() + 1
    np.testing.assert_allclose(np.array(h).T, wanted.h, atol=1e-10 * scale)
    np.testing.assert_allclose(y, wanted.y - now["D"] * np.append(x, x[-1]), atol=1e-10 * scale)


@every_case
def test_the_other_past_is_that_of_python(js, change):
    now = values(**change, twin=True)
    K = round(now["now"] / lesson.HOLD)
    script = f"(m, v, h, K) => m.weakestWay(({SYSTEM})(m, v), h, K, 0.125)"
    got = js("continuous.js", script, plain(now), lesson.run(now).h[K], K)
    np.testing.assert_allclose(got, lesson.another_past(now)[:K], atol=1e-6)


def test_one_step_is_that_of_python(js):
    system = lesson.system(values(b=1.0, k=9.0))
    got = js("continuous.js", "(m, A, B) => m.integrals({ A, B }, 0.3)", system.A, system.B)
    for name, wanted in zip(("A_bar", "B_bar", "late"), input_integrals(system, 0.3), strict=True):
        np.testing.assert_allclose(got[name], wanted, atol=1e-13)


@pytest.mark.parametrize("poles", [(-0.3 + 2j, -0.3 - 2j), (-1.0 + 0j, -3.0 + 0j), (0.2 + 1j, 0.2 - 1j)])
def test_a_spring_is_found_for_any_two_poles(js, poles):
    got = js("continuous.js", "(m, p) => m.spring(p, 2)", [[p.real, p.imag] for p in poles])
    assert (got["b"], got["k"]) == pytest.approx(lesson.spring(*poles, m=2.0))


@pytest.mark.parametrize("pole", [-0.25 + 2j, -3 + 0j, 1j, 0.5 + 0.1j])
def test_forgetting_and_ringing_are_those_of_python(js, pole):
    got, wanted = js("continuous.js", "(m, p) => m.mode(p)", [pole.real, pole.imag]), mode(pole)
    assert got["frequency"] == pytest.approx(wanted.frequency)
    assert got["damping"] == pytest.approx(wanted.damping)
    assert got["timeConstant"] == pytest.approx(wanted.time_constant) or math.isinf(wanted.time_constant)
