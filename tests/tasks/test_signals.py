"""Every task on signals keeps its promises, and means what it says."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.signal import lsim

from ssmviz.settings import TaskSettings
from ssmviz.tasks import IGNORED, TASKS, SignalTask, rng_for
from ssmviz.tasks.digits import TEST, enlargement, split
from ssmviz.tasks.mass_spring import DAMPER, MASS, SPRING, STEP, kernel, poles
from ssmviz.tasks.resampled import FOLLOWS, STAYS, tones

SETTINGS = {
    "one mass": TaskSettings(name="mass_spring", L=64, n_data=1),
    "three masses": TaskSettings(name="mass_spring", L=32, n_data=3),
    "digits": TaskSettings(name="digits", L=64),
    "digits, enlarged": TaskSettings(name="digits", L=256),
    "digits, permuted": TaskSettings(name="permuted_digits", L=64),
    "pathfinder": TaskSettings(name="pathfinder", L=64, vocab=2, n_data=1),
    "tones": TaskSettings(name="resampled", L=64, vocab=6),
    "sounds": TaskSettings(name="audio", L=64, n_data=2),
    "reports": TaskSettings(name="irregular", L=64),
    "delay line": TaskSettings(name="delay", L=64, n_data=10),
    "chaos": TaskSettings(name="mackey_glass", L=64, n_data=15),
    "temperature": TaskSettings(name="series", L=64, n_data=6),
}
FUTURE = {"audio": 1, "series": 6}  # last positions whose answer does not follow from what was read
every_settings = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())


def draw(settings, n=50, split="train", step=None, seed=0):
    return TASKS[settings.name].sample(settings, rng_for(seed, split, step), n)


def test_these_are_all_tasks_that_read_signals():
    signals = {name for name, task in TASKS.items() if task.reads_signal}
    assert {name for name, task in TASKS.items() if isinstance(task, SignalTask)} == signals
    assert {settings.name for settings in SETTINGS.values()} == signals


@every_settings
def test_batches_have_the_promised_shape_and_type(settings):
    batch = draw(settings, 17)
    assert batch.tokens.shape == batch.targets.shape == (17, settings.sequence_length)
    assert batch.tokens.dtype == np.float32
    assert batch.targets.dtype == (np.float32 if settings.says_signal else np.int64)
    assert np.isfinite(batch.tokens).all()


@every_settings
def test_the_oracle_solves_every_sample(settings):
    for split_name in ("train", "test", "probe"):
        batch = draw(settings, split=split_name)
        answers = TASKS[settings.name].answer(settings, batch.tokens)
        known = settings.L - FUTURE.get(settings.name, 0)
        np.testing.assert_allclose(answers[:, :known], batch.targets[:, :known], atol=1e-4)
        assert np.isnan(answers[:, known:]).all()
        np.testing.assert_array_equal(TASKS[settings.name].answer(settings, batch.tokens[3]), answers[3])


@every_settings
def test_only_the_last_positions_are_asked(settings):
    task, targets = TASKS[settings.name], draw(settings).targets
    asked = np.isfinite(targets) if settings.says_signal else targets != IGNORED
    answers = task.answers(settings)
    assert asked[:, -answers:].all()
    assert not asked[:, :-answers].any()


@every_settings
def test_a_batch_can_be_made_alone_and_every_stream_is_its_own(settings):
    first = draw(settings, step=4).tokens
    np.testing.assert_array_equal(draw(settings, step=4).tokens, first)
    others = [draw(settings, step=5), draw(settings, seed=1, step=4), draw(settings, split="test"), draw(settings)]
    assert all((other.tokens != first).any() for other in others)


@every_settings
def test_no_test_signal_is_ever_trained_on(settings):
    def rows(split_name, n, **where):
        return {row.tobytes() for row in draw(settings, n, split=split_name, **where).tokens}

    train = rows("train", 1000) | rows("train", 1000, seed=7, step=3)
    assert not train & (rows("test", 100) | rows("probe", 100, seed=5))


@every_settings
def test_classes_have_names_and_guessing_is_worth_one_in_all(settings):
    task = TASKS[settings.name]
    labels = task.describe(settings)
    assert sorted(labels) == list(range(task.classes(settings)))
    assert len({label for label, _ in labels.values()}) == len(labels)
    assert task.chance(settings) == (1 / len(labels) if labels else None)


@every_settings
def test_every_trial_can_be_sampled_and_solved(settings):
    task = TASKS[settings.name]
    trials = task.trials(settings, "cpu")
    assert [trial.L for trial in trials] == sorted(trial.L for trial in trials)
    for trial in trials:
        there = task.at_length(settings, trial.L)
        batch = draw(there, 20, split="test")
        assert batch.tokens.shape[1] == trial.L
        known = there.L - FUTURE.get(settings.name, 0)
        answers = task.answer(there, batch.tokens)
        np.testing.assert_allclose(answers[:, :known], batch.targets[:, :known], atol=1e-4)


@every_settings
def test_pictures_are_told_in_json_what_is_read_and_said(settings):
    about = TASKS[settings.name].about(settings)
    assert {"reads", "says", "span"} <= set(about)
    assert about["span"] > 0


@every_settings
def test_a_drawn_signal_spans_the_range_and_its_middle_is_zero(settings):
    task = TASKS[settings.name]
    np.testing.assert_allclose(task.drawn(np.array([1, 128, 255])), [-task.span, 0, task.span])


@every_settings
@pytest.mark.parametrize("bad", [[[1.0, 2.0]], [[np.nan] * 64], np.zeros((2, 2, 64)), np.zeros(1000)])
def test_what_is_no_signal_of_the_task_is_refused(settings, bad):
    with pytest.raises(ValueError, match=r"got|no digit"):
        TASKS[settings.name].answer(settings, np.array(bad))


# -- masses on springs ------------------------------------------------------------------------------------------------


def chain(n):
    """The equations of motion of n masses in a row as a dense system x' = A x + B force, position = C x."""
    T = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    A = np.block([[np.zeros((n, n)), np.eye(n)], [-SPRING / MASS * T, -DAMPER / MASS * np.eye(n)]])
    B, C = np.zeros((2 * n, 1)), np.zeros((1, 2 * n))
    B[n, 0], C[0, 0] = 1 / MASS, 1
    return A, B, C


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_true_poles_are_the_eigenvalues_of_the_equations_of_motion(n):
    eigenvalues = np.linalg.eigvals(chain(n)[0])
    upper = sorted(eigenvalues[eigenvalues.imag > 0], key=lambda p: p.imag)
    np.testing.assert_allclose(poles(TaskSettings(name="mass_spring", n_data=n)), upper, rtol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_positions_are_those_of_the_simulated_masses(n):
    settings = TaskSettings(name="mass_spring", L=40, n_data=n)
    batch = draw(settings, 3)
    A, B, C = chain(n)
    for force, wanted in zip(batch.tokens.astype(float), batch.targets, strict=True):
        held = np.append(force, force[-1])  # lsim interpolates: hold the force by simulating step by step
        x = np.zeros(2 * n)
        for k, position in enumerate(wanted):
            _, y, states = lsim((A, B, C, 0), [held[k]] * 2, [0, STEP], X0=x)
            x = states[-1]
            assert y[-1] == pytest.approx(position, abs=1e-5)


def test_an_undisturbed_mass_comes_to_rest():
    k = kernel(TaskSettings(name="mass_spring", n_data=1), 400)
    assert np.abs(k[:20]).max() > 100 * np.abs(k[-20:]).max()


def test_more_masses_than_can_be_shown_are_refused():
    with pytest.raises(ValidationError, match="at most 4 masses, got 5"):
        TaskSettings(name="mass_spring", n_data=5)


# -- digits -----------------------------------------------------------------------------------------------------------


def test_there_are_1797_digits_and_450_are_kept_for_testing():
    train, test = split(64)
    assert (len(train.classes), len(test.classes)) == (1797 - TEST, TEST) == (1347, 450)
    assert np.bincount(test.classes).min() > 30


def test_a_whole_test_set_has_every_digit_once():
    batch = draw(SETTINGS["digits"], TEST, split="test")
    assert len({row.tobytes() for row in batch.tokens}) == TEST


def test_pixels_are_read_row_by_row_as_scikit_learn_has_them():
    from sklearn.datasets import load_digits

    images = load_digits().images.reshape(-1, 64)
    known = {row.tobytes() for row in (images / 8 - 1).astype(np.float32)}
    assert all(row.tobytes() in known for row in draw(SETTINGS["digits"]).tokens)


@pytest.mark.parametrize("L", [64, 256, 784])
def test_permuted_digits_are_the_digits_in_one_order(L):
    plain, permuted = (draw(TaskSettings(name=name, L=L), 5) for name in ("digits", "permuted_digits"))
    about = TASKS["permuted_digits"].about(TaskSettings(name="permuted_digits", L=L))
    assert sorted(about["order"]) == list(range(L)) != about["order"]
    np.testing.assert_array_equal(permuted.tokens, plain.tokens[:, about["order"]])
    np.testing.assert_array_equal(permuted.targets, plain.targets)


def test_enlarging_keeps_a_plane_a_plane_and_ink_in_place():
    W = enlargement(8, 16)
    np.testing.assert_allclose(W.sum(1), 1)
    middles = (np.arange(8) + 0.5) * 2 - 0.5  # in new pixels
    np.testing.assert_allclose((W @ middles)[1:-1], np.arange(16)[1:-1])


@pytest.mark.parametrize("change", [{"L": 100}, {"vocab": 12}])
def test_digits_of_other_sizes_are_refused(change):
    with pytest.raises(ValidationError, match="digits have L of"):
        TaskSettings(name="digits", **change)


def test_a_drawing_has_no_known_class():
    with pytest.raises(ValueError, match="no digit of the set"):
        TASKS["digits"].answer(SETTINGS["digits"], np.zeros(64))


def test_only_who_needs_digits_loads_scikit_learn():
    code = (
        "import sys; from ssmviz.tasks import TASKS; from ssmviz.settings import TaskSettings;"
        "TASKS['digits'].about(TaskSettings(name='digits')); TASKS['digits'].describe(TaskSettings(name='digits'));"
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# -- resampled tones --------------------------------------------------------------------------------------------------


def test_another_sampling_rate_shows_the_same_signals():
    settings = SETTINGS["tones"]
    finer = TASKS["resampled"].at_length(settings, 128)
    coarse, fine = draw(settings, split="test"), draw(finer, split="test")
    np.testing.assert_allclose(fine.tokens[:, ::2], coarse.tokens, atol=1e-5)
    np.testing.assert_array_equal(fine.targets[:, -1], coarse.targets[:, -1])


def test_a_stretched_tone_is_the_tone_two_classes_lower():
    np.testing.assert_allclose(tones(SETTINGS["tones"])[2:] / 2, tones(SETTINGS["tones"])[:-2])


def test_every_rate_is_tested_with_delta_following_and_with_delta_as_it_was():
    trials = TASKS["resampled"].trials(SETTINGS["tones"], "cpu")
    assert [(t.L, t.pace) for t in trials if t.label == FOLLOWS] == [(32, 2), (64, 1), (128, 0.5), (256, 0.25)]
    assert [(t.L, t.pace) for t in trials if t.label == STAYS] == [(32, 1), (64, 1), (128, 1), (256, 1)]
