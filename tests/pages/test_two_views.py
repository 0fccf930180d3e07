"""The page on recurrence and convolution says what it computes."""

PAGE = "pages/learn/two_views.py"


def maths(app) -> str:
    return " ".join(line.value for line in app.latex) + " ".join(text.value for text in app.markdown)


def test_march_and_slide_differ_by_rounding(open_page):
    assert r"3.3 \cdot 10^{-16}" in maths(open_page(PAGE))


def test_the_maths_follow_the_pole_of_the_address(open_page):
    assert r"0.50\,e^{i\,90^\circ}" in maths(open_page(PAGE, two_views_r="0.5", two_views_theta="90"))


def test_selection_takes_the_one_kernel_away(open_page):
    app = open_page(PAGE)
    assert "of its own: 1 for 24 outputs" in maths(app)
    app.button(key="two_views_try_1").click().run()
    assert app.query_params["two_views_selective"] == "1"
    assert "of its own: 22 for 24 outputs" in maths(app)
    app.button(key="two_views_try_2").click().run()
    assert "of its own: 1 for 24 outputs" in maths(app)


def test_the_shift_myth_is_settled_with_both_numbers(open_page):
    app = open_page(PAGE)
    app.button(key="two_views_myth_1").click().run()
    assert app.query_params["two_views_follow"] == "1"
    assert "All shifted: off by 0 %. The input alone: off by 97 %" in maths(app)


def test_an_unusable_pole_falls_back_with_a_note(open_page):
    app = open_page(PAGE, two_views_r="9")
    assert not app.exception
    assert "Kept a token r must lie in 0.05 to 1.02, got 9" in app.warning[0].value
