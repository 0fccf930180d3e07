"""Complex numbers of the browser against Python's own."""

import cmath

import numpy as np
import pytest

from ssmviz.systems.exponentials import phi1, phi2

VALUES = (0.3 - 0.7j, -2 + 0j, 1e-9 + 2e-9j, -4 + 0.5j, 3j, -1e200 + 1e200j, 12 - 5j)


def pair(z):
    return [complex(z).real, complex(z).imag]


def close(got, wanted, rtol=1e-13):
    wanted = complex(wanted)
    assert abs(complex(*got) - wanted) <= rtol * max(abs(wanted), 1e-300)


@pytest.mark.parametrize(
    ("name", "python"),
    [("sqrt", cmath.sqrt), ("conj", lambda z: z.conjugate()), ("exp", cmath.exp), ("phi1", None), ("phi2", None)],
)
def test_functions_of_one_number_are_those_of_python(js, name, python):
    python = python or {"phi1": lambda z: phi1(np.array(z)), "phi2": lambda z: phi2(np.array(z))}[name]
    values = [z for z in VALUES if abs(z) < 1e3 or name in ("sqrt", "conj")]
    got = js("complex.js", "(m, name, values) => values.map(m[name])", name, [pair(z) for z in values])
    for answer, z in zip(got, values, strict=True):
        close(answer, python(z), rtol=1e-12)


def test_expm1_keeps_its_digits_near_zero(js):
    got = js("complex.js", "(m, z) => m.expm1(z)", [1e-12, -2e-12])
    close(got, complex(1e-12, -2e-12), rtol=1e-11)


def test_arithmetic_is_that_of_python(js):
    for z in VALUES:
        for w in VALUES[:5]:
            got = js(
                "complex.js", "(m, z, w) => [m.add(z, w), m.sub(z, w), m.mul(z, w), m.div(z, w)]", pair(z), pair(w)
            )
            for answer, wanted in zip(got, (z + w, z - w, z * w, z / w), strict=True):
                close(answer, wanted)


def test_division_does_not_overflow(js):
    close(js("complex.js", "(m) => m.div([1e300, 1e300], [2e300, 0])"), 0.5 + 0.5j)


def test_polar_abs_arg_and_power_agree(js):
    z = 0.9 - 0.4j
    size, angle, back, high = js(
        "complex.js", "(m, z) => [m.abs(z), m.arg(z), m.polar(m.abs(z), m.arg(z)), m.power(z, 11)]", pair(z)
    )
    assert (size, angle) == pytest.approx((abs(z), cmath.phase(z)), rel=1e-14)
    close(back, z)
    close(high, z**11, rtol=1e-12)
