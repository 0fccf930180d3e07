import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS, held_out, rng_for

SMALL = [
    TaskSettings(name="copying", L=8, vocab=10, n_data=2),
    TaskSettings(name="copying", L=8, vocab=4, n_data=6),
    TaskSettings(name="selective_copying", L=8, vocab=10, n_data=1),
    TaskSettings(name="selective_copying", L=8, vocab=4, n_data=2),
    TaskSettings(name="induction_heads", L=8, vocab=4),
]


def rows(settings, split, n, step=None, seed=0):
    tokens = TASKS[settings.name].sample(settings, rng_for(seed, split, step), n).tokens
    return {row.tobytes() for row in tokens}


@pytest.mark.parametrize("settings", SMALL, ids=str)
def test_no_test_sequence_is_ever_trained_on_even_when_there_are_few(settings):
    train = rows(settings, "train", 4000) | rows(settings, "train", 4000, seed=7, step=3)
    test = rows(settings, "test", 500) | rows(settings, "probe", 500, seed=5)
    assert train
    assert test
    assert not train & test


def test_the_two_sides_together_are_all_sequences():
    settings = SMALL[0]
    train, test = rows(settings, "train", 4000), rows(settings, "test", 1000)
    assert len(train) + len(test) == TASKS[settings.name].sequences(settings) == 64
    assert 2 <= len(test) <= 20


def test_every_sequence_of_a_side_is_equally_likely():
    settings = SMALL[0]
    tokens = TASKS["copying"].sample(settings, rng_for(0, "train"), 50_000).tokens
    counts = np.unique(tokens[:, :2], axis=0, return_counts=True)[1]
    expected = 50_000 / len(counts)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_one_sequence_in_eight_is_held_out():
    tokens = np.array(list(itertools.product(range(8), repeat=5)))
    assert held_out(tokens).mean() == pytest.approx(1 / 8, abs=0.01)


def test_being_held_out_is_a_property_of_the_tokens_alone():
    tokens = np.random.default_rng(0).integers(0, 200, (50, 31))
    whole = held_out(tokens)
    assert whole.any()
    for kind in (np.uint8, np.int32, np.int64):
        np.testing.assert_array_equal(held_out(tokens[::-1].astype(kind))[::-1], whole)
    assert [bool(held_out(row[None])[0]) for row in tokens] == whole.tolist()


def test_the_split_is_the_same_on_every_machine():
    assert np.flatnonzero(held_out(np.arange(60).reshape(20, 3))).tolist() == [3, 8, 12, 14, 17]


def test_a_batch_can_be_made_without_the_ones_before_it():
    settings = TaskSettings()
    task = TASKS[settings.name]
    in_order = [task.sample(settings, rng_for(3, "train", step), 8).tokens for step in range(5)]
    np.testing.assert_array_equal(task.sample(settings, rng_for(3, "train", 4), 8).tokens, in_order[4])
    assert len({batch.tobytes() for batch in in_order}) == 5


def test_seed_split_and_step_each_change_the_stream():
    streams = [(0, "train", None), (0, "train", 0), (0, "train", 1), (1, "train", 0), (0, "test", 0), (0, "probe", 0)]
    draws = [rng_for(*stream).integers(0, 2**63) for stream in streams]
    assert len(set(draws)) == len(draws)


def test_a_plain_generator_draws_what_training_may_see():
    settings = TaskSettings()
    tokens = TASKS[settings.name].sample(settings, np.random.default_rng(0), 500).tokens
    assert not held_out(tokens).any()


@pytest.mark.parametrize(("seed", "split", "step"), [(0, "training", None), (-1, "train", None), (0, "train", -1)])
def test_a_stream_that_does_not_exist_is_refused(seed, split, step):
    with pytest.raises(ValueError, match="got"):
        rng_for(seed, split, step)


@pytest.mark.parametrize(
    ("name", "vocab", "n_data"), [("copying", 10, 1), ("copying", 4, 5), ("selective_copying", 4, 1)]
)
def test_a_task_too_small_to_keep_something_for_testing_is_refused(name, vocab, n_data):
    with pytest.raises(ValidationError, match="too few to keep some for testing; raise n_data or vocab"):
        TaskSettings(name=name, L=8, vocab=vocab, n_data=n_data)
