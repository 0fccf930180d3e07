"""Multi-query associative recall against a dictionary, filled while the tokens are read one by one."""

import numpy as np
import pytest
from pydantic import ValidationError

from ssmviz.settings import TaskSettings
from ssmviz.tasks import IGNORED, TASKS, rng_for

TASK = TASKS["associative_recall"]
SETTINGS = TaskSettings(name="associative_recall", L=24, vocab=13, n_data=4)  # values 0-5, keys 6-11, noise 12
SMALL = TaskSettings(name="associative_recall", L=8, vocab=7, n_data=2)  # values 0 1 2, keys 3 4 5, noise 6


def read(tokens, keys, queries):
    """What a reader with a dictionary says at the last `queries` tokens."""
    known, key = {}, None
    for token in tokens[:-queries]:
        if key is not None:
            known[key] = token
        key = token if token in keys else None
    return [known[query] for query in tokens[-queries:]]


def test_a_dictionary_says_what_the_task_asks_for():
    tokens, targets = TASK.sample(SETTINGS, rng_for(0, "train"), 300)
    for row, wanted in zip(tokens.tolist(), targets, strict=True):
        assert (wanted[:-4] == IGNORED).all()
        assert read(row, range(6, 12), 4) == wanted[-4:].tolist()


def test_pairs_stand_anywhere_and_keys_stand_twice():
    tokens = TASK.sample(SETTINGS, rng_for(0, "train"), 20_000).tokens
    context, queries = tokens[:, :24], tokens[:, 24:]
    is_key = (context >= 6) & (context < 12)
    assert (is_key.sum(1) == 4).all()
    np.testing.assert_array_equal(np.sort(context[is_key].reshape(-1, 4)), np.sort(queries))
    assert not is_key[:, -1].any(), "a value follows every key"
    first = is_key[:, 0].mean()  # of the choices of 4 starts in 20, those that begin at the first slot
    assert abs(first - 4 / 20) < 5 * np.sqrt(0.16 / 20_000)


def test_the_order_of_the_queries_says_nothing_about_the_order_of_the_pairs():
    tokens = TASK.sample(SMALL, rng_for(0, "train"), 8000).tokens
    first = np.argmax(tokens[:, :8] == tokens[:, 8:9], axis=1)
    second = np.argmax(tokens[:, :8] == tokens[:, 9:10], axis=1)
    assert abs((first < second).mean() - 0.5) < 5 * np.sqrt(0.25 / 8000)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [([3, 1, 4, 2, 3, 4], [1, 2]), ([6, 4, 2, 6, 5, 0, 6, 6, 5, 4], [0, 2]), ([3, 1, 4, 2, 5, 0, 5, 3], [0, 1])],
)
def test_edited_sequences_are_answered(tokens, said):
    assert TASK.answer(SMALL, np.array(tokens))[-2:].tolist() == said


@pytest.mark.parametrize(
    ("tokens", "complaint"),
    [
        ([3, 1, 4, 2, 3, 6], "must be keys"),
        ([3, 1, 4, 2, 3, 0], "must be keys"),
        ([3, 1, 4, 2, 3, 5], "key c is asked for, .* got 0 times"),
        ([3, 1, 3, 2, 3, 3], "key a is asked for, .* got 2 times"),
        ([3, 6, 4, 2, 3, 4], "no value follows key a"),
        ([6, 3, 1, 4, 3, 4], "no value follows key b"),
    ],
)
def test_sequences_without_an_answer_are_refused_in_words(tokens, complaint):
    with pytest.raises(ValueError, match=complaint):
        TASK.answer(SMALL, np.array(tokens))


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"L": 8, "n_data": 5, "vocab": 17}, "at most L/2=4"),
        ({"L": 32, "n_data": 9, "vocab": 17}, "8 keys of vocab=17"),
    ],
)
def test_more_pairs_than_there_is_room_for_are_refused(sizes, complaint):
    with pytest.raises(ValidationError, match=complaint):
        TaskSettings(name="associative_recall", **sizes)
