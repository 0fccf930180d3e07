"""The numbers of the lesson on recurrence and convolution."""

from __future__ import annotations

import runpy

import numpy as np
import pytest

from ssmviz.lessons import two_views as lesson
from ssmviz.lessons.two_views import CONTROLS, L
from ssmviz.systems.convolution import operator_matrix
from tests.pages.conftest import ROOT

START = {control.name: control.default for control in CONTROLS}
SELECTIVE = START | {"selective": True}


@pytest.mark.parametrize("r", [0.05, 0.85, 1.0, 1.02])
@pytest.mark.parametrize("theta", [0, 40, 180])
def test_march_and_slide_give_the_same_output(r, theta):
    assert lesson.difference(START | {"r": r, "theta": theta}) < 2e-15


def test_time_invariant_is_one_kernel_and_selective_is_a_kernel_for_each_output():
    assert lesson.kernels(START) == 1
    assert lesson.kernels(SELECTIVE) == 22  # the first outputs see nothing but one small delta
    assert lesson.difference(SELECTIVE) > 1


def test_one_delta_for_all_is_not_selective():
    values = SELECTIVE | {"delta": (1.0,) * L}
    assert lesson.kernels(values) == 1
    assert lesson.difference(values) < 1e-15


@pytest.mark.parametrize("values", [START, SELECTIVE], ids=["time-invariant", "selective"])
def test_the_matrix_is_the_march(values):
    np.testing.assert_allclose(lesson.matrix(values) @ lesson.input_of(values), lesson.march(values)[0], atol=1e-14)


def test_the_matrix_is_toeplitz_exactly_without_selection():
    M = lesson.matrix(START)
    for k in range(L):
        np.testing.assert_allclose(np.diag(M, -k), lesson.kernel(START)[k], atol=1e-14)
    M = lesson.matrix(SELECTIVE)
    assert np.ptp(np.diag(M)) > 1


def test_shifts_are_followed_but_for_one_channel_under_anothers_gates():
    assert lesson.shift_error(START) == 0
    assert lesson.shift_error(SELECTIVE | {"follow": True}) < 1e-12
    assert lesson.shift_error(SELECTIVE) > 1e-2


def test_the_kernel_of_a_pole_on_the_circle_never_dies_out():
    assert lesson.kernel(START | {"r": 1.0, "theta": 0}).tolist() == [1.0] * L


def test_the_march_multiplies_less_and_waits_longer():
    work = lesson.work(START | {"tokens": 16})
    assert work["recurrence"] == (3 * 16 << 16, 65_537)
    assert work["FFT convolution"][0] > work["recurrence"][0]
    assert work["FFT convolution"][1] == 35


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.00"), (2.4, "2.40"), (3.33e-16, r"3.3 \cdot 10^{-16}"), (-2e-5, r"-2.0 \cdot 10^{-5}")],
)
def test_small_numbers_are_written_with_a_power_of_ten(value, words):
    assert lesson.scientific(value) == words


def test_the_snippet_computes_the_pages_pictures(capsys):
    got = runpy.run_path(str(ROOT / "assets" / "snippets" / "two_views.py"))
    np.testing.assert_allclose(got["x"], lesson.input_of(START))
    np.testing.assert_allclose(got["y"], lesson.march(START)[0], atol=1e-12)
    np.testing.assert_allclose(got["K"], lesson.kernel(START), atol=1e-12)
    np.testing.assert_allclose(got["y_selective"], lesson.march(SELECTIVE)[0], atol=1e-12)
    np.testing.assert_allclose(got["M"], lesson.matrix(SELECTIVE), atol=1e-12)
    assert "largest difference" in capsys.readouterr().out


def test_the_matrix_is_that_of_the_systems():
    steps = np.array(SELECTIVE["delta"])[:, None]
    wanted = operator_matrix(lesson.pole(SELECTIVE) ** steps, steps, np.ones((L, 1)))
    np.testing.assert_array_equal(lesson.matrix(SELECTIVE), wanted.real)
