"""Signals whose future, or past, is asked: each agrees with another way of computing it."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline
from scipy.signal import periodogram

from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS, mackey_glass, rng_for
from ssmviz.tasks.audio import (
    DEPTH,
    LEVELS,
    LOWEST,
    MU,
    OCTAVES,
    RATE,
    RINGING,
    SWEEP,
    WOBBLE,
    amplitude,
    level,
    modulated,
    struck,
)
from ssmviz.tasks.delay import CUTOFF

DELAY = TaskSettings(name="delay", L=64, n_data=20)
CHAOS = TaskSettings(name="mackey_glass", L=48, n_data=15)
SOUND = TaskSettings(name="audio", L=128, n_data=2)
REPORTS = TaskSettings(name="irregular", L=40)


def draw(settings, n=20, split="train"):
    return TASKS[settings.name].sample(settings, rng_for(0, split), n)


# -- delay line -------------------------------------------------------------------------------------------------------


def test_a_delay_line_says_what_stood_there_and_nothing_before():
    signal, wanted = draw(DELAY)
    np.testing.assert_array_equal(wanted[:, 20:], signal[:, :-20])
    assert (wanted[:, :20] == 0).all()


def test_its_waves_have_mean_square_one_and_no_more_than_the_cutoff():
    signal = draw(TaskSettings(name="delay", L=4096, n_data=1), 50).tokens
    assert np.square(signal).mean() == pytest.approx(1, rel=0.05)
    frequency, power = periodogram(signal, window="hann")
    assert power[:, frequency > 1.05 * CUTOFF].sum() < 1e-4 * power.sum()


def test_a_delay_that_would_not_come_out_is_refused():
    with pytest.raises(ValidationError, match="at most L/2=32, got 33"):
        TaskSettings(name="delay", L=64, n_data=33)


# -- Mackey-Glass -----------------------------------------------------------------------------------------------------


def test_the_motion_is_that_of_an_adaptive_integrator_delay_by_delay():
    t = (np.arange(mackey_glass.PAST) - mackey_glass.PAST + 1) / mackey_glass.FINE
    past = 0.93 + 0.3 * np.sin(0.3 * t)
    ours = mackey_glass.integrate(past[None], 3 * mackey_glass.DELAY)[0]

    def history(s):
        return 0.93 + 0.3 * np.sin(0.3 * s)

    now = past[-1]
    for stretch in range(3):
        begin = stretch * mackey_glass.DELAY

        def slope(s, x, earlier=history):
            d = earlier(s - mackey_glass.DELAY)
            return 0.2 * d / (1 + d**10) - 0.1 * x

        span = (begin, begin + mackey_glass.DELAY)
        solution = solve_ivp(slope, span, [now], rtol=1e-10, atol=1e-12, dense_output=True)
        now = solution.y[0, -1]
        history = lambda s, dense=solution.sol: dense(s)[0]  # noqa: E731 - the past of the next stretch
        first = begin * mackey_glass.FINE
        got = ours[first : first + mackey_glass.DELAY * mackey_glass.FINE]
        times = begin + np.arange(1, len(got) + 1) / mackey_glass.FINE
        np.testing.assert_allclose(got, solution.sol(times)[0], atol=1e-4)


def test_every_signal_obeys_the_equation():
    fine = TaskSettings(name="mackey_glass", L=120, n_data=1)
    rows = draw(fine, 5).tokens.astype(float) * mackey_glass.SCALE + mackey_glass.CENTRE
    t = np.arange(120)
    curve = CubicSpline(t, rows, axis=1)
    inner = np.arange(25, 115)
    d = rows[:, inner - mackey_glass.DELAY]
    slope = mackey_glass.BETA * d / (1 + d**mackey_glass.POWER) - mackey_glass.GAMMA * rows[:, inner]
    np.testing.assert_allclose(curve(inner, 1), slope, atol=3e-3)


def test_what_is_read_is_standardised_and_what_is_wanted_comes_later():
    signal, wanted = draw(TaskSettings(name="mackey_glass", L=400, n_data=15), 100)
    assert signal.mean() == pytest.approx(0, abs=0.05)
    assert signal.std() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(wanted[:, :-15], signal[:, 15:])


def test_the_future_follows_from_one_delay_of_the_past():
    signal, wanted = draw(CHAOS)
    got = TASKS["mackey_glass"].answer(CHAOS, signal[:, -20:])
    np.testing.assert_allclose(got[:, -15:], wanted[:, -15:], atol=1e-3)


def test_too_short_a_past_is_refused():
    with pytest.raises(ValidationError, match="at least 19"):
        TaskSettings(name="mackey_glass", L=18, n_data=5)
    with pytest.raises(ValueError, match="19 positions or more, got 10"):
        TASKS["mackey_glass"].answer(CHAOS, np.zeros(10))


# -- audio ------------------------------------------------------------------------------------------------------------


def test_the_next_sample_is_wanted_and_after_the_last_nobody_knows():
    sound, wanted = draw(SOUND)
    np.testing.assert_array_equal(wanted[:, :-1], sound[:, 1:])
    answer = TASKS["audio"].answer(SOUND, sound)
    np.testing.assert_array_equal(answer[:, :-1], wanted[:, :-1])
    assert np.isnan(answer[:, -1]).all()


def test_mu_law_has_256_levels_silence_among_the_finest():
    levels = np.arange(LEVELS)
    np.testing.assert_array_equal(level(amplitude(levels)), levels)
    steps = np.diff(amplitude(levels))
    assert steps.min() == pytest.approx(steps[LEVELS // 2 - 1])
    assert steps.max() / steps.min() > 40
    x = np.linspace(-1, 1, 1001)
    assert np.abs(amplitude(level(x)) - x).max() <= steps.max() / 2 + 1e-6
    assert amplitude(np.array([LEVELS - 1])) == pytest.approx(1)
    assert MU == LEVELS - 1


def test_only_levels_are_heard():
    heard = draw(SOUND).tokens
    np.testing.assert_array_equal(amplitude(level(heard)), heard)


def test_a_struck_resonator_is_a_damped_linear_recurrence_between_strikes():
    rng, f = np.random.default_rng(0), np.array([[440.0]])
    y = struck(rng, f, np.zeros((1, 1)), np.arange(100) / RATE)[0]  # struck at 0, and not again before sample 100
    (a, b), *_ = np.linalg.lstsq(np.stack([y[1:-1], y[:-2]], 1), y[2:], rcond=None)
    np.testing.assert_allclose(a * y[1:-1] + b * y[:-2], y[2:], atol=1e-12)
    pole = np.roots([1, -a, -b])[0]
    assert abs(np.angle(pole)) == pytest.approx(2 * np.pi * 400 / RATE)  # the note below 440 Hz
    assert abs(pole) == pytest.approx(np.exp(-1 / (RATE * RINGING)))


def test_a_modulated_tone_has_its_power_about_its_frequency():
    t = np.arange(4000) / RATE
    tone = modulated(np.random.default_rng(0), np.array([[1000.0]]), np.zeros((1, 1)), t)
    frequency, power = periodogram(tone[0], RATE)
    near = np.abs(frequency - 1000) < 600
    assert power[near].sum() > 0.98 * power.sum()


def test_sounds_lie_below_half_the_sampling_rate():
    assert LOWEST * 2 ** (OCTAVES + SWEEP[1]) < RATE / 2  # of a chirp
    assert LOWEST * 2**OCTAVES + DEPTH[1] * WOBBLE[1] < RATE / 2  # of a modulated tone


# -- reports at irregular times ---------------------------------------------------------------------------------------


def test_the_average_is_the_solution_of_its_equation_in_time():
    signal, wanted = draw(REPORTS, 3)
    for row, average in zip(signal.astype(float), wanted, strict=True):
        y, value = 0.0, 0.0
        for x, got in zip(row, average, strict=True):
            if x >= 0:
                value = 2 * x - 1
            else:
                y = solve_ivp(lambda _, y, u=value: u - y, (0, -x), [y], rtol=1e-9, atol=1e-9).y[0, -1]
            assert got == pytest.approx(y, abs=1e-6)


def test_two_pauses_are_one_as_long_as_both():
    answer = TASKS["irregular"].answer
    two, one = np.array([0.9, -0.3, -0.5, 0.2, -1]), np.array([0.9, -0.8, 0.2, -1])
    np.testing.assert_allclose(answer(REPORTS, two)[[2, 4]], answer(REPORTS, one)[[1, 3]], rtol=1e-6)


def test_the_same_reports_with_other_pauses_have_other_averages():
    signal, wanted = draw(REPORTS)
    even = signal.copy()
    even[:, 1::2] = signal[:, 1::2].mean()
    assert np.abs(TASKS["irregular"].answer(REPORTS, even) - wanted).max() > 0.2
