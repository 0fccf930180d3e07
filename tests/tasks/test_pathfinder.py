"""Pathfinder: the answer is what the picture shows, and nothing else gives it away."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import label

from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.tasks.pathfinder import APART, DOT, PAPER, REACH, draw, lay

TINY = TaskSettings(name="pathfinder", L=64, vocab=2, n_data=1)
SMALL = TaskSettings(name="pathfinder", L=256, vocab=2, n_data=1)
LARGE = TaskSettings(name="pathfinder", L=1024, vocab=2, n_data=3)
every = pytest.mark.parametrize("settings", [TINY, SMALL, LARGE], ids=["8 x 8", "16 x 16", "32 x 32"])


def pictures(settings, n=60, split="train"):
    signals, targets = TASKS["pathfinder"].sample(settings, rng_for(0, split), n)
    side = round(settings.L**0.5)
    return signals.reshape(n, side, side), targets[:, -1]


def dots(picture):
    return np.argwhere(picture == DOT)


def islands(picture):
    """Number of each pixel's island, where ink of at most REACH apart is one: every pixel is blown up to a block."""
    ink = picture > PAPER
    side = len(ink)
    large = np.zeros((2 * side + 2 * REACH, 2 * side + 2 * REACH), bool)
    for r, c in np.argwhere(ink):
        large[2 * r : 2 * (r + REACH) + 1, 2 * c : 2 * (c + REACH) + 1] = True  # blocks touch: REACH apart or less
    numbers, count = label(large, structure=np.ones((3, 3)))
    return numbers[REACH : 2 * side + REACH : 2, REACH : 2 * side + REACH : 2], count


@every
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_dots_are_on_one_island_exactly_where_the_answer_is_yes(settings, split):
    for picture, joined in zip(*pictures(settings, split=split), strict=True):
        numbers, _ = islands(picture)
        (one, other) = dots(picture)
        assert (numbers[tuple(one)] == numbers[tuple(other)]) == bool(joined)


@every
def test_every_picture_has_as_many_islands_as_paths_and_two_dots(settings):
    for picture, _ in zip(*pictures(settings), strict=True):
        assert islands(picture)[1] == settings.n_data + 1
        assert len(dots(picture)) == 2


def test_paths_keep_apart_and_inside():
    paths = lay(np.random.default_rng(0), 50, side=16, paths=3)
    at = np.stack(np.divmod(paths, 16), axis=-1)
    assert at.min() == 0
    assert at.max() == 15
    for i, j in ((0, 1), (0, 2), (1, 2)):
        gaps = np.abs(at[:, i, :, None] - at[:, j, None]).max(-1)
        assert gaps.min() >= APART > REACH
    assert np.abs(np.diff(at, axis=2)).max() == 1


@every
def test_answers_are_balanced_and_neither_ink_nor_distance_tells_them(settings):
    signals, joined = draw(np.random.default_rng(0), 2000, side=round(settings.L**0.5), paths=settings.n_data + 1)
    shown = signals.reshape(-1, round(settings.L**0.5), round(settings.L**0.5))
    assert abs(joined.mean() - 0.5) < 0.05
    far = np.array([np.linalg.norm(np.subtract(*dots(picture))) for picture in shown])
    ink = (signals > PAPER).sum(1)
    for clue in (far, ink):
        best = max(abs(np.mean((clue > level) == joined) - 0.5) for level in np.unique(clue))
        assert best < 0.1


def test_a_drawing_with_a_gap_filled_in_is_joined():
    picture = np.full((16, 16), PAPER)
    picture[3, 2:13] = 0.2
    picture[3, [2, 12]] = DOT
    answer = TASKS["pathfinder"].answer
    assert answer(SMALL, picture.ravel())[-1] == 1
    picture[3, 6:8] = PAPER  # the next dash is 3 away
    assert answer(SMALL, picture.ravel())[-1] == 0


def test_a_picture_without_two_dots_has_no_answer():
    with pytest.raises(ValueError, match="two dots, got 0"):
        TASKS["pathfinder"].answer(SMALL, np.full(256, PAPER))


@pytest.mark.parametrize("change", [{"L": 100}, {"vocab": 3}, {"n_data": 3}, {"L": 1024, "n_data": 5}])
def test_pictures_that_cannot_be_made_are_refused(change):
    with pytest.raises(ValidationError, match=r"pathfinder has|n_data must be below"):
        TaskSettings.model_validate(SMALL.model_dump() | change)


def test_two_classes_are_enough_for_a_signal_and_too_few_for_tokens():
    with pytest.raises(ValidationError, match="at least 4 tokens, got 2"):
        TaskSettings(name="induction_heads", vocab=2)
