"""Every lesson's page: complete, in order, and every link on it sets what it says."""

import runpy
from functools import cache
from pathlib import Path

import pytest

from ssmviz.widgets import pages
from tests.pages.conftest import ROOT

NAMES = list(pages.LESSONS)
ORDER = ("try", "The maths", "Check yourself", "Sources")


def path(name: str) -> str:
    return f"pages/learn/{name}.py"


@cache
def _lines(file: Path) -> int:
    return len(file.read_text().splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_all_its_parts_in_their_order(open_page, name):
    app = open_page(path(name))
    assert not app.exception
    assert not app.warning
    headings = " | ".join(h.value for h in app.subheader)
    places = [headings.find(part) for part in ORDER]
    assert -1 not in places, headings
    assert places == sorted(places)
    assert "**Predict.**" in app.button_group[0].label
    assert 2 <= sum(f"{name}_check_" in g.key for g in app.button_group) <= 4
    assert sum(f"{name}_try_" in (b.key or "") for b in app.button) == 3
    assert len(app.code) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_link_of_a_lesson_sets_its_controls_and_the_address(open_page, name):
    app = open_page(path(name))
    wanted = [b.key for b in app.button if (b.key or "").startswith((f"{name}_try_", f"{name}_myth_"))]
    for key in wanted:
        app.button(key=key).click().run()
        assert not app.exception, key
        assert not app.warning, key
        moved = [parameter for parameter in app.query_params if parameter.startswith(f"{name}_")]
        assert moved or "_try_" not in key, f"{key} leaves the page's own picture"


@pytest.mark.parametrize("name", NAMES)
def test_a_guess_is_kept_and_compared_after_the_first_change(open_page, name):
    app = open_page(path(name))
    guess = app.button_group(key=f"{name}_guess")
    guess.set_value(guess.options[0]).run()
    assert not app.exception
    assert not app.success
    app.button(key=f"{name}_guess_compare").click().run()
    assert len(app.success) + len(app.info) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_every_check_says_why_whatever_is_answered(open_page, name):
    app = open_page(path(name))
    for group in [g for g in app.button_group if f"{name}_check_" in g.key]:
        for option in group.options:
            app.button_group(key=group.key).set_value(option).run()
            assert not app.exception
            assert len(app.success) + len(app.info) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_an_address_that_means_nothing_falls_back_with_a_note(open_page, name):
    app = open_page(path(name), **{f"{name}_nonsense": "1"})
    assert not app.exception
    assert any(f"{name}_nonsense" in warning.value for warning in app.warning)


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_a_lesson_runs_by_itself_and_is_short(name):
    file = ROOT / "assets" / "snippets" / f"{name}.py"
    assert _lines(file) <= 40
    assert "ssmviz" not in file.read_text()
    runpy.run_path(str(file))


@pytest.mark.parametrize("name", NAMES)
def test_the_words_of_a_lesson_fit_one_file(name):
    assert _lines(ROOT / path(name)) <= 120
