"""The sweep page without a browser: what is asked for, what is said of it, what is started."""

import pytest
from pydantic import ValidationError

from ssmviz.classroom.people import Person
from ssmviz.presets import LAB
from ssmviz.runs.grid import AXES, SMALL, Axis, Grid, fill
from ssmviz.widgets import services

SWEEP = "pages/train/sweep.py"


def said(app) -> str:
    return " ".join(part.value for kind in (app.caption, app.warning, app.error, app.markdown) for part in kind)


def start(app):
    return app.button(key="sweep_start").click().run()


def grid(**changes):
    axes = {"rows": Axis(name="d", values=(8, 16)), "columns": Axis(name="lr", values=(0.001, 0.01))}
    return Grid(preset="copying", changes=changes or {"optim.steps": 40}, seeds=(3, 4), **axes)


def test_the_page_opens_on_a_grid_that_is_ready_to_start_and_starts_nothing(open_page, store):
    app = open_page(SWEEP)
    assert not app.exception
    assert "24 runs" in said(app)
    assert "12 places, 2 seeds each" in said(app)
    assert "not known yet" in said(app)
    assert app.query_params == {}
    assert store.sweeps() == []


def test_starting_names_the_sweep_in_the_address_and_twice_is_once(open_page, store):
    app = start(start(open_page(SWEEP)))
    assert not app.exception
    (sweep,) = store.sweeps()
    assert app.query_params["sweep"] == sweep.id
    assert sweep.runs == 24
    assert sweep.grid.rows.values == ("s6", "s4d", "s5")
    assert sweep.grid.changes == SMALL["selective_copying"]


def test_the_address_says_the_whole_grid(open_page, store):
    query = {"sweep_task": "copying", "sweep_rows": "Width d", "sweep_of_d": "8, 12", "sweep_columns": "Learning rate"}
    more = {"sweep_of_lr": "1e-3, 0.01", "sweep_seeds": "1", "sweep_steps": "50", "sweep_seed": "7"}
    start(open_page(SWEEP, **query, **more))
    (sweep,) = store.sweeps()
    assert (sweep.grid.rows.values, sweep.grid.columns.values) == ((8, 12), (0.001, 0.01))
    assert (sweep.grid.preset, sweep.grid.seeds, sweep.grid.changes) == ("copying", (7,), {"optim.steps": 50})


def test_impossible_places_are_said_before_anything_starts(open_page, store):
    app = open_page(SWEEP, sweep_of_N="2, 300")
    assert "Not trained" in said(app)
    assert "less than or equal to 256" in said(app)
    start(app)
    assert store.sweeps()[0].runs == 6


@pytest.mark.parametrize(
    ("values", "words"),
    [("", "no values"), ("2, x", "whole number"), (", ".join(map(str, range(1, 18))), "at most 16"), ("1000", "256")],
)
def test_values_that_are_none_are_explained_and_start_nothing(open_page, store, values, words):
    app = open_page(SWEEP)
    app.text_input(key="sweep_of_N").set_value(values).run()
    assert words in said(app)
    assert not start(app).exception
    assert store.sweeps() == []


def test_what_the_address_asks_for_and_does_not_get_is_said(open_page):
    assert "sweep_nothing is no setting" in said(open_page(SWEEP, sweep_nothing="1"))


def test_rows_and_columns_are_never_the_same(open_page):
    app = open_page(SWEEP)
    app.selectbox(key="sweep_rows").select("N").run()
    assert not app.exception
    assert app.selectbox(key="sweep_columns").value != "N"


def test_another_task_brings_its_own_sizes(open_page, store):
    app = open_page(SWEEP)
    app.selectbox(key="sweep_task").select("copying").run()
    start(app)
    assert store.sweeps()[0].grid.changes == {}


def test_an_address_with_nothing_but_a_sweep_sets_the_controls_to_its_grid(open_page, store):
    sweep = store.create_sweep(grid())
    app = open_page(SWEEP, sweep=sweep.id)
    assert not app.exception
    assert app.text_input(key="sweep_of_d").value == "8, 16"
    assert app.number_input(key="sweep_steps").value == 40
    start(app)
    assert [row.id for row in store.sweeps()] == [sweep.id]


def test_controls_that_say_something_else_can_be_set_to_the_sweep(open_page, store):
    sweep = store.create_sweep(grid())
    app = open_page(SWEEP, sweep=sweep.id, sweep_seeds="5")
    (adopt,) = (button for button in app.button if button.label.startswith("Set the controls"))
    adopt.click().run()
    assert app.number_input(key="sweep_seeds").value == 2
    assert not any(button.label.startswith("Set the controls") for button in app.button)


@pytest.mark.parametrize("name", ["x", "00000000-0000-0000-0000-000000000000"])
def test_a_sweep_that_is_not_here_is_explained(open_page, name):
    app = open_page(SWEEP, sweep=name)
    assert not app.exception
    assert "sweep" in app.error[0].value or "run" in app.error[0].value


def test_somebody_elses_sweep_is_as_absent_as_none(open_page, store, monkeypatch):
    sweep = store.create_sweep(grid(), owner="a" * 32)
    monkeypatch.setattr(services, "person", lambda: Person("b" * 32, "B", "student"))
    app = open_page(SWEEP, sweep=sweep.id)
    assert "not on this machine" in app.error[0].value
    assert "Earlier sweeps" not in [heading.value for heading in app.subheader]


def test_earlier_sweeps_lead_back(open_page, store):
    sweep = store.create_sweep(grid())
    app = open_page(SWEEP)
    app.button(key=f"sweep_{sweep.id}").click().run()
    assert app.query_params["sweep"] == sweep.id


def test_the_time_is_known_once_something_like_it_was_trained(open_page, store):
    one = next(cell for cell in fill(Grid.model_validate(default()))[0])
    row = store.create_experiment("a", "One", [("S6", one.settings)], state="starting")
    run = store.runs_of(row.id)[0]
    store.move(run.id, "done", attempt=run.attempt, step=800, seconds=10.0)
    assert "About 2 minutes of training" in said(open_page(SWEEP))
    assert "only 8 of 24 are known" in said(open_page(SWEEP))


def default():
    axes = {"rows": Axis(name="layer", values=("s6",)), "columns": Axis(name="N", values=(2,))}
    return {"preset": "selective_copying", "changes": dict(SMALL["selective_copying"]), **axes}


def test_things_to_try_set_the_controls(open_page, store):
    app = open_page(SWEEP)
    links = [button for button in app.button if button.label.startswith(("Which layer", "What must", "Was it only"))]
    assert len(links) == 3
    links[1].click().run()
    assert not app.exception
    assert app.selectbox(key="sweep_rows").value == "select"
    start(app)
    assert store.sweeps()[0].grid.rows.values == ("delta B C", "delta", "B C", "none")


def test_a_sweep_cannot_be_started_by_somebody_unknown(open_page, store, monkeypatch):
    monkeypatch.setattr(services, "person", lambda: Person("", "guest", "guest"))
    app = start(open_page(SWEEP))
    assert "Sign in first" in said(app)
    assert store.sweeps() == []


@pytest.mark.parametrize("name", AXES)
def test_every_axis_begins_with_values_that_can_be_trained(name):
    other = Axis(name="N", values=(8,)) if name == "lr" else Axis(name="lr", values=(0.01,))
    base = SMALL["selective_copying"] | ({"model.layer": "s4d"} if name == "poles" else {})
    axis = Axis(name=name, values=AXES[name].start)
    cells, holes = fill(Grid(preset="selective_copying", changes=base, rows=axis, columns=other))
    assert not holes
    assert len(cells) == len(AXES[name].start)


@pytest.mark.parametrize("preset", LAB)
def test_every_task_of_the_lab_can_be_swept(preset):
    axes = {"rows": Axis(name="layer", values=AXES["layer"].start), "columns": Axis(name="N", values=(2, 4))}
    try:
        cells, _ = fill(Grid(preset=preset, **axes))
    except ValidationError:
        pytest.skip("its preset needs a GPU")
    assert len(cells) == 6
