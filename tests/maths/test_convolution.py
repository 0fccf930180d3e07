"""The browser marches and slides as Python does."""

import math

import numpy as np
import pytest

from ssmviz.lessons import two_views
from ssmviz.lessons.two_views import CONTROLS, L
from ssmviz.systems.convolution import convolve_fft

SETTINGS = [
    {},
    {"selective": True},
    {"r": 1.0, "theta": 0},
    {"r": 0.5, "theta": 180, "selective": True, "shift": 7},
    {"r": 1.02, "theta": 90, "selective": True, "follow": True, "shift": 12},
]


@pytest.fixture(params=SETTINGS, ids=str)
def values(request):
    return {control.name: control.default for control in CONTROLS} | request.param


def pole(values):
    return {"r": values["r"], "theta": math.radians(values["theta"])}


def test_the_march_is_pythons(js, values):
    got = js("convolution.js", "(m, ...a) => m.march(...a)", pole(values), two_views.delta(values), values["x"])
    y, h = two_views.march(values)
    np.testing.assert_allclose(got["y"], y, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.array(got["re"]) + 1j * np.array(got["im"]), h, rtol=0, atol=1e-12)


def test_kernel_and_slide_are_pythons(js, values):
    K = js("convolution.js", "(m, ...a) => m.kernel(...a)", pole(values), L)
    np.testing.assert_allclose(K, two_views.kernel(values), rtol=0, atol=1e-12)
    y = js("convolution.js", "(m, ...a) => m.slide(...a)", K, values["x"])
    np.testing.assert_allclose(y, two_views.slide(values), rtol=0, atol=1e-12)
    by_fft = js("convolution.js", "(m, ...a) => m.slideByFft(...a)", K, values["x"])
    np.testing.assert_allclose(by_fft, convolve_fft(np.array(K), np.array(values["x"])), rtol=0, atol=1e-12)


def test_the_matrix_is_pythons_and_so_is_the_count_of_kernels(js, values):
    delta = two_views.delta(values)
    M = js("convolution.js", "(m, ...a) => m.operatorMatrix(...a)", pole(values), delta)
    np.testing.assert_allclose(np.reshape(M, (L, L)), two_views.matrix(values), rtol=0, atol=1e-12)
    assert js("convolution.js", "(m, ...a) => m.kernelsNeeded(...a)", M, L) == two_views.kernels(values)


def test_a_row_of_the_matrix_read_backwards_is_the_kernel_of_its_output(js, values):
    M = two_views.matrix(values)
    row = js("convolution.js", "(m, ...a) => m.rowKernel(...a)", M.ravel(), L, 9)
    assert row == M[9, 9::-1].tolist()


def test_costs_are_pythons(js):
    for tokens, states in ((4, 1), (12, 16), (20, 256)):
        wanted = two_views.work({"tokens": tokens, "states": states})
        got = js("convolution.js", "(m, ...a) => m.costs(...a)", 1 << tokens, states)
        assert {name: (cost["work"], cost["depth"]) for name, cost in got.items()} == wanted


def test_what_comes_late_is_pythons(js):
    values = {"shift": 5}
    u = np.arange(L, dtype=float)
    assert js("convolution.js", "(m, ...a) => m.late(...a)", u, 5, 1) == two_views.late(values, u, 1.0).tolist()
    assert js("convolution.js", "(m, ...a) => m.largestDifference(...a)", [1.0, -2.0], [1.5, 2.0]) == 4.0
