"""The page on S4: its numbers follow the controls, and bad addresses say so."""

import pytest

PAGE = "pages/learn/structured.py"


def text(app) -> str:
    return " ".join(m.value for m in (*app.markdown, *app.get("latex")))


def test_it_states_the_condition_of_the_eigenvectors_and_of_the_normal_part(open_page):
    words = text(open_page(PAGE, structured_N="16"))
    assert "8.3e+10" in words
    assert "1.00" in words


def test_more_digits_change_the_stated_error(open_page):
    assert "float32: off by 4.7e+02" in text(open_page(PAGE, structured_N="16"))
    assert "float64: off by 2.8e-06" in text(open_page(PAGE, structured_N="16", structured_floats="float64"))


def test_the_myths_are_settled_with_computed_numbers(open_page):
    app = open_page(PAGE)
    app.button(key="structured_myth_0").click().run()
    assert app.query_params["structured_N"] == "16"
    assert "cond(V) = 8.3e+10" in text(app)
    app.button(key="structured_myth_1").click().run()
    assert app.query_params["structured_trained"] == "1"
    assert "300 steps of Adam" in text(app)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"structured_N": "66"}, "2 to 64"),
        ({"structured_delta": "0"}, "0.001 to 0.1"),
        ({"structured_moved": "1~2"}, "64 numbers"),
        ({"structured_init": "hippo"}, "lin, inv, legs, real"),
    ],
)
def test_a_bad_value_is_named_and_the_pages_own_is_used(open_page, query, says):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(says in warning.value for warning in app.warning)


def test_every_start_and_both_ends_of_n_have_their_page(open_page):
    for init in ("lin", "inv", "legs", "real"):
        for N in ("2", "64"):
            assert not open_page(PAGE, structured_init=init, structured_N=N).exception
