"""The lab's first paragraph is about the task and the layers that are chosen."""

import pytest

from ssmviz.presets import LAB, PRESETS
from ssmviz.widgets.opening import question


def opening(app) -> str:
    return app.markdown[0].value


def test_it_speaks_of_letters_where_letters_are_read(open_page):
    assert "Two networks read a row of letters **once**" in opening(open_page())


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("audio", "Three networks read *sound*, number by number, **once**"),
        ("permuted digits", "One network reads a picture, pixel by pixel,"),
        ("listops", "then say what the whole comes to"),
        ("delay", "Side by side: **LegS**, **Lin** against **Real**"),
    ],
)
def test_it_follows_the_task(open_page, task, words):
    text = opening(open_page(lab_task=task))
    assert words in text
    assert "letters" not in text


def test_it_names_the_layers_that_are_chosen(open_page):
    text = opening(open_page(lab_right="RetNet"))
    assert "Side by side: **S6** against **RetNet**" in text
    assert "may choose its step" not in text


def test_layers_that_do_not_fit_leave_it_as_it_was(open_page):
    app = open_page(lab_task="mass spring", lab_right="Attention")
    assert not app.exception
    assert "*force (N)*" in opening(app)


@pytest.mark.parametrize("name", LAB)
def test_only_token_tasks_have_letters_lists_or_texts(name):
    task = PRESETS[name].runs[0][1].task
    read, asked = question(task)
    assert task.reads_signal == ("by number" in read or "by pixel" in read)
    assert asked
