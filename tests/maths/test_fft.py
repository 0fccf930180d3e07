"""The browser's FFT is numpy's."""

import numpy as np
import pytest
from playwright.sync_api import Error


@pytest.mark.parametrize("n", [1, 2, 8, 64, 1024])
@pytest.mark.parametrize("name", ["fft", "ifft"])
def test_the_fft_is_numpys(js, name, n):
    x = np.random.default_rng(n).standard_normal((2, n))
    got = js("fft.js", f"(m, re, im) => m.{name}({{ re, im }})", x[0], x[1])
    wanted = getattr(np.fft, name)(x[0] + 1j * x[1])
    np.testing.assert_allclose(np.array(got["re"]) + 1j * np.array(got["im"]), wanted, rtol=0, atol=1e-11)


def test_there_and_back_is_where_one_began(js):
    x = np.random.default_rng(0).standard_normal(256)
    back = js("fft.js", "(m, re) => m.ifft(m.fft({ re }))", x)
    np.testing.assert_allclose(back["re"], x, rtol=0, atol=1e-14)
    np.testing.assert_allclose(back["im"], 0, rtol=0, atol=1e-14)


def test_what_is_given_stays_as_it_is(js):
    given = js("fft.js", "(m, re) => { const x = Float64Array.from(re); m.fft({ re: x }); return x; }", [1.0, 2.0])
    assert given == [1.0, 2.0]


def test_lengths_are_rounded_up_to_powers_of_two_and_others_are_refused(js):
    assert [js("fft.js", "(m, n) => m.powerOfTwo(n)", n) for n in (1, 2, 3, 48, 64)] == [1, 2, 4, 64, 64]
    with pytest.raises(Error, match="n must be a power of two, got 6; pad with zeros"):
        js("fft.js", "(m, re) => m.fft({ re })", [0.0] * 6)
