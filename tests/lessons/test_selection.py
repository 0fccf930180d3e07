"""The numbers that the page on selection states."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from ssmviz.lessons import selection
from ssmviz.lessons.controls import values
from ssmviz.lessons.selection import CONSTANT, PLAIN, STORIES, learned, painting
from ssmviz.runs.recording import read_recording

SNIPPET = Path(__file__).parents[2] / "assets" / "snippets" / "selection.py"
START, _ = values(selection.CONTROLS, {}, page="selection")


def share(**change) -> float:
    return selection.score(START | change).token


@pytest.mark.parametrize(("delta", "kept"), [(0.01, 0.99), (0.1, 0.90), (1, 0.37), (3, 0.05), (5, 0.007)])
def test_what_a_token_leaves_of_the_state(delta, kept):
    assert selection.kept(delta) == pytest.approx(kept, abs=0.005)


@pytest.mark.parametrize("story", STORIES)
def test_every_story_is_solved_by_a_gate_and_by_no_single_delta(story):
    assert share(story=story, delta=painting(story)) == 1
    assert selection.best_constant(story, 8)[1] < 0.5
    assert share(story=story, delta=CONSTANT) < 0.4 or story == "documents"


@pytest.mark.parametrize("story", selection.CHOOSERS)
def test_the_table_of_choosers_is_what_is_computed(story):
    np.testing.assert_allclose(selection.choosers(story), selection.CHOOSERS[story], atol=0.005)


def test_two_documents_fit_a_state_of_four_only_if_the_boundary_resets_it():
    documents = {"story": "documents", "N": 4}
    assert share(**documents, delta=painting("documents", boundary=0)) < 0.6
    assert share(**documents, delta=painting("documents", boundary=5)) > 0.8


def test_the_recorded_network_learned_to_skip_noise():
    gate = learned()
    assert gate.accuracy == 1
    assert gate.ratio > 100
    assert gate.typical("noise") < 1e-4 < gate.typical("question") < gate.typical("letter")
    assert len(gate.delta) == len(gate.kinds) == 72
    assert gate.layer == 1


def test_an_experiment_without_a_gate_that_chooses_has_none():
    for name in ("copying", "induction_heads"):
        recording = read_recording(selection.RECORDING.with_stem(name))
        assert selection.gate_in(recording) is None


def test_the_learned_gate_recalls_everything_here_too():
    for story in ("letters", "um"):
        assert share(story=story, delta=tuple(selection.learned_delta(story))) > 0.99
    assert selection.learned_delta("junk") is None


@pytest.mark.parametrize("delta", [1e-3, 0.5, 5.0])
def test_theorem_1_what_is_written_is_the_gate(delta):
    z, g = selection.gate_value(delta)
    assert np.logaddexp(0, z) == pytest.approx(delta, rel=1e-9)
    assert g == pytest.approx(1 - np.exp(-delta), abs=1e-12)


def test_theorem_1_a_delta_of_zero_is_a_closed_gate():
    assert selection.gate_value(0.0) == (-np.inf, 0)


def test_a_swapped_letter_is_another_of_its_case():
    assert selection.strip_of(START | {"swap": 2})[2] == "D"
    assert selection.strip_of(START | {"swap": 16})[16] == "A"
    assert selection.strip_of(START | {"story": "junk", "swap": 0})[0] == "e"
    for place in (-1, 0):
        assert selection.strip_of(START | {"swap": place}) == STORIES["letters"].strip


def test_drawn_strips_keep_the_order_and_change_the_spacing():
    count, spacings, ordered = selection.spacings("letters")
    assert ordered
    assert count == 1024
    assert spacings > 600
    assert "all keep it" in selection.order_in_words(START)


def test_only_delta_makes_the_decay_vary():
    said = selection.poles_in_words(START | {"delta": painting("letters")})
    assert "0.61 on a letter and 1.00 on noise" in said


def test_links_leave_no_control_of_a_story_behind():
    assert {c.name for c in selection.CONTROLS} - set(PLAIN) == {"clock", "learned", "delta"}


def test_the_snippet_computes_the_pages_scores():
    snippet = runpy.run_path(str(SNIPPET))
    assert snippet["gate"] == share(delta=painting("letters")) == 1
    assert snippet["constant"] == pytest.approx(share(delta=CONSTANT), abs=0.04)
