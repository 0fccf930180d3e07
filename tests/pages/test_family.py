"""The family page: every layer in a card, with numbers that follow the sizes."""

from ssmviz.family import BLOCKS, LAYERS, STORY


def test_every_layer_and_block_has_its_card_with_words_equation_and_source(open_page):
    app = open_page("pages/train/family.py")
    assert not app.exception
    text = " ".join(m.value for m in app.markdown)
    equations = {m.value for m in app.latex}
    for card in (*LAYERS.values(), *BLOCKS.values(), *STORY):
        assert card.words in text, card.name
        first = card.equation.split(r"\q")[0].strip().removesuffix(",")
        assert any(first in equation for equation in equations), card.name
    assert all(card.source.link in " ".join(c.value for c in app.caption) for card in STORY)


def test_numbers_follow_the_sizes_in_the_address(open_page):
    text = " ".join(m.value for m in open_page("pages/train/family.py").markdown)
    assert "$D N$ = 1,024 numbers" in text
    assert "$2 D L$ = 131,072 numbers" in text
    text = " ".join(m.value for m in open_page("pages/train/family.py", family_D="128", family_L="64").markdown)
    assert "$D N$ = 2,048 numbers" in text
    assert "$2 D L$ = 16,384 numbers" in text
