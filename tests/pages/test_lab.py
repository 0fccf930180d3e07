"""The lab without a browser: controls, addresses, messages, and what gets started."""

import pytest

from ssmviz.presets import PRESETS
from ssmviz.settings import TrainSettings
from ssmviz.widgets.controls import ALL, bounds, get, groups
from ssmviz.widgets.symbols import COLOURS
from tests.pages.conftest import ROOT

SHOWN = sum(groups(PRESETS["selective_copying"].runs).values(), ())


def train(app):
    return app.button(key="lab_train").click().run()


def messages(elements) -> str:
    return " ".join(element.value for element in elements)


def shown(app) -> str:
    """What the live view was given."""
    return " ".join(str(view.proto) for view in app.get("bidi_component") if "ssmviz.lab" in str(view.proto))


def test_the_page_opens_without_a_message_of_any_kind(open_page):
    app = open_page()
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert app.query_params == {}


def test_every_control_starts_at_the_preset(open_page):
    app = open_page()
    preset = PRESETS["selective_copying"].runs[0][1]
    assert {c.name: app.session_state[f"lab_{c.name}"] for c in SHOWN} == {c.name: get(preset, c.path) for c in SHOWN}


def test_the_address_sets_the_controls_and_what_is_started(open_page, store):
    app = train(open_page(lab_L="32", lab_N="4", lab_lr="0.01", lab_b="zoh", lab_seed="7", lab_short="false"))
    assert not app.error
    settings = store.runs_of(store.experiments()[0].id)[0].settings
    assert (settings.task.L, settings.model.N, settings.optim.lr, settings.seed) == (32, 4, 0.01, 7)
    assert settings.model.b_discretisation == "zoh"
    assert not settings.optim.curriculum


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("L", "7"),
        ("L", "99999999999999999999"),
        ("L", "64.5"),
        ("L", "NaN"),
        ("lr", "nan"),
        ("lr", "inf"),
        ("lr", "-1"),
        ("N", "x"),
        ("b", "bilinear"),
        ("task", "../../etc/passwd"),
        ("seed", "-1"),
        ("short", "maybe"),
        ("nonsense", "1"),
    ],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, store, name, value):
    app = open_page(**{f"lab_{name}": value})
    assert not app.exception
    assert f"lab_{name}" in messages(app.warning)
    if name != "nonsense":
        preset = PRESETS["selective_copying"].runs[0][1]
        assert all(app.session_state[f"lab_{c.name}"] == get(preset, c.path) for c in SHOWN)
    assert store.experiments() == []


def test_parameters_of_other_pages_are_left_alone(open_page):
    assert not open_page(other_L="7").warning


def test_train_starts_the_twins_once_and_the_address_names_them(open_page, store):
    app = train(open_page())
    (experiment,) = store.experiments()
    assert app.query_params["run"] in (experiment.id, [experiment.id])
    s6, s4d = store.runs_of(experiment.id)
    assert (s6.label, s4d.label) == ("S6", "S4D")
    assert (s6.settings.model.layer, s4d.settings.model.layer) == ("s6", "s4d")
    assert s6.settings.seed == s4d.settings.seed


def test_a_double_click_and_a_second_tab_are_one_experiment(open_page, store):
    train(train(open_page()))
    train(open_page())
    assert len(store.experiments()) == 1


def test_training_again_after_the_end_is_a_new_experiment(open_page, store):
    app = train(open_page())
    store.cancel_queued(store.experiments()[0].id)
    train(app)
    assert len(store.experiments()) == 2


def test_other_settings_are_another_experiment(open_page, store):
    train(open_page())
    train(open_page(lab_seed="1"))
    assert len(store.experiments()) == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"lab_L": "65536", "lab_batch": "1024"}, "times smaller"),
        ({"lab_dtmin": "5", "lab_dtmax": "0.1"}, "dt_min"),
        ({"lab_lr": "0"}, "optim.lr"),
        ({"lab_data": "256"}, "n_data"),
    ],
)
def test_impossible_settings_are_explained_and_nothing_starts(open_page, store, query, words):
    app = train(open_page(**query))
    assert not app.exception
    assert words in messages(app.error)
    assert store.experiments() == []
    assert "run" not in app.query_params


def test_a_full_queue_is_explained(open_page, store, monkeypatch):
    monkeypatch.setattr("ssmviz.runs.records.MAX_QUEUED", 0)
    app = train(open_page())
    assert "waiting" in messages(app.error)


@pytest.mark.parametrize(
    "text",
    ["../../etc/passwd", "%2e%2e/x", "", "1", "a" * 3000, "recorded_nothing", "4a09f8dd-ffa8-4fc3-8aaa-cea98e1ca7cb"],
)
def test_a_run_that_is_not_there_is_a_clear_message(open_page, store, text):
    app = open_page(run=text)
    assert not app.exception
    assert "run" in messages(app.error)
    assert len(messages(app.error)) < 300
    assert store.experiments() == []


def test_the_address_of_a_run_shows_it_again(open_page, store):
    train(open_page())
    (experiment,) = store.experiments()
    app = open_page(run=experiment.id)
    assert not app.error
    assert experiment.id in shown(app)
    assert "Measured here" in messages(app.caption)


def test_the_controls_can_be_set_to_the_run_that_is_shown(open_page, store):
    train(open_page(lab_L="32", lab_seed="3"))
    app = open_page(run=store.experiments()[0].id)
    app.button(key="lab_adopt").click().run()
    assert not app.exception
    assert (app.session_state["lab_L"], app.session_state["lab_seed"]) == (32, 3)
    assert "lab_adopt" not in [button.key for button in app.button]


def test_one_group_of_controls_can_be_set_to_the_run_that_is_shown(open_page, store):
    train(open_page(lab_L="24", lab_N="4"))
    app = open_page(run=store.experiments()[0].id)
    assert app.button(key="lab_adopt_Machine").disabled
    app.button(key="lab_adopt_Sequence").click().run()
    assert (app.session_state["lab_L"], app.session_state["lab_N"]) == (24, 8)
    assert app.button(key="lab_adopt_Sequence").disabled


def test_another_task_brings_its_own_sizes(open_page):
    app = open_page(lab_task="induction heads")
    preset = PRESETS["induction_heads"].runs[0][1]
    assert not app.exception
    assert app.session_state["lab_steps"] == preset.optim.steps
    assert app.session_state["lab_vocab"] == preset.task.vocab
    assert PRESETS["induction_heads"].sentence in messages(app.caption)


def test_the_command_line_names_of_tasks_work_in_the_address(open_page):
    app = open_page(lab_task="induction_heads")
    assert not app.warning
    assert app.session_state["lab_task"] == "induction_heads"


def test_things_to_try_set_the_controls_and_start_nothing(open_page, store):
    app = open_page()
    [button] = [b for b in app.button if "N = 2" in b.label]
    button.click().run()
    assert not app.exception
    assert app.session_state["lab_N"] == 2
    assert store.experiments() == []


def test_the_store_that_is_only_temporary_is_announced(open_page, store):
    store.notice = "kept in /tmp"
    assert "kept in /tmp" in messages(open_page().warning)


def test_every_setting_a_control_names_exists_and_is_bounded():
    for control in ALL:
        value = get(TrainSettings(), control.path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = bounds(control.path)
            assert low <= value <= high < float("inf")


def test_symbols_have_the_colours_of_the_pictures():
    css = (ROOT / "assets" / "canvas" / "canvas.css").read_text()
    light, dark = css.split("[data-theme=", 1)[0], css
    for symbol, colour in COLOURS["light"].items():
        assert f"--ssm-{symbol}: {colour};" in light
    for symbol, colour in COLOURS["dark"].items():
        assert f"--ssm-{symbol}: {colour};" in dark
