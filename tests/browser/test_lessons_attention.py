"""The lessons on the Mamba block and on attention, under mouse, keyboard and finger."""

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE
from tests.browser.stage import STAGE, canvas, drag, fact, spot, value

pytestmark = pytest.mark.browser


def place_of_token(lesson, t, count=20):
    """The middle of a token's cell: the strip's columns lie between 44 px and 8 px from its sides."""
    width = canvas(lesson, "tokens").evaluate("e => e.clientWidth")
    return {"x": 44 + (t + 0.5) * (width - 52) / count, "y": 14}


def test_switching_the_convolution_off_loses_the_answer_and_the_address_says_so(lesson):
    lesson.open("block")
    expect(fact(lesson, "it says")).to_have_text(re.compile("D .*right"))
    lesson.root.locator(".switch", has_text="Convolution").click()
    expect(fact(lesson, "it says")).to_have_text(re.compile("wrong"))
    expect(fact(lesson, "other rows")).to_have_text("8.0 %")
    lesson.page.wait_for_url(lambda url: "block_conv=0" in url)


def test_a_letter_is_placed_with_a_press_and_with_the_keyboard(lesson):
    lesson.open("block")
    lesson.root.locator(".palette label", has_text="F").click()
    canvas(lesson, "tokens").click(position=place_of_token(lesson, 4))
    expect(fact(lesson, "it says")).to_have_text(re.compile("F .*right"))
    lesson.page.wait_for_url(lambda url: "CFA>FBEG" in unquote(url))
    lesson.page.keyboard.press("c")
    expect(fact(lesson, "it says")).to_have_text(re.compile("C .*right"))
    assert value(lesson, "tokens") == "CFA>CBEGCADBFEGACBD>"


def test_the_trigger_moves_the_last_token_stays_and_alpha_times_x_is_still_y(lesson):
    lesson.open("attention")
    lesson.root.locator(".palette label", has_text="▶").click()
    for place in (9, 19):
        canvas(lesson, "tokens").click(position=place_of_token(lesson, place))
    assert value(lesson, "tokens") == "CFAADBEGC>DBFEGACBD>"
    expect(lesson.root.locator(".said")).to_have_text(re.compile("Both say D"))
    assert float(fact(lesson, "largest |α x + D x − y|").inner_text().replace("−", "-")) < 1e-9
    expect(canvas(lesson, "hidden")).to_have_attribute("aria-label", re.compile("20 rows, 20 columns"))


def test_a_pressed_node_is_enlarged_and_arrow_keys_go_on(lesson):
    lesson.open("block", "?block_node=z")
    place = lesson.root.evaluate(f"e => {STAGE}.views.find((v) => v.name === 'diagram').place('h')")
    canvas(lesson, "diagram").click(position={"x": place["left"] + 20, "y": place["top"] + 20})
    lesson.page.wait_for_url(lambda url: "block_node=h" in url)
    expect(canvas(lesson, "tensor")).to_have_attribute("aria-label", re.compile("32 rows, 20 columns"))
    canvas(lesson, "diagram").press("ArrowDown")
    lesson.page.wait_for_url(lambda url: "block_node=C" in url)


def test_the_fold_of_two_blocks_into_one_is_dragged(lesson):
    lesson.open("block")
    origins = canvas(lesson, "origins")
    origins.scroll_into_view_if_needed()
    box = origins.bounding_box()
    start, end = ([box["x"] + share * box["width"], box["y"] + 60] for share in (0.8, 0.05))
    drag(lesson, start, end)
    expect(origins).to_have_attribute("aria-label", re.compile("An H3 block"))
    lesson.page.wait_for_url(lambda url: "block_morph=0" in url)


def test_context_states_and_letters_are_dragged_in_their_pictures_and_the_numbers_follow(lesson):
    lesson.open("attention")
    start, end = (spot(lesson, "memory", 2**power, 6.7e8) for power in (11, 20))
    drag(lesson, start, end)
    expect(fact(lesson, "cache at")).to_have_text("344 GB")
    lesson.page.wait_for_url(lambda url: "attention_power=20" in url)
    canvas(lesson, "memory").press("ArrowLeft")
    expect(fact(lesson, "cache at")).to_have_text("172 GB")
    drag(lesson, spot(lesson, "capacity", 4, 0.83), spot(lesson, "capacity", 8, 0.6))
    assert [value(lesson, name) for name in ("N", "letters")] == [8, 8]
    expect(fact(lesson, "letters, N = 8 keeps")).to_have_text("58.5 %")


def test_the_race_fills_its_picture_once_it_is_seen(lesson):
    lesson.open("attention")
    canvas(lesson, "speed").scroll_into_view_if_needed()
    expect(lesson.root).to_have_attribute("data-raced", "6", timeout=1000 * PATIENCE)
    expect(canvas(lesson, "speed")).to_have_attribute("aria-label", re.compile("65536 tokens: attention [0-9]"))


@pytest.mark.parametrize("name", ["block", "attention"])
def test_a_finger_places_a_letter_on_a_phone(phone, name):
    phone.open(name)
    canvas(phone, "tokens").tap(position=place_of_token(phone, 4))
    phone.page.wait_for_url(lambda url: "CFA>ABEG" in unquote(url))


def test_the_cursor_walks_until_the_mouse_points_at_a_token(lesson):
    lesson.page.emulate_media(reduced_motion="no-preference")
    lesson.open("block")
    expect(lesson.root).to_have_attribute("data-cursor", "3", timeout=1000 * PATIENCE)
    canvas(lesson, "tokens").hover(position=place_of_token(lesson, 12))
    drawn = int(lesson.root.get_attribute("data-draws"))
    later = "([e, drawn]) => Number(e.dataset.draws) > drawn + 20"
    lesson.page.wait_for_function(later, arg=[lesson.root.element_handle(), drawn])
    expect(lesson.root).to_have_attribute("data-cursor", "12")
