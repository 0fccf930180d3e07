"""One specification: the URL, the browser and the links say the same, and nothing unusable passes."""

import json
import math

import pytest

from ssmviz.lessons.controls import (
    Choice,
    Number,
    Numbers,
    Switch,
    Text,
    UnusableError,
    changed,
    query,
    specification,
    values,
)

CONTROLS = (
    Number("pole", "Pole", -0.5, -3.0, 1.0, 0.01),
    Number("N", "States", 8, 1, 64, 1),
    Number("rate", "Rate", 0.1, 0.001, 10.0, log=True),
    Choice("rule", "Rule", "zoh", (("zoh", "hold"), ("euler", "Euler"))),
    Switch("gate", "Gate", default=True),
    Numbers("delta", "Step", (0.5, 0.0, 0.25), 0.0, 2.0),
    Text("word", "Word", "ABA", "AB.", most=8),
)
DEFAULTS = {c.name: c.default for c in CONTROLS}


def test_an_empty_address_is_the_pages_own_picture():
    assert values(CONTROLS, {}, page="p") == (DEFAULTS, ())


def test_defaults_do_not_appear_in_the_address():
    assert set(query(CONTROLS, DEFAULTS, page="p").values()) == {None}


@pytest.mark.parametrize(
    "change",
    [
        {"pole": -2.35},
        {"N": 33},
        {"rate": 0.00123},
        {"rule": "euler"},
        {"gate": False},
        {"delta": (0.0, 1.125, 2.0)},
        {"word": "B..A"},
    ],
    ids=str,
)
def test_what_the_address_says_is_what_was_set(change):
    now = changed(CONTROLS, DEFAULTS, change)
    address = {name: text for name, text in query(CONTROLS, now, page="p").items() if text is not None}
    assert len(address) == 1
    assert values(CONTROLS, address, page="p") == (now, ())
    assert now == DEFAULTS | change


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pole", "nan"),
        ("pole", "1e999"),
        ("pole", "-3.5"),
        ("pole", "<script>"),
        ("N", "0"),
        ("rate", "0"),
        ("rule", "magic"),
        ("gate", "yes"),
        ("delta", "0.5~0.5"),
        ("delta", "0.5~0.5~9"),
        ("delta", "0.5~~1"),
        ("delta", "0~" * 5000),
        ("word", ""),
        ("word", "ABC"),
        ("word", "A" * 9),
        ("unknown", "1"),
    ],
)
def test_an_unusable_address_falls_back_with_a_note(name, text):
    now, notes = values(CONTROLS, {f"p_{name}": text}, page="p")
    assert now == DEFAULTS
    assert len(notes) == 1
    assert len(notes[0]) < 200


def test_parameters_of_other_pages_are_left_alone():
    assert values(CONTROLS, {"lab_L": "8", "run": "x", "q_pole": "1"}, page="p") == (DEFAULTS, ())


def test_values_are_rounded_to_what_the_slider_can_show():
    now = changed(CONTROLS, DEFAULTS, {"pole": -0.123456, "N": 7.6, "delta": [1 / 3, -0.0, 2]})
    assert now["pole"] == -0.12
    assert (now["N"], type(now["N"])) == (8, int)
    assert now["delta"] == (0.333, 0.0, 2.0)
    assert math.copysign(1, now["delta"][1]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"pole": True},
        {"pole": "1"},
        {"gate": 1},
        {"delta": 3},
        {"delta": [1, 2, "3"]},
        {"delta": [1, 2, math.nan]},
        {"x": 1},
    ],
    ids=str,
)
def test_values_that_no_widget_sends_are_refused(change):
    with pytest.raises(UnusableError):
        changed(CONTROLS, DEFAULTS, change)


def test_the_browser_is_told_every_control_with_its_kind():
    told = json.loads(specification(CONTROLS))
    assert [c["kind"] for c in told] == ["number", "number", "number", "choice", "switch", "numbers", "text"]
    assert told[0]["low"] == -3.0
    assert told[3]["options"] == [["zoh", "hold"], ["euler", "Euler"]]
    assert told[5]["hidden"]
