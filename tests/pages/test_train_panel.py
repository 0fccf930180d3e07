"""The train panel on a page of its own: one preset or several, each with the controls that mean something to it."""

from streamlit.testing.v1 import AppTest

from ssmviz.presets import PRESETS


def page_of(*presets: str, opened: bool = True, **query: str) -> AppTest:
    def page(presets):
        from ssmviz.widgets.train_panel import train_panel

        train_panel(presets if len(presets) > 1 else presets[0], page="p", legend="Experiment")

    app = AppTest.from_function(page, args=(presets,), default_timeout=30)
    if opened:
        app.session_state["p_more"] = True
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def chooser(app) -> list[str]:
    return [str(part.proto) for part in app.get("bidi_component") if "ssmviz.tasks" in str(part.proto)]


def names(app) -> set[str]:
    return {w.key for kind in (app.number_input, app.selectbox, app.checkbox) for w in kind}


def test_controls_are_drawn_once_more_was_opened_or_the_address_sets_one(store):
    assert not names(page_of("copying", opened=False))
    assert names(page_of("copying")) == names(page_of("copying", opened=False, p_N="4"))


def test_train_takes_the_preset_where_nothing_was_opened(store):
    app = page_of("copying", opened=False)
    app.button(key="p_train").click().run()
    (experiment,) = store.experiments()
    runs = [(run.label, run.settings) for run in store.runs_of(experiment.id)]
    assert runs == list(PRESETS["copying"].runs)


def test_what_a_link_sets_before_more_was_opened_is_in_the_address(store):
    def page():
        from ssmviz.widgets.train_panel import train_panel, try_this

        try_this("two numbers", "copying", page="p", N=2)
        train_panel("copying", page="p")

    app = AppTest.from_function(page, default_timeout=30).run()
    app.button[0].click().run()
    assert app.query_params["p_N"] == "2"
    assert set(app.query_params) == {"p_N"}


def test_one_preset_needs_no_choice(store):
    app = page_of("copying")
    assert not app.exception
    assert chooser(app) == []


def test_several_presets_are_offered_and_the_first_is_chosen(store):
    app = page_of("induction_heads", "copying")
    assert not app.exception
    (choice,) = chooser(app)
    assert "Experiment" in choice
    assert app.session_state["p_vocab"] == PRESETS["induction_heads"].runs[0][1].task.vocab


def test_the_address_chooses_among_the_pages_own_presets_alone(store):
    assert page_of("induction_heads", "copying", p_task="copying").session_state["p_task"] == "copying"
    app = page_of("induction_heads", "copying", p_task="selective copying")
    assert app.session_state["p_task"] == "induction_heads"
    assert "p_task" in " ".join(w.value for w in app.warning)


def test_controls_that_mean_nothing_to_a_preset_are_not_there(store):
    assert "p_data" in names(page_of("copying"))
    assert "p_data" not in names(page_of("induction_heads"))
    assert {"p_heads", "p_pos"} <= names(page_of("against_attention"))
    assert not {"p_heads", "p_pos"} & names(page_of("induction_heads"))


def test_what_tells_the_runs_apart_is_not_offered(store):
    assert "p_select" in names(page_of("copying"))
    for name, hidden in (("switches", "p_select"), ("s4d_inits", "p_poles"), ("backends", "p_scan")):
        assert hidden not in names(page_of(name)), name
    assert not {"p_conv", "p_gate"} & names(page_of("ablations"))


def test_four_runs_start_with_what_tells_them_apart_and_what_was_changed(store):
    app = page_of("switches", p_seed="3", p_lr="0.005")
    app.button(key="p_train").click().run()
    assert not app.error
    runs = store.runs_of(store.experiments()[0].id)
    assert [run.settings.model.selective for run in runs] == ["delta B C", "delta", "B C", "none"]
    assert {run.settings.seed for run in runs} == {3}
    assert [run.settings.optim.lr for run in runs] == [0.005, 0.01, 0.01, 0.01]  # twice the first's, as in the preset


def test_an_address_that_sets_what_tells_runs_apart_is_told_so(store):
    app = page_of("switches", p_select="none")
    assert "p_select is no setting of this page" in " ".join(w.value for w in app.warning)


def test_train_starts_every_run_of_the_preset_with_what_was_changed(store):
    app = page_of("copying", p_N="4")
    app.button(key="p_train").click().run()
    assert not app.exception
    assert not app.error
    runs = store.runs_of(store.experiments()[0].id)
    assert [run.label for run in runs] == [label for label, _ in PRESETS["copying"].runs]
    assert {run.settings.model.N for run in runs} == {4}
    assert [run.settings.model.layer for run in runs] == [s.model.layer for _, s in PRESETS["copying"].runs]
