"""Own data in the train panel: a good file is trained on, a bad one is refused in words, a link brings it back."""

import pytest
from streamlit.testing.v1 import AppTest

from ssmviz import data

TEXT = "To be, or not to be, that is the question.\n" * 40


@pytest.fixture
def panel(store):
    data.read.cache_clear()

    def opened(preset="text", **query):
        def script(preset):
            from ssmviz.widgets.train_panel import train_panel

            train_panel(preset, page="p")

        app = AppTest.from_function(script, args=(preset,), default_timeout=30)
        app.session_state["p_more"] = True
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return opened


def words(app):
    return " ".join(part.value for part in (*app.caption, *app.error))


def uploaded(app, content, name="mine.txt"):
    app.file_uploader[0].upload(name, content, "text/plain").run()
    assert not app.exception
    return app


def trained_on(store):
    (experiment,) = store.experiments()
    return {run.settings.task.data for run in store.runs_of(experiment.id)}


def test_a_text_is_kept_named_in_the_address_and_trained_on(panel, store):
    app = uploaded(panel(), TEXT.encode())
    digest = data.keep(TEXT)
    assert app.query_params["p_own"] == digest
    assert f"yours, {len(TEXT):,} characters" in words(app)
    app.button(key="p_train").click().run()
    assert trained_on(store) == {digest}


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"short", "at least 1,000 characters, got 6"), (b"\xff" * 2000, "no text in UTF-8")]
)
def test_a_file_that_cannot_be_used_is_refused_in_words(panel, store, content, complaint):
    app = uploaded(panel(), content)
    assert complaint in words(app)
    assert "p_own" not in app.query_params
    app.button(key="p_train").click().run()
    assert trained_on(store) == {""}


def test_a_link_brings_the_data_back_and_one_click_lets_them_go(panel, store):
    digest = data.keep(TEXT)
    app = panel(p_own=digest)
    assert "In use: yours" in words(app)
    app.button(key="p_own_drop").click().run()
    assert "In use: yours" not in words(app)
    assert "p_own" not in app.query_params


def test_a_link_to_data_of_another_machine_says_so(panel):
    app = panel(p_own="a" * 64)
    assert not app.exception
    assert "upload them again" in words(app)


def test_tasks_without_uploads_offer_none(panel):
    app = panel("copying")
    assert not app.exception
    assert not app.file_uploader
