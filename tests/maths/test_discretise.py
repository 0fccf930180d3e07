"""The step rules of the browser are those of Python."""

import numpy as np
import pytest

from ssmviz.lessons import discretisation as lesson
from ssmviz.systems import discretise as d
from ssmviz.systems.continuous import Diagonal
from tests.lessons.test_discretisation import CASES, values

POLES = (-0.4 + 2j, -3 + 0j, 0j, 0.3 - 1j, -1e-7 + 0j, -40 + 3j)
every_case = pytest.mark.parametrize("change", CASES, ids=lambda change: ", ".join(change) or "default")


def pair(z):
    return [complex(z).real, complex(z).imag]


def plain(now):
    s = lesson.system(now)
    return {"A": [pair(a) for a in s.A], "C": [pair(c) for c in s.C], "paired": bool(np.iscomplexobj(s.A))}


def test_the_methods_are_those_of_python(js):
    assert tuple(js("discretise.js", "(m) => m.METHODS")) == d.METHODS == tuple(lesson.NAMES)


@pytest.mark.parametrize("method", d.METHODS)
@pytest.mark.parametrize("delta", [0.0, 0.01, 0.7])
def test_steps_and_pole_maps_are_those_of_python(js, method, delta):
    script = "(m, poles, delta, method) => poles.map((p) => [m.step(p, delta, method), m.poleMap(p, delta, method)])"
    for (got, mapped), pole in zip(
        js("discretise.js", script, [pair(p) for p in POLES], delta, method), POLES, strict=True
    ):
        wanted = d.discretise(Diagonal([pole], [1 + 0j], [1]), delta, method)
        for name in ("A_bar", "B_bar", "B_before"):
            np.testing.assert_allclose(complex(*got[name]), getattr(wanted, name)[0], rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(complex(*mapped), d.pole_map(pole, delta, method), rtol=1e-12, atol=1e-15)


@every_case
@pytest.mark.parametrize("method", d.METHODS)
def test_runs_are_those_of_python(js, change, method):
    now = values(**change)
    got = lesson.tokens(now, method, delta=now["delta"], spacing=now["delta"])
    y = js(
        "discretise.js",
        "(m, s, delta, method, x) => m.run(s, delta, method, x)",
        plain(now),
        now["delta"],
        method,
        got.x,
    )
    np.testing.assert_allclose(y, got.y, rtol=1e-9, atol=1e-11 * (1 + np.abs(got.y).max()))


@every_case
def test_the_curve_is_that_of_python(js, change):
    now, t = values(**change), np.linspace(0, 8, 33)
    y = js("discretise.js", "(m, s, v, t) => m.exact(s, v, t)", plain(now), {k: now[k] for k in ("input", "omega")}, t)
    np.testing.assert_allclose(y, lesson.exact(now, t), atol=1e-12)


@pytest.mark.parametrize("change", [{}, {"system": "mamba"}, {"system": "legs"}, {"re": 0.1}])
def test_eulers_limit_is_that_of_python(js, change):
    now = values(**change)
    assert js("discretise.js", "(m, s) => m.eulerLimit(s.A)", plain(now)) == pytest.approx(lesson.euler_limit(now))


def test_theorem_1_is_that_of_python(js):
    z = np.array([-800.0, -4.0, 0.0, 0.3, 4.0, 30.0, 800.0])
    x = lesson.gate_input(len(z))
    script = """(m, x, z) => ({
      softplus: z.map(m.softplus), sigmoid: z.map(m.sigmoid), gated: m.gated(x, z),
      zoh: m.selective(x, z, "zoh"), euler: m.selective(x, z, "released"),
      write: z.map((at) => m.selectiveStep(at, "zoh").write),
    })"""
    got = js("discretise.js", script, x, z)
    wanted = {
        "softplus": d.softplus(z),
        "sigmoid": d.sigmoid(z),
        "gated": d.gated(x, z),
        "zoh": d.selective(x, z),
        "euler": d.selective(x, z, "euler"),
        "write": d.write_gate(z),
    }
    for name, numbers in wanted.items():
        np.testing.assert_allclose(got[name], numbers, rtol=1e-12, atol=1e-15, err_msg=name)
