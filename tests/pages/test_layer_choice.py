"""The lab trains any two layers of the family, in any block."""

import pytest
from streamlit.testing.v1 import AppTest

from ssmviz.family import BLOCKS, LAYERS
from ssmviz.family.rates import Best, Search, rates_of, searched
from ssmviz.presets import LAB, PRESETS, RATES, differing
from ssmviz.widgets.layer_choice import Choice, choice_of, preset_with, problem_of, with_layers

RUNS = PRESETS["induction_heads"].runs
TASK = "induction_heads"


def panel(preset: str = "induction_heads", **query: str) -> AppTest:
    def page(preset):
        from ssmviz.widgets.train_panel import train_panel

        train_panel((preset, "copying"), page="p", any_layers=True)

    app = AppTest.from_function(page, args=(preset,), default_timeout=30)
    app.session_state["p_more"] = True
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def trained(app, store):
    app.button(key="p_train").click().run()
    assert not app.exception
    assert not app.error
    return store.runs_of(store.experiments()[0].id)


def test_the_presets_own_layers_keep_their_settings_and_labels():
    assert with_layers(RUNS, choice_of(RUNS)) == tuple(RUNS)


def test_of_two_runs_of_one_layer_the_first_stands_for_it():
    runs = PRESETS["mass_spring"].runs
    assert with_layers(runs, Choice("s4d", "s5", "linear"))[0] == runs[0]


@pytest.mark.parametrize("name", LAB)
@pytest.mark.parametrize("layer", LAYERS)
def test_every_task_of_the_lab_can_be_given_to_every_layer_or_says_why_not(name, layer):
    runs = PRESETS[name].runs
    choice = choice_of(runs)._replace(right=layer)
    if runs[0][1].model.d_model == 1 and "heads" in LAYERS[layer].fields:
        assert "channels D must be a multiple" in problem_of(runs, choice)
    else:
        assert problem_of(runs, choice) == ""
        assert with_layers(runs, choice)[-1][1].model.layer == layer


def test_layers_that_do_not_fit_a_task_are_refused_and_nothing_starts(store):
    app = panel("mass_spring", p_right="Attention")
    assert not app.exception
    assert "cannot have these layers" in " ".join(e.value for e in app.error)
    app.button(key="p_train").click().run()
    assert store.experiments() == []


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_in_every_block_is_a_valid_run(layer, block):
    runs = with_layers(RUNS, Choice("s6", layer, block))
    assert [settings.model.block for _, settings in runs] == [block] * len(runs)
    assert [settings.model.layer for _, settings in runs] == list(dict.fromkeys(["s6", layer]))
    assert differing(runs) <= {"model.layer", *RATES}


def test_a_layer_that_the_preset_is_not_tuned_for_takes_the_nearest_rates_known_and_the_other_keeps_its_own():
    (_, s6), (label, retnet) = with_layers(RUNS, Choice("s6", "retnet", "mamba"))
    nearest = rates_of(TASK, "mamba", "retnet", muon=True, search=searched())
    assert s6 == RUNS[0][1]
    assert label == "RetNet"
    assert (retnet.optim.lr, retnet.optim.lr_muon) == nearest[:2]


def test_rates_that_were_searched_are_taken_and_the_page_says_from_where(monkeypatch, store):
    found = {TASK: {"mamba, retnet": Best(lr=3e-2, lr_muon=0.01, token=0.98)}}
    search = Search(machine="a machine", measured="2026-11-22", command="a command", rates=found)
    monkeypatch.setattr("ssmviz.widgets.layer_choice.searched", lambda: search)
    app = panel(p_right="RetNet", p_left="S5")
    assert not app.exception
    words = " ".join(c.value for c in app.caption)
    assert "Learning rates of RetNet here: the best of a search on this task, which reached 98 %." in words
    assert "Learning rates of S5 here: a first guess." in words
    s5, retnet = (run.settings.optim for run in trained(app, store))
    assert (retnet.lr, retnet.lr_muon) == (3e-2, 0.01) != (s5.lr, s5.lr_muon)


def test_layers_that_a_preset_compares_are_that_preset_with_its_settings_and_its_recording(open_page, store):
    app = open_page(lab_task="associative recall", lab_right="RetNet")
    assert not app.exception
    view = next(str(v.proto) for v in app.get("bidi_component") if "ssmviz.lab" in str(v.proto))
    assert "recall_retnet" in view
    assert PRESETS["recall_retnet"].sentence in " ".join(c.value for c in app.caption)
    app.button(key="lab_train").click().run()
    runs = store.runs_of(store.experiments()[0].id)
    assert tuple((run.label, run.settings) for run in runs) == PRESETS["recall_retnet"].runs
    assert store.experiments()[0].preset == "recall_retnet"


def test_a_pair_is_found_by_its_layers_its_block_and_its_task():
    pair = Choice("s6", "attention", "mamba")
    assert preset_with("induction_heads", pair) == "induction_attention"
    assert preset_with("induction_heads", pair._replace(block="transformer")) is None
    assert preset_with("copying", pair) is None
    assert preset_with("delay", choice_of(PRESETS["delay"].runs)) == "delay"


def test_the_address_chooses_the_layers_and_train_starts_them(store):
    app = panel(p_right="RetNet", p_block="Transformer++", p_seed="5")
    assert not app.exception
    assert "Learning rates of" in " ".join(c.value for c in app.caption)
    runs = trained(app, store)
    assert [run.label for run in runs] == ["S6", "RetNet"]
    assert {(run.settings.model.block, run.settings.seed) for run in runs} == {("transformer", 5)}
    assert "S6 and RetNet" in store.experiments()[0].title


def test_another_layer_brings_its_own_learning_rates_whenever_it_is_chosen(store):
    app = panel()
    before = app.number_input(key="p_lr").value
    app.selectbox(key="p_left").select("rwkv").run()
    assert (
        app.number_input(key="p_lr").value == rates_of(TASK, "mamba", "rwkv", muon=True, search=searched()).lr != before
    )
    app.selectbox(key="p_left").select("s6").run()
    assert app.number_input(key="p_lr").value == before


@pytest.mark.parametrize(("right", "then"), [("s4d", "s4d-s6-plain"), ("retnet", "s6-retnet-mamba")])
def test_another_task_brings_its_own_layers_unless_others_were_chosen(right, then, store):
    def page():
        import streamlit as st

        from ssmviz.widgets import train_panel

        train_panel.train_panel(("induction_heads", "audio"), page="p", any_layers=True)
        st.button("other", on_click=train_panel._set_task, args=("audio",), kwargs={"page": "p"}, key="other")

    app = AppTest.from_function(page, default_timeout=30).run()
    app.selectbox(key="p_right").select(right).run()
    app.button(key="other").click().run()
    assert not app.exception
    assert "-".join(app.session_state[f"p_{name}"] for name in ("left", "right", "block")) == then


def test_a_layer_beside_itself_is_one_run(store):
    assert [run.label for run in trained(panel(p_left="S4D"), store)] == ["S4D"]


def test_only_what_means_something_to_the_layers_can_be_set(store):
    app = panel(p_left="Attention", p_right="RetNet")
    names = {w.key for kind in (app.number_input, app.selectbox, app.checkbox) for w in kind}
    assert {"p_heads", "p_pos", "p_conv"} <= names
    assert not {"p_N", "p_dtmin", "p_poles"} & names
    app = panel(p_right="LMU")
    assert "p_window" in {w.key for w in app.number_input}


def test_an_address_with_an_unknown_layer_is_told_so(store):
    app = panel(p_right="LSTM")
    assert "p_right cannot be 'LSTM'; S4D is used instead" in " ".join(w.value for w in app.warning)


def test_the_cards_of_what_is_chosen_can_be_read(store):
    app = panel()
    assert not app.exception
    for cards in (LAYERS, BLOCKS):
        for name, card in cards.items():
            assert card.name == name
            assert card.source.link.startswith("https://")
            assert card.words.endswith(".")
