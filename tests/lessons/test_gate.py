"""The opening: what the painted gate is worth."""

import pytest

from ssmviz.lessons import gate
from ssmviz.lessons.controls import values

START, _ = values(gate.CONTROLS, {}, page="gate")


def test_it_opens_on_a_gate_that_recalls_little():
    assert 1 / 8 < gate.score(START).token < 0.45


def test_noise_that_lasts_no_time_makes_it_exact():
    delta = tuple(0.0 if c == "." else 0.5 for c in START["strip"])
    assert gate.score(START | {"delta": delta}).sequence == 1


def test_a_gate_that_opens_for_nothing_recalls_nothing():
    assert gate.score(START | {"delta": (0.0,) * 24}).token == 0


@pytest.mark.parametrize("delta", ["2~" + "0~" * 22 + "0", "0.5", "x"])
def test_a_bad_painting_in_the_address_falls_back_with_a_note(delta):
    now, notes = values(gate.CONTROLS, {"gate_delta": delta}, page="gate")
    assert now == START
    assert "Delta" in notes[0]
