"""The page on the scan says what it computes, measures and quotes."""

PAGE = "pages/learn/scan.py"


def words(app) -> str:
    return " ".join(line.value for line in app.latex) + " ".join(text.value for text in app.markdown)


def test_2048_steps_are_eleven_levels_and_h_a_gigabyte(open_page):
    said = words(open_page(PAGE))
    assert r"\lceil \log_2 2048 \rceil = 11 \text{ levels}" in said
    assert "1.07 GB" in said
    assert "6.65 GB" in said


def test_lengths_of_the_address_are_counted(open_page):
    said = words(open_page(PAGE, scan_length="4096"))
    assert r"\lceil \log_2 4096 \rceil = 12 \text{ levels}" in said


def test_the_running_product_breaks_at_step_113_or_not_at_all(open_page):
    assert "not finite from step 113 on" in words(open_page(PAGE))
    assert "survives 2048 steps" in words(open_page(PAGE, scan_keep="0.99"))


def test_the_fusion_myth_is_settled_by_counted_bytes(open_page):
    app = open_page(PAGE)
    app.button(key="scan_myth_0").click().run()
    assert app.query_params["scan_fused"] == "1"
    assert "0.203 GB instead of 6.65 GB; h alone would be 1.07 GB" in words(app)


def test_the_scan_myth_steps_to_the_first_level(open_page):
    app = open_page(PAGE)
    app.button(key="scan_myth_1").click().run()
    assert app.query_params["scan_level"] == "1"
    assert "every b is h: 1.00, 0.50, -0.10, 0.73" in words(app)


def test_claimed_and_measured_stand_apart(open_page):
    said = words(open_page(PAGE))
    assert "**Paper's claim**, not run here: 20–40×" in said
    assert "**Measured by us**, one kernel" in said
    assert "python -m benchmarks.scan" in said
