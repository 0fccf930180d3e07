import itertools

import numpy as np
import pytest

from ssmviz.settings import TaskSettings
from ssmviz.tasks import IGNORED, TASKS, rng_for

SETTINGS = {
    "copying": TaskSettings(name="copying", L=64, vocab=10, n_data=8),
    "copying, full": TaskSettings(name="copying", L=8, vocab=10, n_data=8),
    "selective": TaskSettings(name="selective_copying", L=64, vocab=10, n_data=8),
    "selective, headline": TaskSettings(name="selective_copying", L=256, vocab=16, n_data=16),
    "selective, large vocabulary": TaskSettings(name="selective_copying", L=9, vocab=256, n_data=3),
    "induction": TaskSettings(name="induction_heads", L=64, vocab=16),
    "induction, shortest": TaskSettings(name="induction_heads", L=8, vocab=4),
    "recall": TaskSettings(name="associative_recall", L=32, vocab=17, n_data=6),
    "recall, full": TaskSettings(name="associative_recall", L=12, vocab=18, n_data=6),
    "recall, many keys": TaskSettings(name="associative_recall", L=9, vocab=256, n_data=2),
}
every_settings = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())


def draw(settings, n=200, split="train", step=None, seed=0):
    return TASKS[settings.name].sample(settings, rng_for(seed, split, step), n)


@every_settings
def test_batches_have_the_promised_shape_and_type(settings):
    batch = draw(settings, 17)
    for array in batch:
        assert array.shape == (17, settings.sequence_length)
        assert array.dtype == np.int64
    assert batch.tokens.min() >= 0
    assert batch.tokens.max() < settings.vocab


@every_settings
def test_the_oracle_solves_every_sample(settings):
    for split in ("train", "test", "probe"):
        batch = draw(settings, split=split)
        np.testing.assert_array_equal(TASKS[settings.name].answer(settings, batch.tokens), batch.targets)


@every_settings
def test_the_oracle_answers_one_sequence_as_it_answers_many(settings):
    batch = draw(settings, 5)
    for tokens, targets in zip(*batch, strict=True):
        np.testing.assert_array_equal(TASKS[settings.name].answer(settings, tokens), targets)


@every_settings
def test_only_the_last_positions_are_asked(settings):
    answers = TASKS[settings.name].answers(settings)
    targets = draw(settings).targets
    assert (targets[:, :-answers] == IGNORED).all()
    assert (targets[:, -answers:] != IGNORED).all()


@every_settings
def test_answers_are_uniform_over_the_classes_so_that_chance_is_as_stated(settings):
    task = TASKS[settings.name]
    answers = draw(settings, 4000).targets[:, -task.answers(settings) :]
    counts = np.bincount(answers.ravel(), minlength=task.classes(settings))
    assert len(counts) == task.classes(settings)
    assert task.chance(settings) == 1 / task.classes(settings)
    expected = answers.size * task.chance(settings)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_selective_copying_with_16_tokens_has_14_classes():
    assert TASKS["selective_copying"].chance(SETTINGS["selective, headline"]) == pytest.approx(0.0714, abs=1e-4)


def test_copying_puts_the_data_first():
    settings = SETTINGS["copying"]
    tokens = draw(settings).tokens
    assert (tokens[:, :8] < 8).all()
    assert (tokens[:, 8:64] == settings.vocab - 2).all()
    assert (tokens[:, 64:] == settings.vocab - 1).all()


def test_selective_copying_spreads_the_data_evenly_over_all_slots():
    settings = SETTINGS["selective"]
    tokens = draw(settings, 20_000).tokens
    is_data = tokens[:, :64] < 8
    assert (is_data.sum(1) == 8).all()
    assert (tokens[:, 64:] == settings.vocab - 1).all()
    expected = 20_000 / 8
    assert np.abs(is_data.sum(0) - expected).max() < 5 * np.sqrt(expected)


def test_selective_copying_makes_every_choice_of_positions_equally_often():
    settings = TaskSettings(name="selective_copying", L=8, vocab=10, n_data=2)
    tokens = draw(settings, 28_000).tokens
    codes = ((tokens[:, :8] < 8) @ (1 << np.arange(8))).tolist()
    counts = [codes.count((1 << i) | (1 << j)) for i, j in itertools.combinations(range(8), 2)]
    assert sum(counts) == 28_000
    assert max(abs(count - 1000) for count in counts) < 5 * np.sqrt(1000)


def test_induction_trigger_stands_anywhere_but_only_twice():
    settings = SETTINGS["induction"]
    tokens = draw(settings, 20_000).tokens
    is_trigger = tokens == settings.vocab - 1
    assert (is_trigger.sum(1) == 2).all()
    assert is_trigger[:, -1].all()
    first = np.bincount(is_trigger.argmax(1), minlength=63)
    assert first[62] == 0, "something must stand between the triggers"
    assert np.abs(first[:62] - 20_000 / 62).max() < 5 * np.sqrt(20_000 / 62)


@every_settings
def test_labels_cover_the_vocabulary_and_tell_the_kinds_apart(settings):
    task = TASKS[settings.name]
    labels = task.describe(settings)
    assert sorted(labels) == list(range(settings.vocab))
    assert len({label for label, _ in labels.values()}) == settings.vocab
    assert sum(kind == "data" for _, kind in labels.values()) == task.classes(settings)
    assert {kind for _, kind in labels.values()} <= {"data", "noise", "marker", "trigger"}
    assert set(task.editable) <= {kind for _, kind in labels.values()}


@every_settings
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_rung_of_the_ladder_can_be_sampled_and_solved(settings, device):
    task = TASKS[settings.name]
    ladder = task.ladder(settings, device)
    assert ladder == sorted(set(ladder))
    assert settings.L in ladder
    for L in ladder:
        if L <= 4096:
            there = task.at_length(settings, L)
            batch = draw(there, 3, split="test")
            assert batch.tokens.shape == (3, there.sequence_length)
            np.testing.assert_array_equal(task.answer(there, batch.tokens), batch.targets)


def test_induction_is_tested_from_half_to_64_times_its_length_and_to_a_million_on_a_gpu():
    task, settings = TASKS["induction_heads"], SETTINGS["induction"]
    assert task.ladder(settings, "cpu") == [32 * 2**k for k in range(8)]
    assert task.ladder(settings, "cuda") == [2**k for k in range(5, 21)]


def test_a_million_tokens_can_be_drawn_from_the_test_side():
    task = TASKS["induction_heads"]
    batch = draw(task.at_length(SETTINGS["induction"], 2**20), 1, split="test")
    assert batch.tokens.shape == (1, 2**20)
    assert (batch.tokens == 15).sum() == 2


def test_a_length_that_cannot_hold_the_task_is_refused():
    with pytest.raises(ValueError, match=r"L must be at least 8 .* got 7"):
        TASKS["selective_copying"].at_length(SETTINGS["selective"], 7)


SELECTIVE = TaskSettings(name="selective_copying", L=8, vocab=5, n_data=4)  # classes 0 1 2, noise 3, marker 4
INDUCTION = TaskSettings(name="induction_heads", L=8, vocab=4)  # classes 0 1 2, trigger 3


@pytest.mark.parametrize(
    ("settings", "tokens", "asked"),
    [
        (SELECTIVE, [2, 1, 0, 2, 4, 4, 4, 4], [2, 1, 0, 2]),
        (SELECTIVE, [3] * 30 + [2, 3, 1, 0, 2] + [3] * 40 + [4] * 4, [2, 1, 0, 2]),
        (INDUCTION, [0, 3, 2, 3], [2]),
        (INDUCTION, [3, 1] + [0] * 70 + [3], [1]),
    ],
)
def test_the_oracle_answers_edited_sequences_of_other_lengths(settings, tokens, asked):
    targets = TASKS[settings.name].answer(settings, np.array(tokens))
    assert targets[targets != IGNORED].tolist() == asked


def test_copying_answers_for_a_token_that_was_moved():
    settings = SELECTIVE.model_copy(update={"name": "copying"})
    targets = TASKS["copying"].answer(settings, np.array([2, 1, 3, 0, 3, 2, 4, 4, 4, 4]))
    assert targets[-4:].tolist() == [2, 1, 0, 2]


@pytest.mark.parametrize(
    ("settings", "tokens", "complaint"),
    [
        (SELECTIVE, [2, 1, 0, 3, 3, 4, 4, 4, 4], "exactly 4 data tokens, got 3; place more"),
        (SELECTIVE, [2, 1, 0, 2, 1, 4, 4, 4, 4], "exactly 4 data tokens, got 5; turn some into noise"),
        (SELECTIVE, [2, 1, 0, 2, 3, 4, 3, 4, 4], "must be markers"),
        (SELECTIVE, [2, 1, 0, 2, 4, 4, 4, 4, 4], "must be markers"),
        (SELECTIVE, [2, 1, 0, 4, 4, 4, 4], "4 to 80 tokens, got 3"),
        (SELECTIVE, [2, 1, 0, 2] + [3] * 77 + [4] * 4, "4 to 80 tokens, got 81"),
        (SELECTIVE, [2, 1, 0, 5, 4, 4, 4, 4], "0..4, got 5"),
        (SELECTIVE, [2, 1, 0, -1, 4, 4, 4, 4], "0..4, got -1"),
        (SELECTIVE, [2.0, 1.0, 0.0, 2.0, 4.0, 4.0, 4.0, 4.0], "whole numbers"),
        (SELECTIVE, [], "whole numbers|4 to 80"),
        (INDUCTION, [0, 1, 2, 0, 3], "exactly two triggers .* got 1"),
        (INDUCTION, [3, 1, 3, 0, 3], "exactly two triggers .* got 3"),
        (INDUCTION, [3, 1, 3, 0, 0], "last token must be the trigger"),
        (INDUCTION, [0, 1, 2, 3, 3], "between the two triggers"),
        (INDUCTION, [3, 1, 3], "4 to 80 tokens, got 3"),
    ],
)
def test_the_oracle_says_what_is_wrong_with_an_invalid_sequence(settings, tokens, complaint):
    with pytest.raises(ValueError, match=complaint):
        TASKS[settings.name].answer(settings, np.array(tokens))
