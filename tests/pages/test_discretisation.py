"""The page on discretisation: its numbers follow the address, and its experiments answer."""

import pytest

PAGE = "pages/learn/discretisation.py"


def texts(app):
    return " ".join([*(m.value for m in app.markdown), *(latex.value for latex in app.latex)])


def test_the_maths_has_the_numbers_of_the_default(open_page):
    shown = texts(open_page(PAGE))
    for number in ("= 0.905", r"= 0.192\,", r"\sigma(0) = 0.500", "ZOH writes }} 0.500".replace("}}", "}"), "0.693"):
        assert number in shown


def test_theorem_1_at_4_is_quoted_from_the_page(open_page):
    shown = texts(open_page(PAGE, discretisation_scene="gate", discretisation_z="4"))
    for number in (r"\sigma(4) = 0.982", "ZOH writes } 0.982", "released code } 4.018"):
        assert number in shown


def test_legs_leaves_the_disc_at_031(open_page):
    app = open_page(PAGE)
    app.button_group(key="discretisation_check_0").set_value("2 s").run()
    assert "*0.031 s*" in " ".join(info.value for info in app.info)
    app.button(key="discretisation_check_0_see").click().run()
    assert app.query_params["discretisation_system"] == "legs"
    assert r"= 0.0312\," in texts(app)


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ({"discretisation_delta": "0"}, "Δ must lie in 0.01 to 1"),
        ({"discretisation_method": "tustin"}, "Rule must be one of euler"),
        ({"discretisation_gates": "1~2"}, "z of each token must be 24 numbers"),
        ({"discretisation_scene": ""}, "Look at must be one of"),
    ],
)
def test_unusable_values_fall_back_with_a_note(open_page, query, note):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert note in app.warning[0].value
    assert "= 0.905" in texts(app)


def test_an_unstable_pole_is_shown_and_no_error(open_page):
    app = open_page(PAGE, discretisation_re="0.3")
    assert not app.exception
    assert r"= 0\," in texts(app)


def test_the_myths_are_settled_with_computed_numbers(open_page):
    app = open_page(PAGE)
    app.button(key="discretisation_myth_0").click().run()
    assert "differ by 20 %" in texts(app)
    app.button(key="discretisation_myth_1").click().run()
    assert "e-17 with ZOH, by 2.8" in texts(app)
    assert app.query_params["discretisation_scene"] == "gate"
