"""The numbers of the lesson on S4 come out of its own functions."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from ssmviz.lessons.controls import values as parsed
from ssmviz.lessons.structured import (
    CONTROLS,
    L,
    cost,
    curves,
    delay,
    dense_kernel,
    diagonal_kernel,
    extra,
    kernel_errors,
    learn,
    output,
    s4_kernel,
    stage_errors,
)
from ssmviz.systems import s4, s4d
from ssmviz.systems.nplr import condition, diagonalise, normal_plus_low_rank

NOW = parsed(CONTROLS, {}, page="structured")[0]


def test_the_condition_of_v_is_the_quoted_one_and_that_of_the_normal_part_is_1():
    table = dict(zip(curves()["sizes"], curves()["condition"], strict=True))
    assert table[8] == pytest.approx(7.7e4, rel=0.01)
    assert table[16] == pytest.approx(8.3e10, rel=0.01)
    assert table[32] > 1e18  # 1.3e19, all digits gone
    assert condition(32)[1] == pytest.approx(1, abs=1e-6)


def test_in_float32_eigenvectors_work_up_to_about_ten_states():
    assert kernel_errors(8, "float32").eigenvectors < 0.01
    assert 0.1 < kernel_errors(12, "float32").eigenvectors < 1
    assert kernel_errors(16, "float32").eigenvectors > 100


def test_float64_postpones_it_to_some_twenty_states():
    assert kernel_errors(16, "float64").eigenvectors < 1e-4
    assert kernel_errors(32, "float64").eigenvectors > 100


@pytest.mark.parametrize("N", [8, 16, 32, 64])
def test_the_stages_keep_their_digits(N):
    assert kernel_errors(N, "float32").s4 < 1e-5
    assert kernel_errors(N, "float64").s4 < 1e-12
    assert max(stage_errors(N)[:4]) < 1e-10 * max(1, stage_errors(N).size)


def test_the_dense_kernel_is_the_recurrence():
    C = output(16)
    x = np.eye(1, L)[0]
    np.testing.assert_allclose(
        dense_kernel(16, 0.01, C), s4.recur_dplr(diagonalise(normal_plus_low_rank(16)), C, 0.01, x), atol=1e-12
    )
    np.testing.assert_allclose(s4_kernel(16, 0.01, C), dense_kernel(16, 0.01, C), atol=1e-12)


def test_the_stages_are_cheaper_than_inverses_and_than_powers_of_a_large_matrix():
    at = cost(64, 1024)
    assert at.inverses > 100 * at.stages
    assert at.powers > 5 * at.stages


@pytest.mark.parametrize("init", s4d.INITS)
def test_the_diagonal_kernel_is_the_recurrence_of_its_poles(init):
    values = {**NOW, "init": init, "N": 16}
    n = 16 if init == "real" else 8
    B = np.abs(s4d.legs_diagonal(n)[1]) if init == "legs" else np.ones(n)
    A_bar, B_bar = s4d.discretise(s4d.initial_poles(init, n), B, 0.01)
    y, _ = s4d.recur(A_bar, B_bar, output(n), np.eye(1, L)[0], conjugates=init != "real")
    np.testing.assert_allclose(diagonal_kernel(values), y, atol=1e-12)


def test_a_pole_across_the_axis_grows_without_end():
    moved = (0.0, 0.0, 0.8, *(0.0,) * 61)
    K = diagonal_kernel({**NOW, "init": "lin", "N": 16, "moved": moved, "delta": 0.1})
    assert np.abs(K[-32:]).max() > 100 * np.abs(diagonal_kernel({**NOW, "N": 16, "delta": 0.1})).max()


def test_mambas_poles_are_the_eigenvalues_of_legs():
    np.testing.assert_allclose(np.diag(normal_plus_low_rank(12).A), s4d.initial_poles("real", 12).real, atol=1e-12)


def test_training_moves_the_poles():
    got = learn("lin", 16)
    assert got.moved > 0.5
    assert got.first_error == pytest.approx(1)
    assert got.last_error < 0.25
    np.testing.assert_allclose(np.linalg.norm(got.K - delay()) / np.linalg.norm(delay()), got.last_error)


def test_starts_differ_and_real_poles_cannot_hold_a_delay():
    errors = {init: learn(init, 32).last_error for init in s4d.INITS}
    assert errors["lin"] < 0.05
    assert errors["inv"] < 0.3
    assert errors["legs"] < 0.3
    assert errors["real"] > 0.85


def test_what_the_pictures_are_given_is_plain_and_small():
    for change in ({}, {"trained": True, "N": 64}):
        assert len(json.dumps(extra({**NOW, **change}), allow_nan=False)) < 20_000


def test_the_snippet_computes_the_main_picture():
    found = runpy.run_path(str(Path(__file__).parents[2] / "assets" / "snippets" / "structured.py"))
    assert found["condition"] == pytest.approx(8.3e10, rel=0.01)
    np.testing.assert_allclose(found["K"], dense_kernel(16, 0.01, output(16)), atol=1e-12)
    np.testing.assert_allclose(found["dense"], dense_kernel(16, 0.01, output(16)), atol=1e-12)
