"""The list of old runs without a browser."""

import pytest

from ssmviz.presets import PRESETS
from ssmviz.widgets.markdown import plain

RUNS = "pages/train/runs.py"


def add(store, key, *, title="Selective copying", state="done", accuracy=0.9):
    row = store.create_experiment(key, title, list(PRESETS["selective_copying"].runs), state="starting")
    for run in store.runs_of(row.id):
        db = store.rundb(run.id, run.attempt)
        db.begin_attempt(None, {"device": "cpu", "backend": "numba", "parameters": 7, "notes": []})
        data = {"step": 25, "loss": 1.0, "test_loss": 1.0, "token_accuracy": accuracy, "sequence_accuracy": 0.5}
        data |= {"position_accuracy": [], "lr": 0.1, "grad_norm": 1.0, "seconds": 1.0}
        db.append([("evaluation", 25, data)])
        scores = {"token_accuracy": accuracy, "sequence_accuracy": 0.5, "step": 25, "backend": "numba", "device": "cpu"}
        store.move(run.id, state, attempt=run.attempt, **scores)
    return row.id


def text(app) -> str:
    return " ".join(e.value for e in [*app.markdown, *app.caption]) + " ".join(c.label for c in app.checkbox)


def test_an_empty_store_leads_to_the_lab(open_page):
    app = open_page(RUNS)
    assert not app.exception
    assert "Nothing was trained here yet" in app.info[0].value


def test_old_runs_show_task_sizes_state_scores_and_time(open_page, store):
    add(store, "a")
    app = open_page(RUNS)
    assert not app.exception
    for words in (
        "selective copying, L=64",
        "N=8",
        "done",
        "90.0% of tokens",
        "50.0% of sequences",
        "numba on a CPU",
        "20",
    ):
        assert words in text(app)


def test_two_ticked_experiments_are_compared(open_page, store):
    ids = [add(store, "a"), add(store, "b", accuracy=0.4)]
    app = open_page(RUNS)
    assert not app.get("plotly_chart")
    for id_ in ids:
        app.checkbox(key=f"tick_{id_}").check().run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1
    assert "40.0% at step 25" in text(app)


def test_deleting_asks_first(open_page, store):
    id_ = add(store, "a")
    app = open_page(RUNS)
    app.button(key=f"delete_{id_}").click().run()
    assert not app.exception
    assert app.button(key="delete_yes").label == "Delete it"
    assert [row.id for row in store.experiments()] == [id_]


@pytest.mark.parametrize(("state", "offered"), [("done", False), ("interrupted", True), ("diverged", False)])
def test_only_what_can_go_on_offers_to_be_resumed(open_page, store, state, offered):
    id_ = add(store, "a", state=state)
    keys = [button.key for button in open_page(RUNS).button]
    assert (f"resume_{id_}" in keys) == offered


def test_resuming_queues_every_run_of_it(open_page, store):
    id_ = add(store, "a", state="interrupted")
    app = open_page(RUNS)
    app.button(key=f"resume_{id_}").click().run()
    assert not app.exception
    assert {run.state for run in store.runs_of(id_)} == {"queued"}


def test_names_are_shown_as_text(open_page, store):
    add(store, "a", title="[x](javascript:alert(1)) <b> $x$ :red[y]")
    app = open_page(RUNS)
    assert not app.exception
    assert "](" not in app.checkbox[0].label
    assert plain("a_b*c") == "a\\_b\\*c"
