"""The page on memory: its numbers follow the controls, and bad addresses say so."""

import pytest

PAGE = "pages/learn/memory.py"


def text(app) -> str:
    return " ".join(m.value for m in (*app.markdown, *app.get("latex")))


def test_it_states_the_errors_of_legs(open_page):
    assert "**0.71**, **0.57**, **0.45**, **0.21**, **0.05**" in text(open_page(PAGE))


def test_a_random_matrix_is_worse_on_the_page_too(open_page):
    app = open_page(PAGE)
    assert "shown: off by } 0.21" in text(app)
    app.button(key="memory_try_0").click().run()
    assert app.query_params["memory_measure"] == "random"
    assert "shown: off by } 0.9" in text(app)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"memory_N": "65"}, "1 to 64"),
        ({"memory_measure": "elephant"}, "legs, legt"),
        ({"memory_drawing": "0~1"}, "64 numbers"),
        ({"memory_theta": "nan"}, "number"),
        ({"memory_fast": "yes"}, "0 or 1"),
    ],
)
def test_a_bad_value_is_named_and_the_pages_own_is_used(open_page, query, says):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(says in warning.value for warning in app.warning)
    assert "shown: off by } 0.21" in text(app)


def test_every_measure_has_its_page(open_page):
    for measure in ("legt", "lagt", "fout", "random"):
        for N in ("1", "2", "64"):
            assert not open_page(PAGE, memory_measure=measure, memory_N=N).exception


def test_the_myth_is_settled_with_the_pages_number(open_page):
    app = open_page(PAGE, memory_N="4")
    app.button(key="memory_myth_0").click().run()
    assert "redraw 512 samples with an error of 0.21" in text(app)
