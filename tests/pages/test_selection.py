"""The page on selection says what it computes."""

from ssmviz.lessons.selection import RECORDING
from ssmviz.runs.recording import read_recording

PAGE = "pages/learn/selection.py"


def said(app) -> str:
    return " ".join(line.value for line in app.latex) + " ".join(text.value for text in app.markdown)


def test_it_opens_on_one_delta_for_all_tokens(open_page):
    text = said(open_page(PAGE))
    assert "now 38.8% of the letters" in text
    assert "0.99, 0.9, 0.37, 0.05, 0.0067" in text


def test_a_painted_gate_in_the_address_is_scored(open_page):
    delta = "~".join("0.5" if t in (2, 7, 14, 16) else "0" for t in range(24))
    app = open_page(PAGE, selection_delta=delta)
    assert not app.warning
    assert "now 100.0% of the letters" in said(app)
    assert "z = -0.433" in said(app)


def test_a_closed_gate_has_its_numbers_too(open_page):
    app = open_page(PAGE, selection_delta="~".join(["0"] * 24))
    assert not app.exception
    assert "now 0.0% of the letters" in said(app)


def test_stories_set_strip_state_and_gate(open_page):
    app = open_page(PAGE)
    app.button(key="selection_try_2").click().run()
    assert app.query_params["selection_story"] == "documents"
    assert app.query_params["selection_N"] == "4"
    assert "now 55." in said(app)
    app.button(key="selection_try_0").click().run()
    assert app.query_params["selection_clock"] == "1"
    assert "selection_N" not in app.query_params
    assert "now 100.0% of the letters" in said(app)


def test_the_boundary_question_is_settled_by_a_reset(open_page):
    app = open_page(PAGE)
    app.button_group(key="selection_check_0").set_value("large").run()
    app.button(key="selection_check_0_see").click().run()
    assert "now 8" in said(app)


def test_both_myths_are_settled_with_numbers(open_page):
    app = open_page(PAGE)
    app.button(key="selection_myth_0").click().run()
    app.button(key="selection_myth_1").click().run()
    assert "Of the 1024 strips behind this page all keep it" in said(app)
    assert "0.61 on a letter and 1.00 on noise" in said(app)


def test_an_unusable_painting_falls_back_with_a_note(open_page):
    app = open_page(PAGE, selection_delta="0.5~9", selection_story="novel")
    assert not app.exception
    assert "Delta must be 24 numbers, got 2" in app.warning[0].value
    assert "Story must be one of" in app.warning[0].value


def test_a_gate_trained_on_the_page_takes_the_recorded_ones_place(open_page, store):
    assert "(recorded run, 100% of letters right)" in said(open_page(PAGE))
    recording = read_recording(RECORDING)
    recorded = recording.summary().runs[0]
    experiment = store.create_experiment("key", "Mine", [("S6", recorded.settings)], preset="selective_copying")
    (run,) = store.runs_of(experiment.id)
    store.rundb(run.id).put_frame(0, recording.frame(recorded.id, 0))
    text = said(open_page(PAGE, run=experiment.id))
    assert "(trained here, 0% of letters right)" in text
    assert "a letter lasts 1" in text


def test_an_experiment_that_is_not_there_leaves_the_recorded_gate(open_page):
    app = open_page(PAGE, run="../../etc/passwd")
    assert not app.exception
    assert "(recorded run" in said(app)
