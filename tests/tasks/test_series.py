"""Series of one's own: what is read of a file, what is refused, and that the test lies in the future."""

import numpy as np
import pytest

from ssmviz import data
from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.tasks.series import TEST, read, sides

VALUES = np.sin(np.arange(150) / 5) + 0.01 * np.arange(150)
LINES = [f"{v:.6f}" for v in VALUES]


def test_a_bare_column_is_read():
    np.testing.assert_allclose(read("\n".join(LINES)), VALUES, atol=1e-6)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_first_column_of_numbers_that_does_more_than_count_is_taken(delimiter):
    rows = [delimiter.join((str(k), "2026-01-01", line, "7")) for k, line in enumerate(LINES)]
    named = delimiter.join(("row", "date", "height", "seven"))
    np.testing.assert_allclose(read("\n".join([named, *rows])), VALUES, atol=1e-6)
    np.testing.assert_allclose(read("\n".join(rows) + "\n\n"), VALUES, atol=1e-6)


def test_a_column_can_be_chosen_by_its_name():
    text = "a,b\n" + "\n".join(f"{line},{k % 7}" for k, line in enumerate(LINES))
    np.testing.assert_array_equal(read(text, "b"), np.arange(150) % 7)
    with pytest.raises(ValueError, match="no column 'c', only a, b"):
        read(text, "c")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "file is empty"),
        ("\n".join(LINES[:99]), "100 to 200,000 rows, got 99"),
        ("\n".join(["name", *["word"] * 120]), "no column of numbers, got 'word'"),
        ("\n".join([*LINES[:120], "n/a", *LINES]), "row 121, column '1' must be a finite number, got 'n/a'"),
        ("\n".join(["y", *LINES[:120], "inf", *LINES]), "row 122, column 'y' must be a finite number, got 'inf'"),
        ("\n".join(["y,z", *[f"a,{v}" for v in LINES], "b"]), "column 'z' must be a finite number, got 1 cells"),
        ("\n".join(["5"] * 150), "constant or only counts"),
        ("\n".join(map(str, range(150))), "constant or only counts"),
    ],
)
def test_what_is_no_series_is_refused_with_what_to_do(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        read(text)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Settings of a kept file."""
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path))
    text = "\n".join(["day,height", *(f"{k},{line}" for k, line in enumerate(LINES))])
    digest = data.keep(TASKS["series"].accept(text))
    return TaskSettings(name="series", L=16, n_data=2, data=digest)


def test_the_test_is_the_end_of_the_file_and_never_trained_on(own):
    train, test = sides(own.data)
    whole, learned = np.concatenate([train, test]), VALUES[:120]
    np.testing.assert_allclose(whole * learned.std() + learned.mean(), VALUES, atol=1e-5)
    assert len(test) == 150 // TEST
    assert train.mean() == pytest.approx(0, abs=1e-6)
    assert train.std() == pytest.approx(1, abs=1e-6)
    drawn = {split: TASKS["series"].sample(own, rng_for(0, split), 300) for split in ("train", "test")}
    for split, side in (("train", train), ("test", test)):
        assert set(drawn[split].tokens.ravel()) | set(drawn[split].targets.ravel()) <= set(side)
    np.testing.assert_array_equal(drawn["train"].targets[:, :-2], drawn["train"].tokens[:, 2:])


def test_the_answer_knows_what_stands_later_and_not_what_is_beyond(own):
    signal, wanted = TASKS["series"].sample(own, rng_for(0, "test"), 5)
    answer = TASKS["series"].answer(own, signal)
    np.testing.assert_array_equal(answer[:, :-2], wanted[:, :-2])
    assert np.isnan(answer[:, -2:]).all()


def test_a_file_too_short_for_the_length_is_explained(own):
    longer = own.model_copy(update={"L": 40})
    with pytest.raises(ValueError, match=r"L \+ n_data must be at most 30, .* got 42"):
        TASKS["series"].sample(longer, rng_for(0, "test"), 5)
    assert TASKS["series"].ladder(own, "cpu") == [16]


def test_without_a_file_there_is_an_example():
    settings = TaskSettings(name="series", L=64, n_data=6)
    assert TASKS["series"].sample(settings, rng_for(0, "test"), 3).tokens.shape == (3, 64)
