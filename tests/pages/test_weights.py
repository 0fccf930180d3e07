"""The page on weights without a browser: choose, read, refuse, save."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from ssmviz.lessons import inside
from ssmviz.presets import PRESETS
from ssmviz.weights import read, write
from ssmviz.weights.__main__ import random_weights
from ssmviz.weights.layouts import Sizes
from ssmviz.widgets import model_choice

PAGE = "pages/train/weights.py"
TENSORS = random_weights(Sizes(vocab=8, d_model=8, n_layers=1, D=16, N=4, dt_rank=1), 0)


def text(app) -> str:
    return " ".join(e.value for e in [*app.markdown, *app.caption])


def errors(app) -> str:
    return " ".join(e.value for e in app.error)


def add(store, *, task="selective_copying", tensors=TENSORS):
    """A finished experiment whose first run has a checkpoint."""
    row = store.create_experiment("a", "Twins", list(PRESETS[task].runs), state="starting")
    for run in store.runs_of(row.id):
        db = store.rundb(run.id, run.attempt)
        db.begin_attempt(None, {"device": "cpu", "backend": "numba", "parameters": 7, "notes": []})
        db.put_checkpoint(25, save({f"parameter/{name}": a for name, a in tensors.items()}))
        store.move(run.id, "done", attempt=run.attempt, step=25, checkpoint_step=25)
    return {run.label: run.id for run in store.runs_of(row.id)}


@pytest.fixture(autouse=True)
def _nothing_is_kept():
    for cached in (model_choice._model, model_choice._followed):
        cached.clear()


def test_it_opens_on_the_shipped_model(open_page):
    app = open_page(PAGE)
    assert not app.exception
    assert not app.error
    assert "vocab=64" in text(app)
    assert "the head is tied" in text(app)
    assert len(app.get("bidi_component")) == 1


def test_prompt_and_continuation_come_from_the_address(open_page):
    app = open_page(PAGE, weights_prompt="7 7 7", weights_more="0")
    assert not app.exception
    assert app.text_input(key="weights_prompt").value == "7 7 7"
    assert app.number_input(key="weights_more").value == 0


@pytest.mark.parametrize(("prompt", "words"), [("64", "from 0 to 63"), ("1 b", "got 'b'"), ("1 " * 70, "64 tokens")])
def test_a_bad_prompt_is_refused_in_words(open_page, prompt, words):
    app = open_page(PAGE, weights_prompt=prompt)
    assert not app.exception
    assert words in errors(app)
    assert not app.get("bidi_component")


def test_a_file_of_either_layout_opens(open_page):
    for layout in inside.LAYOUTS:
        app = open_page(PAGE)
        app.selectbox(key="weights_model").set_value("file").run()
        app.file_uploader(key="weights_file").upload("mine.safetensors", write(TENSORS, layout)).run()
        assert not app.exception
        assert not app.error
        assert "vocab=8" in text(app)
        assert f"layout {layout}" in text(app)


def test_a_file_of_halves_opens_and_is_said_to_be_one(open_page):
    app = open_page(PAGE)
    app.selectbox(key="weights_model").set_value("file").run()
    halves = save({name: a.astype(np.float16) for name, a in load(write(TENSORS, "hf")).items()})
    app.file_uploader(key="weights_file").upload("half.safetensors", halves).run()
    assert not app.exception
    assert not app.error
    assert "Its numbers are stored as F16, read as float32." in text(app)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04" * 9, "zip archive"),
        (b"", "8 bytes"),
        (write(TENSORS, "hf")[:-1], "cut off"),
        (save({"a": np.zeros(3, np.float32)}), "Mamba language model"),
    ],
)
def test_a_bad_file_is_refused_in_words(open_page, data, words):
    app = open_page(PAGE)
    app.selectbox(key="weights_model").set_value("file").run()
    app.file_uploader(key="weights_file").upload("bad.safetensors", data).run()
    assert not app.exception
    assert words in errors(app)


def test_runs_that_the_layouts_can_hold_are_offered_and_opened(open_page, store):
    runs = add(store)
    app = open_page(PAGE, weights_model=runs["S6"])
    assert not app.exception
    assert "the head is tied" in text(app)
    assert "vocab=8" in text(app)
    assert sum("Trained here" in option for option in app.selectbox(key="weights_model").options) == 1  # not the twin


def test_old_runs_lead_to_their_weights(open_page, store):
    add(store)
    app = open_page("pages/train/runs.py")
    (button,) = [button for button in app.button if button.label == "Weights"]
    button.click().run()
    assert not app.exception
    assert "vocab=8" in text(app)


def test_a_strange_layer_in_the_address_is_noted(open_page):
    app = open_page(PAGE, inside_layer="none")
    assert not app.exception
    assert "Layer must be a number" in app.warning[0].value


def test_a_continuation_too_long_for_the_model_says_so(monkeypatch, open_page):
    monkeypatch.setattr(inside, "longest", lambda model: 15)
    app = open_page(PAGE)
    assert not app.exception
    assert "15 tokens at most: 3 are added" in text(app)


def test_a_head_of_its_own_is_said_to_be_one(open_page, store):
    runs = add(store, tensors=TENSORS | {"lm_head.weight": -TENSORS["embedding.weight"]})
    app = open_page(PAGE, weights_model=runs["S6"])
    assert "a matrix of its own" in text(app)
    assert '"tie_word_embeddings": false' in app.code[0].value


@pytest.mark.parametrize("run", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_run_that_is_not_here_is_said_and_the_shipped_model_opens(open_page, run):
    app = open_page(PAGE, weights_model=run)
    assert not app.exception
    assert "not on this machine" in app.warning[0].value
    assert "vocab=64" in text(app)


def test_a_damaged_checkpoint_is_refused_in_words(open_page, store):
    runs = add(store, tensors=TENSORS | {"layers.0.mixer.D": TENSORS["layers.0.mixer.D"] * np.nan})
    app = open_page(PAGE, weights_model=runs["S6"])
    assert not app.exception
    assert "mixer.D must hold finite" in errors(app)


def test_what_is_saved_opens_again(monkeypatch, open_page):
    saved = {}
    monkeypatch.setattr(model_choice.st, "download_button", lambda label, data, **_: saved.update({label: data()}))
    open_page(PAGE)
    models = [read(data) for data in saved.values()]
    assert [model.layout for model in models] == ["hf", "original"]
    assert all(model.parameters == 41_888 for model in models)
