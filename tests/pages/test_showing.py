"""Links that lock and hide controls: the address wins, whatever a browser says."""

import pytest

from ssmviz.widgets import link_maker, services, showing
from ssmviz.widgets.room_panel import ballots_csv


def widgets(app) -> dict[str, object]:
    return {w.key: w for kind in (app.number_input, app.selectbox, app.checkbox) for w in kind}


def trained(store):
    (experiment,) = store.experiments(1)
    return store.runs_of(experiment.id)[0].settings


def test_a_locked_setting_of_a_training_is_the_address_s(open_page, store):
    app = open_page("pages/train/lab.py", lock="lab_N", lab_N="4")
    assert widgets(app)["lab_N"].disabled
    assert widgets(app)["lab_N"].help == showing.BY_TEACHER
    app.session_state["lab_N"] = 2  # no browser of ours says so: the field is disabled
    widgets(app)["lab_d"].set_value(24)
    app.button(key="lab_train").click().run()
    assert not app.exception
    assert (trained(store).model.N, trained(store).model.d_model) == (4, 24)


def test_everything_can_be_locked_and_trained(open_page, store):
    app = open_page("pages/train/lab.py", lock="all", lab_N="4", lab_task="copying", lab_left="S4D")
    assert all(w.disabled for key, w in widgets(app).items() if key.startswith("lab_"))
    app.session_state["lab_task"] = "selective_copying"
    app.session_state["lab_left"] = "s6"
    app.button(key="lab_train").click().run()
    assert not app.exception
    assert trained(store).task.name == "copying"
    assert (trained(store).model.layer, trained(store).model.N) == ("s4d", 4)


def test_what_is_hidden_is_gone_and_keeps_the_address_s_value(open_page, store):
    app = open_page("pages/train/lab.py", hide="lab_N,lab_task,lab_right", lab_N="4")
    assert not {"lab_N", "lab_right"} & set(widgets(app))
    app.session_state["lab_N"] = 2
    app.button(key="lab_train").click().run()
    assert trained(store).model.N == 4


@pytest.mark.parametrize("text", ["nan", "-1", "1e999", "four", "99999999", ""])
def test_a_locked_value_that_cannot_be_is_the_page_s_own(open_page, text):
    app = open_page("pages/train/lab.py", lock="lab_N", lab_N=text)
    assert not app.exception
    assert widgets(app)["lab_N"].value == widgets(open_page("pages/train/lab.py"))["lab_N"].value


def test_the_training_itself_can_be_locked_by_name(open_page):
    assert open_page("pages/train/lab.py", lock="lab_train").button(key="lab_train").disabled
    assert not open_page("pages/train/lab.py", lock="all").button(key="lab_train").disabled
    hidden = open_page("pages/train/lab.py", hide="lab_train")
    assert "lab_train" not in {button.key for button in hidden.button}


def test_a_lesson_s_links_leave_alone_what_is_locked(open_page):
    app = open_page("pages/learn/two_views.py", lock="two_views_r,two_views_theta", two_views_r="0.5")
    app.button(key="two_views_try_0").click().run()  # sets r, theta and selective
    assert app.query_params["two_views_r"] == "0.5"
    assert "two_views_theta" not in app.query_params
    locked = open_page("pages/learn/two_views.py", lock="all")
    assert locked.button(key="two_views_try_0").disabled
    assert locked.button(key="two_views_try_0").help == showing.BY_TEACHER


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"show": "huge"}, "show can only be present"),
        ({"lock": "a b"}, "lock must be names"),
        ({"hide": "<script>"}, "hide must be names"),
        ({"lock": "two_views_nothing"}, "there is no control two_views_nothing"),
        ({"hide": ",".join(f"x{i}" for i in range(100))}, "may have 64 names"),
    ],
)
def test_what_an_address_cannot_say_is_explained(open_page, query, said):
    app = open_page("pages/learn/two_views.py", **query)
    assert not app.exception
    assert any(said in warning.value for warning in app.warning)


def test_links_of_the_presenter_s_page_name_controls_that_are_there(open_page):
    for page, path in (
        ("two_views", "pages/learn/two_views.py"),
        ("lab", "pages/train/lab.py"),
        ("", "pages/start/home.py"),
    ):
        names = list(link_maker.control_names(page))
        assert names
        app = open_page(path, lock=",".join(name for name in names if not name.startswith(("train_", "lab_"))) or "all")
        assert not [w for w in app.warning if "there is no control" in w.value]


def test_the_presenter_makes_a_link_from_an_address(open_page):
    app = open_page("pages/train/present.py")
    app.text_input(key="link_address").input("http://localhost:1/two_views?two_views_r=0.9&show=present")
    app.toggle(key="link_large").set_value(True)
    app.segmented_control(key="link_way").set_value("Lock all").run()
    assert not app.exception
    assert app.code[0].value.endswith("/two_views?two_views_r=0.9&show=present&lock=all")


def test_an_address_of_another_site_s_page_is_explained(open_page):
    app = open_page("pages/train/present.py")
    app.text_input(key="link_address").input("javascript:alert(1)").run()
    assert "no address of a page here" in app.error[0].value


def test_without_a_class_nobody_joins_and_no_room_opens(open_page, store):
    assert "one person" in open_page("pages/start/join.py").info[0].value
    app = open_page("pages/train/present.py")
    assert "room_open" not in {button.key for button in app.button}
    assert services.room() is None
    assert not (store.root / "classroom.db").exists()


def test_votes_leave_as_numbers_and_no_cell_is_a_formula(tmp_path):
    from ssmviz.classroom.room import Room

    room = Room(tmp_path)
    code = room.open().code
    for person in ("secret-a", "secret-b"):
        room.join(person, code)
        room.vote(person, "two_views", "=1+1", ("@SUM(A1)", "-2", "+3"), len(person) % 3)
        room.vote(person, "scan", "Deep?", ("yes", "no"), 0)
    state = room.state()
    text = ballots_csv(state, room.ballots(state.number))
    assert "secret" not in text
    cells = [cell for line in text.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert text.splitlines()[0] == "lesson,question,answer,voter"
    assert len(text.splitlines()) == 5
