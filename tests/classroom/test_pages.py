"""What people of a class see on pages, without a browser."""

import pytest

from ssmviz.classroom.config import KEY_VARIABLE, VARIABLE
from ssmviz.classroom.people import GUEST, Person
from ssmviz.presets import PRESETS
from ssmviz.widgets import services
from tests.pages.conftest import open_page, store  # noqa: F401 - fixtures

ANN, BOB = Person("a" * 32, "Ann", "student"), Person("b" * 32, "Bob", "student")
TEACHER = Person("c" * 32, "Carl", "presenter")
LAB, RUNS = "pages/train/lab.py", "pages/train/runs.py"
CACHED = (services.classroom, services.people, services.room_live)


@pytest.fixture
def as_(tmp_path, monkeypatch, store):  # noqa: F811
    """Says who looks at the page, in a class with these settings."""
    for service in CACHED:
        service.cache_clear()

    def looks(person, text=""):
        path = tmp_path / "class.toml"
        path.write_text(text)
        monkeypatch.setenv(VARIABLE, str(path))
        monkeypatch.delenv(KEY_VARIABLE, raising=False)
        monkeypatch.setattr(services, "person", lambda: person)
        services.people()._remember(person)

    yield looks
    for service in CACHED:
        service.cache_clear()


def add(store, owner, title, state="done"):  # noqa: F811
    runs = list(PRESETS["selective_copying"].runs)
    row = store.create_experiment(f"{owner}{title}", title, runs, owner=owner, state="starting")
    for run in store.runs_of(row.id):
        store.move(run.id, state, attempt=run.attempt)
    return row.id


def titles(app):
    return [box.label for box in app.checkbox]


def words(app):
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning, app.text)
    return " ".join(element.value for kind in kinds for element in kind)


def test_a_student_sees_their_own_runs_and_what_is_shared(as_, store, open_page):  # noqa: F811
    as_(ANN)
    add(store, ANN.id, "of Ann")
    hidden, shared = add(store, BOB.id, "of Bob"), add(store, BOB.id, "for all")
    store.share(shared)
    app = open_page(RUNS)
    assert not app.exception
    assert [title.split(" · ")[0] for title in titles(app)] == ["**for all**", "**of Ann**"]
    assert "shared with the class" in titles(app)[0]
    assert "Bob" not in str(titles(app))
    keys = [button.key for button in app.button]
    assert f"delete_{shared}" not in keys
    assert f"open_{hidden}" not in keys
    assert "You are Ann." in words(app)


def test_a_presenter_sees_everybodys_with_names_as_text(as_, store, open_page):  # noqa: F811
    as_(Person(ANN.id, "[A](x) *n*", "student"))
    as_(TEACHER)
    experiment = add(store, ANN.id, "of Ann")
    services.people()._remember(Person(ANN.id, "[A](x) *n*", "student"))
    app = open_page(RUNS)
    assert not app.exception
    assert "\\[A\\]\\(x\\) \\*n\\*" in titles(app)[0]
    assert f"delete_{experiment}" in [button.key for button in app.button]


def test_a_strangers_run_in_the_address_is_not_there(as_, store, open_page):  # noqa: F811
    experiment = add(store, BOB.id, "of Bob")
    as_(ANN)
    for path in (LAB, "pages/learn/selection.py"):
        app = open_page(path, run=experiment)
        assert not app.exception
        assert "This run is not on this machine; it may have been deleted." in words(app)


def test_train_starts_runs_of_who_pressed_it_and_two_people_do_not_share_them(as_, store, open_page):  # noqa: F811
    for person in (ANN, BOB):
        as_(person)
        app = open_page(LAB)
        app.button(key="lab_train").click().run()
        assert not app.exception
    assert [row.owner for row in store.experiments()] == [BOB.id, ANN.id]


def test_everybody_who_waits_reads_the_place_and_the_reason_in_the_list_too(as_, store, open_page):  # noqa: F811
    as_(ANN)
    runs = list(PRESETS["selective_copying"].runs)
    store.create_experiment("waits", "of Ann", runs, owner=ANN.id)
    app = open_page(RUNS)
    assert not app.exception
    assert "1st in the queue: it starts in a moment." in words(app)


def test_a_quota_is_a_sentence_on_the_page(as_, store, open_page):  # noqa: F811
    as_(ANN, "experiments_per_person = 1")
    add(store, ANN.id, "of Ann")
    app = open_page(LAB)
    app.button(key="lab_train").click().run()
    assert not app.exception
    assert "Nothing was started: you keep 1 experiment, as many" in words(app)
    assert len(store.experiments()) == 1


def test_who_is_not_known_is_told_what_to_do_and_sees_no_page(as_, store, open_page):  # noqa: F811
    as_(GUEST)
    app = open_page(LAB)
    assert not app.exception
    assert "Allow cookies, then reload this page" in words(app)
    assert not [button for button in app.button if button.key == "lab_train"]


def test_a_server_for_one_person_says_nothing_about_people(store, open_page):  # noqa: F811
    add(store, "", "Mine")
    app = open_page(RUNS)
    assert "You are" not in words(app)
    assert "Everything trained on this machine" in words(app)
