"""ListOps against a second reading, from right to left: brackets push, operators take what lies above the bracket."""

import numpy as np
import pytest
from pydantic import ValidationError

from ssmviz.settings import TaskSettings
from ssmviz.tasks import IGNORED, TASKS, rng_for
from ssmviz.tasks.listops import CLOSE, PAD, VOCAB

TASK = TASKS["listops"]
WORDS = {"MIN": 10, "MAX": 11, "MED": 12, "SM": 13, "]": CLOSE, "_": PAD}


def settings(L=32, n_data=3):
    return TaskSettings(name="listops", L=L, n_data=n_data, vocab=VOCAB)


def tokens(text):
    """Of "[MAX 2 9 [MIN 4 7] 0]"."""
    words = text.replace("[", " ").replace("]", " ] ").split()
    return [WORDS[word] if word in WORDS else int(word) for word in words]


def backwards(row):
    stack = []
    for token in reversed(row):
        if token < 10 or token == CLOSE:
            stack.append(token)
        elif token != PAD:
            end = len(stack) - 1 - stack[::-1].index(CLOSE)
            mine = np.sort(stack[end + 1 :])
            middle = int((mine[(len(mine) - 1) // 2] + mine[len(mine) // 2]) / 2)
            stack[end:] = [{10: mine[0], 11: mine[-1], 12: middle, 13: mine.sum() % 10}[token]]
    (said,) = stack
    return said


@pytest.mark.parametrize(("L", "n_data"), [(8, 1), (32, 2), (64, 3), (32, 10)])
def test_two_ways_to_read_a_list_agree(L, n_data):
    for split in ("train", "test"):
        batch = TASK.sample(settings(L, n_data), rng_for(0, split, 3), 100)
        assert batch.tokens.shape == batch.targets.shape == (100, L)
        assert (batch.targets[:, :-1] == IGNORED).all()
        assert [backwards(row) for row in batch.tokens.tolist()] == batch.targets[:, -1].tolist()
        np.testing.assert_array_equal(TASK.answer(settings(L, n_data), batch.tokens), batch.targets)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[MAX 2 9 [MIN 4 7] 0]", 9),
        ("[MED 1 8 2]", 2),
        ("[MED 1 8 2 9]", 5),
        ("[MED 3 4]", 3),
        ("[SM 7 8 [SM 9 9]]", 3),
        ("_ _ [MIN [MAX 1 2] [MED 5 6 7]]", 2),
        ("[MIN 5 ]", 5),
    ],
)
def test_lists_come_to_what_one_computes_by_hand(text, said):
    targets = TASK.answer(settings(), np.array(tokens(text) if len(tokens(text)) >= 4 else [PAD, *tokens(text)]))
    assert targets[-1] == said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[MAX 2 [MIN 4 7]", "1 lists are not closed"),
        ("[MAX 2 4] 7", "ends at position 3, before the last token"),
        ("[MAX 2 _ 4]", "got some at position 2"),
        ("4 [MAX 2 4]", "position 0 is outside any list"),
        ("[MAX 2 [MIN] 3]", "ends at position 3 has no arguments"),
        ("_ _ _ _", "there is no list"),
    ],
)
def test_what_is_no_list_is_refused_in_words(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        TASK.answer(settings(), np.array(tokens(text)))


def depth(row):
    open_lists, deepest = 0, 0
    for token in row.tolist():
        open_lists += (10 <= token < CLOSE) - (token == CLOSE)
        deepest = max(deepest, open_lists)
    return deepest


@pytest.mark.parametrize(("L", "n_data"), [(32, 1), (64, 2), (128, 3)])
def test_lists_are_as_long_and_as_deep_as_promised(L, n_data):
    rows = TASK.sample(settings(L, n_data), rng_for(0, "train"), 200).tokens
    lengths = (rows != PAD).sum(1)
    assert lengths.min() > L // 4
    assert lengths.max() <= L
    assert max(depth(row) for row in rows) == n_data


def test_a_network_has_to_beat_the_most_frequent_digit_which_is_nowhere_right_in_a_quarter():
    answers = TASK.sample(settings(32, 2), rng_for(0, "test"), 2000).targets[:, -1]
    shares = np.bincount(answers, minlength=10) / 2000
    assert shares.min() > 0.03
    assert shares.max() < 0.25


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"vocab": 10}, "vocab=16, got 10"),
        ({"L": 128, "n_data": 2, "vocab": 16}, "at most 64 for lists 2 deep, got 128"),
    ],
)
def test_settings_of_no_list_are_refused(sizes, complaint):
    with pytest.raises(ValidationError, match=complaint):
        TaskSettings(name="listops", **sizes)


def test_every_token_has_a_label_and_every_operator_a_name():
    labels = TASK.describe(settings())
    assert sorted(labels) == list(range(VOCAB))
    assert [labels[digit] for digit in range(10)] == [(str(digit), "data") for digit in range(10)]
    named = {label for label, kind in labels.values() if kind == "open"}
    assert set(TASK.about(settings())["operators"]) == named
    assert list(TASK.about(settings())["operators"].values()) == ["MIN", "MAX", "MED", "SM"]
