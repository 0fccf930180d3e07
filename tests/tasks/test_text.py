"""A text of one's own against Python's strings: windows of the right side, and the character that follows each."""

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from ssmviz import data
from ssmviz.settings import TaskSettings
from ssmviz.tasks import IGNORED, TASKS, rng_for
from ssmviz.tasks.text import EXAMPLE

TASK = TASKS["text"]
OWN = "".join(np.random.default_rng(0).choice(list("aaaabbbccdefghijklmnopqrstuvwxyz  “”\n"), 2400))


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path))


@pytest.fixture
def own():
    return TaskSettings(name="text", L=40, vocab=20, n_data=10, data=data.keep(TASK.accept(OWN)))


def spelled(settings, tokens):
    """Tokens as characters, those without a token as "?"."""
    kept = TASK.accept(OWN) if settings.data else EXAMPLE.read_text()
    common = Counter(kept[: len(kept) - len(kept) // 8])
    names = sorted(common, key=lambda c: (-common[c], c))[: settings.vocab - 1]
    return "".join([*names, "?"][token] for token in tokens), "".join(c if c in names else "?" for c in kept)


@pytest.mark.parametrize("split", ["train", "test", "probe"])
def test_every_window_is_of_its_side_and_every_answer_is_what_follows(own, split):
    batch = TASK.sample(own, rng_for(3, split), 50)
    assert batch.tokens.shape == batch.targets.shape == (50, 40)
    for tokens, targets in zip(*batch, strict=True):
        window, text = spelled(own, [*tokens, targets[-1]])
        border = len(text) - len(text) // 8
        assert window in (text[:border] if split == "train" else text[border:])
        np.testing.assert_array_equal(targets[-10:-1], tokens[-9:])
        assert (targets[:-10] == IGNORED).all()


def test_the_oracle_solves_every_sample_and_knows_no_more_than_the_text(own):
    batch = TASK.sample(own, rng_for(0, "test"), 50)
    np.testing.assert_array_equal(TASK.answer(own, batch.tokens), batch.targets)
    edited = batch.tokens[0].copy()
    edited[:5] = 1  # nowhere in the text
    targets = TASK.answer(own, edited)
    np.testing.assert_array_equal(targets[-10:-1], edited[-9:])
    assert targets[-1] == IGNORED


def test_training_windows_begin_everywhere_in_the_first_seven_eighths(own):
    rows = TASK.sample(own, rng_for(0, "train"), 30_000).tokens
    characters = len(TASK.accept(OWN))
    assert len({row.tobytes() for row in rows}) == characters - characters // 8 - 40


def test_batches_follow_from_seed_and_step(own):
    one, same, other = (TASK.sample(own, rng_for(0, "train", step), 4).tokens for step in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_without_an_upload_there_is_a_text_to_learn_from():
    settings = TaskSettings(name="text", L=64, vocab=80, n_data=32)
    tokens, targets = TASK.sample(settings, rng_for(0, "train"), 2)
    window, text = spelled(settings, [*tokens[0], targets[0, -1]])
    assert window in text
    assert TASK.accept(EXAMPLE.read_text()) == EXAMPLE.read_text()
    assert TASK.ladder(settings, "cpu") == [32, 64, 128, 256, 512]


def test_labels_are_characters_one_can_see(own):
    labels = [label for label, _ in TASK.describe(own).values()]
    assert len(set(labels)) == own.vocab
    assert all(label.strip() for label in labels)
    assert {"␣", "↵"} <= set(labels)
    assert labels[-1] == "□"


def test_chance_is_that_of_the_most_frequent_character(own):
    answers = TASK.sample(own, rng_for(0, "test"), 4000).targets[:, -1]
    assert abs((answers == 0).mean() - TASK.chance(own)) < 0.03


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("too short", "at least 1,000 characters, got 10"), ("aba" * 500, "different characters, got 3")],
)
def test_texts_that_teach_nothing_are_refused(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        TASK.accept(text)


def test_a_text_too_short_for_the_length_is_explained():
    digest = data.keep(TASK.accept("abcdefgh \n" * 101))
    settings = TaskSettings(name="text", L=256, n_data=8, data=digest)
    with pytest.raises(ValueError, match=r"less than the 12\d characters kept for testing, got 256"):
        TASK.sample(settings, rng_for(0, "train"), 1)


def test_a_text_of_another_machine_is_asked_for_and_its_run_can_still_be_shown():
    settings = TaskSettings(name="text", L=16, n_data=8, data="a" * 64)
    with pytest.raises(ValueError, match="upload them again"):
        TASK.sample(settings, rng_for(0, "train"), 1)
    assert len({label for label, _ in TASK.describe(settings).values()}) == settings.vocab
    assert TASK.chance(settings) == 1 / settings.vocab


def test_more_answers_than_characters_are_refused():
    with pytest.raises(ValidationError, match="n_data must be at most L=16, got 17"):
        TaskSettings(name="text", L=16, n_data=17)
