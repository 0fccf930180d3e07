"""The page on continuous systems: its numbers follow the address, and its experiments answer."""

import pytest

PAGE = "pages/learn/continuous.py"


def texts(app):
    return " ".join([*(m.value for m in app.markdown), *(latex.value for latex in app.latex)])


def test_the_maths_has_the_poles_and_matrices_of_the_default(open_page):
    shown = texts(open_page(PAGE))
    for number in ("-0.25 + 1.98i", "-0.25 - 1.98i", r"-4 & -0.5", r"77.9\,\%", "after 4 s"):
        assert number in shown


def test_the_maths_follows_the_address(open_page):
    shown = texts(open_page(PAGE, continuous_b="5", continuous_D="0.5"))
    for number in (r"\lambda_1 = -1, \quad \lambda_2 = -4", "D = 0.5", "does not ring"):
        assert number in shown


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ({"continuous_b": "much"}, "Damper must be a number"),
        ({"continuous_k": "99"}, "Spring must lie in -2 to 30"),
        ({"continuous_input": "push"}, "Push must be one of"),
        ({"continuous_drawing": "1~2~3"}, "My own push must be 96 numbers"),
    ],
)
def test_unusable_values_fall_back_with_a_note(open_page, query, note):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert note in app.warning[0].value
    assert "-0.25 + 1.98i" in texts(app)


def test_the_other_past_is_one_click_away(open_page):
    app = open_page(PAGE)
    app.button(key="continuous_try_2").click().run()
    assert app.query_params["continuous_twin"] == "1"
    assert app.query_params["continuous_input"] == "drawn"


def test_the_bypass_is_seen_with_c_at_zero(open_page):
    app = open_page(PAGE)
    app.button_group(key="continuous_check_1").set_value("nothing").run()
    app.button(key="continuous_check_1_see").click().run()
    assert app.query_params["continuous_D"] == "1"
    assert app.query_params["continuous_c1"] == "0"
    assert "D = 1" in texts(app)


def test_the_myth_is_settled_by_learning_the_poles(open_page):
    app = open_page(PAGE)
    app.button(key="continuous_myth_0").click().run()
    shown = texts(app)
    assert "trained like every other weight" in shown
    assert "from −0.75 ± 2.90i to −0.25 ± 1.98i" in shown
