"""The lesson on the Mamba block."""

PATH = "pages/learn/block.py"


def text(app):
    return " ".join(m.value for m in app.markdown)


def test_the_first_myth_shows_the_edited_token_and_what_did_not_move(open_page):
    app = open_page(PATH)
    app.button(key="block_myth_0").click().run()
    assert "Token 5 was D and is E now" in text(app)
    assert "Δ moves by 0 and B by 0" in text(app)
    assert app.query_params["block_tokens"] == "CFA>EBEGCADBFEGACBD>"


def test_the_second_myth_counts_a_log(open_page):
    app = open_page(PATH)
    app.button(key="block_myth_1").click().run()
    assert "`A_log` has 256 numbers" in text(app)


def test_numbers_of_the_maths_follow_the_address(open_page):
    app = open_page(PATH, block_d_model="2560", block_rank="0")
    latex = " ".join(line.value for line in app.get("latex"))
    assert "d = 2560" in latex
    assert "D = 5120" in latex


def test_tokens_that_the_network_does_not_know_fall_back_with_a_note(open_page):
    app = open_page(PATH, block_tokens="HELLO")
    assert any("Tokens may hold" in warning.value for warning in app.warning)
    assert not app.exception
