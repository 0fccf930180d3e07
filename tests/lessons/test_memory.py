"""The numbers of the lesson on memory come out of its own functions."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from ssmviz.lessons.controls import values as parsed
from ssmviz.lessons.memory import (
    AGES,
    CONTROLS,
    WINDOW,
    L,
    delayed,
    error,
    extra,
    legs_errors,
    readout,
    seconds,
    signal,
)
from ssmviz.systems.hippo import project, reconstruct, relative_error
from ssmviz.systems.hippo_online import memory_by_age, online, random_matrices
from ssmviz.systems.legendre import legs, legt

NOW = parsed(CONTROLS, {}, page="memory")[0]
IN_WINDOW = AGES <= WINDOW


def test_legs_error_falls_from_71_to_5_per_cent_and_no_polynomial_is_much_better():
    found = legs_errors(NOW)
    np.testing.assert_allclose(found.legs, [0.71, 0.55, 0.45, 0.20, 0.05], atol=0.02)
    assert all(best <= mine <= 1.01 * best for mine, best in zip(found.legs, found.best, strict=True))


@pytest.mark.parametrize("N", [4, 32])
def test_the_first_coefficients_of_a_large_legs_are_those_of_a_small_one(N):
    f = signal(NOW)
    np.testing.assert_allclose(online(legs(64), f)[-1, :N], online(legs(N), f)[-1], atol=1e-12)
    r = (np.arange(L) + 0.5) / L
    direct = relative_error(f, reconstruct(legs(N), online(legs(N), f)[-1], 1 - r, 1.0))
    assert error({**NOW, "N": N}) == pytest.approx(direct, abs=1e-9)


def test_a_window_is_remembered_to_28_per_cent_and_a_random_matrix_forgets():
    kept, lost = readout("legt", 32)[1], readout("random", 32)[1]
    assert kept[IN_WINDOW].min() == pytest.approx(0.01, abs=0.005)
    assert kept[IN_WINDOW].max() == pytest.approx(0.28, abs=0.02)
    assert lost[AGES == WINDOW // 2] == pytest.approx(0.98, abs=0.01)
    assert (lost[1:] > 0.9)[IN_WINDOW[1:]].sum() >= 20
    assert (kept[~IN_WINDOW][2:] > 0.9).all()  # at once, behind the window


@pytest.mark.parametrize("name", ["legt", "random"])
def test_memory_by_age_in_closed_form_is_what_a_fit_to_noise_finds(name):
    rng = np.random.default_rng(4)
    spectrum = np.fft.rfft(rng.standard_normal(8000))
    spectrum[np.fft.rfftfreq(8000, 1 / WINDOW) > 11.4] = 0
    f = np.fft.irfft(spectrum, 8000)
    memory = legt(16)
    if name == "random":
        A, B = random_matrices(np.random.default_rng(2), 16)
        memory = type(memory)(**{**vars(memory), "A": A, "B": B})
    fitted = memory_by_age(online(memory, f, dt=1 / WINDOW), f, AGES)
    np.testing.assert_allclose(readout(name, 16)[1], fitted, atol=0.05)


def test_memory_by_age_of_legs_is_that_of_the_projection():
    f = signal(NOW)[:WINDOW]
    G_f = online(legs(6), f)[-1]
    edges = np.arange(1, WINDOW) / WINDOW
    projected = project(legs(6), lambda t: f[np.minimum((t * WINDOW).astype(int), WINDOW - 1)], 1.0, breaks=edges)
    np.testing.assert_allclose(G_f, projected, atol=1e-9)
    assert readout("legs", 32)[1][IN_WINDOW].max() < 0.05


def test_twice_as_fast_changes_a_window_and_not_legs():
    for measure, same in (("legs", True), ("legt", False), ("lagt", False)):
        slow, fast = (error({**NOW, "measure": measure, "fast": quick}) for quick in (False, True))
        assert (slow == fast) is same
    assert seconds({**NOW, "fast": True}) == 5


def test_the_delay_line_is_late_by_what_is_read():
    said, was = delayed({**NOW, "N": 64, "read": 0.5})
    assert relative_error(was[154:], said[154:]) < 0.01  # a window of 3 s has passed
    assert np.argmax(was != 0) == pytest.approx(1.5 * L / 10, abs=1)


@pytest.mark.parametrize("measure", ["legs", "legt", "lagt", "fout"])
def test_more_numbers_remember_better(measure):
    errors = [error({**NOW, "measure": measure, "N": N}) for N in (4, 16, 64)]
    assert errors == sorted(errors, reverse=True)


def test_a_random_matrix_is_off_by_nearly_everything():
    assert error({**NOW, "measure": "random"}) > 0.8
    assert error({**NOW, "measure": "legt"}) < 0.1


def test_32_numbers_ring_beside_a_jump():
    f, r = signal({**NOW, "signal": "steps"}), (np.arange(L) + 0.5) / L
    curve = reconstruct(legs(32), online(legs(32), f)[-1], 1 - r, 1.0)
    assert curve.max() > f.max() + 0.1


def test_a_silent_signal_is_remembered_without_error():
    silent = {**NOW, "signal": "drawn", "drawing": (0.0,) * 64}
    for measure in ("legs", "legt", "lagt", "fout", "random"):
        assert error({**silent, "measure": measure}) == 0
    assert set(legs_errors(silent).best) == {0.0}
    assert error({**NOW, "signal": "drawn", "measure": "legt", "theta": 0.5}) == 0  # it ends in silence


def test_what_the_pictures_are_given_is_plain_and_small():
    for measure in ("legs", "random"):
        text = json.dumps(extra({**NOW, "measure": measure, "N": 64}), allow_nan=False)
        assert len(text) < 80_000


def test_the_snippet_computes_the_main_picture():
    found = runpy.run_path(str(Path(__file__).parents[2] / "assets" / "snippets" / "memory.py"))
    r = (np.arange(L) + 0.5) / L
    c = online(legs(32), signal(NOW))[-1]
    np.testing.assert_allclose(found["f"], signal(NOW), atol=1e-12)
    np.testing.assert_allclose(found["remembered"], reconstruct(legs(32), c, 1 - r, 1.0), atol=1e-6)
    assert found["error"] == pytest.approx(error(NOW), abs=1e-6)
    assert found["best_error"] == pytest.approx(legs_errors(NOW, (32,)).best[0])
