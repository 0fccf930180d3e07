"""The lesson on attention."""

PATH = "pages/learn/attention.py"


def text(app):
    return " ".join(m.value for m in app.markdown)


def latex(app):
    return " ".join(line.value for line in app.get("latex"))


def test_cache_and_state_in_the_maths_follow_the_address(open_page):
    assert "671 MB" in latex(open_page(PATH))
    app = open_page(PATH, attention_power="20", attention_N="16")
    assert "344 GB" in latex(app)
    assert "24.9 MB" in latex(app)


def test_the_first_myth_moves_the_trigger_and_the_reading_follows(open_page):
    app = open_page(PATH)
    app.button(key="attention_myth_0").click().run()
    assert "with ▶ at token 10 it reads" in text(app)
    assert app.query_params["attention_tokens"] == "CFABGBEGC>DBFEGACBD>"


def test_the_second_myth_names_both_prices(open_page):
    app = open_page(PATH)
    app.button(key="attention_myth_1").click().run()
    assert "After 131,072 tokens the cache holds 42.9 GB" in text(app)
    assert "gives back 35 % of 8 letters" in text(app)


def test_values_out_of_bounds_fall_back_with_a_note(open_page):
    app = open_page(PATH, attention_power="99", attention_N="0")
    assert any("Context" in warning.value and "States" in warning.value for warning in app.warning)
    assert "671 MB" in latex(app)
